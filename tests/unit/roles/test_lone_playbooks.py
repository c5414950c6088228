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
STATUS = yaml.safe_load((ROOT / "roles" / "cilium" / "tasks" / "health.yml").read_text(encoding="utf-8"))[0]


def commands(path: Path) -> list[str]:
    return COMMAND.findall(path.read_text(encoding="utf-8"))


def test_a_command_without_an_inventory_names_the_python_that_has_the_libraries() -> None:
    """Ansible looks for one on the host, and with `-c local` may find another than its own."""
    lone = {path: [one for one in commands(path) if "-c local" in one] for path in TEXTS}
    assert {path.name for path, found in lone.items() if found} >= {"status.yml", "report.yml", "README.md"}
    for path, found in lone.items():
        for one in found:
            assert "-e 'ansible_python_interpreter={{ ansible_playbook_python }}'" in one, path


def compiled(text: str, **names: Any) -> Any:
    """What an expression of a role is, with or without its braces."""
    # To Ansible, what is missing in something that is missing is missing.
    around = jinja2.Environment(autoescape=True, undefined=jinja2.ChainableUndefined)
    return around.compile_expression(text.removeprefix("{{").removesuffix("}}"))(**names)


def too_early(role: str, facts: dict[str, Any]) -> Any:
    """Whether a role would say that there is no cluster yet."""
    expressions = yaml.safe_load((ROOT / "roles" / role / "vars" / "main.yml").read_text(encoding="utf-8"))
    names = {"ansible_check_mode": False, f"__{role}_kubeconfig_file": {}, **facts}
    for part in ("planned", "unwritten", "too_early"):
        names[f"__{role}_{part}"] = compiled(expressions[f"__{role}_{part}"], **names)
    return names[f"__{role}_too_early"]


@pytest.mark.parametrize("role", ["cilium", "demo_workload", "flow_report"])
@pytest.mark.parametrize(
    ("facts", "early"),
    [
        ({}, False),
        ({"aks_cluster_planned": True}, False),
        ({"ansible_check_mode": True}, False),
        ({"ansible_check_mode": True, "aks_cluster_planned": False}, False),
        ({"ansible_check_mode": True, "aks_cluster_planned": True}, True),
    ],
    ids=str,
)
def test_only_a_check_run_without_a_cluster_leaves_a_role_out(role: str, facts: dict[str, Any], early: bool) -> None:
    assert too_early(role, facts) is early


@pytest.mark.parametrize("role", ["cilium", "demo_workload", "flow_report"])
@pytest.mark.parametrize("exists", [False, True])
@pytest.mark.parametrize("check", [False, True])
def test_a_kubeconfig_that_is_still_to_be_written_matters_in_a_check_run(role: str, exists: bool, check: bool) -> None:
    facts = {"ansible_check_mode": check, f"__{role}_kubeconfig_file": {"stat": {"exists": exists}}}
    assert too_early(role, facts) is (check and not exists)


@pytest.mark.parametrize("check", [False, True])
def test_a_check_run_waits_for_nothing(check: bool) -> None:
    wait = STATUS["cloudnet.aks_cilium.cilium_status"]["wait"].strip("{} ")
    expression = jinja2.Environment(autoescape=True).compile_expression(wait)
    assert expression(cilium_status_wait=True, ansible_check_mode=check) is not check


@pytest.mark.parametrize(
    ("state", "early", "done"),
    [("present", False, True), ("absent", False, True), ("managed", False, False), ("present", True, False)],
)
def test_the_release_is_touched_where_there_is_a_cluster_and_it_is_not_managed(
    state: str, early: bool, done: bool
) -> None:
    tasks = yaml.safe_load((ROOT / "roles" / "cilium" / "tasks" / "main.yml").read_text(encoding="utf-8"))
    (release,) = [task for task in tasks if "release.yml" in task.values()]
    assert compiled(release["when"], cilium_state=state, __cilium_too_early=early) is done
