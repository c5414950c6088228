# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What clients of Azure rely on, seen over the wire."""

from __future__ import annotations

import base64
import copy
import io
import json
import os
import re
from typing import Any

import pytest
from azure import identity
from azure.mgmt import containerservice as sdk

GROUP = "/resourcegroups/Demo"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/c1"
BODY = {
    "location": "West Europe",
    "identity": {"type": "SystemAssigned"},
    "tags": {"owner": "test"},
    "properties": {
        "dnsPrefix": "c1",
        "agentPoolProfiles": [{"name": "nodepool1", "count": 2, "mode": "System", "vmSize": "Standard_DS2_v2"}],
        "networkProfile": {"networkPlugin": "none", "podCidr": "10.8.0.0/16"},
    },
}
CILIUM = {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}


def body(**network: Any) -> dict[str, Any]:
    document = copy.deepcopy(BODY)
    if network:
        document["properties"]["networkProfile"] = network  # type: ignore[index]
    return document


@pytest.fixture
def group(local_aks: Any) -> Any:
    assert local_aks.arm("PUT", GROUP, {"location": "westeurope"}).status == 201
    return local_aks


@pytest.fixture
def cluster(group: Any) -> Any:
    assert group.finish(group.arm("PUT", CLUSTER, BODY)).body["status"] == "Succeeded"
    return group


class TestResourceManager:
    def test_api_version_is_required(self, local_aks: Any) -> None:
        local_aks.arm("GET", "")
        token = {"Authorization": f"Bearer {local_aks.token}"}
        answer = local_aks.send("GET", f"/subscriptions/{local_aks.subscription}", headers=token)
        assert (answer.status, answer.body["error"]["code"]) == (400, "MissingApiVersionParameter")

    def test_unknown_subscription(self, local_aks: Any) -> None:
        local_aks.arm("GET", "")
        token = {"Authorization": f"Bearer {local_aks.token}"}
        path = "/subscriptions/99999999-0000-0000-0000-000000000000/resourcegroups?api-version=2021-04-01"
        answer = local_aks.send("GET", path, headers=token)
        assert (answer.status, answer.body["error"]["code"]) == (404, "SubscriptionNotFound")

    def test_groups_live_and_die(self, local_aks: Any) -> None:
        assert local_aks.arm("HEAD", GROUP).status == 404
        assert local_aks.arm("GET", GROUP).body["error"]["code"] == "ResourceGroupNotFound"
        assert local_aks.arm("PUT", GROUP, {"location": "West Europe", "tags": {"a": "b"}}).status == 201
        assert local_aks.arm("PUT", GROUP, {"location": "westeurope"}).status == 200
        assert (
            local_aks.arm("PUT", GROUP, {"location": "eastus"}).body["error"]["code"] == "InvalidResourceGroupLocation"
        )
        assert local_aks.arm("HEAD", GROUP.upper()).status == 204
        deleted = local_aks.arm("DELETE", GROUP)
        assert deleted.status == 202
        while deleted.status == 202:
            deleted = local_aks.arm("GET", deleted.headers["location"])
        assert deleted.status == 200
        assert local_aks.arm("GET", "/resourcegroups").body == {"value": []}

    def test_deleting_a_group_deletes_its_clusters(self, cluster: Any) -> None:
        assert [item["name"] for item in cluster.arm("GET", f"{GROUP}/resources").body["value"]] == ["c1"]
        cluster.faults({"kind": "hold_operation"})
        deleted = cluster.arm("DELETE", GROUP)
        (shown,) = cluster.arm("GET", "/resourcegroups").body["value"]
        assert set(shown) == {"id", "name", "type", "location", "properties"}
        assert shown["properties"] == {"provisioningState": "Deleting"}
        cluster.faults()
        while deleted.status == 202:
            deleted = cluster.arm("GET", deleted.headers["location"])
        assert cluster.arm("GET", "/providers/Microsoft.ContainerService/managedClusters").body == {"value": []}

    def test_every_answer_can_be_correlated(self, local_aks: Any) -> None:
        answer = local_aks.arm("GET", "", x_ms_correlation_request_id="abc")
        assert answer.headers["x-ms-correlation-request-id"] == "abc"
        assert answer.headers["x-ms-request-id"]


