# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Checks CiliumNetworkPolicy and CiliumClusterwideNetworkPolicy as Cilium's own parser does, before anything is sent.

Source of the rules: pkg/policy/api (rule_validation.go, l4.go, fqdn.go, icmp.go) of Cilium 1.20 and facts measured on
earlier versions. The API server checks the shape only; what Cilium refuses it would store with Valid=False.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
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

SECTIONS = ("ingress", "ingressDeny", "egress", "egressDeny")
SPEC_KEYS = (*SECTIONS, "endpointSelector", "nodeSelector", "enableDefaultDeny", "description", "labels", "log")
_INGRESS_L3 = ("fromEndpoints", "fromCIDR", "fromCIDRSet", "fromEntities", "fromNodes", "fromGroups")
_EGRESS_L3 = ("toEndpoints", "toCIDR", "toCIDRSet", "toEntities", "toServices", "toGroups", "toNodes", "toFQDNs")
ENTITIES = (
    *("all", "world", "cluster", "cluster-mesh", "host", "init", "ingress", "unmanaged", "remote-node"),
    *("health", "none", "kube-apiserver", "world-ipv4", "world-ipv6"),
)
PROTOCOLS = ("TCP", "UDP", "SCTP", "ANY", "VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH")
_PORTLESS = ("VRRP", "IGMP", "GRE", "IPIP", "IPV6", "ESP", "AH")
MAX_PORTS = 40
_PORT_NAME = re.compile(r"(?=.*[a-zA-Z])[a-zA-Z0-9]+(-[a-zA-Z0-9]+)*")
_MATCH_NAME = re.compile(r"([-a-zA-Z0-9_]+[.]?)+")
_MATCH_PATTERN = re.compile(r"([-a-zA-Z0-9_*]+[.]?)+")
_NAMESPACE_KEYS = tuple(f"{source}io.kubernetes.pod.namespace" for source in ("", "k8s:", "any:"))


