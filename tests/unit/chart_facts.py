# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Charts of all supported minors, made of the facts in data/cilium_chart_values.json."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import Chart
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import put

Json = dict[str, Any]
FACTS: Json = json.loads((Path(__file__).parent / "data" / "cilium_chart_values.json").read_text(encoding="utf-8"))
VERSIONS = (FACTS["first"], *FACTS["changes"])
FIRST_WITH_SCHEMA = 16
# A default of each type; only the type matters.
DEFAULTS: Json = {
    "bool": False,
    "int": 1,
    "float": 0.5,
    "text": "x",
    "list": [],
    "map": {},
    "open": {"a": "b"},
    "null": None,
}


def types_of(version: str) -> dict[str, str]:
    """Dotted path of every default -> its type."""
    types = dict(_flat(FACTS["values"], ""))
    for later, change in FACTS["changes"].items():
        if VERSIONS.index(later) <= VERSIONS.index(version):
            types = {path: kind for path, kind in types.items() if path not in change["gone"]} | change["new"]
    return types


@cache
def chart_of(version: str) -> Chart:
    """The chart, as far as values are compared with it. Its schema names no type that the defaults do not tell."""
    values: Json = {}
    for path, kind in types_of(version).items():
        _put(values, path, kind)
    minor = int(version.split(".")[1])
    return Chart(
        name="cilium",
        version=version,
        default_values=values,
        values_schema={"type": "object"} if minor >= FIRST_WITH_SCHEMA else None,
        commented=frozenset(FACTS["commented"][version]),
    )


def _put(values: Json, path: str, kind: str) -> None:
    default = DEFAULTS[kind]
    if default is not None:
        put(values, path, default)
        return
    *parents, last = path.split(".")
    for part in parents:
        values = values.setdefault(part, {})
    values[last] = None


def _flat(tree: Json, prefix: str) -> Iterator[tuple[str, str]]:
    for key, below in tree.items():
        if isinstance(below, dict):
            yield from _flat(below, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", below
