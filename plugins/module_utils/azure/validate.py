# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure would reject, found before anything is sent. Pure. Each error names the option and its value."""

from __future__ import annotations

import ipaddress
import re
from typing import NoReturn

from .._types import Json, Params
from .compare import parse_instant
from .fields import CLUSTER_FIELDS
from .invalid import RAW_CLUSTER, check_between, check_named_once, check_resource_id, check_tags, fail
from .rules_version import check_pool_version
from .validate_network import check_default_ranges, check_network
from .validate_outbound import check_outbound_network
from .validate_pool import check_pools, check_subnet_id, check_version, check_whole
from .validate_raw import check_kube_proxy, check_raw_cluster

# az and the portal take 200 ranges; clusters whose API server is in the virtual network take ten times as many.
MOST_RANGES, MOST_RANGES_INTEGRATED = 200, 2000
IMAGE_CLEANER_HOURS = (24, 2160)


def check_names(params: Params) -> None:
    """Names of cluster and resource group by Azure's naming rules."""
    check_cluster_name(params["name"])
    check_group_name(params["resource_group"])


def check_cluster_name(name: str, option: str = "name") -> None:
    """Azure's rule for names of managed clusters."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", name):
        fail(
            option,
            name,
            "a cluster name has 1 to 63 letters, digits, - and _, and begins and ends with a letter or digit",
            "Choose another name.",
            "InvalidClusterName",
        )


def check_group_name(group: str, option: str = "resource_group") -> None:
    """Azure's rule for names of resource groups."""
    if not re.fullmatch(r"[\w.()-]{1,90}", group) or group.endswith("."):
        fail(
            option,
            group,
            "a resource group name has 1 to 90 letters, digits, underscores, hyphens, periods and parentheses, "
            "and does not end with a period",
            "Choose another resource group name.",
            "InvalidResourceGroupName",
        )


def check_present(params: Params) -> None:
    """Everything about a wanted cluster that can be judged without asking Azure."""
    prefix = params.get("dns_prefix")
    if prefix is not None and not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,52}[A-Za-z0-9])?", prefix):
        fail(
            "dns_prefix",
            prefix,
            "a DNS prefix has 1 to 54 letters, digits and hyphens, and begins and ends with a letter or digit",
            "Choose another prefix, or leave the option out.",
        )
    version = params.get("kubernetes_version")
    if version is not None:
        check_version("kubernetes_version", version)
    if params.get("workload_identity") and params.get("oidc_issuer") is False:
        fail("workload_identity", True, "it needs the OIDC issuer", "Set oidc_issuer to true.")
    check_tags(params.get("tags"), "tags")
    _check_plan(params)
    _check_access(params.get("api_server_access") or {})
    _check_identity(params.get("identity") or {})
    _check_entra(params)
    _check_upkeep(params)
    _check_node_provisioning(params)
    check_raw_cluster(params.get("properties") or {})
    check_kube_proxy(params, new=False)
    check_named_once(params, params.get("properties"), CLUSTER_FIELDS, RAW_CLUSTER)
    profile = params.get("network_profile") or {}
    check_network(profile, vnet_cidrs(params), version or "")
    check_pools(params.get("agent_pools") or [], profile)


def vnet_cidrs(params: Params) -> list[str]:
    """All ranges of the virtual network that the options tell of."""
    network = params.get("virtual_network") or {}
    given = [*(params.get("vnet_cidrs") or []), *(network.get("cidrs") or [])]
    return list(dict.fromkeys(given))


def check_creation(params: Params) -> None:
    """What a new cluster needs on top, because there is no live value to keep."""
    if not params.get("location"):
        fail(
            "location", None, "a new cluster needs a location", "Set location, for example westeurope.", "MissingOption"
        )
    pools = params.get("agent_pools") or []
    if not pools:
        fail(
            "agent_pools",
            pools,
            "a new cluster needs at least one node pool",
            "Name a system pool with its count and vm_size.",
            "MissingOption",
        )
    modes = [pool.get("mode") for pool in pools]
    if any(modes) and "System" not in modes:
        fail("agent_pools", modes, "a cluster needs a pool of mode System", "Set mode System on one pool.")
    version = params.get("kubernetes_version") or ""
    for pool in pools:
        check_whole(pool, f"agent_pools.{pool['name']}.")
        if asked := pool.get("orchestrator_version"):
            option = f"agent_pools.{pool['name']}.orchestrator_version"
            check_pool_version(option, None, {"orchestratorVersion": asked}, version, long_term=False)
    if params.get("support_plan") == "AKSLongTermSupport" and params.get("sku_tier") != "Premium":
        _needs_premium()
    check_kube_proxy(params, new=True)
    profile = params.get("network_profile") or {}
    own_network = bool(params.get("virtual_network")) or any(pool.get("vnet_subnet_id") for pool in pools)
    check_network(profile, vnet_cidrs(params), version, complete=True)
    check_outbound_network(profile, own_network=own_network)
    check_default_ranges(profile, own_subnet=own_network)


def _check_access(access: Json) -> None:
    where = "api_server_access"
    ranges = access.get("authorized_ip_ranges") or []
    for item in ranges:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            fail(f"{where}.authorized_ip_ranges", item, "this is no address range", "Write it as 203.0.113.0/24.")
    private, integrated = access.get("private_cluster"), access.get("vnet_integration")
    most = MOST_RANGES if integrated is False else MOST_RANGES_INTEGRATED
    if len(ranges) > most:
        rule = f"Azure takes {MOST_RANGES} ranges, or {MOST_RANGES_INTEGRATED} with api_server_access.vnet_integration"
        fail(f"{where}.authorized_ip_ranges", len(ranges), rule, "Join neighbouring ranges.")
    if private and ranges and not integrated:
        rule = "a private cluster has no public address that could be limited"
        fail(f"{where}.authorized_ip_ranges", ranges, rule, "Leave one of the two out.")
    check_subnet_id(f"{where}.subnet_id", access.get("subnet_id"))
    if access.get("subnet_id") and integrated is False:
        fail(f"{where}.subnet_id", access["subnet_id"], "it needs vnet_integration", "Set vnet_integration to true.")
    _check_names_of_private_cluster(access, where)


