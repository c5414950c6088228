# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What one look at Cilium on a cluster sees, reduced to what is judged (status.py). Pure functions on documents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import AuthFailed
from .._types import Json
from ..kube.kinds import DAEMON_SET, DEPLOYMENT, Kind
from ..kube.labels import expression_holds
from ..kube.ready import ContainerTrouble, condition, container_troubles, is_ready_node, is_ready_pod
from .detect import AGENT_CONTAINER


@dataclass(frozen=True)
class Part:
    """A component, where it is found and how the CLI calls it. selectors: labels, any of which marks its pods."""

    key: str
    label: str
    kind: Kind
    name: str
    selectors: tuple[tuple[str, str], ...]
    required: bool = False
    absent: str = "disabled"


PARTS = (
    Part("cilium", "Cilium", DAEMON_SET, "cilium", (("k8s-app", "cilium"),), required=True),
    Part(
        "operator",
        "Operator",
        DEPLOYMENT,
        "cilium-operator",
        (("name", "cilium-operator"), ("io.cilium/app", "operator")),
        required=True,
    ),
    Part(
        "envoy",
        "Envoy DaemonSet",
        DAEMON_SET,
        "cilium-envoy",
        (("name", "cilium-envoy"),),
        absent="disabled (using embedded mode)",
    ),
    Part(
        "relay",
        "Hubble Relay",
        DEPLOYMENT,
        "hubble-relay",
        (("k8s-app", "hubble-relay"), ("app.kubernetes.io/name", "hubble-relay")),
    ),
    Part(
        "clustermesh",
        "ClusterMesh",
        DEPLOYMENT,
        "clustermesh-apiserver",
        (("k8s-app", "clustermesh-apiserver"),),
    ),
    Part("ui", "Hubble UI", DEPLOYMENT, "hubble-ui", (("k8s-app", "hubble-ui"),)),
)


@dataclass(frozen=True)
class PartPod:
    """A pod of a component, reduced to what is judged."""

    part: str
    name: str
    node: str
    phase: str
    ready: bool
    leaving: bool
    why: str
    """Reason and message of the pod's status, or why it is not scheduled."""
    reason: str
    images: tuple[str, ...]
    troubles: tuple[ContainerTrouble, ...]
    agent_runs: bool


@dataclass(frozen=True)
class ClusterPod:
    """A pod with a network of its own that has not ended. has_address: it went through a CNI plugin."""

    namespace: str
    name: str
    has_address: bool


@dataclass(frozen=True)
class ClusterNode:
    """A node. wants_agent: the agents' DaemonSet selects it."""

    name: str
    ready: bool
    why: str
    wants_agent: bool


@dataclass(frozen=True)
class PolicyFact:
    """A policy, reduced to what bears on whether it is enforced.

    valid: the operator's judgement; None where there is none (Cilium before 1.16, NetworkPolicy, a moment ago).
    expected: whether every agent that works has it in its repository. names: it has rules for DNS or for names.
    """

    kind: str
    namespace: str
    name: str
    uid: str
    valid: bool | None
    message: str
    expected: bool
    names: bool

    @property
    def key(self) -> str:
        """As `CiliumNetworkPolicy shop/web`."""
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True)
class Repository:
    """An agent's view of the policies: its revision, what it lacks, and how many of its endpoints run an older one."""

    revision: int
    endpoints: int
    behind: int
    missing: tuple[str, ...]
    """Keys of policies that it should have loaded."""

    @property
    def is_current(self) -> bool:
        """Nothing is missing, nothing is behind."""
        return not self.missing and not self.behind


@dataclass(frozen=True)
class AgentProbe:
    """What an agent said of itself, or why it could not be asked.

    document: its status, cut down to what is judged. metrics: `name{label}` -> value, those that are not zero.
    """

    pod: str
    node: str
    document: Json = field(default_factory=dict)
    error: str = ""
    metrics: Mapping[str, float] = field(default_factory=dict)
    repository: Repository | None = None


