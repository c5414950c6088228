# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Ranges of addresses for pods: reading them, and what they must not share addresses with."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from .._errors import InvalidInput
from .valuetree import at

CHART_MASK_SIZE = 24
"""The chart's default for ipam.operator.clusterPoolIPv4MaskSize."""

# A text, because sanity tests read this file with older Pythons as well.
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


def parse_networks(texts: Iterable[str], *, option: str = "pod_cidr") -> list[Network]:
    """Networks from their CIDR texts; InvalidInput for one that is none or has host bits set."""
    networks = []
    for text in texts:
        try:
            if "/" not in text:
                raise ValueError("the length of the prefix is missing")
            networks.append(ipaddress.ip_network(text))
        except ValueError as error:
            raise InvalidInput(
                f"{option}={text!r} is not a network: {error}.",
                option=option,
                code="InvalidPodCidr",
                remedy="Write it as 10.244.0.0/16.",
            ) from error
    return networks


def pod_networks(values: Mapping[str, Any]) -> list[Network]:
    """The pod networks that the operator hands out by these values; empty when it hands out none of ours."""
    found: list[Network] = []
    for pool in ("IPv4", "IPv6"):
        path = f"ipam.operator.clusterPool{pool}PodCIDRList"
        listed = at(values, path)
        texts = listed.split() if isinstance(listed, str) else listed
        if isinstance(texts, list):
            found += parse_networks([str(text) for text in texts], option=f"values.{path}")
    return found


def check_pools_kept(installed: Mapping[str, Any], wished: Mapping[str, Any]) -> None:
    """Refuse to take a pod range, or the size of the nodes' shares, away from a running installation.

    Cilium's documentation of ipam.operator: existing elements of the lists must never change, a new range is appended,
    and the mask size is fixed. Nodes keep their old ranges, so addresses would be handed out twice or not at all.
    """
    kept = pod_networks(wished)
    gone = [str(network) for network in pod_networks(installed) if network not in kept]
    if gone:
        raise InvalidInput(
            f"pod_cidr: the installed release hands out {', '.join(gone)}, and running pods have addresses of it.",
            option="pod_cidr",
            code="PodCidrInUse",
            remedy="Keep it and append the new range, or uninstall Cilium first (state=absent).",
        )
    path = "ipam.operator.clusterPoolIPv4MaskSize"
    before, after = (at(values, path) or CHART_MASK_SIZE for values in (installed, wished))
    if kept and before != after:
        raise InvalidInput(
            f"pod_cidr_mask_size={after}: the nodes of the installed release have shares of /{before}.",
            option="pod_cidr_mask_size",
            code="MaskSizeInUse",
            remedy=f"Keep {before}, or uninstall Cilium first (state=absent).",
        )


def overlap(one: Network, other: Network) -> bool:
    """Whether two networks share an address; networks of different families never do."""
    if isinstance(one, ipaddress.IPv4Network) and isinstance(other, ipaddress.IPv4Network):
        return one.overlaps(other)
    if isinstance(one, ipaddress.IPv6Network) and isinstance(other, ipaddress.IPv6Network):
        return one.overlaps(other)
    return False


def check_against_cluster(
    pods: Sequence[Network], *, services: Mapping[str, str], node_addresses: Mapping[str, str]
) -> None:
    """Refuse pod networks that contain a Service range or address, or a node.

    services: what it is -> CIDR or address; node_addresses: node -> InternalIP.
    """
    for pod_network in pods:
        for what, text in services.items():
            if overlap(pod_network, ipaddress.ip_network(text, strict=False)):
                raise InvalidInput(
                    f"pod_cidr={pod_network} overlaps {what} {text} of the cluster.",
                    option="pod_cidr",
                    code="PodCidrOverlapsServices",
                    remedy="Choose another range for the pods.",
                )
        for node, address in node_addresses.items():
            if overlap(pod_network, ipaddress.ip_network(address)):
                raise InvalidInput(
                    f"pod_cidr={pod_network} contains {address}, the address of node {node}.",
                    option="pod_cidr",
                    code="PodCidrOverlapsNodes",
                    remedy="Choose a range outside of the nodes' network.",
                )
