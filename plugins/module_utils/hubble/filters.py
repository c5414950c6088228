# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options as `hubble observe` has them, turned into Hubble's FlowFilter documents (all pure).

A flow is wanted when one of the filters matches; within a filter all fields must match, and of each field one value.
An option for either end (`pod`) needs two filters, one per end; `from_` and `to_` options stand in both.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from .._errors import InvalidInput
from .._types import Json, Params
from .names import EVENT_TYPES, IDENTITIES, NUMBERS, TRACE, TRACE_POINTS

Parse = Callable[[str, str], Any]
"""Takes the option's name and one value; returns what the filter wants."""


def _text(option: str, value: str) -> str:
    if not value:
        raise InvalidInput(f"{option} holds an empty text.", option=option, code="InvalidFilter")
    return value


def _object(option: str, value: str) -> str:
    """`name`, `namespace/name` or `namespace/`. With more slashes Hubble would silently find nothing."""
    if _text(option, value).count("/") > 1:
        raise InvalidInput(
            f"{option}={value} names no object.",
            option=option,
            code="InvalidFilter",
            remedy="Write NAME, NAMESPACE/NAME or NAMESPACE/.",
        )
    return value


def _address(option: str, value: str) -> str:
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise InvalidInput(
            f"{option}={value} is neither an IP address nor a CIDR range.", option=option, code="InvalidFilter"
        ) from error
    return value


def _port(option: str, value: str) -> str:
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise InvalidInput(
            f"{option}={value} is not a port number from 1 to 65535.", option=option, code="InvalidFilter"
        )
    return str(int(value))


def _identity(option: str, value: str) -> int:
    for number, name in IDENTITIES.items():
        if name == value.removeprefix("reserved:") and number:
            return number
    if value.isascii() and value.isdigit() and int(value) < 2**32:
        return int(value)
    names = ", ".join(name for number, name in IDENTITIES.items() if number)
    raise InvalidInput(
        f"{option}={value} is neither a number nor a reserved identity.",
        option=option,
        code="InvalidFilter",
        remedy=f"Reserved identities: {names}.",
    )


def _workload(option: str, value: str) -> Json:
    kind, slash, name = _text(option, value).partition("/")
    fields = {"kind": kind, "name": name} if slash else {"name": kind}
    return {key: text for key, text in fields.items() if text}


def _one_of(enum: str) -> Parse:
    def parse(option: str, value: str) -> str:
        if value.upper() not in NUMBERS[enum]:
            known = ", ".join(name for name, number in NUMBERS[enum].items() if number)
            raise InvalidInput(
                f"{option}={value} is not known.", option=option, code="InvalidFilter", remedy=f"Choose of: {known}."
            )
        return value.upper()

    return parse


_PROTOCOLS = ("tcp", "udp", "sctp", "icmp", "icmpv4", "icmpv6", "vrrp", "igmp", "dns", "http", "kafka")


def _protocol(option: str, value: str) -> str:
    if value.lower() not in _PROTOCOLS:
        raise InvalidInput(
            f"{option}={value} is not a protocol that Hubble filters by.",
            option=option,
            code="InvalidFilter",
            remedy=f"Choose of: {', '.join(_PROTOCOLS)}.",
        )
    return value.lower()


def _event_type(option: str, value: str) -> Json:
    """`TYPE[:SUBTYPE]`, each a name or a number."""
    type_text, colon, sub_text = value.partition(":")
    number = EVENT_TYPES.get(type_text, int(type_text) if type_text.isascii() and type_text.isdigit() else None)
    if number is None:
        raise InvalidInput(
            f"{option}={value} is not a type of event.",
            option=option,
            code="InvalidFilter",
            remedy=f"Choose of: {', '.join(EVENT_TYPES)}, or a number.",
        )
    if not colon:
        return {"type": number}
    if number == TRACE and sub_text in TRACE_POINTS:
        sub_type = TRACE_POINTS.index(sub_text)
    elif sub_text.isascii() and sub_text.isdigit():
        sub_type = int(sub_text)
    else:
        raise InvalidInput(
            f"{option}={value} names no subtype of {type_text}.",
            option=option,
            code="InvalidFilter",
            remedy=f"Subtypes of trace: {', '.join(TRACE_POINTS)}; of others a number.",
        )
    return {"type": number, "match_sub_type": True, "sub_type": sub_type}


@dataclass(frozen=True)
class TwoSided:
    """An option that exists as `name`, `from_name` and `to_name`."""

    source: str
    destination: str
    parse: Parse = _text


