# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure would reject in a node pool, found before anything is sent. Pure. Source: AKS documentation (2026-08)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NoReturn

from .._types import Json, Params
from .compare import text
from .fields import OF_AKS, POOL_FIELDS
from .invalid import check_between, check_named_once, check_tags, fail
from .validate_raw import check_raw_pool

POOL_NAME = {"Linux": re.compile(r"[a-z][a-z0-9]{0,11}"), "Windows": re.compile(r"[a-z][a-z0-9]{0,5}")}
TAINT = re.compile(r"[^\s=:]+(=[^\s:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)")
LABEL = re.compile(r"([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
LABEL_VALUE = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?)?")
SURGE = re.compile(r"\d{1,4}|(100|\d{1,2})%")
CILIUM_TAINT = "node.cilium.io/agent-not-ready"
MAX_PODS, SYSTEM_PODS = (10, 250), 30


def check_pools(pools: Sequence[Json], profile: Json) -> None:
    """All pools of a cluster. profile: its network, in the names of the options."""
    names = [pool["name"] for pool in pools]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        fail("agent_pools.name", twice[0], "two pools have this name", "Name each pool once.")
    for pool in pools:
        check_pool_name(pool["name"], pool.get("os_type"), "agent_pools.name")
        check_pool(pool, f"agent_pools.{pool['name']}.")
        _check_in_network(pool, profile, f"agent_pools.{pool['name']}.")


def check_pool_name(name: str, os_type: str | None, option: str) -> None:
    """AKS's rule for names of node pools."""
    system = os_type or "Linux"
    if not POOL_NAME[system].fullmatch(name):
        length = 12 if system == "Linux" else 6
        fail(
            option,
            name,
            f"a {system} pool name has 1 to {length} lower-case letters and digits and begins with a letter",
            "Choose another pool name.",
            "InvalidPoolName",
        )


def check_pool(pool: Params, where: str) -> None:
    """One pool. where: what comes before the names of its options."""
    check_tags(pool.get("tags"), f"{where}tags")
    check_named_once(pool, pool.get("properties"), POOL_FIELDS, f"{where}properties.")
    _check_counts(pool, where)
    raw = pool.get("properties") or {}
    check_raw_pool(raw, f"{where}properties.")
    system = pool.get("mode") == "System"
    _check_taints(pool.get("node_taints"), f"{where}node_taints", system=system)
    _check_taints(raw.get("nodeTaints"), f"{where}properties.nodeTaints", system=system)
    _check_zones(pool.get("availability_zones") or [], f"{where}availability_zones")
    _check_labels(pool, where)
    _check_mode(pool, where)
    _check_spot(pool, where)
    _check_upgrade(pool.get("upgrade_settings") or {}, f"{where}upgrade_settings.")
    if pool.get("node_public_ip_prefix_id") and pool.get("enable_node_public_ip") is False:
        rule = "it needs enable_node_public_ip"
        fail(f"{where}node_public_ip_prefix_id", pool["node_public_ip_prefix_id"], rule, "Set it to true.")
    for option in ("vnet_subnet_id", "pod_subnet_id"):
        check_subnet_id(f"{where}{option}", pool.get(option))
    version = pool.get("orchestrator_version")
    if version is not None:
        check_version(f"{where}orchestrator_version", version)


def check_whole(pool: Params, where: str) -> None:
    """What a pool needs as it will be, in the names of the options: live values count as well as given ones."""
    low, high = pool.get("min_count"), pool.get("max_count")
    if pool.get("enable_auto_scaling") and (low is None or high is None):
        fail(f"{where}enable_auto_scaling", True, "it needs min_count and max_count", "Set both bounds.")
    if not pool.get("enable_auto_scaling") and (low is not None or high is not None):
        _bounds_without_scaling(low, high, where)
    _check_order(low, high, where)
    _check_os_sku(pool, where)
    if pool.get("pod_ip_allocation_mode") == "StaticBlock" and not pool.get("pod_subnet_id"):
        fail(f"{where}pod_ip_allocation_mode", "StaticBlock", "it needs pod_subnet_id", "Name the subnet of the pods.")


def _bounds_without_scaling(low: int | None, high: int | None, where: str) -> NoReturn:
    option, value = ("min_count", low) if low is not None else ("max_count", high)
    remedy = "Set enable_auto_scaling to true, or leave min_count and max_count out."
    fail(f"{where}{option}", value, "bounds need enable_auto_scaling", remedy)


