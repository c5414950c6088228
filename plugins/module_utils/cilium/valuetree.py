# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Trees of values: paths, merging as helm does it, equality as helm stores it, and what must stay hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .._types import MASK, Json

# Of the chart's values only these carry key material or passwords; `key` alone also names taints, so it
# counts as secret only beside a certificate (`tls`).
_SECRET_NAME = re.compile(r"password|passwd|token|client_?secret$|private_?key|secret_?key|preshared", re.IGNORECASE)


_PASSWORD = re.compile(r"password|passwd", re.IGNORECASE)
"""Names under which a number is a secret as well; others are numbers of seconds or places."""
_VARIABLE = re.compile(rf"{_SECRET_NAME.pattern}|secret", re.IGNORECASE)


def deep_merge(base: Mapping[str, Any], overlay: Mapping[str, Any]) -> Json:
    """As helm merges values files: maps are joined, everything else of the overlay replaces."""
    merged = dict(base)
    for key, value in overlay.items():
        below = merged.get(key)
        merged[key] = deep_merge(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return merged


def at(values: Mapping[str, Any], path: str) -> Any:
    """The value at a dotted path, None when any part is missing."""
    found: Any = values
    for part in path.split("."):
        if not isinstance(found, Mapping):
            return None
        found = found.get(part)
    return found


def switched_on(values: Mapping[str, Any], path: str) -> bool:
    """Whether a switch is on, also when templating made a text of it."""
    found = at(values, path)
    return found is True or (isinstance(found, str) and found.strip().lower() in ("true", "yes", "on"))


def put(values: Json, path: str, value: object) -> None:
    """Set a value at a dotted path; None means not given."""
    if value is None:
        return
    *parents, last = path.split(".")
    for part in parents:
        values = values.setdefault(part, {})
    values[last] = value


def canonical(value: Any) -> str:
    """A text that is equal exactly for equal values: 1, 1.0 and true are not confused as Python would, but 1 and 1.0
    are the same number, since helm stores numbers as JSON.
    """

    def plain(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {str(key): plain(below) for key, below in item.items()}
        if isinstance(item, (list, tuple)):
            return [plain(below) for below in item]
        if isinstance(item, float) and item.is_integer():
            return int(item)
        return item

    return json.dumps(plain(value), sort_keys=True, default=str)


def masked(values: Mapping[str, Any]) -> Json:
    """The values with passwords and private keys hidden, for results and diffs."""
    shown: Json = _walk(values, (), [])
    return shown


def secrets_of(values: Mapping[str, Any]) -> list[str]:
    """The texts that masked() hides, so that they can be kept out of all output."""
    found: list[str] = []
    _walk(values, (), found)
    return found


def _walk(value: Any, path: tuple[str, ...], found: list[str]) -> Any:
    if isinstance(value, Mapping):
        shown = {key: _walk(below, (*path, str(key)), found) for key, below in value.items()}
        # As in extraEnv: the name of the variable tells what its value is.
        if _is_secret_variable(value):
            found.append(str(value["value"]))
            shown["value"] = MASK
        return shown
    if isinstance(value, (list, tuple)):
        return [_walk(below, path, found) for below in value]
    if isinstance(value, str) and value and path and is_secret(path, value):
        found.append(value)
        return MASK
    if isinstance(value, int) and not isinstance(value, bool) and path and _PASSWORD.search(path[-1]):
        found.append(str(value))
        return MASK
    return value


def _is_secret_variable(item: Mapping[str, Any]) -> bool:
    """Whether a map is a secret variable of the environment, as containers take them."""
    name, value = item.get("name"), item.get("value")
    return isinstance(name, str) and isinstance(value, (str, int)) and bool(value) and bool(_VARIABLE.search(name))


def is_secret(path: Sequence[str], value: str) -> bool:
    """Whether the text at a path is key material or a password."""
    name = path[-1]
    return bool(_SECRET_NAME.search(name) or (name == "key" and "tls" in path[:-1]) or "PRIVATE KEY-----" in value)
