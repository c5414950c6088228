# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one table of typed fields: option, place in the body, comparison, and whether Azure can change it in place.

Compare, diff, body, results and tests all read this table. What depends on two values at once (migrations) is in
rules.py. absent: what Azure means where the field is not there. Source: the API of 2026-08-01 and AKS documentation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from .._types import Json
from . import compare
from .compare import Same

Path = tuple[str, ...]


def _same_value(value: Any, live: Any) -> Any:
    return value


@dataclass(frozen=True)
class Field:
    """One typed field. absent: what Azure means where the field is not there; fixed: why it cannot change in place."""

    option: Path
    path: Path
    same: Same = compare.exact
    absent: Any = None
    fixed: str = ""
    to_arm: Callable[[Any, Any], Any] = _same_value
    """(wanted, live value) -> value for the body."""
    from_arm: Callable[[Any], Any] = lambda value: value
    """Value of the body -> value of the option, for diffs and results."""

    @property
    def name(self) -> str:
        """The option as a user writes about it."""
        return ".".join(self.option)

    def is_met(self, live: Any, wanted: Any, holder: Json) -> bool:
        """Whether nothing has to change."""
        if live is None and (wanted == self.absent or wanted in ([], {}, False)):
            return True
        return self.same(self.from_arm(live), wanted, holder)


