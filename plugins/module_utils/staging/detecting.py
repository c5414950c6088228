# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what a hardening must know before each of its stages: what the cluster can do and how far it has come."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .._errors import AuthFailed
from .._types import Json
from ..hardening.detect import capability_lines, limits, require_capable, require_names_free
from ..hardening.listen import listening_policy
from ..hardening.model import Inventory
from ..hardening.steps import enforcement_steps, learned, staged, state_of
from ..kube.interface import Kube
from .inventory import (
    PodFacts,
    read_inventory,
    read_platform,
    read_pods,
    read_policies,
    require_namespaces,
    restorable,
)
from .leftover import as_confirmed, unconfirmed


@dataclass(frozen=True)
class Wanted:
    """What to detect.

    canary: namespace of the pods that connections are tried from; it gets a listening policy as well. refuse: raise
    where no hardening is possible. candidates: policies to be applied next.
    """

    namespaces: Sequence[str]
    system_namespaces: Sequence[str]
    canary: str
    refuse: bool = True
    candidates: Sequence[Json] = ()


def detect(kube: Kube, wanted: Wanted) -> Json:
    """All that the stages ask for. Raises the errors of require_namespaces, require_capable and require_names_free."""
    namespaces, canary = wanted.namespaces, wanted.canary
    require_namespaces(kube, namespaces, system=wanted.system_namespaces)
    platform = read_platform(kube)
    policies = read_policies(kube, namespaces)
    if wanted.refuse:
        require_capable(platform)
        require_names_free(namespaces, policies)
    inventory = read_inventory(kube, namespaces)
    settled = _settled(kube, policies)
    state = state_of(settled, namespaces)
    return {
        "state": state,
        "lines": [*capability_lines(platform, namespaces, policies), f"hardening: {state}"],
        "limits": limits(inventory, namespaces),
        "cluster": platform["cluster"],
        "cilium_version": platform["cilium_version"],
        "fqdn_policies": bool(platform["fqdn_policies"]),
        "policies": [restorable(policy) for policy in policies],
        "learned": [restorable(policy) for policy in learned(policies, namespaces)],
        "listening": [
            listening_policy(namespace, platform["dns"], names=bool(platform["fqdn_policies"]))
            for namespace in (*namespaces, canary)
        ],
        "staged": staged(wanted.candidates, policies),
        "steps": enforcement_steps(settled, namespaces),
        "strangers": strangers(read_pods(kube, namespaces), inventory, canary),
    }


def _settled(kube: Kube, policies: Sequence[Json]) -> list[Json]:
    """The policies without the steps that a dead man's switch will take back: those are still to be taken."""
    try:
        pending = unconfirmed(kube)
    except AuthFailed:
        # Whoever may only read policies takes no step.
        pending = {}
    return [as_confirmed(policy, pending) for policy in policies]


def strangers(pods: Iterable[PodFacts], inventory: Inventory, canary: str) -> list[Json]:
    """Connections that nobody declared, as probes of connectivity_probe that must be denied in the end.

    From the canary's client to the first declared TCP port of one ready pod of each workload.
    """
    ports = {
        facts.workload: [port for protocol, port in facts.ports if protocol == "TCP"] for facts in inventory.workloads
    }
    found: dict[str, Json] = {}
    for pod in pods:
        target = pod.workload.text
        if pod.ready and pod.address and not pod.host_network and ports.get(pod.workload) and target not in found:
            found[target] = {
                "name": f"stranger to {target}",
                "from": {"namespace": canary, "pod": "canary-client"},
                "to": {"host": pod.address, "port": ports[pod.workload][0]},
                "expect": "deny",
                "timeout": 2,
            }
    return [found[name] for name in sorted(found)]
