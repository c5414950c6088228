# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report as one HTML file, readable with 5 and with 500 workloads. Pure; the same report gives the same bytes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .._text import agree, counted
from .._types import Json
from ..hardening.page import STYLE as COMMON
from ..hardening.page import bullets, cards, page, section, table
from .document import DIRECTIONS
from .graph import Graph, chapter_graph, is_large, namespace_graph, union_of, workload_graph
from .layout import Map, arrange
from .matrix import Matrix, chapter_matrix, matrix_of
from .model import ALLOWED, AUDITED, BOTH, DENIED, LOST, OUTCOME_TEXTS, OUTCOMES, WORKLOAD
from .style import SCRIPT, STYLE, security
from .svg import anchor, map_svg, mark
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
    time_text,
)

MOST_ROWS = 60
"""Drops, and differences, in the tables of a large report; its chapters have all drops."""


def report_html(report: Mapping[str, Any]) -> str:
    """The whole page; ends with a newline. Everything that comes from a cluster is escaped."""
    large = is_large(report)
    body = [
        f"<h1>{escape(report['title'])}</h1>",
        f'<p class="about">{escape(_about(report))}</p>',
        _contents(report, large),
        _cards(report),
        section("What a reader must know", bullets(_warnings(report), "warnings"), "warnings"),
        section("Before and after", _comparison(report, large), "compare"),
        section("Service map", _main_map(report, large), "map"),
        section(
            "Who talks to whom",
            _matrix(matrix_of(report, report["connections"])) or _nothing("connections"),
            "matrix",
        ),
        section("What was dropped", _drops(report, large), "drops"),
        section("Policy coverage", _coverage(report, large), "coverage"),
        section("Namespaces", _chapters(report), "namespaces") if large else "",
        section("Connections", _connections(report, report["connections"]), "connections") if not large else "",
    ]
    return page(report["title"], body, style=COMMON + STYLE, head=security(), end=f"<script>{SCRIPT}</script>\n")


def _about(report: Mapping[str, Any]) -> str:
    where = f"namespaces {', '.join(report['namespaces'])}" if report["namespaces"] else "all namespaces"
    window, source = report["window"], report["source"]
    parts = [where, f"cluster {report['cluster']}" if report["cluster"] else ""]
    parts += [f"{counted(source['flows'], 'flow')} from {source['kind']}"]
    if window["last"]:
        parts.append(f"seen from {time_text(window['first'])} to {time_text(window['last'])} UTC")
    return " · ".join(part for part in parts if part)


def _warnings(report: Mapping[str, Any]) -> list[str]:
    return [*report["source"]["incomplete_because"], *report["notes"]]


def _contents(report: Mapping[str, Any], large: bool) -> str:
    places = [
        ("compare", "Before and after", report["before"] is not None),
        ("map", "Service map", True),
        ("matrix", "Who talks to whom", True),
        ("drops", "What was dropped", True),
        ("coverage", "Policy coverage", True),
        ("namespaces", "Namespaces", large),
        ("connections", "Connections", not large),
    ]
    items = "".join(f'<li><a href="#{name}">{text}</a></li>' for name, text, there in places if there)
    return f'<nav aria-label="Contents"><ul>{items}</ul></nav>'


def _cards(report: Mapping[str, Any]) -> str:
    counts = report["summary"]
    values: list[tuple[object, str]] = [
        (
            counts["workloads"],
            f"{agree(counts['workloads'], 'workload', 'workloads')} in {counted(counts['namespaces'], 'namespace')}",
        ),
        (counts["connections"], agree(counts["connections"], "kind of connection", "kinds of connections")),
    ]
    values += [
        (f"{SIGNS[outcome]} {counts['outcomes'][outcome]}", OUTCOME_TEXTS[outcome])
        for outcome in (ALLOWED, DENIED, BOTH, AUDITED, LOST)
        if counts["outcomes"][outcome] or outcome in (ALLOWED, DENIED)
    ]
    if report["coverage"] is not None:
        values += [
            (
                f"{counts[f'{side}_enforced']}/{counts['pods']}",
                f"{agree(counts['pods'], 'pod denies', 'pods deny')} {side} by default",
            )
            for side in DIRECTIONS
        ]
    return cards(values)


