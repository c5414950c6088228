# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One question to whoever tells about flows, until it is answered, its time is over, or what was waited for came."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import IO

from .._types import Clock, Json
from .agents import ONE_BY_ONE, POLLED, AgentReader, raise_if_all_failed
from .decode import Decoder, LineDecoder
from .files import FlowFile
from .follow import Connect, Follower
from .match import Matcher
from .observation import Collector, FlowRequest, Observation, Sink
from .relay import RelayReader
from .sinks import Tally
from .times import sortable

READY_S = 20.0
"""How long a follow waits for the relay and for all its nodes."""
GRACE_S = 20.0
"""How long the end of a follow waits for what the relay still holds back."""
TICK_S = 0.2


@dataclass
class Stop:
    """When to end before the time is over: after count flows (0: never), or with the first flow that matches."""

    count: int = 0
    when: Matcher | None = None
    ended_by: str = ""
    """count or flow; empty while neither came."""
    taken: int = 0

    def has_come(self, flow: Json) -> bool:
        """Whether this flow is the last one."""
        self.taken += 1
        if self.when is not None and self.when(flow):
            self.ended_by = "flow"
        elif self.count and self.taken >= self.count:
            self.ended_by = "count"
        return bool(self.ended_by)


def ask(reader: RelayReader | AgentReader, request: FlowRequest, sink: Sink) -> Observation:
    """What there is, into the sink."""
    collector = Collector(reader.source, 1, sink)
    for response in reader.stream(request):
        collector.add(response)
    observation = collector.finish()
    raise_if_all_failed(observation)
    if reader.source == AgentReader.source and request.until is None:
        observation.problems.append(ONE_BY_ONE)
    return observation


def copy_lines(reader: RelayReader, request: FlowRequest, file: IO[bytes], tally: Tally) -> Observation:
    """What there is, straight into a file of JSON lines: as `ask` with a sink that writes them, in half the time."""
    collector, decode, decode_line = Collector(reader.source, 1, tally), Decoder(), LineDecoder()
    for wire in reader.stream(request).wires():
        found = decode_line(wire)
        if found is not None:
            line, verdict, reason = found
            file.write(line.encode("utf-8", "surrogateescape") + b"\n")
            tally.count(verdict, reason)
            continue
        response = decode(wire)
        collector.add(response)
        if "lost_events" in response:
            file.write(json.dumps(response, separators=(",", ":")).encode() + b"\n")
    observation = collector.finish()
    observation.seen = tally.flows
    raise_if_all_failed(observation)
    return observation


def read_file(file: FlowFile, request: FlowRequest, sink: Sink) -> Observation:
    """What of a file is wanted, into the sink; the filters are applied here."""
    matches = Matcher(request.allow, request.deny)
    since = sortable_moment(request.since)
    until = sortable_moment(request.until)
    collector = Collector("file", 1, sink)
    for response in file:
        flow = response.get("flow")
        if flow is not None:
            moment = sortable(flow["time"]) if (since or until) and flow.get("time") else ""
            if (since and moment < since) or (until and moment > until) or not matches(flow):
                continue
        collector.add(response)
    observation = collector.finish()
    observation.problems += file.problems
    return observation


def sortable_moment(moment: tuple[int, int] | None) -> str:
    """A moment as text that compares with that of flows; empty for none."""
    if moment is None:
        return ""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(moment[0])) + (f".{moment[1]:09d}" if moment[1] else "")


def follow_relay(connect: Connect, request: FlowRequest, sink: Sink, stop: Stop) -> Observation:
    """Flows as they come, through broken connections; with request.number also so many from before."""
    collector = Collector(RelayReader.source, 1, sink)
    with Follower(connect, request.allow, deny=request.deny) as follower:
        follower.wait_ready(READY_S)
        earlier = _earlier(connect, request) if request.number else []
        known = {response["flow"].get("uuid") for response in earlier if "flow" in response}
        # What was there before does not count for the end.
        for response in earlier:
            collector.add(response)
        ends_at = time.monotonic() + request.follow_s
        late: list[str] = []
        for flow in _until(follower, ends_at, late):
            if flow.get("uuid") not in known:
                collector.add({"flow": flow, "node_name": flow.get("node_name", ""), "time": flow.get("time", "")})
                if stop.has_come(flow):
                    break
        observation = collector.finish()
        observation.nodes.update(follower.nodes)
        observation.problems += [*follower.why_incomplete, *late]
        observation.lost_events += follower.lost
        observation.interruptions = follower.interruptions
    return observation


def _until(follower: Follower, ends_at: float, late: list[str]) -> Iterator[Json]:
    """The flows until a time; then those that happened before it but are still held back.

    late gets a sentence when these could not be had.
    """
    while time.monotonic() < ends_at:
        flow = follower.next(min(TICK_S, max(ends_at - time.monotonic(), 0.0)))
        if flow is not None:
            yield flow
    is_done, gives_up_at = follower.look_now(), time.monotonic() + GRACE_S
    while time.monotonic() < gives_up_at:
        done = is_done()
        flow = follower.next(0.0 if done else TICK_S)
        if flow is not None:
            yield flow
        elif done:
            return
    late.append(f"At the end, the relay did not tell within {GRACE_S:.0f} s what it still held back.")


def _earlier(connect: Connect, request: FlowRequest) -> list[Json]:
    """The newest flows of before, as many as were asked for."""
    opened: AbstractContextManager[RelayReader] = connect()  # type: ignore[assignment]
    with opened as reader:
        seen = reader.read(replace(request, follow_s=0.0, keep=request.number))
    return [
        {"flow": flow.document, "node_name": flow.node, "time": flow.document.get("time", "")} for flow in seen.flows
    ]


def follow_agents(reader: AgentReader, request: FlowRequest, sink: Sink, stop: Stop, clock: Clock) -> Observation:
    """Flows as the agents tell them, asked again and again; with request.number also so many from before."""
    collector = Collector(reader.source, 1, sink)
    ends_at = clock.monotonic() + request.follow_s
    seconds = time.time()
    since = (int(seconds), int((seconds - int(seconds)) * 1e9))
    if request.number:
        for flow in reader.read(replace(request, follow_s=0.0, keep=request.number)).flows:
            collector.add({"flow": flow.document, "node_name": flow.node, "time": flow.document.get("time", "")})
            since = max(since, (flow.time[0], flow.time[1] + 1))
    for response in reader.follow(request, since):
        if response is None:
            if clock.monotonic() >= ends_at:
                break
            continue
        collector.add(response)
        if "flow" in response and stop.has_come(response["flow"]):
            break
    observation = collector.finish()
    raise_if_all_failed(observation)
    observation.problems.append(POLLED)
    return observation
