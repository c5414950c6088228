# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Follows flows of all nodes through the relay, over broken connections, and accounts for everything that is missing.

Connections break: the API server restarts, the relay is replaced, a port-forward is reset. The follower connects again
and asks for everything since the newest flows that it has; flows that come twice are known by their uuid. Where the
ring of a node no longer reaches back so far, or its agent was started anew, flows are missing, and it says so.

A relay puts what it streams in order, and holds flows back until it has `number * nodes` of them (at most 100) or hears
nothing for a second. At a few flows a second that can be a minute. So the stream asks for number=1, and beside it a
plain question, which a relay answers at once, fetches what came since the one before.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol

from .._errors import AuthFailed, CollectionError, InvalidInput, MissingRequirement, TimedOut, Unsupported
from .._types import Json
from .agents import is_about_cel, refused_filters
from .observation import FlowRequest, NodeFacts, no_flows_sentence
from .times import Moment, parse_time

WAITING = 20_000
"""Flows that may wait for the caller; then the stream waits, and what is lost meanwhile is told by Hubble."""
REMEMBERED = 100_000
"""Flows whose uuid is remembered, to recognise them when they come a second time."""
BACK_S = 5
"""How far before the newest flow of the slowest node a new connection starts: relays sort what they get."""
SILENT_S = 60
"""How far a regular question goes back at most for a node that has had no flow for long."""
AGAIN_AFTER_S = 0.5
LOOK_EVERY_S = 3.0
LOOK_TIMEOUT_S = 5.0
FETCH_TIMEOUT_S = 20.0
FOREVER_S = 30 * 86400.0
_FINAL = (AuthFailed, InvalidInput, MissingRequirement, Unsupported)
"""Errors that do not go away by connecting again."""


class Stream(Protocol):
    """Responses, until cancelled."""

    def __iter__(self) -> Iterator[Json]:
        """Documents in the shape of GetFlowsResponse."""

    def cancel(self) -> None:
        """End it."""


class Source(Protocol):
    """A connection to the relay: RelayReader, or a fake in tests."""

    def stream(self, request: FlowRequest) -> Stream:
        """Open a stream."""

    def nodes(self, timeout_s: float) -> list[NodeFacts]:
        """The nodes as they are now."""


Connect = Callable[[], AbstractContextManager[Source]]


