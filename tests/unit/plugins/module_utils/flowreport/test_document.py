# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A report says what became of each connection, why something was refused, and what is different from before."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import (
    Observed,
    build_report,
    checked,
    drops_of,
    refusing_namespaces,
    summary_lines,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.model import policy_text, reason_text
from report_flows import (
    CART,
    DB,
    DENY,
    HOST,
    STRANGER,
    WEB,
    allowed,
    coverage,
    denied,
    edges,
    flow,
    large_report,
    outside,
    pod,
    shop_flows,
    shop_report,
)

SCHEMA = json.loads((Path(__file__).parents[5] / "docs" / "flow-report.schema.json").read_text(encoding="utf-8"))


def report_of(flows: list[Json], rows: list[Json] | None = None, **more: Any) -> Json:
    observed = Observed(edges=edges(flows), flows=len(flows), source="file", coverage=rows)
    return build_report(observed, title="t", **more)


def only(flows: list[Json], rows: list[Json] | None = None) -> Json:
    (connection,) = report_of(flows, rows)["connections"]
    found: Json = connection
    return found


def test_the_counts_of_the_shop() -> None:
    counts = shop_report()["summary"]
    assert counts["workloads"] == 6
    assert counts["connections"] == 10
    assert counts["outcomes"] == {"allowed": 8, "audited": 0, "both": 0, "denied": 2, "lost": 0}
    assert (counts["drops"], counts["refused"]) == (2, 2)
    assert (counts["pods"], counts["ingress_enforced"], counts["egress_enforced"]) == (6, 5, 3)


def test_what_left_the_sender_and_was_refused_at_the_receiver_is_denied() -> None:
    found = only(denied(STRANGER, WEB))
    assert found["outcome"] == "denied"
    assert found["denials"][0]["direction"] == "ingress"
    assert found["denials"][0]["count"] == 1, "the drop of the same packet is not counted again"


def test_allowed_and_later_denied_is_both() -> None:
    assert only([*allowed(STRANGER, WEB), *denied(STRANGER, WEB, second=9)])["outcome"] == "both"


def test_a_refusal_names_the_policies_that_close_the_refusing_end() -> None:
    rows = [*coverage("shop/Deployment/web", ingress=True, egress=False)]
    (denial,) = only(denied(STRANGER, WEB), rows)["denials"]
    assert (denial["policies"], denial["told_by"]) == ([DENY], "coverage")
    assert reason_text(denial) == "no rule allows it"
    own = [*coverage("shop/Deployment/web", ingress=False, egress=True)]
    (denial,) = only(denied(WEB, DB, side="EGRESS"), own)["denials"]
    assert denial["policies"] == [DENY], "at egress it is the sender that refuses"


def test_a_refusal_of_the_other_direction_is_not_put_on_a_policy() -> None:
    rows = [*coverage("shop/Deployment/web", ingress=False, egress=True)]
    (denial,) = only(denied(STRANGER, WEB), rows)["denials"]
    assert denial["policies"] == []
    assert policy_text(denial) == "not known: Hubble names none for default deny"


def test_a_deny_rule_is_named_by_hubble_and_not_by_coverage() -> None:
    flows = denied(STRANGER, WEB)
    for one in flows[:2]:
        one["drop_reason_desc"] = "POLICY_DENY"
        one["ingress_denied_by"] = [{"kind": "CiliumNetworkPolicy", "namespace": "shop", "name": "no-strangers"}]
    (denial,) = only(flows, [*coverage("shop/Deployment/web", ingress=True, egress=False)])["denials"]
    assert (denial["policies"], denial["told_by"]) == (["CiliumNetworkPolicy shop/no-strangers"], "hubble")
    assert reason_text(denial) == "a deny rule forbids it"


def test_other_drops_are_nobodys_policy() -> None:
    lost = flow(WEB, CART, 8080, "TCP", 1, traffic_direction="EGRESS", verdict="DROPPED")
    lost |= {"event_type": {"type": 1}, "drop_reason_desc": "SERVICE_BACKEND_NOT_FOUND"}
    found = only([lost])
    assert found["outcome"] == "lost"
    assert reason_text(found["denials"][0]) == "service backend not found"
    assert policy_text(found["denials"][0]) == "none: not a policy's decision"


