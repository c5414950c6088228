# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of aks_node_pool against a Resource Manager in memory."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.node_pool import run
from fake_arm import FakeArm, pool_options, recorded, task


def act(arm: FakeArm, *, check_mode: bool = False, lines: list[str] | None = None, **given: Any) -> Result:
    context, said = task(pool_options(**given), check_mode=check_mode)
    try:
        return run(context, lambda params, hide: arm.client())
    finally:
        if lines is not None:
            lines.extend(said)


def existing(*pools: Json, **properties: Any) -> FakeArm:
    """A recorded cluster with its one system pool nodepool1, and more pools."""
    document = recorded("cluster_acns_2026")
    document["properties"].update(properties)
    held = document["properties"]["agentPoolProfiles"]
    for pool in pools:
        held.append({**copy.deepcopy(held[0]), "mode": "User", **pool})
    return FakeArm({"demo": document})


def verbs(arm: FakeArm) -> list[tuple[str, str]]:
    return [(method, url.split("?")[0].rsplit("/", 1)[-1]) for method, url, __, __ in arm.writes]


class TestCreate:
    def test_sends_one_put_that_must_not_replace_anything(self) -> None:
        arm = existing()
        result = act(arm, name="workers", count=2, vm_size="Standard_D2s_v3", node_labels={"team": "net"})
        ((method, url, body, headers),) = arm.writes
        assert (method, headers["If-None-Match"]) == ("PUT", "*")
        assert url.split("?")[0].endswith("/managedClusters/demo/agentPools/workers")
        assert body == {
            "properties": {
                "count": 2,
                "vmSize": "Standard_D2s_v3",
                "nodeLabels": {"team": "net"},
                "type": "VirtualMachineScaleSets",
                "osType": "Linux",
            }
        }
        assert result.changed
        assert result.after == {"count": 2, "vm_size": "Standard_D2s_v3", "node_labels": {"team": "net"}}
        assert result.values["agent_pool"]["provisioning_state"] == "Succeeded"
        assert not act(arm, name="workers", count=2, vm_size="Standard_D2s_v3").changed

    def test_check_mode_only_reads(self) -> None:
        arm = existing()
        result = act(arm, name="workers", count=2, check_mode=True)
        assert result.changed
        assert result.values["agent_pool"]["count"] == 2
        assert arm.writes == []

    def test_a_missing_cluster_is_an_error_save_in_check_mode(self) -> None:
        with pytest.raises(NotFound, match="cluster_name='demo'"):
            act(FakeArm(), name="workers", count=2)
        assert act(FakeArm(), name="workers", count=2, check_mode=True).changed

    @pytest.mark.parametrize(
        ("given", "option"),
        [
            ({"name": "Workers"}, "name"),
            ({"cluster_name": "-x"}, "cluster_name"),
            ({"resource_group": "a/b"}, "resource_group"),
            ({"count": -1}, "count"),
            ({"node_taints": ["node.cilium.io/agent-not-ready=true:NoSchedule"]}, "node_taints"),
            ({"enable_auto_scaling": False, "min_count": 1}, "min_count"),
        ],
    )
    def test_what_azure_would_refuse_is_refused_before_anything_is_asked(
        self, given: dict[str, Any], option: str
    ) -> None:
        arm = existing()
        with pytest.raises(InvalidInput) as caught:
            act(arm, **{"name": "workers", **given})
        assert caught.value.option == option
        assert arm.requests == []

    def test_a_new_pool_that_scales_needs_its_bounds(self) -> None:
        arm = existing()
        with pytest.raises(InvalidInput) as caught:
            act(arm, name="workers", enable_auto_scaling=True)
        assert caught.value.option == "enable_auto_scaling"
        assert arm.writes == []

    def test_a_pool_is_not_newer_than_its_cluster(self) -> None:
        arm = existing()
        with pytest.raises(InvalidInput) as caught:
            act(arm, name="workers", orchestrator_version="1.99")
        assert caught.value.option == "orchestrator_version"
        assert arm.writes == []

    def test_a_stopped_cluster_gets_no_pool(self) -> None:
        arm = existing(powerState={"code": "Stopped"})
        with pytest.raises(Unsupported, match="stopped"):
            act(arm, name="workers")
        assert arm.writes == []


