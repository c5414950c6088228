# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Kubernetes upgrades: what Azure offers at the moment, asked only when a version changes.

The rules that hold whatever Azure offers are in rules_version.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .._errors import InvalidInput
from .._types import Json
from .client import ArmClient
from .companions import Change
from .compare import version_key
from .fields import read
from .rules_version import current_version

PROFILE = "upgradeProfiles/default"


def check_cluster(arm: ArmClient, path: str, what: str, changes: Sequence[Change], live: Json) -> None:
    """Raise InvalidInput for a version of the control plane, or of a pool by itself, that Azure does not offer now."""
    for change in changes:
        if change.option == ("kubernetes_version",):
            # Pools that change together with it are offered what it is offered.
            profile = read_profile(arm, path, what=f"upgrades of {what}")
            if profile is not None:
                _check_offered(change, current_version(live), profile.get("controlPlaneProfile") or {})
            return
    for change in changes:
        if change.option[0] == "agent_pools" and change.option[2:] == ("orchestrator_version",):
            check_pool(arm, f"{path}/agentPools/{change.option[1]}", change)


def check_pool(arm: ArmClient, path: str, change: Change) -> None:
    """The same for the version of a pool that exists."""
    profile = read_profile(arm, path, what=f"upgrades of node pool {path.rsplit('/', 1)[-1]}")
    if profile is not None:
        _check_offered(change, str(change.before or ""), profile)


def hold_pools(body: Json, live: Json, changes: Sequence[Change]) -> None:
    """A new version of the control plane is none of the pools: one that names no version would be taken along."""
    if not any(change.option == ("kubernetes_version",) for change in changes):
        return
    for pool in read(body, ("properties", "agentPoolProfiles")) or []:
        if not pool.get("orchestratorVersion"):
            pool["orchestratorVersion"] = pool.get("currentOrchestratorVersion") or current_version(live)


def read_profile(arm: ArmClient, path: str, *, what: str) -> Json | None:
    """The properties of an upgrade profile; None where Azure has none, so that only the write can tell."""
    answer = arm.get(f"{path}/{PROFILE}", what=what)
    properties: Json | None = (answer.body or {}).get("properties") if answer else None
    return properties


def _check_offered(change: Change, current: str, profile: Json) -> None:
    offered = _versions(profile)
    wanted = str(change.after)
    if any(version == wanted or version.startswith(f"{wanted}.") for version in offered):
        return
    raise InvalidInput(
        f"{change.name}={wanted!r}: Azure does not offer this version as an upgrade of {current or 'what runs'}.",
        option=change.name,
        code="VersionNotOffered",
        details={"available": offered},
        remedy=f"Available: {', '.join(offered)}." if offered else "No upgrade is available now.",
    )


def _versions(profile: Json) -> list[str]:
    upgrades: list[Any] = profile.get("upgrades") or []
    versions = {str(item.get("kubernetesVersion") if isinstance(item, dict) else item) for item in upgrades}
    return sorted(versions, key=version_key)
