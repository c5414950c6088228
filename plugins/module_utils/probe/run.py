# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Runs probes in pods, side by side, reads their flows, and tries again until all is as expected or time is over."""

from __future__ import annotations

import itertools
import shlex
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace

from .._errors import AuthFailed, CollectionError, InvalidInput, OperationFailed
from .._text import agree, counted, elapsed_text
from .._types import Clock, Json, Params, Progress
from .._wait import SystemClock, silent
from ..hubble.flow import Flow
from ..hubble.observation import FlowReader, FlowRequest, Observation
from ..kube.interface import Exec, Kube
from .attribution import Attribution
from .client_spec import ClientSpec
from .clients import ClientPods
from .evidence import Evidence, is_settled, weigh
from .judge import NOT_RUN, Judgement, judge, mismatch_text, result_document, with_story
from .matching import flow_filters, own_flows
from .plan import Probe
from .report import Report, read_reports
from .script import SLOTS_PER_S, command_of, first_port_of
from .source import default_container, find_pod

PODS_AT_ONCE = 16
LOOK_EVERY_S = {"relay": 0.3, "agents": 2.0}
"""By source: the agents are asked by a command in each of their pods."""
TRIES_PER_QUESTION = {"relay": 50, "agents": 10}
"""Attempts in one question to Hubble; each node tries their filters on each of its flows."""
TRY_AGAIN_AFTER_S = 1.0
EXEC_MARGIN_S = 15.0
"""What the API server and the container's runtime may take beyond the time limit of the client itself."""
EXEC_MARGIN_EACH_S = 0.2
"""What it may take to start one more client beside the others."""
PER_POD = 8
FLOWS_EACH = 400
NAMED = 10
"""Connections that a message names; the results have all."""


