# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster of the lab, an administrator's hands on it, and playbooks that run with the rights of one file."""

from __future__ import annotations

import base64
import json
import os
import shlex
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from permissions import Permission, RoleFile
from recorder import Recorder, Request

ROOT = Path(__file__).parents[2]
LAB = [sys.executable, str(ROOT / "tests" / "lab" / "main.py")]
ROLES = ROOT / "docs" / "permissions" / "kubernetes"
HOME = "aks-cilium"
"""Namespace of the service accounts, as the files have it."""
KNOWN_WITHIN_S = 20.0
"""How long the API server may take to learn of changed rights."""
Json = dict[str, Any]


def lab(*words: str) -> str:
    """Output of the lab."""
    done = subprocess.run([*LAB, *words], check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, f"lab {shlex.join(words)}: {done.stderr or done.stdout}"
    return done.stdout


@dataclass(frozen=True)
class Ran:
    """A playbook that has ended."""

    ok: bool
    output: str
    failure: Json
    """Result of the task that failed."""
    requests: list[Request]


@dataclass
class Cluster:
    """One cluster. kubeconfig: the administrator's."""

    kubeconfig: Path
    folder: Path
    environment: dict[str, str]
    """What `lab env` says: programs, chart, addresses."""
    recorder: Recorder = field(init=False)

    def __post_init__(self) -> None:
        document = yaml.safe_load(self.kubeconfig.read_text(encoding="utf-8"))
        cluster = document["clusters"][0]["cluster"]
        authority = base64.b64decode(cluster["certificate-authority-data"])
        self.recorder = Recorder(cluster["server"], authority, self.folder)

    def kubectl(self, *words: str, given: str | None = None) -> str:
        """Output of kubectl as the administrator."""
        done = subprocess.run(
            [self.environment["LAB_KUBECTL"], "--kubeconfig", str(self.kubeconfig), *words],
            check=False,
            capture_output=True,
            text=True,
            input=given or "",
            timeout=180,
        )
        assert done.returncode == 0, f"kubectl {shlex.join(words)}: {done.stderr}"
        return done.stdout

    def apply(self, *documents: Json) -> None:
        self.kubectl("apply", "--filename", "-", given=yaml.safe_dump_all(documents))

    def give(self, role: RoleFile) -> Path:
        """A service account with exactly the rights of a file; its kubeconfig, which leads through the recorder."""
        namespaces = {
            binding["metadata"]["namespace"] for binding in role.bindings if "namespace" in binding["metadata"]
        }
        for name in {HOME, *namespaces}:
            self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": role.task, "namespace": HOME}}
        self.apply(account, *role.documents)
        token = self.kubectl("create", "token", role.task, "--namespace", HOME, "--duration", "2h").strip()
        path = self.kubeconfig_with(role.task, token)
        # All rights of one object become known together.
        for right in {atom.document: atom.permission for atom in role.atoms()}.values():
            self.wait_until(role.task, right, allowed=True)
        return path

    def kubeconfig_with(self, name: str, token: str) -> Path:
        """A kubeconfig that leads through the recorder."""
        authority = base64.b64encode(self.recorder.ca_pem).decode()
        cluster = {"server": self.recorder.url, "certificate-authority-data": authority}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "lab",
            "clusters": [{"name": "lab", "cluster": cluster}],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": name}}],
        }
        path = self.folder / f"{name}.kubeconfig"
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(document), encoding="utf-8")
        return path

    def may(self, account: str, right: Permission) -> bool:
        """Whether the API server allows it now."""
        resource, __, sub = right.resource.partition("/")
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": resource,
            "subresource": sub,
            "namespace": right.namespace,
            "name": right.name,
        }
        review = {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "spec": {
                "user": f"system:serviceaccount:{HOME}:{account}",
                "groups": ["system:serviceaccounts", f"system:serviceaccounts:{HOME}", "system:authenticated"],
                "resourceAttributes": {key: value for key, value in attributes.items() if value},
            },
        }
        answer = json.loads(self.kubectl("create", "--filename", "-", "--output", "json", given=json.dumps(review)))
        return bool(answer["status"]["allowed"])

    def wait_until(self, account: str, right: Permission, *, allowed: bool) -> None:
        """The API server judges by a cache of its own, which follows within moments."""
        deadline = time.monotonic() + KNOWN_WITHIN_S
        while self.may(account, right) != allowed:
            assert time.monotonic() < deadline, f"{account}: {right} is not {allowed} after {KNOWN_WITHIN_S:.0f} s"

    def play(self, tasks: list[Json], variables: Json, kubeconfig: Path, timeout_s: float = 1200) -> Ran:
        """Run tasks as a playbook with a kubeconfig; the roles and modules find it by their variables."""
        self.recorder.take()
        names = ("cilium", "demo_workload", "policy_hardening", "flow_report")
        given = {f"{name}_kubeconfig": str(kubeconfig) for name in names}
        given |= {"kubeconfig": str(kubeconfig), **variables}
        failed = self.folder / f"{kubeconfig.stem}.failed.json"
        failed.unlink(missing_ok=True)
        keep = {
            "name": "Keep the failure",
            "ansible.builtin.copy": {
                "content": "{{ ansible_failed_result | to_json }}",
                "dest": str(failed),
                "mode": "0600",
            },
        }
        end = {"name": "Fail", "ansible.builtin.fail": {"msg": "see the failure above"}}
        block = {"name": "With these rights", "block": tasks, "rescue": [keep, end]}
        defaults = {"group/cloudnet.aks_cilium.kubernetes": {"kubeconfig": "{{ kubeconfig }}"}}
        plays = [{"name": "Play", "hosts": "all", "gather_facts": False, "module_defaults": defaults, "tasks": [block]}]
        book = self.folder / f"{kubeconfig.stem}.yml"
        book.write_text(yaml.safe_dump(plays, sort_keys=False), encoding="utf-8")
        extra = {"ansible_python_interpreter": sys.executable, **given}
        done = subprocess.run(
            [
                *(sys.executable, "-m", "ansible", "playbook", "--inventory", "lab,", "--connection", "local"),
                *("--verbose", "--extra-vars", json.dumps(extra), str(book)),
            ],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=timeout_s,
            # Not in the checkout, whose ansible.cfg is for developers.
            cwd=self.folder,
            env={
                **{key: value for key, value in os.environ.items() if not key.startswith(("K8S_", "KUBE", "ANSIBLE_"))},
                "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"),
                "ANSIBLE_HOME": str(self.folder / "ansible"),
                "ANSIBLE_NOCOLOR": "1",
                "HOME": str(self.folder),
            },
        )
        failure = json.loads(failed.read_text(encoding="utf-8")) if failed.exists() else {}
        return Ran(done.returncode == 0, done.stdout + done.stderr, failure, self.recorder.take())
