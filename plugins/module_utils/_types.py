# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Types that more than one room uses. No imports beyond the standard library."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

# Documents of Azure and Kubernetes: we read some fields and pass the rest on untouched.
Json = dict[str, Any]
Params = Mapping[str, Any]

MASK = "(hidden)"
"""What results and diffs show in place of a secret."""


class Clock(Protocol):
    """Time as the poll loops see it; tests use one that only moves when told to."""

    def monotonic(self) -> float:
        """Seconds since an arbitrary point."""

    def sleep(self, seconds: float) -> None:
        """Wait."""


Progress = Callable[[str], None]
"""Takes one line (no newline, no secrets) that tells a person what a wait is waiting for."""


class Warn(Protocol):
    """How library code tells the user something they can act on."""

    def __call__(self, message: str) -> None:
        """Show one warning."""


@dataclass(frozen=True)
class Completed:
    """A finished process."""

    argv: Sequence[str]
    rc: int
    stdout: str
    stderr: str


class Runner(Protocol):
    """Runs a program from a list of words (never a shell string)."""

    def __call__(self, argv: Sequence[str], *, timeout_s: float, stdin: str | None = None) -> Completed:
        """Run to the end; raise TimedOut after timeout_s; a non-zero status is returned, not raised."""


@dataclass
class Result:
    """What an action hands to the module boundary.

    before/after hold exactly the managed fields, secrets masked; they are shown with --diff only.
    """

    changed: bool = False
    values: Json = field(default_factory=dict)
    before: Json | None = None
    after: Json | None = None
    message: str = ""
