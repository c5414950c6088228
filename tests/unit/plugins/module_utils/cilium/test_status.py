# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agent_health import about_agent
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.snapshot import AgentProbe, cluster_node
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.status import (
    hopeless,
    judge,
    trouble_text,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CEP, DAEMON_SET, DEPLOYMENT, POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.ready import ContainerTrouble


def status_of(kube: Any, probe: Any = "none") -> Any:
    return judge(with_probes(collect(kube, make.NAMESPACE), kube.exec, probe))


def errors_of(kube: Any, probe: Any = "none") -> Any:
    return status_of(kube, probe).errors


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("starting\nno BPF\n", ": no BPF"),
        ('level=info msg=a\nlevel=fatal msg="no such mode"\nlevel=info msg=bye', ': level=fatal msg="no such mode"'),
        ("level=info msg=a\nlevel=info msg=cut o", ""),
        ("", ""),
    ],
)
def test_of_a_log_the_error_is_told(message: Any, said: Any) -> None:
    trouble = ContainerTrouble("cilium-agent", "CrashLoopBackOff", message, 1, 3, True)
    assert trouble_text(trouble) == f"container cilium-agent is in CrashLoopBackOff, exited with code 1{said}"


def test_a_healthy_cluster_has_nothing_to_tell() -> None:
    status = status_of(make.healthy_cluster(), "all")
    assert (status.errors, status.warnings) == ([], [])
    assert status.is_healthy(ignore_warnings=False)
    assert status.agents_ready
    assert status.relay_ready
    assert (status.managed_pods, status.total_pods) == (2, 2)
    assert {key: component.text for key, component in status.components.items()} == {
        "cilium": "OK",
        "operator": "OK",
        "envoy": "disabled (using embedded mode)",
        "relay": "OK",
        "clustermesh": "disabled",
        "ui": "disabled",
    }


def test_pods_with_two_labels_of_a_part_are_counted_once() -> None:
    status = status_of(make.healthy_cluster())
    assert status.components["operator"].phases == {"Running": 1}
    assert status.components["operator"].images == {"registry/cilium-operator:1": 1}


class TestAbsent:
    def test_no_cilium_is_one_clear_error(self) -> None:
        kube = make.FakeKube().add(make.node("n1"))
        kube.absent_kinds.add(CEP)
        status = status_of(kube, "all")
        assert status.errors == ["cilium: DaemonSet cilium not found in kube-system"]
        assert not status.agents_ready
        assert not status.relay_ready

    def test_nodes_without_network_are_warned_of(self) -> None:
        kube = make.FakeKube().add(make.node("n1", ready=False))
        assert status_of(kube).warnings == ["nodes: n1: not Ready: no CNI"]

    def test_no_operator(self) -> None:
        kube = make.healthy_cluster()
        kube.remove(DEPLOYMENT, "cilium-operator", make.NAMESPACE)
        assert errors_of(kube) == ["operator: Deployment cilium-operator not found in kube-system"]

    def test_no_relay_is_no_error(self) -> None:
        kube = make.healthy_cluster()
        kube.remove(DEPLOYMENT, "hubble-relay", make.NAMESPACE)
        status = status_of(kube)
        assert status.errors == []
        assert not status.relay_ready


class TestWorkloads:
    @pytest.mark.parametrize(
        ("document", "line"),
        [
            (make.daemon_set(ready=1), "cilium: cilium: 1 pod of DaemonSet cilium is not ready"),
            (make.daemon_set(nodes=0, ready=0), "cilium: cilium: DaemonSet cilium is not scheduled on any node"),
            (
                make.daemon_set(observedGeneration=0),
                "cilium: cilium: DaemonSet cilium is updated but the rollout has not started",
            ),
            (
                make.daemon_set(updatedNumberScheduled=1),
                "cilium: cilium: DaemonSet cilium is rolling out - 1 out of 2 pods updated",
            ),
            (
                make.deployment("cilium-operator", replicas=0, ready=0),
                "operator: cilium-operator: Deployment cilium-operator is scaled to 0",
            ),
            (
                make.deployment("hubble-relay", ready=0),
                "relay: hubble-relay: 1 pod of Deployment hubble-relay is not ready",
            ),
        ],
    )
    def test_errors(self, document: Any, line: Any) -> None:
        kube = make.healthy_cluster().add(document)
        assert line in errors_of(kube)

    def test_a_deployment_stuck_at_creation_is_not_ok(self) -> None:
        kube = make.healthy_cluster()
        kube.change(DEPLOYMENT, "cilium-operator", make.NAMESPACE)["status"] = {}
        assert "operator: cilium-operator: 1 pod of Deployment cilium-operator is not ready" in errors_of(kube)

    def test_ready_but_not_yet_available_is_a_warning(self) -> None:
        kube = make.healthy_cluster().add(make.daemon_set(numberAvailable=1))
        status = status_of(kube)
        assert status.warnings == ["cilium: cilium: 1 pod of DaemonSet cilium is not available"]
        assert not status.agents_ready
        assert status.is_healthy(ignore_warnings=True)
        assert not status.is_healthy(ignore_warnings=False)