@dataclass(frozen=True)
class Settings:
    """How probes are run; all times in seconds.

    verdict: required, optional or off.
    settle_s: how long a probe that is not as expected is tried again; a policy takes a moment to reach the nodes.
    verdict_s: how long the flows of one attempt are waited for.
    per_pod: connections at the same time from one pod, whose memory limit they share.
    stand_in: whether a client pod takes the place of a pod that has no tools.
    """

    verdict: str = "required"
    settle_s: float = 15.0
    verdict_s: float = 10.0
    per_pod: int = PER_POD
    stand_in: bool = False

    def lifetime_s(self, probes: Sequence[Probe]) -> int:
        """How long a run of these probes can take at most, in whole seconds; for pods that must not outlive it."""
        turns = -(-len(probes) // self.per_pod)
        longest_s = max(
            (_longest_s(probes[at : at + self.per_pod]) for at in range(0, len(probes), self.per_pod)), default=0
        )
        # The last round may begin just before the time to settle is over.
        return int(120 + self.settle_s + 2 * (self.verdict_s + turns * longest_s))


def settings_of(params: Params) -> Settings:
    """The settings that the module's options make. Raises InvalidInput."""
    limits = {"settle_timeout": (0, 3600), "verdict_timeout": (0, 3600), "connections_per_pod": (1, 100)}
    for option, (least, most) in limits.items():
        if not least <= params[option] <= most:
            raise InvalidInput(
                f"{option}={params[option]} is not from {least} to {most}.",
                option=option,
                code="InvalidNumber",
                remedy="Give a number in this range.",
            )
    return Settings(
        params["verdict"],
        float(params["settle_timeout"]),
        float(params["verdict_timeout"]),
        params["connections_per_pod"],
        params["client_pods"] == "when_needed",
    )


@dataclass
class _Try:
    """The latest attempt of one probe."""

    probe: Probe
    report: Report = field(default_factory=Report)
    flows: list[Flow] = field(default_factory=list)
    evidence: Evidence = field(default_factory=Evidence)
    judgement: Judgement = field(default_factory=lambda: Judgement("error", False, ""))
    attempts: int = 0
    until: float = 0.0
    """When its flows are waited for no longer."""
    earlier: set[str] = field(default_factory=set)
    """Identifiers of the flows of earlier attempts."""

    def begin(self) -> None:
        """Forget the attempt before."""
        self.earlier |= {flow.uuid for flow in self.flows if flow.uuid}
        self.report, self.flows, self.evidence = Report(), [], Evidence()
        self.attempts += 1


_Source = tuple[str, str, str, "ClientSpec | None"]
"""What decides which pod a probe starts from."""


class ProbeRun:
    """One run of many probes against one cluster."""

    def __init__(
        self,
        kube: Kube,
        execute: Exec,
        reader: FlowReader | None,
        settings: Settings,
        *,
        clients: ClientPods | None = None,
        clock: Clock | None = None,
        progress: Progress = silent,
        first_slot: int | None = None,
    ) -> None:
        """reader is None where no flows are to be read (verdict off), clients where no probe needs a client pod."""
        self._kube, self._execute, self._reader, self._settings = kube, execute, reader, settings
        self._clients = clients
        self._clock = clock or SystemClock()
        self._progress = progress
        self._source = reader.source if reader is not None and reader.source in LOOK_EVERY_S else "relay"
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
        # All are tried once, however many they are and however long that takes; then the time to settle begins.
        settle_until: float | None = None
        while pending:
            self._attempt(pending)
            self._attempt([one for one in pending if self._takes_stand_in(one)])
            pending = [one for one in pending if not one.judgement.passed and not one.report.final]
            now = self._clock.monotonic()
            done = sum(one.judgement.passed for one in tries)
            told = f"{done} of {counted(len(tries), 'connection')} as expected"
            self._progress(f"probes: {told} ({elapsed_text(now - started)})")
            settle_until = now + self._settings.settle_s if settle_until is None else settle_until
            if now >= settle_until:
                break
            if pending:
                self._clock.sleep(min(TRY_AGAIN_AFTER_S, settle_until - now))
        return [self._result(one) for one in tries]

    def _attempt(self, tries: Sequence[_Try]) -> None:
        """Run all once, each with a connection of its own, read their flows meanwhile, and judge them."""
        if not tries:
            return
        for one in tries:
            one.begin()
        threads = ThreadPoolExecutor(max_workers=PODS_AT_ONCE)
        try:
            queues = [self._turns(pod, group) for pod, group in self._by_pod(tries, threads)]
            running = {threads.submit(next, queue): queue for queue in queues}
            waiting: list[_Try] = []
            while running or waiting:
                waiting += self._collect(threads, running, block=not waiting)
                waiting = self._gather(waiting)
                if waiting:
                    self._clock.sleep(LOOK_EVERY_S[self._source])
        finally:
            # Whoever breaks the run off does not wait for its clients; client pods are removed at once.
            threads.shutdown(wait=False, cancel_futures=True)
        for one in tries:
            one.judgement = judge(one.probe, one.report, one.evidence, self._settings.verdict)

    def _collect(
        self, threads: ThreadPoolExecutor, running: dict[Future[list[_Try]], Iterator[list[_Try]]], *, block: bool
    ) -> list[_Try]:
        """The attempts whose clients have ended; the next ones of their pods are begun."""
        ended: list[_Try] = []
        done, __ = wait(running, timeout=None if block else 0, return_when=FIRST_COMPLETED)
        for future in done:
            queue = running.pop(future)
            turn = future.result()
            if turn:
                running[threads.submit(next, queue)] = queue
            ended += turn
        for one in ended:
            one.until = self._clock.monotonic() + self._settings.verdict_s
        return [one for one in ended if self._reader is not None and not one.report.failure]

    def _by_pod(self, tries: Sequence[_Try], threads: ThreadPoolExecutor) -> list[tuple[Json, list[_Try]]]:
        """The attempts by the pod that they start from. Each pod is looked for once."""
        by_source: dict[_Source, list[_Try]] = {}
        for one in tries:
            probe = one.probe
            source = (probe.pod, probe.selector) if probe.client is None else ("", "")
            by_source.setdefault((probe.namespace, *source, probe.client), []).append(one)
        by_pod: dict[str, tuple[Json, list[_Try]]] = {}
        found = threads.map(self._find, [group[0].probe for group in by_source.values()])
        for pod, group in zip(found, by_source.values(), strict=True):
            if isinstance(pod, CollectionError):
                for one in group:
                    # A pod may come yet; a right does not, and what the API server calls wrong stays wrong.
                    final = one.probe.client is not None or isinstance(pod, AuthFailed) or pod.status in (400, 422)
                    one.report = Report(failure=pod.text(), final=final)
            else:
                name = f"{pod['metadata']['namespace']}/{pod['metadata']['name']}"
                by_pod.setdefault(name, (pod, []))[1].extend(group)
        return list(by_pod.values())

    def _find(self, probe: Probe) -> Json | CollectionError:
        try:
            if probe.client is not None and self._clients is not None:
                return self._clients.pod(probe.client)
            return find_pod(self._kube, probe)
        except CollectionError as error:
            return error

    def _turns(self, pod: Json, tries: Sequence[_Try]) -> Iterator[list[_Try]]:
        """Runs the attempts from one pod, so many at a time as it may bear; an empty list is the end."""
        by_container: dict[str, list[_Try]] = {}
        for one in tries:
            by_container.setdefault(one.probe.container or default_container(pod), []).append(one)
        for container, group in by_container.items():
            for start in range(0, len(group), self._settings.per_pod):
                turn = group[start : start + self._settings.per_pod]
                for one, report in zip(turn, self._run_in(pod, container, turn), strict=True):
                    one.report = report
                yield turn
        yield []

    def _run_in(self, pod: Json, container: str, tries: Sequence[_Try]) -> list[Report]:
        """One command in the pod for all these attempts."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        probes = [one.probe for one in tries]
        ports = [first_port_of(next(self._slots)) for __ in tries]
        command = command_of(probes, ports)
        try:
            done = self._execute(namespace, name, command, container=container or None, timeout_s=_longest_s(probes))
        except CollectionError as error:
            reports = [_not_run(error, command, namespace, name) for __ in tries]
        else:
            reports = read_reports(probes, done, ports, pod)
        return [_with_remedy(probe, report) for probe, report in zip(probes, reports, strict=True)]

    def _takes_stand_in(self, one: _Try) -> bool:
        """Whether a client pod takes the place of a pod without tools, if that is wanted; it takes it here."""
        report = one.report
        if not (self._settings.stand_in and self._clients and report.missing and one.probe.client is None):
            return False
        one.probe = replace(
            one.probe, container="", client=ClientSpec(namespace=report.namespace, like=f"Pod/{report.pod}")
        )
        return True

    def _gather(self, tries: Sequence[_Try]) -> list[_Try]:
        """Look for flows once. The attempts that are returned may have more to come."""
        if self._reader is None or not tries:
            return []
        size = TRIES_PER_QUESTION[self._source]
        for start in range(0, len(tries), size):
            self._look(self._reader, tries[start : start + size])
        now = self._clock.monotonic()
        return [one for one in tries if now < one.until and not is_settled(one.probe, one.report, one.evidence)]

    def _look(self, reader: FlowReader, tries: Sequence[_Try]) -> None:
        filters = [one for attempt in tries for one in flow_filters(attempt.probe, attempt.report)]
        unique = [one for index, one in enumerate(filters) if one not in filters[:index]]
        number = FLOWS_EACH * len(tries)
        seen = reader.read(FlowRequest(allow=tuple(unique), keep=number * 4, number=number))
        self._note_problems(seen)
        for one in tries:
            # What was seen once stays seen, though the next answer does not come.
            one.flows = own_flows(one.probe, one.report, seen.flows, one.earlier) or one.flows
            one.evidence = weigh(one.probe, one.report, one.flows)

    def _note_problems(self, seen: Observation) -> None:
        self.problems += [problem for problem in seen.problems if problem not in self.problems]

    def _result(self, one: _Try) -> Json:
        denial = one.evidence.denial
        default_deny: Sequence[str] = ()
        if denial is not None and not denial.denied_by.get(denial.direction):
            default_deny = self._attribution.of_flow(denial)
        judgement = one.judgement
        if not judgement.passed and one.evidence.deciding is None and not one.report.failure and self.problems:
            # What is missing may be the very proof.
            judgement = replace(judgement, why=" ".join([judgement.why, *self.problems]).strip())
        known = (one.probe, one.report, one.evidence, judgement, one.flows)
        document = result_document(*known, default_deny, one.attempts)
        if one.judgement.passed:
            return document
        pods = {
            (peer.namespace, peer.pod) for flow in one.flows for peer in (flow.source, flow.destination) if peer.pod
        }
        return with_story(document, *known, [self._attribution.of_pod(*pod) for pod in sorted(pods)])


def _longest_s(probes: Sequence[Probe]) -> float:
    """What the command of these attempts may take."""
    longest = max((probe.timeout_s for probe in probes), default=0)
    return longest + EXEC_MARGIN_S + EXEC_MARGIN_EACH_S * len(probes)


def _not_run(error: CollectionError, command: Sequence[str], namespace: str, name: str) -> Report:
    """The report of attempts that could not be begun, or did not end."""
    missing = "sh" if error.code == "CommandNotFound" else ""
    # Nobody wants to read the script.
    error.message = error.message.replace(f"`{shlex.join(command)}`", "The clients")
    if error.code == "ExecTimeout":
        error.remedy = f"Look at the load of the pod and of its node; connections_per_pod is {PER_POD} when not set."
    if error.status == 403:
        error.remedy = f"Grant get and create on pods/exec in namespace {namespace} to this credential."
    return Report(
        failure=error.message if missing else error.text(),
        missing=missing,
        final=isinstance(error, (AuthFailed, InvalidInput)) or bool(missing),
        namespace=namespace,
        pod=name,
    )


def _with_remedy(probe: Probe, report: Report) -> Report:
    """What to do about a pod without tools, beside what is missing."""
    if not report.missing:
        return report
    if probe.client is not None:
        remedy = "Name an image that has it with client_image."
    else:
        remedy = (
            f"Probe from a short-lived pod with the same labels: from.client.like=Pod/{report.pod}, or"
            " client_pods=when_needed."
        )
    return replace(report, failure=f"{report.failure} {remedy}")


def mismatches(results: Sequence[Json]) -> str:
    """One sentence that names the connections which are not as expected, the first ones of many; empty when all are."""
    failed = [result for result in results if not result["passed"]]
    stories = "; ".join(mismatch_text(result) for result in failed[:NAMED])
    more = f"; and {len(failed) - NAMED} more" if len(failed) > NAMED else ""
    which = f"{len(failed)} of {counted(len(results), 'connection')} {agree(len(failed), 'is', 'are')}"
    return f"{which} not as expected: {stories}{more}" if failed else ""


def require_passed(results: Sequence[Json]) -> None:
    """Raise OperationFailed (ConnectivityMismatch) that names the connections which are not as expected.

    Its remedy tells the whole story of the first one that has a story, and the command that shows more.
    """
    text = mismatches(results)
    if not text:
        return
    first: Json = next((one for one in results if not one["passed"] and one["observed"] != NOT_RUN), {})
    command = f" See: {first['next_command']}" if first.get("next_command") else ""
    raise OperationFailed(
        text if text.endswith(".") else f"{text}.",
        code="ConnectivityMismatch",
        remedy=f"{first['story']}{command}" if first else "",
        details={"results": list(results)},
    )
