# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure changes in place, and what it does not."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import rules
from fake_arm import options

OVERLAY = {
    "networkPlugin": "azure",
    "networkPluginMode": "overlay",
    "networkPolicy": "none",
    "podCidr": "10.244.0.0/16",
}
NODE_SUBNET = {"networkPlugin": "azure", "networkPolicy": "none"}
KUBENET = {"networkPlugin": "kubenet", "networkPolicy": "none", "podCidr": "10.244.0.0/16"}
BYO = {"networkPlugin": "none", "podCidr": "10.244.0.0/16"}
CILIUM = {**OVERLAY, "networkPolicy": "cilium", "networkDataplane": "cilium"}


def check(live_profile: dict[str, Any], pool: dict[str, Any] | None = None, **given: Any) -> None:
    pools = [{"name": "system", "count": 1, "vmSize": "A", "maxPods": 30, **(pool or {})}]
    live = {
        "location": "westeurope",
        "properties": {
            "networkProfile": live_profile,
            "agentPoolProfiles": pools,
            "kubernetesVersion": "1.34.2",
            "dnsPrefix": "demo",
            "oidcIssuerProfile": {"enabled": True},
        },
    }
    body = copy.deepcopy(live)
    changes = bodies.overlay(body, bodies.with_defaults(options(**given)))
    assert changes
    rules.check_changes(changes, live, body)


def to(**profile: Any) -> dict[str, Any]:
    return {"network_profile": profile}


@pytest.mark.parametrize(
    ("live", "given"),
    [
        (KUBENET, to(network_plugin="azure", network_plugin_mode="overlay")),
        (NODE_SUBNET, to(network_plugin_mode="overlay", pod_cidr="10.244.0.0/16")),
        (OVERLAY, to(network_dataplane="cilium")),
        (NODE_SUBNET, to(network_dataplane="cilium")),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_dataplane="cilium")),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_policy="none")),
        (OVERLAY, to(pod_cidr="10.240.0.0/12")),
        (BYO, to(pod_cidr="10.1.0.0/16")),
        (CILIUM, to(advanced_networking={"enabled": True, "security": True})),
        (CILIUM, to(outbound_type="managedNATGateway")),
        (CILIUM, {"kubernetes_version": "1.35"}),
        (CILIUM, {"authorized_ip_ranges": ["203.0.113.0/24"]}),
        (CILIUM, {"agent_pools": [{"name": "system", "count": 5, "node_labels": {"a": "b"}, "mode": "System"}]}),
        (CILIUM, {"agent_pools": [{"name": "other", "vm_size": "B"}]}),
    ],
    ids=str,
)
def test_azure_can_do_this_in_place(live: dict[str, Any], given: dict[str, Any]) -> None:
    check(live, **given)


@pytest.mark.parametrize(
    ("live", "given", "option"),
    [
        (BYO, to(network_plugin="azure"), "network_profile.network_plugin"),
        (OVERLAY, to(network_plugin="none"), "network_profile.network_plugin"),
        (OVERLAY, to(network_plugin="kubenet"), "network_profile.network_plugin"),
        (KUBENET, to(network_plugin="azure"), "network_profile.network_plugin"),
        (CILIUM, to(network_dataplane="azure"), "network_profile.network_dataplane"),
        ({**CILIUM, "networkDataplane": "cilium"}, to(network_policy="none"), "network_profile.network_policy"),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_policy="azure"), "network_profile.network_policy"),
        (OVERLAY, to(pod_cidr="10.200.0.0/16"), "network_profile.pod_cidr"),
        (OVERLAY, to(pod_cidr="10.244.0.0/20"), "network_profile.pod_cidr"),
        (KUBENET, to(pod_cidr="10.240.0.0/12"), "network_profile.pod_cidr"),
        (OVERLAY, to(service_cidr="10.9.0.0/16"), "network_profile.service_cidr"),
        (OVERLAY, to(dns_service_ip="10.0.0.11"), "network_profile.dns_service_ip"),
        (OVERLAY, to(load_balancer_sku="basic"), "network_profile.load_balancer_sku"),
        (
            NODE_SUBNET,
            to(network_plugin_mode="overlay", network_dataplane="cilium"),
            "network_profile.network_dataplane",
        ),
        (KUBENET, to(network_dataplane="cilium"), "network_profile.network_dataplane"),
        (
            {**NODE_SUBNET, "networkPolicy": "azure"},
            to(network_plugin_mode="overlay"),
            "network_profile.network_plugin_mode",
        ),
        (CILIUM, {"location": "northeurope"}, "location"),
        (CILIUM, {"dns_prefix": "other"}, "dns_prefix"),
        (CILIUM, {"oidc_issuer": False}, "oidc_issuer"),
        (CILIUM, {"kubernetes_version": "1.33"}, "kubernetes_version"),
        (CILIUM, {"kubernetes_version": "1.34.1"}, "kubernetes_version"),
        (CILIUM, {"agent_pools": [{"name": "system", "vm_size": "B"}]}, "agent_pools.system.vm_size"),
        (CILIUM, {"agent_pools": [{"name": "system", "max_pods": 50}]}, "agent_pools.system.max_pods"),
    ],
    ids=str,
)
def test_azure_refuses_this_and_so_do_we_before_the_call(
    live: dict[str, Any], given: dict[str, Any], option: str
) -> None:
    with pytest.raises(CollectionError) as caught:
        check(live, **given)
    assert caught.value.option == option
    assert caught.value.code in ("ImmutableField", "MigrationNotPossible")
    assert caught.value.remedy


def test_pods_with_a_subnet_of_their_own_keep_a_cluster_from_overlay() -> None:
    with pytest.raises(CollectionError, match="subnet of their own"):
        check(NODE_SUBNET, {"podSubnetID": "/x"}, **to(network_plugin_mode="overlay"))


@pytest.mark.parametrize(
    ("state", "busy"),
    [
        ("Succeeded", ""),
        ("Failed", ""),
        ("Canceled", ""),
        (None, ""),
        ("Creating", "Creating"),
        ("Migrating", "Migrating"),
    ],
)
def test_busy_state(state: str | None, busy: str) -> None:
    assert rules.busy_state({"properties": {"provisioningState": state}}) == busy


def test_only_named_pools_count_as_broken() -> None:
    document = {
        "properties": {
            "provisioningState": "Succeeded",
            "agentPoolProfiles": [
                {"name": "a", "provisioningState": "Failed"},
                {"name": "b", "provisioningState": "Failed"},
            ],
        }
    }
    assert rules.broken_parts(document, ["A"]) == ["agent_pools.a Failed"]
    assert rules.broken_parts(document, []) == []
