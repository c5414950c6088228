# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Pods that started before Cilium and are not managed by it: found, and restarted in a safe order on request."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from .._errors import Conflict, NotFound, Throttled, TimedOut
from .._text import agree, counted
from .._types import Clock, Json, Progress
from .._wait import Look, wait_until
from ..kube.interface import Kube
from ..kube.kinds import CEP, CONFIG_MAP, DAEMON_SET, POD, REPLICA_SET, STATEFUL_SET, Kind
from ..kube.ready import is_ready_pod, workload_of
from .detect import AGENT_CONTAINER, AGENT_PODS

LOOK_EVERY_S = 2.0
MOST_AT_ONCE = 10
"""Controllers whose pods are restarted at the same time; each has one of its pods out at most."""
BUDGET_PATIENCE_S = 30.0
"""How long a PodDisruptionBudget may refuse a pod that is not ready."""
DNS_LABEL = ("k8s-app", "kube-dns")
_CONTROLLERS = {kind.kind: kind for kind in (REPLICA_SET, STATEFUL_SET, DAEMON_SET)}


@dataclass(frozen=True)
class Pod:
    """An unmanaged pod. controller: kind and name of what would make it anew, empty for none."""

    namespace: str
    name: str
    uid: str
    controller: tuple[str, str]
    is_dns: bool = False

    @property
    def label(self) -> str:
        """Namespace and name, for people."""
        return f"{self.namespace}/{self.name}"

    @property
    def why_not(self) -> str:
        """Why it is not restarted; empty when it can be."""
        kind, name = self.controller
        if kind in _CONTROLLERS:
            return ""
        return f"it belongs to the {kind} {name}" if kind else "it has no controller that would make it anew"


@dataclass
class Report:
    """What was found and done, as `namespace/name`; left: pod -> why it was not restarted."""

    unmanaged: list[str] = field(default_factory=list)
    restarted: list[str] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)

    def summary(self) -> Json:
        """The facts that the module returns."""
        return {
            "unmanaged_pods": self.unmanaged,
            "restarted_pods": self.restarted,
            "not_restarted_pods": [{"pod": pod, "reason": why} for pod, why in sorted(self.left.items())],
        }


def find_unmanaged(kube: Kube, namespace: str) -> list[Pod]:
    """Pods with a network of their own that have an address, no CiliumEndpoint, and are older than their node's agent.

    A younger one is only on its way to its endpoint. Without CiliumEndpoints (disableEndpointCRD) nothing is known, so
    none is named.
    """
    config = (kube.get(CONFIG_MAP, "cilium-config", namespace) or {}).get("data") or {}
    if config.get("disable-endpoint-crd") == "true":
        return []
    agents = {
        str((pod.get("spec") or {}).get("nodeName")): _agent_since(pod)
        for pod in kube.list(POD, namespace, label_selector=AGENT_PODS)
    }
    found = [pod for document in kube.list(POD) if (pod := _candidate(document, agents)) is not None]
    if not found:
        return []
    try:
        managed = {(item["metadata"]["namespace"], item["metadata"]["name"]) for item in kube.list(CEP)}
    except NotFound:
        return []
    return sorted((pod for pod in found if (pod.namespace, pod.name) not in managed), key=_order)


def _agent_since(pod: Json) -> str:
    """When the agent itself started: its pod is older, and until it runs another plugin gives pods their network."""
    for container in (pod.get("status") or {}).get("containerStatuses") or []:
        if container.get("name") == AGENT_CONTAINER:
            return str(((container.get("state") or {}).get("running") or {}).get("startedAt") or "")
    return ""


def _candidate(document: Json, agents: dict[str, str]) -> Pod | None:
    metadata, spec, status = document["metadata"], document.get("spec") or {}, document.get("status") or {}
    if (
        spec.get("hostNetwork")
        or metadata.get("deletionTimestamp")
        or status.get("phase") not in ("Running", "Pending")
    ):
        return None
    agent_since, since = agents.get(str(spec.get("nodeName")), ""), str(status.get("startTime") or "")
    # Times of the API are UTC in one format, so texts compare as times do.
    if not status.get("podIP") or not agent_since or since >= agent_since:
        return None
    owner: Json = next((item for item in metadata.get("ownerReferences") or [] if item.get("controller")), {})
    is_dns = (metadata.get("labels") or {}).get(DNS_LABEL[0]) == DNS_LABEL[1]
    controller = (str(owner.get("kind", "")), str(owner.get("name", "")))
    return Pod(metadata["namespace"], metadata["name"], str(metadata.get("uid", "")), controller, is_dns)


def _order(pod: Pod) -> tuple[bool, bool, str, str]:
    """Names first, then the rest of the system, then everybody else."""
    return (not pod.is_dns, pod.namespace != "kube-system", pod.namespace, pod.name)


def look_only(pods: Sequence[Pod], why: str) -> Report:
    """The report of a run that restarts nothing; why: the reason, for the pods that could be restarted."""
    return Report(unmanaged=[pod.label for pod in pods], left={pod.label: pod.why_not or why for pod in pods})


def planned(pods: Sequence[Pod]) -> Report:
    """The report that restart() would make when everything goes well."""
    return Report(
        unmanaged=[pod.label for pod in pods],
        restarted=[pod.label for pod in pods if not pod.why_not],
        left={pod.label: pod.why_not for pod in pods if pod.why_not},
    )


