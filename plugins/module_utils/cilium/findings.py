# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a look at a policy brings up, and the checks that both policy APIs share. Pure functions."""

from __future__ import annotations

import difflib
import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from .._types import Json

_LABEL_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist")


@dataclass
class Findings:
    """Errors stop the task before anything is sent; warnings are shown. Each names the path inside the document."""

    errors: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def error(self, path: str, text: str) -> None:
        """Note something that Cilium or Kubernetes would refuse, or silently read otherwise than it looks."""
        self.errors.append(f"{path}: {text}")

    def warn(self, path: str, text: str) -> None:
        """Note something that is legal and probably not meant."""
        self.warnings.append(f"{path}: {text}")


def check_keys(found: Findings, path: str, value: Any, known: Iterable[str]) -> bool:
    """Whether a value is a map; its unknown keys become errors (the API server would drop them silently)."""
    if not isinstance(value, Mapping):
        found.error(path, f"must be a map, is {_shown(value)}")
        return False
    names = sorted(known)
    for key in value:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]}?" if near else f"known here: {', '.join(names)}"
            found.error(f"{path}.{key}", f"unknown field, {hint}")
    return True


def items_of(found: Findings, path: str, value: Any) -> list[tuple[str, Any]]:
    """The items of a list with their paths; empty for null; an error for what is no list."""
    if value is None:
        return []
    if not isinstance(value, (list, tuple)):
        found.error(path, f"must be a list, is {_shown(value)}")
        return []
    return [(f"{path}[{index}]", item) for index, item in enumerate(value)]


def check_selector(found: Findings, path: str, selector: Any) -> None:
    """A label selector: matchLabels of texts, matchExpressions with a known operator, nothing else."""
    if not check_keys(found, path, selector, ("matchLabels", "matchExpressions")):
        return
    labels = selector.get("matchLabels")
    if labels is not None and not isinstance(labels, Mapping):
        found.error(f"{path}.matchLabels", f"must be a map, is {_shown(labels)}")
    elif labels:
        for key, value in labels.items():
            _check_label(found, f"{path}.matchLabels.{key}", str(key), value)
    for item_path, item in items_of(found, f"{path}.matchExpressions", selector.get("matchExpressions")):
        if not check_keys(found, item_path, item, ("key", "operator", "values")):
            continue
        operator, values = item.get("operator"), item.get("values")
        if not isinstance(item.get("key"), str):
            found.error(f"{item_path}.key", "is missing")
        if operator not in _OPERATORS:
            found.error(f"{item_path}.operator", f"must be one of {', '.join(_OPERATORS)}, is {_shown(operator)}")
        elif operator in ("In", "NotIn") and not values:
            found.error(f"{item_path}.values", f"must not be empty with operator {operator}")
        elif operator in ("Exists", "DoesNotExist") and values:
            found.error(f"{item_path}.values", f"must be absent with operator {operator}")


def _check_label(found: Findings, path: str, key: str, value: Any) -> None:
    name = key.split(":", 1)[-1].rpartition("/")[2]
    if not _LABEL_NAME.fullmatch(name):
        found.error(path, f"{key!r} is not a label")
    if not isinstance(value, str):
        found.error(path, f"a label's value must be a text, is {_shown(value)}; write it in quotes")
    elif value and (not _LABEL_NAME.fullmatch(value) or len(value) > 63):
        found.error(path, f"{value!r} is not the value of a label")


def check_cidr(found: Findings, path: str, text: Any, *, address_allowed: bool) -> None:
    """A network, or (address_allowed) a single address."""
    if not isinstance(text, str) or (not address_allowed and "/" not in text):
        found.error(path, f"must be a network such as 10.0.0.0/8, is {_shown(text)}")
        return
    try:
        ipaddress.ip_network(text, strict=False)
    except ValueError as error:
        found.error(path, f"{error}")


def check_except(found: Findings, path: str, cidr: Any, exceptions: Any) -> None:
    """The exceptions of a network: networks inside of it."""
    for item_path, item in items_of(found, path, exceptions):
        before = len(found.errors)
        check_cidr(found, item_path, item, address_allowed=False)
        if len(found.errors) > before or not isinstance(cidr, str):
            continue
        try:
            outer, inner = ipaddress.ip_network(cidr, strict=False), ipaddress.ip_network(item, strict=False)
        except ValueError:
            continue
        if outer.version != inner.version or not inner.subnet_of(outer):  # type: ignore[arg-type]
            found.error(item_path, f"{item} is not part of {cidr}")


def check_end_port(found: Findings, path: str, port: Any, end_port: Any) -> None:
    """endPort: a number not below the port, which then must be a number as well."""
    if end_port is None:
        return
    if not isinstance(end_port, int) or isinstance(end_port, bool) or not 0 <= end_port <= 65535:
        found.error(f"{path}.endPort", f"must be a number up to 65535, is {_shown(end_port)}")
        return
    digits = str(port)
    if not digits.isdigit():
        found.error(f"{path}.endPort", "needs a numeric port")
    elif end_port and end_port < int(digits):
        found.error(f"{path}.endPort", f"{end_port} is below the port {port}")


def check_choice(found: Findings, path: str, value: Any, choices: Sequence[str]) -> None:
    """A text of a fixed set."""
    if value not in choices:
        by_lower = {choice.lower(): choice for choice in choices}
        near = [by_lower[name] for name in difflib.get_close_matches(str(value).lower(), by_lower, n=1, cutoff=0.5)]
        hint = f"did you mean {near[0]}?" if near else f"one of {', '.join(choices)}"
        found.error(path, f"{_shown(value)} is not allowed, {hint}")


def without_nulls(value: Any) -> Any:
    """The document as the API server keeps it: maps without their null fields."""
    if isinstance(value, Mapping):
        kept: Json = {key: without_nulls(below) for key, below in value.items() if below is not None}
        return kept
    if isinstance(value, (list, tuple)):
        return [without_nulls(below) for below in value]
    return value


def _shown(value: Any) -> str:
    names = {dict: "a map", list: "a list", type(None): "null"}
    return names.get(type(value), repr(value))
