# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import shlex
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow, flow_from_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, Observation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.clients import ClientPods
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.run import (
    ProbeRun,
    Settings,
    mismatches,
    require_passed,
    settings_of,
)
from fakes import FakeClock, FakeKube, Write
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


def attempts_of(command: Sequence[str]) -> list[Sequence[str]]:
    """The arguments of each attempt of a command."""
    return [command[at : at + 6] for at in range(4, len(command), 6)]


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
        allowed = self.allows(self.clock.now)
        lines = []
        for number, words in enumerate(attempts_of(command)):
            first = int(words[3].partition("-")[0])
            self.first_ports.append(first)
            shape: tuple[Any, ...] = (4, 0, "FORWARDED") if allowed else (5, 0, "DROPPED")
            more = {"is_reply": False} if allowed else {}
            flow = document(*shape, ports=(first + 1, 80), traffic_direction="INGRESS", **more)
            self.flows.append((self.clock.now + self.lag_s, flow_from_json(flow)))
            lines += [f"{number} {line}" for line in (ANSWERED if allowed else SILENT).splitlines()]
        return Completed(command, 0, "\n".join(lines), "")

    def read(self, request: FlowRequest) -> Observation:
        self.requests.append(request)
        arrived = [flow for at, flow in self.flows if at <= self.clock.now]
        return Observation("relay", arrived, len(arrived), problems=list(self.problems))

    def probe(self, *expected: str, source: dict[str, Any] | None = None, **settings: Any) -> list[Any]:
        entries = [{"from": source or SOURCE, "to": {"url": "http://web.basics"}, "expect": one} for one in expected]
        with ClientPods(self.kube, "tools:1", 300, clock=self.clock) as clients:
            run = ProbeRun(
                self.kube,
                self.kube.exec,
                self,
                Settings(**settings),
                clients=clients,
                clock=self.clock,
                first_slot=0,
            )
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


def test_what_is_missing_may_be_the_proof_and_is_told_with_the_connection() -> None:
    cluster = Cluster(lambda _now: True, lag_s=1000.0)
    cluster.problems = ["No flows from n2 (unavailable)."]
    (result,) = cluster.probe("allow", settle_s=0.0)
    assert "no flow proves it. No flows from n2 (unavailable)." in result["reason"]
    assert "No flows from n2 (unavailable)." in result["story"]


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


@pytest.mark.parametrize("option", ["settle_timeout", "verdict_timeout", "connections_per_pod"])
def test_a_wrong_time_is_named(option: str) -> None:
    good = {
        "verdict": "required",
        "settle_timeout": 15,
        "verdict_timeout": 10,
        "connections_per_pod": 8,
        "client_pods": "when_asked",
    }
    assert settings_of(good) == Settings()
    with pytest.raises(InvalidInput, match=option):
        settings_of({**good, option: -1})


def test_the_time_to_settle_begins_when_all_have_been_tried_once() -> None:
    """A first round that takes longer than that would otherwise be the only one."""
    cluster = Cluster(lambda now: now >= 60.5, lag_s=0.0)
    answer = cluster.kube.exec_answers
    assert answer is not None

    def slow(namespace: str, name: str, command: Sequence[str], container: str | None) -> Completed:
        done = answer(namespace, name, command, container)
        if cluster.clock.now < 60:
            cluster.clock.now = 60.0
        return done

    cluster.kube.exec_answers = slow
    (result,) = cluster.probe("allow", settle_s=5.0)
    assert (result["passed"], result["attempts"]) == (True, 2)


def test_nobody_has_to_read_the_script() -> None:
    cluster = Cluster(lambda _now: True)

    def stuck(namespace: str, name: str, command: Sequence[str], _container: str | None) -> Completed:
        raise TimedOut(
            f"`{shlex.join(command)}` in pod {namespace}/{name} did not end within 20 s.", code="ExecTimeout"
        )

    cluster.kube.exec_answers = stuck
    (result,) = cluster.probe("allow", settle_s=0.0)
    assert result["story"].startswith("The clients in pod client/client did not end within 20 s. [ExecTimeout] Look at")


# Many at once.


def test_attempts_from_one_pod_share_commands_so_many_at_a_time() -> None:
    cluster = Cluster(lambda _now: True)
    results = cluster.probe(*["allow"] * 20, per_pod=8)
    assert all(result["passed"] for result in results)
    assert sorted(len(attempts_of(command)) for __, __, command in cluster.kube.execs) == [4, 8, 8]
    assert len(set(cluster.first_ports)) == 20
    # The pod is looked for once, not for each of them.
    assert cluster.kube.requests == 1


def test_containers_of_one_pod_are_not_mixed() -> None:
    cluster = Cluster(lambda _now: True)
    seen = []
    answer = cluster.kube.exec_answers
    assert answer is not None

    def record(namespace: str, name: str, command: Sequence[str], container: str | None) -> Completed:
        seen.append((container, len(attempts_of(command))))
        return answer(namespace, name, command, container)

    cluster.kube.exec_answers = record
    entries = [
        {"from": {**SOURCE, "container": name}, "to": {"url": "http://web.basics"}, "expect": "allow"}
        for name in ("a", "b", "a")
    ]
    ProbeRun(cluster.kube, cluster.kube.exec, cluster, Settings(), clock=cluster.clock).run(parse_probes(entries))
    assert sorted(seen) == [("a", 2), ("b", 1)]


