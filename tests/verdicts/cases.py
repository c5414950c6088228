# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Prints questions for Cilium's policy engine: worlds of policies, endpoints, connections. The same ones each time."""

from __future__ import annotations

import itertools
import json
import random
import sys
from collections.abc import Callable, Iterator
from typing import Any

SEED = 20261130
RANDOM_WORLDS = 260
QUESTIONS_OF_A_WORLD = 40

CNP, CCNP, NP = "CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy", "NetworkPolicy"
NAMESPACES = {
    "shop": {"team": "red", "env": "prod"},
    "data": {"team": "blue", "env": "prod"},
    "ops": {"team": "ops"},
    "kube-system": {},
}


def pod(namespace: str, ports: Any = (), **labels: str) -> Any:
    listed = [f"k8s:{key.replace('_', '-')}={value}" for key, value in labels.items()]
    listed += [f"k8s:io.kubernetes.pod.namespace={namespace}", "k8s:io.cilium.k8s.policy.cluster=default"]
    listed.append("k8s:io.cilium.k8s.policy.serviceaccount=default")
    namespace_labels = {"kubernetes.io/metadata.name": namespace, **NAMESPACES[namespace]}
    listed += [f"k8s:io.cilium.k8s.namespace.labels.{key}={value}" for key, value in namespace_labels.items()]
    return {"labels": sorted(listed), "address": "", "names": [], "ports": [list(port) for port in ports]}


def outside(address: str = "", *names: str, labels: Any = ("reserved:world",)) -> Any:
    return {"labels": list(labels), "address": address, "names": list(names), "ports": []}


def reserved(*names: str) -> Any:
    return outside(labels=[f"reserved:{name}" for name in names])


ENDPOINTS = [
    pod("shop", [("TCP", "http", 8080)], app="web", tier="front"),
    pod("shop", [("TCP", "http", 9090), ("TCP", "metrics", 9100)], app="cart", tier="back"),
    pod("shop", [("TCP", "redis", 6379)], app="redis", role="primary"),
    pod("data", [("TCP", "redis", 6379)], app="redis", role="replica"),
    pod("data", [("TCP", "http", 8080), ("UDP", "http", 8085)], app="api", tier="back"),
    pod("ops", app="prometheus"),
    pod("kube-system", [("UDP", "dns", 53), ("TCP", "dns-tcp", 53)], k8s_app="kube-dns"),
    reserved("host"),
    reserved("remote-node"),
    reserved("kube-apiserver", "remote-node"),
    reserved("world"),
    outside("203.0.113.9"),
    outside("198.51.100.7", "google.com"),
    outside("10.1.2.3", "www.example.com", "cdn.example.net"),
    outside("10.1.9.9", "a.b.example.com"),
    outside("192.0.2.1", "example.com", labels=["reserved:kube-apiserver", "reserved:world"]),
    outside("2001:db8::1", "v6.example.com"),
    reserved("health"),
    reserved("init"),
    reserved("unmanaged"),
    reserved("ingress"),
]
PORTS = [
    *(("TCP", port) for port in (53, 80, 443, 6379, 8080, 8081, 8085, 8090, 9090, 9100)),
    *(("UDP", port) for port in (53, 80, 8085)),
    *(("SCTP", 80), ("ICMP", 8), ("ICMP", 3), ("ICMPv6", 128)),
]

