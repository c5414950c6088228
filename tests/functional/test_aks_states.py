# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What aks_cluster and aks_node_pool do over time: power, upgrades, node pools, tokens to resume with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from azure_modules import Modules

if TYPE_CHECKING:
    from azure_modules import Processes
    from azure_stand_in import LocalAks

CLUSTER = {
    "location": "westeurope",
    "create_resource_group": True,
    "network_profile": {"network_plugin": "azure", "network_plugin_mode": "overlay"},
    "agent_pools": [{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ads_v5"}],
}
POOL = {"mode": "User", "count": 1, "vm_size": "Standard_D4ads_v5", "node_labels": {"team": "a"}}
NEWER_IMAGE = "AKSUbuntu-2204gen2containerd-202612.01.0"
Json = dict[str, Any]


@pytest.fixture
def cluster(modules: Modules) -> Modules:
    assert modules.cluster(**CLUSTER)["changed"] is True
    modules.writes()
    return modules


@pytest.fixture
def pool(cluster: Modules, processes: Processes) -> Modules:
    names = {"resource_group": "rg-modules", "cluster_name": "demo", "name": "extra"}
    return Modules(processes, cluster.service, cluster.directory, **names)


class TestPower:
    def test_stop_and_start(self, cluster: Modules) -> None:
        stopped = cluster.both(state="stopped")
        assert stopped["cluster"]["power_state"] == "Stopped"
        refused = cluster.cluster(**CLUSTER, sku_tier="Standard")
        assert refused["failure"]["code"] == "ClusterStopped"
        assert refused["failure"]["remedy"]
        started = cluster.both(state="started")
        assert started["cluster"]["power_state"] == "Running"

    def test_a_cluster_that_is_not_there(self, modules: Modules) -> None:
        for state in ("started", "stopped"):
            failed = modules.cluster(state=state)
            assert failed.get("failed") is True
            assert failed["failure"]["remedy"]


class TestUpgrade:
    def test_control_plane_then_pools_one_minor_at_a_time(self, cluster: Modules) -> None:
        upgraded = cluster.both(kubernetes_version="1.35")
        assert upgraded["cluster"]["current_kubernetes_version"] == "1.35.1"
        (system,) = upgraded["cluster"]["agent_pools"]
        assert system["current_orchestrator_version"] == "1.34.4"
        pools = [{"name": "system", "orchestrator_version": "1.35"}]
        (system,) = cluster.both(agent_pools=pools)["cluster"]["agent_pools"]
        assert system["current_orchestrator_version"] == "1.35.1"

    @pytest.mark.parametrize("version", ["1.36", "1.33"])
    def test_what_is_not_offered_is_refused_before_the_call(self, cluster: Modules, version: str) -> None:
        refused = cluster.cluster(kubernetes_version=version)
        assert refused.get("failed") is True
        assert refused["failure"]["option"] == "kubernetes_version"
        assert refused["failure"]["remedy"]
        assert cluster.writes() == []


class TestNodePool:
    def test_the_life_of_a_pool(self, pool: Modules) -> None:
        made = pool.both("aks_node_pool", **POOL)
        assert made["agent_pool"]["name"] == "extra"
        changed = pool.both("aks_node_pool", node_labels={"team": "b"}, count=2)
        assert changed["agent_pool"]["count"] == 2
        assert pool.both("aks_node_pool", state="absent")["changed"] is True
        path = "/resourceGroups/rg-modules/providers/Microsoft.ContainerService/managedClusters/demo/agentPools"
        assert [item["name"] for item in pool.service.arm("GET", path).body["value"]] == ["system"]

    def test_a_new_node_image(self, pool: Modules) -> None:
        pool.run("aks_node_pool", **POOL)
        service = pool.service
        assert pool.run("aks_node_pool", upgrade_node_image=True)["changed"] is False
        service.send("PUT", "/_local_aks/node-image", {"version": NEWER_IMAGE})
        try:
            upgraded = pool.both("aks_node_pool", upgrade_node_image=True)
            assert upgraded["agent_pool"]["node_image_version"] == NEWER_IMAGE
        finally:
            service.send("PUT", "/_local_aks/node-image", {})

    def test_the_last_system_pool_stays(self, pool: Modules) -> None:
        refused = pool.run("aks_node_pool", state="absent", name="system")
        assert refused["failure"]["code"] == "LastSystemPool"
        assert pool.writes() == []

    def test_a_pool_of_no_cluster(self, pool: Modules) -> None:
        failed = pool.run("aks_node_pool", **POOL, cluster_name="nobody")
        assert failed.get("failed") is True
        assert failed["failure"]["remedy"]


class TestResume:
    def test_a_token_picks_the_operation_up(self, modules: Modules) -> None:
        modules.service.faults({"kind": "hold_operation"})
        started = modules.cluster(**CLUSTER, wait=False)
        token = started["operation"]["token"]
        assert started["operation"]["action"] == "create"
        modules.service.faults()
        modules.writes()
        ended = modules.cluster(**CLUSTER, resume=token)
        assert ended["cluster"]["provisioning_state"] == "Succeeded"
        assert modules.writes() == []

    def test_a_failed_operation_fails_the_task_that_resumes_it(self, modules: Modules) -> None:
        fault = {"kind": "operation_failed", "code": "QuotaExceeded", "message": "Too few cores."}
        modules.service.faults({"kind": "slow_operation", "seconds": 2}, fault)
        started = modules.cluster(**CLUSTER, wait=False)
        failed = modules.cluster(**CLUSTER, resume=started["operation"]["token"])
        assert failed.get("failed") is True

    @pytest.mark.parametrize("token", ["nonsense", "aks1.e30", "aks1.eyJpZCI6ICIvLi4vIn0"])
    def test_what_is_no_token(self, cluster: Modules, token: str) -> None:
        refused = cluster.cluster(resume=token)
        assert (refused["failure"]["option"], refused["failure"]["code"]) == ("resume", "InvalidToken")

    def test_a_token_of_another_cluster(self, modules: Modules) -> None:
        started = modules.cluster(**CLUSTER, wait=False)
        refused = modules.run("aks_cluster", **{**CLUSTER, "name": "other"}, resume=started["operation"]["token"])
        assert refused["failure"]["code"] == "OtherToken"


def test_another_operation_is_waited_for(cluster: Modules) -> None:
    service: LocalAks = cluster.service
    path = "/resourceGroups/rg-modules/providers/Microsoft.ContainerService/managedClusters/demo"
    service.faults({"kind": "slow_operation", "seconds": 2})
    live = service.arm("GET", path).body
    assert service.arm("PUT", path, live).status == 200
    result = cluster.cluster(**CLUSTER, sku_tier="Standard")
    assert (result["changed"], result["cluster"]["sku_tier"]) == (True, "Standard")
