# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""How many operators a cluster has room for: two never share a node."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._errors import InvalidInput
from .._text import counted
from .._types import Json
from .valuetree import at

CHART_REPLICAS = 2
"""The chart's default for operator.replicas."""
_CHART_TOLERATES = (
    "node-role.kubernetes.io/control-plane",
    "node-role.kubernetes.io/master",
    "node.cloudprovider.kubernetes.io/uninitialized",
    # The chart always adds this one.
    "node.cilium.io/agent-not-ready",
)
_FIRST_SHORT_LIST = 18
"""Up to 1.17 the chart's operators tolerate everything."""
_PASSING = "node.kubernetes.io/"
_CORDONED = "node.kubernetes.io/unschedulable"
_LINUX = {"kubernetes.io/os": "linux"}


def nodes_for_operators(values: Mapping[str, Any], nodes: Iterable[Json], minor: int) -> int:
    """How many nodes would take an operator, by selector, taints and cordons. minor: of the chart 1.x.

    Taints of passing conditions (not ready, pressure) do not count: they go by themselves, some only with Cilium.
    """
    given = at(values, "operator.tolerations")
    tolerations = given if isinstance(given, list) else None
    wanted = at(values, "operator.nodeSelector")
    selector = {**_LINUX, **(wanted if isinstance(wanted, Mapping) else {})}
    return sum(1 for node in nodes if _matches(node, selector) and _takes(node, tolerations, minor))


def check_operators(values: Mapping[str, Any], room: int) -> None:
    """Refuse more operators than nodes that would take one: the rest would stay Pending, and no wait would end.

    room: of nodes_for_operators. Own rules of affinity are trusted.
    """
    replicas = at(values, "operator.replicas")
    if at(values, "operator.affinity") or not isinstance(replicas, int) or isinstance(replicas, bool):
        return
    if replicas > max(room, 0):
        raise InvalidInput(
            f"operator_replicas={replicas}, but"
            + (f" only {counted(room, 'node')} would take one" if room else " no node would take one")
            + ": operators never share a node, so the rest would wait for ever.",
            option="operator_replicas",
            code="TooFewNodesForOperators",
            remedy=f"Set operator_replicas to {room} or leave it out, or add nodes first."
            if room
            else "Add a Linux node without taints, uncordon one, or give values.operator.tolerations.",
            details={"wanted": replicas, "nodes": room},
        )


def default_replicas(room: int) -> int:
    """How many operators a first install takes when nothing is said."""
    return min(CHART_REPLICAS, max(1, room))


def check_pod_ranges_of_nodes(values: Mapping[str, Any], nodes: Iterable[Json]) -> None:
    """Refuse ipam.mode=kubernetes on a cluster that gives its nodes no ranges: the agents would wait for ever."""
    if at(values, "ipam.mode") != "kubernetes":
        return
    specs = [node.get("spec") or {} for node in nodes]
    if specs and not any(spec.get("podCIDR") or spec.get("podCIDRs") for spec in specs):
        raise InvalidInput(
            "mode=kubeadm takes pods from the nodes' ranges, but no node of this cluster has one"
            " (spec.podCIDR is empty everywhere).",
            option="mode",
            code="NodesWithoutPodRange",
            remedy="Give pod_cidr, so that Cilium's operator hands out the ranges, or create the cluster with a pod"
            " subnet.",
        )


def _matches(node: Json, selector: Mapping[str, Any]) -> bool:
    labels = (node.get("metadata") or {}).get("labels") or {}
    # A node that does not say its system yet is taken for Linux.
    return all(labels.get(key, _LINUX.get(key)) == value for key, value in selector.items())


def _takes(node: Json, tolerations: list[Json] | None, minor: int) -> bool:
    spec = node.get("spec") or {}
    taints = list(spec.get("taints") or [])
    if spec.get("unschedulable") and not any(taint.get("key") == _CORDONED for taint in taints):
        taints.append({"key": _CORDONED, "effect": "NoSchedule"})
    return all(taint.get("effect") == "PreferNoSchedule" or _tolerated(taint, tolerations, minor) for taint in taints)


def _tolerated(taint: Json, tolerations: list[Json] | None, minor: int) -> bool:
    key = str(taint.get("key", ""))
    if key.startswith(_PASSING) and key != _CORDONED:
        return True
    if tolerations is None:
        return minor < _FIRST_SHORT_LIST or key in _CHART_TOLERATES
    return key == _CHART_TOLERATES[-1] or any(_tolerates(toleration, taint) for toleration in tolerations)


def _tolerates(toleration: Json, taint: Json) -> bool:
    if toleration.get("effect") not in (None, "", taint.get("effect")):
        return False
    if toleration.get("operator") == "Exists":
        return not toleration.get("key") or toleration.get("key") == taint.get("key")
    return toleration.get("key") == taint.get("key") and toleration.get("value", "") == taint.get("value", "")
