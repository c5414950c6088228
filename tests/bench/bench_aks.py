# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aks_cluster with nothing to do: against ping, in requests, in imports, for one cluster and for twenty.

All against the local stand-in for Azure. Both sides of a ratio are measured in turn in one run; medians are compared.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from azure_stand_in import LocalAks, started

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COLLECTIONS = ROOT / ".ansible" / "collections"
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_cluster"
ROUNDS = 9
RUNS = 3
MANY = 20
TARGETS = {
    "aks_cluster_noop_vs_ping": "<= 2.5",
    "aks_cluster_noop_http_requests": "<= 2",
    "aks_cluster_import_modules": "< 600",
    "aks_20_clusters_vs_1": "<= 6",
}
Json = dict[str, Any]


def options(name: str) -> Json:
    """A cluster as a playbook would describe it."""
    return {
        "resource_group": "bench",
        "name": name,
        "location": "westeurope",
        "create_resource_group": True,
        "network_profile": {
            "network_plugin": "azure",
            "network_plugin_mode": "overlay",
            "network_dataplane": "cilium",
            "pod_cidr": "10.244.0.0/16",
        },
        "agent_pools": [{"name": "system", "mode": "System", "count": 2, "vm_size": "Standard_D4ads_v5"}],
        "tags": {"team": "net"},
    }


class Bench:
    """A service with clusters, and plays against it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.service: LocalAks = started(directory / "service")
        names = [f"c{number:02}" for number in range(MANY)]
        (directory / "hosts").write_text("".join(f"{name} cluster={name}\n" for name in names), encoding="utf-8")
        self.play([self.task("cloudnet.aks_cilium.aks_cluster")], limit="all")

    def environment(self) -> dict[str, str]:
        """What ansible-playbook gets."""
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ANSIBLE_"))}
        return {
            **clean,
            **self.service.environment,
            "ANSIBLE_COLLECTIONS_PATH": f"{COLLECTIONS}:{Path.home() / '.ansible' / 'collections'}",
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"),
            "ANSIBLE_CALLBACKS_ENABLED": "task_times",
            "ANSIBLE_HOME": str(self.directory / "home"),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "TASK_TIMES": str(self.directory / "times"),
        }

    @staticmethod
    def task(module: str) -> Json:
        """A task of one of the modules; the host's variable names the cluster."""
        if module.endswith(".ping"):
            return {"name": module, module: {}}
        given = options("{{ cluster }}")
        if module.endswith(".azure_rm_aks"):
            given = {"resource_group": "bench", "name": "{{ cluster }}", "state": "present", "location": "westeurope"}
        return {"name": module, module: given}

    def play(self, tasks: list[Json], *, limit: str) -> tuple[float, list[Json]]:
        """Run tasks; returns the seconds of the whole run, and what each task took."""
        play = self.directory / "play.yml"
        play.write_text(json.dumps([{"hosts": "all", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
        times = self.directory / "times"
        times.unlink(missing_ok=True)
        words = ["-m", "ansible", "playbook", "-i", str(self.directory / "hosts"), "-c", "local", "--limit", limit]
        words += ["--forks", str(MANY), "-e", f"ansible_python_interpreter={sys.executable}", str(play)]
        begun = time.monotonic()
        done = subprocess.run(
            [sys.executable, *words], env=self.environment(), capture_output=True, text=True, check=False, timeout=600
        )
        took = time.monotonic() - begun
        if done.returncode != 0:
            raise RuntimeError(f"the play failed: {done.stdout[-3000:]}{done.stderr[-2000:]}")
        return took, [json.loads(line) for line in times.read_text(encoding="utf-8").splitlines()]

    def against_ping(self, module: str) -> float:
        """Median time of a module's task by that of ping, in turns in one play; the first turn is not counted."""
        pair = [self.task("ansible.builtin.ping"), self.task(module)]
        _seconds, found = self.play(pair * (ROUNDS + 1), limit="c00")
        if any(item["changed"] for item in found):
            raise RuntimeError(f"{module} changed something")
        medians = {
            task["name"]: statistics.median([item["took"] for item in found if item["task"] == task["name"]][1:])
            for task in pair
        }
        ping, other = medians["ansible.builtin.ping"], medians[module]
        print(f"   {module}: {1000 * other:.0f} ms, ping: {1000 * ping:.0f} ms", flush=True)
        return float(other / ping)

    def requests(self) -> int:
        """Requests of one task to Entra ID and to Resource Manager.

        A cloud that is given by its address costs one more, for its description; Azure's own clouds are known by name.
        """
        self.service.requests(clear=True)
        self.play([self.task("cloudnet.aks_cilium.aks_cluster")], limit="c00")
        found = self.service.requests()
        print(f"   requests: {', '.join(item['method'] + ' ' + item['path'].rsplit('/', 1)[-1] for item in found)}")
        return sum(item["path"] != "/metadata/endpoints" for item in found)

    def many(self) -> float:
        """Median wall time of a whole run for twenty clusters (forks=20) by that for one."""
        task = [self.task("cloudnet.aks_cilium.aks_cluster")]
        pairs = [(self.play(task, limit="c00")[0], self.play(task, limit="all")[0]) for number in range(RUNS)]
        one, all_of_them = (statistics.median(values) for values in zip(*pairs, strict=True))
        print(f"   1 cluster: {one:.1f} s, {MANY} clusters: {all_of_them:.1f} s", flush=True)
        return float(all_of_them / one)


def imported() -> int:
    """Python modules in a process that imported the module."""
    script = f"import sys, {MODULE}; print(len(sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(COLLECTIONS)}
    return int(subprocess.run([sys.executable, "-c", script], env=environment, check=True, capture_output=True).stdout)


def azcollection_is_installed() -> bool:
    """Whether the collection to compare with is there, and what it needs."""
    found = subprocess.run(
        [sys.executable, "-m", "ansible", "galaxy", "collection", "list", "azure.azcollection", "--format", "json"],
        check=False,
        capture_output=True,
    )
    return found.returncode == 0 and b"azure.azcollection" in found.stdout


def run() -> dict[str, float | None]:
    """The figures."""
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        try:
            return {
                "aks_cluster_noop_vs_ping": bench.against_ping("cloudnet.aks_cilium.aks_cluster"),
                "aks_cluster_noop_http_requests": bench.requests(),
                "aks_cluster_import_modules": imported(),
                "aks_20_clusters_vs_1": bench.many(),
                "azcollection_noop_vs_ping": (
                    bench.against_ping("azure.azcollection.azure_rm_aks") if azcollection_is_installed() else None
                ),
            }
        finally:
            bench.service.control("stop")
