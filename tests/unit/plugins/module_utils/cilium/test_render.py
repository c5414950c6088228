# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.agents import with_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.collect import collect
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.detect import Installation
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.features import features
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.render import (
    LISTED,
    as_values,
    banner,
    state_line,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.status import judge
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import DAEMON_SET, DEPLOYMENT

HEALTHY = r"""
    /¯¯\
 /¯¯\__/¯¯\    Cilium:             OK
 \__/¯¯\__/    Operator:           OK
 /¯¯\__/¯¯\    Envoy DaemonSet:    disabled (using embedded mode)
 \__/¯¯\__/    Hubble Relay:       OK
    \__/       ClusterMesh:        disabled

DaemonSet              cilium             Desired: 2, Ready: 2/2, Available: 2/2
Deployment             cilium-operator    Desired: 1, Ready: 1/1, Available: 1/1
Deployment             hubble-relay       Desired: 1, Ready: 1/1, Available: 1/1
Containers:            cilium             Running: 2
                       cilium-operator    Running: 1
                       hubble-relay       Running: 1
Cluster Pods:          2/2 managed by Cilium
Helm chart version:    1.20.2
Image versions         cilium             registry/cilium:1: 2
                       cilium-operator    registry/cilium-operator:1: 1
                       hubble-relay       registry/hubble-relay:1: 1
"""


def look(kube: Any) -> Any:
    snapshot = with_probes(collect(kube, make.NAMESPACE), kube.exec, "all")
    return judge(snapshot), snapshot


class TestBanner:
    def test_healthy(self) -> None:
        status = look(make.healthy_cluster())[0]
        assert banner(status, "1.20.2") == HEALTHY.strip("\n")

    def test_errors_and_warnings_follow_and_are_counted_beside(self) -> None:
        kube = make.healthy_cluster().add(make.daemon_set(ready=1), make.pod("early", namespace="default"))
        lines = banner(look(kube)[0], None).splitlines()
        assert lines[1].endswith("Cilium:             1 error")
        assert "Errors:                cilium             cilium: 1 pod of DaemonSet cilium is not ready" in lines
        assert any(line.startswith("Warnings:              pods               1 pod is not managed") for line in lines)

    def test_no_chart_no_line(self) -> None:
        assert "chart" not in banner(look(make.healthy_cluster())[0], None)

    def test_absent(self) -> None:
        text = banner(look(make.FakeKube())[0], None)
        assert "Cilium:             1 error" in text
        assert "DaemonSet cilium not found in kube-system" in text

    def test_unknown_number_of_managed_pods(self) -> None:
        kube = make.healthy_cluster().add(make.config_map(**{"disable-endpoint-crd": "true"}))
        assert "Cluster Pods:          2, managed by Cilium: unknown" in banner(look(kube)[0], None)


class TestStateLine:
    def test_counts(self) -> None:
        kube = make.healthy_cluster().add(make.daemon_set(ready=1), make.node("n2", ready=False))
        assert state_line(look(kube)[0]) == "agents 1/2 ready, nodes 1/2 Ready, operator 1/1, relay 1/1"

    def test_not_installed(self) -> None:
        assert state_line(look(make.FakeKube())[0]) == "not installed"

    def test_unmanaged_pods(self) -> None:
        kube = make.healthy_cluster().add(make.pod("early", namespace="default"))
        assert state_line(look(kube)[0]).endswith("1 pod unmanaged")


class TestValues:
    def test_disabled_parts_have_no_images(self) -> None:
        values = as_values(*look(make.healthy_cluster()))
        assert set(values["images"]) == {"cilium", "cilium-operator", "hubble-relay"}
        assert values["components"]["ui"] == {
            "name": "hubble-ui",
            "kind": "Deployment",
            "installed": False,
            "text": "disabled",
            "desired": 0,
            "ready": 0,
            "available": 0,
            "phases": {},
            "errors": [],
            "warnings": [],
        }

    def test_long_lists_are_cut_and_counted(self) -> None:
        kube = make.healthy_cluster()
        for number in range(LISTED + 5):
            kube.add(make.pod(f"p{number:05d}", namespace="default"))
        pods = as_values(*look(kube))["pods"]
        assert (len(pods["unmanaged"]), pods["unmanaged_total"]) == (LISTED, LISTED + 5)

    def test_no_key_is_one_of_ansibles_own(self) -> None:
        values = as_values(*look(make.healthy_cluster()))
        assert not {"warnings", "deprecations", "failed", "skipped", "items", "keys", "values"} & set(values)


class TestFeatures:
    def of(self, kube: Any, **install: Any) -> Any:
        snapshot = look(kube)[1]
        return features(snapshot, Installation(**{"manager": "helm", "fqdn_policies": True, **install}))

    def test_agents_words_win_over_the_configuration(self) -> None:
        kube = make.healthy_cluster().add(make.config_map(**{"routing-mode": "native"}))
        found = self.of(kube)
        assert found["routing_mode"] == "tunnel"
        assert found["kube_proxy_replacement"] is True
        assert found["encryption"] == "disabled"

    def test_configuration_where_no_agent_was_asked(self) -> None:
        kube = make.healthy_cluster().add(
            make.config_map(**{"enable-wireguard": "true", "kube-proxy-replacement": "true"})
        )
        snapshot = collect(kube, make.NAMESPACE)
        found = features(snapshot, Installation("helm", fqdn_policies=True))
        assert (found["encryption"], found["kube_proxy_replacement"]) == ("wireguard", True)
        assert (found["ipam"], found["hubble"], found["hubble_relay"]) == ("cluster-pool", True, True)

    @pytest.mark.parametrize(
        ("install", "word"),
        [
            ({"manager": "aks", "fqdn_policies": False}, "ACNS"),
            ({"manager": "helm", "fqdn_policies": False}, "enable-l7-proxy"),
            ({"manager": "none"}, "not installed"),
            ({}, ""),
        ],
    )
    def test_why_no_fqdn_policies(self, install: Any, word: Any) -> None:
        found = self.of(make.healthy_cluster(), **install)
        assert word in found["fqdn_policy_reason"]
        assert found["fqdn_policy"] is (word == "")

    def test_where_envoy_runs(self) -> None:
        kube = make.healthy_cluster()
        assert self.of(kube)["l7_proxy"] == "embedded"
        assert self.of(kube.add(make.daemon_set("cilium-envoy")))["l7_proxy"] == "daemonset"
        assert self.of(kube.add(make.config_map(**{"enable-l7-proxy": "false"})))["l7_proxy"] == "off"

    def test_relay_scaled_to_nothing_is_not_there(self) -> None:
        kube = make.healthy_cluster()
        kube.change(DEPLOYMENT, "hubble-relay", make.NAMESPACE)["spec"]["replicas"] = 0
        assert self.of(kube)["hubble_relay"] is False

    def test_nothing_enforces_policies_without_a_ready_agent(self) -> None:
        kube = make.healthy_cluster()
        assert self.of(kube)["network_policy"] is True
        kube.change(DAEMON_SET, "cilium", make.NAMESPACE)["status"]["numberReady"] = 0
        assert self.of(kube)["network_policy"] is False
