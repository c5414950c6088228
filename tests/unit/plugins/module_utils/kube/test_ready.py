# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.ready import (
    container_troubles,
    readiness,
    workload_of,
)


def deployment(replicas: Any = 1, generation: Any = 1, **status: Any) -> Any:
    counters = {
        "observedGeneration": 1,
        "replicas": 1,
        "updatedReplicas": 1,
        "readyReplicas": 1,
        "availableReplicas": 1,
    }
    return {
        "kind": "Deployment",
        "metadata": {"name": "d", "generation": generation},
        "spec": {"replicas": replicas},
        "status": {**counters, **status},
    }


def pod(phase: Any = "Running", ready: Any = "True", **status: Any) -> Any:
    conditions = [{"type": "Ready", "status": ready}]
    return {"kind": "Pod", "metadata": {"name": "p"}, "status": {"phase": phase, "conditions": conditions, **status}}


class TestWorkload:
    def test_ready(self) -> None:
        assert readiness(deployment()).ready

    @pytest.mark.parametrize(
        ("document", "word"),
        [
            (deployment(generation=2), "newest spec yet"),
            (deployment(updatedReplicas=0), "newest spec"),
            (deployment(availableReplicas=0), "available"),
            (deployment(replicas=3), "newest spec"),
            (deployment(replicas=2, updatedReplicas=2, readyReplicas=None, availableReplicas=None), "0 of 2"),
            (deployment(replicas=0, updatedReplicas=0, availableReplicas=0), "1 old pod is still there"),
        ],
    )
    def test_not_ready(self, document: Any, word: Any) -> None:
        state = readiness(document)
        assert not state.ready
        assert word in state.reason

    def test_just_created_without_status_is_not_ready(self) -> None:
        assert not readiness({"kind": "Deployment", "metadata": {"name": "d", "generation": 1}, "spec": {}}).ready

    def test_scaled_to_nothing_is_ready(self) -> None:
        zero = {"replicas": 0, "updatedReplicas": 0, "availableReplicas": 0}
        document = deployment(replicas=0)
        document["status"].update(zero)
        assert readiness(document).ready

    def test_daemon_set_counts_nodes(self) -> None:
        status = {
            "desiredNumberScheduled": 3,
            "currentNumberScheduled": 3,
            "numberReady": 2,
            "numberAvailable": 2,
            "updatedNumberScheduled": 3,
            "observedGeneration": 4,
        }
        document = {"kind": "DaemonSet", "metadata": {"name": "c", "generation": 4}, "status": status}
        workload = workload_of(document)
        assert (workload.wanted, workload.ready) == (3, 2)
        assert not readiness(document).ready


class TestPod:
    def test_ready(self) -> None:
        assert readiness(pod()).ready
        assert readiness(pod(phase="Succeeded", ready="False")).ready

    def test_leaving_is_not_ready(self) -> None:
        leaving = pod()
        leaving["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
        assert not readiness(leaving).ready

    def test_unscheduled_tells_why(self) -> None:
        conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]
        state = readiness(pod(phase="Pending", conditions=conditions))
        assert state.reason == "Unschedulable: 0/2 nodes"

    def test_names_the_container_in_trouble(self) -> None:
        statuses = [{"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}]
        assert readiness(pod(ready="False", containerStatuses=statuses)).reason == "container web: ImagePullBackOff"


class TestContainerTroubles:
    def test_crash_loop_carries_exit_code_and_last_words(self) -> None:
        status = {
            "name": "cilium-agent",
            "restartCount": 4,
            "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 1m"}},
            "lastState": {"terminated": {"exitCode": 1, "message": "no BPF here\n"}},
        }
        [trouble] = container_troubles(pod(containerStatuses=[status]))
        assert (trouble.exit_code, trouble.message, trouble.restarts) == (1, "no BPF here", 4)
        assert trouble.crash_loop

    @pytest.mark.parametrize("reason", ["ContainerCreating", "PodInitializing", None])
    def test_starting_is_no_trouble(self, reason: Any) -> None:
        assert (
            container_troubles(pod(containerStatuses=[{"name": "a", "state": {"waiting": {"reason": reason}}}])) == []
        )

    def test_init_container_that_failed(self) -> None:
        status = {"name": "mount", "state": {"terminated": {"exitCode": 2, "reason": "Error", "message": "m"}}}
        [trouble] = container_troubles(pod(initContainerStatuses=[status]))
        assert (trouble.container, trouble.exit_code, trouble.crash_loop) == ("mount", 2, False)

    def test_one_that_ended_well(self) -> None:
        status = {"name": "mount", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
        assert container_troubles(pod(initContainerStatuses=[status])) == []


@pytest.mark.parametrize(
    ("document", "ready"),
    [
        ({"kind": "Namespace", "status": {"phase": "Active"}}, True),
        ({"kind": "Namespace", "status": {"phase": "Terminating"}}, False),
        (
            {"kind": "CustomResourceDefinition", "status": {"conditions": [{"type": "Established", "status": "True"}]}},
            True,
        ),
        ({"kind": "CustomResourceDefinition"}, False),
        ({"kind": "Service", "spec": {"type": "ClusterIP"}}, True),
        ({"kind": "Service", "spec": {"type": "LoadBalancer"}}, False),
        (
            {
                "kind": "Service",
                "spec": {"type": "LoadBalancer"},
                "status": {"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}},
            },
            True,
        ),
        ({"kind": "Job", "status": {"conditions": [{"type": "Complete", "status": "True"}]}}, True),
        ({"kind": "Job", "status": {"conditions": [{"type": "Failed", "status": "True"}]}}, False),
        ({"kind": "Node", "status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),
        ({"kind": "ConfigMap"}, True),
    ],
)
def test_other_kinds(document: Any, ready: Any) -> None:
    assert readiness(document).ready is ready
