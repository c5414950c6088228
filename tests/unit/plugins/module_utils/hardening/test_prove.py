# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Policies judged by evidence: what is needed, held out, never seen, redundant, and what a step denies."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import (
    NAMESPACE_ROLE,
    ROLE_LABEL,
    WORKLOAD_ROLE,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    ENTITY,
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
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.prove import (
    predict,
    prove,
    redundant_rules,
    split,
)

OFF = {"ingress": False, "egress": False}


def workload(name: str, namespace: str = "shop") -> Peer:
    return Peer(WORKLOAD, Workload(namespace, "Deployment", name), (("app", name),))


WEB, CART, REDIS, STRANGER = workload("web"), workload("cart"), workload("redis"), workload("stranger", "other")
CLIENT = Peer(WORLD, address="203.0.113.7")
STRIPE = Peer(WORLD, address="198.51.100.9", names=("api.stripe.com",))
METADATA = Peer(WORLD, address="169.254.169.254")
OPEN = Edge(CLIENT, WEB, "TCP", 443)
CALL = Edge(WEB, CART, "TCP", 8080)
STORE = Edge(CART, REDIS, "TCP", 6379)
PAY = Edge(CART, STRIPE, "TCP", 443)
KUBELET = Edge(Peer(ENTITY, entity="host"), WEB, "TCP", 8080)
STEAL = Edge(CART, METADATA, "TCP", 80)
NEEDED = (OPEN, CALL, STORE, PAY, KUBELET)


def evidence(*edges: Edge, **seen: Any) -> Evidence:
    inventory = Inventory(
        workloads=[WorkloadFacts(peer.workload, labels=peer.labels) for peer in (WEB, CART, REDIS, STRANGER)],  # type: ignore[arg-type]
        namespaces={"shop": {}, "other": {}},
    )
    return Evidence(edges={edge: Seen(egress=3, ingress=3, **seen) for edge in edges}, inventory=inventory)


def policy(name: str, role: str = WORKLOAD_ROLE, selector: str = "", **spec: Any) -> Any:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: role},
        },
        "spec": {
            "endpointSelector": {"matchLabels": {"app": selector}} if selector else {},
            "enableDefaultDeny": OFF,
            **spec,
        },
    }


def ports(*numbers: int, **rules: Any) -> Any:
    return [{"ports": [{"port": str(number), "protocol": "TCP"} for number in numbers], **rules}]


def to(app: str) -> Any:
    return [{"matchLabels": {"app": app}}]


DNS = {"toEndpoints": to("redis"), "toPorts": ports(6379, rules={"dns": [{"matchPattern": "*"}]})}
POLICIES = [
    policy(
        "web",
        selector="web",
        ingress=[{"fromEntities": ["world"], "toPorts": ports(443)}],
        egress=[{"toEndpoints": to("cart"), "toPorts": ports(8080)}],
    ),
    policy(
        "cart",
        selector="cart",
        ingress=[{"fromEndpoints": to("web"), "toPorts": ports(8080)}],
        egress=[DNS, {"toFQDNs": [{"matchName": "api.stripe.com"}], "toPorts": ports(443)}],
    ),
    policy("redis", selector="redis", ingress=[{"fromEndpoints": to("cart"), "toPorts": ports(6379)}]),
    policy("default-deny", NAMESPACE_ROLE, ingress=[{}], egress=[{}]),
]


def without(index: int, section: str, number: int) -> list[Any]:
    """The policies without one rule."""
    spec = POLICIES[index]["spec"]
    rules = [rule for place, rule in enumerate(spec[section]) if place != number]
    return [*POLICIES[:index], {**POLICIES[index], "spec": {**spec, section: rules}}, *POLICIES[index + 1 :]]


def test_everything_needed_is_allowed_and_nothing_else() -> None:
    proof = prove(evidence(*NEEDED), POLICIES)
    assert (proof.needed.total, proof.needed.allowed) == (5, 5)
    # The only stranger: the world may come in, and the address of a name is of the world too.
    assert [answer.text for answer in proof.extra] == [
        "api.stripe.com -> shop/Deployment/web:443/TCP: allowed by CiliumNetworkPolicy shop/web spec.ingress[0]"
    ]
    assert proof.asked == proof.possible > 100
    assert proof.unprotected > 0
    assert proof.redundant == []
    assert proof.prediction == {"denied": [], "already_denied": []}
    assert proof.failures(("needed", "held_out", "redundant")) == []


