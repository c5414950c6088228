# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values for every typed field of clusters and node pools: create, no change, change, no change.

Each case can be played by itself: `cluster_task(case)` are the options of the module for the first state,
`cluster_task(case, changed=True)` those for the second. fixed: the second must be refused (code ImmutableField).
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
NETWORK = "/subscriptions/0/resourceGroups/net/providers/Microsoft.Network"
IDENTITY = "/subscriptions/0/resourceGroups/net/providers/Microsoft.ManagedIdentity/userAssignedIdentities"
SUBNET = f"{NETWORK}/virtualNetworks/hub/subnets"
ADDRESS = f"{NETWORK}/publicIPAddresses"
PREFIX = f"{NETWORK}/publicIPPrefixes"


@dataclass(frozen=True)
class Case:
    """One field. base: options that it needs, from the first state on; turn: options that change with it.

    first None: the option is not there in the first state.
    """

    option: str
    first: Any
    second: Any
    fixed: bool = False
    base: Mapping[str, Any] = field(default_factory=dict)
    turn: Mapping[str, Any] = field(default_factory=dict)


def _under(prefix: str, *cases: Case) -> tuple[Case, ...]:
    return tuple(
        Case(f"{prefix}.{case.option}", case.first, case.second, case.fixed, case.base, case.turn) for case in cases
    )


AZURE = {"network_profile.network_plugin": "azure"}
OVERLAY = {**AZURE, "network_profile.network_plugin_mode": "overlay"}
CILIUM = {**OVERLAY, "network_profile.network_dataplane": "cilium"}
ACNS = {
    **CILIUM,
    "kubernetes_version": "1.34",
    "network_profile.advanced_networking.enabled": True,
    "network_profile.advanced_networking.observability": True,
}
SECURITY = {**ACNS, "network_profile.advanced_networking.security": True}
ENTRA = {"aad_profile.managed": True}
PRIVATE = {"api_server_access.private_cluster": True}
INTEGRATED = {"api_server_access.vnet_integration": True}
NAT = {"network_profile.outbound_type": "managedNATGateway"}
NAT_V2 = {**NAT, "network_profile.nat_gateway.sku": "StandardV2"}
DUAL = {"network_profile.ip_families": ["IPv4", "IPv6"]}

