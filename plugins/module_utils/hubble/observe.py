# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The module hubble_flows: its options, what is done with the flows, and its values."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Protocol, TypeVar

from .._errors import InvalidInput
from .._types import Clock, Json, Params
from .._wait import SystemClock
from ..kube.interface import Exec, Kube
from .agents import AgentReader
from .client import Forward, direct_reader, open_reader, relay_reader
from .compact import compact_line
from .files import FlowFile
from .filters import build_filters
from .flow import flow_from_json
from .match import Matcher
from .observation import FlowRequest, Newest, Observation, Sink
from .relay import RelayReader
from .session import Stop, ask, copy_lines, follow_agents, follow_relay, read_file
from .sinks import Edges, Lines, Several, Tally
from .target import Target, new_file
from .times import parse_moment
from .tls import RelayOptions, relay_options

KubeT = TypeVar("KubeT", bound=Kube)

DEFAULT_LAST = 100
MOST_FLOWS = 100_000
LONGEST_FOLLOW_S = 3600


@dataclass(frozen=True)
class Plan:
    """What the options ask for."""

    request: FlowRequest
    src: str
    stop_count: int
    stop_filters: tuple[Json, ...]
    summarise: bool
    dest: str
    compact: bool
    """Whether dest gets the command line's lines instead of JSON."""
    node: bool
    policy_names: bool

    @property
    def streams(self) -> bool:
        """Whether flows are not returned one by one, so that any number can come."""
        return self.summarise or bool(self.dest)

    @property
    def only_copies(self) -> bool:
        """Whether all that is done with flows is to write them down as they are."""
        plain = bool(self.dest) and not (self.compact or self.summarise)
        return plain and not (self.request.number or self.request.follow_s)


def plan_of(params: Params, now_s: float) -> Plan:
    """Raises InvalidInput that names the option."""
    until_count = params.get("until_count")
    if until_count is not None:
        _within("until_count", until_count, MOST_FLOWS)
    stop_filters = build_filters(params.get("stop_when") or {}, "stop_when.")
    src, dest = params.get("src") or "", params.get("dest") or ""
    if src and dest and Path(src).expanduser().resolve() == Path(dest).expanduser().resolve():
        raise InvalidInput(
            f"dest={dest} is the same file as src: the flows that are left out would be lost.",
            option="dest",
            code="SameFile",
            remedy="Write to a file of another name.",
        )
    # Pattern and selectors of it are read here, so a wrong one is told before anything is waited for.
    Matcher(stop_filters)
    return Plan(
        request=request_of(params, now_s),
        src=src,
        stop_count=until_count or 0,
        stop_filters=stop_filters,
        summarise=bool(params.get("summarise")),
        dest=dest,
        compact=params.get("dest_format") == "compact",
        node=bool(params.get("print_node_name")),
        policy_names=bool(params.get("print_policy_names")),
    )


def request_of(params: Params, now_s: float) -> FlowRequest:
    """What the options ask of Hubble. The number of flows is always stated: Hubble's own default is 20.

    Raises InvalidInput that names the option.
    """
    limit = _within("limit", params["limit"], MOST_FLOWS)
    last = params.get("last")
    follow_s = params.get("follow_for") or 0
    if params.get("follow_for") is not None:
        _within("follow_for", follow_s, LONGEST_FOLLOW_S)
    if last is not None:
        _within("last", last, MOST_FLOWS)
    since = parse_moment("since", params["since"], now_s) if params.get("since") else None
    until = parse_moment("until", params["until"], now_s) if params.get("until") else None
    if since is not None and until is not None and until < since:
        raise InvalidInput(
            f"until={params['until']} is before since={params['since']}.",
            option="until",
            code="InvalidTime",
            remedy="Give them in their order, or leave one out.",
        )
    unbounded = since is not None or until is not None or bool(follow_s) or bool(params.get("src"))
    number = last if last is not None else 0 if unbounded else min(DEFAULT_LAST, limit)
    return FlowRequest(
        allow=build_filters(params),
        deny=build_filters(params.get("exclude") or {}, "exclude."),
        keep=min(limit, number) if number and not follow_s else limit,
        number=number,
        since=since,
        until=until,
        follow_s=float(follow_s),
        timeout_s=float(params["request_timeout"]),
    )


def _within(option: str, value: int, most: int) -> int:
    if not 1 <= value <= most:
        raise InvalidInput(
            f"{option}={value} is not from 1 to {most}.",
            option=option,
            code="InvalidNumber",
            remedy="Give a number in this range.",
        )
    return value


class Origin(Protocol):
    """Who tells about flows."""

    def opened(self) -> AbstractContextManager[RelayReader | AgentReader]:
        """Whoever can answer."""

    def connect(self) -> AbstractContextManager[RelayReader]:
        """The relay, found anew."""


