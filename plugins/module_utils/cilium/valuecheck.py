# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Settles user values for one chart: types, unknown keys, keys that a version removed or does not have yet."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from .chart import Chart
from .chartkeys import NEWEST_MINOR, OLDEST_MINOR, REMOVED, UNDOCUMENTED, added_in, before_rename
from .valuerules import check_version_rules
from .valuetree import at
from .valuetypes import allowed_types, converted, wrong_type

# Maps that take any key although the chart gives them some: parts of Kubernetes objects and free labels.
_OPEN_MAPS = frozenset(
    (
        *("annotations", "commonLabels", "labels", "podAnnotations", "podLabels"),
        *("affinity", "nodeSelector", "resources", "updateStrategy", "extraConfig"),
        *("capabilities", "podSecurityContext", "seLinuxOptions", "securityContext"),
    )
)
_FIRST_BOOLEAN_KPR = 16

# path -> what is wrong there
_Problems = dict[str, str]


def check_values(values: Json, chart: Chart) -> Json:
    """The values as the chart takes them: texts, numbers and booleans brought to its types.

    Raises InvalidInput for removed keys, unknown keys and types that cannot be brought to the chart's (all of them in
    one message, with what to write instead), for a rule of this chart version that the values break, and for a chart
    older than 1.14.
    """
    _check_chart_version(chart)
    problems: _Problems = {}
    settled = _settle(values, chart, problems)
    if problems:
        listed = "; ".join(f"values.{path}: {what}" for path, what in problems.items())
        raise InvalidInput(
            f"The chart {chart.name} {chart.version} does not take these values: {listed.removesuffix('?')}"
            + ("?" if listed.endswith("?") else "."),
            option="values",
            code="InvalidValues",
            remedy="Correct them; nothing was sent.",
            details={"values": problems},
        )
    check_version_rules(settled, chart.version, chart.minor[1])
    return settled


def coerced(values: Json, chart: Chart) -> Json:
    """The values in the chart's types, without judging them; what cannot be converted stays. Idempotent."""
    return _settle(values, chart, {})


def untested_chart(chart_version_minor: tuple[int, int]) -> str:
    """A warning for a chart newer than those that the collection knows; empty for the others."""
    if chart_version_minor <= (1, NEWEST_MINOR):
        return ""
    major, minor = chart_version_minor
    return (
        f"Cilium {major}.{minor} is newer than 1.{NEWEST_MINOR}, the newest that this collection was tested with:"
        " its values are checked with its own values.yaml alone."
    )


def _check_chart_version(chart: Chart) -> None:
    if chart.minor < (1, OLDEST_MINOR):
        raise InvalidInput(
            f"The chart {chart.name} {chart.version} is older than 1.{OLDEST_MINOR}, the oldest that this module"
            " composes values for.",
            option="chart_version",
            code="ChartTooOld",
            remedy="Upgrade to 1.14.19 with the tool that installed it, then go on from there.",
        )


def _settle(values: Json, chart: Chart, problems: _Problems) -> Json:
    problems.update(_removed(values, chart))
    return _compare(values, chart.default_values, chart.values_schema, (), chart, problems)


def _removed(values: Json, chart: Chart) -> _Problems:
    found: _Problems = {}
    for minor, path, instead in REMOVED:
        # A key that the chart still documents was not removed from this chart, whatever the table says.
        if chart.minor < (1, minor) or at(values, path) is None or at(chart.default_values, path) is not None:
            continue
        if not any(other.startswith(f"{path}.") for other in found):
            found[path] = f"removed in 1.{minor}, " + (f"use {instead}" if instead else "leave it out")
    replacement = values.get("kubeProxyReplacement")
    old_names = ("strict", "partial", "disabled", "probe")
    if chart.minor >= (1, _FIRST_BOOLEAN_KPR) and replacement in old_names:
        wanted = "false" if replacement == "disabled" else "true"
        found["kubeProxyReplacement"] = f"{replacement!r} was removed in 1.16, use {wanted}"
    return found


def _compare(
    values: Mapping[str, Any],
    defaults: Mapping[str, Any],
    schema: Json | None,
    path: tuple[str, ...],
    chart: Chart,
    problems: _Problems,
) -> Json:
    """The values of one map in the chart's types; what is wrong goes to problems."""
    properties = (schema or {}).get("properties") or {}
    settled: Json = {}
    for key, value in values.items():
        here = (*path, str(key))
        dotted = ".".join(here)
        settled[key] = value
        if dotted in problems or value is None:
            # null takes a default away: helm allows it everywhere.
            continue
        default, rule = defaults.get(key), properties.get(key)
        allowed = allowed_types(here, default, rule)
        # Also where the chart does not show the key: its release record has no comments, and must lead to the same.
        settled[key] = value = converted(here, value, allowed, chart.minor[1], typed=chart.values_schema is not None)
        if key not in defaults and key not in properties and not _is_silent(here, chart):
            if not any(other.startswith(f"{dotted}.") for other in problems):
                problems[dotted] = _unknown(str(key), value, path, chart)
            continue
        wrong = wrong_type(here, value, allowed)
        if wrong:
            problems[dotted] = wrong
        elif isinstance(value, Mapping) and isinstance(default, Mapping) and default and key not in _OPEN_MAPS:
            # A map that is empty or null by default takes any key, and so does a free map by its name.
            settled[key] = _compare(value, default, rule, here, chart, problems)
    return settled


def _is_silent(path: tuple[str, ...], chart: Chart) -> bool:
    """Whether a chart knows a key that its values do not show: in a comment, or in its templates alone."""
    return path[-1] in chart.commented or any(".".join(path[:end]) in UNDOCUMENTED for end in range(1, len(path) + 1))


def _unknown(key: str, value: object, path: tuple[str, ...], chart: Chart) -> str:
    dotted = ".".join((*path, key))
    minor = added_in(dotted)
    if minor > chart.minor[1]:
        below = _paths(value, (*path, key)) if isinstance(value, Mapping) else ()
        older = next(filter(None, (before_rename(name, chart.minor[1]) for name in (dotted, *below))), "")
        return f"comes with 1.{minor}, {f'use {older} before' if older else 'leave it out before'}"
    siblings: Any = chart.default_values
    for part in path:
        siblings = siblings.get(part, {}) if isinstance(siblings, Mapping) else {}
    names = [str(name) for name in siblings] if isinstance(siblings, Mapping) else []
    near = difflib.get_close_matches(key, names, n=1, cutoff=0.6)
    if near:
        return f"unknown, did you mean {'.'.join((*path, near[0]))}?"
    elsewhere = [found for found in _paths(chart.default_values, ()) if found.rpartition(".")[2] == key]
    if 0 < len(elsewhere) <= 3:
        return f"unknown, did you mean {' or '.join(sorted(elsewhere))}?"
    return "unknown"


def _paths(values: Mapping[str, Any], path: tuple[str, ...]) -> Iterable[str]:
    for key, value in values.items():
        here = (*path, str(key))
        yield ".".join(here)
        if isinstance(value, Mapping):
            yield from _paths(value, here)
