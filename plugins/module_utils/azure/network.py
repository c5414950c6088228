# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The virtual network of a cluster (option virtual_network): created when missing, removed only when ours and unused.

A network or a subnet that exists is never changed.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from .._errors import Conflict, InvalidInput, NotFound
from .._text import agree, counted
from .._types import Json, Params, Progress
from .._wait import Look, wait_until
from .client import ArmClient
from .group import OUR_TAG, OUR_VALUE, is_ours
from .invalid import fail
from .operation import accepted, follow, settle
from .validate import check_group_name

API_VERSION = "2024-05-01"
MAX_TRIES = 5
# Azure frees the addresses of a deleted cluster's nodes a little later than it reports the cluster as gone.
FREED_WITHIN_S = 180.0
# What in a subnet shows that somebody uses it.
USES = ("ipConfigurations", "privateEndpoints", "resourceNavigationLinks", "serviceAssociationLinks", "delegations")
# A text, because sanity tests read this file with older Pythons as well.
Network: TypeAlias = "ipaddress.IPv4Network | ipaddress.IPv6Network"


@dataclass
class Outcome:
    """What was done, or would be in check mode."""

    changed: bool = False
    subnet_id: str = ""
    before: Json = field(default_factory=dict)
    after: Json = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    """Ids of what is gone, or would be: the resource group counts as empty without them."""
    message: str = ""


def check(params: Params) -> None:
    """Names and ranges of the option, before anything is sent."""
    given = params.get("virtual_network")
    if not given:
        return
    if given.get("resource_group"):
        check_group_name(given["resource_group"])
    _check_name("virtual_network.name", given["name"], 64)
    _check_name("virtual_network.subnet.name", given["subnet"]["name"], 80)
    spaces = [_parsed("virtual_network.cidrs", cidr) for cidr in given.get("cidrs") or []]
    cidr = given["subnet"].get("cidr")
    subnet = _parsed("virtual_network.subnet.cidr", cidr) if cidr else None
    if subnet and spaces and not _inside(subnet, spaces):
        fail(
            "virtual_network.subnet.cidr",
            cidr,
            f"it is not inside of virtual_network.cidrs ({', '.join(map(str, spaces))})",
            "Give a range inside of the network's address space.",
            "SubnetOutsideNetwork",
        )


def _check_name(option: str, name: str, longest: int) -> None:
    if not re.fullmatch(r"[A-Za-z0-9]([\w.-]*\w)?", name, re.ASCII) or len(name) > longest:
        fail(
            option,
            name,
            f"a name has 1 to {longest} letters, digits, periods, hyphens and underscores, begins with a letter or "
            "digit, and does not end with a period or hyphen",
            "Choose another name.",
            "InvalidNetworkName",
        )


def _parsed(option: str, value: str) -> Network:
    try:
        if "/" not in value:
            raise ValueError("the length of the prefix is missing")
        return ipaddress.ip_network(value)
    except ValueError as error:
        raise InvalidInput(
            f"{option}={value!r} is no network in CIDR notation: {error}.",
            option=option,
            code="InvalidCidr",
            remedy="Write it as 10.240.0.0/16, with no bits set behind the prefix.",
        ) from error


def _inside(subnet: Network, spaces: Sequence[Network]) -> bool:
    return any(
        subnet.version == space.version
        and int(space.network_address) <= int(subnet.network_address)
        and int(subnet.broadcast_address) <= int(space.broadcast_address)
        for space in spaces
    )


def network_id(arm: ArmClient, params: Params) -> str:
    """Id of the virtual network; empty when the option is not given."""
    given = params.get("virtual_network")
    if not given:
        return ""
    group = given.get("resource_group") or params["resource_group"]
    return f"{arm.group_path(group)}/providers/Microsoft.Network/virtualNetworks/{given['name']}"


def subnet_id(arm: ArmClient, params: Params) -> str:
    """Id of the subnet, for the pools that name none; empty when the option is not given. Asks nobody."""
    network = network_id(arm, params)
    return f"{network}/subnets/{params['virtual_network']['subnet']['name']}" if network else ""


def ensure(arm: ArmClient, params: Params, *, check: bool, timeout_s: float, progress: Progress) -> Outcome:
    """Create the network or its subnet where they are missing; check: only say what would be created."""
    if not params.get("virtual_network"):
        return Outcome()
    wanted = _Wanted(arm, params)
    for tries_left in reversed(range(MAX_TRIES)):
        try:
            return _ensure(wanted, params, check=check, timeout_s=timeout_s, progress=progress)
        except Conflict:
            # Another cluster's run creates the same network just now.
            if not tries_left:
                raise
            arm.clock.sleep(3.0)
    raise AssertionError("the last try returns or raises")


