# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A project of somebody else: a copy of project/ with the collections installed, and runs of its playbooks."""

from __future__ import annotations

import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from galaxy import build
from neighbours import neighbours

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
MACHINE = ROOT / "inventories" / "local" / "group_vars" / "all" / "machine.yml"
ROLES = ("aks_cluster", "cilium", "demo_workload", "flow_report", "local_aks", "policy_hardening")
# What the team's vault holds; it must turn up nowhere.
CANARY = "canary-7f3b-of-the-vault"
BIN = Path(sys.executable).parent
AT_ONCE = 3
# Settings of ansible-core that have no key in ansible.cfg.
STRICTER = {
    "_ANSIBLE_CALLBACK_DISPATCH_ERROR_BEHAVIOR": "error",
    "_ANSIBLE_TEMPLAR_UNKNOWN_TYPE_CONVERSION": "error",
    "_ANSIBLE_TEMPLAR_UNTRUSTED_TEMPLATE_BEHAVIOR": "error",
}
# Beside the project's own variables: what clusters of the stand-in need and clusters of AKS do not. Both hosts are the
# same cluster there, so it has one name.
OF_THE_STAND_IN = """\
cilium_cluster_name: consumer
cilium_k8s_service_port: 6443
cilium_values: "{{ cilium_values_local }}"
"""
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# A line of --list-tasks: the role, where there is one, the task and its tags.
LISTED = re.compile(r"^ {6}(?:(\S+) : )?(.*?)\tTAGS: \[(.*)\]$", re.MULTILINE)
Json = dict[str, Any]
Completed = subprocess.CompletedProcess[str]


@dataclass(frozen=True)
class Task:
    """A line of --list-tasks; role: without the name of the collection."""

    role: str
    name: str
    tags: list[str]


@dataclass
class Outcome:
    """What a run left: its status, all that it printed, the events of the team's callback, and variables by host."""

    status: int
    text: str
    events: list[Json] = field(default_factory=list)
    kept: dict[str, Json] = field(default_factory=dict)

    @property
    def stats(self) -> dict[str, Json]:
        """Counts by host."""
        return next((event["hosts"] for event in self.events if event["event"] == "stats"), {})

    def changed(self) -> int:
        """How many tasks changed something, on all hosts."""
        return sum(counts["changed"] for counts in self.stats.values())

    def tasks(self, *kinds: str) -> list[str]:
        """Names of the tasks with events of these kinds (ok, failed), in their order."""
        return [event["task"] for event in self.events if event["event"] in (kinds or ("ok", "failed"))]

    def failures(self) -> list[Json]:
        """Results of the tasks that failed."""
        return [event["result"] for event in self.events if event["event"] == "failed"]


