# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Changes of an existing cluster: those that Azure makes, and those that it refuses, with its codes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_azure import CLUSTER, AzureService

Json = dict[str, Any]
OVERLAY = {"networkPlugin": "azure", "networkPluginMode": "overlay"}
NODE_SUBNET = {"networkPlugin": "azure"}
KUBENET = {"networkPlugin": "kubenet"}
CILIUM = {**OVERLAY, "networkDataplane": "cilium"}
NONE = {"networkPlugin": "none", "podCidr": "10.8.0.0/16"}
TO_CILIUM = {"networkDataplane": "cilium", "networkPolicy": "cilium"}
TO_OVERLAY = {"networkPlugin": "azure", "networkPluginMode": "overlay"}
FIXED = "PropertyChangeNotAllowed"


@pytest.fixture
def azure(tmp_path: Path) -> AzureService:
    return AzureService(tmp_path)


def changed(azure: AzureService, before: Json, network: Json) -> Any:
    body = azure.create(**before)
    profile = body["properties"]["networkProfile"]
    for key, value in network.items():
        profile.pop(key, None)
        if value is not None:
            profile[key] = value
    return azure.send("PUT", CLUSTER, body)


@pytest.mark.parametrize(
    ("before", "network"),
    [
        (OVERLAY, TO_CILIUM),
        (NODE_SUBNET, {**TO_OVERLAY, "podCidr": "10.244.0.0/16"}),
        (NODE_SUBNET, TO_CILIUM),
        (KUBENET, TO_OVERLAY),
        (CILIUM, {"podCidr": "10.244.0.0/15", "podCidrs": None}),
        (NONE, {"podCidr": "10.9.0.0/16", "podCidrs": None}),
        (CILIUM, {"advancedNetworking": {"enabled": True}}),
        (OVERLAY, {"networkPolicy": "calico"}),
        (OVERLAY, {"outboundType": "managedNATGateway"}),
    ],
    ids=str,
)
def test_migrations_that_azure_makes(azure: AzureService, before: Json, network: Json) -> None:
    answer = changed(azure, before, network)
    assert azure.done(answer)["status"] == "Succeeded"
    live = azure.read()["properties"]["networkProfile"]
    wanted = {key: value for key, value in network.items() if isinstance(value, str)}
    assert {key: live[key] for key in wanted} == wanted


@pytest.mark.parametrize(
    ("before", "network", "code", "target"),
    [
        (NONE, {"networkPlugin": "azure"}, FIXED, "networkProfile.networkPlugin"),
        (OVERLAY, {"networkPlugin": "none", "networkPluginMode": None}, FIXED, "networkProfile.networkPlugin"),
        (CILIUM, {"networkDataplane": "azure", "networkPolicy": "none"}, FIXED, "networkProfile.networkDataplane"),
        (OVERLAY, {"networkDataplane": "cilium"}, "BadRequest", "networkProfile.networkPolicy"),
        (OVERLAY, {"networkPolicy": "cilium"}, "BadRequest", "networkProfile.networkPolicy"),
        (NODE_SUBNET, {**TO_OVERLAY, **TO_CILIUM}, "BadRequest", "networkProfile.networkDataplane"),
        (KUBENET, {**TO_CILIUM, "networkPlugin": "azure"}, FIXED, "networkProfile.networkPlugin"),
        ({**NODE_SUBNET, "networkPolicy": "azure"}, TO_OVERLAY, "ValidationError", "networkProfile.networkPolicy"),
        ({**OVERLAY, "networkPolicy": "azure"}, {"networkPolicy": "calico"}, FIXED, "networkProfile.networkPolicy"),
        (OVERLAY, {"podCidr": "10.240.0.0/16", "podCidrs": None}, FIXED, "networkProfile.podCidr"),
        (OVERLAY, {"serviceCidr": "10.3.0.0/16", "serviceCidrs": None}, FIXED, "networkProfile.serviceCidr"),
        (OVERLAY, {"dnsServiceIP": "10.0.0.11"}, FIXED, "networkProfile.dnsServiceIP"),
        (OVERLAY, {"loadBalancerSku": "basic"}, FIXED, "networkProfile.loadBalancerSku"),
        (NONE, {"kubeProxyConfig": {"enabled": False}}, "", ""),
        (OVERLAY, {"kubeProxyConfig": {"enabled": False}}, "BadRequest", "networkProfile.kubeProxyConfig"),
    ],
    ids=str,
)
def test_changes_of_the_network_that_azure_refuses(
    azure: AzureService, before: Json, network: Json, code: str, target: str
) -> None:
    answer = changed(azure, before, network)
    if not code:
        assert answer.status == 200
        return
    assert (answer.status, answer.body["code"], answer.body["target"]) == (400, code, target)
    live = azure.read()["properties"]
    assert live["provisioningState"] == "Succeeded"


@pytest.mark.parametrize(
    ("path", "value", "code"),
    [
        (("location",), "nowhere", "LocationNotAvailableForResourceType"),
        (("location",), "eastus", "InvalidResourceLocation"),
        (("properties", "dnsPrefix"), "d", FIXED),
        (("properties", "enableRBAC"), False, FIXED),
        (("properties", "oidcIssuerProfile"), {"enabled": False}, "OIDCIssuerFeatureCannotBeDisabled"),
        (("properties", "apiServerAccessProfile"), {"enablePrivateCluster": True}, FIXED),
        (("properties", "kubernetesVersion"), "1.36.0", "OperationNotAllowed"),
        (("properties", "kubernetesVersion"), "1.33.5", "OperationNotAllowed"),
        (("properties", "kubernetesVersion"), "1.99", "K8sVersionNotSupported"),
        (("properties", "agentPoolProfiles", 0, "vmSize"), "Standard_D8s_v5", FIXED),
        (("properties", "agentPoolProfiles", 0, "maxPods"), 30, FIXED),
        (("properties", "agentPoolProfiles", 0, "mode"), "User", "MustDefineAtLeastOneSystemPool"),
        (("properties", "agentPoolProfiles", 0, "orchestratorVersion"), "1.35.1", "NodePoolMcVersionIncompatible"),
        (("properties", "agentPoolProfiles", 0, "nodeTaints"), ["a=b:NoSchedule"], "SystemPoolHasRestrictedTaint"),
    ],
    ids=str,
)
def test_other_changes_that_azure_refuses(
    azure: AzureService, path: tuple[str | int, ...], value: object, code: str
) -> None:
    body = azure.create()
    place: Any = body
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    answer = azure.send("PUT", CLUSTER, body)
    assert answer.body is not None
    assert (answer.body.get("error") or answer.body)["code"] == code
    assert azure.read()["properties"]["provisioningState"] == "Succeeded"


def test_the_refusal_to_skip_a_version_lists_the_ways(azure: AzureService) -> None:
    body = azure.create()
    body["properties"]["kubernetesVersion"] = "1.36"
    assert azure.send("PUT", CLUSTER, body).body == {
        "code": "OperationNotAllowed",
        "details": None,
        "message": "Upgrading Kubernetes version 1.34.4 to 1.36.0 is not allowed. Available upgrades: [1.35.1]. Please "
        "see https://aka.ms/aks-supported-k8s-ver for version details.",
        "subcode": "",
    }


def test_regions_that_do_not_exist(azure: AzureService) -> None:
    answer = azure.send("PUT", "/resourcegroups/other", {"location": "mars"})
    assert answer.body is not None
    assert answer.body["error"]["code"] == "LocationNotAvailableForResourceGroup"
    assert "'mars' is not available for resource group" in answer.body["error"]["message"]
