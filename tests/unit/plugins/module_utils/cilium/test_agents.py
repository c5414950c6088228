# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import NotFound, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import (
    ALL_UP_TO,
    LOOKS,
    SAMPLE,
    chosen_agents,
    probe_agent,
    with_probes,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.snapshot import PARTS, Repository, part_pod
from fakes import FakeClock


def agents(count: Any, unready: Any = 0) -> Any:
    cilium = PARTS[0]
    found = []
    for number in range(count):
        status = {} if number >= unready else {"conditions": [{"type": "Ready", "status": "False"}]}
        found.append(part_pod(make.pod(f"cilium-{number:04d}", "cilium", **status), cilium))
    return found


class TestChoice:
    def test_all_and_none(self) -> None:
        assert len(chosen_agents(agents(30), "all")) == 30
        assert chosen_agents(agents(30), "none") == []

    def test_auto_is_all_up_to_a_limit(self) -> None:
        assert len(chosen_agents(agents(ALL_UP_TO), "auto")) == ALL_UP_TO
        assert len(chosen_agents(agents(ALL_UP_TO + 1), "auto")) == SAMPLE

    def test_a_sample_is_spread_and_bounded(self) -> None:
        names = [pod.name for pod in chosen_agents(agents(100), "sample")]
        assert names == [f"cilium-{number:04d}" for number in range(0, 100, 10)]

    def test_a_sample_takes_those_in_trouble_first(self) -> None:
        chosen = chosen_agents(agents(100, unready=3), "sample")
        assert len(chosen) == SAMPLE
        assert [pod.ready for pod in chosen[:4]] == [False, False, False, True]

    def test_a_sample_of_few_is_all(self) -> None:
        assert len(chosen_agents(agents(4), "sample")) == 4

    def test_a_sample_when_all_are_in_trouble(self) -> None:
        assert len(chosen_agents(agents(50, unready=50), "sample")) == SAMPLE

    def test_agents_that_do_not_run_are_not_asked(self) -> None:
        crashing = part_pod(make.pod("cilium-c", "cilium", **make.crash()), PARTS[0])
        assert chosen_agents([crashing], "all") == []


class TestProbe:
    def ask(self, answers: Any) -> Any:
        asked = []

        def run(namespace: Any, pod: Any, command: Any, *, container: Any = None, timeout_s: Any) -> Any:
            asked.append((command[0], container))
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

        return probe_agent(run, "kube-system", agents(1)[0]), asked

    def test_remarks_on_stderr_do_not_matter(self) -> None:
        probe, asked = self.ask([Completed([], 0, '{"cilium": {"state": "Ok"}}', "level=warning")])
        assert (probe.document["cilium"], probe.error) == ({"state": "Ok"}, "")
        assert asked == [("sh", "cilium-agent")]

    @pytest.mark.parametrize("absent", [NotFound("no", code="CommandNotFound"), Completed([], 127, "", "not found")])
    def test_without_a_shell_the_programs_are_asked(self, absent: Any) -> None:
        probe, asked = self.ask([absent, absent, Completed([], 0, "{}", "")])
        assert probe.error == ""
        assert [name for name, container in asked] == ["sh", "cilium-dbg", "cilium"]

    def test_neither_program(self) -> None:
        probe = self.ask([NotFound("no", code="CommandNotFound")] * 3)[0]
        assert "neither" in probe.error

    @pytest.mark.parametrize(
        ("answer", "error"),
        [
            (Completed([], 0, "not json", ""), "its answer is not JSON"),
            (Completed([], 0, "[]", ""), "its answer is not JSON"),
            (Completed([], 1, "", "a\nb\n"), "exit status 1: b"),
            (Completed([], 1, "", ""), "exit status 1: no output"),
            (TimedOut("too slow"), "too slow"),
            (NotFound("pod gone", code="NotFound"), "pod gone"),
        ],
    )
    def test_troubles_are_told_not_raised(self, answer: Any, error: Any) -> None:
        assert self.ask([answer])[0].error == error


