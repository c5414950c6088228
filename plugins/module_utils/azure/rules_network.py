# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure can and cannot change in the network of a running cluster. Pure. Source: AKS documentation (2026-08).

A rule takes (change, live, body) and tells why Azure refuses, in half a sentence, or nothing.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from typing import Any, NoReturn

from .._errors import InvalidInput
from .._types import Json
from .companions import Change
from .compare import version_key
from .fields import Path, read
from .rules_version import current_version

Rule = Callable[[Change, Json, Json], str]
OVERLAY_FROM, POLICY_CHANGE_FROM = (1, 27), (1, 30)
POLICY_ENGINES = ("azure", "calico")
# The documentation contradicts itself about the ways from a managed NAT gateway, so only the target is judged.
_MANAGED_NETWORK = ("loadbalancer", "managednatgateway", "none")
_OWN_NETWORK = ("loadbalancer", "userassignednatgateway", "userdefinedrouting", "none")


def word(document: Json, key: str) -> str:
    """One word of the network profile, in lower case."""
    return str(read(document, ("properties", "networkProfile", key)) or "").lower()


def dataplane(document: Json) -> str:
    """The dataplane; Azure's own where nothing is said."""
    return word(document, "networkDataplane") or "azure"


def encryption(document: Json) -> str:
    """How traffic between nodes is encrypted."""
    path = ("properties", "networkProfile", "advancedNetworking", "security", "transitEncryption", "type")
    return str(read(document, path) or "none").lower()


def pools(document: Json) -> list[Json]:
    """The node pools."""
    return read(document, ("properties", "agentPoolProfiles")) or []


def windows_pools(document: Json) -> list[str]:
    """Names of Windows pools."""
    return [str(pool.get("name")) for pool in pools(document) if str(pool.get("osType")).lower() == "windows"]


def has_own_network(document: Json) -> bool:
    """Whether the nodes are in a virtual network that AKS did not make."""
    return any(pool.get("vnetSubnetID") for pool in pools(document))


def provisions_nodes(document: Json) -> bool:
    """Whether node auto-provisioning is on."""
    return str(read(document, ("properties", "nodeProvisioningProfile", "mode"))).lower() == "auto"


def _plugin(change: Change, live: Json, body: Json) -> str:
    if "none" in (word(live, "networkPlugin"), word(body, "networkPlugin")):
        return "a cluster gets or loses its network plugin only when it is created"
    on_the_way = word(body, "networkPlugin") == "azure" and word(body, "networkPluginMode") == "overlay"
    if word(live, "networkPlugin") == "kubenet" and on_the_way:
        return ""
    return "Azure offers only the way from kubenet to azure with network_plugin_mode overlay"


def _mode(change: Change, live: Json, body: Json) -> str:
    if word(body, "networkPluginMode") != "overlay":
        return "there is no way back from overlay"
    if any(pool.get("podSubnetID") for pool in pools(live)):
        return "clusters whose pods have a subnet of their own cannot become overlay clusters"
    return ""


def _dataplane(change: Change, live: Json, body: Json) -> str:
    return "there is no way back from the Cilium dataplane" if dataplane(live) == "cilium" else ""


def _policy(change: Change, live: Json, body: Json) -> str:
    before, after = str(change.before or "none").lower(), str(change.after or "none").lower()
    if before == "cilium":
        return "the Cilium dataplane needs it"
    if {before, after} == set(POLICY_ENGINES):
        return "Azure changes from one policy engine to the other only by way of none, in two runs"
    version = version_key(current_version(live))[:2]
    if after != "cilium" and version and version < POLICY_CHANGE_FROM:
        return (
            f"Azure changes the policy engine of running clusters from Kubernetes 1.30 on, not {current_version(live)}"
        )
    return ""


def _pod_range(change: Change, live: Json, body: Json) -> str:
    if word(live, "networkPlugin") == "none" or word(live, "networkPluginMode") != "overlay":
        # Without a CNI the field is the user's; on the way to overlay it may be chosen anew.
        on_the_way = word(live, "networkPlugin") == "none" or word(body, "networkPluginMode") == "overlay"
        return "" if on_the_way else "only clusters without a network plugin and overlay clusters may change it"
    before, after = (_ranges(value) for value in (change.before, change.after))
    if len(before) != 1 or len(after) != 1 or before[0].version != 4:
        return "the pod CIDR of an overlay cluster can grow only where there is one, of IPv4"
    if windows_pools(live):
        return f"the pod CIDR can grow only without Windows pools, and there is {windows_pools(live)[0]}"
    grows = before[0] != after[0] and after[0].version == 4 and after[0].supernet_of(before[0])
    return "" if grows else "an overlay cluster's pod CIDR can only grow to an IPv4 range that contains the old one"


