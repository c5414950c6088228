# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of docs/code-map.md: each file of plugins/module_utils with the first line of its docstring."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UTILS = ROOT / "plugins" / "module_utils"
MAP = ROOT / "docs" / "code-map.md"
END_OF_WORDS = "-->\n"


def purpose(file: Path) -> str:
    """What a file says of itself, as far as its first line goes."""
    text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
    return text.partition("\n")[0].replace("|", "\\|").strip()


def tables() -> str:
    """One table for each folder, sorted."""
    files = [file for file in sorted(UTILS.rglob("*.py")) if file.name != "__init__.py"]
    parts = []
    for folder in sorted({file.parent for file in files}):
        name = folder.relative_to(UTILS).as_posix()
        parts += [f"\n### {'base files' if name == '.' else name}\n", "| file | what it is for |\n|---|---|"]
        parts += [f"| `{file.name}` | {purpose(file)} |" for file in files if file.parent == folder]
    return "\n".join(parts) + "\n"


def written() -> str:
    """The page as it should be."""
    words, _end, _tables = MAP.read_text(encoding="utf-8").rpartition(END_OF_WORDS)
    return words + END_OF_WORDS + tables()


if __name__ == "__main__":
    MAP.write_text(written(), encoding="utf-8")
