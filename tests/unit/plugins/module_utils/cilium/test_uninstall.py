# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    Conflict,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed, Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.cleanup import CLEANER, SCRIPT, cleaner_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.uninstall import remove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP, CRD, DAEMON_SET, NODE, SECRET
from cilium_documents import agent_pod, chart_directory, cnp, daemon_set, deployment, node, release_secret
from fake_helm import FakeHelm, Killed
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


def leftover_crds(kube: FakeKube) -> list[str]:
    return sorted(item["metadata"]["name"] for item in kube.list(CRD))


def cleaner(kube: FakeKube) -> Json | None:
    return kube.get(DAEMON_SET, CLEANER, "kube-system")


def test_the_crds_of_tetragon_stay(installed: Plan, around: Surroundings, kube: FakeKube) -> None:
    """They are of the group cilium.io too, and not Cilium's."""
    kube.add(definition("TracingPolicy", "tracingpolicies", namespaced=False))
    assert "tracingpolicies.cilium.io" not in remove(installed, around).values["removed"]["crds"]
    assert "tracingpolicies.cilium.io" in leftover_crds(kube)


def on_node(folder: Path) -> list[str]:
    """The parts of the cleanup that run in the node's mounts, with /run in a folder."""
    parts = re.findall(r"^on_node '\n(.*?)^'$", SCRIPT, re.MULTILINE | re.DOTALL)
    return [part.replace("/run", str(folder)).replace("umount", ": umount") for part in parts]


@pytest.mark.parametrize("tetragon", [True, False])
def test_the_cleanup_leaves_tetragon_its_folder(tmp_path: Path, tetragon: bool) -> None:
    before, after = on_node(tmp_path)
    (tmp_path / "cilium" / "state").mkdir(parents=True)
    if tetragon:
        (tmp_path / "cilium" / "tetragon").mkdir()
        (tmp_path / "cilium" / "tetragon" / "tetragon.sock").touch()
    subprocess.run(["sh", "-c", before], check=False)
    # What `cilium-dbg post-uninstall-cleanup` does.
    shutil.rmtree(tmp_path / "cilium")
    subprocess.run(["sh", "-c", after], check=False)
    found = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*"))
    assert found == (["cilium", "cilium/tetragon", "cilium/tetragon/tetragon.sock"] if tetragon else [])


def test_only_links_of_cilium_are_deleted(tmp_path: Path) -> None:
    names = ["lo", "eth0", "lxcbr0", "cilium_net@cilium_host", "cilium_vxlan", "lxc_health@if2", "lxc0123456789ab@if7"]
    lines = "".join(f"{number}: {name}: <UP>\n" for number, name in enumerate(names, 1))
    function = re.findall(r"^links\(\) \{.*?^\}$", SCRIPT, re.MULTILINE | re.DOTALL)[0]
    script = f"ip() {{ cat <<'END'\n{lines}END\n}}\n{function}\nlinks"
    done = subprocess.run(["sh", "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["cilium_net", "cilium_vxlan", "lxc_health", "lxc0123456789ab"]


def other_chart(chart: str, values: Json) -> Json:
    return release_secret(values, chart={"metadata": {"name": chart, "version": "1.6.0"}})


@pytest.mark.parametrize(
    ("record", "words"),
    [
        (other_chart("tetragon", {}), "of the chart tetragon"),
        (release_secret({"preflight": {"enabled": True}, "agent": False}), "a preflight"),
    ],
)
@pytest.mark.parametrize("action", [ensure, remove])
def test_a_release_of_something_else_is_refused(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, record: Json, words: str, action: Any
) -> None:
    kube.add(record)
    with pytest.raises(Conflict, match=words) as caught:
        action(plan, around)
    assert caught.value.code == "NotCilium"
    assert (kube.writes, helm.calls) == ([], [])


def test_agents_of_another_release_keep_all_that_they_need(
    installed: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, warnings: list[str]
) -> None:
    kube.change(DAEMON_SET, "cilium", "kube-system")["metadata"]["annotations"] = {
        "meta.helm.sh/release-name": "cilium-real"
    }

    def only_its_record(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        if argv[1] == "uninstall":
            for record in helm.records():
                kube.remove(SECRET, record["metadata"]["name"], "kube-system")
        return completed(stdout="v3.22.0")

    crds = leftover_crds(kube)
    result = remove(installed, replace(around, runner=only_its_record))
    assert result.changed
    assert result.values["removed"] == {"crds": [], "objects": {}, "tainted_nodes": []}
    assert "installed by the Helm release cilium-real" in warnings[-1]
    assert (kube.writes, leftover_crds(kube)) == ([], crds)


def test_crds_stay_for_another_cilium_also_when_our_agents_are_gone(
    installed: Plan, around: Surroundings, kube: FakeKube, warnings: list[str]
) -> None:
    other = daemon_set(labels={"k8s-app": "cilium"})
    other["metadata"]["namespace"] = "other"
    kube.add(other)
    kube.remove(DAEMON_SET, "cilium", "kube-system")
    assert remove(installed, around).values["removed"]["crds"] == []
    assert any("other/cilium" in text for text in warnings)


def test_a_removal_that_is_stopped_while_the_agents_stay_leaves_no_cleanup(
    installed: Plan, around: Surroundings, kube: FakeKube
) -> None:
    def stopped(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        if argv[1] == "uninstall":
            assert cleaner(kube) is not None
            raise Killed
        return completed(stdout="v3.22.0")

    with pytest.raises(Killed):
        remove(installed, replace(around, runner=stopped))
    assert cleaner(kube) is None


def test_a_helm_that_fails_after_the_agents_are_gone_leaves_the_cleanup_to_the_next_run(
    installed: Plan, around: Surroundings, kube: FakeKube
) -> None:
    def half_way(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        if argv[1] == "uninstall":
            kube.remove(DAEMON_SET, "cilium", "kube-system")
            return completed(rc=1, stderr="Error: timed out")
        return completed(stdout="v3.22.0")

    with pytest.raises(CollectionError, match="timed out"):
        remove(installed, replace(around, runner=half_way))
    assert cleaner(kube) is not None
    remove(installed, around)
    assert cleaner(kube) is None


def test_nodes_without_agents_to_clean_them_are_told(
    installed: Plan, around: Surroundings, kube: FakeKube, warnings: list[str]
) -> None:
    kube.remove(DAEMON_SET, "cilium", "kube-system")
    assert remove(replace(installed, keep=["node_state"]), replace(around, check_mode=True)).changed
    assert warnings == []
    remove(installed, around)
    assert "restart or replace" in warnings[-1]


def test_a_node_that_is_down_is_not_waited_for_and_told(
    installed: Plan, around: Surroundings, kube: FakeKube, warnings: list[str]
) -> None:
    """The API server never sees its agent end, and the cleanup never starts there."""
    silent = node("node-2")
    silent["status"]["conditions"][0]["status"] = "Unknown"
    agent = agent_pod("node-2", "cilium-dead")
    agent["metadata"]["deletionTimestamp"] = "2026-12-01T02:00:00Z"
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["node-2"]}]}
    pending = agent_pod(name="cleanup-2")
    pending["metadata"]["labels"] = {"k8s-app": CLEANER}
    pending["spec"] = {
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [term]}}}
    }
    pending["status"] = {"phase": "Pending"}
    kube.add(silent, agent, pending)

    def one_of_two(fake: FakeKube, write: Write) -> None:
        if write.name == CLEANER and write.verb == "create":
            fake.change(DAEMON_SET, CLEANER, "kube-system")["status"]["desiredNumberScheduled"] = 2

    kube.reactions.append(one_of_two)
    result = remove(installed, around)
    assert result.values["nodes_not_cleaned"] == {"node-2": "the node is down, or gone"}
    assert "node-2: the node is down" in warnings[-1]
    assert isinstance(around.clock, FakeClock)
    assert around.clock.sleeps == []
    assert (cleaner(kube), leftover_crds(kube)) == (None, ["certificates.cert-manager.io"])
    assert remove(installed, around).changed is False


