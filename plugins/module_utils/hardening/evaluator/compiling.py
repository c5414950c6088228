# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""From policy documents to rules, and documents with their default deny switched. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..._errors import InvalidInput
from ..._types import Json
from ...cilium.policy import is_ours
from ...cilium.semantics import rules_of
from ..marks import NAMESPACE_ROLE, ROLE_LABEL, WORKLOAD_ROLE
from .endpoints import NAMESPACE
from .rules import (
    ANY_PORT,
    Matcher,
    Matchers,
    Rule,
    Subject,
    cidr,
    cilium_peer,
    cilium_ports,
    dns_name,
    entity,
    everyone,
    kubernetes_peer,
    kubernetes_ports,
    kubernetes_subject,
    labelled,
    node_peer,
)

INGRESS = "INGRESS"
EGRESS = "EGRESS"
DIRECTIONS = (INGRESS, EGRESS)
_FLIPPED_ROLES = (WORKLOAD_ROLE, NAMESPACE_ROLE)
_SECTIONS = (
    ("ingress", INGRESS, False),
    ("ingressDeny", INGRESS, True),
    ("egress", EGRESS, False),
    ("egressDeny", EGRESS, True),
)
_CILIUM = ("CiliumNetworkPolicy", "CiliumClusterwideNetworkPolicy")
_GROUP = "CiliumCIDRGroup"
_UNJUDGED = ("toServices", "toGroups", "fromGroups")

Groups = Mapping[str, list[str]]


def policy_key(document: Mapping[str, Any]) -> str:
    """`CiliumNetworkPolicy shop/cart`, the name that Hubble's flows give a policy too."""
    metadata = document.get("metadata") or {}
    namespace = "" if document.get("kind") == "CiliumClusterwideNetworkPolicy" else _namespace(document)
    path = f"{namespace}/{metadata.get('name', '')}" if namespace else metadata.get("name", "")
    return f"{document.get('kind', '')} {path}"


def rule_key(document: Mapping[str, Any], section: str, number: int) -> str:
    """How results name a rule of a policy with one spec: `CiliumNetworkPolicy shop/cart spec.ingress[0]`."""
    return f"{policy_key(document)} spec.{section}[{number}]"


def flips(document: Mapping[str, Any]) -> bool:
    """Whether a policy is one of ours whose default deny is off now and on when it is enforced."""
    labels = (document.get("metadata") or {}).get("labels") or {}
    return is_ours(document) and labels.get(ROLE_LABEL) in _FLIPPED_ROLES


def check_documents(documents: Iterable[object]) -> list[Json]:
    """Documents as they can be compiled; InvalidInput for what is no policy."""
    checked: list[Json] = []
    for index, document in enumerate(documents):
        kind = document.get("kind") if isinstance(document, Mapping) else None
        if not isinstance(document, Mapping) or kind not in (*_CILIUM, "NetworkPolicy", _GROUP):
            raise InvalidInput(
                f"Policy {index + 1} is of kind {kind!r}, which is not judged.",
                code="UnknownPolicyKind",
                remedy=f"Give NetworkPolicy, {', '.join(_CILIUM)} or {_GROUP} objects.",
            )
        if not (document.get("metadata") or {}).get("name"):
            raise InvalidInput(
                f"Policy {index + 1}, a {kind}, has no metadata.name.",
                code="UnnamedPolicy",
                remedy="Give each policy a metadata.name.",
            )
        checked.append(dict(document))
    return checked


def rules_of_documents(documents: Iterable[Json], warnings: list[str]) -> list[Rule]:
    """All rules; what cannot be judged is told in warnings."""
    documents = list(documents)
    groups = {
        document["metadata"]["name"]: [str(item) for item in (document.get("spec") or {}).get("externalCIDRs") or []]
        for document in documents
        if document["kind"] == _GROUP
    }
    found: list[Rule] = []
    matchers = Matchers()
    for document in documents:
        if document["kind"] == "NetworkPolicy":
            found += _kubernetes(document, matchers)
        elif document["kind"] in _CILIUM:
            found += _cilium(document, groups, matchers, warnings)
    return found


def _namespace(document: Mapping[str, Any]) -> str:
    return (document.get("metadata") or {}).get("namespace") or "default"


