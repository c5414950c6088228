# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    MissingRequirement,
    OperationFailed,
    TimedOut,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import MASK
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.cleanup import CLEANER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.images import Images
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.install import ensure
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.uninstall import remove
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET
from cilium_documents import chart_directory, daemon_set, node, workload_pod
from fake_helm import FakeHelm
from fakes import FakeClock, FakeKube

WISH = Wish("aks_byo_cni", cluster_name="lab", pod_cidrs=["10.244.0.0/16"], operator_replicas=1)


@pytest.fixture
def kube() -> FakeKube:
    """A cluster without Cilium."""
    service = {"metadata": {"name": "kubernetes", "namespace": "default"}, "spec": {"clusterIP": "10.0.0.1"}}
    return FakeKube().add(node(), {"apiVersion": "v1", "kind": "Service", **service})


@pytest.fixture
def helm(kube: FakeKube) -> FakeHelm:
    return FakeHelm(kube)


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    return Plan("cilium", "kube-system", chart_directory(tmp_path), "", "", WISH, "helm", True, 60.0)


class Watch:
    """Collects what the action tells."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.hidden: list[str] = []


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def around(kube: FakeKube, helm: FakeHelm, watch: Watch) -> Surroundings:
    tell = (watch.lines.append, watch.warnings.append, watch.hidden.append)
    return Surroundings(kube, helm, FakeClock(), *tell, check_mode=False, now=lambda: helm.now)


def test_first_install_second_run_nothing(plan: Plan, around: Surroundings, helm: FakeHelm, kube: FakeKube) -> None:
    first = ensure(plan, around)
    assert first.changed
    assert first.values["helm_processes"] == 2
    assert first.values["release"]["revision"] == 1
    assert [call[1] for call in helm.calls] == ["version", "upgrade"]
    kube.requests = 0
    second = ensure(plan, around)
    assert second.changed is False
    assert second.values["helm_processes"] == 0
    assert second.values["release"]["revision"] == 1
    assert second.values["cilium_values"] == first.values["cilium_values"]
    assert second.before == second.after
    assert kube.requests == 2
    assert len(helm.calls) == 2


def test_values_travel_in_a_private_file_that_is_gone_afterwards(
    plan: Plan, around: Surroundings, helm: FakeHelm, watch: Watch
) -> None:
    wish = replace(WISH, overlay={"extraConfig": {"password": "hunter2"}})
    result = ensure(replace(plan, wish=wish), around)
    assert helm.modes == [0o600]
    assert not os.path.exists(helm.files[0])
    assert helm.values[0]["extraConfig"] == {"password": "hunter2"}
    assert result.values["cilium_values"]["extraConfig"] == {"password": MASK}
    assert result.after is not None
    assert result.after["values"]["extraConfig"] == {"password": MASK}
    assert watch.hidden == ["hunter2"]
    assert "hunter2" not in json.dumps(result.values) + " ".join(watch.lines)


def test_a_changed_value_is_a_change_with_its_diff(plan: Plan, around: Surroundings) -> None:
    ensure(plan, around)
    result = ensure(replace(plan, wish=replace(WISH, overlay={"debug": {"enabled": True}})), around)
    assert result.changed
    assert result.before is not None
    assert result.after is not None
    assert at(result.before, "values.debug") is None
    assert at(result.after, "values.debug.enabled") is True
    assert result.values["release"]["revision"] == 2


def test_check_mode_tells_the_change_and_writes_nothing(
    plan: Plan, around: Surroundings, helm: FakeHelm, kube: FakeKube
) -> None:
    checking = replace(around, check_mode=True)
    result = ensure(plan, checking)
    assert result.changed
    # helm's version, so that a missing helm is known before the real run, and the dry run.
    assert result.values["helm_processes"] == 2
    assert result.values["release"]["revision"] == 1
    assert result.before == {}
    assert result.after is not None
    assert result.after["chart_version"] == "1.20.2"
    assert "--dry-run=server" in helm.calls[-1]
    assert kube.writes == []
    assert helm.records() == []
    ensure(plan, around)
    assert ensure(plan, checking).changed is False


def test_check_mode_fails_with_what_the_server_says(plan: Plan, around: Surroundings, helm: FakeHelm) -> None:
    helm.works = False
    with pytest.raises(OperationFailed, match="failed pre-install"):
        ensure(plan, replace(around, check_mode=True))
    helm.version = "v3.9.0"
    with pytest.raises(MissingRequirement, match="no dry run"):
        ensure(plan, replace(around, check_mode=True))


@pytest.mark.parametrize("check_mode", [True, False])
def test_an_old_helm_is_known_before_anything_is_written(
    plan: Plan, around: Surroundings, helm: FakeHelm, kube: FakeKube, check_mode: bool
) -> None:
    helm.version = "v3.2.0"
    with pytest.raises(MissingRequirement, match=r"v3\.2\.0"):
        ensure(plan, replace(around, check_mode=check_mode))
    assert kube.writes == []


def test_a_pod_range_is_not_taken_from_an_installed_release(plan: Plan, around: Surroundings, helm: FakeHelm) -> None:
    ensure(plan, around)
    helm.calls.clear()
    with pytest.raises(InvalidInput) as caught:
        ensure(replace(plan, wish=replace(WISH, pod_cidrs=["10.99.0.0/16"])), around)
    assert caught.value.code == "PodCidrInUse"
    assert helm.calls == []


def test_check_mode_and_real_run_agree_on_the_values(plan: Plan, around: Surroundings) -> None:
    planned = ensure(plan, replace(around, check_mode=True))
    assert ensure(plan, around).after == planned.after


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"wish": replace(WISH, overlay={"hubbel": {}})}, "InvalidValues"),
        ({"wish": replace(WISH, overlay={"debug": {"enabled": "maybe"}})}, "InvalidValues"),
        ({"wish": replace(WISH, pod_cidrs=["10.0.0.0/16"])}, "PodCidrOverlapsServices"),
        ({"wish": replace(WISH, pod_cidrs=["172.18.0.0/16"])}, "PodCidrOverlapsNodes"),
        ({"wish": replace(WISH, pod_cidrs=[])}, "PodCidrMissing"),
        ({"wish": replace(WISH, operator_replicas=0)}, "InvalidReplicas"),
        ({"chart_version": "1.19.0"}, "ChartVersionMismatch"),
        ({"release_name": "Cilium!"}, "InvalidName"),
        ({"chart": "./nowhere.tgz"}, "ChartNotFound"),
    ],
)
@pytest.mark.parametrize("check_mode", [True, False])
def test_bad_input_stops_before_helm_starts(
    plan: Plan, around: Surroundings, helm: FakeHelm, change: dict[str, Any], code: str, check_mode: bool
) -> None:
    with pytest.raises(InvalidInput) as caught:
        ensure(replace(plan, **change), replace(around, check_mode=check_mode))
    assert caught.value.code == code
    assert helm.calls == []


def test_the_service_range_is_taken_from_kubeadm_where_the_api_does_not_tell(
    plan: Plan, around: Surroundings, kube: FakeKube
) -> None:
    text = "networking:\n  podSubnet: 10.1.0.0/16\n  serviceSubnet: 10.96.0.0/16,fd00::/108\n"
    metadata = {"name": "kubeadm-config", "namespace": "kube-system"}
    kube.add({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ClusterConfiguration": text}})
    with pytest.raises(InvalidInput, match=r"10\.96\.0\.0/16"):
        ensure(replace(plan, wish=replace(WISH, pod_cidrs=["10.96.128.0/17"])), around)


@pytest.mark.parametrize(("nodes", "replicas"), [(1, 1), (2, 2), (5, 2)])
def test_operators_fit_the_nodes_at_first_and_stay_afterwards(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, nodes: int, replicas: int
) -> None:
    for number in range(2, nodes + 1):
        kube.add(node(f"node-{number}", address=f"172.18.0.{10 + number}"))
    free = replace(plan, wish=replace(WISH, operator_replicas=None))
    assert at(ensure(free, around).values["cilium_values"], "operator.replicas") == replicas
    kube.add(node("node-9", address="172.18.0.99"))
    assert ensure(free, around).changed is False


def test_a_repository_chart_is_downloaded_checked_and_installed_as_one_archive(
    plan: Plan, around: Surroundings, helm: FakeHelm
) -> None:
    remote = replace(plan, chart="cilium", chart_repo="https://charts.example/", chart_version="1.19.6")
    result = ensure(remote, around)
    assert result.values["release"]["chart_version"] == "1.19.6"
    assert [call[1] for call in helm.calls] == ["version", "pull", "upgrade"]
    pull = next(call for call in helm.calls if call[1] == "pull")
    upgrade = next(call for call in helm.calls if call[1] == "upgrade")
    assert upgrade[3].startswith(pull[pull.index("--destination") + 1])
    assert not os.path.exists(upgrade[3])
    # Without a version the installed one stays.
    assert ensure(replace(remote, chart_version=""), around).changed is False


def test_images_of_a_private_registry_are_unchanged_in_a_second_run_without_helm(
    plan: Plan, around: Surroundings
) -> None:
    """The record holds the chart, so nothing needs to be downloaded to know what the images are called."""
    private = replace(plan, images=Images("registry.example", digests=False))
    first = ensure(private, around)
    assert at(first.values["cilium_values"], "image.useDigest") is False
    assert ensure(private, around).values["helm_processes"] == 0


def test_a_registry_that_is_wished_later_or_no_more_is_a_change(plan: Plan, around: Surroundings) -> None:
    private = replace(plan, images=Images("registry.example", digests=False))
    assert [ensure(wish, around).changed for wish in (plan, private, private, plan, plan)] == [
        *(True, True, False),
        *(True, False),
    ]


def test_a_value_change_without_a_version_does_not_upgrade(plan: Plan, around: Surroundings, helm: FakeHelm) -> None:
    remote = replace(plan, chart="cilium", chart_repo="https://charts.example/", chart_version="1.19.6")
    ensure(remote, around)
    changed = replace(remote, chart_version="", wish=replace(WISH, overlay={"debug": {"enabled": True}}))
    assert ensure(changed, around).values["release"]["chart_version"] == "1.19.6"
    pull = [call for call in helm.calls if call[1] == "pull"][-1]
    assert pull[pull.index("--version") + 1] == "1.19.6"


def test_managed_cilium_is_not_touched(plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm) -> None:
    kube.add(daemon_set(labels={"kubernetes.azure.com/managedby": "aks"}))
    for act in (ensure, remove):
        with pytest.raises(Unsupported) as caught:
            act(plan, around)
        assert caught.value.code == "CiliumManagedByAks"
    assert helm.calls == []


@pytest.mark.parametrize("annotations", [{}, {"meta.helm.sh/release-name": "network"}])
def test_a_cilium_of_somebody_else_is_not_overwritten(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, watch: Watch, annotations: dict[str, str]
) -> None:
    kube.add(daemon_set(annotations=annotations))
    with pytest.raises(Conflict) as caught:
        ensure(plan, around)
    assert caught.value.code == "CiliumInstalledByOthers"
    assert remove(plan, around).changed is False
    assert "left alone" in watch.warnings[0]
    assert helm.calls == []


def test_a_failing_helm_is_an_error_and_the_values_file_goes(plan: Plan, around: Surroundings, helm: FakeHelm) -> None:
    helm.works = False
    with pytest.raises(OperationFailed, match="failed pre-install"):
        ensure(plan, around)
    assert not os.path.exists(helm.files[0])


def test_unchanged_but_not_rolled_out_is_waited_for(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    ensure(plan, around)
    kube.add(daemon_set(ready=0))
    with pytest.raises(TimedOut):
        ensure(plan, around)
    assert ensure(replace(plan, wait=False), around).changed is False
    assert ensure(plan, replace(around, check_mode=True)).changed is False


def test_waiting_can_be_left_out(plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm) -> None:
    kube.add(node(ready=False))
    assert ensure(replace(plan, wait=False), around).changed


def test_pods_older_than_a_first_installation_are_told_and_a_second_run_does_not_look(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, watch: Watch
) -> None:
    pod = workload_pod("old")
    pod["status"].update(podIP="10.9.9.9", startTime="2026-12-01T01:00:00Z")
    kube.add(pod)
    result = ensure(plan, around)
    assert result.values["unmanaged_pods"] == ["basics/old"]
    assert result.values["restarted_pods"] == []
    assert result.values["not_restarted_pods"][0]["pod"] == "basics/old"
    assert "restart_unmanaged=true" in watch.warnings[0]
    kube.requests = 0
    assert "unmanaged_pods" not in ensure(plan, around).values
    assert kube.requests == 2
    asked = ensure(replace(plan, restart_unmanaged=True), around)
    assert asked.values["not_restarted_pods"] == [
        {"pod": "basics/old", "reason": "it has no controller that would make it anew"}
    ]
    assert asked.changed is False


def test_agents_that_somebody_deleted_are_installed_anew(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm
) -> None:
    ensure(plan, around)
    kube.remove(DAEMON_SET, "cilium", "kube-system")
    assert ensure(plan, replace(around, check_mode=True)).changed
    assert kube.get(DAEMON_SET, "cilium", "kube-system") is None
    assert ensure(plan, around).changed
    assert kube.get(DAEMON_SET, "cilium", "kube-system") is not None
    assert ensure(plan, around).changed is False


def test_a_cleanup_that_is_stopped_is_a_change(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    ensure(plan, around)
    kube.add(daemon_set(ready=0), daemon_set(name=CLEANER))
    clock = FakeClock()
    clock.during_sleep.append(lambda: kube.add(daemon_set()))
    assert ensure(plan, replace(around, clock=clock)).changed
    assert ensure(plan, around).changed is False


def test_a_downloaded_chart_of_another_version_is_refused(
    plan: Plan, around: Surroundings, kube: FakeKube, helm: FakeHelm, tmp_path: Path
) -> None:
    """It would be another version than wished in every run."""
    digest = "sha256:" + "a" * 64
    for chart in (f"oci://registry.example/charts/cilium@{digest}", "https://charts.example/cilium.tgz"):
        with pytest.raises(InvalidInput, match=r"1\.19\.6 was asked for.* is version 1\.20\.2") as caught:
            ensure(replace(plan, chart=chart, chart_version="1.19.6"), around)
        assert caught.value.code == "ChartVersionMismatch"
        assert "chart_version=1.20.2" in caught.value.remedy
    assert kube.writes == []
    assert ensure(replace(plan, chart=chart, chart_version="v1.20.2"), around).changed


def test_check_mode_tells_which_pods_a_real_run_restarts(plan: Plan, around: Surroundings, kube: FakeKube) -> None:
    ensure(plan, around)
    pod = workload_pod("old")
    pod["status"].update(podIP="10.9.9.9", startTime="2026-12-01T01:00:00Z")
    pod["metadata"]["ownerReferences"] = [{"kind": "ReplicaSet", "name": "web", "controller": True}]
    kube.add(pod)
    kube.writes.clear()
    result = ensure(replace(plan, restart_unmanaged=True), replace(around, check_mode=True))
    assert result.changed
    assert result.values["restarted_pods"] == ["basics/old"]
    assert result.values["not_restarted_pods"] == []
    left = ensure(replace(plan, restart_unmanaged=True, wait=False), around)
    assert left.changed is False
    assert "wait is false" in left.values["not_restarted_pods"][0]["reason"]
    assert kube.writes == []
