# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What was found out of policies: answers, scores, proofs and predictions, as data and as text. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from .._text import agree, counted
from .._types import Json
from .evaluator.compiling import DIRECTIONS, EGRESS, INGRESS
from .evaluator.verdict import Decision
from .keys import edge_key, peer_text
from .model import Edge

MOST_LISTED = 200
"""Edges of a kind that a result lists; the counts are of all."""


@dataclass(frozen=True)
class Answer:
    """What is said of one edge, and by whom."""

    edge: Edge
    decision: Decision
    count: int = 0
    """First packets seen."""

    def as_json(self) -> Json:
        """For results. sides: where it is denied; the lists hold policies and rules by their keys."""
        sides = {EGRESS: self.decision.egress, INGRESS: self.decision.ingress}
        denied = {name: side for name, side in sides.items() if not side.allowed}
        found: Json = {
            "edge": edge_key(self.edge),
            "source": peer_text(self.edge.source),
            "destination": peer_text(self.edge.destination),
            "protocol": self.edge.protocol,
            "port": self.edge.port,
            "count": self.count,
            "sides": [name for name in DIRECTIONS if name in denied],
        }
        if denied:
            found["default_deny_by"] = sorted({key for side in denied.values() for key in side.default_deny_by})
            found["denied_by"] = sorted({key for side in denied.values() for key in side.denied_by})
        else:
            found["allowed_by"] = {name: list(sides[name].allowed_by) for name in DIRECTIONS}
        return found

    @property
    def why(self) -> str:
        """Who allows or denies it."""
        document = self.as_json()
        if document["sides"]:
            by = document["denied_by"] or document["default_deny_by"]
            return f"denied at {' and '.join(document['sides']).lower()} by {', '.join(by)}"
        rules = [rule for name in DIRECTIONS for rule in document["allowed_by"][name]]
        return f"allowed by {', '.join(rules) or 'no rule'}"

    @property
    def text(self) -> str:
        """The edge, and why."""
        return f"{plain_text(self.edge)}: {self.why}"


@dataclass
class Score:
    """How many of a set of edges are allowed, and those that are not."""

    total: int = 0
    denied: list[Answer] = field(default_factory=list)

    @property
    def allowed(self) -> int:
        """Their number."""
        return self.total - len(self.denied)

    def as_json(self) -> Json:
        """For results."""
        return {"total": self.total, "allowed": self.allowed, "denied": listed(self.denied)}


