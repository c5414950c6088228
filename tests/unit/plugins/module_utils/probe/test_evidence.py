# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.evidence import (
    decided_by,
    is_settled,
    policies_of,
    weigh,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report
from flow_maker import (
    CLIENT,
    PORT,
    WORLD,
    arrival,
    asked,
    departure,
    drop,
    made,
    reply,
    verdict,
)

SOURCE = {"namespace": "client", "pod": "client"}
HTTP = parse_probes([{"from": SOURCE, "to": {"url": "http://web.basics"}, "expect": "allow"}])[0]
UDP = parse_probes([{"from": SOURCE, "to": {"host": "web.basics", "port": 53}, "protocol": "udp", "expect": "allow"}])[
    0
]
DNS = parse_probes([{"from": SOURCE, "to": {"dns": "web.basics"}, "expect": "allow"}])[0]
AT_S = 1796061600
HEARD = Report(namespace="client", pod="client", node="n1", answered=True, ports=frozenset(range(PORT, PORT + 4)))
SILENT = Report(namespace="client", pod="client", node="n1", exit_code=28, ports=HEARD.ports)
UNRESOLVED = Report(
    namespace="client",
    pod="client",
    node="n1",
    exit_code=28,
    resolved=False,
    ports=HEARD.ports,
    before=(AT_S - 1, 0),
    after=(AT_S + 1, 0),
)


# What they prove.


def test_forwarded_at_the_sender_is_no_delivery() -> None:
    evidence = weigh(HTTP, SILENT, [departure()])
    assert not evidence.delivered
    assert evidence.deciding is None
    assert not is_settled(HTTP, HEARD, evidence)


@pytest.mark.parametrize("proof", [arrival(), verdict(), reply()], ids=["arrival", "verdict", "reply"])
def test_delivery_is_proved_by_arrival_verdict_or_reply(proof: Flow) -> None:
    evidence = weigh(HTTP, HEARD, [departure(), proof])
    assert evidence.delivered
    assert evidence.deciding == proof
    assert is_settled(HTTP, HEARD, evidence)
    # The client has heard nothing: a denial may still come.
    assert not is_settled(HTTP, SILENT, evidence)


def test_an_egress_verdict_alone_is_no_delivery_but_with_the_reply_it_decides() -> None:
    out = verdict("EGRESS", destination=WORLD)
    assert weigh(HTTP, SILENT, [out]).deciding is None
    assert weigh(HTTP, HEARD, [out, reply(source=WORLD)]).deciding == out
    assert weigh(HTTP, HEARD, [out, arrival()]).deciding == out
    assert weigh(HTTP, HEARD, [out, arrival(), verdict()]).deciding == verdict()


def test_a_verdict_counts_more_than_a_trace_and_a_drop() -> None:
    assert weigh(HTTP, HEARD, [arrival(), verdict()]).ingress == verdict()
    denied = verdict(name="DROPPED")
    assert weigh(HTTP, SILENT, [drop(), denied]).denial == denied
    assert weigh(HTTP, SILENT, [denied, drop()]).denial == denied


def test_an_answer_outweighs_the_denial_of_an_earlier_packet() -> None:
    evidence = weigh(HTTP, HEARD, [drop(), verdict()])
    assert evidence.denial is None
    assert evidence.deciding == verdict()


def test_a_proxy_s_refusal_outweighs_its_answer_for_http_but_not_a_search_suffix_for_dns() -> None:
    refused = made(129, 0, "DROPPED", l7={"type": "REQUEST", "http": {"method": "GET"}}, is_reply=False)
    assert weigh(HTTP, HEARD, [verdict(), refused]).denial == refused
    assert weigh(DNS, HEARD, [asked("web.basics.svc.")]).denial is None


def test_a_drop_for_another_reason_is_no_denial() -> None:
    evidence = weigh(HTTP, SILENT, [drop(reason="STALE_OR_UNROUTABLE_IP")])
    assert evidence.denial is None
    assert evidence.other_drop is not None
    assert is_settled(HTTP, SILENT, evidence)
    assert decided_by(evidence, ()) == "no policy: STALE_OR_UNROUTABLE_IP"


def test_audit_mode_is_seen() -> None:
    evidence = weigh(HTTP, HEARD, [verdict(name="AUDIT"), arrival()])
    assert evidence.audited is not None
    assert evidence.deciding == evidence.audited


def test_the_direction_is_that_of_the_policy_and_of_no_trace() -> None:
    assert weigh(HTTP, HEARD, [arrival()]).direction == ""
    assert weigh(HTTP, HEARD, [verdict()]).direction == "INGRESS"
    assert weigh(HTTP, SILENT, [drop("EGRESS")]).direction == "EGRESS"


# Who decided.