class TestPods:
    def test_pending_tells_why(self) -> None:
        conditions = [{"type": "PodScheduled", "status": "False", "message": "0/2 nodes are available"}]
        pending = make.pod("p", "hubble-relay", phase="Pending", podIP="", conditions=conditions, containerStatuses=[])
        status = status_of(make.healthy_cluster().add(pending))
        assert status.warnings == ["relay: p: pod is pending: 0/2 nodes are available"]

    def test_failed(self) -> None:
        failed = make.pod("p", "cilium", phase="Failed", reason="Error", message="disk", containerStatuses=[])
        assert errors_of(make.healthy_cluster().add(failed)) == ["cilium: p: pod has failed: Error - disk"]

    def test_evicted_pods_were_replaced_and_count_for_nothing(self) -> None:
        failed = make.pod("p", "cilium", phase="Failed", reason="Evicted", containerStatuses=[])
        assert errors_of(make.healthy_cluster().add(failed)) == []

    def test_crash_loop_quotes_the_termination_message(self) -> None:
        kube = make.healthy_cluster().add(make.pod("cilium-b", "cilium", node="n2", **make.crash()))
        assert (
            "cilium: cilium-b: container cilium-agent is in CrashLoopBackOff, exited with code 1: no BPF"
            in errors_of(kube, "all")
        )

    @pytest.mark.parametrize(
        ("status", "count"),
        [
            (make.crash(restarts=3), 1),
            (make.crash(restarts=2), 0),
            (make.crash(restarts=0, reason="InvalidImageName"), 1),
            (make.crash(restarts=9, reason="ImagePullBackOff"), 0),
        ],
    )
    def test_when_waiting_is_hopeless(self, status: Any, count: Any) -> None:
        kube = make.healthy_cluster().add(make.pod("cilium-b", "cilium", node="n2", **status))
        assert len(hopeless(collect(kube, make.NAMESPACE))) == count

    def test_pods_of_other_namespaces_are_not_cilium(self) -> None:
        kube = make.healthy_cluster().add(make.pod("cilium-z", "cilium", namespace="other", **make.crash()))
        assert errors_of(kube) == []


def test_of_a_long_message_the_last_line_is_told() -> None:
    trouble = ContainerTrouble("c", "CrashLoopBackOff", "usage\n  --a\nunknown flag: --nope\n", 1, 3, True)
    assert trouble_text(trouble) == "container c is in CrashLoopBackOff, exited with code 1: unknown flag: --nope"


class TestManagedPods:
    def test_a_pod_with_an_address_and_no_endpoint_is_unmanaged(self) -> None:
        kube = make.healthy_cluster().add(make.pod("early", namespace="default"))
        status = status_of(kube)
        assert status.unmanaged == ["default/early"]
        assert (status.managed_pods, status.total_pods) == (2, 3)
        assert status.warnings == [
            "pods: 1 pod is not managed by Cilium (started before it?): default/early",
        ]

    def test_an_endpoint_of_another_pod_does_not_hide_it(self) -> None:
        kube = make.healthy_cluster().add(make.pod("early", namespace="default"), make.endpoint("gone", "default"))
        assert status_of(kube).unmanaged == ["default/early"]

    @pytest.mark.parametrize("namespace", ["other", "default"])
    def test_names_count_with_their_namespace(self, namespace: Any) -> None:
        kube = make.healthy_cluster().add(make.pod("same", namespace="default"), make.endpoint("same", namespace))
        assert bool(status_of(kube).unmanaged) is (namespace == "other")

    def test_a_pod_that_waits_for_its_network_is_not_unmanaged(self) -> None:
        kube = make.healthy_cluster().add(make.pod("new", namespace="default", phase="Pending", podIP=""))
        status = status_of(kube)
        assert (status.unmanaged, status.managed_pods, status.total_pods) == ([], 2, 3)

    def test_host_network_finished_and_leaving_pods_do_not_count(self) -> None:
        kube = make.healthy_cluster().add(make.pod("done", namespace="default", phase="Succeeded"))
        leaving = make.pod("leaving", namespace="default")
        leaving["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
        host = make.pod("host", namespace="default")
        host["spec"]["hostNetwork"] = True
        assert status_of(kube.add(leaving, host)).total_pods == 2

    def test_unknown_where_endpoint_objects_are_switched_off(self) -> None:
        kube = make.healthy_cluster().add(make.config_map(**{"disable-endpoint-crd": "true"}))
        kube.add(make.pod("early", namespace="default"))
        status = status_of(kube)
        assert (status.managed_pods, status.unmanaged) == (None, [])

    def test_endpoints_that_are_not_ready(self) -> None:
        kube = make.healthy_cluster().add(make.endpoint("web", "default", state="regenerating"))
        assert status_of(kube).warnings == ["cilium: 1 endpoint is not ready"]


class TestNodes:
    def test_a_node_without_agent_is_named(self) -> None:
        kube = make.healthy_cluster().add(make.node("n3"))
        status = status_of(kube)
        assert status.errors == ["nodes: n3: no agent runs on this node"]
        assert not status.agents_ready

    def test_an_agent_that_leaves_does_not_cover_its_node(self) -> None:
        kube = make.healthy_cluster()
        kube.change(POD, "cilium-b", make.NAMESPACE)["metadata"]["deletionTimestamp"] = "2026-11-30T12:00:00Z"
        assert status_of(kube).nodes_without_agent == ["n2"]

    @pytest.mark.parametrize("os_name", ["windows", None])
    def test_nodes_that_the_agents_do_not_select_need_none(self, os_name: Any) -> None:
        other = make.node("w1")
        other["metadata"]["labels"] = {"kubernetes.io/os": os_name} if os_name else {}
        assert errors_of(make.healthy_cluster().add(other)) == []

    @pytest.mark.parametrize(
        ("operator", "values", "wanted"),
        [
            ("In", ["b"], True),
            ("In", ["c"], False),
            ("NotIn", ["b"], False),
            ("NotIn", ["c"], True),
            ("Exists", None, True),
            ("DoesNotExist", None, False),
        ],
    )
    def test_node_affinity(self, operator: Any, values: Any, wanted: Any) -> None:
        agents = copy.deepcopy(make.daemon_set())
        term = {"matchExpressions": [{"key": "a", "operator": operator, "values": values}]}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}
        agents["spec"]["template"]["spec"]["affinity"] = {"nodeAffinity": required}
        assert cluster_node(make.node("n", a="b"), agents).wants_agent is wanted


