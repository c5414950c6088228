# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""cilium_status on a real API server with many nodes (tests/bench/fake_cluster.py); needs the lab's programs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests" / "bench"))

from fake_cluster import FakeCluster, can_start, fake_cluster  # noqa: E402
from fake_objects import whole_cluster  # noqa: E402

MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.cilium_status"
NODES, PODS = 120, 10
# One node lacks its agent, one pod its CiliumEndpoint.
LACKING = {"pods/kube-system/cilium-00007", "cilium.io/ciliumendpoints/team-10/app-00005-05"}

pytestmark = pytest.mark.skipif(not can_start(), reason="needs etcd and kube-apiserver of tests/lab/lab build")


@pytest.fixture(scope="module")
def cluster() -> Iterator[FakeCluster]:
    """120 nodes, 1,200 pods."""
    with fake_cluster(item for item in whole_cluster(NODES, PODS) if item[0] not in LACKING) as started:
        yield started


def status(cluster: FakeCluster, **options: Any) -> dict[str, Any]:
    """The module's result, in a process of its own."""
    arguments = {"kubeconfig": str(cluster.kubeconfig), "probe_agents": "none", "request_timeout": 120, **options}
    done = subprocess.run(
        [sys.executable, "-m", MODULE],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env={**os.environ, "PYTHONPATH": str(ROOT / ".ansible" / "collections")},
        capture_output=True,
        text=True,
        check=False,
    )
    return dict(json.loads(done.stdout))


def test_what_lacks_among_many_is_found(cluster: FakeCluster) -> None:
    found = status(cluster)
    assert found["nodes"]["total"] == NODES
    assert found["nodes"]["without_agent"] == ["node-00007"]
    assert found["pods"]["unmanaged"] == ["team-10/app-00005-05"]
    assert (found["pods"]["managed"], found["pods"]["total"]) == (NODES * PODS, NODES * PODS + 1)
    assert found["images"]["cilium"] == {"quay.io/cilium/cilium:v1.20.2": NODES - 1}
    assert found["agents"]["versions"] == {"1.20.2": NODES - 1}


def test_requests_grow_with_pages_only(cluster: FakeCluster) -> None:
    # 20 for anything, one per further 500 pods and per further 500 endpoints.
    assert status(cluster)["api_requests"] <= 20 + 2 * (NODES * PODS // 500 + 1)
