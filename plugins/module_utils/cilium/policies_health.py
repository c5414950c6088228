# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Whether the policies of a cluster are enforced: valid to the operator, loaded by the agents, built into endpoints."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .._text import agree, counted
from .._types import Json
from ..kube.ready import condition
from .snapshot import Finding, PolicyFact, Snapshot

NAMED = 3
"""Nodes that a line names; the others are counted."""
LISTED = 1000
# Since 1.17 each kind of policy can be switched off; before, the keys do not exist.
_SWITCHES = {
    "NetworkPolicy": "enable-k8s-networkpolicy",
    "CiliumNetworkPolicy": "enable-cilium-network-policy",
    "CiliumClusterwideNetworkPolicy": "enable-cilium-clusterwide-network-policy",
}


def policy_fact(kind: str, document: Json, config: Mapping[str, str]) -> PolicyFact:
    """Reduce a policy. config: the data of cilium-config."""
    metadata = document["metadata"]
    valid = condition(document, "Valid")
    rules = [document.get("spec") or {}, *(document.get("specs") or [])]
    # Host policies are kept only where the host firewall is on.
    selects_pods = any("nodeSelector" not in rule for rule in rules)
    leaves = "deletionTimestamp" in metadata
    switched_on = config.get(_SWITCHES[kind]) != "false"
    return PolicyFact(
        kind=kind,
        namespace=str(metadata.get("namespace") or ""),
        name=str(metadata["name"]),
        uid=str(metadata.get("uid") or ""),
        valid={"True": True, "False": False}.get(str(valid.get("status"))),
        message=str(valid.get("message") or "") if valid.get("status") == "False" else "",
        expected=switched_on and selects_pods and valid.get("status") != "False" and not leaves,
        names=kind != "NetworkPolicy" and any(_has_names(rule) for rule in rules),
    )


def _has_names(rule: Json) -> bool:
    for egress in rule.get("egress") or []:
        if egress.get("toFQDNs"):
            return True
        if any((ports.get("rules") or {}).get("dns") for ports in egress.get("toPorts") or []):
            return True
    return False


def about_policies(snapshot: Snapshot) -> list[Finding]:
    """Policies that are not valid, that agents have not loaded, and endpoints that run older ones."""
    found = [
        Finding(
            "policies", policy.key, f"not valid, so it is not enforced: {policy.message or 'no reason given'}", False
        )
        for policy in snapshot.policies
        if policy.valid is False
    ]
    for key, nodes in sorted(missing_on(snapshot).items()):
        found.append(Finding("policies", key, f"not realized: not loaded by the agents on {named(nodes)}"))
    late = {probe.node: probe.repository.behind for probe in snapshot.probes if probe.repository}
    late = {node: count for node, count in late.items() if count}
    if late:
        number = sum(late.values())
        have = f"{counted(number, 'endpoint')} {agree(number, 'has', 'have')}"
        message = f"not realized: {have} older policies on {named(sorted(late))}"
        found.append(Finding("policies", "", message, False))
    return found


def missing_on(snapshot: Snapshot) -> dict[str, list[str]]:
    """Key of a policy -> the nodes whose agents were asked and have not loaded it."""
    found: dict[str, list[str]] = {}
    for probe in snapshot.probes:
        for key in probe.repository.missing if probe.repository else ():
            found.setdefault(key, []).append(probe.node)
    return found


def are_realized(snapshot: Snapshot) -> bool:
    """Every policy is valid, and every agent that was asked told that it and its endpoints have them all."""
    if not snapshot.installed or "policies" in snapshot.refused:
        return False
    if any(policy.valid is False for policy in snapshot.policies):
        return False
    if not snapshot.policies:
        return True
    views = [probe.repository for probe in snapshot.probes]
    return bool(views) and all(view is not None and view.is_current for view in views)


def policy_values(snapshot: Snapshot) -> Json:
    """The policies as data. revisions: of each agent's repository; each agent counts its own."""
    views = {probe.node: probe.repository for probe in snapshot.probes if probe.repository is not None}
    missing = missing_on(snapshot)
    read = snapshot.installed and "policies" not in snapshot.refused
    return {
        "total": len(snapshot.policies),
        "by_kind": {kind: sum(policy.kind == kind for policy in snapshot.policies) for kind in _SWITCHES},
        "valid": sum(policy.valid is True for policy in snapshot.policies),
        "not_judged": sum(policy.valid is None and policy.kind != "NetworkPolicy" for policy in snapshot.policies),
        "invalid": [
            {"policy": policy.key, "message": policy.message} for policy in snapshot.policies if policy.valid is False
        ][:LISTED],
        "agents_asked": len(views),
        "not_loaded": [{"policy": key, "nodes": nodes} for key, nodes in sorted(missing.items())][:LISTED],
        "endpoints": sum(view.endpoints for view in views.values()),
        "endpoints_behind": sum(view.behind for view in views.values()),
        "revisions": {node: view.revision for node, view in sorted(views.items())[:LISTED]},
        "realized": are_realized(snapshot) if read and (views or not snapshot.policies) else None,
    }


def policy_text(values: Json) -> str:
    """A few words on the policies; empty when there are none."""
    if not values["total"]:
        return ""
    pieces = [str(values["total"])]
    if values["invalid"]:
        pieces.append(f"{len(values['invalid'])} not valid")
    if values["not_loaded"]:
        pieces.append(f"{len(values['not_loaded'])} not loaded everywhere")
    if values["endpoints_behind"]:
        behind = values["endpoints_behind"]
        all_of_them = counted(values["endpoints"], "endpoint")
        pieces.append(f"{behind} of {all_of_them} {agree(behind, 'has', 'have')} older ones")
    if values["agents_asked"] and not values["not_loaded"] and not values["endpoints_behind"]:
        whose = "the others realized on" if values["invalid"] else "realized on"
        pieces.append(f"{whose} {counted(values['agents_asked'], 'node')}")
    return ", ".join(pieces)


def named(nodes: Sequence[str]) -> str:
    """`n1, n2` or `n1, n2, n3 and 7 more`."""
    more = len(nodes) - NAMED
    return ", ".join(nodes[:NAMED]) + (f" and {more} more" if more > 0 else "")
