# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Label selectors of Kubernetes whose keys may name a source: `k8s:app in (web, api)` (pure)."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from .._errors import InvalidInput

Selector = Callable[[Iterable[str]], bool]
"""Takes labels as Hubble lists them, `source:key=value`."""

_REQUIREMENT = re.compile(
    r"""\s*(?:
        !\s*(?P<absent>[^\s=!,()]+)
      | (?P<key>[^\s=!,()]+)\s*
        (?: (?P<set>in|notin)\s*\((?P<values>[^()]*)\) | (?P<sign>==|=|!=)\s*(?P<value>[^\s=!,()]*) )?
    )\s*(?:,|$)""",
    re.VERBOSE,
)


def selector_of(text: str, option: str = "label") -> Selector:
    """All requirements of a selector must hold; one about a key that is absent holds where it says `not`.

    option: what the text is called in errors. Raises InvalidInput.
    """
    requirements: list[tuple[str, str, bool, frozenset[str] | None]] = []
    position = 0
    while position < len(text):
        match = _REQUIREMENT.match(text, position)
        if match is None:
            raise InvalidInput(
                f"{option}={text} is not a label selector.",
                option=option,
                code="InvalidFilter",
                remedy="Write for example app=web, k8s:app!=web, app in (web, api), or !app.",
            )
        position = match.end()
        source, key = _split(match["absent"] or match["key"])
        values = None
        if match["set"]:
            values = frozenset(value.strip() for value in match["values"].split(","))
        elif match["sign"]:
            values = frozenset({match["value"]})
        wanted = not (match["absent"] or match["set"] == "notin" or match["sign"] == "!=")
        requirements.append((source, key, wanted, values))

    def selects(labels: Iterable[str]) -> bool:
        parsed = [_label(label) for label in labels]
        return all(_holds(parsed, *requirement) for requirement in requirements)

    return selects


def _holds(
    labels: list[tuple[str, str, str]], source: str, key: str, wanted: bool, values: frozenset[str] | None
) -> bool:
    for own_source, own_key, value in labels:
        if own_key == key and source in ("any", own_source):
            return (values is None or value in values) == wanted
    return not wanted


def _split(key: str) -> tuple[str, str]:
    source, colon, name = key.partition(":")
    return (source, name) if colon else ("any", source)


def _label(label: str) -> tuple[str, str, str]:
    name, _equals, value = label.partition("=")
    return (*_split(name), value)
