# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Runs probes in pods, side by side, reads their flows, and tries again until all is as expected or time is over."""

from __future__ import annotations

import itertools
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from .._errors import CollectionError, InvalidInput, OperationFailed
from .._types import Clock, Json, Params, Progress
from .._wait import SystemClock, elapsed_text, silent
from ..hubble.flow import Flow
from ..hubble.observation import FlowReader, FlowRequest, Observation
from ..kube.interface import Exec, Kube
from ..kube.kinds import POD
from ..kube.ready import is_ready_pod
from .attribution import Attribution
from .evidence import Evidence, flow_filters, is_settled, own_flows, weigh
from .judge import Judgement, judge, mismatch_text, result_document
from .plan import SLOTS_PER_S, Probe, Report, command_of, first_port_of, read_report

AT_ONCE = 16
LOOK_EVERY_S = 0.3
TRY_AGAIN_AFTER_S = 1.0
EXEC_MARGIN_S = 15.0
"""What the API server and the container's runtime may take beyond the time limit of the client itself."""
FLOWS_EACH = 400
TRIES_PER_QUESTION = 50
"""Attempts in one question to Hubble; each node tries their filters on each of its flows."""


@dataclass(frozen=True)
class Settings:
    """How probes are run; all times in seconds.

    verdict: required, optional or off.
    settle_s: how long a probe that is not as expected is tried again; a policy takes a moment to reach the nodes.
    verdict_s: how long the flows of one attempt are waited for.
    """

    verdict: str = "required"
    settle_s: float = 15.0
    verdict_s: float = 10.0


def settings_of(params: Params) -> Settings:
    """The settings that the module's options make. Raises InvalidInput."""
    for option in ("settle_timeout", "verdict_timeout"):
        if not 0 <= params[option] <= 3600:
            raise InvalidInput(f"{option}={params[option]} is not from 0 to 3600.", option=option, code="InvalidNumber")
    return Settings(params["verdict"], float(params["settle_timeout"]), float(params["verdict_timeout"]))


@dataclass
class _Try:
    """The latest attempt of one probe."""

    probe: Probe
    report: Report = field(default_factory=Report)
    flows: list[Flow] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    judgement: Judgement = field(default_factory=lambda: Judgement("error", False, ""))
    attempts: int = 0


