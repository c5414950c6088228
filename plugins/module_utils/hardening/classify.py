# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What each edge is: needed, infrastructure, already denied, suspicious, or unknown; and whether a policy may allow it.

Nothing that is denied today, suspicious or unknown is allowed without a name among the approvals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._text import counted
from .aggregate import HIGH_PORT
from .joining import METADATA, WIRE_SERVER, edge_sort_key
from .keys import Approval, peer_text
from .model import ENTITY, WORLD, Edge, Evidence, Inventory, Peer, Seen, ServiceFacts, Workload
from .peers import is_resolver

NEEDED, INFRASTRUCTURE = "needed", "infrastructure"
DENIED, SUSPICIOUS, UNKNOWN = "denied", "suspicious", "unknown"
KINDS = (NEEDED, INFRASTRUCTURE, DENIED, SUSPICIOUS, UNKNOWN)

SCAN_TARGETS = 10
"""So many denied targets of one source are a scan."""
SCAN_PORTS = 15
"""So many ports of one server that it does not declare, asked by one source, are a scan."""
USUAL_PORTS = (80, 443, 8080, 8443)
"""What a client outside may ask for where it is not known which ports a Service declares."""
_NUMBERS = {
    **dict.fromkeys(("TCP", "UDP", "SCTP"), range(1, 65536)),
    **dict.fromkeys(("ICMPv4", "ICMPv6"), range(256)),
}
"""Protocols that Cilium's rules have words for, and their ports or types."""
_PORT_PROTOCOLS = ("TCP", "UDP", "SCTP")
_ICMP = ("ICMPv4", "ICMPv6")
_LABEL_KEY = re.compile(r"(?:[a-z0-9]([-.a-z0-9]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?")
_LABEL_VALUE = re.compile(r"(?:[A-Za-z0-9]([-._A-Za-z0-9]{0,61}[A-Za-z0-9])?)?")


@dataclass(frozen=True)
class Classified:
    """One edge with its kind. allowed: a policy is to allow it; reason: one sentence without its full stop.

    approved_by: the remark of the approval that lets it through, empty where none was needed. can_be_allowed: whether
    rules have words for it; no approval helps where they have none.
    """

    edge: Edge
    seen: Seen
    kind: str
    allowed: bool
    reason: str
    approved_by: str = ""
    can_be_allowed: bool = True

    @property
    def needs_rule(self) -> bool:
        """Whether it must be written into a policy: the own node and health checks are always let in."""
        return self.allowed and self.edge.source.entity not in ("host", "health")


class _Declared:
    """What the inventory says of ports."""

    def __init__(self, inventory: Inventory) -> None:
        self.is_empty = not inventory.workloads and not inventory.services
        self._ports = {facts.workload: set(facts.ports) for facts in inventory.workloads}
        self._services: dict[str, list[ServiceFacts]] = {}
        for service in inventory.services:
            if service.selector:
                self._services.setdefault(service.namespace, []).append(service)

    def port(self, peer: Peer, protocol: str, port: int) -> bool:
        """Whether the workload's containers or a Service before it declare the port."""
        declared = self._ports.get(peer.workload or Workload("", "", ""), set())
        return (protocol, port) in declared or self.service(peer, protocol, port)

    def service(self, peer: Peer, protocol: str, port: int) -> bool:
        """Whether a Service sends to that port of the workload."""
        if peer.workload is None:
            return False
        labels = set(peer.labels)
        return any(
            (protocol, port) in service.target_ports and set(service.selector) <= labels
            for service in self._services.get(peer.workload.namespace, ())
        )


def completed(edge: Edge, seen: Seen, observed: Sequence[str]) -> int:
    """First packets that got through both sides, as far as both report: observed are the namespaces that do."""
    workload = edge.destination.workload
    if workload is not None and (not observed or workload.namespace in observed):
        return seen.ingress if seen.denied else max(seen.egress, seen.ingress)
    return max(seen.egress, seen.ingress)


def classify(
    evidence: Evidence, approved: Sequence[Approval] = (), namespaces: Iterable[str] | None = None
) -> list[Classified]:
    """All edges that touch the namespaces (all where none are given), sorted."""
    wanted = None if namespaces is None else set(namespaces)
    judge = _Judge(evidence)
    found = []
    for edge in sorted(evidence.edges, key=edge_sort_key):
        if wanted is not None and not wanted & _namespaces(edge):
            continue
        seen = evidence.edges[edge]
        kind, reason = judge.kind(edge, seen)
        allowed = kind in (NEEDED, INFRASTRUCTURE)
        possible = judge.can_be_written(edge)
        approval = next((one for one in approved if one.covers(edge)), None) if possible and not allowed else None
        by = approval.by if approval else ""
        found.append(Classified(edge, seen, kind, allowed or approval is not None, reason, by, possible))
    return found


def unused(classified: Iterable[Classified], approved: Sequence[Approval]) -> list[Approval]:
    """Approvals that name no edge."""
    edges = [one.edge for one in classified]
    return [approval for approval in approved if not any(approval.covers(edge) for edge in edges)]


def _namespaces(edge: Edge) -> set[str]:
    return {peer.workload.namespace for peer in (edge.source, edge.destination) if peer.workload}


