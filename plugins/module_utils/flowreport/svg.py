# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A placed map as SVG that stands inside a page: classes and variables of the page's style give the colours. Pure.

Colour is never the only sign: what is denied has dashed lines that end in a cross, and every line says so to those who
cannot see it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from html import escape
from math import log10

from .._text import counted
from .graph import Graph
from .layout import LANE_PADDING, MARK, NAME_SIZE, SMALL_SIZE, Box, Entry, Lane, Link, Map
from .metrics import line_height
from .model import ALLOWED, AUDITED, BOTH, DENIED, LOST, OUTCOME_TEXTS

_ROUND = 5.0
_DRAWN = (ALLOWED, AUDITED, LOST, BOTH, DENIED)
"""Lines in the order in which they are drawn: what matters most lies on top."""


SMALLEST = 0.75
"""A page that is too narrow for a map makes it smaller, down to this; below that one scrolls."""


def map_svg(found: Map, title: str, name: str, shown: Graph | None = None) -> str:
    """The map. name: its id in the page; shown: the lines to draw and what boxes say, where the map is of several."""
    links = [link for link in found.routes if shown is None or link in shown.links]
    said = {node.id: node for node in shown.nodes} if shown else {}
    entries = {(link.target, link.outcome, link.label) for link in links}
    numbers = {node: str(number) for number, node in enumerate(found.boxes)}
    width, height = f"{found.width:.0f}", f"{found.height:.0f}"
    parts = [
        f'<svg class="map" id="{name}" role="group" aria-label="{escape(title)}" viewBox="0 0 {width} {height}"'
        f' width="{width}" height="{height}" style="min-width: {found.width * SMALLEST:.0f}px">'
    ]
    parts += [_lane(lane, found) for lane in found.lanes]
    for outcome in _DRAWN:
        parts += [_line(link, found, numbers) for link in links if link.outcome == outcome]
    parts += [_entry(entry) for entry in found.entries if entry.key in entries]
    for place, box in found.boxes.items():
        # What an earlier report shows may be nowhere else in the page.
        node = box.node if shown is None else replace(said.get(place, box.node), target="")
        parts.append(_box(replace(box, node=node), numbers[place], shown is not None and place not in said))
    return "\n".join([*parts, "</svg>"])


def _lane(lane: Lane, found: Map) -> str:
    top = lane.y + LANE_PADDING + NAME_SIZE + 2
    texts = _texts(lane.lines, 10.0, top, NAME_SIZE, "lane")
    return (
        f'<g><title>{escape(lane.title)}</title><rect class="lane" x="0.5" y="{lane.y + 0.5:.1f}"'
        f' width="{found.width - 1:.1f}" height="{lane.height - 1:.1f}" rx="6"/>{texts}</g>'
    )


def _line(link: Link, found: Map, numbers: dict[str, str]) -> str:
    source, target = found.boxes[link.source].node, found.boxes[link.target].node
    flows = counted(link.weight, "flow")
    title = f"{source.title} to {target.title}, {link.title}: {OUTCOME_TEXTS[link.outcome]}, {flows}"
    width = 1.2 + min(log10(max(link.weight, 1)) * 0.5, 2.0)
    return (
        f'<path class="line {link.outcome}" data-s="{numbers[link.source]}" data-t="{numbers[link.target]}"'
        f' stroke-width="{width:.1f}" d="{_path(found.routes[link])}"><title>{escape(title)}</title></path>'
    )


def _path(points: Sequence[tuple[float, float]]) -> str:
    """A way with rounded corners, which ends where the mark begins."""
    corners = _without_repeats(points)
    last = (corners[-1][0] - 7, corners[-1][1])
    text = f"M{corners[0][0]:.1f} {corners[0][1]:.1f}"
    for before, corner, after in zip(corners, corners[1:-1], [*corners[2:-1], last], strict=False):
        near, far = _towards(corner, before), _towards(corner, after)
        text += f"L{near[0]:.1f} {near[1]:.1f}Q{corner[0]:.1f} {corner[1]:.1f} {far[0]:.1f} {far[1]:.1f}"
    return f"{text}L{last[0]:.1f} {last[1]:.1f}"


