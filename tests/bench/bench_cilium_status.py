# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cilium_status on 1,000 and on 5,000 nodes with ten pods each: seconds, peak memory, requests.

A real API server with objects in the size of real ones (fake_cluster.py) and KWOK, which keeps the nodes alive; without
these programs of the lab there are no figures. They are of the whole process of the module, as Ansible starts it.
No agent can be asked where there are no machines: probe_agents=none, which saves ten execs.
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

from fake_cluster import FakeCluster, can_start, fake_cluster, program
from fake_objects import whole_cluster

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import connect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import LEASE

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.cilium_status"
PODS = 10
ROUNDS = 3
KWOK_TIMEOUT_S = 300.0
TARGETS = {
    "cilium_status_1000_nodes_s": "<= 5",
    "cilium_status_5000_nodes_mb": "< 250",
}
Json = dict[str, Any]


def run() -> dict[str, float | None]:
    """The figures, or null where the lab's programs are not there."""
    figures: dict[str, float | None] = {}
    for nodes in (1000, 5000):
        names = [f"cilium_status_{nodes}_nodes_{what}" for what in ("s", "mb", "requests")]
        figures.update(zip(names, measured(nodes) if can_start() else [None] * 3, strict=True))
    return figures


def measured(nodes: int) -> list[float]:
    """Median seconds, peak memory in MB, and requests to the API server."""
    begun = time.monotonic()
    with fake_cluster(whole_cluster(nodes, PODS)) as cluster:
        wait_for_kwok(cluster, nodes)
        print(f"   {nodes} nodes, {nodes * PODS} pods: ready after {time.monotonic() - begun:.0f} s", flush=True)
        looks = [look(cluster.kubeconfig, nodes) for __ in range(ROUNDS)]
    seconds, cpu, memory, requests = (statistics.median(column) for column in zip(*looks, strict=True))
    all_of_them = ", ".join(f"{one[0]:.2f}" for one in looks)
    print(f"   {all_of_them} s ({cpu:.2f} s of processor), {memory:.0f} MB, {requests:.0f} requests", flush=True)
    return [round(seconds, 2), round(max(one[2] for one in looks), 1), requests]


def wait_for_kwok(cluster: FakeCluster, nodes: int) -> None:
    """Until every node has its lease; a slow machine is not waited for longer than some minutes."""
    if program("kwok") is None:
        return
    cluster.start_kwok()
    kube = connect({"kubeconfig": str(cluster.kubeconfig), "request_timeout": 60})
    deadline = time.monotonic() + KWOK_TIMEOUT_S
    while (alive := sum(1 for __ in kube.list(LEASE, "kube-node-lease"))) < nodes:
        if not cluster.is_alive():
            raise RuntimeError("KWOK ended")
        if time.monotonic() > deadline:
            print(f"   KWOK keeps {alive} of {nodes} nodes alive so far", flush=True)
            return
        time.sleep(1)


def look(kubeconfig: Path, nodes: int) -> tuple[float, float, float, float]:
    """One run of the module: seconds, seconds of processor, MB, requests."""
    arguments = {"kubeconfig": str(kubeconfig), "probe_agents": "none", "request_timeout": 120}
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(COLLECTIONS)}
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as given:
        given.write(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}).encode())
        given.seek(0)
        begun = time.monotonic()
        process = subprocess.Popen([sys.executable, "-m", MODULE], stdin=given, stdout=output, env=environment)
        usage = os.wait4(process.pid, 0)[2]
        seconds = time.monotonic() - begun
        process.returncode = 0
        output.seek(0)
        result: Json = json.loads(output.read())
    expected = {"total": nodes * PODS + 1, "managed": nodes * PODS + 1, "unmanaged_total": 0, "unmanaged": []}
    if not result.get("healthy") or result["pods"] != expected:
        raise RuntimeError(f"another status than expected: {result.get('msg') or result.get('errors')}")
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, float(result["api_requests"])