def _cilium(document: Json, groups: Groups, matchers: Matchers, warnings: list[str]) -> list[Rule]:
    key = policy_key(document)
    namespace = "" if document["kind"] == "CiliumClusterwideNetworkPolicy" else _namespace(document)
    found = []
    for path, spec in rules_of(document):
        if spec.get("nodeSelector") is not None:
            warnings.append(f"{key} {path}: a policy of nodes (nodeSelector) is not judged.")
            continue
        subject = Subject(namespace, _subject(spec.get("endpointSelector") or {}, namespace))
        switches = spec.get("enableDefaultDeny") or {}
        for section, direction, deny in _SECTIONS:
            default_deny = switches.get(direction.lower()) is not False
            for index, item in enumerate(spec.get(section) or []):
                place = f"{path}.{section}[{index}]"
                warnings += [f"{key} {place}: {name} is not judged." for name in _UNJUDGED if item.get(name)]
                port_rules = [port.get("rules") or {} for port in item.get("toPorts") or []]
                found.append(
                    Rule(
                        policy=key,
                        path=place,
                        direction=direction,
                        deny=deny,
                        default_deny=default_deny,
                        flips=default_deny or flips(document),
                        subject=subject,
                        peers=_peers(item, namespace, groups, matchers),
                        ports=cilium_ports(item),
                        dns=any(rules.get("dns") for rules in port_rules),
                        names=bool(item.get("toFQDNs")),
                    )
                )
    return found


def _subject(selector: Json, namespace: str) -> Json:
    """The endpointSelector; what it says of the namespace is replaced by the policy's own."""
    labels = selector.get("matchLabels") or {}
    if not namespace or NAMESPACE not in labels:
        return selector
    return {**selector, "matchLabels": {key: value for key, value in labels.items() if key != NAMESPACE}}


def _peers(item: Json, namespace: str, groups: Groups, matchers: Matchers) -> tuple[Matcher, ...]:
    """The peers of an item. A list that is there but empty means nobody; with ports and no list at all, everybody."""
    side = "from" if any(key.startswith("from") for key in item) else "to"
    names = ("Endpoints", "Nodes", "Entities", "CIDR", "CIDRSet")
    lists = {name: item.get(f"{side}{name}") for name in names}
    if any(value is not None and not value for value in lists.values()):
        return ()
    found = [matchers.of(labelled, cilium_peer(selector, namespace)) for selector in lists["Endpoints"] or []]
    found += [matchers.of(node_peer, selector) for selector in lists["Nodes"] or []]
    found += [matchers.of(entity, str(name)) for name in lists["Entities"] or []]
    found += [matchers.of(cidr, str(text)) for text in lists["CIDR"] or []]
    for entry in lists["CIDRSet"] or []:
        networks = [entry["cidr"]] if entry.get("cidr") else groups.get(str(entry.get("cidrGroupRef")), [])
        found += [matchers.of(cidr, str(text), entry.get("except") or ()) for text in networks]
    found += [matchers.of(dns_name, selector) for selector in item.get("toFQDNs") or []]
    if found or any(lists.values()) or any(item.get(name) for name in _UNJUDGED):
        return tuple(found)
    return (matchers.of(everyone),) if item.get("toPorts") or item.get("icmps") else ()


def _kubernetes(document: Json, matchers: Matchers) -> list[Rule]:
    namespace, spec = _namespace(document), document.get("spec") or {}
    subject, types = kubernetes_subject(spec, namespace), spec.get("policyTypes") or []
    found = []
    for direction, side in ((INGRESS, "from"), (EGRESS, "to")):
        section = direction.lower()
        for index, rule in enumerate(spec.get(section) or []):
            peers = [matchers.of(kubernetes_peer, peer, namespace) for peer in rule.get(side) or []]
            found.append(
                (
                    direction,
                    f"spec.{section}[{index}]",
                    peers or [matchers.of(everyone)],
                    kubernetes_ports(rule.get("ports")),
                )
            )
    # Without a rule the direction is denied as a whole, if the policy is of that type.
    if not spec.get("ingress") and ("Ingress" in types or "Egress" not in types):
        found.append((INGRESS, "spec.policyTypes", [], ANY_PORT))
    if not spec.get("egress") and "Egress" in types:
        found.append((EGRESS, "spec.policyTypes", [], ANY_PORT))
    return [
        Rule(
            policy=policy_key(document),
            path=path,
            direction=direction,
            deny=False,
            default_deny=True,
            flips=True,
            subject=subject,
            peers=tuple(peers),
            ports=ports,
        )
        for direction, path, peers, ports in found
    ]
