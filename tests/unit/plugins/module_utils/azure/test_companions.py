# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fields that no option names, and that a change beside them would contradict."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from fake_arm import SUBSCRIPTION, options

Json = dict[str, Any]
MANAGED: Json = {
    "managedOutboundIPs": {"count": 1},
    "effectiveOutboundIPs": [{"id": "/x"}],
    "backendPoolType": "nodeIPConfiguration",
}


def profile_after(live: Json, **wanted: Any) -> Json:
    body: Json = {"properties": {"networkProfile": live}}
    assert bodies.overlay(body, options(network_profile=wanted))
    profile: Json = body["properties"]["networkProfile"]
    return profile


@pytest.mark.parametrize(
    ("wanted", "kinds"),
    [
        ({"outbound_ip_ids": ["/a"]}, {"outboundIPs"}),
        ({"outbound_ip_prefix_ids": ["/a"]}, {"outboundIPPrefixes"}),
        ({"managed_outbound_ip_count": 3}, {"managedOutboundIPs"}),
        ({"outbound_ip_ids": ["/a"], "managed_outbound_ip_count": 0}, {"outboundIPs", "managedOutboundIPs"}),
        ({"idle_timeout_in_minutes": 10}, {"managedOutboundIPs"}),
    ],
    ids=lambda given: str(sorted(given)),
)
def test_a_load_balancer_has_addresses_of_one_kind(wanted: Json, kinds: set[str]) -> None:
    profile = profile_after({"loadBalancerProfile": dict(MANAGED)}, load_balancer=wanted)["loadBalancerProfile"]
    assert kinds == set(profile) & {"managedOutboundIPs", "outboundIPs", "outboundIPPrefixes"}
    assert profile["backendPoolType"] == "nodeIPConfiguration"


def test_managed_addresses_take_the_place_of_own_ones() -> None:
    live = {"loadBalancerProfile": {"outboundIPs": {"publicIPs": [{"id": "/a"}]}}}
    profile = profile_after(live, load_balancer={"managed_outbound_ip_count": 2})["loadBalancerProfile"]
    assert profile == {"managedOutboundIPs": {"count": 2}}


class TestOutboundType:
    def test_the_former_profile_goes(self) -> None:
        live = {"outboundType": "loadBalancer", "loadBalancerProfile": dict(MANAGED)}
        assert profile_after(live, outbound_type="managedNATGateway") == {"outboundType": "managedNATGateway"}
        live = {"outboundType": "managedNATGateway", "natGatewayProfile": {"idleTimeoutInMinutes": 4}}
        assert profile_after(live, outbound_type="loadBalancer") == {"outboundType": "loadBalancer"}

    def test_a_profile_that_is_named_stays(self) -> None:
        live = {"outboundType": "loadBalancer", "loadBalancerProfile": dict(MANAGED)}
        wanted = {"outbound_type": "userDefinedRouting", "load_balancer": {"backend_pool_type": "NodeIP"}}
        assert profile_after(live, **wanted)["loadBalancerProfile"]["backendPoolType"] == "NodeIP"

    def test_without_a_change_of_type_nothing_goes(self) -> None:
        live = {"outboundType": "userDefinedRouting", "loadBalancerProfile": dict(MANAGED), "podCidr": "10.1.0.0/16"}
        assert "loadBalancerProfile" in profile_after(live, pod_cidr="10.2.0.0/16", outbound_type="userDefinedRouting")


def test_acns_is_switched_off_with_its_features_but_for_those_that_are_named() -> None:
    live = {"advancedNetworking": {"enabled": True, "observability": {"enabled": True}, "security": {"enabled": True}}}
    profile = profile_after(live, advanced_networking={"enabled": False, "security": False})
    assert profile["advancedNetworking"] == {"enabled": False, "security": {"enabled": False}}


def test_acns_is_switched_on_without_the_features_that_are_off() -> None:
    """A GET shows them so when it is off; echoed beside enabled true Azure refuses them."""
    off = {"enabled": False, "observability": {"enabled": False}, "security": {"enabled": False}}
    profile = profile_after({"advancedNetworking": dict(off)}, advanced_networking={"enabled": True})
    assert profile["advancedNetworking"] == {"enabled": True}
    profile = profile_after({"advancedNetworking": dict(off)}, advanced_networking={"enabled": True, "security": True})
    assert profile["advancedNetworking"] == {
        "enabled": True,
        "observability": {"enabled": False},
        "security": {"enabled": True},
    }


def test_a_system_assigned_identity_has_no_others_beside_it() -> None:
    body: Json = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {"/a": {}}}, "properties": {}}
    bodies.overlay(body, options(identity={"type": "SystemAssigned"}))
    assert body["identity"] == {"type": "SystemAssigned"}


@pytest.mark.parametrize("wanted", [{"network_dataplane": "cilium"}, {"network_plugin_mode": "overlay"}], ids=str)
def test_a_new_cluster_with_a_feature_of_azure_cni_gets_azure_cni(wanted: Json) -> None:
    body, __ = bodies.creation_body(options(network_profile=wanted), subscription_id=SUBSCRIPTION)
    assert body["properties"]["networkProfile"]["networkPlugin"] == "azure"


def test_a_new_cluster_without_such_a_feature_gets_what_azure_likes() -> None:
    body, __ = bodies.creation_body(options(network_profile={"pod_cidr": "10.1.0.0/16"}), subscription_id=SUBSCRIPTION)
    assert "networkPlugin" not in body["properties"]["networkProfile"]


def test_entra_options_switch_entra_on() -> None:
    wanted = bodies.with_defaults(options(aad_profile={"azure_rbac": True}))
    assert wanted["aad_profile"]["managed"] is True
    assert bodies.with_defaults(options(aad_profile={"managed": False}))["aad_profile"]["managed"] is False


def test_a_sku_without_a_change_is_sent_as_it_came() -> None:
    body: Json = {"sku": {"tier": "Free"}, "properties": {}}
    assert bodies.overlay(body, options(sku_tier="Free")) == []
    assert body["sku"] == {"tier": "Free"}
