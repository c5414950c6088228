# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what `cilium status` reads, for judge(). At most a dozen requests, plus one per page of pods and per agent."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from typing import TypeVar

from .._errors import AuthFailed, CollectionError, NotFound
from .._types import Completed, Json
from ..kube.interface import Exec, Kube
from ..kube.kinds import CEP, CONFIG_MAP, NODE, POD
from .detect import AGENT_CONTAINER
from .snapshot import (
    PARTS,
    AgentProbe,
    ClusterNode,
    ClusterPod,
    PartPod,
    Snapshot,
    cluster_node,
    cluster_pod,
    part_of,
    part_pod,
)

PROBE_TIMEOUT_S = 15.0
PROBES_AT_ONCE = 16
SAMPLE = 10
"""Agents that probe_agents=sample asks."""
T = TypeVar("T")


def collect(kube: Kube, namespace: str) -> Snapshot:
    """One look, without asking the agents.

    A missing permission (403) becomes a problem of the snapshot, so that the rest is still told. Other errors pass.
    """
    problems: list[str] = []

    def tried(what: str, read: Callable[[], T], otherwise: T) -> T:
        try:
            return read()
        except AuthFailed as error:
            if error.status != 403:
                raise
            problems.append(f"{what} could not be read: {error.message}")
            return otherwise

    workloads: dict[str, Json | None] = {}
    for part in PARTS:
        read = partial(kube.get, part.kind, part.name, namespace)
        workloads[part.key] = tried(f"{part.kind.kind} {part.name}", read, None)
    config_map = tried("ConfigMap cilium-config", lambda: kube.get(CONFIG_MAP, "cilium-config", namespace), None)
    config = {str(name): str(value) for name, value in ((config_map or {}).get("data") or {}).items()}
    agents = workloads["cilium"]
    nodes: list[ClusterNode] = tried("nodes", lambda: [cluster_node(n, agents) for n in kube.list(NODE)], [])
    # Pods before endpoints: a pod that starts in between is then seen with its endpoint or not at all.
    no_pods: tuple[list[PartPod], list[ClusterPod]] = ([], [])
    pods = tried("pods", lambda: _pods(kube, namespace), no_pods)
    endpoints: dict[tuple[str, str], str] | None = None
    if config.get("disable-endpoint-crd") != "true":
        endpoints = tried("CiliumEndpoints", lambda: _endpoints(kube), None)
    nodes.sort(key=lambda node: node.name)
    return Snapshot(namespace, workloads, *pods, endpoints, nodes, config, problems=problems)


def _pods(kube: Kube, namespace: str) -> tuple[list[PartPod], list[ClusterPod]]:
    """One pass over all pods, each reduced at once: a cluster may have very many."""
    part_pods, cluster_pods = [], []
    for pod in kube.list(POD):
        part = part_of(pod["metadata"].get("labels") or {}) if pod["metadata"]["namespace"] == namespace else None
        if part is not None:
            part_pods.append(part_pod(pod, part))
        reduced = cluster_pod(pod)
        if reduced is not None:
            cluster_pods.append(reduced)
    return sorted(part_pods, key=lambda pod: pod.name), cluster_pods


def _endpoints(kube: Kube) -> dict[tuple[str, str], str]:
    try:
        return {
            (endpoint["metadata"]["namespace"], endpoint["metadata"]["name"]): str(
                (endpoint.get("status") or {}).get("state") or ""
            )
            for endpoint in kube.list(CEP)
        }
    except NotFound:
        # The operator creates the CRD at run time; before that there are no endpoints.
        return {}


def with_probes(snapshot: Snapshot, run: Exec, which: str) -> Snapshot:
    """The snapshot with the answers of the agents that run: all, a sample, or none of them, asked in parallel."""
    pods = chosen_agents(snapshot.part_pods, which)
    if not pods:
        return snapshot
    with ThreadPoolExecutor(max_workers=PROBES_AT_ONCE) as executor:
        probes = list(executor.map(lambda pod: probe_agent(run, snapshot.namespace, pod), pods))
    return replace(snapshot, probes=probes)


def chosen_agents(part_pods: Sequence[PartPod], which: str) -> list[PartPod]:
    """The agents to ask. A sample takes those that are not ready first, then some spread over the list."""
    agents = [pod for pod in part_pods if pod.part == "cilium" and pod.agent_runs and not pod.leaving]
    if which == "none":
        return []
    if which == "all" or len(agents) <= SAMPLE:
        return agents
    unready = [pod for pod in agents if not pod.ready][:SAMPLE]
    others = [pod for pod in agents if pod.ready]
    count = min(SAMPLE - len(unready), len(others))
    return unready + [others[index * len(others) // count] for index in range(count)]


def probe_agent(run: Exec, namespace: str, pod: PartPod) -> AgentProbe:
    """Ask one agent for its status. Up to Cilium 1.14 its program is called cilium, later cilium-dbg."""
    try:
        done = _run(run, namespace, pod.name, "cilium-dbg")
        if done is None:
            done = _run(run, namespace, pod.name, "cilium")
    except CollectionError as error:
        return AgentProbe(pod.name, pod.node, error=error.message)
    if done is None:
        return AgentProbe(pod.name, pod.node, error="its container has neither cilium-dbg nor cilium")
    # What the program prints to stderr are remarks; only its status and its document count.
    if done.rc != 0:
        last = (done.stderr or done.stdout).strip().splitlines()[-1:] or ["no output"]
        return AgentProbe(pod.name, pod.node, error=f"exit status {done.rc}: {last[0]}")
    try:
        document = json.loads(done.stdout)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        return AgentProbe(pod.name, pod.node, error="its answer is not JSON")
    return AgentProbe(pod.name, pod.node, document)


def _run(run: Exec, namespace: str, pod: str, program: str) -> Completed | None:
    """None when the container has no such program."""
    command = [program, "status", "-o", "json"]
    try:
        done = run(namespace, pod, command, container=AGENT_CONTAINER, timeout_s=PROBE_TIMEOUT_S)
    except NotFound as error:
        if error.code != "CommandNotFound":
            raise
        return None
    return None if done.rc == 127 else done
