# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed clusters: what each request does to the state, and which operation it starts."""

from __future__ import annotations

import uuid

from . import defaults, validation
from .backend import Backend, Cluster
from .config import Config
from .errors import ArmError, Json, group_not_found, operation_in_progress, resource_not_found
from .faults import Faults
from .messages import Request, Response, check_preconditions
from .operations import Operations, Progress, ended
from .store import Store, cluster_key

PROVIDER = "Microsoft.ContainerService"
OPERATION_API_VERSION = "2025-03-01"
READ_ONLY = (
    "provisioningState",
    "powerState",
    "currentKubernetesVersion",
    "fqdn",
    "azurePortalFQDN",
    "maxAgentPools",
    "resourceUID",
    "privateFQDN",
)
NETWORK_PARTS = {"podCidr": ("podCidrs",), "serviceCidr": ("serviceCidrs",)}


def as_cluster(record: Json) -> Cluster:
    """A stored record as back ends see it."""
    return Cluster(record["group"], record["name"], record["body"])


class Clusters:
    """The managed clusters of the subscription."""

    def __init__(self, config: Config, store: Store, operations: Operations, backend: Backend, faults: Faults) -> None:
        self.config = config
        self.store = store
        self.operations = operations
        self.backend = backend
        self.faults = faults

    # Reading

    def group(self, name: str) -> Json:
        """A resource group that must exist, without our own bookkeeping."""
        group = self.store.group(name)
        if group is None:
            raise group_not_found(name)
        group.pop("operation", None)
        return group

    def record(self, group: str, name: str) -> Json:
        """A cluster that must exist."""
        self.group(group)
        record = self.store.cluster(cluster_key(group, name))
        if record is None:
            raise resource_not_found(group, name)
        return record

    def get(self, request: Request, group: str, name: str) -> Response:
        """One cluster."""
        return Response(200, self.shown(self.record(group, name), request))

    def listed(self, request: Request, group: str | None) -> Response:
        """The clusters of a group, or all."""
        if group is not None:
            self.group(group)
        found = [
            self.shown(record, request)
            for record in self.store.clusters()
            if group is None or record["group"].lower() == group.lower()
        ]
        return Response(200, {"value": found})

    # Writing

    def put(self, request: Request, group: str, name: str) -> Response:
        """Create a cluster or bring it to what the body says."""
        body = request.json()
        with self.store.transaction() as state:
            found = self.group(group)
            if found["properties"]["provisioningState"] == "Deleting":
                message = f"The resource group '{group}' is in deprovisioning state and cannot perform this operation."
                raise ArmError(409, "ResourceGroupBeingDeleted", message, gateway=True)
            validation.cluster_name(name)
            validation.request_body(body)
            key = cluster_key(group, name)
            record: Json | None = state["clusters"].get(key)
            check_preconditions(request, record["body"].get("eTag", "") if record else None)
            if record is None:
                return self._create(state, request, body, found["name"], name)
            return self._update(request, body, record)

    def patch(self, request: Request, group: str, name: str) -> Response:
        """Replace the tags."""
        tags = request.json().get("tags") or {}
        with self.store.transaction() as state:
            self.record(group, name)
            record = state["clusters"][cluster_key(group, name)]
            check_preconditions(request, record["body"].get("eTag", ""))
            self._refuse_while_busy(record)
            record["body"]["tags"] = tags
            return self._begin(request, record, "tags", "Updating", 200)

    def delete(self, request: Request, group: str, name: str) -> Response:
        """Delete a cluster; overtakes an operation that runs."""
        key = cluster_key(group, name)
        record = self.store.cluster(key)
        if record is None:
            return Response(204)
        check_preconditions(request, record["body"].get("eTag", ""))
        identifier = self.begin_delete(key)
        if not identifier:
            return Response(204)
        headers = {
            "Azure-AsyncOperation": self._operation_url(identifier, "operations"),
            "Location": self._operation_url(identifier, "operationresults"),
        }
        return Response(202, None, headers)

    def begin_delete(self, key: str) -> str:
        """Start deleting a cluster; returns the operation, which may run already; empty when it is gone."""
        with self.store.transaction() as state:
            record = state["clusters"].get(key)
            if record is None:
                return ""
            previous = self.store.operation(record["operation"])
            if previous is not None and previous["kind"] == "delete" and not ended(previous):
                return str(previous["id"])
            operation = self.operations.begin("delete", key, record["body"]["location"])
            self._set_state(record, "Deleting")
            record["operation"] = operation["id"]
        if previous is not None:
            self.operations.preempt(previous["id"])
        self.launch(operation["id"], after=previous["id"] if previous else "")
        return str(operation["id"])

    # Operations

    def launch(self, identifier: str, after: str = "") -> None:
        """Run an operation of the store, or resume it after a restart of the service."""
        operation = self.store.operation(identifier)
        if operation is None:
            return
        kind, key = operation["kind"], operation["target"]
        record = self.store.cluster(key)

        def work(progress: Progress) -> None:
            self.operations.wait(after)
            self.faults.before_operation(progress)
            if record is None:
                return
            cluster = as_cluster(record)
            if kind == "delete":
                self.backend.delete(cluster, progress)
            elif kind != "tags":
                (self.backend.update if record["provisioned"] else self.backend.create)(cluster, progress)

        def finish(state: Json, error: Json) -> None:
            live = state["clusters"].get(key)
            if live is None or live["operation"] != identifier:
                return
            if kind == "delete" and not error:
                del state["clusters"][key]
                return
            self._set_state(live, "Failed" if error else "Succeeded")
            if not error:
                live["provisioned"] = live["provisioned"] or kind != "tags"
                defaults.complete(live["body"], self.config.subscription)
            self._new_etags(live)

        self.operations.run(identifier, work, finish)

    def operation(self, request: Request, identifier: str) -> Response:
        """Where an Azure-AsyncOperation is polled."""
        operation = self._signed(request, identifier)
        body = {"name": operation["id"], "status": operation["status"], "startTime": operation["start"]}
        if operation["end"]:
            body["endTime"] = operation["end"]
        if operation["error"]:
            body["error"] = operation["error"]
        return Response(200, body)

    def operation_result(self, request: Request, identifier: str) -> Response:
        """Where the Location of a deletion is polled."""
        operation = self._signed(request, identifier)
        if not ended(operation):
            return Response(202, None, {"Location": self._operation_url(identifier, "operationresults")})
        if operation["error"]:
            raise ArmError(409, operation["error"]["code"], operation["error"]["message"])
        return Response(204)

    # Parts

    def _create(self, state: Json, request: Request, body: Json, group: str, name: str) -> Response:
        config = self.config
        filled = defaults.fill_cluster(
            body,
            group=group,
            name=name,
            subscription=config.subscription,
            tenant=config.tenant,
            version=config.kubernetes_version,
        )
        validation.cluster(filled["properties"], config.kubernetes_version)
        self.backend.check(Cluster(group, name, filled), None)
        key = cluster_key(group, name)
        record = {"key": key, "group": group, "name": name, "body": filled, "provisioned": False, "operation": ""}
        state["clusters"][key] = record
        return self._begin(request, record, "create", "Creating", 201)

    def _update(self, request: Request, body: Json, record: Json) -> Response:
        self._refuse_while_busy(record)
        live = record["body"]
        location = str(body["location"]).lower().replace(" ", "")
        if location != live["location"]:
            message = (
                f"The resource '{live['name']}' already exists in location '{live['location']}' in resource group "
                f"'{record['group']}'. A resource with the same name cannot be created in location '{location}'. "
                "Please select a new resource name."
            )
            raise ArmError(409, "InvalidResourceLocation", message, gateway=True)
        desired = self._desired(live, body)
        validation.change(live["properties"], desired["properties"])
        validation.cluster(desired["properties"], self.config.kubernetes_version)
        before = as_cluster(record) if record["provisioned"] else None
        self.backend.check(Cluster(record["group"], record["name"], desired), before)
        record["body"] = desired
        return self._begin(request, record, "update", "Updating", 200)

    def _desired(self, live: Json, body: Json) -> Json:
        """The live cluster with the body laid over it; pools that the body does not name go."""
        given = defaults.without_nulls(body["properties"])
        changes = {key: value for key, value in given.items() if key not in READ_ONLY}
        pools = changes.pop("agentPoolProfiles")
        wanted = changes.pop("networkProfile", {})
        base = dict(live["properties"]["networkProfile"])
        for key, parts in NETWORK_PARTS.items():
            for part in parts if key in wanted else ():
                base.pop(part, None)
        if "advancedNetworking" in wanted:
            base.pop("advancedNetworking", None)
        network = defaults.fill_network(defaults.merged(base, wanted))
        properties = defaults.merged(live["properties"], changes)
        properties["kubernetesVersion"] = properties["kubernetesVersion"] or live["properties"]["kubernetesVersion"]
        alias, version = properties["kubernetesVersion"], self.config.kubernetes_version
        known = {pool["name"]: pool for pool in live["properties"]["agentPoolProfiles"]}
        properties["agentPoolProfiles"] = [
            defaults.fill_pool(
                defaults.merged(known.get(pool["name"], {}), {k: v for k, v in pool.items() if v != ""}),
                network,
                alias,
                version,
            )
            for pool in pools
        ]
        properties["networkProfile"] = network
        sku = {**live["sku"], **(body.get("sku") or {})}
        desired = {**live, "properties": properties, "sku": sku}
        desired.pop("tags", None)
        if body.get("tags"):
            desired["tags"] = body["tags"]
        wanted_identity = str((body.get("identity") or {}).get("type", ""))
        if wanted_identity and wanted_identity != live.get("identity", {}).get("type"):
            desired["identity"] = defaults.fill_identity(body["identity"], self.config.tenant)
        return desired

    def _begin(self, request: Request, record: Json, kind: str, state: str, status: int) -> Response:
        operation = self.operations.begin(kind, record["key"], record["body"]["location"])
        record["operation"] = operation["id"]
        self._set_state(record, state)
        shown = defaults.view(record["body"], request.api_version, etag=False)
        self.launch(operation["id"])
        return Response(status, shown, {"Azure-AsyncOperation": self._operation_url(operation["id"], "operations")})

    def _refuse_while_busy(self, record: Json) -> None:
        if not ended(self.store.operation(record["operation"])):
            raise operation_in_progress(record["body"]["properties"]["provisioningState"])

    @staticmethod
    def _set_state(record: Json, state: str) -> None:
        properties = record["body"]["properties"]
        for part in (properties, *properties["agentPoolProfiles"]):
            part["provisioningState"] = state

    @staticmethod
    def _new_etags(record: Json) -> None:
        for part in (record["body"], *record["body"]["properties"]["agentPoolProfiles"]):
            part["eTag"] = str(uuid.uuid4())

    def shown(self, record: Json, request: Request) -> Json:
        """A cluster as a GET shows it."""
        return defaults.view(record["body"], request.api_version, etag=True)

    def _signed(self, request: Request, identifier: str) -> Json:
        operation = self.store.operation(identifier)
        if operation is None or request.query.get("s") != operation["signature"]:
            message = f"The operation '{identifier}' could not be found; use its URL as it was given."
            raise ArmError(404, "NotFound", message)
        return operation

    def _operation_url(self, identifier: str, kind: str) -> str:
        operation = self.store.operation(identifier) or {}
        base = f"{self.config.url}/subscriptions/{self.config.subscription}/providers/{PROVIDER}/locations"
        signed = f"t={operation['start'][:19].replace('-', '').replace(':', '')}&c=local&s={operation['signature']}&h=0"
        return f"{base}/{operation['location']}/{kind}/{identifier}?api-version={OPERATION_API_VERSION}&{signed}"
