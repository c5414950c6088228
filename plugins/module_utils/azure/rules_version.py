# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Rules for Kubernetes versions of control plane and node pools. Pure. Source: AKS documentation (2026-08).

What Azure offers at the moment is asked elsewhere; these rules hold whatever it offers.
"""

from __future__ import annotations

from .._types import Json
from .compare import version_key
from .fields import read
from .invalid import fail

CODE = "VersionNotPossible"
MAX_SKEW = 3
"""Minor versions that a node pool may be behind the control plane."""


def current_version(cluster: Json) -> str:
    """The version that the control plane runs; empty where the document does not tell."""
    properties = cluster.get("properties") or {}
    return str(properties.get("currentKubernetesVersion") or properties.get("kubernetesVersion") or "")


def check_cluster_versions(live: Json, body: Json) -> None:
    """Control plane and all pools of a body, if any of their versions changes."""
    before, after = (read(document, ("properties", "kubernetesVersion")) for document in (live, body))
    pools = read(body, ("properties", "agentPoolProfiles")) or []
    held = {pool.get("name"): pool for pool in read(live, ("properties", "agentPoolProfiles")) or []}
    changed = [pool for pool in pools if _asked(pool) and _asked(pool) != _asked(held.get(pool.get("name")) or {})]
    upgrades = before != after and after is not None
    target = str(after) if upgrades else current_version(live)
    if upgrades:
        _check_control_plane(current_version(live), target, body, pools)
        spot = [pool["name"] for pool in changed if str(pool.get("scaleSetPriority")).lower() == "spot"]
        if spot:
            fail(
                f"agent_pools.{spot[0]}.orchestrator_version",
                target,
                "a spot pool is not upgraded together with the control plane",
                "Upgrade the control plane in one run, and the pool in the next.",
                CODE,
            )
    for pool in changed:
        option = f"agent_pools.{pool.get('name')}.orchestrator_version"
        check_pool_version(option, held.get(pool.get("name")), pool, target, long_term=has_long_term_support(body))


def check_pool_version(option: str, live: Json | None, body: Json, control_plane: str, *, long_term: bool) -> None:
    """One pool against itself and the control plane."""
    wanted = _asked(body)
    new, plane = version_key(wanted), version_key(control_plane)
    shared = min(len(new), len(plane))
    if plane and new[:shared] > plane[:shared]:
        fail(
            option,
            wanted,
            f"a node pool is never newer than its control plane, which has {control_plane}",
            "Upgrade kubernetes_version first, or in the same run.",
            CODE,
        )
    if plane and _behind(new, plane) > MAX_SKEW:
        fail(
            option,
            wanted,
            f"a node pool is at most {MAX_SKEW} minor versions behind its control plane, which has {control_plane}",
            "Choose a newer version for the pool.",
            CODE,
        )
    if live:
        check_step(option, _running(live), wanted, long_term=long_term)


def check_step(option: str, before: str, after: str, *, long_term: bool) -> None:
    """One minor version at a time; clusters with long-term support may skip some, which Azure judges."""
    old, new = version_key(before), version_key(after)
    if old and not long_term and _behind(old, new) > 1:
        fail(
            option,
            after,
            f"Kubernetes is upgraded by one minor version at a time, and {before} is more than one behind",
            f"Upgrade to {new[0]}.{old[1] + 1} first.",
            CODE,
        )


def downgrade(before: str, after: str) -> str:
    """Why a change of versions goes backwards, or nothing."""
    old, new = version_key(before or "0"), version_key(after)
    return f"Kubernetes cannot be downgraded, and {before} runs" if new < old[: len(new)] else ""


def _check_control_plane(before: str, target: str, body: Json, pools: list[Json]) -> None:
    check_step("kubernetes_version", before, target, long_term=has_long_term_support(body))
    plane = version_key(target)
    late = [pool for pool in pools if _behind(version_key(_running(pool)), plane) > MAX_SKEW]
    if late:
        names = ", ".join(f"{pool.get('name')} ({_running(pool)})" for pool in late)
        fail(
            "kubernetes_version",
            target,
            f"node pools are at most {MAX_SKEW} minor versions behind the control plane, and these are more: {names}",
            "Upgrade these pools first.",
            CODE,
        )


def _asked(pool: Json) -> str:
    return str(pool.get("orchestratorVersion") or "")


def _running(pool: Json) -> str:
    """What a pool will run: the version asked for, in full where Azure tells it and it is the same."""
    asked, current = _asked(pool), str(pool.get("currentOrchestratorVersion") or "")
    return current if not asked or current == asked or current.startswith(f"{asked}.") else asked


def _behind(older: tuple[int, ...], newer: tuple[int, ...]) -> int:
    return newer[1] - older[1] if len(older) > 1 and len(newer) > 1 and older[0] == newer[0] else 0


def has_long_term_support(cluster: Json) -> bool:
    """Whether the cluster has the plan that lets it skip minor versions."""
    return str(read(cluster, ("properties", "supportPlan"))).lower() == "akslongtermsupport"
