# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.evidence import weigh
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.judge import judge, seen_by_client
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.story import Case, next_step, story
from flow_maker import CLIENT, DNS_SERVER, PORT, WORLD, arrival, departure, drop, made, reply, verdict

SOURCE = {"namespace": "client", "pod": "client"}
SILENT = Report(
    namespace="client",
    pod="client",
    node="n1",
    exit_code=28,
    ports=frozenset({PORT}),
    remote_ip="10.0.0.2",
    time_s=5.002,
    stderr="curl: (28) Connection timed out",
)
HEARD = replace(SILENT, exit_code=0, answered=True, http_status=200, stderr="", time_s=0.004)
NO_NAME = replace(SILENT, exit_code=6, resolved=False, stderr="", remote_ip="")
CLOSED = [
    {"pod": "client/client", "ingress": ["NetworkPolicy client/x"], "egress": [], "known": True},
    {"pod": "basics/web", "ingress": ["CiliumNetworkPolicy basics/deny"], "egress": [], "known": True},
]
CAGED = [{"pod": "client/client", "ingress": [], "egress": ["CiliumClusterwideNetworkPolicy cage"], "known": True}]
OPEN = [
    {"pod": "client/client", "ingress": [], "egress": [], "known": True},
    {"pod": "basics/web", "ingress": [], "egress": [], "known": True},
]


def case(
    report: Report, flows: list[Flow], endpoints: list[dict[str, Any]], *, expect: str = "allow", **probe: Any
) -> Case:
    entry = {"from": SOURCE, "to": {"url": "http://web.basics"}, "expect": expect, **probe}
    one = parse_probes([entry])[0]
    evidence = weigh(one, report, flows)
    why = judge(one, report, evidence, "required").why
    return Case(one, report, evidence, flows, endpoints, seen_by_client(one, report), why)


def test_a_denial_at_the_receiver() -> None:
    denied = case(SILENT, [departure(), verdict(name="DROPPED", node_name="kind/n2"), drop()], CLOSED)
    assert story(denied) == (
        "client/client on node n1 tried http://web.basics at 10.0.0.2, and saw: exit 28 (timed out) after 5 s"
        ' ("curl: (28) Connection timed out"). At the sender it went out, and no policy had a say.'
        " At the receiver basics/web (node n2) it was denied on the way in (DROPPED)."
        " Policies that make client/client deny by default (egress): none."
        " Policies that make basics/web deny by default (ingress): CiliumNetworkPolicy basics/deny."
        " No ingress rule there allows this: look at whom it comes from, the port and the protocol."
    )
    assert next_step(denied) == "kubectl --namespace basics get ciliumnetworkpolicies deny --output yaml"


def test_a_denial_at_the_sender() -> None:
    denied = case(SILENT, [drop("EGRESS")], CAGED)
    assert "At the sender it was denied on the way out (POLICY_DENIED). So it never reached the receiver." in story(
        denied
    )
    assert story(denied).endswith("look at what it connects to, the port and the protocol.")
    assert next_step(denied) == "kubectl get ciliumclusterwidenetworkpolicies cage --output yaml"


def test_a_denial_that_names_its_rule() -> None:
    by = [{"name": "no", "namespace": "basics", "kind": "CiliumNetworkPolicy"}]
    denied = case(SILENT, [verdict(name="DROPPED", ingress_denied_by=by)], CLOSED)
    assert story(denied).endswith("It is denied by CiliumNetworkPolicy basics/no, whatever other policies allow.")
    assert next_step(denied) == "kubectl --namespace basics get ciliumnetworkpolicies no --output yaml"


def test_a_denial_whose_policies_may_not_be_read() -> None:
    denied = case(SILENT, [verdict(name="DROPPED")], [])
    assert next_step(denied) == "kubectl --namespace basics get networkpolicies,ciliumnetworkpolicies"


