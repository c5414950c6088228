# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Conflict, NotFound, Throttled, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.restart import (
    find_unmanaged,
    look_only,
    planned,
    restart,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CEP, POD, REPLICA_SET
from cilium_documents import agent_pod, workload_pod
from fakes import FakeClock, FakeKube, Write

BEFORE, AGENT, AFTER = (f"2026-12-01T0{hour}:00:00Z" for hour in (1, 2, 3))


def agent() -> Json:
    pod = agent_pod()
    running = {"running": {"startedAt": AGENT}}
    pod["status"].update(startTime=BEFORE, containerStatuses=[{"name": "cilium-agent", "state": running}])
    return pod


def pod(
    name: str, namespace: str = "shop", owner: str = "ReplicaSet/web", *, ready: bool = True, **status: Any
) -> Json:
    made = workload_pod(name, namespace)
    made["status"].update({"podIP": "10.9.0.1", "startTime": BEFORE, **status})
    made["status"]["conditions"] = [{"type": "Ready", "status": "True" if ready else "False"}]
    kind, __, controller = owner.partition("/")
    if kind:
        made["metadata"]["ownerReferences"] = [{"kind": kind, "name": controller, "controller": True}]
    return made


def replica_set(name: str = "web", namespace: str = "shop", replicas: int = 2) -> Json:
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {"name": name, "namespace": namespace, "generation": 1},
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "readyReplicas": replicas,
            "availableReplicas": replicas,
        },
    }


def controller(kube: FakeKube, write: Write) -> None:
    """Evictions work at once, and the controller's new pod is ready at once."""
    if write.kind == "Eviction":
        kube.remove(POD, write.name, write.namespace)
        del kube._objects["", "Eviction", write.namespace, write.name]


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(reactions=[controller]).add(agent(), replica_set())


@pytest.fixture
def act(kube: FakeKube) -> Callable[..., Any]:
    return lambda clock=None: restart(
        kube, find_unmanaged(kube, "kube-system"), 120.0, clock or FakeClock(), lambda line: None
    )


def evicted(kube: FakeKube) -> list[str]:
    return [f"{write.namespace}/{write.name}" for write in kube.writes if write.kind == "Eviction"]


@pytest.mark.parametrize(
    ("document", "found"),
    [
        (pod("old"), True),
        (pod("young", startTime=AFTER), False),
        (pod("no-address", podIP=""), False),
        (pod("done", phase="Succeeded"), False),
        (pod("waiting", phase="Pending"), True),
        ({**pod("host"), "spec": {"hostNetwork": True, "nodeName": "node-1"}}, False),
        ({**pod("elsewhere"), "spec": {"nodeName": "node-without-agent"}}, False),
    ],
)
def test_only_pods_that_are_older_than_their_agent_are_named(kube: FakeKube, document: Json, found: bool) -> None:
    kube.add(document)
    assert [item.name for item in find_unmanaged(kube, "kube-system")] == [document["metadata"]["name"]] * found


def test_a_pod_with_an_endpoint_is_managed(kube: FakeKube) -> None:
    kube.add(pod("old"), pod("known"))
    endpoint = {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumEndpoint",
        "metadata": {"name": "known", "namespace": "shop"},
    }
    kube.add(endpoint)
    assert [item.label for item in find_unmanaged(kube, "kube-system")] == ["shop/old"]


def test_a_run_that_restarts_nothing_tells_what_it_left_and_what_it_would_restart(
    kube: FakeKube, act: Callable[..., Any]
) -> None:
    kube.add(pod("web-1"), pod("bare", owner=""))
    found = find_unmanaged(kube, "kube-system")
    assert look_only(found, "not asked for").left == {
        "shop/bare": "it has no controller that would make it anew",
        "shop/web-1": "not asked for",
    }
    would = planned(found)
    assert would.restarted == ["shop/web-1"]
    assert evicted(kube) == []
    assert would == act()


def test_without_endpoints_nothing_is_known(kube: FakeKube) -> None:
    kube.add(pod("old"))
    kube.absent_kinds.add(CEP)
    assert find_unmanaged(kube, "kube-system") == []
    kube.absent_kinds.clear()
    data = {"disable-endpoint-crd": "true"}
    metadata = {"name": "cilium-config", "namespace": "kube-system"}
    kube.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data})
    assert find_unmanaged(kube, "kube-system") == []