SELECTORS: list[Any] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "redis"}},
    {"matchLabels": {"k8s:app": "cart"}},
    {"matchLabels": {"any:tier": "back"}},
    {"matchLabels": {"app": "redis", "role": "primary"}},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["web", "api"]}]},
    {"matchExpressions": [{"key": "tier", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]},
    {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web", "redis"]}]},
]
PEERS: list[Any] = [
    *SELECTORS,
    {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "data", "app": "redis"}},
    {"matchLabels": {"io.kubernetes.pod.namespace": "shop"}},
    {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": "kube-dns"}},
    {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.env": "prod"}},
    {"matchLabels": {"io.cilium.k8s.namespace.labels.team": "ops"}},
    {"matchLabels": {"reserved:host": ""}},
    {"matchLabels": {"reserved:health": ""}},
    {"matchExpressions": [{"key": "reserved:world", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "k8s:io.kubernetes.pod.namespace", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "io.kubernetes.pod.namespace", "operator": "NotIn", "values": ["data"]}]},
]
NP_SELECTORS = [item for item in SELECTORS if not any(":" in key for key in item.get("matchLabels", {}))]
ENTITIES = [
    *("all", "world", "cluster", "host", "remote-node", "kube-apiserver", "init", "health", "unmanaged", "ingress"),
    *("none", "cluster-mesh", "world-ipv4"),
]
CIDRS = ["0.0.0.0/0", "10.0.0.0/8", "10.1.2.0/24", "203.0.113.9/32", "198.51.100.0/24", "2001:db8::/32"]
CIDR_SETS: list[Any] = [
    {"cidr": "10.0.0.0/8", "except": ["10.1.2.0/24"]},
    {"cidr": "0.0.0.0/0", "except": ["10.0.0.0/8", "203.0.113.0/24"]},
    {"cidr": "198.51.100.0/24"},
    {"cidr": "2001:db8::/32", "except": ["2001:db8::/64"]},
]
NAMES: list[Any] = [
    {"matchName": "google.com"},
    {"matchName": "WWW.Example.COM"},
    {"matchPattern": "*.example.com"},
    {"matchPattern": "**.example.com"},
    {"matchPattern": "*example.com"},
    {"matchPattern": "*"},
    {"matchPattern": "c*n.example.*"},
]


def chosen(dice: random.Random, values: list[Any], most: int = 2) -> list[Any]:
    return dice.sample(values, dice.randint(1, most))


def port_entry(dice: random.Random) -> Any:
    kind = dice.random()
    if kind < 0.15:
        return {
            "port": dice.choice(["http", "metrics", "redis", "dns"]),
            "protocol": dice.choice(["TCP", "UDP", "ANY"]),
        }
    if kind < 0.3:
        return {"port": "8080", "endPort": 8090, "protocol": dice.choice(["TCP", "ANY"])}
    if kind < 0.4:
        return {"port": "0", "protocol": dice.choice(["TCP", "UDP", "ANY"])}
    entry: Any = {"port": str(dice.choice([53, 80, 443, 6379, 8080, 9090]))}
    if dice.random() < 0.7:
        entry["protocol"] = dice.choice(["TCP", "UDP", "SCTP", "ANY"])
    return entry


def cilium_item(dice: random.Random, side: str, deny: bool) -> Any:
    kinds: list[Callable[[], Any]] = [
        dict,
        lambda: {f"{side}Endpoints": chosen(dice, PEERS)},
        lambda: {f"{side}Endpoints": chosen(dice, PEERS)},
        lambda: {f"{side}Endpoints": []},
        lambda: {f"{side}Endpoints": None},
        lambda: {f"{side}Entities": chosen(dice, ENTITIES)},
        lambda: {f"{side}Entities": chosen(dice, ENTITIES)},
        lambda: {f"{side}CIDR": chosen(dice, CIDRS)},
        lambda: {f"{side}CIDRSet": chosen(dice, CIDR_SETS)},
    ]
    names = side == "to" and not deny and dice.random() < 0.25
    item = {"toFQDNs": chosen(dice, NAMES)} if names else dice.choice(kinds)()
    kind = dice.random()
    if kind < 0.5:
        item["toPorts"] = [{"ports": [port_entry(dice) for __ in range(dice.randint(1, 3))]}]
    elif kind < 0.6:
        family, icmp = dice.choice([("IPv4", 8), ("IPv4", "EchoRequest"), ("IPv6", "EchoRequest"), ("IPv4", 3)])
        item["icmps"] = [{"fields": [{"family": family, "type": icmp}]}]
    return item


def cilium_spec(dice: random.Random) -> Any:
    spec: Any = {"endpointSelector": dice.choice(SELECTORS)}
    sections = dice.sample(["ingress", "egress"], dice.randint(1, 2))
    if dice.random() < 0.3:
        sections.append(dice.choice(["ingressDeny", "egressDeny"]))
    for section in sections:
        side = "from" if section.startswith("ingress") else "to"
        deny = section.endswith("Deny")
        spec[section] = [cilium_item(dice, side, deny) for __ in range(dice.randint(1, 3))]
    if dice.random() < 0.4:
        spec["enableDefaultDeny"] = {
            key: dice.choice([True, False]) for key in dice.sample(["ingress", "egress"], dice.randint(1, 2))
        }
    return spec


def np_spec(dice: random.Random) -> Any:
    spec: Any = {"podSelector": dice.choice(NP_SELECTORS)}
    for section, side in (("ingress", "from"), ("egress", "to")):
        if dice.random() < 0.6:
            spec[section] = [np_rule(dice, side) for __ in range(dice.randint(0, 2))]
    if dice.random() < 0.7:
        spec["policyTypes"] = dice.sample(["Ingress", "Egress"], dice.randint(1, 2))
    return spec


def np_rule(dice: random.Random, side: str) -> Any:
    peers: list[Any] = [
        {"podSelector": dice.choice(NP_SELECTORS)},
        {"namespaceSelector": {}},
        {"namespaceSelector": {"matchLabels": {"env": "prod"}}, "podSelector": dice.choice(NP_SELECTORS)},
        {"namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["red"]}]}},
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}},
        {"ipBlock": dice.choice(CIDR_SETS[:3])},
        {"podSelector": {}},
    ]
    rule: Any = {}
    kind = dice.random()
    if kind < 0.75:
        rule[side] = chosen(dice, peers)
    elif kind < 0.85:
        rule[side] = []
    if dice.random() < 0.6:
        rule["ports"] = [np_port(dice) for __ in range(dice.randint(1, 2))]
    return rule


def np_port(dice: random.Random) -> Any:
    ports: list[Any] = [
        {"port": 80},
        {"port": 53, "protocol": "UDP"},
        {"port": "http", "protocol": "TCP"},
        {"port": 8080, "endPort": 8090, "protocol": "TCP"},
        {"protocol": "UDP"},
        {"port": 80, "protocol": "SCTP"},
        {},
    ]
    return dice.choice(ports)


def policy(kind: str, name: str, namespace: str, spec: Any, specs: Any = None) -> Any:
    version = "networking.k8s.io/v1" if kind == NP else "cilium.io/v2"
    metadata = {"name": name} if kind == CCNP else {"name": name, "namespace": namespace}
    document = {"apiVersion": version, "kind": kind, "metadata": metadata}
    if spec is not None:
        document["spec"] = spec
    if specs:
        document["specs"] = specs
    return document


def random_policy(dice: random.Random, number: int) -> Any:
    kind = dice.choices([CNP, CCNP, NP], [5, 2, 3])[0]
    namespace = dice.choice(["shop", "shop", "data", "ops"])
    if kind == NP:
        return policy(kind, f"p{number}", namespace, np_spec(dice))
    if dice.random() < 0.15:
        return policy(kind, f"p{number}", namespace, None, [cilium_spec(dice), cilium_spec(dice)])
    return policy(kind, f"p{number}", namespace, cilium_spec(dice))


def by_hand() -> Iterator[tuple[str, list[Any]]]:
    """Shapes that people stumble over, asked in full."""
    everything: Any = {}

    def cnp(**spec: Any) -> Any:
        return policy(CNP, "p", "shop", {"endpointSelector": everything, **spec})

    def np(**spec: Any) -> Any:
        return policy(NP, "p", "shop", {"podSelector": everything, **spec})

    off = {"ingress": False, "egress": False}
    ports = [{"ports": [{"port": "80", "protocol": "TCP"}]}]
    yield "no policy", []
    yield "CNP ingress [{}] denies all", [cnp(ingress=[{}])]
    yield "CNP egress [{}] denies all", [cnp(egress=[{}])]
    yield "CNP [{}] with default deny off", [cnp(ingress=[{}], egress=[{}], enableDefaultDeny=off)]
    yield "CNP deny only", [cnp(ingressDeny=[{"fromEntities": ["host"]}])]
    yield "CNP deny of everything", [cnp(ingressDeny=[{"fromEntities": ["all"]}], egressDeny=[{"toEntities": ["all"]}])]
    yield "CNP deny [{}]", [cnp(ingressDeny=[{}], egressDeny=[{}])]
    yield "CNP deny with default deny off", [cnp(egressDeny=[{"toCIDR": ["10.0.0.0/8"]}], enableDefaultDeny=off)]
    yield "CNP ports without peers", [cnp(ingress=[{"toPorts": ports}], egress=[{"toPorts": ports}])]
    yield "CNP no peer of an empty list", [cnp(ingress=[{"fromEndpoints": [], "toPorts": ports}])]
    yield "CNP null for peers", [cnp(ingress=[{"fromEndpoints": None, "toPorts": ports}])]
    yield "CNP empty list of names", [cnp(egress=[{"toFQDNs": [], "toPorts": ports}])]
    yield (
        "CNP empty CIDRs and entities",
        [cnp(ingress=[{"fromCIDR": [], "toPorts": ports}], egress=[{"toEntities": [], "toPorts": ports}])],
    )
    yield "CNP own namespace", [cnp(ingress=[{"fromEndpoints": [{}]}], egress=[{"toEndpoints": [{}]}])]
    yield "CNP ports of nothing", [cnp(ingress=[{"toPorts": [{}]}], egress=[{"toPorts": [{"ports": []}]}])]
    yield (
        "CNP allow and deny of one peer",
        [cnp(ingress=[{"fromEndpoints": [{}]}], ingressDeny=[{"fromEndpoints": [{}], "toPorts": ports}])],
    )
    yield (
        "CNP foreign namespace in the selector",
        [
            policy(
                CNP,
                "p",
                "shop",
                {
                    "endpointSelector": {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "data"}},
                    "ingress": [{}],
                },
            )
        ],
    )
    yield (
        "CNP foreign namespace in the selector, without a source",
        [
            policy(
                CNP,
                "p",
                "shop",
                {
                    "endpointSelector": {"matchLabels": {"io.kubernetes.pod.namespace": "data"}},
                    "ingress": [{}],
                },
            )
        ],
    )
    yield (
        "CNP names with ports and DNS",
        [
            cnp(
                egress=[
                    {
                        "toFQDNs": [{"matchName": "google.com"}],
                        "toPorts": [{"ports": [{"port": "443", "protocol": "TCP"}]}],
                    },
                    {
                        "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system"}}],
                        "toPorts": [
                            {"ports": [{"port": "53", "protocol": "ANY"}], "rules": {"dns": [{"matchPattern": "*"}]}}
                        ],
                    },
                ]
            )
        ],
    )
    for name in ENTITIES:
        yield f"CNP entity {name}", [cnp(ingress=[{"fromEntities": [name]}], egress=[{"toEntities": [name]}])]
    for selector in PEERS:
        text = json.dumps(selector)
        yield f"CNP peer {text}", [cnp(ingress=[{"fromEndpoints": [selector]}], egress=[{"toEndpoints": [selector]}])]
        spec = {"endpointSelector": {}, "ingress": [{"fromEndpoints": [selector]}]}
        yield f"CCNP peer {text}", [policy(CCNP, "p", "", spec)]
    for selector in SELECTORS:
        yield (
            f"CCNP subject {json.dumps(selector)}",
            [policy(CCNP, "p", "", {"endpointSelector": selector, "ingress": [{}], "egress": [{}]})],
        )
    yield (
        "CCNP subject init",
        [
            policy(
                CCNP,
                "p",
                "",
                {
                    "endpointSelector": {"matchLabels": {"reserved:init": ""}},
                    "ingress": [{"fromEndpoints": [{}]}],
                    "egress": [{"toEntities": ["host"]}],
                },
            )
        ],
    )
    for name in NAMES:
        yield f"CNP name {json.dumps(name)}", [cnp(egress=[{"toFQDNs": [name]}])]
    for block in CIDR_SETS:
        yield f"CNP {json.dumps(block)}", [cnp(ingress=[{"fromCIDRSet": [block]}], egress=[{"toCIDRSet": [block]}])]
    for network in CIDRS:
        yield f"CNP {network}", [cnp(ingress=[{"fromCIDR": [network]}], egress=[{"toCIDR": [network]}])]
    yield "NP ingress [{}] allows all", [np(ingress=[{}], policyTypes=["Ingress"])]
    yield "NP egress [{}] allows all", [np(egress=[{}], policyTypes=["Egress"])]
    yield "NP ingress [] denies all", [np(ingress=[], policyTypes=["Ingress"])]
    yield "NP of no type", [np()]
    yield "NP of egress without rules", [np(policyTypes=["Egress"])]
    yield "NP of both without rules", [np(policyTypes=["Ingress", "Egress"])]
    yield (
        "NP rules of a type that is not named",
        [np(ingress=[{"from": [{"podSelector": {}}]}], policyTypes=["Egress"])],
    )
    yield "NP from [] is everyone", [np(ingress=[{"from": [], "ports": [{"port": 80}]}])]
    yield "NP an empty peer", [np(ingress=[{"from": [{}]}])]
    yield (
        "NP and CNP add up",
        [np(ingress=[{"from": [{"podSelector": {}}]}]), cnp(ingress=[{"fromEntities": ["world"]}])],
    )
    yield "NP against a deny", [np(ingress=[{}]), cnp(ingressDeny=[{"fromEntities": ["world"]}])]
    yield (
        "shadow beside enforcing",
        [
            policy(
                CNP,
                "a",
                "shop",
                {
                    "endpointSelector": {"matchLabels": {"app": "web"}},
                    "enableDefaultDeny": off,
                    "ingress": [{"fromEntities": ["world"], "toPorts": ports}],
                },
            ),
            policy(CNP, "b", "shop", {"endpointSelector": {}, "ingress": [{}]}),
        ],
    )