def rules_of(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The rules of a Cilium policy with their paths: `spec` and each of `specs`."""
    if document.get("spec") is not None:
        yield "spec", document["spec"]
    specs = document.get("specs")
    if isinstance(specs, (list, tuple)):
        yield from ((f"specs[{index}]", rule) for index, rule in enumerate(specs))


def map_rules(document: Mapping[str, Any], change: Callable[[Json], Json]) -> Json:
    """The policy with each of its rules (`spec` and each of `specs`) changed."""
    changed = dict(document)
    if changed.get("spec") is not None:
        changed["spec"] = change(changed["spec"])
    if changed.get("specs"):
        changed["specs"] = [change(rule) for rule in changed["specs"]]
    return changed


def denies_by_default(rule: Mapping[str, Any], direction: str) -> bool:
    """Whether a rule of a Cilium policy makes its pods deny `direction` (ingress, egress) by default.

    Where enableDefaultDeny does not say, any rule of that direction does, one that only denies as well (documentation
    of Cilium, "Policy enforcement modes").
    """
    stated = (rule.get("enableDefaultDeny") or {}).get(direction)
    return bool(rule.get(direction) or rule.get(f"{direction}Deny")) if stated is None else bool(stated)


def with_default_deny(document: Mapping[str, Any], values: Mapping[str, bool]) -> Json:
    """The policy with default deny on or off, by direction (ingress, egress), in each of its rules."""

    def switched(rule: Json) -> Json:
        return {**rule, "enableDefaultDeny": {**(rule.get("enableDefaultDeny") or {}), **values}}

    return map_rules(document, switched)


def check_cilium_policy(found: Findings, document: Mapping[str, Any]) -> None:
    """All checks of one CiliumNetworkPolicy or CiliumClusterwideNetworkPolicy."""
    rules = list(rules_of(document))
    if not rules:
        found.error("spec", "is missing")
    clusterwide = document.get("kind") == "CiliumClusterwideNetworkPolicy"
    namespace = (document.get("metadata") or {}).get("namespace")
    for path, rule in rules:
        if check_keys(found, path, rule, SPEC_KEYS):
            _check_rule(found, path, rule, clusterwide, namespace)


def _check_rule(found: Findings, path: str, rule: Json, clusterwide: bool, namespace: str | None) -> None:
    _check_subject(found, path, rule, clusterwide, namespace)
    filled = False
    for section in SECTIONS:
        if section not in rule:
            continue
        items = items_of(found, f"{path}.{section}", rule[section])
        filled = filled or bool(items)
        if not items and isinstance(rule[section], (list, type(None))):
            opposite = "to deny everything write [{}]" if not section.endswith("Deny") else "leave it out"
            found.error(f"{path}.{section}", f"an empty list means 'not applied here'; {opposite}")
        for item_path, item in items:
            _check_direction(found, item_path, item, section, host="nodeSelector" in rule)
    if not filled and not any(section in rule for section in SECTIONS):
        found.error(path, f"needs at least one of {', '.join(SECTIONS)}")
    default_deny = rule.get("enableDefaultDeny")
    if default_deny is not None and check_keys(found, f"{path}.enableDefaultDeny", default_deny, ("ingress", "egress")):
        for direction, value in default_deny.items():
            if not isinstance(value, bool):
                found.error(f"{path}.enableDefaultDeny.{direction}", f"must be true or false, is {value!r}")
    _check_log(found, f"{path}.log", rule.get("log"))


def _check_log(found: Findings, path: str, log: Any) -> None:
    if log is None or not check_keys(found, path, log, ("value",)):
        return
    text = log.get("value")
    if not isinstance(text, str) or len(text) > 32 or not text.isprintable():
        found.error(f"{path}.value", "must be a text of at most 32 printable characters")


def _check_subject(found: Findings, path: str, rule: Json, clusterwide: bool, namespace: str | None) -> None:
    endpoint, node = rule.get("endpointSelector"), rule.get("nodeSelector")
    if endpoint is None and node is None:
        found.error(path, "needs an endpointSelector; {} selects all pods of the namespace")
    if endpoint is not None and node is not None:
        found.error(path, "endpointSelector and nodeSelector exclude each other")
    if node is not None:
        check_selector(found, f"{path}.nodeSelector", node)
        if not clusterwide:
            found.error(f"{path}.nodeSelector", "is allowed in a CiliumClusterwideNetworkPolicy only")
    if endpoint is None:
        return
    check_selector(found, f"{path}.endpointSelector", endpoint)
    labels = endpoint.get("matchLabels") if isinstance(endpoint, Mapping) else None
    for key in _NAMESPACE_KEYS:
        if not clusterwide and isinstance(labels, Mapping) and labels.get(key) not in (None, namespace):
            found.error(
                f"{path}.endpointSelector.matchLabels.{key}",
                f"Cilium replaces it by the policy's own namespace ({namespace}): the policy would select other pods"
                " than it says; set metadata.namespace",
            )


def _check_direction(found: Findings, path: str, item: Any, section: str, *, host: bool) -> None:
    """One item of ingress, ingressDeny, egress or egressDeny."""
    ingress, deny = section.startswith("ingress"), section.endswith("Deny")
    peers: tuple[str, ...] = _INGRESS_L3 if ingress else _EGRESS_L3
    if deny:
        peers = tuple(peer for peer in peers if peer != "toFQDNs")
    for key in ("fromRequires", "toRequires"):
        if isinstance(item, Mapping) and key in item:
            found.error(f"{path}.{key}", "was removed from Cilium; write the labels into the selectors")
    known = (*peers, "toPorts", "icmps", "fromRequires", "toRequires", *(() if deny else ("authentication",)))
    if not check_keys(found, path, item, known):
        return
    used = [peer for peer in peers if item.get(peer)]
    if len(used) > 1:
        found.error(path, f"combining {' and '.join(used)} is not supported; write one rule for each")
    for peer in peers:
        for peer_path, value in items_of(found, f"{path}.{peer}", item.get(peer)):
            _check_peer(found, peer_path, peer, value)
    if item.get("icmps") and item.get("toPorts"):
        found.error(f"{path}.icmps", "excludes toPorts; write two rules")
    for icmp_path, icmp in items_of(found, f"{path}.icmps", item.get("icmps")):
        _check_icmp(found, icmp_path, icmp)
    for port_path, port_rule in items_of(found, f"{path}.toPorts", item.get("toPorts")):
        _check_port_rule(found, port_path, port_rule, ingress=ingress, deny=deny, host=host)


def _check_peer(found: Findings, path: str, peer: str, value: Any) -> None:
    if peer.endswith(("Endpoints", "Nodes")):
        check_selector(found, path, value)
    elif peer.endswith("CIDR"):
        check_cidr(found, path, value, address_allowed=True)
    elif peer.endswith("CIDRSet"):
        if not check_keys(found, path, value, ("cidr", "except", "cidrGroupRef", "cidrGroupSelector")):
            return
        given = [key for key in ("cidr", "cidrGroupRef", "cidrGroupSelector") if value.get(key) is not None]
        if len(given) != 1:
            found.error(path, "needs exactly one of cidr, cidrGroupRef, cidrGroupSelector")
        if "cidr" in given:
            check_cidr(found, f"{path}.cidr", value["cidr"], address_allowed=False)
            check_except(found, f"{path}.except", value["cidr"], value.get("except"))
    elif peer.endswith("Entities"):
        check_choice(found, path, value, ENTITIES)
    elif peer == "toFQDNs":
        _check_name(found, path, value)


def _check_name(found: Findings, path: str, value: Any) -> None:
    """A matchName or matchPattern, of toFQDNs or of a DNS rule."""
    if not check_keys(found, path, value, ("matchName", "matchPattern")):
        return
    given = [key for key in ("matchName", "matchPattern") if value.get(key)]
    if len(given) != 1:
        found.error(path, "needs exactly one of matchName and matchPattern")
    for key, pattern in (("matchName", _MATCH_NAME), ("matchPattern", _MATCH_PATTERN)):
        text = value.get(key)
        if text and (not isinstance(text, str) or len(text) > 255 or not pattern.fullmatch(text)):
            extra = "; wildcards belong into matchPattern" if key == "matchName" and "*" in str(text) else ""
            found.error(f"{path}.{key}", f"{text!r} is not a DNS name{extra}")


def _check_icmp(found: Findings, path: str, icmp: Any) -> None:
    if not check_keys(found, path, icmp, ("fields",)):
        return
    fields = items_of(found, f"{path}.fields", icmp.get("fields"))
    if len(fields) > MAX_PORTS:
        found.error(f"{path}.fields", f"at most {MAX_PORTS}, found {len(fields)}")
    for field_path, item in fields:
        if not check_keys(found, field_path, item, ("family", "type")):
            continue
        if item.get("family") is not None:
            check_choice(found, f"{field_path}.family", item["family"], ("IPv4", "IPv6"))
        kind = item.get("type")
        number = int(kind) if str(kind).isdigit() else None
        if kind is None or isinstance(kind, bool) or (number is not None and number > 255):
            found.error(f"{field_path}.type", f"must be a number up to 255 or a name such as EchoRequest, is {kind!r}")


def _check_port_rule(found: Findings, path: str, value: Any, *, ingress: bool, deny: bool, host: bool) -> None:
    extras = () if deny else ("rules", "serverNames", "terminatingTLS", "originatingTLS", "listener")
    if not check_keys(found, path, value, ("ports", *extras)):
        return
    rules = value.get("rules")
    ports = items_of(found, f"{path}.ports", value.get("ports"))
    if len(ports) > MAX_PORTS:
        found.error(f"{path}.ports", f"at most {MAX_PORTS} in one rule, found {len(ports)}; write several rules")
    dns = isinstance(rules, Mapping) and bool(rules.get("dns"))
    layer7 = isinstance(rules, Mapping) and any(rules.values())
    for port_path, port in ports:
        _check_port(found, port_path, port)
        if not isinstance(port, Mapping):
            continue
        if layer7 and not dns and port.get("protocol", "ANY") != "TCP":
            found.error(f"{port_path}.protocol", "HTTP rules need TCP")
        if layer7 and str(port.get("port")) == "0":
            found.error(f"{port_path}.port", "must not be 0 together with rules")
        if dns and port.get("endPort"):
            found.error(f"{port_path}.endPort", "DNS rules take no port ranges")
    if rules is None or not check_keys(found, f"{path}.rules", rules, ("http", "dns")):
        return
    if rules.get("dns") and rules.get("http"):
        found.error(f"{path}.rules", "takes one of dns and http")
    if dns and ingress:
        found.error(f"{path}.rules.dns", "is allowed in egress only")
    if rules.get("http") and host:
        found.error(f"{path}.rules.http", "is not supported in host policies (nodeSelector)")
    if dns and not ports:
        found.error(f"{path}.ports", 'must name the port ("53") for DNS rules')
    for name_path, name in items_of(found, f"{path}.rules.dns", rules.get("dns")):
        _check_name(found, name_path, name)


def _check_port(found: Findings, path: str, value: Any) -> None:
    if not check_keys(found, path, value, ("port", "endPort", "protocol")):
        return
    port, protocol = value.get("port"), value.get("protocol")
    if protocol is not None:
        check_choice(found, f"{path}.protocol", protocol, PROTOCOLS)
    if protocol in _PORTLESS:
        if port not in (None, "", "0"):
            found.error(f"{path}.port", f"{protocol} has no ports; leave it out")
        return
    if not isinstance(port, str):
        text = "is missing" if port is None else f'must be a text, write "{port}" in quotes'
        found.error(f"{path}.port", text)
    elif port.isdigit():
        if int(port) > 65535:
            found.error(f"{path}.port", f"{port} is above 65535")
    elif not _PORT_NAME.fullmatch(port) or len(port) > 15:
        found.error(f"{path}.port", f"{port!r} is neither a number nor the name of a port")
    check_end_port(found, path, port, value.get("endPort"))


def _port_rules(document: Mapping[str, Any]) -> Iterator[Any]:
    for _path, rule in rules_of(document):
        for item in (rule.get("egress") or []) if isinstance(rule, Mapping) else []:
            yield from (item.get("toPorts") or []) if isinstance(item, Mapping) else []


def has_dns_rule(document: Mapping[str, Any]) -> bool:
    """Whether a policy sends DNS through the agent's proxy, which toFQDNs learn their addresses from."""
    return any(bool((rule.get("rules") or {}).get("dns")) for rule in _port_rules(document))


def has_names(document: Mapping[str, Any]) -> bool:
    """Whether a policy allows peers by DNS name."""
    for _path, rule in rules_of(document):
        if isinstance(rule, Mapping) and any(item.get("toFQDNs") for item in rule.get("egress") or []):
            return True
    return False
