# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cilium task with nothing to do: against ping, against kubernetes.core.helm, and how often it starts helm.

All on one release of the real chart, which our module installed into a real API server without machines
(fake_cluster.py); the counters of its workloads are written as the controllers would. kubernetes.core comes out of the
wheel `ansible`, into build/; it is null where that cannot be had.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

from fake_cluster import FakeCluster, can_start, chart, fake_cluster, program
from fake_objects import crds, recorded, whole_cluster

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.release import read_release
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import KubeClient, connect, object_path
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET, DEPLOYMENT
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.transport import send

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLLECTIONS = ROOT / ".ansible" / "collections"
OTHERS = ROOT / "build" / "bench_collections"
WHEEL = "ansible==12.3.0"
ROUNDS = 7
OURS, THEIRS, PING = "cloudnet.aks_cilium.cilium", "kubernetes.core.helm", "ansible.builtin.ping"
TARGETS = {
    "cilium_noop_vs_ping": "<= 2.5",
    "kubernetes_core_helm_noop_vs_cilium_noop": ">= 3",
    "cilium_noop_processes": "<= 0",
}
Json = dict[str, Any]


def run() -> dict[str, float | None]:
    """The figures, or null where the lab's programs are not there."""
    if not can_start() or chart() is None:
        return dict.fromkeys(TARGETS)
    documents = recorded()
    # The machine that the recorded counters are about; nothing of Cilium, which Helm must make itself.
    node = [item for item in whole_cluster(1, 0) if item[0].startswith("minions/")]
    with tempfile.TemporaryDirectory() as directory, fake_cluster([*crds(documents), *node]) as cluster:
        bench = Bench(Path(directory), cluster)
        bench.install()
        return bench.figures()


class Bench:
    """One release, and plays against it."""

    def __init__(self, directory: Path, cluster: FakeCluster) -> None:
        self.directory = directory
        self.kubeconfig = str(cluster.kubeconfig)
        self.kube: KubeClient = connect({"kubeconfig": self.kubeconfig, "request_timeout": 60})
        self.started = directory / "started"
        self.helm = directory / "helm"
        counted = f'#!/bin/sh\necho "$*" >> {self.started}\nexec {shlex.quote(str(program("helm")))} "$@"\n'
        self.helm.write_text(counted, encoding="utf-8")
        self.helm.chmod(0o700)

    def task(self, module: str, **options: Any) -> Json:
        """A task of one of the modules."""
        if module == PING:
            return {"name": module, module: {}}
        if module == THEIRS:
            release = read_release(self.kube, "cilium", "kube-system")
            given: Json = {
                "name": "cilium",
                "chart_ref": str(chart()),
                "release_namespace": "kube-system",
                "release_values": release.values if release else {},
                "kubeconfig": self.kubeconfig,
                "binary_path": str(self.helm),
            }
        else:
            given = {
                "kubeconfig": self.kubeconfig,
                "chart": str(chart()),
                "mode": "plain",
                "helm_binary": str(self.helm),
                "cluster_name": "bench",
                "hubble_relay": True,
                "operator_replicas": 1,
                **options,
            }
        return {"name": module, module: given}

    def install(self) -> None:
        """Install with our module, then be the controllers that this cluster has not."""
        found = self.play([self.task(OURS, wait=False)])
        if not found[0]["changed"]:
            raise RuntimeError("nothing was installed")
        for kind, name in ((DAEMON_SET, "cilium"), (DAEMON_SET, "cilium-envoy"), (DEPLOYMENT, "cilium-operator")):
            self.ready(kind, name)
        self.ready(DEPLOYMENT, "hubble-relay")

    def ready(self, kind: Any, name: str) -> None:
        """Write the counters of a workload that is rolled out."""
        document = self.kube.get(kind, name, "kube-system")
        if document is None:
            return
        if kind == DAEMON_SET:
            counters = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
            status: Json = dict.fromkeys((*counters, "updatedNumberScheduled"), 1)
        else:
            status = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 1)
        status["observedGeneration"] = document["metadata"]["generation"]
        send(
            self.kube.transport,
            "PATCH",
            f"{object_path(kind, 'kube-system', name)}/status",
            body={"status": status},
            content_type="application/merge-patch+json",
        )

    def figures(self) -> dict[str, float | None]:
        """The figures, each module in turn with the others, the first turn not counted."""
        modules = [PING, OURS, *([THEIRS] if have_kubernetes_core() else [])]
        self.started.unlink(missing_ok=True)
        self.play([self.task(OURS)])
        processes = len(self.started.read_text(encoding="utf-8").splitlines()) if self.started.exists() else 0
        found = self.play([self.task(module) for module in modules] * (ROUNDS + 1))
        if any(item["changed"] for item in found):
            raise RuntimeError(f"something was changed: {[item for item in found if item['changed']]}")
        took = {
            module: statistics.median([item["took"] for item in found if item["task"] == module][1:])
            for module in modules
        }
        print("   " + ", ".join(f"{module}: {1000 * seconds:.0f} ms" for module, seconds in took.items()), flush=True)
        return {
            "cilium_noop_vs_ping": took[OURS] / took[PING],
            "kubernetes_core_helm_noop_vs_cilium_noop": took[THEIRS] / took[OURS] if THEIRS in took else None,
            "cilium_noop_processes": processes,
        }

    def play(self, tasks: list[Json]) -> list[Json]:
        """Run tasks on this machine; what each took."""
        play = self.directory / "play.yml"
        play.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        times = self.directory / "times"
        times.unlink(missing_ok=True)
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("ANSIBLE_", "K8S_", "KUBE"))}
        environment = {
            **clean,
            "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}:{OTHERS}",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "TASK_TIMES": str(times),
        }
        words = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local"]
        words += ["-e", f"ansible_python_interpreter={sys.executable}", str(play)]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode != 0:
            raise RuntimeError(f"the play failed: {done.stdout[-3000:]}{done.stderr[-2000:]}")
        return [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]


def have_kubernetes_core() -> bool:
    """Whether the collection to compare with is there; fetched once, from the wheel of the Python package `ansible`."""
    if importlib.util.find_spec("kubernetes") is None:
        return False
    folder = OTHERS / "ansible_collections" / "kubernetes"
    if folder.exists():
        return True
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        words = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", directory, WHEEL]
        done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=600)
        wheels = list(Path(directory).glob("*.whl"))
        if done.returncode != 0 or not wheels:
            print(f"   no kubernetes.core: {done.stderr.strip()[-300:]}", flush=True)
            return False
        with zipfile.ZipFile(wheels[0]) as wheel:
            members = [name for name in wheel.namelist() if name.startswith("ansible_collections/kubernetes/")]
            wheel.extractall(OTHERS, members)
    print(f"   kubernetes.core out of {WHEEL}: {time.monotonic() - begun:.0f} s", flush=True)
    return True
