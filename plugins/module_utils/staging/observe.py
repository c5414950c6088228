# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Collects evidence, one stretch of time per call, and adds it to a store; for network_policy_evidence.

While it listens, what it has so far is written from time to time, marked as incomplete. The last write marks it as
complete. So a collector that is killed leaves what it had, and nobody takes that for a whole stretch.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from .._errors import CollectionError, InvalidInput, OperationFailed, TimedOut, Unreachable
from .._text import counted, elapsed_text
from .._types import Json, Params, Progress, Result
from .._wait import TALK_EVERY_S, silent
from ..hardening.aggregate import Aggregator
from ..hardening.model import Chunk, Evidence, Inventory
from ..hardening.schema import dumps, loads, merge, require_cluster
from ..hardening.settled import Goal, observed_s, waiting_for
from ..kube.interface import Kube
from .flows import READY_S, Flows, OpenFlows, unconnected, verdict_filters
from .inventory import cluster_uid, read_inventory, read_platform, require_namespaces
from .store import Kept, Store

SAVE_EVERY_S = 30.0
STILL_S = 0.5
LAST_S = 4.0
"""How long flows of the last moments are waited for; see hubble/follow.py."""
LONGEST_S = 7 * 86400
_RUNNING = "The collector was interrupted."


@dataclass(frozen=True)
class Options:
    """The options of network_policy_evidence for collecting."""

    namespaces: Sequence[str]
    system_namespaces: Sequence[str]
    duration_s: int
    goal: Goal | None
    max_lost: int
    cilium_namespace: str

    @classmethod
    def of(cls, params: Params) -> Options:
        """From a module's parameters. Raises InvalidInput."""
        for option in ("duration", "window"):
            value = params[option]
            if value is not None and not 1 <= value <= (LONGEST_S if option == "duration" else 366 * 86400):
                raise InvalidInput(
                    f"{option}={value} is out of range.",
                    option=option,
                    code="InvalidNumber",
                    remedy=f"Give seconds from 1 to {LONGEST_S if option == 'duration' else 366 * 86400}.",
                )
        for option in ("max_lost", "late_edges"):
            if params[option] < 0:
                raise InvalidInput(
                    f"{option}={params[option]} is negative.",
                    option=option,
                    code="InvalidNumber",
                    remedy="Give a number from 0 on.",
                )
        namespaces, window_s = sorted(set(params["namespaces"])), params["window"]
        return cls(
            namespaces,
            params["system_namespaces"],
            params["duration"],
            Goal(namespaces, window_s, params["late_edges"], params["unseen"]) if window_s else None,
            params["max_lost"],
            params["cilium_namespace"],
        )


def read_evidence(kube: Kube, store: Store) -> tuple[Evidence, Kept]:
    """What the store holds. Raises Conflict (OtherCluster) for evidence of another cluster."""
    kept = store.read()
    if not kept.text:
        return Evidence(), kept
    evidence = loads(kept.text, name=store.place, option="store")
    require_cluster(evidence, cluster_uid(kube))
    return evidence, kept


def report_evidence(kube: Kube, store: Store, goal: Goal | None) -> Result:
    """For state=read."""
    evidence, kept = read_evidence(kube, store)
    values = _values(evidence, kept, goal)
    values["lines"] = _store_lines(evidence, store, values["waiting_for"])
    return Result(values={**values, "evidence": json.loads(kept.text)} if kept.text else values)


def remove_evidence(store: Store, *, check_mode: bool) -> Result:
    """For state=absent."""
    removed = store.remove(dry_run=check_mode)
    values = _values(Evidence(), Kept(), None)
    what = "there was nothing" if not removed else "would be removed" if check_mode else "removed"
    return Result(removed, {**values, "lines": [f"{store.place}: {what}"]})


