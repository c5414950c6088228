# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Trouble: faults of Azure, processes that are killed, secrets, and many at once."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from azure_modules import COLLECTIONS, Modules

if TYPE_CHECKING:
    from azure_modules import Processes
    from azure_stand_in import LocalAks

CLUSTER = {
    "location": "westeurope",
    "create_resource_group": True,
    "network_profile": {"network_plugin": "azure", "network_plugin_mode": "overlay"},
    "agent_pools": [{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ads_v5"}],
    "tags": {"team": "net"},
}
CHANGED = {**CLUSTER, "sku_tier": "Standard"}
GROUP = "/resourceGroups/rg-modules"
PATH = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/demo"
ON_CLUSTER = {"path": "managedClusters/demo"}
SEED = int(os.environ.get("AKS_CILIUM_TEST_SEED", random.SystemRandom().randrange(10**6)))
KILLS = 12
LATE_S = 120.0
"""When a run has ended for sure."""
MERGES = 50
Json = dict[str, Any]

PASSING: list[Json] = [
    {"kind": "response", "code": "Throttled", "retry_after": 1, **ON_CLUSTER},
    {"kind": "response", "code": "Throttled", "retry_after": 1, "method": "PUT", **ON_CLUSTER},
    {"kind": "response", "code": "EtagMismatch", "method": "PUT", **ON_CLUSTER},
    {"kind": "response", "code": "OperationNotAllowed", "method": "PUT", **ON_CLUSTER},
    {"kind": "response", "code": "PreconditionFailed", "method": "PUT", **ON_CLUSTER},
    {"kind": "response", "code": "InternalServerError", "method": "GET", **ON_CLUSTER},
    {"kind": "response", "code": "ServiceUnavailable", "method": "GET", "count": 2, **ON_CLUSTER},
    {"kind": "response", "code": "ServiceUnavailable", "method": "GET", "path": "/operations/"},
    {"kind": "response", "code": "ExpiredAuthenticationToken", **ON_CLUSTER},
    {"kind": "response", "code": "ExpiredAuthenticationToken", "path": "/operations/"},
    {"kind": "reset", "method": "GET", **ON_CLUSTER},
    {"kind": "reset", "path": "/operations/"},
    {"kind": "truncate", "method": "GET", **ON_CLUSTER},
    {"kind": "truncate", "path": "/operations/"},
    {"kind": "slow", "seconds": 2, **ON_CLUSTER},
    {"kind": "slow_operation", "seconds": 3},
    {"kind": "preempted", "looks": 2},
]


def name_of(fault: Json) -> str:
    return "-".join(str(fault.get(key)) for key in ("kind", "code", "method", "path", "when") if fault.get(key))


@pytest.fixture
def cluster(modules: Modules) -> Modules:
    assert modules.cluster(**CLUSTER)["changed"] is True
    modules.writes()
    return modules


class TestFaults:
    @pytest.mark.parametrize("fault", PASSING, ids=name_of)
    def test_passing_trouble_passes(self, cluster: Modules, fault: Json) -> None:
        cluster.service.faults(fault)
        result = cluster.cluster(**CHANGED)
        assert result.get("failed") is None, result
        assert result["cluster"]["sku_tier"] == "Standard"
        assert cluster.service.send("GET", "/_local_aks/faults").body == {"faults": []}, "the fault was not met"
        assert cluster.cluster(**CHANGED)["changed"] is False

    @pytest.mark.parametrize(
        "fault",
        [
            {"kind": "reset", "when": "before", "method": "PUT", **ON_CLUSTER},
            {"kind": "reset", "when": "after", "method": "PUT", **ON_CLUSTER},
            {"kind": "truncate", "method": "PUT", **ON_CLUSTER},
            {"kind": "response", "code": "InternalServerError", "method": "PUT", **ON_CLUSTER},
            {"kind": "response", "code": "ServiceUnavailable", "method": "PUT", **ON_CLUSTER},
            {"kind": "reset", "when": "after", "method": "DELETE", **ON_CLUSTER},
        ],
        ids=name_of,
    )
    @pytest.mark.parametrize("exists", [False, True], ids=["create", "change"])
    def test_a_write_whose_answer_is_lost_is_never_made_twice(
        self, modules: Modules, fault: Json, exists: bool
    ) -> None:
        deletes = fault["method"] == "DELETE"
        wanted = {"state": "absent"} if deletes else CHANGED
        if exists or deletes:
            modules.cluster(**CLUSTER)
        modules.service.faults(fault)
        first = modules.cluster(**wanted)
        if first.get("failed"):
            assert first["failure"]["remedy"], first
        modules.service.faults()
        second = modules.cluster(**wanted)
        assert second.get("failed") is None, second
        assert modules.cluster(**wanted)["changed"] is False
        answer = modules.service.arm("GET", PATH)
        assert answer.status == (404 if deletes else 200)

    @pytest.mark.parametrize("kind", ["operation_failed", "operation_canceled"])
    def test_an_operation_that_ends_badly_is_told_in_full(self, cluster: Modules, kind: str) -> None:
        fault = {"kind": kind, "code": "QuotaExceeded", "message": "Too few cores.", "target": "agentPoolProfile.count"}
        cluster.service.faults(fault)
        failure = cluster.cluster(**CHANGED)["failure"]
        assert (failure["code"], failure["target"]) == ("QuotaExceeded", "agentPoolProfile.count")
        assert "Too few cores." in failure["message"]
        assert failure["correlation_id"]
        assert failure["details"]["agent_pools"] == {"system": "Failed" if kind == "operation_failed" else "Canceled"}
        again = cluster.cluster(**CHANGED)
        assert (again["changed"], again["cluster"]["provisioning_state"]) == (True, "Succeeded")

    def test_a_stuck_operation_ends_at_the_limit_and_is_picked_up(self, cluster: Modules) -> None:
        cluster.service.faults({"kind": "hold_operation"})
        late = cluster.cluster(**CHANGED, wait_timeout=2)
        assert late["failure"]["code"] == "WaitTimeout"
        cluster.service.faults()
        cluster.writes()
        assert cluster.cluster(**CHANGED)["cluster"]["sku_tier"] == "Standard"
        assert cluster.writes() == []

    def test_throttling_that_does_not_end_is_an_error(self, cluster: Modules) -> None:
        cluster.service.faults(
            {"kind": "response", "code": "Throttled", "retry_after": 3600, "count": 99, **ON_CLUSTER}
        )
        failure = cluster.cluster(**CHANGED)["failure"]
        assert (failure["code"], failure["status"]) == ("Throttled", 429)
        assert "3600" in failure["message"]


@pytest.mark.parametrize("action", ["create", "change", "delete"])
def test_a_killed_run_is_continued_by_the_next(
    local_aks: LocalAks, processes: Processes, tmp_path: Path, action: str
) -> None:
    """SIGKILL at random moments: a second run converges, no cluster is lost and none is made twice."""
    print(f"AKS_CILIUM_TEST_SEED={SEED}")
    chance = random.Random(f"{SEED}-{action}")  # noqa: S311 - moments that a seed repeats

    def once(number: int, after: float) -> tuple[bool, float]:
        """Whether the run was killed, and the seconds that it took."""
        modules = Modules(processes, local_aks, tmp_path, resource_group=f"rg-kill-{number}", name="demo")
        wanted: Json = {"state": "absent"} if action == "delete" else CHANGED
        if action != "create":
            assert modules.cluster(**CLUSTER)["changed"] is True
        path = PATH.replace("rg-modules", f"rg-kill-{number}")
        before = local_aks.arm("GET", path)
        started = time.monotonic()
        modules.run("aks_cluster", kill_after=after, **wanted)
        outcome = modules.killed, time.monotonic() - started
        second = modules.cluster(**wanted)
        assert second.get("failed") is None, second
        assert modules.cluster(**wanted)["changed"] is False
        live = local_aks.arm("GET", path)
        if action == "delete":
            assert live.status == 404
            return outcome
        assert live.body["properties"]["provisioningState"] == "Succeeded"
        assert live.body["sku"]["tier"] == "Standard"
        if action == "change":
            assert live.body["properties"]["resourceUID"] == before.body["properties"]["resourceUID"]
        puts = [item for item in local_aks.requests() if item["method"] == "PUT" and path in item["path"]]
        assert sum(item["status"] == 201 for item in puts) == 1, "the cluster was made twice"
        return outcome

    # The moments are parts of the time that a run takes on this machine.
    killed, whole_s = once(KILLS, LATE_S)
    assert not killed
    with ThreadPoolExecutor(4) as pool:
        moments = [chance.uniform(0.1, 1.0) * whole_s for number in range(KILLS)]
        outcomes = list(pool.map(once, range(KILLS), moments))
    assert any(killed for killed, __ in outcomes), "no run was killed: the moments are too late"


def test_many_merges_into_one_kubeconfig_lose_nothing(
    local_aks: LocalAks, processes: Processes, tmp_path: Path
) -> None:
    path = tmp_path / "kube" / "config"
    path.parent.mkdir()
    own = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "mine",
        "contexts": [{"name": "mine", "context": {"cluster": "mine", "user": "mine"}}],
        "clusters": [{"name": "mine", "cluster": {"server": "https://mine.example"}}],
        "users": [{"name": "mine", "user": {"token": "kept"}}],
    }
    path.write_text(yaml.safe_dump(own), encoding="utf-8")
    names = [f"c{number:02}" for number in range(MERGES)]
    maker = Modules(processes, local_aks, tmp_path, resource_group="rg-merge", name="c00")
    assert maker.cluster(**CLUSTER)["changed"] is True
    base = PATH.replace("rg-modules", "rg-merge").rpartition("/")[0]
    body = {key: value for key, value in local_aks.arm("GET", f"{base}/c00").body.items() if key != "eTag"}
    for name in names[1:]:
        assert local_aks.arm("PUT", f"{base}/{name}", body).status == 201

    def merge(name: str) -> Json:
        modules = Modules(processes, local_aks, tmp_path, resource_group="rg-merge", name=name)
        return modules.run("aks_kubeconfig", path=str(path), merge=True)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(merge, names))
    assert all(result.get("changed") is True for result in results), [r for r in results if not r.get("changed")][:1]
    merged = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in ("contexts", "clusters"):
        assert {item["name"] for item in merged[part]} == {"mine", *names}
    assert {item["name"] for item in merged["users"]} == {"mine", *(f"clusterUser_rg-merge_{name}" for name in names)}
    assert {item["user"]["token"] for item in merged["users"] if item["name"] == "mine"} == {"kept"}
    assert path.stat().st_mode & 0o777 == 0o600


