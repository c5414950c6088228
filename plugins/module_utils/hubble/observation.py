# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What can be asked of Hubble and what comes back, whoever answers: the relay or the agents."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Protocol

from .._types import Json
from .flow import Flow, flow_from_json
from .times import Moment, sortable

ALL = 2**64 - 1
"""As a number of flows: all that are there. Zero would mean the same to an agent, but 20 to the command line."""


@dataclass(frozen=True)
class FlowRequest:
    """A bounded question. Filters are FlowFilter documents (see filters.py).

    keep: at most so many flows, the newest, after the answers of all nodes are merged.
    number: how many flows each node goes back for when since is None; with since, each node gives all from there on.
    follow_s: listen for so many seconds instead of ending with what there is.
    oldest: the number counts from the oldest flow on.
    timeout_s: for the whole answer when not following.
    """

    allow: tuple[Json, ...] = ()
    deny: tuple[Json, ...] = ()
    keep: int = 1000
    number: int = 100
    since: Moment | None = None
    until: Moment | None = None
    follow_s: float = 0.0
    timeout_s: float = 30.0
    oldest: bool = False

    @property
    def per_node(self) -> int:
        """The number to state to each node: an agent that is given both a number and since stops too early."""
        if self.since is not None or self.until is not None:
            return ALL
        return self.number


@dataclass(frozen=True)
class Loss:
    """Events that were lost before anybody could read them."""

    source: str
    count: int
    node: str


@dataclass(frozen=True)
class NodeFacts:
    """A node as the relay knows it. state: CONNECTED, UNAVAILABLE, GONE, ERROR or UNKNOWN.

    full: its ring of flows has been filled once, so that older flows have been overwritten.
    version: as the agent tells it, `cilium v1.20.2+g...`.
    """

    name: str
    state: str
    uptime_s: float
    full: bool
    version: str = ""


def node_facts(node: Json) -> NodeFacts:
    """From a document of GetNodes."""
    return NodeFacts(
        name=str(node.get("name", "")),
        state=str(node.get("state", "UNKNOWN")).removeprefix("NODE_"),
        uptime_s=int(node.get("uptime_ns", 0)) / 1e9,
        # An agent keeps one place of its ring free.
        full=int(node.get("num_flows", 0)) + 1 >= int(node.get("max_flows", 0)) > 0,
        version=str(node.get("version", "")),
    )


@dataclass
class Observation:
    """The answer: flows in time order, and all that is known to be missing."""

    source: str
    """relay or agents."""
    flows: list[Flow] = field(default_factory=list)
    seen: int = 0
    """Flows that were received, which may be more than were kept."""
    losses: list[Loss] = field(default_factory=list)
    nodes: dict[str, str] = field(default_factory=dict)
    """State by node: CONNECTED, UNAVAILABLE, GONE, ERROR."""
    problems: list[str] = field(default_factory=list)
    """Why flows may be missing, each as a sentence."""
    lost_events: int = 0
    """Lost events that are told beside the responses."""
    interruptions: int = 0
    """Connections that broke and were followed by another."""
    ended_by: str = ""
    """Of a follow: time, count or flow."""

    @property
    def lost(self) -> int:
        """Number of lost events."""
        return self.lost_events + sum(loss.count for loss in self.losses)

    @property
    def complete(self) -> bool:
        """Whether nothing is known to be missing."""
        return not self.problems


class FlowReader(Protocol):
    """Answers questions about flows."""

    source: str

    def read(self, request: FlowRequest) -> Observation:
        """Ask and collect. Raises the errors of `_errors` when nobody can answer."""


class Sink(Protocol):
    """Takes responses that hold a flow or tell of lost events."""

    def take(self, response: Json) -> None:
        """One response, in the shape of GetFlowsResponse."""


class Newest:
    """Keeps the newest flows, in bounded memory."""

    def __init__(self, keep: int) -> None:
        self._keep = keep
        self._responses: list[Json] = []

    def take(self, response: Json) -> None:
        """See Sink."""
        if "flow" in response:
            self._responses.append(response)
            if len(self._responses) >= 2 * self._keep + 1000:
                self._trim()

    def responses(self) -> list[Json]:
        """In time order."""
        self._trim()
        return self._responses

    def _trim(self) -> None:
        self._responses.sort(key=_order)
        del self._responses[: -self._keep]


def _order(response: Json) -> tuple[str, str, str]:
    """Sorts by time, with a fixed order where times are equal."""
    flow = response["flow"]
    time = flow.get("time", "")
    return sortable(time) if time else "", flow.get("node_name", ""), flow.get("uuid", "")


class Collector:
    """Collects responses: the flows into a sink, everything else into an Observation."""

    def __init__(self, source: str, keep: int, sink: Sink | None = None) -> None:
        """With a sink the flows are its business, and the Observation has none."""
        self._newest = Newest(keep)
        self._sink = sink or self._newest
        self.observation = Observation(source)

    def add(self, response: Json) -> None:
        """Take one response."""
        seen = self.observation
        if "flow" in response:
            seen.seen += 1
            self._sink.take(response)
        elif "lost_events" in response:
            lost = response["lost_events"]
            loss = Loss(
                str(lost.get("source", "UNKNOWN")), int(lost.get("num_events_lost", 0)), response.get("node_name", "")
            )
            seen.losses.append(loss)
            self._sink.take(response)
        elif "node_status" in response:
            self._add_status(response["node_status"])

    def _add_status(self, status: Json) -> None:
        state = str(status.get("state_change", "UNKNOWN")).removeprefix("NODE_")
        names = [str(name) for name in status.get("node_names") or ()]
        self.observation.nodes.update(dict.fromkeys(names, state))
        if state in ("UNAVAILABLE", "ERROR"):
            sentence = no_flows_sentence(status)
            if sentence not in self.observation.problems:
                self.observation.problems.append(sentence)

    def finish(self) -> Observation:
        """The observation, its flows sorted and cut to the newest."""
        self.observation.flows = [flow_from_json(response["flow"]) for response in self._newest.responses()]
        told = loss_sentence(self.observation.losses)
        if told:
            self.observation.problems.append(told)
        return self.observation


def no_flows_sentence(status: Json) -> str:
    """What a node_status says of nodes that do not answer, in one line: the words of a compiler have several."""
    state = str(status.get("state_change", "UNKNOWN")).removeprefix("NODE_").lower()
    names = ", ".join(str(name) for name in status.get("node_names") or ())
    said = " ".join(str(status.get("message", "")).split())
    return f"No flows from {names} ({state}{f': {said}' if said else ''})."


def loss_sentence(losses: Iterable[Loss]) -> str:
    """What was lost, by the place where; empty when nothing was."""
    by_source: dict[str, int] = {}
    for loss in losses:
        by_source[loss.source] = by_source.get(loss.source, 0) + loss.count
    texts = [f"{count} in {source}" for source, count in sorted(by_source.items())]
    return f"Hubble lost events: {', '.join(texts)}." if texts else ""


def collect(source: str, keep: int, responses: Iterable[Json]) -> Observation:
    """All responses as one observation."""
    collector = Collector(source, keep)
    for response in responses:
        collector.add(response)
    return collector.finish()
