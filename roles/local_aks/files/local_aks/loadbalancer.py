# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Azure load balancer: an address of the node network for every Service of type LoadBalancer.

The address becomes a second address of the control plane's interface, so the host and other containers reach it.
Who answers there is Cilium's kube-proxy replacement, which knows it from the Service's status; pods are served by
its socket load balancer. Nothing of this is asked of the user's Cilium values.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

from .engine import KIND_LABEL, Engine
from .errors import BackendError, Json
from .kubeapi import MANAGER, KubeApi

LOG = logging.getLogger("local_aks")
SERVICES = "/api/v1/services?fieldSelector=spec.type%3DLoadBalancer"
WATCH_S = 50
RETRY_S = 2
# Size of the part of the subnet, from its end, that addresses are taken from; docker counts from the start.
POOL_SIZE = 250


class Allocator:
    """Free addresses; one for all clusters of the service."""

    def __init__(self, engine: Engine, seed: str, neighbours: Callable[[], set[str]]) -> None:
        self.engine = engine
        self.neighbours = neighbours
        self.lock = threading.Lock()
        # Services on one machine start at different places, so that they rarely meet.
        self.offset = int(hashlib.sha256(seed.encode()).hexdigest(), 16) % POOL_SIZE
        self.given: set[str] = set()

    def allocate(self) -> str:
        """An address that neither a container nor a node of any kind cluster has, nor had a moment ago."""
        with self.lock:
            subnet, taken = self.engine.network()
            for node in self.engine.docker("ps", "--filter", f"label={KIND_LABEL}", "--format", "{{.Names}}").split():
                taken |= self.engine.addresses(node)
            taken |= self.neighbours()
            size = min(POOL_SIZE, subnet.num_addresses // 4)
            for step in range(size):
                address = str(subnet[-2 - (self.offset + step) % size])
                if address not in taken | self.given:
                    self.given.add(address)
                    return address
        raise BackendError("PublicIPCountLimitReached", f"no address is free in {subnet}")

    def keep(self, address: str) -> bool:
        """Whether an address found in a Service's status is one of ours; it is then taken."""
        with self.lock:
            subnet = self.engine.network()[0]
            first = int(subnet[-2]) - min(POOL_SIZE, subnet.num_addresses // 4)
            try:
                ours = first < int(type(subnet[0])(address)) <= int(subnet[-2])
            except ValueError:
                return False
            if ours:
                self.given.add(address)
            return ours

    def release(self, address: str) -> None:
        """The address is free again."""
        with self.lock:
            self.given.discard(address)


def known_neighbours() -> set[str]:
    """Addresses whose hardware address this machine remembers: reused elsewhere, they would be dead for seconds."""
    try:
        lines = Path("/proc/net/arp").read_text(encoding="ascii").splitlines()
    except OSError:
        return set()
    return {line.split()[0] for line in lines[1:] if line.strip()}


def status_address(service: Json) -> str:
    """The address in a Service's status, or an empty string."""
    ingress = (service.get("status", {}).get("loadBalancer") or {}).get("ingress") or []
    return str(ingress[0].get("ip", "")) if ingress else ""


class LoadBalancer:
    """Serves the Services of one cluster from a thread of its own."""

    def __init__(self, engine: Engine, allocator: Allocator, api: KubeApi, node: str) -> None:
        self.engine = engine
        self.allocator = allocator
        self.api = api
        self.node = node
        self.stopped = threading.Event()
        self.addresses: dict[str, str] = {}
        self.last_error = ""
        self.thread = threading.Thread(target=self._run, name=f"loadbalancer-{node}", daemon=True)

    def start(self) -> None:
        """Start serving."""
        self.thread.start()

    def stop(self) -> None:
        """Stop serving: nothing is changed after this. Addresses of the cluster become free."""
        self.stopped.set()
        for address in self.addresses.values():
            self.allocator.release(address)

    def reconcile(self, services: list[Json]) -> None:
        """Give every Service its address and take back those whose Service went."""
        wanted = {item["metadata"]["uid"]: item for item in services if self._serves(item)}
        for uid in [uid for uid in self.addresses if uid not in wanted]:
            address = self.addresses.pop(uid)
            self._unassign(address)
            self.allocator.release(address)
            LOG.info("%s: address %s is free", self.node, address)
        for uid, service in wanted.items():
            if uid not in self.addresses:
                known = status_address(service)
                self.addresses[uid] = known if known and self.allocator.keep(known) else self.allocator.allocate()
            address = self.addresses[uid]
            self._assign(address)
            if status_address(service) != address:
                self._publish(service, address)

    def _serves(self, service: Json) -> bool:
        """Whether a Service is for this load balancer: not on its way out, and nobody else gave it an address."""
        meta, address = service["metadata"], status_address(service)
        if meta.get("deletionTimestamp") or service.get("spec", {}).get("loadBalancerClass"):
            return False
        if not address or meta["uid"] in self.addresses:
            return True
        own = any(entry.get("manager") == MANAGER for entry in meta.get("managedFields") or [])
        return own or self.allocator.keep(address)

    def _run(self) -> None:
        for version in self._versions():
            if self.stopped.is_set():
                return
            try:
                self.api.wait_for_event(SERVICES, version, WATCH_S)
            except BackendError as error:
                self._failed(error)

    def _versions(self) -> Iterator[str]:
        """Reconcile again and again; yields the version of the list that was served."""
        while not self.stopped.is_set():
            try:
                document = self.api.get(SERVICES)
                if self.stopped.is_set():
                    return
                self.reconcile(document.get("items") or [])
            except BackendError as error:
                self._failed(error)
                continue
            yield str(document["metadata"]["resourceVersion"])

    def _failed(self, error: BackendError) -> None:
        if not self.stopped.wait(RETRY_S) and str(error) != self.last_error:
            # Once per problem: a cluster may be away for days.
            self.last_error = str(error)
            LOG.warning("%s: load balancer: %s", self.node, error)

    def _assign(self, address: str) -> None:
        if address not in self.engine.addresses(self.node):
            self.engine.execute(self.node, "ip", "address", "add", f"{address}/32", "dev", "eth0")

    def _unassign(self, address: str) -> None:
        if address in self.engine.addresses(self.node):
            self.engine.execute(self.node, "ip", "address", "del", f"{address}/32", "dev", "eth0")

    def _publish(self, service: Json, address: str) -> None:
        meta = service["metadata"]
        path = f"/api/v1/namespaces/{meta['namespace']}/services/{meta['name']}/status?fieldManager={MANAGER}"
        self.api.merge(path, {"status": {"loadBalancer": {"ingress": [{"ip": address, "ipMode": "VIP"}]}}})
        LOG.info("%s: Service %s/%s has address %s", self.node, meta["namespace"], meta["name"], address)
