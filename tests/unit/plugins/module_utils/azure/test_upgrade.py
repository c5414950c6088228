# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Upgrades of the control plane, apart from those of node pools."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster import run
from fake_arm import FakeArm, options, recorded, task

OFFERED = ["1.34.6", "1.34.10", "1.35.1", "1.35.0"]


def act(arm: FakeArm, **given: Any) -> Result:
    context, __ = task(options(**given))
    return run(context, lambda params, hide: arm.client())


@pytest.fixture
def arm() -> FakeArm:
    """A cluster of 1.34.4 whose pool has the same version."""
    arm = FakeArm({"demo": recorded("cluster_acns_2026")})
    assert arm.clusters["demo"]["properties"]["currentKubernetesVersion"] == "1.34.4"
    arm.upgrades = list(OFFERED)
    return arm


@pytest.mark.parametrize("version", ["1.35", "1.35.1", "1.34.6"])
def test_an_offered_version_is_put_and_the_pools_keep_theirs(arm: FakeArm, version: str) -> None:
    pool = dict(arm.clusters["demo"]["properties"]["agentPoolProfiles"][0])
    result = act(arm, kubernetes_version=version)
    assert result.after == {"kubernetes_version": version}
    ((method, __, body, __),) = arm.writes
    assert method == "PUT"
    assert body is not None
    assert body["properties"]["kubernetesVersion"] == version
    assert body["properties"]["agentPoolProfiles"] == [pool]


def test_a_pool_that_names_no_version_is_held_at_what_it_runs(arm: FakeArm) -> None:
    del arm.clusters["demo"]["properties"]["agentPoolProfiles"][0]["orchestratorVersion"]
    act(arm, kubernetes_version="1.35")
    body = arm.writes[0][2]
    assert body is not None
    assert body["properties"]["agentPoolProfiles"][0]["orchestratorVersion"] == "1.34.4"


def test_pools_go_along_when_they_are_named(arm: FakeArm) -> None:
    result = act(arm, kubernetes_version="1.35", agent_pools=[{"name": "nodepool1", "orchestrator_version": "1.35"}])
    assert result.after == {
        "kubernetes_version": "1.35",
        "agent_pools": {"nodepool1": {"orchestrator_version": "1.35"}},
    }
    assert len(arm.writes) == 1


def test_a_version_that_is_not_offered_names_those_that_are(arm: FakeArm) -> None:
    with pytest.raises(InvalidInput, match=r"kubernetes_version='1\.35\.9'") as caught:
        act(arm, kubernetes_version="1.35.9")
    assert caught.value.remedy == "Available: 1.34.6, 1.34.10, 1.35.0, 1.35.1."
    assert caught.value.code == "VersionNotOffered"
    assert arm.writes == []


def test_without_any_upgrade_the_error_says_so(arm: FakeArm) -> None:
    arm.upgrades = []
    with pytest.raises(InvalidInput) as caught:
        act(arm, kubernetes_version="1.35")
    assert caught.value.remedy == "No upgrade is available now."


@pytest.mark.parametrize("version", ["1.36", "1.36.0", "1.33", "1.34.1"])
def test_steps_that_kubernetes_does_not_know_are_refused(arm: FakeArm, version: str) -> None:
    with pytest.raises(CollectionError) as caught:
        act(arm, kubernetes_version=version)
    assert caught.value.option == "kubernetes_version"
    assert arm.writes == []


def test_a_pool_is_never_newer_than_the_control_plane(arm: FakeArm) -> None:
    with pytest.raises(InvalidInput) as caught:
        act(arm, agent_pools=[{"name": "nodepool1", "orchestrator_version": "1.35"}])
    assert caught.value.option == "agent_pools.nodepool1.orchestrator_version"
    assert arm.writes == []


def test_a_pool_by_itself_is_offered_its_own_list(arm: FakeArm) -> None:
    pool = arm.clusters["demo"]["properties"]["agentPoolProfiles"][0]
    pool.update(orchestratorVersion="1.33", currentOrchestratorVersion="1.33.5")
    arm.upgrades = ["1.33.6"]
    with pytest.raises(InvalidInput) as caught:
        act(arm, agent_pools=[{"name": "nodepool1", "orchestrator_version": "1.34"}])
    assert caught.value.code == "VersionNotOffered"
    assert any("agentPools/nodepool1/upgradeProfiles/default" in url for __, url, __, __ in arm.requests)


def test_the_list_is_asked_for_only_when_a_version_changes(arm: FakeArm) -> None:
    act(arm, kubernetes_version="1.34", agent_pools=[{"name": "nodepool1", "count": 2}])
    assert not any("upgradeProfiles" in url for __, url, __, __ in arm.requests)


def test_where_azure_has_no_list_the_write_decides(arm: FakeArm) -> None:
    arm.upgrades = None
    assert act(arm, kubernetes_version="1.35").changed
