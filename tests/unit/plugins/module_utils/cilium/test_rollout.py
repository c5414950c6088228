# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.rollout import (
    agents_ready,
    wait_removed,
    wait_working,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CRD, DAEMON_SET, DEPLOYMENT, POD
from cilium_documents import agent_pod, crds, daemon_set, deployment, node
from fakes import FakeClock, FakeKube


def working(*extra: dict[str, object]) -> FakeKube:
    return FakeKube().add(daemon_set(), deployment("cilium-operator"), node(), *crds(), *extra)


def silent(line: str) -> None:
    """Progress of no interest."""


def test_a_daemon_set_that_wants_no_pod_yet_is_not_ready() -> None:
    assert agents_ready(daemon_set()) is True
    assert agents_ready(daemon_set(wanted=0, ready=0)) is False
    assert agents_ready(daemon_set(wanted=2, ready=1)) is False


def test_a_working_cilium_needs_no_sleep() -> None:
    clock = FakeClock()
    wait_working(working(), "kube-system", False, 10, clock, silent)
    wait_working(working(deployment("hubble-relay")), "kube-system", True, 10, clock, silent)
    assert clock.sleeps == []


@pytest.mark.parametrize(
    ("missing", "text"),
    [
        ("agents", "agents: 0 of 1 pods available"),
        ("no agents", "no DaemonSet cilium"),
        ("operator", "cilium-operator: 0 of 1 pods available"),
        ("no operator", "no Deployment cilium-operator"),
        ("relay", "no Deployment hubble-relay"),
        ("node", "1 of 1 nodes not Ready"),
        ("crd", "no CRD ciliumnetworkpolicies"),
    ],
)
def test_names_what_does_not_work(missing: str, text: str) -> None:
    kube = working()
    changes = {
        "agents": lambda: kube.add(daemon_set(ready=0)),
        "no agents": lambda: kube.remove(DAEMON_SET, "cilium", "kube-system"),
        "operator": lambda: kube.add(deployment("cilium-operator", ready=0)),
        "no operator": lambda: kube.remove(DEPLOYMENT, "cilium-operator", "kube-system"),
        "relay": lambda: None,
        "node": lambda: kube.add(node(ready=False)),
        "crd": lambda: kube.remove(CRD, "ciliumnetworkpolicies.cilium.io"),
    }
    changes[missing]()
    with pytest.raises(TimedOut, match=text):
        wait_working(kube, "kube-system", missing == "relay", 4, FakeClock(), silent)


def test_a_pod_that_cannot_start_is_named() -> None:
    pod = agent_pod()
    waiting = {"waiting": {"reason": "ImagePullBackOff"}}
    pod["status"]["containerStatuses"] = [{"name": "cilium-agent", "state": waiting}]
    lines: list[str] = []
    with pytest.raises(TimedOut, match=r"cilium-abcde: cilium-agent ImagePullBackOff"):
        wait_working(working(pod).add(daemon_set(ready=0)), "kube-system", False, 4, FakeClock(), lines.append)
    assert "ImagePullBackOff" in lines[0]


def test_waits_until_the_last_part_works() -> None:
    kube, clock = working().add(node(ready=False)), FakeClock()
    clock.during_sleep.append(lambda: kube.add(node(ready=True)) if clock.now >= 6 else None)
    wait_working(kube, "kube-system", False, 60, clock, silent)
    assert clock.now == 6


def test_removed_means_no_agent_pod_is_left() -> None:
    kube, clock = FakeKube().add(agent_pod()), FakeClock()
    clock.during_sleep.append(lambda: kube.remove(POD, "cilium-abcde", "kube-system"))
    wait_removed(kube, "kube-system", 60, clock, silent)
    assert len(clock.sleeps) == 1
    with pytest.raises(TimedOut, match="1 agent pods left"):
        wait_removed(FakeKube().add(agent_pod()), "kube-system", 4, FakeClock(), silent)
