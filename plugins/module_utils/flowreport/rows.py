# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""In which row of the map each box stands: near those it talks to, and within the lane of its namespace. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

SWEEPS = 4


class Pair(Protocol):
    """What is needed of a line."""

    @property
    def source(self) -> str:
        """Where it starts."""

    @property
    def target(self) -> str:
        """Where it ends."""


@dataclass(frozen=True)
class Cell:
    """A place in the grid. Rows are counted over all lanes."""

    column: int
    row: int
    lane: str


def place_rows(where: Mapping[str, tuple[int, str]], pairs: Iterable[Pair], lanes: Sequence[str]) -> dict[str, Cell]:
    """The cell of each name. where: its layer and its lane; lanes: their order from the top."""
    groups: dict[tuple[str, int], list[str]] = {}
    for name in sorted(where):
        layer, lane = where[name]
        groups.setdefault((lane, layer), []).append(name)
    starts, heights = _starts(groups, lanes)
    row = {name: starts[lane] + index for (lane, __), names in groups.items() for index, name in enumerate(names)}
    neighbours: dict[str, list[str]] = {name: [] for name in where}
    for pair in pairs:
        if pair.source != pair.target:
            neighbours[pair.source].append(pair.target)
            neighbours[pair.target].append(pair.source)
    layers = sorted({layer for layer, __ in where.values()})
    for sweep in range(SWEEPS):
        for layer in layers if sweep % 2 == 0 else reversed(layers):
            for lane in lanes:
                names = groups.get((lane, layer))
                if names:
                    row.update(_settle(names, row, neighbours, starts[lane], heights[lane]))
    return {name: Cell(layer, row[name], lane) for name, (layer, lane) in where.items()}


def _starts(
    groups: Mapping[tuple[str, int], Sequence[str]], lanes: Sequence[str]
) -> tuple[dict[str, int], dict[str, int]]:
    """The first row of each lane, and the number of its rows."""
    heights = {lane: max((len(names) for (at, __), names in groups.items() if at == lane), default=0) for lane in lanes}
    starts, first = {}, 0
    for lane in lanes:
        starts[lane] = first
        first += heights[lane]
    return starts, heights


def _settle(
    names: Sequence[str], row: Mapping[str, int], neighbours: Mapping[str, Sequence[str]], start: int, height: int
) -> dict[str, int]:
    """Rows for the boxes of one cell group: as near to the middle of their neighbours as the others let them."""
    wish = {}
    for name in names:
        rows = [row[other] for other in neighbours[name]]
        wish[name] = sum(rows) / len(rows) if rows else float(row[name])
    order = sorted(names, key=lambda name: (wish[name], row[name], name))
    found: dict[str, int] = {}
    free = start
    for index, name in enumerate(order):
        last = start + height - (len(order) - index)
        found[name] = min(max(free, round(wish[name])), last)
        free = found[name] + 1
    return found
