# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How a stored cluster reads: through different API versions, in the answer to a PUT, in a GET.

Every difference was seen in recorded traffic of the resource provider (2023 to 2026) unless a comment says otherwise.
"""

from __future__ import annotations

import copy

from .errors import Json

# Stable API versions from which a field is in the answer. Between 2023-07-01 and 2025-08-01 nothing was recorded;
# networkPolicy "none" is known to begin with 2024-05-01, the other fields are taken along.
MODERN = "2024-05-01"
HAS_SSH_ACCESS = "2025-08-01"
HAS_ETAG = "2025-09-01"
ECHOES_POD_CIDR_OF_NONE = "2026-01-01"
MODERN_PROPERTIES = ("resourceUID", "metricsProfile", "nodeProvisioningProfile", "bootstrapProfile")


def cluster(stored: Json, api_version: str, *, etag: bool) -> Json:
    """The cluster as a GET (etag) or the answer to a PUT (no etag, empty labels) shows it."""
    shown = copy.deepcopy(stored)
    version, properties = api_version[:10], shown["properties"]
    network = properties["networkProfile"]
    if network["networkPlugin"] == "none" and version < ECHOES_POD_CIDR_OF_NONE:
        network.pop("podCidr", None)
        network.pop("podCidrs", None)
    pools = properties["agentPoolProfiles"]
    with_etag = etag and version >= HAS_ETAG and properties["provisioningState"] != "Creating"
    for pool in pools:
        if not etag and version >= MODERN:
            pool.setdefault("nodeLabels", {})
        if not with_etag:
            pool.pop("eTag", None)
        if version < HAS_SSH_ACCESS:
            pool.get("securityProfile", {}).pop("sshAccess", None)
    if not with_etag:
        shown.pop("eTag", None)
    if version < MODERN:
        _as_in_2023(shown, read=etag)
    return shown


def pool(shown: Json, name: str) -> Json:
    """An agent pool of a shown cluster as a resource of its own; the caller knows that it is there."""
    found = next(item for item in shown["properties"]["agentPoolProfiles"] if item["name"].lower() == name.lower())
    return {
        "id": f"{shown['id']}/agentPools/{found['name']}",
        "name": found["name"],
        "type": "Microsoft.ContainerService/managedClusters/agentPools",
        "properties": {key: value for key, value in found.items() if key != "name"},
    }


def _as_in_2023(shown: Json, *, read: bool) -> None:
    properties, network = shown["properties"], shown["properties"]["networkProfile"]
    shown.pop("kind", None)
    for key in MODERN_PROPERTIES:
        properties.pop(key, None)
    if network.get("networkPolicy") == "none":
        del network["networkPolicy"]
    network.get("loadBalancerProfile", {}).pop("backendPoolType", None)
    if network["loadBalancerSku"] == "standard" and (read or properties["provisioningState"] != "Creating"):
        network["loadBalancerSku"] = "Standard"
    for item in properties["agentPoolProfiles"]:
        item.get("upgradeSettings", {}).pop("maxUnavailable", None)
        for key in ("scaleDownMode", "securityProfile"):
            item.pop(key, None)
