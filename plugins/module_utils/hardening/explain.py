# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The recommendation as lines for the person who has to approve it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence

from .._text import counted as count_text
from .classify import Classified, completed
from .generate import Recommendation, counts
from .keys import edge_key

WIDTH = 140
MOST_SHOWN = 100
"""Entries of one section; a scan may have thousands."""
_INDENT = 2


def explain(found: Recommendation, observed: Sequence[str] = ()) -> list[str]:
    """What will be allowed and why, what will be denied that works today, what is open, what nobody has seen.

    observed: the namespaces whose pods report to Hubble (Evidence.namespaces).
    """
    figures = counts(found)
    lines = [
        f"{count_text(figures['edges'], 'kind of connection', 'kinds of connections')}, {figures['allowed']} allowed,"
        f" {figures['to_decide']} to decide on; {count_text(figures['workload_policies'], 'workload policy')},"
        f" {count_text(figures['rules'], 'rule')} (evidence {found.digest[:12]})"
    ]
    lines += _section("Will be allowed", _allowed(found), counted=False)
    refused = [one for one in found.classified if not one.allowed]
    works: list[Classified] = []
    fails: list[Classified] = []
    for one in refused:
        (works if completed(one.edge, one.seen, observed) else fails).append(one)
    lines += _section("Works today and WILL BE DENIED, unless approved", _refused(works))
    lines += _section("Is denied today and stays denied", _refused(fails))
    lines += _section("Nobody has seen", _review(found, ("uncovered", "host-network")))
    lines += _section("Worth a look", _review(found, ("single-sided", "address")))
    lines += _section("Allowed beyond what was seen", found.warnings)
    lines += _section("Notes", found.notes)
    if figures["to_decide"]:
        lines += ["", "To approve a connection put its line into `approved`, with a remark: 'CONNECTION  # who, why'."]
    return lines


def _allowed(found: Recommendation) -> list[str]:
    """The rules by policy."""
    texts: dict[str, list[str]] = {}
    for key, reason in found.reasons.items():
        policy, __, rule = key.rpartition(" ")
        section = rule.removeprefix("spec.").partition("[")[0]
        texts.setdefault(policy, []).append(f"{section} {reason['text']}")
    free = [one for one in found.classified if one.allowed and not one.needs_rule]
    lines = [line for policy, rules in texts.items() for line in (policy, *(f"  {rule}" for rule in rules))]
    return lines + [f"{edge_key(one.edge)}: {one.reason}" for one in free]


def _refused(classified: Iterable[Classified]) -> list[str]:
    return [f"{edge_key(one.edge)}  ({one.kind}: {one.reason})" for one in classified]


def _review(found: Recommendation, kinds: Sequence[str]) -> list[str]:
    entries: Iterable[Mapping[str, str]] = (one for one in found.review if one["kind"] in kinds)
    return [f"{one['connection']}: {one['reason']}" for one in entries]


def _section(title: str, entries: Sequence[str], *, counted: bool = True) -> list[str]:
    if not entries:
        return []
    lines = ["", f"{title} ({len(entries)})" if counted else title]
    shown = entries if not counted or len(entries) <= MOST_SHOWN else entries[:MOST_SHOWN]
    for entry in shown:
        depth = _INDENT + len(entry) - len(entry.lstrip())
        lines += textwrap.wrap(
            entry.strip(),
            WIDTH,
            initial_indent=" " * depth,
            subsequent_indent=" " * (depth + 4),
            break_long_words=False,
            break_on_hyphens=False,
        )
    if len(shown) < len(entries):
        lines.append(f"{' ' * _INDENT}and {len(entries) - len(shown)} more: see `review` and `classification`")
    return lines
