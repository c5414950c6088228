# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The actions of the module aks_cluster: GET, overlay, compare, and write only on a difference."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from types import ModuleType

from .._errors import NotFound, Unsupported
from .._module import Context
from .._types import Json, Params, Result
from . import body as bodies
from . import group as groups
from . import operation, power, rules, rules_version, upgrade, validate, view
from .client import ArmClient, connect
from .companions import Change
from .resume import Ticket, check_concerns, given_ticket
from .transport import Answer
from .validate_network import check_network
from .work import Work


def run(context: Context, connect_to: Callable[..., ArmClient] = connect) -> Result:
    """Check the options, then bring the cluster about."""
    params = bodies.with_defaults(context.params)
    validate.check_names(params)
    raw = [params.get("properties"), *(pool.get("properties") for pool in params.get("agent_pools") or [])]
    for secret in bodies.secrets_in(raw):
        context.hide(secret)
    state = params["state"]
    ticket = given_ticket(params)
    if state == "present" and ticket is None:
        if params.get("virtual_network"):
            _network().check(params)
        validate.check_present(params)
    work = ClusterWork(connect_to(params, hide=context.hide), params, context)
    if ticket is not None:
        check_concerns(ticket, work.ticket)
        return work.resumed(ticket)
    if state in power.WAYS:
        return work.retrying(lambda: power.switch(work, state))
    return work.retrying(work.present if state == "present" else work.absent)


