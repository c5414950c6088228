# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What happens between a request and its end: races, lost answers, throttling, and runs that are killed."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    OperationFailed,
    Throttled,
    TimedOut,
    Unreachable,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import cluster, node_pool
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.transport import Answer
from fake_arm import FakeArm, Killed, error, options, pool_options, recorded, task
from fakes import FakeClock

NEW: Json = {"location": "westeurope", "agent_pools": [{"name": "system", "count": 2}]}
SCALE: Json = {"agent_pools": [{"name": "nodepool1", "count": 3}]}
PROGRESS = "Another operation (Updating) is in progress, please wait for it to finish."


def existing(**properties: Any) -> FakeArm:
    document = recorded("cluster_acns_2026")
    document["properties"].update(properties)
    return FakeArm({"demo": document})


def act(arm: FakeArm, *, clock: FakeClock | None = None, lines: list[str] | None = None, **given: Any) -> Result:
    pool = given.pop("pool", None)
    context, said = task(pool_options(name=pool, **given) if pool else options(**given))
    run = node_pool.run if pool else cluster.run
    try:
        return run(context, lambda params, hide: arm.client(clock))
    finally:
        if lines is not None:
            lines.extend(said)


class TestRaces:
    def test_another_writer_between_read_and_write_is_not_overwritten(self) -> None:
        """The etag catches it; the second try is laid over what the other one wrote."""
        arm = existing()
        honest = arm._managed

        def slip_in(method: str, *rest: Any) -> Answer:
            if method == "PUT" and len(arm.writes) == 1:
                arm.clusters["demo"].update(eTag="theirs", tags={"theirs": "1"})
            return honest(method, *rest)

        arm._managed = slip_in  # type: ignore[method-assign]
        result = act(arm, **SCALE)
        assert result.changed
        assert arm.clusters["demo"]["tags"] == {"theirs": "1"}
        assert [headers["If-Match"] for __, __, __, headers in arm.writes][-1] == "theirs"

    def test_a_cluster_that_another_run_creates_meanwhile_is_not_made_twice(self) -> None:
        arm = FakeArm()
        honest = arm._managed

        def slip_in(method: str, *rest: Any) -> Answer:
            if method == "PUT" and "demo" not in arm.clusters:
                arm.clusters["demo"] = recorded("cluster_acns_2026")
                arm.clusters["demo"]["properties"]["provisioningState"] = "Creating"
                arm._pending = lambda: arm.clusters["demo"]["properties"].update(provisioningState="Succeeded")
                arm._looks = 3
            return honest(method, *rest)

        arm._managed = slip_in  # type: ignore[method-assign]
        result = act(arm, location="westcentralus", agent_pools=[{"name": "nodepool1", "count": 1}])
        assert not result.changed
        assert len(arm.writes) == 1

    def test_an_operation_in_progress_is_waited_for_as_long_as_the_task_may(self) -> None:
        arm, clock, lines = existing(), FakeClock(), list[str]()
        arm.before_write = [error(409, "OperationNotAllowed", PROGRESS)] * 7
        assert act(arm, clock=clock, lines=lines, **SCALE).changed
        assert clock.now > 100
        assert lines.count("cluster demo: OperationNotAllowed, looking again") == 7

    @pytest.mark.parametrize("timeout", [0, -5])
    def test_no_time_to_wait_is_refused_before_a_request(self, timeout: int) -> None:
        arm = existing()
        with pytest.raises(InvalidInput, match=f"wait_timeout={timeout}") as caught:
            act(arm, wait_timeout=timeout, **SCALE)
        assert caught.value.option == "wait_timeout"
        assert arm.requests == []

    def test_an_operation_in_progress_that_outlasts_the_task_is_a_conflict(self) -> None:
        arm, clock = existing(), FakeClock()
        arm.before_write = [error(409, "OperationNotAllowed", PROGRESS)] * 99
        with pytest.raises(Conflict, match="in progress"):
            act(arm, clock=clock, wait_timeout=120, **SCALE)
        assert 60 < clock.now <= 120

    def test_without_waiting_it_is_a_conflict_at_once(self) -> None:
        arm = existing()
        arm.before_write = [error(409, "OperationNotAllowed", PROGRESS)]
        with pytest.raises(Conflict):
            act(arm, wait=False, **SCALE)
        assert len(arm.writes) == 1

    def test_a_lost_race_is_tried_again_even_without_waiting(self) -> None:
        arm = existing()
        arm.before_write = [error(409, "EtagMismatch")]
        assert act(arm, wait=False, **SCALE).changed

    def test_a_pool_with_an_operation_of_its_own_is_waited_for_before_the_write(self) -> None:
        arm, lines = existing(), list[str]()
        pool = arm.clusters["demo"]["properties"]["agentPoolProfiles"][0]
        pool["provisioningState"] = "Scaling"
        arm._pending = lambda: pool.update(provisioningState="Succeeded", count=2)
        arm._looks = 3
        result = act(arm, lines=lines, **SCALE)
        assert result.before == {"agent_pools": {"nodepool1": {"count": 2}}}
        assert "cluster demo: Succeeded; nodepool1 Scaling (0 s)" in lines


