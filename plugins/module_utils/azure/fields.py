# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The one table of typed fields: option, place in the body, comparison, and whether Azure can change it in place.

Compare, diff and body all read this table. What depends on two values at once (migrations) is in rules.py.
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
    """Value of the body -> value of the option, for diffs."""

    def is_met(self, live: Any, wanted: Any, holder: Json) -> bool:
        """Whether nothing has to change."""
        if live is None and (wanted == self.absent or wanted in ([], {}, False)):
            return True
        return self.same(self.from_arm(live), wanted, holder)


def _field(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return Field(tuple(option.split(".")), tuple(path.split(".")), same, **more)


def _network(option: str, path: str, same: Same = compare.caseless, **more: Any) -> Field:
    return _field(f"network_profile.{option}", f"properties.networkProfile.{path}", same, **more)


def _acns(option: str, path: str, same: Same = compare.exact, **more: Any) -> Field:
    return _network(f"advanced_networking.{option}", f"advancedNetworking.{path}", same, **more)


def _identities_to_arm(wanted: list[str], live: Any) -> Json:
    """Azure keys identities by their id; what it stores below a kept one stays."""
    held = {key.lower(): value for key, value in (live or {}).items()}
    return {identity: held.get(identity.lower(), {}) for identity in wanted}


def _identities_from_arm(value: Any) -> list[str]:
    return sorted(value or {})


CREATION = "Azure fixes it when the cluster is created"
POOL_CREATION = "Azure fixes it when the node pool is created"

CLUSTER_FIELDS: tuple[Field, ...] = (
    _field("location", "location", compare.location, fixed=CREATION),
    _field("dns_prefix", "properties.dnsPrefix", compare.caseless, fixed=CREATION),
    _field("kubernetes_version", "properties.kubernetesVersion", compare.version_of("currentKubernetesVersion")),
    _field("sku_tier", "sku.tier", compare.caseless, absent="Free"),
    _field("identity.type", "identity.type", compare.caseless),
    _field(
        "identity.user_assigned",
        "identity.userAssignedIdentities",
        compare.members,
        to_arm=_identities_to_arm,
        from_arm=_identities_from_arm,
    ),
    _field("enable_rbac", "properties.enableRBAC", fixed=CREATION),
    _field("disable_local_accounts", "properties.disableLocalAccounts"),
    _field("oidc_issuer", "properties.oidcIssuerProfile.enabled"),
    _field("workload_identity", "properties.securityProfile.workloadIdentity.enabled"),
    _field("authorized_ip_ranges", "properties.apiServerAccessProfile.authorizedIPRanges", compare.networks),
    _network("network_plugin", "networkPlugin"),
    _network("network_plugin_mode", "networkPluginMode"),
    _network("network_policy", "networkPolicy", absent="none"),
    _network("network_dataplane", "networkDataplane", absent="azure"),
    _network("pod_cidr", "podCidr", compare.pod_cidr),
    _network("service_cidr", "serviceCidr", compare.network, fixed=CREATION),
    _network("dns_service_ip", "dnsServiceIP", compare.network, fixed=CREATION),
    _network("outbound_type", "outboundType", absent="loadBalancer"),
    _network("load_balancer_sku", "loadBalancerSku", absent="standard"),
    _network("ip_families", "ipFamilies", compare.members, fixed=CREATION),
    _network("pod_cidrs", "podCidrs", compare.networks, fixed=CREATION),
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
    _field("os_type", "osType", compare.caseless, fixed=POOL_CREATION),
    _field("os_sku", "osSKU", compare.caseless),
    _field("os_disk_size_gb", "osDiskSizeGB", compare.disk_size, fixed=POOL_CREATION),
    _field("max_pods", "maxPods", fixed=POOL_CREATION),
    _field("vnet_subnet_id", "vnetSubnetID", compare.caseless, fixed=POOL_CREATION),
    _field("pod_subnet_id", "podSubnetID", compare.caseless, fixed=POOL_CREATION),
    _field("availability_zones", "availabilityZones", compare.members, fixed=POOL_CREATION),
    _field("node_labels", "nodeLabels"),
    _field("node_taints", "nodeTaints", compare.exact_members),
    _field("enable_auto_scaling", "enableAutoScaling"),
    _field("min_count", "minCount"),
    _field("max_count", "maxCount"),
    _field("enable_encryption_at_host", "enableEncryptionAtHost", fixed=POOL_CREATION),
    _field("orchestrator_version", "orchestratorVersion", compare.version_of("currentOrchestratorVersion")),
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
