# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Overlay, comparison and diff, on documents of the real resource provider."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.fields import (
    CLUSTER_FIELDS,
    POOL_FIELDS,
    Field,
    read,
    write,
)
from fake_arm import SUBSCRIPTION, options, recorded

# One line for each typed field: what Azure answers, another spelling of the same, and a real difference.
CLUSTER_CASES: dict[str, tuple[Any, Any, Any]] = {
    "location": ("westeurope", "West Europe", "northeurope"),
    "dns_prefix": ("demo", "Demo", "other"),
    "kubernetes_version": ("1.34", "1.34.4", "1.35"),
    "sku_tier": ("standard", "Standard", "Premium"),
    "identity.type": ("systemAssigned", "SystemAssigned", "UserAssigned"),
    "identity.user_assigned": ({"/Subs/A": {"clientId": "x"}, "/b": {}}, ["/b", "/subs/a"], ["/b"]),
    "enable_rbac": (True, True, False),
    "disable_local_accounts": (None, False, True),
    "oidc_issuer": (False, False, True),
    "workload_identity": (None, False, True),
    "authorized_ip_ranges": (["203.0.113.1/32", "198.51.100.0/24"], ["198.51.100.0/24", "203.0.113.1"], []),
    "network_profile.network_plugin": ("Azure", "azure", "none"),
    "network_profile.network_plugin_mode": ("Overlay", "overlay", "other"),
    "network_profile.network_policy": (None, "none", "cilium"),
    "network_profile.network_dataplane": (None, "azure", "cilium"),
    "network_profile.pod_cidr": ("10.244.0.0/16", "10.244.0.0/16", "10.240.0.0/12"),
    "network_profile.service_cidr": ("10.0.0.0/16", "10.0.0.0/16", "10.1.0.0/16"),
    "network_profile.dns_service_ip": ("10.0.0.10", "10.0.0.10", "10.0.0.11"),
    "network_profile.outbound_type": ("loadbalancer", "loadBalancer", "none"),
    "network_profile.load_balancer_sku": ("Standard", "standard", "basic"),
    "network_profile.ip_families": (["IPv6", "IPv4"], ["IPv4", "IPv6"], ["IPv4"]),
    "network_profile.pod_cidrs": (["fd00::/64", "10.244.0.0/16"], ["10.244.0.0/16", "fd00::/64"], ["10.244.0.0/16"]),
    "network_profile.service_cidrs": (["10.0.0.0/16"], ["10.0.0.0/16"], ["10.1.0.0/16"]),
    "network_profile.advanced_networking.enabled": (None, False, True),
    "network_profile.advanced_networking.observability": (True, True, False),
    "network_profile.advanced_networking.security": (False, False, True),
    "network_profile.advanced_networking.advanced_network_policies": (None, "None", "FQDN"),
    "network_profile.advanced_networking.transit_encryption": ("None", "None", "WireGuard"),
    "network_profile.advanced_networking.acceleration_mode": (None, "None", "BpfVeth"),
}
POOL_CASES: dict[str, tuple[Any, Any, Any]] = {
    "count": (3, 3, 4),
    "vm_size": ("standard_d4ads_v5", "Standard_D4ads_v5", "Standard_D8ads_v5"),
    "mode": ("System", "System", "User"),
    "os_type": ("linux", "Linux", "Windows"),
    "os_sku": ("Ubuntu", "Ubuntu", "AzureLinux"),
    "os_disk_size_gb": (128, 0, 256),
    "max_pods": (250, 250, 110),
    "vnet_subnet_id": ("/Sub/A", "/sub/a", "/sub/b"),
    "pod_subnet_id": ("/Sub/A", "/sub/a", "/sub/b"),
    "availability_zones": (["2", "1"], ["1", "2"], ["1"]),
    "node_labels": (None, {}, {"a": "b"}),
    "node_taints": (["b=2:NoSchedule", "a=1:NoSchedule"], ["a=1:NoSchedule", "b=2:NoSchedule"], []),
    "enable_auto_scaling": (False, False, True),
    "min_count": (1, 1, 2),
    "max_count": (5, 5, 6),
    "enable_encryption_at_host": (None, False, True),
    "orchestrator_version": ("1.34", "1.34", "1.35"),
}


def nested(option: tuple[str, ...], value: Any) -> dict[str, Any]:
    document: dict[str, Any] = {}
    write(document, option, value)
    return document


def live_with(field: Field, value: Any) -> dict[str, Any]:
    document = recorded("cluster_acns_2026")
    document["properties"]["currentKubernetesVersion"] = "1.34.4"
    if value is None:
        holder = read(document, field.path[:-1])
        if isinstance(holder, dict):
            holder.pop(field.path[-1], None)
    else:
        write(document, field.path, value)
    return document


def test_every_typed_field_has_a_case() -> None:
    assert {".".join(field.option) for field in CLUSTER_FIELDS} == set(CLUSTER_CASES)
    assert {".".join(field.option) for field in POOL_FIELDS} == set(POOL_CASES)


