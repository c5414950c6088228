# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.times import (
    parse_moment,
    parse_time,
    rfc3339,
    stamp,
)

MOMENTS = st.tuples(st.integers(0, 253402300799), st.integers(0, 999_999_999))


@given(MOMENTS)
def test_writing_and_reading_a_moment_loses_nothing(moment: tuple[int, int]) -> None:
    assert parse_time(rfc3339(*moment)) == moment


@given(MOMENTS)
def test_a_fraction_has_three_six_or_nine_digits_or_none(moment: tuple[int, int]) -> None:
    _whole, dot, fraction = rfc3339(*moment).removesuffix("Z").partition(".")
    assert (len(fraction) in (3, 6, 9)) if dot else not moment[1]


@given(MOMENTS, MOMENTS)
def test_moments_compare_in_the_order_of_time(one: tuple[int, int], other: tuple[int, int]) -> None:
    as_nanos = [seconds * 10**9 + nanos for seconds, nanos in (one, other)]
    assert (one < other) == (as_nanos[0] < as_nanos[1])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("1970-01-01T00:00:01Z", (1, 0)),
        ("1970-01-01T01:00:01.5+01:00", (1, 500_000_000)),
        ("1969-12-31T23:00:01-01:00", (1, 0)),
        ("1970-01-02", (86400, 0)),
        ("1970-01-01 00:00", (0, 0)),
    ],
)
def test_all_usual_spellings_are_read(text: str, moment: tuple[int, int]) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize("text", ["", "now", "2026-13-01", "2026-02-30", "2026-01-01T24:00:00Z", "3x"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_time(text)
    with pytest.raises(InvalidInput) as caught:
        parse_moment("since", text, 0)
    assert caught.value.option == "since"


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("3m", 180), ("1h30m", 5400), ("2d", 172800), ("1d1h1m1s", 90061)]
)
def test_a_time_before_now(text: str, seconds: int) -> None:
    assert parse_moment("since", text, 1_000_000.25) == (1_000_000 - seconds, 250_000_000)


@pytest.mark.parametrize(
    "text",
    ["99999999999999d", "999999999999999999d", "9" * 5000 + "s", "0001-01-01T00:00:00Z", "9999-12-31T23:59-23:00"],
)
def test_a_time_that_no_flow_can_have_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_moment("since", text, 1_796_000_000.5)
    assert (caught.value.option, caught.value.code, bool(caught.value.remedy)) == ("since", "InvalidTime", True)


def test_a_stamp_pads_the_day_with_a_space_and_cuts_the_fraction() -> None:
    assert stamp(parse_time("2026-03-09T20:13:27.3599Z")) == "Mar  9 20:13:27.359"
