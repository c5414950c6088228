# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure fills in when a cluster is created.

Every value was seen in recorded traffic of the resource provider (2023 to 2026) unless a comment says otherwise.
"""

from __future__ import annotations

import copy
import ipaddress
import secrets
import string
import uuid
from collections.abc import Callable

from .errors import Json
from .versions import minor, numbers

Resolve = Callable[[str, str], str]
"""(wanted version or alias, current version) -> full version."""
NODE_IMAGE = "AKSUbuntu-2204gen2containerd-202603.12.1"
DEFAULT_VM = {"vmSize": "Standard_D4ads_v5", "osDiskSizeGB": 150, "osDiskType": "Ephemeral"}
CLUSTER_DEFAULTS: Json = {
    "powerState": {"code": "Running"},
    "enableRBAC": True,
    "supportPlan": "KubernetesOfficial",
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
# Maps of the user's own keys: a new one takes the place of the old one, so that keys can go.
OWN_KEYS = ("nodeLabels", "tags", "userAssignedIdentities")
IPV6 = {"podCidrs": "fd12:3456:789a::/64", "serviceCidrs": "fd12:3456:789a:1::/108"}
# New clusters from this version on have an issuer unless they ask for none: seen on (1.34, 2026), off before.
OIDC_BY_DEFAULT = (1, 34)
SPOT = "kubernetes.azure.com/scalesetpriority"


def suffix(length: int = 8) -> str:
    """Random lower-case letters and digits, as in the names Azure makes."""
    return "".join(secrets.choice(string.ascii_lowercase + string.digits) for position in range(length))


def merged(base: Json, overlay: Json) -> Json:
    """Base with the overlay's keys; objects are merged unless their keys are the user's; an explicit null removes."""
    result = copy.deepcopy(base)
    for key, value in overlay.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict) and isinstance(result.get(key), dict) and key not in OWN_KEYS:
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
    filled.update(loadBalancerSku="standard", outboundType="loadBalancer", ipFamilies=["IPv4"])
    filled = {**filled, **network, "networkPlugin": plugin}
    for key in ("networkPluginMode", "networkPolicy", "networkDataplane"):
        if key in filled:
            filled[key] = str(filled[key]).lower()
    _fill_outbound(filled)
    overlay = filled.get("networkPluginMode") == "overlay" or plugin == "kubenet"
    if overlay:
        filled.setdefault("podCidr", (filled.get("podCidrs") or ["10.244.0.0/16"])[0])
    filled.setdefault("serviceCidr", (filled.get("serviceCidrs") or ["10.0.0.0/16"])[0])
    if "dnsServiceIP" not in filled:
        filled["dnsServiceIP"] = str(ipaddress.ip_network(filled["serviceCidr"], strict=False)[10])
    for single, several in (("podCidr", "podCidrs"), ("serviceCidr", "serviceCidrs")):
        if single in filled and several not in filled:
            dual = "IPv6" in filled["ipFamilies"]  # the ranges of the second family: own values
            filled[several] = [filled[single], IPV6[several]] if dual else [filled[single]]
    if "advancedNetworking" in filled:
        filled["advancedNetworking"] = fill_acns(filled["advancedNetworking"], filled.get("networkDataplane", ""))
    return filled


def _fill_outbound(filled: Json) -> None:
    """The profile of the outbound type, and of no other. That of NAT gateways was never recorded."""
    kinds = {"loadbalancer": "loadBalancerProfile", "managednatgateway": "natGatewayProfile"}
    wanted = kinds.get(str(filled["outboundType"]).lower(), "")
    for profile in kinds.values():
        if profile != wanted:
            filled.pop(profile, None)
    if not wanted:
        return
    given = filled.get(wanted) or {}
    if wanted == "natGatewayProfile":
        filled[wanted] = merged({"managedOutboundIPProfile": {"count": 1}, "idleTimeoutInMinutes": 4}, given)
        return
    balancer: Json = {"managedOutboundIPs": {"count": 1}, "backendPoolType": "nodeIPConfiguration"}
    if "outboundIPs" in given or "outboundIPPrefixes" in given:
        del balancer["managedOutboundIPs"]
    elif "IPv6" in filled["ipFamilies"]:
        balancer["managedOutboundIPs"] = {"count": 1, "countIPv6": 1}
    filled[wanted] = merged(balancer, given)


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


def fill_pool(pool: Json, network: Json, alias: str, version: str, image: str = NODE_IMAGE) -> Json:
    """Agent pool with the defaults of the resource provider; what runs already keeps its version and image."""
    plugin, mode = network["networkPlugin"], network.get("networkPluginMode")
    if plugin == "none" or mode == "overlay" or network.get("networkDataplane") == "cilium":
        max_pods = 250
    else:
        max_pods = 110 if plugin == "kubenet" else 30
    pool = {key: value for key, value in pool.items() if value not in ("", None)}
    vm = dict(DEFAULT_VM) if "vmSize" not in pool else {"osDiskSizeGB": 128, "osDiskType": "Managed"}
    if pool.get("osDiskSizeGB") == 0:
        del pool["osDiskSizeGB"]
    windows = str(pool.get("osType", "")).lower() == "windows"
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
        "currentOrchestratorVersion": version,
        "enableNodePublicIP": False,
        "mode": "User",
        "osType": "Linux",
        "osSKU": "Windows2022" if windows else "Ubuntu",
        "nodeImageVersion": image,
        "upgradeSettings": {},
        "enableFIPS": False,
        **pool,
    }
    filled["upgradeSettings"] = {"maxSurge": "10%", "maxUnavailable": "0", **filled["upgradeSettings"]}
    filled["securityProfile"] = {"enableVTPM": False, "enableSecureBoot": False, **(pool.get("securityProfile") or {})}
    if not filled["enableAutoScaling"]:
        filled.pop("minCount", None)
        filled.pop("maxCount", None)
    _fill_priority(filled)
    for key in POOL_NULLABLE:
        if not filled.get(key):
            filled.pop(key, None)
    return filled


def _fill_priority(pool: Json) -> None:
    """Azure does not repeat what a regular pool has by default (seen once); a spot pool gets its mark (docs)."""
    priority = str(pool.get("scaleSetPriority", "")).lower()
    if priority == "regular":
        for key in ("scaleSetPriority", "scaleSetEvictionPolicy", "spotMaxPrice"):
            pool.pop(key, None)
    if priority == "spot":
        pool.setdefault("scaleSetEvictionPolicy", "Delete")
        pool.setdefault("spotMaxPrice", -1.0)
        pool["nodeLabels"] = {SPOT: "spot", **(pool.get("nodeLabels") or {})}
        taint = f"{SPOT}=spot:NoSchedule"
        pool["nodeTaints"] = [*(item for item in pool.get("nodeTaints") or [] if item != taint), taint]


def new_pool(pool: Json, properties: Json, resolve: Resolve, image: str = NODE_IMAGE) -> Json:
    """A pool that did not exist, in a cluster with these properties."""
    alias = str(pool.get("orchestratorVersion") or properties["kubernetesVersion"])
    version = resolve(alias, properties["currentKubernetesVersion"])
    filled = fill_pool(pool, properties["networkProfile"], alias, version, image)
    # Seen on the one cluster without a Linux profile, not on those with one.
    if "linuxProfile" not in properties:
        filled["securityProfile"].setdefault("sshAccess", "LocalUser")
    return filled


def fill_cluster(body: Json, *, group: str, name: str, subscription: str, tenant: str, resolve: Resolve) -> Json:
    """A new managed cluster: the body of its first PUT with everything that Azure adds."""
    properties = without_nulls(body.get("properties") or {})
    location = str(body["location"]).lower().replace(" ", "")
    version = resolve(str(properties.get("kubernetesVersion") or ""), "")
    alias = str(properties.get("kubernetesVersion") or minor(version))
    pools = [without_nulls(pool) for pool in properties["agentPoolProfiles"]]
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
    )
    filled["agentPoolProfiles"] = [new_pool(pool, filled, resolve) for pool in pools]
    if "linuxProfile" in filled and network["networkPlugin"] in ("azure", "none"):
        admin = filled["linuxProfile"].get("adminUsername", "azureuser")
        filled.setdefault("windowsProfile", {"adminUsername": admin, "enableCSIProxy": True})
    if not filled.get("addonProfiles"):
        filled.pop("addonProfiles", None)
    fill_profiles(filled, location, tenant)
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


def fill_identity(identity: Json, tenant: str, live: Json | None = None) -> Json:
    """Identity with the ids of its principals; what a live one has already keeps its ids."""
    kind = str(identity.get("type", ""))
    known = live if live and str(live.get("type")).lower() == kind.lower() else {}
    if kind.lower() == "systemassigned":
        return known or {"type": kind, "principalId": str(uuid.uuid4()), "tenantId": tenant}
    if kind.lower() == "userassigned":
        held = {key.lower(): value for key, value in (known.get("userAssignedIdentities") or {}).items()}
        named = identity.get("userAssignedIdentities") or {}
        new = {"clientId": str(uuid.uuid4()), "principalId": str(uuid.uuid4())}
        ids = {key: held.get(key.lower(), dict(new)) for key in named}
        return {"type": kind, "userAssignedIdentities": ids}
    return {"type": kind} if kind else {}


def fill_profiles(properties: Json, location: str, tenant: str) -> None:
    """What profiles of a cluster, new or changed, get filled in. Except the issuer's these were never recorded."""
    version = properties["currentKubernetesVersion"]
    issuer = {"enabled": numbers(version) >= OIDC_BY_DEFAULT, **(properties.get("oidcIssuerProfile") or {})}
    properties["oidcIssuerProfile"] = fill_oidc(issuer, location, tenant)
    if properties.get("aadProfile"):
        known = {"managed": True, "enableAzureRBAC": False, "tenantID": tenant}
        properties["aadProfile"] = {**known, **properties["aadProfile"]}
    access = properties.get("apiServerAccessProfile") or {}
    if access.get("enablePrivateCluster"):
        known = {"privateDNSZone": "system", "enablePrivateClusterPublicFQDN": True}
        properties["apiServerAccessProfile"] = {**known, **access}
        private = properties["fqdn"].replace(".hcp.", f".{uuid.uuid4()}.privatelink.")
        properties.setdefault("privateFQDN", private)
    cleaner = (properties.get("securityProfile") or {}).get("imageCleaner")
    if cleaner and cleaner.get("enabled"):
        cleaner.setdefault("intervalHours", 168)


