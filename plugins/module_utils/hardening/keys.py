# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Readable names of edges, and the approvals that people write with them.

An edge is written `SOURCE -> DESTINATION:PORT/PROTOCOL`, for example
`shop/Deployment/payment -> api.stripe.com:443/TCP`. SOURCE and DESTINATION are `namespace/Kind/name` of a workload, a
reserved identity (host, remote-node, kube-apiserver, ...), a DNS name, an address (IPv6 in brackets), or `world`. PORT
is a number; of ICMP it is the type. An approval is such a text, in which `*` stands for any text, and may be followed
by `#` and a remark: who approved it, and why.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._errors import InvalidInput
from .model import ENTITY, WORLD, Edge, Peer

_FORM = re.compile(r"(?P<source>\S.*?) -> (?P<destination>\S+?):(?P<port>[\d*]+)/(?P<protocol>[A-Za-z0-9*]+)")


@dataclass(frozen=True)
class Approval:
    """One approval: its pattern, and the text that the report shows as the approver."""

    pattern: str
    remark: str

    @property
    def by(self) -> str:
        """The remark, or the pattern where there is none."""
        return self.remark or self.pattern

    def covers(self, edge: Edge) -> bool:
        """Whether it names the edge, by any of its names."""
        expression = ".*".join(re.escape(part) for part in self.pattern.split("*"))
        return any(re.fullmatch(expression, key) for key in edge_keys(edge))


def parse_approvals(texts: Sequence[str]) -> list[Approval]:
    """Approvals from the texts of an option. Raises InvalidInput for one that is not written as an edge."""
    found = []
    for text in texts:
        pattern, __, remark = text.partition("#")
        pattern = pattern.strip()
        if not _FORM.fullmatch(pattern):
            raise InvalidInput(
                f"approved={text!r} does not name a connection.",
                option="approved",
                code="InvalidApproval",
                remedy="Write it as the review does: 'shop/Deployment/payment -> api.stripe.com:443/TCP  # who, why'.",
            )
        found.append(Approval(pattern, remark.strip()))
    return found


def peer_text(peer: Peer) -> str:
    """`shop/Deployment/cart`, `kube-apiserver`, `api.stripe.com`, `203.0.113.7`, `world`."""
    if peer.workload is not None:
        return peer.workload.text
    if peer.kind == ENTITY:
        return peer.entity
    return ",".join(peer.names) or _bracketed(peer.address) or WORLD


def edge_key(edge: Edge) -> str:
    """The name of an edge. Clients outside are `world`, whatever their address, for a rule cannot tell them apart."""
    source = WORLD if edge.source.kind == WORLD else peer_text(edge.source)
    return f"{source} -> {peer_text(edge.destination)}:{edge.port}/{edge.protocol}"


def edge_keys(edge: Edge) -> list[str]:
    """All names of an edge: by each DNS name, by address, and as world."""
    tail = f":{edge.port}/{edge.protocol}"
    return [
        f"{source} -> {destination}{tail}" for source in _texts(edge.source) for destination in _texts(edge.destination)
    ]


def _texts(peer: Peer) -> Iterable[str]:
    yield peer_text(peer)
    if peer.kind == WORLD:
        yield from peer.names
        if peer.address:
            yield _bracketed(peer.address)
        yield WORLD


def _bracketed(address: str) -> str:
    return f"[{address}]" if ":" in address else address
