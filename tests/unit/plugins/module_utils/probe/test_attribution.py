# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.attribution import Attribution
from fakes import FakeKube
from flow_maker import WORLD, drop


def cluster() -> FakeKube:
    def named(api: str, kind: str, name: str, namespace: str | None, **more: Any) -> dict[str, Any]:
        metadata = {"name": name, **({"namespace": namespace} if namespace else {}), **more.pop("metadata", {})}
        return {"apiVersion": api, "kind": kind, "metadata": metadata, **more}

    return FakeKube().add(
        named("v1", "Namespace", "basics", None),
        named("v1", "Namespace", "client", None),
        named("v1", "Pod", "web", "basics", metadata={"labels": {"org": "cilium101"}}),
        named("v1", "Pod", "client", "client"),
        named(
            "cilium.io/v2",
            "CiliumNetworkPolicy",
            "deny",
            "basics",
            spec={"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{}]},
        ),
        named(
            "networking.k8s.io/v1",
            "NetworkPolicy",
            "out",
            "client",
            spec={"podSelector": {}, "policyTypes": ["Egress"]},
        ),
    )


def test_the_denying_end_of_a_flow_is_looked_at() -> None:
    attribution = Attribution(cluster())
    assert attribution.of_flow(drop("INGRESS")) == ["CiliumNetworkPolicy basics/deny"]
    assert attribution.of_flow(drop("EGRESS")) == ["NetworkPolicy client/out"]
    assert attribution.of_flow(drop("EGRESS", source=WORLD)) == []
    assert attribution.of_flow(drop("TRAFFIC_DIRECTION_UNKNOWN")) == []


def test_both_directions_of_a_pod_are_told() -> None:
    assert Attribution(cluster()).of_pod("basics", "web") == {
        "pod": "basics/web",
        "ingress": ["CiliumNetworkPolicy basics/deny"],
        "egress": [],
        "known": True,
    }
    assert Attribution(cluster()).of_pod("gone", "gone")["ingress"] == []


def test_each_object_is_read_once() -> None:
    kube = cluster()
    attribution = Attribution(kube)
    attribution.of_pod("basics", "web")
    requests = kube.requests
    attribution.of_flow(drop("INGRESS"))
    assert kube.requests == requests
    attribution.of_pod("client", "client")
    assert kube.requests == requests + 2


def test_without_the_right_to_list_policies_there_are_no_names_and_no_error() -> None:
    kube = cluster()
    kube.failures["list", "CiliumNetworkPolicy"] = AuthFailed("forbidden")
    assert Attribution(kube).of_flow(drop("INGRESS")) == []
    assert not Attribution(kube).of_pod("basics", "web")["known"]
