# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""From requests to Azure Resource Manager to the operations that an Azure role must allow.

The names are those of Microsoft's reference "Azure permissions for Containers", "... for Networking" and "... for
Management and governance" (Azure RBAC documentation, generated from the resource providers).
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from typing import Any

GROUP = r"/subscriptions/[^/]+/resourceGroups/[^/]+"
CLUSTERS = r"/subscriptions/[^/]+(/resourceGroups/[^/]+)?/providers/Microsoft\.ContainerService/managedClusters"
CLUSTER = rf"{CLUSTERS}/[^/]+"
POOL = rf"{CLUSTER}/agentPools/[^/]+"
NETWORK = rf"{GROUP}/providers/Microsoft\.Network/virtualNetworks/[^/]+"
SUBNET = rf"{NETWORK}/subnets/[^/]+"
OPERATION = r"/subscriptions/[^/]+/providers/{}/locations/[^/]+/operations/[^/]+"
MC = "Microsoft.ContainerService/managedClusters"
VN = "Microsoft.Network/virtualNetworks"
RG = "Microsoft.Resources/subscriptions/resourceGroups"

OPERATIONS: tuple[tuple[str, str, str], ...] = (
    ("GET", r"/subscriptions", "Microsoft.Resources/subscriptions/read"),
    ("GET", CLUSTERS, f"{MC}/read"),
    ("GET", CLUSTER, f"{MC}/read"),
    ("PUT|PATCH", CLUSTER, f"{MC}/write"),
    ("DELETE", CLUSTER, f"{MC}/delete"),
    ("POST", rf"{CLUSTER}/start", f"{MC}/start/action"),
    ("POST", rf"{CLUSTER}/stop", f"{MC}/stop/action"),
    ("POST", rf"{CLUSTER}/listClusterUserCredential", f"{MC}/listClusterUserCredential/action"),
    ("POST", rf"{CLUSTER}/listClusterAdminCredential", f"{MC}/listClusterAdminCredential/action"),
    ("GET", rf"{CLUSTER}/upgradeProfiles/default", f"{MC}/upgradeProfiles/read"),
    ("GET", POOL, f"{MC}/agentPools/read"),
    ("PUT", POOL, f"{MC}/agentPools/write"),
    ("DELETE", POOL, f"{MC}/agentPools/delete"),
    ("GET", rf"{POOL}/upgradeProfiles/default", f"{MC}/agentPools/upgradeProfiles/read"),
    ("POST", rf"{POOL}/upgradeNodeImageVersion", f"{MC}/agentPools/upgradeNodeImageVersion/action"),
    ("GET", OPERATION.format(r"Microsoft\.ContainerService"), "Microsoft.ContainerService/locations/operations/read"),
    ("GET", OPERATION.format(r"Microsoft\.Network"), "Microsoft.Network/locations/operations/read"),
    ("GET", GROUP, f"{RG}/read"),
    ("PUT", GROUP, f"{RG}/write"),
    ("DELETE", GROUP, f"{RG}/delete"),
    ("GET", rf"{GROUP}/resources", f"{RG}/resources/read"),
    ("GET", NETWORK, f"{VN}/read"),
    ("PUT", NETWORK, f"{VN}/write"),
    ("DELETE", NETWORK, f"{VN}/delete"),
    ("PUT", SUBNET, f"{VN}/subnets/write"),
    ("DELETE", SUBNET, f"{VN}/subnets/delete"),
    ("GET", r"/subscriptions/[^/]+/providers/[^/]+", "Microsoft.Resources/subscriptions/providers/read"),
    (
        "GET",
        r"/subscriptions/[^/]+/providers/Microsoft\.Features/providers/[^/]+/features/[^/]+",
        "Microsoft.Features/providers/features/read",
    ),
)
# Without a token, or to Entra ID: no role decides about these.
NO_ROLE = (r"/metadata/endpoints", r"/[^/]+/oauth2/v2\.0/token", r"/[^/]+/v2\.0/\.well-known/openid-configuration")


class UnknownRequest(Exception):
    """A request that the table has no operation for: add one, with its name from Microsoft's reference."""


def operation_of(method: str, path: str) -> str | None:
    """The operation that a role must allow; None where no role is asked."""
    if any(re.fullmatch(known, path) for known in NO_ROLE):
        return None
    for methods, pattern, operation in OPERATIONS:
        if method in methods.split("|") and re.fullmatch(pattern, path, re.IGNORECASE):
            return operation
    raise UnknownRequest(f"{method} {path}")


def linked_operations(cluster: dict[str, Any]) -> set[str]:
    """What Azure asks for besides, when a cluster is written that names other resources (LinkedAuthorizationFailed)."""
    pools = cluster["properties"].get("agentPoolProfiles") or []
    found = {"Microsoft.Network/virtualNetworks/subnets/join/action" for pool in pools if pool.get("vnetSubnetID")}
    if (cluster.get("identity") or {}).get("userAssignedIdentities"):
        found.add("Microsoft.ManagedIdentity/userAssignedIdentities/assign/action")
    return found


def uncovered(needed: set[str], granted: list[str]) -> set[str]:
    """Operations that no action of a role allows; `*` stands for anything, and case does not count, as in Azure."""
    return {one for one in needed if not any(fnmatch(one.lower(), action.lower()) for action in granted)}


def unused(needed: set[str], granted: list[str]) -> set[str]:
    """Actions of a role that allow nothing of what is needed."""
    return {action for action in granted if not any(fnmatch(one.lower(), action.lower()) for one in needed)}