@dataclass(frozen=True)
class Snapshot:
    """Everything that one look at a cluster read. endpoints: state of each CiliumEndpoint; None when unknown."""

    namespace: str
    workloads: Mapping[str, Json | None]
    part_pods: Sequence[PartPod]
    cluster_pods: Sequence[ClusterPod]
    endpoints: Mapping[tuple[str, str], str] | None
    nodes: Sequence[ClusterNode]
    config: Mapping[str, str]
    probes: Sequence[AgentProbe] = ()
    problems: Sequence[str] = ()
    """What could not be read, and why."""
    policies: Sequence[PolicyFact] = ()
    config_errors: Sequence[str] = ()
    """What the chart or the agents noted on cilium-config."""
    notes: Sequence[str] = ()
    """What could not be read and does not bear on health."""
    refused: Mapping[str, AuthFailed] = field(default_factory=dict)
    """What this credential may not read: keys of parts, config, endpoints, nodes, pods, policies."""
    elsewhere: str = ""
    """Another namespace that has agents, looked for where this one has none."""

    @property
    def installed(self) -> bool:
        """Whether the agents' DaemonSet was seen."""
        return self.workloads.get("cilium") is not None


@dataclass(frozen=True)
class Finding:
    """An error or a warning about one thing."""

    part: str
    target: str
    message: str
    is_error: bool = True

    @property
    def text(self) -> str:
        """One line: which component, which object, what."""
        return ": ".join(piece for piece in (self.part, self.target, self.message) if piece)


def part_of(labels: Mapping[str, str]) -> Part | None:
    """The component whose label a pod carries."""
    for part in PARTS:
        if any(labels.get(name) == value for name, value in part.selectors):
            return part
    return None


def part_pod(pod: Json, part: Part) -> PartPod:
    """Reduce a pod of a component."""
    status = pod.get("status") or {}
    scheduled = condition(pod, "PodScheduled")
    unscheduled = scheduled.get("message") if scheduled.get("status") == "False" else ""
    why = " - ".join(str(text) for text in (status.get("reason"), status.get("message") or unscheduled) if text)
    containers = status.get("containerStatuses") or []
    return PartPod(
        part=part.key,
        name=pod["metadata"]["name"],
        node=str((pod.get("spec") or {}).get("nodeName") or ""),
        phase=str(status.get("phase") or "Unknown"),
        ready=is_ready_pod(pod),
        leaving=bool(pod["metadata"].get("deletionTimestamp")),
        why=why,
        reason=str(status.get("reason") or ""),
        images=tuple(str(container.get("image")) for container in (pod.get("spec") or {}).get("containers") or []),
        troubles=tuple(container_troubles(pod)),
        agent_runs=any(
            "running" in (container.get("state") or {})
            for container in containers
            if container.get("name") == AGENT_CONTAINER
        ),
    )


def cluster_pod(pod: Json) -> ClusterPod | None:
    """Reduce a pod that Cilium should manage; None for the host's network and for pods that ended or leave."""
    status, spec = pod.get("status") or {}, pod.get("spec") or {}
    if spec.get("hostNetwork") or status.get("phase") not in ("Running", "Pending"):
        return None
    if pod["metadata"].get("deletionTimestamp"):
        return None
    return ClusterPod(pod["metadata"]["namespace"], pod["metadata"]["name"], bool(status.get("podIP")))


def cluster_node(node: Json, agents: Json | None) -> ClusterNode:
    """Reduce a node. agents is the agents' DaemonSet."""
    ready = is_ready_node(node)
    labels = node["metadata"].get("labels") or {}
    template = ((agents or {}).get("spec") or {}).get("template") or {}
    wanted = agents is not None and _selects(template.get("spec") or {}, labels)
    return ClusterNode(
        node["metadata"]["name"], ready, "" if ready else str(condition(node, "Ready").get("message") or ""), wanted
    )


def _selects(pod_spec: Json, labels: Mapping[str, str]) -> bool:
    """Whether node selector and required node affinity of a pod template admit a node."""
    selector: Mapping[str, str] = pod_spec.get("nodeSelector") or {}
    if any(labels.get(name) != value for name, value in selector.items()):
        return False
    affinity = (pod_spec.get("affinity") or {}).get("nodeAffinity") or {}
    required = affinity.get("requiredDuringSchedulingIgnoredDuringExecution") or {}
    terms = required.get("nodeSelectorTerms") or []
    # matchFields name a node, which no template of a DaemonSet does.
    return not terms or any(all(_holds(e, labels) for e in term.get("matchExpressions") or []) for term in terms)


def _holds(expression: Json, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    return expression_holds(expression, [] if value is None else [value])
