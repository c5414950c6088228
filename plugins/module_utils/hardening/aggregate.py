# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Flows into edges, one JSON document at a time.

What counts (in this order): verdicts of first packets; traces that say they are no reply; drops that a policy decided.
A trace without `is_reply` proves no direction and is never an edge. Made for millions of flows: it reads the raw
documents, remembers each pod, and keeps no flow. The result does not depend on the order of the flows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from ..hubble.names import DROP, L7, NUMBERS, POLICY_VERDICT, TRACE
from ..hubble.times import parse_time
from .ends import End, Ends, World
from .joining import DESTINATION_ADDRESSES, NEVER_JOINED, SOURCE_ADDRESSES, address_text, normal
from .model import WORLD, Edge, Evidence, Inventory, Seen

# Only what no rule allowed (133) or a deny rule stopped (181) can be answered by a rule.
_POLICY_DROPS = frozenset((133, 181))
_VERDICTS = {"FORWARDED": 1, "REDIRECTED": 1, "AUDIT": 1, "DROPPED": -1, "ERROR": -1}
_COMPACT_EVERY = 20_000
HIGH_PORT = 32768
"""From here on systems choose the ports of clients."""

Key = tuple[End, End, str, int]


class _Count:
    """How an edge was seen so far; verdicts and traces apart, because one connection may give both."""

    __slots__ = ("client_ports", "denied", "first", "last", "nodes", "traces", "verdicts")

    def __init__(self) -> None:
        self.verdicts = [0, 0]
        self.traces = [0, 0]
        self.denied = 0
        self.first = self.last = 0.0
        self.nodes: set[str] = set()
        self.client_ports: set[int] = set()
        """Of traces to a high port: client ports below HIGH_PORT, and HIGH_PORT for all others."""

    def add(self, other: _Count) -> None:
        """Join the counts of another key."""
        for side in (0, 1):
            self.verdicts[side] += other.verdicts[side]
            self.traces[side] += other.traces[side]
        self.denied += other.denied
        self.first = min(filter(None, (self.first, other.first)), default=0.0)
        self.last = max(self.last, other.last)
        self.nodes |= other.nodes
        self.client_ports |= other.client_ports

    def seen(self) -> Seen:
        """Counts of verdicts where there are any, for a trace repeats what a verdict said."""
        egress, ingress = (self.verdicts[side] or self.traces[side] for side in (0, 1))
        return Seen(egress, ingress, self.denied, self.first, self.last, set(self.nodes))


