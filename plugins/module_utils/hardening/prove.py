# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What policies would do, told before they do it: every recorded edge, a held-out part, edges never seen, each rule.

Policies are judged as they will be when they are enforced. Pure.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

from .._types import Json
from .classify import completed
from .evaluator.compiling import EGRESS
from .evaluator.endpoints import Endpoints
from .evaluator.verdict import Decision, PolicySet, compile_policies
from .joining import edge_sort_key, peers_of
from .keys import peer_text
from .model import WORKLOAD, Edge, Evidence, Peer, Seen
from .proof import Answer, Prediction, Proof, Score, plain_text


class _Judge:
    """Answers for edges of an evidence."""

    def __init__(self, evidence: Evidence, policies: PolicySet) -> None:
        self._endpoints = Endpoints(evidence.inventory)
        self._policies = policies

    def decision(self, edge: Edge) -> Decision:
        """The verdict for a new connection of this kind."""
        source, destination = self._endpoints.of(edge.source), self._endpoints.of(edge.destination)
        return self._policies.verdict(source, destination, edge.protocol, edge.port)

    def score(self, edges: Iterable[Edge], evidence: Evidence) -> Score:
        """How the policies do on edges that ought to be allowed."""
        score = Score()
        for edge in _sorted(edges):
            score.total += 1
            decision = self.decision(edge)
            if not decision.allowed:
                score.denied.append(Answer(edge, decision, evidence.edges.get(edge, Seen()).count))
        return score


def prove(
    evidence: Evidence,
    documents: Iterable[object],
    *,
    needed: Collection[Edge] | None = None,
    held_out: Collection[Edge] | None = None,
    held_out_share: float = 0.2,
    random_edges: int = 100_000,
    seed: int = 1,
) -> Proof:
    """Judge policies by evidence. needed: the edges that must be allowed (all that nothing denied, where not given).

    held_out: edges that the policies were not made from; where not given, those first seen in the last held_out_share
    of the window. random_edges: so many edges never seen are asked for, or all of them where there are no more.
    """
    policies = compile_policies(documents, evidence.inventory.namespaces).enforced()
    judge = _Judge(evidence, policies)
    wanted = _working(evidence) if needed is None else set(needed)
    last = split(evidence, held_out_share)[1] if held_out is None else held_out
    proof = Proof(needed=judge.score(wanted, evidence))
    proof.held_out = judge.score([edge for edge in last if held_out is not None or edge in wanted], evidence)
    for edge in _sorted(evidence.edges):
        seen, decision = evidence.edges[edge], judge.decision(edge)
        if not decision.allowed:
            works = completed(edge, seen, evidence.namespaces)
            (proof.denied if works else proof.already_denied).append(Answer(edge, decision, seen.count))
    _ask_for_strangers(proof, evidence, judge, random_edges, seed)
    proof.redundant = _redundant(policies, judge, wanted)
    proof.policies = _per_policy(policies, proof, judge, wanted)
    proof.warnings = sorted({*policies.warnings, *_nameless(evidence, policies)})
    return proof


def redundant_rules(evidence: Evidence, documents: Iterable[object]) -> list[str]:
    """Keys of the rules that no observed connection needs: without any one of them all would still be allowed."""
    policies = compile_policies(documents, evidence.inventory.namespaces).enforced()
    return _redundant(policies, _Judge(evidence, policies), _working(evidence))


def predict(evidence: Evidence, documents: Iterable[object], flips: Mapping[str, Collection[str]]) -> Prediction:
    """What a step denies that switches default deny on, by keys of policies and directions; documents: as they are."""
    before = compile_policies(documents, evidence.inventory.namespaces)
    after = before
    for key, directions in flips.items():
        after = after.enforced([key], directions)
    now, then = _Judge(evidence, before), _Judge(evidence, after)
    denied: dict[Edge, Answer] = {}
    already: dict[Edge, Answer] = {}
    for edge in _sorted(evidence.edges):
        decision = then.decision(edge)
        if not decision.allowed:
            place = denied if now.decision(edge).allowed else already
            place[edge] = Answer(edge, decision, evidence.edges[edge].count)
    return Prediction({key: tuple(sorted(directions)) for key, directions in flips.items()}, denied, already)


def split(evidence: Evidence, share: float) -> tuple[Evidence, list[Edge]]:
    """The evidence without the edges first seen in the last share of the window, and these edges.

    None is held out where the flows had no times.
    """
    times = [(seen.first_s, seen.last_s) for seen in evidence.edges.values() if seen.first_s]
    if not times or share <= 0:
        return evidence, []
    start, end = min(first for first, __ in times), max(last for __, last in times)
    border = end - share * (end - start)
    late = _sorted(edge for edge, seen in evidence.edges.items() if seen.first_s > border)
    kept = {edge: seen for edge, seen in evidence.edges.items() if seen.first_s <= border}
    return replace(evidence, edges=kept), late


