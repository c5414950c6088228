# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Says whether a JSON document has the form of one of Hubble's messages, by the table of its interface (pure).

What comes over gRPC has it by itself. A line of a file may be damaged, or come from another program. Fields that the
table does not know are left alone: a newer Hubble may have written them.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from .schema import SCHEMA, FieldRow
from .times import parse_time

Types = frozenset[type[Any]]
Look: TypeAlias = Callable[[Any], "str | None"]
"""What looks into a value: None for good, else where in it something is wrong."""
Rule: TypeAlias = "tuple[Types, Look | None]"
"""Of a field: the types that its value may have, and what looks into it."""

_NOTHING: type[Any] = type(None)
_SCALARS: dict[str, Types] = {
    "string": frozenset({str}),
    "bool": frozenset({bool}),
    "int32": frozenset({int}),
    "uint32": frozenset({int}),
    # More than JavaScript's numbers can hold is text in the JSON of Protocol Buffers.
    "uint64": frozenset({int, str}),
    "BoolValue": frozenset({bool, _NOTHING}),
    "Int32Value": frozenset({int, _NOTHING}),
    "Timestamp": frozenset({str, _NOTHING}),
}
_ENUM: Types = frozenset({int, str})
_MESSAGE: Types = frozenset({dict, _NOTHING})
_LIST: Types = frozenset({list, _NOTHING})
_USUAL_TIME = re.compile(
    r"[12]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?Z", re.ASCII
)
"""Times that need no calendar; the others, of a month's last days, are read in full, which takes longer."""


def fault_of(document: Mapping[str, Any], message: str) -> str:
    """The path of the first field with a wrong value, such as `source.identity`; empty when all are right."""
    return _fault(_fields(message), document) or ""


@functools.cache
def _fields(message: str) -> dict[str, Rule]:
    return {name: _field(row) for name, row in SCHEMA[message].items()}


def _field(row: FieldRow) -> Rule:
    types, look = _one(row)
    return (_LIST, functools.partial(_items, types - {_NOTHING}, look)) if row.repeated else (types, look)


def _one(row: FieldRow) -> Rule:
    if row.type == "Layer4":
        return _MESSAGE, _layer4
    if row.type in SCHEMA:
        return _MESSAGE, functools.partial(_fault, _fields(row.type))
    looks: dict[str, Look] = {"Timestamp": _time, "uint64": _number}
    look = looks.get(row.type)
    return (_ENUM if row.enum else _SCALARS[row.type]), look


def _fault(fields: Mapping[str, Rule], document: Mapping[str, Any]) -> str | None:
    for name, value in document.items():
        field = fields.get(name)
        if field is None:
            continue
        types, look = field
        if type(value) not in types:
            return name
        if look is not None and value is not None:
            found = look(value)
            if found is not None:
                return f"{name}.{found}" if found else name
    return None


def _items(types: Types, look: Look | None, values: list[Any]) -> str | None:
    if not types.issuperset(map(type, values)):
        return ""
    if look is None:
        return None
    return next((found for found in map(look, values) if found is not None), None)


def _layer4(document: Mapping[str, Any]) -> str | None:
    """A protocol that is not known yet is taken for one with ports."""
    fields = _fields("Layer4")
    for name, header in document.items():
        if name not in fields and (type(header) not in _MESSAGE or _fault(_fields("Ports"), header or {}) is not None):
            return name
    return _fault(fields, document)


def _number(value: int | str) -> str | None:
    good = isinstance(value, int) or (value.isascii() and value.isdigit() and len(value) <= 20)
    return None if good else ""


@functools.lru_cache(maxsize=4)
def _time(text: str) -> str | None:
    if _USUAL_TIME.fullmatch(text) is not None:
        return None
    # Of the last days of a month only the day is in question.
    in_question = text[:10] if _USUAL_TIME.fullmatch(f"2000-01-01{text[10:]}") else text
    return None if _exists(in_question) else ""


@functools.lru_cache(maxsize=64)
def _exists(text: str) -> bool:
    """Whether this is a time. Many flows have the same day."""
    try:
        parse_time(text)
    except ValueError:
        return False
    return True
