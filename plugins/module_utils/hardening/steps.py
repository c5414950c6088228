# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""How far a hardening has come, and which steps are left, told from the policies alone; so a run can go on anywhere."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .._types import Json
from ..cilium.policy import is_ours, object_key
from ..cilium.semantics import rules_of
from .marks import NAMESPACE_ROLE, ROLE_LABEL, WORKLOAD_ROLE

DIRECTIONS = ("ingress", "egress")
NOTHING, LISTENING, SHADOW, ENFORCING, SEALED = "nothing", "listening", "shadow", "enforcing", "sealed"
STATES = (NOTHING, LISTENING, SHADOW, ENFORCING, SEALED)

# Policies that deny: workloads one by one, then what is left of each namespace. The platform's (DNS) never denies.
_ORDER = (WORKLOAD_ROLE, NAMESPACE_ROLE)


def learned(policies: Iterable[Json], namespaces: Sequence[str]) -> list[Json]:
    """The policies that the hardening made for these namespaces, listening ones included."""
    return [
        policy
        for policy in policies
        if policy["metadata"].get("namespace") in namespaces and is_ours(policy) and role_of(policy)
    ]


def role_of(policy: Mapping[str, Any]) -> str:
    """workload, platform, namespace or listen; empty for a policy that the hardening did not make."""
    return str((policy["metadata"].get("labels") or {}).get(ROLE_LABEL) or "")


def enforcement_steps(policies: Iterable[Json], namespaces: Sequence[str]) -> list[Json]:
    """The smallest steps to default deny, in their order: {namespace, name, direction, enforced}.

    Each workload before what is left of the namespaces, and ingress before egress.
    """
    ours = [policy for policy in learned(policies, namespaces) if role_of(policy) in _ORDER]
    ours.sort(
        key=lambda policy: (_ORDER.index(role_of(policy)), policy["metadata"]["namespace"], policy["metadata"]["name"])
    )
    return [
        {
            "namespace": policy["metadata"]["namespace"],
            "name": policy["metadata"]["name"],
            "direction": direction,
            "enforced": enforces(policy, direction),
        }
        for policy in ours
        for direction in directions_of(policy)
    ]


def directions_of(policy: Mapping[str, Any]) -> list[str]:
    """The directions in which a policy has rules, so that it can be enforced there."""
    return [direction for direction in DIRECTIONS if any(rule.get(direction) for __, rule in rules_of(policy))]


def enforces(policy: Mapping[str, Any], direction: str) -> bool:
    """Whether a policy of ours makes its pods deny this direction by default. Ours always state it."""
    rules = [rule for __, rule in rules_of(policy) if rule.get(direction)]
    return bool(rules) and all((rule.get("enableDefaultDeny") or {}).get(direction, True) for rule in rules)


def staged(candidates: Iterable[Json], live: Iterable[Json]) -> list[Json]:
    """The candidates with the switches that they may have at once.

    A policy that is there keeps its switches when nothing that it allows is taken away. Otherwise it goes back to
    shadow, to be soaked and enforced again, and what denies the rest of its namespace with it. A new one starts there.
    """
    there = {object_key(policy): policy for policy in live}
    wanted = [copy.deepcopy(policy) for policy in candidates]
    narrowed = {
        policy["metadata"]["namespace"]
        for policy in wanted
        if object_key(policy) in there and not _is_grown(there[object_key(policy)], policy)
    }
    for policy in wanted:
        old = there.get(object_key(policy))
        reopened = policy["metadata"]["namespace"] in narrowed and (
            role_of(policy) == NAMESPACE_ROLE or (old is not None and not _is_grown(old, policy))
        )
        for __, rule in rules_of(policy):
            rule["enableDefaultDeny"] = {
                direction: old is not None and not reopened and enforces(old, direction) for direction in DIRECTIONS
            }
    return wanted


def _is_grown(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Whether a policy selects what it selected, and has all the rules that it had."""
    before, after = ([rule for __, rule in rules_of(policy)] for policy in (old, new))
    if [rule.get("endpointSelector") for rule in before] != [rule.get("endpointSelector") for rule in after]:
        return False
    for direction in DIRECTIONS:
        kept = {json.dumps(item, sort_keys=True) for rule in after for item in rule.get(direction) or []}
        if any(json.dumps(item, sort_keys=True) not in kept for rule in before for item in rule.get(direction) or []):
            return False
    return True


def state_of(policies: Iterable[Json], namespaces: Sequence[str]) -> str:
    """How far the namespaces have come: one of STATES."""
    ours = learned(policies, namespaces)
    steps = enforcement_steps(ours, namespaces)
    if steps and all(step["enforced"] for step in steps):
        return SEALED
    if any(step["enforced"] for step in steps):
        return ENFORCING
    if steps:
        return SHADOW
    return LISTENING if ours else NOTHING
