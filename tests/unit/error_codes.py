# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which codes the sources can put into `failure.code`, read from their syntax trees.

A code is a word such as PodCidrOverlap that gets into something named `code` (or `reason`, where the API server's own
reason may be replaced): a keyword, an argument of a function with such a parameter, the parameter's default, an
assignment, the first of two values that are returned, or a key of a table of remedies.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PLUGINS = Path(__file__).parents[2] / "plugins"
WORD = re.compile(r"[A-Z][a-z0-9]*[A-Za-z0-9_]*[a-z0-9][A-Za-z0-9_]*|AADSTS\d+")
NAMES = {"code", "reason"}
Codes = dict[str, set[str]]


def codes_of_sources(root: Path = PLUGINS) -> Codes:
    """Each code, with the files that it stands in."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(root.rglob("*.py"))}
    places = {name: index for tree in trees.values() for name, index in _takers(tree)}
    found: Codes = {}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            for code in _codes(node, places):
                found.setdefault(code, set()).add(path.relative_to(root).as_posix())
    return found


def _takers(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """Functions and classes with a parameter `code`, and which one that is."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for item in node.body:
                if isinstance(item, ast.FunctionDef) and item.name == "__init__":
                    yield from _index(node.name, item)
        elif isinstance(node, ast.FunctionDef) and node.name != "__init__":
            yield from _index(node.name, node)


def _index(name: str, function: ast.FunctionDef) -> Iterator[tuple[str, int]]:
    arguments = [*function.args.posonlyargs, *function.args.args]
    names = [argument.arg for argument in arguments if argument.arg not in ("self", "cls")]
    if "code" in names:
        yield name, names.index("code")


def _codes(node: ast.AST, places: dict[str, int]) -> Iterator[str]:
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg == "code":
                yield from _words(keyword.value)
        index = places.get(_name(node.func))
        if index is not None and index < len(node.args):
            yield from _words(node.args[index])
    elif isinstance(node, ast.FunctionDef):
        yield from _defaults(node.args)
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            yield from _assigned(target, node.value)
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        yield from _assigned(node.target, node.value)
    elif isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple) and len(node.value.elts) == 2:
        first, second = node.value.elts
        if isinstance(second, ast.Constant | ast.JoinedStr):
            yield from _words(first)


def _defaults(arguments: ast.arguments) -> Iterator[str]:
    plain = list(zip(reversed(arguments.args), reversed(arguments.defaults), strict=False))
    for argument, default in [*plain, *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]:
        if argument.arg == "code" and default is not None:
            yield from _words(default)


def _assigned(target: ast.expr, value: ast.expr) -> Iterator[str]:
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        for one, its in zip(target.elts, value.elts, strict=False):
            yield from _assigned(one, its)
    elif _name(target) in NAMES:
        yield from _words(value)
    elif _name(target) == "REMEDIES" and isinstance(value, ast.Dict):
        for key in value.keys:
            if key is not None:
                yield from _words(key)


def _name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _words(node: ast.expr) -> Iterator[str]:
    """Codes in an expression: `"This"`, `error.code or "This"`, `"This" if ... else "That"`, `str(...)`."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and WORD.fullmatch(node.value):
        yield node.value
    elif isinstance(node, ast.BoolOp):
        for value in node.values:
            yield from _words(value)
    elif isinstance(node, ast.IfExp):
        yield from _words(node.body)
        yield from _words(node.orelse)
    elif isinstance(node, ast.Call) and _name(node.func) == "str":
        for argument in node.args:
            yield from _words(argument)
