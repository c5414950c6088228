# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Who stands at the ends of a connection, in the labels that an agent knows them by. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ..model import ENTITY, WORKLOAD, Inventory, Peer, Workload, WorkloadFacts

NAMESPACE = "k8s:io.kubernetes.pod.namespace"
NAMESPACE_LABELS = "k8s:io.cilium.k8s.namespace.labels."
_WORLD = ("reserved:world", "reserved:world-ipv4", "reserved:world-ipv6")
# What an agent gives an endpoint for, and so judges policies at. The host is not among them: its firewall is off by
# default, and host policies (nodeSelector) are not judged here.
_MANAGED = (NAMESPACE, "reserved:init", "reserved:health", "reserved:ingress")


@dataclass(frozen=True)
class Endpoint:
    """One end. labels are an agent's, such as `k8s:app=web`, `k8s:io.kubernetes.pod.namespace=shop`, `reserved:world`.

    address and names (of DNS) belong to ends outside of the cluster, ports (protocol, name, number) to pods.
    """

    labels: frozenset[str]
    address: str = ""
    names: tuple[str, ...] = ()
    ports: tuple[tuple[str, str, int], ...] = ()


class Known:
    """An endpoint, taken apart once for all questions about it."""

    def __init__(self, endpoint: Endpoint, labels: dict[str, str]) -> None:
        self.endpoint = endpoint
        self.labels = labels
        self.address = endpoint.address
        self.names = tuple(name.lower().rstrip(".") + "." for name in endpoint.names)
        self.namespace = labels.get(NAMESPACE, "")
        self.is_pod = NAMESPACE in labels
        self.is_world = any(label in labels for label in _WORLD)
        self.is_host = "reserved:host" in labels
        self.is_init = "reserved:init" in labels
        self.is_managed = not self.is_host and any(label in labels for label in _MANAGED)
        self.memory: dict[int, bool] = {}
        """What matchers found out about it, by their numbers."""

    def port(self, name: str, protocol: str) -> int:
        """The number of a named port; 0 where the pods declare none of that name."""
        for declared, text, number in self.endpoint.ports:
            if text == name and declared == protocol:
                return number
        return 0


def known(endpoint: Endpoint, namespaces: dict[str, dict[str, str]]) -> Known:
    """Take an endpoint apart; a pod gets its namespace's labels where it does not list them."""
    labels = {}
    for label in endpoint.labels:
        key, __, value = label.partition("=")
        labels[key] = value
    if NAMESPACE in labels:
        namespace = labels[NAMESPACE]
        for key, value in {"kubernetes.io/metadata.name": namespace, **namespaces.get(namespace, {})}.items():
            labels.setdefault(f"{NAMESPACE_LABELS}{key}", value)
    return Known(endpoint, labels)


class Endpoints:
    """Endpoints of the peers of evidence."""

    def __init__(self, inventory: Inventory) -> None:
        self._namespaces = inventory.namespaces
        self._facts = {facts.workload: facts for facts in inventory.workloads}
        self._made: dict[Peer, Endpoint] = {}

    def of(self, peer: Peer) -> Endpoint:
        """The endpoint; the same one for the same peer."""
        if peer not in self._made:
            self._made[peer] = self._make(peer)
        return self._made[peer]

    def _make(self, peer: Peer) -> Endpoint:
        if peer.kind == WORKLOAD and peer.workload is not None:
            return self._pods(peer, peer.workload)
        if peer.kind == ENTITY:
            labels = {f"reserved:{peer.entity}", *(key for key, __ in peer.labels if key.startswith("reserved:"))}
            if peer.entity == "kube-apiserver" and len(labels) == 1:
                # In a cluster it runs on a node; as a service from outside (AKS) it is an address of the world.
                labels.add("reserved:world" if peer.address else "reserved:remote-node")
            return Endpoint(frozenset(labels), peer.address, peer.names)
        return Endpoint(frozenset({"reserved:world"}), peer.address, peer.names)

    def _pods(self, peer: Peer, workload: Workload) -> Endpoint:
        facts = self._facts.get(workload)
        if facts is not None and facts.host_network:
            # On its own node such a pod is the host and may always come in; from elsewhere it may not, which counts.
            return Endpoint(frozenset({"reserved:remote-node"}))
        labels = dict(peer.labels or (facts.labels if facts else ()))
        listed = {f"k8s:{key}={value}" for key, value in labels.items()}
        listed.add(f"{NAMESPACE}={workload.namespace}")
        for key, value in self._namespaces.get(workload.namespace, {}).items():
            listed.add(f"{NAMESPACE_LABELS}{key}={value}")
        return Endpoint(frozenset(listed), ports=_named_ports(facts))


def _named_ports(facts: WorkloadFacts | None) -> tuple[tuple[str, str, int], ...]:
    if facts is None:
        return ()
    protocols: dict[int, list[str]] = {}
    for protocol, number in facts.ports:
        protocols.setdefault(number, []).append(protocol)
    return tuple(
        (protocol, name, number) for name, number in facts.named_ports for protocol in protocols.get(number, ["TCP"])
    )


def endpoint_of(peer: Peer, inventory: Inventory) -> Endpoint:
    """The endpoint of one peer; for many, make one Endpoints."""
    return Endpoints(inventory).of(peer)