def _check_os_sku(pool: Params, where: str) -> None:
    sku, system = str(pool.get("os_sku") or ""), str(pool.get("os_type") or "Linux")
    if sku and sku.lower().startswith("windows") != (system.lower() == "windows"):
        remedy = "Set os_type to Windows, or choose another os_sku."
        if system.lower() == "windows":
            remedy = "Choose Windows2022 for instance, or set os_type to Linux."
        fail(f"{where}os_sku", sku, f"it does not go with os_type {system}", remedy, "OsSkuContradictsOsType")


def _check_order(low: int | None, high: int | None, where: str) -> None:
    if low is not None and high is not None and low > high:
        fail(f"{where}min_count", low, f"it is above max_count={high}", "Choose bounds in their order.")


def check_version(option: str, version: str) -> None:
    """A Kubernetes version, as an alias or in full."""
    if not re.fullmatch(r"\d+\.\d+(\.\d+)?", version):
        fail(option, version, "a version looks like 1.34 or 1.34.4", 'Quote it in YAML: "1.34".')
    if re.fullmatch(r"1\.\d(\.\d+)?", version):
        rule = "AKS has no such version any more, and YAML makes it of an unquoted 1.30"
        fail(option, version, rule, 'Quote it in YAML: "1.30".')


def check_subnet_id(option: str, value: str | None) -> None:
    """The resource id of a subnet."""
    if value and not re.fullmatch(r"/subscriptions/[^/]+/.*/virtualNetworks/[^/]+/subnets/[^/]+", value, re.IGNORECASE):
        fail(
            option,
            value,
            "this is no resource id of a subnet",
            "Give /subscriptions/.../virtualNetworks/<network>/subnets/<subnet>.",
            "InvalidSubnetId",
        )


def _check_counts(pool: Params, where: str) -> None:
    count, low, high = pool.get("count"), pool.get("min_count"), pool.get("max_count")
    floor = 1 if pool.get("mode") == "System" else 0
    for option, value in (("count", count), ("min_count", low), ("max_count", high)):
        check_between(f"{where}{option}", value, floor, 1000, "a pool of this mode has {} nodes")
    scaling = pool.get("enable_auto_scaling")
    if scaling is False and (low is not None or high is not None):
        _bounds_without_scaling(low, high, where)
    _check_order(low, high, where)
    if scaling and count is not None and not (low or 0) <= count <= (high or count):
        rule = f"it is outside of min_count={low} and max_count={high}"
        fail(f"{where}count", count, rule, "Leave it out: the autoscaler chooses it.")
    check_between(f"{where}max_pods", pool.get("max_pods"), *MAX_PODS, "a node has {} pods")
    size = pool.get("os_disk_size_gb")
    if size:
        check_between(f"{where}os_disk_size_gb", size, 30, 2048, "a system disk has {} GB")


def _check_zones(zones: Sequence[str], option: str) -> None:
    if any(not re.fullmatch(r"\d", zone) for zone in zones) or len(set(zones)) != len(zones):
        rule = "zones are numbers, each of them once"
        fail(option, list(zones), rule, 'Write them as ["1", "2", "3"].', "InvalidZones")


def _check_taints(taints: object, option: str, *, system: bool) -> None:
    for taint in map(str, taints if isinstance(taints, list) else ()):
        if taint.startswith(CILIUM_TAINT):
            fail(
                option,
                taint,
                "AKS does not let anybody but itself remove a taint that was set on a node pool, so Cilium could never "
                "take it away and all pods would stay Pending",
                "Leave it out: without a CNI the nodes are NotReady anyway until Cilium runs.",
                "CiliumTaintOnPool",
            )
        if not TAINT.fullmatch(taint):
            fail(option, taint, "a taint looks like key=value:NoSchedule", "Write key=value:Effect.")
        if taint.startswith(OF_AKS):
            fail(option, taint, f"taints of {OF_AKS} are set by AKS alone", "Leave it out: those that are there stay.")
        restricted = not taint.startswith("CriticalAddonsOnly") and not taint.endswith(":PreferNoSchedule")
        if system and restricted:
            fail(
                option,
                taint,
                "a system pool takes only CriticalAddonsOnly and PreferNoSchedule taints",
                "Put the taint on a pool of mode User.",
                "SystemPoolHasRestrictedTaint",
            )


