# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Kubernetes NetworkPolicies of the same edges, for clusters or tools that need them, and what they cannot say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

from .._types import Json
from .classify import Classified
from .evaluator.compiling import rule_key
from .keys import edge_key
from .marks import PLATFORM_ROLE, ROLE_LABEL, WORKLOAD_ANNOTATION
from .model import ENTITY, WORLD, Peer, Workload
from .peers import EVERYWHERE, is_resolver, networks_of
from .rules import Options, Rule, rule_text

SelectorOf = Callable[[Workload], "Json | None"]
_NAMESPACE_NAME = "kubernetes.io/metadata.name"
_PROTOCOLS = ("TCP", "UDP", "SCTP")


def network_policies(
    policies: Sequence[Json], classified: Sequence[Classified], options: Options, selector_of: SelectorOf
) -> tuple[list[Json], list[str], dict[str, Json]]:
    """A NetworkPolicy for each workload's policy and each namespace's default deny, the warnings, and by rule why it
    is there (as Recommendation.reasons)."""
    found: list[Json] = []
    reasons: dict[str, Json] = {}
    warnings = ["A Kubernetes NetworkPolicy has no shadow: it denies from the moment it is applied."]
    for policy in policies:
        name, namespace = policy["metadata"]["name"], policy["metadata"]["namespace"]
        workload = policy["metadata"].get("annotations", {}).get(WORKLOAD_ANNOTATION, "")
        if policy["metadata"]["labels"][ROLE_LABEL] == PLATFORM_ROLE:
            continue
        spec: Json = {"podSelector": policy["spec"]["endpointSelector"], "policyTypes": ["Ingress", "Egress"]}
        metadata: Json = {"name": name, "namespace": namespace, "labels": dict(policy["metadata"]["labels"])}
        document = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
        for section in ("ingress", "egress") if workload else ():
            rules, problems = _rules(section, workload, classified, options, selector_of)
            spec |= {section: [rule.body for rule in rules]} if rules else {}
            warnings += problems
            for number, rule in enumerate(rules):
                reasons[rule_key(document, section, number)] = {"text": rule.text, "edges": rule.edges}
        found.append(document)
    return found, sorted(set(warnings), key=warnings.index), reasons


def _rules(
    section: str,
    workload: str,
    classified: Sequence[Classified],
    options: Options,
    selector_of: SelectorOf,
) -> tuple[list[Rule], list[str]]:
    found: dict[str, Rule] = {}
    warnings: list[str] = []
    for one in classified:
        edge = one.edge
        own, peer = (edge.destination, edge.source) if section == "ingress" else (edge.source, edge.destination)
        if not one.needs_rule or own.workload is None or own.workload.text != workload:
            continue
        peers, problem = _peers(section, peer, options, selector_of)
        if edge.protocol not in _PROTOCOLS:
            peers, problem = [], f"{edge.protocol} cannot be allowed"
        if problem:
            warnings.append(f"NetworkPolicy of {workload}: {edge_key(edge)}: {problem}.")
        if not peers:
            continue
        protocols = ("TCP", "UDP") if is_resolver(edge, options.dns) else (edge.protocol,)
        body = {
            "from" if section == "ingress" else "to": peers,
            "ports": [{"port": edge.port, "protocol": protocol} for protocol in protocols],
        }
        ports = [(protocol, edge.port) for protocol in protocols]
        rule = found.setdefault(json.dumps(body, sort_keys=True), Rule(section, body, rule_text(section, ports, [one])))
        rule.edges = sorted({*rule.edges, edge_key(edge)})
    return list(found.values()), warnings


def _peers(section: str, peer: Peer, options: Options, selector_of: SelectorOf) -> tuple[list[Json], str]:
    """Peers of a rule, and what is lost."""
    if peer.workload is not None:
        selector = selector_of(peer.workload)
        if selector is None:
            return [], "its peer cannot be selected"
        namespace = {"matchLabels": {_NAMESPACE_NAME: peer.workload.namespace}}
        return [{"namespaceSelector": namespace, "podSelector": selector}], ""
    if peer.kind == ENTITY:
        return [], f"{peer.entity} has no name here, so it is denied unless Cilium's own policy allows it"
    networks = None if section == "ingress" else networks_of([peer.address], options.networks)
    if networks is None:
        blocks = [{"cidr": block["cidr"]} for block in EVERYWHERE] if section == "ingress" else EVERYWHERE
        return [{"ipBlock": block} for block in blocks], f"open to every address ({WORLD})"
    lost = f"only the address is allowed, not the name {', '.join(peer.names)}" if peer.names else ""
    return [{"ipBlock": {"cidr": cidr}} for cidr in networks], lost
