# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Protocol Buffers messages of Hubble's interface, built when they are needed.

Generated code would tie the collection to one release of the protobuf package; descriptors made at run time work with
all since 4.22. Documents have the shape of `hubble observe -o jsonpb`.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

from .._errors import InvalidInput, missing_library
from .._types import Json
from .names import ENUMS, NUMBERS
from .schema import SCHEMA, THIN_SCHEMA, WELL_KNOWN, WRAPPED, FieldRow
from .times import parse_time, rfc3339

PACKAGE = "cloudnet.hubble"
_WELL_KNOWN_FILES = ["google/protobuf/timestamp.proto", "google/protobuf/wrappers.proto"]
_DEPENDENCIES = {"hubble": _WELL_KNOWN_FILES, "hubble_thin": [*_WELL_KNOWN_FILES, "cloudnet/hubble.proto"]}


@functools.cache
def messages() -> Mapping[str, Any]:
    """The message classes by the name of their message. Raises MissingRequirement without the protobuf package."""
    try:
        from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, timestamp_pb2, wrappers_pb2
    except ImportError as error:
        raise missing_library("protobuf", error) from error
    pool = descriptor_pool.DescriptorPool()
    for well_known in (timestamp_pb2, wrappers_pb2):
        pool.AddSerializedFile(well_known.DESCRIPTOR.serialized_pb)
    # Only with proto2 an empty inner message (is_reply=false) is told from an absent one where it is read as bytes.
    for file_name, syntax, schema in (("hubble", "proto3", SCHEMA), ("hubble_thin", "proto2", THIN_SCHEMA)):
        file = descriptor_pb2.FileDescriptorProto(
            name=f"cloudnet/{file_name}.proto", package=PACKAGE, syntax=syntax, dependency=_DEPENDENCIES[file_name]
        )
        for name, fields in schema.items():
            _declare(file.message_type.add(name=name), fields, descriptor_pb2.FieldDescriptorProto)
        pool.AddSerializedFile(file.SerializeToString())
    names = (*SCHEMA, *THIN_SCHEMA)
    found = {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in names}
    return {**found, **{name: getattr(wrappers_pb2, name) for name in WRAPPED}}


def _declare(message: Any, fields: Mapping[str, FieldRow], kinds: Any) -> None:
    for field_name, row in fields.items():
        field = message.field.add(name=field_name, number=row.number)
        field.label = kinds.LABEL_REPEATED if row.repeated else kinds.LABEL_OPTIONAL
        if row.type in SCHEMA or row.type in WELL_KNOWN:
            field.type = kinds.TYPE_MESSAGE
            field.type_name = f".google.protobuf.{row.type}" if row.type in WELL_KNOWN else f".{PACKAGE}.{row.type}"
        else:
            field.type = getattr(kinds, f"TYPE_{row.type.upper()}")


def to_json(message: Any) -> Json:
    """A message as `hubble observe -o jsonpb` prints it: names of enumerations, 64-bit numbers as text, no defaults.

    An enumeration's number without a name stays a number.
    """
    fields = SCHEMA[message.DESCRIPTOR.name]
    return {field.name: _value_out(value, fields[field.name]) for field, value in message.ListFields()}


def _value_out(value: Any, row: FieldRow) -> Any:
    if row.repeated:
        return [_one_out(one, row) for one in value]
    return _one_out(value, row)


def _one_out(value: Any, row: FieldRow) -> Any:
    if row.enum:
        return ENUMS[row.enum].get(value, value)
    if row.type == "Timestamp":
        return rfc3339(value.seconds, value.nanos)
    if row.type in WRAPPED:
        return value.value
    if row.type in SCHEMA:
        return to_json(value)
    return str(value) if row.type == "uint64" else value


def from_json(name: str, document: Json) -> Any:
    """The message `name` with the fields of a document as to_json makes it. Raises InvalidInput for unknown fields."""
    message = messages()[name]()
    _fill(message, name, document)
    return message


def _fill(message: Any, name: str, document: Json) -> None:
    for field_name, value in document.items():
        row = SCHEMA[name].get(field_name)
        if row is None:
            raise InvalidInput(
                f"{field_name} is not a field of Hubble's {name}.",
                code="UnknownField",
                remedy="Leave it out, or give it as Hubble's interface spells it.",
            )
        for one in value if row.repeated else [value]:
            _set(message, field_name, row, one)


def _set(message: Any, field_name: str, row: FieldRow, value: Any) -> None:
    if row.type in SCHEMA:
        target = getattr(message, field_name)
        inner = target.add() if row.repeated else target
        inner.SetInParent()
        _fill(inner, row.type, value)
    elif row.type == "Timestamp":
        inner = getattr(message, field_name)
        inner.seconds, inner.nanos = parse_time(value)
        inner.SetInParent()
    elif row.type in WRAPPED:
        inner = getattr(message, field_name)
        inner.value = value
        inner.SetInParent()
    else:
        number = NUMBERS[row.enum].get(value, value) if row.enum else value
        number = int(number) if row.type == "uint64" else number
        if row.repeated:
            getattr(message, field_name).append(number)
        else:
            setattr(message, field_name, number)
