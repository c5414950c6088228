# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow, flow_from_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, Observation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.run import (
    ProbeRun,
    Settings,
    find_pod,
    require_passed,
    settings_of,
)
from fakes import FakeClock, FakeKube
from flow_maker import SERVER, document

SOURCE = {"namespace": "client", "pod": "client"}
ANSWERED = "http_code=200\ntime_namelookup=0.001\ntime_connect=0.002\ntime_total=0.01\nexit=0\n"
SILENT = "http_code=000\ntime_namelookup=0.001\ntime_connect=0.000\ntime_total=5.0\nexit=28\n"


def pod(name: str, *, ready: bool = True, namespace: str = "client", **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


class Cluster:
    """A cluster whose policy is a function of the time: it answers the client and shows the flows of each attempt."""

    source = "relay"

    def __init__(self, allows: Callable[[float], bool], *, lag_s: float = 0.0) -> None:
        self.kube = FakeKube().add(
            pod("client"), {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "client"}}
        )
        self.kube.exec_answers = self._exec
        self.clock = FakeClock()
        self.allows, self.lag_s = allows, lag_s
        self.flows: list[tuple[float, Flow]] = []
        self.first_ports: list[int] = []
        self.requests: list[FlowRequest] = []
        self.problems: list[str] = []

    def _exec(self, _namespace: str, _pod: str, command: Sequence[str], _container: str | None) -> Completed:
        first = int(command[6].partition("-")[0])
        self.first_ports.append(first)
        allowed = self.allows(self.clock.now)
        shape: tuple[Any, ...] = (4, 0, "FORWARDED") if allowed else (5, 0, "DROPPED")
        more = {"is_reply": False} if allowed else {}
        flow = document(*shape, ports=(first + 1, 80), traffic_direction="INGRESS", **more)
        self.flows.append((self.clock.now + self.lag_s, flow_from_json(flow)))
        return Completed(command, 0, ANSWERED if allowed else SILENT, "")

    def read(self, request: FlowRequest) -> Observation:
        self.requests.append(request)
        arrived = [flow for at, flow in self.flows if at <= self.clock.now]
        return Observation("relay", arrived, len(arrived), problems=list(self.problems))

    def probe(self, *expected: str, **settings: Any) -> list[Any]:
        entries = [{"from": SOURCE, "to": {"url": "http://web.basics"}, "expect": one} for one in expected]
        run = ProbeRun(self.kube, self.kube.exec, self, Settings(**settings), clock=self.clock, first_slot=0)
        results = run.run(parse_probes(entries))
        self.problems = run.problems
        return results


def test_allowed_and_denied_connections_pass_with_one_attempt() -> None:
    for allowed, expected in ((True, "allow"), (False, "deny")):
        cluster = Cluster(lambda _now, allowed=allowed: allowed)
        (result,) = cluster.probe(expected)
        assert (result["passed"], result["attempts"], cluster.clock.sleeps) == (True, 1, [])


def test_a_policy_that_takes_a_moment_is_waited_for_with_new_connections() -> None:
    cluster = Cluster(lambda now: now < 2.5)
    (result,) = cluster.probe("deny")
    assert (result["passed"], result["attempts"]) == (True, 4)
    assert len(set(cluster.first_ports)) == 4


def test_only_what_is_not_as_expected_is_tried_again() -> None:
    cluster = Cluster(lambda _now: True)
    allowed, denied = cluster.probe("allow", "deny", settle_s=3.0)
    assert (allowed["attempts"], allowed["passed"]) == (1, True)
    assert (denied["passed"], denied["outcome"]) == (False, "allowed")
    assert denied["attempts"] == 4
    assert denied["reason"].startswith("expected deny, was allowed (HTTP 200, verdict FORWARDED")
    assert [one["pod"] for one in denied["endpoints"]] == ["basics/web", "client/client"]
    assert "endpoints" not in allowed


def test_without_time_to_settle_there_is_one_attempt() -> None:
    (result,) = Cluster(lambda _now: True).probe("deny", settle_s=0.0)
    assert result["attempts"] == 1


def test_flows_that_lag_are_waited_for() -> None:
    cluster = Cluster(lambda _now: False, lag_s=2.0)
    (result,) = cluster.probe("deny")
    assert (result["passed"], result["attempts"]) == (True, 1)
    assert 2.0 <= cluster.clock.now < 3.0


