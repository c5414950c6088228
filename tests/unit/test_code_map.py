# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The code map names what is there, and nothing that is not."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
MAP = ROOT / "docs" / "code-map.md"


@pytest.fixture(scope="module")
def code_map() -> ModuleType:
    specification = importlib.util.spec_from_file_location("code_map", ROOT / "tests" / "code_map.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def test_every_file_of_module_utils_is_in_the_map(code_map: ModuleType) -> None:
    assert MAP.read_text(encoding="utf-8") == code_map.written(), "run: python tests/code_map.py"


def test_every_file_says_what_it_is_for(code_map: ModuleType) -> None:
    assert [file for file in code_map.UTILS.rglob("*.py") if not code_map.purpose(file)] == []


def test_every_room_is_explained() -> None:
    rooms = {path.name for path in (ROOT / "plugins" / "module_utils").iterdir() if path.is_dir()} - {"__pycache__"}
    _head, _title, table = MAP.read_text(encoding="utf-8").partition("## Rooms")
    assert rooms == set(re.findall(r"^\| `(\w+)` \|", table.partition("## Elsewhere")[0], re.MULTILINE))


def test_every_folder_of_tests_is_explained() -> None:
    words = MAP.read_text(encoding="utf-8").partition("## Files of module_utils")[0]
    files = [path for path in (ROOT / "tests").glob("*/**/*") if path.is_file() and path.suffix != ".pyc"]
    folders = {path.relative_to(ROOT / "tests").parts[0] for path in files} - {"output"}
    assert [name for name in sorted(folders) if f"`tests/{name}`" not in words] == []


def test_what_the_map_points_to_exists() -> None:
    words = MAP.read_text(encoding="utf-8").partition("## Files of module_utils")[0]
    for name in re.findall(r"`([a-z_]+/[\w./-]+)`", words):
        places = [ROOT / name, ROOT / "plugins" / "module_utils" / name]
        assert any(place.exists() for place in places), name


@pytest.mark.parametrize(
    "page", ["CONTRIBUTING.md", "SECURITY.md", "README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    for target in re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text):
        assert ((ROOT / page).parent / target).exists(), target
