# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Errors speak in one voice: a sentence that says what is wrong, and another that says what to do next."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils import _errors

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
FILES = sorted(PLUGINS.rglob("*.py"))
KINDS = {
    name
    for name, value in vars(_errors).items()
    if isinstance(value, type) and issubclass(value, _errors.CollectionError)
}
# Words of programs, not of somebody who helps.
UNWANTED = re.compile(
    r"\b(please|oops|sorry|successfully|invalid input|bad|error:|failed to)\b|\(s\)|!(?: |$)", re.IGNORECASE
)


def errors_in(path: Path) -> Iterator[ast.Call]:
    """Where a file makes an error of ours."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KINDS:
            yield node


def argument(call: ast.Call, name: str, position: int = -1) -> ast.expr | None:
    """An argument by name or by position."""
    named = next((keyword.value for keyword in call.keywords if keyword.arg == name), None)
    return named or (call.args[position] if 0 <= position < len(call.args) else None)


def last_text(node: ast.expr | None) -> str | None:
    """What a text ends with, as far as it is written there; None where that is known at run time only."""
    if isinstance(node, ast.JoinedStr):
        node = node.values[-1]
    if isinstance(node, ast.BinOp):
        return last_text(node.right)
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def texts_of(node: ast.AST | None) -> str:
    """All that is written in an expression."""
    parts = ast.walk(node) if node is not None else ()
    return " ".join(part.value for part in parts if isinstance(part, ast.Constant) and isinstance(part.value, str))


def problems(path: Path) -> list[str]:
    """What is wrong with the errors of a file."""
    found = []
    for call in errors_in(path):
        place = f"{path.name}:{call.lineno}"
        message, remedy = argument(call, "message", 0), argument(call, "remedy")
        if remedy is None or last_text(remedy) == "":
            found.append(f"{place}: says nothing of what to do next (remedy)")
        end = last_text(message)
        if end is not None and not end.rstrip().endswith("."):
            found.append(f"{place}: the message does not end with a full stop: {end[-40:]!r}")
        word = UNWANTED.search(f"{texts_of(message)} {texts_of(remedy)}")
        if word:
            found.append(f"{place}: {word.group()!r}")
    return found


def test_there_are_errors_to_judge() -> None:
    assert sum(1 for path in FILES for __ in errors_in(path)) > 150


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PLUGINS)))
def test_every_error_is_a_sentence_and_says_what_to_do_next(path: Path) -> None:
    assert problems(path) == []


def test_what_this_test_finds(tmp_path: Path) -> None:
    path = tmp_path / "some.py"
    path.write_text(
        "raise NotFound('There is none.')\n"
        "raise NotFound('There is none', remedy='Make one.')\n"
        "raise NotFound('Please make one.', remedy='Make one.')\n"
        "raise NotFound(f'{what} is not there.', remedy=f'Make one: {command}')\n",
        encoding="utf-8",
    )
    assert [text.split(": ")[0] for text in problems(path)] == ["some.py:1", "some.py:2", "some.py:3"]