CLUSTER_CASES: tuple[Case, ...] = (
    Case("location", "westeurope", "northeurope", fixed=True),
    Case("dns_prefix", "demo", "other", fixed=True),
    Case("kubernetes_version", "1.33", "1.34"),
    Case("support_plan", "KubernetesOfficial", "AKSLongTermSupport", base={"sku_tier": "Premium"}),
    Case("sku_name", "Base", "Automatic"),
    Case("sku_tier", "Free", "Standard"),
    Case("node_resource_group", "rg-nodes", "rg-others", fixed=True),
    Case("node_resource_group_restriction", "Unrestricted", "ReadOnly"),
    Case("identity.type", "SystemAssigned", "UserAssigned", turn={"identity.user_assigned": [f"{IDENTITY}/a"]}),
    Case(
        "identity.user_assigned",
        [f"{IDENTITY}/a"],
        [f"{IDENTITY}/a", f"{IDENTITY}/b"],
        base={"identity.type": "UserAssigned"},
    ),
    Case("enable_rbac", True, False, fixed=True),
    Case("disable_local_accounts", False, True, base=ENTRA),
    Case("oidc_issuer", False, True),
    Case("workload_identity", False, True, base={"oidc_issuer": True}),
    *_under(
        "aad_profile",
        Case("managed", False, True),
        Case("azure_rbac", False, True, base=ENTRA),
        Case(
            "admin_group_object_ids",
            ["11111111-0000-0000-0000-000000000001"],
            ["11111111-0000-0000-0000-000000000002"],
            base=ENTRA,
        ),
        Case(
            "tenant_id",
            "22222222-0000-0000-0000-000000000001",
            "22222222-0000-0000-0000-000000000002",
            base=ENTRA,
        ),
    ),
    *_under(
        "image_cleaner",
        Case("enabled", False, True),
        Case("interval_hours", 24, 48, base={"image_cleaner.enabled": True}),
    ),
    *_under(
        "api_server_access",
        Case("authorized_ip_ranges", ["203.0.113.0/24"], ["203.0.113.0/24", "198.51.100.7"]),
        Case("private_cluster", False, True, base=INTEGRATED),
        Case(
            "private_dns_zone",
            "system",
            "none",
            base={**PRIVATE, "api_server_access.public_fqdn": True},
        ),
        Case("public_fqdn", False, True, base=PRIVATE),
        Case("disable_run_command", False, True),
        Case("vnet_integration", False, True),
        Case("subnet_id", f"{SUBNET}/api", f"{SUBNET}/api2", fixed=True, base=INTEGRATED),
        Case("public_network_access", "Enabled", "Disabled"),
    ),
    *_under(
        "auto_upgrade",
        Case("channel", "patch", "stable"),
        Case("node_os_channel", "NodeImage", "SecurityPatch"),
    ),
    *_under(
        "upgrade_override",
        Case("force_upgrade", False, True, base={"upgrade_override.until": "2027-01-31T00:00:00Z"}),
        Case("until", "2027-01-31T00:00:00Z", "2027-02-28T00:00:00Z"),
    ),
    *_under(
        "node_provisioning",
        Case("mode", "Manual", "Auto"),
        Case("default_node_pools", "Auto", "None", base={"node_provisioning.mode": "Auto"}),
    ),
    *_under(
        "network_profile",
        Case("network_plugin", "kubenet", "azure", turn={"network_profile.network_plugin_mode": "overlay"}),
        Case("network_plugin_mode", None, "overlay", base=AZURE),
        Case("network_policy", "azure", "none", base=AZURE),
        Case("network_dataplane", "azure", "cilium", base=OVERLAY),
        Case("network_mode", "transparent", "bridge", fixed=True, base=AZURE),
        Case("pod_cidr", "10.244.0.0/16", "10.240.0.0/12", base=OVERLAY),
        Case("service_cidr", "10.2.0.0/16", "10.3.0.0/16", fixed=True),
        Case(
            "dns_service_ip", "10.2.0.10", "10.2.0.11", fixed=True, base={"network_profile.service_cidr": "10.2.0.0/16"}
        ),
        Case("outbound_type", "loadBalancer", "managedNATGateway"),
        Case("load_balancer_sku", "basic", "standard"),
        Case("static_egress_gateway", False, True),
        Case("ip_families", ["IPv4"], ["IPv4", "IPv6"], fixed=True),
        Case("pod_cidrs", ["10.244.0.0/16"], ["10.240.0.0/12"], base=OVERLAY),
        Case("service_cidrs", ["10.2.0.0/16"], ["10.3.0.0/16"], fixed=True),
    ),
    *_under(
        "network_profile.load_balancer",
        Case("managed_outbound_ip_count", 1, 2),
        Case("managed_outbound_ipv6_count", 1, 2, base=DUAL),
        Case("outbound_ip_ids", [f"{ADDRESS}/a"], [f"{ADDRESS}/b"]),
        Case("outbound_ip_prefix_ids", [f"{PREFIX}/a"], [f"{PREFIX}/b"]),
        Case("allocated_outbound_ports", 1024, 2048),
        Case("idle_timeout_in_minutes", 30, 10),
        Case("backend_pool_type", "NodeIPConfiguration", "NodeIP"),
        Case("multiple_standard_load_balancers", False, True),
    ),
    *_under(
        "network_profile.nat_gateway",
        Case("sku", "Standard", "StandardV2", base=NAT),
        Case("managed_outbound_ip_count", 1, 2, base=NAT),
        Case("managed_outbound_ipv6_count", 1, 2, base={**NAT_V2, **DUAL}),
        Case("outbound_ip_ids", [f"{ADDRESS}/a"], [f"{ADDRESS}/b"], base=NAT_V2),
        Case("outbound_ip_prefix_ids", [f"{PREFIX}/a"], [f"{PREFIX}/b"], base=NAT_V2),
        Case("idle_timeout_in_minutes", 4, 10, base=NAT),
    ),
    *_under(
        "network_profile.advanced_networking",
        Case("enabled", False, True, base={**CILIUM, "kubernetes_version": "1.34"}),
        Case(
            "observability", True, False, base={**SECURITY, "network_profile.advanced_networking.observability": True}
        ),
        Case("security", False, True, base=ACNS),
        Case("advanced_network_policies", "FQDN", "L7", base=SECURITY),
        Case("transit_encryption", "None", "WireGuard", base=SECURITY),
        Case("acceleration_mode", "None", "BpfVeth", base=SECURITY),
    ),
)

