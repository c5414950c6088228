# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Overlay, comparison and diff, on documents of the real resource provider."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from fake_arm import SUBSCRIPTION, options, recorded


class TestPools:
    def test_ignores_the_count_of_a_pool_that_scales_itself(self) -> None:
        body = recorded("cluster_acns_2026")
        body["properties"]["agentPoolProfiles"][0].update(enableAutoScaling=True, minCount=1, maxCount=9, count=7)
        assert bodies.overlay(body, options(agent_pools=[{"name": "nodepool1", "count": 2}])) == []

    def test_keeps_the_count_when_scaling_is_switched_on(self) -> None:
        body = recorded("cluster_acns_2026")
        pool = {"name": "nodepool1", "count": 5, "enable_auto_scaling": True, "min_count": 1, "max_count": 3}
        bodies.overlay(body, options(agent_pools=[pool]))
        assert body["properties"]["agentPoolProfiles"][0]["count"] == 1

    def test_drops_the_bounds_when_scaling_is_switched_off(self) -> None:
        body = recorded("cluster_acns_2026")
        live = body["properties"]["agentPoolProfiles"][0]
        live.update(enableAutoScaling=True, minCount=1, maxCount=9)
        pool = {"name": "nodepool1", "enable_auto_scaling": False, "count": 2}
        before, after = bodies.diff_of(bodies.overlay(body, options(agent_pools=[pool])))
        assert "minCount" not in live
        assert live["count"] == 2
        # The diff shows what goes, not only the switch.
        shown = {"count": 1, "enable_auto_scaling": True, "max_count": 9, "min_count": 1}
        assert before["agent_pools"]["nodepool1"] == shown
        shown = {"count": 2, "enable_auto_scaling": False, "max_count": None, "min_count": None}
        assert after["agent_pools"]["nodepool1"] == shown

    def test_raw_pool_fields_are_merged(self) -> None:
        body = recorded("cluster_acns_2026")
        wanted = options(agent_pools=[{"name": "nodepool1", "properties": {"upgradeSettings": {"maxSurge": "33%"}}}])
        changes = bodies.overlay(body, wanted)
        assert [change.name for change in changes] == ["agent_pools.nodepool1.properties.upgradeSettings.maxSurge"]
        assert body["properties"]["agentPoolProfiles"][0]["upgradeSettings"] == {
            "maxSurge": "33%",
            "maxUnavailable": "0",
        }

    def test_a_new_pool_has_a_count_and_a_kind(self) -> None:
        body = recorded("cluster_acns_2026")
        bodies.overlay(body, options(agent_pools=[{"name": "extra"}]))
        assert body["properties"]["agentPoolProfiles"][1] == {
            "name": "extra",
            "type": "VirtualMachineScaleSets",
            "osType": "Linux",
            "count": 1,
        }


class TestTags:
    def test_others_stay_and_null_removes(self) -> None:
        body = {"tags": {"policy": "p", "old": "1", "team": "a"}, "properties": {}}
        changes = bodies.overlay(body, options(tags={"team": "b", "old": None, "gone": None}))
        assert body["tags"] == {"policy": "p", "team": "b"}
        assert bodies.diff_of(changes) == ({"tags": {"old": "1", "team": "a"}}, {"tags": {"old": None, "team": "b"}})

    def test_values_are_text(self) -> None:
        body = {"tags": {"cost": "42", "on": "true"}, "properties": {}}
        assert bodies.overlay(body, options(tags={"cost": 42, "on": True})) == []

    def test_names_have_no_case(self) -> None:
        body = {"tags": {"Team": "a", "Old": "1"}, "properties": {}}
        changes = bodies.overlay(body, options(tags={"team": "b", "OLD": None}))
        assert body["tags"] == {"Team": "b"}
        assert bodies.diff_of(changes) == ({"tags": {"Team": "a", "Old": "1"}}, {"tags": {"Team": "b", "Old": None}})

    def test_texts_of_tags_and_labels_show_as_azure_stores_them(self) -> None:
        labels = {"on": True, "number": 7, "empty": None}
        wanted = bodies.with_defaults(
            options(tags={"on": True, "gone": None}, agent_pools=[{"name": "a", "node_labels": labels}])
        )
        assert wanted["tags"] == {"on": "true", "gone": None}
        body, changes = bodies.creation_body(wanted, subscription_id=SUBSCRIPTION)
        stored = {"on": "true", "number": "7", "empty": ""}
        assert body["properties"]["agentPoolProfiles"][0]["nodeLabels"] == stored
        assert bodies.diff_of(changes)[1]["agent_pools"]["a"]["node_labels"] == stored
        assert bodies.overlay(body, wanted) == []