def _ensure(wanted: _Wanted, params: Params, *, check: bool, timeout_s: float, progress: Progress) -> Outcome:
    live = wanted.read()
    outcome = Outcome(subnet_id=wanted.subnet_path)
    if live is None:
        path, body = wanted.path, wanted.network_body(params)
    elif wanted.fits(live):
        if not check:
            settle(wanted.read, wanted.arm, what=wanted.what, timeout_s=timeout_s, progress=progress)
        return outcome
    elif not is_ours(live):
        raise wanted.no_such_subnet(live)
    else:
        path, body = wanted.subnet_path, wanted.subnet_body()
        outcome.before = {"name": wanted.name}
    outcome.changed, outcome.after = True, wanted.described()
    if not check:
        progress(f"{wanted.what}: creating")
        # A PUT replaces all subnets: it must not meet a network that appeared since.
        answer = wanted.arm.send(
            "PUT", path, what=wanted.what, body=body, headers={"If-None-Match": "*"}, api_version=API_VERSION
        )
        operation = accepted("create", answer)
        if operation.url:
            follow(wanted.arm, operation, what=wanted.what, timeout_s=timeout_s, progress=progress)
        else:
            settle(wanted.read, wanted.arm, what=wanted.what, timeout_s=timeout_s, progress=progress)
    return outcome


def remove(
    arm: ArmClient,
    params: Params,
    *,
    check: bool,
    timeout_s: float,
    progress: Progress,
    wait: bool = True,
    node_resource_group: str = "",
) -> Outcome:
    """Delete the network, or only the subnet where others are left; message says why it stays.

    Only in a network that carries our tag, and only what nobody uses.
    node_resource_group: group of the nodes of the cluster that goes (or, in check mode, would go); what they hold in
    the subnet is no reason to keep it.
    """
    if not params.get("virtual_network"):
        return Outcome()
    wanted = _Wanted(arm, params)
    live = wanted.read()
    subnet = wanted.live_subnet(live) if live else {}
    others = [item for item in _listed(live, "subnets") if item is not subnet] if live else []
    if live is None or (others and not subnet):
        return Outcome()
    reason = _reason_to_keep(live, subnet, alone=not others, node_resource_group=node_resource_group)
    if reason:
        return Outcome(message=f"The {wanted.what} stays: {reason}.")
    path = wanted.subnet_path if others else wanted.path
    after = {"name": wanted.name} if others else {}
    gone = Outcome(True, before=wanted.described(live), after=after, removed=[] if others else [wanted.path])
    if check:
        return gone
    if not _freed(wanted, timeout_s=timeout_s if wait else 0.0, progress=progress):
        return Outcome(message=f"The {wanted.what} stays until Azure has freed its addresses: run again to remove it.")
    try:
        answer = arm.send("DELETE", path, what=wanted.what, api_version=API_VERSION)
    except InvalidInput as error:
        if not error.code.startswith("InUse"):
            raise
        return Outcome(message=f"The {wanted.what} stays. {error.message}")
    if wait and answer.status != 204:
        settle(
            (lambda: wanted.live_subnet(wanted.read() or {}) or None) if others else wanted.read,
            arm,
            what=wanted.what,
            timeout_s=timeout_s,
            progress=progress,
            until_gone=True,
        )
    return gone


