# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Inventory
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.owners import Owners, is_volatile
from hardening_flows import facts

LABELS = (
    "k8s:app=web",
    "k8s:version=2",
    "k8s:io.kubernetes.pod.namespace=shop",
    "container:x=y",
    "k8s:pod-template-hash=1",
)


@pytest.mark.parametrize(
    "key",
    [
        *("pod-template-hash", "controller-revision-hash", "statefulset.kubernetes.io/pod-name", "job-name"),
        *("batch.kubernetes.io/job-name", "batch.kubernetes.io/controller-uid", "apps.kubernetes.io/pod-index"),
        *(
            "topology.kubernetes.io/zone",
            "helm.sh/chart",
            "app.kubernetes.io/managed-by",
            "io.cilium.k8s.policy.cluster",
        ),
        *("io.cilium.k8s.policy.serviceaccount", "io.kubernetes.pod.namespace", "version", "pod-template-generation"),
    ],
)
def test_labels_of_one_pod_or_one_rollout_do_not_last(key: str) -> None:
    assert is_volatile(key)


def test_a_flow_names_the_owner() -> None:
    peer = Owners(Inventory()).peer("shop", "web-1", LABELS, [{"kind": "Deployment", "name": "web"}])
    assert peer.workload is not None
    assert (peer.workload.text, peer.labels) == ("shop/Deployment/web", (("app", "web"),))


@pytest.mark.parametrize(
    ("name", "text"), [("nightly-29384756", "shop/CronJob/nightly"), ("migrate-1", "shop/Job/migrate-1")]
)
def test_scheduled_jobs_belong_to_their_cron_job(name: str, text: str) -> None:
    peer = Owners(Inventory()).peer("shop", "x", LABELS, [{"kind": "Job", "name": name}])
    assert peer.workload is not None
    assert peer.workload.text == text


def test_without_an_owner_the_selector_that_says_most_decides() -> None:
    inventory = Inventory(
        workloads=[
            facts("web"),
            facts("web-blue", selector=(("app", "web"), ("track", "blue")), labels=(("app", "web"), ("track", "blue"))),
            facts("node-agent", labels=(("app", "web"),), host_network=True),
            facts("web", namespace="other"),
        ]
    )
    owners = Owners(inventory)
    for labels, name in (((), "web"), (("k8s:track=blue",), "web-blue")):
        peer = owners.peer("shop", "x", (*LABELS, *labels), [])
        assert peer.workload is not None
        assert peer.workload.text == f"shop/Deployment/{name}"


def test_without_an_inventory_labels_are_the_name() -> None:
    owners = Owners(Inventory())
    peer = owners.peer("", "x", (*LABELS, "k8s:tier=front"), [])
    assert peer.workload is not None
    assert peer.workload.text == "shop/Labels/app=web,tier=front"
    bare = owners.peer("shop", "lonely", ("k8s:pod-template-hash=1",), [{"kind": "Pod", "name": "lonely"}])
    assert bare.workload is not None
    assert bare.workload.text == "shop/Pod/lonely"


def test_a_label_that_the_owner_selects_by_stays_though_it_looks_short_lived() -> None:
    inventory = Inventory(workloads=[facts("web", selector=(("app", "web"), ("version", "2")))])
    peer = Owners(inventory).peer("shop", "x", LABELS, [{"kind": "Deployment", "name": "web"}])
    assert peer.labels == (("app", "web"), ("version", "2"))
