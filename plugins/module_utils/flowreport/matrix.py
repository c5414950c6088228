# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Who talks to whom, as a matrix: workloads where they are few, else namespaces. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._types import Json
from .model import OUTCOMES, WORKLOAD, end_text, port_text

MOST_ROWS, MOST_COLUMNS = 60, 45
"""Of workloads; a matrix that is larger has namespaces instead."""


@dataclass
class Matrix:
    """rows call columns; cells hold ports by outcome, or where `counts` is set, numbers of connections."""

    rows: list[str] = field(default_factory=list)
    columns: list[str] = field(default_factory=list)
    cells: dict[tuple[str, str], dict[str, list[str]]] = field(default_factory=dict)
    counts: bool = False


def matrix_of(report: Mapping[str, Any], connections: Sequence[Json]) -> Matrix:
    """The matrix of all connections, by workload where it has room."""
    ends = {end["id"]: end for end in report["ends"]}
    by_workload = _fill(connections, {name: _place(end) for name, end in ends.items()})
    if len(by_workload.rows) <= MOST_ROWS and len(by_workload.columns) <= MOST_COLUMNS:
        return by_workload
    found = _fill(connections, {name: _group(end) for name, end in ends.items()})
    found.counts = True
    return found


def chapter_matrix(report: Mapping[str, Any], namespace: str, connections: Sequence[Json]) -> Matrix:
    """The matrix of one namespace: its workloads one by one, all others by namespace. Empty where it is too large."""
    names = {end["id"]: _place(end) if end["namespace"] == namespace else _group(end) for end in report["ends"]}
    found = _fill(connections, names)
    if len(found.rows) <= MOST_ROWS and len(found.columns) <= MOST_COLUMNS:
        return found
    return Matrix()


def _place(end: Mapping[str, Any]) -> str:
    """A workload by itself; addresses outside together, for they may be many."""
    return "outside" if end["kind"] in ("outside", "unknown") else end_text(end)


def _group(end: Mapping[str, Any]) -> str:
    return f"namespace {end['namespace']}" if end["kind"] in (WORKLOAD, "service", "namespace") else _place(end)


def _fill(connections: Sequence[Mapping[str, Any]], names: Mapping[str, str]) -> Matrix:
    found = Matrix()
    for one in connections:
        place = (names[one["source"]], names[one["destination"]])
        found.cells.setdefault(place, {}).setdefault(one["outcome"], []).append(port_text(one))
    found.rows = sorted({row for row, __ in found.cells})
    found.columns = sorted({column for __, column in found.cells})
    for by_outcome in found.cells.values():
        for outcome in OUTCOMES:
            if outcome in by_outcome:
                by_outcome[outcome].sort()
    return found
