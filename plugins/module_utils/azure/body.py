# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""From the live document and the options to the body of a PUT, and the list of what changes. Pure.

What no option names keeps its value: the body is a copy of the live document, and only named fields are written to it.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .._types import MASK, Json, Params
from . import compare
from .fields import CLUSTER_FIELDS, POOL_FIELDS, Field, Path, read, write


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


def with_defaults(params: Params) -> Json:
    """The options with what follows from others: the Cilium dataplane needs the policy sent along, always."""
    wanted: Json = copy.deepcopy(dict(params))
    profile = wanted.get("network_profile")
    if profile and profile.get("network_dataplane") == "cilium" and profile.get("network_policy") is None:
        profile["network_policy"] = "cilium"
    return wanted


def creation_body(params: Params, *, subscription_id: str) -> tuple[Json, list[Change]]:
    """The body that creates a cluster: the options, and what Azure demands without having a default for it."""
    body: Json = {"properties": {}}
    changes = overlay(body, params, creating=True)
    properties = body["properties"]
    if not properties.get("dnsPrefix"):
        properties["dnsPrefix"] = default_dns_prefix(params["name"], params["resource_group"], subscription_id)
    if not (body.get("identity") or {}).get("type"):
        assigned = (body.get("identity") or {}).get("userAssignedIdentities")
        body.setdefault("identity", {})["type"] = "UserAssigned" if assigned else "SystemAssigned"
    pools = properties.get("agentPoolProfiles") or []
    if pools and not any(pool.get("mode") for pool in pools):
        pools[0]["mode"] = "System"
    return body, changes


def default_dns_prefix(name: str, resource_group: str, subscription_id: str) -> str:
    """`<name>-<group>-<subscription>`, shortened as az shortens it, so that both tools name a cluster alike."""
    short = re.sub(r"[^A-Za-z0-9-]", "", name)[:10]
    if not short[:1].isalpha():
        short = f"a{short}"[:10]
    group = re.sub(r"[^A-Za-z0-9-]", "", resource_group)[:16]
    return f"{short}-{group}-{subscription_id[:6]}".strip("-")


def overlay(body: Json, params: Params, *, creating: bool = False) -> list[Change]:
    """Write every given option that is not met yet into body (a copy of the live document); tell what changed.

    creating: write all of them, also those that equal a default: Azure's defaults for new clusters change with time.
    """
    changes = _fields(body, params, CLUSTER_FIELDS, (), creating=creating)
    if body.get("sku"):
        body["sku"].setdefault("name", "Base")
    changes += _tags(body, params.get("tags"), ())
    changes += _pools(body, params.get("agent_pools") or [])
    properties = params.get("properties")
    if properties:
        changes += _raw(body.setdefault("properties", {}), properties, ("properties",), creating=creating)
    return changes


def _fields(body: Json, params: Params, fields: Sequence[Field], prefix: Path, *, creating: bool) -> list[Change]:
    live = copy.deepcopy(body)
    changes = []
    for field in fields:
        wanted = read(params, field.option)
        if wanted is None:
            continue
        value = read(live, field.path)
        if not creating and field.is_met(value, wanted, read(live, field.path[:-1]) or {}):
            continue
        write(body, field.path, field.to_arm(wanted, value))
        _keep_companions_in_step(body, live, field)
        changes.append(Change(prefix + field.option, field.from_arm(value), wanted, field.fixed))
    return changes


def _keep_companions_in_step(body: Json, live: Json, field: Field) -> None:
    """Two fields have companions that a GET fills in, and that contradict the new value when they are sent back."""
    *way, last = field.path
    held = read(live, tuple(way)) or {}
    if last == "podCidr" and held.get("podCidr") and held.get("podCidrs") == [held["podCidr"]]:
        write(body, (*way, "podCidrs"), [read(body, field.path)])
    if way[-1:] == ["advancedNetworking"] and last == "enabled" and read(body, field.path) is False:
        # As az switches it off: without its features, which are refused without it.
        for feature in ("observability", "security", "performance"):
            read(body, tuple(way)).pop(feature, None)


