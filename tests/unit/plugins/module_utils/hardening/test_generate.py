# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import check_documents
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import counts, policy_name
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import ROLE_LABEL
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Inventory, Workload
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.peers import EVERYWHERE
from hardening_flows import (
    CART,
    DB,
    DNS,
    WEB,
    both,
    evidence,
    facts,
    flow,
    outside,
    pod,
    policy,
    recommended,
    reserved,
    service,
)

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
DNS_PORTS = [{"port": "53", "protocol": "TCP"}, {"port": "53", "protocol": "UDP"}]
TO_DNS = {
    "toEndpoints": [{"matchLabels": {"k8s-app": "kube-dns", NAMESPACE: "kube-system"}}],
    "toPorts": [{"ports": DNS_PORTS, "rules": {"dns": [{"matchPattern": "*"}]}}],
}


def ports(*numbers: int, protocol: str = "TCP") -> list[dict[str, Any]]:
    return [{"ports": [{"port": str(number), "protocol": protocol} for number in numbers]}]


def egress(*documents: dict[str, Any], known: dict[str, Any] | None = None, **options: Any) -> list[dict[str, Any]]:
    return policy(recommended(evidence(*documents, **(known or {})), **options), "learned-deployment-web")["egress"]


def ingress(*documents: dict[str, Any], inventory: Inventory | None = None) -> list[dict[str, Any]]:
    found = recommended(evidence(*documents, inventory=inventory))
    return policy(found, "learned-deployment-web")["ingress"]


def test_each_connection_gets_a_rule_at_both_ends_and_peers_carry_their_namespace() -> None:
    found = recommended(evidence(*both(WEB, CART)))
    assert policy(found, "learned-deployment-web") == {
        "description": policy(found, "learned-deployment-web")["description"],
        "endpointSelector": {"matchLabels": {"app": "web"}},
        "enableDefaultDeny": {"ingress": False, "egress": False},
        "ingress": [{}],
        "egress": [{"toEndpoints": [{"matchLabels": {"app": "cart", NAMESPACE: "shop"}}], "toPorts": ports(8080)}],
    }
    assert policy(found, "learned-deployment-cart")["ingress"] == [
        {"fromEndpoints": [{"matchLabels": {"app": "web", NAMESPACE: "shop"}}], "toPorts": ports(8080)}
    ]


def test_one_end_alone_is_enough_for_both_rules_and_is_listed() -> None:
    found = recommended(evidence(flow(WEB, CART)))
    assert policy(found, "learned-deployment-cart")["ingress"] != [{}]
    assert [one["kind"] for one in found.review] == ["single-sided"]
    assert not recommended(evidence(*both(WEB, CART))).review


def test_policies_are_valid_marked_and_switched_off() -> None:
    found = recommended(
        evidence(*both(WEB, CART), *both(WEB, DNS, 53, "UDP"), flow(WEB, outside(), 443)), platform_policy=True
    )
    warnings: list[str] = []
    assert len(check_documents(found.policies, warnings.append)) == len(found.policies)  # type: ignore[arg-type]
    assert warnings == []
    roles = {one["metadata"]["name"]: one["metadata"]["labels"][ROLE_LABEL] for one in found.policies}
    assert roles == {
        "learned-deployment-cart": "workload",
        "learned-deployment-web": "workload",
        "learned-platform": "platform",
        "learned-default-deny": "namespace",
    }
    for one in found.policies:
        assert one["spec"]["enableDefaultDeny"] == {"ingress": False, "egress": False}
        assert one["metadata"]["labels"]["app.kubernetes.io/managed-by"] == "cloudnet.aks_cilium"


def test_the_default_deny_of_a_namespace_selects_all_pods_and_allows_nothing() -> None:
    spec = policy(recommended(evidence(*both(WEB, CART))), "learned-default-deny")
    assert (spec["endpointSelector"], spec["ingress"], spec["egress"]) == ({}, [{}], [{}])


def test_peers_with_the_same_ports_share_a_rule() -> None:
    documents = [*both(WEB, CART), *both(WEB, DB), *both(WEB, DB, 9090)]
    assert egress(*documents) == [
        {"toEndpoints": [{"matchLabels": {"app": "cart", NAMESPACE: "shop"}}], "toPorts": ports(8080)},
        {"toEndpoints": [{"matchLabels": {"app": "db", NAMESPACE: "data"}}], "toPorts": ports(8080, 9090)},
    ]