def test_asks_each_agent_once() -> None:
    kube = make.healthy_cluster()
    snapshot = with_probes(collect(kube, make.NAMESPACE), kube.exec, "all")
    assert sorted(asked[1] for asked in kube.execs) == ["cilium-a", "cilium-b"]
    assert [probe.node for probe in snapshot.probes] == ["n1", "n2"]
    assert json.dumps(snapshot.probes[0].document)


class TestAnswers:
    def probe(self, kube: Any, clock: Any = None) -> Any:
        return with_probes(collect(kube, make.NAMESPACE), kube.exec, "all", clock=clock or FakeClock()).probes[0]

    def test_a_large_status_is_cut_down(self) -> None:
        probe = self.probe(make.healthy_cluster())
        assert probe.document["kube-proxy-replacement"] == {"mode": "True"}
        assert "ipam" not in probe.document
        assert "bpf-maps" not in probe.document
        assert len(json.dumps(probe.document)) < 1500

    def test_metrics_without_a_value_are_zero_and_left_out(self) -> None:
        kube = make.healthy_cluster()
        kube.exec_answers = make.agents_answer(
            metrics=[
                {"name": "cilium_policy_l7_total", "labels": {"rule": "denied", "proxy_type": "fqdn"}, "value": 2},
                {"name": "cilium_policy_l7_total", "labels": {"rule": "received", "proxy_type": "fqdn"}},
                {"name": "cilium_x", "value": 1},
            ]
        )
        assert self.probe(kube).metrics == {"policy_l7_total{fqdn,denied}": 2.0, "x": 1.0}

    @pytest.mark.parametrize("metrics", ["", "no JSON", "null"])
    def test_metrics_that_did_not_come(self, metrics: Any) -> None:
        kube = make.healthy_cluster()
        kube.exec_answers = make.agents_answer(metrics=metrics)
        probe = self.probe(kube)
        assert (probe.metrics, probe.error) == ({}, "")

    def test_without_policies_nothing_is_asked_about_them(self) -> None:
        kube = make.healthy_cluster()
        assert self.probe(kube).repository is None
        assert "policy get" not in kube.execs[0][2][2]

    def test_what_an_agent_made_of_the_policies(self) -> None:
        kube = make.healthy_cluster().add(make.policy("web"))
        kube.exec_answers = make.agents_answer(revision=4, loaded=[make.uid("web")], endpoints=[("ready", 4)] * 2)
        assert self.probe(kube).repository == Repository(4, 2, 0, ())
        assert len(kube.execs) == 2

    def test_a_new_policy_is_given_some_seconds(self) -> None:
        kube = make.healthy_cluster().add(make.policy("web"))
        kube.exec_answers = make.agents_answer(revision=3, loaded=[])
        clock = FakeClock()

        def load() -> None:
            kube.exec_answers = make.agents_answer(revision=4, loaded=[make.uid("web")])

        clock.during_sleep.append(load)
        assert self.probe(kube, clock).repository.is_current
        assert clock.now == 2.0

    def test_what_stays_behind_is_told_in_the_end(self) -> None:
        kube = make.healthy_cluster().add(make.policy("web"))
        states = [("ready", 3), ("regenerating", 1), ("disconnected", 1)]
        kube.exec_answers = make.agents_answer(revision=3, loaded=[], endpoints=states)
        clock = FakeClock()
        probe = self.probe(kube, clock)
        assert probe.repository == Repository(3, 3, 1, ("CiliumNetworkPolicy default/web",))
        assert len(kube.execs) == 2 * LOOKS

    def test_an_agent_that_does_not_tell(self) -> None:
        kube = make.healthy_cluster().add(make.policy("web"))
        kube.exec_answers = make.agents_answer(policy="no JSON")
        assert self.probe(kube).repository is None

    def test_a_proxy_without_a_port_is_deaf(self) -> None:
        kube = make.healthy_cluster()
        redirects = [{"proxy": "cilium-http-ingress"}, {"proxy": "cilium-dns-egress", "proxy-port": 4321}]
        kube.exec_answers = make.agents_answer(proxy={"total-ports": 2, "redirects": redirects})
        assert self.probe(kube).document["proxy"] == {"total-ports": 2, "deaf": ["cilium-http-ingress"]}
