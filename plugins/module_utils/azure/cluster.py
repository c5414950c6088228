# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The actions of the module aks_cluster: GET, overlay, compare, and write only on a difference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

from .._errors import CollectionError, Conflict, NotFound, OperationFailed, Unsupported
from .._module import Context
from .._types import Json, Result
from . import body as bodies
from . import group as groups
from . import operation as operations
from . import rules, validate, view
from .client import Answer, ArmClient, connect
from .fields import read
from .validate_network import check_default_ranges, check_network

MAX_TRIES = 4
# Codes that mean "look again": another writer was faster, or another operation is under way.
RACES = ("EtagMismatch", "PreconditionFailed", "OperationNotAllowed", "OperationPreempted", "HTTP412")


def run(context: Context, connect_to: Callable[..., ArmClient] = connect) -> Result:
    """Check the options, then bring the cluster about."""
    params = bodies.with_defaults(context.params)
    validate.check_names(params)
    raw = [params.get("properties"), *(pool.get("properties") for pool in params.get("agent_pools") or [])]
    for secret in bodies.secrets_in(raw):
        context.hide(secret)
    if params["state"] == "present":
        validate.check_present(params)
    work = ClusterWork(connect_to(params, hide=context.hide), params, context)
    step = work.present if params["state"] == "present" else work.absent
    return work.retrying(step)


