# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Rules for how a cluster reaches the internet. Pure. Source: AKS documentation and API description (2026-08)."""

from __future__ import annotations

from typing import Any

from .._types import Json
from .invalid import check_between, check_resource_id, fail

# One of these, and never two: they are ways to get the same addresses.
ADDRESSES = ("managed_outbound_ip_count", "outbound_ip_ids", "outbound_ip_prefix_ids")
OWN_ROUTES = ("userDefinedRouting", "userAssignedNATGateway")


def check_outbound(profile: Json) -> None:
    """Outbound type against load balancer and NAT gateway, and the numbers of both; only what options name."""
    balancer, gateway = profile.get("load_balancer") or {}, profile.get("nat_gateway") or {}
    kind = profile.get("outbound_type") or ""
    _check_kind(kind, balancer, gateway)
    _check_addresses(balancer, "network_profile.load_balancer", ADDRESSES)
    # The addresses of a NAT gateway are managed, or its own ones and prefixes together.
    for own in ADDRESSES[1:]:
        _check_addresses(gateway, "network_profile.nat_gateway", (ADDRESSES[0], own))
    if profile.get("load_balancer_sku") == "basic":
        _check_basic(balancer, kind)
    _check_numbers(balancer, gateway)
    _check_sku(gateway)
    for where, profile in (("load_balancer", balancer), ("nat_gateway", gateway)):
        _check_ids(profile, f"network_profile.{where}")


def check_outbound_network(profile: Json, *, own_network: bool) -> None:
    """For a new cluster: the outbound type against the network that its nodes will be in."""
    kind = profile.get("outbound_type")
    _check_kind(kind or "loadBalancer", {}, profile.get("nat_gateway") or {})
    if kind in OWN_ROUTES and not own_network:
        fail(
            "network_profile.outbound_type",
            kind,
            "it needs nodes in a virtual network that has this way out already",
            "Name its subnet as vnet_subnet_id of each pool.",
            "OutboundTypeNeedsOwnNetwork",
        )
    if kind == "managedNATGateway" and own_network:
        fail(
            "network_profile.outbound_type",
            kind,
            "AKS manages NAT gateways only in virtual networks that it makes itself",
            "Use userAssignedNATGateway, or leave vnet_subnet_id out.",
            "OutboundTypeNeedsManagedNetwork",
        )


def _asks(value: Any) -> bool:
    return value not in (None, [], 0)


def _check_kind(kind: str, balancer: Json, gateway: Json) -> None:
    outbound = (*ADDRESSES, "managed_outbound_ipv6_count", "allocated_outbound_ports")
    given = [option for option in outbound if _asks(balancer.get(option))]
    if kind not in ("", "loadBalancer") and given:
        fail(
            f"network_profile.load_balancer.{given[0]}",
            balancer[given[0]],
            f"with outbound_type {kind} nothing goes out by the load balancer",
            "Leave it out, or set outbound_type to loadBalancer.",
            "LoadBalancerNotOutbound",
        )
    given = [option for option, value in gateway.items() if value is not None]
    if kind not in ("", "managedNATGateway") and given:
        fail(
            f"network_profile.nat_gateway.{given[0]}",
            gateway[given[0]],
            f"with outbound_type {kind} there is no NAT gateway that AKS manages",
            "Leave it out, or set outbound_type to managedNATGateway.",
            "NatGatewayNotOutbound",
        )


def _check_addresses(profile: Json, where: str, kinds: tuple[str, ...]) -> None:
    asked = [option for option in kinds if _asks(profile.get(option))]
    if len(asked) > 1:
        fail(
            f"{where}.{asked[1]}",
            profile[asked[1]],
            f"it does not go with {asked[0]}, which asks for other addresses",
            "Name one of the two.",
            "OutboundAddressesContradict",
        )


def _check_basic(balancer: Json, kind: str) -> None:
    if kind not in ("", "loadBalancer"):
        rule = "it needs load_balancer_sku standard"
        fail("network_profile.outbound_type", kind, rule, "Set load_balancer_sku to standard.", "BasicLoadBalancer")
    given = [option for option, value in balancer.items() if _asks(value)]
    if given:
        rule = "the basic load balancer has no settings"
        remedy = "Set load_balancer_sku to standard, or leave it out."
        fail(f"network_profile.load_balancer.{given[0]}", balancer[given[0]], rule, remedy, "BasicLoadBalancer")


def _check_numbers(balancer: Json, gateway: Json) -> None:
    where = "network_profile.load_balancer"
    for option, low in (("managed_outbound_ip_count", 1), ("managed_outbound_ipv6_count", 0)):
        check_between(f"{where}.{option}", balancer.get(option), low, 100, "a load balancer has {} managed addresses")
    check_between(f"{where}.idle_timeout_in_minutes", balancer.get("idle_timeout_in_minutes"), 4, 120, _IDLE)
    ports = balancer.get("allocated_outbound_ports")
    check_between(f"{where}.allocated_outbound_ports", ports, 0, 64000, "a node has {} ports")
    if ports and ports % 8:
        rule = "ports are allocated by eights"
        fail(f"{where}.allocated_outbound_ports", ports, rule, f"Choose {ports + 8 - ports % 8}, for instance.")
    where = "network_profile.nat_gateway"
    for option, low in (("managed_outbound_ip_count", 1), ("managed_outbound_ipv6_count", 0)):
        check_between(f"{where}.{option}", gateway.get(option), low, 16, "a NAT gateway has {} managed addresses")
    check_between(f"{where}.idle_timeout_in_minutes", gateway.get("idle_timeout_in_minutes"), 4, 120, _IDLE)


_IDLE = "idle connections end after {} minutes"


def _check_ids(profile: Json, where: str) -> None:
    for option, kind in (("outbound_ip_ids", "publicIPAddresses"), ("outbound_ip_prefix_ids", "publicIPPrefixes")):
        for item in profile.get(option) or []:
            check_resource_id(f"{where}.{option}", item, f"Microsoft.Network/{kind}")


def _check_sku(gateway: Json) -> None:
    """The older NAT gateway knows neither prefixes of one's own nor IPv6."""
    if gateway.get("sku") != "Standard":
        return
    for option in ("outbound_ip_prefix_ids", "managed_outbound_ipv6_count"):
        if _asks(gateway.get(option)):
            rule = "it needs the sku StandardV2"
            remedy = "Set nat_gateway.sku to StandardV2."
            fail(f"network_profile.nat_gateway.{option}", gateway[option], rule, remedy, "NatGatewayNeedsV2")
