# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.selector import selects
from cilium_documents import cnp, network_policy

WEB = ["k8s:app=web", "k8s:org=cilium101", "k8s:io.kubernetes.pod.namespace=basics", "gen:ports=x"]
HOST = ["reserved:host", "k8s:node-role.kubernetes.io/control-plane"]


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, **({"values": list(values)} if values else {})}]}


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ({}, True),
        ({"matchLabels": {"org": "cilium101"}}, True),
        ({"matchLabels": {"k8s:org": "cilium101"}}, True),
        ({"matchLabels": {"any:org": "cilium101"}}, True),
        ({"matchLabels": {"reserved:org": "cilium101"}}, False),
        ({"matchLabels": {"org": "other"}}, False),
        ({"matchLabels": {"org": "cilium101", "app": "db"}}, False),
        (expression("app", "In", "web", "db"), True),
        (expression("app", "In", "db"), False),
        (expression("app", "NotIn", "web"), False),
        (expression("missing", "NotIn", "web"), True),
        (expression("app", "Exists"), True),
        (expression("app", "DoesNotExist"), False),
        (expression("missing", "DoesNotExist"), True),
    ],
)
def test_endpoint_selectors(selector: dict[str, Any], expected: bool) -> None:
    assert selects(cnp(endpointSelector=selector, ingress=[{}]), WEB) is expected
    kubernetes = network_policy(podSelector=selector)
    if not any(":" in key for key in selector.get("matchLabels", {})):
        assert selects(kubernetes, WEB) is expected


def test_a_namespaced_policy_stays_in_its_namespace() -> None:
    assert selects(cnp(namespace="client", endpointSelector={}, ingress=[{}]), WEB) is False
    assert selects(network_policy(namespace="client"), WEB) is False
    assert selects(cnp(endpointSelector={}, ingress=[{}]), HOST) is False


def test_host_policies_select_hosts_and_others_do_not() -> None:
    clusterwide = {"namespace": None, "kind": "CiliumClusterwideNetworkPolicy"}
    host = cnp(**clusterwide, nodeSelector={}, ingress=[{}])
    pods = cnp(**clusterwide, endpointSelector={}, ingress=[{}])
    assert (selects(host, HOST), selects(host, WEB)) == (True, False)
    assert (selects(pods, HOST), selects(pods, WEB)) == (False, True)


def test_one_of_several_rules_is_enough() -> None:
    policy = cnp()
    policy["specs"] = [{"endpointSelector": {"matchLabels": {"app": "web"}}, "ingress": [{}]}]
    policy["spec"] = {"endpointSelector": {"matchLabels": {"app": "db"}}, "ingress": [{}]}
    assert selects(policy, WEB) is True
    assert selects(policy, ["k8s:app=other", "k8s:io.kubernetes.pod.namespace=basics"]) is False
