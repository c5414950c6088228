# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.selecting import denying, matches

LABELS = {"org": "cilium101", "app": "web"}


def policy(kind: str, spec: dict[str, Any] | None, namespace: str = "basics", **more: Any) -> dict[str, Any]:
    metadata = {"name": "p", **({"namespace": namespace} if namespace else {})}
    return {"kind": kind, "metadata": metadata, **({"spec": spec} if spec is not None else {}), **more}


def cnp(**spec: Any) -> dict[str, Any]:
    return policy("CiliumNetworkPolicy", {"endpointSelector": {"matchLabels": {"k8s:org": "cilium101"}}, **spec})


def np(**spec: Any) -> dict[str, Any]:
    return policy("NetworkPolicy", {"podSelector": {}, **spec})


@pytest.mark.parametrize(
    ("one", "ingress", "egress"),
    [
        (cnp(ingress=[{}]), True, False),
        (cnp(egress=[{}]), False, True),
        (cnp(ingressDeny=[{}]), True, False),
        (cnp(ingress=[]), False, False),
        (cnp(), False, False),
        (cnp(ingress=[{}], egress=[{}], enableDefaultDeny={"ingress": False}), False, True),
        (cnp(ingress=[{}], enableDefaultDeny={"ingress": True}), True, False),
        (np(ingress=[]), True, False),
        (np(), True, False),
        (np(egress=[{}]), True, True),
        (np(policyTypes=["Egress"], egress=[]), False, True),
        (policy("CiliumNetworkPolicy", {"nodeSelector": {}, "ingress": [{}]}), False, False),
        (policy("CiliumNetworkPolicy", None, specs=[{"endpointSelector": {}, "egress": [{}]}]), False, True),
        (policy("CiliumNetworkPolicy", {"endpointSelector": {}, "ingress": [{}]}, namespace="other"), False, False),
        (policy("NetworkPolicy", {"podSelector": {"matchLabels": {"org": "x"}}}), False, False),
    ],
    ids=str,
)
def test_which_directions_deny_by_default(one: dict[str, Any], ingress: bool, egress: bool) -> None:
    found = [bool(denying([one], "basics", LABELS, {}, direction)) for direction in ("INGRESS", "EGRESS")]
    assert found == [ingress, egress]


def test_policies_are_named_and_sorted() -> None:
    clusterwide = policy("CiliumClusterwideNetworkPolicy", {"endpointSelector": {}, "ingress": [{}]}, namespace="")
    assert denying([np(), clusterwide, cnp(ingress=[{}])], "basics", LABELS, {}, "INGRESS") == [
        "CiliumClusterwideNetworkPolicy p",
        "CiliumNetworkPolicy basics/p",
        "NetworkPolicy basics/p",
    ]


def test_a_clusterwide_policy_may_select_by_namespace_and_by_its_labels() -> None:
    for key, value, selected in (
        ("k8s:io.kubernetes.pod.namespace", "basics", True),
        ("k8s:io.kubernetes.pod.namespace", "other", False),
        ("io.cilium.k8s.namespace.labels.team", "a", True),
    ):
        spec = {"endpointSelector": {"matchLabels": {key: value}}, "ingress": [{}]}
        one = policy("CiliumClusterwideNetworkPolicy", spec, namespace="")
        assert bool(denying([one], "basics", LABELS, {"team": "a"}, "INGRESS")) is selected


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        ({}, True),
        ({"matchLabels": {"any:org": "cilium101", "app": "web"}}, True),
        ({"matchLabels": {"org": "other"}}, False),
        ({"matchLabels": {"reserved:host": ""}}, False),
        ({"matchExpressions": [{"key": "org", "operator": "In", "values": ["a", "cilium101"]}]}, True),
        ({"matchExpressions": [{"key": "org", "operator": "NotIn", "values": ["cilium101"]}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "k8s.org", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "none", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "none", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "org", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"app": "web"}, "matchExpressions": [{"key": "org", "operator": "Exists"}]}, True),
    ],
    ids=str,
)
def test_label_selectors(selector: dict[str, Any], selected: bool) -> None:
    assert matches(selector, LABELS) is selected
