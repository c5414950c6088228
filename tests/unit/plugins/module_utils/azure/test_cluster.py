# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The actions of aks_cluster against a Resource Manager in memory."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster import run
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.group import delete_group
from fake_arm import FakeArm, error, options, recorded, task

POOL = {"name": "system", "count": 2}
NEW = {"location": "westeurope", "agent_pools": [POOL]}


def act(arm: FakeArm, *, check_mode: bool = False, lines: list[str] | None = None, **given: Any) -> Result:
    context, said = task(options(**given), check_mode=check_mode)
    client = arm.client()
    try:
        return run(context, lambda params, hide: client)
    finally:
        if lines is not None:
            lines.extend(said)


def existing(**properties: Any) -> FakeArm:
    document = recorded("cluster_acns_2026")
    document["properties"].update(properties)
    return FakeArm({"demo": document})


class TestCreate:
    def test_sends_one_put_that_must_not_replace_anything(self) -> None:
        arm = FakeArm()
        lines: list[str] = []
        result = act(arm, **NEW, lines=lines)
        assert [(method, headers["If-None-Match"]) for method, __, __, headers in arm.writes] == [("PUT", "*")]
        assert result.changed
        assert result.values["cluster"]["provisioning_state"] == "Succeeded"
        assert "cluster demo: CreatingAgentPools: 1/1 nodes completed (0 s)" in lines

    def test_check_mode_only_reads(self) -> None:
        arm = FakeArm(groups={})
        result = act(arm, **NEW, create_resource_group=True, check_mode=True)
        assert arm.writes == []
        assert result.changed
        assert result.after is not None
        assert result.after["create_resource_group"] is True
        assert result.values["cluster"]["name"] == "demo"

    def test_makes_the_group_only_when_asked(self) -> None:
        arm = FakeArm(groups={})
        with pytest.raises(NotFound, match="resource_group='rg'") as caught:
            act(arm, **NEW)
        assert caught.value.code == "ResourceGroupNotFound"
        assert arm.writes == []
        act(arm, **NEW, create_resource_group=True, tags={"team": "net"})
        assert arm.groups["rg"]["tags"] == {"team": "net", "cloudnet.aks_cilium": "created"}

    def test_without_waiting_tells_the_operation_and_not_its_signed_address(self) -> None:
        result = act(FakeArm(), **NEW, wait=False)
        told = dict(result.values["operation"])
        assert told.pop("token").startswith("aks1.")
        assert told == {"id": "op-1", "action": "create", "provisioning_state": "Creating"}
        assert "SIGNATURE" not in str(result.values)

    def test_needs_a_location_and_a_pool(self) -> None:
        for missing in NEW:
            given = {key: value for key, value in NEW.items() if key != missing}
            arm = FakeArm()
            with pytest.raises(InvalidInput) as caught:
                act(arm, **given)
            assert caught.value.option == missing
            assert arm.writes == []

    def test_policy_cilium_alone_is_refused_before_the_put(self) -> None:
        arm = FakeArm()
        with pytest.raises(InvalidInput) as caught:
            act(arm, **NEW, network_profile={"network_policy": "cilium", "network_plugin": "azure"})
        assert caught.value.code == "NetworkPolicyCiliumRequiresCiliumDataplane"
        assert arm.writes == []

    def test_a_failed_operation_gives_code_pools_and_correlation_id(self) -> None:
        arm = FakeArm()
        arm.end_state = "Failed"
        arm.statuses = [
            {"status": "Failed", "error": {"code": "QuotaExceeded", "message": "Too few cores.", "target": "vmSize"}}
        ]
        with pytest.raises(OperationFailed, match="Too few cores") as caught:
            act(arm, **NEW)
        facts = caught.value.facts()
        assert (facts["code"], facts["target"], facts["correlation_id"]) == ("QuotaExceeded", "vmSize", "corr-1")
        assert "quota" in facts["remedy"]
        assert facts["details"]["agent_pools"] == {"system": ""}

    def test_an_error_inside_a_running_operation_is_no_failure(self) -> None:
        arm = FakeArm()
        arm.statuses = [
            {"status": "InProgress", "error": {"code": "NotLatestOperation", "message": "preempted"}},
            {"status": "Succeeded"},
        ]
        assert act(arm, **NEW).changed

    def test_a_deadline_ends_the_wait_with_the_states_seen(self) -> None:
        arm = FakeArm()
        arm.statuses = [{"status": "CreatingControlPlane"}]
        with pytest.raises(TimedOut) as caught:
            act(arm, **NEW, wait_timeout=60)
        assert caught.value.history == ["0 s: CreatingControlPlane"]
        assert "SIGNATURE" not in str(caught.value.facts())

    def test_a_cluster_that_another_run_creates_is_waited_for(self) -> None:
        arm = existing(provisioningState="Creating")
        settled = recorded("cluster_acns_2026")
        arm.reads = [Answer(200, {}, arm.clusters["demo"]), Answer(200, {}, arm.clusters["demo"])]
        arm.clusters["demo"] = settled
        assert not act(arm, location="westcentralus").changed
        assert arm.writes == []


