# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed clusters: what each request does to the state, and which operation it starts."""

from __future__ import annotations

from . import changes, defaults, desired, paging, validation
from .backend import Cluster
from .errors import ArmError, Json, bad_request, group_not_found, resource_not_found
from .lifecycle import PROVIDER, Lifecycle, as_cluster
from .locations import required
from .messages import Request, Response, check_preconditions
from .operations import ABORTED, ended
from .registration import Registration
from .store import cluster_key


class Clusters:
    """The managed clusters of the subscription."""

    def __init__(self, life: Lifecycle, registration: Registration) -> None:
        self.life = life
        self.config = life.config
        self.store = life.store
        self.operations = life.operations
        self.registration = registration

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
        return Response(200, self.life.shown(self.record(group, name), request))

    def listed(self, request: Request, group: str | None, size: int) -> Response:
        """The clusters of a group, or all, in pages."""
        if group is not None:
            self.group(group)
        found = [
            self.life.shown(record, request)
            for record in self.store.clusters()
            if group is None or record["group"].lower() == group.lower()
        ]
        return paging.page(request, found, size, self.config.url)

    # Writing

    def writable_group(self, name: str) -> Json:
        """A resource group in which something may be made."""
        found = self.group(name)
        if found["properties"]["provisioningState"] == "Deleting":
            message = f"The resource group '{name}' is in deprovisioning state and cannot perform this operation."
            raise ArmError(409, "ResourceGroupBeingDeleted", message, gateway=True)
        return found

    def put(self, request: Request, group: str, name: str) -> Response:
        """Create a cluster or bring it to what the body says."""
        body = request.json()
        self.registration.require(PROVIDER)
        with self.store.transaction() as state:
            found = self.writable_group(group)
            validation.cluster_name(name)
            required(body.get("location"), f"{PROVIDER}/managedClusters")
            validation.request_body(body)
            key = cluster_key(group, name)
            record: Json | None = state["clusters"].get(key)
            check_preconditions(request, record["body"].get("eTag", "") if record else None)
            if record is None:
                identifier = self._create(state, body, found["name"], name)
                return self._begun(request, state["clusters"][key], identifier, 201)
            return self._begun(request, record, self._update(body, record), 200)

    def patch(self, request: Request, group: str, name: str) -> Response:
        """Replace the tags."""
        tags = request.json().get("tags") or {}
        with self.store.transaction() as state:
            self.record(group, name)
            record = state["clusters"][cluster_key(group, name)]
            check_preconditions(request, record["body"].get("eTag", ""))
            self.life.refuse_while_busy(record)
            record["body"]["tags"] = tags
            if not tags:
                del record["body"]["tags"]
            return self._begun(request, record, self.life.begin(record, "tags"), 200)

    def power(self, request: Request, group: str, name: str, kind: str) -> Response:
        """Start or stop a cluster."""
        with self.store.transaction() as state:
            self.record(group, name)
            record = state["clusters"][cluster_key(group, name)]
            self.life.refuse_while_busy(record)
            if (record["body"]["properties"]["powerState"]["code"] == "Running") is (kind == "start"):
                raise _power_refused(record, f"{'starting' if kind == 'start' else 'stopping'} cannot be performed")
            identifier = self.life.begin(record, kind)
            self.life.launch(identifier)
        return self.life.accepted(request, identifier, None, 202)

    def abort(self, request: Request, group: str, name: str) -> Response:
        """End the operation that runs on a cluster; what it changed so far stays."""
        record = self.record(group, name)
        operation = self.store.operation(record["operation"])
        if operation is None or ended(operation):
            raise bad_request(f"There is no operation in progress on managed cluster {name} to abort.")  # own words
        self.operations.preempt(operation["id"], ABORTED)
        self.operations.wait(operation["id"])
        shown = self.life.shown(self.record(group, name), request, etag=False)
        return self.life.accepted(request, operation["id"], shown, 202)

    def delete(self, request: Request, group: str, name: str) -> Response:
        """Delete a cluster; overtakes an operation that runs."""
        key = cluster_key(group, name)
        record = self.store.cluster(key)
        if record is None:
            return Response(204)
        check_preconditions(request, record["body"].get("eTag", ""))
        identifier = self.begin_delete(key)
        return self.life.accepted(request, identifier, None, 202) if identifier else Response(204)

    def begin_delete(self, key: str) -> str:
        """Start deleting a cluster; returns the operation, which may run already; empty when it is gone."""
        with self.store.transaction() as state:
            record = state["clusters"].get(key)
            if record is None:
                return ""
            running = self.life.running(record)
            previous = self.store.operation(record["operation"])
            if previous is not None and previous["kind"] == "delete" and not ended(previous):
                return str(previous["id"])
            identifier = self.life.begin(record, "delete")
        for overtaken in running:
            self.operations.preempt(overtaken)
        self.life.launch(identifier, after=running)
        return identifier

    # Parts

    def _create(self, state: Json, body: Json, group: str, name: str) -> str:
        config = self.config
        filled = defaults.fill_cluster(
            body,
            group=group,
            name=name,
            subscription=config.subscription,
            tenant=config.tenant,
            resolve=self.life.versions.resolve,
        )
        validation.cluster(filled["properties"], self.life.versions)
        self.life.backend.check(Cluster(group, name, filled), None)
        key = cluster_key(group, name)
        record = {"key": key, "group": group, "name": name, "body": filled, "provisioned": False, "operation": ""}
        state["clusters"][key] = record
        return self.life.begin(record, "create")

    def _update(self, body: Json, record: Json) -> str:
        self.life.refuse_while_busy(record)
        live = record["body"]
        location = str(body["location"]).lower().replace(" ", "")
        if location != live["location"]:
            message = (
                f"The resource '{live['name']}' already exists in location '{live['location']}' in resource group "
                f"'{record['group']}'. A resource with the same name cannot be created in location '{location}'. "
                "Please select a new resource name."
            )
            raise ArmError(409, "InvalidResourceLocation", message, gateway=True)
        refuse_when_stopped(record)
        wanted = desired.cluster(live, body, self.life.versions, self.config.tenant, self.life.node_image)
        self.become(record, wanted)
        return self.life.begin(record, "update")

    def become(self, record: Json, wanted: Json) -> None:
        """Store what a cluster shall be, unless Azure or the back end refuses it."""
        changes.fixed(record["body"]["properties"], wanted["properties"])
        changes.upgrade(record["body"]["properties"], wanted["properties"], self.life.versions)
        validation.cluster(wanted["properties"], self.life.versions)
        before = as_cluster(record) if record["provisioned"] else None
        self.life.backend.check(Cluster(record["group"], record["name"], wanted), before)
        record["body"] = wanted

    def _begun(self, request: Request, record: Json, identifier: str, status: int) -> Response:
        shown = self.life.shown(record, request, etag=False)
        self.life.launch(identifier)
        return self.life.accepted(request, identifier, shown, status)


def refuse_when_stopped(record: Json) -> None:
    """400 for a change of a cluster that does not run (the end of the text is our own)."""
    if record["body"]["properties"]["powerState"]["code"] == "Stopped":
        raise _power_refused(record, "updating cannot be performed")


def _power_refused(record: Json, what: str) -> ArmError:
    properties = record["body"]["properties"]
    return bad_request(
        f"managed cluster is in Provisioning State({properties['provisioningState']}) and Power "
        f"State({properties['powerState']['code']}), {what}"
    )
