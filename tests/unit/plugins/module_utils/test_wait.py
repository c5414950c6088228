# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import Look, wait_until
from fakes import FakeClock


def test_returns_the_value_of_the_first_look_that_is_done() -> None:
    looks = iter([Look(False, "creating", 1), Look(True, "ready", 2)])
    assert wait_until(lambda: next(looks), what="it", timeout_s=10, interval_s=1, clock=FakeClock()) == 2


def test_talks_when_the_state_changes_and_at_least_every_30_seconds() -> None:
    clock = FakeClock()
    states = ["creating"] * 8 + ["almost"] * 2
    looks = iter([Look(False, state, None) for state in states] + [Look(True, "ready", None)])
    lines: list[str] = []
    wait_until(lambda: next(looks), what="cluster c", timeout_s=999, interval_s=10, clock=clock, progress=lines.append)
    assert lines == [
        "cluster c: creating (0 s)",
        "cluster c: creating (30 s)",
        "cluster c: creating (1 min)",
        "cluster c: almost (1 min 20 s)",
        "cluster c: ready (1 min 40 s)",
    ]


def test_a_state_that_ends_like_another_is_told_too() -> None:
    looks = iter([Look(False, "not ready", None), Look(False, "ready", None), Look(True, "done", None)])
    lines: list[str] = []
    wait_until(lambda: next(looks), what="x", timeout_s=9, interval_s=1, clock=FakeClock(), progress=lines.append)
    assert lines == ["x: not ready (0 s)", "x: ready (1 s)", "x: done (2 s)"]


def test_the_deadline_reports_every_state_that_was_seen() -> None:
    looks = iter([Look(False, "a", None), Look(False, "a", None), Look(False, "b", None), Look(False, "b", None)])
    with pytest.raises(TimedOut) as raised:
        wait_until(lambda: next(looks), what="x", timeout_s=2.5, interval_s=1, clock=FakeClock(), remedy="Look there.")
    assert raised.value.history == ["0 s: a", "2 s: b"]
    assert raised.value.text() == "x: not done after 2 s, last state: b. [WaitTimeout] Look there."


def test_looks_once_more_at_the_deadline_itself() -> None:
    clock = FakeClock()
    assert (
        wait_until(lambda: Look(clock.now >= 5, "waiting", clock.now), what="x", timeout_s=5, interval_s=3, clock=clock)
        == 5
    )
