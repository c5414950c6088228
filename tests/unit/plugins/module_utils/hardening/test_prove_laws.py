# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever was seen: the policies made of it allow all of it, hold no rule too many, and deny what nobody saw."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import recommend
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    ENTITY,
    WORKLOAD,
    WORLD,
    Edge,
    Evidence,
    Inventory,
    Peer,
    Seen,
    ServiceFacts,
    Workload,
    WorkloadFacts,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.prove import prove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.rules import Options

NAMESPACES = ("data", "shop")
PORTS = (("TCP", 80), ("TCP", 8080), ("UDP", 9000))
# The same name in two namespaces, and two parts of one application with a name in common.
WORKLOADS = [
    Peer(WORKLOAD, Workload(namespace, "Deployment", f"{name}-{part}"), (("app", name), ("part", part)))
    for namespace in NAMESPACES
    for name, part in (("redis", "primary"), ("redis", "replica"), ("web", "front"))
]
NAMED = [Peer(WORLD, address=f"198.51.100.{number}", names=(f"api-{number}.example.com",)) for number in range(2)]
CLIENTS = [Peer(WORLD, address=f"203.0.113.{number}") for number in range(2)]
NODES = [Peer(ENTITY, entity=name) for name in ("host", "remote-node")]
# Only as a server: as a client it is also a remote node where it runs in the cluster, and an address where it does not,
# so that a rule for it is one too many in one kind of cluster and needed in the other.
API_SERVER = Peer(ENTITY, entity="kube-apiserver")
INVENTORY = Inventory(
    workloads=[
        WorkloadFacts(peer.workload, selector=peer.labels, labels=peer.labels, ports=PORTS, pods=1)
        for peer in WORKLOADS
        if peer.workload is not None
    ],
    services=[
        ServiceFacts(peer.workload.namespace, peer.workload.name, "LoadBalancer", peer.labels, PORTS)
        for peer in WORKLOADS
        if peer.workload is not None
    ],
    namespaces={name: {} for name in NAMESPACES},
)
inside = st.tuples(st.sampled_from(WORKLOADS), st.sampled_from(WORKLOADS))
incoming = st.tuples(st.sampled_from([*CLIENTS, *NODES]), st.sampled_from(WORKLOADS))
outgoing = st.tuples(st.sampled_from(WORKLOADS), st.sampled_from([*NAMED, API_SERVER]))
ends = st.one_of(inside, incoming, outgoing)
edges = st.builds(lambda pair, port: Edge(*pair, *port), ends, st.sampled_from(PORTS))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sets(edges, min_size=1, max_size=12))
def test_all_that_was_seen_is_allowed_by_no_rule_too_many(seen: Any) -> None:
    """P1, P2 and P4. More is allowed only where a rule cannot tell apart: at ends in the world and on nodes."""
    evidence = Evidence(edges={edge: Seen(egress=3, ingress=3) for edge in seen}, inventory=INVENTORY)
    found = recommend(evidence, Options(namespaces=NAMESPACES))
    needed = [one.edge for one in found.classified if one.allowed]
    proof = prove(evidence, found.policies, needed=needed)
    assert proof.needed.denied == []
    assert [rule for rule in proof.redundant if not _is_dns(found.policies, rule)] == []
    for answer in proof.extra:
        ends = {answer.edge.source.kind, answer.edge.destination.kind}
        assert ends != {WORKLOAD}, answer.text


def _is_dns(policies: Any, key: str) -> bool:
    """Whether a rule is the one that names of DNS need; no flow of this evidence asks for any."""
    name, __, path = key.partition(" spec.")
    section, __, number = path.rstrip("]").partition("[")
    document = next(
        one for one in policies if f"{one['kind']} {one['metadata']['namespace']}/{one['metadata']['name']}" == name
    )
    rule = document["spec"][section][int(number)]
    return any((port.get("rules") or {}).get("dns") for port in rule.get("toPorts", []))
