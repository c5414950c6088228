# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Values of filter options, checked and turned into what Hubble's FlowFilter wants (pure)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from .names import EVENT_TYPES, IDENTITIES, NUMBERS, TRACE, TRACE_POINTS
from .schema import SCHEMA
from .selectors import selector_of

Parse = Callable[[str, str], Any]
"""Takes the option's name and one value; returns what the filter wants."""


def text_value(option: str, value: str) -> str:
    """Any text but none."""
    if not value:
        raise InvalidInput(
            f"{option} holds an empty text.",
            option=option,
            code="InvalidFilter",
            remedy="Give a value, or leave it out.",
        )
    return value


def object_value(option: str, value: str) -> str:
    """`name`, `namespace/name` or `namespace/`. With more slashes Hubble would silently find nothing."""
    if text_value(option, value).count("/") > 1:
        raise InvalidInput(
            f"{option}={value} names no object.",
            option=option,
            code="InvalidFilter",
            remedy="Write NAME, NAMESPACE/NAME or NAMESPACE/.",
        )
    return value


def label_value(option: str, value: str) -> str:
    """A label selector."""
    text_value(option, value)
    # Comparisons of numbers, which Hubble takes but labels hardly ever have, are left to Hubble.
    if "<" not in value and ">" not in value:
        selector_of(value, option)
    return value


def address_value(option: str, value: str) -> str:
    """An address or a range of addresses."""
    try:
        ipaddress.ip_network(value, strict=False)
    except ValueError as error:
        raise InvalidInput(
            f"{option}={value} is neither an IP address nor a CIDR range.",
            option=option,
            code="InvalidFilter",
            remedy="Write for example 10.0.0.7 or 10.0.0.0/8.",
        ) from error
    return value


def port_value(option: str, value: str) -> str:
    """A port, as text."""
    if not (value.isascii() and value.isdigit() and 0 < int(value) < 65536):
        raise InvalidInput(
            f"{option}={value} is not a port number from 1 to 65535.",
            option=option,
            code="InvalidFilter",
            remedy="Give a number; names of ports are not known to Hubble.",
        )
    return str(int(value))


def identity_value(option: str, value: str) -> int:
    """A number, or the name of a reserved identity."""
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


def workload_value(option: str, value: str) -> Json:
    """`name`, `Kind/name` or `Kind/`."""
    kind, slash, name = text_value(option, value).partition("/")
    fields = {"kind": kind, "name": name} if slash else {"name": kind}
    return {key: text for key, text in fields.items() if text}


def one_of(enum: str) -> Parse:
    """A parser for the names of an enumeration, in any case of letters."""

    def parse(option: str, value: str) -> str:
        if value.upper() not in NUMBERS[enum]:
            known = ", ".join(name for name, number in NUMBERS[enum].items() if number)
            raise InvalidInput(
                f"{option}={value} is not known.",
                option=option,
                code="InvalidFilter",
                remedy=f"Choose one of: {known}.",
            )
        return value.upper()

    return parse


_PROTOCOLS = ("tcp", "udp", "sctp", "icmp", "icmpv4", "icmpv6", "vrrp", "igmp", "dns", "http", "kafka")


def protocol_value(option: str, value: str) -> str:
    """A protocol of layer 4 or 7."""
    if value.lower() not in _PROTOCOLS:
        raise InvalidInput(
            f"{option}={value} is not a protocol that Hubble filters by.",
            option=option,
            code="InvalidFilter",
            remedy=f"Choose one of: {', '.join(_PROTOCOLS)}.",
        )
    return value.lower()


def event_type_value(option: str, value: str) -> Json:
    """`TYPE[:SUBTYPE]`, each a name or a number."""
    type_text, colon, sub_text = value.partition(":")
    number = EVENT_TYPES.get(type_text, int(type_text) if type_text.isascii() and type_text.isdigit() else None)
    if number is None:
        raise InvalidInput(
            f"{option}={value} is not a type of event.",
            option=option,
            code="InvalidFilter",
            remedy=f"Choose one of: {', '.join(EVENT_TYPES)}, or a number.",
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


_TCP_FLAGS = tuple(SCHEMA["TCPFlags"])


def tcp_flags_value(option: str, value: str) -> Json:
    """`syn` or `syn,ack`: the flags that must all be set."""
    names = [name.strip().upper() for name in value.split(",")]
    unknown = [name for name in names if name not in _TCP_FLAGS]
    if unknown:
        raise InvalidInput(
            f"{option}={value}: {unknown[0] or 'an empty text'} is not a flag of TCP.",
            option=option,
            code="InvalidFilter",
            remedy=f"Choose one of: {', '.join(_TCP_FLAGS)}; those that must be set together are joined by commas.",
        )
    return dict.fromkeys(names, True)


def ip_version_value(option: str, value: str) -> str:
    """`v4`, `v6`, or `none` for what is no IP packet."""
    versions = {"4": "IPv4", "6": "IPv6", "none": "IP_NOT_USED"}
    version = versions.get(value.lower().removeprefix("ip").removeprefix("v"))
    if version is None:
        raise InvalidInput(
            f"{option}={value} is not a version of IP.",
            option=option,
            code="InvalidFilter",
            remedy="Choose one of: v4, v6, none.",
        )
    return version


def trace_number_value(option: str, value: str) -> str:
    """A number of 64 bits, as text."""
    if not (value.isascii() and value.isdigit() and int(value) < 2**64):
        raise InvalidInput(
            f"{option}={value} is not a number of 64 bits.",
            option=option,
            code="InvalidFilter",
            remedy="Give a whole number as Hubble shows it.",
        )
    return str(int(value))


def interface_value(option: str, value: str) -> Json:
    """The name of a network interface."""
    return {"name": text_value(option, value)}


def http_header_value(option: str, value: str) -> Json:
    """`name:value`."""
    key, colon, content = value.partition(":")
    if not (key and colon):
        raise InvalidInput(
            f"{option}={value} is not a header.", option=option, code="InvalidFilter", remedy="Write NAME:VALUE."
        )
    return {"key": key, "value": content}


_HTTP_STATUS = re.compile(r"[1-5][0-9]{2}|[1-5][0-9]?\+", re.ASCII)


def http_status_value(option: str, value: str) -> str:
    """`404`, `4+` or `40+`; everything else is refused by Hubble, after a while and less clearly."""
    if not _HTTP_STATUS.fullmatch(value):
        raise InvalidInput(
            f"{option}={value} is not a status code of HTTP.",
            option=option,
            code="InvalidFilter",
            remedy="Write a code such as 404, or the start of one such as 4+ or 50+.",
        )
    return value


def pattern_value(option: str, value: str) -> str:
    """A regular expression. What Hubble's RE2 cannot read is told by Hubble."""
    try:
        re.compile(text_value(option, value))
    except re.error as error:
        raise InvalidInput(
            f"{option}={value} is not a regular expression: {error}.",
            option=option,
            code="InvalidFilter",
            remedy="Correct it; patterns are regular expressions of RE2.",
        ) from error
    return value


def namespace_value(option: str, value: str) -> str:
    """The name of a namespace."""
    if "/" in text_value(option, value):
        raise InvalidInput(
            f"{option}={value} is not the name of a namespace.",
            option=option,
            code="InvalidFilter",
            remedy="Give its name alone, without a slash.",
        )
    return value
