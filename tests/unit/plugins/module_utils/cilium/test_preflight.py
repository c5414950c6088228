# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.helm import Helm
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.plan import Plan, Surroundings
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.preflight import (
    clean_up,
    invalid_policies,
    preflight_values,
    run_preflight,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish
from cilium_documents import chart_directory, daemon_set
from fake_helm import FakeHelm
from fakes import FakeClock, FakeKube

IMAGE = "quay.io/cilium/cilium:v9.9.9"
# As Cilium 1.20 and 1.15 log it.
NEW_LOG = (
    'time=2026-12-01T01:15:52Z level=error msg="Unexpected validation error" subsys=cilium-dbg'
    ' error="spec.ingress: unknown field \\"fromNowhere\\"" type=CiliumNetworkPolicy name=shop/odd\n'
    'time=2026-12-01T01:15:52Z level=info msg="Validation OK!" type=CiliumNetworkPolicy name=shop/good\n'
)
OLD_LOG = (
    'level=error msg="Unexpected validation error" CiliumClusterwideNetworkPolicy=all error=bad subsys=cilium-dbg\n'
)


def pod(name: str, label: str, node: str, state: dict[str, Any], **status: Any) -> dict[str, Any]:
    container = {"name": "checker", "state": state, "restartCount": status.pop("restarts", 0), **status}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": label}},
        "spec": {"nodeName": node, "containers": [{"name": "checker", "image": IMAGE}]},
        "status": {"phase": "Pending", "containerStatuses": [container]},
    }


@pytest.fixture
def kube() -> FakeKube:
    return FakeKube().add(daemon_set())


@pytest.fixture
def helm(kube: FakeKube) -> FakeHelm:
    return FakeHelm(kube)


@pytest.fixture
def run(kube: FakeKube, helm: FakeHelm, tmp_path: Any) -> Any:
    plan = Plan("cilium", "kube-system", chart_directory(tmp_path), "", "", Wish("plain"), "helm", True, 300.0)

    def nothing(text: str) -> None:
        """No interest in what is told."""

    around = Surroundings(kube, helm, FakeClock(), nothing, nothing, nothing, check_mode=False, now=lambda: helm.now)
    return lambda: run_preflight(plan, around, Helm("helm", helm), plan.chart, {"image": {"tag": "v9.9.9"}})


def test_its_values_render_the_checks_alone_with_the_new_image() -> None:
    values = preflight_values(
        {
            "image": {"tag": "v1.21.0", "useDigest": False},
            "envoy": {"enabled": False, "image": {"tag": "v1"}},
            "k8sServiceHost": "api",
            "k8sServicePort": 443,
            "imagePullSecrets": [{"name": "pull"}],
            "hubble": {"relay": {"enabled": True}},
            "preflight": {"tolerations": [], "enabled": False},
        }
    )
    assert values == {
        "preflight": {
            "enabled": True,
            "image": {"tag": "v1.21.0", "useDigest": False},
            "envoy": {"image": {"tag": "v1"}},
            "tolerations": [],
        },
        "agent": False,
        "operator": {"enabled": False},
        "envoy": {"enabled": False},
        "k8sServiceHost": "api",
        "k8sServicePort": 443,
        "imagePullSecrets": [{"name": "pull"}],
    }


def test_good_checks_leave_nothing(run: Any, helm: FakeHelm, kube: FakeKube) -> None:
    run()
    assert helm.verbs == ["upgrade preflight", "uninstall preflight"]
    assert helm.records("cilium-preflight") == []


def test_images_that_cannot_be_pulled_are_named_by_node(run: Any, helm: FakeHelm, kube: FakeKube) -> None:
    helm.breaks = lambda values: True
    waiting = {"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}
    for number in (1, 2):
        kube.add(pod(f"check-{number}", "cilium-pre-flight-check", f"node-{number}", waiting))
    told = r"cannot pull .*v9.9.9 on 2 nodes \(node-1, node-2\) for 1 min 30 s"
    with pytest.raises(OperationFailed, match=told) as caught:
        run()
    assert caught.value.code == "ImageNotPulled"
    assert set(caught.value.details["nodes"]) == {"node-1", "node-2"}
    assert helm.records("cilium-preflight") == []


def test_an_image_without_a_valid_name_is_not_waited_for(run: Any, helm: FakeHelm, kube: FakeKube) -> None:
    helm.breaks = lambda values: True
    kube.add(pod("check-1", "cilium-pre-flight-check", "node-1", {"waiting": {"reason": "InvalidImageName"}}))
    with pytest.raises(OperationFailed, match=r"on 1 node \(node-1\): no reason given"):
        run()


@pytest.mark.parametrize(
    ("log", "name"),
    [(NEW_LOG, "CiliumNetworkPolicy shop/odd"), (OLD_LOG, "CiliumClusterwideNetworkPolicy all")],
)
def test_invalid_policies_are_named(run: Any, helm: FakeHelm, kube: FakeKube, log: str, name: str) -> None:
    helm.policies_valid = False
    kube.container_logs["kube-system", "policies"] = log
    ended = {"terminated": {"reason": "Error", "exitCode": 1}}
    kube.add(pod("policies", "cilium-pre-flight-check-deployment", "node-1", ended))
    with pytest.raises(OperationFailed, match="1 policy that the new version does not accept") as caught:
        run()
    assert caught.value.code == "InvalidPolicies"
    assert list(caught.value.details["policies"]) == [name]
    assert helm.records("cilium-preflight") == []


def test_reasons_are_read_with_their_quotes() -> None:
    assert invalid_policies(NEW_LOG) == {"CiliumNetworkPolicy shop/odd": 'spec.ingress: unknown field "fromNowhere"'}
    assert invalid_policies("no pairs at all") == {}


def test_a_check_that_crashes_for_another_reason_is_quoted(run: Any, helm: FakeHelm, kube: FakeKube) -> None:
    helm.policies_valid = False
    kube.container_logs["kube-system", "policies"] = "no route to the API server"
    loop = {"waiting": {"reason": "CrashLoopBackOff"}}
    last = {"terminated": {"exitCode": 1}}
    kube.add(pod("policies", "cilium-pre-flight-check-deployment", "node-1", loop, lastState=last, restarts=2))
    with pytest.raises(OperationFailed) as caught:
        run()
    assert caught.value.code == "PreflightFailed"
    assert caught.value.details["log"] == ["no route to the API server"]


def test_a_node_that_never_answers_ends_the_wait(run: Any, helm: FakeHelm) -> None:
    helm.breaks = lambda values: True
    with pytest.raises(TimedOut, match="image pulled on 0 of 1 node") as caught:
        run()
    assert "preflight=false" in caught.value.remedy
    assert helm.records("cilium-preflight") == []


def test_without_a_release_nothing_is_started(helm: FakeHelm, kube: FakeKube, tmp_path: Any) -> None:
    plan = Plan("cilium", "kube-system", "", "", "", Wish("plain"), "helm", True, 300.0)

    def nothing(text: str) -> None:
        """No interest in what is told."""

    around = Surroundings(kube, helm, FakeClock(), nothing, nothing, nothing, check_mode=False, now=lambda: helm.now)
    clean_up(plan, around, Helm("helm", helm))
    assert helm.calls == []
