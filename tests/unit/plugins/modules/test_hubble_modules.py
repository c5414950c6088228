# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules hubble_flows and connectivity_probe as Ansible runs them: arguments in, JSON out, nothing sent."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.modules import connectivity_probe, hubble_flows

PROBE = {"from": {"namespace": "a", "pod": "b"}, "to": {"url": "http://c"}, "expect": "deny"}
# Nothing listens there: whoever sends something gets an error of its own.
NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "u", "user": {"token": "t"}}],
    "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
    "current-context": "x",
}


def run(module: Any, arguments: dict[str, Any], tmp_path: Path) -> Any:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH", "KUBE"))}
    environment["HOME"] = str(tmp_path)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, module.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"kubeconfig": NOWHERE, **arguments}}),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_check_mode_runs_nothing_in_pods_and_says_so(tmp_path: Path) -> None:
    result = run(connectivity_probe, {"probes": [PROBE], "_ansible_check_mode": True}, tmp_path)
    assert (result["changed"], result["passed"], result.get("failed")) == (False, True, None)
    (entry,) = result["results"]
    assert (entry["from"], entry["to"], entry["outcome"]) == ("a/b", "http://c", "skipped")
    assert entry["skipped_because"]


def test_check_mode_makes_no_client_pod(tmp_path: Path) -> None:
    source = {"namespace": "a", "client": {"like": "Deployment/web"}}
    probe = {**PROBE, "from": source, "to": {"host": "c"}, "protocol": "icmp"}
    result = run(connectivity_probe, {"probes": [probe], "_ansible_check_mode": True}, tmp_path)
    (entry,) = result["results"]
    assert (entry["from"], entry["to"], entry["outcome"]) == ("a (as Deployment/web)", "ping c", "skipped")
    assert entry["client"]["pod"] == ""


@pytest.mark.parametrize(
    ("module", "arguments", "part"),
    [
        (connectivity_probe, {"probes": [{**PROBE, "to": {"url": "ftp://c"}}]}, "probes[0].to.url=ftp://c"),
        (connectivity_probe, {"probes": [{**PROBE, "expect": "maybe"}]}, "expect"),
        (connectivity_probe, {"probes": [{**PROBE, "to": {"host": "c"}}]}, "port"),
        (connectivity_probe, {"probes": [PROBE], "settle_timeout": -1}, "settle_timeout=-1"),
        (connectivity_probe, {"probes": [PROBE], "connections_per_pod": 0}, "connections_per_pod=0"),
        (connectivity_probe, {"probes": [{**PROBE, "protocol": "udp"}]}, "probes[0].protocol=udp"),
        (connectivity_probe, {"probes": [{**PROBE, "from": {"namespace": "a", "client": {}}}]}, "like, labels"),
        (
            connectivity_probe,
            {"probes": [{**PROBE, "from": {"namespace": "a", "client": {"like": "Secret/x"}}}]},
            "from.client.like=Secret/x",
        ),
        (hubble_flows, {"port": ["http"]}, "port=http"),
        (hubble_flows, {"since": "soon"}, "since=soon"),
        (hubble_flows, {"exclude": {"verdict": ["NO"]}}, "exclude.verdict=NO"),
        (hubble_flows, {"follow_for": 5, "since": "1m"}, "follow_for"),
        (hubble_flows, {"stop_when": {"verdict": ["DROPPED"]}}, "follow_for"),
        (hubble_flows, {"follow_for": 5, "stop_when": {"tcp_flags": ["x"]}}, "stop_when.tcp_flags=x"),
        (hubble_flows, {"src": "/nowhere/flows"}, "src=/nowhere/flows"),
        (hubble_flows, {"src": "a", "follow_for": 5}, "follow_for"),
        (hubble_flows, {"src": "a", "dest": "./a"}, "dest=./a is the same file as src"),
        (hubble_flows, {"src": "a", "dest": "/"}, "dest=/ cannot be written: it is a directory"),
        (hubble_flows, {"src": "a", "dest": "/", "_ansible_check_mode": True}, "dest=/ cannot be written"),
        (hubble_flows, {"since": "99999999999999d"}, "since=99999999999999d"),
        (hubble_flows, {"since": "0001-01-01T00:00:00Z"}, "since=0001-01-01T00:00:00Z"),
        (hubble_flows, {"label": ["a in b"]}, "label=a in b"),
        (hubble_flows, {"relay_address": "relay"}, "relay_address=relay"),
        (hubble_flows, {"relay_client_cert": "a"}, "relay_client_key"),
    ],
    ids=str,
)
def test_wrong_input_is_named_before_anything_is_sent(
    module: Any, arguments: dict[str, Any], part: str, tmp_path: Path
) -> None:
    result = run(module, arguments, tmp_path)
    assert result["failed"]
    assert part in result["msg"]
    assert "127.0.0.1" not in result["msg"]


def test_a_file_with_other_flows_is_a_change_and_one_with_the_same_is_none(tmp_path: Path) -> None:
    src, dest = tmp_path / "src", tmp_path / "dest.gz"
    src.write_text('{"flow": {"verdict": "DROPPED"}}\n{"flow": 5}\n', encoding="utf-8")
    arguments = {"src": str(src), "dest": str(dest)}
    changes = []
    for check_mode in (True, False, True, False):
        result = run(hubble_flows, {**arguments, "_ansible_check_mode": check_mode}, tmp_path)
        assert (result["summary"]["flows"], result["complete"], result["written"]) == (1, False, str(dest))
        changes.append((result["changed"], result["replaced"]))
    assert changes == [(True, True), (True, True), (False, False), (False, False)]


@pytest.mark.parametrize(
    ("module", "arguments"), [(hubble_flows, {}), (connectivity_probe, {"probes": [PROBE]})], ids=["flows", "probe"]
)
def test_no_api_server_is_an_error_and_no_traceback(module: Any, arguments: dict[str, Any], tmp_path: Path) -> None:
    result = run(module, {**arguments, "request_timeout": 2}, tmp_path)
    assert result["failed"]
    assert result["failure"]["kind"] == "Unreachable"
