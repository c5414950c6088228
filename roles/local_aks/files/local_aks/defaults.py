# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure fills in when a cluster is created, and how a stored cluster reads through different API versions.

Every value was seen in recorded traffic of the resource provider (2023 to 2026) unless a comment says otherwise.
"""

from __future__ import annotations

import copy
import ipaddress
import secrets
import string
import uuid

from .errors import Json

NODE_IMAGE = "AKSUbuntu-2204gen2containerd-202603.12.1"
DEFAULT_VM = {"vmSize": "Standard_D4ads_v5", "osDiskSizeGB": 150, "osDiskType": "Ephemeral"}
CLUSTER_DEFAULTS: Json = {
    "powerState": {"code": "Running"},
    "enableRBAC": True,
    "supportPlan": "KubernetesOfficial",
    "disableLocalAccounts": False,
    "servicePrincipalProfile": {"clientId": "msi"},
    "autoUpgradeProfile": {"nodeOSUpgradeChannel": "NodeImage"},
    "securityProfile": {},
    "storageProfile": {
        "diskCSIDriver": {"enabled": True},
        "fileCSIDriver": {"enabled": True},
        "snapshotController": {"enabled": True},
    },
    "workloadAutoScalerProfile": {},
    "metricsProfile": {"costAnalysis": {"enabled": False}},
    "nodeProvisioningProfile": {"mode": "Manual", "defaultNodePools": "Auto"},
    "bootstrapProfile": {"artifactSource": "Direct"},
}
POOL_NULLABLE = ("availabilityZones", "nodeTaints", "tags", "nodeLabels", "vnetSubnetID", "podSubnetID")
# Stable API versions from which a field is in the answer.
ECHOES_POD_CIDR_OF_NONE = "2026-01-01"
HAS_ETAG = "2025-09-01"


def suffix(length: int = 8) -> str:
    """Random lower-case letters and digits, as in the names Azure makes."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for position in range(length))