class TestRaw:
    def test_merges_objects_and_names_each_leaf(self) -> None:
        body = recorded("cluster_acns_2026")
        raw = {"autoUpgradeProfile": {"upgradeChannel": "patch", "nodeOSUpgradeChannel": "nodeimage"}}
        changes = bodies.overlay(body, options(properties=raw))
        assert [change.name for change in changes] == ["properties.autoUpgradeProfile.upgradeChannel"]
        assert body["properties"]["autoUpgradeProfile"] == {
            "nodeOSUpgradeChannel": "NodeImage",
            "upgradeChannel": "patch",
        }

    def test_a_null_resets(self) -> None:
        body = {"properties": {"httpProxyConfig": {"httpProxy": "http://p"}}}
        wanted = options(properties={"httpProxyConfig": None})
        assert len(bodies.overlay(body, wanted)) == 1
        assert body["properties"]["httpProxyConfig"] is None

    def test_write_only_values_are_no_difference_and_never_shown(self) -> None:
        body: dict[str, Any] = {"properties": {"windowsProfile": {"adminUsername": "azureuser"}}}
        raw = {"windowsProfile": {"adminPassword": "Sw0rdfish!"}}
        assert bodies.overlay(copy.deepcopy(body), options(properties=raw)) == []
        __, changes = bodies.creation_body(options(properties=raw), subscription_id=SUBSCRIPTION)
        assert "Sw0rdfish!" not in str(bodies.diff_of(changes))
        assert bodies.secrets_in(raw) == ["Sw0rdfish!"]


class TestCreation:
    def test_has_what_azure_demands_and_nothing_else(self) -> None:
        wanted = options(location="westeurope", agent_pools=[{"name": "system", "count": 2}])
        body, __ = bodies.creation_body(wanted, subscription_id=SUBSCRIPTION)
        assert body == {
            "location": "westeurope",
            "identity": {"type": "SystemAssigned"},
            "properties": {
                "dnsPrefix": "demo-rg-000000",
                "agentPoolProfiles": [
                    {
                        "name": "system",
                        "mode": "System",
                        "type": "VirtualMachineScaleSets",
                        "osType": "Linux",
                        "count": 2,
                    }
                ],
            },
        }

    def test_the_cilium_dataplane_brings_its_policy(self) -> None:
        wanted = bodies.with_defaults(options(network_profile={"network_dataplane": "cilium"}))
        assert wanted["network_profile"]["network_policy"] == "cilium"

    def test_names_the_sku_beside_the_tier(self) -> None:
        body, __ = bodies.creation_body(options(sku_tier="Free"), subscription_id=SUBSCRIPTION)
        assert body["sku"] == {"name": "Base", "tier": "Free"}

    @pytest.mark.parametrize(
        ("name", "group", "prefix"),
        [
            ("demo", "rg-demo", "demo-rg-demo-000000"),
            ("1_long_cluster_name", "a.b", "a1longclus-ab-000000"),
        ],
    )
    def test_default_dns_prefix(self, name: str, group: str, prefix: str) -> None:
        assert bodies.default_dns_prefix(name, group, SUBSCRIPTION) == prefix


class TestMigrationTo:
    def test_cilium_is_forced_although_azure_says_none(self) -> None:
        """A GET returns networkPolicy none; echoed beside networkDataplane cilium Azure refuses it."""
        body = recorded("cluster_acns_2026")
        bodies.overlay(body, bodies.with_defaults(options(network_profile={"network_dataplane": "cilium"})))
        profile = body["properties"]["networkProfile"]
        assert (profile["networkDataplane"], profile["networkPolicy"]) == ("cilium", "cilium")

    def test_a_larger_pod_cidr_is_repeated_in_the_list(self) -> None:
        body = recorded("cluster_acns_2026")
        bodies.overlay(body, options(network_profile={"pod_cidr": "10.240.0.0/12"}))
        assert body["properties"]["networkProfile"]["podCidrs"] == ["10.240.0.0/12"]

    def test_acns_is_switched_off_with_its_features(self) -> None:
        body = recorded("cluster_acns_2026")
        changes = bodies.overlay(body, options(network_profile={"advanced_networking": {"enabled": False}}))
        assert len(changes) == 1
        assert body["properties"]["networkProfile"]["advancedNetworking"] == {"enabled": False}

    def test_unknown_pod_cidr_of_a_byo_cluster_is_no_difference(self) -> None:
        body = {"properties": {"networkProfile": {"networkPlugin": "none"}}}
        assert bodies.overlay(body, options(network_profile={"pod_cidr": "10.1.0.0/16"})) == []
