# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Edges put together: the same edge twice, addresses with their names, too many addresses; and the order of edges.

Whatever is done here gives the same result in whatever order the parts come.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from .model import WORLD, Edge, Evidence, Peer, Seen

SOURCE_ADDRESSES, DESTINATION_ADDRESSES = 16, 64
"""Addresses outside that are kept apart for one server port, and for one client, port and set of names."""
METADATA = ("169.254.169.254", "fd00:ec2::254")
"""Where clouds give out credentials of the node."""
WIRE_SERVER = "168.63.129.16"
"""Azure's agent endpoint, which also answers DNS."""
NEVER_JOINED = frozenset((*METADATA, WIRE_SERVER))
"""Addresses outside that must not get lost among many others."""


@lru_cache(maxsize=65536)
def address_text(text: str) -> str:
    """An address in its one spelling (IPv4 in IPv6 as IPv4, no zone); empty for what is none."""
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(getattr(address, "ipv4_mapped", None) or address)


def normal(edges: Mapping[Edge, Seen]) -> dict[Edge, Seen]:
    """Edges as evidence has them: an address has one set of names for each client, and addresses are bounded."""
    return limited(named(edges))


def named(edges: Mapping[Edge, Seen]) -> dict[Edge, Seen]:
    """Give each address outside all the names that its client knows it by, also where a flow did not say.

    The names are those that the client itself asked DNS for; a connection that was open before is without one.
    """
    names: dict[tuple[object, str], set[str]] = {}
    for edge in edges:
        if edge.destination.names and edge.destination.address:
            names.setdefault(_client(edge), set()).update(edge.destination.names)
    found: dict[Edge, Seen] = {}
    for edge, seen in edges.items():
        known = names.get(_client(edge))
        if known and edge.destination.kind == WORLD:
            edge = replace(edge, destination=replace(edge.destination, names=tuple(sorted(known))))
        found[edge] = join(found[edge], seen) if edge in found else seen
    return found


def _client(edge: Edge) -> tuple[object, str]:
    return edge.source.workload or edge.source, edge.destination.address


def join(first: Seen, second: Seen) -> Seen:
    """The same edge in two stretches of time."""
    return Seen(
        egress=first.egress + second.egress,
        ingress=first.ingress + second.ingress,
        denied=first.denied + second.denied,
        first_s=min(filter(None, (first.first_s, second.first_s)), default=0.0),
        last_s=max(first.last_s, second.last_s),
        nodes=first.nodes | second.nodes,
    )


def limited(edges: Mapping[Edge, Seen]) -> dict[Edge, Seen]:
    """Keep so many addresses outside for each server port as the aggregator does, and join the rest."""
    found = dict(edges)
    for side, limit in (("source", SOURCE_ADDRESSES), ("destination", DESTINATION_ADDRESSES)):
        groups: dict[Edge, list[Edge]] = {}
        for edge in found:
            peer = getattr(edge, side)
            if peer.kind == WORLD and peer.address and peer.address not in NEVER_JOINED:
                groups.setdefault(replace(edge, **{side: replace(peer, address="")}), []).append(edge)
        for anywhere, members in groups.items():
            members.sort(key=lambda edge: (len(getattr(edge, side).address), getattr(edge, side).address))
            for edge in members[limit:]:
                seen = found.pop(edge)
                found[anywhere] = join(found[anywhere], seen) if anywhere in found else seen
    return found


def peers_of(evidence: Evidence) -> list[Peer]:
    """All peers of the edges, sorted."""
    return sorted({peer for edge in evidence.edges for peer in (edge.source, edge.destination)}, key=sort_key)


def sort_key(peer: Peer) -> tuple[Any, ...]:
    """A total order of peers (dataclass order cannot compare a workload with None)."""
    workload = peer.workload
    owner = (workload.namespace, workload.kind, workload.name) if workload else ()
    return (peer.kind, owner, peer.labels, peer.entity, peer.address, peer.names)


def edge_sort_key(edge: Edge) -> tuple[Any, ...]:
    """A total order of edges."""
    return (sort_key(edge.source), sort_key(edge.destination), edge.protocol, edge.port)
