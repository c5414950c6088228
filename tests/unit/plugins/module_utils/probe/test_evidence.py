# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.evidence import (
    decided_by,
    flow_filters,
    is_settled,
    own_flows,
    policies_of,
    weigh,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Report, parse_probes
from flow_maker import (
    CLIENT,
    PORT,
    SERVER,
    WORLD,
    arrival,
    departure,
    drop,
    made,
    reply,
    verdict,
)

SOURCE = {"namespace": "client", "pod": "client"}
HTTP = parse_probes([{"from": SOURCE, "to": {"url": "http://web.basics"}, "expect": "allow"}])[0]
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
DNS_SERVER = {"namespace": "kube-system", "pod_name": "coredns-1", "identity": 3}


def query(port: int = 50000, **more: Any) -> Flow:
    """A DNS query on its way."""
    return departure(destination=DNS_SERVER, ports=(port, 53), protocol="UDP", **more)


def asked(name: str, port: int = 50000, answer: str = "DROPPED", **more: Any) -> Flow:
    layer7 = {"type": "REQUEST", "dns": {"query": name, "observation_source": "proxy"}}
    ports = (port, 53)
    return made(
        129,
        0,
        answer,
        destination=DNS_SERVER,
        ports=ports,
        protocol="UDP",
        l7=layer7,
        is_reply=False,
        traffic_direction="EGRESS",
        **more,
    )


# Which flows belong to the attempt.


def test_a_connection_is_found_by_its_pod_and_local_ports_in_both_directions() -> None:
    ports = [str(port) for port in range(PORT, PORT + 4)]
    assert flow_filters(HTTP, SILENT) == [
        {"source_pod": ["client/client"], "source_port": ports},
        {"destination_pod": ["client/client"], "destination_port": ports},
    ]
    ours = [arrival(), reply(), departure(ports=(PORT + 3, 80))]
    others = [
        departure(ports=(PORT + 4, 80)),
        arrival(source={**CLIENT, "pod_name": "client-2"}),
        arrival(source=SERVER, destination=CLIENT, ports=(PORT, 80)),
    ]
    assert own_flows(HTTP, SILENT, [*others, *ours]) == ours


def test_flows_of_an_earlier_use_of_the_same_ports_are_not_ours() -> None:
    report = replace(SILENT, before=(AT_S - 1, 0), after=(AT_S + 1, 0))
    old = arrival(time="2026-11-30T17:59:50Z")
    older_elsewhere = arrival(time="2026-11-30T17:59:20Z", node_name="n2")
    elsewhere = arrival(time="2026-11-30T17:59:40Z", node_name="n2")
    assert own_flows(HTTP, report, [old, older_elsewhere, elsewhere, arrival()]) == [elsewhere, arrival()]


def test_when_no_name_was_resolved_the_dns_flows_count() -> None:
    assert flow_filters(HTTP, UNRESOLVED) == [
        {"source_pod": ["client/client"], "destination_port": ["53"]},
        {"destination_pod": ["client/client"], "source_port": ["53"]},
    ]
    assert own_flows(HTTP, UNRESOLVED, [query(), departure()]) == [query()]


def test_a_dns_query_is_ours_when_its_node_saw_it_in_the_time_of_the_attempt() -> None:
    before = query(1, time="2026-11-30T17:59:58Z")
    after = query(2, time="2026-11-30T18:00:02Z")
    other_node = query(3, node_name="kind/n2")
    assert own_flows(DNS, UNRESOLVED, [before, after, other_node, query(4)]) == [query(4)]
    # The other node's clock may be far off: its view of the same query still belongs to us.
    far = drop(destination=DNS_SERVER, ports=(4, 53), protocol="UDP", node_name="n2", time="2026-11-30T18:05:00Z")
    assert own_flows(DNS, UNRESOLVED, [query(4), far]) == [query(4), far]


def test_queries_for_other_names_are_not_ours_where_names_are_known() -> None:
    ours = [query(1), asked("web.basics.svc.cluster.local.", 1), asked("WEB.basics.", 1)]
    others = [query(2), asked("github.com.", 2), asked("other-web.basics.", 1)]
    assert own_flows(DNS, UNRESOLVED, [*ours, *others]) == ours
    assert own_flows(HTTP, UNRESOLVED, [*ours, *others]) == ours


# What they prove.


def test_forwarded_at_the_sender_is_no_delivery() -> None:
    evidence = weigh(HTTP, SILENT, [departure()])
    assert not evidence.delivered
    assert evidence.deciding is None
    assert not is_settled(HEARD, evidence)


@pytest.mark.parametrize("proof", [arrival(), verdict(), reply()], ids=["arrival", "verdict", "reply"])
def test_delivery_is_proved_by_arrival_verdict_or_reply(proof: Flow) -> None:
    evidence = weigh(HTTP, HEARD, [departure(), proof])
    assert evidence.delivered
    assert evidence.deciding == proof
    assert is_settled(HEARD, evidence)
    # The client has heard nothing: a denial may still come.
    assert not is_settled(SILENT, evidence)


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
    assert is_settled(SILENT, evidence)
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
