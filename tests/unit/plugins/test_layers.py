# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Who may know whom (the house plan): every import under module_utils is an edge of this table, or a failure."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
UTILS = PLUGINS / "module_utils"
BASE = {"_types", "_errors", "_text", "_argspec", "_wait", "_progress", "_module", "_yaml"}
ROOMS = {
    "azure": BASE,
    "kube": BASE,
    "cilium": BASE | {"kube"},
    "hubble": BASE | {"kube"},
    "probe": BASE | {"kube", "hubble"},
    "hardening": {"_types", "_errors", "_text", "hubble", "cilium"},
    "flowreport": {"_types", "_errors", "_text", "hubble", "hardening", "cilium"},
    "staging": BASE | {"kube", "cilium", "hubble", "hardening", "probe", "flowreport"},
}
THIRD_PARTY = {"kubernetes": "kube", "azure": "azure", "msal": "azure", "grpc": "hubble", "google": "hubble"}
# What several rooms need is imported once, in a file that all of them share.
THIRD_PARTY |= {"yaml": "", "jmespath": ""}
FILES = sorted(UTILS.rglob("*.py"))


def room_of(path: Path) -> str:
    relative = path.relative_to(UTILS)
    return relative.parts[0] if len(relative.parts) > 1 else ""


def rooms_imported(path: Path) -> set[str]:
    """Rooms and base files that a file imports relatively, its own room left out."""
    depth = len(path.relative_to(UTILS).parts)
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == depth:
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.split(".")[0] for name in names if name}
        assert not (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ansible_collections")), (
            f"{path}: module_utils import each other relatively"
        )
    return found


def test_there_are_files_to_judge() -> None:
    assert len(FILES) > 20


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_imports_stay_within_the_allowed_rooms(path: Path) -> None:
    room = room_of(path)
    allowed = ROOMS[room] | {room} if room else BASE
    assert rooms_imported(path) <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_third_party_clients_are_imported_late_and_in_their_room_only(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top_level = set(map(id, tree.body))
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names = [node.module or ""]
        for name in (name.split(".")[0] for name in names):
            if name in THIRD_PARTY:
                assert room_of(path) == THIRD_PARTY[name], f"{name} belongs to {THIRD_PARTY[name]}"
                assert id(node) not in top_level, f"{name} must be imported where it is used"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(UTILS)))
def test_files_say_that_they_are_private_and_stay_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert "# Private to this collection: no stability promise for users outside of it." in text
    assert len(text.splitlines()) <= 400


@pytest.mark.parametrize("path", sorted((PLUGINS / "modules").glob("*.py")), ids=lambda path: path.stem)
def test_modules_only_put_parts_together(path: Path) -> None:
    """No client, no process and no other module: what a module does is in module_utils, where it can be tested."""
    allowed = {"__future__", "contextlib", "functools", "time"}
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for name in names:
            assert name in allowed or name.startswith("ansible_collections.cloudnet.aks_cilium.plugins.module_utils.")


CODE = [
    path
    for folder in ("plugins", "roles/local_aks/files", "tests/lab")
    for path in sorted((PLUGINS.parent / folder).rglob("*.py"))
]


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(PLUGINS.parent)))
def test_functions_stay_small(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef):
            assert (node.end_lineno or 0) - node.lineno < 60, node.name