TWO_SIDED: dict[str, TwoSided] = {
    "pod": TwoSided("source_pod", "destination_pod", _object),
    "service": TwoSided("source_service", "destination_service", _object),
    "workload": TwoSided("source_workload", "destination_workload", _workload),
    "label": TwoSided("source_label", "destination_label"),
    "ip": TwoSided("source_ip", "destination_ip", _address),
    "fqdn": TwoSided("source_fqdn", "destination_fqdn"),
    "port": TwoSided("source_port", "destination_port", _port),
    "identity": TwoSided("source_identity", "destination_identity", _identity),
}
ONE_SIDED: dict[str, tuple[str, Parse]] = {
    "verdict": ("verdict", _one_of("Verdict")),
    "drop_reason": ("drop_reason_desc", _one_of("DropReason")),
    "type": ("event_type", _event_type),
    "protocol": ("protocol", _protocol),
    "traffic_direction": ("traffic_direction", _one_of("TrafficDirection")),
    "node_name": ("node_name", _text),
    "dns_query": ("dns_query", _text),
    "http_status": ("http_status_code", _text),
    "http_method": ("http_method", _text),
    "http_path": ("http_path", _text),
}
_SIDES = ("", "from_", "to_")
FILTER_OPTIONS: Json = {
    **{f"{side}{name}": {"type": "list", "elements": "str"} for name in ("namespace", *TWO_SIDED) for side in _SIDES},
    **{name: {"type": "list", "elements": "str"} for name in ONE_SIDED},
    "reply": {"type": "bool"},
}
"""The filter options of a module's argument specification."""

# An end is named in one way only, and an option for either end excludes those for one end.
_EXCLUSIVE: tuple[tuple[str, ...], ...] = (
    *((name, f"{side}{name}") for name in ("namespace", *TWO_SIDED) for side in ("from_", "to_")),
    ("namespace", "from_pod"),
    ("namespace", "to_pod"),
    ("namespace", "from_service"),
    ("namespace", "to_service"),
    *(
        (f"{first}{one}", f"{second}{other}")
        for one, other in (
            ("fqdn", "ip"),
            ("fqdn", "pod"),
            ("fqdn", "namespace"),
            ("ip", "pod"),
            ("ip", "namespace"),
        )
        for first, second in (
            ("", ""),
            ("", "from_"),
            ("", "to_"),
            ("from_", ""),
            ("to_", ""),
            ("from_", "from_"),
            ("to_", "to_"),
        )
    ),
)


def build_filters(params: Params, prefix: str = "") -> tuple[Json, ...]:
    """FlowFilter documents for the filter options in params; none when no option is given.

    prefix stands before option names in errors. Raises InvalidInput for a value or combination that means nothing.
    """
    given = {name: params[name] for name in FILTER_OPTIONS if params.get(name) not in (None, [])}
    for one, other in _EXCLUSIVE:
        if one in given and other in given:
            raise InvalidInput(
                f"{prefix}{one} and {prefix}{other} cannot be combined.",
                option=f"{prefix}{one}",
                code="InvalidFilter",
                remedy="Name each end of a flow in one way: either end, or from and to; pod, address or DNS name.",
            )
    if not given:
        return ()
    left: Json = {}
    right: Json = {}
    for name, two_sided in TWO_SIDED.items():
        for side in _SIDES:
            values = [two_sided.parse(f"{prefix}{side}{name}", str(value)) for value in given.get(f"{side}{name}", ())]
            if values and side != "to_":
                left[two_sided.source] = values
            if values and side == "from_":
                right[two_sided.source] = values
            if values and side != "from_":
                right[two_sided.destination] = values
            if values and side == "to_":
                left[two_sided.destination] = values
    for name, (field_name, parse) in ONE_SIDED.items():
        if name in given:
            left[field_name] = right[field_name] = [parse(f"{prefix}{name}", str(value)) for value in given[name]]
    if "reply" in given:
        left["reply"] = right["reply"] = [given["reply"]]
    _add_namespaces(left, right, given, prefix)
    return (left,) if left == right else (left, right)


def _add_namespaces(left: Json, right: Json, given: Params, prefix: str) -> None:
    """Namespaces become part of the pod and service names; where there are none, `namespace/` stands for all pods."""
    for option, filters, side in (
        ("to_namespace", (left, right), "destination"),
        ("from_namespace", (left, right), "source"),
        ("namespace", (left,), "source"),
        ("namespace", (right,), "destination"),
    ):
        namespaces = [_namespace(f"{prefix}{option}", str(value)) for value in given.get(option, ())]
        if not namespaces:
            continue
        for one in filters:
            if f"{side}_pod" not in one and f"{side}_service" not in one:
                one[f"{side}_pod"] = [""]
            for field_name in (f"{side}_pod", f"{side}_service"):
                if field_name in one:
                    one[field_name] = _in_namespaces(f"{prefix}{option}", one[field_name], namespaces)


def _namespace(option: str, value: str) -> str:
    if "/" in _text(option, value):
        raise InvalidInput(f"{option}={value} is not the name of a namespace.", option=option, code="InvalidFilter")
    return value


def _in_namespaces(option: str, names: Sequence[str], namespaces: Sequence[str]) -> list[str]:
    placed: list[str] = []
    for name in names:
        own, slash, _rest = name.partition("/")
        if not slash:
            placed.extend(f"{namespace}/{name}" for namespace in namespaces)
        elif own and own not in namespaces:
            raise InvalidInput(
                f"{option}={','.join(namespaces)} contradicts {name}, which names another namespace.",
                option=option,
                code="InvalidFilter",
            )
        else:
            placed.append(name)
    return placed
