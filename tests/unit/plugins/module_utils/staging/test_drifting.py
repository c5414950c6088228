# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Drift is found by reading manifests, evidence and the cluster, and nothing is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Conflict, InvalidInput, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.manifests import files
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import ROLE_LABEL
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    WORKLOAD,
    Chunk,
    Edge,
    Evidence,
    Inventory,
    Peer,
    Seen,
    Workload,
    WorkloadFacts,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps, to_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.drifting import Comparison, find_drift
from fakes import FakeKube

CLUSTER = "uid-of-kube-system"
LABELS = {name: (("app", name),) for name in ("web", "api", "cron")}


def peer(name: str) -> Peer:
    return Peer(WORKLOAD, Workload("shop", "Deployment", name), LABELS[name])


CALL = Edge(peer("web"), peer("api"), "TCP", 8080)


def policy(*, on: bool) -> Json:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": "learned-deployment-api",
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: "workload"},
        },
        "spec": {
            "endpointSelector": {"matchLabels": {"app": "api"}},
            "ingress": [
                {
                    "fromEndpoints": [{"matchLabels": {"app": "web", "k8s:io.kubernetes.pod.namespace": "shop"}}],
                    "toPorts": [{"ports": [{"port": "8080", "protocol": "TCP"}]}],
                }
            ],
            "egress": [{}],
            "enableDefaultDeny": {"ingress": on, "egress": on},
        },
    }


def evidence(*edges: Edge, cluster: str = CLUSTER, lost: int = 0) -> Evidence:
    facts = [
        WorkloadFacts(Workload("shop", "Deployment", name), LABELS[name], LABELS[name], pods=1)
        for name in ("web", "api")
    ]
    return Evidence(
        cluster=cluster,
        namespaces=["shop"],
        chunks=[Chunk(1000.0, 1060.0, 10, lost, not lost)],
        edges={edge: Seen(egress=3, ingress=3, first_s=1001.0, last_s=1002.0) for edge in edges},
        inventory=Inventory(workloads=facts, namespaces={"shop": {}}),
    )


@pytest.fixture
def kube() -> FakeKube:
    deployment: Json = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"selector": {"matchLabels": {"app": "api"}}, "template": {"metadata": {"labels": {"app": "api"}}}},
    }
    return FakeKube().add(
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "kube-system", "uid": CLUSTER}},
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}},
        deployment,
        policy(on=True),
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in files([policy(on=False)]).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def compare(kube: FakeKube, folder: Path, **changes: Any) -> Json:
    given: dict[str, Any] = {
        "namespaces": ["shop"],
        "system_namespaces": [],
        "manifests": str(folder),
        "evidence": to_json(evidence(CALL)),
        "recent": None,
        "sealed": None,
    }
    values: Json = find_drift(kube, Comparison(**{**given, **changes})).values
    assert kube.writes == []
    return values


def test_what_is_as_it_was_is_no_drift(kube: FakeKube, folder: Path) -> None:
    found = compare(kube, folder, recent=to_json(evidence(CALL)))
    assert found["lines"] == ["Nothing has moved."]
    assert not found["drifted"]


def test_evidence_may_be_a_path(kube: FakeKube, folder: Path) -> None:
    (folder / "evidence.json").write_text(dumps(evidence(CALL)))
    assert not compare(kube, folder, evidence=str(folder / "evidence.json"))["drifted"]


def test_without_manifests_the_policies_that_the_evidence_gives_are_compared(kube: FakeKube, folder: Path) -> None:
    given = {"manifests": None, "policies": [policy(on=False)]}
    assert not compare(kube, folder, **given)["drifted"]
    edited = policy(on=True)
    edited["spec"]["ingress"][0]["toPorts"][0]["ports"].append({"port": "22", "protocol": "TCP"})
    kube.add(edited)
    (found,) = compare(kube, folder, **given)["findings"]
    assert found["kind"] == "edited-policy"
    assert "by new evidence or approvals" in found["text"]
    counts = compare(kube, folder, manifests=None, policies=[])["counts"]
    assert (counts["unknown-policy"], counts["missing-policy"]) == (1, 0)


def test_an_edited_policy_a_new_edge_and_an_unused_rule_are_told(kube: FakeKube, folder: Path) -> None:
    edited = policy(on=True)
    edited["spec"]["ingress"][0]["toPorts"][0]["ports"].append({"port": "22", "protocol": "TCP"})
    kube.add(edited)
    recent = evidence(Edge(peer("api"), peer("web"), "TCP", 9))
    counts = compare(kube, folder, recent=to_json(recent))["counts"]
    assert (counts["edited-policy"], counts["new-edge"], counts["unused-rule"]) == (1, 1, 1)


def test_a_new_workload_is_unprotected_only_once_something_is_enforced(kube: FakeKube, folder: Path) -> None:
    cron = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": "cron", "namespace": "shop"},
        "spec": {"jobTemplate": {"spec": {"template": {"metadata": {"labels": {"app": "cron"}}}}}},
    }
    kube.add(cron)
    assert compare(kube, folder)["counts"]["unprotected-workload"] == 1
    kube.add(policy(on=False))
    assert not compare(kube, folder)["drifted"]
    assert compare(kube, folder, sealed=True)["counts"]["not-enforced"] == 2


def test_wanted_kinds_of_drift_fail_with_everything_that_was_found(kube: FakeKube, folder: Path) -> None:
    kube.add(policy(on=False))
    with pytest.raises(OperationFailed) as raised:
        compare(kube, folder, sealed=True, fail_on=["not-enforced"])
    assert raised.value.code == "Drift"
    assert raised.value.details["drifted"]


def test_bad_evidence_and_manifests_are_refused(kube: FakeKube, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(Conflict):
        compare(kube, folder, recent=to_json(evidence(CALL, cluster="another")))
    with pytest.raises(InvalidInput):
        compare(kube, folder, recent=to_json(evidence(CALL, lost=3)))
    with pytest.raises(InvalidInput) as raised:
        compare(kube, folder, evidence=str(tmp_path / "nowhere.json"))
    assert raised.value.code == "UnreadableFile"
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput) as raised:
        compare(kube, tmp_path / "empty")
    assert raised.value.code == "NoManifests"
