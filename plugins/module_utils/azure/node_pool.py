# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The actions of the module aks_node_pool: one pool by itself, as safely as the cluster around it."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

from .._argspec import ArgSpec
from .._errors import NotFound, Unsupported
from .._module import Context
from .._types import Json, Result
from . import body as bodies
from . import operation, power, rules, upgrade, validate, view
from .client import ArmClient, connect
from .cluster_spec import POOL_OPTIONS
from .companions import Change
from .resume import Ticket, check_concerns, given_ticket
from .transport import Answer
from .validate_pool import check_pool, check_pool_name
from .work import Work

OPTIONS = ArgSpec(
    {
        "resource_group": {"type": "str", "required": True},
        "cluster_name": {"type": "str", "required": True},
        "name": {"type": "str", "required": True},
        "upgrade_node_image": {"type": "bool", "default": False},
        "ignore_pod_disruption_budget": {"type": "bool", "default": False},
        **POOL_OPTIONS,
    }
)
VERSION = ("orchestrator_version",)


def run(context: Context, connect_to: Callable[..., ArmClient] = connect) -> Result:
    """Check the options, then bring the node pool about."""
    params = context.params
    validate.check_cluster_name(params["cluster_name"], "cluster_name")
    validate.check_group_name(params["resource_group"])
    for secret in bodies.secrets_in(params.get("properties")):
        context.hide(secret)
    ticket = given_ticket(params)
    if params["state"] == "present" and ticket is None:
        check_pool_name(params["name"], params.get("os_type"), "name")
        check_pool(params, "")
    work = PoolWork(connect_to(params, hide=context.hide), context)
    if ticket is not None:
        check_concerns(ticket, work.ticket)
        return work.resumed(ticket)
    return work.retrying(work.present if params["state"] == "present" else work.absent)


def _wanted(context: Context) -> Json:
    """The options that describe the pool."""
    wanted = {option: context.params.get(option) for option in POOL_OPTIONS}
    bodies.as_texts(wanted)
    return wanted


