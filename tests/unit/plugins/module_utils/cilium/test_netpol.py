# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.findings import Findings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.netpol import check_network_policy, stored_spec
from cilium_documents import network_policy


def errors_of(**spec: Any) -> list[str]:
    found = Findings()
    check_network_policy(found, network_policy(**spec))
    return found.errors


def test_good_policies_pass() -> None:
    assert errors_of(podSelector={}, policyTypes=["Egress"], egress=[]) == []
    assert errors_of(podSelector={}, ingress=[{}]) == []
    peers = [
        {"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {}},
        {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}},
    ]
    ports = [{"port": 53, "protocol": "UDP"}, {"port": "http"}, {"port": 1, "endPort": 9}]
    assert errors_of(podSelector={}, policyTypes=["Egress"], egress=[{"to": peers, "ports": ports}]) == []


@pytest.mark.parametrize(
    ("spec", "text"),
    [
        ({"policyTypes": ["Ingress"]}, "spec.podSelector: is missing"),
        ({"podSelector": {}, "policyTypes": ["ingress"]}, "did you mean Ingress?"),
        (
            {"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{}]},
            "has no effect: policyTypes does not name Egress",
        ),
        ({"podSelector": {}, "ingres": []}, "did you mean ingress?"),
        ({"podSelector": {}, "ingress": [{"to": []}]}, "spec.ingress[0].to: unknown field"),
        ({"podSelector": {}, "ingress": [{"from": [{}]}]}, "needs podSelector, namespaceSelector or ipBlock"),
        ({"podSelector": {}, "ingress": [{"from": [{"ipBlock": {"cidr": "10.0.0.0"}}]}]}, "must be a network"),
        (
            {"podSelector": {}, "ingress": [{"from": [{"podSelector": {}, "ipBlock": {"cidr": "10.0.0.0/8"}}]}]},
            "excludes podSelector",
        ),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": "80"}]}]}, "write 80 without quotes"),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": 0}]}]}, "not from 1 to 65535"),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": 80, "protocol": "ANY"}]}]}, "'ANY' is not allowed"),
        ({"podSelector": {}, "ingress": [{"ports": [{"port": 80, "endPort": 70}]}]}, "below the port"),
        ({"podSelector": {}, "ingress": [[]]}, "must be a map"),
    ],
)
def test_bad_policies(spec: dict[str, Any], text: str) -> None:
    found = errors_of(**spec)
    assert len(found) == 1, found
    assert text in found[0]


def test_a_policy_without_a_spec() -> None:
    found = Findings()
    check_network_policy(found, {"kind": "NetworkPolicy"})
    assert found.errors == ["spec: is missing"]


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        # Recorded from an API server 1.34.4.
        ({"podSelector": {}, "policyTypes": ["Egress"], "egress": []}, {"podSelector": {}, "policyTypes": ["Egress"]}),
        ({"podSelector": {}}, {"podSelector": {}, "policyTypes": ["Ingress"]}),
        (
            {"podSelector": {"matchLabels": {}}, "egress": [{}]},
            {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "egress": [{}]},
        ),
        (
            {"podSelector": {}, "ingress": [{"from": [], "ports": [{"port": 80}]}]},
            {
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"ports": [{"port": 80, "protocol": "TCP"}]}],
            },
        ),
        (
            {
                "podSelector": {},
                "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": []}}]}],
            },
            {
                "podSelector": {},
                "policyTypes": ["Ingress"],
                "ingress": [{"from": [{"podSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8"}}]}],
            },
        ),
    ],
)
def test_specs_are_written_as_the_api_server_stores_them(given: dict[str, Any], stored: dict[str, Any]) -> None:
    assert stored_spec(given) == stored
    assert stored_spec(stored) == stored