NODES = {"vnet_subnet_id": f"{SUBNET}/nodes"}
PODS = {**NODES, "pod_subnet_id": f"{SUBNET}/pods"}
SCALED = {"enable_auto_scaling": True, "min_count": 1, "max_count": 5}
SPOT = {"scale_set_priority": "Spot"}

POOL_CASES: tuple[Case, ...] = (
    Case("count", 1, 2),
    Case("vm_size", "Standard_D4ads_v5", "Standard_D8ads_v5", fixed=True),
    Case("mode", "User", "System"),
    Case("os_type", "Linux", "Windows", fixed=True),
    Case("os_sku", "Ubuntu", "AzureLinux"),
    Case("os_disk_size_gb", 128, 256, fixed=True),
    Case("os_disk_type", "Managed", "Ephemeral", fixed=True),
    Case("kubelet_disk_type", "OS", "Temporary", fixed=True),
    Case("max_pods", 50, 110, fixed=True),
    Case("vnet_subnet_id", f"{SUBNET}/nodes", f"{SUBNET}/others", fixed=True),
    Case("pod_subnet_id", f"{SUBNET}/pods", f"{SUBNET}/others", fixed=True, base=NODES),
    Case("pod_ip_allocation_mode", "DynamicIndividual", "StaticBlock", fixed=True, base=PODS),
    Case("enable_node_public_ip", False, True, fixed=True),
    Case("node_public_ip_prefix_id", f"{PREFIX}/a", f"{PREFIX}/b", fixed=True, base={"enable_node_public_ip": True}),
    Case("availability_zones", ["1", "2"], ["1", "2", "3"], fixed=True),
    Case("node_labels", {"team": "a"}, {"team": "b"}),
    Case("node_taints", ["a=b:NoSchedule"], ["a=c:NoSchedule"]),
    Case("enable_auto_scaling", False, True, turn={"min_count": 1, "max_count": 5}),
    Case("min_count", 1, 2, base=SCALED),
    Case("max_count", 5, 6, base=SCALED),
    Case("scale_down_mode", "Delete", "Deallocate"),
    Case("scale_set_priority", "Regular", "Spot", fixed=True),
    Case("scale_set_eviction_policy", "Delete", "Deallocate", fixed=True, base=SPOT),
    Case("spot_max_price", -1, 0.5, fixed=True, base=SPOT),
    Case("enable_encryption_at_host", False, True, fixed=True),
    Case("enable_fips", False, True),
    Case("orchestrator_version", "1.33", "1.34"),
    *_under(
        "upgrade_settings",
        Case("max_surge", "10%", "33%"),
        Case("max_unavailable", "0", "1"),
        Case("drain_timeout_in_minutes", 30, 60),
        Case("node_soak_duration_in_minutes", 0, 10),
        Case("undrainable_node_behavior", "Schedule", "Cordon"),
    ),
)
POOL = "extra"
"""The pool of the pool cases, beside the system pool."""


def nested(options: Mapping[str, Any]) -> Json:
    """Dotted options as the module takes them; a None is an option that is not there."""
    result: Json = {}
    for option, value in options.items():
        if value is None:
            continue
        *way, last = option.split(".")
        held = result
        for key in way:
            held = held.setdefault(key, {})
        held[last] = copy.deepcopy(value)
    return result


def _given(case: Case, *, changed: bool) -> Json:
    if changed:
        return nested({**case.base, **case.turn, case.option: case.second})
    return nested({**case.base, case.option: case.first})


def cluster_task(case: Case, *, changed: bool = False) -> Json:
    """Options of aks_cluster for one state of a cluster case."""
    pools = [{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ads_v5"}]
    return {"location": "westeurope", "agent_pools": pools, **_given(case, changed=changed)}


def pool_options(case: Case, *, changed: bool = False) -> Json:
    """Options of the pool itself, as aks_node_pool takes them."""
    return {"mode": "User", **_given(case, changed=changed)}


def pool_task(case: Case, *, changed: bool = False) -> Json:
    """Options of aks_cluster for one state of a pool case."""
    task = cluster_task(Case("kubernetes_version", "1.34", "1.34"))
    return {**task, "agent_pools": [*task["agent_pools"], {"name": POOL, **pool_options(case, changed=changed)}]}
