# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Subscriptions and resource groups."""

from __future__ import annotations

from . import paging
from .clusters import Clusters
from .config import Config
from .errors import ArmError, Json, group_not_found
from .locations import required
from .messages import Request, Response
from .operations import Operations, Progress, ended
from .store import Store
from .validation import group_name

# Azure says 15; here nothing is gained by waiting.
RETRY_AFTER_S = 1


class Groups:
    """Resource groups, and deleting what is in them."""

    def __init__(self, config: Config, store: Store, operations: Operations, clusters: Clusters) -> None:
        self.config = config
        self.store = store
        self.operations = operations
        self.clusters = clusters

    def subscription(self) -> Json:
        """The one subscription."""
        subscription = self.config.subscription
        return {
            "id": f"/subscriptions/{subscription}",
            "authorizationSource": "RoleBased",
            "managedByTenants": [],
            "subscriptionId": subscription,
            "tenantId": self.config.tenant,
            "displayName": "Local AKS",
            "state": "Enabled",
            "subscriptionPolicies": {
                "locationPlacementId": "Public_2014-09-01",
                "quotaId": "Internal_2014-09-01",
                "spendingLimit": "Off",
            },
        }

    def put(self, request: Request, name: str) -> Response:
        """Create a group, or replace its tags."""
        group_name(name)
        body = request.json()
        location = required(body.get("location"), "")
        with self.store.transaction() as state:
            live = state["groups"].get(name.lower())
            if live is not None and live["location"] != location:
                message = (
                    f"Invalid resource group location '{location}'. The Resource group already exists in location "
                    f"'{live['location']}'."
                )
                raise ArmError(409, "InvalidResourceGroupLocation", message, gateway=True)
            if live is not None:
                self._refuse_deleting(live)
            identifier = f"/subscriptions/{self.config.subscription}/resourceGroups/{name}"
            group: Json = {
                "id": live["id"] if live else identifier,
                "name": live["name"] if live else name,
                "type": "Microsoft.Resources/resourceGroups",
                "location": location,
                "properties": {"provisioningState": "Succeeded"},
            }
            if body.get("tags"):
                group["tags"] = body["tags"]
            state["groups"][name.lower()] = group
        return Response(200 if live else 201, group)

    def patch(self, request: Request, name: str) -> Response:
        """Replace a group's tags."""
        body = request.json()
        with self.store.transaction() as state:
            group = state["groups"].get(name.lower())
            if group is None:
                raise group_not_found(name)
            self._refuse_deleting(group)
            if "tags" in body:
                group["tags"] = body["tags"] or {}
            return Response(200, self.clusters.group(name))

    def get(self, name: str) -> Response:
        """One group."""
        return Response(200, self.clusters.group(name))

    def exists(self, name: str) -> Response:
        """Answer to HEAD."""
        return Response(404 if self.store.group(name) is None else 204)

    def listed(self, request: Request, size: int) -> Response:
        """All groups."""
        groups = self.store.groups()
        for group in groups:
            group.pop("operation", None)
        return paging.page(request, groups, size, self.config.url)

    def resources(self, request: Request, name: str | None, size: int) -> Response:
        """What is in one group or in all, as generic resources."""
        if name is not None:
            self.clusters.group(name)
        keys = ("id", "name", "type", "location", "tags")
        held = [(record["key"], record["body"]) for record in self.store.clusters()] + self.store.networks()
        found = [
            {key: body[key] for key in keys if key in body}
            for place, body in held
            if name is None or place.startswith(f"{name.lower()}/")
        ]
        return paging.page(request, found, size, self.config.url)

    def delete(self, name: str) -> Response:
        """Delete a group and the clusters in it."""
        with self.store.transaction() as state:
            group = state["groups"].get(name.lower())
            if group is None:
                raise group_not_found(name)
            identifier = str(group.get("operation", ""))
            if ended(self.store.operation(identifier)):
                identifier = self.operations.begin("delete_group", name.lower(), group["location"])["id"]
                state["groups"][name.lower()] = {
                    **group,
                    "operation": identifier,
                    "properties": {"provisioningState": "Deleting"},
                }
                self.launch_delete(identifier, name)
        return self._accepted(identifier)

    def launch_delete(self, identifier: str, name: str) -> None:
        """Run or resume the deletion of a group."""

        def work(progress: Progress) -> None:
            inside = [record for record in self.store.clusters() if record["group"].lower() == name.lower()]
            started = [self.clusters.begin_delete(record["key"]) for record in inside]
            for operation in started:
                self.operations.wait(operation)
                progress.check()

        def finish(state: Json, status: str) -> None:
            left = [record for record in state["clusters"].values() if record["group"].lower() == name.lower()]
            group = state["groups"].get(name.lower())
            if group is None:
                return
            if status != "Succeeded" or left:
                group["properties"]["provisioningState"] = "Succeeded"
                return
            del state["groups"][name.lower()]
            for key in [key for key in state["networks"] if key.startswith(f"{name.lower()}/")]:
                del state["networks"][key]

        self.operations.run(identifier, work, finish)

    def result(self, identifier: str) -> Response:
        """Where the deletion of a group is polled: 202 until it ended."""
        operation = self.store.operation(identifier)
        if operation is None:
            message = f"The operation '{identifier}' could not be found."
            raise ArmError(404, "OperationNotFound", message, gateway=True)
        if not ended(operation):
            return self._accepted(identifier)
        if self.store.group(operation["target"]) is not None:
            message = f"Deletion of resource group '{operation['target']}' failed as resources in it remain."
            raise ArmError(409, "ResourceGroupDeletionBlocked", message, gateway=True)
        return Response(200)

    def _accepted(self, identifier: str) -> Response:
        path = f"/subscriptions/{self.config.subscription}/operationresults/{identifier}"
        location = f"{self.config.url}{path}?api-version=2021-04-01"
        return Response(202, None, {"Location": location, "Retry-After": str(RETRY_AFTER_S)})

    @staticmethod
    def _refuse_deleting(group: Json) -> None:
        if group["properties"]["provisioningState"] == "Deleting":
            message = (
                f"The resource group '{group['name']}' is in deprovisioning state and cannot perform this operation."
            )
            raise ArmError(409, "ResourceGroupBeingDeleted", message, gateway=True)