def _without_repeats(points: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Points of which no two neighbours are the same and no three lie in one direction."""
    found: list[tuple[float, float]] = []
    for point in points:
        if found and abs(point[0] - found[-1][0]) < 0.1 and abs(point[1] - found[-1][1]) < 0.1:
            continue
        if len(found) > 1 and any(
            abs(found[-2][i] - found[-1][i]) < 0.1 and abs(found[-1][i] - point[i]) < 0.1 for i in (0, 1)
        ):
            found.pop()
        found.append(point)
    return found


def _towards(corner: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """The point a little before a corner."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx), abs(dy))
    part = min(_ROUND, length / 2) / length if length else 0.0
    return corner[0] + dx * part, corner[1] + dy * part


def _entry(entry: Entry) -> str:
    __, outcome, label = entry.key
    place = f'x="{entry.x - MARK + 6:.1f}" y="{entry.y - 3:.1f}"'
    text = f'<text class="port" {place} text-anchor="end">{escape(label)}</text>'
    return f'<g class="entry {outcome}">{mark(outcome, entry.x - 8, entry.y)}{text}</g>'


def mark(outcome: str, x: float, y: float) -> str:
    """The sign at the end of a line; x, y is its middle."""
    arrow = f"M{x - 3:.1f} {y - 4.5:.1f}L{x + 7:.1f} {y:.1f}L{x - 3:.1f} {y + 4.5:.1f}Z"
    cross = f"M{x - 4:.1f} {y - 4:.1f}L{x + 4:.1f} {y + 4:.1f}M{x - 4:.1f} {y + 4:.1f}L{x + 4:.1f} {y - 4:.1f}"
    if outcome == DENIED:
        return f'<path class="mark cross" d="{cross}"/>'
    if outcome == BOTH:
        return (
            f'<path class="mark cross" d="{cross}" transform="translate(-9 0)"/><path class="mark full" d="{arrow}"/>'
        )
    if outcome == LOST:
        return f'<rect class="mark hollow" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" height="8"/>'
    return f'<path class="mark {"hollow" if outcome == AUDITED else "full"}" d="{arrow}"/>'


def _box(box: Box, number: str, faded: bool) -> str:
    node = box.node
    radius = box.height / 2 if node.kind in ("outside", "unknown") else 2 if node.kind in ("entity", "service") else 7
    text_height = len(node.lines) * line_height(NAME_SIZE) + (line_height(SMALL_SIZE) if node.about else 0)
    top = box.middle - text_height / 2 + NAME_SIZE * 0.95
    body = (
        f'<rect class="box" x="{box.x:.1f}" y="{box.y:.1f}" width="{box.width:.1f}" height="{box.height:.1f}"'
        f' rx="{min(radius, 16):.0f}"/>'
    )
    body += _texts(node.lines, box.x + box.width / 2, top, NAME_SIZE, "name")
    if node.about:
        body += _texts(
            (node.about,),
            box.x + box.width / 2,
            top + len(node.lines) * line_height(NAME_SIZE) - 1,
            SMALL_SIZE,
            "about",
        )
    title = f"<title>{escape(node.title)}</title>"
    kind = f"node {node.kind}{' faded' if faded else ''}"
    if node.target:
        return f'<a class="{kind}" data-n="{number}" href="#{anchor(node.target)}">{title}{body}</a>'
    return f'<g class="{kind}" data-n="{number}">{title}{body}</g>'


def _texts(lines: Sequence[str], x: float, y: float, size: float, kind: str) -> str:
    return "".join(
        f'<text class="{kind}" x="{x:.1f}" y="{y + number * line_height(size):.1f}">{escape(line)}</text>'
        for number, line in enumerate(lines)
    )


def anchor(text: str) -> str:
    """Text as an id of the page: letters, digits and dashes as they are, all else as its number."""
    return "".join(
        letter if letter.isascii() and (letter.isalnum() or letter == "-") else f"_{ord(letter):x}_" for letter in text
    )