def test_the_agents_are_looked_at_again_after_another_helm(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    """It installed them while this run waited: they are what the cleanup is made from."""
    helm, clock = around.runner, around.clock
    assert isinstance(helm, FakeHelm)
    assert isinstance(clock, FakeClock)
    kube.add(release_secret({}, status="pending-install", touched=helm.now))

    def finish() -> None:
        kube.add(release_secret({}), daemon_set(labels={"k8s-app": "cilium"}), deployment("cilium-operator"))

    clock.during_sleep.append(finish)
    remove(plan, around)
    assert ("create", CLEANER) in [(write.verb, write.name) for write in kube.writes]


def test_a_preflight_that_a_killed_run_left_goes_also_without_a_release(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    kube.add(release_secret({}, name="cilium-preflight"))
    assert remove(plan, around).changed
    assert helm.verbs == ["uninstall preflight"]
    assert remove(plan, around).changed is False


def test_without_waiting_a_cleanup_that_was_left_is_no_change(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    kube.add(daemon_set(name=CLEANER))
    assert remove(replace(plan, wait=False), around).changed is False
    assert cleaner(kube) is not None


@pytest.mark.parametrize("wait", [True, False])
def test_a_cleanup_that_was_left_is_stopped_where_the_state_is_kept(
    installed: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, wait: bool
) -> None:
    """Before the agents go: it would start the moment they are gone."""
    kube.add(daemon_set(name=CLEANER))
    seen: list[bool] = []

    def looking(argv: Any, *, timeout_s: float, stdin: str | None = None) -> Completed:
        seen.append(cleaner(kube) is not None)
        return helm(argv, timeout_s=timeout_s, stdin=stdin)

    remove(replace(installed, keep=["node_state", "crds"], wait=wait), replace(around, runner=looking))
    assert seen == [False, False]
    assert helm.records() == []


def test_objects_of_this_release_without_a_record_are_not_passed_over(
    installed: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    for record in helm.records():
        kube.remove(SECRET, record["metadata"]["name"], "kube-system")
    with pytest.raises(Conflict) as caught:
        remove(installed, around)
    assert caught.value.code == "ReleaseRecordLost"
    assert "recover=true" in caught.value.remedy
    kube.change(NODE, "node-1")["spec"] = {}
    ensure(replace(installed, recover=True), around)
    assert remove(installed, around).changed


@pytest.mark.parametrize(("times", "works"), [(4, True), (5, False)])
def test_a_node_that_is_written_by_others_meanwhile_is_tried_again(
    installed: Plan, around: Surroundings, kube: FakeKube, monkeypatch: pytest.MonkeyPatch, times: int, works: bool
) -> None:
    patch, conflicts = kube.patch, iter(range(times))

    def busy(kind: Any, *arguments: Any, **options: Any) -> Json:
        if kind is NODE and next(conflicts, None) is not None:
            raise Conflict("the object has been modified", code="Conflict", status=409)
        return patch(kind, *arguments, **options)

    monkeypatch.setattr(kube, "patch", busy)
    if works:
        remove(installed, around)
    else:
        with pytest.raises(Conflict):
            remove(installed, around)
    assert (kube.change(NODE, "node-1")["spec"]["taints"] == [OTHERS]) is works