def merged(base: Json, overlay: Json) -> Json:
    """Base with the overlay's keys; objects are merged, an explicit null removes."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], value)
        else:
            result[key] = copy.deepcopy(value)
    return result


def without_nulls(document: Json) -> Json:
    """The document without null members: Azure treats them as absent."""
    return merged({}, {key: without_nulls(v) if isinstance(v, dict) else v for key, v in document.items()})


def fill_network(network: Json) -> Json:
    """Network profile with the defaults of the resource provider."""
    plugin = str(network.get("networkPlugin", "azure")).lower()
    filled: Json = {"networkPlugin": plugin}
    if plugin == "azure":
        dataplane = str(network.get("networkDataplane", "azure")).lower()
        if "networkPlugin" not in network:
            filled["networkPluginMode"] = "overlay"
        filled.update(networkPolicy="cilium" if dataplane == "cilium" else "none", networkDataplane=dataplane)
    else:
        filled["networkPolicy"] = "none"
    filled.update(loadBalancerSku="standard", outboundType="loadBalancer")
    filled = {**filled, **network, "networkPlugin": plugin}
    for key in ("networkPluginMode", "networkPolicy", "networkDataplane"):
        if key in filled:
            filled[key] = str(filled[key]).lower()
    if filled["outboundType"] == "loadBalancer":
        profile = {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"}
        filled["loadBalancerProfile"] = merged(profile, network.get("loadBalancerProfile") or {})
    overlay = filled.get("networkPluginMode") == "overlay" or plugin == "kubenet"
    if overlay:
        filled.setdefault("podCidr", (filled.get("podCidrs") or ["10.244.0.0/16"])[0])
    filled.setdefault("serviceCidr", (filled.get("serviceCidrs") or ["10.0.0.0/16"])[0])
    if "dnsServiceIP" not in filled:
        filled["dnsServiceIP"] = str(ipaddress.ip_network(filled["serviceCidr"], strict=False)[10])
    if "podCidr" in filled:
        filled.setdefault("podCidrs", [filled["podCidr"]])
    filled.setdefault("serviceCidrs", [filled["serviceCidr"]])
    filled.setdefault("ipFamilies", ["IPv4"])
    if "advancedNetworking" in filled:
        filled["advancedNetworking"] = fill_acns(filled["advancedNetworking"], filled.get("networkDataplane", ""))
    return filled


def fill_acns(advanced: Json, dataplane: str) -> Json:
    """Advanced Container Networking Services with its parts made explicit.

    On dataplane azure as recorded in 2026; on cilium as the API description says (all on, policies by FQDN).
    """
    enabled = bool(advanced.get("enabled"))
    cilium = enabled and dataplane == "cilium"
    security = advanced.get("security") or {}
    secure = bool(security.get("enabled", cilium))
    performance = advanced.get("performance") or {}
    filled: Json = {
        "enabled": enabled,
        "observability": {"enabled": bool((advanced.get("observability") or {}).get("enabled", enabled))},
        "security": {
            "enabled": secure,
            "advancedNetworkPolicies": security.get("advancedNetworkPolicies") or ("FQDN" if secure else "None"),
        },
        "performance": {"accelerationMode": performance.get("accelerationMode", "None")},
    }
    if "transitEncryption" in security:
        filled["security"]["transitEncryption"] = security["transitEncryption"]
    return filled


def fill_pool(pool: Json, network: Json, alias: str, version: str) -> Json:
    """Agent pool with the defaults of the resource provider."""
    plugin, mode = network["networkPlugin"], network.get("networkPluginMode")
    if plugin == "none" or mode == "overlay" or network.get("networkDataplane") == "cilium":
        max_pods = 250
    else:
        max_pods = 110 if plugin == "kubenet" else 30
    pool = {key: value for key, value in pool.items() if value not in ("", None)}
    vm = dict(DEFAULT_VM) if "vmSize" not in pool else {"osDiskSizeGB": 128, "osDiskType": "Managed"}
    if pool.get("osDiskSizeGB") == 0:
        del pool["osDiskSizeGB"]
    filled: Json = {
        "count": 1,
        **vm,
        "kubeletDiskType": "OS",
        "maxPods": max_pods,
        "type": "VirtualMachineScaleSets",
        "enableAutoScaling": False,
        "scaleDownMode": "Delete",
        "powerState": {"code": "Running"},
        "orchestratorVersion": alias,
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Ubuntu",
        "upgradeSettings": {},
        "enableFIPS": False,
        "securityProfile": {"enableVTPM": False, "enableSecureBoot": False},
        **pool,
        "currentOrchestratorVersion": version,
        "nodeImageVersion": NODE_IMAGE,
    }
    filled["upgradeSettings"] = {"maxSurge": "10%", "maxUnavailable": "0", **filled["upgradeSettings"]}
    filled.pop("eTag", None)
    # Seen once only: Azure does not repeat what a regular pool has by default.
    if filled.get("scaleSetPriority") == "Regular":
        for key in ("scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice"):
            filled.pop(key, None)
    for key in POOL_NULLABLE:
        if not filled.get(key):
            filled.pop(key, None)
    return filled


def fill_cluster(body: Json, *, group: str, name: str, subscription: str, tenant: str, version: str) -> Json:
    """A new managed cluster: the body of its first PUT with everything that Azure adds."""
    properties = without_nulls(body.get("properties") or {})
    location = str(body["location"]).lower().replace(" ", "")
    minor = ".".join(version.split(".")[:2])
    alias = str(properties.get("kubernetesVersion") or minor)
    network = fill_network(properties.get("networkProfile") or {})
    dns, node_group = properties.get("dnsPrefix") or properties.get("fqdnSubdomain"), f"MC_{group}_{name}_{location}"
    host = f"{dns}-{suffix()}"
    filled = merged({**CLUSTER_DEFAULTS, "nodeResourceGroup": node_group[:80]}, properties)
    filled.update(
        kubernetesVersion=alias,
        currentKubernetesVersion=version,
        fqdn=f"{host}.hcp.{location}.azmk8s.io",
        azurePortalFQDN=f"{host}.portal.hcp.{location}.azmk8s.io",
        networkProfile=network,
        maxAgentPools=100,
        resourceUID=uuid.uuid4().hex[:24],
        agentPoolProfiles=[fill_pool(pool, network, alias, version) for pool in properties["agentPoolProfiles"]],
    )
    if "linuxProfile" in filled:
        admin = filled["linuxProfile"].get("adminUsername", "azureuser")
        filled.setdefault("windowsProfile", {"adminUsername": admin, "enableCSIProxy": True})
    if not filled.get("addonProfiles"):
        filled.pop("addonProfiles", None)
    filled["oidcIssuerProfile"] = fill_oidc(filled.get("oidcIssuerProfile") or {}, location, tenant)
    cluster: Json = {
        "id": f"/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.ContainerService"
        f"/managedClusters/{name}",
        "location": location,
        "name": name,
        "type": "Microsoft.ContainerService/ManagedClusters",
        "kind": "Base",
        "properties": filled,
        "identity": fill_identity(body.get("identity") or {}, tenant),
        "sku": {"name": "Base", "tier": "Free", **(body.get("sku") or {})},
    }
    if body.get("tags"):
        cluster["tags"] = body["tags"]
    if not cluster["identity"]:
        del cluster["identity"]
    return cluster


def fill_identity(identity: Json, tenant: str) -> Json:
    """Identity with the ids of its principals."""
    kind = str(identity.get("type", ""))
    if kind == "SystemAssigned":
        return {"type": kind, "principalId": str(uuid.uuid4()), "tenantId": tenant}
    if kind == "UserAssigned":
        named = identity.get("userAssignedIdentities") or {}
        ids = {key: {"clientId": str(uuid.uuid4()), "principalId": str(uuid.uuid4())} for key in named}
        return {"type": kind, "userAssignedIdentities": ids}
    return {"type": kind} if kind else {}


def fill_oidc(profile: Json, location: str, tenant: str) -> Json:
    """Issuer profile; on by default since 2026."""
    if not profile.get("enabled", True):
        return {"enabled": False}
    issuer = f"https://{location}.oic.prod-aks.azure.com/{tenant}/{uuid.uuid4()}/"
    return {"enabled": True, "issuerURL": profile.get("issuerURL", issuer)}


def complete(cluster: Json, subscription: str) -> None:
    """Add what only appears once the first operation succeeded."""
    properties, name = cluster["properties"], cluster["name"]
    node_group = properties["nodeResourceGroup"]
    prefix = f"/subscriptions/{subscription}"
    balancer = properties["networkProfile"].get("loadBalancerProfile")
    if balancer is not None and "effectiveOutboundIPs" not in balancer:
        address = f"{prefix}/resourceGroups/{node_group}/providers/Microsoft.Network/publicIPAddresses/{uuid.uuid4()}"
        balancer["effectiveOutboundIPs"] = [{"id": address}]
    if "identityProfile" not in properties:
        resource = f"{prefix}/resourcegroups/{node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
        properties["identityProfile"] = {
            "kubeletidentity": {
                "resourceId": f"{resource}/{name}-agentpool",
                "clientId": str(uuid.uuid4()),
                "objectId": str(uuid.uuid4()),
            }
        }


def view(cluster: Json, api_version: str, *, etag: bool) -> Json:
    """The cluster as a GET (etag) or the answer to a PUT (no etag, empty labels) shows it."""
    shown = copy.deepcopy(cluster)
    version = api_version[:10]
    network = shown["properties"]["networkProfile"]
    if network["networkPlugin"] == "none" and version < ECHOES_POD_CIDR_OF_NONE:
        network.pop("podCidr", None)
        network.pop("podCidrs", None)
    with_etag = etag and version >= HAS_ETAG and shown["properties"]["provisioningState"] != "Creating"
    for pool in shown["properties"]["agentPoolProfiles"]:
        if not etag:
            pool.setdefault("nodeLabels", {})
        if not with_etag:
            pool.pop("eTag", None)
    if not with_etag:
        shown.pop("eTag", None)
    return shown
