# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The map on paper: layers from left to right, a lane for each namespace, and lines that cross no box. Pure.

Boxes stand in a grid. Lines run in the gutters between its columns and in the gaps between its rows only, each bundle
(what enters a box with the same outcome and the same ports) on a track of its own. The same input gives the same map.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .metrics import line_height, text_width
from .ranking import ranks
from .rows import Cell, place_rows

TRACK, GUTTER, MARK, GAP = 8.0, 12.0, 26.0, 12.0
"""Distance of tracks, padding of a gutter, room for the mark at a line's end, padding of a gap."""
NAME_SIZE, SMALL_SIZE = 12.0, 10.0
PADDING, ENTRY, EXIT = 10.0, 17.0, 9.0
LANE_PADDING, LANE_SPACE = 8.0, 10.0


@dataclass(frozen=True)
class Node:
    """A box. lines: its name; about: smaller text below it; title: the whole name, for those who point at it."""

    id: str
    lane: str
    lines: tuple[str, ...]
    about: str = ""
    kind: str = "workload"
    title: str = ""
    target: str = ""
    """Where in the page more is told, `#...`; empty for nowhere."""


@dataclass(frozen=True)
class Link:
    """A line. label: its ports."""

    source: str
    target: str
    outcome: str
    label: str
    title: str = ""
    weight: int = 1


@dataclass(frozen=True)
class Box:
    """A node with its place."""

    node: Node
    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The x of its right side."""
        return self.x + self.width

    @property
    def middle(self) -> float:
        """The y of its middle."""
        return self.y + self.height / 2


@dataclass(frozen=True)
class Entry:
    """Where lines of one outcome and one set of ports enter a box."""

    key: tuple[str, str, str]
    """Target, outcome, label."""
    x: float
    y: float


@dataclass(frozen=True)
class Lane:
    """The band of a namespace."""

    title: str
    lines: tuple[str, ...]
    y: float
    height: float


@dataclass
class Map:
    """Everything with its place, in pixels."""

    width: float = 0.0
    height: float = 0.0
    header: float = 0.0
    """Width of the column with the lanes' titles."""
    boxes: dict[str, Box] = field(default_factory=dict)
    entries: list[Entry] = field(default_factory=list)
    routes: dict[Link, tuple[tuple[float, float], ...]] = field(default_factory=dict)
    lanes: list[Lane] = field(default_factory=list)


Span = tuple[int, int]


def arrange(nodes: Sequence[Node], links: Sequence[Link], lanes: Sequence[tuple[str, tuple[str, ...]]]) -> Map:
    """Place all. lanes: names in their order from the top, with the lines of their titles; each node is in one."""
    layer_of = ranks([node.id for node in nodes], [(link.source, link.target) for link in links])
    cells = place_rows({node.id: (layer_of[node.id], node.lane) for node in nodes}, links, [name for name, __ in lanes])
    plan = _Plan(cells, links)
    entries = plan.entries
    sizes = {node.id: box_size(node, sum(key[0] == node.id for key in entries)) for node in nodes}
    found = Map(header=max((text_width(line, NAME_SIZE) for __, lines in lanes for line in lines), default=0.0) + 20)
    columns = 1 + max((cell.column for cell in cells.values()), default=0)
    rows = 1 + max((cell.row for cell in cells.values()), default=0)
    gutters, lefts, widths = _across(plan, cells, sizes, columns, found.header)
    gaps, tops, heights = _down(plan, cells, sizes, rows, [name for name, __ in lanes], dict(lanes), found)
    for node in sorted(nodes, key=lambda node: (cells[node.id].row, cells[node.id].column, node.id)):
        cell = cells[node.id]
        height = sizes[node.id][1]
        top = tops[cell.row] + (heights[cell.row] - height) / 2
        found.boxes[node.id] = Box(node, lefts[cell.column], top, widths[cell.column], height)
    found.width = gutters[columns] + GUTTER + TRACK * plan.tracks_of_gutter(columns)
    _enter(found, entries)
    exits = _exits(found, links)
    for link in links:
        found.routes[link] = _route(link, found, plan, cells, gutters, gaps, exits)
    return found


