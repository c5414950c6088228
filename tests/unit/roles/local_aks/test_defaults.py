# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from local_aks import defaults, views
from local_aks.versions import Versions

DATA = Path(__file__).parents[2] / "data" / "recordings" / "acns_overlay_2026.json"
_CALLS = json.loads(DATA.read_text(encoding="utf-8"))["interactions"]
RECORDED = {
    "request": _CALLS[1]["request"]["body"],
    "created": _CALLS[1]["response"]["body"],
    "read": _CALLS[5]["response"]["body"],
}
VERSIONS = Versions(("1.28.0", "1.33.5"), "1.34.4")
GENERATED = ("fqdn", "azurePortalFQDN", "resourceUID")


def filled(body: dict[str, Any]) -> dict[str, Any]:
    return defaults.fill_cluster(
        body,
        group="clitest000001",
        name="cliakstest000001",
        subscription="0" * 8,
        tenant="t",
        resolve=VERSIONS.resolve,
    )


def comparable(cluster: dict[str, Any]) -> dict[str, Any]:
    properties = copy.deepcopy(cluster["properties"])
    for key in GENERATED:
        del properties[key]
    del properties["oidcIssuerProfile"]["issuerURL"]
    return properties


def test_fills_in_what_azure_filled_in() -> None:
    cluster = filled(RECORDED["request"])
    shown = views.cluster(
        cluster | {"properties": cluster["properties"] | {"provisioningState": "Creating"}}, "2026-01-01", etag=False
    )
    for pool in shown["properties"]["agentPoolProfiles"]:
        pool["provisioningState"] = "Creating"
    expected = comparable(RECORDED["created"])
    # The recorded account made a service principal's id of it; accounts of today show "msi".
    expected["servicePrincipalProfile"] = {"clientId": "msi"}
    assert comparable(shown) == expected
    assert shown["type"] == "Microsoft.ContainerService/ManagedClusters"
    assert "/resourcegroups/clitest000001/" in shown["id"]
    assert shown["sku"] == RECORDED["created"]["sku"]


def test_completes_a_cluster_as_azure_does() -> None:
    cluster = filled(RECORDED["request"])
    before = set(cluster["properties"])
    defaults.complete(cluster, "0" * 8)
    assert set(cluster["properties"]) - before == {"identityProfile"}
    recorded = RECORDED["read"]["properties"]["networkProfile"]
    assert set(cluster["properties"]["networkProfile"]["loadBalancerProfile"]) == set(recorded["loadBalancerProfile"])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("azure", "overlay", "none", "azure", "10.244.0.0/16")),
        ({"networkPlugin": "azure"}, ("azure", None, "none", "azure", None)),
        ({"networkPlugin": "none"}, ("none", None, "none", None, None)),
        ({"networkPlugin": "None", "podCidr": "10.8.0.0/16"}, ("none", None, "none", None, "10.8.0.0/16")),
        (
            {"networkPlugin": "azure", "networkPluginMode": "Overlay", "networkDataplane": "Cilium"},
            ("azure", "overlay", "cilium", "cilium", "10.244.0.0/16"),
        ),
    ],
)
def test_network_defaults(given: dict[str, Any], expected: tuple[str | None, ...]) -> None:
    network = defaults.fill_network(given)
    keys = ("networkPlugin", "networkPluginMode", "networkPolicy", "networkDataplane", "podCidr")
    assert tuple(network.get(key) for key in keys) == expected
    assert (network["serviceCidr"], network["dnsServiceIP"]) == ("10.0.0.0/16", "10.0.0.10")


@pytest.mark.parametrize(
    ("advanced", "dataplane", "observability", "security", "policies"),
    [
        ({"enabled": True}, "azure", True, False, "None"),
        ({"enabled": True}, "cilium", True, True, "FQDN"),
        ({"enabled": True, "security": {"enabled": False}}, "cilium", True, False, "None"),
        ({"enabled": True, "security": {"advancedNetworkPolicies": "L7"}}, "cilium", True, True, "L7"),
        ({"enabled": False}, "cilium", False, False, "None"),
    ],
)
def test_advanced_networking_is_expanded(
    advanced: dict[str, Any], dataplane: str, observability: bool, security: bool, policies: str
) -> None:
    filled_in = defaults.fill_acns(advanced, dataplane)
    assert filled_in["observability"] == {"enabled": observability}
    assert filled_in["security"] == {"enabled": security, "advancedNetworkPolicies": policies}


@pytest.mark.parametrize(("version", "shown"), [("2025-08-01", False), ("2026-01-01", True)])
def test_older_versions_hide_pod_cidr_of_byo_cni_and_etags(version: str, shown: bool) -> None:
    body = copy.deepcopy(RECORDED["request"])
    body["properties"]["networkProfile"] = {"networkPlugin": "none", "podCidr": "10.8.0.0/16"}
    cluster = filled(body)
    cluster["properties"]["provisioningState"] = "Succeeded"
    cluster["eTag"] = "x"
    found = views.cluster(cluster, version, etag=True)
    assert ("podCidr" in found["properties"]["networkProfile"]) is shown
    assert ("eTag" in found) is shown


def test_null_removes_and_objects_are_merged() -> None:
    assert defaults.merged({"a": {"x": 1, "y": 2}, "b": 1}, {"a": {"y": 3}, "b": None}) == {"a": {"x": 1, "y": 3}}


def test_maps_with_the_users_own_keys_are_replaced() -> None:
    live, given = {"nodeLabels": {"a": "1", "b": "2"}}, {"nodeLabels": {"b": "3"}}
    assert defaults.merged(live, given) == given


@pytest.mark.parametrize(("version", "enabled"), [("", True), ("1.33", False), ("1.28.0", False)])
def test_the_issuer_is_on_by_default_since_1_34(version: str, enabled: bool) -> None:
    body = copy.deepcopy(RECORDED["request"])
    body["properties"]["kubernetesVersion"] = version
    assert filled(body)["properties"]["oidcIssuerProfile"]["enabled"] is enabled


def test_dual_stack_has_two_ranges_of_each_kind() -> None:
    network = defaults.fill_network(
        {"networkPlugin": "azure", "networkPluginMode": "overlay", "ipFamilies": ["IPv4", "IPv6"]}
    )
    assert [len(network[key]) for key in ("podCidrs", "serviceCidrs")] == [2, 2]
    assert network["loadBalancerProfile"]["managedOutboundIPs"] == {"count": 1, "countIPv6": 1}


@pytest.mark.parametrize(
    ("outbound", "profiles"),
    [("loadBalancer", {"loadBalancerProfile"}), ("managedNATGateway", {"natGatewayProfile"}), ("none", set())],
)
def test_the_outbound_type_decides_about_profiles(outbound: str, profiles: set[str]) -> None:
    network = defaults.fill_network({"networkPlugin": "azure", "outboundType": outbound})
    assert {"loadBalancerProfile", "natGatewayProfile"} & set(network) == profiles


def test_spot_pools_are_marked() -> None:
    pool = defaults.fill_pool({"name": "s", "scaleSetPriority": "Spot"}, {"networkPlugin": "none"}, "1.34", "1.34.4")
    assert pool["nodeLabels"] == {"kubernetes.azure.com/scalesetpriority": "spot"}
    assert pool["nodeTaints"] == ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]
