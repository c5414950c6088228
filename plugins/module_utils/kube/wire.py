# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads chosen fields of objects in the API server's protobuf form, for lists that are too long for JSON.

A Pod is several kB of JSON of which a few fields matter; here the rest is skipped without being looked at, and the API
server has less work too. Field numbers are those of generated.proto (k8s.io/api/core/v1, apimachinery/meta/v1), which
Kubernetes never changes. The result has the shape of the JSON document, with the chosen fields only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from .._errors import OperationFailed
from .._types import Json

ACCEPT = "application/vnd.kubernetes.protobuf"
MAGIC = b"k8s\x00"
# Field number -> name in the JSON document, how to read it, and the fields of a message.
# How: text, number, bool, time, map (texts to texts), one (message), many (messages).
Shape = Mapping[int, tuple[str, str, Any]]

_TERMINATED: Shape = {1: ("exitCode", "number", None), 3: ("reason", "text", None), 4: ("message", "text", None)}
_STATE: Shape = {
    1: ("waiting", "one", {1: ("reason", "text", None), 2: ("message", "text", None)}),
    2: ("running", "one", {}),
    3: ("terminated", "one", _TERMINATED),
}
_CONTAINER: Shape = {
    1: ("name", "text", None),
    2: ("state", "one", _STATE),
    3: ("lastState", "one", _STATE),
    5: ("restartCount", "number", None),
}
_CONDITION: Shape = {
    1: ("type", "text", None),
    2: ("status", "text", None),
    5: ("reason", "text", None),
    6: ("message", "text", None),
}
_NAMED: Shape = {
    1: ("name", "text", None),
    3: ("namespace", "text", None),
    9: ("deletionTimestamp", "time", None),
}
POD_BRIEF: Shape = {
    1: ("metadata", "one", _NAMED),
    2: ("spec", "one", {11: ("hostNetwork", "bool", None)}),
    3: ("status", "one", {1: ("phase", "text", None), 6: ("podIP", "text", None)}),
}
"""Of a Pod: its name, whether it leaves, whether it is on the host's network, its phase and address."""
POD_STATE: Shape = {
    1: ("metadata", "one", {**_NAMED, 11: ("labels", "map", None)}),
    2: (
        "spec",
        "one",
        {
            2: ("containers", "many", {1: ("name", "text", None), 2: ("image", "text", None)}),
            10: ("nodeName", "text", None),
            11: ("hostNetwork", "bool", None),
        },
    ),
    3: (
        "status",
        "one",
        {
            1: ("phase", "text", None),
            2: ("conditions", "many", _CONDITION),
            3: ("message", "text", None),
            4: ("reason", "text", None),
            6: ("podIP", "text", None),
            8: ("containerStatuses", "many", _CONTAINER),
            10: ("initContainerStatuses", "many", _CONTAINER),
        },
    ),
}
"""Of a Pod, besides that: labels, node, images, conditions and the state of its containers."""
NODE_STATE: Shape = {
    1: ("metadata", "one", {1: ("name", "text", None), 11: ("labels", "map", None)}),
    3: ("status", "one", {4: ("conditions", "many", _CONDITION)}),
}
"""Of a Node: its name, labels and conditions."""
_ENVELOPE: Shape = {2: ("raw", "bytes", None)}
_HEAD: Shape = {1: ("metadata", "one", {3: ("continue", "text", None)})}


def is_compact(data: bytes) -> bool:
    """Whether an answer is in this form."""
    return data[:4] == MAGIC


def list_of(data: bytes, shape: Shape) -> tuple[str, Iterator[Json]]:
    """The continue token of a List (empty at the end), and its items, read one by one."""
    try:
        body = _message(data, len(MAGIC), len(data), _ENVELOPE)["raw"]
        head = _message(body, 0, len(body), _HEAD)
    except (IndexError, KeyError, ValueError) as error:
        raise _unreadable(error) from error
    return str((head.get("metadata") or {}).get("continue") or ""), _items(body, shape)


def _items(body: bytes, shape: Shape) -> Iterator[Json]:
    try:
        for number, start, stop in _fields(body, 0, len(body)):
            if number == 2:
                yield _message(body, start, stop, shape)
    except (IndexError, ValueError) as error:
        raise _unreadable(error) from error


def _unreadable(error: Exception) -> OperationFailed:
    return OperationFailed(
        f"The API server's list cannot be read: {error}.",
        code="InvalidAnswer",
        remedy="Run again; if it stays, look at the proxy between this machine and the API server.",
    )


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """A number and the position after it."""
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
        shift += 7


def _fields(data: bytes, position: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Number, start and end of each field. A number (varint) starts and ends at its own bytes."""
    while position < end:
        tag = data[position]
        position += 1
        if tag >= 0x80:
            tag, position = _varint(data, position - 1)
        kind = tag & 7
        if kind == 2:
            length = data[position]
            position += 1
            if length >= 0x80:
                length, position = _varint(data, position - 1)
            start, position = position, position + length
        elif kind == 0:
            start = position
            while data[position] >= 0x80:
                position += 1
            position += 1
        elif kind in (1, 5):
            start, position = position, position + (8 if kind == 1 else 4)
        else:
            raise ValueError(f"wire type {kind} is not used by Kubernetes")
        if position > end:
            raise ValueError("it ends in the middle of a field")
        yield tag >> 3, start, position


def _message(data: bytes, position: int, end: int, shape: Shape) -> Json:
    found: Json = {}
    for number, start, stop in _fields(data, position, end):
        field = shape.get(number)
        if field is None:
            continue
        name, how, below = field
        if how == "text":
            # Fields that JSON would omit are written empty here.
            if stop > start:
                found[name] = str(data[start:stop], "utf-8", "replace")
        elif how == "one":
            found[name] = _message(data, start, stop, below)
        elif how == "many":
            found.setdefault(name, []).append(_message(data, start, stop, below))
        elif how == "map":
            entry = _message(data, start, stop, _ENTRY)
            found.setdefault(name, {})[entry.get("key", "")] = entry.get("value", "")
        elif how == "time":
            found[name] = _time(_message(data, start, stop, _TIME))
        elif how == "bytes":
            found[name] = data[start:stop]
        else:
            number = _varint(data, start)[0]
            # Negative numbers are written as 64 bits.
            found[name] = bool(number) if how == "bool" else number - (1 << 64) * (number >> 63)
    return found


_ENTRY: Shape = {1: ("key", "text", None), 2: ("value", "text", None)}
_TIME: Shape = {1: ("seconds", "number", None)}


def _time(fields: Json) -> str:
    moment = datetime.fromtimestamp(fields.get("seconds", 0), timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
