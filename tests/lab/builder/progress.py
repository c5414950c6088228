# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Progress: a line when a step starts and ends, and a sign of life while it lasts."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

INTERVAL_S = 30.0
# Steps that take less are announced by their end alone.
WORTH_A_START_S = 10.0


def say(line: str) -> None:
    """Print a line at once, to a terminal and to a pipe alike."""
    print(line, flush=True)


def duration(seconds: float) -> str:
    """Readable time, as the collection itself writes it: `7.3 s`, `42 s`, `2 min 5 s`."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return " ".join(f"{number} {unit}" for number, unit in ((minutes, "min"), (rest, "s")) if number)


class Progress:
    """Tells what runs, from several threads, and speaks at least every interval while anything runs."""

    def __init__(
        self,
        out: Callable[[str], None] = say,
        clock: Callable[[], float] = time.monotonic,
        interval_s: float = INTERVAL_S,
        list_unchanged: bool = True,
    ) -> None:
        self._out = out
        self._clock = clock
        self._interval_s = interval_s
        self._list_unchanged = list_unchanged
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._spoken: dict[str, float] = {}
        self.skipped = 0

    def line(self, name: str, text: str) -> None:
        """Print one line about a step."""
        with self._lock:
            self._out(f"{name:<32}{text}")

    def unchanged(self, name: str) -> None:
        """Count a step which had nothing to do, and print it where every step is wanted."""
        self.skipped += 1
        if self._list_unchanged:
            self.line(name, "unchanged")

    def tick(self) -> None:
        """Print how long the steps have run about which nothing was said for an interval."""
        now = self._clock()
        with self._lock:
            silent = [name for name, spoken in self._spoken.items() if now - spoken >= self._interval_s]
            for name in silent:
                self._out(f"{name:<32}… {duration(now - self._running[name])}")
                self._spoken[name] = now

    @contextlib.contextmanager
    def step(self, name: str, typical_s: float = 0.0) -> Iterator[None]:
        """Time a step; its block runs, or fails, inside."""
        started = self._clock()
        if typical_s >= WORTH_A_START_S:
            self.line(name, f"started, takes about {duration(typical_s)}")
        with self._lock:
            self._running[name] = self._spoken[name] = started
        ended = threading.Event()
        ticker = threading.Thread(target=self._tick_until, args=(ended,), daemon=True)
        ticker.start()
        word = "failed after"
        try:
            yield
            word = "done in"
        finally:
            ended.set()
            ticker.join()
            with self._lock:
                del self._running[name], self._spoken[name]
            self.line(name, f"{word} {duration(self._clock() - started)}")

    def _tick_until(self, ended: threading.Event) -> None:
        while not ended.wait(self._interval_s):
            self.tick()