def test_flows_that_never_come_prove_nothing() -> None:
    cluster = Cluster(lambda _now: True, lag_s=1000.0)
    (result,) = cluster.probe("allow", settle_s=0.0, verdict_s=4.0)
    assert (result["passed"], result["outcome"], result["verdict"]) == (False, "allowed", "")
    assert "no flow proves it" in result["reason"]
    assert 4.0 <= cluster.clock.now < 5.0


def test_one_question_asks_for_all_that_is_open() -> None:
    cluster = Cluster(lambda _now: True)
    cluster.probe("allow", "allow", "allow")
    (request,) = cluster.requests
    assert len(request.allow) == 6
    assert (request.number, request.since) == (1200, None)


def test_what_hubble_lost_is_told() -> None:
    cluster = Cluster(lambda _now: True)
    cluster.problems = ["Hubble lost events: 3 in HUBBLE_RING_BUFFER."]
    cluster.probe("allow")
    assert cluster.problems == ["Hubble lost events: 3 in HUBBLE_RING_BUFFER."]


def test_without_a_reader_only_the_client_counts() -> None:
    cluster = Cluster(lambda _now: False)
    run = ProbeRun(cluster.kube, cluster.kube.exec, None, Settings("off"), clock=cluster.clock)
    (result,) = run.run(parse_probes([{"from": SOURCE, "to": {"url": "http://a"}, "expect": "deny"}]))
    assert (result["passed"], result["verdict"], cluster.requests) == (True, "", [])


@pytest.mark.parametrize(
    "error", [NotFound("no sh", code="CommandNotFound"), TimedOut("too slow"), OperationFailed("broken")], ids=repr
)
def test_a_probe_that_cannot_run_is_an_error_of_that_probe_only(error: Exception) -> None:
    cluster = Cluster(lambda _now: True)
    cluster.kube.add(pod("other"))
    real = cluster.kube.exec_answers

    def answer(namespace: str, name: str, command: Sequence[str], container: str | None) -> Completed:
        if name == "other":
            raise error
        return real(namespace, name, command, container)

    cluster.kube.exec_answers = answer
    entries = [
        {"from": {**SOURCE, "pod": name}, "to": {"url": "http://web.basics"}, "expect": "allow"}
        for name in ("other", "client", "gone")
    ]
    run = ProbeRun(cluster.kube, cluster.kube.exec, cluster, Settings(settle_s=0.0), clock=cluster.clock)
    other, client, gone = run.run(parse_probes(entries))
    assert (other["outcome"], client["passed"], gone["outcome"]) == ("error", True, "error")
    assert str(error) in other["reason"]
    assert "There is no pod client/gone" in gone["reason"]


def test_the_first_ready_pod_of_a_selector_is_taken() -> None:
    kube = FakeKube().add(pod("b", app="web"), pod("a", ready=False, app="web"), pod("c", app="web"), pod("0"))
    (one,) = parse_probes(
        [{"from": {"namespace": "client", "selector": "app=web"}, "to": {"dns": "a"}, "expect": "allow"}]
    )
    assert find_pod(kube, one)["metadata"]["name"] == "b"
    with pytest.raises(InvalidInput, match="none of them is ready"):
        find_pod(FakeKube().add(pod("a", ready=False, app="web")), one)
    with pytest.raises(InvalidInput, match="there is none"):
        find_pod(FakeKube(), one)


def test_default_deny_is_attributed_to_its_policy() -> None:
    cluster = Cluster(lambda _now: False)
    cluster.kube.add(
        pod("web", namespace=SERVER["namespace"]),
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "basics"}},
        {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "deny", "namespace": "basics"},
            "spec": {"endpointSelector": {}, "ingress": [{}]},
        },
    )
    (result,) = cluster.probe("deny")
    assert result["default_deny"] == ["CiliumNetworkPolicy basics/deny"]


def test_the_failure_names_every_connection_that_is_wrong() -> None:
    results = Cluster(lambda _now: True).probe("allow", "deny", "deny", settle_s=0.0)
    require_passed(results[:1])
    with pytest.raises(OperationFailed, match=r"2 of 3 connections are not as expected: client/client -> ") as caught:
        require_passed(results)
    assert caught.value.message.count("expected deny, was allowed") == 2
    assert caught.value.code == "ConnectivityMismatch"
    assert len(caught.value.details["results"]) == 3


@pytest.mark.parametrize("option", ["settle_timeout", "verdict_timeout"])
def test_a_wrong_time_is_named(option: str) -> None:
    good = {"verdict": "required", "settle_timeout": 15, "verdict_timeout": 10}
    assert settings_of(good) == Settings()
    with pytest.raises(InvalidInput, match=option):
        settings_of({**good, option: -1})
