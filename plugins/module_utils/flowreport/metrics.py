# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""How wide text is, without a font at hand: widths of a wide sans serif, so that narrower ones fit as well. Pure."""

from __future__ import annotations

_NARROW, _MIDDLE, _WIDE = "ijl.,:;|'!", "frt-()[]{}/\\ ", "mwMWQOG@%&<>+=~#"


def text_width(text: str, size: float) -> float:
    """Width in pixels at a font size; rather too much than too little."""
    return sum(_of(letter) for letter in text) * size


def _of(letter: str) -> float:
    if letter in _NARROW:
        return 0.36
    if letter in _MIDDLE:
        return 0.43
    if letter in _WIDE:
        return 0.98
    if letter.isascii() and not letter.isupper():
        return 0.65
    return 0.78 if letter.isascii() else 1.05


def line_height(size: float) -> float:
    """Distance of two lines."""
    return round(size * 1.3, 1)


def wrapped(text: str, *, width: float, size: float, lines: int = 2) -> tuple[str, ...]:
    """Text in at most so many lines, broken where names have a joint; what does not fit loses its middle."""
    found: list[str] = []
    rest = text
    while rest and len(found) < lines - 1 and text_width(rest, size) > width:
        cut = _fitting(rest, width, size)
        joints = [index + 1 for index, letter in enumerate(rest[:cut]) if letter in "-./_: "]
        cut = joints[-1] if joints and joints[-1] > cut // 3 else cut
        found.append(rest[:cut])
        rest = rest[cut:]
    return (*found, _shortened(rest, width, size)) if rest or not found else tuple(found)


def _fitting(text: str, width: float, size: float) -> int:
    """How many letters from the start fit; at least one."""
    used = 0.0
    for index, letter in enumerate(text):
        used += _of(letter) * size
        if used > width:
            return max(index, 1)
    return len(text)


def _shortened(text: str, width: float, size: float) -> str:
    if text_width(text, size) <= width:
        return text
    half = (width - text_width("…", size)) / 2
    head, tail = _fitting(text, half, size), _fitting(text[::-1], half, size)
    return f"{text[:head]}…{text[-tail:]}"
