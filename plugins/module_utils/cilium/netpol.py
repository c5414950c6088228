# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Checks Kubernetes' own NetworkPolicy, and writes it as the API server would store it. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._types import Json
from .findings import (
    Findings,
    check_choice,
    check_cidr,
    check_end_port,
    check_except,
    check_keys,
    check_selector,
    items_of,
)

_PROTOCOLS = ("TCP", "UDP", "SCTP")


def check_network_policy(found: Findings, document: Mapping[str, Any]) -> None:
    """All checks of one NetworkPolicy."""
    spec = document.get("spec")
    if spec is None:
        found.error("spec", "is missing")
        return
    if not check_keys(found, "spec", spec, ("podSelector", "policyTypes", "ingress", "egress")):
        return
    if spec.get("podSelector") is None:
        found.error("spec.podSelector", "is missing; {} selects all pods of the namespace")
    else:
        check_selector(found, "spec.podSelector", spec["podSelector"])
    types = [value for _path, value in items_of(found, "spec.policyTypes", spec.get("policyTypes"))]
    for index, value in enumerate(types):
        check_choice(found, f"spec.policyTypes[{index}]", value, ("Ingress", "Egress"))
    for direction, name, side in (("ingress", "Ingress", "from"), ("egress", "Egress", "to")):
        rules = items_of(found, f"spec.{direction}", spec.get(direction))
        if rules and types and name not in types:
            found.error(f"spec.{direction}", f"has no effect: policyTypes does not name {name}")
        for path, rule in rules:
            if not check_keys(found, path, rule, (side, "ports")):
                continue
            for peer_path, peer in items_of(found, f"{path}.{side}", rule.get(side)):
                _check_peer(found, peer_path, peer)
            for port_path, port in items_of(found, f"{path}.ports", rule.get("ports")):
                _check_port(found, port_path, port)


def _check_peer(found: Findings, path: str, peer: Any) -> None:
    if not check_keys(found, path, peer, ("podSelector", "namespaceSelector", "ipBlock")):
        return
    block = peer.get("ipBlock")
    for key in ("podSelector", "namespaceSelector"):
        if peer.get(key) is not None:
            check_selector(found, f"{path}.{key}", peer[key])
            if block is not None:
                found.error(f"{path}.ipBlock", f"excludes {key}; write two peers")
    if block is not None and check_keys(found, f"{path}.ipBlock", block, ("cidr", "except")):
        check_cidr(found, f"{path}.ipBlock.cidr", block.get("cidr"), address_allowed=False)
        check_except(found, f"{path}.ipBlock.except", block.get("cidr"), block.get("except"))
    if not any(peer.get(key) is not None for key in ("podSelector", "namespaceSelector", "ipBlock")):
        found.error(path, "needs podSelector, namespaceSelector or ipBlock")


def _check_port(found: Findings, path: str, value: Any) -> None:
    if not check_keys(found, path, value, ("port", "endPort", "protocol")):
        return
    if value.get("protocol") is not None:
        check_choice(found, f"{path}.protocol", value["protocol"], _PROTOCOLS)
    port = value.get("port")
    if isinstance(port, str) and port.isdigit():
        found.error(f"{path}.port", f"the text {port!r} would be the name of a port; write {port} without quotes")
    elif isinstance(port, int) and not isinstance(port, bool) and not 1 <= port <= 65535:
        found.error(f"{path}.port", f"{port} is not from 1 to 65535")
    check_end_port(found, path, port, value.get("endPort"))


def stored_spec(spec: Mapping[str, Any]) -> Json:
    """The spec as the API server stores it: defaults filled in, empty lists and maps left out where it leaves them."""
    stored: Json = {"podSelector": _selector(spec.get("podSelector") or {})}
    types = spec.get("policyTypes")
    stored["policyTypes"] = list(types) if types else ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    for direction, side in (("ingress", "from"), ("egress", "to")):
        rules = [_rule(rule, side) for rule in spec.get(direction) or []]
        if rules:
            stored[direction] = rules
    return stored


def _rule(rule: Mapping[str, Any], side: str) -> Json:
    stored: Json = {}
    if rule.get(side):
        stored[side] = [_peer(peer) for peer in rule[side]]
    if rule.get("ports"):
        stored["ports"] = [
            {"protocol": "TCP", **{key: value for key, value in port.items() if value is not None}}
            for port in rule["ports"]
        ]
    return stored


def _peer(peer: Mapping[str, Any]) -> Json:
    stored: Json = {}
    for key in ("podSelector", "namespaceSelector"):
        if peer.get(key) is not None:
            stored[key] = _selector(peer[key])
    block = peer.get("ipBlock")
    if block is not None:
        stored["ipBlock"] = {key: value for key, value in block.items() if value}
    return stored


def _selector(selector: Mapping[str, Any]) -> Json:
    return {key: value for key, value in selector.items() if value}
