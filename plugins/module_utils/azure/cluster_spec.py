# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options that describe a cluster and its node pools. None of them has a default that could reset a live value."""

from __future__ import annotations

from .._argspec import ArgSpec
from .._types import Json

OS_SKUS = [
    "Ubuntu",
    "Ubuntu2204",
    "Ubuntu2404",
    "AzureLinux",
    "AzureLinux3",
    "AzureContainerLinux",
    "CBLMariner",
    "Windows2019",
    "Windows2022",
    "Windows2025",
]


def _text(*choices: str) -> Json:
    return {"type": "str", "choices": list(choices)} if choices else {"type": "str"}


def _words(*choices: str) -> Json:
    return {"type": "list", "elements": "str", **({"choices": list(choices)} if choices else {})}


def _options(**options: Json) -> Json:
    return {"type": "dict", "options": options}


_FLAG: Json = {"type": "bool"}
_NUMBER: Json = {"type": "int"}
_RAW: Json = {"type": "dict"}
_NEEDED: Json = {"type": "str", "required": True}

ADVANCED_NETWORKING = _options(
    enabled=_FLAG,
    observability=_FLAG,
    security=_FLAG,
    advanced_network_policies=_text("None", "FQDN", "L7"),
    transit_encryption=_text("None", "WireGuard"),
    acceleration_mode=_text("None", "BpfVeth"),
)
LOAD_BALANCER = _options(
    managed_outbound_ip_count=_NUMBER,
    managed_outbound_ipv6_count=_NUMBER,
    outbound_ip_ids=_words(),
    outbound_ip_prefix_ids=_words(),
    allocated_outbound_ports=_NUMBER,
    idle_timeout_in_minutes=_NUMBER,
    backend_pool_type=_text("NodeIPConfiguration", "NodeIP"),
    multiple_standard_load_balancers=_FLAG,
)
NAT_GATEWAY = _options(
    sku=_text("Standard", "StandardV2"),
    managed_outbound_ip_count=_NUMBER,
    managed_outbound_ipv6_count=_NUMBER,
    outbound_ip_ids=_words(),
    outbound_ip_prefix_ids=_words(),
    idle_timeout_in_minutes=_NUMBER,
)
NETWORK_PROFILE = _options(
    network_plugin=_text("azure", "kubenet", "none"),
    network_plugin_mode=_text("overlay"),
    network_policy=_text("none", "calico", "azure", "cilium"),
    network_dataplane=_text("azure", "cilium"),
    network_mode=_text("transparent", "bridge"),
    pod_cidr=_text(),
    service_cidr=_text(),
    dns_service_ip=_text(),
    outbound_type=_text("loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"),
    load_balancer_sku=_text("standard", "basic"),
    load_balancer=LOAD_BALANCER,
    nat_gateway=NAT_GATEWAY,
    static_egress_gateway=_FLAG,
    ip_families=_words("IPv4", "IPv6"),
    pod_cidrs=_words(),
    service_cidrs=_words(),
    advanced_networking=ADVANCED_NETWORKING,
)
API_SERVER_ACCESS = _options(
    authorized_ip_ranges=_words(),
    private_cluster=_FLAG,
    private_dns_zone=_text(),
    public_fqdn=_FLAG,
    disable_run_command=_FLAG,
    vnet_integration=_FLAG,
    subnet_id=_text(),
    public_network_access=_text("Enabled", "Disabled"),
)
VIRTUAL_NETWORK = _options(
    name=_NEEDED,
    resource_group=_text(),
    cidrs=_words(),
    subnet={**_options(name=_NEEDED, cidr=_text()), "required": True},
)
UPGRADE_SETTINGS = _options(
    max_surge=_text(),
    max_unavailable=_text(),
    drain_timeout_in_minutes=_NUMBER,
    node_soak_duration_in_minutes=_NUMBER,
    undrainable_node_behavior=_text("Schedule", "Cordon"),
)

POOL_OPTIONS: Json = {
    "count": _NUMBER,
    "vm_size": _text(),
    "mode": _text("System", "User", "Gateway"),
    "os_type": _text("Linux", "Windows"),
    "os_sku": _text(*OS_SKUS),
    "os_disk_size_gb": _NUMBER,
    "os_disk_type": _text("Managed", "Ephemeral"),
    "kubelet_disk_type": _text("OS", "Temporary"),
    "max_pods": _NUMBER,
    "vnet_subnet_id": _text(),
    "pod_subnet_id": _text(),
    "pod_ip_allocation_mode": _text("DynamicIndividual", "StaticBlock"),
    "enable_node_public_ip": _FLAG,
    "node_public_ip_prefix_id": _text(),
    "availability_zones": _words(),
    "node_labels": _RAW,
    "node_taints": _words(),
    "enable_auto_scaling": _FLAG,
    "min_count": _NUMBER,
    "max_count": _NUMBER,
    "scale_down_mode": _text("Delete", "Deallocate"),
    "scale_set_priority": _text("Regular", "Spot"),
    "scale_set_eviction_policy": _text("Delete", "Deallocate"),
    "spot_max_price": {"type": "float"},
    "enable_encryption_at_host": _FLAG,
    "enable_fips": _FLAG,
    "orchestrator_version": _text(),
    "upgrade_settings": UPGRADE_SETTINGS,
    "tags": _RAW,
    "properties": _RAW,
}
"""Everything about a node pool but its name; module aks_node_pool has the same at its top level."""

AGENT_POOL: Json = {"name": _NEEDED, **POOL_OPTIONS}

CLUSTER_OPTIONS = ArgSpec(
    {
        "location": _text(),
        "create_resource_group": {"type": "bool", "default": False},
        "virtual_network": VIRTUAL_NETWORK,
        "check_providers": {"type": "bool", "default": True},
        "tags": _RAW,
        "dns_prefix": _text(),
        "kubernetes_version": _text(),
        "support_plan": _text("KubernetesOfficial", "AKSLongTermSupport"),
        "sku_name": _text("Base", "Automatic"),
        "sku_tier": _text("Free", "Standard", "Premium"),
        "node_resource_group": _text(),
        "node_resource_group_restriction": _text("Unrestricted", "ReadOnly"),
        "identity": _options(type=_text("SystemAssigned", "UserAssigned"), user_assigned=_words()),
        "enable_rbac": _FLAG,
        "disable_local_accounts": _FLAG,
        "aad_profile": _options(managed=_FLAG, azure_rbac=_FLAG, admin_group_object_ids=_words(), tenant_id=_text()),
        "oidc_issuer": _FLAG,
        "workload_identity": _FLAG,
        "image_cleaner": _options(enabled=_FLAG, interval_hours=_NUMBER),
        "api_server_access": API_SERVER_ACCESS,
        "auto_upgrade": _options(
            channel=_text("none", "patch", "stable", "rapid", "node-image"),
            node_os_channel=_text("None", "Unmanaged", "NodeImage", "SecurityPatch"),
        ),
        "upgrade_override": _options(force_upgrade=_FLAG, until=_text()),
        "node_provisioning": _options(mode=_text("Manual", "Auto"), default_node_pools=_text("None", "Auto")),
        "network_profile": NETWORK_PROFILE,
        "vnet_cidrs": _words(),
        "agent_pools": {"type": "list", "elements": "dict", "options": AGENT_POOL},
        "properties": _RAW,
    }
)