class PoolWork(Work):
    """One task's work on one node pool."""

    key = "agent_pool"

    def __init__(self, arm: ArmClient, context: Context) -> None:
        params = context.params
        self.name: str = params["name"]
        self.group: str = params["resource_group"]
        self.cluster_name: str = params["cluster_name"]
        self.wanted = _wanted(context)
        self.ticket = Ticket(arm.subscription_id, self.group, self.cluster_name, self.name)
        super().__init__(
            arm,
            context,
            what=f"node pool {self.name} of cluster {self.cluster_name}",
            path=arm.pool_path(self.group, self.cluster_name, self.name),
            ticket=self.ticket,
        )

    def shown(self, document: Json) -> Json:
        """The pool as a result shows it."""
        flat = {**(document.get("properties") or {}), "name": document.get("name") or self.name}
        return {"id": document.get("id") or self.path, "cluster_name": self.cluster_name, **view.pool(flat)}

    def broken(self, document: Json) -> list[str]:
        """The pool, where its last operation failed."""
        state = operation.provisioning_state(document)
        return [f"it is {state}"] if state.lower() in operation.FAILED else []

    def watched(self) -> Json | None:
        """The cluster of the pool."""
        answer = self.arm.get(self.arm.cluster_path(self.group, self.cluster_name), what=f"cluster {self.cluster_name}")
        return answer.body if answer else None

    # -- present -------------------------------------------------------------------------------------------------------

    def create(self) -> Result:
        """Make the pool."""
        properties, changes = bodies.new_pool(self.wanted)
        after = bodies.diff_of(changes)[1]
        planned = self.shown({"properties": properties})
        cluster = self.watched()
        if cluster is None and self.context.check_mode:
            message = f"{self.what} would be created, and so has to be its cluster."
            return Result(True, {self.key: planned}, {}, after, message)
        cluster = self._usable(cluster)
        rules.check_pool_changes(changes, None, properties, cluster)
        if self.context.check_mode:
            return Result(True, {self.key: planned}, {}, after, f"{self.what} would be created.")
        if self._must_wait_for(cluster):
            return self.present()
        answer = self.write(
            "create",
            "PUT",
            self.path,
            before={},
            after=after,
            body={"properties": properties},
            headers={"If-None-Match": "*"},
        )
        return self.finish("create", answer, {}, after)

    def update(self, live: Json, busy: str) -> Result:
        """Change what differs, or reconcile what failed."""
        held: Json = live.get("properties") or {}
        properties = copy.deepcopy(held)
        changes = bodies.overlay_pool(properties, self.wanted)
        broken = [] if busy else self.broken(live)
        # A new version of Kubernetes comes with the newest image.
        image = "" if any(change.option == VERSION for change in changes) else self._newer_image(held)
        if not (changes or broken or image):
            return Result(False, {self.key: self.shown(live)}, {}, {})
        cluster = self._usable(self.watched())
        self._check_changes(changes, held, properties, cluster)
        before, after = bodies.diff_of(changes)
        if broken:
            before["provisioning_state"], after["provisioning_state"] = "Failed", "Succeeded"
        if image:
            before["node_image_version"], after["node_image_version"] = held.get("nodeImageVersion"), image
        if self.context.check_mode:
            return Result(True, {self.key: self.shown(live)}, before, after, f"{self.what} would be changed.")
        if busy:
            raise self.in_progress(busy)
        if self._must_wait_for(cluster):
            return self.present()
        if not (changes or broken):
            return self._upgrade_image(before, after)
        etag = held.get("eTag") or live.get("eTag")
        headers = {"If-Match": str(etag)} if etag else {}
        answer = self.write(
            "update", "PUT", self.path, before=before, after=after, body={"properties": properties}, headers=headers
        )
        result = self.finish("update", answer, before, after)
        if image and self.wait:
            return self._upgrade_image(before, after)
        if image:
            self.context.warn(f"{self.what}: the node image is upgraded by the next run, as this one does not wait.")
        return result

    def _usable(self, cluster: Json | None) -> Json:
        """The cluster; NotFound and Unsupported where pools cannot be changed in it."""
        if cluster is None:
            raise NotFound(
                f"cluster_name={self.cluster_name!r} does not exist in the resource group {self.group}.",
                option="cluster_name",
                code="ClusterNotFound",
                remedy="Create it with aks_cluster, or check cluster_name and resource_group.",
            )
        if power.power_state(cluster) == "Stopped":
            raise Unsupported(
                f"cluster {self.cluster_name} is stopped, and Azure does not change pools of stopped clusters.",
                option="cluster_name",
                code="ClusterStopped",
                remedy="Start it first, with state=started of aks_cluster, then run again.",
            )
        return cluster

    def _must_wait_for(self, cluster: Json) -> bool:
        """Wait for an operation on the whole cluster, which keeps all pools; True when there was one."""
        state = operation.busy_state(cluster)
        if not state:
            return False
        if not self.wait:
            raise self.in_progress(f"{state} of its cluster")
        operation.settle(
            self.watched,
            self.arm,
            what=f"cluster {self.cluster_name}",
            timeout_s=self.time_left(),
            progress=self.context.progress,
        )
        return True

    def _check_changes(self, changes: Sequence[Change], held: Json, properties: Json, cluster: Json) -> None:
        rules.check_pool_changes(changes, held, properties, cluster)
        for change in changes:
            if change.option == VERSION:
                upgrade.check_pool(self.arm, self.path, change)
            if change.option == ("mode",) and str(change.before).lower() == "system":
                self._check_not_last("become a pool of another mode", cluster)

    def _newer_image(self, held: Json) -> str:
        """The newest node image, if it was asked for and the pool has another one."""
        if not self.context.params["upgrade_node_image"]:
            return ""
        profile = upgrade.read_profile(self.arm, self.path, what=f"upgrades of {self.what}") or {}
        latest = str(profile.get("latestNodeImageVersion") or "")
        if not latest:
            self.context.warn(f"{self.what}: Azure does not tell its newest node image, so the image stays.")
        return "" if latest == held.get("nodeImageVersion") else latest

    def _upgrade_image(self, before: Json, after: Json) -> Result:
        answer = self.write(
            "upgrade_node_image", "POST", f"{self.path}/upgradeNodeImageVersion", before=before, after=after
        )
        return self.finish("upgrade_node_image", answer, before, after)

    # -- absent --------------------------------------------------------------------------------------------------------

    def absent(self) -> Result:
        """Delete the pool, unless it is the last that can run what the cluster needs itself."""
        live = self.read()
        if live is None:
            return Result(False, {}, {}, {})
        deleting = operation.busy_state(live) == "Deleting"
        before, after = {"state": "present"}, {"state": "absent"}
        result = Result(False, {}, {}, {}) if deleting else Result(True, {}, before, after)
        if not deleting:
            self._check_not_last("be deleted", self._usable(self.watched()))
        if self.context.check_mode:
            return result
        if deleting:
            self._end_deletion(result, Answer(202))
            return result
        forced = self.context.params["ignore_pod_disruption_budget"]
        query = {"ignore-pod-disruption-budget": "true"} if forced else {}
        try:
            answer = self.write("delete", "DELETE", self.path, before=before, after=after, query=query)
        except NotFound:
            # Another run was faster.
            return result
        if answer.status != 204:
            self._end_deletion(result, answer)
        return result

    def _end_deletion(self, result: Result, answer: Answer) -> None:
        started = operation.accepted("delete", answer)
        if self.wait:
            self.gone(started, answer)
        else:
            result.values["operation"] = {**self.told(started), "provisioning_state": "Deleting"}

    def _check_not_last(self, verb: str, cluster: Json) -> None:
        pools = (cluster.get("properties") or {}).get("agentPoolProfiles") or []
        system = [str(pool.get("name")) for pool in pools if str(pool.get("mode")).lower() == "system"]
        if [name.lower() for name in system] == [self.name.lower()]:
            raise Unsupported(
                f"{self.what} cannot {verb}: it is the only pool of mode System, and a cluster needs one.",
                option="name",
                code="LastSystemPool",
                remedy="Add another pool of mode System first, or delete the whole cluster.",
            )
