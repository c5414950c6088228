# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.operators import (
    check_operators,
    check_pod_ranges_of_nodes,
    default_replicas,
    nodes_for_operators,
)

CONTROL_PLANE = "node-role.kubernetes.io/control-plane"


def node(*taints: str, cordoned: bool = False, **labels: str) -> dict[str, Any]:
    """A node; a taint is key[=value][:effect]."""
    listed = []
    for taint in taints:
        key, __, effect = taint.partition(":")
        key, __, value = key.partition("=")
        listed.append({"key": key, "effect": effect or "NoSchedule", **({"value": value} if value else {})})
    spec: dict[str, Any] = {"taints": listed} if listed else {}
    if cordoned:
        spec["unschedulable"] = True
    named = {name.replace("__", "/").replace("_", "."): value for name, value in labels.items()}
    return {"metadata": {"name": "n", "labels": named}, "spec": spec}


def tolerating(*tolerations: dict[str, str]) -> dict[str, Any]:
    return {"operator": {"tolerations": list(tolerations)}}


@pytest.mark.parametrize(
    ("nodes", "values", "minor", "room"),
    [
        ([node()], {}, 20, 1),
        ([node(), node()], {}, 20, 2),
        ([node(CONTROL_PLANE), node()], {}, 20, 2),
        ([node("CriticalAddonsOnly=true"), node()], {}, 20, 1),
        ([node("CriticalAddonsOnly=true"), node()], {}, 17, 2),
        ([node("gpu:NoExecute")], {}, 20, 0),
        ([node("gpu:PreferNoSchedule")], {}, 20, 1),
        ([node("node.cilium.io/agent-not-ready", "node.kubernetes.io/not-ready")], {}, 20, 1),
        ([node("node.kubernetes.io/network-unavailable")], {}, 20, 1),
        ([node(cordoned=True), node()], {}, 20, 1),
        ([node("node.kubernetes.io/unschedulable", cordoned=True)], {}, 20, 0),
        ([node(cordoned=True)], {}, 17, 1),
        ([node(kubernetes_io__os="windows"), node(kubernetes_io__os="linux")], {}, 20, 1),
        ([node(pool="system"), node(pool="user")], {"operator": {"nodeSelector": {"pool": "system"}}}, 20, 1),
        ([node("gpu=a")], tolerating({"key": "gpu", "operator": "Exists"}), 20, 1),
        ([node("gpu=a")], tolerating({"key": "gpu", "value": "a"}), 20, 1),
        ([node("gpu=a")], tolerating({"key": "gpu", "value": "b"}), 20, 0),
        ([node("gpu=a")], tolerating({"operator": "Exists"}), 20, 1),
        ([node("gpu=a")], tolerating({"operator": "Exists", "effect": "NoExecute"}), 20, 0),
        ([node(CONTROL_PLANE)], tolerating(), 20, 0),
        ([node("node.cilium.io/agent-not-ready")], tolerating(), 20, 1),
    ],
)
def test_nodes_that_would_take_an_operator(nodes: list[Any], values: dict[str, Any], minor: int, room: int) -> None:
    assert nodes_for_operators(values, nodes, minor) == room


@pytest.mark.parametrize(
    ("replicas", "room", "refusal"),
    [
        (2, 1, "only 1 node would take one"),
        (3, 2, "only 2 nodes would take one"),
        (1, 0, "no node would take one"),
        (1, 1, ""),
        (2, 5, ""),
        (None, 0, ""),
    ],
)
def test_more_operators_than_nodes_are_refused(replicas: int | None, room: int, refusal: str) -> None:
    values = {"operator": {"replicas": replicas}}
    if not refusal:
        check_operators(values, room)
        return
    with pytest.raises(InvalidInput, match=refusal) as caught:
        check_operators(values, room)
    assert caught.value.option == "operator_replicas"
    assert caught.value.details == {"wanted": replicas, "nodes": room}


def test_own_rules_of_affinity_are_trusted() -> None:
    check_operators({"operator": {"replicas": 3, "affinity": {"podAntiAffinity": {}}}}, 1)


@pytest.mark.parametrize(("room", "replicas"), [(0, 1), (1, 1), (2, 2), (50, 2)])
def test_a_first_install_takes_what_fits(room: int, replicas: int) -> None:
    assert default_replicas(room) == replicas


def test_nodes_without_ranges_cannot_give_any() -> None:
    kubernetes = {"ipam": {"mode": "kubernetes"}}
    ranged = {"spec": {"podCIDR": "10.244.0.0/24"}}
    for nodes in ([ranged], [node(), ranged], []):
        check_pod_ranges_of_nodes(kubernetes, nodes)
    check_pod_ranges_of_nodes({}, [node()])
    with pytest.raises(InvalidInput, match="no node of this cluster has one") as caught:
        check_pod_ranges_of_nodes(kubernetes, [node(), node()])
    assert caught.value.code == "NodesWithoutPodRange"
