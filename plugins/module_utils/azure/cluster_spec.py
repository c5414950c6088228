# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Options that describe a cluster. None of them has a default that could reset a live value."""

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

ADVANCED_NETWORKING = _options(
    enabled=_FLAG,
    observability=_FLAG,
    security=_FLAG,
    advanced_network_policies=_text("None", "FQDN", "L7"),
    transit_encryption=_text("None", "WireGuard"),
    acceleration_mode=_text("None", "BpfVeth"),
)
NETWORK_PROFILE = _options(
    network_plugin=_text("azure", "kubenet", "none"),
    network_plugin_mode=_text("overlay"),
    network_policy=_text("none", "calico", "azure", "cilium"),
    network_dataplane=_text("azure", "cilium"),
    pod_cidr=_text(),
    service_cidr=_text(),
    dns_service_ip=_text(),
    outbound_type=_text("loadBalancer", "userDefinedRouting", "managedNATGateway", "userAssignedNATGateway", "none"),
    load_balancer_sku=_text("standard", "basic"),
    ip_families=_words("IPv4", "IPv6"),
    pod_cidrs=_words(),
    service_cidrs=_words(),
    advanced_networking=ADVANCED_NETWORKING,
)
AGENT_POOL: Json = {
    "name": {"type": "str", "required": True},
    "count": _NUMBER,
    "vm_size": _text(),
    "mode": _text("System", "User", "Gateway"),
    "os_type": _text("Linux", "Windows"),
    "os_sku": _text(*OS_SKUS),
    "os_disk_size_gb": _NUMBER,
    "max_pods": _NUMBER,
    "vnet_subnet_id": _text(),
    "pod_subnet_id": _text(),
    "availability_zones": _words(),
    "node_labels": _RAW,
    "node_taints": _words(),
    "enable_auto_scaling": _FLAG,
    "min_count": _NUMBER,
    "max_count": _NUMBER,
    "enable_encryption_at_host": _FLAG,
    "orchestrator_version": _text(),
    "tags": _RAW,
    "properties": _RAW,
}

CLUSTER_OPTIONS = ArgSpec(
    {
        "location": _text(),
        "create_resource_group": {"type": "bool", "default": False},
        "tags": _RAW,
        "dns_prefix": _text(),
        "kubernetes_version": _text(),
        "sku_tier": _text("Free", "Standard", "Premium"),
        "identity": _options(type=_text("SystemAssigned", "UserAssigned"), user_assigned=_words()),
        "enable_rbac": _FLAG,
        "disable_local_accounts": _FLAG,
        "oidc_issuer": _FLAG,
        "workload_identity": _FLAG,
        "authorized_ip_ranges": _words(),
        "network_profile": NETWORK_PROFILE,
        "vnet_cidrs": _words(),
        "agent_pools": {"type": "list", "elements": "dict", "options": AGENT_POOL},
        "properties": _RAW,
    }
)
