# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.classify import (
    DENIED,
    INFRASTRUCTURE,
    NEEDED,
    SCAN_PORTS,
    SCAN_TARGETS,
    SUSPICIOUS,
    UNKNOWN,
    Classified,
    classify,
    is_single_sided,
    unused,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.keys import edge_key, parse_approvals
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Evidence, Inventory
from hardening_flows import CART, DB, DNS, WEB, both, evidence, facts, flow, outside, pod, reserved, service

DECLARED = Inventory(
    workloads=[facts("web", ports=(("TCP", 8080), ("TCP", 40001))), facts("cart")], services=[service("web", 8080)]
)


def kinds(*documents: dict[str, Any], **more: Any) -> dict[str, str]:
    return {edge_key(one.edge): one.kind for one in classify(evidence(*documents, **more))}


def only(known: Evidence, *approved: str) -> Classified:
    (one,) = classify(known, parse_approvals(approved))
    return one


def test_a_connection_that_works_is_needed() -> None:
    one = only(evidence(*both(WEB, CART)))
    assert (one.kind, one.allowed, one.reason) == (NEEDED, True, "seen 1 time")


@pytest.mark.parametrize(
    ("source", "destination", "port", "protocol"),
    [
        (WEB, DNS, 53, "UDP"),
        (WEB, DNS, 53, "TCP"),
        (WEB, reserved("host"), 53, "UDP"),
        (WEB, outside("169.254.10.11"), 53, "UDP"),
        (reserved("host"), WEB, 8080, "TCP"),
        (reserved("health"), WEB, 4240, "TCP"),
    ],
)
def test_dns_and_what_the_own_node_opens_is_infrastructure(
    source: Any, destination: Any, port: int, protocol: str
) -> None:
    assert only(evidence(flow(source, destination, port, protocol))).kind == INFRASTRUCTURE


def test_only_the_own_node_and_health_checks_need_no_rule() -> None:
    for source in (reserved("host"), reserved("health")):
        assert not only(evidence(flow(source, WEB, side="INGRESS"))).needs_rule
    assert only(evidence(flow(reserved("remote-node"), WEB, side="INGRESS"))).needs_rule


@pytest.mark.parametrize("destination", [outside("8.8.8.8"), pod("dns", "other"), CART])
def test_a_server_of_others_on_port_53_is_no_infrastructure(destination: dict[str, Any]) -> None:
    assert only(evidence(flow(WEB, destination, 53, "UDP"))).kind == NEEDED


def test_the_resolver_is_the_one_that_the_platform_names() -> None:
    own = pod("resolver", "dns-system")
    dns = {"namespace": "dns-system", "labels": {"app": "resolver"}, "ports": [{"protocol": "UDP", "port": 5353}]}
    assert only(evidence(flow(WEB, own, 5353, "UDP"), dns=dns)).kind == INFRASTRUCTURE
    assert only(evidence(flow(WEB, own, 5353, "UDP"))).kind == NEEDED


@pytest.mark.parametrize(
    ("documents", "kind"),
    [
        ([flow(WEB, CART, verdict="DROPPED")], DENIED),
        ([flow(WEB, CART), flow(WEB, CART, side="INGRESS", verdict="DROPPED")], DENIED),
        ([flow(WEB, outside(), 443, verdict="DROPPED")], DENIED),
        ([*both(WEB, CART), flow(WEB, CART, verdict="DROPPED")], NEEDED),
    ],
)
def test_what_a_policy_denies_today_is_not_allowed_by_itself(documents: list[dict[str, Any]], kind: str) -> None:
    one = only(evidence(*documents))
    assert (one.kind, one.allowed) == (kind, kind == NEEDED)


@pytest.mark.parametrize(
    ("address", "port", "kind"),
    [
        ("169.254.169.254", 80, SUSPICIOUS),
        ("fd00:ec2::254", 80, SUSPICIOUS),
        ("168.63.129.16", 80, SUSPICIOUS),
        ("168.63.129.16", 53, NEEDED),
    ],
)
def test_the_metadata_address_is_suspicious(address: str, port: int, kind: str) -> None:
    assert only(evidence(flow(WEB, outside(address), port, "UDP" if port == 53 else "TCP"))).kind == kind


