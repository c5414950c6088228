# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed, TimedOut, Unreachable
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
        ("agents", "agents: 0 of 1 pod available"),
        ("no agents", "no DaemonSet cilium"),
        ("operator", "cilium-operator: 0 of 1 pod available"),
        ("no operator", "no Deployment cilium-operator"),
        ("relay", "no Deployment hubble-relay"),
        ("node", "1 of 1 node not Ready"),
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
    with pytest.raises(TimedOut, match="1 agent pod left"):
        wait_removed(FakeKube().add(agent_pod()), "kube-system", 4, FakeClock(), silent)


@pytest.mark.parametrize(("status", "waits"), [("Unknown", False), ("False", True), ("", False)])
def test_pods_that_end_on_a_node_that_is_down_are_not_waited_for(status: str, waits: bool) -> None:
    """Without a CNI plugin every kubelet says NotReady: such a node still ends its pods. "": the node is gone."""
    pod = agent_pod()
    kube = FakeKube().add(pod)
    if status:
        home = node()
        home["status"]["conditions"][0]["status"] = status
        kube.add(home)
    with pytest.raises(TimedOut):
        # Not told to end yet: nothing is known of it.
        wait_removed(kube, "kube-system", 4, FakeClock(), silent)
    kube.change(POD, "cilium-abcde", "kube-system")["metadata"]["deletionTimestamp"] = "2026-12-01T02:00:00Z"
    if waits:
        with pytest.raises(TimedOut, match="1 agent pod left"):
            wait_removed(kube, "kube-system", 4, FakeClock(), silent)
    else:
        assert wait_removed(kube, "kube-system", 4, FakeClock(), silent) == ["node-1"]


def troubled(reason: str, *, restarts: int = 0, message: str = "") -> dict[str, object]:
    pod = agent_pod()
    waiting = {"waiting": {"reason": reason, "message": message}}
    container = {"name": "cilium-agent", "state": waiting, "restartCount": restarts}
    pod["status"]["containerStatuses"] = [container]
    return pod


def test_a_crash_loop_ends_the_wait_early_and_is_quoted() -> None:
    kube, clock = working(troubled("CrashLoopBackOff", restarts=4)).add(daemon_set(ready=0)), FakeClock()
    kube.container_logs["kube-system", "cilium-abcde"] = "starting\nunable to reach the API server\n"
    with pytest.raises(OperationFailed, match=r"cilium-abcde on node-1: .*CrashLoopBackOff.*4 restarts") as caught:
        wait_working(kube, "kube-system", False, 600, clock, silent)
    assert clock.now == 0
    pod = caught.value.details["pods"][0]
    assert pod["log"] == ["starting", "unable to reach the API server"]
    assert (pod["pod"], pod["node"], pod["restarts"]) == ("kube-system/cilium-abcde", "node-1", 4)


def test_an_image_that_cannot_be_pulled_for_long_ends_the_wait() -> None:
    kube = working(troubled("ImagePullBackOff", message="no such host")).add(daemon_set(ready=0))
    clock = FakeClock()
    with pytest.raises(OperationFailed, match=r"no such host \(for 1 min 30 s\)") as caught:
        wait_working(kube, "kube-system", False, 600, clock, silent)
    assert clock.now == 90
    assert caught.value.code == "ImagePullBackOff"


def test_a_registry_may_have_a_bad_moment() -> None:
    kube, clock = working(troubled("ErrImagePull")).add(daemon_set(ready=0)), FakeClock()

    def now_and_then() -> None:
        kube.add(troubled("ErrImagePull") if clock.now % 60 else agent_pod())
        if clock.now >= 180:
            kube.add(daemon_set())

    clock.during_sleep.append(now_and_then)
    wait_working(kube, "kube-system", False, 600, clock, silent)
    assert clock.now == 180


def test_pods_that_are_being_replaced_mean_nothing() -> None:
    kube, clock = working(troubled("CrashLoopBackOff", restarts=9)).add(daemon_set(ready=0)), FakeClock()
    clock.during_sleep.append(lambda: kube.add(daemon_set()))
    wait_working(kube, "kube-system", False, 600, clock, silent, old_pods=["cilium-abcde"])


def test_an_api_server_that_is_away_for_a_moment_is_waited_for() -> None:
    kube, clock = working().add(daemon_set(ready=0)), FakeClock()

    def away() -> None:
        kube.failures.clear()
        if clock.now < 10:
            kube.failures["get", "DaemonSet"] = Unreachable("no answer")
        else:
            kube.add(daemon_set())

    clock.during_sleep.append(away)
    wait_working(kube, "kube-system", False, 600, clock, silent)
    assert clock.now == 10
    kube.failures["get", "DaemonSet"] = Unreachable("no answer")
    with pytest.raises(Unreachable):
        wait_working(kube, "kube-system", False, 600, FakeClock(), silent)


def test_a_deadline_comes_with_what_the_pods_say() -> None:
    pending = agent_pod()
    pending["status"] = {"phase": "Pending", "reason": "Unschedulable", "message": "no room"}
    with pytest.raises(TimedOut) as caught:
        wait_working(working(pending).add(daemon_set(ready=0)), "kube-system", False, 4, FakeClock(), silent)
    assert caught.value.details["pods"] == [
        {"pod": "kube-system/cilium-abcde", "node": "node-1", "reason": "Pending", "message": "Unschedulable - no room"}
    ]


@pytest.mark.parametrize("error", [Unreachable("no answer"), OperationFailed("etcdserver: leader changed", status=503)])
def test_after_a_change_a_bad_moment_of_the_api_server_says_nothing(error: Exception) -> None:
    kube, clock = working(), FakeClock()
    kube.failures["list", "Node"] = error
    clock.during_sleep.append(kube.failures.clear)
    wait_working(kube, "kube-system", False, 600, clock, silent, settling=True)
    assert clock.now == 2
    kube.failures["list", "Node"] = error
    with pytest.raises(type(error)):
        wait_working(kube, "kube-system", False, 600, FakeClock(), silent)
