# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    AuthFailed,
    CollectionError,
    InvalidInput,
    NotFound,
    OperationFailed,
    TimedOut,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CRON_JOB, DEPLOYMENT, POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.client_spec import (
    CLIENT_LABEL,
    EXPIRES_ANNOTATION,
    ClientSpec,
    client_body,
    labels_of,
    template_of,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.clients import ClientPods
from fakes import FakeClock, FakeKube, Write

LIKE_WEB = ClientSpec("shop", like="Deployment/web")
NOW = 1_796_000_000


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop"},
        "spec": {
            "template": {
                "metadata": {"labels": {"app": "web", "pod-template-hash": "abc"}},
                "spec": {"serviceAccountName": "web", "tolerations": [{"operator": "Exists"}], **spec},
            }
        },
    }


def account(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": "shop", "uid": "u1"}}


def service(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}, "spec": spec}


def cluster(status: dict[str, Any] | None = None) -> FakeKube:
    """A cluster whose kubelet gives each new pod this status: a running one when not told otherwise."""
    kube = FakeKube().add(deployment(), account("default"), account("web"))
    running = {"phase": "Running", "containerStatuses": [{"name": "client", "state": {"running": {}}}]}

    def kubelet(kube: FakeKube, write: Write) -> None:
        if (write.verb, write.kind) == ("create", "Pod"):
            kube.change(POD, write.name, write.namespace)["status"] = running if status is None else status

    kube.reactions.append(kubelet)
    return kube


def pods_of(kube: FakeKube, **more: Any) -> ClientPods:
    return ClientPods(kube, "tools:1", 300, clock=FakeClock(), now=lambda: NOW, **more)


def only_pod(kube: FakeKube) -> Any:
    (pod,) = [write.body for write in kube.writes if (write.verb, write.kind) == ("create", "Pod")]
    return pod


# The document.


def test_it_is_selected_as_the_workload_is_and_taken_by_no_controller() -> None:
    template = template_of(DEPLOYMENT, deployment())
    spec = ClientSpec("shop", like="Deployment/web", labels=(("tier", "front"),))
    body = client_body(spec, template, name="x", image="i", owner=account("web"), lifetime_s=300, expires=9)
    assert body["metadata"]["labels"] == {"app": "web", "tier": "front", CLIENT_LABEL: "true"}
    assert body["spec"]["serviceAccountName"] == "web"
    assert body["spec"]["tolerations"] == [{"operator": "Exists"}]
    (owner,) = body["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("ServiceAccount", "u1", True)
    # A condition that nobody sets: no Service sends traffic to it.
    assert body["spec"]["readinessGates"]


def test_it_is_allowed_little_and_ends_by_itself() -> None:
    body = client_body(LIKE_WEB, {}, name="x", image="i", owner=account("web"), lifetime_s=300, expires=9)
    spec, (container,) = body["spec"], body["spec"]["containers"]
    assert (spec["activeDeadlineSeconds"], container["command"]) == (300, ["sleep", "300"])
    assert (spec["automountServiceAccountToken"], spec["restartPolicy"]) == (False, "Never")
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert container["securityContext"]["allowPrivilegeEscalation"] is False
    assert container["resources"]["limits"]


@pytest.mark.parametrize(
    "label",
    [
        "pod-template-hash",
        "controller-revision-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "batch.kubernetes.io/controller-uid",
        "job-name",
    ],
)
def test_labels_of_controllers_are_left_out(label: str) -> None:
    assert labels_of(LIKE_WEB, {"metadata": {"labels": {label: "x", "a": "b"}}}) == {"a": "b"}


def test_the_template_of_every_kind_is_found() -> None:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"serviceAccountName": "s"}}
    assert template_of(CRON_JOB, {"spec": {"jobTemplate": {"spec": {"template": template}}}}) == template
    assert template_of(POD, {"kind": "Pod", "status": {}, **template}) == template


# Its life.


def test_it_is_made_once_and_removed_at_the_end() -> None:
    kube = cluster()
    with pods_of(kube) as clients:
        first, second = clients.pod(LIKE_WEB), clients.pod(LIKE_WEB)
        assert first == second
        assert first["metadata"]["name"].startswith("web-probe-")
        assert only_pod(kube)["metadata"]["annotations"] == {EXPIRES_ANNOTATION: str(NOW + 300)}
        assert only_pod(kube)["spec"]["containers"][0]["image"] == "tools:1"
    assert list(kube.list(POD, "shop")) == []


def break_off(kube: FakeKube, how: Callable[[], object]) -> None:
    with pods_of(kube) as clients:
        clients.pod(LIKE_WEB)
        how()