def _strange_labels(peer: Peer) -> list[str]:
    """Labels that Kubernetes refuses, so that no pod has them and no selector may."""
    return [
        f"{key}={value}"
        for key, value in peer.labels
        if not (_LABEL_KEY.fullmatch(key) and _LABEL_VALUE.fullmatch(value))
    ]


class _Judge:
    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._declared = _Declared(evidence.inventory)
        self._selected = {facts.workload for facts in evidence.inventory.workloads if facts.selector}
        self._dns = evidence.platform.get("dns") or {}
        denied: dict[Peer, set[tuple[Peer, str, int]]] = {}
        ports: dict[tuple[Peer, Peer], set[tuple[str, int]]] = {}
        for edge, seen in evidence.edges.items():
            if seen.denied:
                denied.setdefault(edge.source, set()).add((edge.destination, edge.protocol, edge.port))
            if edge.destination.workload and not self._declared.port(edge.destination, edge.protocol, edge.port):
                ports.setdefault((edge.source, edge.destination), set()).add((edge.protocol, edge.port))
        self._scanners = {peer for peer, targets in denied.items() if len(targets) >= SCAN_TARGETS}
        self._scanned = {pair for pair, found in ports.items() if len(found) >= SCAN_PORTS}

    def kind(self, edge: Edge, seen: Seen) -> tuple[str, str]:
        """The kind of an edge and why."""
        if edge.source.entity in ("host", "health"):
            return INFRASTRUCTURE, "the own node and its health checks are always let in, so it needs no rule"
        return (
            self._suspicious(edge, seen)
            or self._denied(edge, seen)
            or self._unknown(edge, seen)
            or (
                (INFRASTRUCTURE, "the cluster's DNS")
                if is_resolver(edge, self._dns)
                else (NEEDED, self._why(edge, seen))
            )
        )

    def _suspicious(self, edge: Edge, seen: Seen) -> tuple[str, str] | None:
        source, destination = edge.source, edge.destination
        if destination.address in METADATA or (destination.address == WIRE_SERVER and edge.port != 53):
            return SUSPICIOUS, "the metadata address gives out credentials of the node"
        if seen.denied and source in self._scanners:
            return SUSPICIOUS, f"a scan: its source was denied at {SCAN_TARGETS} or more targets"
        if (source, destination) in self._scanned and not self._declared.port(destination, edge.protocol, edge.port):
            return SUSPICIOUS, f"a scan: its source asked {SCAN_PORTS} or more ports that nobody declares"
        if source.kind == WORLD and not self._is_public(edge):
            what = f"no usual port ({', '.join(map(str, USUAL_PORTS))})" if self._declared.is_empty else "of no Service"
            return SUSPICIOUS, f"clients outside ask for a port that is {what}"
        return None

    def _is_public(self, edge: Edge) -> bool:
        if edge.protocol in _ICMP:
            return False
        if self._declared.is_empty:
            return edge.port in USUAL_PORTS
        return self._declared.service(edge.destination, edge.protocol, edge.port)

    def _denied(self, edge: Edge, seen: Seen) -> tuple[str, str] | None:
        if seen.denied and not completed(edge, seen, self._evidence.namespaces):
            return DENIED, "it is denied today"
        return None

    def _unknown(self, edge: Edge, seen: Seen) -> tuple[str, str] | None:
        for peer in (edge.source, edge.destination):
            if peer.kind == ENTITY and peer.entity in ("init", "unmanaged"):
                return UNKNOWN, f"one end is {peer.entity}: a pod whose labels Cilium does not know"
            if not self._can_be_selected(peer):
                return UNKNOWN, f"{peer_text(peer)} has no lasting labels, so no rule can select it"
            if strange := _strange_labels(peer):
                return UNKNOWN, f"{peer_text(peer)} has a label that Kubernetes does not allow: {strange[0]!r}"
        if edge.port not in _NUMBERS.get(edge.protocol, ()):
            return UNKNOWN, f"no rule can name {edge.protocol} on port {edge.port}"
        is_high = edge.protocol in _PORT_PROTOCOLS and edge.port >= HIGH_PORT and seen.egress + seen.ingress < 2
        if is_high and not self._declared.port(edge.destination, edge.protocol, edge.port):
            return UNKNOWN, "a single packet to a port as clients use them, which nobody declares"
        return None

    def can_be_written(self, edge: Edge) -> bool:
        """Whether Cilium's rules have words for it."""
        ends = (edge.source, edge.destination)
        possible = all(self._can_be_selected(peer) and not _strange_labels(peer) for peer in ends)
        return possible and edge.port in _NUMBERS.get(edge.protocol, ())

    def _can_be_selected(self, peer: Peer) -> bool:
        return peer.workload is None or bool(peer.labels) or peer.workload in self._selected

    def _why(self, edge: Edge, seen: Seen) -> str:
        if seen.denied:
            return f"seen {counted(seen.count, 'time')}, {seen.denied} of them denied"
        if is_single_sided(edge, seen):
            return f"seen {counted(seen.count, 'time')}, by one side only"
        return f"seen {counted(seen.count, 'time')}"


def is_single_sided(edge: Edge, seen: Seen) -> bool:
    """Whether only one of two pods reported it."""
    both = edge.source.workload is not None and edge.destination.workload is not None
    return both and not (seen.egress and seen.ingress)
