# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report of flows as one document: connections, drops with their policies, coverage; and what changed since. Pure.

The document is data (docs/flow-report.md describes it); page.py and text.py show it. Nothing in it depends on when or
where it was made: the same flows give the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._errors import InvalidInput
from .._text import agree, counted
from .._types import Json
from .compare import changes_between
from .ends import is_neighbour_talk, pods_of
from .model import DENIED, OUTCOMES, WORKLOAD, connection_of, joined

SCHEMA = "cloudnet.aks_cilium/flow-report/v1"
DIRECTIONS = ("ingress", "egress")


@dataclass(frozen=True)
class Observed:
    """What a report is made of. edges: as EdgeCounter gives them."""

    edges: Sequence[Json]
    flows: int
    source: str
    """relay, agents or file."""
    lost_events: int = 0
    problems: tuple[str, ...] = ()
    """Why flows may be missing, each as a sentence."""
    coverage: Sequence[Json] | None = None
    """Rows of pods as network_policy_coverage returns them; None where no cluster was asked."""
    other_coverage: Sequence[Json] = field(default=())
    """Rows of pods outside of the report's namespaces, which only name the policies behind refusals."""
    notes: tuple[str, ...] = ()


def build_report(
    observed: Observed, *, title: str, cluster: str = "", namespaces: Sequence[str] = (), before: Json | None = None
) -> Json:
    """The report of some namespaces, or of all when none is named. before: an earlier report, checked."""
    rows = [*(observed.coverage or ()), *observed.other_coverage]
    meant = [edge for edge in observed.edges if not is_neighbour_talk(edge)]
    ends, edges = joined(meant, pods_of(rows))
    if namespaces:
        chosen = set(namespaces)
        edges = [edge for edge in edges if _touches(edge, ends, chosen)]
    connections = [connection_of(edge) for edge in edges]
    known = {edge[side] for edge in edges for side in ("source", "destination")}
    by_workload = _by_workload(rows)
    for connection in connections:
        _attribute(connection, by_workload)
    first = min((one["first_seen"] for one in connections if one["first_seen"]), default="")
    last = max((one["last_seen"] for one in connections), default="")
    report: Json = {
        "schema": SCHEMA,
        "title": title,
        "cluster": cluster,
        "namespaces": sorted(set(namespaces)),
        # When its newest flow was seen, so that the same flows give the same report.
        "created": last,
        "window": {"first": first, "last": last},
        "source": {
            "kind": observed.source,
            "flows": observed.flows,
            "lost_events": observed.lost_events,
            "incomplete_because": list(observed.problems),
        },
        "ends": [ends[name] for name in sorted(known)],
        "connections": connections,
        "coverage": None if observed.coverage is None else _coverage(observed.coverage),
        "notes": list(dict.fromkeys([*observed.notes, *_left_out(len(observed.edges) - len(meant))])),
    }
    report["summary"] = summary_of(report)
    report["before"] = None if before is None else {**before, "before": None, "changes": []}
    report["changes"] = [] if before is None else changes_between(before, report)
    return report


def _left_out(number: int) -> list[str]:
    if not number:
        return []
    return [
        f"Neighbour discovery and multicast are no connections: {counted(number, 'kind')} of them"
        f" {agree(number, 'is', 'are')} left out, of which Cilium drops most."
    ]


def _touches(edge: Mapping[str, Any], ends: Mapping[str, Json], namespaces: set[str]) -> bool:
    return any(ends[edge[side]]["namespace"] in namespaces for side in ("source", "destination"))


def _by_workload(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, set[str]]]:
    """By workload and direction, the policies that make its pods deny by default."""
    found: dict[str, dict[str, set[str]]] = {}
    for row in rows:
        sides = found.setdefault(f"{row['namespace']}/{row['workload']}", {side: set() for side in DIRECTIONS})
        for side in DIRECTIONS:
            sides[side] |= set(row[f"{side}_by"])
    return found


def _attribute(connection: Json, by_workload: Mapping[str, Mapping[str, set[str]]]) -> None:
    """Name the policies behind a refusal for which Hubble names none: those that make its end deny by default."""
    for denial in connection["denials"]:
        if denial["policies"] or denial["reason"] != "POLICY_DENIED" or not denial["direction"]:
            continue
        refusing = connection["destination" if denial["direction"] == "ingress" else "source"]
        policies = by_workload.get(refusing, {}).get(denial["direction"])
        if policies:
            denial["policies"], denial["told_by"] = sorted(policies), "coverage"


def refusing_namespaces(edges: Sequence[Mapping[str, Any]]) -> set[str]:
    """Namespaces of the pods at which a policy refused something."""
    ends, rows = joined(edges)
    found = set()
    for edge in rows:
        for denial in connection_of(edge)["denials"]:
            if denial["direction"]:
                end = ends[edge["destination" if denial["direction"] == "ingress" else "source"]]
                if end["kind"] == WORKLOAD:
                    found.add(str(end["namespace"]))
    return found


