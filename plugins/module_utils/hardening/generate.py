# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Evidence into policies: one for each workload, the platform's and the namespace's beside them.

All policies come as candidates: `enableDefaultDeny` is off, so they block nothing until somebody turns it on. Equal
evidence gives equal documents, whatever the order of the flows.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._text import agree
from .._text import counted as count_text
from .._types import Json
from ..cilium.policy import OWNER, OWNER_LABEL
from .classify import DENIED, NEEDED, SUSPICIOUS, UNKNOWN, Classified, classify, completed, is_single_sided, unused
from .crosscheck import declared_and_seen
from .evaluator.compiling import rule_key
from .keys import Approval, edge_key, parse_approvals
from .marks import (
    DEFAULT_DENY,
    EVIDENCE_ANNOTATION,
    LISTEN,
    NAMESPACE_ROLE,
    PLATFORM,
    PLATFORM_ROLE,
    PREFIX,
    ROLE_LABEL,
    WORKLOAD_ANNOTATION,
    WORKLOAD_ROLE,
)
from .model import Evidence, Workload
from .netpol import network_policies
from .owners import LABELS_KIND
from .peers import is_resolver
from .rules import Options, Rule, RuleMaker
from .schema import edges_digest
from .selectors import Selectors, unified

_NAME_MAX = 63
_LINES_MAX = 60
_NO_LOSS = ("reply", "swapped")


@dataclass
class Recommendation:
    """What generation gives.

    reasons: by rule (`CiliumNetworkPolicy shop/learned-deployment-cart spec.ingress[0]`, the name that proofs give it
    too) the text and the edges behind it. review: what a person has to look at, each {kind, connection, reason,
    approval}; approval is the text for `approved`, empty where none helps. warnings: what the policies allow beyond
    what was seen. notes: what else is good to know.
    """

    policies: list[Json] = field(default_factory=list)
    reasons: dict[str, Json] = field(default_factory=dict)
    review: list[Json] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    chosen: list[str] = field(default_factory=list)
    """Those of the warnings that come with an option that somebody set, so that nobody need be called."""
    notes: list[str] = field(default_factory=list)
    classified: list[Classified] = field(default_factory=list)
    digest: str = ""


def recommend(evidence: Evidence, options: Options) -> Recommendation:
    """Policies for the namespaces of the options. Raises InvalidInput for approvals that name no connection."""
    evidence = unified(evidence)
    approvals = parse_approvals(options.approved)
    classified = classify(evidence, approvals, options.namespaces)
    selectors = Selectors(evidence)
    maker = RuleMaker(evidence.inventory, options, selectors.of)
    found = Recommendation(classified=classified, digest=edges_digest(one.edge for one in classified))
    names: dict[tuple[str, str], Workload] = {}
    for workload, (incoming, outgoing) in sorted(_by_workload(classified, options.namespaces).items()):
        _add_workload(found, workload, incoming, outgoing, selectors, maker, names)
    for namespace in sorted(options.namespaces):
        _add_namespace(found, namespace, options, maker)
    if "kubernetes" in options.kinds:
        documents, warnings, reasons = network_policies(found.policies, classified, options, selectors.of)
        if "cilium" not in options.kinds:
            found.policies, found.reasons = [], {}
        found.policies += documents
        found.reasons |= reasons
        found.warnings += warnings
    found.warnings = sorted({*found.warnings, *found.chosen, *maker.warnings, *selectors.warnings})
    found.warnings += [
        f"The approval {approval.pattern!r} names no connection of this evidence."
        for approval in unused(classified, approvals)
    ]
    found.warnings += [
        f"The approval {approval.pattern!r} cannot be followed for {edge_key(one.edge)}: {one.reason}."
        for one in classified
        for approval in approvals
        if not one.can_be_allowed and not one.allowed and approval.covers(one.edge)
    ]
    found.review = sorted(
        [*_review(evidence, classified), *maker.review, *_uncovered(evidence, options.namespaces)],
        key=lambda one: (one["kind"], one["connection"]),
    )
    found.notes += [*_notes(classified, options.namespaces), *declared_and_seen(evidence, options.namespaces)]
    found.notes += [*_wide(classified, approvals), *_left_aside(evidence)]
    return found


def _by_workload(
    classified: Sequence[Classified], namespaces: Sequence[str]
) -> dict[Workload, tuple[list[Classified], list[Classified]]]:
    """The edges that need a rule (those that it accepts, those that it opens) of each workload of the namespaces."""
    found: dict[Workload, tuple[list[Classified], list[Classified]]] = {}
    for one in classified:
        for side, peer in enumerate((one.edge.destination, one.edge.source)):
            if one.needs_rule and peer.workload is not None and peer.workload.namespace in namespaces:
                found.setdefault(peer.workload, ([], []))[side].append(one)
    return found


