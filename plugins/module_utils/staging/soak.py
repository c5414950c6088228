# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Watches shadow policies: what no policy covers would be denied if they were enforced; for network_policy_soak."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .._errors import InvalidInput, OperationFailed
from .._text import agree, counted, elapsed_text
from .._types import Json, Params, Progress, Result
from .._wait import TALK_EVERY_S, silent
from ..hardening.marks import LISTEN_ROLE, ROLE_LABEL
from ..hubble.flow import Policy
from ..kube.interface import Exec, Kube
from .connection import Attempt, Shown, attempt_of, client_port, show
from .flows import READY_S, Flows, OpenFlows, covering, derived, direction_of, is_denied, unconnected, verdict_filters
from .inventory import read_inventory, read_policies, require_namespaces
from .judging import Edges, Prediction, Tally, listed

ANY = "allow-any-"
"""What Cilium names where it is only the missing default deny that lets a packet through."""
NODE = "the node itself"
CONTROL_S = 15.0
ONE_SIDE_S = 3.0
LAST_S = 4.0
STILL_S = 0.5
LONGEST_S = 30 * 86400
ALWAYS_LET_IN = frozenset(("reserved:host", "reserved:health"))
"""Labels of sources that every pod of a node lets in: the node itself and its health checks."""


@dataclass(frozen=True)
class Options:
    """The options of network_policy_soak."""

    namespaces: Sequence[str]
    system_namespaces: Sequence[str]
    duration_s: int
    prediction: Prediction
    positive: Attempt | None
    negative: Attempt | None
    max_lost: int
    cilium_namespace: str

    @classmethod
    def of(cls, params: Params) -> Options:
        """From a module's parameters. Raises InvalidInput."""
        if not 1 <= params["duration"] <= LONGEST_S:
            raise InvalidInput(
                f"duration={params['duration']} is not from 1 to {LONGEST_S}.",
                option="duration",
                code="InvalidNumber",
                remedy="Give seconds in this range.",
            )
        controls = [
            attempt_of(name, params[name]) if params[name] else None
            for name in ("positive_control", "negative_control")
        ]
        return cls(
            sorted(set(params["namespaces"])),
            params["system_namespaces"],
            params["duration"],
            Prediction(params["prediction"]),
            controls[0],
            controls[1],
            params["max_lost"],
            params["cilium_namespace"],
        )


@dataclass
class Seen:
    """What the verdicts said."""

    first_packets: int = 0
    explained: int = 0
    predicted: Tally = field(default_factory=Tally)
    unexplained: Tally = field(default_factory=Tally)
    dropped: Tally = field(default_factory=Tally)
    known_drops: int = 0
    by_policy: Counter[str] = field(default_factory=Counter)