def fill_oidc(profile: Json, location: str, tenant: str) -> Json:
    """Issuer profile with the address of the issuer."""
    if not profile.get("enabled"):
        return {"enabled": False}
    issuer = f"https://{location}.oic.prod-aks.azure.com/{tenant}/{uuid.uuid4()}/"
    return {"enabled": True, "issuerURL": profile.get("issuerURL", issuer)}


def complete(cluster: Json, subscription: str) -> None:
    """Add what only appears once the first operation succeeded."""
    properties, name = cluster["properties"], cluster["name"]
    node_group = properties["nodeResourceGroup"]
    prefix = f"/subscriptions/{subscription}"
    for key in ("loadBalancerProfile", "natGatewayProfile"):
        profile = properties["networkProfile"].get(key)
        if profile is not None and "effectiveOutboundIPs" not in profile:
            addresses = f"{prefix}/resourceGroups/{node_group}/providers/Microsoft.Network/publicIPAddresses"
            profile["effectiveOutboundIPs"] = [{"id": f"{addresses}/{uuid.uuid4()}"}]
    if "identityProfile" not in properties:
        resource = f"{prefix}/resourcegroups/{node_group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
        properties["identityProfile"] = {
            "kubeletidentity": {
                "resourceId": f"{resource}/{name}-agentpool",
                "clientId": str(uuid.uuid4()),
                "objectId": str(uuid.uuid4()),
            }
        }
