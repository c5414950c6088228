# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed, Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.cleanup import CLEANER, SCRIPT, cleaner_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.uninstall import remove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, CRD, DAEMON_SET, NODE
from cilium_documents import agent_pod, chart_directory, cnp, daemon_set, node
from fake_helm import FakeHelm
from fakes import FakeClock, FakeKube, Write, completed

WISH = Wish("aks_byo_cni", cluster_name="lab", pod_cidrs=["10.244.0.0/16"], operator_replicas=1)
OURS, OTHERS = (
    {"key": "node.cilium.io/agent-not-ready", "effect": "NoSchedule"},
    {"key": "team", "effect": "NoSchedule"},
)


def definition(kind: str, plural: str, *, namespaced: bool = True, group: str = "cilium.io") -> Json:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced" if namespaced else "Cluster",
            "names": {"kind": kind, "plural": plural},
            "versions": [{"name": "v2", "served": True}],
        },
        "status": {"conditions": [{"type": "Established", "status": "True"}]},
    }


def api_server(kube: FakeKube, write: Write) -> None:
    """The DaemonSet controller cleans at once; a CRD takes its objects with it, those with finalizers never."""
    if write.kind == "DaemonSet" and write.name == CLEANER and write.verb == "create":
        status = daemon_set(name=CLEANER)["status"]
        kube.change(DAEMON_SET, CLEANER, "kube-system").update(status=status)
        kube.change(DAEMON_SET, CLEANER, "kube-system")["metadata"]["generation"] = 1


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube(reactions=[api_server]).add(node())


@pytest.fixture
def helm(kube: FakeKube) -> FakeHelm:
    return FakeHelm(kube)


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def around(kube: FakeKube, helm: FakeHelm, warnings: list[str]) -> Surroundings:
    def nothing(text: str) -> None:
        """No interest in what is told."""

    tell = (nothing, warnings.append, nothing)
    return Surroundings(kube, helm, FakeClock(), *tell, check_mode=False, now=lambda: helm.now)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("cilium", "kube-system", chart_directory(tmp_path), "", "", WISH, "helm", True, 60.0)


@pytest.fixture
def installed(plan: Plan, around: Surroundings, kube: FakeKube) -> Plan:
    """A cluster with Cilium, a policy with a finalizer, a CRD of somebody else, and taints of both."""
    ensure(plan, around)
    kube.change(NODE, "node-1")["spec"] = {"taints": [OURS, OTHERS]}
    for plural in ("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"):
        kube.remove(CRD, f"{plural}.cilium.io")
    policy = cnp("web")
    policy["metadata"]["finalizers"] = ["example.com/keep"]
    kube.add(
        definition("CiliumNetworkPolicy", "ciliumnetworkpolicies"),
        definition("CiliumNode", "ciliumnodes", namespaced=False),
        definition("Certificate", "certificates", group="cert-manager.io"),
        policy,
    )
    kube.writes.clear()
    return plan


def test_nothing_of_cilium_is_left(installed: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm) -> None:
    result = remove(installed, around)
    assert result.changed
    assert result.values["removed"] == {
        "crds": ["ciliumnetworkpolicies.cilium.io", "ciliumnodes.cilium.io"],
        "objects": {"CiliumNetworkPolicy": ["basics/web"]},
        "tainted_nodes": ["node-1"],
    }
    assert result.values["nodes_not_cleaned"] == {}
    assert result.before is not None
    assert result.before["leftovers"]["objects"] == {"CiliumNetworkPolicy": ["basics/web"]}
    assert [item["metadata"]["name"] for item in kube.list(CRD)] == ["certificates.cert-manager.io"]
    assert kube.change(NODE, "node-1")["spec"]["taints"] == [OTHERS]
    assert "finalizers" not in kube.change(CNP, "web", "basics")["metadata"]
    assert kube.get(DAEMON_SET, CLEANER, "kube-system") is None
    assert helm.records() == []
    again = remove(installed, around)
    assert again.changed is False
    assert again.values["helm_processes"] == 0


