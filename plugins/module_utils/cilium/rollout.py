# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Waits until an installed Cilium works, or a removed one is gone."""

from __future__ import annotations

from collections.abc import Iterator

from .._types import Clock, Json, Progress
from .._wait import Look, wait_until
from ..kube.interface import Kube
from ..kube.kinds import CRD, DAEMON_SET, DEPLOYMENT, NODE, POD
from ..kube.ready import container_troubles, is_ready_node, readiness
from .detect import AGENT_PODS

LOOK_EVERY_S = 2.0
# The operator creates these while it runs; policies cannot be applied before.
_CRDS = ("ciliumnetworkpolicies.cilium.io", "ciliumclusterwidenetworkpolicies.cilium.io")


def agents_ready(daemon_set: Json) -> bool:
    """Whether the agents are rolled out on every node that should have one."""
    wanted = (daemon_set.get("status") or {}).get("desiredNumberScheduled") or 0
    return wanted > 0 and readiness(daemon_set).ready


def wait_working(kube: Kube, namespace: str, relay: bool, timeout_s: float, clock: Clock, progress: Progress) -> None:
    """Wait for agents, operator, CRDs, nodes and, when enabled, the relay. Raises TimedOut with what was missing."""

    def look() -> Look[None]:
        missing = list(_missing(kube, namespace, relay))
        return Look(not missing, "; ".join(missing) or "ready", None)

    wait_until(
        look,
        what="Cilium",
        timeout_s=timeout_s,
        interval_s=LOOK_EVERY_S,
        clock=clock,
        progress=progress,
        remedy="The release stays installed; cilium_status tells what its pods report.",
    )


def _missing(kube: Kube, namespace: str, relay: bool) -> Iterator[str]:
    """What does not work yet, each in a few words."""
    agents = kube.get(DAEMON_SET, "cilium", namespace)
    if agents is None:
        yield "no DaemonSet cilium"
    elif not agents_ready(agents):
        yield f"agents: {readiness(agents).reason}{_first_trouble(kube, namespace)}"
    for name in ("cilium-operator", *(["hubble-relay"] if relay else [])):
        deployment = kube.get(DEPLOYMENT, name, namespace)
        if deployment is None:
            yield f"no Deployment {name}"
        elif not readiness(deployment).ready:
            yield f"{name}: {readiness(deployment).reason}"
    nodes = [is_ready_node(node) for node in kube.list(NODE)]
    if not all(nodes):
        yield f"{nodes.count(False)} of {len(nodes)} nodes not Ready"
    for name in _CRDS:
        definition = kube.get(CRD, name)
        if definition is None or not readiness(definition).ready:
            yield f"no CRD {name.partition('.')[0]}"


def _first_trouble(kube: Kube, namespace: str) -> str:
    for pod in kube.list(POD, namespace, label_selector=AGENT_PODS):
        for trouble in container_troubles(pod):
            return f" ({pod['metadata']['name']}: {trouble.container} {trouble.reason})"
    return ""


def wait_removed(kube: Kube, namespace: str, timeout_s: float, clock: Clock, progress: Progress) -> None:
    """Wait until the agents' DaemonSet and pods are gone."""

    def look() -> Look[None]:
        pods = sum(1 for _pod in kube.list(POD, namespace, label_selector=AGENT_PODS))
        exists = kube.get(DAEMON_SET, "cilium", namespace) is not None
        return Look(not pods and not exists, f"{pods} agent pods left" if pods or exists else "removed", None)

    wait_until(look, what="Cilium", timeout_s=timeout_s, interval_s=LOOK_EVERY_S, clock=clock, progress=progress)
