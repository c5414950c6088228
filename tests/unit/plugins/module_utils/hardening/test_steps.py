# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""How far a hardening has come is told from the policies alone, and the steps are the smallest, in a safe order."""

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Conflict, Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening import steps
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.detect import (
    limits,
    require_capable,
    require_names_free,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.marks import ROLE_LABEL
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    Inventory,
    ServiceFacts,
    Workload,
    WorkloadFacts,
)

CAPABLE: Json = {"manager": "helm", "cilium_version": "1.20.2", "default_deny_field": True, "relay": "relay:80"}


def policy(
    name: str, role: str, *, namespace: str = "shop", rules: tuple[str, ...] = ("ingress", "egress"), on: object = ()
) -> Json:
    enforced = on if isinstance(on, tuple) else ()
    return {
        "kind": "CiliumNetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": "cloudnet.aks_cilium", ROLE_LABEL: role},
        },
        "spec": {
            **{direction: [{}] for direction in rules},
            "enableDefaultDeny": {direction: direction in enforced for direction in ("ingress", "egress")},
        },
    }


def test_workloads_come_before_namespaces_and_ingress_before_egress() -> None:
    policies = [
        policy("learned-default-deny", "namespace"),
        policy("learned-platform", "platform", rules=("egress",)),
        policy("learned-deployment-web", "workload"),
        policy("learned-deployment-api", "workload", rules=("ingress",)),
        policy("learned-default-deny", "namespace", namespace="bank"),
    ]
    found = steps.enforcement_steps(policies, ["shop", "bank"])
    assert [(step["namespace"], step["name"], step["direction"]) for step in found] == [
        ("shop", "learned-deployment-api", "ingress"),
        ("shop", "learned-deployment-web", "ingress"),
        ("shop", "learned-deployment-web", "egress"),
        ("bank", "learned-default-deny", "ingress"),
        ("bank", "learned-default-deny", "egress"),
        ("shop", "learned-default-deny", "ingress"),
        ("shop", "learned-default-deny", "egress"),
    ]


def test_other_namespaces_and_other_peoples_policies_are_left_out() -> None:
    foreign = policy("learned-deployment-web", "workload")
    foreign["metadata"]["labels"] = {}
    elsewhere = policy("learned-deployment-web", "workload", namespace="bank")
    assert steps.enforcement_steps([foreign, elsewhere], ["shop"]) == []


@pytest.mark.parametrize(
    ("policies", "state"),
    [
        ([], steps.NOTHING),
        ([policy("learned-listen", "listen")], steps.LISTENING),
        ([policy("learned-listen", "listen"), policy("a", "workload")], steps.SHADOW),
        ([policy("a", "workload", on=("ingress",))], steps.ENFORCING),
        ([policy("a", "workload", on=("ingress", "egress")), policy("b", "namespace")], steps.ENFORCING),
        ([policy("a", "workload", on=("ingress", "egress")), policy("p", "platform", rules=("egress",))], steps.SEALED),
        # A direction without rules is no step: nothing would ever switch it on.
        ([policy("a", "workload", rules=("ingress",), on=("ingress",))], steps.SEALED),
    ],
)
def test_the_state_follows_from_the_switches(policies: list[Json], state: str) -> None:
    assert steps.state_of(policies, ["shop"]) == state


@pytest.mark.parametrize(
    ("changes", "code", "possible"),
    [
        ({"manager": "none"}, "NoCilium", "playbooks/cilium.yml"),
        ({"default_deny_field": False, "cilium_version": "1.15.9"}, "NoShadow", "policy_hardening_mode=scenario"),
        ({"relay": ""}, "NoRelay", "hubble_relay=true"),
        ({"relay": "", "manager": "aks"}, "NoRelay", "--enable-acns"),
    ],
)
def test_what_a_cluster_lacks_is_refused_with_what_is_possible(changes: Json, code: str, possible: str) -> None:
    with pytest.raises(Unsupported) as raised:
        require_capable({**CAPABLE, **changes})
    assert raised.value.code == code
    assert possible in raised.value.remedy


def test_a_capable_cluster_is_accepted() -> None:
    require_capable(CAPABLE)


def test_names_of_ours_that_others_took_are_refused() -> None:
    foreign = policy("learned-deployment-web", "workload")
    foreign["metadata"]["labels"] = {"app.kubernetes.io/managed-by": "argocd"}
    with pytest.raises(Conflict) as raised:
        require_names_free(["shop"], [policy("learned-platform", "platform"), foreign])
    assert raised.value.target == "CiliumNetworkPolicy shop/learned-deployment-web"
    require_names_free(["bank"], [foreign])


def test_limits_name_host_network_and_load_balancers() -> None:
    inventory = Inventory(
        workloads=[WorkloadFacts(Workload("shop", "DaemonSet", "agent"), host_network=True)],
        services=[
            ServiceFacts("shop", "web", "LoadBalancer", external_traffic_policy="Cluster"),
            ServiceFacts("shop", "local", "LoadBalancer", external_traffic_policy="Local"),
            ServiceFacts("bank", "web", "LoadBalancer"),
        ],
    )
    found = limits(inventory, ["shop"])
    assert len(found) == 2
    assert "shop/DaemonSet/agent" in found[0]
    assert "shop/web" in found[1]


def switches(policies: list[Json]) -> dict[str, Json]:
    return {one["metadata"]["name"]: one["spec"]["enableDefaultDeny"] for one in policies}


def test_a_policy_that_only_grows_keeps_its_switches() -> None:
    live = [policy("web", "workload", on=("ingress",)), policy("rest", "namespace", on=("ingress", "egress"))]
    grown = policy("web", "workload")
    grown["spec"]["ingress"].append({"fromEntities": ["world"]})
    found = switches(steps.staged([grown, policy("rest", "namespace"), policy("new", "workload")], live))
    assert found == {
        "web": {"ingress": True, "egress": False},
        "rest": {"ingress": True, "egress": True},
        "new": {"ingress": False, "egress": False},
    }


@pytest.mark.parametrize("change", ["ingress", "endpointSelector"])
def test_a_policy_that_allows_less_goes_back_to_shadow_with_its_namespace(change: str) -> None:
    both = ("ingress", "egress")
    live = [
        policy("web", "workload", on=both),
        policy("api", "workload", on=both),
        policy("rest", "namespace", on=both),
    ]
    narrowed = policy("web", "workload")
    narrowed["spec"][change] = [{"fromEntities": ["world"]}] if change == "ingress" else {"matchLabels": {"a": "b"}}
    found = switches(steps.staged([narrowed, policy("api", "workload"), policy("rest", "namespace")], live))
    off, on = {"ingress": False, "egress": False}, {"ingress": True, "egress": True}
    assert found == {"web": off, "api": on, "rest": off}
