# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from local_aks.errors import BackendError
from local_aks.loadbalancer import Allocator, LoadBalancer

SUBNET = ipaddress.ip_network("172.18.0.0/16")


class FakeEngine:
    """Two nodes on one network."""

    def __init__(self) -> None:
        self.interface: dict[str, set[str]] = {"n1": {"172.18.0.2"}, "n2": {"172.18.0.3"}}
        self.program = "docker"

    def network(self) -> tuple[ipaddress.IPv4Network, set[str]]:
        return SUBNET, {"172.18.0.1", "172.18.0.2", "172.18.0.3"}

    def docker(self, *words: str, **options: Any) -> str:
        return "n1\nn2\n"

    def addresses(self, container: str) -> set[str]:
        return set(self.interface[container])

    def execute(self, container: str, *words: str) -> str:
        address = words[3].removesuffix("/32")
        if words[2] == "add":
            self.interface[container].add(address)
        else:
            self.interface[container].remove(address)
        return ""


class FakeApi:
    def __init__(self) -> None:
        self.patched: list[tuple[str, dict[str, Any]]] = []

    def merge(self, path: str, patch: dict[str, Any]) -> None:
        self.patched.append((path, json.loads(json.dumps(patch))))


def service(uid: str, address: str = "", manager: str = "") -> dict[str, Any]:
    status = {"loadBalancer": {"ingress": [{"ip": address}]} if address else {}}
    fields = [{"manager": manager}] if manager else []
    meta = {"uid": uid, "name": f"s-{uid}", "namespace": "basics", "managedFields": fields}
    return {"metadata": meta, "status": status, "spec": {}}


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


def balancer(engine: Any, api: Any, allocator: Allocator | None = None, node: str = "n1") -> LoadBalancer:
    return LoadBalancer(engine, allocator or Allocator(engine, "seed", set), api, node)


def test_a_service_gets_an_address_on_the_node_and_in_its_status(engine: FakeEngine) -> None:
    api = FakeApi()
    served = balancer(engine, api)
    served.reconcile([service("a")])
    (address,) = engine.interface["n1"] - {"172.18.0.2"}
    assert ipaddress.ip_address(address) in ipaddress.ip_network("172.18.255.0/24")
    path, patch = api.patched[0]
    assert path == "/api/v1/namespaces/basics/services/s-a/status?fieldManager=local-aks"
    assert patch["status"]["loadBalancer"]["ingress"] == [{"ip": address, "ipMode": "VIP"}]
    served.reconcile([service("a", address)])
    assert len(api.patched) == 1
    served.reconcile([])
    assert engine.interface["n1"] == {"172.18.0.2"}


def test_addresses_are_unique_over_clusters_and_survive_a_restart(engine: FakeEngine) -> None:
    allocator = Allocator(engine, "seed", set)  # type: ignore[arg-type]
    first = balancer(engine, FakeApi(), allocator)
    first.reconcile([service("a")])
    address = first.addresses["a"]
    second = balancer(engine, FakeApi(), allocator, "n2")
    second.reconcile([service("b")])
    assert second.addresses["b"] != address
    # A new process, after a restart of the node: the address is only in the status.
    engine.interface["n1"] = {"172.18.0.2"}
    again = balancer(engine, FakeApi())
    again.reconcile([service("a", address)])
    assert again.addresses["a"] == address
    assert address in engine.interface["n1"]


def test_services_of_other_load_balancers_are_left_alone(engine: FakeEngine) -> None:
    api = FakeApi()
    served = balancer(engine, api)
    other_class = service("b")
    other_class["spec"]["loadBalancerClass"] = "io.cilium/l2-announcer"
    served.reconcile([service("a", "20.1.2.3", "cilium-operator-generic"), other_class])
    assert (served.addresses, api.patched) == ({}, [])


def test_an_own_address_of_another_network_is_replaced(engine: FakeEngine) -> None:
    api = FakeApi()
    served = balancer(engine, api)
    served.reconcile([service("a", "192.168.9.9", "local-aks")])
    assert served.addresses["a"].startswith("172.18.255.")
    assert len(api.patched) == 1


def test_addresses_that_the_host_remembers_are_not_reused_yet(engine: FakeEngine) -> None:
    remembered: set[str] = set()
    allocator = Allocator(engine, "seed", lambda: remembered)  # type: ignore[arg-type]
    first = allocator.allocate()
    allocator.release(first)
    assert allocator.allocate() == first
    allocator.release(first)
    remembered.add(first)
    assert allocator.allocate() != first


def test_a_full_network_is_an_error(engine: FakeEngine) -> None:
    allocator = Allocator(engine, "seed", set)  # type: ignore[arg-type]
    assert len({allocator.allocate() for number in range(250)}) == 250
    with pytest.raises(BackendError, match=r"172\.18\.0\.0/16"):
        allocator.allocate()
