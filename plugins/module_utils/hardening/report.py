# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a hardening was, as one document: each edge with its evidence, rule and approver, stages, counts, probes.

The document is data; report_markdown.py and report_html.py show it. Its digest covers what was found and decided, not
when the report was made, so a run that changes nothing writes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from .._errors import InvalidInput
from .._text import agree, counted
from .._types import Json
from ..cilium.semantics import denies_by_default
from .classify import SUSPICIOUS, UNKNOWN

SCHEMA = "cloudnet.aks_cilium/report/v1"
OUTCOMES = ("passed", "changed", "skipped", "stopped", "failed")
DIRECTIONS = ("ingress", "egress")
# What differs between two runs that found and decided the same.
ALLOWED, DENIED, WAITS = "allowed", "denied", "waits for approval"
_VOLATILE = ("created", "digest", "probes", "lines", "summary")
# Pods of jobs come and go.
_JOBS = ("CronJob/", "Job/")


def build_report(
    *,
    title: str,
    cluster: str,
    namespaces: Sequence[str],
    created_s: float,
    evidence_digest: str = "",
    stages: Iterable[Mapping[str, Any]] = (),
    edges: Iterable[Mapping[str, Any]] = (),
    reasons: Mapping[str, Any] | None = None,
    policies: Iterable[Json] = (),
    coverage_before: Iterable[Mapping[str, Any]] = (),
    coverage_after: Iterable[Mapping[str, Any]] = (),
    probes: Iterable[Mapping[str, Any]] = (),
    warnings: Iterable[str] = (),
) -> Json:
    """The report. created_s: seconds since 1970. InvalidInput for a stage or an edge that lacks what it needs."""
    documents = sorted(policies, key=_name_of)
    rules = _rules_by_connection(reasons or {})
    report: Json = {
        "schema": SCHEMA,
        "title": title,
        "cluster": cluster,
        "namespaces": sorted(set(namespaces)),
        "created": utc_text(created_s),
        "evidence_digest": evidence_digest,
        "stages": [_stage(stage) for stage in stages],
        "edges": sorted((_edge(edge, rules) for edge in edges), key=lambda edge: edge["connection"]),
        "policies": [_policy(document) for document in documents],
        "coverage": {"before": _coverage(coverage_before), "after": _coverage(coverage_after)},
        "probes": [dict(probe) for probe in probes],
        "warnings": list(dict.fromkeys(warnings)),
    }
    report["summary"] = _summary(report)
    report["digest"] = digest_of(report)
    return report


