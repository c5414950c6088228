# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What results show of Azure's documents."""

from __future__ import annotations

from types import ModuleType

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import view
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.fields import CLUSTER_FIELDS, POOL_FIELDS
from ansible_collections.cloudnet.aks_cilium.plugins.modules import aks_cluster, aks_cluster_info
from fake_arm import recorded


def test_a_cluster_of_2026() -> None:
    shown = view.cluster(recorded("cluster_acns_2026"))
    assert shown["resource_group"] == "clitest000001"
    assert shown["network_mode"] == "other"
    assert shown["api_server_host"].endswith(".hcp.westcentralus.azmk8s.io")
    assert (shown["kubernetes_version"], shown["current_kubernetes_version"]) == ("1.34", "1.34.4")
    assert shown["acns"] == {
        "enabled": True,
        "observability": True,
        "security": False,
        "advanced_network_policies": "None",
        "transit_encryption": "None",
        "acceleration_mode": "None",
    }
    assert shown["network_profile"]["pod_cidr"] == "10.244.0.0/16"
    assert shown["agent_pools"][0]["node_image_version"].startswith("AKSUbuntu-2204")
    assert shown["etag"] == "6f679464-4447-4e30-9fa1-5f0da743f605"


def test_a_cluster_of_2023_has_no_etag_and_no_policy() -> None:
    shown = view.cluster(recorded("cluster_overlay_2023"))
    assert shown["etag"] == ""
    assert "network_policy" not in shown["network_profile"]
    assert shown["acns"]["enabled"] is False


def test_a_sparse_document_is_no_error() -> None:
    for document in ({}, {"properties": None}, {"properties": {"agentPoolProfiles": None}, "tags": None}):
        assert view.cluster(document)["agent_pools"] == []


def test_network_modes() -> None:
    assert view.network_mode({"network_plugin": "none"}) == "byo_cni"
    assert view.network_mode({"network_plugin": "azure", "network_dataplane": "Cilium"}) == "azure_cni_cilium"
    assert view.network_mode({"network_plugin": "azure"}) == "other"


def test_a_private_cluster_is_reached_by_its_private_name() -> None:
    private = {"fqdn": "public", "privateFQDN": "private", "apiServerAccessProfile": {"enablePrivateCluster": True}}
    assert view.api_server_host({"properties": private}) == "private"
    assert view.api_server_host({"properties": {"fqdn": "public"}}) == "public"


@pytest.mark.parametrize(("module", "key"), [(aks_cluster, "cluster"), (aks_cluster_info, "clusters")])
def test_modules_document_all_that_is_shown(module: ModuleType, key: str) -> None:
    documented = yaml.safe_load(module.RETURN)[key]["contains"]
    options = {field.option[0] for field in CLUSTER_FIELDS}
    assert set(documented) - {"subscription_id"} == set(view.cluster({})) | options


def test_pools_are_shown_by_their_options() -> None:
    pool = recorded("cluster_acns_2026")["properties"]["agentPoolProfiles"][0]
    shown = view.pool(pool)
    assert shown["upgrade_settings"] == {"max_surge": "10%", "max_unavailable": "0"}
    assert {field.option[0] for field in POOL_FIELDS} >= set(shown) - {
        "name",
        "tags",
        "provisioning_state",
        "power_state",
        "current_orchestrator_version",
        "node_image_version",
    }
