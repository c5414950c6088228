# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Ends of flows that need a second look: pods named without their workload, and talk that is no connection. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Pods = Mapping[tuple[str, str], str]
"""`Kind/name` of the workload by namespace and name of a pod."""

# How controllers name their pods after themselves.
_LETTERS = "[bcdfghjklmnpqrstvwxz2456789]"
_SUFFIXES = {
    "Deployment": re.compile(rf"-{_LETTERS}{{6,10}}-{_LETTERS}{{5}}"),
    "ReplicaSet": re.compile(rf"-{_LETTERS}{{5}}"),
    "DaemonSet": re.compile(rf"-{_LETTERS}{{5}}"),
    "StatefulSet": re.compile(r"-\d+"),
    "Job": re.compile(rf"-{_LETTERS}{{5}}"),
    "CronJob": re.compile(rf"-\d{{8,10}}-{_LETTERS}{{5}}"),
}


def pods_of(rows: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], str]:
    """From rows as network_policy_coverage returns them."""
    return {(str(row["namespace"]), str(row["pod"])): str(row["workload"]) for row in rows}


class Owned:
    """Tells the workload of a pod: as the cluster knows it, or by its name where flows tell of such a workload."""

    def __init__(self, edges: Iterable[Mapping[str, Any]], pods: Pods) -> None:
        self._pods = pods
        self._workloads: dict[str, set[tuple[str, str]]] = {}
        for edge in edges:
            for end in (edge["source"], edge["destination"]):
                if end["kind"] == "workload" and end["owner"] in _SUFFIXES:
                    self._workloads.setdefault(end["namespace"], set()).add((end["owner"], end["name"]))

    def owned(self, end: Mapping[str, Any]) -> Mapping[str, Any]:
        """The end, as its workload where it is a pod that has one."""
        if end["kind"] != "workload" or end["owner"] not in ("", "Pod"):
            return end
        owner, slash, name = self._pods.get((end["namespace"], end["name"]), "").partition("/")
        if not slash:
            owner, name = self._by_name(end["namespace"], end["name"])
        return {**end, "owner": owner, "name": name} if owner else end

    def _by_name(self, namespace: str, pod: str) -> tuple[str, str]:
        matching = [
            (owner, name)
            for owner, name in self._workloads.get(namespace, ())
            if pod.startswith(name) and _SUFFIXES[owner].fullmatch(pod, len(name))
        ]
        # Where two names fit, the longer one says more.
        return max(matching, key=lambda one: (len(one[1]), one), default=("", ""))


def is_neighbour_talk(edge: Mapping[str, Any]) -> bool:
    """Whether an edge is neighbour discovery or multicast: it has no server that could be allowed or denied."""
    return any(_is_of_the_link(edge[side]) for side in ("source", "destination"))


def _is_of_the_link(end: Mapping[str, Any]) -> bool:
    if end["kind"] not in ("unknown", "outside"):
        return False
    addresses: Sequence[str] = end.get("addresses") or (end["name"],)
    return all(_is_link_address(address) for address in addresses)


def _is_link_address(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return False
    # Clouds serve credentials on a link-local address of IPv4: that one matters.
    return address.is_multicast or (address.version == 6 and (address.is_link_local or address.is_unspecified))
