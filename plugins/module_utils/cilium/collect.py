# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what `cilium status` reads, and the policies, for judge().

Some fifteen requests, plus one per further 500 nodes, pods, endpoints or policies. Lists are read a page at a time and
each object is cut down at once, so that memory grows with a few words per pod, not with its document.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from .._errors import AuthFailed, NotFound
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import CCNP, CEP, CNP, CONFIG_MAP, DAEMON_SET, NETWORK_POLICY, NODE, POD
from ..kube.wire import NODE_STATE, POD_BRIEF, POD_STATE
from .policies_health import policy_fact
from .snapshot import (
    PARTS,
    ClusterNode,
    ClusterPod,
    PartPod,
    PolicyFact,
    Snapshot,
    cluster_node,
    cluster_pod,
    part_of,
    part_pod,
)

LOOKED_AGAIN = 10
"""Pods without an endpoint up to which each is looked for by name; beyond, the list is read again."""
_NAMED = "metadata.name=cilium"
T = TypeVar("T")


def collect(kube: Kube, namespace: str) -> Snapshot:
    """One look, without asking the agents.

    A missing permission (403) becomes a problem of the snapshot, so that the rest is still told; for policies, which do
    not bear on Cilium's own health, a note. Other errors pass.
    """
    problems: list[str] = []
    refused: dict[str, AuthFailed] = {}

    def tried(key: str, what: str, read: Callable[[], T], otherwise: T, told: list[str] | None = None) -> T:
        try:
            return read()
        except AuthFailed as error:
            if error.status != 403:
                raise
            refused[key] = error
            (problems if told is None else told).append(f"{what} could not be read: {error.message}")
            return otherwise

    workloads: dict[str, Json | None] = {}
    for part in PARTS:
        read = partial(kube.get, part.kind, part.name, namespace)
        workloads[part.key] = tried(part.key, f"{part.kind.kind} {part.name}", read, None)
    read_config = partial(kube.get, CONFIG_MAP, "cilium-config", namespace)
    config_map = tried("config", "ConfigMap cilium-config", read_config, None)
    config = {str(name): str(value) for name, value in ((config_map or {}).get("data") or {}).items()}
    agents = workloads["cilium"]
    no_pods: tuple[list[PartPod], list[ClusterPod]] = ([], [])
    late: list[str] = []
    endpoints: dict[tuple[str, str], str] | None = None
    with ThreadPoolExecutor(max_workers=1) as executor:
        # The two longest lists, side by side: the API server works on one while we read the other.
        reading = None
        if config.get("disable-endpoint-crd") != "true":
            reading = executor.submit(tried, "endpoints", "CiliumEndpoints", lambda: _endpoints(kube), None, late)
        nodes: list[ClusterNode] = tried("nodes", "nodes", lambda: _nodes(kube, agents), [])
        pods = tried("pods", "pods", lambda: _pods(kube, namespace), no_pods)
        endpoints = reading.result() if reading is not None else None
    problems += late
    if endpoints is not None and agents is not None:
        _add_newer(kube, endpoints, pods[1])
    notes: list[str] = []
    policies: list[PolicyFact] = []
    if agents is not None:
        policies = tried("policies", "policies", lambda: _policies(kube, config), [], notes)
    return Snapshot(
        namespace,
        workloads,
        *pods,
        endpoints,
        nodes,
        config,
        problems=problems,
        policies=policies,
        config_errors=_config_errors(config_map or {}),
        notes=notes,
        refused=refused,
        elsewhere=_elsewhere(kube, namespace) if agents is None and "cilium" not in refused else "",
    )


def _elsewhere(kube: Kube, namespace: str) -> str:
    """Another namespace that has agents; empty where there is none, or none that one may see."""
    try:
        found = [str(one["metadata"]["namespace"]) for one in kube.list(DAEMON_SET, field_selector=_NAMED)]
    except AuthFailed as error:
        if error.status != 403:
            raise
        return ""
    return next((one for one in found if one != namespace), "")


def _nodes(kube: Kube, agents: Json | None) -> list[ClusterNode]:
    return sorted((cluster_node(n, agents) for n in kube.list(NODE, only=NODE_STATE)), key=lambda node: node.name)


def _pods(kube: Kube, namespace: str) -> tuple[list[PartPod], list[ClusterPod]]:
    """All pods: those in Cilium's namespace with what tells of their state, of the others only what counts them."""
    part_pods, cluster_pods = [], []
    for pod in kube.list(POD, namespace, only=POD_STATE):
        part = part_of(pod["metadata"].get("labels") or {})
        if part is not None:
            part_pods.append(part_pod(pod, part))
        cluster_pods.append(cluster_pod(pod))
    elsewhere = kube.list(POD, field_selector=f"metadata.namespace!={namespace}", only=POD_BRIEF)
    cluster_pods += [cluster_pod(pod) for pod in elsewhere]
    return sorted(part_pods, key=lambda pod: pod.name), [pod for pod in cluster_pods if pod is not None]


def _endpoints(kube: Kube, namespace: str | None = None, field_selector: str = "") -> dict[tuple[str, str], str]:
    try:
        return {
            (endpoint["metadata"]["namespace"], endpoint["metadata"]["name"]): str(
                (endpoint.get("status") or {}).get("state") or ""
            )
            for endpoint in kube.list(CEP, namespace, field_selector=field_selector)
        }
    except NotFound:
        # The operator creates the CRD at run time; before that there are no endpoints.
        return {}


def _add_newer(kube: Kube, endpoints: dict[tuple[str, str], str], pods: Sequence[ClusterPod]) -> None:
    """Look again for the endpoints of pods that seem to have none: pods may be younger than the list of endpoints."""
    absent = [pod for pod in pods if pod.has_address and (pod.namespace, pod.name) not in endpoints]
    if len(absent) > LOOKED_AGAIN:
        endpoints.update(_endpoints(kube))
        return
    for pod in absent:
        endpoints.update(_endpoints(kube, pod.namespace, f"metadata.name={pod.name}"))


def _policies(kube: Kube, config: Mapping[str, str]) -> list[PolicyFact]:
    """All policies, of both APIs; CRDs that the operator has not made yet have none."""
    found = []
    for kind in (CNP, CCNP, NETWORK_POLICY):
        try:
            found += [policy_fact(kind.kind, document, config) for document in kube.list(kind)]
        except NotFound:
            continue
    return sorted(found, key=lambda policy: policy.key)


def _config_errors(config_map: Json) -> list[str]:
    """What the CLI shows under Configuration: annotations that note a wrong or forgotten setting."""
    annotations = (config_map.get("metadata") or {}).get("annotations") or {}
    return [f"{name}: {text}" for name, text in sorted(annotations.items()) if name.startswith("config.cilium.io")]