class _Wanted:
    """The option virtual_network, and where its network is."""

    def __init__(self, arm: ArmClient, params: Params) -> None:
        given = params["virtual_network"]
        self.arm = arm
        self.name: str = given["name"]
        self.group: str = given.get("resource_group") or params["resource_group"]
        self.subnet: str = given["subnet"]["name"]
        self.cidrs: list[str] = list(given.get("cidrs") or [])
        self.subnet_cidr: str = given["subnet"].get("cidr") or ""
        self.path = network_id(arm, params)
        self.subnet_path = subnet_id(arm, params)
        self.what = f"virtual network {self.name}"

    def read(self) -> Json | None:
        """The network as it is; None where there is none."""
        answer = self.arm.get(self.path, what=self.what, api_version=API_VERSION)
        return answer.body if answer else None

    def described(self, live: Json | None = None) -> Json:
        """What a diff shows."""
        cidrs = _spaces(live) if live else self.cidrs
        subnet_cidr = ", ".join(_prefixes(self.live_subnet(live))) if live else self.subnet_cidr
        return {"name": self.name, "cidrs": cidrs, "subnet": {"name": self.subnet, "cidr": subnet_cidr}}

    def network_body(self, params: Params) -> Json:
        """The body that creates the network with its subnet."""
        for option, value in (("virtual_network.cidrs", self.cidrs), ("location", params.get("location"))):
            if not value:
                raise self._missing(option)
        tags = {key: str(value) for key, value in (params.get("tags") or {}).items() if value is not None}
        return {
            "location": params["location"],
            "tags": {**tags, OUR_TAG: OUR_VALUE},
            "properties": {
                "addressSpace": {"addressPrefixes": self.cidrs},
                "subnets": [{"name": self.subnet, **self.subnet_body()}],
            },
        }

    def subnet_body(self) -> Json:
        """The body that creates the subnet."""
        if not self.subnet_cidr:
            raise self._missing("virtual_network.subnet.cidr")
        return {"properties": {"addressPrefix": self.subnet_cidr}}

    def _missing(self, option: str) -> InvalidInput:
        return InvalidInput(
            f"{option} is not given, and the {self.what} or its subnet {self.subnet} has to be created.",
            option=option,
            code="MissingForCreation",
            remedy=f"Set {option}, or name a virtual network and a subnet that exist.",
        )

    def no_such_subnet(self, live: Json) -> NotFound:
        """The error for a subnet that is missing in somebody else's network."""
        names = sorted(str(item.get("name")) for item in _listed(live, "subnets"))
        return NotFound(
            f"virtual_network.subnet.name={self.subnet!r}: the {self.what} has no such subnet, and it is not changed "
            f"because it does not carry the tag {OUR_TAG}={OUR_VALUE}.",
            option="virtual_network.subnet.name",
            code="SubnetNotFound",
            remedy=f"Name a subnet that exists ({', '.join(names) or 'there is none'}), or create it: "
            f"az network vnet subnet create --resource-group {self.group} --vnet-name {self.name} "
            f"--name {self.subnet} --address-prefixes <cidr>",
        )

    def live_subnet(self, live: Json) -> Json:
        """The subnet as it is; empty where there is none."""
        named = (item for item in _listed(live, "subnets") if str(item.get("name")).lower() == self.subnet.lower())
        return next(named, {})

    def fits(self, live: Json) -> bool:
        """Whether the subnet is there; one with other ranges than the given ones is an error, and stays as it is."""
        missing = [cidr for cidr in self.cidrs if cidr not in _spaces(live)]
        if missing:
            self._differs("virtual_network.cidrs", self.cidrs, f"the {self.what} has {', '.join(_spaces(live))}")
        subnet = self.live_subnet(live)
        if subnet and self.subnet_cidr and self.subnet_cidr not in _prefixes(subnet):
            has = f"the subnet {self.subnet} of the {self.what} has {', '.join(_prefixes(subnet))}"
            self._differs("virtual_network.subnet.cidr", self.subnet_cidr, has)
        return bool(subnet)

    def _differs(self, option: str, value: Any, has: str) -> None:
        fail(
            option,
            value,
            f"{has}, and what exists is not changed",
            "Give the ranges that exist (or leave them out), or another name.",
            "VirtualNetworkDiffers",
        )


def _listed(document: Json, key: str) -> list[Json]:
    return (document.get("properties") or {}).get(key) or []


def _spaces(live: Json) -> list[str]:
    return ((live.get("properties") or {}).get("addressSpace") or {}).get("addressPrefixes") or []


def _prefixes(subnet: Json) -> list[str]:
    properties = subnet.get("properties") or {}
    prefixes: list[str] = properties.get("addressPrefixes") or [properties.get("addressPrefix") or ""]
    return prefixes


def _reason_to_keep(live: Json, subnet: Json, *, alone: bool, node_resource_group: str) -> str:
    """Why the subnet (alone: the whole network) must stay; empty when it is ours and unused."""
    if not is_ours(live):
        return f"it does not carry the tag {OUR_TAG}={OUR_VALUE}"
    if alone and _listed(live, "virtualNetworkPeerings"):
        return "it is peered with another network"
    uses = _uses(subnet, without_group=node_resource_group)
    number = len(uses)
    return f"{counted(number, 'other resource')} {agree(number, 'uses', 'use')} it ({uses[0]})" if uses else ""


def _uses(subnet: Json, *, without_group: str = "") -> list[str]:
    """Ids of what is in a subnet, save what belongs to a resource group that goes."""
    ids = [str(use.get("id") or use.get("name")) for kind in USES for use in _listed(subnet, kind)]
    ours = f"/resourcegroups/{without_group.lower()}/"
    return [use for use in ids if not (without_group and ours in use.lower())]


def _freed(wanted: _Wanted, *, timeout_s: float, progress: Progress) -> bool:
    """Wait a little until the nodes of a deleted cluster have left the subnet; False when they stay."""
    clock = wanted.arm.clock
    deadline = clock.monotonic() + min(timeout_s, FREED_WITHIN_S)

    def look() -> Look[bool]:
        uses = _uses(wanted.live_subnet(wanted.read() or {}))
        return Look(not uses or clock.monotonic() >= deadline, f"{counted(len(uses), 'address')} in use", not uses)

    return wait_until(
        look, what=wanted.what, timeout_s=FREED_WITHIN_S + 60, interval_s=5.0, clock=clock, progress=progress
    )
