# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Evidence, Inventory, Workload
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.selectors import Selectors, unified
from hardening_flows import CART, WEB, both, evidence, facts, flow, pod


def selected(known: Evidence, name: str, kind: str = "Deployment") -> tuple[Any, list[str]]:
    selectors = Selectors(known)
    return selectors.of(Workload("shop", kind, name)), selectors.warnings


def test_the_declared_selector_is_the_best() -> None:
    inventory = Inventory(
        workloads=[facts("web", selector=(("app", "web"),), labels=(("app", "web"), ("tier", "front")))]
    )
    known = evidence(flow(pod("web", app="web", tier="front"), CART), inventory=inventory)
    assert selected(known, "web") == ({"matchLabels": {"app": "web"}}, [])


def test_without_a_declaration_all_labels_that_all_pods_have() -> None:
    blue, green = pod("web", app="web", track="blue"), pod("web", app="web", track="green")
    assert selected(evidence(flow(blue, CART), flow(green, CART)), "web") == ({"matchLabels": {"app": "web"}}, [])


def test_a_selector_with_labels_that_cilium_does_not_see_gives_way_to_those_that_it_sees() -> None:
    inventory = Inventory(workloads=[facts("web", selector=(("app", "web"), ("hidden", "1")))])
    selector, warnings = selected(evidence(flow(WEB, CART), inventory=inventory), "web")
    assert selector == {"matchLabels": {"app": "web"}}
    assert "hidden" in warnings[0]


def test_a_wide_selector_is_narrowed_by_the_labels_of_the_pods() -> None:
    inventory = Inventory(
        workloads=[
            facts("web", selector=(("app", "web"),), labels=(("app", "web"), ("tier", "front"))),
            facts("worker", selector=(("app", "web"), ("tier", "back")), labels=(("app", "web"), ("tier", "back"))),
        ]
    )
    known = evidence(flow(pod("web", app="web", tier="front"), CART), inventory=inventory)
    assert selected(known, "web") == ({"matchLabels": {"app": "web", "tier": "front"}}, [])


def test_a_workload_whose_labels_another_has_too_excludes_it_by_what_the_other_has_more() -> None:
    known = evidence(flow(pod("redis", app="redis"), CART), flow(pod("replica", app="redis", role="replica"), CART))
    selector, warnings = selected(known, "redis")
    assert selector == {
        "matchLabels": {"app": "redis"},
        "matchExpressions": [{"key": "role", "operator": "DoesNotExist"}],
    }
    assert warnings == []


def test_workloads_with_equal_labels_cannot_be_told_apart_and_that_is_said() -> None:
    selector, warnings = selected(evidence(flow(pod("blue", app="web"), pod("green", app="web"))), "blue")
    assert selector == {"matchLabels": {"app": "web"}}
    assert "also selects shop/Deployment/green" in warnings[0]


def test_neither_other_namespaces_nor_pods_of_the_host_network_narrow_a_selector() -> None:
    inventory = Inventory(
        workloads=[facts("web"), facts("agent", labels=(("app", "web"), ("x", "y")), host_network=True)]
    )
    known = evidence(flow(WEB, pod("web", "other", app="web", x="y")), inventory=inventory)
    assert selected(known, "web") == ({"matchLabels": {"app": "web"}}, [])


def test_a_workload_without_lasting_labels_has_no_selector() -> None:
    bare = {**WEB, "labels": ["k8s:pod-template-hash=1", "k8s:io.kubernetes.pod.namespace=shop"]}
    selector, warnings = selected(evidence(flow(bare, CART)), "web")
    assert selector is None
    assert "shop/Deployment/web" in warnings[0]


def test_a_flow_without_labels_says_nothing_about_them() -> None:
    known = evidence(flow(WEB, CART), flow({**WEB, "labels": [], "pod_name": "web-2"}, CART))
    assert selected(known, "web") == ({"matchLabels": {"app": "web"}}, [])


@pytest.mark.parametrize("count", [1, 2])
def test_pods_known_by_labels_belong_to_the_one_workload_that_has_them(count: int) -> None:
    named = [flow(pod(f"web-{n}", app="web"), CART) for n in range(count)]
    known = unified(evidence(*named, flow(pod("x", kind="", app="web"), CART)))
    sources = {edge.source.workload.kind for edge in known.edges if edge.source.workload}
    assert sources == ({"Deployment"} if count == 1 else {"Deployment", "Labels"})
    assert sum(seen.egress for seen in known.edges.values()) == count + 1


def test_unified_evidence_keeps_both_counts() -> None:
    known = unified(evidence(*both(WEB, CART), flow(pod("x", kind="", app="web"), CART)))
    ((__, seen),) = known.edges.items()
    assert (seen.egress, seen.ingress) == (2, 1)