def test_more_ports_than_a_list_may_hold_are_split() -> None:
    ready = Inventory(workloads=[facts("web"), facts("cart", ports=tuple(("TCP", 1000 + n) for n in range(45)))])
    documents = [document for n in range(45) for document in both(WEB, CART, 1000 + n)]
    (rule,) = egress(*documents, known={"inventory": ready})
    assert [len(entry["ports"]) for entry in rule["toPorts"]] == [40, 5]


def test_icmp_has_a_rule_of_its_own() -> None:
    assert egress(*both(WEB, CART), *both(WEB, CART, 8, "ICMPv4"), *both(WEB, CART, 128, "ICMPv6")) == [
        {
            "toEndpoints": [{"matchLabels": {"app": "cart", NAMESPACE: "shop"}}],
            "icmps": [{"fields": [{"family": "IPv4", "type": 8}, {"family": "IPv6", "type": 128}]}],
        },
        {"toEndpoints": [{"matchLabels": {"app": "cart", NAMESPACE: "shop"}}], "toPorts": ports(8080)},
    ]


def test_dns_comes_first_by_both_protocols_and_through_the_proxy() -> None:
    assert egress(*both(WEB, DNS, 53, "UDP"), *both(WEB, CART))[0] == TO_DNS


def test_a_named_peer_is_allowed_by_name_on_its_port_with_the_dns_rule_it_needs() -> None:
    call = flow(WEB, outside("198.51.100.7"), 443, destination_names=["api.example.com"])
    assert egress(call) == [TO_DNS, {"toFQDNs": [{"matchName": "api.example.com"}], "toPorts": ports(443)}]


@pytest.mark.parametrize("fqdn", [True, False])
def test_without_rules_by_name_the_address_is_allowed_and_listed(fqdn: bool) -> None:
    call = flow(WEB, outside("198.51.100.7"), 443, destination_names=["api.example.com"])
    found = recommended(evidence(call, *both(WEB, DNS, 53, "UDP")), fqdn=fqdn)
    rules = policy(found, "learned-deployment-web")["egress"]
    if fqdn:
        assert found.review == []
        return
    assert rules == [
        {**TO_DNS, "toPorts": [{"ports": DNS_PORTS}]},
        {"toCIDR": ["198.51.100.7/32"], "toPorts": ports(443)},
    ]
    assert [one["kind"] for one in found.review] == ["address"]
    assert "api.example.com" in found.warnings[0]


def test_names_of_the_clusters_own_domain_are_not_used() -> None:
    call = flow(WEB, outside("198.51.100.7"), 443, destination_names=["x.shop.svc.cluster.local"])
    assert egress(call) == [{"toCIDR": ["198.51.100.7/32"], "toPorts": ports(443)}]


@pytest.mark.parametrize(
    ("addresses", "networks", "wanted"),
    [
        (["198.51.100.6", "198.51.100.7"], (), {"toCIDR": ["198.51.100.6/31"]}),
        (["2001:db8::1"], (), {"toCIDR": ["2001:db8::1/128"]}),
        (["198.51.100.6", "198.51.100.99"], ("198.51.100.0/24", "198.51.0.0/16"), {"toCIDR": ["198.51.100.0/24"]}),
        ([f"198.51.{n}.1" for n in range(20)], (), {"toCIDRSet": list(EVERYWHERE)}),
        ([f"198.51.{n}.1" for n in range(20)], ("198.51.0.0/16",), {"toCIDR": ["198.51.0.0/16"]}),
    ],
)
def test_addresses_without_a_name_are_the_last_resort(
    addresses: list[str], networks: tuple[str, ...], wanted: Any
) -> None:
    found = recommended(evidence(*(flow(WEB, outside(one), 443) for one in addresses)), networks=networks)
    assert policy(found, "learned-deployment-web")["egress"] == [{**wanted, "toPorts": ports(443)}]
    assert [one["kind"] for one in found.review] == ["address"]
    assert len(found.warnings) == 1


@pytest.mark.parametrize("entity", ["kube-apiserver", "remote-node", "host", "ingress"])
def test_reserved_peers_are_entities(entity: str) -> None:
    assert egress(flow(WEB, reserved(entity), 6443)) == [{"toEntities": [entity], "toPorts": ports(6443)}]


def test_what_the_own_node_opens_needs_no_rule() -> None:
    found = recommended(evidence(flow(reserved("host"), WEB, side="INGRESS")))
    assert [one["metadata"]["name"] for one in found.policies] == ["learned-default-deny"]
    assert found.classified[0].allowed


