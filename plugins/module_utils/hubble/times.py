# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Points in time with nanoseconds, as Hubble gives them: (seconds since 1970, nanoseconds)."""

from __future__ import annotations

import calendar
import functools
import math
import re
import time

from .._errors import InvalidInput

Moment = tuple[int, int]
"""Seconds since 1970 and nanoseconds; compares in time order."""

_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?([Zz]|[+-]\d\d:\d\d)?)?", re.ASCII
)
_AGO = re.compile(r"(?:(\d{1,18})d)?(?:(\d{1,18})h)?(?:(\d{1,18})m)?(?:(\d{1,18})s)?", re.ASCII)
_LATEST_S = 253402300799
"""The end of the year 9999, as of Protocol Buffers."""
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def parse_time(text: str) -> Moment:
    """A moment from RFC 3339 text; without an offset it is UTC. Raises ValueError."""
    match = _RFC3339.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not an RFC 3339 time")
    year, month, day, hour, minute, second, fraction, offset = match.groups()
    fields = (int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    days = calendar.monthrange(fields[0], fields[1])[1] if 1 <= fields[1] <= 12 else 0
    if not (1 <= fields[2] <= days and fields[3] < 24 and fields[4] < 60 and fields[5] <= 60):
        raise ValueError(f"{text!r} is not a time that exists")
    seconds = calendar.timegm((*fields, 0, 0, 0))
    if offset and offset not in "Zz":
        hours, minutes = offset[1:].split(":")
        seconds -= (int(hours) * 3600 + int(minutes) * 60) * (-1 if offset[0] == "-" else 1)
    return seconds, int((fraction or "").ljust(9, "0"))


def rfc3339(seconds: int, nanos: int) -> str:
    """A moment as JSON text of Protocol Buffers: UTC, with no fraction or one of 3, 6 or 9 digits."""
    if not nanos:
        return f"{_second(seconds)}Z"
    fraction = f"{nanos:09d}"
    while fraction.endswith("000"):
        fraction = fraction[:-3]
    return f"{_second(seconds)}.{fraction}Z"


@functools.lru_cache(maxsize=256)
def _second(seconds: int) -> str:
    """Many flows have the same one."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def sortable(text: str) -> str:
    """Text that sorts as time does. Without its Z, Hubble's own does, whatever the number of its digits."""
    return text[:-1] if text.endswith("Z") else rfc3339(*parse_time(text))[:-1]


def stamp(moment: Moment) -> str:
    """A moment as `Mar  9 20:13:27.359` in UTC, the way the Hubble command line prints it (cut, not rounded)."""
    fields = time.gmtime(moment[0])
    clock = time.strftime("%H:%M:%S", fields)
    return f"{_MONTHS[fields.tm_mon - 1]} {fields.tm_mday:2d} {clock}.{moment[1] // 1_000_000:03d}"


_TIME_REMEDY = "Write for example 90s, 3m, 1h30m, or 2026-11-30T18:00:00Z."


def parse_moment(option: str, text: str, now_s: float) -> Moment:
    """The value of an option: `90s`, `3m`, `1h30m`, `2d` before now, or RFC 3339. Raises InvalidInput."""
    moment = _moment(option, text, now_s)
    if not 0 <= moment[0] <= _LATEST_S:
        raise InvalidInput(
            f"{option}={text} is not a time from 1970 to 9999.", option=option, code="InvalidTime", remedy=_TIME_REMEDY
        )
    return moment


def _moment(option: str, text: str, now_s: float) -> Moment:
    value = text.strip()
    ago = _AGO.fullmatch(value)
    if value and ago is not None:
        days, hours, minutes, seconds = (int(part or 0) for part in ago.groups())
        moment_s = now_s - (days * 86400 + hours * 3600 + minutes * 60 + seconds)
        return math.floor(moment_s), int((moment_s - math.floor(moment_s)) * 1_000_000_000)
    try:
        return parse_time(value)
    except ValueError as error:
        raise InvalidInput(
            f"{option}={text} is neither a time before now nor a date and time: {error}.",
            option=option,
            code="InvalidTime",
            remedy=_TIME_REMEDY,
        ) from error