class ClusterWork(Work):
    """One task's work on one cluster."""

    key = "cluster"

    def __init__(self, arm: ArmClient, params: Json, context: Context) -> None:
        self.params = params
        self.name: str = params["name"]
        self.group: str = params["resource_group"]
        self.ticket = Ticket(arm.subscription_id, self.group, self.name)
        path = arm.cluster_path(self.group, self.name)
        super().__init__(arm, context, what=f"cluster {self.name}", path=path, ticket=self.ticket)

    def shown(self, document: Json) -> Json:
        """The cluster as a result shows it."""
        return view.cluster(document)

    def broken(self, document: Json) -> list[str]:
        """The cluster, and the pools that the task names, where they are in a failed state."""
        return rules.broken_parts(document, [pool["name"] for pool in self.params.get("agent_pools") or []])

    def watched(self) -> Json | None:
        """The cluster itself."""
        return self.read()

    # -- present ------------------------------------------------------------------------------------------------------

    def create(self) -> Result:
        """Make the cluster, with what it needs around it."""
        validate.check_creation(self.params)
        check_mode = self.context.check_mode
        body, changes = bodies.creation_body(self._placed({}), subscription_id=self.arm.subscription_id)
        after = bodies.diff_of(changes)[1]
        if self.params.get("check_providers") is not False:
            from . import providers  # few tasks create, as with _network

            providers.require(self.arm, providers.needed_by(self.params))
        new_group = self._new_group_needed()
        if new_group:
            after["create_resource_group"] = True
        # Mistakes in the network are found before the group is made.
        after.update(self._network_made(check=True))
        if new_group and not check_mode:
            groups.create_group(self.arm, self.group, self.params["location"], self.params.get("tags") or {})
        if not check_mode:
            self._network_made(check=False)
        if check_mode:
            planned = {"id": self.path, "name": self.name, **body}
            return Result(True, {"cluster": view.cluster(planned)}, {}, after, f"{self.what} would be created.")
        answer = self.write(
            "create", "PUT", self.path, before={}, after=after, body=body, headers={"If-None-Match": "*"}
        )
        return self.finish("create", answer, {}, after)

    def _network_made(self, *, check: bool) -> Json:
        """Make the virtual network that is asked for, or only look; what a diff shows of it."""
        if not self.params.get("virtual_network"):
            return {}
        made = _network().ensure(
            self.arm, self.params, check=check, timeout_s=self.time_left(), progress=self.context.progress
        )
        return {"virtual_network": made.after} if made.changed else {}

    def _placed(self, live: Json) -> Params:
        """The options, with the subnet of virtual_network for the pools to be made that name none."""
        if not self.params.get("virtual_network"):
            return self.params
        subnet = _network().subnet_id(self.arm, self.params)
        there = {name.lower() for name in operation.pool_states(live)}
        pools = [
            {**pool, "vnet_subnet_id": pool.get("vnet_subnet_id") or subnet}
            if pool["name"].lower() not in there
            else pool
            for pool in self.params.get("agent_pools") or []
        ]
        return {**self.params, "agent_pools": pools}

    def _new_group_needed(self) -> bool:
        if groups.read_group(self.arm, self.group) is not None:
            return False
        if not self.params["create_resource_group"]:
            raise NotFound(
                f"resource_group={self.group!r} does not exist in the subscription.",
                option="resource_group",
                code="ResourceGroupNotFound",
                remedy=f"Create it (az group create --name {self.group} --location LOCATION),"
                " or set create_resource_group to true.",
            )
        return True

    def update(self, live: Json, busy: str) -> Result:
        """Change what differs, or reconcile what failed."""
        body = copy.deepcopy(live)
        changes = bodies.overlay(body, self._placed(live))
        broken = [] if busy else self.broken(live)
        stopped = power.power_state(live) == "Stopped"
        if not changes and not broken:
            if stopped:
                self.context.warn(f"{self.what} is as described, but stopped.")
            return Result(False, {"cluster": view.cluster(live)}, {}, {})
        only_tags = not broken and all(change.option[0] == "tags" for change in changes)
        if stopped and not only_tags:
            raise Unsupported(
                f"{self.what} is stopped, and Azure does not change stopped clusters.",
                option="state",
                code="ClusterStopped",
                remedy="Start it first, with state=started, then run again.",
            )
        self._check_changes(changes, live, body)
        before, after = bodies.diff_of(changes)
        if broken:
            before["provisioning_state"], after["provisioning_state"] = ", ".join(broken), "Succeeded"
        # Pools that are added may be the first ones in their subnet.
        added = any(len(change.option) == 2 and change.option[0] == "agent_pools" for change in changes)
        if added:
            after.update(self._network_made(check=True))
        if self.context.check_mode:
            return Result(True, {"cluster": view.cluster(live)}, before, after, f"{self.what} would be changed.")
        busy = busy or ", ".join(operation.busy_pools(live))
        if busy and self.wait:
            # A node pool has an operation of its own. What it leaves is what has to be compared.
            self.settled()
            return self.present()
        if busy:
            raise self.in_progress(busy)
        if added:
            self._network_made(check=False)
        answer = self._put(live, body, before, after, only_tags=only_tags)
        return self.finish("tags" if only_tags else "update", answer, before, after)

    def _check_changes(self, changes: Sequence[Change], live: Json, body: Json) -> None:
        rules.check_changes(changes, live, body)
        if any("network_profile" in change.option or "networkProfile" in change.option for change in changes):
            # Now the live values are known, so a range or a combination can be judged that is given only in part.
            version = self.params.get("kubernetes_version") or rules_version.current_version(live)
            profile = view.network_profile(body)
            check_network(profile, validate.vnet_cidrs(self.params), version, complete=True)
        upgrade.check_cluster(self.arm, self.path, self.what, changes, live)
        upgrade.hold_pools(body, live, changes)
        for line in rules.warnings_for(live, body):
            self.context.warn(line)

    def _put(self, live: Json, body: Json, before: Json, after: Json, *, only_tags: bool) -> Answer:
        """Write the cluster if nobody has changed it since it was read (where Azure gives an etag)."""
        etag = live.get("eTag")
        headers = {"If-Match": str(etag)} if etag else {}
        if only_tags:
            tags = {"tags": body.get("tags") or {}}
            return self.write("tags", "PATCH", self.path, before=before, after=after, body=tags, headers=headers)
        return self.write("update", "PUT", self.path, before=before, after=after, body=body, headers=headers)

    # -- absent -------------------------------------------------------------------------------------------------------

    def absent(self) -> Result:
        """Delete the cluster, then the network and the group when they are ours and nobody else uses them."""
        live = self.read()
        deleting = bool(live) and operation.busy_state(live or {}) == "Deleting"
        result = Result(False, {}, {}, {})
        if live is not None and not deleting:
            result = Result(True, {}, {"state": "present"}, {"state": "absent"})
        if live is not None and not self.context.check_mode:
            self._delete(result, deleting=deleting)
        stays = live is not None and not self.wait and not self.context.check_mode
        gone = [self.path]
        messages = []
        if self.params.get("virtual_network"):
            messages += self._remove_network(result, live or {}, gone, stays=stays)
        if self.params["create_resource_group"]:
            messages += self._remove_group(result, gone, stays=stays)
        result.message = " ".join(messages)
        return result

    def _delete(self, result: Result, *, deleting: bool) -> None:
        if deleting:
            answer = Answer(202)
        else:
            try:
                answer = self.write(
                    "delete", "DELETE", self.path, before={"state": "present"}, after={"state": "absent"}
                )
            except NotFound:
                # Another run was faster.
                return
        if answer.status == 204:
            return
        started = operation.accepted("delete", answer)
        if self.wait:
            self.gone(started, answer)
        else:
            result.values["operation"] = {**self.told(started), "provisioning_state": "Deleting"}

    def _remove_network(self, result: Result, live: Json, gone: list[str], *, stays: bool) -> list[str]:
        if stays:
            return ["The virtual network stays until its cluster is gone: run again to remove it."]
        outcome = _network().remove(
            self.arm,
            self.params,
            check=self.context.check_mode,
            timeout_s=self.time_left(),
            progress=self.context.progress,
            wait=self.wait,
            node_resource_group=str((live.get("properties") or {}).get("nodeResourceGroup") or ""),
        )
        gone += outcome.removed
        if outcome.changed:
            _add(result, "virtual_network", outcome.before, None)
        return [outcome.message] if outcome.message else []

    def _remove_group(self, result: Result, gone: Sequence[str], *, stays: bool) -> list[str]:
        group = groups.read_group(self.arm, self.group)
        if group is None:
            return []
        if stays:
            return [f"The resource group {self.group} stays until its cluster is gone: run again to remove it."]
        # In check mode the cluster and its network are still there, but would not be.
        reason = groups.reason_to_keep(self.arm, self.group, group, without=gone)
        if reason:
            return [f"The resource group {self.group} stays: {reason}."]
        _add(result, "resource_group", self.group, None)
        if not self.context.check_mode:
            groups.delete_group(
                self.arm,
                self.group,
                wait=self.wait,
                timeout_s=self.time_left(),
                progress=self.context.progress,
            )
        return []


def _network() -> ModuleType:
    """Few tasks are about the network, and each run compiles what it imports: Ansible sends modules as source."""
    from . import network

    return network


def _add(result: Result, key: str, before: object, after: object) -> None:
    """One more thing that the task changes."""
    result.changed = True
    result.before = {**(result.before or {}), key: before}
    result.after = {**(result.after or {}), key: after}
