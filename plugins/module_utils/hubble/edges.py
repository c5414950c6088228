# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Flows, summarised: who talks to whom, over what, how often, with which verdicts and by whose leave (pure).

An edge goes from the end that opened the connection to the end that was asked; replies are folded into it. Document:

    source, destination   an end: {kind, namespace, name, owner}, and {names, addresses} where kind is outside
    protocol, port        of the asked end; `TCP`, `UDP`, `ICMPv4`, ... (empty without layer 4), null without a port
    flows, replies        events of Hubble, and how many of them were of the answering direction
    first_seen, last_seen RFC 3339 in UTC; empty when no flow had a time
    verdicts              events by verdict: {FORWARDED: 8, DROPPED: 2}
    drop_reasons          dropped events by reason: {POLICY_DENIED: 2}
    directions            events by the side that saw them: {EGRESS: 5, INGRESS: 5}
    types                 events by type: {trace: 6, policy-verdict: 2, drop: 2}
    first_packets         policy verdicts on first packets by direction, then verdict: {EGRESS: {FORWARDED: 2}}
    allowed_by, denied_by [{direction, kind, namespace, name, derived_from, flows}], as the verdicts name them

kind of an end is one of: workload (owner says which, `Deployment`, or `Pod` for a pod without an owner), service (an
address of a Service that was not translated yet), entity (host, remote-node, kube-apiserver, health, ...), outside (an
address outside of the cluster; its name is what DNS told, else the address), namespace (an end of a namespace of which
nothing more is known), unknown. names and addresses hold at most 10, sorted.
"""

from __future__ import annotations

from .._types import Json
from .names import CIDR_IDENTITIES, DROP, EVENT_TYPES, IDENTITIES, POLICY_VERDICT, TRACE_SOCK, WORLD_IDENTITIES
from .times import sortable

MOST_EDGES = 20_000
"""With more edges, addresses outside count as one end, `world`: a public service has clients without number."""
MOST_LISTED = 10
EPHEMERAL_PORT = 32768
"""From here on ports are a client's, where nothing else tells the direction; below are Services' node ports."""

_KINDS = {number: name for name, number in EVENT_TYPES.items()}
_DERIVED = "reserved:io.cilium.policy.derived-from="
_POLICY_LISTS = (
    ("INGRESS", "ingress_allowed_by", True),
    ("EGRESS", "egress_allowed_by", True),
    ("INGRESS", "ingress_denied_by", False),
    ("EGRESS", "egress_denied_by", False),
)

End = tuple[str, str, str, str]
"""kind, namespace, name, owner."""


class _Edge:
    """What is counted of one edge."""

    __slots__ = (
        "addresses",
        "allowed",
        "denied",
        "directions",
        "drop_reasons",
        "first",
        "first_packets",
        "flows",
        "last",
        "names",
        "replies",
        "types",
        "verdicts",
    )

    def __init__(self) -> None:
        self.flows = self.replies = 0
        self.first = self.last = ""
        self.verdicts: dict[str, int] = {}
        self.drop_reasons: dict[str, int] = {}
        self.directions: dict[str, int] = {}
        self.types: dict[str, int] = {}
        self.first_packets: dict[str, dict[str, int]] = {}
        self.allowed: dict[tuple[str, ...], int] = {}
        self.denied: dict[tuple[str, ...], int] = {}
        # Of the two ends; used only where an end is outside.
        self.names: tuple[set[str], set[str]] = (set(), set())
        self.addresses: tuple[set[str], set[str]] = (set(), set())


class EdgeCounter:
    """Counts flows by edge, in memory that grows with the edges and not with the flows."""

    def __init__(self, most_edges: int = MOST_EDGES) -> None:
        self._most_edges = most_edges
        self._edges: dict[tuple[End, End, str, int], _Edge] = {}
        self.flows = 0
        """Flows that were counted."""
        self.ignored = 0
        """Events of socket translation, which repeat what other events tell; they are in no edge."""

    def add(self, flow: Json) -> None:
        """Count one flow (the document under `flow`)."""
        event = (flow.get("event_type") or {}).get("type", 0)
        if event == TRACE_SOCK or flow.get("Type") == "SOCK":
            self.ignored += 1
            return
        self.flows += 1
        protocol, source_port, destination_port, header = _layer4(flow)
        reply = is_reply(flow, protocol, header)
        asker, asked, port = ("destination", "source", source_port) if reply else (
            "source", "destination", destination_port
        )  # fmt: skip
        ends = (end_of(flow, asker), end_of(flow, asked))
        edge = self._edge(ends, protocol, port)
        edge.flows += 1
        if reply:
            edge.replies += 1
        _count(edge.verdicts, str(flow.get("verdict", "VERDICT_UNKNOWN")))
        _count(edge.types, _KINDS.get(event) or str(event))
        self._count_details(edge, flow, event)
        for index, (side, end) in enumerate(((asker, ends[0]), (asked, ends[1]))):
            if end[0] == "outside":
                _note(edge.names[index], flow.get(f"{side}_names") or ())
                _note(edge.addresses[index], ((flow.get("IP") or {}).get(side, ""),))

    def _edge(self, ends: tuple[End, End], protocol: str, port: int) -> _Edge:
        key = (*ends, protocol, port)
        edge = self._edges.get(key)
        if edge is None and len(self._edges) >= self._most_edges:
            key = (_folded(ends[0]), _folded(ends[1]), protocol, port)
            edge = self._edges.get(key)
        if edge is None:
            edge = self._edges[key] = _Edge()
        return edge

    @staticmethod
    def _count_details(edge: _Edge, flow: Json, event: int) -> None:
        time = flow.get("time")
        if time:
            moment = sortable(time)
            if not edge.first or moment < edge.first:
                edge.first = moment
            if moment > edge.last:
                edge.last = moment
        direction = flow.get("traffic_direction", "")
        if direction in ("INGRESS", "EGRESS"):
            _count(edge.directions, direction)
        if event == DROP:
            _count(edge.drop_reasons, str(flow.get("drop_reason_desc") or flow.get("drop_reason") or "UNKNOWN"))
        elif event == POLICY_VERDICT:
            counts = edge.first_packets.setdefault(str(direction or "UNKNOWN"), {})
            _count(counts, str(flow.get("verdict", "VERDICT_UNKNOWN")))
        for policy_direction, name, allows in _POLICY_LISTS:
            for entry in flow.get(name) or ():
                key = (policy_direction, *_policy(entry))
                counts_by = edge.allowed if allows else edge.denied
                counts_by[key] = counts_by.get(key, 0) + 1

    def edges(self) -> list[Json]:
        """The documents, sorted by source, destination, protocol and port."""
        return [_document(key, edge) for key, edge in sorted(self._edges.items(), key=lambda item: item[0])]


def is_reply(flow: Json, protocol: str, header: Json) -> bool:
    """Whether a flow went from the asked end to the asking one.

    Hubble tells it from connection tracking where that is known. Where it is not: a policy judges first packets, flags
    of TCP and types of ICMP tell, and otherwise a packet from a known port to an ephemeral one is an answer.
    """
    told = flow.get("is_reply")
    if told is not None:
        return bool(told)
    if (flow.get("event_type") or {}).get("type") == POLICY_VERDICT or flow.get("drop_reason_desc") in (
        "POLICY_DENIED",
        "POLICY_DENY",
        "AUTH_REQUIRED",
    ):
        return False
    flags = header.get("flags") or {}
    if flags.get("SYN"):
        return bool(flags.get("ACK"))
    if protocol == "ICMPv4":
        return bool(header.get("type", 0) == 0)
    if protocol == "ICMPv6":
        return bool(header.get("type", 0) == 129)
    source, destination = header.get("source_port", 0), header.get("destination_port", 0)
    return bool(0 < source < EPHEMERAL_PORT <= destination)


def end_of(flow: Json, side: str) -> End:
    """The end `source` or `destination` of a flow, without what changes from one replica to the next."""
    endpoint = flow.get(side) or {}
    namespace, pod = endpoint.get("namespace", ""), endpoint.get("pod_name", "")
    if pod:
        for owner in endpoint.get("workloads") or ():
            if owner.get("name"):
                return "workload", namespace, owner["name"], owner.get("kind", "")
        return "workload", namespace, pod, "Pod"
    service = flow.get(f"{side}_service")
    if service and service.get("name"):
        return "service", service.get("namespace", ""), service["name"], ""
    identity = endpoint.get("identity", 0)
    entity = IDENTITIES.get(identity, "")
    is_outside = identity in WORLD_IDENTITIES or identity in CIDR_IDENTITIES
    if entity and identity and not is_outside:
        return "entity", "", entity, ""
    if namespace:
        return "namespace", namespace, namespace, ""
    names, address = flow.get(f"{side}_names"), (flow.get("IP") or {}).get(side, "")
    if is_outside and (names or address):
        return "outside", "", ",".join(sorted(names)) if names else address, ""
    if "reserved:remote-node" in (endpoint.get("labels") or ()):
        return "entity", "", "remote-node", ""
    return "unknown", "", address or (flow.get("ethernet") or {}).get(side, ""), ""


def _layer4(flow: Json) -> tuple[str, int, int, Json]:
    for protocol, header in (flow.get("l4") or {}).items():
        header = header or {}
        return protocol, header.get("source_port", 0), header.get("destination_port", 0), header
    return "", 0, 0, {}


def _policy(entry: Json) -> tuple[str, str, str, str]:
    """kind, namespace, name, and what stands in for an object where there is none."""
    name = entry.get("name", "")
    if name:
        return entry.get("kind", ""), entry.get("namespace", ""), name, ""
    derived = (label.removeprefix(_DERIVED) for label in entry.get("labels") or () if label.startswith(_DERIVED))
    return entry.get("kind", ""), entry.get("namespace", ""), "", next(derived, "")


def _folded(end: End) -> End:
    return ("entity", "", "world", "") if end[0] in ("outside", "unknown") else end


def _count(counts: dict[str, int], name: str) -> None:
    counts[name] = counts.get(name, 0) + 1


def _note(found: set[str], values: list[str] | tuple[str, ...]) -> None:
    if len(found) < MOST_LISTED:
        found.update(value for value in values if value)


def _document(key: tuple[End, End, str, int], edge: _Edge) -> Json:
    source, destination, protocol, port = key
    return {
        "source": _end_document(source, edge.names[0], edge.addresses[0]),
        "destination": _end_document(destination, edge.names[1], edge.addresses[1]),
        "protocol": protocol,
        "port": port or None,
        "flows": edge.flows,
        "replies": edge.replies,
        "first_seen": f"{edge.first}Z" if edge.first else "",
        "last_seen": f"{edge.last}Z" if edge.last else "",
        "verdicts": dict(sorted(edge.verdicts.items())),
        "drop_reasons": dict(sorted(edge.drop_reasons.items())),
        "directions": dict(sorted(edge.directions.items())),
        "types": dict(sorted(edge.types.items())),
        "first_packets": {
            direction: dict(sorted(counts.items())) for direction, counts in sorted(edge.first_packets.items())
        },
        "allowed_by": _policies(edge.allowed),
        "denied_by": _policies(edge.denied),
    }


def _end_document(end: End, names: set[str], addresses: set[str]) -> Json:
    document: Json = dict(zip(("kind", "namespace", "name", "owner"), end, strict=True))
    if end[0] == "outside":
        document["names"] = sorted(names)[:MOST_LISTED]
        document["addresses"] = sorted(addresses)[:MOST_LISTED]
    return document


def _policies(counts: dict[tuple[str, ...], int]) -> list[Json]:
    fields = ("direction", "kind", "namespace", "name", "derived_from")
    return [{**dict(zip(fields, key, strict=True)), "flows": flows} for key, flows in sorted(counts.items())]
