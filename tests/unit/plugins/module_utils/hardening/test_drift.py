# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What has moved is found, and what is as it was is not reported."""

from __future__ import annotations

import copy

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening import drift
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    WORKLOAD,
    WORLD,
    Edge,
    Evidence,
    Inventory,
    Peer,
    Seen,
    Workload,
    WorkloadFacts,
)

WEB = Peer(WORKLOAD, Workload("shop", "Deployment", "web"), (("app", "web"),))
API = Peer(WORKLOAD, Workload("shop", "Deployment", "api"), (("app", "api"),))
CALL = Edge(WEB, API, "TCP", 8080)
BOTH = {"ingress": True, "egress": True}


def policy(name: str = "learned-deployment-api", role: str = "workload", enforcing: bool = True) -> Json:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": name, "namespace": "shop", "labels": {"cloudnet.aks-cilium/role": role}},
        "spec": {
            "description": "web calls it",
            "endpointSelector": {"matchLabels": {"app": "api"}},
            "ingress": [{"fromEndpoints": [{"matchLabels": {"app": "web"}}]}],
            "egress": [{}],
            "enableDefaultDeny": {"ingress": enforcing, "egress": enforcing},
        },
    }


def kinds(findings: list[drift.Finding]) -> list[str]:
    return [finding.kind for finding in findings]


def test_equal_policies_are_no_drift_whichever_way_the_switch_is() -> None:
    assert drift.edited_policies([policy(enforcing=False)], [policy(enforcing=True)]) == []


def test_an_edit_by_hand_is_named_by_its_place() -> None:
    edited = policy()
    edited["spec"]["ingress"][0]["fromEndpoints"][0]["matchLabels"]["app"] = "anybody"
    found = drift.edited_policies([policy()], [edited])
    assert kinds(found) == [drift.EDITED]
    assert "spec.ingress[0].fromEndpoints[0].matchLabels.app" in found[0].text


def test_a_description_is_not_enforced_and_so_no_drift() -> None:
    edited = policy()
    edited["spec"]["description"] = "another text"
    assert drift.edited_policies([policy()], [edited]) == []


def test_removed_and_added_policies_are_told() -> None:
    found = drift.edited_policies([policy("a")], [policy("b")])
    assert kinds(found) == [drift.MISSING, drift.STRANGE]


def test_a_policy_that_no_longer_enforces_is_told_once_sealed() -> None:
    opened = policy(enforcing=False)
    assert kinds(drift.not_enforced([opened], sealed=True)) == [drift.OPENED, drift.OPENED]
    assert drift.not_enforced([opened], sealed=False) == []
    assert drift.not_enforced([policy()], sealed=True) == []
    assert drift.not_enforced([policy(role="platform", enforcing=False)], sealed=True) == []


def test_a_new_edge_is_told_with_its_counts() -> None:
    new = Edge(API, WEB, "TCP", 9)
    recent = Evidence(edges={CALL: Seen(egress=3, ingress=3), new: Seen(denied=2)})
    found = drift.new_edges(Evidence(edges={CALL: Seen(egress=9)}), recent)
    assert kinds(found) == [drift.NEW_EDGE]
    assert "shop/Deployment/api -> shop/Deployment/web:9/TCP was seen 2 times, denied 2 times" in found[0].text


def test_the_next_address_of_a_name_and_the_next_labels_are_no_new_edge() -> None:
    before = Edge(WEB, Peer(WORLD, address="192.0.2.1", names=("google.com",)), "TCP", 443)
    after = Edge(WEB, Peer(WORLD, address="192.0.2.9", names=("google.com",)), "TCP", 443)
    rolled = Edge(Peer(WORKLOAD, WEB.workload, (("app", "web"), ("track", "b"))), API, "TCP", 8080)
    known = Evidence(edges={before: Seen(egress=1), CALL: Seen(egress=1)})
    assert drift.new_edges(known, Evidence(edges={after: Seen(egress=1), rolled: Seen(egress=1)})) == []


@pytest.mark.parametrize(
    ("live", "sides"),
    [
        ([], "ingress and egress"),
        ([policy(enforcing=False)], "ingress and egress"),
        ([policy()], None),
        # Default deny without a rule of that direction: the agents accept it and enforce nothing.
        ([{**policy(), "spec": {"endpointSelector": {}, "ingress": [{}], "enableDefaultDeny": BOTH}}], "egress"),
        (
            [
                {
                    "kind": "NetworkPolicy",
                    "metadata": {"name": "deny", "namespace": "shop"},
                    "spec": {"podSelector": {}, "policyTypes": ["Ingress"]},
                }
            ],
            "egress",
        ),
    ],
)
def test_a_workload_that_nothing_denies_is_unprotected(live: list[Json], sides: str | None) -> None:
    facts = WorkloadFacts(Workload("shop", "Deployment", "api"), (("app", "api"),), (("app", "api"),), pods=1)
    inventory = Inventory(workloads=[facts], namespaces={"shop": {}})
    found = drift.unprotected_workloads(inventory, ["shop"], live)
    assert [sides for finding in found if f"deny {sides} by default" in finding.text] == ([sides] if sides else [])
    assert len(found) == (1 if sides else 0)


def test_host_network_and_other_namespaces_are_left_out() -> None:
    host = WorkloadFacts(Workload("shop", "DaemonSet", "agent"), host_network=True)
    other = WorkloadFacts(Workload("bank", "Deployment", "web"))
    assert drift.unprotected_workloads(Inventory(workloads=[host, other]), ["shop"], []) == []


def test_differences_go_as_deep_as_both_sides_go() -> None:
    before = {"a": [1, {"b": 2}], "c": 3}
    after = copy.deepcopy(before)
    after["a"][1]["b"] = 4  # type: ignore[index]
    assert drift.differences(before, after) == ["a[1].b"]
    assert drift.differences(before, {"a": [1], "c": 3}) == ["a"]
