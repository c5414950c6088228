# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Agent pools as resources of their own: read, write, delete, upgrade the node image."""

from __future__ import annotations

from . import desired, paging, validation, views
from .backend import Cluster
from .clusters import Clusters, refuse_when_stopped
from .errors import ArmError, Json, bad_request, pool_not_found
from .lifecycle import PROVIDER, as_cluster, one_pool, pools_of
from .messages import Request, Response, check_preconditions
from .operations import ABORTED, ended
from .store import cluster_key
from .versions import SKEW, numbers


class Pools:
    """The agent pools of managed clusters."""

    def __init__(self, clusters: Clusters) -> None:
        self.clusters = clusters
        self.life = clusters.life
        self.store = clusters.store

    # Reading

    def listed(self, request: Request, group: str, name: str, size: int) -> Response:
        """The agent pools of a cluster."""
        record = self.clusters.record(group, name)
        shown = self.life.shown(record, request)
        found = [views.pool(shown, pool["name"]) for pool in pools_of(record)]
        return paging.page(request, found, size, self.clusters.config.url)

    def get(self, request: Request, group: str, name: str, pool: str) -> Response:
        """One agent pool."""
        record = self._record(group, name, pool)
        return Response(200, views.pool(self.life.shown(record, request), pool))

    def upgrades(self, group: str, name: str, pool: str) -> Response:
        """Versions and the node image that the pool can have (form as the API description says, never recorded)."""
        record = self._record(group, name, pool)
        found, control_plane = one_pool(record, pool) or {}, record["body"]["properties"]["currentKubernetesVersion"]
        current = found["currentOrchestratorVersion"]
        newer = [{"kubernetesVersion": v} for v in self.life.versions.pool_upgrades(current, control_plane)]
        properties = {
            "kubernetesVersion": current,
            "osType": found["osType"],
            "upgrades": newer,
            "latestNodeImageVersion": self.life.node_image,
        }
        resource = f"{record['body']['id']}/agentPools/{found['name']}/upgradeProfiles/default"
        kind = f"{PROVIDER}/managedClusters/agentPools/upgradeProfiles"
        return Response(200, {"id": resource, "name": "default", "type": kind, "properties": properties})

    def available_versions(self, group: str, name: str) -> Response:
        """Versions that a new pool can have."""
        record = self.clusters.record(group, name)
        control_plane = record["body"]["properties"]["currentKubernetesVersion"]
        known = [control_plane, *(v for v in self.life.versions.known[::-1] if _fits(v, control_plane))]
        listed: list[Json] = [{"kubernetesVersion": version} for version in dict.fromkeys(known)]
        listed[0]["default"] = True
        resource = f"{record['body']['id']}/availableAgentPoolVersions/default"
        kind = f"{PROVIDER}/managedClusters/availableAgentPoolVersions"
        body = {"id": resource, "name": "default", "type": kind, "properties": {"agentPoolVersions": listed}}
        return Response(200, body)

    # Writing

    def put(self, request: Request, group: str, name: str, pool: str) -> Response:
        """Create a pool or bring it to what the body says."""
        wanted = request.json().get("properties") or {}
        if not isinstance(wanted, dict):
            message = "The request content was invalid and could not be deserialized: 'properties' has the wrong type."
            raise ArmError(400, "InvalidRequestContent", message, gateway=True)
        with self.store.transaction() as state:
            self.clusters.record(group, name)
            record = state["clusters"][cluster_key(group, name)]
            live = one_pool(record, pool)
            check_preconditions(request, live.get("eTag", "") if live else None)
            self.life.refuse_while_busy(record, pool=pool)
            refuse_when_stopped(record)
            properties = record["body"]["properties"]
            given = {**wanted, "name": live["name"] if live else pool}
            new = desired.pool(live, given, properties, self.life.versions, self.life.node_image)
            others = [item for item in pools_of(record) if item is not live]
            profiles = [new if item is live else item for item in pools_of(record)] if live else [*others, new]
            body = {**record["body"], "properties": {**properties, "agentPoolProfiles": profiles}}
            self.clusters.become(record, body)
            identifier = self.life.begin(record, "pool", pool=new["name"])
            if live is None:
                (one_pool(record, pool) or {})["provisioningState"] = "Creating"
            shown = views.pool(self.life.shown(record, request, etag=False), pool)
            self.life.launch(identifier)
        return self.life.accepted(request, identifier, shown, 200 if live else 201)

    def delete(self, request: Request, group: str, name: str, pool: str) -> Response:
        """Delete a pool, though never the last of the system."""
        with self.store.transaction() as state:
            self.clusters.record(group, name)
            record = state["clusters"][cluster_key(group, name)]
            live = one_pool(record, pool)
            if live is None:
                return Response(204)
            check_preconditions(request, live.get("eTag", ""))
            self.life.refuse_while_busy(record, pool=pool)
            validation.some_system_pool([item for item in pools_of(record) if item is not live])
            rest = {"agentPoolProfiles": [item for item in pools_of(record) if item is not live]}
            after = {**record["body"], "properties": {**record["body"]["properties"], **rest}}
            before = as_cluster(record) if record["provisioned"] else None
            self.life.backend.check(Cluster(record["group"], record["name"], after), before)
            identifier = self.life.begin(record, "pool_delete", pool=live["name"])
            self.life.launch(identifier)
        return self.life.accepted(request, identifier, None, 202)

    def upgrade_image(self, request: Request, group: str, name: str, pool: str) -> Response:
        """Bring the nodes of a pool to the newest image."""
        with self.store.transaction() as state:
            self._record(group, name, pool)
            record = state["clusters"][cluster_key(group, name)]
            self.life.refuse_while_busy(record, pool=pool)
            refuse_when_stopped(record)
            identifier = self.life.begin(record, "pool_image", pool=(one_pool(record, pool) or {})["name"])
            shown = views.pool(self.life.shown(record, request, etag=False), pool)
            self.life.launch(identifier)
        return self.life.accepted(request, identifier, shown, 202)

    def abort(self, request: Request, group: str, name: str, pool: str) -> Response:
        """End the operation that runs on a pool."""
        record = self._record(group, name, pool)
        operation = self.store.operation(record.get("pool_operations", {}).get(pool.lower(), ""))
        if operation is None or ended(operation):
            raise bad_request(f"There is no operation in progress on agent pool {pool} to abort.")  # own words
        self.life.operations.preempt(operation["id"], ABORTED)
        self.life.operations.wait(operation["id"])
        return self.life.accepted(request, operation["id"], None, 202)

    def _record(self, group: str, name: str, pool: str) -> Json:
        record = self.clusters.record(group, name)
        if one_pool(record, pool) is None:
            raise pool_not_found(group, name, pool)
        return record


def _fits(version: str, control_plane: str) -> bool:
    new, top = numbers(version), numbers(control_plane)
    return new <= top and top[1] - new[1] <= SKEW