class TestUpdate:
    def test_nothing_to_do_costs_one_get(self) -> None:
        arm = existing()
        result = act(
            arm,
            location="West Central US",
            kubernetes_version="1.34",
            network_profile={"network_plugin": "azure", "network_plugin_mode": "overlay", "network_policy": "none"},
            agent_pools=[{"name": "nodepool1", "count": 1}],
        )
        assert not result.changed
        assert [request[0] for request in arm.requests] == ["GET"]
        assert (result.before, result.after) == ({}, {})

    def test_sends_the_whole_document_with_its_etag(self) -> None:
        arm = existing(futureField={"kept": [1, None]})
        result = act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
        ((method, __, body, headers),) = arm.writes
        assert (method, headers["If-Match"]) == ("PUT", "6f679464-4447-4e30-9fa1-5f0da743f605")
        assert body is not None
        assert body["properties"]["futureField"] == {"kept": [1, None]}
        assert result.before == {"agent_pools": {"nodepool1": {"count": 1}}}
        assert result.after == {"agent_pools": {"nodepool1": {"count": 3}}}

    def test_check_mode_tells_the_same_and_writes_nothing(self) -> None:
        given: dict[str, Any] = {"agent_pools": [{"name": "nodepool1", "count": 3}]}
        arm = existing()
        checked = act(arm, **given, check_mode=True)
        assert arm.writes == []
        real = act(arm, **given)
        assert (checked.changed, checked.before, checked.after) == (real.changed, real.before, real.after)

    def test_tags_alone_are_patched(self) -> None:
        arm = existing()
        arm.clusters["demo"]["tags"] = {"policy": "p"}
        act(arm, tags={"team": "net"})
        ((method, __, body, __),) = arm.writes
        assert (method, body) == ("PATCH", {"tags": {"policy": "p", "team": "net"}})

    def test_an_immutable_field_is_named_and_nothing_is_sent(self) -> None:
        arm = existing()
        with pytest.raises(Unsupported, match=r"network_profile\.service_cidr cannot be changed from") as caught:
            act(arm, network_profile={"service_cidr": "10.9.0.0/16"}, check_mode=True)
        assert caught.value.option == "network_profile.service_cidr"
        assert arm.writes == []

    def test_given_and_live_ranges_are_judged_together(self) -> None:
        arm = existing()
        with pytest.raises(InvalidInput, match="overlaps") as caught:
            act(arm, network_profile={"pod_cidr": "10.0.0.0/8"})
        assert caught.value.code == "OverlappingCidr"
        assert arm.writes == []

    def test_the_dataplane_change_warns(self) -> None:
        lines: list[str] = []
        act(existing(), network_profile={"network_dataplane": "cilium"}, check_mode=True, lines=lines)
        assert any("reimage" in line for line in lines)

    def test_a_failed_cluster_is_reconciled_although_nothing_differs(self) -> None:
        arm = existing(provisioningState="Failed")
        result = act(arm, location="westcentralus")
        assert [request[0] for request in arm.writes] == ["PUT"]
        assert result.before == {"provisioning_state": "cluster Failed"}

    def test_a_stopped_cluster_is_not_changed(self) -> None:
        arm = existing(powerState={"code": "Stopped"})
        lines: list[str] = []
        assert not act(arm, location="westcentralus", lines=lines).changed
        assert "warning: cluster demo is as described, but stopped." in lines
        with pytest.raises(Unsupported, match="is stopped"):
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
        assert arm.writes == []

    def test_a_race_is_retried_on_fresh_data(self) -> None:
        for answer in (
            error(412, "PreconditionFailed"),
            error(409, "EtagMismatch"),
            error(409, "OperationNotAllowed", "Another operation (Updating) is in progress"),
        ):
            arm = existing()
            arm.before_write = [answer]
            assert act(arm, agent_pools=[{"name": "nodepool1", "count": 3}]).changed
            assert len(arm.writes) == 2

    def test_a_race_that_does_not_end_is_an_error(self) -> None:
        arm = existing()
        arm.before_write = [error(409, "EtagMismatch")] * 9
        with pytest.raises(Conflict) as caught:
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
        assert caught.value.code == "EtagMismatch"
        assert len(arm.writes) == 4

    def test_other_conflicts_are_not_retried(self) -> None:
        arm = existing()
        arm.before_write = [error(409, "MissingSubscriptionRegistration")]
        with pytest.raises(Conflict):
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
        assert len(arm.writes) == 1

    def test_without_waiting_a_busy_cluster_is_a_conflict(self) -> None:
        arm = existing(provisioningState="Upgrading")
        with pytest.raises(Conflict, match="Upgrading"):
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}], wait=False)
        assert not act(arm, agent_pools=[{"name": "nodepool1", "count": 1}], wait=False).changed

    def test_without_waiting_a_cluster_that_is_being_deleted_is_a_conflict(self) -> None:
        with pytest.raises(Conflict, match="Deleting"):
            act(existing(provisioningState="Deleting"), location="westcentralus", wait=False)

    def test_a_cluster_that_is_being_deleted_is_created_again(self) -> None:
        arm = FakeArm()
        arm.reads = [Answer(200, {}, {"properties": {"provisioningState": "Deleting"}})]
        assert act(arm, **NEW).changed
        assert [request[0] for request in arm.writes] == ["PUT"]

    def test_an_update_that_ends_as_failed_is_an_error(self) -> None:
        arm = existing()
        arm.end_state = "Failed"
        with pytest.raises(OperationFailed, match="its update failed"):
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])

    def test_refusals_carry_azures_facts(self) -> None:
        arm = existing()
        arm.before_write = [
            error(
                400,
                "BadRequest",
                "Cilium dataplane requires network policy cilium.",
                subcode="CiliumDataplaneRequiresNetworkPolicyCilium",
                target="networkProfile.networkPolicy",
            )
        ]
        with pytest.raises(InvalidInput) as caught:
            act(arm, agent_pools=[{"name": "nodepool1", "count": 3}])
        facts = caught.value.facts()
        assert facts["code"] == "BadRequest/CiliumDataplaneRequiresNetworkPolicyCilium"
        assert facts["target"] == "networkProfile.networkPolicy"
        assert (facts["status"], facts["correlation_id"]) == (400, "corr-1")
        assert "network_policy to cilium" in facts["remedy"]