class Follower:
    """A stream of flows that outlives its connections. Use it as a context manager; `next` gives one flow at a time.

    What it knows of missing flows is in `problems`, `lost` and `nodes`; `complete` says that there is nothing.
    """

    def __init__(
        self,
        connect: Connect,
        allow: Iterable[Json],
        *,
        deny: Iterable[Json] = (),
        every_s: float = LOOK_EVERY_S,
        urgent: Iterable[Json] | None = None,
    ) -> None:
        """allow, deny: FlowFilter documents; Hubble applies them where the flows are.

        every_s: the most that a flow waits, or, of many, only those that the filters `urgent` let through.
        """
        self._connect, self._allow, self._deny, self._every_s = connect, tuple(allow), tuple(deny), every_s
        self._urgent = self._allow if urgent is None else tuple(urgent)
        self._queue: queue.Queue[Json] = queue.Queue(WAITING)
        self._ended, self._ready = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="hubble-follow")
        self._lock = threading.Lock()
        self._wake, self._looks = threading.Event(), 0
        self._stream: Stream | None = None
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._sampled: dict[str, Moment] = {}
        self._position: dict[str, Moment] = {}
        self._begin: dict[str, Moment] = {}
        self._floor: dict[str, Moment] = {}
        self._uptime: dict[str, float] = {}
        self._blind_since: float | None = time.monotonic()
        self._last_error: CollectionError | None = None
        self._lost: dict[str, int] = {}
        self.problems: list[str] = []
        """Why flows may be missing, each as a sentence."""
        self.nodes: dict[str, str] = {}
        """State by node, as the relay last told it."""
        self.interruptions = 0
        """Connections that broke and were followed by another."""

    def __enter__(self) -> Follower:
        """Start."""
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End all connections."""
        self._ended.set()
        if self._stream is not None:
            self._stream.cancel()
        self._thread.join(LOOK_TIMEOUT_S)

    @property
    def lost(self) -> int:
        """Events that Hubble lost before anybody could read them."""
        return sum(self._lost.values())

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing, and the stream runs."""
        return not self.problems and not self._lost and self._ready.is_set()

    @property
    def why_incomplete(self) -> list[str]:
        """All reasons, as sentences."""
        told = [f"{count} in {source}" for source, count in sorted(self._lost.items())]
        return [*self.problems, *([f"Hubble lost events: {', '.join(told)}."] if told else [])]

    @property
    def blind_s(self) -> float:
        """For how many seconds there has been no connection; 0 while there is one."""
        since = self._blind_since
        return 0.0 if since is None else time.monotonic() - since

    def wait_ready(self, timeout_s: float) -> None:
        """Wait until the relay answers and all its nodes are connected. Nodes that stay away become a problem.

        Raises what the connection failed with, or TimedOut (HubbleTimeout).
        """
        deadline = time.monotonic() + timeout_s
        while not self._ready.wait(0.1):
            self._raise_final()
            if time.monotonic() < deadline:
                continue
            if self._blind_since is not None:
                raise self._last_error or TimedOut(
                    f"Hubble relay did not answer within {timeout_s:.0f} s.",
                    code="HubbleTimeout",
                    remedy="Look at its pods: kubectl --namespace kube-system get pods --selector k8s-app=hubble-relay",
                )
            self._ready.set()
            self._judge_nodes()

    def next(self, timeout_s: float) -> Json | None:
        """The next flow (the document under `flow`), or None when none came in time. Raises a final error."""
        try:
            return self._queue.get(timeout=timeout_s) if timeout_s > 0 else self._queue.get_nowait()
        except queue.Empty:
            self._raise_final()
            return None

    def look_now(self) -> Callable[[], bool]:
        """Ask the relay for what it still holds back. The answer tells whether all until now can be had by `next`."""
        # A look that is under way may have asked already, so two have to end.
        wanted = self._looks + 2

        def is_done() -> bool:
            if self._looks < wanted:
                self._wake.set()
            return self._looks >= wanted

        return is_done

    def _raise_final(self) -> None:
        if isinstance(self._last_error, _FINAL):
            raise self._last_error

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                with self._connect() as source:
                    self._serve(source)
            except CollectionError as error:
                self._last_error = error
                if isinstance(error, _FINAL):
                    return
            if self._blind_since is None:
                self._blind_since = time.monotonic()
                self.interruptions += 1
            self._ended.wait(AGAIN_AFTER_S)

    def _serve(self, source: Source) -> None:
        """Read one connection to its end."""
        resumed = dict(self._position)
        if not self._begin:
            # What was there before the first connection is not asked for; number=1 brings one such flow of each node.
            self._begin = _moments(source, oldest=False)
        self._floor = dict(self._begin)
        for node, moment in resumed.items():
            self._floor[node] = max(_back(moment), self._begin.get(node, (0, 0)))
        self._sampled = {}
        stream = source.stream(FlowRequest(allow=self._allow, deny=self._deny, number=1, follow_s=FOREVER_S))
        self._stream = stream
        if self._ended.is_set():
            stream.cancel()
        closing = threading.Event()
        watcher = threading.Thread(
            target=self._watch, args=(source, stream, closing, resumed), daemon=True, name="hubble-watch"
        )
        watcher.start()
        try:
            for response in stream:
                self._take(response)
        finally:
            closing.set()
            self._wake.set()
            stream.cancel()
            watcher.join(2 * LOOK_TIMEOUT_S)

    def _watch(self, source: Source, stream: Stream, closing: threading.Event, resumed: dict[str, Moment]) -> None:
        """Look after one connection: does it answer, are all nodes there, how far are we?"""
        first = True
        while not closing.is_set():
            try:
                facts = source.nodes(LOOK_TIMEOUT_S)
                newest = _moments(source, oldest=False)
                if first and resumed:
                    self._fetch(source, self._allow, min(resumed.values()))
                    self._look_for_gaps(source, facts, resumed)
                else:
                    self._fetch(source, self._urgent, self._last_point())
            except CollectionError as error:
                self._last_error = error
                stream.cancel()
                return
            first = False
            self._note(facts, newest)
            self._looks += 1
            self._wake.wait(self._every_s if self._ready.is_set() else 0.2)
            self._wake.clear()

    def _last_point(self) -> Moment | None:
        """From where a regular question asks; None where no node has had a flow yet."""
        moments = self._sampled.values()
        newest = max(moments, default=None)
        return None if newest is None else max(min(moments), (newest[0] - SILENT_S, 0))

    def _fetch(self, source: Source, allow: tuple[Json, ...], since: Moment | None) -> None:
        """Ask for what came since; the stream may hold it back, or have lost it with its connection."""
        if since is None:
            return
        request = FlowRequest(allow=allow, deny=self._deny, since=_back(since), timeout_s=FETCH_TIMEOUT_S)
        for response in source.stream(request):
            self._take(response)

    def _note(self, facts: list[NodeFacts], newest: dict[str, Moment]) -> None:
        for node in facts:
            if node.uptime_s < self._uptime.get(node.name, 0.0):
                self._problem(f"The agent of {node.name} was started anew: what it had not told is lost.")
            self._uptime[node.name] = node.uptime_s
        self.nodes = {node.name: node.state for node in facts}
        # What was the newest before the question was asked has come with its answer.
        self._position.update(newest)
        self._sampled = newest
        self._blind_since = None
        if self._ready.is_set():
            self._judge_nodes()
        elif facts and all(node.state == "CONNECTED" for node in facts):
            self._ready.set()

    def _judge_nodes(self) -> None:
        for name, state in sorted(self.nodes.items()):
            if state not in ("CONNECTED", "GONE"):
                self._problem(f"No flows from {name} ({state.lower()}).")
        if not self.nodes:
            self._problem("Hubble relay knows no node.")

    def _look_for_gaps(self, source: Source, facts: list[NodeFacts], resumed: dict[str, Moment]) -> None:
        """After a break: does each node's ring still reach back to what we had?"""
        oldest = _moments(source, oldest=True)
        for node in facts:
            had = resumed.get(node.name)
            if had is not None and node.full and oldest.get(node.name, had) > had:
                self._problem(f"{node.name} has overwritten flows while the connection was broken.")

    def _problem(self, sentence: str) -> None:
        if sentence not in self.problems:
            self.problems.append(sentence)

    def _take(self, response: Json) -> None:
        """One response, from the stream or from a question beside it."""
        if "flow" in response:
            flow = response["flow"]
            with self._lock:
                is_new = self._is_new(flow)
            if is_new:
                self._deliver(flow)
        elif "lost_events" in response:
            lost = response["lost_events"]
            source = str(lost.get("source", "UNKNOWN"))
            self._lost[source] = self._lost.get(source, 0) + int(lost.get("num_events_lost", 0))
        elif "node_status" in response:
            status = response["node_status"]
            state = str(status.get("state_change", "UNKNOWN")).removeprefix("NODE_")
            if state == "ERROR" and is_about_cel(str(status.get("message", ""))):
                # No node will ever answer that.
                raise refused_filters(no_flows_sentence(status))
            if state in ("UNAVAILABLE", "ERROR") and self._ready.is_set():
                self._problem(no_flows_sentence(status))

    def _is_new(self, flow: Json) -> bool:
        floor = self._floor.get(str(flow.get("node_name", "")))
        if floor is not None and flow.get("time") and parse_time(flow["time"]) <= floor:
            return False
        uuid = str(flow.get("uuid", ""))
        if not uuid:
            return True
        if uuid in self._seen:
            return False
        self._seen[uuid] = None
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return True

    def _deliver(self, flow: Json) -> None:
        while not self._ended.is_set():
            try:
                self._queue.put(flow, timeout=0.5)
            except queue.Full:
                continue
            return


def _back(moment: Moment) -> Moment:
    """A little before, for flows that are told out of order."""
    return moment[0] - BACK_S, moment[1]


def _moments(source: Source, *, oldest: bool) -> dict[str, Moment]:
    """Time of the oldest or the newest flow of each node, of any kind, by the clock of the node."""
    found: dict[str, Moment] = {}
    request = FlowRequest(number=1, oldest=oldest, follow_s=0.0, timeout_s=LOOK_TIMEOUT_S)
    for response in source.stream(request):
        flow = response.get("flow")
        if flow is not None and flow.get("time"):
            found[str(flow.get("node_name", ""))] = parse_time(flow["time"])
    return found
