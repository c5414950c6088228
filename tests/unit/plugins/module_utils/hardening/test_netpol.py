# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import check_documents
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import Recommendation
from hardening_flows import CART, DB, DNS, WEB, both, evidence, flow, outside, policy, recommended, reserved

KINDS = ("cilium", "kubernetes")


def made(*documents: dict[str, object]) -> Recommendation:
    return recommended(evidence(*documents), kinds=KINDS)


def test_a_network_policy_says_what_the_cilium_policy_says() -> None:
    found = made(*both(WEB, CART), *both(WEB, DNS, 53, "UDP"), *both(DB, WEB, 80))
    assert policy(found, "learned-deployment-web", "NetworkPolicy") == {
        "podSelector": {"matchLabels": {"app": "web"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "data"}},
                        "podSelector": {"matchLabels": {"app": "db"}},
                    }
                ],
                "ports": [{"port": 80, "protocol": "TCP"}],
            }
        ],
        "egress": [
            {
                "to": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
                        "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
                    }
                ],
                "ports": [{"port": 53, "protocol": "TCP"}, {"port": 53, "protocol": "UDP"}],
            },
            {
                "to": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "shop"}},
                        "podSelector": {"matchLabels": {"app": "cart"}},
                    }
                ],
                "ports": [{"port": 8080, "protocol": "TCP"}],
            },
        ],
    }
    assert policy(found, "learned-default-deny", "NetworkPolicy") == {
        "podSelector": {},
        "policyTypes": ["Ingress", "Egress"],
    }
    warnings: list[str] = []
    check_documents(found.policies, warnings.append)  # type: ignore[arg-type]
    assert warnings == []
    assert [text for text in found.warnings if "NetworkPolicy" in text] == [
        "A Kubernetes NetworkPolicy has no shadow: it denies from the moment it is applied."
    ]


@pytest.mark.parametrize(
    ("document", "lost"),
    [
        (flow(WEB, reserved("kube-apiserver"), 443), "kube-apiserver has no name here"),
        (flow(reserved("remote-node"), WEB, side="INGRESS"), "remote-node has no name here"),
        (flow(WEB, outside(), 443, destination_names=["api.example.com"]), "not the name api.example.com"),
        (flow(outside(), WEB, 443, side="INGRESS"), "open to every address"),
        (flow(WEB, CART, 8, "ICMPv4"), "ICMPv4 cannot be allowed"),
    ],
)
def test_what_a_network_policy_cannot_say_is_a_warning(document: dict[str, object], lost: str) -> None:
    assert any(lost in text and "NetworkPolicy of shop/Deployment/" in text for text in made(document).warnings)


def test_addresses_outside_become_blocks() -> None:
    found = made(flow(WEB, outside("198.51.100.7"), 443), flow(outside(), WEB, 443, side="INGRESS"))
    spec = policy(found, "learned-deployment-web", "NetworkPolicy")
    assert spec["egress"][0]["to"] == [{"ipBlock": {"cidr": "198.51.100.7/32"}}]
    assert spec["ingress"][0]["from"] == [{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"ipBlock": {"cidr": "::/0"}}]
