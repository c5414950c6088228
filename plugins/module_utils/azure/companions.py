# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Fields that a GET fills in, and that contradict a change beside them when they are sent back. Pure.

They are the only fields of a PUT that no option names: each of them is here, with its reason. Options that name such a
field win.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._types import Json, Params
from .fields import Path, read

_PROFILE = ("properties", "networkProfile")
# Ways to get outbound addresses; a load balancer takes one of them.
_BALANCER_ADDRESSES: dict[str, tuple[str, ...]] = {
    "managedOutboundIPs": ("managed_outbound_ip_count", "managed_outbound_ipv6_count"),
    "outboundIPs": ("outbound_ip_ids",),
    "outboundIPPrefixes": ("outbound_ip_prefix_ids",),
}
_FEATURES: dict[str, tuple[str, ...]] = {
    "observability": ("observability",),
    "security": ("security", "advanced_network_policies", "transit_encryption"),
    "performance": ("acceleration_mode",),
}


@dataclass(frozen=True)
class Change:
    """One managed field that differs. fixed: why Azure cannot change it in place, empty where it can."""

    option: Path
    before: Any
    after: Any
    fixed: str = ""

    @property
    def name(self) -> str:
        """The option as a user writes about it."""
        return ".".join(self.option)


def keep_in_step(body: Json, params: Params, changes: Sequence[Change]) -> None:
    """Adjust the companions of what changed."""
    changed = {change.option for change in changes}
    _identity(body, params.get("identity") or {}, changed)
    profile = read(body, _PROFILE)
    if not isinstance(profile, dict):
        return
    wanted = params.get("network_profile") or {}
    _pod_ranges(profile, wanted, changed)
    _acns(profile, wanted, changed)
    _balancer_addresses(profile, wanted, changed)
    _outbound_profiles(profile, wanted, changed)


def drop_bounds(pool: Json, prefix: Path) -> list[Change]:
    """A pool that does not scale automatically has no bounds; Azure refuses them. What goes is told, for the diff."""
    bounds = {"min_count": pool.pop("minCount", None), "max_count": pool.pop("maxCount", None)}
    return [Change((*prefix, option), value, None) for option, value in bounds.items() if value is not None]


def _identity(body: Json, wanted: Json, changed: set[Path]) -> None:
    """A system-assigned identity has no others beside it."""
    becomes_system = ("identity", "type") in changed and str(body["identity"]["type"]).lower() == "systemassigned"
    if becomes_system and wanted.get("user_assigned") is None:
        body["identity"].pop("userAssignedIdentities", None)


def _pod_ranges(profile: Json, wanted: Json, changed: set[Path]) -> None:
    """Of one IP family, podCidr and podCidrs say the same."""
    if ("network_profile", "pod_cidr") in changed and wanted.get("pod_cidrs") is None and "podCidrs" in profile:
        if len(profile["podCidrs"] or []) == 1:
            profile["podCidrs"] = [profile["podCidr"]]
    elif ("network_profile", "pod_cidrs") in changed and wanted.get("pod_cidr") is None and "podCidr" in profile:
        profile["podCidr"] = profile["podCidrs"][0] if profile["podCidrs"] else profile["podCidr"]


def _acns(profile: Json, wanted: Json, changed: set[Path]) -> None:
    """As az switches it off and on: without its features, for which Azure has defaults that fit."""
    if ("network_profile", "advanced_networking", "enabled") not in changed:
        return
    acns, named = profile["advancedNetworking"], wanted.get("advanced_networking") or {}
    unnamed = [key for key, options in _FEATURES.items() if all(named.get(option) is None for option in options)]
    if acns["enabled"]:
        # With both of these off, as a GET shows them while it is off, Azure refuses to switch it on.
        needed = {"observability", "security"}
        on = any((acns.get(key) or {}).get("enabled") for key in needed)
        unnamed = [key for key in unnamed if key in needed and not on]
    for key in unnamed:
        acns.pop(key, None)


def _balancer_addresses(profile: Json, wanted: Json, changed: set[Path]) -> None:
    """Own addresses take the place of managed ones, and the other way round."""
    named = wanted.get("load_balancer") or {}
    balancer = profile.get("loadBalancerProfile") or {}
    asked = {
        key
        for key, options in _BALANCER_ADDRESSES.items()
        if any(("network_profile", "load_balancer", option) in changed for option in options)
    }
    if any(_any_address(balancer.get(key)) for key in asked):
        for key, options in _BALANCER_ADDRESSES.items():
            if all(named.get(option) is None for option in options):
                balancer.pop(key, None)


def _any_address(value: Any) -> bool:
    """Whether it asks for an address: an empty list, or a count of 0, gives one back."""
    return any(value.values()) if isinstance(value, dict) else bool(value)


def _outbound_profiles(profile: Json, wanted: Json, changed: set[Path]) -> None:
    """As az changes the outbound type: what described the former one goes, unless options describe it."""
    if ("network_profile", "outbound_type") not in changed:
        return
    kind = str(profile.get("outboundType")).lower()
    if kind != "loadbalancer" and not wanted.get("load_balancer"):
        profile.pop("loadBalancerProfile", None)
    if kind != "managednatgateway" and not wanted.get("nat_gateway"):
        profile.pop("natGatewayProfile", None)
