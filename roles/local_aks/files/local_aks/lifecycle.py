# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operations on managed clusters: what each does with the back end, and what is true when it has ended."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable

from . import defaults, desired, views
from .backend import Backend, Cluster
from .config import Config
from .errors import ArmError, Json, operation_in_progress
from .faults import NOT_LATEST, Faults
from .messages import Request, Response
from .operations import Operations, Progress, ended
from .store import Store
from .versions import Versions

PROVIDER = "Microsoft.ContainerService"
OPERATION_API_VERSION, OPERATION_API_VERSION_2023 = "2025-03-01", "2017-08-31"
# State of the target while an operation of a kind runs; power is what the cluster's powerState says after it.
STATES = {
    "create": "Creating",
    "update": "Updating",
    "tags": "Updating",
    "start": "Starting",
    "stop": "Stopping",
    "delete": "Deleting",
    "pool": "Updating",
    "pool_image": "UpgradingNodeImageVersion",
    "pool_delete": "Deleting",
}
POWER = {"start": "Running", "stop": "Stopped"}


def as_cluster(record: Json) -> Cluster:
    """A stored record as back ends see it."""
    return Cluster(record["group"], record["name"], record["body"])


def pools_of(record: Json) -> list[Json]:
    """The agent pools in a stored record."""
    found: list[Json] = record["body"]["properties"]["agentPoolProfiles"]
    return found


def one_pool(record: Json, name: str) -> Json | None:
    """An agent pool in a stored record."""
    return next((pool for pool in pools_of(record) if pool["name"].lower() == name.lower()), None)


