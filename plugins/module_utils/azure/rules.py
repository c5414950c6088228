# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What Azure can and cannot change in a running cluster. Pure; run before any write. Source: AKS documentation.

The rules of the network are in rules_network.py, those of Kubernetes versions in rules_version.py.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .._errors import InvalidInput, Unsupported
from .._types import Json
from . import rules_network, rules_version
from .companions import Change
from .fields import CLUSTER_FIELDS, POOL_FIELDS, Field, Path, options_of, read
from .rules_network import Rule
from .validate_pool import check_whole

_ACCESS = ("properties", "apiServerAccessProfile")
# Where raw options of cluster and pool have the fields that options have, too.
_CLUSTER_FIELD_AT = {field.path: field for field in CLUSTER_FIELDS if field.path[0] == "properties"}
_POOL_FIELD_AT = {("properties", *field.path): field for field in POOL_FIELDS}


def check_changes(changes: Sequence[Change], live: Json, body: Json) -> None:
    """Raise for the first change that Azure refuses in place, naming the option and what would have to be recreated."""
    for change in changes:
        if change.option[0] == "agent_pools":
            reason = _pool_reason(change, change.option[2:], _pool_of(live, change.option[1]))
        else:
            option, fixed = _typed(change, change.option, _CLUSTER_FIELD_AT)
            rule = _RULES.get(option)
            reason = fixed or (rule(change, live, body) if rule else "")
        if reason:
            raise _immutable(change, reason)
    rules_network.check_migration(live, body)
    rules_version.check_cluster_versions(live, body)
    names = [change.option[1] for change in changes if change.option[0] == "agent_pools"]
    if rules_network.encryption(live) != rules_network.encryption(body):
        names += [str(pool.get("name")) for pool in rules_network.pools(body)]
    for name in dict.fromkeys(names):
        check_pool_in_cluster(_pool_of(body, name), body, f"agent_pools.{name}.")


def check_pool_changes(changes: Sequence[Change], live: Json | None, body: Json, cluster: Json) -> None:
    """The same for one node pool by itself: live and body are its `properties`, live is None for a new one."""
    for change in changes if live is not None else ():
        reason = _pool_reason(change, change.option, live or {})
        if reason:
            raise _immutable(change, reason, alone=True)
    check_pool_in_cluster(body, cluster, "")
    version = body.get("orchestratorVersion")
    if version and version != (live or {}).get("orchestratorVersion"):
        rules_version.check_pool_version(
            "orchestrator_version",
            live,
            body,
            rules_version.current_version(cluster),
            long_term=rules_version.has_long_term_support(cluster),
        )


def check_pool_in_cluster(pool: Json, cluster: Json, where: str) -> None:
    """What a pool must not have in this cluster. where: what comes before the names of its options."""
    check_whole(options_of(pool, POOL_FIELDS), where)
    unfit = _bars_windows(cluster)
    if unfit and str(pool.get("osType")).lower() == "windows":
        raise InvalidInput(
            f"{where}os_type='Windows': Cilium has no Windows nodes, and the cluster has {unfit}.",
            option=f"{where}os_type",
            code="WindowsNotSupported",
            remedy="Use Linux pools only.",
        )
    if pool.get("enableFIPS") and rules_network.encryption(cluster) == "wireguard":
        raise InvalidInput(
            f"{where}enable_fips=True: WireGuard, which the cluster encrypts with, is not allowed by FIPS 140.",
            option=f"{where}enable_fips",
            code="WireGuardWithFips",
            remedy="Set enable_fips to false, or transit_encryption to None.",
        )


def _bars_windows(cluster: Json) -> str:
    """What keeps a cluster from Windows pools, in the words of the options; empty where nothing does."""
    if rules_network.word(cluster, "networkPlugin") == "none":
        return "network_plugin none"
    return "network_dataplane cilium" if rules_network.dataplane(cluster) == "cilium" else ""


def warnings_for(live: Json, body: Json) -> list[str]:
    """What a person should know before the change, because it touches running workloads."""
    lines = rules_network.warnings_for(live, body)
    default = [
        str(read(item, ("properties", "nodeProvisioningProfile", "defaultNodePools")) or "Auto").lower()
        for item in (live, body)
    ]
    if default == ["auto", "none"] and rules_network.provisions_nodes(live):
        lines.append("Without its default node pools, node auto-provisioning drains and deletes their nodes.")
    zones = [str(read(item, (*_ACCESS, "privateDNSZone"))).lower() for item in (live, body)]
    if zones[0] != zones[1] and zones[1] == "none":
        lines.append("Without its private DNS zone, the cluster's nodes are upgraded to use the public name.")
    return lines


