# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one poll loop: a deadline, a history of states, and lines for the person who waits."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ._errors import TimedOut
from ._text import elapsed_text
from ._types import Clock, Progress

TALK_EVERY_S = 30.0
T = TypeVar("T")


class SystemClock:
    """The real clock."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)


def silent(line: str) -> None:
    """Progress that nobody sees."""


@dataclass(frozen=True)
class Look(Generic[T]):
    """One look at what is waited for: whether it is done, its state in a few words, and the object itself."""

    done: bool
    state: str
    value: T


def wait_until(
    look: Callable[[], Look[T]],
    *,
    what: str,
    timeout_s: float,
    interval_s: float,
    clock: Clock | None = None,
    progress: Progress = silent,
    remedy: str = "",
) -> T:
    """Look until done; return the value of the last look.

    A line goes to progress when the state changes and at least every 30 s: `<what>: <state> (1 min 5 s)`.
    Raises TimedOut with the states seen. Errors of look pass through.
    """
    clock = clock or SystemClock()
    started = clock.monotonic()
    history: list[str] = []
    last_state: str | None = None
    last_line_at = float("-inf")
    while True:
        seen = look()
        now = clock.monotonic()
        elapsed = now - started
        if seen.state != last_state:
            last_state = seen.state
            history.append(f"{elapsed_text(elapsed)}: {seen.state}")
            last_line_at = float("-inf")
        if now - last_line_at >= TALK_EVERY_S:
            progress(f"{what}: {seen.state} ({elapsed_text(elapsed)})")
            last_line_at = now
        if seen.done:
            return seen.value
        if elapsed >= timeout_s:
            raise TimedOut(
                f"{what}: not done after {elapsed_text(timeout_s)}, last state: {seen.state}.",
                remedy=remedy,
                code="WaitTimeout",
                history=history,
            )
        clock.sleep(min(interval_s, max(0.0, timeout_s - elapsed)))
