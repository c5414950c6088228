# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure can and cannot change in a running cluster. Pure; run before any write. Source: AKS documentation."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from typing import Any

from .._errors import InvalidInput, Unsupported
from .._types import Json
from .body import Change
from .compare import version_key
from .fields import read

Profile = Json
_NETWORK = ("properties", "networkProfile")


def check_changes(changes: Sequence[Change], live: Json, body: Json) -> None:
    """Raise for the first change that Azure refuses in place, naming the option and what would have to be recreated."""
    for change in changes:
        reason = change.fixed or _reason(change, live, body)
        if reason:
            raise Unsupported(
                f"{change.name} cannot be changed from {change.before!r} to {change.after!r}: {reason}.",
                option=change.name,
                code="ImmutableField",
                remedy=_remedy(change),
            )
    _check_migration(live, body)


def warnings_for(live: Json, body: Json) -> list[str]:
    """What a person should know before the change, because it touches running workloads."""
    if _dataplane(live) != "cilium" and _dataplane(body) == "cilium":
        return ["The change of network_dataplane to cilium makes Azure reimage the nodes of all pools at once."]
    if _mode(live) != "overlay" and _mode(body) == "overlay":
        return ["The change of network_plugin_mode to overlay makes Azure reimage the nodes of all pools at once."]
    return []


def _remedy(change: Change) -> str:
    if change.option[0] == "agent_pools":
        return f"Keep the old value, or add a new node pool and delete {change.option[1]} yourself."
    return "Keep the old value, or delete the cluster and create it again: this is never done by itself."


def _profile(document: Json) -> Profile:
    return read(document, _NETWORK) or {}


def _word(document: Json, key: str) -> str:
    return str(_profile(document).get(key) or "").lower()


def _plugin(document: Json) -> str:
    return _word(document, "networkPlugin")


def _mode(document: Json) -> str:
    return _word(document, "networkPluginMode")


def _dataplane(document: Json) -> str:
    return _word(document, "networkDataplane") or "azure"


def _reason(change: Change, live: Json, body: Json) -> str:
    rule = _RULES.get(change.option) or _POOL_RULES.get(change.option[-1] if change.option[0] == "agent_pools" else "")
    return rule(change, live, body) if rule else ""


def _plugin_change(change: Change, live: Json, body: Json) -> str:
    if "none" in (_plugin(live), _plugin(body)):
        return "a cluster gets or loses its network plugin only when it is created"
    if _plugin(live) == "kubenet" and _plugin(body) == "azure" and _mode(body) == "overlay":
        return ""
    return "Azure offers only the way from kubenet to azure with network_plugin_mode overlay"


def _mode_change(change: Change, live: Json, body: Json) -> str:
    if _mode(body) != "overlay":
        return "there is no way back from overlay"
    pools = read(live, ("properties", "agentPoolProfiles")) or []
    if any(pool.get("podSubnetID") for pool in pools):
        return "clusters whose pods have a subnet of their own cannot become overlay clusters"
    return ""


def _dataplane_change(change: Change, live: Json, body: Json) -> str:
    return "there is no way back from the Cilium dataplane" if _dataplane(live) == "cilium" else ""


def _pod_cidr_change(change: Change, live: Json, body: Json) -> str:
    if _plugin(live) == "none" or _mode(live) != "overlay":
        # Without a CNI the field is the user's; on the way to overlay it may be chosen anew.
        on_the_way = _plugin(live) == "none" or _mode(body) == "overlay"
        return "" if on_the_way else "only clusters without a network plugin and overlay clusters may change it"
    try:
        old, new = ipaddress.ip_network(str(change.before)), ipaddress.ip_network(str(change.after))
        grows = old != new and isinstance(old, ipaddress.IPv4Network) and old.subnet_of(new)  # type: ignore[arg-type]
    except (ValueError, TypeError):
        grows = False
    return "" if grows else "an overlay cluster's pod CIDR can only grow to an IPv4 range that contains the old one"


def _policy_change(change: Change, live: Json, body: Json) -> str:
    before, after = str(change.before or "none").lower(), str(change.after or "none").lower()
    if before == "cilium":
        return "the Cilium dataplane needs it"
    if {before, after} == {"azure", "calico"}:
        return "Azure changes from one policy engine to the other only by way of none, in two runs"
    return ""


def _load_balancer_change(change: Change, live: Json, body: Json) -> str:
    return "there is no way back to the basic load balancer" if str(change.after).lower() == "basic" else ""


def _oidc_change(change: Change, live: Json, body: Json) -> str:
    return "" if change.after else "Azure cannot switch the OIDC issuer off again"


def _version_change(change: Change, live: Json, body: Json) -> str:
    before, after = version_key(str(change.before or "0")), version_key(str(change.after))
    return "Kubernetes cannot be downgraded" if after < before[: len(after)] else ""


_RULES: dict[tuple[str, ...], Callable[[Change, Json, Json], str]] = {
    ("network_profile", "network_plugin"): _plugin_change,
    ("network_profile", "network_plugin_mode"): _mode_change,
    ("network_profile", "network_dataplane"): _dataplane_change,
    ("network_profile", "network_policy"): _policy_change,
    ("network_profile", "pod_cidr"): _pod_cidr_change,
    ("network_profile", "load_balancer_sku"): _load_balancer_change,
    ("oidc_issuer",): _oidc_change,
    ("kubernetes_version",): _version_change,
}
_POOL_RULES: dict[str, Callable[[Change, Json, Json], str]] = {"orchestrator_version": _version_change}


def _check_migration(live: Json, body: Json) -> None:
    """Refuse two steps in one, which Azure refuses, too, but only after it has been asked."""
    becomes_cilium = _dataplane(live) != "cilium" and _dataplane(body) == "cilium"
    becomes_overlay = _mode(live) != "overlay" and _mode(body) == "overlay"
    if becomes_cilium and becomes_overlay:
        _refuse("network_dataplane", "Azure does not change to overlay and to the Cilium dataplane in one step")
    if becomes_cilium and _plugin(live) == "kubenet":
        _refuse("network_dataplane", "a kubenet cluster has to become an overlay cluster first")
    if becomes_overlay and _word(live, "networkPolicy") in ("azure", "calico"):
        _refuse("network_plugin_mode", "a cluster with a policy engine cannot become an overlay cluster")


def _refuse(option: str, reason: str) -> None:
    option = f"network_profile.{option}"
    raise InvalidInput(
        f"{option}: {reason}.",
        option=option,
        code="MigrationNotPossible",
        remedy="Do it in two runs: first overlay (with network_policy none), then the Cilium dataplane.",
    )


def busy_state(document: Json) -> str:
    """The provisioning state while an operation works on the cluster, empty otherwise."""
    state = str(read(document, ("properties", "provisioningState")) or "Succeeded")
    return "" if state.lower() in ("succeeded", "failed", "canceled") else state


def broken_parts(document: Json, pool_names: Sequence[str]) -> list[str]:
    """`cluster` and named pools whose last operation failed: equal fields do not mean that it works."""
    named = {name.lower() for name in pool_names}
    parts: list[tuple[str, Any]] = [("cluster", read(document, ("properties", "provisioningState")))]
    for pool in read(document, ("properties", "agentPoolProfiles")) or []:
        if str(pool.get("name")).lower() in named:
            parts.append((f"agent_pools.{pool.get('name')}", pool.get("provisioningState")))
    return [f"{part} {state}" for part, state in parts if str(state).lower() in ("failed", "canceled")]
