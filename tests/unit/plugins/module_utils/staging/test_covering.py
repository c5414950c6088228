# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Coverage as it is read from a cluster, with everything that may be missing there."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CCNP, CEP, CNP
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.covering import read_coverage
from fakes import FakeKube


def pod(name: str, namespace: str = "shop", **spec: Any) -> Any:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"app": name}},
        "spec": spec,
        "status": {"phase": "Running", "podIP": "10.0.0.1"},
    }


def document(kind: str, name: str, namespace: str = "shop", **more: Any) -> Any:
    versions = {"CiliumNetworkPolicy": "cilium.io/v2", "CiliumEndpoint": "cilium.io/v2"}
    metadata = {"name": name, "namespace": namespace} if namespace else {"name": name}
    return {"apiVersion": versions.get(kind, "v1"), "kind": kind, "metadata": metadata, **more}


def cluster(**config: str) -> FakeKube:
    return FakeKube().add(
        document("Namespace", "shop", ""),
        document("Namespace", "kube-system", ""),
        document("ConfigMap", "cilium-config", "kube-system", data={"enable-policy": "default", **config}),
        pod("web"),
        pod("early"),
        pod("agent", hostNetwork=True),
        document("CiliumEndpoint", "web"),
        document("CiliumNetworkPolicy", "deny", spec={"endpointSelector": {}, "ingress": [{}], "egress": [{}]}),
    )


def by_pod(kube: FakeKube, *namespaces: str) -> Any:
    values = read_coverage(kube, list(namespaces), "kube-system").values
    return {row["pod"]: row for row in values["pods"]}, values


def test_a_namespace() -> None:
    kube = cluster()
    rows, values = by_pod(kube, "shop")
    assert rows["web"]["ingress"]
    assert rows["web"]["egress_by"] == ["CiliumNetworkPolicy shop/deny"]
    assert not rows["early"]["ingress"]
    assert rows["early"]["managed"] is False
    assert rows["agent"]["managed"] is None
    assert values["counts"] == {"pods": 3, "ingress": 1, "egress": 1, "both": 1, "neither": 2, "host_network": 1}
    assert values["unprotected"] == ["shop/Pod/agent", "shop/Pod/early"]
    assert values["lines"][-1].startswith("3 pods: 1 denies by default both ways")
    assert kube.writes == []
    assert kube.dry_writes == []


def test_policies_of_a_label_can_be_left_out() -> None:
    """What was there before is what is there without what was learned."""
    kube = cluster()
    learned = document("CiliumNetworkPolicy", "learned", spec={"endpointSelector": {}, "egress": [{}]})
    learned["metadata"]["labels"] = {"cloudnet.aks-cilium/role": "namespace"}
    kube.add(learned)
    without = read_coverage(kube, ["shop"], "kube-system", ["cloudnet.aks-cilium/role"]).values["pods"]
    assert without == read_coverage(cluster(), ["shop"], "kube-system").values["pods"]
    with_it = read_coverage(kube, ["shop"], "kube-system", ["another.label"]).values["pods"]
    assert "CiliumNetworkPolicy shop/learned" in str(with_it)


@pytest.mark.parametrize("config", [{"policy-audit-mode": "true"}, {"enable-policy": "never"}])
def test_agents_that_deny_nothing(config: Any) -> None:
    rows, values = by_pod(cluster(**config), "shop")
    assert not rows["web"]["ingress"]
    assert rows["web"]["note"]
    assert values["counts"]["both"] == 0


def test_without_the_rights_to_see_endpoints_and_settings() -> None:
    kube = cluster()
    kube.failures["list", "CiliumEndpoint"] = AuthFailed("endpoints are forbidden.")
    kube.failures["get", "ConfigMap"] = AuthFailed("config maps are forbidden.")
    rows, values = by_pod(kube, "shop")
    assert rows["early"]["ingress"]
    assert rows["early"]["managed"] is None
    assert len(values["notes"]) == 2
    assert values["lines"][-1].startswith("note: ")


def test_a_cluster_without_cilium() -> None:
    kube = cluster()
    kube.absent_kinds |= {CNP, CCNP, CEP}
    rows, values = by_pod(kube)
    assert not rows["web"]["ingress"]
    assert values["notes"]


def test_a_namespace_that_does_not_exist() -> None:
    with pytest.raises(InvalidInput, match="shpo"):
        read_coverage(cluster(), ["shop", "shpo"], "kube-system")


def test_kube_system_may_be_looked_at() -> None:
    kube = cluster().add(pod("coredns", "kube-system"))
    assert list(by_pod(kube, "kube-system")[0]) == ["coredns"]