class ProbeRun:
    """One run of many probes against one cluster."""

    def __init__(
        self,
        kube: Kube,
        execute: Exec,
        reader: FlowReader | None,
        settings: Settings,
        *,
        clock: Clock | None = None,
        progress: Progress = silent,
        first_slot: int | None = None,
    ) -> None:
        """reader is None where no flows are to be read (verdict off)."""
        self._kube, self._execute, self._reader, self._settings = kube, execute, reader, settings
        self._clock = clock or SystemClock()
        self._progress = progress
        # No attempt may use the ports of another one that Hubble still shows, in this run or in one shortly before.
        self._slots = itertools.count(int(time.time() * SLOTS_PER_S) if first_slot is None else first_slot)
        self._attribution = Attribution(kube)
        self.problems: list[str] = []
        """Why flows may be missing from the evidence, as Hubble told."""

    def run(self, probes: Sequence[Probe]) -> list[Json]:
        """The results, one for each probe, in their order."""
        tries = [_Try(probe) for probe in probes]
        pending = tries
        started = self._clock.monotonic()
        while pending:
            self._attempt(pending)
            pending = [one for one in pending if not one.judgement.passed]
            elapsed = self._clock.monotonic() - started
            done = len(tries) - len(pending)
            self._progress(f"probes: {done} of {len(tries)} connections as expected ({elapsed_text(elapsed)})")
            if elapsed >= self._settings.settle_s:
                break
            if pending:
                self._clock.sleep(min(TRY_AGAIN_AFTER_S, self._settings.settle_s - elapsed))
        return [self._result(one) for one in tries]

    def _attempt(self, tries: Sequence[_Try]) -> None:
        """Run all once, each with a connection of its own, and judge them."""
        ports = [first_port_of(next(self._slots)) for _one in tries]
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(tries))) as threads:
            reports = list(threads.map(self._run_one, [one.probe for one in tries], ports))
        for one, report in zip(tries, reports, strict=True):
            one.report, one.flows, one.evidence = report, [], Evidence()
            one.attempts += 1
        if self._reader is not None:
            self._gather(self._reader, [one for one in tries if not one.report.failure])
        for one in tries:
            one.judgement = judge(one.probe, one.report, one.evidence, self._settings.verdict)

    def _run_one(self, probe: Probe, first_port: int) -> Report:
        try:
            pod = find_pod(self._kube, probe)
            done = self._execute(
                probe.namespace,
                pod["metadata"]["name"],
                command_of(probe, first_port),
                container=probe.container or None,
                timeout_s=probe.timeout_s + EXEC_MARGIN_S,
            )
        except CollectionError as error:
            return Report(failure=error.text())
        return read_report(probe, done, first_port, pod)

    def _gather(self, reader: FlowReader, tries: Sequence[_Try]) -> None:
        """Read flows until each attempt has its proof, or none is to be expected any more."""
        deadline = self._clock.monotonic() + self._settings.verdict_s
        open_tries = list(tries)
        while open_tries:
            for start in range(0, len(open_tries), TRIES_PER_QUESTION):
                self._look(reader, open_tries[start : start + TRIES_PER_QUESTION])
            open_tries = [one for one in open_tries if not is_settled(one.report, one.evidence)]
            if self._clock.monotonic() >= deadline:
                return
            if open_tries:
                self._clock.sleep(LOOK_EVERY_S)

    def _look(self, reader: FlowReader, tries: Sequence[_Try]) -> None:
        filters = [one for attempt in tries for one in flow_filters(attempt.probe, attempt.report)]
        unique = [one for index, one in enumerate(filters) if one not in filters[:index]]
        number = FLOWS_EACH * len(tries)
        seen = reader.read(FlowRequest(allow=tuple(unique), keep=number * 4, number=number))
        self._note_problems(seen)
        for one in tries:
            one.flows = own_flows(one.probe, one.report, seen.flows)
            one.evidence = weigh(one.probe, one.report, one.flows)

    def _note_problems(self, seen: Observation) -> None:
        self.problems += [problem for problem in seen.problems if problem not in self.problems]

    def _result(self, one: _Try) -> Json:
        denial = one.evidence.denial
        default_deny: Sequence[str] = ()
        if denial is not None and not denial.denied_by.get(denial.direction):
            default_deny = self._attribution.of_flow(denial)
        document = result_document(
            one.probe, one.report, one.evidence, one.judgement, one.flows, default_deny, one.attempts
        )
        if one.judgement.passed:
            return document
        pods = {
            (peer.namespace, peer.pod) for flow in one.flows for peer in (flow.source, flow.destination) if peer.pod
        }
        return {**document, "endpoints": [self._attribution.of_pod(*pod) for pod in sorted(pods)]}


def find_pod(kube: Kube, probe: Probe) -> Json:
    """The pod to probe from: by name, or the first ready one (by name) that the selector finds. Raises InvalidInput."""
    if probe.pod:
        pod = kube.get(POD, probe.pod, probe.namespace)
        if pod is None:
            raise InvalidInput(f"There is no pod {probe.namespace}/{probe.pod}.", option="probes", code="PodNotFound")
        return pod
    pods = sorted(
        kube.list(POD, probe.namespace, label_selector=probe.selector), key=lambda pod: str(pod["metadata"]["name"])
    )
    for pod in pods:
        if is_ready_pod(pod):
            return pod
    state = "none of them is ready" if pods else "there is none"
    raise InvalidInput(
        f"No pod of namespace {probe.namespace} with labels {probe.selector} can be probed from: {state}.",
        option="probes",
        code="PodNotFound",
    )


def mismatches(results: Sequence[Json]) -> str:
    """One sentence that names each connection which is not as expected; empty when all are."""
    failed = [result for result in results if not result["passed"]]
    stories = "; ".join(mismatch_text(result) for result in failed)
    return f"{len(failed)} of {len(results)} connections are not as expected: {stories}" if failed else ""


def require_passed(results: Sequence[Json]) -> None:
    """Raise OperationFailed (ConnectivityMismatch) that names each connection which is not as expected."""
    story = mismatches(results)
    if story:
        raise OperationFailed(story, code="ConnectivityMismatch", details={"results": list(results)})
