# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the maps show: which ends become boxes, which connections become one line, and what is left out. Pure.

A map that shows everything shows nothing. So addresses outside are put together when they are many, whole namespaces
become one box each in a large report, and drops come before what passes when there is no room for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any

from .._text import counted
from .._types import Json
from .layout import NAME_SIZE, SMALL_SIZE, Link, Node, box_size
from .metrics import text_width, wrapped
from .model import ALLOWED, OUTCOMES, WORKLOAD, end_text, port_text
from .ranking import ranks

MOST_BOXES, MOST_LINES = 60, 140
"""What one map holds. Beyond that the map of a report is one of namespaces."""
MOST_NAMESPACE_LINES = 60
MOST_OUTSIDE = 8
"""Addresses outside that have a box of their own on each side."""
MOST_PORTS, MOST_ENTRIES = 2, 4
"""Ports that a line names, and lines of one outcome that enter a box apart."""
OUTSIDE, NODES, SPACES = "*outside", "*nodes", "*namespaces"
"""Lanes that are no namespace; no namespace has such a name."""
_TITLES = {OUTSIDE: "outside", NODES: "nodes and control plane", SPACES: "namespaces"}
_PROBING = ("host", "remote-node", "health")
NAME_WIDTH, LANE_WIDTH = 190.0, 118.0

Fold = Callable[[Mapping[str, Any], bool], str]
"""The id of the box that an end goes into; the second argument tells whether it is the one that is asked."""


@dataclass
class Graph:
    """Boxes and lines of one map, and sentences about what is not drawn."""

    nodes: list[Node] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    lanes: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)


def is_large(report: Mapping[str, Any]) -> bool:
    """Whether a report needs a map of namespaces, and a chapter for each of them."""
    drawn = [one for one in report["connections"] if not _is_probing(one)]
    pairs = {(one["source"], one["destination"], one["outcome"]) for one in drawn}
    workloads = sum(end["kind"] == WORKLOAD for end in report["ends"])
    return workloads > MOST_BOXES or len(pairs) > MOST_LINES


def workload_graph(report: Mapping[str, Any], connections: Sequence[Json]) -> Graph:
    """All workloads as boxes."""
    return _graph(report, connections, lambda end, asked: _outside(end), MOST_LINES)


def namespace_graph(report: Mapping[str, Any], connections: Sequence[Json]) -> Graph:
    """Namespaces as boxes."""

    def fold(end: Mapping[str, Any], asked: bool) -> str:
        return f"namespace:{end['namespace']}" if end["namespace"] else _outside_as_one(end, asked)

    return _graph(report, [one for one in connections if not _within(report, one)], fold, MOST_NAMESPACE_LINES)


def chapter_graph(report: Mapping[str, Any], namespace: str, connections: Sequence[Json]) -> Graph:
    """Workloads of one namespace as boxes, and all other namespaces as one box each."""

    def fold(end: Mapping[str, Any], asked: bool) -> str:
        if end["namespace"] == namespace:
            return str(end["id"])
        return f"namespace:{end['namespace']}" if end["namespace"] else _outside_as_one(end, asked)

    return _graph(report, connections, fold, MOST_LINES)


def _within(report: Mapping[str, Any], connection: Mapping[str, Any]) -> bool:
    """Whether a connection stays in one namespace, so that a map of namespaces has no line for it."""
    ends = _ends(report)
    first, second = ends[connection["source"]], ends[connection["destination"]]
    return bool(first["namespace"]) and first["namespace"] == second["namespace"] and connection["outcome"] == ALLOWED


def _ends(report: Mapping[str, Any]) -> dict[str, Json]:
    found = {end["id"]: end for end in (report["before"] or {}).get("ends", ())}
    return {**found, **{end["id"]: end for end in report["ends"]}}


def _outside(end: Mapping[str, Any]) -> str:
    return str(end["id"])


def _outside_as_one(end: Mapping[str, Any], asked: bool) -> str:
    if end["kind"] == "entity" and end["name"] != "world":
        return str(end["id"])
    return "outside:*called" if asked else "outside:*callers"


