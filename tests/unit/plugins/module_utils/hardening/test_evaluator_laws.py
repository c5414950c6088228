# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Laws that hold for all policies and all connections."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.semantics import with_default_deny
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.compiling import policy_key
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoint
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import (
    Decision,
    PolicySet,
    compile_policies,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import ROLE_LABEL, WORKLOAD_ROLE

ON, OFF = ({"ingress": on, "egress": on} for on in (True, False))
NAMESPACES = {"shop": {"env": "prod"}, "data": {}}
OURS = {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: WORKLOAD_ROLE}
SELECTORS: list[Any] = [
    {},
    {"matchLabels": {"app": "web"}},
    {"matchLabels": {"app": "redis"}},
    {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["web"]}]},
]


def pod(namespace: str, app: str) -> Endpoint:
    return Endpoint(frozenset({f"k8s:app={app}", f"k8s:io.kubernetes.pod.namespace={namespace}"}))


ENDS = [
    *(pod(namespace, app) for namespace in NAMESPACES for app in ("web", "redis")),
    *(Endpoint(frozenset({f"reserved:{name}"})) for name in ("host", "remote-node", "world")),
    Endpoint(frozenset({"reserved:world"}), "203.0.113.7", ("api.example.com",)),
]
ports = st.sampled_from([80, 443, 6379])
connections = st.tuples(st.sampled_from(ENDS), st.sampled_from(ENDS), st.sampled_from(["TCP", "UDP"]), ports)


@st.composite
def items(draw: Any, side: str) -> Any:
    peers: list[Any] = [
        {},
        {f"{side}Endpoints": [draw(st.sampled_from(SELECTORS))]},
        {f"{side}Entities": [draw(st.sampled_from(["world", "host", "cluster", "all", "remote-node"]))]},
        {f"{side}CIDRSet": [{"cidr": "203.0.113.0/24"}]},
    ]
    item = dict(draw(st.sampled_from(peers)))
    if draw(st.booleans()):
        item["toPorts"] = [{"ports": [{"port": str(draw(ports)), "protocol": draw(st.sampled_from(["TCP", "ANY"]))}]}]
    return item


@st.composite
def policies(draw: Any, deny: bool = True) -> Any:
    spec: Any = {"endpointSelector": draw(st.sampled_from(SELECTORS))}
    sections = [("ingress", "from"), ("egress", "to")]
    if deny:
        sections += [("ingressDeny", "from"), ("egressDeny", "to")]
    for section, side in sections:
        found = draw(st.lists(items(side), max_size=2))
        if found:
            spec[section] = found
    switches = draw(st.dictionaries(st.sampled_from(["ingress", "egress"]), st.booleans(), max_size=2))
    if switches:
        spec["enableDefaultDeny"] = switches
    name = draw(st.text("abcdef", min_size=1, max_size=4))
    metadata = {"name": name, "namespace": draw(st.sampled_from(sorted(NAMESPACES))), "labels": OURS}
    return {"apiVersion": "cilium.io/v2", "kind": "CiliumNetworkPolicy", "metadata": metadata, "spec": spec}


sets = st.lists(policies(), max_size=4)
law = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def compiled(documents: list[Any]) -> PolicySet:
    return compile_policies(documents, NAMESPACES)


def verdict(documents: list[Any], connection: Any) -> Decision:
    return compiled(documents).verdict(*connection)


@law
@given(sets, st.randoms(use_true_random=False), connections)
def test_order_does_not_matter(documents: list[Any], dice: Any, connection: Any) -> None:
    shuffled = list(documents)
    dice.shuffle(shuffled)
    one, other = verdict(documents, connection), verdict(shuffled, connection)
    assert (one.egress.allowed, one.ingress.allowed) == (other.egress.allowed, other.ingress.allowed)
    assert sorted(one.ingress.allowed_by) == sorted(other.ingress.allowed_by)


@law
@given(st.lists(policies(deny=False), max_size=4), policies(deny=False), connections)
def test_an_allow_never_takes_away(documents: list[Any], more: Any, connection: Any) -> None:
    """More allow rules allow more, as long as they bring no default deny of their own."""
    before = verdict(documents, connection)
    after = verdict([*documents, with_default_deny(more, OFF)], connection)
    assert before.allowed <= after.allowed


@law
@given(sets, policies(), connections)
def test_a_deny_rule_wins(documents: list[Any], more: Any, connection: Any) -> None:
    after = verdict([*documents, more], connection)
    for side in (after.egress, after.ingress):
        assert not (side.denied_by and side.allowed)
        assert not side.denied_by or side.would_deny


@law
@given(st.lists(policies(deny=False), max_size=4), connections)
def test_a_shadow_denies_nothing(documents: list[Any], connection: Any) -> None:
    decision = compiled(documents).shadow().verdict(*connection)
    assert decision.allowed
    assert not decision.egress.enforced
    assert not decision.ingress.enforced


@law
@given(sets, connections)
def test_would_deny_is_what_enforcing_does(documents: list[Any], connection: Any) -> None:
    """P5: the prediction made in the shadow is what the enforced policies answer."""
    shadow = compiled(documents).shadow()
    told, done = shadow.verdict(*connection), shadow.enforced().verdict(*connection)
    assert told.would_deny == (not done.allowed)
    for side in ("egress", "ingress"):
        assert getattr(told, side).would_deny == (not getattr(done, side).allowed)


@law
@given(sets, connections)
def test_there_and_back_again(documents: list[Any], connection: Any) -> None:
    """P6: taking a step back gives the answers of before, and switching twice is switching once."""
    shadow = compiled(documents).shadow()
    assert shadow.enforced().shadow().verdict(*connection) == shadow.verdict(*connection)
    assert shadow.enforced().documents == shadow.enforced().enforced().documents
    every = [with_default_deny(document, ON) for document in documents]
    assert compiled(every).verdict(*connection) == shadow.enforced().verdict(*connection)


@law
@given(sets, st.sampled_from(["INGRESS", "EGRESS"]), connections)
def test_a_step_of_one_direction_leaves_the_other(documents: list[Any], direction: str, connection: Any) -> None:
    shadow = compiled(documents).shadow()
    keys = {policy_key(document) for document in documents}
    step = shadow.enforced(keys, [direction])
    other = "ingress" if direction == "EGRESS" else "egress"
    before, after = shadow.verdict(*connection), step.verdict(*connection)
    assert getattr(before, other).allowed == getattr(after, other).allowed


@law
@given(sets)
def test_compiling_changes_no_document(documents: list[Any]) -> None:
    before = copy.deepcopy(documents)
    compiled(documents).enforced().shadow()
    assert documents == before