class TestSuperseded:
    def test_an_operation_that_a_newer_one_replaced_is_judged_by_what_that_one_left(self) -> None:
        arm = existing()
        arm.statuses = [
            {"status": "Failed", "error": {"code": "AKSOperationPreempted", "message": "A newer one."}},
            {"status": "Succeeded"},
        ]
        result = act(arm, **SCALE)
        assert (result.changed, result.after) == (True, {"agent_pools": {"nodepool1": {"count": 3}}})
        assert len(arm.writes) == 1

    def test_an_operation_that_stays_taken_over_does_not_last_until_the_deadline(self) -> None:
        arm, clock = existing(), FakeClock()
        arm.statuses = [{"status": "InProgress", "error": {"code": "NotLatestOperation", "message": "preempted"}}]
        result = act(arm, clock=clock, **SCALE)
        assert result.changed
        assert clock.now < 300

    def test_a_deletion_by_somebody_else_is_an_error(self) -> None:
        arm = existing()
        arm.end_state = "Deleting"
        arm.statuses = [{"status": "Canceled", "error": {"code": "AKSOperationPreemptedByDelete", "message": "Gone."}}]
        with pytest.raises(OperationFailed) as caught:
            act(arm, **SCALE)
        assert "Somebody deletes it" in caught.value.remedy

    def test_an_aborted_operation_is_an_error_and_the_next_run_repairs(self) -> None:
        arm = existing()
        arm.end_state = "Canceled"
        arm.statuses = [{"status": "Canceled"}]
        with pytest.raises(OperationFailed, match="Canceled") as caught:
            act(arm, **SCALE)
        assert "operation-abort" in caught.value.remedy
        arm.end_state = "Succeeded"
        arm.statuses = [{"status": "Succeeded"}]
        assert act(arm, **SCALE).before == {"provisioning_state": "cluster Canceled"}
        assert not act(arm, **SCALE).changed

    def test_a_cluster_that_vanishes_is_an_error(self) -> None:
        arm = existing()
        arm.statuses = [{"status": "Succeeded"}]
        honest = arm._operation
        arm._operation = lambda: (arm.clusters.clear(), honest())[1]  # type: ignore[method-assign]
        with pytest.raises(OperationFailed) as caught:
            act(arm, **SCALE)
        assert caught.value.code == "Vanished"


class TestLostAnswers:
    """A write whose answer does not come (or says 5xx) may or may not have been taken: a look tells."""

    @pytest.mark.parametrize("wait", [True, False])
    def test_a_create_that_was_taken_is_not_sent_again(self, wait: bool) -> None:
        arm = FakeArm()
        arm.lost = 1
        result = act(arm, **NEW, wait=wait)
        assert result.changed
        assert result.after is not None
        assert result.after["location"] == "westeurope"
        assert [item[0] for item in arm.writes] == ["PUT"]

    @pytest.mark.parametrize("answer", [Answer(503), Answer(500), error(504, "GatewayTimeout")])
    def test_a_create_that_was_not_taken_is_sent_again(self, answer: Answer) -> None:
        arm = FakeArm()
        arm.before_write = [answer]
        assert act(arm, **NEW).changed
        assert [headers["If-None-Match"] for __, __, __, headers in arm.writes] == ["*", "*"]

    def test_an_update_that_was_taken_is_not_sent_again(self) -> None:
        arm = existing()
        arm.lost = 1
        result = act(arm, **SCALE)
        assert (result.before, result.after) == (
            {"agent_pools": {"nodepool1": {"count": 1}}},
            {"agent_pools": {"nodepool1": {"count": 3}}},
        )
        assert result.changed
        assert len(arm.writes) == 1

    def test_tags_a_deletion_and_a_stop_likewise(self) -> None:
        for given in ({"tags": {"a": "b"}}, {"state": "absent"}, {"state": "stopped"}):
            arm = existing()
            arm.lost = 1
            assert act(arm, **given).changed
            assert len(arm.writes) == 1
            assert not act(arm, **given).changed

    def test_node_pools_likewise(self) -> None:
        for given in ({"pool": "workers", "count": 2}, {"pool": "nodepool1", "count": 4}):
            arm = existing()
            arm.lost = 1
            assert act(arm, **given).changed
            assert len(arm.writes) == 1

    def test_without_waiting_the_result_says_that_something_goes_on(self) -> None:
        arm = existing()
        arm.lost = 1
        result = act(arm, wait=False, **SCALE)
        assert result.changed
        token = result.values["operation"]["token"]
        assert act(arm, resume=token).values["cluster"]["provisioning_state"] == "Succeeded"

    def test_an_endpoint_that_never_answers_ends_as_an_error(self) -> None:
        arm = FakeArm()
        arm.before_write = [Answer(503)] * 99
        with pytest.raises(OperationFailed, match="503"):
            act(arm, **NEW)
        assert len(arm.writes) == 4