def _add_workload(
    found: Recommendation,
    workload: Workload,
    incoming: Sequence[Classified],
    outgoing: Sequence[Classified],
    selectors: Selectors,
    maker: RuleMaker,
    names: dict[tuple[str, str], Workload],
) -> None:
    selector = selectors.of(workload)
    rules = [*maker.ingress(workload, incoming), *maker.egress(workload, outgoing)] if selector is not None else []
    if selector is None or not rules:
        return
    name = policy_name(workload)
    # Only of workloads that are known by labels alone can two have one name.
    if names.setdefault((workload.namespace, name), workload) != workload:
        name = _shortened(name, workload.text)
    policy = _policy(workload.namespace, name, WORKLOAD_ROLE, selector, rules, [*incoming, *outgoing])
    policy["metadata"]["annotations"][WORKLOAD_ANNOTATION] = workload.text
    _register(found, policy, rules)


def _add_namespace(found: Recommendation, namespace: str, options: Options, maker: RuleMaker) -> None:
    """The platform's policy where it is wanted, and the default deny that seals the namespace."""
    if options.platform_policy:
        edges = _by_workload(found.classified, (namespace,))
        questions = [one for __, outgoing in edges.values() for one in outgoing if is_resolver(one.edge, options.dns)]
        rules = maker.dns_rules(questions)
        for rule in rules:
            rule.text += ", for all pods of the namespace"
        _register(found, _policy(namespace, PLATFORM, PLATFORM_ROLE, {}, rules, questions), rules)
        asking = {one.edge.source.workload for one in questions}
        silent = [workload.text for workload in edges if workload not in asking]
        found.chosen += [
            f"{text} may ask DNS, though it was not seen to: {namespace}/{PLATFORM} selects all pods."
            for text in silent
        ]
    policy = _policy(namespace, DEFAULT_DENY, NAMESPACE_ROLE, {}, [], [])
    policy["spec"]["description"] = (
        "Seals the namespace: with enableDefaultDeny on, pods that no other policy covers are denied everything."
    )
    found.policies.append(policy)


def _register(found: Recommendation, policy: Json, rules: Sequence[Rule]) -> None:
    found.policies.append(policy)
    numbers: dict[str, int] = {}
    for rule in rules:
        number = numbers.get(rule.section, 0)
        numbers[rule.section] = number + 1
        found.reasons[rule_key(policy, rule.section, number)] = {"text": rule.text, "edges": rule.edges}


def _policy(
    namespace: str, name: str, role: str, selector: Json, rules: Sequence[Rule], edges: Sequence[Classified]
) -> Json:
    """A candidate. A direction without rules gets `[{}]`, which allows nothing, so that default deny can be switched
    on in both; the platform's policy never denies and does without."""
    digest = edges_digest(one.edge for one in edges)[:12]
    spec: Json = {
        "description": _description(rules, digest),
        "endpointSelector": selector,
        "enableDefaultDeny": {"ingress": False, "egress": False},
    }
    for section in ("ingress", "egress"):
        bodies = [rule.body for rule in rules if rule.section == section]
        if bodies or role != PLATFORM_ROLE:
            spec[section] = bodies or [{}]
    metadata: Json = {"name": name, "namespace": namespace, "labels": {OWNER_LABEL: OWNER, ROLE_LABEL: role}}
    if rules:
        metadata["annotations"] = {EVIDENCE_ANNOTATION: digest}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}


def _description(rules: Sequence[Rule], digest: str) -> str:
    lines = [f"Allows what was observed (evidence {digest})."]
    for section in ("ingress", "egress"):
        lines += [f"{section}: {rule.text}" for rule in rules if rule.section == section]
    if len(lines) > _LINES_MAX:
        lines = [*lines[:_LINES_MAX], f"and {len(lines) - _LINES_MAX} rules more"]
    return "\n".join(lines)


def policy_name(workload: Workload) -> str:
    """`learned-deployment-cart`: valid as the name of an object, short enough to be read, and no other workload's.

    It depends on nothing else, so that a policy that is being enforced never becomes another workload's.
    """
    name = workload.name
    if workload.kind == LABELS_KIND:
        name = "-".join(part.partition("=")[2] for part in name.split(",")) or name
    plain = f"{PREFIX}{workload.kind}-{name}".lower()
    clean = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")
    is_exact = clean == plain or workload.kind == LABELS_KIND
    is_free = clean not in (PLATFORM, DEFAULT_DENY, LISTEN) and clean != PREFIX.strip("-")
    return clean if is_exact and is_free and len(clean) <= _NAME_MAX else _shortened(clean, workload.text)


