# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure would reject, found before anything is sent. Pure. Each error names the option and its value."""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from .._errors import InvalidInput
from .._types import Json, Params
from .validate_network import check_network

POOL_NAME = {"Linux": re.compile(r"[a-z][a-z0-9]{0,11}"), "Windows": re.compile(r"[a-z][a-z0-9]{0,5}")}
TAINT = re.compile(r"[^\s=:]+(=[^\s:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")
CILIUM_TAINT = "node.cilium.io/agent-not-ready"
MAX_PODS = (10, 250)


def fail(option: str, value: Any, rule: str, remedy: str, code: str = "InvalidOption") -> None:
    """Raise InvalidInput in one form: option, value, rule."""
    raise InvalidInput(f"{option}={value!r}: {rule}.", option=option, code=code, remedy=remedy)


def check_names(params: Params) -> None:
    """Names of cluster and resource group by Azure's naming rules."""
    check_cluster_name(params["name"])
    check_group_name(params["resource_group"])


def check_cluster_name(name: str) -> None:
    """Azure's rule for names of managed clusters."""
    if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?", name):
        fail(
            "name",
            name,
            "a cluster name has 1 to 63 letters, digits, - and _, and begins and ends with a letter or digit",
            "Choose another name.",
            "InvalidClusterName",
        )


def check_group_name(group: str) -> None:
    """Azure's rule for names of resource groups."""
    if not re.fullmatch(r"[\w.()-]{1,90}", group) or group.endswith("."):
        fail(
            "resource_group",
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
    if version is not None and not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        fail("kubernetes_version", version, "a version looks like 1.34 or 1.34.4", 'Quote it in YAML: "1.34".')
    if params.get("workload_identity") and params.get("oidc_issuer") is False:
        fail("workload_identity", True, "it needs the OIDC issuer", "Set oidc_issuer to true.")
    _check_ranges(params.get("authorized_ip_ranges") or [])
    _check_identity(params.get("identity") or {})
    _check_properties(params.get("properties") or {})
    profile = params.get("network_profile") or {}
    check_network(profile, params.get("vnet_cidrs") or [], version or "")
    _check_pools(params.get("agent_pools") or [], profile)


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


def _check_ranges(ranges: list[str]) -> None:
    for item in ranges:
        try:
            ipaddress.ip_network(item)
        except ValueError:
            fail("authorized_ip_ranges", item, "this is no address range", "Write it as 203.0.113.0/24.")


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


def _check_properties(properties: Json) -> None:
    if "agentPoolProfiles" in properties:
        fail(
            "properties.agentPoolProfiles",
            "...",
            "pools are merged by name, which a raw list cannot be",
            "Use agent_pools; it takes raw keys in agent_pools[].properties.",
        )


def _check_pools(pools: list[Json], profile: Json) -> None:
    names = [pool["name"] for pool in pools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fail("agent_pools.name", twice[0], "two pools have this name", "Name each pool once.")
    for pool in pools:
        _check_pool_name(pool)
        _check_counts(pool)
        _check_taints(pool)
        _check_pool_network(pool, profile)


def _check_pool_name(pool: Json) -> None:
    os_type = pool.get("os_type") or "Linux"
    if not POOL_NAME[os_type].fullmatch(pool["name"]):
        length = 12 if os_type == "Linux" else 6
        fail(
            "agent_pools.name",
            pool["name"],
            f"a {os_type} pool name has 1 to {length} lower-case letters and digits and begins with a letter",
            "Choose another pool name.",
            "InvalidPoolName",
        )


def _check_counts(pool: Json) -> None:
    count, low, high = pool.get("count"), pool.get("min_count"), pool.get("max_count")
    floor = 1 if pool.get("mode") == "System" else 0
    where = f"agent_pools.{pool['name']}"
    for option, value in (("count", count), ("min_count", low), ("max_count", high)):
        if value is not None and not floor <= value <= 1000:
            fail(f"{where}.{option}", value, f"a pool of this mode has {floor} to 1000 nodes", "Choose another number.")
    scaling = pool.get("enable_auto_scaling")
    if scaling is False and (low is not None or high is not None):
        fail(f"{where}.min_count", low, "bounds need enable_auto_scaling", "Leave min_count and max_count out.")
    if scaling and (low is None or high is None):
        fail(f"{where}.enable_auto_scaling", True, "it needs min_count and max_count", "Set both bounds.")
    if low is not None and high is not None and low > high:
        fail(f"{where}.min_count", low, f"it is above max_count={high}", "Exchange the bounds.")
    pods = pool.get("max_pods")
    if pods is not None and not MAX_PODS[0] <= pods <= MAX_PODS[1]:
        fail(f"{where}.max_pods", pods, f"a node has {MAX_PODS[0]} to {MAX_PODS[1]} pods", "Choose another number.")


def _check_taints(pool: Json) -> None:
    where = f"agent_pools.{pool['name']}.node_taints"
    for taint in pool.get("node_taints") or []:
        if taint.startswith(CILIUM_TAINT):
            fail(
                where,
                taint,
                "AKS does not let anybody but itself remove a taint that was set on a node pool, so Cilium could never "
                "take it away and all pods would stay Pending",
                "Leave it out: without a CNI the nodes are NotReady anyway until Cilium runs.",
                "CiliumTaintOnPool",
            )
        if not TAINT.fullmatch(taint):
            fail(where, taint, "a taint looks like key=value:NoSchedule", "Write key=value:Effect.")
        restricted = not taint.startswith("CriticalAddonsOnly") and not taint.endswith(":PreferNoSchedule")
        if pool.get("mode") == "System" and restricted:
            fail(
                where,
                taint,
                "a system pool takes only CriticalAddonsOnly and PreferNoSchedule taints",
                "Put the taint on a pool of mode User.",
                "SystemPoolHasRestrictedTaint",
            )


def _check_pool_network(pool: Json, profile: Json) -> None:
    if pool.get("os_type") != "Windows":
        return
    where = f"agent_pools.{pool['name']}.os_type"
    if profile.get("network_dataplane") == "cilium" or profile.get("network_plugin") == "none":
        fail(where, "Windows", "Cilium has no Windows nodes", "Use Linux pools only.", "WindowsNotSupported")