def _legend() -> str:
    items = "".join(
        f'<li><svg class="{outcome}" viewBox="0 0 44 14" aria-hidden="true">'
        f'<path class="line {outcome}" d="M0 7H{28 if outcome == BOTH else 32}" stroke-width="2"/>'
        f"{mark(outcome, 36, 7)}</svg>{escape(OUTCOME_TEXTS[outcome])}</li>"
        for outcome in (ALLOWED, DENIED, BOTH, AUDITED, LOST)
    )
    return f'<ul class="legend">{items}</ul>'


def _main_map(report: Mapping[str, Any], large: bool) -> str:
    graph = (namespace_graph if large else workload_graph)(report, report["connections"])
    hint = (
        "Each box is a namespace; its chapter below has a map of its workloads. Lines within a namespace are drawn only"
        " where something was dropped."
        if large
        else "Who calls stands left of who is called. Each line ends with a mark for its outcome; the port"
        " stands above it."
    )
    drawn = _map(graph, "Service map: the table of connections says the same in words", "map-all")
    return f'{_legend()}<p class="hint">{hint}</p>{drawn}{_omitted(graph)}' if drawn else _nothing("connections")


def _map(graph: Graph, title: str, name: str) -> str:
    if not graph.links:
        return ""
    drawn = map_svg(arrange(graph.nodes, graph.links, graph.lanes), title, name)
    return _frame(drawn, title)


def _frame(drawn: str, title: str) -> str:
    return f'<div class="frame" role="region" aria-label="{escape(title)}" tabindex="0">{drawn}</div>'


def _omitted(graph: Graph) -> str:
    return "".join(f'<p class="hint">{escape(text)}</p>' for text in graph.omitted)


def _nothing(what: str) -> str:
    return f'<p class="hint">No {what} were seen.</p>'