RULES = [
    (index, section, number)
    for index, document in enumerate(POLICIES[:3])
    for section in ("ingress", "egress")
    for number in range(len(document["spec"].get(section, [])))
]


@pytest.mark.parametrize("rule", RULES)
def test_without_any_rule_something_needed_is_denied(rule: tuple[int, str, int]) -> None:
    """P1 and P2: the set is complete, and minimal."""
    assert prove(evidence(*NEEDED), without(*rule), random_edges=0).needed.denied


def test_a_denied_connection_is_explained() -> None:
    proof = prove(evidence(*NEEDED), without(1, "ingress", 0))
    assert [answer.as_json() for answer in proof.needed.denied] == [
        {
            "edge": "shop/Deployment/web -> shop/Deployment/cart:8080/TCP",
            "source": "shop/Deployment/web",
            "destination": "shop/Deployment/cart",
            "protocol": "TCP",
            "port": 8080,
            "count": 3,
            "sides": ["INGRESS"],
            "default_deny_by": ["CiliumNetworkPolicy shop/default-deny"],
            "denied_by": [],
        }
    ]
    assert proof.failures(["needed"]) == [
        "needed, but shop/Deployment/web -> shop/Deployment/cart:8080/TCP: denied at ingress by"
        " CiliumNetworkPolicy shop/default-deny"
    ]
    assert proof.failures([]) == []
    assert any(line.startswith("NEEDED, BUT DENIED: shop/Deployment/web") for line in proof.lines())


def test_what_is_not_needed_and_works_today_is_predicted() -> None:
    proof = prove(evidence(*NEEDED, STEAL), POLICIES, needed=NEEDED)
    assert [item["edge"] for item in proof.prediction["denied"]] == ["shop/Deployment/cart -> 169.254.169.254:80/TCP"]
    assert proof.needed.denied == []
    assert "WORKS TODAY, WILL BE DENIED" in "\n".join(proof.lines())


def test_what_is_denied_already_is_no_surprise() -> None:
    known = evidence(*NEEDED)
    known.edges[STEAL] = Seen(denied=4)
    proof = prove(known, POLICIES)
    assert proof.prediction["denied"] == []
    assert [item["count"] for item in proof.prediction["already_denied"]] == [4]


def test_a_second_rule_for_the_same_makes_both_redundant() -> None:
    twice = [*POLICIES, policy("also", selector="cart", ingress=[{"fromEndpoints": to("web"), "toPorts": ports(8080)}])]
    expected = ["CiliumNetworkPolicy shop/also spec.ingress[0]", "CiliumNetworkPolicy shop/cart spec.ingress[0]"]
    proof = prove(evidence(*NEEDED), twice)
    assert proof.redundant == expected
    assert redundant_rules(evidence(*NEEDED), twice) == expected
    assert proof.failures(["redundant"])[0].startswith("CiliumNetworkPolicy shop/also spec.ingress[0] allows nothing")
    row = next(row for row in proof.policies if row["policy"] == "CiliumNetworkPolicy shop/also")
    assert row == {**row, "rules": 1, "redundant": 1, "needed": 1, "extra": 0, "denied": 0}


def test_a_rule_that_nothing_used_is_redundant() -> None:
    assert redundant_rules(evidence(OPEN, CALL), POLICIES) == [
        "CiliumNetworkPolicy shop/cart spec.egress[0]",
        "CiliumNetworkPolicy shop/cart spec.egress[1]",
        "CiliumNetworkPolicy shop/redis spec.ingress[0]",
    ]


