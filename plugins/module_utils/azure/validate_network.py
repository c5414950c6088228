# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Rules for the network profile of a cluster. Pure. Sources: AKS documentation, and errors of its resource provider."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from itertools import combinations
from typing import Any, NoReturn

from .._types import Json
from .compare import version_key
from .invalid import fail
from .validate_outbound import check_outbound

FORBIDDEN = ("169.254.0.0/16", "172.30.0.0/16", "172.31.0.0/16", "192.0.2.0/24")
SMALLEST_SERVICE_PREFIX, SMALLEST_IPV6_SERVICE_PREFIX = 12, 108
# What AKS takes where nothing is given: https://learn.microsoft.com/azure/aks/concepts-network-ip-address-planning
DEFAULT_SERVICES, DEFAULT_PODS, DEFAULT_VNET = "10.0.0.0/16", "10.244.0.0/16", "10.224.0.0/12"
ACNS_FROM, ACCELERATION_FROM = (1, 29), (1, 33)


def _fail(option: str, value: Any, rule: str, remedy: str, code: str) -> NoReturn:
    fail(option if option.startswith("vnet") else f"network_profile.{option}", value, rule, remedy, code)


def check_network(
    profile: Json, vnet_cidrs: Sequence[str], kubernetes_version: str = "", *, complete: bool = False
) -> None:
    """Check a profile in the names of the options.

    complete: the profile is what the cluster will have (given over live), so what is not there is known to be absent.
    """
    _check_combination(profile, complete=complete)
    if not complete:
        _check_not_empty(profile)
        check_outbound(profile)
    _check_families(profile)
    _check_acns(profile, kubernetes_version, complete=complete)
    _check_ranges(profile, vnet_cidrs)
    _check_dns_address(profile)


def _check_not_empty(profile: Json) -> None:
    for option in ("pod_cidr", "service_cidr", "dns_service_ip"):
        if profile.get(option) == "":
            _fail(option, "", "it is empty", "Give a value, or leave it out.", "EmptyOption")


def _word(profile: Json, key: str) -> str:
    return str(profile.get(key) or "").lower()


def _check_combination(profile: Json, *, complete: bool) -> None:
    plugin, dataplane, policy = (
        _word(profile, key) for key in ("network_plugin", "network_dataplane", "network_policy")
    )
    if plugin == "none":
        _check_byo(profile)
    if dataplane == "cilium" and policy not in ("", "cilium"):
        _fail(
            "network_policy",
            profile["network_policy"],
            "the Cilium dataplane enforces policies itself and goes only with network_policy cilium",
            "Set network_policy to cilium, or leave it out.",
            "CiliumDataplaneRequiresNetworkPolicyCilium",
        )
    if dataplane == "cilium" and plugin == "kubenet":
        _fail(
            "network_plugin",
            profile["network_plugin"],
            "the Cilium dataplane needs network_plugin azure",
            "Set network_plugin to azure, with network_plugin_mode overlay for instance.",
            "CiliumDataplaneRequiresAzurePlugin",
        )
    if policy == "cilium" and (dataplane == "azure" or (complete and dataplane != "cilium")):
        _fail(
            "network_policy",
            profile["network_policy"],
            "it needs network_dataplane cilium",
            "Set network_dataplane to cilium as well.",
            "NetworkPolicyCiliumRequiresCiliumDataplane",
        )
    if _word(profile, "network_mode") and plugin in ("kubenet", "none"):
        _fail(
            "network_mode",
            profile["network_mode"],
            "it describes Azure CNI, so it needs network_plugin azure",
            "Leave it out, or set network_plugin to azure.",
            "NetworkModeRequiresAzurePlugin",
        )
    if _word(profile, "network_plugin_mode") == "overlay" and plugin == "kubenet":
        _fail(
            "network_plugin_mode",
            profile["network_plugin_mode"],
            "overlay needs network_plugin azure",
            "Set network_plugin to azure.",
            "OverlayRequiresAzurePlugin",
        )