def _field(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return Field(tuple(option.split(".")), tuple(path.split(".")), same, **more)


def _cluster(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _field(option, f"properties.{path}", same, **more)


def _network(option: str, path: str, same: Same = compare.caseless, **more: Any) -> Field:
    return _cluster(f"network_profile.{option}", f"networkProfile.{path}", same, **more)


def _balancer(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _network(f"load_balancer.{option}", f"loadBalancerProfile.{path}", same, **more)


def _nat(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _network(f"nat_gateway.{option}", f"natGatewayProfile.{path}", same, **more)


def _acns(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _network(f"advanced_networking.{option}", f"advancedNetworking.{path}", same, **more)


def _access(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _cluster(f"api_server_access.{option}", f"apiServerAccessProfile.{path}", same, **more)


def _upgrade(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _field(f"upgrade_settings.{option}", f"upgradeSettings.{path}", same, **more)


def _identities_to_arm(wanted: list[str], live: Any) -> Json:
    """Azure keys identities by their id; what it stores below a kept one stays."""
    held = {key.lower(): value for key, value in (live or {}).items()}
    return {identity: held.get(identity.lower(), {}) for identity in wanted}


def _identities_from_arm(value: Any) -> list[str]:
    return sorted(value or {})


def _references_to_arm(wanted: list[str], live: Any) -> list[Json]:
    return [{"id": item} for item in wanted]


def _references_from_arm(value: Any) -> list[str]:
    return [str(item.get("id")) for item in value or []]


# AKS puts labels and taints of its own on pools (spot, for instance): nobody else may name or remove them.
OF_AKS = "kubernetes.azure.com/"


def _labels_to_arm(wanted: Json, live: Any) -> Json:
    kept = {key: value for key, value in (live or {}).items() if key.startswith(OF_AKS)}
    return {**kept, **{key: compare.text(value) for key, value in wanted.items()}}


def _labels_from_arm(value: Any) -> Json | None:
    return None if value is None else {key: text for key, text in value.items() if not key.startswith(OF_AKS)}


def _taints_to_arm(wanted: list[str], live: Any) -> list[str]:
    return [taint for taint in live or [] if taint.startswith(OF_AKS)] + wanted


def _taints_from_arm(value: Any) -> list[str] | None:
    return None if value is None else [taint for taint in value if not taint.startswith(OF_AKS)]


CREATION = "Azure fixes it when the cluster is created"
POOL_CREATION = "Azure fixes it when the node pool is created"
_REFERENCES: Json = {"to_arm": _references_to_arm, "from_arm": _references_from_arm}
_IDENTITIES: Json = {"to_arm": _identities_to_arm, "from_arm": _identities_from_arm}
_LABELS: Json = {"to_arm": _labels_to_arm, "from_arm": _labels_from_arm}
_TAINTS: Json = {"to_arm": _taints_to_arm, "from_arm": _taints_from_arm}

CLUSTER_FIELDS: tuple[Field, ...] = (
    _field("location", "location", compare.location, fixed=CREATION),
    _cluster("dns_prefix", "dnsPrefix", compare.caseless, fixed=CREATION),
    _cluster("kubernetes_version", "kubernetesVersion", compare.version_of("currentKubernetesVersion")),
    _cluster("support_plan", "supportPlan", compare.caseless, absent="KubernetesOfficial"),
    _field("sku_name", "sku.name", compare.caseless, absent="Base"),
    _field("sku_tier", "sku.tier", compare.caseless, absent="Free"),
    _cluster("node_resource_group", "nodeResourceGroup", compare.caseless, fixed=CREATION),
    _cluster(
        "node_resource_group_restriction",
        "nodeResourceGroupProfile.restrictionLevel",
        compare.caseless,
        absent="Unrestricted",
    ),
    _field("identity.type", "identity.type", compare.caseless),
    _field("identity.user_assigned", "identity.userAssignedIdentities", compare.members, **_IDENTITIES),
    _cluster("enable_rbac", "enableRBAC", fixed=CREATION),
    _cluster("disable_local_accounts", "disableLocalAccounts"),
    _cluster("aad_profile.managed", "aadProfile.managed"),
    _cluster("aad_profile.azure_rbac", "aadProfile.enableAzureRBAC"),
    _cluster("aad_profile.admin_group_object_ids", "aadProfile.adminGroupObjectIDs", compare.members),
    _cluster("aad_profile.tenant_id", "aadProfile.tenantID", compare.caseless),
    _cluster("oidc_issuer", "oidcIssuerProfile.enabled"),
    _cluster("workload_identity", "securityProfile.workloadIdentity.enabled"),
    _cluster("image_cleaner.enabled", "securityProfile.imageCleaner.enabled"),
    _cluster("image_cleaner.interval_hours", "securityProfile.imageCleaner.intervalHours"),
    _access("authorized_ip_ranges", "authorizedIPRanges", compare.networks),
    _access("private_cluster", "enablePrivateCluster"),
    _access("private_dns_zone", "privateDNSZone", compare.caseless),
    _access("public_fqdn", "enablePrivateClusterPublicFQDN"),
    _access("disable_run_command", "disableRunCommand"),
    _access("vnet_integration", "enableVnetIntegration"),
    _access("subnet_id", "subnetId", compare.caseless),
    _cluster("api_server_access.public_network_access", "publicNetworkAccess", compare.caseless, absent="Enabled"),
    _cluster("auto_upgrade.channel", "autoUpgradeProfile.upgradeChannel", compare.caseless, absent="none"),
    _cluster("auto_upgrade.node_os_channel", "autoUpgradeProfile.nodeOSUpgradeChannel", compare.caseless),
    _cluster("upgrade_override.force_upgrade", "upgradeSettings.overrideSettings.forceUpgrade"),
    _cluster("upgrade_override.until", "upgradeSettings.overrideSettings.until", compare.instant),
    _cluster("node_provisioning.mode", "nodeProvisioningProfile.mode", compare.caseless, absent="Manual"),
    _cluster(
        "node_provisioning.default_node_pools",
        "nodeProvisioningProfile.defaultNodePools",
        compare.caseless,
        absent="Auto",
    ),
    _network("network_plugin", "networkPlugin"),
    _network("network_plugin_mode", "networkPluginMode"),
    _network("network_policy", "networkPolicy", absent="none"),
    _network("network_dataplane", "networkDataplane", absent="azure"),
    _network("network_mode", "networkMode", absent="transparent", fixed=CREATION),
    _network("pod_cidr", "podCidr", compare.pod_cidr),
    _network("service_cidr", "serviceCidr", compare.network, fixed=CREATION),
    _network("dns_service_ip", "dnsServiceIP", compare.network, fixed=CREATION),
    _network("outbound_type", "outboundType", absent="loadBalancer"),
    _network("load_balancer_sku", "loadBalancerSku", absent="standard"),
    _balancer("managed_outbound_ip_count", "managedOutboundIPs.count"),
    _balancer("managed_outbound_ipv6_count", "managedOutboundIPs.countIPv6"),
    _balancer("outbound_ip_ids", "outboundIPs.publicIPs", compare.members, **_REFERENCES),
    _balancer("outbound_ip_prefix_ids", "outboundIPPrefixes.publicIPPrefixes", compare.members, **_REFERENCES),
    _balancer("allocated_outbound_ports", "allocatedOutboundPorts"),
    _balancer("idle_timeout_in_minutes", "idleTimeoutInMinutes", absent=30),
    _balancer("backend_pool_type", "backendPoolType", compare.caseless, absent="NodeIPConfiguration"),
    _balancer("multiple_standard_load_balancers", "enableMultipleStandardLoadBalancers"),
    _nat("sku", "sku", compare.caseless),
    _nat("managed_outbound_ip_count", "managedOutboundIPProfile.count"),
    _nat("managed_outbound_ipv6_count", "managedOutboundIPProfile.countIPv6"),
    _nat("outbound_ip_ids", "outboundIPs.publicIPs", compare.members),
    _nat("outbound_ip_prefix_ids", "outboundIPPrefixes.publicIPPrefixes", compare.members),
    _nat("idle_timeout_in_minutes", "idleTimeoutInMinutes", absent=4),
    _network("static_egress_gateway", "staticEgressGatewayProfile.enabled", compare.exact),
    _network("ip_families", "ipFamilies", compare.members, fixed=CREATION),
    _network("pod_cidrs", "podCidrs", compare.pod_cidrs),
    _network("service_cidrs", "serviceCidrs", compare.networks, fixed=CREATION),
    _acns("enabled", "enabled"),
    _acns("observability", "observability.enabled"),
    _acns("security", "security.enabled"),
    _acns("advanced_network_policies", "security.advancedNetworkPolicies", compare.caseless, absent="None"),
    _acns("transit_encryption", "security.transitEncryption.type", compare.caseless, absent="None"),
    _acns("acceleration_mode", "performance.accelerationMode", compare.caseless, absent="None"),
)

POOL_FIELDS: tuple[Field, ...] = (
    _field("count", "count"),
    _field("vm_size", "vmSize", compare.caseless, fixed=POOL_CREATION),
    _field("mode", "mode", compare.caseless),
    _field("os_type", "osType", compare.caseless, absent="Linux", fixed=POOL_CREATION),
    _field("os_sku", "osSKU", compare.caseless),
    _field("os_disk_size_gb", "osDiskSizeGB", compare.disk_size, fixed=POOL_CREATION),
    _field("os_disk_type", "osDiskType", compare.caseless, fixed=POOL_CREATION),
    _field("kubelet_disk_type", "kubeletDiskType", compare.caseless, absent="OS", fixed=POOL_CREATION),
    _field("max_pods", "maxPods", fixed=POOL_CREATION),
    _field("vnet_subnet_id", "vnetSubnetID", compare.caseless, fixed=POOL_CREATION),
    _field("pod_subnet_id", "podSubnetID", compare.caseless, fixed=POOL_CREATION),
    _field(
        "pod_ip_allocation_mode",
        "podIPAllocationMode",
        compare.caseless,
        absent="DynamicIndividual",
        fixed=POOL_CREATION,
    ),
    _field("enable_node_public_ip", "enableNodePublicIP", fixed=POOL_CREATION),
    _field("node_public_ip_prefix_id", "nodePublicIPPrefixID", compare.caseless, fixed=POOL_CREATION),
    _field("availability_zones", "availabilityZones", compare.members, fixed=POOL_CREATION),
    _field("node_labels", "nodeLabels", compare.texts, **_LABELS),
    _field("node_taints", "nodeTaints", compare.exact_members, **_TAINTS),
    _field("enable_auto_scaling", "enableAutoScaling"),
    _field("min_count", "minCount"),
    _field("max_count", "maxCount"),
    _field("scale_down_mode", "scaleDownMode", compare.caseless, absent="Delete"),
    _field("scale_set_priority", "scaleSetPriority", compare.caseless, absent="Regular", fixed=POOL_CREATION),
    _field(
        "scale_set_eviction_policy", "scaleSetEvictionPolicy", compare.caseless, absent="Delete", fixed=POOL_CREATION
    ),
    _field("spot_max_price", "spotMaxPrice", absent=-1, fixed=POOL_CREATION),
    _field("enable_encryption_at_host", "enableEncryptionAtHost", fixed=POOL_CREATION),
    _field("enable_fips", "enableFIPS"),
    _field("orchestrator_version", "orchestratorVersion", compare.version_of("currentOrchestratorVersion")),
    _upgrade("max_surge", "maxSurge"),
    _upgrade("max_unavailable", "maxUnavailable", absent="0"),
    _upgrade("drain_timeout_in_minutes", "drainTimeoutInMinutes", absent=30),
    _upgrade("node_soak_duration_in_minutes", "nodeSoakDurationInMinutes"),
    _upgrade("undrainable_node_behavior", "undrainableNodeBehavior", compare.caseless, absent="Schedule"),
)


def read(document: Any, path: Path) -> Any:
    """The value at a path, None where a part of the path is missing."""
    for key in path:
        if not isinstance(document, dict):
            return None
        document = document.get(key)
    return document


def write(document: Json, path: Path, value: Any) -> None:
    """Set the value at a path, with the objects on the way."""
    for key in path[:-1]:
        if not isinstance(document.get(key), dict):
            document[key] = {}
        document = document[key]
    document[path[-1]] = value


def options_of(document: Json, fields: tuple[Field, ...]) -> Json:
    """The typed fields of a document by the names of their options; absent ones are left out."""
    options: Json = {}
    for field in fields:
        value = read(document, field.path)
        if value is not None:
            write(options, field.option, field.from_arm(value))
    return options
