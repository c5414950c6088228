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
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import (
    SAMPLE,
    chosen_agents,
    collect,
    probe_agent,
    with_probes,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.snapshot import PARTS, part_pod


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
        probe, asked = self.ask([Completed([], 0, '{"cilium": {}}', "level=warning")])
        assert (probe.document, probe.error) == ({"cilium": {}}, "")
        assert asked == [("cilium-dbg", "cilium-agent")]

    @pytest.mark.parametrize("absent", [NotFound("no", code="CommandNotFound"), Completed([], 127, "", "not found")])
    def test_old_agents_have_another_program(self, absent: Any) -> None:
        probe, asked = self.ask([absent, Completed([], 0, "{}", "")])
        assert probe.error == ""
        assert [name for name, container in asked] == ["cilium-dbg", "cilium"]

    def test_neither_program(self) -> None:
        probe = self.ask([NotFound("no", code="CommandNotFound")] * 2)[0]
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


def test_a_look_costs_a_dozen_requests_whatever_the_size() -> None:
    kube = make.healthy_cluster()
    collect(kube, make.NAMESPACE)
    assert kube.requests <= 12
