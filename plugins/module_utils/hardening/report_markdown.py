# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report as Markdown, for a merge request or a ticket."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._text import counted as count_text
from .report import DIRECTIONS, decision, summary_lines

EDGE_COLUMNS = ("From", "To", "Port", "Seen", "Last", "Decision", "Rule, or why none", "Approved by")


def report_markdown(report: Mapping[str, Any]) -> str:
    """The whole report; ends with a newline."""
    lines = [f"# {report['title']}", ""]
    lines += [f"- {line}" for line in summary_lines(report)]
    lines += [
        f"- Namespaces: {', '.join(report['namespaces'])}",
        f"- Cluster {report['cluster'] or '(unknown)'}, evidence {short(report['evidence_digest']) or '(none)'}",
        f"- Written {report['created']}",
    ]
    lines += markdown_section("Warnings", [f"- {text}" for text in report["warnings"]])
    lines += markdown_section("Stages", _stages(report["stages"]))
    lines += markdown_section(
        "Connections", markdown_table(EDGE_COLUMNS, [edge_cells(edge) for edge in report["edges"]])
    )
    lines += markdown_section(
        "Pods that deny by default", markdown_table(("Namespace", "Workload", *DIRECTIONS), coverage_cells(report))
    )
    lines += markdown_section("Policies", _policies(report["policies"]))
    lines += markdown_section(
        "Probes", markdown_table(("Probe", "Expected", "Outcome", "Decided by"), probe_cells(report["probes"]))
    )
    return "\n".join(lines) + "\n"


def short(digest: str) -> str:
    """The first twelve characters of a digest."""
    return digest.removeprefix("sha256:")[:12]


def edge_cells(edge: Mapping[str, Any]) -> list[str]:
    """The cells of one connection, in the order of EDGE_COLUMNS."""
    denied = f", {edge['denied']} denied" if edge["denied"] else ""
    return [
        edge["source"],
        edge["destination"],
        edge["port"],
        f"{count_text(edge['count'], 'time')}{denied}",
        edge["last"],
        decision(edge),
        ", ".join(edge["rules"]) or edge["reason"],
        edge["approved_by"],
    ]


def coverage_cells(report: Mapping[str, Any]) -> list[list[str]]:
    """One row for each workload: how many of its pods deny by default before and after."""

    def counted(rows: Sequence[Mapping[str, Any]], where: tuple[str, str], side: str) -> str:
        pods = [row for row in rows if (row["namespace"], row["workload"]) == where]
        return f"{sum(row[side] for row in pods)}/{len(pods)}"

    before, after = report["coverage"]["before"], report["coverage"]["after"]
    places = sorted({(row["namespace"], row["workload"]) for row in [*before, *after]})
    return [
        [
            *place,
            *(f"{counted(before, place, side)} before, {counted(after, place, side)} after" for side in DIRECTIONS),
        ]
        for place in places
    ]


def probe_cells(probes: Sequence[Mapping[str, Any]]) -> list[list[str]]:
    """One row for each connection that was tried."""
    return [[str(probe.get(key) or "") for key in ("name", "expected", "outcome", "decided_by")] for probe in probes]


def markdown_section(title: str, body: list[str]) -> list[str]:
    """A chapter with its heading; nothing where there is nothing to tell."""
    return ["", f"## {title}", "", *body] if body else []


def _stages(stages: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for number, stage in enumerate(stages, start=1):
        lines.append(f"{number}. **{stage['name']}**: {stage['outcome']}. {plain(stage['text'])}".rstrip())
    return lines


def _policies(policies: Sequence[Mapping[str, Any]]) -> list[str]:
    lines: list[str] = []
    for policy in policies:
        state = f"enforces {' and '.join(policy['enforcing'])}" if policy["enforcing"] else "denies nothing"
        lines += [f"### {policy['namespace']}/{policy['name']} ({state})", ""]
        lines += ["```text", *policy["description"].splitlines(), "```", ""] if policy["description"] else []
    return lines[:-1] if lines and not lines[-1] else lines


def markdown_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table whose cells cannot break it; nothing without rows."""
    if not rows:
        return []
    return [
        f"| {' | '.join(columns)} |",
        f"|{'---|' * len(columns)}",
        *(f"| {' | '.join(plain(cell) for cell in row)} |" for row in rows),
    ]


def plain(text: str) -> str:
    """Text that cannot end a cell or start markup: a name on the wire could be an image of somewhere else."""
    for letter in ("\\", "|", "[", "`"):
        text = text.replace(letter, f"\\{letter}")
    return text.replace("\r", " ").replace("\n", " ").replace("<", "&lt;")