def test_allowing_policies_are_named_for_both_sides() -> None:
    evidence = weigh(HTTP, HEARD, [verdict("EGRESS"), verdict()])
    name = "CiliumNetworkPolicy basics/allow-client"
    assert decided_by(evidence, ()) == f"egress: {name}; ingress: {name}"
    assert [(one["direction"], one["effect"], one["name"]) for one in policies_of(evidence)] == [
        ("egress", "allow", "allow-client"),
        ("ingress", "allow", "allow-client"),
    ]


def test_no_policy_and_no_proof_are_told_apart() -> None:
    assert decided_by(weigh(HTTP, HEARD, [arrival()]), ()) == "no policy"
    assert decided_by(weigh(HTTP, HEARD, []), ()) == ""
    assert decided_by(weigh(HTTP, HEARD, [verdict(ingress_allowed_by=[])]), ()) == "ingress: a policy without a name"


def test_default_deny_being_off_is_told() -> None:
    off = [{"labels": ["reserved:io.cilium.policy.derived-from=allow-any-ingress"]}]
    evidence = weigh(HTTP, HEARD, [verdict(ingress_allowed_by=off)])
    assert decided_by(evidence, ()) == "ingress: allow-any-ingress"


def test_a_denial_names_the_denying_rule_or_the_default_deny() -> None:
    denied = verdict(
        name="DROPPED", ingress_denied_by=[{"name": "no", "namespace": "b", "kind": "CiliumNetworkPolicy"}]
    )
    assert decided_by(weigh(HTTP, SILENT, [denied]), ()) == "ingress: denied by CiliumNetworkPolicy b/no"
    assert policies_of(weigh(HTTP, SILENT, [denied]))[0]["effect"] == "deny"
    plain = weigh(HTTP, SILENT, [drop("EGRESS")])
    assert decided_by(plain, ()) == "egress: default deny, no rule allows it"
    assert decided_by(plain, ["NetworkPolicy b/x"]) == "egress: no rule allows it, default deny by NetworkPolicy b/x"
    assert decided_by(weigh(HTTP, SILENT, [drop(reason="POLICY_DENY")]), ()) == "ingress: a deny rule"
    assert decided_by(weigh(HTTP, SILENT, [drop(reason="AUTH_REQUIRED")]), ()) == "ingress: authentication required"
    assert decided_by(weigh(DNS, UNRESOLVED, [asked("a.")]), ()) == "egress: no rule allows this request"


# Datagrams, which nobody need answer.


def test_a_datagram_that_arrived_is_settled_without_an_answer() -> None:
    for flow in (arrival(protocol="UDP"), verdict(protocol="UDP")):
        evidence = weigh(UDP, SILENT, [departure(protocol="UDP"), flow])
        assert evidence.deciding == flow
        assert is_settled(UDP, SILENT, evidence)


def test_a_datagram_on_its_way_to_a_pod_proves_nothing() -> None:
    evidence = weigh(UDP, SILENT, [departure(protocol="UDP"), verdict("EGRESS", protocol="UDP")])
    assert evidence.left is None
    assert evidence.deciding is None
    assert not is_settled(UDP, SILENT, evidence)
    # A pod whose name is not known is one all the same.
    assert weigh(UDP, SILENT, [departure(protocol="UDP", destination={"identity": 2000})]).left is None


@pytest.mark.parametrize("identity", [1, 2, 6, 7, 16777217], ids=["host", "world", "node", "api", "fqdn"])
def test_a_datagram_that_leaves_the_pods_is_seen_no_further(identity: int) -> None:
    gone = departure(protocol="UDP", destination={"identity": identity})
    evidence = weigh(UDP, SILENT, [gone])
    assert (evidence.left, evidence.deciding) == (gone, gone)
    assert is_settled(UDP, SILENT, evidence)
    assert decided_by(evidence, ()) == "no policy"
    out = verdict("EGRESS", protocol="UDP", destination={"identity": identity})
    assert weigh(UDP, SILENT, [gone, out]).deciding == out


def test_other_protocols_are_answered_and_so_leaving_proves_nothing() -> None:
    assert weigh(HTTP, SILENT, [departure(destination=WORLD)]).deciding is None


# Senders that the receiving node does not know yet.


@pytest.mark.parametrize("identity", [0, 2, 5])
def test_the_denial_of_somebody_unknown_is_not_the_policy_s_last_word(identity: int) -> None:
    flow = verdict(name="DROPPED", source={**CLIENT, "identity": identity})
    evidence = weigh(HTTP, SILENT, [flow])
    assert evidence.denial is None
    assert evidence.unrecognised == flow
    assert evidence.deciding is None
    assert is_settled(HTTP, SILENT, evidence)


def test_a_denial_at_the_sender_is_one_whatever_the_receiver_knows() -> None:
    flow = verdict("EGRESS", "DROPPED", source={**CLIENT, "identity": 2})
    assert weigh(HTTP, SILENT, [flow]).denial == flow