def box_size(node: Node, entries: int) -> tuple[float, float]:
    """Width and height of a box that so many lines enter."""
    widest = max((text_width(line, NAME_SIZE) for line in node.lines), default=0.0)
    width = max(widest, text_width(node.about, SMALL_SIZE)) + 2 * PADDING
    text = len(node.lines) * line_height(NAME_SIZE) + (line_height(SMALL_SIZE) if node.about else 0)
    return width, max(text + 2 * PADDING - 4, entries * ENTRY + 6)


class _Plan:
    """Which gutter and gap each bundle uses, and on which track: worked out in rows and columns, before pixels."""

    def __init__(self, cells: Mapping[str, Cell], links: Sequence[Link]) -> None:
        self.entries = sorted({(link.target, link.outcome, link.label) for link in links})
        gutters: dict[int, dict[tuple[str, str, str], list[int]]] = {}
        gaps: dict[int, dict[tuple[str, str, str], list[int]]] = {}
        for link in links:
            key = (link.target, link.outcome, link.label)
            source, target = cells[link.source], cells[link.target]
            into = gutters.setdefault(target.column, {}).setdefault(key, [])
            if source.column == target.column - 1:
                into += [2 * source.row + 1, 2 * target.row + 1]
                continue
            into += [2 * target.row, 2 * target.row + 1]
            gutters.setdefault(source.column + 1, {}).setdefault(key, []).extend((2 * source.row + 1, 2 * target.row))
            gaps.setdefault(target.row, {}).setdefault(key, []).extend((2 * source.column + 2, 2 * target.column))
        self._gutters = {number: _tracks(used, cells) for number, used in gutters.items()}
        self._gaps = {number: _tracks(used, cells) for number, used in gaps.items()}

    def gutter(self, number: int, key: tuple[str, str, str]) -> int:
        """The track of a bundle in a gutter."""
        return self._gutters[number][key]

    def gap(self, number: int, key: tuple[str, str, str]) -> int:
        """The track of a bundle in the gap above a row."""
        return self._gaps[number][key]

    def tracks_of_gutter(self, number: int) -> int:
        """How many tracks a gutter has."""
        return 1 + max(self._gutters.get(number, {}).values(), default=-1)

    def tracks_of_gap(self, number: int) -> int:
        """How many tracks a gap has."""
        return 1 + max(self._gaps.get(number, {}).values(), default=-1)


def _tracks(
    used: Mapping[tuple[str, str, str], Sequence[int]], cells: Mapping[str, Cell]
) -> dict[tuple[str, str, str], int]:
    """The first track for each bundle on which it keeps its distance from others.

    Those that go far down turn first, so that fewer lines cross.
    """
    spans = {key: (min(points), max(points)) for key, points in used.items()}

    def order(key: tuple[str, str, str]) -> tuple[object, ...]:
        end = 2 * cells[key[0]].row + 1
        low, high = spans[key]
        rises = low + high >= 2 * end
        return (rises, end if rises else -end, key)

    taken: list[list[Span]] = []
    found = {}
    for key in sorted(used, key=order):
        low, high = spans[key]
        number = next(
            (
                index
                for index, spans_there in enumerate(taken)
                if all(high + 1 < a or b + 1 < low for a, b in spans_there)
            ),
            len(taken),
        )
        if number == len(taken):
            taken.append([])
        taken[number].append((low, high))
        found[key] = number
    return found


