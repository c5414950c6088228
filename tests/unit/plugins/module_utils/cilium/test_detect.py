# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, InvalidInput, Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import detect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import Kind
from cilium_documents import daemon_set, deployment, node
from fakes import FakeKube

AKS_LABEL = {"labels": {"kubernetes.azure.com/managedby": "aks"}}


@dataclass
class Cluster(FakeKube):
    """A FakeKube that answers for admission policies as well, a kind the collection only reads here."""

    admission: list[dict[str, Any]] = field(default_factory=list)

    def list(self, kind: Kind, namespace: str | None = None, **selectors: Any) -> Any:
        if kind == detect.ADMISSION_POLICY:
            self._request("list", kind)
            return iter(self.admission)
        return super().list(kind, namespace, **selectors)


def config(**data: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cilium-config", "namespace": "kube-system"},
        "data": {key.replace("_", "-"): value for key, value in data.items()},
    }


def relay_service() -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "hubble-relay", "namespace": "kube-system"}}


@pytest.mark.parametrize(
    ("document", "manager"),
    [
        (daemon_set(), "helm"),
        (daemon_set(annotations={}), "other"),
        (daemon_set(**AKS_LABEL), "aks"),
        (daemon_set(image="mcr.microsoft.com/oss/cilium/cilium:1.13.10-1"), "aks"),
    ],
)
def test_the_daemon_set_tells_its_manager_without_a_request(document: dict[str, Any], manager: str) -> None:
    kube = FakeKube()
    assert detect.manager_of(kube, document) == manager
    assert kube.requests == 0


def test_the_pod_template_counts_as_well() -> None:
    document = daemon_set()
    document["spec"]["template"]["metadata"] = AKS_LABEL
    assert detect.manager_of(FakeKube(), document) == "aks"


def test_without_agents_the_nodes_tell() -> None:
    assert detect.manager_of(FakeKube().add(node()), None) == "none"
    marked = node(kubernetes_azure_com="")
    marked["metadata"]["labels"] = {"kubernetes.azure.com/ebpf-dataplane": "cilium"}
    assert detect.manager_of(FakeKube().add(marked), None) == "aks"


def test_managed_cilium_is_refused_with_the_way_to_go() -> None:
    with pytest.raises(Unsupported) as caught:
        detect.refuse_managed(FakeKube(), daemon_set(**AKS_LABEL))
    assert caught.value.code == "CiliumManagedByAks"
    assert "ACNS" in caught.value.remedy
    assert detect.refuse_managed(FakeKube(), daemon_set()) == "helm"


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("quay.io/cilium/cilium:v1.20.2@sha256:ab", "1.20.2"),
        ("mcr.microsoft.com/oss/cilium/cilium:1.13.10-1", "1.13.10-1"),
        ("registry.example:5000/cilium/cilium:v1.19.0-pre.1", "1.19.0-pre.1"),
        ("quay.io/cilium/cilium-ci:latest", ""),
        ("quay.io/cilium/cilium@sha256:ab", ""),
        ("", ""),
    ],
)
def test_version_of_an_image(image: str, version: str) -> None:
    assert detect.version_of(image) == version


def test_a_complete_installation() -> None:
    kube = Cluster().add(daemon_set(), config(enable_hubble="true"), deployment("hubble-relay"), relay_service())
    found = detect.installation(kube)
    assert found == detect.Installation("helm", "1.20.2", "cilium", hubble_enabled=True, relay=True, fqdn_policies=True)
    assert found.default_deny_field
    assert kube.requests <= 6


def test_an_installation_without_hubble() -> None:
    kube = Cluster().add(daemon_set(image="quay.io/cilium/cilium:v1.15.19"), config(enable_l7_proxy="false"))
    found = detect.installation(kube)
    assert (found.hubble_enabled, found.relay, found.fqdn_policies, found.default_deny_field) == (False,) * 4


def test_a_relay_without_a_ready_pod_is_no_relay() -> None:
    kube = Cluster().add(daemon_set(), config(), deployment("hubble-relay", ready=0), relay_service())
    assert detect.installation(kube).relay is False


def test_no_agents_is_no_installation() -> None:
    assert detect.installation(Cluster()) == detect.Installation("none")


def test_an_admission_policy_on_names_means_no_fqdn_policies() -> None:
    kube = Cluster().add(daemon_set(**AKS_LABEL), config())
    rules = [{"apiGroups": ["cilium.io"], "resources": ["ciliumnetworkpolicies"]}]
    guard = {"validations": [{"expression": "!object.spec.egress.exists(e, has(e.toFQDNs))"}]}
    kube.admission = [{"spec": {"matchConstraints": {"resourceRules": rules}, **guard}}]
    assert detect.installation(kube).fqdn_policies is False
    kube.admission = [{"spec": {"matchConstraints": {"resourceRules": [{"apiGroups": ["apps"]}]}, **guard}}]
    assert detect.installation(kube).fqdn_policies is True


def test_without_the_right_to_read_admission_policies_the_api_server_must_tell() -> None:
    kube = Cluster().add(daemon_set(), config())
    kube.failures["list", "ValidatingAdmissionPolicy"] = AuthFailed("no")
    assert detect.installation(kube).fqdn_policies is True


def test_a_refusal_by_an_admission_policy_gets_its_remedy() -> None:
    refusal = InvalidInput("ValidatingAdmissionPolicy 'acns' denied request: toFQDNs", status=422)
    explained = detect.explain_unsupported_l7(refusal)
    assert isinstance(explained, Unsupported)
    assert "ACNS" in explained.remedy
    other = InvalidInput("spec.ports: invalid")
    assert detect.explain_unsupported_l7(other) is other
