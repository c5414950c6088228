# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Answers as an agent would give them: who may talk to whom, by which rules. Pure, and fast enough to ask a million.

Layers 3 and 4 only; what an HTTP rule would refuse is allowed here. An allowed connection passed both of its ends.
Questions are remembered in three layers: endpoints are taken apart once, a rule meets an endpoint once, and a pair of
endpoints gets a table of ports once.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from ..._types import Json
from ...cilium.semantics import with_default_deny
from .compiling import (
    DIRECTIONS,
    EGRESS,
    INGRESS,
    check_documents,
    flips,
    policy_key,
    rules_of_documents,
)
from .endpoints import Endpoint, Known, known
from .rules import Port, Rule

_PROTOCOLS = {"ICMPV4": "ICMP", "ICMP": "ICMP", "ICMPV6": "ICMPV6"}
_ECHO = {"ICMP": 8, "ICMPV6": 128}


@dataclass(frozen=True)
class Side:
    """What one end's agent says. An end without an agent's policy (the world, a node) allows everything."""

    enforced: bool
    """Whether default deny holds there."""
    allowed: bool
    allowed_by: tuple[str, ...] = ()
    """Keys of rules that allow; also when nothing is enforced."""
    denied_by: tuple[str, ...] = ()
    """Keys of deny rules."""
    would_deny: bool = False
    """Whether it denies once every default deny of ours is on."""
    default_deny_by: tuple[str, ...] = ()
    """Keys of policies whose default deny it is that denies."""


@dataclass(frozen=True)
class Decision:
    """Both ends' answers."""

    egress: Side
    ingress: Side

    @property
    def allowed(self) -> bool:
        """Whether both ends allow."""
        return self.egress.allowed and self.ingress.allowed

    @property
    def would_deny(self) -> bool:
        """Whether either end denies once every default deny of ours is on."""
        return self.egress.would_deny or self.ingress.would_deny


@dataclass(frozen=True)
class Governing:
    """What policies do to an endpoint in one direction. Keys of policies, sorted."""

    enforced: bool
    default_deny_by: tuple[str, ...]
    policies: tuple[str, ...]
    """Those with rules for this direction."""
    shadow_policies: tuple[str, ...]
    """Those of them whose default deny is off."""


OPEN = Side(enforced=False, allowed=True)


class _Applied:
    """The rules that apply to one end in one direction."""

    def __init__(self, end: Known, direction: str, rules: list[Rule]) -> None:
        self.rules = rules
        self.default_deny_by = tuple(sorted({rule.policy for rule in rules if rule.default_deny}))
        # An endpoint that has no labels yet denies whatever the policies say.
        self.enforced = bool(self.default_deny_by) or end.is_init
        self.flips = end.is_init or any(rule.flips for rule in rules)
        # The node's own traffic may always come in, unless a rule denies it. Where no rule applies, as at an endpoint
        # without labels yet, nobody writes that exception.
        self.local_is_welcome = direction == INGRESS and bool(rules)
        self.unmet = self.side((), (), welcome=False)

    def side(self, allowed: tuple[str, ...], denied: tuple[str, ...], welcome: bool) -> Side:
        """The answer where these rules are met. welcome: let in without a rule."""
        good = bool(allowed) or welcome
        allows = not denied and (good or not self.enforced)
        return Side(
            enforced=self.enforced,
            allowed=allows,
            allowed_by=allowed,
            denied_by=denied,
            would_deny=bool(denied) or (not good and self.flips),
            default_deny_by=() if allows or denied else self.default_deny_by,
        )


class _Table:
    """The rules of one end that name one peer, and the answers by port."""

    def __init__(self, applied: _Applied, peer: Known, server: Known) -> None:
        self._applied = applied
        self._matching = [rule for rule in applied.rules if rule.means(peer)]
        self._welcome = applied.local_is_welcome and peer.is_host
        self._server = server
        self._sides: dict[tuple[str, int], Side] = {}

    def side(self, protocol: str, port: int) -> Side:
        """The answer for a port."""
        if not self._matching and not self._welcome:
            return self._applied.unmet
        side = self._sides.get((protocol, port))
        if side is None:
            met = [rule for rule in self._matching if self._on_port(rule.ports, protocol, port)]
            allowed = tuple(rule.key for rule in met if not rule.deny)
            denied = tuple(rule.key for rule in met if rule.deny)
            side = self._sides[protocol, port] = self._applied.side(allowed, denied, self._welcome)
        return side

    def _on_port(self, ports: tuple[Port, ...] | None, protocol: str, port: int) -> bool:
        if ports is None:
            return True
        for entry in ports:
            if entry.protocol != protocol:
                continue
            if entry.name:
                if port and self._server.port(entry.name, protocol) == port:
                    return True
            elif entry.first <= port <= entry.last:
                return True
        return False


