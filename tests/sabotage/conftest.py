# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster with the demo application in shadow, for tests that break things on purpose. See README.md."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "learn"))

from load import NAMESPACES, Load  # noqa: E402

RUN_S = 900


@dataclass
class Lab:
    """The cluster, and the files of the hardening."""

    kubeconfig: str
    kubectl_program: str
    image: str
    folder: Path

    @property
    def load(self) -> Load:
        """The load generators."""
        return Load(self.kubectl_program, self.kubeconfig)

    def kubectl(self, *words: str) -> str:
        """Standard output of kubectl."""
        return self.load.kubectl(*words)

    def variables(self, **changes: Any) -> dict[str, Any]:
        """Variables of the playbooks."""
        return {
            "ansible_python_interpreter": sys.executable,
            "learn_kubeconfig": self.kubeconfig,
            "learn_image": self.image,
            "policy_hardening_kubeconfig": self.kubeconfig,
            "policy_hardening_mode": "learn",
            "policy_hardening_namespaces": list(NAMESPACES),
            "policy_hardening_directory": str(self.folder),
            "policy_hardening_store": {"path": str(self.folder / "evidence.json")},
            "policy_hardening_image": self.image,
            "policy_hardening_observe_window": 90,
            "policy_hardening_observe_chunk": 90,
            "policy_hardening_soak": 15,
            "policy_hardening_watch": 5,
            "policy_hardening_dead_man": 60,
            **changes,
        }

    def command(self, playbook: str, *words: str, **changes: Any) -> list[str]:
        """An ansible-playbook command."""
        program = Path(sys.executable).parent / "ansible-playbook"
        extra = ["-e", json.dumps(self.variables(**changes))]
        return [str(program), "-i", "sabotage,", "-c", "local", *extra, *words, str(ROOT / playbook)]

    def start(self, playbook: str, *words: str, **changes: Any) -> subprocess.Popen[str]:
        """Start a playbook in a process group of its own."""
        return subprocess.Popen(
            self.command(playbook, *words, **changes),
            cwd=ROOT,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")},
            start_new_session=True,
        )

    def play(self, playbook: str, *words: str, **changes: Any) -> subprocess.CompletedProcess[str]:
        """Run a playbook to its end, whatever that is."""
        process = self.start(playbook, *words, **changes)
        output, __ = process.communicate(timeout=RUN_S)
        return subprocess.CompletedProcess(process.args, process.returncode, output)

    def task(self, name: str, *, cluster: bool = True, **options: Any) -> Path:
        """A playbook of one module that writes its result, failed or not, to answer.json."""
        if cluster:
            options["kubeconfig"] = self.kubeconfig
        tasks = [
            {f"cloudnet.aks_cilium.{name}": options, "register": "answer", "ignore_errors": True},
            {"ansible.builtin.copy": {"dest": str(self.folder / "answer.json"), "content": "{{ answer | to_json }}"}},
        ]
        playbook = self.folder / "task.yml"
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        return playbook

    def answer(self) -> dict[str, Any]:
        """The result of the last task."""
        found: dict[str, Any] = json.loads((self.folder / "answer.json").read_text(encoding="utf-8"))
        return found

    def module(self, name: str, *, cluster: bool = True, **options: Any) -> dict[str, Any]:
        """The result of one module, failed or not. cluster: whether it takes a kubeconfig."""
        done = self.play(str(self.task(name, cluster=cluster, **options)))
        assert done.returncode == 0, done.stdout
        return self.answer()

    def switch(self, namespace: str, policy: str) -> dict[str, bool]:
        """enableDefaultDeny of a policy."""
        words = ("get", "ciliumnetworkpolicy", policy, "--namespace", namespace, "--output", "json")
        found: dict[str, bool] = json.loads(self.kubectl(*words))["spec"]["enableDefaultDeny"]
        return found

    def to_shadow(self) -> None:
        """Have all policies deny nothing."""
        for namespace in NAMESPACES:
            words = ("--namespace", namespace, "--selector", "cloudnet.aks-cilium/role in (workload,namespace)")
            names = self.kubectl("get", "ciliumnetworkpolicies", *words, "--output", "name").split()
            patch = '{"spec":{"enableDefaultDeny":{"ingress":false,"egress":false}}}'
            for name in names:
                self.kubectl("patch", name, "--namespace", namespace, "--type", "merge", "--patch", patch)


def wait_for(what: str, holds: Callable[[], bool], seconds: float, every: float = 0.5) -> float:
    """Seconds until something holds."""
    started = time.monotonic()
    while not holds():
        assert time.monotonic() - started < seconds, f"not within {seconds:.0f} s: {what}"
        time.sleep(every)
    return time.monotonic() - started


def kill_all(process: subprocess.Popen[str]) -> None:
    """SIGKILL a process and everything that it started, sessions of their own included."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = entry.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(entry.parent.name))
    doomed, found = [process.pid], []
    while doomed:
        pid = doomed.pop()
        found.append(pid)
        doomed += children.get(pid, [])
    for pid in found:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue
    process.wait()


def _required(name: str) -> str:
    value = os.environ.get(name)
    if not value:
        pytest.exit(f"{name} is not set: see tests/sabotage/README.md", returncode=2)
    return value


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """The demo application, observed, with its policies in shadow."""
    found = Lab(
        kubeconfig=_required("SABOTAGE_KUBECONFIG"),
        kubectl_program=os.environ.get("SABOTAGE_KUBECTL", "kubectl"),
        image=os.environ.get("SABOTAGE_IMAGE", "nginx:1.26"),
        folder=Path(os.environ.get("SABOTAGE_FOLDER") or tmp_path_factory.mktemp("hardening")),
    )
    prepared = os.environ.get("SABOTAGE_PREPARED") == "1"
    steps = (("tests/learn/deploy.yml", ()), ("playbooks/harden.yml", ("--tags", "shadow")))
    for playbook, words in () if prepared else steps:
        done = found.play(playbook, *words)
        assert done.returncode == 0, done.stdout
    yield found
    found.to_shadow()


@pytest.fixture
def shadow(lab: Lab) -> Iterator[Lab]:
    """The lab with nothing enforced, before and after the test."""
    lab.to_shadow()
    yield lab
    lab.to_shadow()