@pytest.mark.parametrize(
    ("kind", "traffic", "entities"),
    [
        ("LoadBalancer", "Cluster", ["remote-node", "world"]),
        ("NodePort", "", ["remote-node", "world"]),
        ("LoadBalancer", "Local", ["world"]),
        ("ClusterIP", "", ["world"]),
    ],
)
def test_clients_outside_are_the_world_and_come_through_other_nodes(
    kind: str, traffic: str, entities: list[str]
) -> None:
    inventory = Inventory(workloads=[facts("web")], services=[service("web", 8080, kind, traffic)])
    clients = [flow(outside(f"203.0.113.{n}"), WEB, side="INGRESS") for n in range(3)]
    assert ingress(*clients, inventory=inventory) == [{"fromEntities": entities, "toPorts": ports(8080)}]


def test_a_policy_for_the_world_warns_once() -> None:
    found = recommended(evidence(*(flow(outside(f"203.0.113.{n}"), WEB, side="INGRESS") for n in range(3))))
    assert found.warnings == [
        "shop/Deployment/web TCP/8080 is open to every address outside (entity world), not only to those seen."
    ]


def test_a_local_resolver_is_allowed_by_address_and_as_the_host() -> None:
    rules = egress(flow(WEB, reserved("host"), 53, "UDP"))
    assert [next(iter(rule.items())) for rule in rules] == [
        ("toCIDR", ["169.254.10.0/24", "169.254.20.10/32"]),
        ("toEntities", ["host"]),
    ]
    named = flow(WEB, outside("198.51.100.7"), 443, destination_names=["api.example.com"])
    rules = egress(named, known={"dns": {"path": "localdns"}})
    assert [next(iter(rule)) for rule in rules] == ["toCIDR", "toEntities", "toFQDNs"]


def test_the_resolver_itself_accepts_both_protocols() -> None:
    found = recommended(evidence(*both(WEB, DNS, 53, "UDP")), ["kube-system"])
    assert policy(found, "learned-deployment-coredns")["ingress"] == [
        {"fromEndpoints": [{"matchLabels": {"app": "web", NAMESPACE: "shop"}}], "toPorts": [{"ports": DNS_PORTS}]}
    ]


def test_the_platforms_policy_allows_dns_to_all_pods_and_says_to_whom_beyond_need() -> None:
    known = evidence(*both(WEB, DNS, 53, "UDP"), *both(WEB, CART))
    found = recommended(known, platform_policy=True)
    platform = policy(found, "learned-platform")
    assert (platform["endpointSelector"], platform["egress"]) == ({}, [TO_DNS])
    assert "ingress" not in platform, "the platform's policy never denies"
    assert TO_DNS not in policy(found, "learned-deployment-web")["egress"]
    assert [text for text in found.warnings if "DNS" in text] == [
        "shop/Deployment/cart may ask DNS, though it was not seen to: shop/learned-platform selects all pods."
    ]


def test_nothing_denied_suspicious_or_unknown_gets_a_rule_before_it_is_approved() -> None:
    metadata = "shop/Deployment/web -> 169.254.169.254:80/TCP"
    known = evidence(flow(WEB, outside("169.254.169.254"), 80), flow(WEB, DB, verdict="DROPPED"), *both(WEB, CART))
    refused = recommended(known)
    assert len(policy(refused, "learned-deployment-web")["egress"]) == 1
    assert {one["connection"]: (one["kind"], one["approval"]) for one in refused.review} == {
        metadata: ("suspicious", metadata),
        "shop/Deployment/web -> data/Deployment/db:8080/TCP": (
            "denied",
            "shop/Deployment/web -> data/Deployment/db:8080/TCP",
        ),
    }
    allowed = recommended(known, approved=(f"{metadata}  # the platform team, ticket 4711",))
    assert {"toCIDR": ["169.254.169.254/32"], "toPorts": ports(80)} in policy(allowed, "learned-deployment-web")[
        "egress"
    ]
    assert "the platform team, ticket 4711" in policy(allowed, "learned-deployment-web")["description"]
    assert counts(allowed)["to_decide"] == 1


def test_an_approval_that_names_nothing_is_a_warning() -> None:
    found = recommended(evidence(*both(WEB, CART)), approved=("shop/Deployment/web -> world:25/TCP",))
    assert found.warnings == [
        "The approval 'shop/Deployment/web -> world:25/TCP' names no connection of this evidence."
    ]