def _is_probing(connection: Mapping[str, Any]) -> bool:
    """Whether a node calls a pod of its own and is let in: health checks of each pod, which would cover the map."""
    source = connection["source"].partition("entity:")[2]
    return source in _PROBING and connection["outcome"] == ALLOWED


def _graph(report: Mapping[str, Any], connections: Sequence[Json], fold: Fold, most_lines: int) -> Graph:
    ends = _ends(report)
    shown = [one for one in connections if not _is_probing(one)]
    graph = Graph()
    if len(shown) < len(connections):
        graph.omitted.append(
            "Connections from the nodes themselves, such as health checks, are in the tables only:"
            f" {len(connections) - len(shown)} of them."
        )
    fold = _with_few_outside(shown, ends, fold)
    groups: dict[tuple[str, str, str], list[Json]] = {}
    for one in shown:
        key = (fold(ends[one["source"]], False), fold(ends[one["destination"]], True), one["outcome"])
        groups.setdefault(key, []).append(one)
    kept = _kept(groups, most_lines)
    if len(kept) < len(groups):
        graph.omitted.append(
            f"{len(groups) - len(kept)} of {counted(len(groups), 'line')} left out: all with drops are drawn"
            " first, then the busiest. The tables have all."
        )
    graph.links = _links({key: groups[key] for key in kept})
    members: dict[str, set[str]] = {}
    for one in shown:
        members.setdefault(fold(ends[one["source"]], False), set()).add(one["source"])
        members.setdefault(fold(ends[one["destination"]], True), set()).add(one["destination"])
    used = sorted({name for link in graph.links for name in (link.source, link.target)})
    graph.nodes = [_node(name, sorted(members[name]), ends, report) for name in used]
    graph.lanes = _lanes(graph)
    return graph


def _with_few_outside(shown: Iterable[Json], ends: Mapping[str, Json], fold: Fold) -> Fold:
    """The same fold, but for addresses outside beyond the first ones: those go into one box."""
    weights: dict[bool, dict[str, tuple[int, int]]] = {False: {}, True: {}}
    for one in shown:
        for side, asked in (("source", False), ("destination", True)):
            end = ends[one[side]]
            if end["kind"] in ("outside", "unknown"):
                drops, flows = weights[asked].get(end["id"], (0, 0))
                weights[asked][end["id"]] = (drops - (one["outcome"] != ALLOWED), flows - one["flows"])
    kept: dict[bool, set[str]] = {}
    for asked, found in weights.items():
        ranked = sorted((weight, name) for name, weight in found.items())
        kept[asked] = {name for __, name in ranked[:MOST_OUTSIDE]}

    def folded(end: Mapping[str, Any], asked: bool) -> str:
        if end["kind"] in ("outside", "unknown") and end["id"] not in kept[asked]:
            return "outside:*called" if asked else "outside:*callers"
        return fold(end, asked)

    return folded


def _kept(groups: Mapping[tuple[str, str, str], Sequence[Json]], most: int) -> list[tuple[str, str, str]]:
    """The lines to draw: those with drops first, then the busiest, and no more boxes than a map holds."""
    order = sorted(
        groups,
        key=lambda key: (OUTCOMES.index(key[2]), -sum(one["flows"] for one in groups[key]), key),
    )
    boxes: set[str] = set()
    kept: list[tuple[str, str, str]] = []
    for key in order:
        if len(kept) < most and len(boxes | {key[0], key[1]}) <= MOST_BOXES:
            kept.append(key)
            boxes |= {key[0], key[1]}
    return sorted(kept)


def _links(groups: Mapping[tuple[str, str, str], Sequence[Json]]) -> list[Link]:
    """One line for each group; lines that enter a box with the same outcome and ports will share their way."""
    labels = {key: _label(connections) for key, connections in groups.items()}
    crowded: dict[tuple[str, str], set[str]] = {}
    for (__, target, outcome), label in labels.items():
        crowded.setdefault((target, outcome), set()).add(label)
    found = []
    for (source, target, outcome), connections in groups.items():
        few = len(crowded[target, outcome]) <= MOST_ENTRIES
        flows = sum(one["flows"] for one in connections)
        found.append(
            Link(
                source=source,
                target=target,
                outcome=outcome,
                label=labels[source, target, outcome] if few else "several ports",
                title=", ".join(sorted({port_text(one) for one in connections})),
                weight=flows,
            )
        )
    return found