def test_the_cleanup_is_there_before_the_agents_go(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    """Its pods wait for that, and a stopped run leaves all that the next one needs."""
    remove(installed, around)
    assert (kube.writes[0].verb, kube.writes[0].name) == ("create", CLEANER)


def test_check_mode_tells_what_would_be_lost(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    result = remove(installed, replace(around, check_mode=True))
    assert result.changed
    assert result.values["removed"]["objects"] == {"CiliumNetworkPolicy": ["basics/web"]}
    assert kube.writes == []


def test_what_is_to_be_kept_is_kept(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    result = remove(replace(installed, keep=["crds", "node_state"]), around)
    assert result.values["removed"]["crds"] == []
    assert {(write.verb, write.kind) for write in kube.writes} == {("patch", "Node")}
    assert len(list(kube.list(CRD))) == 3


def test_without_waiting_only_the_release_goes(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    assert remove(replace(installed, wait=False), around).changed
    assert kube.writes == []


def test_crds_stay_while_another_cilium_runs(
    installed: Plan, around: Surroundings, kube: FakeKube, warnings: list[str]
) -> None:
    other = daemon_set(labels={"k8s-app": "cilium"})
    other["metadata"]["namespace"] = "other"
    kube.add(other)
    assert remove(installed, around).values["removed"]["crds"] == []
    assert "other/cilium" in warnings[-1]
    assert remove(installed, around).changed is False
    assert "left alone" in warnings[-1]


def test_a_helm_that_fails_leaves_no_cleanup_behind(
    installed: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    def failing(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        return completed(stdout="v3.22.0") if argv[1] == "version" else completed(rc=1, stderr="Error: forbidden")

    with pytest.raises(OperationFailed, match="forbidden"):
        remove(installed, replace(around, runner=failing))
    assert kube.get(DAEMON_SET, CLEANER, "kube-system") is None
    assert len(list(kube.list(CRD))) == 3


def test_nodes_that_cannot_be_cleaned_are_named_and_keep_nothing_else_waiting(
    installed: Plan, around: Surroundings, kube: FakeKube, warnings: list[str]
) -> None:
    kube.reactions.clear()

    def dirty(fake: FakeKube, write: Write) -> None:
        api_server(fake, write)
        if write.kind == "DaemonSet" and write.verb == "create":
            fake.change(DAEMON_SET, CLEANER, "kube-system")["status"]["numberReady"] = 0

    kube.reactions.append(dirty)
    cleanup = agent_pod(name="cleanup-1")
    cleanup["metadata"]["labels"] = {"k8s-app": CLEANER}
    kube.add(cleanup)
    kube.container_logs["kube-system", "cleanup-1"] = "left: cilium_host"
    result = remove(installed, around)
    assert result.values["nodes_not_cleaned"] == {"node-1": "left: cilium_host"}
    assert "node-1: left: cilium_host" in warnings[-1]
    assert result.values["removed"]["crds"] != []


def test_a_later_installation_ends_a_cleanup_that_was_left(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    kube.add(daemon_set(name=CLEANER))
    ensure(plan, around)
    assert kube.get(DAEMON_SET, CLEANER, "kube-system") is None


def test_a_removal_that_was_stopped_before_it_began_keeps_no_agent_away(
    plan: Plan, around: Surroundings, kube: FakeKube
) -> None:
    """Agents cannot be scheduled beside a cleanup; the next run of an unchanged release sees that they are missing."""
    ensure(plan, around)
    kube.add(daemon_set(ready=0), daemon_set(name=CLEANER))
    with pytest.raises(TimedOut):
        ensure(plan, around)
    assert kube.get(DAEMON_SET, CLEANER, "kube-system") is None


def test_a_crd_that_does_not_go_is_told(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    def come_back(fake: FakeKube, write: Write) -> None:
        if write.kind == "CustomResourceDefinition" and write.name == "ciliumnodes.cilium.io":
            fake.add(definition("CiliumNode", "ciliumnodes", namespaced=False))

    kube.reactions.append(come_back)
    with pytest.raises(TimedOut, match="1 of 2 CRDs left"):
        remove(installed, around)


def test_the_cleanup_has_the_agents_image_nodes_and_rights_and_keeps_off_them() -> None:
    agents = daemon_set()
    pod_spec = agents["spec"]["template"]["spec"]
    pod_spec["containers"][0]["securityContext"] = {"capabilities": {"add": ["NET_ADMIN"], "drop": ["ALL"]}}
    pod_spec["initContainers"] = [{"name": "mount", "securityContext": {"capabilities": {"add": ["SYS_CHROOT"]}}}]
    pod_spec["volumes"] = [
        {"name": "etc-cni-netd", "hostPath": {"path": "/etc/kubernetes/cni/net.d"}},
        {"name": "hubble-tls", "projected": {}},
    ]
    pod_spec["nodeSelector"] = {"kubernetes.io/os": "linux"}
    made = cleaner_of(agents)["spec"]["template"]["spec"]
    container = made["containers"][0]
    assert container["image"] == pod_spec["containers"][0]["image"]
    assert container["command"] == ["sh", "-c", SCRIPT]
    assert container["securityContext"]["capabilities"] == {"add": ["NET_ADMIN", "SYS_CHROOT"], "drop": ["ALL"]}
    assert container["volumeMounts"] == [{"name": "etc-cni-netd", "mountPath": "/etc/cni/net.d"}]
    assert made["nodeSelector"] == {"kubernetes.io/os": "linux"}
    rule = made["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"][0]
    assert rule["labelSelector"] == {"matchLabels": {"k8s-app": "cilium"}}


def test_a_privileged_agent_makes_a_privileged_cleanup() -> None:
    agents = daemon_set()
    agents["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    assert cleaner_of(agents)["spec"]["template"]["spec"]["containers"][0]["securityContext"] == {"privileged": True}
