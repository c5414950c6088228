# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Tokens of operations, and the tasks that wait for them."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import cluster, node_pool
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.resume import Ticket, given_ticket, token_of
from fake_arm import BASE, SUBSCRIPTION, FakeArm, error, options, pool_options, recorded, task

NEW: dict[str, Any] = {"location": "westeurope", "agent_pools": [{"name": "system", "count": 2}]}
TICKET = Ticket(SUBSCRIPTION, "rg", "demo", action="create", location="westeurope", id="op-1")


def act(arm: FakeArm, *, check_mode: bool = False, **given: Any) -> Result:
    context, __ = task(options(**given), check_mode=check_mode)
    return cluster.run(context, lambda params, hide: arm.client())


class TestToken:
    def test_says_what_it_is_about_and_nothing_secret(self) -> None:
        result = act(FakeArm(), **NEW, wait=False)
        token = result.values["operation"]["token"]
        ticket = given_ticket({"resume": token})
        assert ticket == Ticket(SUBSCRIPTION, "rg", "demo", "", "create", "l", "op-1")
        assert "SIGNATURE" not in base64.b64decode(token.split(".")[1] + "===").decode()

    @pytest.mark.parametrize(
        "token",
        [
            "x",
            "aks1.",
            "aks1.%%",
            "aks1.e30",
            "aks1.WzFd",
            token_of(TICKET)[:-9],
            token_of(TICKET).removeprefix("aks1."),
        ],
    )
    def test_what_is_no_token_is_refused_before_anything_is_asked(self, token: str) -> None:
        arm = FakeArm()
        with pytest.raises(InvalidInput) as caught:
            act(arm, resume=token)
        assert (caught.value.option, caught.value.code) == ("resume", "InvalidToken")
        assert arm.requests == []

    @pytest.mark.parametrize("change", [{"action": "drop"}, {"location": "x/../y"}, {"id": "a?b=c"}])
    def test_what_would_become_another_address_is_refused(self, change: dict[str, str]) -> None:
        token = token_of(Ticket(**{**TICKET.__dict__, **change}))
        with pytest.raises(InvalidInput):
            given_ticket({"resume": token})

    @pytest.mark.parametrize(
        "change", [{"cluster": "other"}, {"resource_group": "other"}, {"subscription": "other"}, {"pool": "system"}]
    )
    def test_a_token_of_another_object_is_refused(self, change: dict[str, str]) -> None:
        arm = FakeArm()
        with pytest.raises(InvalidInput, match="belongs to an operation on") as caught:
            act(arm, resume=token_of(Ticket(**{**TICKET.__dict__, **change})))
        assert caught.value.code == "OtherToken"
        assert arm.requests == []

    def test_names_have_no_case(self) -> None:
        arm = FakeArm({"demo": recorded("cluster_acns_2026")})
        assert not act(arm, resource_group="RG", name="Demo", resume=token_of(TICKET)).changed

    def test_unknown_fields_of_a_token_are_refused(self) -> None:
        text = base64.urlsafe_b64encode(json.dumps({**TICKET.__dict__, "extra": 1}).encode()).decode()
        with pytest.raises(InvalidInput):
            given_ticket({"resume": f"aks1.{text}"})


class TestResume:
    def started(self, arm: FakeArm, **given: Any) -> str:
        token: str = act(arm, **given, wait=False).values["operation"]["token"]
        arm.requests.clear()
        return token

    def test_waits_for_the_operation_and_writes_nothing(self) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        result = act(arm, resume=token)
        assert not result.changed
        assert result.values["cluster"]["provisioning_state"] == "Succeeded"
        assert "operation" not in result.values
        assert arm.writes == []
        place = f"{BASE}/subscriptions/{SUBSCRIPTION}/providers/Microsoft.ContainerService/locations/l"
        assert arm.requests[0][1] == f"{place}/operations/op-1?api-version=2017-08-31"

    @pytest.mark.parametrize("refusal", [(404, "NotFound"), (403, "AuthorizationFailed"), (400, "InvalidSignature")])
    def test_an_operation_that_azure_does_not_show_is_watched_by_its_cluster(
        self, refusal: tuple[int, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        monkeypatch.setattr(arm, "_operation", lambda: error(*refusal))
        assert act(arm, resume=token).values["cluster"]["provisioning_state"] == "Succeeded"
        assert arm.writes == []

    def test_looks_once_without_waiting(self) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        result = act(arm, resume=token, wait=False)
        assert (result.changed, result.values["operation"]["provisioning_state"]) == (False, "Creating")
        assert result.values["operation"]["token"] == token
        assert len(arm.requests) == 1
        for __ in range(arm.LOOKS):
            result = act(arm, resume=token, wait=False)
        assert "operation" not in result.values

    def test_check_mode_does_not_wait(self) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        assert "operation" in act(arm, resume=token, check_mode=True).values

    def test_tells_a_failure(self) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        arm.statuses = [{"status": "Failed", "error": {"code": "QuotaExceeded", "message": "Too few cores."}}]
        arm.end_state = "Failed"
        with pytest.raises(OperationFailed, match="Too few cores"):
            act(arm, resume=token)

    def test_tells_a_failure_that_only_the_state_shows(self, monkeypatch: pytest.MonkeyPatch) -> None:
        arm = FakeArm()
        token = self.started(arm, **NEW)
        arm.end_state = "Failed"
        monkeypatch.setattr(arm, "_operation", lambda: error(404, "NotFound"))
        reason = {"code": "SubnetIsFull", "message": "No address left."}
        arm.clusters["demo"]["properties"]["status"] = {"provisioningError": {"error": reason}}
        with pytest.raises(OperationFailed, match="No address left") as caught:
            act(arm, resume=token)
        assert caught.value.code == "SubnetIsFull"
        for wait in (False, True):
            with pytest.raises(OperationFailed):
                act(arm, resume=token, wait=wait)

    def test_waits_for_a_deletion(self) -> None:
        arm = FakeArm({"demo": recorded("cluster_acns_2026")})
        token = self.started(arm, state="absent")
        assert "operation" in act(arm, resume=token, wait=False).values
        assert not act(arm, resume=token).changed
        assert arm.clusters == {}
        assert "operation" not in act(arm, resume=token, wait=False).values
        assert arm.writes == []

    def test_goes_for_node_pools_as_well(self) -> None:
        arm = FakeArm({"demo": recorded("cluster_acns_2026")})
        context, __ = task(pool_options(count=3, wait=False))
        token = node_pool.run(context, lambda params, hide: arm.client()).values["operation"]["token"]
        written = len(arm.writes)
        context, __ = task(pool_options(resume=token))
        result = node_pool.run(context, lambda params, hide: arm.client())
        assert (result.changed, result.values["agent_pool"]["count"]) == (False, 3)
        assert len(arm.writes) == written
