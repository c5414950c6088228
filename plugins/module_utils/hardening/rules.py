# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The rules of one workload: classified edges into the ingress and egress rules of a CiliumNetworkPolicy."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from .._types import Json
from .classify import Classified
from .joining import NEVER_JOINED
from .keys import edge_key, peer_text
from .model import ENTITY, WORLD, Edge, Inventory, Peer, Workload
from .peers import EVERYWHERE, dns_ports, is_resolver, networks_of, peer_selector, public_names, resolvers

MAX_PORTS = 40
"""Cilium's limit for one list of ports."""
PEERS_SHOWN = 20
"""In the text of a rule; the rule itself and `reasons` have all of them."""
_ICMP = {"ICMPv4": "IPv4", "ICMPv6": "IPv6"}
_ORDER = ("Endpoints", "Entities", "FQDNs", "CIDR", "CIDRSet")

Port = tuple[str, int]
SelectorOf = Callable[[Workload], "Json | None"]


@dataclass
class Rule:
    """One rule of a section (ingress or egress), with a line that says why it is there and the edges behind it."""

    section: str
    body: Json
    text: str
    edges: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Options:
    """What is asked for, and what the platform can do.

    fqdn: rules may name peers by DNS name. networks: CIDRs that stand for the addresses in them. platform_policy: DNS
    is allowed once for each namespace, to all its pods.
    """

    namespaces: tuple[str, ...]
    approved: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("cilium",)
    fqdn: bool = True
    networks: tuple[str, ...] = ()
    platform_policy: bool = False
    dns: Json = field(default_factory=dict)


@dataclass
class _Group:
    """A peer as a rule writes it: kind (one of _ORDER), its value, ports and edges."""

    kind: str
    value: object
    ports: set[Port] = field(default_factory=set)
    edges: list[Classified] = field(default_factory=list)


