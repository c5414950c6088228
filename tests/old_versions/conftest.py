# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A kind cluster with an older Cilium, and the modules run on it as a playbook runs them. See README.md."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
LAB = (sys.executable, str(ROOT / "tests" / "lab" / "main.py"))
CLUSTER = os.environ.get("OLD_VERSIONS_CLUSTER", "old")
NETWORKS = ("--pod-subnet", "10.186.0.0/16", "--service-subnet", "10.187.0.0/16")
NAMESPACE = "old-shop"
# Building a version from nothing, on a busy machine, is the longest of all.
LAB_S = 3600
RUN_S = 1200
READY_S = 300

# A server, a client that asks it five times a second by the address of its Service, each time over a new connection,
# and one that asks by name. A line of the log is the time and `ok` or how curl ended.
_ASK = "while :; do curl -s -o /dev/null -m 2 {url} && r=ok || r=failed-$?; echo $(date +%s.%N) $r; sleep 0.2; done"
WORKLOAD = """
apiVersion: v1
kind: Namespace
metadata: {{name: {namespace}}}
---
apiVersion: v1
kind: Service
metadata: {{name: web, namespace: {namespace}}}
spec: {{selector: {{app: web}}, ports: [{{port: 80}}]}}
---
apiVersion: v1
kind: Pod
metadata: {{name: web, namespace: {namespace}, labels: {{app: web}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers: [{{name: web, image: "{image}", imagePullPolicy: Never}}]
---
apiVersion: v1
kind: Pod
metadata: {{name: client, namespace: {namespace}, labels: {{app: client}}}}
spec:
  terminationGracePeriodSeconds: 0
  containers:
    - name: by-address
      image: "{image}"
      imagePullPolicy: Never
      command: [sh, -c, '{by_address}']
    - name: by-name
      image: "{image}"
      imagePullPolicy: Never
      command: [sh, -c, '{by_name}']
"""


