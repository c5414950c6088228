# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report as Markdown, for a merge request or a ticket. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._text import agree, counted
from ..hardening.report_markdown import markdown_section, markdown_table, plain
from .document import DIRECTIONS, summary_lines
from .graph import is_large
from .matrix import Matrix, matrix_of
from .model import OUTCOME_TEXTS, OUTCOMES
from .tables import (
    CHANGE_COLUMNS,
    CONNECTION_COLUMNS,
    COVERAGE_COLUMNS,
    DROP_COLUMNS,
    SIGNS,
    change_rows,
    comparison_rows,
    connection_rows,
    coverage_rows,
    drop_rows,
    namespace_coverage,
)

MOST_ROWS = 200
"""Rows of one table: a ticket has limits. The page and the JSON have all."""
MOST_COLUMNS = 12
"""Columns of a matrix that can still be read as Markdown."""


def report_markdown(report: Mapping[str, Any]) -> str:
    """The whole report; ends with a newline."""
    lines = [f"# {plain(report['title'])}", ""]
    lines += [f"- {plain(text)}" for text in summary_lines(report)]
    if report["cluster"]:
        lines.append(f"- cluster {plain(report['cluster'])}")
    if report["namespaces"]:
        lines.append(f"- namespaces {plain(', '.join(report['namespaces']))}")
    lines += markdown_section("What a reader must know", [f"- {plain(text)}" for text in report["notes"]])
    lines += markdown_section("Before and after", _comparison(report))
    lines += markdown_section("What was dropped", _limited(DROP_COLUMNS, drop_rows(report)) or ["No drops were seen."])
    lines += markdown_section("Who talks to whom", _matrix(matrix_of(report, report["connections"])))
    lines += markdown_section("Policy coverage", _coverage(report))
    ordered = sorted(report["connections"], key=lambda one: OUTCOMES.index(one["outcome"]))
    lines += markdown_section("Connections", _limited(CONNECTION_COLUMNS, connection_rows(report, ordered)))
    return "\n".join(lines) + "\n"


def _limited(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    left = len(rows) - MOST_ROWS
    more = f"{counted(left, 'more row')} {agree(left, 'is', 'are')} in the page."
    return markdown_table(columns, rows[:MOST_ROWS]) + (["", more] if left > 0 else [])


def _comparison(report: Mapping[str, Any]) -> list[str]:
    if report["before"] is None:
        return []
    changes = _limited(CHANGE_COLUMNS, change_rows(report)) or ["Every connection has the same outcome as before."]
    return [*markdown_table(("", "Before", "After"), comparison_rows(report)), "", *changes]


def _coverage(report: Mapping[str, Any]) -> list[str]:
    if report["coverage"] is None:
        return ["Not read: this report was made without a cluster."]
    workloads = report["coverage"]["workloads"]
    if is_large(report):
        return _limited(("Namespace", "Pods", *DIRECTIONS), namespace_coverage(workloads))
    return _limited(COVERAGE_COLUMNS, coverage_rows(workloads))


def _matrix(matrix: Matrix) -> list[str]:
    if not matrix.cells or len(matrix.columns) > MOST_COLUMNS:
        return []
    rows = []
    for row in matrix.rows:
        cells = [matrix.cells.get((row, column), {}) for column in matrix.columns]
        rows.append([row, *(" ".join(SIGNS[one] for one in OUTCOMES if one in cell) for cell in cells)])
    legend = ", ".join(f"{SIGNS[one]} {OUTCOME_TEXTS[one]}" for one in OUTCOMES)
    return [f"Rows call columns: {legend}.", "", *markdown_table(("from / to", *matrix.columns), rows)]