class TestOutages:
    def test_polls_survive_a_server_error_that_lasts_a_while(self) -> None:
        arm, lines = FakeArm(), list[str]()
        honest, answers = arm._operation, [Answer(500)] * 13
        arm._operation = lambda: answers.pop() if answers else honest()  # type: ignore[method-assign]
        assert act(arm, lines=lines, **NEW).changed
        assert any(line.startswith("cluster demo: no answer (HTTP500)") for line in lines)

    def test_an_operation_that_azure_has_forgotten_is_watched_by_its_cluster(self) -> None:
        arm = FakeArm()
        arm._operation = lambda: error(404, "NotFound")  # type: ignore[method-assign]
        assert act(arm, **NEW).values["cluster"]["provisioning_state"] == "Succeeded"

    def test_throttling_is_sat_out_within_the_deadline(self) -> None:
        clock, lines = FakeClock(), list[str]()
        arm = FakeArm()
        arm.before_write = [Answer(429, {"retry-after": "300"})]
        assert act(arm, clock=clock, lines=lines, **NEW).changed
        assert "cluster demo: Azure asks to wait (429 Throttled), 300 s left" in lines
        arm.before_write = [Answer(429, {"retry-after": "300"})]
        with pytest.raises(Throttled):
            act(arm, wait_timeout=60, name="other", **NEW)


class TestLines:
    def test_tell_the_state_of_each_pool_while_it_takes_long(self) -> None:
        arm, lines = existing(), list[str]()
        arm.statuses = [{"status": "UpgradingNodePools"}] * 12 + [{"status": "Succeeded"}]
        arm.LOOKS = 99
        honest = arm._put_cluster

        def put(*arguments: Any) -> Answer:
            answer = honest(*arguments)
            arm.clusters["demo"]["properties"]["agentPoolProfiles"][0]["provisioningState"] = "Upgrading"
            return answer

        arm._put_cluster = put  # type: ignore[method-assign]
        with pytest.raises(TimedOut):
            act(arm, lines=lines, wait_timeout=180, **SCALE)
        assert "cluster demo: UpgradingNodePools (0 s)" in lines
        assert any(line.startswith("cluster demo: UpgradingNodePools; nodepool1 Upgrading (") for line in lines)
        assert "SIGNATURE" not in str(lines)

    def test_a_stuck_operation_names_the_states_seen(self) -> None:
        arm, clock = FakeArm(), FakeClock()
        arm.statuses = [{"status": "CreatingControlPlane"}]
        arm.LOOKS = 99
        with pytest.raises(TimedOut) as caught:
            act(arm, clock=clock, wait_timeout=300, **NEW)
        assert caught.value.history[0] == "0 s: CreatingControlPlane"
        assert clock.now <= 301
        assert "run again to pick it up" in caught.value.remedy


STARTS: list[tuple[str, Callable[[], FakeArm], Json]] = [
    ("create", FakeArm, {**NEW, "create_resource_group": True}),
    ("create all", lambda: FakeArm(groups={}), {**NEW, "create_resource_group": True}),
    ("update", existing, SCALE),
    ("tags", existing, {"tags": {"team": "net"}}),
    ("delete", existing, {"state": "absent"}),
    ("stop", existing, {"state": "stopped"}),
    ("start", lambda: existing(powerState={"code": "Stopped"}), {"state": "started"}),
    ("add a pool", existing, {"pool": "workers", "count": 2}),
    ("scale a pool", existing, {"pool": "nodepool1", "count": 2}),
]


@pytest.mark.parametrize(("start", "given"), [item[1:] for item in STARTS], ids=[item[0] for item in STARTS])
def test_a_run_that_was_killed_anywhere_is_picked_up(start: Callable[[], FakeArm], given: Json) -> None:
    """At each request, before and after Azure has carried it out: a second run ends as if nothing had happened."""
    untouched = start()
    act(untouched, **given)
    writes = len(untouched.writes)
    for after in (False, True):
        for number in range(len(untouched.requests)):
            arm = start()
            arm.kill_at, arm.kill_after = number, after
            with pytest.raises(Killed):
                act(arm, **given)
            arm.kill_at = -1
            act(arm, **given)
            # An operation that goes on without the run that started it ends by itself.
            assert _plain(arm) == _plain(untouched), (number, after)
            taken = [item for at, item in enumerate(arm.requests) if item in arm.writes and (at != number or after)]
            assert len(taken) == writes, (number, after)
            assert not act(arm, **given).changed


def _plain(arm: FakeArm) -> Json:
    """What Azure holds, without the counting etags and without clusters that are gone."""
    document = copy.deepcopy({"clusters": arm.clusters, "groups": arm.groups})
    for held in document["clusters"].values():
        held.pop("eTag", None)
        for pool in held["properties"].get("agentPoolProfiles") or []:
            pool.pop("eTag", None)
    return document


def test_a_read_that_never_works_is_not_tried_for_ever() -> None:
    class Silent(FakeArm):
        def __call__(self, method: str, url: str, headers: Any, content: bytes | None) -> Answer:
            self.requests.append((method, url, None, {}))
            raise Unreachable("silent", code="Unreachable")

    arm = Silent()
    with pytest.raises(Unreachable):
        act(arm, **NEW)
    assert len(arm.requests) == 4