class Soak:
    """One soak."""

    def __init__(
        self,
        kube: Kube,
        execute: Exec,
        open_flows: OpenFlows,
        options: Options,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        progress: Progress = silent,
    ) -> None:
        self._kube, self._execute, self._open, self._options = kube, execute, open_flows, options
        self._monotonic, self._progress = monotonic, progress
        self._seen = Seen()
        self._listening: set[tuple[str, str]] = set()
        self._controls: dict[str, str] = {}
        self._own: list[tuple[Attempt, set[int]]] = []
        self._edges: Edges

    def run(self, *, check_mode: bool) -> Result:
        """Watch. Raises OperationFailed (UnexplainedConnections, NewDrops, ControlFailed, ControlNotSeen, ...)."""
        options = self._options
        require_namespaces(self._kube, options.namespaces, system=options.system_namespaces)
        if check_mode:
            return Result(values=self._values(False, 0, [f"would watch for {options.duration_s} s"]))
        controls = {attempt.namespace for attempt in (options.positive, options.negative) if attempt is not None}
        watched = sorted({*options.namespaces, *controls})
        self._listening = {
            (str(policy["metadata"].get("namespace") or ""), str(policy["metadata"]["name"]))
            for policy in read_policies(self._kube, watched)
            if (policy["metadata"].get("labels") or {}).get(ROLE_LABEL) == LISTEN_ROLE
        }
        self._edges = Edges(read_inventory(self._kube))
        with self._open(verdict_filters(watched)) as flows:
            flows.wait_ready(READY_S)
            self._check_controls(flows)
            started = self._monotonic()
            self._watch(flows, started)
            seconds = int(self._monotonic() - started)
            away = unconnected(self._kube, flows.nodes, options.cilium_namespace)
            self._require_complete(flows, away, seconds)
        return Result(values=self._values(True, seconds, [self._line(seconds)]))

    def _check_controls(self, flows: Flows) -> None:
        """A probe that nothing covers must be unexplained, and one that a policy covers must not be."""
        for name, attempt, wants_policy in (
            ("positive", self._options.positive, False),
            ("negative", self._options.negative, True),
        ):
            if attempt is None:
                continue
            shown = show(
                self._kube,
                self._execute,
                flows,
                attempt,
                CONTROL_S,
                one_side_after_s=ONE_SIDE_S,
                others=self._judge,
                monotonic=self._monotonic,
            )
            self._own.append((attempt, shown.ports))
            self._controls[name] = self._control_text(shown)
            unexplained = [flow for flow in shown.verdicts.values() if not self._explained(flow)]
            if not shown.verdicts or bool(unexplained) == wants_policy:
                self._control_failed(name, attempt, shown)

    def _control_text(self, shown: Shown) -> str:
        texts = [text for __, flow in sorted(shown.verdicts.items()) for text in (*self._names(flow), *derived(flow))]
        return ", ".join(dict.fromkeys(texts))

    def _control_failed(self, name: str, attempt: Attempt, shown: Shown) -> None:
        wanted = "a policy must cover" if name == "negative" else "no policy covers"
        said = self._controls[name] or "no verdict"
        raise OperationFailed(
            f"The {name} control {attempt.namespace}/{attempt.pod} to {attempt.host}:{attempt.port}, which {wanted},"
            f" showed: {said}.",
            code="ControlFailed" if shown.verdicts else "ControlNotSeen",
            details={"controls": self._controls, "verdicts": shown.verdicts},
            remedy="The verdicts cannot be trusted for a decision: check the shadow policies and the control itself.",
        )

    def _watch(self, flows: Flows, started: float) -> None:
        end, told = started + self._options.duration_s, started
        while self._monotonic() < end + LAST_S:
            flow = flows.next(STILL_S)
            if flow is not None:
                self._judge(flow)
            if self._monotonic() - told >= TALK_EVERY_S:
                told = self._monotonic()
                seen = counted(self._seen.first_packets, "first packet")
                self._progress(f"soak: {seen} ({elapsed_text(told - started)})")
            if self._seen.unexplained.total or self._seen.dropped.total:
                self._finish_round(flows)
                self._refuse()

    def _finish_round(self, flows: Flows) -> None:
        """Let the rest of what goes wrong at the same time be seen, so that a person decides once."""
        until = self._monotonic() + LAST_S
        while self._monotonic() < until:
            flow = flows.next(STILL_S)
            if flow is not None:
                self._judge(flow)

    def _judge(self, flow: Json) -> None:
        seen, direction = self._seen, direction_of(flow)
        governed = flow.get("destination" if direction == "INGRESS" else "source") or {}
        if not direction or governed.get("namespace") not in self._options.namespaces or self._is_own(flow):
            return
        seen.first_packets += 1
        if is_denied(flow):
            edge = self._edges.of(flow)
            if edge is not None and self._options.prediction.expects(edge):
                seen.known_drops += 1
            else:
                seen.dropped.add(edge, direction)
        elif self._explained(flow):
            seen.explained += 1
            # Of the node itself the verdict says allow-any-ingress, which would read as if nothing covered it.
            others = [reason for reason in derived(flow) if not reason.startswith(ANY)]
            seen.by_policy.update(self._names(flow) or others or [NODE])
        else:
            edge = self._edges.of(flow)
            expected = edge is not None and self._options.prediction.expects(edge)
            (seen.predicted if expected else seen.unexplained).add(edge, direction)

    def _is_own(self, flow: Json) -> bool:
        """Whether it belongs to a control, which is judged by itself."""
        return any(client_port(flow, attempt) in ports for attempt, ports in self._own)

    def _names(self, flow: Json) -> list[str]:
        """The policies that cover a packet; a listening policy covers nothing."""
        return [
            Policy(kind, namespace, name, "").text()
            for kind, namespace, name in covering(flow)
            if (namespace, name) not in self._listening
        ]

    def _explained(self, flow: Json) -> bool:
        if self._names(flow):
            return True
        # Without a default deny the verdict does not name that exception: kubelet's probes look like strangers then.
        if direction_of(flow) == "INGRESS" and ALWAYS_LET_IN & set((flow.get("source") or {}).get("labels") or []):
            return True
        reasons = derived(flow)
        # allow-localhost-ingress: a node always reaches its own pods.
        return bool(reasons) and not any(reason.startswith(ANY) for reason in reasons)

    def _refuse(self) -> None:
        seen = self._seen
        details = {
            "summary": self._summary(0),
            "review": seen.unexplained.documents(),
            "dropped": seen.dropped.documents(),
            "by_policy": dict(sorted(seen.by_policy.items())),
        }
        if seen.dropped.total:
            raise OperationFailed(
                f"Connections are dropped that were not known to be: {listed(seen.dropped.texts())}.",
                code="NewDrops",
                details=details,
                remedy="A shadow policy blocks nothing: find out which policy does, and since when.",
            )
        texts = seen.unexplained.texts()
        raise OperationFailed(
            f"{counted(len(texts), 'connection')} would be denied that {agree(len(texts), 'was', 'were')} not"
            f" predicted: {listed(texts)}.",
            code="UnexplainedConnections",
            details=details,
            remedy="Approve what is needed and generate the policies again, or predict what is to be denied.",
        )

    def _require_complete(self, flows: Flows, away: Sequence[str], seconds: int) -> None:
        tolerated = flows.lost <= self._options.max_lost
        problems = [*(flows.problems if tolerated else flows.why_incomplete), *away]
        if flows.blind_s:
            problems.append("The connection to Hubble relay was broken at the end.")
        if problems:
            raise OperationFailed(
                f"Verdicts of the soak are missing, so it proves nothing: {' '.join(problems)}",
                code="FlowsIncomplete",
                details={"summary": self._summary(seconds)},
                remedy="Repair the cause, then soak again.",
            )

    def _summary(self, seconds: int) -> Json:
        seen = self._seen
        return {
            "seconds": seconds,
            "first_packets": seen.first_packets,
            "explained": seen.explained,
            "predicted": seen.predicted.total,
            "unexplained": seen.unexplained.total,
            "dropped": seen.known_drops,
        }

    def _values(self, passed: bool, seconds: int, lines: list[str]) -> Json:
        return {
            "passed": passed,
            "summary": self._summary(seconds),
            "by_policy": dict(sorted(self._seen.by_policy.items())),
            "unexplained": [{**row, "predicted": True} for row in self._seen.predicted.documents()],
            "controls": self._controls,
            "lines": lines,
        }

    def _line(self, seconds: int) -> str:
        seen = self._seen
        predicted = f", {seen.predicted.total} unexplained as predicted" if seen.predicted.total else ""
        dropped = f"{seen.known_drops} dropped as before" if seen.known_drops else "nothing was dropped"
        return (
            f"soaked for {elapsed_text(seconds)}: {counted(seen.first_packets, 'first packet')},"
            f" {seen.explained} explained"
            f"{predicted}; {dropped}; nothing is missing"
        )