def _check_families(profile: Json) -> None:
    """Of two IP families, each list has one range of each, in their order; one and many of a range agree."""
    families = profile.get("ip_families") or []
    if len(set(families)) != len(families) or families == ["IPv6"]:
        rule = "a cluster has IPv4, or IPv4 and IPv6"
        _fail("ip_families", families, rule, "Write [IPv4] or [IPv4, IPv6].", "InvalidIpFamilies")
    for one, many in (("pod_cidr", "pod_cidrs"), ("service_cidr", "service_cidrs")):
        ranges = profile.get(many) or []
        parsed = [_parsed(many, item) for item in ranges]
        if families and ranges and [f"IPv{item.version}" for item in parsed] != families:
            rule = f"it has one range for each of ip_families={families}, in their order"
            _fail(many, ranges, rule, "Give a range for each family.", "RangesDoNotFitFamilies")
        for item in parsed:
            if many == "service_cidrs" and item.version == 6 and item.prefixlen < SMALLEST_IPV6_SERVICE_PREFIX:
                rule = f"a service range of IPv6 is no larger than /{SMALLEST_IPV6_SERVICE_PREFIX}"
                _fail(many, str(item), rule, "Choose a /108 for instance.", "ServiceCidrTooLarge")
        if ranges and profile.get(one) and _parsed(one, profile[one]) not in parsed:
            _fail(one, profile[one], f"{many}={ranges} has other ranges", f"Leave {one} out.", "RangesContradict")


def _check_byo(profile: Json) -> None:
    """Without a CNI of Azure there is nothing that these options could configure."""
    acns = profile.get("advanced_networking") or {}
    given = {
        "network_dataplane": profile.get("network_dataplane"),
        "network_policy": None if _word(profile, "network_policy") == "none" else profile.get("network_policy"),
        "network_plugin_mode": profile.get("network_plugin_mode"),
        "advanced_networking": True if acns.get("enabled") else None,
    }
    for option, value in given.items():
        if value:
            _fail(
                option,
                value,
                "network_plugin none means that you bring the CNI, so Azure manages no dataplane, policy or overlay",
                f"Leave {option} out, or set network_plugin to azure.",
                "ByoCniWithManagedNetworking",
            )


def _check_acns(profile: Json, kubernetes_version: str, *, complete: bool) -> None:
    acns = profile.get("advanced_networking") or {}
    features = {
        "security": acns.get("security"),
        "advanced_network_policies": _feature(acns, "advanced_network_policies"),
        "transit_encryption": _feature(acns, "transit_encryption"),
        "acceleration_mode": _feature(acns, "acceleration_mode"),
    }
    asked = {name: value for name, value in features.items() if value}
    enabled = acns.get("enabled")
    if enabled and acns.get("observability") is False and acns.get("security") is False:
        _acns_fail(
            "enabled", True, "it needs observability or security", "Leave one of the two on, or set enabled to false."
        )
    for name, value in asked.items():
        if enabled is False or (complete and not enabled):
            _acns_fail(name, value, "it needs advanced_networking.enabled", "Set enabled to true.")
        dataplane = _word(profile, "network_dataplane")
        if dataplane == "azure" or (complete and dataplane != "cilium"):
            _acns_fail(name, value, "it needs network_dataplane cilium", "Set network_dataplane to cilium.")
    if asked.get("acceleration_mode") and profile.get("static_egress_gateway"):
        value = asked["acceleration_mode"]
        rule = "it does not go with static_egress_gateway"
        _acns_fail("acceleration_mode", value, rule, "Leave one of the two out.")
    if asked.get("advanced_network_policies") and acns.get("security") is False:
        value = asked["advanced_network_policies"]
        _acns_fail("advanced_network_policies", value, "it needs security", "Set security to true.")
    version = version_key(kubernetes_version)[:2]
    if enabled and version and version < ACNS_FROM:
        _acns_fail("enabled", True, f"it needs Kubernetes 1.29, not {kubernetes_version}", "Raise kubernetes_version.")
    if asked.get("acceleration_mode") and version and version < ACCELERATION_FROM:
        rule = f"it needs Kubernetes 1.33, not {kubernetes_version}"
        _acns_fail("acceleration_mode", asked["acceleration_mode"], rule, "Raise kubernetes_version.")


def _feature(acns: Json, key: str) -> str:
    value = str(acns.get(key) or "")
    return "" if value.lower() == "none" else value


def _acns_fail(option: str, value: Any, rule: str, remedy: str) -> None:
    _fail(f"advanced_networking.{option}", value, rule, remedy, "InvalidAdvancedNetworking")


