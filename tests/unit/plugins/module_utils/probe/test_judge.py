# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.evidence import weigh
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.judge import (
    Judgement,
    judge,
    mismatch_text,
    result_document,
    seen_by_client,
    skipped_document,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Probe, parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report
from flow_maker import PORT, arrival, departure, drop, made, verdict

SOURCE = {"namespace": "client", "pod": "client"}


def probe(expect: str, **options: Any) -> Probe:
    to = options.pop("to", {"url": "http://web.basics"})
    return parse_probes([{"from": SOURCE, "to": to, "expect": expect, **options}])[0]


def report(exit_code: int, **more: Any) -> Report:
    return Report(namespace="client", pod="client", node="n1", exit_code=exit_code, ports=frozenset({PORT}), **more)


OK = report(0, answered=True, http_status=200)
TIMEOUT = report(28)
REFUSED = report(7)
NO_NAME = report(6, resolved=False)
NO_DNS = report(28, resolved=False)
DELIVERED = [departure(), arrival()]
DROPPED = [departure(), verdict(name="DROPPED"), drop()]
STALE = [drop(reason="STALE_OR_UNROUTABLE_IP")]
AUDITED = [verdict(name="AUDIT"), arrival()]
NOTHING: list[Flow] = []


@pytest.mark.parametrize(
    ("name", "expect", "seen", "flows", "mode", "outcome", "passed"),
    [
        ("allowed and proved", "allow", OK, DELIVERED, "required", "allowed", True),
        ("allowed, forwarded at the sender only", "allow", OK, [departure()], "required", "allowed", False),
        ("allowed, no flows, optional", "allow", OK, NOTHING, "optional", "allowed", True),
        ("allowed, no flows, off", "allow", OK, NOTHING, "off", "allowed", True),
        ("allowed in audit mode only", "allow", OK, AUDITED, "required", "allowed", False),
        ("allowed in audit mode only, optional", "allow", OK, AUDITED, "optional", "allowed", False),
        ("unexpectedly allowed", "deny", OK, DELIVERED, "required", "allowed", False),
        ("denied and proved", "deny", TIMEOUT, DROPPED, "required", "denied", True),
        ("denied fast, with a reset or ICMP", "deny", REFUSED, DROPPED, "required", "denied", True),
        ("unexpectedly denied", "allow", TIMEOUT, DROPPED, "required", "denied", False),
        ("silence proves no denial", "deny", TIMEOUT, NOTHING, "required", "error", False),
        ("silence without proof, optional", "deny", TIMEOUT, NOTHING, "optional", "denied", True),
        ("silence without proof, off", "deny", TIMEOUT, NOTHING, "off", "denied", True),
        ("delivered but unanswered is no denial", "deny", TIMEOUT, DELIVERED, "required", "error", False),
        ("delivered but unanswered, optional", "deny", TIMEOUT, DELIVERED, "optional", "error", False),
        ("nothing listens", "deny", REFUSED, DELIVERED, "required", "error", False),
        ("refused without a flow is no denial", "deny", REFUSED, NOTHING, "off", "error", False),
        ("dropped, but not by a policy", "deny", TIMEOUT, STALE, "required", "error", False),
        ("no such name", "deny", NO_NAME, NOTHING, "off", "error", False),
        ("DNS denied", "deny", NO_DNS, DROPPED, "required", "denied", True),
        ("DNS silent, off", "deny", NO_DNS, NOTHING, "off", "denied", True),
        ("not run", "deny", Report(failure="no pod"), NOTHING, "off", "error", False),
        ("not run, allow", "allow", Report(failure="no pod"), NOTHING, "off", "error", False),
    ],
)
def test_client_and_hubble_must_agree(
    name: str, expect: str, seen: Report, flows: list[Flow], mode: str, outcome: str, passed: bool
) -> None:
    one = probe(expect)
    judgement = judge(one, seen, weigh(one, seen, flows), mode)
    assert (judgement.outcome, judgement.passed) == (outcome, passed), name


def test_a_proxy_s_refusal_is_a_denial_although_it_answers() -> None:
    one = probe("deny")
    forbidden = replace(OK, http_status=403)
    refused = made(129, 0, "DROPPED", l7={"type": "REQUEST", "http": {"method": "GET"}}, is_reply=False)
    assert judge(one, forbidden, weigh(one, forbidden, [verdict(), refused]), "required") == Judgement(
        "denied", True, ""
    )


def test_an_expected_status_must_come() -> None:
    one = probe("allow", expect_status=301)
    judgement = judge(one, OK, weigh(one, OK, DELIVERED), "required")
    assert (judgement.passed, judgement.why) == (False, "The status is HTTP 200, expected was 301.")
    moved = replace(OK, http_status=301)
    assert judge(one, moved, weigh(one, moved, DELIVERED), "required").passed


def document(one: Probe, seen: Report, flows: list[Flow], *, default_deny: tuple[str, ...] = ()) -> Any:
    evidence = weigh(one, seen, flows)
    return result_document(one, seen, evidence, judge(one, seen, evidence, "required"), flows, default_deny, 2)


def test_a_result_tells_the_whole_story() -> None:
    result = document(probe("deny"), TIMEOUT, DROPPED, default_deny=("CiliumNetworkPolicy basics/deny",))
    assert (result["from"], result["to"], result["expected"]) == ("client/client", "http://web.basics", "deny")
    assert (result["verdict"], result["direction"], result["attempts"]) == ("DROPPED", "ingress", 2)
    assert result["decided_by"] == "ingress: no rule allows it, default deny by CiliumNetworkPolicy basics/deny"
    assert (result["reason"], result["passed"], result["skipped_because"]) == ("", True, "")
    assert len(result["flows"]) == 3
    assert result["name"] == "client/client -> http://web.basics"
    assert document(probe("deny", name="mine"), TIMEOUT, DROPPED)["name"] == "mine"


def test_a_mismatch_names_the_connection_and_both_sides() -> None:
    result = document(probe("deny"), OK, [verdict()])
    assert mismatch_text(result) == (
        "client/client -> http://web.basics: expected deny, was allowed (HTTP 200, verdict FORWARDED, "
        "ingress: CiliumNetworkPolicy basics/allow-client)"
    )
    result = document(probe("allow"), TIMEOUT, NOTHING)
    assert "was not" not in mismatch_text(result)
    assert "expected allow, failed (exit 28 (timed out), no verdict): The client heard nothing" in mismatch_text(result)


def test_a_mismatch_is_called_by_the_name_that_it_was_given() -> None:
    result = document(replace(probe("deny"), name="shop stays closed"), OK, [verdict()])
    assert mismatch_text(result).startswith(
        "shop stays closed (client/client -> http://web.basics): expected deny, was"
    )


def test_retries_do_not_fill_the_result() -> None:
    assert len(document(probe("deny"), TIMEOUT, DROPPED * 20)["flows"]) == 12


@pytest.mark.parametrize(
    ("seen", "text"),
    [
        (OK, "HTTP 200"),
        (TIMEOUT, "exit 28 (timed out)"),
        (NO_DNS, "exit 28 (no answer from DNS)"),
        (NO_NAME, "exit 6 (name not resolved)"),
        (REFUSED, "exit 7 (refused)"),
        (report(35), "exit 35"),
        (Report(failure="x"), "not run"),
    ],
)
def test_what_the_client_saw_in_few_words(seen: Report, text: str) -> None:
    assert seen_by_client(probe("allow"), seen) == text


def test_what_other_clients_saw() -> None:
    dns, tcp = probe("allow", to={"dns": "a"}), probe("allow", to={"host": "a", "port": 1})
    assert seen_by_client(dns, report(0, answered=True, addresses=("10.0.0.1",))) == "10.0.0.1"
    assert seen_by_client(dns, report(2, resolved=False)) == "exit 2 (no such name)"
    assert seen_by_client(dns, report(124, resolved=False)) == "exit 124 (timed out)"
    assert seen_by_client(tcp, report(28, answered=True)) == "connected"


UDP_TO = {"host": "web.basics", "port": 53}
UNANSWERED = report(28)
NO_LISTENER = report(7, refused=True)
GONE = [departure(protocol="UDP", destination={"identity": 2})]
STRANGER = [verdict(name="DROPPED", source={"namespace": "client", "pod_name": "client", "identity": 2})]


@pytest.mark.parametrize(
    ("name", "expect", "seen", "flows", "mode", "outcome", "passed"),
    [
        ("answered and proved", "allow", report(0, answered=True), DELIVERED, "required", "allowed", True),
        ("answered, not proved", "allow", report(0, answered=True), NOTHING, "required", "allowed", False),
        ("arrived, nobody answers", "allow", UNANSWERED, DELIVERED, "required", "allowed", True),
        ("arrived, nobody listens", "allow", NO_LISTENER, DELIVERED, "required", "allowed", True),
        ("nobody listens, off", "allow", NO_LISTENER, NOTHING, "off", "allowed", True),
        ("left the cluster", "allow", UNANSWERED, GONE, "required", "allowed", True),
        ("left the cluster, unexpectedly", "deny", UNANSWERED, GONE, "required", "allowed", False),
        ("on its way to a pod", "allow", UNANSWERED, [departure()], "required", "error", False),
        ("silence proves no denial", "deny", UNANSWERED, NOTHING, "required", "error", False),
        ("silence means nothing, optional", "deny", UNANSWERED, NOTHING, "optional", "error", False),
        ("silence means nothing, off", "deny", UNANSWERED, NOTHING, "off", "error", False),
        ("denied", "deny", UNANSWERED, DROPPED, "required", "denied", True),
        ("DNS denied", "deny", report(28, resolved=False), DROPPED, "required", "denied", True),
        ("no such name", "deny", report(6, resolved=False), NOTHING, "off", "error", False),
        ("denied as somebody unknown", "deny", UNANSWERED, STRANGER, "required", "error", False),
    ],
)
def test_a_datagram_need_not_be_answered(
    name: str, expect: str, seen: Report, flows: list[Flow], mode: str, outcome: str, passed: bool
) -> None:
    one = probe(expect, to=UDP_TO, protocol="udp")
    judgement = judge(one, seen, weigh(one, seen, flows), mode)
    assert (judgement.outcome, judgement.passed) == (outcome, passed), name


@pytest.mark.parametrize(
    ("seen", "flows", "outcome"),
    [
        (report(0, answered=True), DELIVERED, "allowed"),
        (report(1), DROPPED, "denied"),
        (report(1), DELIVERED, "error"),
        (report(1, refused=True), NOTHING, "error"),
        (report(124, resolved=False), DROPPED, "denied"),
        (report(1, resolved=False), NOTHING, "error"),
    ],
)
def test_an_echo_must_be_answered(seen: Report, flows: list[Flow], outcome: str) -> None:
    one = probe("deny", to={"host": "10.0.0.2"}, protocol="icmp")
    assert judge(one, seen, weigh(one, seen, flows), "required").outcome == outcome


def test_the_denial_of_somebody_unknown_is_tried_again_as_an_error() -> None:
    one = probe("deny")
    judgement = judge(one, TIMEOUT, weigh(one, TIMEOUT, STRANGER), "required")
    assert (judgement.outcome, judgement.passed) == ("error", False)
    assert "did not know the sender yet" in judgement.why


def test_what_clients_of_datagrams_and_echoes_saw() -> None:
    udp, icmp = probe("allow", to=UDP_TO, protocol="udp"), probe("allow", to={"host": "a"}, protocol="icmp")
    assert seen_by_client(udp, report(0, answered=True)) == "answered"
    assert seen_by_client(udp, UNANSWERED) == "exit 28 (no answer)"
    assert seen_by_client(udp, NO_LISTENER) == "exit 7 (nobody listens there)"
    assert seen_by_client(udp, report(7)) == "exit 7 (no way there)"
    assert seen_by_client(udp, report(28, resolved=False)) == "exit 28 (no answer from DNS)"
    assert seen_by_client(icmp, report(0, answered=True)) == "echo"
    assert seen_by_client(icmp, report(1)) == "exit 1 (no echo)"
    assert seen_by_client(icmp, report(1, refused=True)) == "exit 1 (a machine on the way refused it)"
    assert seen_by_client(icmp, report(2, resolved=False)) == "exit 2 (name not resolved)"


def test_a_short_lived_pod_is_named_by_what_it_stands_for() -> None:
    source = {"namespace": "client", "client": {"like": "Deployment/web"}}
    one = parse_probes([{"from": source, "to": {"dns": "a"}, "expect": "deny"}])[0]
    result = document(one, report(124, resolved=False), DROPPED)
    assert (result["from"], result["client"]["pod"]) == ("client (as Deployment/web)", "client/client")
    assert result["client"]["short_lived"]


def test_a_skipped_probe_says_why() -> None:
    result = skipped_document(probe("deny"), "check mode runs nothing in pods")
    assert (result["outcome"], result["passed"], result["attempts"]) == ("skipped", True, 0)
    assert result["skipped_because"] == "check mode runs nothing in pods"
    assert (result["observed"], result["verdict"]) == ("", "")
    # Ansible takes a list of results with one of these keys for the results of a loop.
    assert not {"skipped", "failed", "changed", "unreachable"} & set(result)
