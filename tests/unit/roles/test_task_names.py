# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Names of tasks and plays are one plan in one voice: `ansible-playbook --list-tasks` is read by people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
ROLE_FILES = sorted(path for part in ("tasks", "handlers") for path in (ROOT / "roles").glob(f"*/{part}/**/*.yml"))
# A playbook is a list of plays or of tasks; what else lies there holds variables.
PLAYBOOKS = sorted(path for path in (ROOT / "playbooks").rglob("*.yml") if "vars" not in path.parts)
LONGEST = 100
# Each with one meaning: Require stops the run, Check only looks, Read asks and changes nothing, Show prints, Publish
# hands on a fact, Record keeps something for the report, Delete is for Azure and Remove for all else.
VERBS = {
    *("Apply", "Ask", "Check", "Choose", "Close", "Collect", "Compare", "Convert", "Create", "Delete", "Deploy"),
    *(
        "Detect",
        "End",
        "Enforce",
        "Fetch",
        "Find",
        "Generate",
        "Hand",
        "Harden",
        "Import",
        "Install",
        "Launch",
        "Learn",
    ),
    *("List", "Look", "Observe", "Open", "Plan", "Prepare", "Prove", "Publish", "Put", "Reach", "Read", "Record"),
    *("Remove", "Report", "Require", "Restore", "Run", "Save", "Select", "Show", "Soak", "Start", "Stop", "Switch"),
    *("Take", "Try", "Uninstall", "Update", "Upgrade", "Validate", "Wait", "Walk", "Watch", "Write"),
}
# A name stands alone in a list, where `Take it back` says nothing.
POINTING = re.compile(r"^\w+ (it|them)\b")
SECRETS = re.compile(r"password|secret|token|api_key|kubeconfig_given", re.IGNORECASE)
BLOCKS = ("block", "rescue", "always", "tasks", "pre_tasks", "post_tasks", "handlers")


class Loader(yaml.SafeLoader):
    """Reads !unsafe and !vault as what they stand before."""


Loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def entries(document: Any) -> Iterator[dict[str, Any]]:
    """All plays, tasks and blocks of a document, wherever they stand in it."""
    for entry in document if isinstance(document, list) else []:
        yield entry
        for part in BLOCKS:
            yield from entries(entry.get(part))


def names_in(path: Path) -> list[str]:
    # A child of the safe loader; it makes nothing of tags.
    document = yaml.load(path.read_text(encoding="utf-8"), Loader=Loader)  # noqa: S506
    return [str(entry.get("name", "")) for entry in entries(document)]


def prefix_of(path: Path) -> str:
    """What ansible-lint's rule name[prefix] wants: the path below `tasks`, without those that are called main."""
    below = path.relative_to(path.parents[len(path.parts) - 1 - path.parts.index("tasks") - 1]).with_suffix("")
    return "" if below.parts == ("main",) else "".join(f"{part} | " for part in below.parts)


def problems(name: str, prefix: str) -> list[str]:
    """What is wrong with a name."""
    if not name:
        return ["has no name"]
    if not name.startswith(prefix):
        return [f"does not begin with {prefix!r}"]
    text = name.removeprefix(prefix)
    first = text.split(" ")[0].rstrip(",")
    found = []
    if first not in VERBS:
        found.append(f"begins with {first!r}, which is none of the verbs of this test")
    if text.rstrip().endswith((".", ":", "!")) or ". " in text:
        found.append("has a full stop")
    if len(name) > LONGEST:
        found.append(f"is {len(name)} characters long")
    if POINTING.search(text):
        found.append("does not say what it is about")
    if any(SECRETS.search(variable) for variable in re.findall(r"\{\{(.*?)\}\}", name)):
        found.append("shows a variable that may hold a secret")
    return found


def test_there_is_something_to_read() -> None:
    assert len(ROLE_FILES) > 30
    assert len(PLAYBOOKS) > 8


@pytest.mark.parametrize("path", ROLE_FILES, ids=lambda path: str(path.relative_to(ROOT / "roles")))
def test_names_in_roles(path: Path) -> None:
    prefix = prefix_of(path) if "tasks" in path.parts else ""
    assert [f"{name}: {told}" for name in names_in(path) for told in problems(name, prefix)] == []


@pytest.mark.parametrize("path", PLAYBOOKS, ids=lambda path: str(path.relative_to(ROOT / "playbooks")))
def test_names_in_playbooks(path: Path) -> None:
    # Lists of tasks in a folder `tasks` carry the file's name in front, as those of roles do.
    prefix = prefix_of(path) if "tasks" in path.parts else ""
    assert [f"{name}: {told}" for name in names_in(path) for told in problems(name, prefix)] == []


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("", "has no name"),
        ("Write the report", "does not begin with 'present | '"),
        ("present | The report", "begins with 'The'"),
        ("present | write the report", "begins with 'write'"),
        ("present | Write the report.", "has a full stop"),
        ("present | Write it", "does not say what"),
        (f"present | Write {'a very ' * 15}long report", "characters long"),
        ("present | Show {{ cilium_chart_password }}", "may hold a secret"),
    ],
)
def test_what_this_test_finds(name: str, told: str) -> None:
    assert told in problems(name, "present | ")[0]


def test_a_good_name_passes() -> None:
    assert problems("present | Take step {{ __policy_hardening_names }}", "present | ") == []
