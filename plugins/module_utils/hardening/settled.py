# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Whether evidence was collected for long enough: the window is full, nothing new comes any more, all jobs have run.

A short window is the most dangerous kind of evidence: what comes once a week is denied once a week.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

from .._text import counted, elapsed_text
from .keys import edge_key
from .model import WORLD, Edge, Evidence, Peer

LAST_PART = 0.2
"""The part of the observed time in which nothing new should have come."""
_SHOWN = 3


@dataclass(frozen=True)
class Goal:
    """What has to be reached. late_edges: kinds of connections that may be new in the last part of the time.

    unseen: CronJobs that need not have run, as `namespace/CronJob/name`.
    """

    namespaces: Collection[str]
    window_s: int
    late_edges: int = 0
    unseen: Collection[str] = ()


def observed_s(evidence: Evidence) -> int:
    """Seconds of complete observation."""
    return int(sum(chunk.end_s - chunk.start_s for chunk in evidence.chunks if chunk.complete))


def waiting_for(evidence: Evidence, goal: Goal) -> list[str]:
    """What is not reached yet, one sentence each; empty when the evidence will do."""
    found = []
    covered = set(goal.namespaces) <= set(evidence.namespaces)
    seconds = observed_s(evidence) if covered else 0
    if seconds < goal.window_s:
        found.append(f"{elapsed_text(seconds)} of {elapsed_text(goal.window_s)} are observed")
    late = late_edges(evidence)
    if len(late) > goal.late_edges:
        names = ", ".join(sorted(edge_key(edge) for edge in late)[:_SHOWN])
        found.append(
            f"{counted(len(late), 'kind of connection', 'kinds of connections')} came only in the last fifth"
            f" of the time ({names})"
        )
    missing = [name for name in jobs_not_seen(evidence, goal.namespaces) if name not in goal.unseen]
    if missing:
        found.append(f"no connection was seen of {', '.join(missing)}")
    return found


def late_edges(evidence: Evidence) -> list[Edge]:
    """Edges that came only in the last part of the observed time; another address outside is nothing new."""
    moment = _last_part_from(evidence)
    if moment is None:
        return []
    first: dict[Edge, tuple[float, Edge]] = {}
    for edge, seen in evidence.edges.items():
        if seen.first_s and (seen.egress or seen.ingress):
            kind = replace(edge, source=_anywhere(edge.source), destination=_anywhere(edge.destination))
            first[kind] = min(first.get(kind, (seen.first_s, edge)), (seen.first_s, edge))
    return [edge for first_s, edge in first.values() if first_s >= moment]


def jobs_not_seen(evidence: Evidence, namespaces: Collection[str]) -> list[str]:
    """CronJobs of the namespaces without any connection: what they need is not known."""
    seen = {peer.workload for edge in evidence.edges for peer in (edge.source, edge.destination)}
    return sorted(
        facts.workload.text
        for facts in evidence.inventory.workloads
        if facts.schedule and facts.workload.namespace in namespaces and facts.workload not in seen
    )


def _anywhere(peer: Peer) -> Peer:
    return replace(peer, address="") if peer.kind == WORLD else peer


def _last_part_from(evidence: Evidence) -> float | None:
    """When the last part of the complete observation began (seconds since 1970)."""
    left_s = observed_s(evidence) * LAST_PART
    for chunk in sorted((chunk for chunk in evidence.chunks if chunk.complete), key=lambda one: -one.end_s):
        length_s = chunk.end_s - chunk.start_s
        if length_s >= left_s:
            return chunk.end_s - left_s
        left_s -= length_s
    return None