@pytest.mark.parametrize("field", CLUSTER_FIELDS, ids=lambda field: ".".join(field.option))
class TestClusterField:
    def test_is_sent_when_the_cluster_is_created(self, field: Field) -> None:
        same = CLUSTER_CASES[".".join(field.option)][1]
        body, changes = bodies.creation_body(options(**nested(field.option, same)), subscription_id=SUBSCRIPTION)
        assert field.from_arm(read(body, field.path)) == (sorted(same) if field.option[-1] == "user_assigned" else same)
        assert [change.option for change in changes] == [field.option]

    def test_keeps_what_azure_spells_differently(self, field: Field) -> None:
        live, same, __ = CLUSTER_CASES[".".join(field.option)]
        document = live_with(field, live)
        body = copy.deepcopy(document)
        assert bodies.overlay(body, options(**nested(field.option, same))) == []
        assert body == document

    def test_writes_a_difference_once(self, field: Field) -> None:
        live, __, other = CLUSTER_CASES[".".join(field.option)]
        body = live_with(field, live)
        wanted = options(**nested(field.option, other))
        changes = bodies.overlay(body, wanted)
        assert [change.option for change in changes] == [field.option]
        assert bodies.diff_of(changes)[1] == nested(field.option, other)
        assert bodies.overlay(body, wanted) == []


@pytest.mark.parametrize("field", POOL_FIELDS, ids=lambda field: ".".join(field.option))
class TestPoolField:
    def live(self, field: Field) -> dict[str, Any]:
        document = recorded("cluster_acns_2026")
        pool = document["properties"]["agentPoolProfiles"][0]
        value = POOL_CASES[field.option[0]][0]
        pool.pop(field.path[0], None)
        if value is not None:
            pool[field.path[0]] = value
        return document

    def test_keeps_what_azure_spells_differently(self, field: Field) -> None:
        document = self.live(field)
        body = copy.deepcopy(document)
        pool = {"name": "nodepool1", field.option[0]: POOL_CASES[field.option[0]][1]}
        assert bodies.overlay(body, options(agent_pools=[pool])) == []
        assert body == document

    def test_writes_a_difference_once(self, field: Field) -> None:
        body = self.live(field)
        wanted = options(agent_pools=[{"name": "nodepool1", field.option[0]: POOL_CASES[field.option[0]][2]}])
        assert [change.name for change in bodies.overlay(body, wanted)] == [f"agent_pools.nodepool1.{field.option[0]}"]
        assert bodies.overlay(body, wanted) == []

    def test_is_sent_for_a_new_pool(self, field: Field) -> None:
        body = recorded("cluster_acns_2026")
        value = POOL_CASES[field.option[0]][1]
        bounds = {"min_count": 1, "max_count": 3} if field.option[0] == "enable_auto_scaling" else {}
        wanted = options(agent_pools=[{"name": "extra", **bounds, field.option[0]: value}])
        bodies.overlay(body, wanted)
        pools = body["properties"]["agentPoolProfiles"]
        assert [pool["name"] for pool in pools] == ["nodepool1", "extra"]
        assert pools[1][field.path[0]] == value


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
        bodies.overlay(body, options(agent_pools=[{"name": "nodepool1", "enable_auto_scaling": False, "count": 2}]))
        assert "minCount" not in live
        assert live["count"] == 2

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
        body = {"tags": {"cost": "42"}, "properties": {}}
        assert bodies.overlay(body, options(tags={"cost": 42})) == []


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


SCALARS = st.one_of(st.booleans(), st.integers(), st.text(max_size=8), st.none())
UNKNOWN = st.dictionaries(
    st.text(alphabet="xyz", min_size=3, max_size=6).map(lambda key: f"future{key}"),
    st.recursive(
        SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner), max_leaves=6
    ),
    max_size=4,
)


@st.composite
def playbooks(draw: st.DrawFn) -> list[Field]:
    return draw(st.lists(st.sampled_from(CLUSTER_FIELDS), unique_by=lambda field: field.option, max_size=8))


@settings(max_examples=150, deadline=None)
@given(top=UNKNOWN, inner=UNKNOWN, network=UNKNOWN, pool=UNKNOWN, fields=playbooks(), which=st.sampled_from([1, 2]))
def test_the_body_differs_from_the_live_cluster_in_exactly_the_named_fields(
    top: Any, inner: Any, network: Any, pool: Any, fields: list[Field], which: int
) -> None:
    live = recorded("cluster_acns_2026")
    live.update(top)
    live["properties"].update(inner)
    live["properties"]["networkProfile"].update(network)
    live["properties"]["agentPoolProfiles"][0].update(pool)
    wanted: dict[str, Any] = {}
    for field in fields:
        write(wanted, field.option, CLUSTER_CASES[".".join(field.option)][which])
    body = copy.deepcopy(live)
    changed = {change.option for change in bodies.overlay(body, options(**wanted))}

    expected = copy.deepcopy(live)
    if any(field.path[-2:] == ("advancedNetworking", "enabled") for field in fields) and which == 1:
        # The other companion: features are refused without ACNS, so they go with it.
        acns = expected["properties"]["networkProfile"]["advancedNetworking"]
        for feature in ("observability", "security", "performance"):
            del acns[feature]
    for field in fields:
        if field.option in changed:
            value = read(wanted, field.option)
            write(expected, field.path, field.to_arm(value, read(live, field.path)))
            if field.path[-1] == "podCidr" and read(wanted, ("network_profile", "pod_cidrs")) is None:
                expected["properties"]["networkProfile"]["podCidrs"] = [value]
    if ("network_profile", "pod_cidr") in changed and ("network_profile", "pod_cidrs") in {f.option for f in fields}:
        del expected["properties"]["networkProfile"]["podCidrs"], body["properties"]["networkProfile"]["podCidrs"]
    assert body == expected
    assert changed <= {field.option for field in fields}
