# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every typed field: create, no change, change, no change; and what Azure spells differently."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import rules, validate, validate_pool, view
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import (
    CLUSTER_OPTIONS,
    POOL_OPTIONS,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.fields import (
    CLUSTER_FIELDS,
    POOL_FIELDS,
    read,
    write,
)
from fake_arm import SUBSCRIPTION, options, recorded
from field_values import (
    CLUSTER_CASES,
    POOL,
    POOL_CASES,
    Case,
    cluster_task,
    pool_options,
    pool_task,
)

Json = dict[str, Any]
CLUSTER, POOLS = ({field.name: field for field in fields} for fields in (CLUSTER_FIELDS, POOL_FIELDS))
# Options that are no field of the cluster's document.
WITHOUT_FIELD = {"create_resource_group", "virtual_network", "check_providers", "vnet_cidrs", "agent_pools"}


def leaves(spec: Json, prefix: str = "") -> set[str]:
    """The dotted names of all options that hold a value."""
    found: set[str] = set()
    for name, option in spec.items():
        inner = option.get("options")
        found |= leaves(inner, f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return found


def test_every_option_has_a_field_and_every_field_a_case() -> None:
    given = {name: spec for name, spec in CLUSTER_OPTIONS.options.items() if name not in WITHOUT_FIELD}
    assert leaves(given) - {"tags", "properties"} == set(CLUSTER) == {case.option for case in CLUSTER_CASES}
    assert leaves(POOL_OPTIONS) - {"tags", "properties"} == set(POOLS) == {case.option for case in POOL_CASES}


def test_no_two_fields_share_a_place() -> None:
    for fields in (CLUSTER_FIELDS, POOL_FIELDS):
        assert len({field.path for field in fields}) == len(fields)


def play(case: Case, task: Callable[..., Json], prefix: tuple[str, ...]) -> None:
    """Create, no change, change (or refuse), no change."""
    first, second = (bodies.with_defaults(options(**task(case, changed=changed))) for changed in (False, True))
    validate.check_present(first)
    validate.check_creation(first)
    validate.check_present(second)
    live, __ = bodies.creation_body(first, subscription_id=SUBSCRIPTION)
    body = copy.deepcopy(live)
    assert bodies.overlay(body, first) == []
    assert body == live

    changes = bodies.overlay(body, second)
    option = (*prefix, *case.option.split("."))
    turned = {(*prefix, *name.split(".")) for name in case.turn}
    follows = {("network_profile", "network_policy")} if case.option.endswith("dataplane") else set()
    assert option in {change.option for change in changes}
    assert {change.option for change in changes} <= {option} | turned | follows
    before, after = bodies.diff_of(changes)
    assert read(after, option) == case.second
    assert read(before, option) == (case.first if read(before, option) is not None else None)
    if case.fixed:
        with pytest.raises(CollectionError) as caught:
            rules.check_changes(changes, live, body)
        assert (caught.value.code, caught.value.option) == ("ImmutableField", ".".join(option))
        return
    rules.check_changes(changes, live, body)
    again = copy.deepcopy(body)
    assert bodies.overlay(again, second) == []
    assert again == body


@pytest.mark.parametrize("case", CLUSTER_CASES, ids=lambda case: case.option)
def test_a_cluster_field_from_creation_on(case: Case) -> None:
    play(case, cluster_task, ())


@pytest.mark.parametrize("case", POOL_CASES, ids=lambda case: case.option)
def test_a_pool_field_from_creation_on(case: Case) -> None:
    play(case, pool_task, ("agent_pools", POOL))


@pytest.mark.parametrize("case", POOL_CASES, ids=lambda case: case.option)
def test_a_pool_by_itself(case: Case) -> None:
    """As module aks_node_pool has it: the same fields, with no list around them."""
    first, second = (pool_options(case, changed=changed) for changed in (False, True))
    validate_pool.check_pool(first, "")
    live, __ = bodies.new_pool(first)
    body = copy.deepcopy(live)
    assert bodies.overlay_pool(body, first) == []
    assert body == live
    changes = bodies.overlay_pool(body, second)
    assert tuple(case.option.split(".")) in {change.option for change in changes}
    cluster = {"properties": {"kubernetesVersion": "1.34"}}
    if case.fixed:
        with pytest.raises(CollectionError) as caught:
            rules.check_pool_changes(changes, live, body, cluster)
        assert (caught.value.code, caught.value.option) == ("ImmutableField", case.option)
        return
    rules.check_pool_changes(changes, live, body, cluster)
    assert bodies.overlay_pool(body, second) == []


@pytest.mark.parametrize("case", CLUSTER_CASES, ids=lambda case: case.option)
def test_results_show_a_cluster_field_by_its_option(case: Case) -> None:
    task = bodies.with_defaults(options(**cluster_task(case, changed=True)))
    body, __ = bodies.creation_body(task, subscription_id=SUBSCRIPTION)
    assert read(view.cluster(body), tuple(case.option.split("."))) == case.second


# What Azure answers, and another spelling of the same.
SPELLINGS: list[tuple[str, Any, Any]] = [
    ("location", "westeurope", "West Europe"),
    ("dns_prefix", "demo", "Demo"),
    ("kubernetes_version", "1.34", "1.34.4"),
    ("kubernetes_version", "1.34.4", "1.34"),
    ("sku_tier", "standard", "Standard"),
    ("sku_name", None, "Base"),
    ("support_plan", None, "KubernetesOfficial"),
    ("node_resource_group_restriction", None, "Unrestricted"),
    ("identity.type", "systemAssigned", "SystemAssigned"),
    ("identity.user_assigned", {"/Subs/A": {"clientId": "x"}, "/b": {}}, ["/b", "/subs/a"]),
    ("disable_local_accounts", None, False),
    ("workload_identity", None, False),
    ("aad_profile.admin_group_object_ids", ["B", "a"], ["a", "b"]),
    ("aad_profile.managed", None, False),
    (
        "api_server_access.authorized_ip_ranges",
        ["203.0.113.1/32", "198.51.100.0/24"],
        ["198.51.100.0/24", "203.0.113.1"],
    ),
    ("api_server_access.authorized_ip_ranges", None, []),
    ("api_server_access.private_dns_zone", "System", "system"),
    ("api_server_access.public_network_access", None, "Enabled"),
    ("auto_upgrade.channel", None, "none"),
    ("upgrade_override.until", "2027-01-31T00:00:00.0000000Z", "2027-01-31T01:00:00+01:00"),
    ("node_provisioning.mode", None, "Manual"),
    ("network_profile.network_plugin", "Azure", "azure"),
    ("network_profile.network_plugin_mode", "Overlay", "overlay"),
    ("network_profile.network_policy", None, "none"),
    ("network_profile.network_dataplane", None, "azure"),
    ("network_profile.network_mode", None, "transparent"),
    ("network_profile.outbound_type", "loadbalancer", "loadBalancer"),
    ("network_profile.outbound_type", None, "loadBalancer"),
    ("network_profile.load_balancer_sku", "Standard", "standard"),
    ("network_profile.load_balancer.backend_pool_type", "nodeIPConfiguration", "NodeIPConfiguration"),
    ("network_profile.load_balancer.outbound_ip_ids", [{"id": "/B"}, {"id": "/a"}], ["/a", "/b"]),
    ("network_profile.load_balancer.idle_timeout_in_minutes", None, 30),
    ("network_profile.load_balancer.allocated_outbound_ports", None, 0),
    ("network_profile.nat_gateway.idle_timeout_in_minutes", None, 4),
    ("network_profile.nat_gateway.outbound_ip_ids", ["/B", "/a"], ["/a", "/b"]),
    ("network_profile.static_egress_gateway", None, False),
    ("network_profile.ip_families", ["IPv6", "IPv4"], ["IPv4", "IPv6"]),
    ("network_profile.pod_cidrs", ["fd00::/64", "10.244.0.0/16"], ["10.244.0.0/16", "fd00::/64"]),
    ("network_profile.advanced_networking.enabled", None, False),
    ("network_profile.advanced_networking.advanced_network_policies", None, "None"),
    ("network_profile.advanced_networking.acceleration_mode", None, "None"),
]
POOL_SPELLINGS: list[tuple[str, Any, Any]] = [
    ("vm_size", "standard_d4ads_v5", "Standard_D4ads_v5"),
    ("os_type", "linux", "Linux"),
    ("os_disk_size_gb", 128, 0),
    ("kubelet_disk_type", None, "OS"),
    ("vnet_subnet_id", "/Sub/A", "/sub/a"),
    ("availability_zones", ["2", "1"], ["1", "2"]),
    ("availability_zones", None, []),
    ("node_labels", None, {}),
    ("node_labels", {"kubernetes.azure.com/scalesetpriority": "spot"}, {}),
    ("node_labels", {"a": "1"}, {"a": 1}),
    ("node_taints", ["b=2:NoSchedule", "a=1:NoSchedule"], ["a=1:NoSchedule", "b=2:NoSchedule"]),
    ("node_taints", ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule", "a=1:NoSchedule"], ["a=1:NoSchedule"]),
    ("scale_set_priority", None, "Regular"),
    ("spot_max_price", None, -1.0),
    ("enable_encryption_at_host", None, False),
    ("upgrade_settings.max_unavailable", None, "0"),
    ("upgrade_settings.drain_timeout_in_minutes", None, 30),
]


def placed(document: Json, path: tuple[str, ...], value: Any) -> None:
    """Put a value into a document, or take the key away."""
    if value is not None:
        write(document, path, value)
    elif isinstance(holder := read(document, path[:-1]), dict):
        holder.pop(path[-1], None)


@pytest.mark.parametrize(("option", "live", "same"), SPELLINGS, ids=lambda value: str(value)[:40])
def test_what_azure_spells_differently_is_no_difference(option: str, live: Any, same: Any) -> None:
    document = recorded("cluster_acns_2026")
    document["properties"]["currentKubernetesVersion"] = "1.34.4"
    placed(document, CLUSTER[option].path, live)
    body, wanted = copy.deepcopy(document), {}
    write(wanted, tuple(option.split(".")), same)
    assert bodies.overlay(body, options(**wanted)) == []
    assert body == document


@pytest.mark.parametrize(("option", "live", "same"), POOL_SPELLINGS, ids=lambda value: str(value)[:40])
def test_what_azure_spells_differently_in_a_pool_is_no_difference(option: str, live: Any, same: Any) -> None:
    document = recorded("cluster_acns_2026")
    placed(document["properties"]["agentPoolProfiles"][0], POOLS[option].path, live)
    body, wanted = copy.deepcopy(document), {"name": "nodepool1"}
    write(wanted, tuple(option.split(".")), same)
    assert bodies.overlay(body, options(agent_pools=[wanted])) == []
    assert body == document


class TestWhatAksSetsItself:
    """Spot pools carry a label and a taint of AKS, which a playbook cannot name."""

    POOL: ClassVar[Json] = {
        "name": "spot",
        "nodeLabels": {"kubernetes.azure.com/scalesetpriority": "spot", "team": "a"},
        "nodeTaints": ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule", "a=b:NoSchedule"],
    }

    def test_stays_when_the_others_change(self) -> None:
        body = copy.deepcopy(self.POOL)
        changes = bodies.overlay_pool(body, {"node_labels": {"team": "b"}, "node_taints": []})
        assert body["nodeLabels"] == {"kubernetes.azure.com/scalesetpriority": "spot", "team": "b"}
        assert body["nodeTaints"] == ["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]
        assert bodies.diff_of(changes) == (
            {"node_labels": {"team": "a"}, "node_taints": ["a=b:NoSchedule"]},
            {"node_labels": {"team": "b"}, "node_taints": []},
        )