class TestUpdate:
    def test_nothing_to_do_costs_one_get(self) -> None:
        arm = existing()
        result = act(arm, count=1, mode="System")
        assert not result.changed
        assert [request[0] for request in arm.requests] == ["GET"]
        assert (result.before, result.after) == ({}, {})

    def test_scaling_sends_the_whole_pool_with_its_etag(self) -> None:
        arm = existing({"name": "workers", "eTag": "e-1", "futureField": {"kept": [1]}})
        result = act(arm, name="workers", count=3)
        ((method, __, body, headers),) = arm.writes
        assert (method, headers["If-Match"]) == ("PUT", "e-1")
        assert body is not None
        assert body["properties"]["futureField"] == {"kept": [1]}
        assert (result.before, result.after) == ({"count": 1}, {"count": 3})
        assert not act(arm, name="workers", count=3).changed

    def test_check_mode_tells_the_same_and_writes_nothing(self) -> None:
        arm = existing()
        checked = act(arm, count=3, check_mode=True)
        assert arm.writes == []
        real = act(arm, count=3)
        assert (checked.changed, checked.before, checked.after) == (real.changed, real.before, real.after)

    def test_an_immutable_field_is_named_as_this_module_names_it(self) -> None:
        arm = existing()
        with pytest.raises(Unsupported) as caught:
            act(arm, vm_size="Standard_D99")
        assert (caught.value.option, caught.value.code) == ("vm_size", "ImmutableField")
        assert arm.writes == []

    def test_other_pools_stay_as_they_are(self) -> None:
        arm = existing({"name": "workers"})
        before = copy.deepcopy(arm.clusters["demo"]["properties"]["agentPoolProfiles"][0])
        act(arm, name="workers", count=5)
        assert arm.clusters["demo"]["properties"]["agentPoolProfiles"][0] == before

    def test_a_failed_pool_is_reconciled_although_nothing_differs(self) -> None:
        arm = existing({"name": "workers", "provisioningState": "Failed"})
        result = act(arm, name="workers", count=1)
        assert verbs(arm) == [("PUT", "workers")]
        assert result.before == {"provisioning_state": "Failed"}

    def test_a_pool_that_is_busy_is_waited_for(self) -> None:
        arm = existing({"name": "workers"})
        act(arm, name="workers", count=3, wait=False)
        assert not act(arm, name="workers", count=3).changed
        assert len(arm.writes) == 1

    def test_without_waiting_a_busy_pool_or_cluster_is_a_conflict(self) -> None:
        for arm in (
            existing({"name": "workers", "provisioningState": "Scaling"}),
            existing(provisioningState="Updating"),
        ):
            name = "workers" if "Scaling" in str(arm.clusters) else "nodepool1"
            with pytest.raises(Conflict):
                act(arm, name=name, count=3, wait=False)
            assert arm.writes == []

    def test_an_operation_on_the_cluster_is_waited_for(self) -> None:
        arm = existing({"name": "workers"})
        lines: list[str] = []
        cluster = arm.clusters["demo"]["properties"]
        cluster["provisioningState"] = "Upgrading"
        arm._pending = lambda: cluster.update(provisioningState="Succeeded")
        arm._looks = 4
        assert act(arm, name="workers", count=3, lines=lines).changed
        assert any(line.startswith("cluster demo: Upgrading") for line in lines)
        assert verbs(arm) == [("PUT", "workers")]

    def test_a_failed_operation_tells_the_state_of_each_pool(self) -> None:
        arm = existing({"name": "workers"})
        arm.end_state = "Failed"
        arm.statuses = [{"status": "Failed", "error": {"code": "SkuNotAvailable", "message": "None left."}}]
        with pytest.raises(OperationFailed, match="None left") as caught:
            act(arm, name="workers", count=3)
        assert caught.value.details["agent_pools"] == {"nodepool1": "Succeeded", "workers": "Failed"}
        assert caught.value.correlation_id == "corr-1"

    def test_the_last_system_pool_keeps_its_mode(self) -> None:
        arm = existing({"name": "workers"})
        with pytest.raises(Unsupported) as caught:
            act(arm, mode="User")
        assert caught.value.code == "LastSystemPool"
        assert arm.writes == []
        assert act(arm, name="workers", mode="System").changed
        assert act(arm, mode="User").changed