def _across(
    plan: _Plan, cells: Mapping[str, Cell], sizes: Mapping[str, tuple[float, float]], columns: int, header: float
) -> tuple[list[float], list[float], list[float]]:
    """x of the gutters, x of the columns, widths of the columns."""
    gutters, lefts, widths = [], [], []
    x = header
    for column in range(columns):
        inside = {name for name, cell in cells.items() if cell.column == column}
        labels = [text_width(label, SMALL_SIZE) for target, __, label in plan.entries if target in inside]
        gutters.append(x)
        tracks = plan.tracks_of_gutter(column)
        x += GUTTER + TRACK * tracks + (max(labels) + MARK if labels else 0)
        lefts.append(x)
        widths.append(max((sizes[name][0] for name in inside), default=0.0))
        x += widths[-1]
    return [*gutters, x], lefts, widths


def _down(
    plan: _Plan,
    cells: Mapping[str, Cell],
    sizes: Mapping[str, tuple[float, float]],
    rows: int,
    names: Sequence[str],
    titles: Mapping[str, tuple[str, ...]],
    found: Map,
) -> tuple[list[float], list[float], list[float]]:
    """y of the gaps, y of the rows, heights of the rows; fills in the lanes and the height of the map."""
    lane_of = {cell.row: cell.lane for cell in cells.values()}
    gaps, tops, heights = [0.0] * rows, [0.0] * rows, [0.0] * rows
    y = 0.0
    for name in names:
        inside = [row for row in range(rows) if lane_of.get(row) == name]
        start = y
        y += LANE_PADDING
        for row in inside:
            gaps[row] = y
            y += GAP + TRACK * plan.tracks_of_gap(row)
            tops[row] = y
            heights[row] = max(sizes[node][1] for node, cell in cells.items() if cell.row == row)
            y += heights[row]
        y = max(y + LANE_PADDING, start + len(titles[name]) * line_height(NAME_SIZE) + 2 * LANE_PADDING)
        found.lanes.append(Lane(name, titles[name], start, y - start))
        y += LANE_SPACE
    found.height = y - LANE_SPACE if names else 0.0
    return gaps, tops, heights


def _enter(found: Map, entries: Iterable[tuple[str, str, str]]) -> None:
    by_target: dict[str, list[tuple[str, str, str]]] = {}
    for key in entries:
        by_target.setdefault(key[0], []).append(key)
    for target, keys in by_target.items():
        box = found.boxes[target]
        top = box.middle - (len(keys) - 1) * ENTRY / 2
        found.entries += [Entry(key, box.x, top + number * ENTRY) for number, key in enumerate(keys)]


def _exits(found: Map, links: Iterable[Link]) -> dict[tuple[str, str], float]:
    """y at which lines of an outcome leave a box."""
    outcomes: dict[str, set[str]] = {}
    for link in links:
        outcomes.setdefault(link.source, set()).add(link.outcome)
    return {
        (source, outcome): found.boxes[source].middle + (number - (len(kinds) - 1) / 2) * EXIT
        for source, kinds in outcomes.items()
        for number, outcome in enumerate(sorted(kinds))
    }


def _route(
    link: Link,
    found: Map,
    plan: _Plan,
    cells: Mapping[str, Cell],
    gutters: Sequence[float],
    gaps: Sequence[float],
    exits: Mapping[tuple[str, str], float],
) -> tuple[tuple[float, float], ...]:
    key = (link.target, link.outcome, link.label)
    source, target = cells[link.source], cells[link.target]
    start_x, start_y = found.boxes[link.source].right, exits[link.source, link.outcome]
    entry = next(entry for entry in found.entries if entry.key == key)

    def track(number: int) -> float:
        return gutters[number] + GUTTER + TRACK * plan.gutter(number, key)

    into = track(target.column)
    if source.column == target.column - 1:
        return (start_x, start_y), (into, start_y), (into, entry.y), (entry.x, entry.y)
    out = track(source.column + 1)
    level = gaps[target.row] + GAP / 2 + TRACK * plan.gap(target.row, key)
    return (
        (start_x, start_y),
        (out, start_y),
        (out, level),
        (into, level),
        (into, entry.y),
        (entry.x, entry.y),
    )
