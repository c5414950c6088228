# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Runs job templates as AWX does, with ansible-runner: each in a private directory of its own, with an empty home.

What AWX does is read from its source (awx/main/tasks/jobs.py): credentials as variables of the environment, answers and
the artifacts of earlier nodes as extra variables, tags on the command line, the collection in requirements_collections.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = Path("requirements_collections", "ansible_collections", "cloudnet", "aks_cilium")
# AWX drops results that are longer (MAX_EVENT_RES_DATA).
LONGEST_RESULT = 700_000
LARGEST_ARTIFACTS = 8_000
# What Ansible itself makes in a home, whatever it runs.
OF_ANSIBLE = {".ansible", ".ansible/tmp", ".ansible/cp"}
BIN = Path(sys.executable).parent
Json = dict[str, Any]


@dataclass
class Job:
    """What a job left behind."""

    name: str
    rc: int
    stdout: str
    events: list[Json]
    artifacts: Json
    recorded: str
    """All that ansible-runner hands to AWX, as text: events, artifacts, standard output."""
    left: list[str]
    """Files of the job in its home, temporary and private directories, and changes of the project."""

    def of(self, host: str) -> Json:
        """The artifact of one host."""
        found: Json = self.artifacts["aks_cilium"][host]
        return found

    def check(self, secrets: Sequence[str]) -> None:
        """What every job must keep, whether it ended well or not."""
        assert self.left == [], self.stdout
        assert self.warnings == [], self.stdout
        assert self.longest_result < LONGEST_RESULT
        assert len(json.dumps(self.artifacts)) < LARGEST_ARTIFACTS
        assert [secret for secret in secrets if secret in self.recorded] == []

    @property
    def warnings(self) -> list[str]:
        """Lines of warnings and deprecations."""
        return [line for line in self.stdout.splitlines() if "WARNING" in line]

    @property
    def failures(self) -> list[str]:
        """Messages of failed tasks."""
        failed = [event["event_data"] for event in self.events if event["event"] == "runner_on_failed"]
        return [f"{one['task']}: {one['res'].get('msg', '')}" for one in failed if not one.get("ignore_errors")]

    @property
    def changed(self) -> int:
        """How many tasks changed something."""
        (stats,) = [event["event_data"] for event in self.events if event["event"] == "playbook_on_stats"]
        return sum(stats["changed"].values())

    @property
    def longest_result(self) -> int:
        """Characters of the longest result of a task."""
        return max(len(json.dumps(event.get("event_data", {}).get("res", {}))) for event in self.events)


def files_below(folder: Path) -> dict[str, tuple[int, int]]:
    """All that is below a folder, with size and time of the last change."""
    paths = sorted(folder.rglob("*")) if folder.exists() else []
    return {
        str(path.relative_to(folder)): (path.lstat().st_size, path.lstat().st_mtime_ns) if path.is_file() else (0, 0)
        for path in paths
    }


