# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads flows from the agents one by one, by `hubble observe` in their containers: no relay and no gRPC needed."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from .._errors import InvalidInput, NotFound, OperationFailed, TimedOut, Unreachable
from .._types import Clock, Completed, Json
from ..kube.interface import Exec, Kube
from ..kube.kinds import POD
from ..kube.ready import is_ready_pod
from .observation import Collector, FlowRequest, Observation
from .times import Moment, parse_time, rfc3339

AGENT_CONTAINER = "cilium-agent"
AGENTS_AT_ONCE = 5
POLL_EVERY_S = 3.0
OVERLAP_S = 5
"""How far before the newest flow a next question starts: the nodes' clocks differ, and nodes are asked one by one."""
REMEMBERED = 100_000
ONE_BY_ONE = "The agents were asked one by one, each for the flows of its own node, at slightly different times."
POLLED = (
    f"The agents were asked one by one every {POLL_EVERY_S:.0f} s: flows that a node forgot in between are missing."
)


def raise_if_all_failed(observation: Observation) -> None:
    """A filter that the agents refuse reaches us as an error of every node, not of the call."""
    states = set(observation.nodes.values())
    if not observation.problems or states != {"ERROR"} or observation.seen:
        return
    said = " ".join(observation.problems)
    if "filter" in said or is_about_cel(said):
        raise refused_filters(said)
    raise OperationFailed(
        f"No node of the cluster could answer. {said}",
        code="HubbleNodesFailed",
        remedy="Look at the Cilium pods of the nodes that are named.",
    )


def is_about_cel(said: str) -> bool:
    """Whether Hubble's words are about an expression that it cannot read."""
    return "compiling CEL expression" in said


def refused_filters(said: str) -> InvalidInput:
    """The error for filters that only Hubble could judge, with its words."""
    if is_about_cel(said):
        return InvalidInput(
            f"Hubble cannot read an expression of cel_expression: {said}",
            option="cel_expression",
            code="InvalidFilter",
            remedy="Correct it; Hubble evaluates it on `_flow`, for example _flow.verdict == Verdict.DROPPED.",
        )
    return InvalidInput(
        f"Hubble refuses the filters: {said}",
        code="InvalidFilter",
        remedy="Correct the filter that is named; patterns are regular expressions of RE2.",
    )


class AgentReader:
    """Asks each agent for the flows of its node, by `hubble observe` in its container. Needs no gRPC."""

    source = "agents"

    def __init__(self, kube: Kube, execute: Exec, namespace: str, clock: Clock, why: str = "") -> None:
        """why: the sentence that says why no relay is asked, where one would have been."""
        self._kube, self._execute, self._namespace, self._clock = kube, execute, namespace, clock
        self.why = why

    def read(self, request: FlowRequest) -> Observation:
        """Ask each agent once.

        They are asked one after another, so an end that was asked early does not know what an end that was asked late
        tells: that is not complete, unless the request has an end in time.
        """
        collector = Collector(self.source, request.keep)
        for response in self.stream(request):
            collector.add(response)
        observation = collector.finish()
        raise_if_all_failed(observation)
        if request.until is None:
            observation.problems.append(ONE_BY_ONE)
        return observation

    def stream(self, request: FlowRequest) -> Iterator[Json]:
        """The responses of all agents, one agent after another."""
        pods = sorted(self._kube.list(POD, self._namespace, label_selector="k8s-app=cilium"), key=_pod_name)
        if not pods:
            raise NotFound(
                f"There is no agent pod (label k8s-app=cilium) in {self._namespace}.",
                code="CiliumNotFound",
                remedy="Name Cilium's namespace with cilium_namespace.",
            )
        command = agent_command(request)
        with ThreadPoolExecutor(max_workers=AGENTS_AT_ONCE) as threads:
            for responses in threads.map(lambda pod: self._ask(pod, command, request.timeout_s), pods):
                yield from responses

    def follow(self, request: FlowRequest, since: Moment) -> Iterator[Json | None]:
        """What the agents saw since a moment, by asking again and again; None after each round. It does not end."""
        seen: OrderedDict[str, None] = OrderedDict()
        newest = since
        while True:
            self._clock.sleep(POLL_EVERY_S)
            start = max(since, (newest[0] - OVERLAP_S, newest[1]))
            for response in self.stream(replace(request, since=start, number=0, follow_s=0.0)):
                flow = response.get("flow")
                if flow is None:
                    yield response
                    continue
                moment = parse_time(flow["time"]) if flow.get("time") else start
                uuid = str(flow.get("uuid") or id(flow))
                if uuid in seen or moment < since:
                    continue
                seen[uuid] = None
                if len(seen) > REMEMBERED:
                    seen.popitem(last=False)
                newest = max(newest, moment)
                yield response
            yield None

    def _ask(self, pod: Json, command: Sequence[str], timeout_s: float) -> list[Json]:
        node = (pod.get("spec") or {}).get("nodeName", "")
        if not is_ready_pod(pod):
            return [_node_status(node, "UNAVAILABLE", f"pod {_pod_name(pod)} is not ready")]
        try:
            done = self._execute(
                self._namespace, _pod_name(pod), command, container=AGENT_CONTAINER, timeout_s=timeout_s
            )
        except (TimedOut, OperationFailed, Unreachable) as error:
            return [_node_status(node, "ERROR", error.message)]
        return [*_responses(done, node)]


def agent_command(request: FlowRequest) -> list[str]:
    """The command that asks one agent what a request asks the relay."""
    command = ["hubble", "observe", "--output", "jsonpb"]
    since = request.since
    if since is not None:
        command += ["--since", rfc3339(*since)]
    if request.until is not None:
        command += ["--until", rfc3339(*request.until)]
    # With a time the command wants no number: it means all from there on.
    if since is None and request.until is None:
        command += ["--last", str(request.number)]
    for flag, filters in (("--allowlist", request.allow), ("--denylist", request.deny)):
        for one in filters:
            command += [flag, json.dumps(one, separators=(",", ":"))]
    return command


def _responses(done: Completed, node: str) -> Iterator[Json]:
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            response = json.loads(line)
            response.setdefault("node_name", node)
            yield response
    if done.rc == 0:
        yield _node_status(node, "CONNECTED", "")
    else:
        yield _node_status(node, "ERROR", _said(done))


def _said(done: Completed) -> str:
    """What a command said in the end; of a compiler, all of it, which has several lines."""
    lines = done.stderr.strip().splitlines() or [f"exit status {done.rc}"]
    start = next((number for number, line in enumerate(lines) if is_about_cel(line)), len(lines) - 1)
    return " ".join(line.strip() for line in lines[start:])


def _node_status(node: str, state: str, message: str) -> Json:
    return {"node_status": {"state_change": f"NODE_{state}", "node_names": [node], "message": message}}


def _pod_name(pod: Json) -> str:
    return str(pod["metadata"]["name"])