def restart(kube: Kube, pods: Sequence[Pod], timeout_s: float, clock: Clock, progress: Progress) -> Report:
    """Evict the pods that a controller makes anew: the cluster's DNS first, one pod of a controller at a time.

    The next pod of a controller follows when it has as many available pods as before. PodDisruptionBudgets count:
    a refused eviction is tried again until the deadline. Raises TimedOut that names what was not restarted.
    """
    report = Report(unmanaged=[pod.label for pod in pods], left={pod.label: pod.why_not for pod in pods if pod.why_not})
    can = [pod for pod in pods if not pod.why_not]
    started = clock.monotonic()
    for stage in (True, False):
        queues = _queues(kube, [pod for pod in can if pod.is_dns is stage])
        remaining_s = max(timeout_s - (clock.monotonic() - started), 0.0)
        _work_off(kube, queues, report, remaining_s, clock, progress)
    return report


@dataclass
class _Queue:
    """The pods of one controller that are still to be restarted. out: the one that is being replaced."""

    kind: Kind
    name: str
    namespace: str
    waiting: list[Pod]
    enough: int
    """Available pods that it had before."""
    out: Pod | None = None
    refused: str = ""
    refused_since: float = 0.0

    @property
    def done(self) -> bool:
        return not self.waiting and self.out is None


def _queues(kube: Kube, pods: Iterable[Pod]) -> list[_Queue]:
    queues: dict[tuple[str, str, str], _Queue] = {}
    for pod in pods:
        kind, name = pod.controller
        key = (pod.namespace, kind, name)
        if key not in queues:
            document = kube.get(_CONTROLLERS[kind], name, pod.namespace)
            available = workload_of(document).available if document else 0
            queues[key] = _Queue(_CONTROLLERS[kind], name, pod.namespace, [], available)
        queues[key].waiting.append(pod)
    return list(queues.values())


def _work_off(
    kube: Kube, queues: list[_Queue], report: Report, timeout_s: float, clock: Clock, progress: Progress
) -> None:
    if not queues:
        return
    total = len(report.restarted) + sum(len(queue.waiting) for queue in queues)

    def look() -> Look[None]:
        for queue in [queue for queue in queues if not queue.done][:MOST_AT_ONCE]:
            _step(kube, queue, report, clock.monotonic())
        left = [queue for queue in queues if not queue.done]
        state = f"{len(report.restarted)} of {counted(total, 'pod')} restarted"
        blocked = next((queue.refused for queue in left if queue.refused), "")
        return Look(not left, f"{state} ({blocked})" if blocked else state, None)

    try:
        wait_until(
            look, what="unmanaged pods", timeout_s=timeout_s, interval_s=LOOK_EVERY_S, clock=clock, progress=progress
        )
    except TimedOut as error:
        pods = [pod.label for queue in queues for pod in [*([queue.out] if queue.out else []), *queue.waiting]]
        some = ", ".join(pods[:5]) + (", ..." if len(pods) > 5 else "")
        raise TimedOut(
            f"Cilium is installed, but {counted(len(pods), 'pod')} that started before it"
            f" {agree(len(pods), 'was', 'were')} not restarted in time: {some} ({error.history[-1]}).",
            code="PodsNotRestarted",
            option="restart_unmanaged",
            remedy="Look at their controllers and PodDisruptionBudgets; run again, or raise wait_timeout.",
            history=error.history,
            details={"restarted_pods": report.restarted, "pods": pods},
        ) from error


def _step(kube: Kube, queue: _Queue, report: Report, now: float) -> None:
    """Go one step on with a controller: see whether the last pod is replaced, and evict the next."""
    if queue.out is not None:
        there = kube.get(POD, queue.out.name, queue.namespace)
        same = there is not None and str(there["metadata"].get("uid", "")) == queue.out.uid
        document = kube.get(queue.kind, queue.name, queue.namespace)
        # A controller that was deleted meanwhile makes no new pod that one could wait for.
        enough = document is None or _is_back(document, queue.enough)
        if same or not enough:
            return
        report.restarted.append(queue.out.label)
        queue.out = None
    if not queue.waiting:
        return
    pod = queue.waiting[0]
    try:
        evict(kube, pod)
    except (NotFound, Conflict):
        # Somebody else was faster; what has the name now is made after Cilium.
        queue.waiting.pop(0)
        return
    except Throttled as error:
        _refused(kube, queue, report, now, error.message)
        return
    queue.refused = ""
    queue.out = queue.waiting.pop(0)


def _refused(kube: Kube, queue: _Queue, report: Report, now: float, why: str) -> None:
    """A budget forbids the eviction now. Of pods that are not ready it will for ever, since they count as missing."""
    pod = queue.waiting[0]
    queue.refused_since = queue.refused_since if queue.refused else now
    queue.refused = f"{pod.label}: {why.rpartition('eviction: ')[2]}"
    if now - queue.refused_since < BUDGET_PATIENCE_S:
        return
    there = kube.get(POD, pod.name, pod.namespace)
    if there is None or is_ready_pod(there):
        return
    for waiting in queue.waiting:
        report.left[waiting.label] = "its PodDisruptionBudget forbids it, and it is not ready: delete it by hand"
    queue.waiting.clear()


def _is_back(document: Json, enough: int) -> bool:
    workload = workload_of(document)
    return (
        workload.observed
        and workload.available >= min(enough, workload.wanted)
        and workload.created >= min(max(enough, 1), workload.wanted)
    )


def evict(kube: Kube, pod: Pod) -> None:
    """Ask the API server to take a pod away, as `kubectl drain` does. Throttled: a PodDisruptionBudget forbids it now.

    The uid is a condition: a pod of the same name that was made anew meanwhile stays.
    """
    subresource = replace(POD, plural=f"pods/{pod.name}/eviction", kind="Eviction")
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": pod.name, "namespace": pod.namespace},
        "deleteOptions": {"preconditions": {"uid": pod.uid}},
    }
    kube.create(subresource, body)