def _matrix(matrix: Matrix) -> str:
    """Rows call columns. A sign for each outcome; words for those who cannot see it."""
    if not matrix.cells:
        return ""
    head = "".join(f'<th scope="col" class="turned"><span>{escape(name)}</span></th>' for name in matrix.columns)
    rows = ""
    for row in matrix.rows:
        cells = "".join(_matrix_cell(matrix.cells.get((row, column), {}), matrix.counts) for column in matrix.columns)
        rows += f'<tr><th scope="row">{escape(row)}</th>{cells}</tr>\n'
    told = ", ".join(f"{SIGNS[one]} {OUTCOME_TEXTS[one]}" for one in OUTCOMES)
    told += "; the numbers count kinds of connections." if matrix.counts else "."
    return (
        f'<p class="hint">{escape(told)}</p>'
        '<div class="wide" role="region" aria-label="Who talks to whom" tabindex="0">'
        '<table class="matrix"><caption>Rows call columns.</caption><thead><tr><th scope="col">from \\ to</th>'
        f"{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _matrix_cell(outcomes: Mapping[str, Sequence[str]], counts: bool) -> str:
    if not outcomes:
        return "<td></td>"
    signs, words = [], []
    for outcome in OUTCOMES:
        ports = outcomes.get(outcome)
        if ports:
            number = f"{len(ports)}" if counts else ""
            signs.append(f'<span class="{outcome}" aria-hidden="true">{SIGNS[outcome]}{number}</span>')
            told = counted(len(ports), "connection") if counts else ", ".join(dict.fromkeys(ports))
            words.append(f"{OUTCOME_TEXTS[outcome]}: {told}")
    text = escape("; ".join(words))
    return f'<td title="{text}">{" ".join(signs)}<span class="sr">{text}</span></td>'


def _drops(report: Mapping[str, Any], large: bool) -> str:
    rows = drop_rows(report)
    if not rows:
        return _nothing("drops")
    shown = rows[:MOST_ROWS] if large else rows
    more = f" The {len(shown)} most frequent of {len(rows)} are here." if len(shown) < len(rows) else ""
    unknown = any("Hubble names none" in row[DROP_COLUMNS.index("Policy")] for row in rows)
    caption = "Refusals, and what other reasons dropped." + more
    hint = (
        "Hubble names no policy when a connection is denied only because no rule allows it. The policies named here as"
        " default deny are those that close that pod now."
    )
    if unknown and report["coverage"] is None:
        hint += " No cluster was asked for this report, so they are not known."
    return f'<p class="hint">{hint}</p>' + table(DROP_COLUMNS, shown, caption=caption, kind="list")


def _coverage(report: Mapping[str, Any], large: bool) -> str:
    coverage = report["coverage"]
    if coverage is None:
        return '<p class="hint">Not read: this report was made from a file of flows, without a cluster.</p>'
    if large:
        return table(
            ("Namespace", "Pods", "Deny ingress by default", "Deny egress by default"),
            namespace_coverage(coverage["workloads"]),
            caption="How many pods deny by default. The chapters below have the workloads.",
            kind="list",
        )
    return _coverage_table(coverage["workloads"]) or _nothing("pods")


def _coverage_table(workloads: Sequence[Mapping[str, Any]]) -> str:
    return table(
        COVERAGE_COLUMNS,
        coverage_rows(workloads),
        caption="What makes the pods of each workload deny by default, in each direction.",
        ids=[anchor(f"end-{row['id']}") for row in workloads],
        kind="list",
    )


def _connections(report: Mapping[str, Any], connections: Sequence[Json]) -> str:
    ordered = sorted(connections, key=lambda one: OUTCOMES.index(one["outcome"]))
    return table(
        CONNECTION_COLUMNS,
        connection_rows(report, ordered),
        caption="All kinds of connections, drops first.",
        marked=CONNECTION_COLUMNS.index("Outcome"),
        marks=[one["outcome"] for one in ordered],
        kind="list",
    )


def _chapters(report: Mapping[str, Any]) -> str:
    """Each namespace of a large report, closed until somebody opens it."""
    ends = {end["id"]: end for end in report["ends"]}
    by_namespace: dict[str, list[Json]] = {}
    for one in report["connections"]:
        for name in sorted({ends[one["source"]]["namespace"], ends[one["destination"]]["namespace"]} - {""}):
            by_namespace.setdefault(name, []).append(one)
    return "\n".join(_chapter(report, name, by_namespace[name]) for name in sorted(by_namespace))


def _chapter(report: Mapping[str, Any], namespace: str, connections: Sequence[Json]) -> str:
    workloads = sum(end["namespace"] == namespace and end["kind"] == WORKLOAD for end in report["ends"])
    drops = sum(bool(one["denials"]) for one in connections)
    counts = f"{counted(workloads, 'workload')}, {counted(len(connections), 'connection')}, {drops} of them with drops"
    graph = chapter_graph(report, namespace, connections)
    name = anchor(f"namespace-{namespace}")
    covered = [row for row in (report["coverage"] or {}).get("workloads", ()) if row["namespace"] == namespace]
    parts: Iterable[str] = (
        _map(graph, f"Service map of namespace {namespace}", f"map-{name}") + _omitted(graph),
        _matrix(chapter_matrix(report, namespace, connections)),
        _coverage_table(covered),
        _connections(report, connections),
    )
    sign = f' <span class="denied">{SIGNS[DENIED]}</span>' if drops else ""
    return (
        f'<details class="chapter" id="{name}"><summary><h3>{escape(namespace)}</h3> {escape(counts)}{sign}</summary>\n'
        + "\n".join(part for part in parts if part)
        + "\n</details>"
    )


def _comparison(report: Mapping[str, Any], large: bool) -> str:
    """Numbers, maps and connections of the earlier report beside those of this one."""
    if report["before"] is None:
        return ""
    before = report["before"]
    texts = [
        f"{name} ({time_text(one['created']) or 'no time'} UTC)"
        for name, one in (("Before", before), ("After", report))
    ]
    graphs = [(namespace_graph if large else workload_graph)(one, one["connections"]) for one in (before, report)]
    # Both on the same paper, so that every box stands in the same place.
    union = union_of(graphs)
    figures = ""
    if union.links:
        placed: Map = arrange(union.nodes, union.links, union.lanes)
        for number, (graph, text) in enumerate(zip(graphs, texts, strict=True)):
            drawn = map_svg(placed, f"Service map: {text}", f"map-compare-{number}", graph)
            figures += f"<figure><figcaption>{escape(text)}</figcaption>{_frame(drawn, text)}</figure>"
    numbers = table(("", *texts), comparison_rows(report), caption="The two reports in numbers.", kind="plain")
    return f'{numbers}<h3>Maps</h3>{_legend()}<div class="beside">{figures}</div>{_changes(report, large)}'


def _changes(report: Mapping[str, Any], large: bool) -> str:
    rows = change_rows(report)
    shown = rows[:MOST_ROWS] if large else rows
    more = f" The first {len(shown)} of {len(rows)}; the report as JSON has all." if len(shown) < len(rows) else ""
    told = table(CHANGE_COLUMNS, shown, caption=f"Connections whose outcome differs.{more}", kind="list")
    nothing = '<p class="hint">Nothing: every connection has the same outcome as before.</p>'
    return f"<h3>What is different</h3>{told or nothing}"
