# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the README, docs/demo.svg, made of what a run printed.

    make demo | tee build/demo.log
    .venv/bin/python tests/picture.py build/demo.log

It shows the status of one cluster and the connections that were tried on it, in the very words of the run.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from html import escape
from pathlib import Path

PICTURE = Path(__file__).resolve().parent.parent / "docs" / "demo.svg"
TITLES = ("Status of Cilium on", "Connections on")
COLOURS = {"command": "#7ee787", "title": "#79c0ff", "allow": "#a5d6a7", "deny": "#ffa198"}
CHARACTER, LINE, MARGIN, TOP = 7.83, 17, 20, 46
FONT = 'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="13"'
BUTTONS = (("18", "#ff5f57"), ("36", "#febc2e"), ("54", "#28c840"))


def section(lines: Sequence[str], title: str) -> list[str]:
    """What show_text printed under a title: up to the line that Ansible prints after it."""
    if title not in lines:
        return []
    found = []
    for line in lines[lines.index(title) + 1 :]:
        if re.match(r"(ok|changed|TASK|PLAY|==)\b|\w+: \[", line):
            break
        found.append(line.rstrip())
    while found and not found[-1]:
        found.pop()
    return [title, *found]


def picked(log: str) -> list[str]:
    """The lines of the picture. Raises SystemExit where the log has no such sections."""
    lines = log.splitlines()
    host = next((line.rpartition(" ")[2] for line in lines if line.startswith(f"== {TITLES[1]} ")), "")
    parts = [section(lines, f"== {title} {host}") for title in TITLES]
    if not all(parts):
        raise SystemExit(f"The log has no sections {' and '.join(TITLES)} a cluster: give the output of `make demo`.")
    return ["$ make demo", *parts[0], "", *parts[1]]


def colour(line: str) -> str:
    """The colour of a line, by what it says; empty for the usual one."""
    if line.startswith("$ "):
        return COLOURS["command"]
    if line.startswith("== "):
        return COLOURS["title"]
    expected = re.match(r"\d .*?  (allow|deny)  ", line)
    return COLOURS[expected[1]] if expected else ""


def svg(lines: Sequence[str]) -> str:
    """The lines as a picture of a terminal."""
    width = round(2 * MARGIN + CHARACTER * max(map(len, lines)))
    height = TOP + LINE * len(lines)
    shape = f'width="{width}" height="{height}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {shape} viewBox="0 0 {width} {height}" role="img"'
    dots = "".join(f'<circle cx="{place}" cy="16" r="5" fill="{fill}"/>' for place, fill in BUTTONS)
    texts = []
    for number, line in enumerate(lines):
        fill = f' fill="{colour(line)}"' if colour(line) else ""
        text = escape(line, quote=False).replace(" ", "&#160;")
        texts.append(f'<text x="{MARGIN}" y="{TOP + LINE * number}"{fill}>{text}</text>')
    return "\n".join(
        [
            f'{head} aria-label="Output of make demo">',
            f'<rect {shape} rx="8" fill="#0d1117"/>',
            dots,
            f'<g {FONT} fill="#c9d1d9" xml:space="preserve">',
            *texts,
            "</g></svg>\n",
        ]
    )


def main() -> int:
    """Make the picture of a log."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("log", type=Path, help="what `make demo` printed")
    parser.add_argument("--output", type=Path, default=PICTURE)
    options = parser.parse_args()
    options.output.write_text(svg(picked(options.log.read_text(encoding="utf-8"))), encoding="utf-8")
    print(f"{options.output}: written")
    return 0


if __name__ == "__main__":
    sys.exit(main())
