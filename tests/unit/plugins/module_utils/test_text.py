# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._text import agree, counted, elapsed_text

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"
FILES = sorted(path for part in ("module_utils", "modules", "plugin_utils") for path in (PLUGINS / part).rglob("*.py"))
NOUNS = [
    *("address", "agent", "change", "connection", "endpoint", "error", "event", "flow", "kind", "line", "namespace"),
    *("node", "object", "policy", "pool", "probe", "request", "resource", "restart", "row", "rule", "step", "time"),
]
# A number that is written into a text, and the plural behind it: `{len(pods)} pods`.
PLURAL = re.compile(r"^ (?:more |other )?(?:[a-z]+(?:es|ies|[^s]s)|CRDs)\b")
NOT_A_NOUN = {"is", "was", "has", "does", "this", "as", "its", "lacks", "gives", "holds", "needs", "names", "stays"}


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "pod", "0 pods"),
        (1, "pod", "1 pod"),
        (2, "pod", "2 pods"),
        (2, "policy", "2 policies"),
        (1, "policy", "1 policy"),
        (3, "address", "3 addresses"),
        (2, "stretch", "2 stretches"),
        (2, "day", "2 days"),
        (2, "CRD", "2 CRDs"),
    ],
)
def test_counted(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def test_a_plural_of_several_words_is_given() -> None:
    assert counted(2, "kind of connection", "kinds of connections") == "2 kinds of connections"
    assert counted(1, "kind of connection", "kinds of connections") == "1 kind of connection"


@pytest.mark.parametrize("noun", NOUNS)
def test_one_never_has_a_plural_and_all_else_has_one(noun: str) -> None:
    one = counted(1, noun)
    assert one == f"1 {noun}"
    for number in (0, *range(2, 130)):
        text = counted(number, noun)
        assert text.startswith(f"{number} ")
        assert text.endswith("s")
        assert text.split()[1] != noun


def test_agree() -> None:
    assert [agree(number, "is", "are") for number in (0, 1, 2)] == ["are", "is", "are"]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1, "0 s"),
        (0, "0 s"),
        (0.9, "0 s"),
        (59.9, "59 s"),
        (60, "1 min"),
        (125, "2 min 5 s"),
        (3599.9, "59 min 59 s"),
        (3600, "1 h"),
        (3723, "1 h 2 min"),
        (90000, "25 h"),
    ],
)
def test_elapsed_text(seconds: float, text: str) -> None:
    assert elapsed_text(seconds) == text


def test_durations_never_go_back_and_never_run_ahead() -> None:
    units = {"s": 1, "min": 60, "h": 3600}
    before = 0
    for seconds in range(0, 20000, 7):
        words = elapsed_text(seconds).split()
        told = sum(int(number) * units[unit] for number, unit in zip(words[::2], words[1::2], strict=True))
        assert before <= told <= seconds
        before = told


def bare_counts(path: Path) -> list[str]:
    """Places where a number and a plural stand side by side in a text without `counted`."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.JoinedStr):
            continue
        for value, after in zip(node.values, node.values[1:], strict=False):
            if not (isinstance(value, ast.FormattedValue) and isinstance(after, ast.Constant)):
                continue
            is_number = isinstance(value.value, ast.Call) and ast.unparse(value.value.func) in ("len", "sum")
            match = PLURAL.match(str(after.value))
            if is_number and match and match.group().split()[-1] not in NOT_A_NOUN:
                found.append(f"{path.name}:{node.lineno}: {ast.unparse(node)}")
    return found


def test_numbers_with_their_nouns_are_made_by_counted() -> None:
    assert [place for path in FILES for place in bare_counts(path)] == []