def test_peers_in_other_namespaces_are_allowed_and_noted() -> None:
    found = recommended(evidence(*both(WEB, DB)))
    assert {one["metadata"]["namespace"] for one in found.policies} == {"shop"}
    assert found.notes == [
        "data/Deployment/db is in a namespace that gets no policies here: its side of 1 connection is not written."
    ]


def test_what_nobody_saw_and_what_no_policy_selects_is_listed() -> None:
    inventory = Inventory(
        workloads=[
            facts("web"),
            facts("cart"),
            facts("agent", kind="DaemonSet", host_network=True),
            facts("nightly", kind="CronJob", schedule="0 3 * * *"),
            facts("other", namespace="data"),
        ]
    )
    found = recommended(evidence(*both(WEB, CART), inventory=inventory))
    listed = {one["connection"]: one for one in found.review}
    assert {name: one["kind"] for name, one in listed.items()} == {
        "shop/CronJob/nightly": "uncovered",
        "shop/DaemonSet/agent": "host-network",
    }
    assert "0 3 * * *" in listed["shop/CronJob/nightly"]["reason"]


def test_each_rule_has_a_reason_in_the_result_and_in_the_policy() -> None:
    found = recommended(evidence(*both(WEB, CART), flow(outside(), WEB, 443, side="INGRESS")))
    assert found.reasons["CiliumNetworkPolicy shop/learned-deployment-web spec.egress[0]"] == {
        "text": "TCP/8080 to shop/Deployment/cart",
        "edges": ["shop/Deployment/web -> shop/Deployment/cart:8080/TCP"],
    }
    for key, reason in found.reasons.items():
        name = key.split("/")[1].split()[0]
        assert reason["text"] in policy(found, name)["description"]
    assert len(found.reasons) == sum(
        rule != {} for one in found.policies for rule in one["spec"]["ingress"] + one["spec"]["egress"]
    )


def test_a_policy_stays_byte_for_byte_while_nothing_new_is_seen() -> None:
    once, often = (
        recommended(evidence(*both(WEB, CART))),
        recommended(evidence(*both(WEB, CART), *both(WEB, CART), *both(DB, DB))),
    )
    assert once.policies == often.policies
    more = recommended(evidence(*both(WEB, CART), *both(CART, DB)))
    assert policy(more, "learned-deployment-web") == policy(once, "learned-deployment-web")
    assert policy(more, "learned-deployment-cart") != policy(once, "learned-deployment-cart")


@pytest.mark.parametrize(
    ("kind", "name", "wanted"),
    [
        ("Deployment", "cart", "learned-deployment-cart"),
        ("CronJob", "nightly.v2", "learned-cronjob-nightly-v2-b2feb8"),
        ("Platform", "", "learned-platform-23440e"),
        ("Labels", "app.kubernetes.io/name=redis,app=x", "learned-labels-redis-x"),
    ],
)
def test_names_of_policies_can_be_read(kind: str, name: str, wanted: str) -> None:
    assert policy_name(Workload("shop", kind, name)) == wanted


def test_long_names_are_cut_and_stay_different() -> None:
    names = {policy_name(Workload("shop", "Deployment", "x" * 80 + end)) for end in "ab"}
    assert len(names) == 2
    assert {len(name) for name in names} == {63}


def test_workloads_whose_policies_would_have_one_name_get_two() -> None:
    first, second = pod("x", kind="", app="redis"), pod("y", kind="", **{"k8s-app": "redis"})
    found = recommended(evidence(*both(first, second)))
    names = [one["metadata"]["name"] for one in found.policies]
    assert len(set(names)) == 3


def test_without_cilium_policies_only_kubernetes_ones_are_given() -> None:
    found = recommended(evidence(*both(WEB, CART)), kinds=("kubernetes",))
    assert {one["kind"] for one in found.policies} == {"NetworkPolicy"}
    assert list(found.reasons) == [
        "NetworkPolicy shop/learned-deployment-cart spec.ingress[0]",
        "NetworkPolicy shop/learned-deployment-web spec.egress[0]",
    ]
    assert found.reasons["NetworkPolicy shop/learned-deployment-web spec.egress[0]"] == {
        "text": "TCP/8080 to shop/Deployment/cart",
        "edges": ["shop/Deployment/web -> shop/Deployment/cart:8080/TCP"],
    }