def _check_names_of_private_cluster(access: Json, where: str) -> None:
    zone, public = access.get("private_dns_zone"), access.get("public_fqdn")
    if access.get("private_cluster") is False and (zone or public):
        option, value = ("private_dns_zone", zone) if zone else ("public_fqdn", True)
        fail(f"{where}.{option}", value, "it needs a private cluster", "Set private_cluster to true, or leave it out.")
    if zone and zone.lower() not in ("system", "none") and "/privatednszones/" not in zone.lower():
        rule = "a zone is system, none, or the resource id of a private DNS zone"
        fail(f"{where}.private_dns_zone", zone, rule, "Give one of these.")
    if zone and zone.lower() == "none" and public is False:
        rule = "without a private DNS zone the nodes need the public name"
        fail(f"{where}.public_fqdn", False, rule, "Set public_fqdn to true.")


def _check_plan(params: Params) -> None:
    if params.get("support_plan") == "AKSLongTermSupport" and params.get("sku_tier") in ("Free", "Standard"):
        _needs_premium()
    if params.get("sku_name") == "Automatic" and params.get("sku_tier") == "Free":
        fail("sku_tier", "Free", "AKS Automatic has the tier Standard", "Set sku_tier to Standard, or leave it out.")
    group = params.get("node_resource_group")
    if group is not None:
        check_group_name(group, "node_resource_group")
        if group.lower() == str(params["resource_group"]).lower():
            rule = "the nodes get a resource group of their own"
            fail("node_resource_group", group, rule, "Choose another name, or leave the option out.")


def _needs_premium() -> NoReturn:
    rule = "long-term support is part of the tier Premium"
    fail("support_plan", "AKSLongTermSupport", rule, "Set sku_tier to Premium.", "PlanNeedsPremium")


def _check_entra(params: Params) -> None:
    entra = params.get("aad_profile") or {}
    if entra.get("managed") is False:
        for option in ("azure_rbac", "admin_group_object_ids", "tenant_id"):
            if entra.get(option):
                fail(f"aad_profile.{option}", entra[option], "it needs aad_profile.managed", "Set managed to true.")
    ids = [("admin_group_object_ids", item) for item in entra.get("admin_group_object_ids") or []]
    for option, value in (*ids, ("tenant_id", entra.get("tenant_id"))):
        if value is not None and not re.fullmatch(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}", value):
            fail(f"aad_profile.{option}", value, "this is no id of Entra ID", "Give the id, not the name.")
    if params.get("enable_rbac") is False and entra.get("managed"):
        fail("enable_rbac", False, "Entra ID needs it", "Set enable_rbac to true, or leave aad_profile out.")


def _check_upkeep(params: Params) -> None:
    hours = (params.get("image_cleaner") or {}).get("interval_hours")
    check_between("image_cleaner.interval_hours", hours, *IMAGE_CLEANER_HOURS, "images are cleaned every {} hours")
    override = params.get("upgrade_override") or {}
    until = override.get("until")
    if until is not None and parse_instant(until) is None:
        fail("upgrade_override.until", until, "this is no time", 'Write it as "2027-01-31T06:00:00Z".')
    if override.get("force_upgrade") and until is None:
        rule = "Azure minds it only until a time that is given"
        fail("upgrade_override.force_upgrade", True, rule, "Set upgrade_override.until.")
    upgrade = params.get("auto_upgrade") or {}
    nodes = upgrade.get("node_os_channel")
    if upgrade.get("channel") == "node-image" and nodes not in (None, "NodeImage"):
        remedy = "Set node_os_channel to NodeImage, or leave it out."
        fail("auto_upgrade.node_os_channel", nodes, "channel node-image goes only with NodeImage", remedy)


def _check_node_provisioning(params: Params) -> None:
    if (params.get("node_provisioning") or {}).get("mode") != "Auto":
        return
    profile = params.get("network_profile") or {}
    pools = params.get("agent_pools") or []
    reasons = {
        "Windows pools": any(pool.get("os_type") == "Windows" for pool in pools),
        "pools with pod_subnet_id": any(pool.get("pod_subnet_id") for pool in pools),
        "network_policy calico": profile.get("network_policy") == "calico",
        "network_plugin kubenet": profile.get("network_plugin") == "kubenet",
        "load_balancer_sku basic": profile.get("load_balancer_sku") == "basic",
        "IPv6": "IPv6" in (profile.get("ip_families") or []),
    }
    for reason, there in reasons.items():
        if there:
            rule = f"node auto-provisioning does not go with {reason}"
            fail("node_provisioning.mode", "Auto", rule, "Leave one of the two out.", "NodeProvisioningNotSupported")


def _check_identity(identity: Json) -> None:
    kind, assigned = identity.get("type"), identity.get("user_assigned")
    if assigned and kind == "SystemAssigned":
        fail(
            "identity.user_assigned",
            assigned,
            "this needs identity.type UserAssigned",
            "Set identity.type accordingly.",
        )
    if kind == "UserAssigned" and not assigned:
        fail("identity.user_assigned", assigned, "identity.type UserAssigned needs one", "Give the id of the identity.")
    for item in assigned or []:
        check_resource_id("identity.user_assigned", item, "Microsoft.ManagedIdentity/userAssignedIdentities")
