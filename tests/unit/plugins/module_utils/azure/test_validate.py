# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input: found before anything is sent, naming option, value and rule."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.validate import (
    check_creation,
    check_names,
    check_present,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.validate_network import (
    check_default_ranges,
    check_network,
)
from fake_arm import options

CILIUM = {"network_plugin": "azure", "network_plugin_mode": "overlay", "network_dataplane": "cilium"}


def net(**profile: Any) -> dict[str, Any]:
    return {"network_profile": profile}


def acns(**features: Any) -> dict[str, Any]:
    return net(**CILIUM, advanced_networking={"enabled": True, **features})


def pools(**pool: Any) -> dict[str, Any]:
    return {"agent_pools": [{"name": "system", **pool}]}


@pytest.mark.parametrize("name", ["a", "demo", "Demo_1-x", "a" * 63])
def test_good_cluster_names(name: str) -> None:
    check_names({"name": name, "resource_group": "rg_(a).b-c"})


@pytest.mark.parametrize(
    ("name", "group", "option"),
    [
        ("", "rg", "name"),
        ("-demo", "rg", "name"),
        ("demo-", "rg", "name"),
        ("_demo", "rg", "name"),
        ("a" * 64, "rg", "name"),
        ("de.mo", "rg", "name"),
        ("demo/../x", "rg", "name"),
        ("demo\n", "rg", "name"),
        ("demo", "", "resource_group"),
        ("demo", "rg.", "resource_group"),
        ("demo", "rg/x", "resource_group"),
        ("demo", "r" * 91, "resource_group"),
        ("demo", "rg?x=1", "resource_group"),
    ],
)
def test_bad_names(name: str, group: str, option: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_names({"name": name, "resource_group": group})
    assert caught.value.option == option
    assert caught.value.remedy


BAD: list[tuple[dict[str, Any], str, str]] = [
    ({"dns_prefix": "-x"}, "dns_prefix", "InvalidOption"),
    ({"kubernetes_version": "latest"}, "kubernetes_version", "InvalidOption"),
    ({"workload_identity": True, "oidc_issuer": False}, "workload_identity", "InvalidOption"),
    ({"authorized_ip_ranges": ["1.2.3.4/33"]}, "authorized_ip_ranges", "InvalidOption"),
    ({"identity": {"type": "UserAssigned"}}, "identity.user_assigned", "InvalidOption"),
    ({"identity": {"type": "SystemAssigned", "user_assigned": ["/x"]}}, "identity.user_assigned", "InvalidOption"),
    ({"properties": {"agentPoolProfiles": []}}, "properties.agentPoolProfiles", "InvalidOption"),
    # dataplane and policy
    (
        net(**CILIUM, network_policy="calico"),
        "network_profile.network_policy",
        "CiliumDataplaneRequiresNetworkPolicyCilium",
    ),
    (
        net(**CILIUM, network_policy="none"),
        "network_profile.network_policy",
        "CiliumDataplaneRequiresNetworkPolicyCilium",
    ),
    (
        net(network_policy="cilium", network_dataplane="azure"),
        "network_profile.network_policy",
        "NetworkPolicyCiliumRequiresCiliumDataplane",
    ),
    (
        net(network_plugin="kubenet", network_dataplane="cilium"),
        "network_profile.network_plugin",
        "CiliumDataplaneRequiresAzurePlugin",
    ),
    (
        net(network_plugin="kubenet", network_plugin_mode="overlay"),
        "network_profile.network_plugin_mode",
        "OverlayRequiresAzurePlugin",
    ),
    # bring your own CNI
    *[
        (net(network_plugin="none", **{key: value}), f"network_profile.{key}", "ByoCniWithManagedNetworking")
        for key, value in {
            "network_dataplane": "cilium",
            "network_policy": "cilium",
            "network_plugin_mode": "overlay",
            "advanced_networking": {"enabled": True},
        }.items()
    ],
    # ranges
    (net(pod_cidr="10.0.0.0/8", service_cidr="10.0.0.0/16"), "network_profile.pod_cidr", "OverlappingCidr"),
    ({**net(pod_cidr="10.1.0.0/16"), "vnet_cidrs": ["10.1.2.0/24"]}, "network_profile.pod_cidr", "OverlappingCidr"),
    (
        {**net(service_cidr="10.1.0.0/16"), "vnet_cidrs": ["10.0.0.0/8"]},
        "network_profile.service_cidr",
        "OverlappingCidr",
    ),
    (net(pod_cidrs=["10.2.0.0/16"], service_cidrs=["10.2.3.0/24"]), "network_profile.pod_cidr", "OverlappingCidr"),
    *[
        (net(pod_cidr=cidr), "network_profile.pod_cidr", "ForbiddenCidr")
        for cidr in ("169.254.1.0/24", "172.30.0.0/16", "172.16.0.0/12", "172.31.5.0/24", "192.0.2.0/25")
    ],
    (net(service_cidr="172.31.0.0/16"), "network_profile.service_cidr", "ForbiddenCidr"),
    (net(service_cidr="10.0.0.0/12"), "network_profile.service_cidr", "ServiceCidrTooLarge"),
    (net(pod_cidr="10.244.0.1/16"), "network_profile.pod_cidr", "InvalidCidr"),
    (net(pod_cidr="ten"), "network_profile.pod_cidr", "InvalidCidr"),
    (net(pod_cidr="10.244.0.0"), "network_profile.pod_cidr", "InvalidCidr"),
    ({"vnet_cidrs": ["nonsense"]}, "vnet_cidrs", "InvalidCidr"),
    (
        net(service_cidr="10.0.0.0/16", dns_service_ip="10.1.0.10"),
        "network_profile.dns_service_ip",
        "InvalidDnsServiceIp",
    ),
    (
        net(service_cidr="10.0.0.0/16", dns_service_ip="10.0.0.1"),
        "network_profile.dns_service_ip",
        "InvalidDnsServiceIp",
    ),
    (
        net(service_cidr="10.0.0.0/16", dns_service_ip="10.0.0.0"),
        "network_profile.dns_service_ip",
        "InvalidDnsServiceIp",
    ),
    (net(dns_service_ip="ten"), "network_profile.dns_service_ip", "InvalidDnsServiceIp"),
    # Advanced Container Networking Services
    (
        acns(observability=False, security=False),
        "network_profile.advanced_networking.enabled",
        "InvalidAdvancedNetworking",
    ),
    (
        net(network_dataplane="azure", advanced_networking={"enabled": True, "security": True}),
        "network_profile.advanced_networking.security",
        "InvalidAdvancedNetworking",
    ),
    (
        net(advanced_networking={"enabled": False, "transit_encryption": "WireGuard"}),
        "network_profile.advanced_networking.transit_encryption",
        "InvalidAdvancedNetworking",
    ),
    (
        acns(security=False, advanced_network_policies="L7"),
        "network_profile.advanced_networking.advanced_network_policies",
        "InvalidAdvancedNetworking",
    ),
    (
        {**acns(), "kubernetes_version": "1.28"},
        "network_profile.advanced_networking.enabled",
        "InvalidAdvancedNetworking",
    ),
    (
        {**acns(acceleration_mode="BpfVeth"), "kubernetes_version": "1.32.5"},
        "network_profile.advanced_networking.acceleration_mode",
        "InvalidAdvancedNetworking",
    ),
    # pools
    *[
        ({"agent_pools": [{"name": name}]}, "agent_pools.name", "InvalidPoolName")
        for name in ("System", "1pool", "a-b", "a" * 13, "")
    ],
    ({"agent_pools": [{"name": "winpool", "os_type": "Windows"}]}, "agent_pools.name", "InvalidPoolName"),
    ({"agent_pools": [{"name": "a"}, {"name": "a"}]}, "agent_pools.name", "InvalidOption"),
    (pools(mode="System", count=0), "agent_pools.system.count", "InvalidOption"),
    (pools(count=1001), "agent_pools.system.count", "InvalidOption"),
    (pools(enable_auto_scaling=True, min_count=1), "agent_pools.system.enable_auto_scaling", "InvalidOption"),
    (pools(enable_auto_scaling=True, min_count=5, max_count=2), "agent_pools.system.min_count", "InvalidOption"),
    (pools(enable_auto_scaling=False, min_count=1, max_count=2), "agent_pools.system.min_count", "InvalidOption"),
    (pools(max_pods=500), "agent_pools.system.max_pods", "InvalidOption"),
    (
        pools(node_taints=["node.cilium.io/agent-not-ready=true:NoExecute"]),
        "agent_pools.system.node_taints",
        "CiliumTaintOnPool",
    ),
    (pools(node_taints=["a:Sometimes"]), "agent_pools.system.node_taints", "InvalidOption"),
    (
        pools(mode="System", node_taints=["a=b:NoSchedule"]),
        "agent_pools.system.node_taints",
        "SystemPoolHasRestrictedTaint",
    ),
    (
        {**net(network_plugin="none"), "agent_pools": [{"name": "win", "os_type": "Windows"}]},
        "agent_pools.win.os_type",
        "WindowsNotSupported",
    ),
]


@pytest.mark.parametrize(("given", "option", "code"), BAD, ids=lambda value: str(value)[:60])
def test_bad_input_names_the_option(given: dict[str, Any], option: str, code: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_present(options(**given))
    assert (caught.value.option, caught.value.code) == (option, code)
    assert option in caught.value.message
    assert caught.value.remedy


GOOD: list[dict[str, Any]] = [
    {},
    net(**CILIUM, pod_cidr="10.244.0.0/16", service_cidr="10.0.0.0/16", dns_service_ip="10.0.0.10"),
    net(**CILIUM, network_policy="cilium"),
    net(network_plugin="none", network_policy="none", pod_cidr="10.244.0.0/16"),
    net(network_plugin="azure", network_policy="calico"),
    net(pod_cidrs=["10.244.0.0/16", "fd00:10::/64"], service_cidrs=["10.0.0.0/16", "fd00:20::/108"]),
    acns(advanced_network_policies="L7", transit_encryption="WireGuard", acceleration_mode="BpfVeth"),
    net(network_dataplane="azure", advanced_networking={"enabled": True, "advanced_network_policies": "None"}),
    pools(mode="System", node_taints=["CriticalAddonsOnly=true:NoSchedule", "a=b:PreferNoSchedule"]),
    pools(mode="User", count=0, node_taints=["dedicated=net:NoSchedule"]),
    pools(enable_auto_scaling=True, min_count=1, max_count=3),
    {"authorized_ip_ranges": ["203.0.113.7", "198.51.100.0/24"], "kubernetes_version": "1.34"},
]


@pytest.mark.parametrize("given", GOOD, ids=str)
def test_good_input_passes(given: dict[str, Any]) -> None:
    check_present(options(**given))


@pytest.mark.parametrize(
    ("profile", "code"),
    [
        ({"network_policy": "cilium"}, "NetworkPolicyCiliumRequiresCiliumDataplane"),
        ({"advanced_networking": {"enabled": True, "security": True}}, "InvalidAdvancedNetworking"),
        (
            {"network_dataplane": "cilium", "advanced_networking": {"advanced_network_policies": "FQDN"}},
            "InvalidAdvancedNetworking",
        ),
    ],
)
def test_what_is_absent_counts_only_once_the_profile_is_complete(profile: dict[str, Any], code: str) -> None:
    check_network(profile, [])
    with pytest.raises(InvalidInput) as caught:
        check_network(profile, [], complete=True)
    assert caught.value.code == code


def test_a_new_cluster_needs_a_system_pool() -> None:
    with pytest.raises(InvalidInput, match="mode System"):
        check_creation(options(location="x", agent_pools=[{"name": "a", "mode": "User"}]))


@pytest.mark.parametrize(
    ("profile", "own_subnet", "option"),
    [
        ({"network_plugin": "none", "pod_cidr": "10.0.128.0/17"}, True, "pod_cidr"),
        ({"network_plugin_mode": "overlay", "service_cidr": "10.244.0.0/20"}, True, "service_cidr"),
        ({"network_plugin": "none", "pod_cidr": "10.224.0.0/16"}, False, "pod_cidr"),
        ({"network_plugin": "none", "pod_cidr": "10.224.0.0/16"}, True, None),
        ({"network_plugin": "none", "pod_cidr": "10.0.0.0/16", "service_cidr": "10.1.0.0/16"}, False, None),
        ({"network_plugin": "none", "service_cidr": "10.244.0.0/20"}, False, None),
        ({"network_plugin": "none", "pod_cidr": "fd00::/64"}, False, None),
    ],
)
def test_ranges_that_aks_takes_by_itself(profile: dict[str, Any], own_subnet: bool, option: str | None) -> None:
    if option is None:
        check_default_ranges(profile, own_subnet=own_subnet)
        return
    with pytest.raises(InvalidInput, match="which AKS takes") as caught:
        check_default_ranges(profile, own_subnet=own_subnet)
    assert caught.value.option == f"network_profile.{option}"
