# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Numbers and durations as people say them: `1 pod`, `3 policies`, `2 min 5 s`."""

from __future__ import annotations


def counted(number: int, one: str, many: str = "") -> str:
    """The number with its noun: `1 pod`, `3 pods`. many is for nouns of more than one word, or without a rule."""
    return f"{number} {one if number == 1 else many or _plural(one)}"


def agree(number: int, one: str, many: str) -> str:
    """The word beside a counted noun that changes with it: `is` or `are`, `this` or `these`."""
    return one if number == 1 else many


def elapsed_text(seconds: float) -> str:
    """Seconds as `45 s`, `2 min 5 s` or `1 h 2 min`; what is over a full unit is cut off, never rounded up."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return _two(whole // 60, "min", whole % 60, "s")
    return _two(whole // 3600, "h", whole % 3600 // 60, "min")


def _two(large: int, unit: str, small: int, lesser: str) -> str:
    """`2 min 5 s`, and `2 min` where nothing is left over."""
    return f"{large} {unit} {small} {lesser}" if small else f"{large} {unit}"


def _plural(noun: str) -> str:
    """The plural of a regular noun."""
    if noun.endswith("y") and noun[-2:-1] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith(("s", "x", "ch", "sh")) else f"{noun}s"
