# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Long-running operations: patience, pauses and ends."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed, Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.operation import (
    accepted,
    busy_pools,
    busy_state,
    follow,
    settle,
)
from fake_arm import FakeArm
from fakes import FakeClock

HEADERS = {"azure-asyncoperation": "https://arm.test/a/operations/guid-1?api-version=2025-03-01&t=1&s=SIGNED"}
CREATING = {"properties": {"provisioningState": "Creating"}}


def test_the_id_is_the_unsigned_part_of_the_address() -> None:
    operation = accepted("create", Answer(201, HEADERS, CREATING))
    assert operation.view() == {"id": "guid-1", "action": "create", "provisioning_state": "Creating"}
    assert accepted("delete", Answer(202)).view() == {"id": "", "action": "delete", "provisioning_state": ""}


def test_pauses_grow_and_states_are_told() -> None:
    arm, clock, lines = FakeArm(), FakeClock(), []
    arm.statuses = [{"status": "CreatingControlPlane"}] * 6 + [{"status": "ReconcilingAddons"}, {"status": "succeeded"}]
    operation = accepted("create", Answer(201, HEADERS, CREATING))
    follow(arm.client(clock), operation, what="cluster demo", timeout_s=600, progress=lines.append)
    assert clock.sleeps == pytest.approx([1.0, 1.5, 2.25, 3.375, 5.0625, 7.59375, 10.0])
    assert [line.split(" (")[0] for line in lines] == [
        "cluster demo: CreatingControlPlane",
        "cluster demo: ReconcilingAddons",
        "cluster demo: succeeded",
    ]
    assert "SIGNED" not in str(lines)


@pytest.mark.parametrize("status", ["Failed", "Canceled"])
def test_a_bad_end_is_an_error(status: str) -> None:
    arm = FakeArm()
    arm.statuses = [{"status": status}]
    with pytest.raises(OperationFailed, match=status):
        follow(
            arm.client(), accepted("update", Answer(200, HEADERS)), what="x", timeout_s=60, progress=lambda line: None
        )


class Outage:
    """Reads that fail some times."""

    def __init__(self, times: int) -> None:
        self.times = times

    def __call__(self) -> dict[str, object]:
        self.times -= 1
        if self.times >= 0:
            raise Unreachable("gone", code="Unreachable")
        return {"properties": {"provisioningState": "Succeeded"}}


def test_a_short_outage_is_survived() -> None:
    lines: list[str] = []
    settle(Outage(4), FakeArm().client(), what="x", timeout_s=600, progress=lines.append)
    assert lines[0] == "x: no answer (Unreachable) (0 s)"


def test_a_long_outage_is_an_error() -> None:
    with pytest.raises(Unreachable):
        settle(Outage(5), FakeArm().client(), what="x", timeout_s=600, progress=lambda line: None)


def test_until_gone_does_not_stop_at_success() -> None:
    states = [
        {"properties": {"provisioningState": "Succeeded"}},
        {"properties": {"provisioningState": "Deleting"}},
        None,
    ]
    gone = settle(
        lambda: states.pop(0),
        FakeArm().client(),
        what="x",
        timeout_s=60,
        progress=lambda line: None,
        until_gone=True,
    )
    assert gone is None
    assert states == []


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        ("Succeeded", ""),
        ("Failed", ""),
        ("Canceled", ""),
        (None, ""),
        ("Creating", "Creating"),
        ("Migrating", "Migrating"),
    ],
)
def test_busy_state(state: str | None, busy: str) -> None:
    assert busy_state({"properties": {"provisioningState": state}}) == busy


def test_pools_may_be_busy_by_themselves() -> None:
    pools = [{"name": "a", "provisioningState": "Scaling"}, {"name": "b", "provisioningState": "Failed"}, {"name": "c"}]
    document = {"properties": {"provisioningState": "Succeeded", "agentPoolProfiles": pools}}
    assert (busy_state(document), busy_pools(document)) == ("", ["a"])


def test_a_cluster_has_settled_when_its_pools_have() -> None:
    scaling = {"properties": {"agentPoolProfiles": [{"name": "a", "provisioningState": "Scaling"}]}}
    settled = {"properties": {"agentPoolProfiles": [{"name": "a", "provisioningState": "Succeeded"}]}}
    states, lines = [scaling, settled], list[str]()
    settle(lambda: states.pop(0), FakeArm().client(), what="x", timeout_s=60, progress=lines.append)
    assert [line.split(" (")[0] for line in lines] == ["x: Succeeded; a Scaling", "x: Succeeded"]
