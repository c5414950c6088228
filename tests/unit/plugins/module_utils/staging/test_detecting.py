# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the stages ask of the cluster before they start."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    InvalidInput,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import ROLE_LABEL
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import detecting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.detecting import Wanted, detect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.timer import Setting, Timer
from fakes import FakeClock, FakeKube
from staging_timer import FakeJobs, policy

PLATFORM: Json = {
    "cluster": "uid-1",
    "manager": "helm",
    "cilium_version": "1.20.2",
    "default_deny_field": True,
    "fqdn_policies": True,
    "relay": "kube-system/hubble-relay",
    "dns": {
        "path": "kube-dns",
        "namespace": "kube-system",
        "service": "kube-dns",
        "labels": {"k8s-app": "kube-dns"},
        "ports": [{"protocol": "UDP", "port": 53}],
    },
}


def pod(name: str, address: str, *, ready: bool = True) -> Json:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"containers": [{"name": "main", "ports": [{"containerPort": 8080}]}]},
        "status": {
            "podIP": address,
            "phase": "Running",
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


def deployment(name: str) -> Json:
    template = pod(name, "")
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "shop"},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {**template, "metadata": template["metadata"]},
        },
    }


def owned(document: Json, owner: str) -> Json:
    document["metadata"]["labels"]["pod-template-hash"] = "abc"
    document["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": f"{owner}-abc", "controller": True}]
    return document


@pytest.fixture
def kube(monkeypatch: pytest.MonkeyPatch) -> FakeKube:
    monkeypatch.setattr(detecting, "read_platform", lambda kube: dict(PLATFORM))
    namespaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}} for name in ("kube-system", "shop")
    ]
    return FakeKube().add(*namespaces, deployment("web"), owned(pod("web", "10.0.0.1"), "web"))


def wanted(**changes: Any) -> Wanted:
    given: dict[str, Any] = {"namespaces": ["shop"], "system_namespaces": [], "canary": "canaries"}
    return Wanted(**{**given, **changes})


def test_it_reads_and_writes_nothing(kube: FakeKube) -> None:
    found = detect(kube, wanted())
    assert kube.writes == []
    assert (found["state"], found["steps"], found["cluster"]) == ("nothing", [], "uid-1")
    assert [policy["metadata"]["namespace"] for policy in found["listening"]] == ["shop", "canaries"]


def test_listening_uses_no_names_where_there_is_no_dns_proxy(kube: FakeKube, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(detecting, "read_platform", lambda kube: {**PLATFORM, "fqdn_policies": False})
    assert "rules" not in str(detect(kube, wanted())["listening"][0]["spec"]["egress"])


def test_a_stranger_tries_each_workload_once(kube: FakeKube) -> None:
    kube.add(owned(pod("web-2", "10.0.0.2"), "web"), owned(pod("sick", "10.0.0.3", ready=False), "sick"))
    found = detect(kube, wanted())["strangers"]
    assert [probe["to"] for probe in found] == [{"host": "10.0.0.1", "port": 8080}]
    assert found[0]["expect"] == "deny"
    assert found[0]["from"] == {"namespace": "canaries", "pod": "canary-client"}


def test_learned_policies_come_without_what_the_server_writes(kube: FakeKube) -> None:
    kube.add(
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {
                "name": "learned-deployment-web",
                "namespace": "shop",
                "labels": {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: "workload"},
            },
            "spec": {"ingress": [{}], "enableDefaultDeny": {"ingress": False, "egress": False}},
            "status": {},
        }
    )
    found = detect(kube, wanted())
    assert found["state"] == "shadow"
    assert "status" not in found["learned"][0]
    assert "resourceVersion" not in found["learned"][0]["metadata"]


def test_bad_input_is_refused_before_anything_else(kube: FakeKube, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InvalidInput) as raised:
        detect(kube, wanted(namespaces=["shop", "nope"]))
    assert raised.value.code == "NamespaceNotFound"
    with pytest.raises(InvalidInput) as raised:
        detect(kube, wanted(namespaces=["kube-system"]))
    assert raised.value.code == "SystemNamespace"
    detect(kube, wanted(namespaces=["kube-system"], system_namespaces=["kube-system"]))
    monkeypatch.setattr(detecting, "read_platform", lambda kube: {**PLATFORM, "relay": ""})
    with pytest.raises(Unsupported):
        detect(kube, wanted())
    assert detect(kube, wanted(refuse=False))["state"] == "nothing"


def test_a_step_that_nobody_confirmed_is_still_to_be_taken(kube: FakeKube) -> None:
    document = policy("learned-deployment-web", ingress=True)
    kube.add(document)
    assert detect(kube, wanted())["steps"][0]["enforced"] is True
    clock = FakeClock()
    FakeJobs(kube, clock)
    timer = Timer(kube, clock, "dead-man", "shop/learned-deployment-web")
    timer.arm([Setting("shop", "learned-deployment-web", document["metadata"]["uid"], {"ingress": False})], 60, "image")
    found = detect(kube, wanted())
    assert (found["steps"][0]["enforced"], found["state"]) == (False, "shadow")
    assert timer.stop("confirmed")
    assert detect(kube, wanted())["steps"][0]["enforced"] is True
    kube.failures["list", "ConfigMap"] = AuthFailed("configmaps is forbidden")
    assert detect(kube, wanted())["steps"][0]["enforced"] is True