class TestClusters:
    def test_absent(self, group: Any) -> None:
        answer = group.arm("GET", CLUSTER)
        assert (answer.status, answer.headers["x-ms-failure-cause"]) == (404, "gateway")
        assert answer.body["error"]["message"].startswith(
            "The Resource 'Microsoft.ContainerService/managedClusters/c1' under resource group 'Demo' was not found."
        )
        assert group.arm("DELETE", CLUSTER).status == 204

    def test_without_group(self, local_aks: Any) -> None:
        answer = local_aks.arm("PUT", CLUSTER, BODY)
        assert (answer.status, answer.body["error"]["code"]) == (404, "ResourceGroupNotFound")

    def test_create(self, group: Any) -> None:
        group.faults({"kind": "hold_operation"})
        created = group.arm("PUT", CLUSTER, BODY)
        assert created.status == 201
        assert not {"location", "retry-after"} & set(created.headers)
        assert re.search(r"/operations/[-0-9a-f]{36}\?api-version=\S+&s=\S+", created.headers["azure-asyncoperation"])
        assert created.body["properties"]["provisioningState"] == "Creating"
        assert created.body["properties"]["agentPoolProfiles"][0]["nodeLabels"] == {}
        assert "eTag" not in created.body
        polled = group.arm("GET", created.headers["azure-asyncoperation"])
        assert (polled.body["status"], "retry-after" in polled.headers) == ("InProgress", False)
        group.faults()
        ended = group.finish(created)
        assert set(ended.body) == {"name", "status", "startTime", "endTime"}
        live = group.arm("GET", CLUSTER.replace("Demo", "DEMO").lower()).body
        assert live["properties"]["provisioningState"] == "Succeeded"
        assert live["eTag"] != live["properties"]["agentPoolProfiles"][0]["eTag"]
        assert "nodeLabels" not in live["properties"]["agentPoolProfiles"][0]
        assert re.fullmatch(r"c1-[a-z0-9]{8}\.hcp\.westeurope\.azmk8s\.io", live["properties"]["fqdn"])

    def test_an_update_shows_new_values_at_once(self, cluster: Any) -> None:
        live = cluster.arm("GET", CLUSTER).body
        live["tags"] = {"owner": "somebody"}
        live["sku"]["tier"] = "Standard"
        cluster.faults({"kind": "hold_operation"})
        updated = cluster.arm("PUT", CLUSTER, live, If_Match=live["eTag"])
        assert (updated.status, updated.body["properties"]["provisioningState"]) == (200, "Updating")
        assert (updated.body["tags"], updated.body["sku"]["tier"]) == ({"owner": "somebody"}, "Standard")
        refused = cluster.arm("PUT", CLUSTER, live)
        assert (refused.status, refused.body["code"]) == (409, "OperationNotAllowed")
        assert "Another operation (Updating) is in progress" in refused.body["message"]
        cluster.faults()
        cluster.finish(updated)
        assert cluster.arm("GET", CLUSTER).body["eTag"] != live["eTag"]

    def test_an_update_keeps_what_it_does_not_name(self, cluster: Any) -> None:
        before = cluster.arm("GET", CLUSTER).body["properties"]
        minimal = {"location": "westeurope", "properties": {"dnsPrefix": "c1"}}
        minimal["properties"]["agentPoolProfiles"] = BODY["properties"]["agentPoolProfiles"]  # type: ignore[index]
        cluster.finish(cluster.arm("PUT", CLUSTER, minimal))
        after = cluster.arm("GET", CLUSTER).body["properties"]
        for properties in (before, after):
            del properties["agentPoolProfiles"][0]["eTag"]
        assert after == before

    @pytest.mark.parametrize(
        ("headers", "status"),
        [
            ({"If_Match": "other"}, 412),
            ({"If_None_Match": "*"}, 412),
            ({"If_Match": "*"}, 200),
        ],
    )
    def test_preconditions(self, cluster: Any, headers: dict[str, str], status: int) -> None:
        assert cluster.arm("PUT", CLUSTER, BODY, **headers).status == status

    def test_if_match_on_a_cluster_that_is_not_there(self, group: Any) -> None:
        answer = group.arm("PUT", CLUSTER, BODY, If_Match="*")
        assert (answer.status, answer.body["code"]) == (412, "PreconditionFailed")

    def test_turning_cilium_on_needs_the_policy_too(self, group: Any) -> None:
        group.finish(group.arm("PUT", CLUSTER, body(networkPlugin="azure", networkPluginMode="overlay")))
        live = group.arm("GET", CLUSTER).body
        live["properties"]["networkProfile"]["networkDataplane"] = "cilium"
        refused = group.arm("PUT", CLUSTER, live)
        assert (refused.status, refused.body["subcode"]) == (400, "CiliumDataplaneRequiresNetworkPolicyCilium")
        live["properties"]["networkProfile"]["networkPolicy"] = "cilium"
        assert group.arm("PUT", CLUSTER, live).status == 200

    def test_plugin_none_is_for_ever(self, cluster: Any) -> None:
        refused = cluster.arm("PUT", CLUSTER, body(**CILIUM))
        assert (refused.status, refused.body["code"]) == (400, "PropertyChangeNotAllowed")

    def test_a_refused_request_changes_nothing(self, group: Any) -> None:
        assert group.arm("PUT", CLUSTER, body(**CILIUM, networkPolicy="none")).status == 400
        assert group.arm("GET", CLUSTER).status == 404

    def test_tags(self, cluster: Any) -> None:
        assert cluster.finish(cluster.arm("PATCH", CLUSTER, {"tags": {"x": "y"}})).body["status"] == "Succeeded"
        assert cluster.arm("GET", CLUSTER).body["tags"] == {"x": "y"}

    def test_delete(self, cluster: Any) -> None:
        cluster.faults({"kind": "hold_operation"})
        deleted = cluster.arm("DELETE", CLUSTER)
        assert deleted.status == 202
        assert "/operationresults/" in deleted.headers["location"]
        assert cluster.arm("GET", deleted.headers["location"]).status == 202
        assert cluster.arm("GET", CLUSTER).body["properties"]["provisioningState"] == "Deleting"
        cluster.faults()
        cluster.finish(deleted)
        assert cluster.arm("GET", deleted.headers["location"]).status == 204
        assert cluster.arm("GET", CLUSTER).status == 404

    def test_delete_overtakes_a_create(self, group: Any) -> None:
        group.faults({"kind": "hold_operation"})
        created = group.arm("PUT", CLUSTER, BODY)
        deleted = group.arm("DELETE", CLUSTER)
        assert group.finish(deleted).body["status"] == "Succeeded"
        assert group.finish(created).body["error"]["code"] == "AKSOperationPreemptedByDelete"
        assert group.arm("GET", CLUSTER).status == 404

    def test_pools(self, cluster: Any) -> None:
        (pool,) = cluster.arm("GET", f"{CLUSTER}/agentPools").body["value"]
        assert (pool["name"], pool["properties"]["count"], pool["properties"]["maxPods"]) == ("nodepool1", 2, 250)
        assert cluster.arm("GET", f"{CLUSTER}/agentPools/NodePool1").body == pool
        assert cluster.arm("GET", f"{CLUSTER}/agentPools/other").status == 404

    @pytest.mark.parametrize(
        ("path", "name", "user", "context"),
        [
            ("listClusterUserCredential", "clusterUser", "clusterUser_Demo_c1", "c1"),
            ("listClusterAdminCredential", "clusterAdmin", "clusterAdmin_Demo_c1", "c1-admin"),
        ],
    )
    def test_credentials(self, cluster: Any, path: str, name: str, user: str, context: str) -> None:
        (found,) = cluster.arm("POST", f"{CLUSTER}/{path}?format=azure").body["kubeconfigs"]
        kubeconfig = json.loads(base64.b64decode(found["value"]))
        assert (found["name"], kubeconfig["current-context"]) == (name, context)
        assert kubeconfig["users"][0]["name"] == user

    def test_no_static_credential_without_local_accounts(self, group: Any) -> None:
        document = body()
        document["properties"]["disableLocalAccounts"] = True
        group.finish(group.arm("PUT", CLUSTER, document))
        answer = group.arm("POST", f"{CLUSTER}/listClusterAdminCredential")
        assert answer.status == 400
        assert "disable local accounts" in answer.body["message"]

    def test_a_changed_operation_url_is_not_known(self, group: Any) -> None:
        url = group.arm("PUT", CLUSTER, BODY).headers["azure-asyncoperation"]
        assert group.arm("GET", url.replace("&s=", "&s=x")).status == 404


