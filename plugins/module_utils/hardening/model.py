# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The words of hardening: workloads, the ends of a connection, edges, and evidence. Data only.

An edge is a kind of connection, not one connection: who, to whom, by which protocol, on which port of the server.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .._types import Json

Labels = tuple[tuple[str, str], ...]
"""Labels without their source, sorted: (("app", "web"),)."""

WORKLOAD = "workload"
ENTITY = "entity"
WORLD = "world"


@dataclass(frozen=True, order=True)
class Workload:
    """What owns pods. kind is Deployment, StatefulSet, DaemonSet, CronJob, Job, Pod, or Labels where no owner is known
    (name is then made from the labels)."""

    namespace: str
    kind: str
    name: str

    @property
    def text(self) -> str:
        """`shop/Deployment/cart`."""
        return f"{self.namespace}/{self.kind}/{self.name}"


@dataclass(frozen=True, order=True)
class Peer:
    """One end of an edge.

    kind WORKLOAD: workload and its identity labels; ENTITY: a reserved identity (host, remote-node, kube-apiserver,
    health, ingress, init, unmanaged); WORLD: an address outside, with the DNS names that it was reached by.
    """

    kind: str
    workload: Workload | None = None
    labels: Labels = ()
    """Of a workload: labels of its identity, those that only Cilium or Kubernetes set left out."""
    entity: str = ""
    address: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, order=True)
class Edge:
    """A kind of connection. port is the server's, after translation of Services; of ICMP it is the type; 0 where the
    protocol has neither."""

    source: Peer
    destination: Peer
    protocol: str
    port: int


@dataclass
class Seen:
    """How an edge was seen. Times are seconds since 1970 (UTC); 0.0 where the flows have no time."""

    egress: int = 0
    """First packets reported at the source."""
    ingress: int = 0
    """First packets reported at the destination."""
    denied: int = 0
    """First packets that a policy dropped."""
    first_s: float = 0.0
    last_s: float = 0.0
    nodes: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """First packets, whichever side told more."""
        return max(self.egress, self.ingress) + self.denied


@dataclass(frozen=True)
class WorkloadFacts:
    """A workload as the cluster declares it."""

    workload: Workload
    selector: Labels = ()
    """The owner's spec.selector.matchLabels (a CronJob's pod labels)."""
    labels: Labels = ()
    """Labels of the pod template."""
    ports: tuple[tuple[str, int], ...] = ()
    """Declared container ports as (protocol, port)."""
    pods: int = 0
    host_network: bool = False
    schedule: str = ""
    """Of a CronJob."""
    named_ports: tuple[tuple[str, int], ...] = ()
    """Declared container ports that have a name, as (name, port)."""


@dataclass(frozen=True)
class ServiceFacts:
    """A Service as far as it matters: who is behind it, and by which ports it is reached from where."""

    namespace: str
    name: str
    type: str
    selector: Labels = ()
    target_ports: tuple[tuple[str, int], ...] = ()
    """(protocol, port of the pod)."""
    external_traffic_policy: str = ""


@dataclass
class Inventory:
    """What a cluster declares, beside what was seen. Empty where only a file of flows was given."""

    workloads: list[WorkloadFacts] = field(default_factory=list)
    services: list[ServiceFacts] = field(default_factory=list)
    namespaces: dict[str, dict[str, str]] = field(default_factory=dict)
    """Labels by namespace."""
    nodes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Chunk:
    """One stretch of observation. Times in seconds since 1970 (UTC)."""

    start_s: float
    end_s: float
    flows: int
    lost: int
    complete: bool
    nodes: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    new_edges: int = 0


@dataclass
class Evidence:
    """All that is known of a cluster's connections. cluster is the UID of the namespace kube-system."""

    cluster: str = ""
    namespaces: list[str] = field(default_factory=list)
    """Those that were observed."""
    chunks: list[Chunk] = field(default_factory=list)
    edges: dict[Edge, Seen] = field(default_factory=dict)
    inventory: Inventory = field(default_factory=Inventory)
    platform: Json = field(default_factory=dict)
    """manager, cilium_version, fqdn_policies, dns (see detect)."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Flows that prove no connection, by reason: reply, unknown-direction, swapped, untranslated-service,
    other-drop:<reason>, no-peer."""