def _tags(body: Json, tags: Json | None, prefix: Path) -> list[Change]:
    """Named tags are set, a null removes one, others stay: Azure Policy adds tags of its own."""
    changes = []
    live = body.get("tags") or {}
    for key, wanted in (tags or {}).items():
        value = None if wanted is None else str(wanted)
        if live.get(key) == value:
            continue
        changes.append(Change((*prefix, "tags", key), live.get(key), value))
        body["tags"] = {name: text for name, text in (body.get("tags") or {}).items() if name != key}
        if value is not None:
            body["tags"][key] = value
    return changes


def _pools(body: Json, wanted_pools: list[Json]) -> list[Change]:
    """Change pools that exist, add those that do not; pools that nobody named stay as they are."""
    changes: list[Change] = []
    for wanted in wanted_pools:
        profiles = body.setdefault("properties", {}).setdefault("agentPoolProfiles", [])
        held = next((pool for pool in profiles if str(pool.get("name")).lower() == wanted["name"].lower()), None)
        if held is None:
            profiles.append(_new_pool(wanted))
            given = {key: value for key, value in wanted.items() if value is not None}
            changes.append(Change(("agent_pools", wanted["name"]), None, _masked(given)))
        else:
            changes += _pool(held, wanted)
    return changes


def _pool(held: Json, wanted: Json, *, creating: bool = False) -> list[Change]:
    prefix: Path = ("agent_pools", str(held.get("name")))
    scaling = wanted.get("enable_auto_scaling")
    autoscaled = held.get("enableAutoScaling") if scaling is None else scaling
    # The autoscaler owns the count of such a pool: comparing it would shrink the pool on every run.
    fields = [field for field in POOL_FIELDS if not (autoscaled and field.option == ("count",))]
    changes = _fields(held, wanted, fields, prefix, creating=creating)
    if scaling is False and any(change.option[-1] == "enable_auto_scaling" for change in changes):
        for bound in ("minCount", "maxCount"):
            held.pop(bound, None)
    changes += _tags(held, wanted.get("tags"), prefix)
    return changes + _raw(held, wanted.get("properties") or {}, (*prefix, "properties"), creating=creating)


def _new_pool(wanted: Json) -> Json:
    """A pool that does not exist: Azure wants a count and the kind of pool."""
    pool: Json = {"name": wanted["name"]}
    _pool(pool, wanted, creating=True)
    pool.setdefault("type", "VirtualMachineScaleSets")
    pool.setdefault("osType", "Linux")
    if wanted.get("enable_auto_scaling"):
        pool.setdefault("count", wanted["count"] if wanted.get("count") is not None else wanted["min_count"])
    pool.setdefault("count", 1)
    return pool


def _raw(held: Json, wanted: Json, prefix: Path, *, creating: bool) -> list[Change]:
    """Merge raw ARM keys; objects are merged, everything else is replaced. One change per differing leaf."""
    changes = []
    for key, value in wanted.items():
        live = held.get(key)
        option = (*prefix, key)
        if not creating and compare.raw(live, value, [part for part in option if part != "properties"]):
            continue
        if isinstance(value, dict) and (live is None or isinstance(live, dict)) and value:
            if live is None:
                held[key] = {}
            changes += _raw(held[key], value, option, creating=creating)
            continue
        held[key] = copy.deepcopy(value)
        changes.append(Change(option, _masked(live, key), _masked(value, key)))
    return changes


def _masked(value: Any, key: str = "") -> Any:
    """A value for a diff, without what Azure treats as write-only."""
    if key and compare.is_write_only(key) and value is not None:
        return MASK
    if isinstance(value, dict):
        return {name: _masked(item, name) for name, item in value.items()}
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value


def secrets_in(value: Any, key: str = "") -> list[str]:
    """The write-only strings in raw options: they must not show in any output."""
    if isinstance(value, dict):
        return [secret for name, item in value.items() for secret in secrets_in(item, name)]
    if isinstance(value, list):
        return [secret for item in value for secret in secrets_in(item, key)]
    return [value] if isinstance(value, str) and value and compare.is_write_only(key) else []


def diff_of(changes: Sequence[Change]) -> tuple[Json, Json]:
    """Before and after as nested options, exactly the fields that change."""
    before: Json = {}
    after: Json = {}
    for change in sorted(changes, key=lambda item: item.option):
        write(before, change.option, change.before)
        write(after, change.option, change.after)
    return before, after
