# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What must hold for all flows, not only for those that somebody thought of."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoints
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import compile_policies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.explain import explain
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import Recommendation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.manifests import files
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Evidence
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps, loads, merge
from hardening_flows import DNS, both, evidence, flow, outside, pod, recommended, reserved

NAMESPACES = ("data", "shop")
# Workloads of equal name in two namespaces, one whose labels another has too, one without an owner, jobs.
PODS = [
    pod("web"),
    pod("redis", app="redis"),
    pod("redis", "data", app="redis"),
    pod("replica", app="redis", role="replica"),
    pod("loose", kind="", tier="back", **{"pod-template-hash": "7"}),
    pod("nightly-29384756", kind="Job", app="nightly", **{"job-name": "nightly-29384756"}),
]
OUTSIDE = [outside(f"203.0.113.{number}") for number in range(3)] + [outside("2001:db8::7")]
RESERVED = [reserved("remote-node"), reserved("kube-apiserver", "remote-node"), reserved("host"), reserved("ingress")]
PORTS = st.sampled_from([53, 80, 443, 8080, 50051])


@st.composite
def flows(draw: Any) -> dict[str, Any]:
    """Any flow, also those that prove nothing."""
    inside = st.sampled_from(PODS)
    source, destination = draw(st.sampled_from([*PODS, *OUTSIDE, *RESERVED])), draw(inside)
    if draw(st.booleans()):
        source, destination = destination, draw(st.sampled_from([*PODS, *OUTSIDE, *RESERVED, DNS]))
    more: dict[str, Any] = {}
    if destination in OUTSIDE and draw(st.booleans()):
        more["destination_names"] = draw(st.sampled_from([["a.example.com"], ["a.example.com", "b.example.com"]]))
    if draw(st.booleans()):
        more["time"] = f"2026-11-30T18:00:{draw(st.integers(0, 59)):02d}.5Z"
    if draw(st.booleans()):
        more["node_name"] = draw(st.sampled_from(["n1", "n2"]))
    protocol = draw(st.sampled_from(["TCP", "TCP", "UDP", "ICMPv4"]))
    return flow(
        source,
        destination,
        8 if protocol == "ICMPv4" else draw(PORTS),
        protocol,
        draw(st.sampled_from(["EGRESS", "INGRESS"])),
        draw(st.sampled_from([5, 5, 4])),
        draw(st.sampled_from(["FORWARDED", "FORWARDED", "DROPPED"])),
        **more,
    )


MANY = st.lists(flows(), max_size=25)


def output(known: Evidence) -> tuple[object, ...]:
    found = recommended(known, NAMESPACES)
    return files(found.policies), explain(found), found.reasons, found.review, found.warnings, found.digest


@settings(deadline=None, max_examples=60)
@given(MANY, st.randoms(use_true_random=False))
def test_neither_evidence_nor_policies_depend_on_the_order_of_the_flows(documents: list[Any], chance: Any) -> None:
    shuffled = list(documents)
    chance.shuffle(shuffled)
    assert dumps(evidence(*shuffled)) == dumps(evidence(*documents))
    assert output(evidence(*shuffled)) == output(evidence(*documents))


@settings(deadline=None, max_examples=60)
@given(MANY)
def test_evidence_survives_its_text(documents: list[Any]) -> None:
    known = evidence(*documents)
    assert loads(dumps(known)) == known


@settings(deadline=None, max_examples=60)
@given(MANY, MANY, MANY)
def test_evidence_can_be_merged_in_any_order(first: list[Any], second: list[Any], third: list[Any]) -> None:
    a, b, c = (evidence(*documents) for documents in (first, second, third))
    assert dumps(merge(a, b)) == dumps(merge(b, a))
    assert dumps(merge(merge(a, b), c)) == dumps(merge(a, merge(b, c)))
    assert dumps(merge(a, Evidence())) == dumps(a)