@dataclass
class Proof:
    """Everything that was found out."""

    needed: Score = field(default_factory=Score)
    held_out: Score = field(default_factory=Score)
    forecast: Score = field(default_factory=Score)
    """Edges of the last part of the window, judged by policies that were made from the part before it."""
    denied: list[Answer] = field(default_factory=list)
    """Edges of the evidence that will be denied and work today."""
    already_denied: list[Answer] = field(default_factory=list)
    """Edges of the evidence that were denied when they were observed, and will be."""
    extra: list[Answer] = field(default_factory=list)
    """Edges never seen that rules allow."""
    asked: int = 0
    """Edges never seen that were asked for."""
    possible: int = 0
    """How many of them there are."""
    unprotected: int = 0
    """Those of the asked ones at whose ends nothing is enforced."""
    redundant: list[str] = field(default_factory=list)
    """Rules of which each alone could go without denying anything needed."""
    policies: list[Json] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    @property
    def prediction(self) -> Json:
        """What enforcing will deny, for the modules that watch it."""
        # Complete: what is missing here would count as unpredicted.
        return {
            "denied": [answer.as_json() for answer in self.denied],
            "already_denied": [answer.as_json() for answer in self.already_denied],
        }

    def failures(self, fail_on: Collection[str]) -> list[str]:
        """What is not as it should be, of the kinds needed, held_out, extra and redundant."""
        found = []
        if "needed" in fail_on:
            found += [f"needed, but {answer.text}" for answer in self.needed.denied]
        if "held_out" in fail_on:
            known = {answer.edge for answer in self.needed.denied}
            found += [f"held out, but {answer.text}" for answer in self.held_out.denied if answer.edge not in known]
        if "extra" in fail_on:
            found += [f"never seen, but {answer.text}" for answer in self.extra]
        if "redundant" in fail_on:
            found += [f"{rule} allows nothing that no other rule allows" for rule in self.redundant]
        return found

    def as_json(self) -> Json:
        """For results."""
        return {
            "needed": self.needed.as_json(),
            "held_out": self.held_out.as_json(),
            "forecast": self.forecast.as_json(),
            "extra": {
                "total": len(self.extra),
                "asked": self.asked,
                "possible": self.possible,
                "unprotected": self.unprotected,
                "edges": listed(self.extra),
            },
            "redundant": self.redundant,
            "policies": self.policies,
            "predicted_denials": self.prediction,
        }

    def lines(self) -> list[str]:
        """For a person who has to approve the policies."""
        whole = "all" if self.asked == self.possible else f"a sample of {self.possible}"
        lines = [
            f"needed: {self.needed.allowed} of"
            f" {counted(self.needed.total, 'kind of connection', 'kinds of connections')}"
            f" {agree(self.needed.allowed, 'is', 'are')} allowed",
            (
                f"held out: {self.held_out.allowed} of {self.held_out.total} are allowed"
                if self.held_out.total
                else "held out: nothing, since nothing was first seen in the last part of the window"
            )
            + (f"; policies made before it allow {self.forecast.allowed}" if self.forecast.total else ""),
            f"never seen: {len(self.extra)} of {self.asked} ({whole}) would be allowed"
            + (f", {self.unprotected} more where no end enforces anything" if self.unprotected else ""),
            f"seen, and denied once enforced: {len(self.denied)} that work today,"
            f" {len(self.already_denied)} that are denied today",
            f"rules: {sum(policy['rules'] for policy in self.policies)} in {counted(len(self.policies), 'policy')},"
            f" {len(self.redundant)} that nothing observed needs",
        ]
        for title, answers in (
            ("NEEDED, BUT DENIED", self.needed.denied),
            ("WORKS TODAY, WILL BE DENIED", [answer for answer in self.denied if answer not in self.needed.denied]),
            ("DENIED TODAY AND THEN", self.already_denied),
            ("NEVER SEEN, BUT ALLOWED", self.extra),
        ):
            for answer in answers[:MOST_LISTED]:
                lines += [f"{title}: {plain_text(answer.edge)}", f"    {answer.why}"]
        lines += [f"NOT NEEDED BY ANYTHING OBSERVED: {rule}" for rule in self.redundant]
        return lines + [f"note: {warning}" for warning in self.warnings]


@dataclass(frozen=True)
class Prediction:
    """What one step will deny."""

    flips: dict[str, tuple[str, ...]]
    denied: dict[Edge, Answer]
    """Edges of the evidence that are allowed before the step and denied after it."""
    already: dict[Edge, Answer]
    """Edges of the evidence that are denied before it as well."""

    def expects(self, edge: Edge) -> bool:
        """Whether a drop of the edge is predicted."""
        return edge in self.denied or edge in self.already

    def as_json(self) -> Json:
        """For results and for the modules that watch the step."""
        return {
            "flips": {key: list(directions) for key, directions in sorted(self.flips.items())},
            "denied": [answer.as_json() for answer in self.denied.values()],
            "already_denied": [answer.as_json() for answer in self.already.values()],
        }


def listed(answers: Iterable[Answer]) -> list[Json]:
    """The first of them, for results."""
    return [answer.as_json() for answer in list(answers)[:MOST_LISTED]]


def plain_text(edge: Edge) -> str:
    """As edge_key, but with the addresses of clients, which may be of interest where nobody knows the edge."""
    return f"{peer_text(edge.source)} -> {peer_text(edge.destination)}:{edge.port}/{edge.protocol}"