def test_the_name_of_a_policy_does_not_depend_on_the_other_workloads() -> None:
    dotted, dashed = pod("a.b", app="dotted"), pod("a-b", app="dashed")
    both_names = {one["metadata"]["name"] for one in recommended(evidence(*both(dotted, dashed))).policies}
    for one in (dotted, dashed):
        assert {found["metadata"]["name"] for found in recommended(evidence(*both(one, DB))).policies} <= both_names


def test_the_clouds_own_addresses_are_never_part_of_a_wider_rule() -> None:
    many = [flow(WEB, outside(f"198.51.{number}.1"), 80) for number in range(100)]
    metadata = flow(WEB, outside("169.254.169.254"), 80)
    refused = recommended(evidence(*many, metadata))
    assert [one["connection"] for one in refused.review if one["kind"] == "suspicious"] == [
        "shop/Deployment/web -> 169.254.169.254:80/TCP"
    ]
    (rule,) = policy(refused, "learned-deployment-web")["egress"]
    (reason,) = refused.reasons.values()
    assert reason["text"].endswith("and 45 more, and every other address outside but the cloud's own")
    assert "169.254.169.254/32" in rule["toCIDRSet"][0]["except"]
    approved = recommended(evidence(*many, metadata), approved=("* -> 169.254.169.254:80/TCP",))
    rules = policy(approved, "learned-deployment-web")["egress"]
    assert rules == [{"toCIDR": ["169.254.169.254/32"], "toPorts": ports(80)}, rule]


@pytest.mark.parametrize("text", ["::ffff:169.254.169.254", "fd00:ec2:0::254", "FD00:EC2::254"])
def test_the_metadata_address_is_known_in_every_spelling(text: str) -> None:
    (one,) = recommended(evidence(flow(WEB, outside(text), 80))).classified
    assert (one.kind, one.allowed) == ("suspicious", False)


def test_names_that_cilium_refuses_are_no_names() -> None:
    names = ["a b", "*.example.com", "{{ x }}", "ok_1.example.com", "a..b", "x" * 300]
    found = recommended(evidence(flow(WEB, outside("198.51.100.7"), 443, destination_names=names)))
    rules = policy(found, "learned-deployment-web")["egress"]
    assert [rule["toFQDNs"] for rule in rules if "toFQDNs" in rule] == [[{"matchName": "ok_1.example.com"}]]
    nameless = recommended(evidence(flow(WEB, outside("198.51.100.7"), 443, destination_names=["*"])))
    assert policy(nameless, "learned-deployment-web")["egress"][0]["toCIDR"] == ["198.51.100.7/32"]
    assert [reason["text"] for reason in nameless.reasons.values()] == ["TCP/443 to *, by address (198.51.100.7/32)"]


@pytest.mark.parametrize("value", ["v" * 64, "größe", "{{ 1 }}", "a\nb: c"])
def test_labels_that_kubernetes_refuses_are_in_no_policy_even_when_approved(value: str) -> None:
    found = recommended(evidence(*both(pod("odd", app=value), DB)), approved=("* -> *:*/*",))
    assert [one["metadata"]["name"] for one in found.policies] == ["learned-default-deny"]
    assert found.classified[0].kind == "unknown"
    assert "a label that Kubernetes does not allow" in found.review[0]["reason"]


def test_an_approval_that_no_rule_can_follow_is_a_warning_and_is_not_offered() -> None:
    bare = {**pod("bare", kind=""), "labels": ["k8s:io.kubernetes.pod.namespace=shop"]}
    known = evidence(*both(bare, DB))
    (offered,) = recommended(known).review
    assert (offered["kind"], offered["approval"]) == ("unknown", "")
    found = recommended(known, approved=(f"{offered['connection']}  # me",))
    assert [(one.allowed, one.approved_by) for one in found.classified] == [(False, "")]
    (warning,) = found.warnings
    assert warning.startswith(f"The approval {offered['connection']!r} cannot be followed for")
    assert warning.endswith("has no lasting labels, so no rule can select it.")


def test_an_approval_of_several_connections_is_noted_and_so_are_flows_that_were_left_aside() -> None:
    trace = flow(WEB, CART, event=4, is_reply=None)
    found = recommended(
        evidence(flow(WEB, outside("169.254.169.254"), 80), flow(WEB, CART, 9, verdict="DROPPED"), trace),
        approved=("* -> *:*/*",),
    )
    assert found.notes == [
        "The approval '* -> *:*/*' allows 2 kinds of connections.",
        "1 flow proves no connection and was left aside: unknown-direction 1.",
    ]