def test_it_is_removed_when_the_run_breaks() -> None:
    kube = cluster()
    with pytest.raises(ZeroDivisionError):
        break_off(kube, lambda: 1 // 0)
    assert list(kube.list(POD, "shop")) == []


def test_it_is_removed_when_the_run_is_told_to_end() -> None:
    kube, before = cluster(), signal.getsignal(signal.SIGTERM)
    with pytest.raises(SystemExit):
        break_off(kube, lambda: os.kill(os.getpid(), signal.SIGTERM))
    assert list(kube.list(POD, "shop")) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_pod_that_cannot_be_removed_is_told() -> None:
    kube, warnings = cluster(), []
    with pods_of(kube, warn=warnings.append) as clients:
        clients.pod(LIKE_WEB)
        kube.failures["delete", "Pod"] = AuthFailed("You may not.")
    assert len(warnings) == 1
    assert "could not be removed: You may not. It ends by itself within 300 s" in warnings[0]


def leftover(name: str, phase: str, expires: int) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {CLIENT_LABEL: "true"},
            "annotations": {EXPIRES_ANNOTATION: str(expires)},
        },
        "status": {"phase": phase},
    }


def test_leftovers_of_killed_runs_are_removed_and_pods_of_other_runs_stay() -> None:
    kube = cluster().add(
        leftover("ended", "Failed", NOW + 10),
        leftover("pending", "Pending", NOW - 1),
        leftover("other-run", "Running", NOW + 10),
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web-1", "namespace": "shop"}, "status": {}},
    )
    with pods_of(kube) as clients:
        clients.pod(LIKE_WEB)
    assert [pod["metadata"]["name"] for pod in kube.list(POD, "shop")] == ["other-run", "web-1"]


# What is refused, and what fails.


@pytest.mark.parametrize(
    ("spec", "documents", "error", "part"),
    [
        (ClientSpec("shop", like="Deployment/gone"), [], InvalidInput, "no Deployment shop/gone"),
        (ClientSpec("shop", service_account="gone"), [], NotFound, "no service account gone in namespace shop"),
        (LIKE_WEB, [deployment(hostNetwork=True)], Unsupported, "uses its node's network"),
        (
            LIKE_WEB,
            [service(publishNotReadyAddresses=True, selector={"app": "web"})],
            Unsupported,
            "Service shop/web publishes pods that are not ready",
        ),
    ],
)
def test_what_would_be_wrong_or_dangerous_is_refused_before_there_is_a_pod(
    spec: ClientSpec, documents: list[dict[str, Any]], error: type[CollectionError], part: str
) -> None:
    kube = cluster().add(*documents)
    with pods_of(kube) as clients, pytest.raises(error, match=part) as caught:
        clients.pod(spec)
    assert caught.value.remedy
    assert kube.writes == []


@pytest.mark.parametrize(
    "spec",
    [{"selector": {"app": "web"}}, {"publishNotReadyAddresses": True, "selector": {"app": "other"}}, {}],
    ids=["ready only", "others", "no selector"],
)
def test_other_services_are_no_danger(spec: dict[str, Any]) -> None:
    kube = cluster().add(service(**spec))
    with pods_of(kube) as clients:
        assert clients.pod(LIKE_WEB)


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ('pods "x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=5, limited: pods=5', "quota"),
        ('pods "x" is forbidden: violates PodSecurity "restricted:latest": seccompProfile', "Exempt pods"),
        ('admission webhook "validation.gatekeeper.sh" denied the request: no', "client_image"),
        ('pods is forbidden: User "u" cannot create resource "pods"', "Grant create, get, list and delete on pods"),
    ],
)
def test_a_refusal_comes_with_its_remedy_and_is_not_tried_again(said: str, remedy: str) -> None:
    kube = cluster()
    kube.failures["create", "Pod"] = AuthFailed(f"Kubernetes refused POST: {said}.", status=403, remedy="generic")
    with pods_of(kube) as clients:
        for __ in range(2):
            with pytest.raises(AuthFailed) as caught:
                clients.pod(LIKE_WEB)
            requests = kube.requests
    assert said in caught.value.message
    assert "was not admitted to namespace shop" in caught.value.message
    assert remedy in caught.value.remedy
    # Neither is it removed: there is none.
    assert kube.requests == requests


@pytest.mark.parametrize(
    ("status", "code", "part"),
    [
        (
            {
                "phase": "Pending",
                "containerStatuses": [
                    {"name": "client", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such host."}}}
                ],
            },
            "ImagePullBackOff",
            "cannot start from image tools:1: ImagePullBackOff (no such host)",
        ),
        (
            {
                "phase": "Failed",
                "containerStatuses": [
                    {"name": "client", "state": {"terminated": {"reason": "StartError", "exitCode": 128}}}
                ],
            },
            "StartError",
            "cannot start from image tools:1: StartError",
        ),
        ({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}, "ClientPodEnded", "low on memory"),
    ],
)
def test_a_pod_that_cannot_start_says_why_at_once(status: dict[str, Any], code: str, part: str) -> None:
    kube = cluster(status)
    with pods_of(kube) as clients, pytest.raises(OperationFailed) as caught:
        clients.pod(LIKE_WEB)
    assert caught.value.code == code
    assert part in caught.value.message
    assert "client_image" in caught.value.remedy
    assert list(kube.list(POD, "shop")) == []


def test_a_pod_that_no_node_takes_is_waited_for_and_then_removed() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/2 nodes"}]
    kube = cluster({"phase": "Pending", "conditions": conditions})
    with pods_of(kube) as clients, pytest.raises(TimedOut, match="last state: Unschedulable: 0/2 nodes"):
        clients.pod(LIKE_WEB)
    assert list(kube.list(POD, "shop")) == []
