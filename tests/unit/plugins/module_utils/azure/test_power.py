# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Clusters that are started and stopped."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    NotFound,
    OperationFailed,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster import run
from fake_arm import FakeArm, error, options, recorded, task


def act(arm: FakeArm, *, check_mode: bool = False, lines: list[str] | None = None, **given: Any) -> Result:
    context, said = task(options(**given), check_mode=check_mode)
    try:
        return run(context, lambda params, hide: arm.client())
    finally:
        if lines is not None:
            lines.extend(said)


def existing(**properties: Any) -> FakeArm:
    document = recorded("cluster_acns_2026")
    document["properties"].update(properties)
    return FakeArm({"demo": document})


STOPPED = {"code": "Stopped"}


def test_stop_and_start_change_once_each() -> None:
    arm = existing()
    stopped = act(arm, state="stopped")
    assert stopped.changed
    assert stopped.values["cluster"]["power_state"] == "Stopped"
    assert (stopped.before, stopped.after) == ({"power_state": "Running"}, {"power_state": "Stopped"})
    assert not act(arm, state="stopped").changed
    assert act(arm, state="started").values["cluster"]["power_state"] == "Running"
    assert not act(arm, state="started").changed
    assert [url.split("?")[0].rsplit("/", 1)[-1] for __, url, __, __ in arm.writes] == ["stop", "start"]


def test_nothing_to_do_costs_one_get() -> None:
    arm = existing()
    act(arm, state="started")
    assert [request[0] for request in arm.requests] == ["GET"]


def test_the_options_that_describe_a_cluster_are_not_looked_at() -> None:
    arm = existing()
    assert not act(arm, state="started", kubernetes_version="nonsense", location="elsewhere").changed


@pytest.mark.parametrize(("state", "power"), [("started", STOPPED), ("stopped", {"code": "Running"})])
def test_check_mode_tells_the_same_and_writes_nothing(state: str, power: dict[str, str]) -> None:
    arm = existing(powerState=power)
    checked = act(arm, state=state, check_mode=True)
    assert arm.writes == []
    real = act(arm, state=state)
    assert (checked.changed, checked.before, checked.after) == (real.changed, real.before, real.after)


@pytest.mark.parametrize("state", ["started", "stopped"])
def test_a_cluster_that_is_missing_is_an_error(state: str) -> None:
    with pytest.raises(NotFound, match=f"state={state}"):
        act(FakeArm(), state=state)


def test_one_that_is_on_the_way_is_waited_for() -> None:
    arm = existing()
    act(arm, state="stopped", wait=False)
    result = act(arm, state="stopped")
    assert (result.changed, result.values["cluster"]["power_state"]) == (False, "Stopped")
    assert len(arm.writes) == 1


def test_one_that_goes_the_other_way_is_turned_round() -> None:
    arm = existing()
    act(arm, state="stopped", wait=False)
    assert act(arm, state="started").values["cluster"]["power_state"] == "Running"


def test_without_waiting_another_operation_is_a_conflict() -> None:
    with pytest.raises(Conflict, match="Updating"):
        act(existing(provisioningState="Updating"), state="stopped", wait=False)
    assert not act(existing(provisioningState="Stopping"), state="stopped", wait=False).changed


def test_a_start_that_changes_nothing_is_an_error() -> None:
    arm = existing(powerState=STOPPED)
    arm.end_state = "Canceled"
    arm.statuses = [{"status": "Succeeded"}]
    with pytest.raises(OperationFailed, match="its start failed"):
        act(arm, state="started")


def test_clusters_with_node_auto_provisioning_are_not_stopped() -> None:
    arm = existing(nodeProvisioningProfile={"mode": "Auto"})
    with pytest.raises(Unsupported, match="node provisioning mode Auto"):
        act(arm, state="stopped", check_mode=True)
    assert arm.writes == []


def test_a_failed_one_is_told() -> None:
    lines: list[str] = []
    act(existing(provisioningState="Failed"), state="started", lines=lines)
    assert "warning: cluster demo is started, but its last operation failed." in lines


def test_present_on_a_stopped_cluster_says_how_to_start_it() -> None:
    arm = existing(powerState=STOPPED)
    with pytest.raises(Unsupported) as caught:
        act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
    assert "state=started" in caught.value.remedy
    assert arm.writes == []


def test_quota_is_no_operation_in_progress() -> None:
    arm = existing(powerState=STOPPED)
    arm.before_write = [error(409, "OperationNotAllowed", "Operation could not be completed as it exceeds quota.")]
    with pytest.raises(Conflict) as caught:
        act(arm, state="started")
    assert "quota" in caught.value.remedy
    assert len(arm.writes) == 1