@dataclass(frozen=True)
class Cluster:
    """Hubble of a cluster, reached through its API server."""

    kube: Kube
    execute: Exec
    forward: Forward
    source: str
    namespace: str
    relay: RelayOptions

    def opened(self) -> AbstractContextManager[RelayReader | AgentReader]:
        """See Origin."""
        return open_reader(
            self.kube, self.execute, self.forward, source=self.source, namespace=self.namespace, relay=self.relay
        )

    def connect(self) -> AbstractContextManager[RelayReader]:
        """See Origin."""
        return relay_reader(self.kube, self.forward, namespace=self.namespace, relay=self.relay)


@dataclass(frozen=True)
class Direct:
    """A relay with an address of its own."""

    relay: RelayOptions

    def opened(self) -> AbstractContextManager[RelayReader | AgentReader]:
        """See Origin."""
        return direct_reader(self.relay)

    def connect(self) -> AbstractContextManager[RelayReader]:
        """See Origin."""
        return direct_reader(self.relay)


def origin_of(
    params: Params, connect: Callable[[], KubeT], execute: Callable[[KubeT], Exec], forward: Callable[[KubeT], Forward]
) -> Origin:
    """From the options; connect is called only where Kubernetes is needed."""
    relay = relay_options(params)
    if relay.address:
        return Direct(relay)
    kube = connect()
    return Cluster(kube, execute(kube), forward(kube), params["source"], params["cilium_namespace"], relay)


def observe(plan: Plan, origin: Origin | None, *, writes: bool = True, clock: Clock | None = None) -> Json:
    """Carry out a plan and return the module's values. origin is None with src.

    With writes=False dest is left alone: `replaced` then tells whether it would have been.
    """
    request, tally, edges = plan.request, Tally(), Edges()
    newest = Newest(request.keep)
    # The newest of several nodes are known only when all have answered.
    holds = not plan.streams or (request.number > 0 and not request.follow_s)
    with _streamed(plan, tally, edges, writes) as (streamed, target):
        if origin is not None and target is not None and plan.only_copies:
            seen = _copied(plan, origin, streamed, target.file, tally)
        else:
            seen = _read(plan, origin, newest if holds else streamed, clock or SystemClock())
        if plan.streams and holds:
            for response in newest.responses():
                streamed.take(response)
    values = _facts(seen)
    if plan.summarise:
        values["edges"] = edges.counter.edges()
    if target is not None:
        values |= {"written": plan.dest, "replaced": target.replaced}
    if plan.streams:
        return {**values, "summary": tally.summary(), "truncated": False}
    return {**values, **_listed(plan, newest, seen)}


def _copied(plan: Plan, origin: Origin, sink: Sink, file: IO[bytes], tally: Tally) -> Observation:
    with origin.opened() as reader:
        if isinstance(reader, RelayReader):
            return copy_lines(reader, plan.request, file, tally)
        return ask(reader, plan.request, sink)


def _read(plan: Plan, origin: Origin | None, sink: Sink, clock: Clock) -> Observation:
    request = plan.request
    if origin is None:
        return read_file(FlowFile(plan.src), request, sink)
    with origin.opened() as reader:
        if not request.follow_s:
            return ask(reader, request, sink)
        stop = Stop(plan.stop_count, Matcher(plan.stop_filters) if plan.stop_filters else None)
        if isinstance(reader, AgentReader):
            seen = follow_agents(reader, request, sink, stop, clock)
        else:
            seen = follow_relay(origin.connect, request, sink, stop)
    seen.ended_by = stop.ended_by or "time"
    return seen


@contextlib.contextmanager
def _streamed(plan: Plan, tally: Tally, edges: Edges, writes: bool) -> Iterator[tuple[Sink, Target | None]]:
    sinks: list[Sink] = [tally]
    if plan.summarise:
        sinks.append(edges)
    target = None
    with contextlib.ExitStack() as stack:
        if plan.dest:
            target = stack.enter_context(new_file(plan.dest, writes=writes))
            sinks.append(Lines(target.file, compact=plan.compact, node=plan.node, policy_names=plan.policy_names))
        yield Several(sinks), target


def _listed(plan: Plan, newest: Newest, seen: Observation) -> Json:
    request, responses, tally = plan.request, newest.responses(), Tally()
    for response in responses:
        tally.take(response)
    # Each node sends `number` flows of which the newest are kept: that was asked for, and is not a loss.
    asked_for = 0 < request.number <= request.keep and not request.follow_s
    line = partial(compact_line, node=plan.node, policy_names=plan.policy_names)
    return {
        "flows": [response["flow"] for response in responses],
        "lines": [line(flow_from_json(response["flow"])) for response in responses],
        "summary": tally.summary(),
        "truncated": seen.seen > len(responses) and not asked_for,
    }


def _facts(seen: Observation) -> Json:
    facts: Json = {
        "complete": seen.complete,
        "incomplete_because": list(seen.problems),
        "lost_events": seen.lost,
        "source": seen.source,
        "nodes": dict(sorted(seen.nodes.items())),
    }
    if seen.ended_by:
        facts |= {"ended_by": seen.ended_by, "interruptions": seen.interruptions}
    return facts