class RuleMaker:
    """Makes rules. warnings and review collect what a rule allows beyond what was seen, and what was not written."""

    def __init__(self, inventory: Inventory, options: Options, selector_of: SelectorOf) -> None:
        self._inventory = inventory
        self._options = options
        self._selector_of = selector_of
        self.warnings: list[str] = []
        self.review: list[Json] = []

    def ingress(self, workload: Workload, edges: Sequence[Classified]) -> list[Rule]:
        """Rules for the connections that the workload accepts."""
        groups: dict[str, _Group] = {}
        for one in edges:
            for kind, value in self._sources(workload, one.edge):
                _add(groups, kind, value, self._ports(one.edge), one)
        return _rules("ingress", groups.values())

    def egress(self, workload: Workload, edges: Sequence[Classified]) -> list[Rule]:
        """Rules for the connections that the workload opens; DNS first."""
        questions: list[Classified] = []
        others: list[Classified] = []
        for one in edges:
            (questions if is_resolver(one.edge, self._options.dns) else others).append(one)
        groups: dict[str, _Group] = {}
        nameless: dict[Port, list[Classified]] = {}
        named = False
        for one in others:
            peer = one.edge.destination
            if peer.kind == WORLD and not (self._options.fqdn and public_names(peer)):
                nameless.setdefault((one.edge.protocol, one.edge.port), []).append(one)
                continue
            for kind, value in self._destinations(one.edge):
                named = named or kind == "FQDNs"
                _add(groups, kind, value, self._ports(one.edge), one)
        for port, members in sorted(nameless.items()):
            self._addresses(workload, port, members, groups)
        needs_dns = bool(questions) or named
        dns = self.dns_rules(questions) if needs_dns and not self._options.platform_policy else []
        return [*dns, *_rules("egress", groups.values())]

    def dns_rules(self, questions: Sequence[Classified]) -> list[Rule]:
        """Rules towards the resolvers that were asked; the names pass the agent's proxy where it learns from them."""
        dns = self._options.dns
        asked: dict[Peer, Json | None] = {}
        for one in questions:
            peer = one.edge.destination
            asked[peer] = self._selector_of(peer.workload) if peer.workload else None
        ports: Json = {"ports": [{"port": str(port), "protocol": protocol} for protocol, port in dns_ports(dns)]}
        if self._options.fqdn:
            # Never a narrower rule: a layer 7 rule denies even while default deny is off.
            ports["rules"] = {"dns": [{"matchPattern": "*"}]}
        keys = sorted(edge_key(one.edge) for one in questions)
        text = "DNS" if questions else "DNS, which rules with names learn their addresses from"
        return [
            Rule("egress", {**peers, "toPorts": [ports]}, f"{text} at {_resolver_text(peers)}", keys)
            for peers in resolvers(asked.items(), dns)
        ]

    def _ports(self, edge: Edge) -> set[Port]:
        """The port; both protocols for DNS."""
        if is_resolver(edge, self._options.dns):
            return {("TCP", edge.port), ("UDP", edge.port)}
        return {(edge.protocol, edge.port)}

    def _sources(self, workload: Workload, edge: Edge) -> list[tuple[str, object]]:
        peer, what = edge.source, f"{edge.protocol}/{edge.port}"
        if peer.workload is not None:
            return self._endpoint(peer.workload)
        if peer.kind == ENTITY:
            if peer.entity == "remote-node":
                self._warn(
                    f"{workload.text} {what} is open to every node (entity remote-node), the API server's node too."
                )
            return [("Entities", peer.entity)]
        self._warn(f"{workload.text} {what} is open to every address outside (entity world), not only to those seen.")
        if self._is_balanced(edge):
            self._warn(
                f"{workload.text} {what} is open to every node (entity remote-node), the API server's node too:"
                " with externalTrafficPolicy Cluster a client may come through another node."
            )
            return [("Entities", WORLD), ("Entities", "remote-node")]
        return [("Entities", WORLD)]

    def _is_balanced(self, edge: Edge) -> bool:
        """Whether a Service forwards from other nodes to this port."""
        workload, labels = edge.destination.workload, set(edge.destination.labels)
        return any(
            service.type in ("LoadBalancer", "NodePort")
            and service.external_traffic_policy != "Local"
            and workload is not None
            and service.namespace == workload.namespace
            and bool(service.selector)
            and set(service.selector) <= labels
            and (edge.protocol, edge.port) in service.target_ports
            for service in self._inventory.services
        )

    def _destinations(self, edge: Edge) -> list[tuple[str, object]]:
        peer = edge.destination
        if peer.workload is not None:
            return self._endpoint(peer.workload)
        if peer.kind == ENTITY:
            return [("Entities", peer.entity)]
        return [("FQDNs", name) for name in public_names(peer)]

    def _endpoint(self, workload: Workload) -> list[tuple[str, object]]:
        selector = self._selector_of(workload)
        return [] if selector is None else [("Endpoints", peer_selector(workload.namespace, selector))]

    def _addresses(
        self, workload: Workload, port: Port, members: Sequence[Classified], groups: dict[str, _Group]
    ) -> None:
        """Peers without a name that a rule may use: CIDRs, or the whole outside where they are too many."""
        # What only an approval lets through is never part of a wider network.
        alone = [one for one in members if one.edge.destination.address in NEVER_JOINED]
        for one in alone:
            self._networks(workload, port, [one], groups, ())
        if rest := [one for one in members if one not in alone]:
            self._networks(workload, port, rest, groups, self._options.networks)

    def _networks(
        self,
        workload: Workload,
        port: Port,
        members: Sequence[Classified],
        groups: dict[str, _Group],
        ranges: Sequence[str],
    ) -> None:
        what = f"{workload.text} -> {port[0]}/{port[1]}"
        networks = networks_of((one.edge.destination.address for one in members), ranges)
        names = sorted({name for one in members for name in one.edge.destination.names})
        why = f"known by names that no rule can hold here ({', '.join(names)})" if names else "without a name"
        pairs: list[tuple[str, object]]
        if networks is None:
            shown, pairs = "every address outside", [("CIDRSet", network) for network in EVERYWHERE]
            self._warn(f"{what} is open to every address outside but the cloud's own: its peers are many, and {why}.")
        else:
            shown, pairs = ", ".join(networks), [("CIDR", network) for network in networks]
            self._warn(f"{what} is open to {shown}: addresses may change, the peers are {why}.")
        for kind, value in pairs:
            _add(groups, kind, value, {port}, *members)
        self.review.append(
            {
                "kind": "address",
                "connection": f"{what} at {shown}",
                "reason": f"allowed by address: the peers are {why}",
                "approval": "",
            }
        )

    def _warn(self, text: str) -> None:
        if text not in self.warnings:
            self.warnings.append(text)