def _coverage(rows: Sequence[Mapping[str, Any]]) -> Json:
    """Pods by workload."""
    groups: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault((str(row["namespace"]), str(row["workload"])), []).append(row)
    workloads = []
    for (namespace, workload), pods in sorted(groups.items()):
        entry: Json = {"id": f"{namespace}/{workload}", "namespace": namespace, "workload": workload}
        entry["pods"] = len(pods)
        for side in DIRECTIONS:
            entry[side] = sum(bool(pod[side]) for pod in pods)
            entry[f"{side}_by"] = sorted({policy for pod in pods for policy in pod[f"{side}_by"]})
        entry["shadow"] = sorted({policy for pod in pods for policy in pod.get("shadow") or ()})
        entry["notes"] = sorted({str(pod["note"]) for pod in pods if pod.get("note")})
        workloads.append(entry)
    return {
        "pods": len(rows),
        **{side: sum(bool(row[side]) for row in rows) for side in DIRECTIONS},
        "workloads": workloads,
    }


def summary_of(report: Mapping[str, Any]) -> Json:
    """The counts of a report."""
    outcomes = [connection["outcome"] for connection in report["connections"]]
    coverage = report["coverage"] or {}
    return {
        "workloads": sum(end["kind"] == WORKLOAD for end in report["ends"]),
        "namespaces": len({end["namespace"] for end in report["ends"] if end["namespace"]}),
        "connections": len(outcomes),
        "outcomes": {outcome: outcomes.count(outcome) for outcome in sorted(OUTCOMES)},
        "drops": sum(bool(connection["denials"]) for connection in report["connections"]),
        "refused": sum(denial["count"] for connection in report["connections"] for denial in connection["denials"]),
        "pods": coverage.get("pods", 0),
        **{f"{side}_enforced": coverage.get(side, 0) for side in DIRECTIONS},
    }


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """The report in a few lines for a terminal."""
    counts, outcomes, window = report["summary"], report["summary"]["outcomes"], report["window"]
    told = ", ".join(f"{outcomes[outcome]} {outcome}" for outcome in OUTCOMES if outcomes[outcome]) or "none"
    lines = [
        f"{counted(counts['workloads'], 'workload')} in {counted(counts['namespaces'], 'namespace')},"
        f" {counted(counts['connections'], 'connection')}: {told}",
        counted(report["source"]["flows"], "flow")
        + (f" from {window['first']} to {window['last']}" if window["last"] else ""),
    ]
    if report["coverage"] is not None:
        lines += [
            f"{side}: {counts[f'{side}_enforced']} of {counted(counts['pods'], 'pod')}"
            f" {agree(counts[f'{side}_enforced'], 'denies', 'deny')} by default"
            for side in DIRECTIONS
        ]
    if report["before"] is not None:
        lines.append(f"{counted(len(report['changes']), 'change')} since {report['before']['created']}")
    lines += [f"incomplete: {problem}" for problem in report["source"]["incomplete_because"]]
    return [*lines, *(f"note: {note}" for note in report["notes"])]


def drops_of(report: Mapping[str, Any]) -> list[tuple[Json, Json]]:
    """Connections with their refusals, one pair for each refusal, the most frequent first."""
    pairs = [(connection, denial) for connection in report["connections"] for denial in connection["denials"]]
    return sorted(
        pairs,
        key=lambda pair: (-pair[1]["count"], pair[0]["outcome"] != DENIED, pair[0]["source"], pair[0]["destination"]),
    )


def checked(document: object, option: str = "before") -> Json:
    """An earlier report, or InvalidInput that says why it is none."""
    remedy = "Give the JSON file that an earlier run of flow_report wrote."
    if not isinstance(document, Mapping) or document.get("schema") != SCHEMA:
        found = document.get("schema") if isinstance(document, Mapping) else type(document).__name__
        raise InvalidInput(
            f"{option} is no report of flows of the schema {SCHEMA}, found {found!r:.80}.",
            option=option,
            code="InvalidReport",
            remedy=remedy,
        )
    report = dict(document)
    try:
        ids = {end["id"] for end in report["ends"] if end["kind"] and end["name"] is not None}
        for connection in report["connections"]:
            complete = {connection["source"], connection["destination"]} <= ids and connection["outcome"] in OUTCOMES
            if not complete or connection["flows"] < 0 or connection["protocol"] is None:
                raise KeyError(f"connection {connection['source']} -> {connection['destination']}")
        report["summary"] = summary_of(report)
        report["window"]["last"], report["created"], report["source"]["flows"], report["title"]
    except (AttributeError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"{option} is a damaged report: {type(error).__name__} {error}.",
            option=option,
            code="InvalidReport",
            remedy=remedy,
        ) from error
    return report