def test_policies_that_could_not_be_read_are_not_called_none() -> None:
    unread = [{**one, "ingress": [], "egress": [], "known": False} for one in CLOSED]
    told = story(case(SILENT, [verdict(name="DROPPED")], unread))
    assert "Which policies are for basics/web could not be read." in told
    assert "none" not in told


def test_a_refused_request_of_the_proxy() -> None:
    refused = made(129, 0, "DROPPED", l7={"type": "REQUEST", "http": {"method": "GET"}}, is_reply=False)
    assert "does not allow this request" in story(case(replace(HEARD, http_status=403), [verdict(), refused], CLOSED))


def test_a_refused_query() -> None:
    layer7 = {"type": "REQUEST", "dns": {"query": "github.com.", "observation_source": "proxy"}}
    flow = made(129, 0, "DROPPED", destination=DNS_SERVER, l7=layer7, traffic_direction="EGRESS", is_reply=False)
    assert "At the sender the query for github.com. was denied on the way out" in story(case(NO_NAME, [flow], CAGED))


def test_an_unexpected_connection_that_no_policy_is_for() -> None:
    allowed = case(HEARD, [departure(), arrival(), reply()], OPEN, expect="deny")
    assert "it was let in, and no policy had a say." in story(allowed)
    assert story(allowed).endswith(
        "As no policy is for what comes to basics/web, everybody who may go out may connect."
    )
    assert next_step(allowed) == "kubectl --namespace basics get networkpolicies,ciliumnetworkpolicies"


def test_an_unexpected_connection_that_a_policy_allows() -> None:
    allowed = case(HEARD, [departure(), verdict(), arrival(), reply()], CLOSED, expect="deny")
    assert "it was let in by CiliumNetworkPolicy basics/allow-client." in story(allowed)
    assert next_step(allowed) == "kubectl --namespace basics get ciliumnetworkpolicies allow-client --output yaml"


def test_nobody_answers_behind_an_open_door() -> None:
    unanswered = case(SILENT, [departure(), arrival()], OPEN)
    assert story(unanswered).endswith("The network let it through, but nobody answered.")
    assert next_step(unanswered) == "kubectl --namespace basics logs web --tail 20"


def test_hubble_knows_nothing() -> None:
    unknown = case(SILENT, [], [])
    assert "Hubble shows no flow of it." in story(unknown)
    assert "Policies that" not in story(unknown)
    assert next_step(unknown) == "hubble observe --pod client/client --last 50"


def test_a_name_that_is_not_resolved() -> None:
    query = departure(destination=DNS_SERVER, ports=(PORT, 53), protocol="UDP")
    assert next_step(case(NO_NAME, [query], OPEN)) == "hubble observe --pod client/client --port 53 --last 50"


def test_what_happens_outside_is_not_seen() -> None:
    outside = case(SILENT, [departure(destination=WORLD)], OPEN)
    assert "10.0.0.2 is no pod: what happens there, Hubble does not see." in story(outside)


def test_a_drop_that_no_policy_decides() -> None:
    dropped = case(SILENT, [drop(reason="STALE_OR_UNROUTABLE_IP", node_name="kind/n2")], OPEN)
    assert "It was dropped on node n2: STALE_OR_UNROUTABLE_IP." in story(dropped)


def test_the_denial_of_a_sender_that_is_not_known_yet() -> None:
    unknown = case(SILENT, [verdict(name="DROPPED", source={**CLIENT, "identity": 2})], CLOSED)
    assert "it was denied as somebody unknown on the way in" in story(unknown)
    assert story(unknown).endswith("denied it as somebody unknown.")


def test_a_datagram_that_left() -> None:
    gone = departure(protocol="UDP", destination=WORLD)
    left = case(SILENT, [gone], OPEN, expect="deny", to={"host": "example.org", "port": 9}, protocol="udp")
    assert "It left the cluster, where Hubble sees nothing." in story(left)


@pytest.mark.parametrize("text", ["There is no pod client/client."])
def test_without_an_attempt_the_failure_is_the_story(text: str) -> None:
    failed = case(Report(failure=text), [], [])
    assert (story(failed), next_step(failed)) == (text, "")