def _pool_of(document: Json, name: str) -> Json:
    named = (pool for pool in rules_network.pools(document) if str(pool.get("name")).lower() == name.lower())
    return next(named, {})


def _immutable(change: Change, reason: str, *, alone: bool = False) -> Unsupported:
    if alone or change.option[0] == "agent_pools":
        name = "this one" if alone else change.option[1]
        remedy = f"Keep the old value, or add a new node pool and delete {name} yourself."
    else:
        remedy = "Keep the old value, or delete the cluster and create it again: this is never done by itself."
    return Unsupported(
        f"{change.name} cannot be changed from {change.before!r} to {change.after!r}: {reason}.",
        option=change.name,
        code="ImmutableField",
        remedy=remedy,
    )


def _typed(change: Change, option: Path, fields: Mapping[Path, Field]) -> tuple[Path, str]:
    """Option and fixedness of a change; raw fields below `properties` have those of the option for the same field."""
    field = fields.get(option)
    if field is None:
        return option, change.fixed
    same = field.is_met(change.before, field.from_arm(change.after), {})
    return ((), "") if same else (field.option, field.fixed)


def _pool_reason(change: Change, option: Path, live: Json) -> str:
    option, fixed = _typed(change, option, _POOL_FIELD_AT)
    if fixed:
        return fixed
    if option == ("orchestrator_version",):
        current = str(live.get("currentOrchestratorVersion") or change.before or "")
        return rules_version.downgrade(current, str(change.after))
    if option == ("mode",) and "gateway" in (str(change.before).lower(), str(change.after).lower()):
        return "a pool is for gateways from its creation on, or never"
    return ""


def _oidc(change: Change, live: Json, body: Json) -> str:
    return "" if change.after else "Azure cannot switch the OIDC issuer off again"


def _version(change: Change, live: Json, body: Json) -> str:
    return rules_version.downgrade(rules_version.current_version(live), str(change.after))


def _entra(change: Change, live: Json, body: Json) -> str:
    return "" if change.after else "Azure cannot switch Entra ID off again"


def _integrated(document: Json) -> bool:
    return bool(read(document, (*_ACCESS, "enableVnetIntegration")))


def _private_cluster(change: Change, live: Json, body: Json) -> str:
    return "" if _integrated(body) else "only clusters with api_server_access.vnet_integration can change it"


def _vnet_integration(change: Change, live: Json, body: Json) -> str:
    return "" if change.after else "Azure cannot switch the integration off again"


def _subnet(change: Change, live: Json, body: Json) -> str:
    return "the API server stays in its subnet" if change.before and _integrated(live) else ""


def _private_dns_zone(change: Change, live: Json, body: Json) -> str:
    if not read(live, (*_ACCESS, "enablePrivateCluster")):
        return ""
    return "" if str(change.after).lower() == "none" else "it can only be changed to none"


_RULES: dict[Path, Rule] = {
    **rules_network.RULES,
    ("oidc_issuer",): _oidc,
    ("kubernetes_version",): _version,
    ("aad_profile", "managed"): _entra,
    ("api_server_access", "private_cluster"): _private_cluster,
    ("api_server_access", "vnet_integration"): _vnet_integration,
    ("api_server_access", "subnet_id"): _subnet,
    ("api_server_access", "private_dns_zone"): _private_dns_zone,
}


def broken_parts(document: Json, pool_names: Sequence[str]) -> list[str]:
    """`cluster` and named pools whose last operation failed: equal fields do not mean that it works."""
    named = {name.lower() for name in pool_names}
    parts: list[tuple[str, Any]] = [("cluster", read(document, ("properties", "provisioningState")))]
    for pool in read(document, ("properties", "agentPoolProfiles")) or []:
        if str(pool.get("name")).lower() in named:
            parts.append((f"agent_pools.{pool.get('name')}", pool.get("provisioningState")))
    return [f"{part} {state}" for part, state in parts if str(state).lower() in ("failed", "canceled")]
