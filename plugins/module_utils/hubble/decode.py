# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Responses of GetFlows from the wire to documents, fast: what repeats from flow to flow is converted once.

Most of a flow are its ends, their labels and the policies, and they are the same in flow after flow. On the wire a
message inside of a message is a field of bytes; so the outer one is read with bytes in the place of the inner ones,
and documents of inner ones are kept by their bytes. They are shared between flows: read them, do not change them.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.encoder import encode_basestring
from typing import Any

from .._types import Json
from .names import ENUMS
from .proto import messages, to_json
from .schema import SCHEMA, THIN, WRAPPED, FieldRow
from .times import rfc3339

REMEMBERED = 20_000
"""Inner messages that are kept; then it starts anew. A flow's ports make most of them."""

_Convert = Callable[[Any], Any]


class Decoder:
    """Turns the bytes of a GetFlowsResponse into the document that `hubble observe -o jsonpb` prints."""

    def __init__(self) -> None:
        kinds = messages()
        self._response = kinds[THIN["GetFlowsResponse"]].FromString
        self._flow = kinds[THIN["Flow"]].FromString
        self._fields = {row.number: (name, _converter(row, kinds)) for name, row in SCHEMA["Flow"].items()}

    def __call__(self, wire: bytes) -> Json:
        """The document."""
        response = self._response(wire)
        document: Json = {}
        for field, value in response.ListFields():
            name = field.name
            if name == "flow":
                document["flow"] = self.flow(value)
            elif name == "time":
                document["time"] = rfc3339(value.seconds, value.nanos)
            elif name == "node_name":
                document["node_name"] = value
            else:
                document[name] = to_json(value)
        return document

    def flow(self, wire: bytes) -> Json:
        """The document under `flow`."""
        fields = self._fields
        document: Json = {}
        for field, value in self._flow(wire).ListFields():
            name, convert = fields[field.number]
            document[name] = value if convert is None else convert(value)
        return document


def _converter(row: FieldRow, kinds: Any) -> _Convert | None:
    """How the value of a field of Flow becomes one of a document; None where it is one already."""
    convert = _one_converter(row, kinds)
    if not row.repeated:
        return convert
    if convert is None:
        return list
    return lambda values: list(map(convert, values))


def _one_converter(row: FieldRow, kinds: Any) -> _Convert | None:
    if row.enum:
        names = ENUMS[row.enum]
        return lambda value: names.get(value, value)
    if row.type == "Timestamp":
        return lambda value: rfc3339(value.seconds, value.nanos)
    if row.type in SCHEMA or row.type in WRAPPED:
        return _remembering(row.type, kinds)
    return str if row.type == "uint64" else None


def _remembering(name: str, kinds: Any, finish: _Convert | None = None) -> _Convert:
    """Documents of messages, or what finish makes of them, by their bytes."""
    parse = kinds[name].FromString
    known: dict[bytes, Any] = {}

    def convert(wire: bytes) -> Any:
        found = known.get(wire)
        if found is None:
            if len(known) >= REMEMBERED:
                known.clear()
            message = parse(wire)
            document = message.value if name in WRAPPED else to_json(message)
            found = known[wire] = document if finish is None else finish(document)
        return found

    return convert


class LineDecoder:
    """Turns a GetFlowsResponse into its line of JSON at once, for flows that are only written down."""

    def __init__(self) -> None:
        kinds = messages()
        self._response = kinds[THIN["GetFlowsResponse"]].FromString
        self._flow = kinds[THIN["Flow"]].FromString
        self._fields = {
            row.number: _writer(f"{encode_basestring(name)}:", row, kinds) for name, row in SCHEMA["Flow"].items()
        }
        self._verdicts, self._reasons = ENUMS["Verdict"], ENUMS["DropReason"]

    def __call__(self, wire: bytes) -> tuple[str, str, str] | None:
        """The line without its newline, the verdict and the reason of a drop; None for a response without a flow."""
        response = self._response(wire)
        if not response.HasField("flow"):
            return None
        flow = self._flow(response.flow)
        fields = self._fields
        texts = [fields[field.number](value) for field, value in flow.ListFields()]
        moment = response.time
        line = (
            f'{{"flow":{{{",".join(texts)}}},"node_name":{encode_basestring(response.node_name)}'
            f',"time":"{rfc3339(moment.seconds, moment.nanos)}"}}'
        )
        verdict, reason = flow.verdict, flow.drop_reason_desc
        named = str(self._reasons.get(reason, reason)) if reason else ""
        return line, str(self._verdicts.get(verdict, verdict)), named


def _writer(name: str, row: FieldRow, kinds: Any) -> Callable[[Any], str]:
    """How a field of Flow becomes JSON; name is its name as JSON, with the colon."""
    write = _value_writer(row, kinds)
    if row.repeated:
        return lambda values: f"{name}[{','.join(map(write, values))}]"
    if row.type in SCHEMA or row.type in WRAPPED:
        encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
        return _remembering(row.type, kinds, lambda document: name + encode(document))
    return lambda value: name + write(value)


def _value_writer(row: FieldRow, kinds: Any) -> Callable[[Any], str]:
    if row.enum:
        texts = {number: encode_basestring(name) for number, name in ENUMS[row.enum].items()}
        return lambda value: texts.get(value) or str(value)
    if row.type == "Timestamp":
        return lambda value: f'"{rfc3339(value.seconds, value.nanos)}"'
    if row.type in SCHEMA or row.type in WRAPPED:
        return _remembering(row.type, kinds, json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode)
    if row.type == "string":
        return encode_basestring
    if row.type == "uint64":
        return lambda value: f'"{value}"'
    return json.dumps