def test_audit_mode_lets_through_and_is_told_apart() -> None:
    audited = flow(WEB, CART, 8080, "TCP", 1, traffic_direction="INGRESS", verdict="AUDIT", is_reply=False)
    assert only([{**audited, "event_type": {"type": 5}}])["outcome"] == "audited"


def test_jobs_of_one_cronjob_are_one_workload() -> None:
    flows = [*allowed(pod("shop/r-29412345", "Job"), DB), *allowed(pod("shop/r-29412346", "Job"), DB, second=60)]
    found = only(flows)
    assert found["source"] == "shop/CronJob/r"
    assert found["flows"] == 4
    assert found["first_seen"][:19] == "2026-11-30T18:00:00"
    assert found["last_seen"][:19] == "2026-11-30T18:01:00"


def test_only_what_touches_the_namespaces_is_in_the_report() -> None:
    flows = [*allowed(WEB, CART), *allowed(pod("a/x"), pod("b/y"))]
    report = report_of(flows, namespaces=["shop"])
    assert [one["source"] for one in report["connections"]] == ["shop/Deployment/web"]
    assert {end["namespace"] for end in report["ends"]} == {"shop"}


def test_refusing_namespaces_are_those_of_the_end_that_refuses() -> None:
    flows = [*denied(STRANGER, WEB), *denied(pod("x/a"), DB, side="EGRESS"), *denied(HOST, pod("y/b"))]
    assert refusing_namespaces(edges(flows)) == {"shop", "x", "y"}


def test_the_same_flows_in_another_order_give_the_same_report() -> None:
    flows = shop_flows(hardened=True)
    first = report_of(flows)
    random.Random(5).shuffle(flows)  # noqa: S311
    assert json.dumps(report_of(flows)) == json.dumps(first)


def test_before_and_after_tells_what_is_different() -> None:
    before = shop_report(hardened=False)
    report = shop_report(before=before)
    told = {(one["source"], one["destination"], one["change"]) for one in report["changes"]}
    assert told == {
        ("default/Pod/testpod", "shop/Deployment/web", "now denied"),
        ("shop/CronJob/report", "data/StatefulSet/db", "now denied"),
    }
    assert report["before"]["before"] is None, "reports do not nest"
    assert shop_report(before=report)["changes"] == []


def test_notes_are_told_in_the_few_lines_too() -> None:
    note = "Who is protected could not be read: pods is forbidden."
    report = build_report(Observed(edges=[], flows=0, source="file", notes=(note,)), title="t")
    assert summary_lines(report)[-1] == f"note: {note}"


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        ([], allowed(WEB, CART), "new"),
        (allowed(WEB, CART), [], "not seen again"),
        (denied(WEB, CART), allowed(WEB, CART), "now allowed"),
        (allowed(WEB, CART), [*allowed(WEB, CART), *denied(WEB, CART)], "changed"),
    ],
)
def test_kinds_of_differences(was: list[Json], now: list[Json], change: str) -> None:
    report = report_of(now, before=checked(report_of(was)))
    assert [one["change"] for one in report["changes"]] == [change]


@pytest.mark.parametrize(
    "report",
    [
        shop_report(),
        shop_report(covered=False),
        shop_report(before=shop_report(hardened=False)),
        large_report(120),
        report_of([]),
    ],
    ids=["shop", "without-cluster", "compared", "large", "empty"],
)
def test_reports_are_what_the_schema_describes(report: Json) -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)
    assert checked(json.loads(json.dumps(report)))["summary"] == report["summary"]