def _label(connections: Iterable[Mapping[str, Any]]) -> str:
    ports = sorted({(one["port"] or 0, port_text(one)) for one in connections})
    texts = [text for __, text in ports]
    return ", ".join(texts[:MOST_PORTS]) + (f" +{len(texts) - MOST_PORTS}" if len(texts) > MOST_PORTS else "")


def _node(name: str, members: Sequence[str], ends: Mapping[str, Json], report: Mapping[str, Any]) -> Node:
    if name.startswith("outside:*"):
        called = name == "outside:*called"
        about = f"{counted(len(members), 'address')} outside"
        return Node(name, OUTSIDE, ("called outside",) if called else ("callers outside",), about, "outside", about)
    if name.startswith("namespace:") and name not in ends:
        namespace = name.partition(":")[2]
        about = f"namespace · {counted(len(members), 'workload')}"
        lines = wrapped(namespace, width=NAME_WIDTH, size=NAME_SIZE)
        return Node(name, SPACES, lines, about, "namespace", f"namespace {namespace}", f"namespace-{namespace}")
    end = ends[name]
    lane = end["namespace"] or (OUTSIDE if end["kind"] in ("outside", "unknown") or end["name"] == "world" else NODES)
    text = end["name"] if end["kind"] in (WORKLOAD, "service") else end_text(end)
    about = wrapped(_about(end, report), width=NAME_WIDTH, size=SMALL_SIZE, lines=1)[0]
    return Node(
        name,
        lane,
        wrapped(text, width=max(NAME_WIDTH, text_width(about, SMALL_SIZE)), size=NAME_SIZE),
        about,
        end["kind"],
        f"{end_text(end)} ({_about(end, report)})",
        f"end-{name}" if _row(end, report) else "",
    )


def _row(end: Mapping[str, Any], report: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The coverage of a workload; None where it is not known."""
    rows = (report["coverage"] or {}).get("workloads", ())
    return next((row for row in rows if row["id"] == end["id"]), None)


def _about(end: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """The small text of a box: what it is, and in which directions it denies by default."""
    kinds = {"outside": "outside", "unknown": "unknown", "entity": "cluster", "service": "Service"}
    about = str(end["owner"] or kinds.get(end["kind"], end["kind"]))
    for row in (report["coverage"] or {}).get("workloads", ()):
        if row["id"] == end["id"]:
            closed = [side for side in ("ingress", "egress") if row["pods"] and row[side] == row["pods"]]
            return (
                f"{about} · {'closed both ways' if len(closed) == 2 else f'{closed[0]} closed' if closed else 'open'}"
            )
    return about


def _lanes(graph: Graph) -> list[tuple[str, tuple[str, ...]]]:
    """Outside first, then namespaces, those that call above those that are called, then the system's and the nodes."""
    layers = ranks([node.id for node in graph.nodes], [(link.source, link.target) for link in graph.links])
    inside: dict[str, list[int]] = {}
    for node in graph.nodes:
        inside.setdefault(node.lane, []).append(layers[node.id])

    def order(name: str) -> tuple[int, float, str]:
        place = {OUTSIDE: 0, NODES: 3}.get(name, 2 if name.startswith("kube-") else 1)
        return place, sum(inside[name]) / len(inside[name]), name

    names = sorted(inside, key=order)
    return [(name, wrapped(_TITLES.get(name, name), width=LANE_WIDTH, size=NAME_SIZE, lines=3)) for name in names]


def union_of(graphs: Sequence[Graph]) -> Graph:
    """Several graphs as one: the paper on which each of them is drawn."""
    nodes: dict[str, Node] = {}
    for node in (node for graph in graphs for node in graph.nodes):
        # The same box may say more in one of them: the larger one has room for either.
        nodes[node.id] = max(nodes.get(node.id, node), node, key=lambda one: (box_size(one, 0), one.about))
    links = sorted({link for graph in graphs for link in graph.links}, key=astuple)
    found = Graph([nodes[name] for name in sorted(nodes)], links)
    found.lanes = _lanes(found)
    return found
