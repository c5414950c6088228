# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import LOOKED_AGAIN, collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.status import judge
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CEP, CNP


def test_a_look_costs_few_requests_whatever_the_size() -> None:
    kube = make.healthy_cluster()
    collect(kube, make.NAMESPACE)
    assert kube.requests <= 15


def test_pods_of_cilium_and_of_others_are_read_once_each() -> None:
    kube = make.healthy_cluster()
    snapshot = collect(kube, make.NAMESPACE)
    assert [pod.name for pod in snapshot.part_pods] == ["cilium-a", "cilium-b", "cilium-operator-x", "hubble-relay-x"]
    assert sorted(pod.name for pod in snapshot.cluster_pods) == ["hubble-relay-x", "web"]


class TestYoungPods:
    """Pods and endpoints are listed side by side, so that a pod may be younger than the list of endpoints."""

    def unmanaged(self, kube: Any, count: Any) -> Any:
        """Pods whose endpoints the first list does not have yet."""
        for number in range(count):
            kube.add(make.pod(f"young-{number}", namespace="default"))
        lists = kube.list
        seen = []

        def late(kind: Any, *words: Any, **more: Any) -> Any:
            found = list(lists(kind, *words, **more))
            if kind == CEP:
                seen.append(more.get("field_selector"))
                for number in range(count):
                    kube.add(make.endpoint(f"young-{number}", "default"))
            return iter(found)

        kube.list = late
        return judge(collect(kube, make.NAMESPACE)).unmanaged, seen

    def test_few_are_looked_for_by_name(self) -> None:
        unmanaged, seen = self.unmanaged(make.healthy_cluster(), 2)
        assert unmanaged == []
        assert seen == ["", "metadata.name=young-0", "metadata.name=young-1"]

    def test_for_many_the_list_is_read_again(self) -> None:
        unmanaged, seen = self.unmanaged(make.healthy_cluster(), LOOKED_AGAIN + 1)
        assert unmanaged == []
        assert seen == ["", ""]


class TestPolicies:
    def test_of_all_kinds_in_a_fixed_order(self) -> None:
        kube = make.healthy_cluster()
        kube.add(make.policy("web"), make.policy("all", namespace=None), make.network_policy("deny"))
        assert [policy.key for policy in collect(kube, make.NAMESPACE).policies] == [
            "CiliumClusterwideNetworkPolicy all",
            "CiliumNetworkPolicy default/web",
            "NetworkPolicy default/deny",
        ]

    def test_kinds_that_the_operator_has_not_made_yet(self) -> None:
        kube = make.healthy_cluster().add(make.network_policy("deny"))
        kube.failures["list", "CiliumNetworkPolicy"] = NotFound("no kind", status=404)
        assert [policy.kind for policy in collect(kube, make.NAMESPACE).policies] == ["NetworkPolicy"]

    def test_a_missing_right_is_a_note_and_no_fault_of_cilium(self) -> None:
        kube = make.healthy_cluster()
        kube.failures["list", CNP.kind] = AuthFailed("no policies for you", status=403)
        snapshot = collect(kube, make.NAMESPACE)
        assert snapshot.notes == ["policies could not be read: no policies for you"]
        assert judge(snapshot).errors == []

    def test_without_cilium_they_are_not_asked_for(self) -> None:
        kube = make.FakeKube().add(make.node("n1"), make.network_policy("deny"))
        assert collect(kube, make.NAMESPACE).policies == []


@pytest.mark.parametrize("annotation", ["config.cilium.io/unknown", "config.cilium.io"])
def test_remarks_on_the_configuration(annotation: Any) -> None:
    config = make.config_map()
    config["metadata"]["annotations"] = {annotation: "tunnel is gone", "other": "x"}
    assert collect(make.healthy_cluster().add(config), make.NAMESPACE).config_errors == [
        f"{annotation}: tunnel is gone"
    ]