@pytest.mark.parametrize(
    ("port", "inventory", "kind"),
    [
        (443, Inventory(), NEEDED),
        (8443, Inventory(), NEEDED),
        (6379, Inventory(), SUSPICIOUS),
        (8080, DECLARED, NEEDED),
        (443, DECLARED, SUSPICIOUS),
    ],
)
def test_clients_outside_may_ask_for_what_a_service_declares(port: int, inventory: Inventory, kind: str) -> None:
    assert only(evidence(flow(outside(), WEB, port, side="INGRESS"), inventory=inventory)).kind == kind


def test_pings_from_outside_are_suspicious() -> None:
    assert only(evidence(flow(outside(), WEB, 8, "ICMPv4", side="INGRESS"))).kind == SUSPICIOUS


def test_many_denied_targets_of_one_source_are_a_scan() -> None:
    scan = [flow(WEB, pod(f"target-{n}"), 22, verdict="DROPPED") for n in range(SCAN_TARGETS)]
    found = kinds(*scan, *both(WEB, CART))
    assert [kind for key, kind in found.items() if ":22/" in key] == [SUSPICIOUS] * SCAN_TARGETS
    assert found["shop/Deployment/web -> shop/Deployment/cart:8080/TCP"] == NEEDED
    assert set(kinds(*scan[1:]).values()) == {DENIED}


def test_many_undeclared_ports_of_one_server_are_a_scan_though_they_get_through() -> None:
    scan = [document for n in range(SCAN_PORTS) for document in both(CART, WEB, 1000 + n)]
    assert set(kinds(*scan).values()) == {SUSPICIOUS}
    assert set(kinds(*scan[2:]).values()) == {NEEDED}
    assert (
        kinds(*scan, *both(CART, WEB, 8080), inventory=DECLARED)["shop/Deployment/cart -> shop/Deployment/web:8080/TCP"]
        == NEEDED
    )


@pytest.mark.parametrize(
    ("document", "part"),
    [
        (flow(reserved("unmanaged"), WEB, side="INGRESS"), "unmanaged"),
        (flow(WEB, reserved("init")), "init"),
        (flow(WEB, CART, protocol="VRRP"), "VRRP"),
        (flow(WEB, CART, 0), "port 0"),
        (flow(WEB, CART, 40000), "a single packet"),
        (flow({**WEB, "labels": ["k8s:io.kubernetes.pod.namespace=shop"], "workloads": []}, CART), "no lasting labels"),
    ],
)
def test_what_cannot_be_told_or_written_is_unknown(document: dict[str, Any], part: str) -> None:
    one = only(evidence(document))
    assert (one.kind, one.allowed) == (UNKNOWN, False)
    assert part in one.reason


def test_a_high_port_needs_two_packets_or_a_declaration() -> None:
    assert only(evidence(*both(WEB, CART, 50051))).kind == NEEDED
    assert only(evidence(flow(WEB, CART, 50051), flow(WEB, CART, 50051))).kind == NEEDED
    assert only(evidence(flow(CART, WEB, 40001), inventory=DECLARED)).kind == NEEDED


def test_a_name_among_the_approvals_allows_what_is_suspicious_or_denied() -> None:
    known = evidence(flow(WEB, outside("169.254.169.254"), 80), flow(WEB, DB, verdict="DROPPED"))
    texts = [
        "shop/Deployment/web -> 169.254.169.254:80/TCP  # security team",
        "shop/Deployment/web -> data/Deployment/db:8080/TCP",
        "shop/Deployment/web -> data/Deployment/nobody:8080/TCP",
    ]
    approvals = parse_approvals(texts)
    found = classify(known, approvals)
    assert all(one.allowed for one in found)
    assert {one.approved_by for one in found} == {"security team", texts[1]}
    assert [approval.pattern for approval in unused(found, approvals)] == [texts[2]]


def test_no_approval_writes_what_rules_have_no_words_for() -> None:
    one = only(evidence(flow(WEB, CART, protocol="VRRP")), "* -> *:*/*")
    assert (one.allowed, one.approved_by) == (False, "")


def test_only_edges_of_the_namespaces_are_judged() -> None:
    known = evidence(*both(WEB, CART), *both(WEB, DB), *both(DB, DB), flow(DB, outside(), 443))
    assert len(classify(known)) == 4
    assert len(classify(known, (), ["shop"])) == 2


def test_one_side_alone_is_told() -> None:
    one = only(evidence(flow(WEB, CART)))
    assert is_single_sided(one.edge, one.seen)
    assert "one side only" in one.reason
    outer = only(evidence(flow(WEB, outside(), 443)))
    assert not is_single_sided(outer.edge, outer.seen)