def verdicts(found: Recommendation, known: Evidence, policies: list[Any]) -> dict[str, bool]:
    """By each edge that a rule is there for, whether the policies allow it once they enforce."""
    enforced, ends = compile_policies(policies, {}).enforced(), Endpoints(known.inventory)
    return {
        str(one.edge): enforced.verdict(
            ends.of(one.edge.source), ends.of(one.edge.destination), one.edge.protocol, one.edge.port
        ).allowed
        for one in found.classified
        if one.needs_rule
    }


@settings(deadline=None, max_examples=60)
@given(MANY)
def test_every_accepted_edge_is_allowed(documents: list[Any]) -> None:
    known = evidence(*documents)
    found = recommended(known, NAMESPACES)
    assert all(verdicts(found, known, found.policies).values())


@settings(deadline=None, max_examples=40)
@given(MANY)
def test_no_refused_edge_is_allowed_unless_an_accepted_one_opened_it(documents: list[Any]) -> None:
    """A refused edge shares ends and port with an accepted one only where rules cannot tell their peers apart."""
    known = evidence(*documents)
    found = recommended(known, NAMESPACES)
    enforced, ends = compile_policies(found.policies, {}).enforced(), Endpoints(known.inventory)
    for one in found.classified:
        peers = [peer for peer in (one.edge.source, one.edge.destination) if peer.workload is None]
        inside = all(
            peer.workload and peer.workload.namespace in NAMESPACES for peer in (one.edge.source, one.edge.destination)
        )
        if not one.allowed and not peers and inside:
            verdict = enforced.verdict(
                ends.of(one.edge.source), ends.of(one.edge.destination), one.edge.protocol, one.edge.port
            )
            assert not verdict.allowed, one


@settings(deadline=None, max_examples=40)
@given(st.lists(flows(), max_size=12))
def test_without_any_one_rule_something_accepted_is_denied(documents: list[Any]) -> None:
    known = evidence(*documents)
    found = recommended(known, NAMESPACES)
    for number, policy in enumerate(found.policies):
        for section in ("ingress", "egress"):
            for index, rule in enumerate(policy["spec"].get(section, ())):
                dns = any("rules" in entry for entry in rule.get("toPorts", ()))
                # DNS also serves rules with names, and a node's resolver is written in two ways for two versions.
                if rule == {} or dns:
                    continue
                less = copy.deepcopy(found.policies)
                less[number]["spec"][section].pop(index)
                less[number]["spec"][section] = less[number]["spec"][section] or [{}]
                assert not all(verdicts(found, known, less).values()), (policy["metadata"]["name"], rule)


def test_a_held_out_flow_of_the_same_workloads_is_allowed() -> None:
    """The next pod of a rollout, the next run of a job, the next address of a client and of a name."""
    known = evidence(
        *both(pod("web", app="web", **{"pod-template-hash": "1"}), pod("redis", app="redis"), 6379),
        *both(pod("nightly-29384756", kind="Job", app="nightly", **{"job-name": "nightly-29384756"}), PODS[0], 80),
        flow(outside("203.0.113.1"), PODS[0], 443, side="INGRESS"),
        flow(PODS[0], outside("198.51.100.1"), 443, destination_names=["a.example.com"]),
    )
    policies = compile_policies(recommended(known, NAMESPACES).policies, {}).enforced()
    later = evidence(
        *both(pod("web", app="web", **{"pod-template-hash": "2"}), pod("redis", app="redis"), 6379),
        *both(pod("nightly-29384757", kind="Job", app="nightly", **{"job-name": "nightly-29384757"}), PODS[0], 80),
        flow(outside("192.0.2.99"), PODS[0], 443, side="INGRESS"),
        flow(PODS[0], outside("198.51.100.2"), 443, destination_names=["a.example.com"]),
    )
    ends = Endpoints(later.inventory)
    assert len(later.edges) == 4
    for edge in later.edges:
        assert policies.verdict(ends.of(edge.source), ends.of(edge.destination), edge.protocol, edge.port).allowed, edge