@dataclass
class Old:
    """One cluster with one older version of Cilium at hand; the lab's own version is in its nodes as well."""

    number: str
    kubeconfig: Path
    folder: Path
    env: dict[str, str]
    own: dict[str, str]
    say: Callable[[str], None]

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        """Standard output of kubectl."""
        command = [self.env["LAB_KUBECTL"], "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=RUN_S, check=False)
        assert done.returncode == 0, f"{shlex.join(words)}: {done.stderr}"
        return done.stdout

    def module(self, name: str, *, check: bool = False, **options: Any) -> dict[str, Any]:
        """The result of one module on this cluster, failed or not; in check mode nothing is written."""
        answer = self.folder / "answer.json"
        tasks = [
            {
                f"cloudnet.aks_cilium.{name}": {"kubeconfig": str(self.kubeconfig), **options},
                "register": "answer",
                "ignore_errors": True,
                "check_mode": check,
            },
            {"ansible.builtin.copy": {"dest": str(answer), "content": "{{ answer | to_json }}", "mode": "0600"}},
        ]
        playbook = self.folder / "task.yml"
        playbook.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        program = Path(sys.executable).parent / "ansible-playbook"
        command = [str(program), "-i", "old,", "-c", "local", "-e", f"ansible_python_interpreter={sys.executable}"]
        started = time.monotonic()
        done = subprocess.run(
            [*command, str(playbook)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=RUN_S,
            check=False,
            env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        found: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
        word = "failed" if found.get("failed") else "changed" if found.get("changed") else "ok"
        self.say(f"{name}: {word} in {time.monotonic() - started:.0f} s {found.get('msg', '')}".rstrip())
        return found

    def cilium(self, env: dict[str, str], **options: Any) -> dict[str, Any]:
        """The module cilium with the chart of a version and the values which the lab's images need."""
        return self.module("cilium", **{**self.cilium_options(env), **options})

    def cilium_options(self, env: dict[str, str]) -> dict[str, Any]:
        """Its options."""
        # Two readers are compared: what the first one saw must still be there for the second.
        values: dict[str, Any] = {"hubble": {"eventBufferCapacity": "65535"}}
        for file in env["LAB_CILIUM_VALUES"].split(","):
            values = merged(values, yaml.safe_load(Path(file).read_text(encoding="utf-8")))
        return {
            "chart": env["LAB_CHART"],
            "mode": "kubeadm",
            "cluster_name": CLUSTER,
            "k8s_service_host": env["LAB_API_SERVER_HOST"],
            "k8s_service_port": int(env["LAB_API_SERVER_PORT"]),
            "values": values,
            "helm_binary": env["LAB_HELM"],
            "wait_timeout": READY_S,
        }

    def start_workload(self) -> None:
        """Start server and clients, and wait until they talk."""
        scripts = {
            "by_address": _ASK.format(url="http://$WEB_SERVICE_HOST/"),
            "by_name": _ASK.format(url=f"http://web.{NAMESPACE}.svc.cluster.local/"),
        }
        text = WORKLOAD.format(namespace=NAMESPACE, image=self.env["LAB_IMAGE_DEMO"], **scripts)
        self.kubectl("apply", "--filename", "-", stdin=text)
        self.kubectl("--namespace", NAMESPACE, "wait", "pod", "--all", "--for=condition=Ready", f"--timeout={READY_S}s")
        deadline = time.monotonic() + READY_S
        while "ok" not in self.log("by-address") or "ok" not in self.log("by-name"):
            assert time.monotonic() < deadline, self.log("by-name")[-500:]
            time.sleep(1)

    def log(self, container: str) -> str:
        """What a client has seen."""
        return self.kubectl("--namespace", NAMESPACE, "logs", "client", "--container", container)

    def requests(self, container: str, since: float) -> tuple[int, list[str]]:
        """Number of a client's requests since a time, and how those that failed ended."""
        lines = [line.split() for line in self.log(container).splitlines()]
        ends = [words[1] for words in lines if len(words) == 2 and float(words[0]) >= since]
        return len(ends), [end for end in ends if end != "ok"]

    def agent(self, *words: str) -> str:
        """Output of a program in the agent's container."""
        target = ("--namespace", "kube-system", "exec", "daemonset/cilium", "--container", "cilium-agent")
        return self.kubectl(*target, "--", *words)


def policy(mode: str = "shadow", **spec: Any) -> dict[str, Any]:
    """Options of cilium_policy: only pods of the namespace reach the server, and the policy denies as mode tells."""
    body = {"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [{"fromEndpoints": [{}]}], **spec}
    document = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": "web", "namespace": NAMESPACE},
        "spec": body,
    }
    return {"definition": document, "mode": mode}


def stamp(offset_s: float) -> str:
    """A time, so many seconds from now, as hubble takes it."""
    return datetime.fromtimestamp(time.time() + offset_s, timezone.utc).isoformat().replace("+00:00", "Z")


def merged(low: dict[str, Any], high: dict[str, Any]) -> dict[str, Any]:
    """Nested values, the later ones above."""
    result = dict(low)
    for key, value in high.items():
        both = isinstance(value, dict) and isinstance(low.get(key), dict)
        result[key] = merged(low[key], value) if both else value
    return result


def lab(*words: str) -> str:
    """Run the lab; its progress goes to the terminal of a run with `-s`."""
    done = subprocess.run([*LAB, *words], capture_output=True, text=True, timeout=LAB_S, check=False)
    assert done.returncode == 0, f"lab {shlex.join(words)}: {done.stdout[-2000:]}{done.stderr[-2000:]}"
    return done.stdout


def lab_env(*words: str) -> dict[str, str]:
    """What `lab env` prints."""
    pairs = [line.partition("=") for line in lab("env", *words).splitlines()]
    return {name: shlex.split(value)[0] if value else "" for name, __, value in pairs}


@pytest.fixture(scope="module")
def old(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Old]:
    """A fresh cluster with the version that the test file names in VERSION; removed at the end."""
    number: str = request.module.VERSION
    folder = tmp_path_factory.mktemp("old")
    kubeconfig = folder / "kubeconfig"
    named = ("--name", CLUSTER, "--kubeconfig", str(kubeconfig))

    def say(line: str) -> None:
        print(f"{time.strftime('%H:%M:%S')} {number} {line}", flush=True)

    started = time.monotonic()
    lab("build", "--cilium", number)
    say(f"lab build: {time.monotonic() - started:.0f} s")
    keep = bool(os.environ.get("OLD_VERSIONS_KEEP"))
    if not keep:
        lab("down", *named)
    started = time.monotonic()
    lab("up", *named, "--cilium", number, *NETWORKS)
    say(f"lab up: {time.monotonic() - started:.0f} s")
    try:
        yield Old(number, kubeconfig, folder, lab_env(*named, "--cilium", number), lab_env(*named), say)
    finally:
        if not keep:
            lab("down", *named)
