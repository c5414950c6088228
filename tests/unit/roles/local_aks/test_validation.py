# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
from typing import Any

import pytest

from local_aks import changes, defaults, validation
from local_aks.errors import ArmError
from local_aks.versions import Versions

VERSIONS = Versions(("1.34.3",), "1.34.4")
ONE_VERSION = Versions((), "1.34.4")

POOL = {"name": "nodepool1", "count": 1, "mode": "System", "vmSize": "Standard_DS2_v2"}
CILIUM = {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}


def properties(network: dict[str, Any], *pools: dict[str, Any], **more: Any) -> dict[str, Any]:
    body = {
        "location": "westeurope",
        "properties": {
            "dnsPrefix": "c",
            "networkProfile": network,
            "agentPoolProfiles": [POOL | pool for pool in pools or ({},)],
            **more,
        },
    }
    cluster = defaults.fill_cluster(body, group="g", name="c", subscription="s", tenant="t", resolve=VERSIONS.resolve)
    found: dict[str, Any] = cluster["properties"]
    return found


def refused(given: dict[str, Any]) -> ArmError:
    with pytest.raises(ArmError) as caught:
        validation.cluster(given, VERSIONS)
    return caught.value


@pytest.mark.parametrize(
    "network", [CILIUM, {"networkPlugin": "none"}, {}, {"networkPlugin": "none", "podCidr": "10.9.0.0/16"}]
)
def test_accepts_both_modes(network: dict[str, Any]) -> None:
    validation.cluster(properties(network), VERSIONS)


@pytest.mark.parametrize("policy", ["none", "azure", "calico"])
def test_dataplane_cilium_needs_policy_cilium(policy: str) -> None:
    error = refused(properties(CILIUM | {"networkPolicy": policy}))
    assert (error.status, error.code, error.target) == (400, "BadRequest", "networkProfile.networkPolicy")
    assert error.body()["subcode"] == "CiliumDataplaneRequiresNetworkPolicyCilium"
    assert error.message == "Cilium dataplane requires network policy cilium."


@pytest.mark.parametrize(
    ("network", "code", "subcode"),
    [
        (
            {"networkPlugin": "azure", "networkPolicy": "cilium"},
            "BadRequest",
            "NetworkPolicyCiliumRequiresCiliumDataplane",
        ),
        ({"networkPlugin": "none", "networkDataplane": "cilium"}, "BadRequest", "NetworkDataplaneNotSupported"),
        ({"networkPlugin": "none", "networkPolicy": "calico"}, "BadRequest", "NetworkPolicyNotSupported"),
        (
            {"networkPlugin": "none", "advancedNetworking": {"enabled": True}},
            "BadRequest",
            "AdvancedNetworkingNotSupported",
        ),
        ({"networkPlugin": "flannel"}, "InvalidParameter", ""),
        (CILIUM | {"podCidr": "172.30.4.0/24"}, "PodCIDRInReservedRange", ""),
        (CILIUM | {"podCidr": "10.0.128.0/17"}, "ServiceCidrOverlapPodCidr", ""),
        (CILIUM | {"podCidr": "10.244.0.1/16"}, "InvalidCIDR", ""),
        (CILIUM | {"serviceCidr": "10.0.0.0/16", "dnsServiceIP": "10.0.0.1"}, "DNSServiceIPNotInServiceCIDR", ""),
        (CILIUM | {"serviceCidr": "96.0.0.0/8"}, "ServiceCidrTooLarge", ""),
        (
            CILIUM
            | {
                "advancedNetworking": {
                    "enabled": True,
                    "observability": {"enabled": False},
                    "security": {"enabled": False},
                }
            },
            "BadRequest",
            "",
        ),
        (
            {"networkPlugin": "azure", "advancedNetworking": {"enabled": True, "security": {"enabled": True}}},
            "BadRequest",
            "",
        ),
    ],
)
def test_refuses_networks_that_cannot_be(network: dict[str, Any], code: str, subcode: str) -> None:
    error = refused(properties(network))
    assert (error.code, error.body()["subcode"]) == (code, subcode)


