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
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import Probe, Report, parse_probes
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


def test_a_skipped_probe_says_why() -> None:
    result = skipped_document(probe("deny"), "check mode runs nothing in pods")
    assert (result["outcome"], result["passed"], result["attempts"]) == ("skipped", True, 0)
    assert result["skipped_because"] == "check mode runs nothing in pods"
    assert (result["observed"], result["verdict"]) == ("", "")
    # Ansible takes a list of results with one of these keys for the results of a loop.
    assert not {"skipped", "failed", "changed", "unreachable"} & set(result)