class PolicySet:
    """Policies that hold together."""

    def __init__(self, documents: list[Json], namespaces: Mapping[str, Mapping[str, str]]) -> None:
        self.documents = documents
        self.namespaces = {name: dict(labels) for name, labels in namespaces.items()}
        self.warnings: list[str] = []
        """What of the documents is not judged, one sentence each."""
        self.rules = tuple(rules_of_documents(documents, self.warnings))
        self._known: dict[Endpoint, Known] = {}
        self._by_namespace: dict[str, list[Rule]] = {}
        for rule in self.rules:
            self._by_namespace.setdefault(rule.subject.namespace, []).append(rule)
        self._applying: dict[tuple[int, str], _Applied] = {}
        self._pairs: dict[tuple[int, int], tuple[_Table | None, _Table | None]] = {}

    def verdict(self, source: Endpoint, destination: Endpoint, protocol: str, port: int) -> Decision:
        """The answer for a new connection; port is the server's, or the type of ICMP (0 stands for an echo request)."""
        protocol = _PROTOCOLS.get(protocol.upper(), protocol.upper())
        if not port and protocol in _ECHO:
            port = _ECHO[protocol]
        client, server = self._end(source), self._end(destination)
        pair = (id(client), id(server))
        tables = self._pairs.get(pair)
        if tables is None:
            tables = self._pairs[pair] = (
                self._table(client, server, EGRESS),
                self._table(server, client, INGRESS),
            )
        egress, ingress = tables
        return Decision(
            egress.side(protocol, port) if egress else OPEN, ingress.side(protocol, port) if ingress else OPEN
        )

    def applying(self, endpoint: Endpoint, direction: str) -> list[Rule]:
        """The rules that apply to an endpoint in a direction."""
        return self._applied(self._end(endpoint), direction).rules

    def governing(self, endpoint: Endpoint) -> dict[str, Governing]:
        """What holds at an endpoint, by direction."""
        found = {}
        for direction in DIRECTIONS:
            rules = self.applying(endpoint, direction)
            denying = {rule.policy for rule in rules if rule.default_deny}
            policies = {rule.policy for rule in rules}
            found[direction] = Governing(
                bool(denying), tuple(sorted(denying)), tuple(sorted(policies)), tuple(sorted(policies - denying))
            )
        return found

    def enforced(self, policies: Collection[str] | None = None, directions: Collection[str] = DIRECTIONS) -> PolicySet:
        """The same policies with default deny on: of all of ours that are to have it, or of those named by key."""
        return self._switched(True, policies, directions)

    def shadow(self, policies: Collection[str] | None = None, directions: Collection[str] = DIRECTIONS) -> PolicySet:
        """The same policies with default deny off, chosen as in enforced()."""
        return self._switched(False, policies, directions)

    def _switched(self, on: bool, policies: Collection[str] | None, directions: Collection[str]) -> PolicySet:
        documents = []
        values = {direction.lower(): on for direction in directions}
        for document in self.documents:
            chosen = flips(document) if policies is None else policy_key(document) in policies
            documents.append(with_default_deny(document, values) if chosen else document)
        return PolicySet(documents, self.namespaces)

    def _end(self, endpoint: Endpoint) -> Known:
        end = self._known.get(endpoint)
        if end is None:
            end = self._known[endpoint] = known(endpoint, self.namespaces)
        return end

    def _applied(self, end: Known, direction: str) -> _Applied:
        place = (id(end), direction)
        applied = self._applying.get(place)
        if applied is None:
            candidates: list[Rule] = []
            if end.is_managed:
                candidates = self._by_namespace.get("", [])
                if end.namespace:
                    candidates = candidates + self._by_namespace.get(end.namespace, [])
            rules = [rule for rule in candidates if rule.direction == direction and rule.subject.selects(end)]
            applied = self._applying[place] = _Applied(end, direction, rules)
        return applied

    def _table(self, end: Known, peer: Known, direction: str) -> _Table | None:
        applied = self._applied(end, direction)
        if not applied.rules and not end.is_init:
            return None
        return _Table(applied, peer, peer if direction == EGRESS else end)


def compile_policies(documents: Iterable[object], namespaces: Mapping[str, Mapping[str, str]]) -> PolicySet:
    """Policies of any number of namespaces; namespaces: their labels. InvalidInput for a document that is no policy."""
    return PolicySet(check_documents(documents), namespaces)
