# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an existing cluster becomes when a body is laid over it. Pure: nothing is checked and nothing is stored here."""

from __future__ import annotations

from . import defaults
from .errors import Json
from .versions import Versions

READ_ONLY = (
    "provisioningState",
    "powerState",
    "currentKubernetesVersion",
    "fqdn",
    "azurePortalFQDN",
    "maxAgentPools",
    "resourceUID",
    "privateFQDN",
)
POOL_READ_ONLY = ("provisioningState", "currentOrchestratorVersion", "nodeImageVersion", "eTag")
# A new single range replaces the list that was made from the old one.
NETWORK_PARTS = {"podCidr": "podCidrs", "serviceCidr": "serviceCidrs"}


def cluster(live: Json, body: Json, versions: Versions, tenant: str, image: str) -> Json:
    """The live cluster with the body of a PUT; what the body does not name stays, pools that it does not name go."""
    changes = {key: value for key, value in defaults.without_nulls(body["properties"]).items() if key not in READ_ONLY}
    pools = changes.pop("agentPoolProfiles")
    profile = network(live["properties"]["networkProfile"], changes.pop("networkProfile", {}))
    properties = defaults.merged(live["properties"], changes)
    properties["kubernetesVersion"] = properties["kubernetesVersion"] or live["properties"]["kubernetesVersion"]
    properties["networkProfile"] = profile
    known = {item["name"].lower(): item for item in live["properties"]["agentPoolProfiles"]}
    properties["agentPoolProfiles"] = [
        pool(known.get(str(item["name"]).lower()), item, properties, versions, image) for item in pools
    ]
    defaults.fill_profiles(properties, live["location"], tenant)
    desired = {
        **live,
        "properties": properties,
        "sku": {**live["sku"], **defaults.without_nulls(body.get("sku") or {})},
    }
    desired.pop("tags", None)
    if body.get("tags"):
        desired["tags"] = body["tags"]
    if (body.get("identity") or {}).get("type"):
        desired["identity"] = defaults.fill_identity(body["identity"], tenant, live.get("identity"))
    return desired


def network(live: Json, wanted: Json) -> Json:
    """The network profile with what a body says of it."""
    base = dict(live)
    for single, several in NETWORK_PARTS.items():
        if single in wanted and wanted[single] != live.get(single) and wanted.get(several) == live.get(several):
            wanted = {key: value for key, value in wanted.items() if key != several}
            base.pop(several, None)
        elif wanted.get(several) and wanted[several] != live.get(several):
            wanted = {**wanted, single: wanted[several][0]}
    if "advancedNetworking" in wanted:
        base.pop("advancedNetworking", None)
    for key, other in (("outboundIPs", "managedOutboundIPs"), ("managedOutboundIPs", "outboundIPs")):
        given = wanted.get("loadBalancerProfile") or {}
        if key in given and other not in given:
            base["loadBalancerProfile"] = {k: v for k, v in base.get("loadBalancerProfile", {}).items() if k != other}
    if str(wanted.get("outboundType", live["outboundType"])).lower() != str(live["outboundType"]).lower():
        for profile in ("loadBalancerProfile", "natGatewayProfile"):
            base.pop(profile, None)
    return defaults.fill_network(defaults.merged(base, wanted))


def pool(live: Json | None, wanted: Json, properties: Json, versions: Versions, image: str) -> Json:
    """An agent pool of a cluster with these properties, with what a body says of it."""
    given = {key: value for key, value in defaults.without_nulls(wanted).items() if value != ""}
    given = {key: value for key, value in given.items() if key not in POOL_READ_ONLY}
    if live is None:
        return defaults.new_pool(given, properties, versions.resolve, image)
    if live["enableAutoScaling"] and given.get("enableAutoScaling", True):
        # The autoscaler decides, within its bounds.
        low, high = (given.get(key, live.get(key, 1)) for key in ("minCount", "maxCount"))
        given["count"] = min(max(live["count"], low), high)
    merged = defaults.merged(live, given)
    return defaults.fill_pool(merged, properties["networkProfile"], merged["orchestratorVersion"], "")


def settle(properties: Json, versions: Versions) -> None:
    """What runs after an operation succeeded: the versions that were asked for."""
    current = properties["currentKubernetesVersion"]
    properties["currentKubernetesVersion"] = versions.resolve(properties["kubernetesVersion"], current)
    for item in properties["agentPoolProfiles"]:
        settle_pool(item, versions)


def settle_pool(item: Json, versions: Versions) -> None:
    """The same for one pool."""
    current = item["currentOrchestratorVersion"]
    item["currentOrchestratorVersion"] = versions.resolve(item["orchestratorVersion"], current)
