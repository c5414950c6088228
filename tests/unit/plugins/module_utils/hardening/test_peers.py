# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Peer
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.peers import (
    ADDRESSES_PER_RULE,
    dns_ports,
    networks_of,
    peer_selector,
    resolvers,
)
from hardening_flows import DNS, evidence, flow, outside, pod, reserved

KUBE_DNS = {"matchLabels": {"k8s-app": "kube-dns", "k8s:io.kubernetes.pod.namespace": "kube-system"}}
ON_NODE = [{"toCIDR": ["169.254.10.0/24", "169.254.20.10/32"]}, {"toEntities": ["host"]}]


def destination(end: dict[str, object]) -> Peer:
    (edge,) = evidence(flow(pod("web"), end, 53, "UDP")).edges
    return edge.destination


def test_a_peer_carries_its_namespace_beside_all_that_selects_it() -> None:
    selector = {"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "role", "operator": "DoesNotExist"}]}
    assert peer_selector("shop", selector) == {
        "matchLabels": {"app": "web", "k8s:io.kubernetes.pod.namespace": "shop"},
        "matchExpressions": [{"key": "role", "operator": "DoesNotExist"}],
    }


def test_dns_always_has_both_protocols() -> None:
    both_on_53 = [("TCP", 53), ("UDP", 53)]
    assert dns_ports({}) == both_on_53
    assert dns_ports({"ports": [{"protocol": "UDP", "port": 53}]}) == both_on_53
    assert dns_ports({"ports": [{"protocol": "UDP", "port": "5353"}]}) == [("TCP", 5353), ("UDP", 5353)]


@pytest.mark.parametrize(
    ("ends", "dns", "wanted"),
    [
        ([], {}, [{"toEndpoints": [KUBE_DNS]}]),
        ([DNS], {}, [{"toEndpoints": [KUBE_DNS]}]),
        ([reserved("host")], {}, ON_NODE),
        ([outside("169.254.10.11")], {}, ON_NODE),
        ([], {"path": "localdns"}, ON_NODE),
        ([DNS], {"path": "node-local-dns"}, [{"toEndpoints": [KUBE_DNS]}, *ON_NODE]),
        ([DNS, reserved("host")], {}, [{"toEndpoints": [KUBE_DNS]}, *ON_NODE]),
    ],
)
def test_the_resolver_is_the_one_that_answered(
    ends: list[dict[str, object]], dns: dict[str, str], wanted: object
) -> None:
    peers = [destination(end) for end in ends]
    assert resolvers([(peer, {"matchLabels": {"k8s-app": "kube-dns"}}) for peer in peers], dns) == wanted


@pytest.mark.parametrize(
    ("addresses", "ranges", "wanted"),
    [
        (["192.0.2.1"], [], ["192.0.2.1/32"]),
        (["2001:db8::1", "192.0.2.1"], [], ["192.0.2.1/32", "2001:db8::1/128"]),
        (["192.0.2.2", "192.0.2.3"], [], ["192.0.2.2/31"]),
        (["192.0.2.2", "198.51.100.1"], ["192.0.0.0/8", "192.0.2.0/24"], ["192.0.2.0/24", "198.51.100.1/32"]),
        (["192.0.2.2", ""], [], None),
        (
            [f"192.0.{n}.1" for n in range(ADDRESSES_PER_RULE)],
            [],
            [f"192.0.{n}.1/32" for n in range(ADDRESSES_PER_RULE)],
        ),
        ([f"192.0.{n}.1" for n in range(ADDRESSES_PER_RULE + 1)], [], None),
    ],
)
def test_addresses_become_the_smallest_list_of_networks(
    addresses: list[str], ranges: list[str], wanted: object
) -> None:
    assert networks_of(addresses, ranges) == wanted
    assert networks_of(reversed(addresses), ranges) == wanted
