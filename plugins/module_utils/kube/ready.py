# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Whether an object works, judged from the object alone. Pure functions on documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .._text import agree, counted
from .._types import Json


@dataclass(frozen=True)
class Readiness:
    """ready, or the reason why not in a few words (what it is, when ready)."""

    ready: bool
    reason: str


@dataclass(frozen=True)
class Workload:
    """The counters of a Deployment, DaemonSet, StatefulSet or ReplicaSet.

    wanted: pods that the spec asks for (DaemonSet: nodes that should run one). created: pods that exist.
    observed: whether the controller has seen the newest spec. The counters are those of the status.
    """

    wanted: int
    created: int
    ready: int
    available: int
    updated: int
    observed: bool

    @property
    def readiness(self) -> Readiness:
        """Ready when the newest spec is rolled out and all wanted pods are available. Nothing wanted is ready."""
        if not self.observed:
            return Readiness(False, "the controller has not seen the newest spec yet")
        if self.updated < self.wanted:
            pods = f"{self.updated} of {counted(self.wanted, 'pod')} {agree(self.updated, 'is', 'are')}"
            return Readiness(False, f"{pods} of the newest spec")
        if self.available < self.wanted:
            return Readiness(False, f"{self.available} of {counted(self.wanted, 'pod')} available, {self.ready} ready")
        if self.created > self.wanted:
            old = self.created - self.wanted
            return Readiness(False, f"{counted(old, 'old pod')} {agree(old, 'is', 'are')} still there")
        return Readiness(True, f"{self.available} of {counted(self.wanted, 'pod')} available")


@dataclass(frozen=True)
class ContainerTrouble:
    """A container that does not run as it should."""

    container: str
    reason: str
    """Kubernetes' word: CrashLoopBackOff, ImagePullBackOff, OOMKilled, ..."""
    message: str
    exit_code: int | None
    restarts: int
    crash_loop: bool


# Reasons after which waiting alone helps nobody.
CRASH_REASONS = frozenset({"CrashLoopBackOff", "RunContainerError", "CreateContainerConfigError", "InvalidImageName"})


def workload_of(document: Json) -> Workload:
    """The counters of a Deployment, DaemonSet, StatefulSet or ReplicaSet."""
    status = document.get("status") or {}
    spec = document.get("spec") or {}
    observed = int(status.get("observedGeneration") or 0) >= int(document["metadata"].get("generation") or 0)
    if document.get("kind") == "DaemonSet" or "desiredNumberScheduled" in status:
        return Workload(
            wanted=int(status.get("desiredNumberScheduled") or 0),
            created=int(status.get("currentNumberScheduled") or 0),
            ready=int(status.get("numberReady") or 0),
            available=int(status.get("numberAvailable") or 0),
            updated=int(status.get("updatedNumberScheduled") or 0),
            observed=observed,
        )
    replicas = spec.get("replicas")
    return Workload(
        wanted=1 if replicas is None else int(replicas),
        created=int(status.get("replicas") or 0),
        ready=int(status.get("readyReplicas") or 0),
        available=int(status.get("availableReplicas") or 0),
        updated=int(status.get("updatedReplicas") or 0),
        observed=observed,
    )


def readiness(document: Json) -> Readiness:
    """Whether the object works. Kinds without a state of their own are ready as soon as they exist."""
    judge = _JUDGES.get(str(document.get("kind")))
    return judge(document) if judge else Readiness(True, "exists")


def condition(document: Json, kind: str) -> Json:
    """The condition of a type (`Ready`, `PodScheduled`); empty where the object has none."""
    conditions = (document.get("status") or {}).get("conditions") or []
    return next((item for item in conditions if item.get("type") == kind), {})


def is_ready_node(node: Json) -> bool:
    """Whether a Node has the condition Ready=True."""
    return condition(node, "Ready").get("status") == "True"


def is_ready_pod(pod: Json) -> bool:
    """Whether a Pod has the condition Ready=True and is not being deleted."""
    return condition(pod, "Ready").get("status") == "True" and not pod["metadata"].get("deletionTimestamp")


def container_troubles(pod: Json) -> list[ContainerTrouble]:
    """Containers of a pod, init containers first, that wait with an error or ended badly."""
    status = pod.get("status") or {}
    found = []
    for container in [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]:
        state = container.get("state") or {}
        waiting, ended = state.get("waiting") or {}, state.get("terminated") or {}
        last = (container.get("lastState") or {}).get("terminated") or {}
        if waiting and waiting.get("reason") not in (None, "ContainerCreating", "PodInitializing"):
            found.append(_trouble(container, waiting, last.get("exitCode"), last.get("message")))
        elif ended and ended.get("exitCode", 0) != 0:
            found.append(_trouble(container, ended, ended.get("exitCode"), None))
    return found


def _trouble(container: Json, state: Json, exit_code: int | None, last_message: str | None) -> ContainerTrouble:
    reason = str(state.get("reason") or "Error")
    return ContainerTrouble(
        container=str(container.get("name")),
        reason=reason,
        message=str(last_message or state.get("message") or "").strip(),
        exit_code=exit_code,
        restarts=int(container.get("restartCount") or 0),
        crash_loop=reason in CRASH_REASONS,
    )


def _workload(document: Json) -> Readiness:
    return workload_of(document).readiness


def _pod(document: Json) -> Readiness:
    status = document.get("status") or {}
    phase = str(status.get("phase") or "Pending")
    if phase == "Succeeded":
        return Readiness(True, "ended successfully")
    if is_ready_pod(document):
        return Readiness(True, "ready")
    troubles = container_troubles(document)
    if troubles:
        return Readiness(False, f"container {troubles[0].container}: {troubles[0].reason}")
    scheduled = condition(document, "PodScheduled")
    if scheduled.get("status") == "False":
        return Readiness(False, f"{scheduled.get('reason')}: {scheduled.get('message')}")
    return Readiness(False, f"{phase}, not ready" if phase == "Running" else phase)


def _job(document: Json) -> Readiness:
    failed = condition(document, "Failed")
    if failed.get("status") == "True":
        return Readiness(False, f"failed: {failed.get('reason')}: {failed.get('message')}")
    done = condition(document, "Complete").get("status") == "True"
    return Readiness(done, "complete" if done else "not complete")


def _namespace(document: Json) -> Readiness:
    phase = str((document.get("status") or {}).get("phase") or "Active")
    return Readiness(phase == "Active", phase)


def _custom_resource_definition(document: Json) -> Readiness:
    established = condition(document, "Established").get("status") == "True"
    return Readiness(established, "established" if established else "not established")


def _service(document: Json) -> Readiness:
    if (document.get("spec") or {}).get("type") != "LoadBalancer":
        return Readiness(True, "exists")
    ingress = ((document.get("status") or {}).get("loadBalancer") or {}).get("ingress")
    return Readiness(bool(ingress), "has an address" if ingress else "no load balancer address yet")


def _node(document: Json) -> Readiness:
    ready = is_ready_node(document)
    return Readiness(ready, "ready" if ready else str(condition(document, "Ready").get("message") or "not ready"))


_JUDGES: dict[str, Callable[[Json], Readiness]] = {
    "Deployment": _workload,
    "DaemonSet": _workload,
    "StatefulSet": _workload,
    "ReplicaSet": _workload,
    "Pod": _pod,
    "Job": _job,
    "Namespace": _namespace,
    "CustomResourceDefinition": _custom_resource_definition,
    "Service": _service,
    "Node": _node,
}
