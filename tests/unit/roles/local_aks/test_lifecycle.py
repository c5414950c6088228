# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Pools, power, upgrades, aborting, networks, registrations, faults: what each call does to the state."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure import CLUSTER, AzureService

Json = dict[str, Any]
POOL = f"{CLUSTER}/agentPools/extra"
WANTED = {"properties": {"count": 2, "vmSize": "Standard_DS2_v2", "mode": "User", "nodeLabels": {"a": "b"}}}
VNET = "/resourcegroups/g/providers/Microsoft.Network/virtualNetworks/v"


@pytest.fixture
def azure(tmp_path: Path) -> AzureService:
    return AzureService(tmp_path)


@pytest.fixture
def cluster(azure: AzureService) -> AzureService:
    azure.create()
    return azure


class TestPools:
    def test_create_change_delete(self, cluster: AzureService) -> None:
        before = cluster.read()
        created = cluster.send("PUT", POOL, WANTED, if_none_match="*")
        assert (created.status, created.body["properties"]["provisioningState"]) == (201, "Creating")  # type: ignore[index]
        assert "Location" not in created.headers
        cluster.done(created)
        pool = cluster.read(POOL)
        assert (pool["name"], pool["properties"]["count"], pool["properties"]["maxPods"]) == ("extra", 2, 250)
        pool["properties"]["nodeLabels"] = {}
        updated = cluster.send("PUT", POOL, pool, if_match=pool["properties"]["eTag"])
        assert updated.status == 200
        cluster.done(updated)
        assert "nodeLabels" not in cluster.read(POOL)["properties"]
        deleted = cluster.send("DELETE", POOL)
        assert (deleted.status, set(deleted.headers)) == (202, {"Azure-AsyncOperation", "Location", "Content-Type"})
        cluster.done(deleted)
        assert cluster.send("GET", POOL).status == 404
        assert cluster.send("DELETE", POOL).status == 204
        assert cluster.read()["eTag"] == before["eTag"], "a pool's operation changes only the pool's etag"

    def test_etags(self, cluster: AzureService) -> None:
        cluster.done(cluster.send("PUT", POOL, WANTED))
        first = cluster.read(POOL)["properties"]["eTag"]
        assert cluster.send("PUT", POOL, WANTED, if_match="other").status == 412
        assert cluster.send("PUT", POOL, WANTED, if_none_match="*").status == 412
        cluster.done(cluster.send("PUT", POOL, WANTED, if_match=f'"{first}"'))
        assert cluster.read(POOL)["properties"]["eTag"] != first
        assert cluster.send("DELETE", POOL, if_match=first).status == 412

    def test_the_last_system_pool_stays(self, cluster: AzureService) -> None:
        answer = cluster.send("DELETE", f"{CLUSTER}/agentPools/system")
        assert (answer.status, answer.body["code"]) == (400, "MustDefineAtLeastOneSystemPool")  # type: ignore[index]

    def test_one_operation_at_a_time(self, cluster: AzureService) -> None:
        cluster.faults({"kind": "hold_operation"})
        held = cluster.send("PUT", POOL, WANTED)
        other = cluster.send("PUT", POOL.replace("extra", "other"), WANTED)
        assert other.status == 201, "pools are independent of each other"
        refused = [cluster.send("PUT", POOL, WANTED), cluster.send("PATCH", CLUSTER, {"tags": {}})]
        assert [(answer.status, (answer.body or {})["code"]) for answer in refused] == [
            (409, "OperationNotAllowed")
        ] * 2
        cluster.faults()
        for answer in (held, other):
            cluster.done(answer)

    def test_the_autoscaler_keeps_its_count(self, cluster: AzureService) -> None:
        scaled = {"properties": {**WANTED["properties"], "enableAutoScaling": True, "minCount": 1, "maxCount": 5}}
        cluster.done(cluster.send("PUT", POOL, scaled))
        scaled["properties"]["count"] = 4
        cluster.done(cluster.send("PUT", POOL, scaled))
        assert cluster.read(POOL)["properties"]["count"] == 2
        cluster.done(cluster.send("PUT", POOL, {"properties": {"enableAutoScaling": False}}))
        assert not {"minCount", "maxCount"} & set(cluster.read(POOL)["properties"])

    def test_a_new_node_image(self, cluster: AzureService) -> None:
        assert cluster.own("PUT", "node-image", {"version": "newer"}).status == 200
        path = f"{CLUSTER}/agentPools/system"
        profile = cluster.read(f"{path}/upgradeProfiles/default")["properties"]
        assert profile["latestNodeImageVersion"] == "newer" != cluster.read(path)["properties"]["nodeImageVersion"]
        cluster.done(cluster.send("POST", f"{path}/upgradeNodeImageVersion"))
        assert cluster.read(path)["properties"]["nodeImageVersion"] == "newer"