def utc_text(seconds: float) -> str:
    """Seconds since 1970 as `2026-11-30 21:50:39 UTC`; empty for 0."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%d %H:%M:%S UTC") if seconds else ""


def digest_of(report: Mapping[str, Any]) -> str:
    """SHA-256 of what a report says, without what differs between two runs that found the same."""

    def stable(value: Any) -> Any:
        if isinstance(value, Mapping):
            return {key: stable(item) for key, item in value.items() if key not in _VOLATILE}
        return [stable(item) for item in value] if isinstance(value, list) else value

    kept = stable(report)
    # A second run passes the stages in which the first one changed something.
    kept["stages"] = [stage["name"] for stage in kept["stages"] if stage["outcome"] in ("passed", "changed")]
    # How many pods there are just now is no finding either.
    kept["coverage"] = {
        when: sorted({json.dumps(row, sort_keys=True) for row in rows if not row["workload"].startswith(_JOBS)})
        for when, rows in kept["coverage"].items()
    }
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()


def decision(edge: Mapping[str, Any]) -> str:
    """What the policies do with a connection: ALLOWED, DENIED as it was before, or WAITS until somebody approves it."""
    if edge["allowed"]:
        return ALLOWED
    return WAITS if edge["kind"] in (SUSPICIOUS, UNKNOWN) else DENIED


def summary_lines(report: Mapping[str, Any]) -> list[str]:
    """The report in a few lines for a terminal."""
    counts = report["summary"]
    before, after = counts["enforced_before"], counts["enforced_after"]
    return [
        f"{counted(counts['edges'], 'kind of connection', 'kinds of connections')} seen: {counts['allowed']} will be"
        f" allowed, {counts['denied']} denied, {counts['waiting']} {agree(counts['waiting'], 'waits', 'wait')} for an"
        " approval",
        f"{counted(counts['policies'], 'policy')}, {counts['enforcing']} of them"
        f" {agree(counts['enforcing'], 'enforces', 'enforce')}",
        *(
            f"{direction}: {after[direction]} of {counted(counts['pods'], 'pod')}"
            f" {agree(after[direction], 'denies', 'deny')} by default (before: {before[direction]})"
            for direction in DIRECTIONS
        ),
    ]


def _stage(stage: Mapping[str, Any]) -> Json:
    outcome = str(stage.get("outcome", ""))
    if not stage.get("name") or outcome not in OUTCOMES:
        raise InvalidInput(
            f"stages: a stage needs a name and an outcome ({', '.join(OUTCOMES)}), found {dict(stage)!r:.120}.",
            option="stages",
            code="InvalidStage",
            remedy="Give the stages as the role policy_hardening records them (policy_hardening_record).",
        )
    return {
        "name": str(stage["name"]),
        "outcome": outcome,
        "text": str(stage.get("text") or ""),
        "lines": [str(line) for line in stage.get("lines") or []],
    }


def _edge(edge: Mapping[str, Any], rules: Mapping[str, list[str]]) -> Json:
    """One connection, `SOURCE -> DESTINATION:PORT/PROTOCOL`, with its evidence, its rules and who approved it."""
    connection = str(edge.get("connection") or "")
    source, arrow, rest = connection.partition(" -> ")
    destination, colon, port = rest.rpartition(":")
    if not arrow:
        raise InvalidInput(
            f"edges: an edge needs a connection such as 'a -> b:80/TCP': {dict(edge)!r:.120}.",
            option="edges",
            code="InvalidEdge",
            remedy="Give the value `classification` of network_policy_recommend.",
        )
    denied = int(edge.get("denied") or 0)
    return {
        "connection": connection,
        "source": source,
        "destination": destination if colon else rest,
        "port": port if colon else "",
        "count": max(int(edge.get("egress") or 0), int(edge.get("ingress") or 0)) + denied,
        "denied": denied,
        "first": utc_text(float(edge.get("first") or 0)),
        "last": utc_text(float(edge.get("last") or 0)),
        "kind": str(edge.get("kind") or ""),
        "allowed": bool(edge.get("allowed")),
        "reason": str(edge.get("reason") or ""),
        "approved_by": str(edge.get("approved_by") or ""),
        "rules": rules.get(connection, []),
    }


def _rules_by_connection(reasons: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names of rules by the connection that they are there for."""
    found: dict[str, list[str]] = {}
    for rule in sorted(reasons):
        for connection in reasons[rule].get("edges") or []:
            found.setdefault(str(connection), []).append(rule)
    return found


def _name_of(document: Mapping[str, Any]) -> tuple[str, str]:
    metadata = document.get("metadata") or {}
    return str(metadata.get("namespace") or ""), str(metadata.get("name") or "")


def _policy(document: Json) -> Json:
    namespace, name = _name_of(document)
    rules = [document.get("spec") or {}, *(document.get("specs") or [])]
    return {
        "namespace": namespace,
        "name": name,
        "kind": str(document.get("kind") or ""),
        "description": "\n".join(str(rule["description"]) for rule in rules if rule.get("description")),
        "enforcing": [side for side in DIRECTIONS if any(denies_by_default(rule, side) for rule in rules)],
        "body": {key: document[key] for key in ("spec", "specs") if key in document},
    }


def _coverage(rows: Iterable[Mapping[str, Any]]) -> list[Json]:
    """One row for each pod: where it is, and what makes it deny by default in each direction."""
    kept = [
        {
            "namespace": str(row.get("namespace") or ""),
            "workload": str(row.get("workload") or row.get("pod") or ""),
            **{side: bool(row.get(side)) for side in DIRECTIONS},
        }
        for row in rows
    ]
    return sorted(kept, key=lambda row: json.dumps(row, sort_keys=True))


def _summary(report: Json) -> Json:
    edges, coverage = report["edges"], report["coverage"]
    waiting = [edge for edge in edges if decision(edge) == WAITS]
    return {
        "edges": len(edges),
        "allowed": sum(edge["allowed"] for edge in edges),
        "denied": sum(not edge["allowed"] for edge in edges) - len(waiting),
        "waiting": len(waiting),
        "policies": len(report["policies"]),
        "enforcing": sum(bool(policy["enforcing"]) for policy in report["policies"]),
        "pods": len(coverage["after"]),
        "enforced_before": {side: sum(row[side] for row in coverage["before"]) for side in DIRECTIONS},
        "enforced_after": {side: sum(row[side] for row in coverage["after"]) for side in DIRECTIONS},
    }