def stacked(dual_stack: bool) -> Any:
    """The endpoints as a cluster with one family of addresses, or with both, knows them."""
    if not dual_stack:
        return [end for end in ENDPOINTS if ":" not in end["address"]]
    found = []
    for end in ENDPOINTS:
        family = "ipv6" if ":" in end["address"] else "ipv4"
        labels = [f"reserved:world-{family}" if label == "reserved:world" else label for label in end["labels"]]
        found.append({**end, "labels": labels})
    return found


def world(dice: random.Random, title: str, policies: list[Any], number: int) -> Any:
    dual_stack = dice.random() < 0.4
    ends = stacked(dual_stack)
    return {
        "title": title,
        "dual_stack": dual_stack,
        "policies": policies,
        "endpoints": ends,
        "questions": questions(dice, ends, number),
    }


def questions(dice: random.Random, ends: list[Any], number: int) -> list[Any]:
    # Connections between two ends that no agent judges say nothing.
    judged = [
        any(label.startswith(("k8s:", "reserved:health", "reserved:init")) for label in end["labels"]) for end in ends
    ]
    pairs = [pair for pair in itertools.product(range(len(ends)), repeat=2) if judged[pair[0]] or judged[pair[1]]]
    return [[*dice.choice(pairs), *dice.choice(PORTS)] for __ in range(number)]


def main() -> None:
    dice = random.Random(SEED)  # noqa: S311 - nothing secret
    worlds = [world(dice, title, policies, 60) for title, policies in by_hand()]
    for number in range(RANDOM_WORLDS):
        policies = [random_policy(dice, index) for index in range(dice.randint(1, 5))]
        worlds.append(world(dice, f"random {number}", policies, QUESTIONS_OF_A_WORLD))
    json.dump(worlds, sys.stdout)


if __name__ == "__main__":
    main()
