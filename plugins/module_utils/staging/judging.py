# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Verdicts against a prediction: which edge a flow belongs to, and whether its denial was expected."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from .._errors import InvalidInput
from .._types import Json
from ..hardening.ends import Ends
from ..hardening.keys import edge_key, peer_text
from ..hardening.model import WORLD, Edge, Inventory, Peer

_FIELDS = ("source", "destination", "protocol", "port")
_WORDS = re.compile(r"[^\s,()\[\]]+")
MOST_EDGES = 500
"""Edges that are kept apart; a scan from outside may make any number of them."""


class Prediction:
    """Denials that are expected: a document as network_policy_prove gives it, with `denied` and `already_denied`."""

    def __init__(self, document: Json | None) -> None:
        """Raises InvalidInput for what is none."""
        self._by_port: dict[tuple[str, int], list[tuple[str, str]]] = {}
        for name in ("denied", "already_denied"):
            for item in (document or {}).get(name) or []:
                self._add(name, item)

    def _add(self, name: str, item: object) -> None:
        if not isinstance(item, dict) or not set(_FIELDS) <= set(item):
            raise InvalidInput(
                f"prediction.{name} holds {item!r:.80}, which lacks one of {', '.join(_FIELDS)}.",
                option="prediction",
                code="InvalidPrediction",
                remedy="Give it as network_policy_prove returns it.",
            )
        key = str(item["protocol"]).upper(), int(item["port"])
        self._by_port.setdefault(key, []).append((str(item["source"]), str(item["destination"])))

    def expects(self, edge: Edge) -> bool:
        """Whether a denial of this edge is one of them."""
        pairs = self._by_port.get((edge.protocol.upper(), edge.port), ())
        return any(_is_named(source, edge.source) and _is_named(to, edge.destination) for source, to in pairs)


def _is_named(text: str, peer: Peer) -> bool:
    """Whether a text names a peer; of the outside it holds names and an address, or is `world` for all of it."""
    if peer.kind != WORLD:
        return text == peer_text(peer)
    words = set(_WORDS.findall(text))
    return words == {WORLD} or bool((words - {WORLD}) & {*peer.names, peer.address})


class Edges:
    """Turns the documents of flows into edges."""

    def __init__(self, inventory: Inventory) -> None:
        self._ends = Ends(inventory)

    def of(self, flow: Json) -> Edge | None:
        """The edge of a first packet; None where its ends cannot be told."""
        source, destination = self._ends.source(flow), self._ends.destination(flow)
        if source is None or destination is None:
            return None
        layer4: Json = flow.get("l4") or {}
        protocol: str = next(iter(layer4), "")
        header: Json = layer4.get(protocol) or {}
        port: int = header.get("type", 0) if protocol.startswith("ICMP") else header.get("destination_port", 0)
        return Edge(self._ends.peer_of(source), self._ends.peer_of(destination), protocol, int(port))


@dataclass
class Tally:
    """Counts edges, each with a remark; bounded."""

    rows: dict[tuple[Edge, str], int] = field(default_factory=dict)
    others: int = 0
    """Counted without their edge, since there were too many."""

    def add(self, edge: Edge | None, remark: str = "") -> None:
        """Count one."""
        if edge is None or ((edge, remark) not in self.rows and len(self.rows) >= MOST_EDGES):
            self.others += 1
        else:
            self.rows[edge, remark] = self.rows.get((edge, remark), 0) + 1

    @property
    def total(self) -> int:
        """All that was counted."""
        return sum(self.rows.values()) + self.others

    def texts(self) -> list[str]:
        """The edges, most frequent first."""
        ordered = sorted(self.rows.items(), key=lambda row: (-row[1], edge_key(row[0][0])))
        return list(dict.fromkeys(edge_key(key[0]) for key, __ in ordered))

    def documents(self) -> list[Json]:
        """The edges for results, in a fixed order."""
        found = [edge_row(edge, remark, count) for (edge, remark), count in self.rows.items()]
        return sorted(found, key=lambda row: (row["edge"], row["direction"]))


def edge_row(edge: Edge, direction: str, count: int) -> Json:
    """An edge for results."""
    return {
        "edge": edge_key(edge),
        "source": peer_text(edge.source),
        "destination": peer_text(edge.destination),
        "protocol": edge.protocol,
        "port": edge.port,
        "direction": direction,
        "count": count,
    }


def listed(texts: Iterable[str], most: int = 5) -> str:
    """The first few, and how many more."""
    texts = list(texts)
    more = f" and {len(texts) - most} more" if len(texts) > most else ""
    return f"{', '.join(texts[:most])}{more}"