class TestAbsent:
    def test_deletes_and_waits(self) -> None:
        arm = existing()
        assert act(arm, state="absent").changed
        assert "demo" not in arm.clusters
        again = act(arm, state="absent")
        assert not again.changed

    def test_check_mode_writes_nothing(self) -> None:
        arm = existing()
        arm.groups = {"rg": {"tags": {"cloudnet.aks_cilium": "created"}}}
        result = act(arm, state="absent", create_resource_group=True, check_mode=True)
        assert result.changed
        assert arm.writes == []

    def test_removes_the_group_only_with_our_tag(self) -> None:
        arm = existing()
        result = act(arm, state="absent", create_resource_group=True)
        assert "rg" in arm.groups
        assert "does not carry the tag" in result.message
        arm.groups["rg"] = {"tags": {"cloudnet.aks_cilium": "created"}}
        assert act(arm, state="absent", create_resource_group=True).changed
        assert arm.groups == {}
        assert not act(arm, state="absent", create_resource_group=True).changed

    def test_keeps_a_group_that_holds_something_else(self) -> None:
        arm = FakeArm({"demo": {"properties": {}}, "other": {"id": "/other", "properties": {}}})
        arm.groups = {"rg": {"tags": {"cloudnet.aks_cilium": "created"}}}
        result = act(arm, state="absent", create_resource_group=True)
        assert "not empty (1 resource)" in result.message
        assert "rg" in arm.groups

    def test_never_touches_the_group_unasked(self) -> None:
        arm = existing()
        arm.groups = {"rg": {"tags": {"cloudnet.aks_cilium": "created"}}}
        act(arm, state="absent")
        assert "rg" in arm.groups

    def test_a_deletion_under_way_is_waited_for(self) -> None:
        arm = FakeArm()
        deleting = Answer(200, {}, {"properties": {"provisioningState": "Deleting"}})
        arm.reads = [deleting, deleting]
        assert not act(arm, state="absent").changed
        assert arm.writes == []

    def test_a_failed_deletion_is_an_error(self) -> None:
        arm = existing()
        arm.statuses = [{"status": "Failed", "error": {"code": "InUse", "message": "A lock."}}]
        arm._pending = None
        with pytest.raises(OperationFailed, match="A lock"):
            act(arm, state="absent")

    def test_without_waiting_tells_the_operation(self) -> None:
        result = act(existing(), state="absent", wait=False)
        assert result.values["operation"]["action"] == "delete"


NETWORK = {"name": "hub", "cidrs": ["10.240.0.0/16"], "subnet": {"name": "nodes", "cidr": "10.240.0.0/20"}}
AROUND: dict[str, Any] = {**NEW, "create_resource_group": True, "virtual_network": NETWORK}


def sent(arm: FakeArm) -> list[tuple[str, str]]:
    """Writes by method and the last word of the address."""
    return [(method, url.split("?")[0].rsplit("/", 1)[-1]) for method, url, __, __ in arm.writes]