def test_what_a_rule_allows_too_much_is_listed_with_the_rule() -> None:
    broad = [*POLICIES, policy("broad", selector="redis", ingress=[{"fromEndpoints": [{}]}])]
    proof = prove(evidence(*NEEDED), broad)
    # web may not open it, so the far end's rule does not count alone.
    assert not any("web -> shop/Deployment/redis" in answer.text for answer in proof.extra)
    broad.append(policy("out", selector="web", egress=[{"toEndpoints": [{}]}]))
    proof = prove(evidence(*NEEDED), broad)
    found = next(item for item in proof.as_json()["extra"]["edges"] if "redis:6379" in item["edge"])
    assert found["edge"] == "shop/Deployment/web -> shop/Deployment/redis:6379/TCP"
    assert found["allowed_by"] == {
        "INGRESS": ["CiliumNetworkPolicy shop/broad spec.ingress[0]"],
        "EGRESS": ["CiliumNetworkPolicy shop/out spec.egress[0]"],
    }
    assert proof.failures(["extra"])


def test_the_same_seed_asks_the_same() -> None:
    one, same = (prove(evidence(*NEEDED), POLICIES, random_edges=60, seed=3) for __ in range(2))
    assert one.as_json() == same.as_json()
    assert one.asked <= 60 < one.possible
    asked = {prove(evidence(*NEEDED), POLICIES, random_edges=60, seed=seed).unprotected for seed in range(8)}
    assert len(asked) > 1


def test_the_last_part_of_the_window_is_held_out() -> None:
    known = evidence()
    for number, edge in enumerate((OPEN, CALL, STORE, PAY)):
        known.edges[edge] = Seen(egress=1, first_s=100.0 * (number + 1), last_s=500.0)
    earlier, late = split(known, 0.5)
    assert set(earlier.edges) == {OPEN, CALL, STORE}
    assert late == [PAY]
    assert split(known, 0.0) == (known, [])
    assert split(evidence(OPEN), 0.5)[1] == []
    proof = prove(known, without(1, "egress", 1), held_out_share=0.5)
    assert (proof.held_out.total, proof.held_out.allowed) == (1, 0)
    assert len(proof.failures(["needed", "held_out"])) == 1


def test_held_out_connections_can_be_named() -> None:
    """P3: another client of the same kind, whom nobody has seen yet."""
    unseen = Edge(Peer(WORLD, address="192.0.2.99"), WEB, "TCP", 443)
    refused = Edge(Peer(WORLD, address="192.0.2.99"), REDIS, "TCP", 6379)
    proof = prove(evidence(*NEEDED), POLICIES, held_out=[unseen, refused])
    assert (proof.held_out.total, proof.held_out.allowed) == (2, 1)
    assert proof.failures(["held_out"])[0].startswith("held out, but 192.0.2.99 -> shop/Deployment/redis:6379/TCP")


def test_a_name_without_dns_is_a_warning() -> None:
    proof = prove(evidence(*NEEDED), without(1, "egress", 0))
    assert proof.warnings == [
        "CiliumNetworkPolicy shop/cart allows shop/Deployment/cart DNS names, but no rule sends its DNS through Cilium."
    ]


def test_a_step_is_predicted_for_its_direction_and_its_pods() -> None:
    """P5: a step denies exactly what is told before it."""
    known = evidence(*NEEDED, STEAL, Edge(STRANGER, REDIS, "TCP", 6379))
    key = "CiliumNetworkPolicy shop/redis"
    step = predict(known, POLICIES, {key: ["INGRESS"]})
    assert [item["edge"] for item in step.as_json()["denied"]] == [
        "other/Deployment/stranger -> shop/Deployment/redis:6379/TCP"
    ]
    assert step.as_json()["flips"] == {key: ["INGRESS"]}
    assert step.expects(Edge(STRANGER, REDIS, "TCP", 6379))
    assert not step.expects(STORE)
    assert not step.expects(STEAL)
    egress = predict(known, POLICIES, {"CiliumNetworkPolicy shop/cart": ["EGRESS"]})
    assert list(egress.denied) == [STEAL]
    assert egress.already == {}


def test_what_an_earlier_step_denied_is_expected_too() -> None:
    known = evidence(*NEEDED, STEAL)
    enforced = [*POLICIES]
    enforced[1] = {**POLICIES[1], "spec": {**POLICIES[1]["spec"], "enableDefaultDeny": {"egress": True}}}
    step = predict(known, enforced, {"CiliumNetworkPolicy shop/web": ["INGRESS", "EGRESS"]})
    assert step.denied == {}
    assert list(step.already) == [STEAL]
    assert step.expects(STEAL)
