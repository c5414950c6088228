# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The learn mode as jobs: what each may do is seen before it runs, and one that begins anywhere says what to run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import jinja2
import pytest
import yaml

from checkout import COLLECTIONS

ROOT = Path(__file__).resolve().parents[3]
ROLE = ROOT / "roles" / "policy_hardening"
PLAYBOOK = ROOT / "playbooks" / "harden.yml"
STAGES = ("detect", "baseline", "prove_source", "observe", "generate", "prove", "shadow", "enforce", "seal")
JOBS = {
    "observe": STAGES[:4],
    "shadow": STAGES[:7],
    "enforce": STAGES,
    "report": ("detect", "baseline", "generate", "prove"),
    "drift": ("drift",),
}
# Registers of two files, where a task that is skipped in one cannot harm the other: why.
SHARED = {
    "__policy_hardening_proof": "one is of the scenario, the other of the learn mode",
    "__policy_hardening_found": "detect, drift and absent are never in one run",
    "__policy_hardening_recommendation": "generate and drift are never in one run",
    "__policy_hardening_evidence": "observe reads again what detect has read; drift is a run of its own",
}


def ansible(tmp_path: Path, *words: str) -> str:
    """What ansible-playbook says of playbooks/harden.yml on a host whose kubeconfig does not exist."""
    extra = ["-e", f"policy_hardening_kubeconfig={tmp_path}/nowhere", "-e", '{"policy_hardening_namespaces":["shop"]}']
    command = [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "shop,", "-c", "local"]
    command += ["-e", f"ansible_python_interpreter={sys.executable}"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "K8S_", "KUBE"))}
    done = subprocess.run(
        [*command, *extra, *words, str(PLAYBOOK)],
        cwd=tmp_path,
        env={**clean, "HOME": str(tmp_path), "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return done.stdout + done.stderr


def files() -> list[Path]:
    return sorted((ROLE / "tasks").rglob("*.yml"))


def every_task(tasks: list[Any]) -> list[dict[str, Any]]:
    """All tasks, those of blocks among them."""
    found = []
    for task in tasks:
        found.append(task)
        for part in ("block", "rescue", "always"):
            found += every_task(task.get(part) or [])
    return found


def tasks_of(path: Path) -> list[dict[str, Any]]:
    return every_task(yaml.safe_load(path.read_text(encoding="utf-8")))


@pytest.mark.parametrize("tag", JOBS)
def test_the_plan_of_a_job_shows_its_stages_and_no_others(tmp_path: Path, tag: str) -> None:
    """Whatever policy_hardening_until says: a job that soaks must never enforce."""
    plan = ansible(tmp_path, "--list-tasks", "--tags", tag, "-e", "policy_hardening_until=seal")
    named = [stage for stage in (*STAGES, "drift") if f": learn | {stage} | " in plan]
    assert named == list(JOBS[tag]), plan


def owners() -> dict[str, set[Path]]:
    """The files that register each name."""
    found: dict[str, set[Path]] = {}
    for path in files():
        for task in tasks_of(path):
            if "register" in task:
                found.setdefault(task["register"], set()).add(path)
    return found


def test_what_a_stage_leaves_out_overwrites_nothing_that_another_needs() -> None:
    """A task that is skipped registers that it was skipped."""
    assert {name for name, paths in owners().items() if len(paths) > 1} == set(SHARED)


def test_what_later_tasks_need_has_a_text_for_a_run_that_begins_in_the_middle() -> None:
    internals = yaml.safe_load((ROLE / "vars" / "main.yml").read_text(encoding="utf-8"))
    told = {name for name, value in internals.items() if "undef(hint=" in str(value)}
    for name, paths in owners().items():
        # Where a default stands beside the name, nothing need be known. finish.yml asks for `now` before report.yml.
        bare = re.compile(rf"{name}\b(?![\w.]* (?:\| default|is defined))")
        others = [path for path in files() if path not in paths and bare.search(path.read_text(encoding="utf-8"))]
        assert name in told or not others or name == "__policy_hardening_now", f"{name} in {others}"
    facts = {name for path in files() for task in tasks_of(path) for name in task.get("ansible.builtin.set_fact") or {}}
    assert told <= set(owners()) | facts, "nothing is told of what nobody finds out"


@pytest.mark.parametrize(
    ("tag", "task"),
    [
        ("enforce", "learn | enforce | Take the steps one by one"),
        ("drift", "learn | drift | Require evidence"),
    ],
)
def test_a_run_that_begins_in_the_middle_says_what_to_run(tmp_path: Path, tag: str, task: str) -> None:
    output = ansible(tmp_path, "--tags", tag, "--start-at-task", task)
    assert re.search(r"Run the same command without\s+--start-at-task", output), output
    assert "Traceback" not in output


@pytest.mark.parametrize("tags", [[], list(JOBS)])
def test_a_check_run_without_a_cluster_says_so_and_ends_well(tmp_path: Path, tags: list[str]) -> None:
    output = ansible(tmp_path, "--check", *(["--tags", ",".join(tags)] if tags else []))
    assert output.count("== shop: no cluster yet") == max(1, len(tags)), output
    assert "failed=0" in output
    assert "changed=0" in output


def test_a_job_needs_no_directory() -> None:
    defaults = yaml.safe_load((ROLE / "defaults" / "main.yml").read_text(encoding="utf-8"))
    assert defaults["policy_hardening_directory"] == ""
    for task in tasks_of(ROLE / "tasks" / "learn" / "baseline.yml"):
        if "ansible.builtin.copy" in task or "ansible.builtin.file" in task:
            assert task["when"] == "policy_hardening_directory | length > 0"
    for path in files():
        # Nothing is read back from the controller but templates of the role.
        assert "lookup('ansible.builtin.file'" not in path.read_text(encoding="utf-8"), path


@pytest.mark.parametrize(
    ("fails", "waiting", "failed"),
    [(False, "60 s", False), (True, "60 s", True), ("true", "60 s", True), (True, "", False)],
)
def test_a_run_that_waits_fails_where_that_is_wanted(fails: object, waiting: str, failed: bool) -> None:
    (task,) = [task for task in tasks_of(ROLE / "tasks" / "learn" / "outcome.yml") if "ansible.builtin.fail" in task]
    environment = jinja2.Environment(autoescape=True)
    environment.filters["bool"] = lambda value: str(value).lower() in ("true", "yes", "1")
    condition = environment.compile_expression(task["when"])
    assert condition(policy_hardening_waiting_fails=fails, policy_hardening_waiting=waiting) is failed