class TestUpgrade:
    def test_control_plane_first_then_pools(self, cluster: AzureService) -> None:
        ways = cluster.read(f"{CLUSTER}/upgradeProfiles/default")["properties"]["controlPlaneProfile"]
        assert ways == {"kubernetesVersion": "1.34.4", "osType": "Linux", "upgrades": [{"kubernetesVersion": "1.35.1"}]}
        body = cluster.read()
        body["properties"]["kubernetesVersion"] = "1.35"
        cluster.done(cluster.send("PUT", CLUSTER, body))
        after = cluster.read()["properties"]
        assert (after["kubernetesVersion"], after["currentKubernetesVersion"]) == ("1.35", "1.35.1")
        assert after["agentPoolProfiles"][0]["currentOrchestratorVersion"] == "1.34.4"
        path = f"{CLUSTER}/agentPools/system"
        upgrades = cluster.read(f"{path}/upgradeProfiles/default")["properties"]["upgrades"]
        assert upgrades == [{"kubernetesVersion": "1.35.1"}]
        cluster.done(cluster.send("PUT", path, {"properties": {"orchestratorVersion": "1.35.1", "mode": "System"}}))
        assert cluster.read(path)["properties"]["currentOrchestratorVersion"] == "1.35.1"

    def test_the_version_runs_only_when_the_operation_succeeded(self, cluster: AzureService) -> None:
        body = cluster.read()
        body["properties"]["kubernetesVersion"] = "1.35"
        cluster.faults({"kind": "operation_failed", "code": "UpgradeFailed"})
        cluster.done(cluster.send("PUT", CLUSTER, body))
        after = cluster.read()["properties"]
        assert (after["provisioningState"], after["currentKubernetesVersion"]) == ("Failed", "1.34.4")

    def test_versions_of_a_region(self, cluster: AzureService) -> None:
        path = "/providers/Microsoft.ContainerService/locations/westeurope/kubernetesVersions"
        values = {item["version"]: item for item in cluster.read(path)["values"]}
        assert values["1.34"]["isDefault"] is True
        assert values["1.34"]["patchVersions"]["1.34.3"]["upgrades"] == ["1.34.4", "1.35.1"]


class TestPower:
    def test_stop_and_start(self, cluster: AzureService) -> None:
        cluster.faults({"kind": "hold_operation"})
        stopping = cluster.send("POST", f"{CLUSTER}/stop")
        assert (stopping.status, {"Azure-AsyncOperation", "Location"} <= set(stopping.headers)) == (202, True)
        assert cluster.read()["properties"]["provisioningState"] == "Stopping"
        cluster.faults()
        cluster.done(stopping)
        live = cluster.read()["properties"]
        assert [live["powerState"], live["agentPoolProfiles"][0]["powerState"]] == [{"code": "Stopped"}] * 2
        for method, path, body in (("POST", f"{CLUSTER}/stop", None), ("PUT", CLUSTER, cluster.read())):
            refused = cluster.send(method, path, body)
            assert refused.status == 400
            assert "Power State(Stopped)" in refused.body["message"]  # type: ignore[index]
        cluster.done(cluster.send("POST", f"{CLUSTER}/start"))
        assert cluster.read()["properties"]["powerState"] == {"code": "Running"}

    def test_abort(self, cluster: AzureService) -> None:
        assert cluster.send("POST", f"{CLUSTER}/abort").status == 400
        cluster.faults({"kind": "hold_operation"})
        running = cluster.send("PUT", CLUSTER, cluster.read())
        aborted = cluster.send("POST", f"{CLUSTER}/abort")
        assert (aborted.status, aborted.body["properties"]["provisioningState"]) == (202, "Canceled")  # type: ignore[index]
        assert cluster.done(running)["status"] == "Canceled"


NETWORK: Json = {
    "location": "westeurope",
    "tags": {"cloudnet.aks_cilium": "created"},
    "properties": {
        "addressSpace": {"addressPrefixes": ["10.1.0.0/16"]},
        "subnets": [{"name": "nodes", "properties": {"addressPrefix": "10.1.0.0/24"}}],
    },
}


class TestNetworks:
    def test_a_subnet_in_use_stays(self, azure: AzureService) -> None:
        made, again = azure.send("PUT", VNET, NETWORK), azure.send("PUT", VNET, NETWORK)
        assert (made.status, again.status) == (201, 200)
        assert azure.done(again)["status"] == "Succeeded"
        subnet = azure.read(f"{VNET}/subnets/nodes")
        azure.create()
        azure.done(azure.send("PUT", POOL, {"properties": {**WANTED["properties"], "vnetSubnetID": subnet["id"]}}))
        refused = azure.send("DELETE", VNET)
        assert (refused.status, refused.body["error"]["code"]) == (400, "InUseSubnetCannotBeDeleted")  # type: ignore[index]
        assert azure.read(VNET)["properties"]["subnets"][0]["properties"]["ipConfigurations"]
        azure.done(azure.send("DELETE", POOL))
        azure.done(azure.send("DELETE", VNET))
        assert [azure.send(method, VNET).status for method in ("GET", "DELETE")] == [404, 204]

    @pytest.mark.parametrize(
        ("prefix", "code"),
        [
            ("10.2.0.0/24", "NetcfgInvalidSubnet"),
            ("10.1.0.128/25", "NetcfgSubnetRangesOverlap"),
            ("x", "InvalidCIDRNotation"),
        ],
    )
    def test_subnets_that_cannot_be(self, azure: AzureService, prefix: str, code: str) -> None:
        azure.send("PUT", VNET, NETWORK)
        answer = azure.send("PUT", f"{VNET}/subnets/more", {"properties": {"addressPrefix": prefix}})
        assert (answer.status, answer.body["error"]["code"]) == (400, code)  # type: ignore[index]