def _working(evidence: Evidence) -> set[Edge]:
    return {edge for edge, seen in evidence.edges.items() if completed(edge, seen, evidence.namespaces)}


def _sorted(edges: Iterable[Edge]) -> list[Edge]:
    return sorted(edges, key=edge_sort_key)


def _ask_for_strangers(proof: Proof, evidence: Evidence, judge: _Judge, limit: int, seed: int) -> None:
    """Edges of known ends and ports that were never seen: allowed ones are extra. One end is always a workload."""
    workloads, others, ports = _known_ends(evidence)
    ends = [*workloads, *others]
    from_workloads = len(workloads) * len(ends)
    total = (from_workloads + len(others) * len(workloads)) * len(ports)
    seen = {plain_text(edge) for edge in evidence.edges}
    proof.possible = total
    # The same choice for the same seed, so that two people see the same proof.
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    numbers: Iterable[int] = range(total) if total <= limit else sorted(dice.sample(range(total), limit))
    for number in numbers:
        pair, port = divmod(number, len(ports))
        if pair < from_workloads:
            source, destination = ends[pair // len(ends)], ends[pair % len(ends)]
        else:
            pair -= from_workloads
            source, destination = others[pair // len(workloads)], workloads[pair % len(workloads)]
        edge = Edge(source, destination, *ports[port])
        if plain_text(edge) in seen:
            proof.possible -= 1
            continue
        proof.asked += 1
        decision = judge.decision(edge)
        sides = [side for side in (decision.egress, decision.ingress) if side.enforced]
        proof.unprotected += not sides
        # An end that lets in without a rule is Cilium's own exception for the local node.
        if sides and decision.allowed and all(side.allowed_by for side in sides):
            proof.extra.append(Answer(edge, decision))
            seen.add(plain_text(edge))


def _known_ends(evidence: Evidence) -> tuple[list[Peer], list[Peer], list[tuple[str, int]]]:
    """Workloads, other ends, and (protocol, port)."""
    peers = peers_of(evidence)
    workloads = [peer for peer in peers if peer.kind == WORKLOAD]
    met = {peer.workload for peer in workloads}
    workloads += [
        Peer(WORKLOAD, workload=facts.workload, labels=facts.labels)
        for facts in evidence.inventory.workloads
        if facts.workload not in met and facts.labels and not facts.host_network
    ]
    ports = {(edge.protocol, edge.port) for edge in evidence.edges}
    ports |= {port for facts in evidence.inventory.workloads for port in facts.ports}
    return workloads, [peer for peer in peers if peer.kind != WORKLOAD], sorted(ports)


def _redundant(policies: PolicySet, judge: _Judge, edges: Iterable[Edge]) -> list[str]:
    necessary = set()
    for edge in edges:
        decision = judge.decision(edge)
        for side in (decision.egress, decision.ingress):
            if side.enforced and len(side.allowed_by) == 1:
                necessary.add(side.allowed_by[0])
    # A rule that names nobody is there to deny; it allows nothing that could go.
    rules = [rule.key for rule in policies.rules if not rule.deny and rule.peers]
    return sorted(key for key in rules if key not in necessary)


def _per_policy(policies: PolicySet, proof: Proof, judge: _Judge, needed: Iterable[Edge]) -> list[Json]:
    rows: dict[str, Json] = {}
    policy_of = {rule.key: rule.policy for rule in policies.rules}
    for rule in policies.rules:
        row = rows.setdefault(
            rule.policy, {"policy": rule.policy, "rules": 0, "redundant": 0, "needed": 0, "extra": 0, "denied": 0}
        )
        row["rules"] += bool(rule.peers)
        row["redundant"] += rule.key in proof.redundant

    def count(name: str, decisions: Iterable[Decision], keys: Callable[[Any], Iterable[str]]) -> None:
        for decision in decisions:
            found = {key for side in (decision.egress, decision.ingress) for key in keys(side)}
            for policy in {policy_of.get(key, key) for key in found}:
                rows[policy][name] += 1

    count("needed", (judge.decision(edge) for edge in needed), lambda side: side.allowed_by)
    count("extra", (answer.decision for answer in proof.extra), lambda side: side.allowed_by)
    denied = [*proof.denied, *proof.already_denied]
    count("denied", (answer.decision for answer in denied), lambda side: (*side.denied_by, *side.default_deny_by))
    return [rows[key] for key in sorted(rows)]


def _nameless(evidence: Evidence, policies: PolicySet) -> list[str]:
    """Rules by DNS name at pods whose DNS no rule shows to the agent: Cilium would never learn the addresses."""
    found = []
    endpoints = Endpoints(evidence.inventory)
    for peer in {edge.source for edge in evidence.edges if edge.source.kind == WORKLOAD}:
        rules = policies.applying(endpoints.of(peer), EGRESS)
        if not any(rule.dns for rule in rules):
            named = sorted({rule.policy for rule in rules if rule.names})
            found += [
                f"{key} allows {peer_text(peer)} DNS names, but no rule sends its DNS through Cilium." for key in named
            ]
    return found