PLAY = """
- name: Everything that has to do with secrets
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Create
      cloudnet.aks_cilium.aks_cluster: &cluster
        resource_group: rg-modules
        name: demo
        location: westeurope
        create_resource_group: true
        secret: "{{ lookup('env', 'CANARY') }}"
        network_profile: {network_plugin: none}
        agent_pools: [{name: system, count: 1}]
      register: created
    - name: Kubeconfig
      cloudnet.aks_cilium.aks_kubeconfig:
        resource_group: rg-modules
        name: demo
        path: "{{ folder }}/kubeconfig"
    - name: Info
      cloudnet.aks_cilium.aks_cluster_info:
        resource_group: rg-modules
    - name: A failure
      cloudnet.aks_cilium.aks_cluster:
        resource_group: rg-modules
        name: demo
        secret: "{{ lookup('env', 'CANARY') }}x"
      ignore_errors: true
    - name: Results
      ansible.builtin.debug:
        var: created
    - name: Delete
      cloudnet.aks_cilium.aks_cluster:
        resource_group: rg-modules
        name: demo
        state: absent
        create_resource_group: true
"""


def test_no_secret_in_any_output_nor_in_temporary_files(own_local_aks: LocalAks, tmp_path: Path) -> None:
    """The secret, tokens, signatures of operations and the kubeconfig's content, at -vvvv and with kept files."""
    service = own_local_aks
    play, temporary = tmp_path / "play.yml", tmp_path / "tmp"
    temporary.mkdir()
    play.write_text(PLAY, encoding="utf-8")
    log = tmp_path / "ansible.log"
    environment = {
        **os.environ,
        **service.environment,
        "CANARY": service.secret,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_LOG_PATH": str(log),
        "TMPDIR": str(temporary),
    }
    words = ["-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "--diff", "-vvvv"]
    words += ["-e", f"ansible_python_interpreter={sys.executable}", "-e", f"folder={tmp_path}", str(play)]
    done = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=False, timeout=240
    )
    assert done.returncode == 0, done.stdout + done.stderr
    kubeconfig = yaml.safe_load((tmp_path / "kubeconfig").read_text(encoding="utf-8"))
    token = kubeconfig["users"][0]["user"]["token"]
    # Tokens begin with the encoded head of a JWT.
    canaries = [service.secret, token, "eyJ0eXAiOiAiSldU", "&s=", "certificate-authority-data: LS0"]
    own_paths = (str(tmp_path), "local_aks", "local-aks-")
    for name, text in (("stdout", done.stdout), ("stderr", done.stderr), ("log", log.read_text(encoding="utf-8"))):
        for path in own_paths:
            text = text.replace(path, "")
        assert [canary for canary in canaries if canary in text] == [], name
    left = [path for path in temporary.rglob("*") if path.is_file()]
    assert left == [], "temporary files stay"
    assert str(temporary) != tempfile.gettempdir()