def _ranges(value: Any) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    try:
        return [ipaddress.ip_network(item) for item in (value if isinstance(value, list) else [value])]
    except ValueError:
        return []


def _load_balancer(change: Change, live: Json, body: Json) -> str:
    return "there is no way back to the basic load balancer" if str(change.after).lower() == "basic" else ""


def _outbound(change: Change, live: Json, body: Json) -> str:
    if provisions_nodes(live):
        return "clusters with node auto-provisioning keep their outbound type"
    after = str(change.after).lower()
    if has_own_network(live) and after not in _OWN_NETWORK:
        return "clusters in a virtual network of their own can change to all types but this one"
    if not has_own_network(live) and after not in _MANAGED_NETWORK:
        return "it needs nodes in a virtual network of your own, and AKS made this one"
    return ""


RULES: dict[Path, Rule] = {
    ("network_profile", "network_plugin"): _plugin,
    ("network_profile", "network_plugin_mode"): _mode,
    ("network_profile", "network_dataplane"): _dataplane,
    ("network_profile", "network_policy"): _policy,
    ("network_profile", "pod_cidr"): _pod_range,
    ("network_profile", "pod_cidrs"): _pod_range,
    ("network_profile", "load_balancer_sku"): _load_balancer,
    ("network_profile", "outbound_type"): _outbound,
}


def check_migration(live: Json, body: Json) -> None:
    """Refuse combinations that Azure refuses, too, but only after it has been asked."""
    becomes_cilium = dataplane(live) != "cilium" and dataplane(body) == "cilium"
    becomes_overlay = word(live, "networkPluginMode") != "overlay" and word(body, "networkPluginMode") == "overlay"
    if becomes_cilium and becomes_overlay:
        _refuse("network_dataplane", "Azure does not change to overlay and to the Cilium dataplane in one step")
    if becomes_cilium:
        _check_to_cilium(live, body)
    if becomes_overlay:
        _check_to_overlay(live, body)


def _check_to_cilium(live: Json, body: Json) -> None:
    if word(live, "networkPlugin") == "kubenet":
        _refuse("network_dataplane", "a kubenet cluster has to become an overlay cluster first")
    if windows := windows_pools(body):
        _refuse(
            "network_dataplane",
            f"the Cilium dataplane has no Windows nodes, and node pool {windows[0]} has",
            "Delete the Windows pools first.",
        )
    if provisions_nodes(live) or provisions_nodes(body):
        _refuse(
            "network_dataplane",
            "a cluster with node auto-provisioning cannot change to the Cilium dataplane",
            "Do it in three runs: node_provisioning.mode Manual, then the dataplane, then Auto again.",
        )


def _check_to_overlay(live: Json, body: Json) -> None:
    if word(live, "networkPolicy") in POLICY_ENGINES or word(body, "networkPolicy") in POLICY_ENGINES:
        _refuse("network_plugin_mode", "a cluster with a policy engine cannot become an overlay cluster")
    version = current_version(live)
    if version and version_key(version)[:2] < OVERLAY_FROM:
        _refuse(
            "network_plugin_mode",
            f"clusters become overlay clusters from Kubernetes 1.27 on, and this one has {version}",
            "Upgrade kubernetes_version first.",
        )


def _refuse(option: str, reason: str, remedy: str = "") -> NoReturn:
    option = f"network_profile.{option}"
    raise InvalidInput(
        f"{option}: {reason}.",
        option=option,
        code="MigrationNotPossible",
        remedy=remedy or "Do it in two runs: first overlay (with network_policy none), then the Cilium dataplane.",
    )


def warnings_for(live: Json, body: Json) -> list[str]:
    """What a person should know before the change, because it touches running workloads."""
    lines = []
    if dataplane(live) != "cilium" and dataplane(body) == "cilium":
        lines.append("The change of network_dataplane to cilium makes Azure reimage the nodes of all pools at once.")
        if (engine := word(live, "networkPolicy")) in POLICY_ENGINES:
            lines.append(f"Cilium replaces the policy engine {engine}, and enforces policies once all nodes are new.")
    if word(live, "networkPluginMode") != "overlay" and word(body, "networkPluginMode") == "overlay":
        lines.append("The change of network_plugin_mode to overlay makes Azure reimage the nodes of all pools at once.")
        own_routes = word(live, "networkPlugin") == "kubenet" and has_own_network(live)
        if own_routes and str(read(live, ("identity", "type")) or "").lower() != "userassigned":
            lines.append(
                "A kubenet cluster in a virtual network of its own needs a user-assigned identity to become an overlay "
                "cluster, because its route table is removed."
            )
    if (word(live, "outboundType") or "loadbalancer") != (word(body, "outboundType") or "loadbalancer"):
        lines.append("The change of outbound_type ends open connections, and changes the cluster's outbound addresses.")
    return lines
