# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The report as one HTML file: no script, no font, no picture from elsewhere; light and dark; fit for printing."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from .._text import agree
from .page import bullets, cards, folded, page, section, table
from .report import ALLOWED, DENIED, DIRECTIONS, WAITS, decision
from .report_markdown import EDGE_COLUMNS, coverage_cells, edge_cells, probe_cells, short

_MARKS = {ALLOWED: "good", DENIED: "bad", WAITS: "wait"}
_OUTCOMES = {"passed": "good", "changed": "good", "skipped": "wait", "stopped": "wait", "failed": "bad"}


def report_html(report: Mapping[str, Any]) -> str:
    """The whole page; ends with a newline. Everything that comes from a cluster is escaped."""
    body = [
        f"<h1>{escape(report['title'])}</h1>",
        f'<p class="about">{escape(_about(report))}</p>',
        _cards(report["summary"]),
        section("Warnings", bullets(report["warnings"], "warnings")),
        section("Stages", _stages(report["stages"])),
        section("Connections", _edges(report["edges"])),
        section("Pods that deny by default", table(("Namespace", "Workload", *DIRECTIONS), coverage_cells(report))),
        section("Policies", "".join(_policy(policy) for policy in report["policies"])),
        section("Probes", table(("Probe", "Expected", "Outcome", "Decided by"), probe_cells(report["probes"]))),
    ]
    return page(report["title"], body)


def _about(report: Mapping[str, Any]) -> str:
    cluster, evidence = report["cluster"] or "unknown", short(report["evidence_digest"]) or "none"
    return f"{', '.join(report['namespaces'])} · cluster {cluster} · evidence {evidence} · {report['created']}"


def _cards(summary: Mapping[str, Any]) -> str:
    before, after, pods = summary["enforced_before"], summary["enforced_after"], summary["pods"]
    values = [
        (summary["edges"], f"{agree(summary['edges'], 'kind of connection', 'kinds of connections')} seen"),
        (summary["allowed"], "will be allowed"),
        (summary["denied"], "will be denied"),
        (summary["waiting"], f"{agree(summary['waiting'], 'waits', 'wait')} for an approval"),
        (f"{summary['enforcing']}/{summary['policies']}", "policies enforce"),
        *((f"{after[side]}/{pods}", f"pods deny {side} by default, before: {before[side]}") for side in DIRECTIONS),
    ]
    return cards(values)


def _stages(stages: Sequence[Mapping[str, Any]]) -> str:
    items = []
    for stage in stages:
        outcome = stage["outcome"]
        head = f"<b>{escape(stage['name'])}</b> "
        head += f'<span class="{_OUTCOMES[outcome]}">{outcome}</span> {escape(stage["text"])}'
        lines = "\n".join(stage["lines"])
        items.append(f"<li>{head}{folded('what it said', lines)}</li>")
    return f'<ol class="stages">{"".join(items)}</ol>' if items else ""


def _edges(edges: Sequence[Mapping[str, Any]]) -> str:
    marked = EDGE_COLUMNS.index("Decision")
    return table(
        EDGE_COLUMNS,
        [edge_cells(edge) for edge in edges],
        marked=marked,
        marks=[_MARKS[decision(edge)] for edge in edges],
    )


def _policy(policy: Mapping[str, Any]) -> str:
    state = f"enforces {' and '.join(policy['enforcing'])}" if policy["enforcing"] else "denies nothing"
    text = policy["description"] + "\n\n" if policy["description"] else ""
    text += json.dumps(policy["body"], indent=2, sort_keys=True)
    return folded(f"{policy['namespace']}/{policy['name']} ({state})", text)
