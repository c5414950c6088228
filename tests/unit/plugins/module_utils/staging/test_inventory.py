# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import object_key
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Workload
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CNP
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import inventory
from fakes import FakeKube

OWNED = {"kind": "ReplicaSet", "name": "web-67c7df4b6c", "controller": True}
TEMPLATE = {
    "metadata": {"labels": {"app": "web"}},
    "spec": {"containers": [{"name": "c", "ports": [{"name": "http", "containerPort": 8080}]}]},
}


def document(
    kind: str, name: str, namespace: str | None = "shop", version: str = "v1", **fields: Any
) -> dict[str, Any]:
    metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **fields.pop("metadata", {})}
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def pod(name: str, owner: dict[str, Any] | None = None, **labels: str) -> dict[str, Any]:
    metadata = {"labels": labels, **({"ownerReferences": [owner]} if owner else {})}
    ready = [{"type": "Ready", "status": "True"}]
    status = {"phase": "Running", "podIP": "10.0.0.1", "conditions": ready, "containerStatuses": [{"restartCount": 2}]}
    return document("Pod", name, metadata=metadata, spec={"nodeName": "n1"}, status=status)


@pytest.fixture
def kube() -> FakeKube:
    selector = {"matchLabels": {"app": "web"}}
    job_template = {"metadata": {"labels": {"app": "report", "job-name": "x"}}, "spec": {"containers": []}}
    cron = {"kind": "CronJob", "name": "report", "controller": True}
    return FakeKube().add(
        document("Namespace", "shop", None, metadata={"labels": {"team": "a"}, "uid": "u1"}),
        document("Namespace", "kube-system", None, metadata={"uid": "cluster-1"}),
        document("Node", "n1", None),
        document("Deployment", "web", version="apps/v1", spec={"selector": selector, "template": TEMPLATE}),
        document(
            "CronJob",
            "report",
            version="batch/v1",
            spec={"schedule": "0 * * * *", "jobTemplate": {"spec": {"template": job_template}}},
        ),
        document("Job", "report-29412345", version="batch/v1", metadata={"ownerReferences": [cron]}, spec={}),
        document("Service", "web", spec={"selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": "http"}]}),
        document("Service", "plain", spec={"type": "LoadBalancer", "ports": [{"port": 53, "protocol": "UDP"}]}),
        pod("web-67c7df4b6c-x", OWNED, app="web", **{"pod-template-hash": "67c7df4b6c"}),
        pod("report-29412345-y", {"kind": "Job", "name": "report-29412345", "controller": True}),
        {**pod("bare", None, app="bare"), "spec": {"containers": [{"ports": [{"name": "web", "containerPort": 80}]}]}},
        pod("etcd-n1", {"kind": "Node", "name": "n1", "controller": True}),
        {**pod("done", None), "status": {"phase": "Succeeded"}},
    )


def test_workloads_are_declared_ones_and_what_runs_without_a_declaration(kube: FakeKube) -> None:
    found = {facts.workload.text: facts for facts in inventory.read_inventory(kube).workloads}
    assert list(found) == ["shop/CronJob/report", "shop/Deployment/web", "shop/Pod/bare", "shop/Pod/etcd-n1"]
    web = found["shop/Deployment/web"]
    assert (web.selector, web.ports, web.named_ports, web.pods) == (
        (("app", "web"),),
        (("TCP", 8080),),
        (("http", 8080),),
        1,
    )
    assert found["shop/Pod/bare"].named_ports == (("web", 80),)
    report = found["shop/CronJob/report"]
    assert (report.schedule, report.selector, report.pods) == ("0 * * * *", (("app", "report"),), 1)


def test_services_show_the_ports_of_the_pods(kube: FakeKube) -> None:
    plain, web = inventory.read_inventory(kube, ["shop"]).services
    assert web.target_ports == (("TCP", 8080),)
    assert (plain.type, plain.target_ports) == ("LoadBalancer", (("UDP", 53),))


def test_names_of_namespaces_and_nodes(kube: FakeKube) -> None:
    found = inventory.read_inventory(kube)
    assert found.namespaces["shop"] == {"team": "a"}
    assert found.nodes == ["n1"]
    kube.failures["list", "Node"] = kube.failures["list", "Namespace"] = AuthFailed("no", code="Forbidden")
    found = inventory.read_inventory(kube, ["shop"])
    assert (list(found.namespaces), found.nodes) == (["shop"], [])


