# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A version from before enableDefaultDeny, the schema of values and the conditions of policies: what works, and not."""

from __future__ import annotations

import time
from typing import Any

import pytest

from conftest import NAMESPACE, Old, merged, policy, stamp

VERSION = "1.15.19"


def test_install_and_second_run(old: Old) -> None:
    first = old.cilium(old.env)
    assert first.get("failed") is not True, first["msg"]
    assert first["release"]["chart_version"] == VERSION
    second = old.cilium(old.env)
    assert (second["changed"], second["helm_processes"]) == (False, 0)


def test_status(old: Old) -> None:
    old.start_workload()
    status = old.module("cilium_status", wait=True, wait_timeout=120)
    print(status["banner"])
    assert status["healthy"] is True
    assert (status["version"], status["chart_version"], status["manager"]) == (VERSION, VERSION, "helm")
    assert status["features"]["kube_proxy_replacement"] is True


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"tunnel": "vxlan"}, "tunnel"),
        ({"ciliumEndpointSlice": {"enabled": True}}, "ciliumEndpointSlice"),
        ({"policyDenyResponse": "icmp"}, "policyDenyResponse"),
        ({"hubbel": {"enabled": True}}, "hubbel"),
        ({"operator": {"replicas": "two"}}, "operator.replicas"),
    ],
)
def test_values_that_this_version_does_not_have_are_refused(old: Old, values: dict[str, Any], named: str) -> None:
    answer = with_values(old, values)
    assert answer["failed"] is True
    assert named in answer["msg"]


def test_words_for_booleans_that_this_chart_takes_for_true_are_coerced(old: Old) -> None:
    # "false" would be rendered as true by a chart of this age.
    answer = with_values(old, {"debug": {"enabled": "false"}})
    assert answer.get("failed") is not True, answer["msg"]
    assert answer["cilium_values"]["debug"]["enabled"] is False


def test_flows_with_policies_of_this_version(old: Old) -> None:
    done = old.module("cilium_policy", **policy("as_given"))
    assert done.get("failed") is not True, done["msg"]
    run = ("run", "stranger", "--image", old.env["LAB_IMAGE_DEMO"], "--image-pull-policy=Never")
    old.kubectl(*run, "--command", "--", "sleep", "3600")
    old.kubectl("wait", "pod/stranger", "--for=condition=Ready", "--timeout=120s")
    address = old.kubectl("--namespace", NAMESPACE, "get", "pod", "web", "--output", "jsonpath={.status.podIP}")
    begin = stamp(-1)
    refused = old.kubectl("exec", "stranger", "--", "sh", "-c", f"curl -s -m 2 http://{address}/ >&2; echo $?").strip()
    assert refused == "28"
    time.sleep(2)
    end = stamp(-1)
    ours = old.module("hubble_flows", to_namespace=[NAMESPACE], since=begin, until=end, limit=10_000)
    assert ours.get("failed") is not True, ours["msg"]
    assert (ours["source"], ours["complete"]) == ("relay", True), ours["incomplete_because"]
    dropped = [flow for flow in ours["flows"] if flow["verdict"] == "DROPPED"]
    assert {flow["drop_reason_desc"] for flow in dropped if "drop_reason_desc" in flow} == {"POLICY_DENIED"}
    assert not any("ingress_denied_by" in flow for flow in ours["flows"])
    window = ("--since", begin, "--until", end, "--to-namespace", NAMESPACE)
    theirs = old.agent("hubble", "observe", *window, "--output", "compact").splitlines()
    old.say(f"{len(ours['lines'])} flows, {len(dropped)} dropped, {len(theirs)} lines of hubble")
    assert sorted(ours["lines"]) == sorted(theirs)


def test_filter_that_this_server_does_not_know_lets_nothing_through_that_it_should_not(old: Old) -> None:
    # A server of 1.15 ignores the reason of a drop in a filter.
    for reason, expected in (("POLICY_DENIED", {"POLICY_DENIED"}), ("INVALID_SOURCE_IP", set())):
        answer = old.module("hubble_flows", to_namespace=[NAMESPACE], drop_reason=[reason], since="10m")
        if answer.get("failed"):
            old.say(answer["msg"])
            assert answer["failure"]["kind"] == "Unsupported"
        else:
            assert {flow.get("drop_reason_desc", "") for flow in answer["flows"]} == expected


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (policy("shadow"), "NoShadow"),
        (policy("enforce"), "NoShadow"),
        (policy("as_given", enableDefaultDeny={"ingress": False}), "NoDefaultDenyField"),
    ],
)
def test_policy_that_needs_enable_default_deny_is_refused(old: Old, options: dict[str, Any], code: str) -> None:
    words = (
        "--namespace",
        NAMESPACE,
        "get",
        "ciliumnetworkpolicy",
        "--output",
        "jsonpath={.items[*].metadata.generation}",
    )
    before = old.kubectl(*words)
    answer = old.module("cilium_policy", **options)
    assert answer["failed"] is True
    assert answer["failure"]["code"] == code
    assert old.kubectl(*words) == before


def test_hardening_by_learning_is_refused(old: Old) -> None:
    answer = old.module("network_policy_detect", namespaces=[NAMESPACE])
    assert answer["failed"] is True
    assert answer["failure"]["code"] == "NoShadow"
    assert "scenario" in answer["failure"]["remedy"]


def test_jump_over_minor_versions_is_refused(old: Old) -> None:
    answer = old.cilium(old.own)
    assert answer["failed"] is True
    assert answer["failure"]["code"] == "SkipsMinorVersions"
    assert "1.16" in answer["failure"]["remedy"]
    unchanged = old.cilium(old.env)
    assert (unchanged["changed"], unchanged["release"]["chart_version"]) == (False, VERSION)


def with_values(old: Old, values: dict[str, Any]) -> dict[str, Any]:
    """What the module says to these values, in check mode."""
    options = old.cilium_options(old.env)
    return old.module("cilium", check=True, **{**options, "values": merged(options["values"], values)})
