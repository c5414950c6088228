# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""States `started` and `stopped`: only the power of a cluster that exists, none of the options that describe it."""

from __future__ import annotations

from .._argspec import ArgSpec
from .._errors import NotFound, OperationFailed, Unsupported
from .._types import Json, Result
from . import operation as operations
from .fields import read
from .work import Work

STATES = ArgSpec(
    {"state": {"type": "str", "choices": ["present", "absent", "started", "stopped"], "default": "present"}}
)
# state: (action, powerState, provisioningState on the way there)
WAYS = {"started": ("start", "Running", "Starting"), "stopped": ("stop", "Stopped", "Stopping")}


def power_state(document: Json) -> str:
    """Running or Stopped; a cluster that says nothing runs."""
    return str(read(document, ("properties", "powerState", "code")) or "Running")


def switch(work: Work, state: str) -> Result:
    """Start or stop the cluster, unless it is so already or on the way."""
    action, wanted, on_the_way = WAYS[state]
    live = _existing(work, work.read(), state)
    busy = operations.busy_state(live)
    if busy and work.may_wait():
        live = _existing(work, work.settled(until_gone=busy == "Deleting"), state)
        busy = ""
    if busy == on_the_way or (power_state(live) == wanted and not busy):
        if operations.provisioning_state(live).lower() in operations.FAILED:
            work.context.warn(f"{work.what} is {state}, but its last operation failed.")
        return Result(False, {work.key: work.shown(live)}, {}, {})
    _check_may_stop(work, live, wanted)
    before, after = {"power_state": power_state(live)}, {"power_state": wanted}
    if work.context.check_mode:
        return Result(True, {work.key: work.shown(live)}, before, after, f"{work.what} would be {state}.")
    if busy:
        raise work.in_progress(busy)
    answer = work.write(action, "POST", f"{work.path}/{action}", before=before, after=after)
    result = work.finish(action, answer, before, after)
    if work.wait and result.values[work.key]["power_state"] != wanted:
        raise OperationFailed(
            f"{work.what} was accepted for its {action}, and is not {state} after it.",
            code="PowerStateUnchanged",
            correlation_id=answer.headers.get("x-ms-correlation-request-id", ""),
            remedy="See the activity log of the cluster in Azure, then run again.",
        )
    return result


def _existing(work: Work, live: Json | None, state: str) -> Json:
    if live is None:
        raise NotFound(
            f"state={state}: {work.what} does not exist.",
            option="state",
            code="ClusterNotFound",
            remedy="Check name and resource_group, or create it with state=present.",
        )
    return live


def _check_may_stop(work: Work, live: Json, wanted: str) -> None:
    """AKS documentation: clusters with node auto-provisioning cannot be stopped."""
    mode = str(read(live, ("properties", "nodeProvisioningProfile", "mode")) or "")
    if wanted == "Stopped" and mode.lower() == "auto":
        raise Unsupported(
            f"state=stopped: {work.what} has node provisioning mode Auto, and Azure does not stop such clusters.",
            option="state",
            code="ClusterCannotStop",
            remedy="Set node_provisioning.mode to Manual first.",
        )