class TestFaults:
    def test_a_failed_operation_can_be_repaired(self, group: Any) -> None:
        group.faults({"kind": "operation_failed", "code": "SkuNotAvailable", "message": "No such size."})
        ended = group.finish(group.arm("PUT", CLUSTER, BODY))
        assert ended.status == 200
        assert ended.body["error"] == {"code": "SkuNotAvailable", "message": "No such size."}
        assert group.arm("GET", CLUSTER).body["properties"]["provisioningState"] == "Failed"
        again = group.arm("PUT", CLUSTER, BODY)
        assert (again.status, group.finish(again).body["status"]) == (200, "Succeeded")

    def test_throttled_once(self, group: Any) -> None:
        fault = {"kind": "response", "status": 429, "code": "Throttled", "retry_after": 1, "method": "PUT"}
        group.faults(fault | {"path": "managedClusters"})
        answer = group.arm("PUT", CLUSTER, BODY)
        assert (answer.status, answer.headers["retry-after"], answer.body["code"]) == (429, "1", "Throttled")
        assert group.arm("PUT", CLUSTER, BODY).status == 201

    def test_unknown_faults_are_refused(self, local_aks: Any) -> None:
        assert local_aks.send("PUT", "/_local_aks/faults", {"faults": [{"kind": "fire"}]}).status == 400

    def test_requests_are_remembered_without_queries(self, group: Any) -> None:
        group.arm("GET", CLUSTER)
        last = group.requests()[-1]
        assert last == {"method": "GET", "path": f"/subscriptions/{group.subscription}{CLUSTER}", "status": 404}
        assert [write["method"] for write in group.writes()] == ["PUT"]