@dataclass
class Project:
    """The copy, and how its people call Ansible."""

    folder: Path
    numbers: Any = field(default_factory=itertools.count)

    @property
    def home(self) -> Path:
        """A home without anything of ours."""
        return self.folder.parent / "home"

    def environment(self, number: int, extra: dict[str, str]) -> dict[str, str]:
        """Nothing of ours in it: no settings of Ansible, no credentials."""
        foreign = ("ANSIBLE_", "AZURE_", "K8S_AUTH_", "KUBECONFIG", "AKS_CILIUM_", "PYTHONPATH")
        clean = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        return {
            **clean,
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            # Collections that the team had before; in a real project all lie in one folder.
            "ANSIBLE_COLLECTIONS_PATH": f"collections{os.pathsep}{neighbours()}",
            "ANSIBLE_CALLBACK_PLUGINS": f"plugins/callback{os.pathsep}{HERE / 'callback'}",
            "ANSIBLE_CALLBACKS_ENABLED": "json_lines,kept_variables",
            "ANSIBLE_NOCOLOR": "1",
            "JSON_LINES": str(self.folder / f"events-{number}.jsonl"),
            "KEPT_VARIABLES": str(self.folder / f"kept-{number}.json"),
            **STRICTER,
            **extra,
        }

    def call(
        self, *words: str, number: int = 0, extra: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a program of Ansible in the project."""
        return subprocess.run(
            [str(BIN / words[0]), *words[1:]],
            cwd=self.folder,
            env=self.environment(number, extra or {}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=900,
        )

    def run(self, playbook: str, *words: str, fails: bool | None = False, **extra: str) -> Outcome:
        """Run a playbook, and check what is true of every run. fails: whether it should; None when the caller looks.

        extra: environment variables.
        """
        number = next(self.numbers)
        events, kept = self.folder / f"events-{number}.jsonl", self.folder / f"kept-{number}.json"
        for file in (events, kept):
            file.unlink(missing_ok=True)
        done = self.call("ansible-playbook", f"playbooks/{playbook}.yml", *words, number=number, extra=extra)
        outcome = Outcome(done.returncode, COLOURS.sub("", done.stdout))
        text = events.read_text(encoding="utf-8") if events.exists() else ""
        outcome.events = [json.loads(line) for line in text.splitlines()]
        outcome.kept = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        self.check(outcome, text, fails)
        return outcome

    def check(self, outcome: Outcome, events: str, fails: bool | None) -> None:
        """Status, no warning, no secret, no facts gathered, only variables of the roles' own."""
        text = outcome.text
        assert fails is None or (outcome.status != 0) is fails, text
        assert "[WARNING]" not in text, text
        assert "[DEPRECATION" not in text, text
        assert "Traceback" not in text, text
        log = self.folder / "ansible.log"
        for place, content in (("output", text), ("events", events), ("log", log.read_text(encoding="utf-8"))):
            assert CANARY not in content, f"the secret is in the {place}"
        assert not [event for event in outcome.events if event.get("action", "").endswith(("setup", "gather_facts"))]
        # Beside the roles' own: what the team registers, and what Ansible sets in a rescue.
        own = (
            "demo_pods",
            "ansible_failed_",
            *(f"{underscores}{role}_" for role in ROLES for underscores in ("", "__")),
        )
        for host, variables in outcome.kept.items():
            assert not [name for name in variables["made"] if not name.startswith(own)], (host, variables)
            assert not [name for name in variables["changed"] if not name.startswith(own)], (host, variables)

    def listed(self, playbook: str, *words: str) -> list[Task]:
        """What --list-tasks shows."""
        done = self.call("ansible-playbook", f"playbooks/{playbook}.yml", "--list-tasks", *words)
        assert done.returncode == 0, done.stdout
        found = LISTED.findall(COLOURS.sub("", done.stdout))
        return [Task(role.rpartition(".")[2], name, tags.split(", ")) for role, name, tags in found]


def start_at_each(project: Project, playbook: str, *words: str) -> list[tuple[Task, Outcome]]:
    """Start a playbook at each task that --list-tasks shows, some runs side by side."""

    def start(task: Task) -> tuple[Task, Outcome]:
        return task, project.run(playbook, *words, "--start-at-task", task.name, fails=None)

    tasks = {task.name: task for task in project.listed(playbook, *words)}
    assert len(tasks) > 1
    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(start, tasks.values()))


def made(folder: Path) -> Project:
    """A fresh copy of the project, its vault, and its collections, installed from the archive that users get."""
    project = Project(folder / "project")
    shutil.copytree(HERE / "project", project.folder, dirs_exist_ok=True)
    project.home.mkdir(exist_ok=True)
    inventory = project.folder / "inventories" / "prod" / "group_vars"
    if MACHINE.exists():
        shutil.copy(MACHINE, inventory / "all" / "machine.yml")
    (inventory / "platform" / "local.yml").write_text(OF_THE_STAND_IN, encoding="utf-8")
    archive = build(project.folder / "vendor")
    archive.rename(archive.with_name("cloudnet-aks_cilium.tar.gz"))
    words = ("-r", "requirements.yml", "-p", "collections", "--offline")
    installed = project.call("ansible-galaxy", "collection", "install", *words)
    assert installed.returncode == 0, installed.stdout
    password = project.folder / "vault-password"
    password.write_text("the team's password\n", encoding="utf-8")
    password.chmod(0o600)
    vault = inventory / "all" / "vault.yml"
    vault.write_text(f"vault_azure_client_secret: {CANARY}\n", encoding="utf-8")
    encrypted = project.call("ansible-vault", "encrypt", str(vault))
    assert encrypted.returncode == 0, encrypted.stdout
    assert CANARY not in vault.read_text(encoding="utf-8")
    return project
