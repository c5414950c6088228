# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/architecture.md has the table of who may import whom as the test of the layers has it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
LAYERS = ROOT / "tests" / "unit" / "plugins" / "test_layers.py"


def rooms() -> dict[str, set[str]]:
    """ROOMS of the test of the layers, with all base files as one word."""
    found: dict[str, Any] = {}
    for node in ast.parse(LAYERS.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name in ("BASE", "ROOMS"):
                # Literals and unions of literals, from a file of this repository.
                found[name] = eval(ast.unparse(node.value), {}, dict(found))  # noqa: S307
    base = found["BASE"]
    return {
        room: ({"base"} | allowed - base) if allowed >= base else allowed for room, allowed in found["ROOMS"].items()
    }


def test_the_table_of_rooms_is_the_one_that_is_enforced() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").partition("<!-- rooms: ")[2]
    rows = [line.strip("|").split("|") for line in text.split("\n\n")[1].splitlines()[2:]]
    told = {row[0].strip(" `"): set(re.findall(r"\w+", row[1])) for row in rows}
    assert told == rooms()