class TestService:
    """A service of its own for what ends it."""

    def test_starting_twice_changes_nothing(self, own_local_aks: Any) -> None:
        own = own_local_aks
        pid = own.control("status")["pid"]
        again = own.control("start")
        assert (again["changed"], again["pid"]) == (False, pid)

    def test_another_configuration_restarts_it(self, own_local_aks: Any) -> None:
        own = own_local_aks
        path = own.directory / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"client_secret": "new"}), encoding="utf-8")
        assert own.control("start")["changed"] is True
        assert own.authenticate().status == 401
        assert own.authenticate(secret="new").status == 200

    def test_state_and_tokens_outlive_a_restart_and_operations_are_resumed(self, own_local_aks: Any) -> None:
        own = own_local_aks
        own.arm("PUT", GROUP, {"location": "westeurope"})
        own.faults({"kind": "hold_operation"})
        created = own.arm("PUT", CLUSTER, BODY)
        own.control("stop")
        assert own.control("status")["running"] is False
        own.control("start")
        assert own.finish(created).body["status"] == "Succeeded"
        assert own.arm("GET", CLUSTER).body["properties"]["provisioningState"] == "Succeeded"

    def test_files_are_private_and_the_log_has_no_secrets(self, own_local_aks: Any) -> None:
        own = own_local_aks
        own.arm("PUT", GROUP, {"location": "westeurope"})
        signature = own.arm("PUT", CLUSTER, BODY).headers["azure-asyncoperation"].rpartition("&s=")[2]
        for name in ("server.pem", "token.key", "state.json"):
            assert (own.directory / name).stat().st_mode & 0o777 == 0o600
        log = (own.directory / "local_aks.log").read_text(encoding="utf-8")
        assert "managedClusters/c1 201" in log
        for secret in (own.secret, own.token, signature.partition("&")[0]):
            assert secret not in log.replace(str(own.directory), "")

    def test_destroy_leaves_nothing(self, own_local_aks: Any) -> None:
        own = own_local_aks
        assert own.control("destroy")["changed"] is True
        assert not own.directory.exists()
        assert own.control("destroy")["changed"] is False


