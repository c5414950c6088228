# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Playbooks that run alone: the commands that are written down work, and a check run shows what there is."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

ROOT = Path(__file__).resolve().parents[3]
TEXTS = [ROOT / "README.md", *ROOT.glob("docs/*.md"), *ROOT.glob("roles/*/README.md"), *ROOT.glob("playbooks/*.yml")]
COMMAND = re.compile(r"ansible-playbook (?:[^\n]*\\\n)*[^\n]*")
STATUS = yaml.safe_load((ROOT / "roles" / "cilium" / "tasks" / "status.yml").read_text(encoding="utf-8"))[0]


def commands(path: Path) -> list[str]:
    return COMMAND.findall(path.read_text(encoding="utf-8"))


def test_a_command_without_an_inventory_names_the_python_that_has_the_libraries() -> None:
    """Ansible looks for one on the host, and with `-c local` may find another than its own."""
    lone = {path: [one for one in commands(path) if "-c local" in one] for path in TEXTS}
    assert {path.name for path, found in lone.items() if found} >= {"status.yml", "report.yml", "README.md"}
    for path, found in lone.items():
        for one in found:
            assert "-e 'ansible_python_interpreter={{ ansible_playbook_python }}'" in one, path


@pytest.mark.parametrize(
    ("facts", "read"),
    [
        ({}, True),
        ({"ansible_check_mode": True}, True),
        ({"ansible_check_mode": True, "aks_cluster_planned": False}, True),
        ({"ansible_check_mode": True, "aks_cluster_planned": True}, False),
    ],
    ids=str,
)
def test_the_status_is_read_wherever_there_is_a_cluster(facts: dict[str, Any], read: bool) -> None:
    condition = jinja2.Environment(autoescape=True).compile_expression(STATUS["when"])
    assert condition(**{"ansible_check_mode": False, **facts}) is read


@pytest.mark.parametrize("check", [False, True])
def test_a_check_run_waits_for_nothing(check: bool) -> None:
    wait = STATUS["cloudnet.aks_cilium.cilium_status"]["wait"].strip("{} ")
    expression = jinja2.Environment(autoescape=True).compile_expression(wait)
    assert expression(cilium_status_wait=True, ansible_check_mode=check) is not check


@pytest.mark.parametrize("planned", [False, True])
def test_nothing_is_installed_on_a_cluster_that_does_not_exist_yet(planned: bool) -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "cilium" / "tasks" / "main.yml").read_text(encoding="utf-8"))
    (install,) = [task for task in tasks if "present.yml" in task.values()]
    condition = jinja2.Environment(autoescape=True).compile_expression(install["when"])
    assert condition(cilium_state="present", aks_cluster_planned=planned) is not planned
