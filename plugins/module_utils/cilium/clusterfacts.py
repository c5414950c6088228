# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a cluster says that values of Cilium must fit: its ranges, its nodes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import CONFIG_MAP, SERVICE, Kind

SERVICE_CIDR = Kind("networking.k8s.io", "v1", "servicecidrs", "ServiceCIDR", False)


def service_ranges(kube: Kube) -> Mapping[str, str]:
    """What is known of the cluster's Service addresses: ranges where the API tells, else the API server's."""
    known = kube.get(SERVICE_CIDR, "kubernetes")
    ranges = ((known or {}).get("spec") or {}).get("cidrs") or []
    if not ranges:
        kubeadm = (kube.get(CONFIG_MAP, "kubeadm-config", "kube-system") or {}).get("data") or {}
        for line in str(kubeadm.get("ClusterConfiguration", "")).splitlines():
            name, __, text = line.strip().partition(":")
            if name == "serviceSubnet":
                ranges = [part.strip() for part in text.split(",")]
    if ranges:
        return {f"the service range ({index})" if index else "the service range": r for index, r in enumerate(ranges)}
    service = kube.get(SERVICE, "kubernetes", "default") or {}
    address = (service.get("spec") or {}).get("clusterIP")
    return {"the Service address": address} if address else {}


def node_addresses(nodes: Iterable[Json]) -> Mapping[str, str]:
    """Node -> InternalIP."""
    found = {}
    for node in nodes:
        for address in (node.get("status") or {}).get("addresses") or []:
            if address.get("type") == "InternalIP":
                found[node["metadata"]["name"]] = address["address"]
    return found
