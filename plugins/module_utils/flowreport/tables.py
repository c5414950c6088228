# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The rows of the report's tables, for the page and for Markdown alike. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._text import counted
from .._types import Json
from .document import DIRECTIONS, drops_of
from .model import (
    ALLOWED,
    AUDITED,
    BOTH,
    DENIED,
    LOST,
    OUTCOME_TEXTS,
    end_text,
    policy_text,
    port_text,
    reason_text,
)

CONNECTION_COLUMNS = ("From", "To", "Port", "Outcome", "Flows", "Refused", "Decided by", "Last seen (UTC)")
DROP_COLUMNS = ("From", "To", "Port", "Times", "Refused at", "Why", "Policy", "Last seen (UTC)")
COVERAGE_COLUMNS = ("Workload", "Pods", "Ingress", "Egress", "Remarks")
CHANGE_COLUMNS = ("From", "To", "Port", "Before", "After", "Change")
_REFUSED_AT = {"ingress": "ingress of the receiver", "egress": "egress of the sender", "": "not known"}
SIGNS = {ALLOWED: "✓", DENIED: "✕", BOTH: "✓✕", AUDITED: "△", LOST: "□"}
"""The signs of outcomes in tables; the map draws the same."""


def outcome_text(outcome: str) -> str:
    """An outcome with its sign; what is no outcome as it is."""
    return f"{SIGNS[outcome]} {OUTCOME_TEXTS[outcome]}" if outcome in SIGNS else outcome


def time_text(moment: str) -> str:
    """RFC 3339 as `2026-11-30 18:20:11`."""
    return moment[:19].replace("T", " ")


def texts_of_ends(report: Mapping[str, Any]) -> dict[str, str]:
    """How each end is written, those of the earlier report too."""
    before = (report["before"] or {}).get("ends", ())
    return {end["id"]: end_text(end) for end in [*before, *report["ends"]]}


def connection_rows(report: Mapping[str, Any], connections: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """One row for each connection."""
    texts = texts_of_ends(report)
    return [
        [
            texts[one["source"]],
            texts[one["destination"]],
            port_text(one),
            outcome_text(one["outcome"]),
            str(one["flows"]),
            str(sum(denial["count"] for denial in one["denials"])),
            decided_by(one),
            time_text(one["last_seen"]),
        ]
        for one in connections
    ]


def decided_by(connection: Mapping[str, Any]) -> str:
    """The policies behind an outcome, each once; `no policy` where none had a say."""
    if connection["denials"]:
        return "; ".join(dict.fromkeys(policy_text(denial) for denial in connection["denials"]))
    return ", ".join(connection["allowed_by"]) or "no policy named"


def drop_rows(report: Mapping[str, Any], pairs: Sequence[tuple[Json, Json]] | None = None) -> list[list[str]]:
    """One row for each refusal."""
    texts = texts_of_ends(report)
    rows = []
    for connection, denial in drops_of(report) if pairs is None else pairs:
        rows.append(
            [
                texts[connection["source"]],
                texts[connection["destination"]],
                port_text(connection),
                str(denial["count"]),
                _REFUSED_AT[denial["direction"]],
                f"{reason_text(denial)} ({denial['reason']})",
                _policy(denial),
                time_text(connection["last_seen"]),
            ]
        )
    return rows


def _policy(denial: Mapping[str, Any]) -> str:
    told = policy_text(denial)
    return f"default deny by {told}" if denial["told_by"] == "coverage" else told


def coverage_rows(workloads: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """One row for each workload."""
    return [
        [
            row["id"],
            str(row["pods"]),
            *(_closed(row, side) for side in DIRECTIONS),
            "; ".join([*row["notes"], *([f"shadow: {', '.join(row['shadow'])}"] if row["shadow"] else [])]),
        ]
        for row in workloads
    ]


def _closed(row: Mapping[str, Any], side: str) -> str:
    if not row[side]:
        return "○ open"
    part = "" if row[side] == row["pods"] else f"{row[side]} of {counted(row['pods'], 'pod')} "
    by = ", ".join(row[f"{side}_by"])
    return f"■ {part}denied by default" + (f": {by}" if by else "")


def namespace_coverage(workloads: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    """One row for each namespace: pods, and how many deny by default in each direction."""
    sums: dict[str, list[int]] = {}
    for row in workloads:
        numbers = sums.setdefault(row["namespace"], [0, 0, 0])
        for index, key in enumerate(("pods", *DIRECTIONS)):
            numbers[index] += row[key]
    return [
        [namespace, str(pods), f"{ingress} of {pods}", f"{egress} of {pods}"]
        for namespace, (pods, ingress, egress) in sorted(sums.items())
    ]


def change_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """One row for each connection that differs from the earlier report."""
    texts = texts_of_ends(report)
    return [
        [
            texts[one["source"]],
            texts[one["destination"]],
            one["port"],
            outcome_text(one["before"]),
            outcome_text(one["after"]),
            one["change"],
        ]
        for one in report["changes"]
    ]


def comparison_rows(report: Mapping[str, Any]) -> list[list[str]]:
    """The counts of the earlier report and of this one."""
    before, after = report["before"]["summary"], report["summary"]

    def closed(counts: Mapping[str, Any], covered: object, side: str) -> str:
        return (
            f"{counts[f'{side}_enforced']} of {counted(counts['pods'], 'pod')}" if covered is not None else "not read"
        )

    return [
        ["Newest flow (UTC)", time_text(report["before"]["created"]), time_text(report["created"])],
        ["Connections", str(before["connections"]), str(after["connections"])],
        *(
            [outcome_text(outcome), str(before["outcomes"][outcome]), str(after["outcomes"][outcome])]
            for outcome in (ALLOWED, DENIED, BOTH, AUDITED, LOST)
            if before["outcomes"][outcome] or after["outcomes"][outcome]
        ),
        *(
            [
                f"Deny {side} by default",
                closed(before, report["before"]["coverage"], side),
                closed(after, report["coverage"], side),
            ]
            for side in DIRECTIONS
        ),
    ]


def drop_sentences(report: Mapping[str, Any], pairs: Sequence[tuple[Json, Json]]) -> list[str]:
    """One line for each refusal, for a terminal."""
    found = []
    for row in drop_rows(report, pairs):
        cells = dict(zip(DROP_COLUMNS, row, strict=True))
        times = counted(int(cells["Times"]), "time")
        found.append(
            f"{cells['From']} -> {cells['To']}:{cells['Port']}  {times}, {cells['Refused at']}:"
            f" {cells['Why']}; {cells['Policy']}"
        )
    return found