class TestKindFails:
    """The kind back end with programs that misbehave."""

    @staticmethod
    def program(service: Any, name: str, script: str) -> None:
        path = service.directory.parent / name
        path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")

    def test_the_operation_ends_with_kinds_own_words(self, kind_local_aks: Any) -> None:
        service = kind_local_aks
        self.program(service, "kind", 'echo "Creating cluster"; echo "ERROR: no such image" >&2; exit 1')
        service.arm("PUT", GROUP, {"location": "westeurope"})
        ended = service.finish(service.arm("PUT", CLUSTER, BODY))
        assert (ended.body["status"], ended.body["error"]["code"]) == ("Failed", "NodesCreationFailed")
        assert ended.body["error"]["message"] == "kind failed: ERROR: no such image"
        live = service.arm("GET", CLUSTER).body["properties"]
        assert {live["provisioningState"], live["agentPoolProfiles"][0]["provisioningState"]} == {"Failed"}
        assert service.arm("POST", f"{CLUSTER}/listClusterUserCredential").body["code"] == "ControlPlaneNotFound"
        assert service.finish(service.arm("DELETE", CLUSTER)).body["status"] == "Succeeded"
        assert list((service.directory / "clusters").iterdir()) == []

    def test_no_docker(self, kind_local_aks: Any) -> None:
        service = kind_local_aks
        self.program(service, "docker", 'echo "Cannot connect to the Docker daemon" >&2; exit 1')
        service.arm("PUT", GROUP, {"location": "westeurope"})
        error = service.finish(service.arm("PUT", CLUSTER, BODY)).body["error"]
        assert error == {
            "code": "ContainerEngineFailed",
            "message": "docker failed: Cannot connect to the Docker daemon",
        }

    def test_delete_stops_a_create_that_hangs(self, kind_local_aks: Any) -> None:
        service = kind_local_aks
        self.program(service, "kind", "exec sleep 300")
        service.arm("PUT", GROUP, {"location": "westeurope"})
        created = service.arm("PUT", CLUSTER, BODY)
        while "nodes completed" not in service.arm("GET", created.headers["azure-asyncoperation"]).body["status"]:
            pass
        assert service.finish(service.arm("DELETE", CLUSTER)).body["status"] == "Succeeded"
        assert service.finish(created).body["error"]["code"] == "AKSOperationPreemptedByDelete"

    def test_what_kind_cannot_build_is_refused(self, kind_local_aks: Any) -> None:
        service = kind_local_aks
        service.arm("PUT", GROUP, {"location": "westeurope"})
        answer = service.arm("PUT", CLUSTER, body(networkPlugin="azure", networkPluginMode="overlay"))
        assert (answer.status, answer.body["code"]) == (400, "NotSupportedByLocalStandIn")


class TestAzureSdk:
    """The libraries that the modules use are content with the service."""

    def test_create_read_delete(self, group: Any, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in [name for name in os.environ if name.startswith("AZURE_")]:
            monkeypatch.delenv(name)
        authority = str(group.ca_bundle)
        credential = identity.ClientSecretCredential(
            group.tenant,
            group.client_id,
            group.secret,
            authority=group.url,
            disable_instance_discovery=True,
            connection_verify=authority,
        )
        client = sdk.ContainerServiceClient(
            credential,
            group.subscription,
            base_url=group.url,
            credential_scopes=[f"{group.url}/.default"],
            connection_verify=authority,
            polling_interval=0,
        )
        content = io.BytesIO(json.dumps(BODY).encode())
        created = client.managed_clusters.begin_create_or_update("Demo", "c1", content).result()
        assert created.provisioning_state == "Succeeded"
        assert client.managed_clusters.list_cluster_user_credentials("Demo", "c1").kubeconfigs[0].value
        assert client.managed_clusters.begin_delete("Demo", "c1").result() is None
        assert list(client.managed_clusters.list()) == []