class ClusterWork:
    """One task's work on one cluster."""

    def __init__(self, arm: ArmClient, params: Json, context: Context) -> None:
        self.arm = arm
        self.params = params
        self.context = context
        self.name: str = params["name"]
        self.group: str = params["resource_group"]
        self.what = f"cluster {self.name}"
        self.path = arm.cluster_path(self.group, self.name)
        self.wait: bool = params["wait"]
        self._deadline: float = arm.clock.monotonic() + params["wait_timeout"]

    def retrying(self, step: Callable[[], Result]) -> Result:
        """Run a step again on fresh data while other writers are in the way."""
        for tries_left in reversed(range(MAX_TRIES)):
            try:
                return step()
            except Conflict as error:
                racing = any(race in error.code for race in RACES) and error.status in (409, 412)
                if not (racing and self.wait and tries_left):
                    raise
                self.context.progress(f"{self.what}: {error.code}, looking again")
                self.arm.clock.sleep(2.0)
        raise AssertionError("the last try returns or raises")

    # -- reading ---------------------------------------------------------------------------------------------------

    def read(self) -> Json | None:
        """The cluster as it is now."""
        answer = self.arm.get(self.path, what=self.what)
        return answer.body if answer else None

    def _settled(self, *, until_gone: bool = False) -> Json | None:
        return operations.settle(
            self.read,
            self.arm,
            what=self.what,
            timeout_s=self._time_left(),
            progress=self.context.progress,
            until_gone=until_gone,
        )

    def _time_left(self) -> float:
        return max(1.0, self._deadline - self.arm.clock.monotonic())

    def _may_wait(self) -> bool:
        return self.wait and not self.context.check_mode

    # -- present ---------------------------------------------------------------------------------------------------

    def present(self) -> Result:
        """Create the cluster, or change what differs."""
        live = self.read()
        busy = rules.busy_state(live) if live else ""
        if busy and self._may_wait():
            # Another run (or this one, killed) has an operation under way: its end is the state to compare with.
            live = self._settled(until_gone=busy == "Deleting")
            busy = ""
        if live is None or (busy == "Deleting" and self.context.check_mode):
            return self._create()
        if busy == "Deleting":
            raise self._in_progress(busy)
        return self._update(live, busy)

    def _create(self) -> Result:
        validate.check_creation(self.params)
        profile = self.params.get("network_profile") or {}
        version = self.params.get("kubernetes_version") or ""
        check_network(profile, self.params.get("vnet_cidrs") or [], version, complete=True)
        own_subnet = any(pool.get("vnet_subnet_id") for pool in self.params.get("agent_pools") or [])
        check_default_ranges(profile, own_subnet=own_subnet)
        body, changes = bodies.creation_body(self.params, subscription_id=self.arm.subscription_id)
        after = bodies.diff_of(changes)[1]
        new_group = self._new_group_needed()
        if new_group:
            after["create_resource_group"] = True
        planned = {"id": self.path, "name": self.name, **body}
        if self.context.check_mode:
            return Result(True, {"cluster": view.cluster(planned)}, {}, after, f"{self.what} would be created.")
        if new_group:
            groups.create_group(self.arm, self.group, self.params["location"], self.params.get("tags") or {})
        answer = self.arm.send("PUT", self.path, what=self.what, body=body, headers={"If-None-Match": "*"})
        return self._finish("create", answer, {}, after)

    def _new_group_needed(self) -> bool:
        if groups.read_group(self.arm, self.group) is not None:
            return False
        if not self.params["create_resource_group"]:
            raise NotFound(
                f"resource_group={self.group!r} does not exist in the subscription.",
                option="resource_group",
                code="ResourceGroupNotFound",
                remedy="Create it, or set create_resource_group to true.",
            )
        return True

    def _update(self, live: Json, busy: str) -> Result:
        body = copy.deepcopy(live)
        changes = bodies.overlay(body, self.params)
        broken = rules.broken_parts(live, [pool["name"] for pool in self.params.get("agent_pools") or []])
        stopped = str(read(live, ("properties", "powerState", "code")) or "") == "Stopped"
        if not changes and not broken:
            if stopped:
                self.context.warn(f"{self.what} is as described, but stopped.")
            return Result(False, {"cluster": view.cluster(live)}, {}, {})
        self._check_changes(changes, live, body)
        only_tags = not broken and all(change.option[0] == "tags" for change in changes)
        if stopped and not only_tags:
            raise Unsupported(
                f"{self.what} is stopped, and Azure does not change stopped clusters.",
                code="ClusterStopped",
                remedy=f"Start it first: az aks start --resource-group {self.group} --name {self.name}",
            )
        before, after = bodies.diff_of(changes)
        if broken:
            before["provisioning_state"], after["provisioning_state"] = ", ".join(broken), "Succeeded"
        if self.context.check_mode:
            return Result(True, {"cluster": view.cluster(live)}, before, after, f"{self.what} would be changed.")
        if busy:
            raise self._in_progress(busy)
        answer = self._write(live, body, only_tags=only_tags)
        return self._finish("tags" if only_tags else "update", answer, before, after)

    def _in_progress(self, state: str) -> Conflict:
        return Conflict(
            f"{self.what} is in provisioning state {state}, so it cannot be changed now.",
            code="OperationInProgress",
            remedy="Set wait to true, or run again when the operation has ended.",
        )

    def _check_changes(self, changes: Sequence[bodies.Change], live: Json, body: Json) -> None:
        rules.check_changes(changes, live, body)
        if any(change.option[0] == "network_profile" for change in changes):
            # Now the live values are known, so a range or a combination can be judged that is given only in part.
            version = self.params.get("kubernetes_version") or ""
            profile = view.network_profile(body)
            check_network(profile, self.params.get("vnet_cidrs") or [], version, complete=True)
        for line in rules.warnings_for(live, body):
            self.context.warn(line)

    def _write(self, live: Json, body: Json, *, only_tags: bool) -> Answer:
        etag = live.get("eTag")
        headers = {"If-Match": str(etag)} if etag else {}
        if only_tags:
            patch = {"tags": body.get("tags") or {}}
            return self.arm.send("PATCH", self.path, what=self.what, body=patch, headers=headers)
        return self.arm.send("PUT", self.path, what=self.what, body=body, headers=headers)

    def _finish(self, action: str, answer: Answer, before: Json, after: Json) -> Result:
        operation = operations.accepted(action, answer)
        if not self.wait:
            document = answer.body if isinstance(answer.body, dict) else self.read() or {}
            values: dict[str, Any] = {"cluster": view.cluster(document), "operation": operation.view()}
            return Result(True, values, before, after)
        try:
            ended = self._end_of(operation)
        except OperationFailed as error:
            raise self._explained(error, answer) from error
        if ended is None:
            raise OperationFailed(
                f"{self.what} is gone after its {action}: somebody deleted it.",
                code="ClusterVanished",
                remedy="Find out who deletes clusters here, then run again.",
            )
        if broken := rules.broken_parts(ended, []):
            failure = OperationFailed(
                f"{self.what} was accepted by Azure, then its {action} failed: {', '.join(broken)}.",
                code="ProvisioningFailed",
                remedy="See the activity log of the cluster in Azure, then run again: a failed cluster is reconciled.",
            )
            raise self._explained(failure, answer)
        return Result(True, {"cluster": view.cluster(ended)}, before, after)

    def _end_of(self, operation: operations.Operation, *, until_gone: bool = False) -> Json | None:
        """The cluster after an operation; one that Azure gave no address for is watched by the cluster's own state."""
        if operation.url:
            operations.follow(
                self.arm, operation, what=self.what, timeout_s=self._time_left(), progress=self.context.progress
            )
            document = self.read()
            if document is None or not (until_gone or rules.busy_state(document)):
                return document
        return self._settled(until_gone=until_gone)

    def _explained(self, error: OperationFailed, answer: Answer) -> OperationFailed:
        """Add what helps to find the cause: the correlation id of the request and the state of each pool."""
        error.correlation_id = error.correlation_id or answer.headers.get("x-ms-correlation-request-id", "")
        try:
            document = self.read()
        except CollectionError:
            # The failure itself matters more than that its details could not be read.
            return error
        pools = view.pool_states(document)
        if pools:
            error.details = {**error.details, "agent_pools": pools}
        return error

    # -- absent ----------------------------------------------------------------------------------------------------

    def absent(self) -> Result:
        """Delete the cluster, and the group when it is ours and empty."""
        live = self.read()
        deleting = bool(live) and rules.busy_state(live or {}) == "Deleting"
        result = Result(False, {}, {}, {})
        if live is not None and not deleting:
            result = Result(True, {}, {"state": "present"}, {"state": "absent"})
        if live is not None and not self.context.check_mode:
            self._delete(result, deleting=deleting)
        if self.params["create_resource_group"]:
            self._remove_group(result, live)
        return result

    def _delete(self, result: Result, *, deleting: bool) -> None:
        answer = Answer(202) if deleting else self.arm.send("DELETE", self.path, what=self.what)
        operation = operations.accepted("delete", answer)
        if not self.wait:
            result.values["operation"] = {**operation.view(), "provisioning_state": "Deleting"}
            return
        if answer.status == 204:
            return
        try:
            left = self._end_of(operation, until_gone=True)
        except OperationFailed as error:
            raise self._explained(error, answer) from error
        if left is not None:
            raise OperationFailed(
                f"The deletion of {self.what} failed: it is in state {operations.provisioning_state(left)}.",
                code="DeletionFailed",
                correlation_id=answer.headers.get("x-ms-correlation-request-id", ""),
                remedy="See the activity log of the cluster in Azure, then run again.",
            )

    def _remove_group(self, result: Result, live: Json | None) -> None:
        group = groups.read_group(self.arm, self.group)
        if group is None:
            return
        if live is not None and not self.wait and not self.context.check_mode:
            result.message = f"The resource group {self.group} stays until its cluster is gone: run again to remove it."
            return
        # In check mode the cluster is still there, but would not be.
        reason = groups.reason_to_keep(self.arm, self.group, group, without=self.path)
        if reason:
            result.message = f"The resource group {self.group} stays: {reason}."
            return
        result.changed = True
        result.before = {**(result.before or {}), "resource_group": self.group}
        result.after = {**(result.after or {}), "resource_group": None}
        if not self.context.check_mode:
            groups.delete_group(
                self.arm,
                self.group,
                wait=self.wait,
                timeout_s=self._time_left(),
                progress=self.context.progress,
            )
