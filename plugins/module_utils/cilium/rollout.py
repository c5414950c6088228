# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Waits until an installed Cilium works, or a removed one is gone; gives up early where waiting helps nobody."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from .._errors import CollectionError, OperationFailed, Throttled, TimedOut, Unreachable
from .._text import counted, elapsed_text
from .._types import Clock, Json, Progress
from .._wait import Look, wait_until
from ..kube.interface import Kube
from ..kube.kinds import CRD, DAEMON_SET, DEPLOYMENT, NODE, POD
from ..kube.ready import ContainerTrouble, condition, is_ready_node, readiness
from .giveup import IMAGE_PATIENCE_S, ImagePatience, last_log
from .snapshot import PartPod, Snapshot, part_of, part_pod
from .status import IMAGE_REASONS, hopeless, trouble_text

LOOK_EVERY_S = 2.0
MOST_PODS_TOLD = 5
# The operator creates these while it runs; policies cannot be applied before.
_CRDS = ("ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io")


def agents_ready(daemon_set: Json) -> bool:
    """Whether the agents are rolled out on every node that should have one."""
    wanted = (daemon_set.get("status") or {}).get("desiredNumberScheduled") or 0
    return wanted > 0 and readiness(daemon_set).ready


def parts_of(kube: Kube, namespace: str) -> list[PartPod]:
    """The pods of Cilium's components (one request)."""
    found = []
    for pod in kube.list(POD, namespace):
        part = part_of(pod["metadata"].get("labels") or {})
        if part is not None:
            found.append(part_pod(pod, part))
    return sorted(found, key=lambda pod: pod.name)


def wait_working(
    kube: Kube,
    namespace: str,
    relay: bool,
    timeout_s: float,
    clock: Clock,
    progress: Progress,
    *,
    old_pods: Collection[str] = (),
    settling: bool = False,
) -> None:
    """Wait for agents, operator, CRDs, nodes and, when enabled, the relay. Raises TimedOut with what was missing.

    Raises OperationFailed early for a crash loop and for an image that cannot be pulled. old_pods: names of pods that
    are being replaced, so that their troubles mean nothing. settling: something was changed just before, so that an
    API server without an answer is a thing to wait for from the first look on; else that one's failure is raised.
    """
    patience = ImagePatience(clock)
    looked = [True] if settling else []

    def look() -> Look[None]:
        try:
            missing = list(_missing(kube, namespace, relay))
            pods = [pod for pod in parts_of(kube, namespace) if pod.name not in old_pods] if missing else []
        except (Unreachable, Throttled, OperationFailed) as error:
            # A first failure is the user's to see; later ones, a 5xx too, happen while the network under the API
            # changes, and say nothing about Cilium.
            if not looked:
                raise
            return Look(False, error.message, None)
        looked.append(True)
        _give_up(kube, namespace, pods, patience, old_pods)
        trouble = next((f" ({pod.name}: {t.container} {t.reason})" for pod in pods for t in pod.troubles), "")
        return Look(not missing, "; ".join(missing) + trouble if missing else "ready", None)

    try:
        wait_until(
            look,
            what="Cilium",
            timeout_s=timeout_s,
            interval_s=LOOK_EVERY_S,
            clock=clock,
            progress=progress,
            remedy="The release stays installed; cilium_status tells what its pods report.",
        )
    except TimedOut as error:
        error.details["pods"] = evidence(kube, namespace, old_pods)
        raise


def _give_up(
    kube: Kube, namespace: str, pods: list[PartPod], patience: ImagePatience, old_pods: Collection[str]
) -> None:
    stuck = hopeless(Snapshot(namespace, {}, pods, (), None, (), {}))
    for pod, trouble in [*stuck, *patience.exhausted(pods)]:
        where = f" on {pod.node}" if pod.node else ""
        raise OperationFailed(
            f"{namespace}/{pod.name}{where}: {trouble_text(trouble)}{_since(trouble)}.",
            code=trouble.reason,
            target=f"{namespace}/{pod.name}",
            remedy="The release stays installed; correct what the container says (details.pods) and run again.",
            details={"pods": evidence(kube, namespace, [*old_pods, *(p.name for p in pods if not p.troubles)])},
        )