class Collector:
    """One stretch: from the flows into the evidence of the store."""

    def __init__(
        self,
        kube: Kube,
        store: Store,
        options: Options,
        open_flows: OpenFlows,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        progress: Progress = silent,
    ) -> None:
        """now: of the day, for where a stretch begins. How long it is, is counted by a clock that nobody sets."""
        self._kube, self._store, self._options, self._open = kube, store, options, open_flows
        self._now, self._monotonic, self._progress = now, monotonic, progress
        self._base = Evidence()
        self._kept = Kept()
        self._problems: list[str] = []

    def run(self, *, check_mode: bool) -> Result:
        """Listen and keep. Raises OperationFailed (EvidenceIncomplete) after keeping an incomplete stretch."""
        options = self._options
        require_namespaces(self._kube, options.namespaces, system=options.system_namespaces)
        self._base, self._kept = read_evidence(self._kube, self._store)
        seconds = self._missing_s()
        if seconds <= 0 or check_mode:
            line = "nothing to collect: what is there is enough" if seconds <= 0 else f"would listen for {seconds} s"
            values = _values(self._base, self._kept, options.goal)
            lines = [line, *_store_lines(self._base, self._store, values["waiting_for"])]
            return Result(seconds > 0, {**values, "lines": lines})
        inventory = read_inventory(self._kube)
        platform = read_platform(self._kube, options.cilium_namespace)
        aggregator = Aggregator(inventory)
        with self._open(verdict_filters(options.namespaces)) as flows:
            flows.wait_ready(READY_S)
            self._problems += unconnected(self._kube, flows.nodes, options.cilium_namespace)
            chunk = self._listen(flows, aggregator, inventory, platform, seconds)
        evidence = self._merged(aggregator, platform, chunk)
        self._kept = self._store.write(dumps(evidence), self._kept.token)
        return self._result(evidence, chunk)

    def _missing_s(self) -> int:
        """How long to listen."""
        options, goal = self._options, self._options.goal
        if goal is None:
            return options.duration_s
        if not waiting_for(self._base, goal):
            return 0
        covered = set(options.namespaces) <= set(self._base.namespaces)
        missing = goal.window_s - (observed_s(self._base) if covered else 0)
        # With a full window it is something new, or a job, that the stretch is for.
        return min(options.duration_s, missing) if missing > 0 else options.duration_s

    def _listen(
        self, flows: Flows, aggregator: Aggregator, inventory: Inventory, platform: Json, seconds: int
    ) -> Chunk:
        began, started = self._now(), self._monotonic()
        saved = told = started
        end = started + seconds
        try:
            while self._monotonic() < end + LAST_S:
                self._take(flows, aggregator, STILL_S)
                moment = self._monotonic()
                if moment - saved >= SAVE_EVERY_S:
                    saved = moment
                    self._save_running(aggregator, platform, self._chunk(flows, aggregator, began, moment - started))
                if moment - told >= TALK_EVERY_S:
                    told = moment
                    self._progress(f"evidence: {counted(aggregator.flows, 'verdict')} ({elapsed_text(told - started)})")
        except CollectionError as error:
            if error.code == "StoreChanged":
                raise
            self._problems.append(error.message)
        if flows.blind_s:
            self._problems.append("The connection to Hubble relay was broken at the end.")
        return self._chunk(flows, aggregator, began, self._monotonic() - started)

    def _save_running(self, aggregator: Aggregator, platform: Json, chunk: Chunk) -> None:
        """Keep what there is so far. Where that fails for now, the flows are followed all the same."""
        running = replace(chunk, complete=False, problems=(_RUNNING,))
        evidence = self._merged(aggregator, platform, running)
        try:
            self._kept = self._store.write(dumps(evidence), self._kept.token)
        except (Unreachable, TimedOut) as error:
            self._progress(f"evidence: could not be saved just now: {error.message}")

    @staticmethod
    def _take(flows: Flows, aggregator: Aggregator, timeout_s: float) -> bool:
        flow = flows.next(max(timeout_s, 0.0))
        if flow is not None:
            aggregator.add({"flow": flow})
        return flow is not None

    def _chunk(self, flows: Flows, aggregator: Aggregator, began: float, seconds: float) -> Chunk:
        tolerated = 0 < flows.lost <= self._options.max_lost
        problems = [*self._problems, *(flows.problems if tolerated else flows.why_incomplete)]
        edges = aggregator.evidence().edges
        return Chunk(
            start_s=round(began, 3),
            end_s=round(began + seconds, 3),
            flows=aggregator.flows,
            lost=flows.lost,
            complete=not problems,
            nodes=tuple(sorted(flows.nodes)),
            problems=tuple(problems),
            new_edges=sum(edge not in self._base.edges for edge in edges),
        )

    def _merged(self, aggregator: Aggregator, platform: Json, chunk: Chunk) -> Evidence:
        """What the store held before this stretch, and this stretch as far as it is."""
        own = aggregator.evidence()
        own.cluster, own.platform = str(platform.get("cluster") or ""), platform
        own.namespaces, own.chunks = list(self._options.namespaces), [chunk]
        return merge(self._base, own) if self._kept.text else own

    def _result(self, evidence: Evidence, chunk: Chunk) -> Result:
        row = chunk_row(chunk)
        missing = "; ".join(chunk.problems) or "nothing is missing"
        values = {**_values(evidence, self._kept, self._options.goal), "chunk": row}
        values["lines"] = [
            f"collected {counted(chunk.flows, 'verdict')} in {elapsed_text(row['seconds'])} from"
            f" {counted(len(chunk.nodes), 'node')}: {counted(chunk.new_edges, 'new edge')}; {missing}",
            *_store_lines(evidence, self._store, values["waiting_for"]),
        ]
        if not chunk.complete:
            raise OperationFailed(
                f"Evidence of this stretch is incomplete: {' '.join(chunk.problems)}",
                code="EvidenceIncomplete",
                details={key: values[key] for key in ("chunk", "summary", "digest", "lines")},
                remedy="What was seen is kept, marked as incomplete. Repair the cause, then run the task again.",
            )
        return Result(True, values)