@pytest.mark.parametrize(
    ("pool", "code"),
    [
        ({"name": "NodePool"}, "InvalidParameter"),
        ({"name": "averylongpoolname"}, "InvalidParameter"),
        ({"mode": "User"}, "MustDefineAtLeastOneSystemPool"),
        ({"count": 0}, "InvalidParameter"),
        ({"nodeTaints": ["node.cilium.io/agent-not-ready=true:NoExecute"]}, "SystemPoolHasRestrictedTaint"),
        ({"osType": "Windows", "name": "win"}, "BadRequest"),
        ({"enableAutoScaling": True}, "InvalidParameter"),
    ],
)
def test_refuses_pools_that_cannot_be(pool: dict[str, Any], code: str) -> None:
    assert refused(properties(CILIUM, pool)).code == code


def test_allows_the_taints_of_system_pools() -> None:
    taints = ["CriticalAddonsOnly=true:NoSchedule", "a=b:PreferNoSchedule"]
    validation.cluster(properties(CILIUM, {"nodeTaints": taints}), VERSIONS)


@pytest.mark.parametrize(
    ("version", "accepted"), [("1.34", True), ("1.34.4", True), ("1.33", False), ("1.34.5", False)]
)
def test_only_the_version_of_the_node_image(version: str, accepted: bool) -> None:
    if accepted:
        assert ONE_VERSION.resolve(version) == "1.34.4"
        return
    with pytest.raises(ArmError) as caught:
        ONE_VERSION.resolve(version)
    assert caught.value.code == "K8sVersionNotSupported"


@pytest.mark.parametrize("name", ["", "-a", "a-", "a b", "a" * 64, "ä"])
def test_refuses_cluster_names(name: str) -> None:
    with pytest.raises(ArmError, match="invalid"):
        validation.cluster_name(name)


@pytest.mark.parametrize("name", ["ends.", "a/b", "a b", "x" * 91])
def test_refuses_group_names(name: str) -> None:
    with pytest.raises(ArmError) as caught:
        validation.group_name(name)
    assert caught.value.body()["error"]["code"] == "InvalidResourceGroup"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "LocationRequired"),
        ({"location": "x", "properties": {"dnsPrefix": "d"}}, "InvalidParameter"),
        ({"location": "x", "properties": {"agentPoolProfiles": [POOL]}}, "InvalidParameter"),
        ({"location": "x", "properties": {"agentPoolProfiles": [POOL], "dnsPrefix": "-d"}}, "InvalidParameter"),
        ({"location": "x", "properties": {"agentPoolProfiles": [{}], "dnsPrefix": "d"}}, "InvalidParameter"),
        ({"location": "x", "properties": {"agentPoolProfiles": ["a"], "dnsPrefix": "d"}}, "InvalidRequestContent"),
        (
            {"location": "x", "properties": {"agentPoolProfiles": [POOL], "dnsPrefix": "d", "networkProfile": "none"}},
            "InvalidRequestContent",
        ),
        (
            {"location": "x", "tags": "a", "properties": {"agentPoolProfiles": [POOL], "dnsPrefix": "d"}},
            "InvalidRequestContent",
        ),
    ],
)
def test_refuses_incomplete_bodies(body: dict[str, Any], code: str) -> None:
    with pytest.raises(ArmError) as caught:
        validation.request_body(body)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("path", "value", "target"),
    [
        (("networkProfile", "networkPlugin"), "azure", "networkProfile.networkPlugin"),
        (("networkProfile", "serviceCidr"), "10.3.0.0/16", "networkProfile.serviceCidr"),
        (("dnsPrefix",), "other", "dnsPrefix"),
    ],
)
def test_refuses_changes_of_what_is_fixed(path: tuple[str, ...], value: str, target: str) -> None:
    live = properties({"networkPlugin": "none"})
    desired = copy.deepcopy(live)
    place = desired
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    with pytest.raises(ArmError) as caught:
        changes.fixed(live, desired)
    assert caught.value.code == "PropertyChangeNotAllowed"
    assert caught.value.message == f"Changing property '{target}' is not allowed."


def test_refuses_another_vm_size_and_allows_other_letter_case() -> None:
    live = properties(CILIUM)
    desired = copy.deepcopy(live)
    desired["networkProfile"]["loadBalancerSku"] = "Standard"
    changes.fixed(live, desired)
    desired["agentPoolProfiles"][0]["vmSize"] = "Standard_D8s_v5"
    with pytest.raises(ArmError, match=r"agentPoolProfile\.vmSize"):
        changes.fixed(live, desired)
