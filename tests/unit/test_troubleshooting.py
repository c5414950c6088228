# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""docs/troubleshooting.md explains each code that a task can fail with, once, and no other."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from error_codes import codes_of_sources

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "troubleshooting.md").read_text(encoding="utf-8")
OTHERS = "Codes of others"
ROLES = "Messages of roles"
NO_CODES = ("Symptoms", OTHERS, ROLES)


def sections() -> dict[str, list[list[str]]]:
    """The rows of the tables, by heading; their cells."""
    found: dict[str, list[list[str]]] = {}
    for part in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading, __, text = part.partition("\n")
        lines = [line for line in text.splitlines() if line.startswith("| ")]
        found[heading.strip()] = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[1:]]
    return found


def codes_of(heading: str) -> list[str]:
    return [code for row in sections()[heading] for code in re.findall(r"`([^`]+)`", row[0])]


def codes_on_page() -> list[str]:
    return [code for heading in sections() if heading not in NO_CODES for code in codes_of(heading)]


SOURCES = codes_of_sources()


def test_every_code_of_the_sources_is_on_the_page() -> None:
    missing = sorted(set(SOURCES) - set(codes_on_page()) - set(codes_of(OTHERS)))
    assert missing == [], f"explain in docs/troubleshooting.md: {[(code, SOURCES[code]) for code in missing]}"


def test_no_code_of_the_page_is_unknown_to_the_sources() -> None:
    assert sorted(set(codes_on_page()) - set(SOURCES)) == []


def test_each_code_is_explained_once() -> None:
    counts = Counter(codes_on_page() + codes_of(OTHERS))
    assert [code for code, count in counts.items() if count > 1] == []


def test_each_row_says_what_to_do() -> None:
    for heading, rows in sections().items():
        for row in rows:
            assert all(row), f"an empty cell under {heading}: {row}"


def test_each_check_of_the_roles_is_on_the_page() -> None:
    pattern = re.compile(r"^\s*ansible\.builtin\.(assert|fail):", re.MULTILINE)
    files = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "roles").rglob("tasks/**/*.yml")
        if pattern.search(path.read_text(encoding="utf-8"))
    }
    assert sorted(files) == sorted(codes_of(ROLES))


@pytest.mark.parametrize("code", ["PodCidrOverlap", "DeadManFired", "HelmNotUsable", "NameUnknown", "StepFailed"])
def test_codes_are_found_wherever_they_stand(code: str) -> None:
    # A keyword, a returned pair, a default, an assignment and a second choice: the collector misses none of these.
    assert code in SOURCES


def test_the_contents_name_each_section() -> None:
    assert [heading for heading in sections() if f"(#{_anchor(heading)})" not in PAGE] == []


def _anchor(heading: str) -> str:
    return re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-")