def test_the_schema_refuses_what_is_no_report() -> None:
    for change in ({"schema": "other"}, {"connections": [{}]}, {"more": 1}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({**shop_report(), **change}, SCHEMA)


@pytest.mark.parametrize(
    "document",
    [
        [],
        {},
        {"schema": "cloudnet.aks_cilium/report/v1"},
        {"schema": "cloudnet.aks_cilium/flow-report/v1"},
        {**shop_report(), "ends": []},
        {**shop_report(), "connections": [{"source": "a"}]},
        {**shop_report(), "connections": None},
    ],
    ids=["list", "empty", "other-schema", "nothing-in-it", "ends-missing", "no-connection", "null"],
)
def test_an_earlier_report_that_is_none_is_refused(document: object) -> None:
    with pytest.raises(InvalidInput) as told:
        checked(document)
    assert told.value.code == "InvalidReport"
    assert told.value.remedy


def test_the_lines_for_a_terminal() -> None:
    report = shop_report(before=shop_report(hardened=False))
    assert summary_lines(report) == [
        "6 workloads in 4 namespaces, 10 connections: 2 denied, 8 allowed",
        "69 flows from 2026-11-30T18:00:00.123456789Z to 2026-11-30T18:01:03.123456789Z",
        "ingress: 5 of 6 pods deny by default",
        "egress: 3 of 6 pods deny by default",
        "2 changes since 2026-11-30T18:00:13.123456789Z",
    ]


def test_flows_without_times_have_no_window_in_the_lines() -> None:
    report = {**shop_report(), "window": {"first": "", "last": ""}}
    assert summary_lines(report)[1] == "69 flows"


def test_drops_are_sorted_by_how_often_they_came() -> None:
    flows = [*denied(STRANGER, WEB), *(one for second in range(5) for one in denied(STRANGER, CART, second=second))]
    assert [denial["count"] for __, denial in drops_of(report_of(flows))] == [5, 1]


def test_addresses_outside_keep_their_names() -> None:
    report = report_of(allowed(CART, outside("93.184.216.34", "api.example.com"), 443))
    end = next(end for end in report["ends"] if end["kind"] == "outside")
    assert (end["name"], end["names"], end["addresses"]) == ("api.example.com", ["api.example.com"], ["93.184.216.34"])


@pytest.mark.parametrize(
    ("kind", "name", "pod_name"),
    [
        ("Deployment", "coredns", "coredns-7bb4bd5984-2j2jk"),
        ("StatefulSet", "db", "db-0"),
        ("DaemonSet", "agent", "agent-x2x7k"),
    ],
)
def test_a_pod_that_hubble_names_without_its_workload_is_still_its_pod(kind: str, name: str, pod_name: str) -> None:
    known = allowed(WEB, pod(f"a/{name}", kind), 53)
    bare = allowed(WEB, {"identity": 9, "namespace": "a", "pod_name": pod_name}, 53, second=5)
    assert only([*known, *bare])["destination"] == f"a/{kind}/{name}"
    assert only(bare)["destination"] == f"a/Pod/{pod_name}", "nothing tells of a workload"
    other = allowed(WEB, {"identity": 9, "namespace": "b", "pod_name": pod_name}, 53, second=5)
    assert len(report_of([*known, *other])["connections"]) == 2, "names count within their namespace"


def test_a_pod_that_the_cluster_knows_belongs_to_what_the_cluster_says() -> None:
    rows = coverage("a/Rollout/web", ingress=True, egress=False)
    rows[0]["pod"] = "web-blue-1"
    found = only(denied(STRANGER, {"identity": 9, "namespace": "a", "pod_name": "web-blue-1"}), rows)
    assert found["destination"] == "a/Rollout/web"
    assert found["denials"][0]["policies"] == [DENY]


def test_neighbour_discovery_is_left_out_and_told() -> None:
    talk = flow({"identity": 0, "address": "fe80::1"}, {"identity": 0, "address": "ff02::2"}, 0, "ICMPv6", 1)
    talk |= {"event_type": {"type": 1}, "verdict": "DROPPED", "drop_reason_desc": "UNSUPPORTED_L3_PROTOCOL"}
    report = report_of([*allowed(WEB, CART), talk])
    assert report["summary"]["connections"] == 1
    assert "Neighbour discovery" in report["notes"][0]
    metadata = report_of(allowed(WEB, outside("169.254.169.254"), 80))
    assert metadata["summary"]["connections"] == 1, "where clouds give out credentials"