class TestAround:
    """What a cluster needs around it: resource providers, the group, the network."""

    def test_is_made_in_order_and_the_pools_are_put_into_the_subnet(self) -> None:
        arm = FakeArm(groups={})
        result = act(arm, **AROUND)
        assert sent(arm) == [("PUT", "rg"), ("PUT", "hub"), ("PUT", "demo")]
        providers = [number for number, item in enumerate(arm.requests) if "/providers/Microsoft.Compute?" in item[1]]
        writes = [number for number, item in enumerate(arm.requests) if item[0] != "GET"]
        assert max(providers) < min(writes)
        (pool,) = arm.clusters["demo"]["properties"]["agentPoolProfiles"]
        assert pool["vnetSubnetID"].endswith("/virtualNetworks/hub/subnets/nodes")
        assert result.after is not None
        assert result.after["virtual_network"]["subnet"] == {"name": "nodes", "cidr": "10.240.0.0/20"}

    def test_check_mode_tells_the_same_and_writes_nothing(self) -> None:
        arm = FakeArm(groups={})
        checked = act(arm, **AROUND, check_mode=True)
        assert arm.writes == []
        real = act(arm, **AROUND)
        assert (checked.changed, checked.before, checked.after) == (real.changed, real.before, real.after)

    def test_an_unchanged_cluster_still_costs_one_get(self) -> None:
        arm = FakeArm(groups={})
        act(arm, **AROUND)
        arm.requests.clear()
        assert not act(arm, **AROUND).changed
        assert [item[0] for item in arm.requests] == ["GET"]

    def test_a_pool_that_is_added_is_put_into_the_subnet_and_others_stay_where_they_are(self) -> None:
        arm = existing()
        arm.clusters["demo"]["properties"]["agentPoolProfiles"][0]["vnetSubnetID"] = "/elsewhere"
        pools = [{"name": "nodepool1", "count": 1}, {"name": "more", "count": 1}]
        given = {"location": "westcentralus", "agent_pools": pools, "virtual_network": NETWORK}
        checked = act(arm, **given, check_mode=True)
        assert arm.writes == []
        result = act(arm, **given)
        assert sent(arm) == [("PUT", "hub"), ("PUT", "demo")]
        assert (checked.before, checked.after) == (result.before, result.after)
        assert result.after is not None
        assert result.after["virtual_network"]["subnet"]["name"] == "nodes"
        assert list(result.after["agent_pools"]) == ["more"]
        old, new = arm.clusters["demo"]["properties"]["agentPoolProfiles"]
        assert (old["vnetSubnetID"], new["vnetSubnetID"].rsplit("/", 1)[-1]) == ("/elsewhere", "nodes")

    def test_goes_after_the_cluster_and_before_the_group(self) -> None:
        arm = FakeArm(groups={})
        act(arm, **AROUND)
        arm.requests.clear()
        checked = act(arm, **AROUND, state="absent", check_mode=True)
        assert arm.writes == []
        real = act(arm, **AROUND, state="absent")
        assert sent(arm) == [("DELETE", "demo"), ("DELETE", "hub"), ("DELETE", "rg")]
        assert (checked.before, checked.after, checked.message) == (real.before, real.after, real.message)
        assert not act(arm, **AROUND, state="absent").changed

    def test_a_missing_registration_is_named_before_anything_is_made(self) -> None:
        arm = FakeArm(groups={})
        arm.registration = "NotRegistered"
        for check_mode in (True, False):
            with pytest.raises(Unsupported, match=r"Microsoft\.ContainerService"):
                act(arm, **AROUND, check_mode=check_mode)
        assert arm.writes == []
        assert act(arm, **AROUND, check_providers=False).changed


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (error(403, "AuthorizationFailed"), AuthFailed),
        (error(404, "SubscriptionNotFound"), NotFound),
        (Answer(404, {}, None), NotFound),
        (error(500, "InternalServerError"), OperationFailed),
    ],
)
def test_a_read_that_fails_is_not_taken_for_absence(answer: Answer, kind: type[CollectionError]) -> None:
    arm = FakeArm()
    arm.reads = [answer] * 9
    with pytest.raises(kind):
        act(arm, **NEW)
    assert arm.writes == []


def test_secrets_in_raw_options_are_hidden() -> None:
    lines: list[str] = []
    act(existing(), properties={"windowsProfile": {"adminPassword": "Sw0rdfish!"}}, lines=lines)
    assert "hidden: Sw0rdfish!" in lines


def test_a_group_that_another_run_has_just_removed_is_gone() -> None:
    """Several clusters of one group are deleted in parallel; every run may try to delete the group last."""
    arm = FakeArm(groups={})
    delete_group(arm.client(), "rg", wait=True, timeout_s=5, progress=print)
    assert arm.groups == {}