def _since(trouble: ContainerTrouble) -> str:
    if trouble.reason in IMAGE_REASONS:
        return f" (for {elapsed_text(IMAGE_PATIENCE_S)})"
    return f" ({counted(trouble.restarts, 'restart')})"


def evidence(kube: Kube, namespace: str, leave_out: Collection[str] = ()) -> list[Json]:
    """What the pods in trouble say, each with the last lines of its log; at most MOST_PODS_TOLD."""
    told: list[Json] = []
    try:
        pods = [pod for pod in parts_of(kube, namespace) if pod.name not in leave_out and not pod.leaving]
    except CollectionError as error:
        return [{"error": f"The pods could not be read: {error.message}"}]
    for pod in pods:
        for trouble in pod.troubles[:1]:
            told.append(
                {
                    "pod": f"{namespace}/{pod.name}",
                    "node": pod.node,
                    "container": trouble.container,
                    "reason": trouble.reason,
                    "message": trouble.message,
                    "restarts": trouble.restarts,
                    "log": []
                    if trouble.reason in IMAGE_REASONS
                    else last_log(kube, namespace, pod, trouble).strip().splitlines(),
                }
            )
        if not pod.troubles and not pod.ready and pod.phase != "Succeeded":
            told.append({"pod": f"{namespace}/{pod.name}", "node": pod.node, "reason": pod.phase, "message": pod.why})
    return told[:MOST_PODS_TOLD]


def _missing(kube: Kube, namespace: str, relay: bool) -> Iterator[str]:
    """What does not work yet, each in a few words."""
    agents = kube.get(DAEMON_SET, "cilium", namespace)
    if agents is None:
        yield "no DaemonSet cilium"
    elif not agents_ready(agents):
        yield f"agents: {readiness(agents).reason}"
    for name in ("cilium-operator", *(["hubble-relay"] if relay else [])):
        deployment = kube.get(DEPLOYMENT, name, namespace)
        if deployment is None:
            yield f"no Deployment {name}"
        elif not readiness(deployment).ready:
            yield f"{name}: {readiness(deployment).reason}"
    nodes = [is_ready_node(node) for node in kube.list(NODE)]
    if not all(nodes):
        yield f"{nodes.count(False)} of {counted(len(nodes), 'node')} not Ready"
    for name in _CRDS:
        definition = kube.get(CRD, name)
        if definition is None or not readiness(definition).ready:
            yield f"no CRD {name.partition('.')[0]}"


def wait_removed(kube: Kube, namespace: str, timeout_s: float, clock: Clock, progress: Progress) -> list[str]:
    """Wait until the agents' DaemonSet and the pods of agents and operator, which make CRDs and taints, are gone.

    Pods on nodes that are down never end for the API server, and are not waited for; those nodes are returned.
    """

    def look() -> Look[list[str]]:
        pods = [pod for pod in parts_of(kube, namespace) if pod.part in ("cilium", "operator")]
        down = _down(kube, {pod.node for pod in pods if pod.leaving and pod.node})
        pods = [pod for pod in pods if not (pod.leaving and pod.node in down)]
        exists = kube.get(DAEMON_SET, "cilium", namespace) is not None
        agents = sum(pod.part == "cilium" for pod in pods)
        state = f"{counted(agents, 'agent pod')} left" + (", and the operator" if len(pods) > agents else "")
        return Look(not pods and not exists, state if pods or exists else "removed", down)

    return wait_until(look, what="Cilium", timeout_s=timeout_s, interval_s=LOOK_EVERY_S, clock=clock, progress=progress)


def _down(kube: Kube, names: Collection[str]) -> list[str]:
    """Those of these nodes that are gone, or whose kubelet does not report any more.

    A kubelet that says NotReady, as all do without a CNI plugin, still ends its pods.
    """
    if not names:
        return []
    nodes = {node["metadata"]["name"]: condition(node, "Ready").get("status") for node in kube.list(NODE)}
    return sorted(name for name in names if nodes.get(name, "Unknown") == "Unknown")