@pytest.mark.parametrize("status", [400, 422])
def test_what_the_api_server_calls_wrong_is_not_tried_again(status: int) -> None:
    cluster = Cluster(lambda _now: True)
    cluster.kube.failures["list", "Pod"] = InvalidInput("unable to parse requirement", status=status)
    (result,) = cluster.probe("allow", source={"namespace": "client", "selector": "app=web"})
    assert (result["attempts"], cluster.clock.sleeps) == (1, [])
    assert "unable to parse requirement" in result["reason"]


def test_a_pod_that_comes_late_is_waited_for() -> None:
    cluster = Cluster(lambda _now: True)

    def arrive() -> None:
        cluster.kube.add(pod("client", app="web"))

    cluster.clock.during_sleep.append(arrive)
    (result,) = cluster.probe("allow", source={"namespace": "client", "selector": "app=web"})
    assert (result["attempts"], result["passed"]) == (2, True)


def test_the_message_names_the_first_ones_of_many() -> None:
    results = Cluster(lambda _now: True).probe(*["deny"] * 12, settle_s=0.0)
    assert mismatches(results).count("expected deny, was allowed") == 10
    assert mismatches(results).endswith("; and 2 more")


# Pods without tools.


def without_shell(cluster: Cluster) -> None:
    """The pods of the cluster have no shell, but for the client pods."""
    answer = cluster.kube.exec_answers
    assert answer is not None

    def shell_less(namespace: str, name: str, command: Sequence[str], container: str | None) -> Completed:
        if "-probe-" not in name:
            raise NotFound(f"The container of pod {namespace}/{name} has no program sh.", code="CommandNotFound")
        return answer(namespace, name, command, container)

    cluster.kube.exec_answers = shell_less
    cluster.kube.add(
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default", "namespace": "client"}}
    )

    def kubelet(kube: FakeKube, write: Write) -> None:
        if (write.verb, write.kind) == ("create", "Pod"):
            running = [{"name": "client", "state": {"running": {}}}]
            kube.change(POD, write.name, write.namespace)["status"] = {"containerStatuses": running}

    cluster.kube.reactions.append(kubelet)


def test_a_pod_without_a_shell_is_told_with_the_remedy_and_tried_once() -> None:
    cluster = Cluster(lambda _now: True)
    without_shell(cluster)
    (result,) = cluster.probe("allow")
    assert (result["outcome"], result["attempts"], result["from"]) == ("error", 1, "client/client")
    assert "has no program sh. Probe from a short-lived pod" in result["reason"]
    assert "client_pods=when_needed" in result["reason"]
    assert cluster.kube.writes == []


def test_a_client_pod_takes_its_place_when_that_is_wanted() -> None:
    cluster = Cluster(lambda _now: True)
    without_shell(cluster)
    (result,) = cluster.probe("allow", stand_in=True, verdict="optional")
    assert (result["passed"], result["attempts"], result["from"]) == (True, 2, "client/client")
    assert result["client"]["pod"].startswith("client/client-probe-")
    assert result["client"]["short_lived"]
    assert [write.verb for write in cluster.kube.writes] == ["create", "delete"]


def test_a_client_pod_is_used_where_it_is_asked_for_and_shared() -> None:
    cluster = Cluster(lambda _now: True)
    without_shell(cluster)
    source = {"namespace": "client", "client": {"labels": {"app": "a"}}}
    results = cluster.probe("allow", "allow", source=source, verdict="optional")
    assert [result["from"] for result in results] == ["client (app=a)"] * 2
    assert len({result["client"]["pod"] for result in results}) == 1
    assert [write.verb for write in cluster.kube.writes] == ["create", "delete"]


def test_a_client_pod_that_cannot_be_made_fails_its_probes_once() -> None:
    cluster = Cluster(lambda _now: True)
    source = {"namespace": "client", "client": {"like": "Deployment/gone"}}
    (result,) = cluster.probe("allow", source=source)
    assert (result["outcome"], result["attempts"]) == ("error", 1)
    assert "There is no Deployment client/gone" in result["story"]


def test_a_credential_that_may_not_exec_is_told_what_it_needs() -> None:
    cluster = Cluster(lambda _now: True)
    error = AuthFailed('pods "client" is forbidden', code="Forbidden", status=403, remedy="generic")

    def refuse(_namespace: str, _name: str, _command: Sequence[str], _container: str | None) -> Completed:
        raise error

    cluster.kube.exec_answers = refuse
    (result,) = cluster.probe("allow")
    assert result["attempts"] == 1
    assert "Grant get and create on pods/exec in namespace client" in result["reason"]


def test_how_long_a_run_can_take_grows_with_its_turns() -> None:
    probes = parse_probes([{"from": SOURCE, "to": {"dns": "a"}, "expect": "allow", "timeout": 10}] * 17)
    one, three = (Settings(per_pod=8).lifetime_s(some) for some in (probes[:8], probes))
    # A turn of eight: the client's own ten seconds, what starting them takes, and a margin.
    assert (one, three - one) == (int(120 + 15 + 2 * (10 + 26.6)), int(2 * 2 * 26.6))


def test_agents_are_asked_less_often_and_for_less_at_once() -> None:
    cluster = Cluster(lambda _now: True, lag_s=3.0)
    cluster.source = "agents"
    results = cluster.probe(*["allow"] * 20, per_pod=20)
    assert all(result["passed"] for result in results)
    assert max(len(request.allow) for request in cluster.requests) == 20
    assert set(cluster.clock.sleeps) == {2.0}