def _parsed(option: str, value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        if "/" not in value:
            raise ValueError("the length of the prefix is missing")
        return ipaddress.ip_network(value)
    except ValueError as error:
        _fail(option, value, f"this is no CIDR range ({error})", "Write it as 10.244.0.0/16.", "InvalidCidr")


def _check_ranges(profile: Json, vnet_cidrs: Sequence[str]) -> None:
    """No two of pod, service and VNet ranges may overlap, nor may they lie in what AKS keeps for itself."""
    pods = [("pod_cidr", item) for item in _listed(profile, "pod_cidr", "pod_cidrs")]
    services = [("service_cidr", item) for item in _listed(profile, "service_cidr", "service_cidrs")]
    vnets = [("vnet_cidrs", item) for item in vnet_cidrs]
    parsed = [(option, value, _parsed(option, value)) for option, value in (*pods, *services, *vnets)]
    for option, value, network in parsed:
        _check_reserved(option, value, network)
    for (option, value, network), (other, other_value, other_network) in combinations(parsed, 2):
        if option != other and network.overlaps(other_network):
            _fail(
                option,
                value,
                f"it overlaps {other}={other_value}",
                "Choose ranges that have no address in common.",
                "OverlappingCidr",
            )


def check_default_ranges(profile: Json, *, own_subnet: bool) -> None:
    """For a new cluster: the given ranges against those that AKS takes where none is given.

    own_subnet: a node pool names a subnet, so AKS makes no virtual network of its own.
    """
    pods = [("pod_cidr", item) for item in _listed(profile, "pod_cidr", "pod_cidrs")]
    services = [("service_cidr", item) for item in _listed(profile, "service_cidr", "service_cidrs")]
    # Azure CNI without a mode takes the addresses of pods from the virtual network.
    on_azure = _word(profile, "network_plugin") == "azure" or _word(profile, "network_dataplane") == "cilium"
    if pods and on_azure and _word(profile, "network_plugin_mode") != "overlay":
        rule = "pods get addresses of the virtual network, unless network_plugin_mode is overlay"
        _fail(
            pods[0][0], pods[0][1], rule, "Set network_plugin_mode to overlay, or leave it out.", "PodCidrNeedsOverlay"
        )
    if not services:
        _check_dns_address({**profile, "service_cidr": DEFAULT_SERVICES}, ", which AKS takes where it is not given")
    checks = []
    if not services:
        checks.append((pods, DEFAULT_SERVICES, "for services when service_cidr is not given"))
    if not pods and (
        _word(profile, "network_plugin_mode") == "overlay" or _word(profile, "network_plugin") == "kubenet"
    ):
        checks.append((services, DEFAULT_PODS, "for pods when pod_cidr is not given"))
    if not own_subnet:
        checks.append((pods + services, DEFAULT_VNET, "for its virtual network when no pool names a vnet_subnet_id"))
    for ranges, default, reason in checks:
        for option, value in ranges:
            if _parsed(option, value).overlaps(ipaddress.ip_network(default)):
                rule = f"it overlaps {default}, which AKS takes {reason}"
                _fail(option, value, rule, "Choose another range, or name both.", "OverlappingCidr")


def _listed(profile: Json, one: str, many: str) -> list[str]:
    first = [profile[one]] if profile.get(one) else []
    return first + [item for item in profile.get(many) or [] if item not in first]


def _check_reserved(option: str, value: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> None:
    for reserved in FORBIDDEN:
        if option != "vnet_cidrs" and network.overlaps(ipaddress.ip_network(reserved)):
            rule = f"it overlaps {reserved}, which AKS does not allow"
            _fail(option, value, rule, "Choose another range, 10.244.0.0/16 for instance.", "ForbiddenCidr")
    if option == "service_cidr" and network.version == 4 and network.prefixlen <= SMALLEST_SERVICE_PREFIX:
        rule = f"a service range must be smaller than /{SMALLEST_SERVICE_PREFIX}"
        _fail(option, value, rule, "Choose a /16 for instance.", "ServiceCidrTooLarge")


def _check_dns_address(profile: Json, origin: str = "") -> None:
    """origin: where the service range comes from, if not from the options."""
    address, cidrs = profile.get("dns_service_ip"), _listed(profile, "service_cidr", "service_cidrs")
    if not address:
        return
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        _fail(
            "dns_service_ip", address, "this is no IP address", "Give one inside service_cidr.", "InvalidDnsServiceIp"
        )
    ranges = [ipaddress.ip_network(item) for item in cidrs]
    if not ranges:
        return
    inside = [network for network in ranges if parsed in network]
    if not inside:
        rule = f"it is not inside service_cidr={cidrs[0]}{origin}"
        _fail("dns_service_ip", address, rule, "Give an address of that range, usually .10.", "InvalidDnsServiceIp")
    elif parsed in (inside[0].network_address, inside[0].network_address + 1):
        rule = f"the first address of service_cidr={cidrs[0]}{origin} belongs to the Kubernetes service"
        _fail("dns_service_ip", address, rule, "Give a later address, usually .10.", "InvalidDnsServiceIp")