def published_files() -> list[str]:
    """Files that Git has, or would have: what a project of AWX is made of."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return [name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


@dataclass
class Controller:
    """Stands in for AWX: it keeps a project, and hands results of one job to the next as a workflow does."""

    directory: Path
    programs: Sequence[Path] = ()
    """Folders of programs that the execution environment has, such as helm."""
    handed_on: Json = field(default_factory=dict)
    count: int = 0

    def __post_init__(self) -> None:
        """Check the project out, read-only."""
        self.project = self.directory / "project"
        for name in published_files():
            target = self.project / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target)
        self.lock(self.project)

    @staticmethod
    def lock(folder: Path) -> None:
        """Take the right to write; it does not hold root up, so changes are looked for as well."""
        for path in [folder, *folder.rglob("*")]:
            path.chmod(path.stat().st_mode & ~0o222)

    def run(
        self,
        name: str,
        playbook: str,
        inventory: Json,
        *,
        credential: Mapping[str, str] | None = None,
        kubeconfig: str = "",
        variables: Json | None = None,
        tags: str = "",
        workflow: bool = True,
        options: str = "",
    ) -> Job:
        """Run a playbook of playbooks/jobs in a new private directory, and look at what it leaves."""
        self.count += 1
        private = self.directory / f"{self.count:02d}-{name}"
        home, temporary = private / "home", private / "tmp"
        for folder in ("env", "inventory", "home", "tmp", str(COLLECTION.parent)):
            (private / folder).mkdir(parents=True)
        (private / "project").symlink_to(self.project)
        (private / COLLECTION).symlink_to(self.project)
        extra: Json = {**(variables or {}), **(self.handed_on if workflow else {})}
        extra |= {"awx_job_id": self.count, "tower_job_id": self.count}
        if workflow:
            extra |= {"awx_workflow_job_id": 1, "tower_workflow_job_id": 1}
        if kubeconfig:
            # The custom credential type: a file that AWX writes, and a variable with its path.
            file = private / "env" / "tmp_credential"
            file.write_text(kubeconfig, encoding="utf-8")
            file.chmod(0o600)
            extra["aks_cluster_kubeconfig_given"] = str(file)
        environment = {
            **(credential or {}),
            "ANSIBLE_COLLECTIONS_PATH": str(private / COLLECTION.parts[0]),
            "ANSIBLE_RETRY_FILES_ENABLED": "False",
            "AWX_PRIVATE_DATA_DIR": str(private),
            "JOB_ID": str(self.count),
            # Root may write what is read-only to the user of an execution environment.
            "PYTHONDONTWRITEBYTECODE": "1",
            "MAX_EVENT_RES": str(LONGEST_RESULT),
        }
        self._write(private / "env" / "envvars", environment)
        self._write(private / "env" / "extravars", extra)
        self._write(private / "env" / "settings", {"suppress_ansible_output": True, "fact_cache_type": ""})
        self._write(private / "inventory" / "hosts.json", inventory)
        line = " ".join(part for part in (f"--tags {tags}" if tags else "", options) if part)
        if line:
            (private / "env" / "cmdline").write_text(line, encoding="utf-8")
        before, project = files_below(private), files_below(self.project)
        command = [str(BIN / "ansible-runner"), "run", str(private)]
        command += ["--playbook", f"playbooks/jobs/{playbook}.yml", "--ident", name]
        path = os.pathsep.join(str(folder) for folder in (BIN, *self.programs, "/usr/bin", "/bin"))
        runs_with = {"PATH": path, "HOME": str(home), "TMPDIR": str(temporary), "LANG": "C.UTF-8"}
        ended = subprocess.run(
            command, env=runs_with, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=900
        )
        made = {name for name in files_below(private) if name not in before}
        left = sorted(made - {f"home/{folder}" for folder in OF_ANSIBLE} - self._of_runner(made))
        left += [f"project: {item}" for item in sorted(set(files_below(self.project).items()) ^ set(project.items()))]
        job = self._read(name, ended, private / "artifacts" / name, left)
        if workflow:
            self.handed_on.update(job.artifacts)
        return job

    def listed(self, source: str, credential: Mapping[str, str]) -> Json:
        """The hosts that an inventory source of the project lists, as AWX keeps them and gives them to jobs."""
        home = self.directory / "inventory-source"
        (home / COLLECTION.parent).mkdir(parents=True)
        (home / COLLECTION).symlink_to(self.project)
        collections = {"ANSIBLE_COLLECTIONS_PATH": str(home / COLLECTION.parts[0]), "PYTHONDONTWRITEBYTECODE": "1"}
        listed = subprocess.run(
            [str(BIN / "ansible-inventory"), "--inventory", source, "--list", "--export"],
            cwd=self.project,
            env={"PATH": os.defpath, "HOME": str(home), **collections, **credential},
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )
        document: Json = json.loads(listed.stdout)
        groups = {name: group for name, group in document.items() if name != "_meta"}
        hosts = document["_meta"]["hostvars"]
        shared = {name: group.get("vars", {}) for name, group in groups.items()}
        children = {
            name: {"hosts": {host: {} for host in group["hosts"]}, "vars": shared[name]}
            for name, group in groups.items()
            if group.get("hosts")
        }
        return {"all": {"hosts": hosts, "vars": shared.get("all", {}), "children": children}}

    @staticmethod
    def _of_runner(made: set[str]) -> set[str]:
        return {name for name in made if name.split("/")[0] == "artifacts"}

    @staticmethod
    def _write(path: Path, content: Json) -> None:
        path.write_text(json.dumps(content), encoding="utf-8")
        path.chmod(0o600)

    @staticmethod
    def _read(name: str, ended: subprocess.CompletedProcess[str], folder: Path, left: list[str]) -> Job:
        if not (folder / "stdout").exists():
            raise RuntimeError(f"ansible-runner: {ended.stdout}{ended.stderr}")
        texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("job_events/*.json"))]
        events = sorted((json.loads(text) for text in texts), key=lambda event: int(event["counter"]))
        artifacts: Json = {}
        for event in events:
            artifacts.update(event.get("event_data", {}).get("artifact_data", {}))
        stdout = (folder / "stdout").read_text(encoding="utf-8")
        rc = int((folder / "rc").read_text(encoding="utf-8"))
        return Job(name, rc, stdout, events, artifacts, "\n".join([stdout, *texts]), left)
