# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One minor version back: install it, look at it, upgrade to the lab's own version while clients talk, and go back."""

from __future__ import annotations

import re
import time
from typing import Any

from conftest import NAMESPACE, Old, merged, policy, stamp

VERSION = "1.19.6"
# While an agent is replaced the kernel goes on with the programs of the old one; the new ones are put in their place at
# once. Without DNS rules no query goes through the agent either.
MAY_FAIL = 0
ABSENT = {"image": {"tag": "v0.0.0-absent"}}


def test_install_and_second_run(old: Old) -> None:
    first = old.cilium(old.env)
    assert first.get("failed") is not True, first["msg"]
    assert first["changed"] is True
    assert first["release"]["chart_version"] == VERSION
    second = old.cilium(old.env)
    assert (second["changed"], second["helm_processes"]) == (False, 0)


def test_status(old: Old) -> None:
    old.start_workload()
    status = old.module("cilium_status", wait=True, wait_timeout=120)
    print(status["banner"])
    assert status["healthy"] is True
    assert status["errors"] == status["cilium_warnings"] == []
    assert (status["version"], status["chart_version"], status["manager"]) == (VERSION, VERSION, "helm")
    assert re.search(r"Cilium:\s+OK", status["banner"])
    assert re.search(r"Hubble Relay:\s+OK", status["banner"])


def test_flows_are_those_that_its_own_client_prints(old: Old) -> None:
    shadow = old.module("cilium_policy", **policy("shadow"))
    assert shadow.get("failed") is not True, shadow["msg"]
    time.sleep(6)
    begin, end = stamp(-5), stamp(-2)
    ours = old.module("hubble_flows", namespace=[NAMESPACE], since=begin, until=end, limit=10_000)
    assert ours.get("failed") is not True, ours["msg"]
    assert (ours["source"], ours["complete"]) == ("relay", True), ours["incomplete_because"]
    window = ("--since", begin, "--until", end, "--namespace", NAMESPACE, "--use-default-field-masks=false")
    theirs = old.agent("hubble", "observe", *window, "--output", "compact").splitlines()
    old.say(f"{len(ours['lines'])} flows, {len(theirs)} lines of hubble")
    assert len(ours["lines"]) > 20
    assert sorted(ours["lines"]) == sorted(theirs)
    judged = [flow for flow in ours["flows"] if flow["event_type"]["type"] == 5]
    assert judged
    assert all(flow["verdict"] == "FORWARDED" for flow in judged)
    assert any(flow.get("ingress_allowed_by") for flow in judged)


def test_upgrade_whose_images_are_not_there_is_stopped_by_the_preflight(old: Old) -> None:
    answer = old.cilium(old.own, values=merged(old.cilium_options(old.own)["values"], ABSENT))
    assert answer["failed"] is True
    assert answer["failure"]["code"] == "ImageNotPulled"
    assert ABSENT["image"]["tag"] in str(answer["failure"])
    status = old.module("cilium_status")
    assert (status["healthy"], status["version"], status["chart_version"]) == (True, VERSION, VERSION)


def test_upgrade_that_fails_is_taken_back_while_clients_talk(old: Old) -> None:
    begin = time.time()
    values = merged(old.cilium_options(old.own)["values"], ABSENT)
    answer = old.cilium(old.own, values=values, preflight=False)
    assert answer["failed"] is True
    assert answer["failure"]["code"] == "RolledBack"
    still_working(old, VERSION, begin)


def test_upgrade_to_the_own_version_while_clients_talk(old: Old) -> None:
    done = change_version(old, old.own)
    assert done["preflight"] is True
    assert done["cilium_values"]["upgradeCompatibility"] == "1.19"


def test_same_again_changes_nothing(old: Old) -> None:
    again = old.cilium(old.own)
    assert (again["changed"], again["helm_processes"]) == (False, 0)


def test_back_to_the_older_version(old: Old) -> None:
    change_version(old, old.env)


def change_version(old: Old, env: dict[str, str]) -> dict[str, Any]:
    """Install another version while the clients talk; what they say, and what Cilium says afterwards."""
    number = env["LAB_CILIUM_VERSION"].removeprefix("v")
    begin = time.time()
    done = old.cilium(env)
    assert done.get("failed") is not True, done["msg"]
    assert (done["changed"], done["release"]["chart_version"]) == (True, number)
    still_working(old, number, begin)
    return done


def still_working(old: Old, number: str, begin: float) -> None:
    """A version runs and is healthy, and the clients have been answered since a time."""
    status = old.module("cilium_status", wait=True, wait_timeout=120)
    assert (status["healthy"], status["version"], status["chart_version"]) == (True, number, number)
    for client in ("by-address", "by-name"):
        asked, failed = old.requests(client, begin)
        old.say(f"{number} runs: {client} asked {asked} times, {len(failed)} failed {failed[:5]}")
        assert asked > time.time() - begin
        assert len(failed) <= MAY_FAIL
    flows = old.module("hubble_flows", namespace=[NAMESPACE], last=20)
    assert len(flows["flows"]) == 20
