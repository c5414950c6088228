# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the table of Cilium's verdicts cannot tell: names of rules, ends of evidence, errors, CIDR groups."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import (
    Endpoint,
    Endpoints,
    endpoint_of,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import (
    Governing,
    compile_policies,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import (
    LISTEN_ROLE,
    NAMESPACE_ROLE,
    PLATFORM_ROLE,
    ROLE_LABEL,
    WORKLOAD_ROLE,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    ENTITY,
    WORKLOAD,
    WORLD,
    Inventory,
    Peer,
    Workload,
    WorkloadFacts,
)

OFF = {"ingress": False, "egress": False}
WORLD_END = Endpoint(frozenset({"reserved:world"}), "203.0.113.7")
NODE = Endpoint(frozenset({"reserved:remote-node"}))


def pod(app: str, namespace: str = "shop", ports: Any = ()) -> Endpoint:
    return Endpoint(frozenset({f"k8s:app={app}", f"k8s:io.kubernetes.pod.namespace={namespace}"}), ports=ports)


def cnp(name: str = "p", role: str = "", **spec: Any) -> Any:
    labels = {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: role} if role else {}
    return {
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "spec": {"endpointSelector": {}, **spec},
    }


def test_rules_and_policies_are_named_as_hubble_names_them() -> None:
    policies = compile_policies(
        [
            cnp("web", ingress=[{}, {"fromEntities": ["world"]}], ingressDeny=[{"fromEntities": ["remote-node"]}]),
            {
                "kind": "CiliumClusterwideNetworkPolicy",
                "metadata": {"name": "all"},
                "specs": [{"endpointSelector": {}, "ingress": [{"fromEntities": ["world"]}]}],
            },
        ],
        {},
    )
    allowed = policies.verdict(WORLD_END, pod("web"), "TCP", 80).ingress
    assert set(allowed.allowed_by) == {
        "CiliumNetworkPolicy shop/web spec.ingress[1]",
        "CiliumClusterwideNetworkPolicy all specs[0].ingress[0]",
    }
    denied = policies.verdict(NODE, pod("web"), "TCP", 80).ingress
    assert denied.denied_by == ("CiliumNetworkPolicy shop/web spec.ingressDeny[0]",)
    assert denied.default_deny_by == ()
    unknown = policies.verdict(pod("cart"), pod("web"), "TCP", 80).ingress
    assert unknown.default_deny_by == ("CiliumClusterwideNetworkPolicy all", "CiliumNetworkPolicy shop/web")
    assert not unknown.allowed


@pytest.mark.parametrize(
    ("role", "denies"), [(WORKLOAD_ROLE, True), (NAMESPACE_ROLE, True), (PLATFORM_ROLE, False), (LISTEN_ROLE, False)]
)
def test_only_policies_that_are_to_deny_are_enforced(role: str, denies: bool) -> None:
    policies = compile_policies([cnp(role=role, ingress=[{}], enableDefaultDeny=OFF)], {})
    decision = policies.verdict(WORLD_END, pod("web"), "TCP", 80)
    assert decision.allowed
    assert decision.would_deny is denies
    assert policies.enforced().verdict(WORLD_END, pod("web"), "TCP", 80).allowed is not denies


def test_policies_of_others_are_enforced_only_by_name() -> None:
    policies = compile_policies([cnp(ingress=[{}], enableDefaultDeny=OFF)], {})
    assert policies.enforced().verdict(WORLD_END, pod("web"), "TCP", 80).allowed
    named = policies.enforced(["CiliumNetworkPolicy shop/p"])
    assert not named.verdict(WORLD_END, pod("web"), "TCP", 80).allowed
    egress_only = policies.enforced(["CiliumNetworkPolicy shop/p"], ["EGRESS"])
    assert egress_only.verdict(WORLD_END, pod("web"), "TCP", 80).allowed


def test_what_governs_an_endpoint() -> None:
    policies = compile_policies(
        [cnp("a", ingress=[{}]), cnp("b", ingress=[{"fromEntities": ["world"]}], enableDefaultDeny=OFF)], {}
    )
    found = policies.governing(pod("web"))
    assert found["INGRESS"] == Governing(
        enforced=True,
        default_deny_by=("CiliumNetworkPolicy shop/a",),
        policies=("CiliumNetworkPolicy shop/a", "CiliumNetworkPolicy shop/b"),
        shadow_policies=("CiliumNetworkPolicy shop/b",),
    )
    assert found["EGRESS"] == Governing(False, (), (), ())
    assert not policies.governing(pod("web", "data"))["INGRESS"].enforced


def test_namespaces_lend_their_labels() -> None:
    peer = {"matchLabels": {"k8s:io.cilium.k8s.namespace.labels.env": "prod"}}
    policies = compile_policies([cnp(ingress=[{"fromEndpoints": [peer]}])], {"data": {"env": "prod"}})
    assert policies.verdict(pod("api", "data"), pod("web"), "TCP", 80).allowed
    assert not policies.verdict(pod("api", "ops"), pod("web"), "TCP", 80).allowed


def test_icmp_without_a_type_is_an_echo_request() -> None:
    policies = compile_policies([cnp(ingress=[{"icmps": [{"fields": [{"type": "EchoRequest"}]}]}])], {})
    assert policies.verdict(WORLD_END, pod("web"), "ICMPv4", 0).allowed
    assert policies.verdict(WORLD_END, pod("web"), "ICMPv4", 8).allowed
    assert not policies.verdict(WORLD_END, pod("web"), "ICMPv4", 13).allowed
    assert not policies.verdict(WORLD_END, pod("web"), "ICMPv6", 0).allowed


def test_cidr_groups() -> None:
    group = {
        "kind": "CiliumCIDRGroup",
        "metadata": {"name": "offices"},
        "spec": {"externalCIDRs": ["203.0.113.0/24", "198.51.100.0/24"]},
    }
    rule = {"fromCIDRSet": [{"cidrGroupRef": "offices", "except": ["203.0.113.7/32"]}]}
    policies = compile_policies([group, cnp(ingress=[rule])], {})
    addresses = {"203.0.113.8": True, "203.0.113.7": False, "198.51.100.1": True, "192.0.2.1": False}
    for address, allowed in addresses.items():
        end = Endpoint(frozenset({"reserved:world"}), address)
        assert policies.verdict(end, pod("web"), "TCP", 80).allowed is allowed


def test_what_is_not_judged_is_told() -> None:
    node = {
        "kind": "CiliumClusterwideNetworkPolicy",
        "metadata": {"name": "nodes"},
        "spec": {"nodeSelector": {}, "ingress": [{}]},
    }
    policies = compile_policies([node, cnp(egress=[{"toServices": [{"k8sService": {"serviceName": "x"}}]}])], {})
    assert policies.warnings == [
        "CiliumClusterwideNetworkPolicy nodes spec: a policy of nodes (nodeSelector) is not judged.",
        "CiliumNetworkPolicy shop/p spec.egress[0]: toServices is not judged.",
    ]
    assert not policies.verdict(pod("web"), WORLD_END, "TCP", 80).allowed


@pytest.mark.parametrize(
    "document", [{"kind": "Pod", "metadata": {"name": "x"}}, "text", {"kind": "NetworkPolicy", "metadata": {}}]
)
def test_what_is_no_policy_is_refused(document: Any) -> None:
    with pytest.raises(InvalidInput):
        compile_policies([document], {})


CART = Workload("shop", "Deployment", "cart")
FACTS = WorkloadFacts(
    CART, labels=(("app", "cart"),), ports=(("TCP", 8080), ("UDP", 53)), named_ports=(("dns", 53), ("http", 8080))
)
AGENT = Workload("ops", "DaemonSet", "agent")
INVENTORY = Inventory(
    workloads=[FACTS, WorkloadFacts(AGENT, labels=(("app", "agent"),), host_network=True)],
    namespaces={"shop": {"env": "prod"}},
)


def test_ends_of_evidence() -> None:
    cart = endpoint_of(Peer(WORKLOAD, CART, (("app", "cart"),)), INVENTORY)
    assert cart.labels == {
        "k8s:app=cart",
        "k8s:io.kubernetes.pod.namespace=shop",
        "k8s:io.cilium.k8s.namespace.labels.env=prod",
    }
    assert set(cart.ports) == {("TCP", "http", 8080), ("UDP", "dns", 53)}
    # Without labels of an identity those that are declared count.
    assert endpoint_of(Peer(WORKLOAD, CART), INVENTORY).labels == cart.labels
    # A pod on the node's network is the node.
    assert endpoint_of(Peer(WORKLOAD, AGENT, (("app", "agent"),)), INVENTORY).labels == {"reserved:remote-node"}
    google = endpoint_of(Peer(WORLD, address="142.250.0.1", names=("google.com",)), INVENTORY)
    assert google == Endpoint(frozenset({"reserved:world"}), "142.250.0.1", ("google.com",))


def test_the_api_server_is_a_node_or_an_address() -> None:
    ends = Endpoints(Inventory())
    assert ends.of(Peer(ENTITY, entity="kube-apiserver")).labels == {"reserved:kube-apiserver", "reserved:remote-node"}
    outside = ends.of(Peer(ENTITY, entity="kube-apiserver", address="20.0.0.1"))
    assert outside.labels == {"reserved:kube-apiserver", "reserved:world"}
    assert ends.of(Peer(ENTITY, entity="host")).labels == {"reserved:host"}


def test_named_ports_are_those_of_the_server() -> None:
    rule = {"toPorts": [{"ports": [{"port": "http", "protocol": "TCP"}]}]}
    policies = compile_policies([cnp(ingress=[rule])], {})
    cart = endpoint_of(Peer(WORKLOAD, CART), INVENTORY)
    assert policies.verdict(WORLD_END, cart, "TCP", 8080).allowed
    assert not policies.verdict(WORLD_END, cart, "TCP", 53).allowed
    assert not policies.verdict(WORLD_END, pod("other"), "TCP", 8080).allowed