class Aggregator:
    """Takes the documents of a stream of flows and gives the edges that they prove."""

    def __init__(self, inventory: Inventory | None = None) -> None:
        self._inventory = inventory or Inventory()
        self._ends = Ends(self._inventory)
        self._counts: dict[Key, _Count] = {}
        self._names: dict[tuple[End, str], set[str]] = {}
        self._seconds: dict[str, int] = {}
        self._world_keys = 0
        self.ignored: dict[str, int] = {}
        """Flows that are no evidence, by reason."""
        self.flows = 0
        self.lost = 0
        self.nodes: set[str] = set()
        self.problems: set[str] = set()
        """Nodes that did not answer, as texts."""

    def add_line(self, line: str, number: int = 0) -> None:
        """One line of `hubble observe -o jsonpb`. Raises InvalidInput with the number of a line that is no flow."""
        if not line.strip():
            return
        try:
            document = json.loads(line)
            if "\\u" in line:
                # Half of a character, which no text can hold.
                json.dumps(document, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            raise InvalidInput(
                f"flows: line {number} is not JSON: {error}.",
                option="flows",
                code="InvalidFlows",
                remedy="Give the output of `hubble observe -o jsonpb`; a last line that is not whole means a cut file.",
            ) from error
        if not isinstance(document, dict):
            raise InvalidInput(
                f"flows: line {number} is no object.",
                option="flows",
                code="InvalidFlows",
                remedy="Give the output of `hubble observe -o jsonpb`.",
            )
        try:
            self.add(document)
        except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
            raise InvalidInput(
                f"flows: line {number} is no flow of Hubble: {type(error).__name__} {error}.",
                option="flows",
                code="InvalidFlows",
                remedy="Give the output of `hubble observe -o jsonpb`.",
            ) from error

    def add(self, document: Json) -> None:
        """One message of a stream ({"flow": ...}, {"lost_events": ...}, {"node_status": ...}), or a bare flow."""
        flow = document.get("flow")
        if flow is not None:
            self._flow(flow, document.get("node_name") or flow.get("node_name") or "")
        elif "lost_events" in document:
            self.lost += int((document["lost_events"] or {}).get("num_events_lost") or 1)
        elif "node_status" in document:
            status = document["node_status"] or {}
            if status.get("state_change") in ("NODE_UNAVAILABLE", "NODE_ERROR", "NODE_GONE"):
                self.problems.add(f"{status['state_change']}: {', '.join(status.get('node_names') or ())}")
        elif "source" in document or "destination" in document or "verdict" in document:
            self._flow(document, document.get("node_name") or "")
        else:
            self._ignore("no-flow")

    def evidence(self) -> Evidence:
        """The edges so far. Namespaces, chunks and cluster are for the caller to fill in."""
        self._compact()
        named = _with_names(self._counts, self._names)
        ignored = dict(self.ignored)
        for key in self._swapped(named):
            count = named.pop(key)
            ignored["swapped"] = ignored.get("swapped", 0) + sum(count.traces)
        edges: dict[Edge, Seen] = {}
        for (source, destination, protocol, port), count in named.items():
            edges[Edge(self._ends.peer_of(source), self._ends.peer_of(destination), protocol, port)] = count.seen()
        return Evidence(edges=normal(edges), inventory=self._inventory, ignored=ignored)

    def _swapped(self, counts: Mapping[Key, _Count]) -> list[Key]:
        """Edges that are answers: from a port that the source is known to serve, to a port that only clients use."""
        declared = {
            (facts.workload, protocol, port) for facts in self._inventory.workloads for protocol, port in facts.ports
        }
        found = []
        for key, count in counts.items():
            source, destination, protocol, __ = key
            if not count.client_ports or any(count.verdicts) or HIGH_PORT in count.client_ports:
                continue
            owner = self._ends.peer_of(source).workload
            if all(
                (destination, source, protocol, port) in counts or (owner, protocol, port) in declared
                for port in count.client_ports
            ):
                found.append(key)
        return found

    def _ignore(self, reason: str) -> None:
        self.ignored[reason] = self.ignored.get(reason, 0) + 1

    def _flow(self, flow: Json, node: str) -> None:
        self.flows += 1
        if node:
            self.nodes.add(node)
        event = (flow.get("event_type") or {}).get("type", TRACE)
        if event == L7:
            self._learn_names(flow)
            return
        if event not in (POLICY_VERDICT, TRACE, DROP):
            self._ignore("other-event")
            return
        outcome = self._outcome(flow, event)
        if outcome == 0:
            return
        layer4 = flow.get("l4")
        if not layer4:
            self._ignore("no-protocol")
            return
        protocol, header = next(iter(layer4.items()))
        header = header or {}
        port = header.get("destination_port", 0)
        if protocol.startswith("ICMP"):
            port = header.get("type", 0)
        self._count(flow, event, outcome, protocol, port, header, node)

    def _outcome(self, flow: Json, event: int) -> int:
        """1 for a first packet that passed, -1 for one that a policy stopped, 0 for what proves nothing."""
        outcome = _VERDICTS.get(flow.get("verdict", ""), 0)
        if event == DROP:
            reason = flow.get("drop_reason_desc") or flow.get("drop_reason") or 0
            number = reason if isinstance(reason, int) else NUMBERS["DropReason"].get(reason, 0)
            if number not in _POLICY_DROPS:
                self._ignore(f"other-drop:{reason or 'unknown'}")
                return 0
            return -1
        if outcome == 0:
            self._ignore("no-verdict")
            return 0
        if event == POLICY_VERDICT and outcome < 0:
            return -1
        is_reply = flow.get("is_reply")
        if is_reply:
            self._ignore("reply")
            return 0
        if is_reply is None and event != POLICY_VERDICT:
            # A server that leaves out default values would write false as absent: never guess.
            self._ignore("unknown-direction")
            return 0
        if outcome < 0:
            self._ignore("other-drop:unknown")
            return 0
        return 1

    def _count(
        self, flow: Json, event: int, outcome: int, protocol: str, port: int, header: Mapping[str, Any], node: str
    ) -> None:
        flags = header.get("flags") or {}
        if event != POLICY_VERDICT and flags.get("SYN") and flags.get("ACK"):
            # The server's answer, whatever is_reply says.
            self._ignore("swapped")
            return
        if flow.get("destination_service") and self._ends.is_untranslated(flow):
            self._ignore("untranslated-service")
            return
        direction = flow.get("traffic_direction")
        side = 0 if direction == "EGRESS" else 1 if direction == "INGRESS" else -1
        source, destination = self._ends.source(flow), self._ends.destination(flow)
        if source is None or destination is None or side < 0:
            self._ignore("no-peer" if side >= 0 else "unknown-direction")
            return
        key = (source, destination, protocol, port)
        count = self._counts.get(key)
        if count is None:
            if not isinstance(port, int):
                raise TypeError(f"{port!r} is not the number of a port")
            count = self._counts[key] = _Count()
            if not isinstance(source, int) or not isinstance(destination, int):
                self._world_keys += 1
        if outcome < 0:
            count.denied += 1
        elif event == POLICY_VERDICT:
            count.verdicts[side] += 1
        else:
            count.traces[side] += 1
            if port >= HIGH_PORT and protocol in ("TCP", "UDP", "SCTP"):
                count.client_ports.add(min(header.get("source_port", 0), HIGH_PORT))
        if node:
            count.nodes.add(node)
        text = flow.get("time")
        if text:
            moment = self._time(text)
            count.last = max(count.last, moment)
            count.first = min(count.first, moment) if count.first else moment
        if self._world_keys > _COMPACT_EVERY:
            self._compact()

    def _time(self, text: str) -> float:
        if not text.endswith("Z"):
            seconds, nanos = parse_time(text)
            return seconds + round(nanos / 1e9, 3)
        whole, fraction = text[:19], text[19:23]
        second = self._seconds.get(whole)
        if second is None:
            if len(self._seconds) > 100_000:
                self._seconds.clear()
            second = self._seconds[whole] = parse_time(f"{whole}Z")[0]
        return second + (float(fraction.rstrip("Z")) if len(fraction) > 1 else 0.0)

    def _learn_names(self, flow: Json) -> None:
        """A DNS answer: which name the asking pod knows an address by."""
        answer = (flow.get("l7") or {}).get("dns") or {}
        name = str(answer.get("query") or "").rstrip(".").lower()
        # An answer travels to the pod that asked.
        asking = self._ends.destination(flow) if flow.get("is_reply") else self._ends.source(flow)
        if name and asking is not None:
            for address in answer.get("ips") or ():
                self._names.setdefault((asking, address_text(str(address))), set()).add(name)

    def _compact(self) -> None:
        """Keep the smallest addresses of each group and join the rest: bounded, and the same for every order."""
        self._counts = _limited(self._counts, 0, SOURCE_ADDRESSES)
        self._counts = _limited(self._counts, 1, DESTINATION_ADDRESSES)
        # What is kept must not trigger the next run at once.
        self._world_keys = 0


def _ends(key: Key, side: int) -> tuple[End, End]:
    """The end of a side (0: source), and the other one."""
    return (key[0], key[1]) if side == 0 else (key[1], key[0])


def _limited(counts: dict[Key, _Count], side: int, limit: int) -> dict[Key, _Count]:
    groups: dict[tuple[object, ...], list[Key]] = {}
    for key in counts:
        end, other = _ends(key, side)
        if not isinstance(end, int) and end[0] and end[0] not in NEVER_JOINED:
            # Where both ends are outside, the other's address is no reason for a group of its own.
            groups.setdefault((other if isinstance(other, int) else WORLD, end[1], *key[2:]), []).append(key)
    crowded = [sorted(keys, key=_by_address(side)) for keys in groups.values() if len(keys) > limit]
    if not crowded:
        return counts
    counts = dict(counts)
    for keys in crowded:
        for key in keys[limit:]:
            end, __ = _ends(key, side)
            anywhere: World = ("", () if isinstance(end, int) else end[1])
            joined: Key = (anywhere, *key[1:]) if side == 0 else (key[0], anywhere, *key[2:])
            counts.setdefault(joined, _Count()).add(counts.pop(key))
    return counts


def _by_address(side: int) -> Any:
    return lambda key: (len(key[side][0]), key[side][0], str(key[1 - side]))


def _with_names(counts: dict[Key, _Count], names: Mapping[tuple[End, str], set[str]]) -> dict[Key, _Count]:
    """Name the destinations that flows carry no name for and DNS answers do."""
    found: dict[Key, _Count] = {}
    for key, count in counts.items():
        end = key[1]
        if not isinstance(end, int) and not end[1]:
            known = names.get((key[0], end[0]))
            if known:
                with_names: World = (end[0], tuple(sorted(known)))
                key = (key[0], with_names, key[2], key[3])
        if key in found:
            found[key].add(count)
        else:
            joined = found[key] = _Count()
            joined.add(count)
    return found