def test_names_come_first_and_pods_without_a_controller_stay(kube: FakeKube, act: Callable[..., Any]) -> None:
    dns = pod("coredns-1", "kube-system", "ReplicaSet/coredns")
    dns["metadata"]["labels"] = {"k8s-app": "kube-dns"}
    kube.add(replica_set("coredns", "kube-system"), replica_set("a", "apps"))
    kube.add(dns, pod("a-1", "apps", "ReplicaSet/a"), pod("bare", owner=""), pod("job", owner="Job/nightly"))
    report = act()
    assert evicted(kube) == ["kube-system/coredns-1", "apps/a-1"]
    assert report.restarted == evicted(kube)
    assert report.left == {
        "shop/bare": "it has no controller that would make it anew",
        "shop/job": "it belongs to the Job nightly",
    }
    assert report.unmanaged[0] == "kube-system/coredns-1"


def test_a_pod_made_anew_is_waited_for_before_the_next(kube: FakeKube, act: Callable[..., Any]) -> None:
    kube.add(pod("web-1"), pod("web-2"))
    clock = FakeClock()

    def slow(fake: FakeKube, write: Write) -> None:
        if write.kind == "Eviction":
            fake.change(REPLICA_SET, "web", "shop")["status"]["availableReplicas"] = 1

    def heal() -> None:
        if clock.now >= 10:
            kube.change(REPLICA_SET, "web", "shop")["status"]["availableReplicas"] = 2

    kube.reactions.append(slow)
    clock.during_sleep.append(heal)
    clock.during_sleep.append(lambda: seen.append((clock.now, len(evicted(kube)))))
    seen: list[tuple[float, int]] = []
    assert act(clock).restarted == ["shop/web-1", "shop/web-2"]
    assert (8.0, 1) in seen


def test_a_budget_that_refuses_for_now_is_asked_again(kube: FakeKube, act: Callable[..., Any]) -> None:
    kube.add(pod("web-1"))
    clock = FakeClock()
    kube.failures["create", "Eviction"] = Throttled("Cannot evict pod as it would violate the pod's disruption budget.")
    clock.during_sleep.append(lambda: kube.failures.clear() if clock.now >= 60 else None)
    assert act(clock).restarted == ["shop/web-1"]
    assert 60 <= clock.now <= 62


def test_a_budget_that_refuses_for_ever_is_told(kube: FakeKube, act: Callable[..., Any]) -> None:
    kube.add(pod("web-1"))
    kube.failures["create", "Eviction"] = Throttled("Cannot evict pod as it would violate the pod's disruption budget.")
    with pytest.raises(TimedOut, match=r"1 pod .* not restarted in time: shop/web-1 .*disruption budget") as caught:
        act()
    assert caught.value.option == "restart_unmanaged"


def test_pods_that_are_not_ready_are_left_to_people_when_their_budget_refuses(
    kube: FakeKube, act: Callable[..., Any]
) -> None:
    """Such a pod counts as missing, so its own budget would keep it for ever."""
    kube.add(pod("web-1", ready=False), pod("web-2", ready=False))
    kube.failures["create", "Eviction"] = Throttled("disruption budget")
    clock = FakeClock()
    report = act(clock)
    assert set(report.left) == {"shop/web-1", "shop/web-2"}
    assert "delete it by hand" in report.left["shop/web-1"]
    assert clock.now == 30


@pytest.mark.parametrize("error", [NotFound("gone"), Conflict("another uid")])
def test_a_pod_that_is_gone_already_is_no_error(kube: FakeKube, act: Callable[..., Any], error: Any) -> None:
    kube.add(pod("web-1"))
    kube.failures["create", "Eviction"] = error
    assert act().restarted == []


def test_the_uid_is_a_condition_of_the_eviction(kube: FakeKube, act: Callable[..., Any]) -> None:
    kube.add(pod("web-1"))
    uid = kube.change(POD, "web-1", "shop")["metadata"]["uid"]
    act()
    write = next(write for write in kube.writes if write.kind == "Eviction")
    assert write.body is not None
    assert write.body["deleteOptions"] == {"preconditions": {"uid": uid}}
