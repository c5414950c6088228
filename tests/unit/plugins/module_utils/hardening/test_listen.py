# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.policy import check_documents
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoint
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import compile_policies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.listen import listening_policy

DNS = {"path": "kube-dns", "namespace": "kube-system", "labels": {"k8s-app": "kube-dns"}, "ports": []}


def test_it_is_valid_and_has_a_rule_for_each_direction_that_decides_nothing() -> None:
    document = listening_policy("shop", DNS)
    warnings: list[str] = []
    check_documents([document], warnings.append)  # type: ignore[arg-type]
    assert warnings == []
    spec = document["spec"]
    assert spec["enableDefaultDeny"] == {"ingress": False, "egress": False}
    assert (spec["endpointSelector"], len(spec["ingress"]), len(spec["egress"])) == ({}, 1, 1)
    assert spec["egress"][0]["toPorts"][0]["rules"] == {"dns": [{"matchPattern": "*"}]}


def test_it_blocks_nothing() -> None:
    policies = compile_policies([listening_policy("shop", DNS)], {})
    web = Endpoint(frozenset({"k8s:app=web", "k8s:io.kubernetes.pod.namespace=shop"}))
    other = Endpoint(frozenset({"k8s:app=x", "k8s:io.kubernetes.pod.namespace=other"}))
    for source, destination in ((web, other), (other, web), (web, web)):
        decision = policies.verdict(source, destination, "TCP", 80)
        assert decision.allowed
        assert decision.egress.allowed_by + decision.ingress.allowed_by == (), "its rules match nobody"


def test_without_the_proxy_it_has_no_rule_of_layer_7() -> None:
    assert "rules" not in listening_policy("shop", DNS, names=False)["spec"]["egress"][0]["toPorts"][0]


def test_it_follows_the_resolver_of_the_platform() -> None:
    other = {"namespace": "dns", "labels": {"app": "resolver"}, "ports": [{"protocol": "UDP", "port": 5353}]}
    (rule,) = listening_policy("shop", other)["spec"]["egress"]
    assert rule["toEndpoints"] == [{"matchLabels": {"app": "resolver", "k8s:io.kubernetes.pod.namespace": "dns"}}]
    assert {entry["port"] for entry in rule["toPorts"][0]["ports"]} == {"5353"}
    local = listening_policy("shop", {**DNS, "path": "localdns"})["spec"]["egress"]
    assert [next(iter(one)) for one in local] == ["toCIDR", "toEntities"]
