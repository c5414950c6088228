# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The page about importing roles shows the files that run here, and what it promises of other collections holds."""

from __future__ import annotations

import re

import pytest
from neighbours import neighbours
from packaging.requirements import Requirement
from stranger import HERE, ROLES, ROOT, Project

PAGE = ROOT / "docs" / "roles.md"
BLOCK = re.compile(r"because: (tests/consumer/project/\S+),[^\n]*-->\n```\w+\n(.*?)```", re.DOTALL)
SHOWN = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
PLAYBOOKS = sorted(path.name for path in (HERE / "project" / "playbooks").iterdir())


@pytest.mark.parametrize(("name", "text"), SHOWN, ids=[f"{index}-{name}" for index, (name, _text) in enumerate(SHOWN)])
def test_the_page_shows_files_of_the_project_as_they_are(name: str, text: str) -> None:
    assert f"\n{text}" in (ROOT / name).read_text(encoding="utf-8")


def test_the_page_shows_every_playbook_and_every_role() -> None:
    assert {name.rpartition("/")[2] for name, _text in SHOWN} >= set(PLAYBOOKS)
    shown = "".join(text for _name, text in SHOWN)
    assert {role for role in ROLES if f"name: cloudnet.aks_cilium.{role}\n" in shown} == set(ROLES)


def requirements(text: str) -> dict[str, Requirement]:
    """The requirements of a file by name."""
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    found = [Requirement(line) for line in lines if line]
    return {one.name.lower(): one for one in found}


@pytest.mark.parametrize("name", ["azure/azcollection", "kubernetes/core"])
def test_the_pins_of_other_collections_satisfy_our_requirements(name: str) -> None:
    ours = requirements((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    folder = neighbours() / "ansible_collections" / name
    theirs = requirements((folder / "requirements.txt").read_text(encoding="utf-8"))
    shared = sorted(set(ours) & set(theirs))
    assert shared
    pinned = {
        package: next((one.version for one in theirs[package].specifier if one.operator == "=="), None)
        for package in shared
    }
    refused = {
        package: version for package, version in pinned.items() if version and version not in ours[package].specifier
    }
    assert refused == {}


@pytest.mark.parametrize("playbook", [name.removesuffix(".yml") for name in PLAYBOOKS])
def test_list_tasks_shows_the_tasks_of_imported_roles(project: Project, playbook: str) -> None:
    text = (HERE / "project" / "playbooks" / f"{playbook}.yml").read_text(encoding="utf-8")
    imported = set(re.findall(r"import_role:\n +name: cloudnet\.aks_cilium\.(\w+)", text))
    roles = [task.role for task in project.listed(playbook) if "Validating arguments" not in task.name]
    assert {role for role in imported if roles.count(role) < 1} == set()