class TestAgents:
    def test_a_real_answer_of_a_healthy_agent_has_no_findings(self) -> None:
        assert about_agent(AgentProbe("a", "n", make.AGENT_ANSWER)) == []

    @pytest.mark.parametrize(
        ("part", "document", "is_error"),
        [
            ("Cilium", {"cilium": {"state": "Failure", "msg": "m"}}, True),
            ("Cilium", {"cilium": {"state": "WARNING", "msg": "m"}}, False),
            ("Health", {"cluster": {"ciliumHealth": {"state": "Failure", "msg": "m"}}}, True),
            ("Hubble", {"hubble": {"state": "Warning", "msg": "m"}}, False),
            ("Kubernetes", {"kubernetes": {"state": "Failure", "msg": "m"}}, True),
        ],
    )
    def test_states(self, part: Any, document: Any, is_error: Any) -> None:
        [finding] = about_agent(AgentProbe("a", "n", document))
        assert (finding.text, finding.is_error) == (f"cilium: a: {part}: m", is_error)

    @pytest.mark.parametrize("state", ["Ok", "Disabled", ""])
    def test_good_states_are_silent(self, state: Any) -> None:
        assert about_agent(AgentProbe("a", "n", {"hubble": {"state": state}})) == []

    def test_failing_controllers(self) -> None:
        failing = {"name": "sync", "status": {"consecutive-failure-count": 3, "last-failure-msg": "no route"}}
        fine = {"name": "ok", "status": {"success-count": 3}}
        [finding] = about_agent(AgentProbe("a", "n", {"controllers": [failing, fine]}))
        assert finding.message == "controller sync is failing (3x): no route"

    def test_an_agent_that_gives_no_answer(self) -> None:
        kube = make.healthy_cluster()
        kube.exec_answers = lambda *words: make.Completed([], 1, "", "first\nlast words")
        assert errors_of(kube, "all") == [
            f"cilium: cilium-{name}: unable to retrieve cilium status: exit status 1: last words" for name in "ab"
        ]


def test_what_may_not_be_read_is_an_error_and_the_rest_is_told() -> None:
    kube = make.healthy_cluster()
    kube.failures["list", "Node"] = AuthFailed("forbidden", status=403)
    status = status_of(kube)
    assert status.errors == ["collection: nodes could not be read: forbidden"]
    assert status.components["cilium"].text == "OK"


def test_endpoints_that_may_not_be_read_make_no_pod_unmanaged() -> None:
    kube = make.healthy_cluster()
    kube.failures["list", "CiliumEndpoint"] = AuthFailed("forbidden", status=403)
    assert (status_of(kube).managed_pods, status_of(kube).unmanaged) == (None, [])


def test_a_wrong_credential_is_not_a_state_of_cilium() -> None:
    kube = make.healthy_cluster()
    kube.failures["get", "DaemonSet"] = AuthFailed("who are you", status=401)
    with pytest.raises(AuthFailed):
        status_of(kube)


def test_envoy_as_its_own_daemon_set() -> None:
    kube = make.healthy_cluster().add(make.daemon_set("cilium-envoy", ready=1))
    assert status_of(kube).components["envoy"].text == "1 error"
    assert kube.change(DAEMON_SET, "cilium-envoy", make.NAMESPACE)