def _shortened(name: str, text: str) -> str:
    mark = hashlib.sha256(text.encode()).hexdigest()[:6]
    return f"{name[: _NAME_MAX - 7].rstrip('-')}-{mark}"


def _review(evidence: Evidence, classified: Sequence[Classified]) -> list[Json]:
    """Edges that a person has to decide on, or should know of."""
    found = []
    for one in classified:
        key = edge_key(one.edge)
        if not one.allowed and one.kind in (DENIED, SUSPICIOUS, UNKNOWN):
            today = "it works today" if completed(one.edge, one.seen, evidence.namespaces) else "it is denied today"
            reason = one.reason if one.kind == DENIED else f"{one.reason}; {today}"
            approval = key if one.can_be_allowed else ""
            found.append({"kind": one.kind, "connection": key, "reason": reason, "approval": approval})
        elif one.kind == NEEDED and is_single_sided(one.edge, one.seen) and _both_observed(evidence, one):
            side = "source" if one.seen.egress else "destination"
            reason = f"allowed on both sides, though only the {side} reported it"
            found.append({"kind": "single-sided", "connection": key, "reason": reason, "approval": ""})
    unique = {(one["kind"], one["connection"]): one for one in found}
    return list(unique.values())


def _both_observed(evidence: Evidence, one: Classified) -> bool:
    ends = (one.edge.source.workload, one.edge.destination.workload)
    return all(end is not None and (not evidence.namespaces or end.namespace in evidence.namespaces) for end in ends)


def _uncovered(evidence: Evidence, namespaces: Sequence[str]) -> list[Json]:
    """Declared workloads that were not seen at all, and those that no policy can select."""
    seen = {peer.workload for edge in evidence.edges for peer in (edge.source, edge.destination)}
    found = []
    for facts in evidence.inventory.workloads:
        if facts.workload.namespace not in namespaces:
            continue
        if facts.host_network:
            kind, reason = "host-network", "its pods use the node's network, so no policy of a namespace selects them"
        elif facts.workload not in seen:
            kind, reason = "uncovered", "no connection of it was seen: with default deny it may do nothing"
            if facts.schedule:
                reason += f"; it runs on the schedule {facts.schedule}, so observe until it has run"
        else:
            continue
        found.append({"kind": kind, "connection": facts.workload.text, "reason": reason, "approval": ""})
    return found


def _notes(classified: Sequence[Classified], namespaces: Sequence[str]) -> list[str]:
    """Peers in namespaces that get no policies here: their side is not written."""
    counted: dict[str, int] = {}
    for one in classified:
        for peer in (one.edge.source, one.edge.destination):
            if one.needs_rule and peer.workload is not None and peer.workload.namespace not in namespaces:
                counted[peer.workload.text] = counted.get(peer.workload.text, 0) + 1
    return [
        f"{text} is in a namespace that gets no policies here: its side of"
        f" {count_text(count, 'connection')} is not written."
        for text, count in sorted(counted.items())
    ]


def _wide(classified: Sequence[Classified], approvals: Sequence[Approval]) -> list[str]:
    """Approvals that let through more than one connection, which whoever wrote them may not have meant."""
    found = []
    for approval in approvals:
        covered = {
            edge_key(one.edge) for one in classified if one.approved_by == approval.by and approval.covers(one.edge)
        }
        if len(covered) > 1:
            kinds = count_text(len(covered), "kind of connection", "kinds of connections")
            found.append(f"The approval {approval.pattern!r} allows {kinds}.")
    return found


def _left_aside(evidence: Evidence) -> list[str]:
    """What was seen and cannot be judged. Replies are no loss, and a recording may have none of them."""
    reasons = {reason: number for reason, number in sorted(evidence.ignored.items()) if reason not in _NO_LOSS}
    if not reasons:
        return []
    shown = ", ".join(f"{reason} {number}" for reason, number in reasons.items())
    number = sum(reasons.values())
    return [
        f"{count_text(number, 'flow')} {agree(number, 'proves', 'prove')} no connection and"
        f" {agree(number, 'was', 'were')} left aside: {shown}."
    ]


def counts(found: Recommendation) -> Mapping[str, int]:
    """Figures for the result: edges by kind, policies, rules, what needs a decision."""
    figures = {"edges": len(found.classified), "allowed": sum(one.allowed for one in found.classified)}
    for kind in (NEEDED, "infrastructure", DENIED, SUSPICIOUS, UNKNOWN):
        figures[kind] = sum(one.kind == kind for one in found.classified)
    roles = [one["metadata"]["labels"].get(ROLE_LABEL) for one in found.policies]
    figures["policies"] = len(found.policies)
    figures["workload_policies"] = roles.count(WORKLOAD_ROLE)
    figures["rules"] = len(found.reasons)
    figures["to_decide"] = sum(bool(one["approval"]) for one in found.review)
    return figures
