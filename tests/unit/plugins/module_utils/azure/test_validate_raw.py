# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Raw options reach the field that is meant, or are refused."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.validate import check_creation, check_present
from fake_arm import options

NO_KUBE_PROXY = {"networkProfile": {"kubeProxyConfig": {"enabled": False}}}


@pytest.mark.parametrize(
    ("raw", "option", "code"),
    [
        ({"networkProfile": "x"}, "properties.networkProfile", "NotAnObject"),
        ({"networkProfile": {"advancedNetworking": {"security": True}}}, "security", "NotAnObject"),
        ({"networkprofile": {"podCidr": "10.1.0.0/16"}}, "properties.networkprofile", "MisspeltField"),
        ({"networkProfile": {"podCIDR": "10.1.0.0/16"}}, "properties.networkProfile.podCIDR", "MisspeltField"),
        ({"storage_profile": {}}, "properties.storage_profile", "InvalidOption"),
        ({"provisioningState": "Succeeded"}, "properties.provisioningState", "ReadOnlyField"),
        ({"agentPoolProfiles": []}, "properties.agentPoolProfiles", "InvalidOption"),
    ],
    ids=str,
)
def test_a_cluster_refuses(raw: dict[str, Any], option: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_present(options(properties=raw))
    assert caught.value.option.endswith(option)
    assert caught.value.code == code
    assert caught.value.remedy


@pytest.mark.parametrize(
    "raw",
    [
        {"networkProfile": None},
        {"storageProfile": {"blobCSIDriver": {"enabled": True}}, "networkProfile": {"podLinkLocalAccess": "IMDS"}},
        {"addonProfiles": {"any_name": {"config": {"a-b": "c"}}}},
    ],
    ids=str,
)
def test_a_cluster_takes(raw: dict[str, Any]) -> None:
    check_present(options(properties=raw))


@pytest.mark.parametrize(
    ("raw", "code"),
    [
        ({"upgradeSettings": "x"}, "NotAnObject"),
        ({"vmsize": "x"}, "MisspeltField"),
        ({"nodeImageVersion": "x"}, "ReadOnlyField"),
    ],
    ids=str,
)
def test_a_pool_refuses(raw: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_present(options(agent_pools=[{"name": "a", "properties": raw}]))
    assert caught.value.code == code
    assert caught.value.option == f"agent_pools.a.properties.{next(iter(raw))}"


def test_only_clusters_without_a_network_plugin_go_without_kube_proxy() -> None:
    pools = [{"name": "a"}]
    own = options(location="x", agent_pools=pools, properties=NO_KUBE_PROXY, network_profile={"network_plugin": "none"})
    check_present(own)
    check_creation(own)
    with pytest.raises(InvalidInput, match="bring the CNI"):
        check_present(options(properties=NO_KUBE_PROXY, network_profile={"network_plugin": "azure"}))
    unnamed = options(location="x", agent_pools=pools, properties=NO_KUBE_PROXY)
    check_present(unnamed)
    with pytest.raises(InvalidInput) as caught:
        check_creation(unnamed)
    assert caught.value.code == "KubeProxyConfigDisabledBYOCNIOnly"
