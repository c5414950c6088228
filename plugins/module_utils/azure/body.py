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
from typing import Any

from .._types import MASK, Json, Params
from . import compare
from .companions import Change, drop_bounds, keep_in_step
from .fields import CLUSTER_FIELDS, POOL_FIELDS, Field, Path, read, write


def with_defaults(params: Params) -> Json:
    """The options with what follows from others: the Cilium dataplane needs the policy sent along, always."""
    wanted: Json = copy.deepcopy(dict(params))
    as_texts(wanted)
    for pool in wanted.get("agent_pools") or []:
        as_texts(pool)
    profile = wanted.get("network_profile")
    if profile and profile.get("network_dataplane") == "cilium" and profile.get("network_policy") is None:
        profile["network_policy"] = "cilium"
    entra = wanted.get("aad_profile")
    if entra and entra.get("managed") is None and any(value is not None for value in entra.values()):
        # Azure has no other kind left: without it the rest would mean nothing.
        entra["managed"] = True
    return wanted


def as_texts(options: Json) -> None:
    """Make texts of the values of tags and labels, as Azure stores them, so that a diff shows them so."""
    # A null removes a tag, and is an empty label. What can be no text is for the validation to refuse.
    kept = {"tags": (type(None), dict, list), "node_labels": (dict, list)}
    for option, kinds in kept.items():
        if options.get(option):
            values = options[option].items()
            options[option] = {key: v if isinstance(v, kinds) else compare.text(v) for key, v in values}


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
    profile = properties.get("networkProfile") or {}
    if "networkPlugin" not in profile and (
        profile.get("networkDataplane") == "cilium" or "networkPluginMode" in profile
    ):
        # Both exist for Azure CNI only; what Azure takes where nothing is given, has changed before.
        profile["networkPlugin"] = "azure"
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
    if any(change.option == ("sku_tier",) for change in changes):
        body["sku"].setdefault("name", "Base")
    keep_in_step(body, params, changes)
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
        changes.append(Change(prefix + field.option, field.from_arm(value), wanted, field.fixed))
    return changes


def _tags(body: Json, tags: Json | None, prefix: Path) -> list[Change]:
    """Named tags are set, a null removes one, others stay: Azure Policy adds tags of its own."""
    changes = []
    live = body.get("tags") or {}
    spelled = {name.lower(): name for name in live}
    for given, wanted in (tags or {}).items():
        value = None if wanted is None else compare.text(wanted)
        # To Azure, names of tags have no case: another spelling would be the same tag a second time.
        key = spelled.get(given.lower(), given)
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
            profiles.append({"name": wanted["name"], **new_pool(wanted)[0]})
            given = {key: value for key, value in wanted.items() if value is not None}
            changes.append(Change(("agent_pools", wanted["name"]), None, _masked(given)))
        else:
            changes += overlay_pool(held, wanted, ("agent_pools", str(held.get("name"))))
    return changes


def overlay_pool(held: Json, wanted: Params, prefix: Path = (), *, creating: bool = False) -> list[Change]:
    """Write every given option that is not met yet into a pool (a profile, or the `properties` of a resource).

    prefix: where the options are, for the names of the changes.
    """
    scaling = wanted.get("enable_auto_scaling")
    autoscaled = held.get("enableAutoScaling") if scaling is None else scaling
    # The autoscaler owns the count of such a pool: comparing it would shrink the pool on every run.
    fields = [field for field in POOL_FIELDS if not (autoscaled and field.option == ("count",))]
    changes = _fields(held, wanted, fields, prefix, creating=creating)
    if scaling is False and any(change.option[-1] == "enable_auto_scaling" for change in changes):
        changes += drop_bounds(held, prefix)
    changes += _tags(held, wanted.get("tags"), prefix)
    return changes + _raw(held, wanted.get("properties") or {}, (*prefix, "properties"), creating=creating)


def new_pool(wanted: Params) -> tuple[Json, list[Change]]:
    """A pool that does not exist, without its name: Azure wants a count and the kind of pool."""
    pool: Json = {}
    changes = overlay_pool(pool, wanted, creating=True)
    pool.setdefault("type", "VirtualMachineScaleSets")
    pool.setdefault("osType", "Linux")
    if wanted.get("enable_auto_scaling"):
        given = (wanted.get(option) for option in ("count", "min_count"))
        pool.setdefault("count", next((count for count in given if count is not None), 1))
    pool.setdefault("count", 1)
    return pool, changes


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
