# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure's documents as the module results show them: snake_case, stable order, nothing secret. Pure."""

from __future__ import annotations

from .._types import Json
from .fields import CLUSTER_FIELDS, POOL_FIELDS, options_of, read

_NETWORK_FIELDS = tuple(field for field in CLUSTER_FIELDS if field.option[0] == "network_profile")


def cluster(document: Json) -> Json:
    """The `cluster` of a result: every typed field that Azure tells, by its option, and facts that no option sets."""
    properties = document.get("properties") or {}
    profile = network_profile(document)
    return {
        **options_of(document, CLUSTER_FIELDS),
        "id": document.get("id", ""),
        "name": document.get("name", ""),
        "resource_group": resource_group(document),
        "location": document.get("location", ""),
        "provisioning_state": properties.get("provisioningState", ""),
        "power_state": read(properties, ("powerState", "code")) or "",
        "fqdn": properties.get("fqdn") or "",
        "api_server_host": api_server_host(document),
        "kubernetes_version": properties.get("kubernetesVersion") or "",
        "current_kubernetes_version": properties.get("currentKubernetesVersion") or "",
        "node_resource_group": properties.get("nodeResourceGroup") or "",
        "network_mode": network_mode(profile),
        "network_profile": profile,
        "acns": acns(profile),
        "oidc_issuer_url": read(properties, ("oidcIssuerProfile", "issuerURL")) or "",
        "private_fqdn": properties.get("privateFQDN") or "",
        "effective_outbound_ip_ids": _outbound_addresses(properties),
        "agent_pools": [pool(item) for item in _pools(properties)],
        "tags": dict(sorted((document.get("tags") or {}).items())),
        "etag": document.get("eTag") or "",
    }


def _outbound_addresses(properties: Json) -> list[str]:
    """Resource ids of the addresses that traffic leaves the cluster with, where AKS manages them."""
    profile = properties.get("networkProfile") or {}
    places = [
        (profile.get(key) or {}).get("effectiveOutboundIPs") for key in ("loadBalancerProfile", "natGatewayProfile")
    ]
    return sorted(str(item.get("id")) for place in places for item in place or [])


def _pools(properties: Json) -> list[Json]:
    return sorted(properties.get("agentPoolProfiles") or [], key=lambda item: str(item.get("name")))


def resource_group(document: Json) -> str:
    """The resource group in an id, whose casing Azure changes freely."""
    parts = str(document.get("id") or "").split("/")
    lowered = [part.lower() for part in parts]
    at = lowered.index("resourcegroups") + 1 if "resourcegroups" in lowered else len(parts)
    return parts[at] if at < len(parts) else ""


def api_server_host(document: Json) -> str:
    """The name under which the API server is reached from where the nodes are."""
    properties = document.get("properties") or {}
    private = read(properties, ("apiServerAccessProfile", "enablePrivateCluster"))
    return (properties.get("privateFQDN") if private else "") or properties.get("fqdn") or ""


def network_profile(document: Json) -> Json:
    """Every typed field of the network profile, by the names of the options; absent fields are left out."""
    profile: Json = options_of(document, _NETWORK_FIELDS).get("network_profile") or {}
    return profile


def network_mode(profile: Json) -> str:
    """byo_cni, azure_cni_cilium or other."""
    if str(profile.get("network_plugin") or "").lower() == "none":
        return "byo_cni"
    return "azure_cni_cilium" if str(profile.get("network_dataplane") or "").lower() == "cilium" else "other"


def acns(profile: Json) -> Json:
    """Advanced Container Networking Services, with the defaults that Azure means where it says nothing."""
    given = profile.get("advanced_networking") or {}
    return {
        "enabled": bool(given.get("enabled")),
        "observability": bool(given.get("observability")),
        "security": bool(given.get("security")),
        "advanced_network_policies": given.get("advanced_network_policies") or "None",
        "transit_encryption": given.get("transit_encryption") or "None",
        "acceleration_mode": given.get("acceleration_mode") or "None",
    }


def pool(document: Json) -> Json:
    """One node pool by the names of the options, with the states Azure adds."""
    shown: Json = {"name": document.get("name", ""), **options_of(document, POOL_FIELDS)}
    shown["tags"] = dict(sorted((document.get("tags") or {}).items()))
    shown["provisioning_state"] = document.get("provisioningState") or ""
    shown["power_state"] = read(document, ("powerState", "code")) or ""
    shown["current_orchestrator_version"] = document.get("currentOrchestratorVersion") or ""
    shown["node_image_version"] = document.get("nodeImageVersion") or ""
    return shown