def chunk_row(chunk: Chunk) -> Json:
    """A stretch, for results."""
    return {
        "flows": chunk.flows,
        "lost": chunk.lost,
        "complete": chunk.complete,
        "new_edges": chunk.new_edges,
        "seconds": int(chunk.end_s - chunk.start_s),
        "nodes": list(chunk.nodes),
    }


def _values(evidence: Evidence, kept: Kept, goal: Goal | None) -> Json:
    incomplete = [chunk for chunk in evidence.chunks if not chunk.complete]
    return {
        "digest": kept.digest,
        "summary": {
            "edges": len(evidence.edges),
            "chunks": len(evidence.chunks),
            "incomplete_chunks": len(incomplete),
            "flows": sum(chunk.flows for chunk in evidence.chunks),
            "observed_s": observed_s(evidence),
            "namespaces": sorted(evidence.namespaces),
        },
        "waiting_for": waiting_for(evidence, goal) if goal else [],
        "complete": not incomplete,
        "incomplete_because": sorted({text for chunk in incomplete for text in chunk.problems}),
    }


def _store_lines(evidence: Evidence, store: Store, waiting: Sequence[str]) -> list[str]:
    return [_store_line(evidence, store), *(f"not enough yet: {reason}" for reason in waiting)]


def _store_line(evidence: Evidence, store: Store) -> str:
    if not evidence.chunks:
        return f"{store.place}: empty"
    incomplete = sum(not chunk.complete for chunk in evidence.chunks)
    flawed = f", {incomplete} of them incomplete" if incomplete else ""
    return (
        f"{store.place}: {counted(len(evidence.edges), 'edge')} of {', '.join(sorted(evidence.namespaces))} in"
        f" {counted(len(evidence.chunks), 'stretch')}{flawed}, {elapsed_text(observed_s(evidence))} of complete"
        " observation"
    )