def test_pods_know_their_workload_and_state(kube: FakeKube) -> None:
    by_name = {facts.name: facts for facts in inventory.read_pods(kube, ["shop"])}
    assert "done" not in by_name
    web = by_name["web-67c7df4b6c-x"]
    assert (web.workload, web.ready, web.restarts, web.node) == (Workload("shop", "Deployment", "web"), True, 2, "n1")
    assert by_name["report-29412345-y"].workload == Workload("shop", "CronJob", "report")


def test_a_replica_set_of_somebody_else_is_its_own_workload() -> None:
    bare = pod("x", {"kind": "ReplicaSet", "name": "web-abc", "controller": True}, app="x")
    assert inventory.owner_of(bare) == Workload("shop", "ReplicaSet", "web-abc")


def test_policies_are_complete_and_a_kind_that_is_not_there_is_none(kube: FakeKube) -> None:
    kube.add(document("CiliumNetworkPolicy", "b", version="cilium.io/v2", metadata={"managedFields": []}, status={}))
    kube.add(document("NetworkPolicy", "a", version="networking.k8s.io/v1"))
    found = inventory.read_policies(kube, ["shop"])
    assert [object_key(one) for one in found] == [
        ("CiliumNetworkPolicy", "shop", "b"),
        ("NetworkPolicy", "shop", "a"),
    ]
    assert "managedFields" not in found[0]["metadata"]
    assert "resourceVersion" not in inventory.restorable(found[0])["metadata"]
    kube.absent_kinds = {CNP}
    assert len(inventory.read_policies(kube)) == 1


def test_namespaces_are_checked_before_anything_else(kube: FakeKube) -> None:
    for namespaces, code in ([[], "NoNamespaces"], [["kube-system"], "SystemNamespace"], [["x"], "NamespaceNotFound"]):
        with pytest.raises(InvalidInput) as caught:
            inventory.require_namespaces(kube, namespaces)
        assert caught.value.code == code
    inventory.require_namespaces(kube, ["kube-system", "shop"], system=["kube-system"])


def test_the_way_of_dns(kube: FakeKube) -> None:
    assert inventory.read_dns(kube)["path"] == "unknown"
    ports = [{"port": 53, "protocol": "UDP", "targetPort": "dns"}, {"port": 9153}]
    spec = {"clusterIP": "10.0.0.10", "selector": {"k8s-app": "kube-dns"}, "ports": ports}
    labels = {"labels": {"k8s-app": "kube-dns"}}
    kube.add(document("Service", "kube-dns", "kube-system", metadata=labels, spec=spec))
    containers = [{"name": "c", "ports": [{"name": "dns", "containerPort": 1053}]}]
    kube.add(document("Pod", "coredns", "kube-system", metadata=labels, spec={"containers": containers}))
    assert inventory.read_dns(kube) == {
        "path": "kube-dns",
        "namespace": "kube-system",
        "service": "kube-dns",
        "address": "10.0.0.10",
        "labels": {"k8s-app": "kube-dns"},
        "ports": [{"protocol": "UDP", "port": 1053}],
    }
    kube.add(document("DaemonSet", "node-local-dns", "kube-system", version="apps/v1"))
    assert inventory.read_dns(kube)["path"] == "node-local-dns"


def test_the_platform_names_the_cluster(kube: FakeKube) -> None:
    platform = inventory.read_platform(kube)
    assert (platform["cluster"], platform["manager"], platform["relay"]) == ("cluster-1", "none", False)


@pytest.mark.parametrize(
    ("policy", "exit_code", "ending"),
    [("Never", 0, True), ("OnFailure", 0, True), ("Never", 1, False), ("Always", 0, False)],
)
def test_a_pod_that_has_done_its_work_is_on_its_way_out(policy: str, exit_code: int, ending: bool) -> None:
    done = pod("report-1-y", {"kind": "Job", "name": "report-1", "controller": True})
    done["spec"]["restartPolicy"] = policy
    done["status"]["conditions"] = [{"type": "Ready", "status": "False"}]
    done["status"]["containerStatuses"] = [{"restartCount": 0, "state": {"terminated": {"exitCode": exit_code}}}]
    (facts,) = inventory.read_pods(FakeKube().add(done))
    assert (facts.ending, facts.ready) == (ending, False)
