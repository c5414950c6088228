# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report as one HTML file: no script, no font, no picture from elsewhere; light and dark; fit for printing."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from .report import ALLOWED, DENIED, DIRECTIONS, WAITS, decision
from .report_markdown import EDGE_COLUMNS, coverage_cells, edge_cells, probe_cells, short

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --paper: #ffffff; --panel: #f4f6f8; --line: #d8dee4;
  --good: #1a7f4b; --bad: #b3261e; --wait: #8a5a00; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --paper: #12181f; --panel: #1b232c;
  --line: #303b46; --good: #5fd197; --bad: #ff8a80; --wait: #f0c060; --accent: #82b6f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.4rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.2rem; }
p.about { margin: .3rem 0 1.4rem; color: var(--soft); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 0; padding: 0; list-style: none; }
.cards li { flex: 1 1 9rem; padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; }
.cards b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.cards span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .87rem; }
th { text-align: left; color: var(--soft); font-weight: 600; white-space: nowrap; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; }
td > span { white-space: nowrap; }
td.mark { white-space: nowrap; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
ol.stages { margin: 0; padding: 0; list-style: none; counter-reset: stage; }
ol.stages > li { counter-increment: stage; padding: .45rem 0 .45rem 2.4rem; position: relative; }
ol.stages > li::before { content: counter(stage); position: absolute; left: 0; top: .45rem; width: 1.7rem;
  height: 1.7rem; border-radius: 50%; background: var(--panel); text-align: center; line-height: 1.7rem;
  font-size: .85rem; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { margin: .5rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--panel); border-radius: .4rem;
  font: .82rem/1.45 ui-monospace, monospace; white-space: pre-wrap; }
ul.warnings { padding-left: 1.2rem; color: var(--wait); }
@media print { :root { color-scheme: light; --ink: #000000; --soft: #444444; --paper: #ffffff; --panel: #f2f2f2;
  --line: #bbbbbb; --good: #0b5c33; --bad: #8c1a14; --wait: #6b4600; --accent: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; } thead { display: table-header-group; } tr, .cards li, pre
  { break-inside: avoid; } h2 { break-after: avoid; } details > :not(summary) { display: block; } }
"""

_MARKS = {ALLOWED: "good", DENIED: "bad", WAITS: "wait"}
LONG_CELL = 20
"""Characters from which a cell may be broken into lines."""
_OUTCOMES = {"passed": "good", "changed": "good", "skipped": "wait", "stopped": "wait", "failed": "bad"}


def report_html(report: Mapping[str, Any]) -> str:
    """The whole page; ends with a newline. Everything that comes from a cluster is escaped."""
    title = escape(report["title"])
    body = [
        f"<h1>{title}</h1>",
        f'<p class="about">{escape(_about(report))}</p>',
        _cards(report["summary"]),
        _section("Warnings", _list(report["warnings"], "warnings")),
        _section("Stages", _stages(report["stages"])),
        _section("Connections", _edges(report["edges"])),
        _section("Pods that deny by default", _table(("Namespace", "Workload", *DIRECTIONS), coverage_cells(report))),
        _section("Policies", "".join(_policy(policy) for policy in report["policies"])),
        _section("Probes", _table(("Probe", "Expected", "Outcome", "Decided by"), probe_cells(report["probes"]))),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body>\n</html>\n"
    )


def _about(report: Mapping[str, Any]) -> str:
    cluster, evidence = report["cluster"] or "unknown", short(report["evidence_digest"]) or "none"
    return f"{', '.join(report['namespaces'])} · cluster {cluster} · evidence {evidence} · {report['created']}"


def _cards(summary: Mapping[str, Any]) -> str:
    before, after, pods = summary["enforced_before"], summary["enforced_after"], summary["pods"]
    cards = [
        (summary["edges"], "kinds of connections seen"),
        (summary["allowed"], "will be allowed"),
        (summary["denied"], "will be denied"),
        (summary["waiting"], "wait for an approval"),
        (f"{summary['enforcing']}/{summary['policies']}", "policies enforce"),
        *((f"{after[side]}/{pods}", f"pods deny {side} by default, before: {before[side]}") for side in DIRECTIONS),
    ]
    items = "".join(f"<li><b>{escape(str(value))}</b><span>{escape(text)}</span></li>" for value, text in cards)
    return f'<ul class="cards">{items}</ul>'


def _section(title: str, body: str) -> str:
    return f"<h2>{escape(title)}</h2>\n{body}" if body else ""


def _list(items: Iterable[str], kind: str) -> str:
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="{kind}">{rows}</ul>' if rows else ""


def _stages(stages: Sequence[Mapping[str, Any]]) -> str:
    items = []
    for stage in stages:
        outcome = stage["outcome"]
        head = f"<b>{escape(stage['name'])}</b> "
        head += f'<span class="{_OUTCOMES[outcome]}">{outcome}</span> {escape(stage["text"])}'
        lines = "\n".join(stage["lines"])
        items.append(f"<li>{head}{_details('what it said', lines)}</li>")
    return f'<ol class="stages">{"".join(items)}</ol>' if items else ""


def _details(title: str, text: str) -> str:
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>" if text else ""


def _edges(edges: Sequence[Mapping[str, Any]]) -> str:
    marked = EDGE_COLUMNS.index("Decision")
    return _table(
        EDGE_COLUMNS, [edge_cells(edge) for edge in edges], marked, [_MARKS[decision(edge)] for edge in edges]
    )


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], marked: int = -1, marks: Sequence[str] = ()) -> str:
    """A table; marks holds the class of the cell in column `marked`, one for each row."""
    if not rows:
        return ""
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = ""
    for number, row in enumerate(rows):
        cells = [
            f'<td class="mark {marks[number]}">{escape(cell)}</td>' if index == marked else f"<td>{_cell(cell)}</td>"
            for index, cell in enumerate(row)
        ]
        body += f"<tr>{''.join(cells)}</tr>\n"
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody></table></div>'


def _policy(policy: Mapping[str, Any]) -> str:
    state = f"enforces {' and '.join(policy['enforcing'])}" if policy["enforcing"] else "denies nothing"
    text = policy["description"] + "\n\n" if policy["description"] else ""
    text += json.dumps(policy["body"], indent=2, sort_keys=True)
    return _details(f"{policy['namespace']}/{policy['name']} ({state})", text)


def _cell(text: str) -> str:
    """A cell's text: paths may break after a slash and nowhere else, and what is short stays in one line."""
    return escape(text).replace("/", "/<wbr>") if len(text) > LONG_CELL else f"<span>{escape(text)}</span>"