def _add(groups: dict[str, _Group], kind: str, value: object, ports: Iterable[Port], *edges: Classified) -> None:
    key = f"{_ORDER.index(kind)} {json.dumps(value, sort_keys=True)}"
    group = groups.setdefault(key, _Group(kind, value))
    group.ports |= set(ports)
    group.edges += edges


def _rules(section: str, groups: Iterable[_Group]) -> list[Rule]:
    """One rule for the peers of one kind that have the same ports; ICMP, which excludes ports, in rules of its own."""
    joined: dict[tuple[bool, str, tuple[Port, ...]], list[_Group]] = {}
    for group in groups:
        for icmp in (False, True):
            ports = tuple(sorted(port for port in group.ports if (port[0] in _ICMP) == icmp))
            if ports:
                joined.setdefault((icmp, group.kind, ports), []).append(group)
    prefix = "from" if section == "ingress" else "to"
    found = []
    for (icmp, kind, ports), members in joined.items():
        members.sort(key=lambda group: json.dumps(group.value, sort_keys=True))
        body: Json = {f"{prefix}{kind}": [_peer_body(kind, group.value) for group in members]}
        body |= {"icmps": _icmps(ports)} if icmp else {"toPorts": _port_lists(ports)}
        edges = [one for group in members for one in group.edges if (one.edge.protocol in _ICMP) == icmp]
        keys = sorted({edge_key(one.edge) for one in edges})
        text = rule_text(section, ports, edges)
        if kind == "CIDRSet":
            text += ", and every other address outside but the cloud's own"
        elif kind == "CIDR" and any(one.edge.destination.names for one in edges):
            text += f", by address ({', '.join(str(group.value) for group in members)})"
        found.append(Rule(section, body, text, keys))
    found.sort(key=lambda rule: _rank(rule.body))
    return found


def _rank(body: Json) -> tuple[int, str]:
    kind = next(iter(body)).removeprefix("from").removeprefix("to")
    return _ORDER.index(kind), json.dumps(body, sort_keys=True)


def _peer_body(kind: str, value: object) -> object:
    return {"matchName": value} if kind == "FQDNs" else value


def _port_lists(ports: Sequence[Port]) -> list[Json]:
    listed = [{"port": str(port), "protocol": protocol} for protocol, port in sorted(ports, key=lambda one: one[::-1])]
    return [{"ports": listed[start : start + MAX_PORTS]} for start in range(0, len(listed), MAX_PORTS)]


def _icmps(ports: Sequence[Port]) -> list[Json]:
    fields = [{"family": _ICMP[protocol], "type": number} for protocol, number in ports]
    return [{"fields": fields[start : start + MAX_PORTS]} for start in range(0, len(fields), MAX_PORTS)]


def rule_text(section: str, ports: Sequence[Port], edges: Sequence[Classified]) -> str:
    """`TCP/7070 from shop/Deployment/web (approved: ...)`."""
    shown = ", ".join(f"{protocol}/{port}" for protocol, port in sorted(ports, key=lambda one: one[::-1]))
    ends = (one.edge.source if section == "ingress" else one.edge.destination for one in edges)
    peers = sorted({WORLD if section == "ingress" and peer.kind == WORLD else peer_text(peer) for peer in ends})
    if len(peers) > PEERS_SHOWN:
        peers = [*peers[:PEERS_SHOWN], f"and {len(peers) - PEERS_SHOWN} more"]
    approvals = sorted({one.approved_by for one in edges if one.approved_by})
    approved = f" (approved: {'; '.join(approvals)})" if approvals else ""
    return f"{shown} {'from' if section == 'ingress' else 'to'} {', '.join(peers)}{approved}"


def _resolver_text(peers: Json) -> str:
    if "toEndpoints" in peers:
        return "the resolver's pods"
    return "the node's resolver" if "toEntities" in peers else f"the resolver in {peers['toCIDR'][0]}"