class Lifecycle:
    """Begins, runs, resumes and shows the operations on clusters and their pools."""

    def __init__(self, config: Config, store: Store, operations: Operations, backend: Backend, faults: Faults) -> None:
        self.config = config
        self.store = store
        self.operations = operations
        self.backend = backend
        self.faults = faults
        self.versions = Versions.of(config)
        self.node_image = defaults.NODE_IMAGE

    def begin(self, record: Json, kind: str, *, pool: str = "") -> str:
        """Record an operation on a cluster or on one of its pools, inside the transaction that changes it."""
        identifier = str(self.operations.begin(kind, record["key"], record["body"]["location"], pool=pool)["id"])
        if pool:
            record.setdefault("pool_operations", {})[pool.lower()] = identifier
        else:
            record["operation"] = identifier
        set_state(record, STATES[kind], pool)
        return identifier

    def refuse_while_busy(self, record: Json, *, pool: str = "") -> None:
        """409 while an operation works on the cluster; for one pool, those on other pools do not count."""
        state = record["body"]["properties"]["provisioningState"]
        if not ended(self.store.operation(record["operation"])):
            raise operation_in_progress(state)
        for name, identifier in record.get("pool_operations", {}).items():
            if pool.lower() in ("", name) and not ended(self.store.operation(identifier)):
                raise operation_in_progress((one_pool(record, name) or {}).get("provisioningState", "Updating"))

    def running(self, record: Json) -> list[str]:
        """Operations on the cluster and its pools that have not ended."""
        found = [record["operation"], *record.get("pool_operations", {}).values()]
        return [identifier for identifier in found if not ended(self.store.operation(identifier))]

    def launch(self, identifier: str, after: Iterable[str] = ()) -> None:
        """Run an operation of the store, or resume it after a restart of the service."""
        operation = self.store.operation(identifier)
        if operation is None:
            return
        kind, key, pool = operation["kind"], operation["target"], operation.get("pool", "")
        record = self.store.cluster(key)
        waits_for = tuple(after)

        def work(progress: Progress) -> None:
            for earlier in waits_for:
                self.operations.wait(earlier)
            self.faults.before_operation(progress)
            if record is not None:
                self._work(kind, record)(as_cluster(record), progress)

        def finish(state: Json, status: str) -> None:
            live = state["clusters"].get(key)
            if live is None or identifier not in (live["operation"], live.get("pool_operations", {}).get(pool.lower())):
                return
            set_state(live, status, pool)
            if status == "Succeeded":
                self._succeeded(state, live, kind, pool)
            new_etags(live, pool)

        self.operations.run(identifier, work, finish)

    def _work(self, kind: str, record: Json) -> Callable[[Cluster, Progress], None]:
        backend = self.backend
        table = {"delete": backend.delete, "start": backend.start, "stop": backend.stop}
        if kind == "tags":
            return lambda cluster, progress: None
        if kind in table:
            return table[kind]
        return backend.update if record["provisioned"] else backend.create

    def _succeeded(self, state: Json, live: Json, kind: str, pool: str) -> None:
        properties = live["body"]["properties"]
        if kind == "delete":
            del state["clusters"][live["key"]]
        elif kind == "pool_delete":
            properties["agentPoolProfiles"] = [item for item in pools_of(live) if item["name"].lower() != pool.lower()]
        elif kind == "pool_image":
            (one_pool(live, pool) or {})["nodeImageVersion"] = self.node_image
        elif kind == "pool":
            desired.settle_pool(one_pool(live, pool) or {}, self.versions)
        elif kind in POWER:
            for part in (properties, *pools_of(live)):
                part["powerState"] = {"code": POWER[kind]}
        elif kind != "tags":
            live["provisioned"] = True
            desired.settle(properties, self.versions)
            defaults.complete(live["body"], self.config.subscription)

    # What requests are told

    def accepted(self, request: Request, identifier: str, body: Json | None, status: int) -> Response:
        """The answer that begins an operation; only those with status 202 carry a Location."""
        headers = {"Azure-AsyncOperation": self.url(identifier, "operations", request)}
        if status == 202:
            headers["Location"] = self.url(identifier, "operationresults", request)
        return Response(status, body, headers)

    def shown(self, record: Json, request: Request, *, etag: bool = True) -> Json:
        """A cluster as a GET shows it, or (without etag) the answer to a write."""
        return views.cluster(record["body"], request.api_version, etag=etag)

    def operation(self, request: Request, identifier: str) -> Response:
        """Where an Azure-AsyncOperation is polled."""
        operation = self._signed(request, identifier)
        self.operations.looked(identifier, operation["status"])
        body = {"name": operation["id"], "status": operation["status"], "startTime": operation["start"]}
        if self.faults.seen(identifier):
            return Response(200, {**body, "status": "InProgress", "error": dict(NOT_LATEST)})
        if operation["end"]:
            body["endTime"] = operation["end"]
        if operation["error"]:
            body["error"] = operation["error"]
        return Response(200, body)

    def operation_result(self, request: Request, identifier: str) -> Response:
        """Where a Location is polled."""
        operation = self._signed(request, identifier)
        if not ended(operation):
            return Response(202, None, {"Location": self.url(identifier, "operationresults", request)})
        if operation["error"]:
            raise ArmError(409, operation["error"]["code"], operation["error"]["message"])
        return Response(204)

    def _signed(self, request: Request, identifier: str) -> Json:
        operation = self.store.operation(identifier)
        if operation is None or request.query.get("s") != operation["signature"]:
            message = f"The operation '{identifier}' could not be found; use its URL as it was given."
            raise ArmError(404, "NotFound", message)
        return operation

    def url(self, identifier: str, kind: str, request: Request) -> str:
        """Signed address of an operation or of its result."""
        version = OPERATION_API_VERSION if request.api_version >= views.MODERN else OPERATION_API_VERSION_2023
        operation = self.store.operation(identifier) or {}
        base = f"{self.config.url}/subscriptions/{self.config.subscription}/providers/{PROVIDER}/locations"
        signed = f"t={operation['start'][:19].replace('-', '').replace(':', '')}&c=local&s={operation['signature']}&h=0"
        return f"{base}/{operation['location']}/{kind}/{identifier}?api-version={version}&{signed}"


def set_state(record: Json, state: str, pool: str = "") -> None:
    """Provisioning state of a pool, or of a cluster and all its pools."""
    parts = [one_pool(record, pool)] if pool else [record["body"]["properties"], *pools_of(record)]
    for part in parts:
        if part is not None:
            part["provisioningState"] = state


def new_etags(record: Json, pool: str = "") -> None:
    """A cluster's operation changes the etags of cluster and pools, a pool's operation only the pool's."""
    for part in [one_pool(record, pool)] if pool else [record["body"], *pools_of(record)]:
        if part is not None:
            part["eTag"] = str(uuid.uuid4())
