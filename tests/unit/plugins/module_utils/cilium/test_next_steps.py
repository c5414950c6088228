# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.detect import Installation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.next_steps import next_steps
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.status import judge
from fakes import FakeClock


def steps(kube: Any, manager: Any = "helm", **answers: Any) -> Any:
    kube.exec_answers = make.agents_answer(**answers)
    snapshot = with_probes(collect(kube, make.NAMESPACE), kube.exec, "all", clock=FakeClock())
    return next_steps(judge(snapshot), snapshot, Installation(manager))


def test_a_healthy_cluster_without_policies() -> None:
    assert "no policy is in force" in steps(make.healthy_cluster())[0]


def test_all_is_well() -> None:
    assert steps(make.healthy_cluster().add(make.policy("web")), loaded=[make.uid("web")]) == ["All is well."]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (make.pod("cilium-b", "cilium", node="n2", **make.crash()), "logs cilium-b -c cilium-agent --previous"),
        (make.deployment("cilium-operator", replicas=0, ready=0), "Operator runs nowhere"),
        (make.node("n3"), "describe daemonset cilium"),
        (make.pod("early", namespace="default"), "restart_unmanaged"),
        (make.policy("web", valid=False), "not valid"),
        (make.policy("web"), "wait_for=policies"),
    ],
)
def test_each_trouble_has_a_step(fault: Any, words: Any) -> None:
    assert any(words in step for step in steps(make.healthy_cluster().add(fault)))


def test_an_agent_without_an_answer() -> None:
    kube = make.healthy_cluster()
    snapshot = with_probes(
        collect(kube, make.NAMESPACE),
        lambda *words, **more: make.Completed([], 1, "", "no socket"),
        "all",
    )
    assert "logs cilium-a -c cilium-agent" in next_steps(judge(snapshot), snapshot, Installation("helm"))[0]


def test_no_cilium() -> None:
    assert steps(make.FakeKube().add(make.node("n1")), "none") == [
        "Cilium is not installed: run the playbook cilium, or create the cluster with Cilium in it."
    ]