class TestUpgrade:
    def test_a_version_that_azure_offers_is_put(self) -> None:
        arm = existing(
            {"name": "workers", "orchestratorVersion": "1.33", "currentOrchestratorVersion": "1.33.5"},
        )
        arm.upgrades = ["1.33.6", "1.34.4"]
        assert act(arm, name="workers", orchestrator_version="1.34").changed
        assert verbs(arm) == [("PUT", "workers")]

    def test_another_names_those_that_it_offers(self) -> None:
        arm = existing(
            {"name": "workers", "orchestratorVersion": "1.33", "currentOrchestratorVersion": "1.33.5"},
        )
        arm.upgrades = ["1.33.6", "1.33.10"]
        with pytest.raises(InvalidInput, match=r"orchestrator_version='1\.34'") as caught:
            act(arm, name="workers", orchestrator_version="1.34")
        assert caught.value.remedy == "Available: 1.33.6, 1.33.10."
        assert caught.value.details == {"available": ["1.33.6", "1.33.10"]}
        assert arm.writes == []

    def test_the_node_image_is_upgraded_once(self) -> None:
        arm = existing()
        arm.upgrades = []
        result = act(arm, upgrade_node_image=True)
        assert verbs(arm) == [("POST", "upgradeNodeImageVersion")]
        assert result.after == {"node_image_version": arm.newest_image}
        assert result.values["agent_pool"]["node_image_version"] == arm.newest_image
        assert not act(arm, upgrade_node_image=True).changed

    def test_the_node_image_in_check_mode(self) -> None:
        arm = existing()
        arm.upgrades = []
        assert act(arm, upgrade_node_image=True, check_mode=True).changed
        assert arm.writes == []

    def test_a_change_and_the_image_are_two_operations(self) -> None:
        arm = existing()
        arm.upgrades = []
        result = act(arm, upgrade_node_image=True, count=3)
        assert verbs(arm) == [("PUT", "nodepool1"), ("POST", "upgradeNodeImageVersion")]
        assert result.after == {"count": 3, "node_image_version": arm.newest_image}

    def test_without_waiting_the_image_is_left_to_the_next_run(self) -> None:
        arm = existing()
        arm.upgrades = []
        lines: list[str] = []
        act(arm, upgrade_node_image=True, count=3, wait=False, lines=lines)
        assert verbs(arm) == [("PUT", "nodepool1")]
        assert any("next run" in line for line in lines)

    def test_an_unknown_newest_image_is_a_warning(self) -> None:
        lines: list[str] = []
        assert not act(existing(), upgrade_node_image=True, lines=lines).changed
        assert any("does not tell its newest node image" in line for line in lines)


class TestAbsent:
    def test_deletes_the_named_pool_only_and_once(self) -> None:
        arm = existing({"name": "workers"})
        assert act(arm, name="workers", state="absent").changed
        assert [pool["name"] for pool in arm.clusters["demo"]["properties"]["agentPoolProfiles"]] == ["nodepool1"]
        assert not act(arm, name="workers", state="absent").changed
        assert not act(FakeArm(), name="workers", state="absent").changed

    def test_check_mode_writes_nothing(self) -> None:
        arm = existing({"name": "workers"})
        assert act(arm, name="workers", state="absent", check_mode=True).changed
        assert arm.writes == []

    @pytest.mark.parametrize("check_mode", [True, False])
    def test_the_last_system_pool_is_refused_before_the_call(self, check_mode: bool) -> None:
        arm = existing({"name": "workers"})
        with pytest.raises(Unsupported, match="only pool of mode System"):
            act(arm, state="absent", check_mode=check_mode)
        assert arm.writes == []

    def test_disruption_budgets_are_ignored_only_when_asked(self) -> None:
        for forced in (False, True):
            arm = existing({"name": "workers"})
            act(arm, name="workers", state="absent", ignore_pod_disruption_budget=forced)
            ((__, url, __, __),) = arm.writes
            assert ("ignore-pod-disruption-budget=true" in url) is forced

    def test_a_deletion_under_way_is_waited_for(self) -> None:
        arm = existing({"name": "workers"})
        act(arm, name="workers", state="absent", wait=False)
        assert not act(arm, name="workers", state="absent").changed
        assert len(arm.writes) == 1
        assert "workers" not in str(arm.clusters)

    def test_a_failed_deletion_is_an_error(self) -> None:
        arm = existing({"name": "workers"})
        arm.end_state = "Failed"
        arm.statuses = [{"status": "Failed", "error": {"code": "PodDrainFailure", "message": "A budget."}}]
        with pytest.raises(OperationFailed, match="A budget") as caught:
            act(arm, name="workers", state="absent")
        assert "disruption budget" in caught.value.remedy