class TestRegistration:
    def test_a_provider_that_is_not_registered(self, azure: AzureService) -> None:
        path = "/providers/Microsoft.ContainerService"
        assert azure.read(path)["registrationState"] == "Registered"
        azure.own("PUT", "registrations", {"Microsoft.ContainerService": "NotRegistered"})
        refused = azure.send("PUT", CLUSTER, {})
        assert (refused.status, refused.body["error"]["code"]) == (409, "MissingSubscriptionRegistration")  # type: ignore[index]
        assert azure.send("POST", f"{path}/register").body["registrationState"] == "Registered"  # type: ignore[index]

    def test_features(self, azure: AzureService) -> None:
        path = "/providers/Microsoft.Features/providers/Microsoft.ContainerService/features/SomePreview"
        azure.own("PUT", "registrations", {"Microsoft.ContainerService/SomePreview": "NotRegistered"})
        assert azure.read(path)["properties"]["state"] == "NotRegistered"
        azure.send("POST", f"{path}/register")
        assert azure.read(path)["properties"]["state"] == "Registered"


class TestFaults:
    def test_pages(self, azure: AzureService) -> None:
        for name in ("a", "b", "c"):
            azure.send("PUT", f"/resourcegroups/{name}", {"location": "westeurope"})
        azure.faults({"kind": "pages", "size": 3, "count": 2})
        first = azure.read("/resourcegroups")
        token = first["nextLink"].rpartition("=")[2]
        second = azure.read(f"/resourcegroups?$skiptoken={token}")
        assert [len(page["value"]) for page in (first, second)] == [3, 1]
        assert "nextLink" not in second

    @pytest.mark.parametrize(
        ("code", "status", "flat"),
        [
            ("EtagMismatch", 409, True),
            ("OperationNotAllowed", 409, True),
            ("PreconditionFailed", 412, True),
            ("Throttled", 429, True),
            ("ServiceUnavailable", 503, False),
            ("ExpiredAuthenticationToken", 401, False),
        ],
    )
    def test_codes_come_in_their_shape(self, azure: AzureService, code: str, status: int, flat: bool) -> None:
        azure.faults({"kind": "response", "code": code, "after": 1})
        assert azure.send("GET", CLUSTER).status == 404
        answer = azure.send("GET", CLUSTER)
        assert answer.body is not None
        assert (answer.status, "error" not in answer.body) == (status, flat)
        assert ("WWW-Authenticate" in answer.headers) is (status == 401)

    def test_a_preempted_operation_shows_it_for_a_while(self, cluster: AzureService) -> None:
        cluster.faults({"kind": "preempted", "looks": 2})
        answer = cluster.send("PUT", CLUSTER, cluster.read())
        cluster.done(answer)
        path = answer.headers["Azure-AsyncOperation"].partition(cluster.service.config.subscription)[2]
        looks = [cluster.send("GET", path).body or {} for time in range(3)]
        assert [look["status"] for look in looks] == ["InProgress", "InProgress", "Succeeded"]
        assert looks[0]["error"]["code"] == "NotLatestOperation"

    def test_a_canceled_operation(self, cluster: AzureService) -> None:
        cluster.faults({"kind": "operation_canceled", "code": "OperationCanceled", "target": "agentPoolProfile"})
        ended = cluster.done(cluster.send("PUT", CLUSTER, cluster.read()))
        assert (ended["status"], ended["error"]["target"]) == ("Canceled", "agentPoolProfile")
        assert cluster.read()["properties"]["provisioningState"] == "Canceled"

    @pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
    def test_a_reset_before_and_after_the_effect(self, azure: AzureService, when: str, status: int) -> None:
        azure.faults({"kind": "reset", "when": when, "method": "PUT"})
        path = "/resourcegroups/late"
        assert azure.send("PUT", path, {"location": "westeurope"}).broken == "reset"
        assert azure.send("GET", path).status == status


def test_subscriptions_are_apart(tmp_path: Path) -> None:
    other = "33333333-3333-3333-3333-333333333333"
    azure = AzureService(tmp_path, more_subscriptions=[other])
    assert azure.send("GET", "/resourcegroups/g").status == 200
    listed = azure.service.subscriptions
    assert list(listed) == [azure.service.config.subscription, other]
    assert listed[other].store.groups() == []