def _check_labels(pool: Params, where: str) -> None:
    option = f"{where}node_labels"
    for key, value in (pool.get("node_labels") or {}).items():
        if isinstance(value, (dict, list)):
            fail(option, f"{key}={value}", "the value of a label is a text", "Give one text.", "InvalidLabel")
        if not LABEL.fullmatch(str(key)) or not LABEL_VALUE.fullmatch(text(value)):
            rule = (
                "keys and values of labels have 1 to 63 letters, digits and -_. and begin and end with one of the first"
            )
            fail(option, f"{key}={value}", rule, "Write it as Kubernetes takes labels.", "InvalidLabel")
        if str(key).startswith(OF_AKS):
            fail(option, key, f"labels of {OF_AKS} are set by AKS alone", "Leave it out: those that are there stay.")


def _check_mode(pool: Params, where: str) -> None:
    if pool.get("mode") != "System":
        return
    if pool.get("os_type") == "Windows":
        fail(f"{where}os_type", "Windows", "a system pool has Linux nodes", "Set mode to User, or os_type to Linux.")
    pods = pool.get("max_pods")
    if pods is not None and pods < SYSTEM_PODS:
        rule = f"a node of a system pool has room for {SYSTEM_PODS} pods at least"
        fail(f"{where}max_pods", pods, rule, "Choose a larger number.")


def _check_spot(pool: Params, where: str) -> None:
    priority = pool.get("scale_set_priority")
    if priority == "Spot" and pool.get("mode") == "System":
        fail(f"{where}scale_set_priority", "Spot", "a system pool is never a spot pool", "Set mode to User.")
    for option in ("scale_set_eviction_policy", "spot_max_price"):
        if pool.get(option) is not None and priority == "Regular":
            fail(f"{where}{option}", pool[option], "it needs scale_set_priority Spot", "Leave it out.")
    price = pool.get("spot_max_price")
    if price is not None and price != -1 and price <= 0:
        fail(f"{where}spot_max_price", price, "a price is above 0, or -1 for that of a regular node", "Choose another.")


def _check_upgrade(settings: Json, where: str) -> None:
    surge, unavailable = settings.get("max_surge"), settings.get("max_unavailable")
    for option, value in (("max_surge", surge), ("max_unavailable", unavailable)):
        if value is not None and not SURGE.fullmatch(value):
            fail(f"{where}{option}", value, "this is no number of nodes and no percentage", "Write it as 1 or as 33%.")
    if surge in ("0", "0%") and unavailable in ("0", "0%"):
        rule = "with neither a node more nor a node less nothing can be replaced"
        fail(f"{where}max_unavailable", unavailable, rule, "Set one of max_surge and max_unavailable above 0.")
    check_between(
        f"{where}drain_timeout_in_minutes",
        settings.get("drain_timeout_in_minutes"),
        1,
        1440,
        "a node is drained for {} minutes",
    )
    check_between(
        f"{where}node_soak_duration_in_minutes",
        settings.get("node_soak_duration_in_minutes"),
        0,
        30,
        "a node soaks for {} minutes",
    )


def _check_in_network(pool: Json, profile: Json, where: str) -> None:
    acns = profile.get("advanced_networking") or {}
    cilium = profile.get("network_dataplane") == "cilium" or profile.get("network_plugin") == "none"
    if pool.get("os_type") == "Windows" and cilium:
        fail(
            f"{where}os_type", "Windows", "Cilium has no Windows nodes", "Use Linux pools only.", "WindowsNotSupported"
        )
    if pool.get("pod_subnet_id") and profile.get("network_plugin_mode") == "overlay":
        rule = "pods of an overlay cluster have no subnet"
        fail(f"{where}pod_subnet_id", pool["pod_subnet_id"], rule, "Leave it or network_plugin_mode out.")
    if pool.get("enable_fips") and acns.get("transit_encryption") == "WireGuard":
        rule = "WireGuard, which transit_encryption asks for, is not allowed by FIPS 140"
        fail(f"{where}enable_fips", True, rule, "Leave one of the two out.", "WireGuardWithFips")
    if acns.get("acceleration_mode") == "BpfVeth" and pool.get("os_sku") in ("Ubuntu2204", "CBLMariner"):
        rule = "acceleration_mode BpfVeth needs Ubuntu 24.04 or Azure Linux 3"
        fail(f"{where}os_sku", pool["os_sku"], rule, "Choose Ubuntu2404 or AzureLinux3.")
