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
from field_values import SUBNET as SUBNETS

SUBNET = f"{SUBNETS}/nodes"
ADDRESS = "/subscriptions/0/resourceGroups/n/providers/Microsoft.Network/publicIPAddresses/out"
PREFIX = "/subscriptions/0/resourceGroups/n/providers/Microsoft.Network/publicIPPrefixes/out"
CILIUM = {"network_plugin": "azure", "network_plugin_mode": "overlay", "network_dataplane": "cilium"}


def net(**profile: Any) -> dict[str, Any]:
    return {"network_profile": profile}


def acns(**features: Any) -> dict[str, Any]:
    return net(**CILIUM, advanced_networking={"enabled": True, **features})


def access(**options: Any) -> dict[str, Any]:
    return {"api_server_access": options}


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
    (
        {**net(pod_cidr="10.1.0.0/16"), "properties": {"networkProfile": {"podCidr": "10.2.0.0/16"}}},
        "properties.networkProfile.podCidr",
        "NamedTwice",
    ),
    (
        {"oidc_issuer": True, "properties": {"oidcIssuerProfile": {"enabled": None}}},
        "properties.oidcIssuerProfile.enabled",
        "NamedTwice",
    ),
    (pools(count=1, properties={"count": 2}), "agent_pools.system.properties.count", "NamedTwice"),
    # access to the API server
    (access(authorized_ip_ranges=["1.2.3.4/33"]), "api_server_access.authorized_ip_ranges", "InvalidOption"),
    (
        access(authorized_ip_ranges=[f"10.0.{i}.1" for i in range(201)], vnet_integration=False),
        "api_server_access.authorized_ip_ranges",
        "InvalidOption",
    ),
    (
        access(authorized_ip_ranges=["203.0.113.0/24"], private_cluster=True),
        "api_server_access.authorized_ip_ranges",
        "InvalidOption",
    ),
    (access(private_dns_zone="zone"), "api_server_access.private_dns_zone", "InvalidOption"),
    (access(private_cluster=False, private_dns_zone="none"), "api_server_access.private_dns_zone", "InvalidOption"),
    (access(private_cluster=False, public_fqdn=True), "api_server_access.public_fqdn", "InvalidOption"),
    (access(private_dns_zone="none", public_fqdn=False), "api_server_access.public_fqdn", "InvalidOption"),
    (access(subnet_id="nodes"), "api_server_access.subnet_id", "InvalidSubnetId"),
    (access(subnet_id=SUBNET, vnet_integration=False), "api_server_access.subnet_id", "InvalidOption"),
    # plan, Entra ID, upkeep
    ({"support_plan": "AKSLongTermSupport", "sku_tier": "Standard"}, "support_plan", "PlanNeedsPremium"),
    ({"sku_name": "Automatic", "sku_tier": "Free"}, "sku_tier", "InvalidOption"),
    ({"node_resource_group": "rg."}, "node_resource_group", "InvalidResourceGroupName"),
    ({"node_resource_group": "RG"}, "node_resource_group", "InvalidOption"),
    ({"aad_profile": {"managed": False, "azure_rbac": True}}, "aad_profile.azure_rbac", "InvalidOption"),
    ({"aad_profile": {"admin_group_object_ids": ["admins"]}}, "aad_profile.admin_group_object_ids", "InvalidOption"),
    ({"aad_profile": {"tenant_id": "contoso"}}, "aad_profile.tenant_id", "InvalidOption"),
    ({"aad_profile": {"managed": True}, "enable_rbac": False}, "enable_rbac", "InvalidOption"),
    ({"image_cleaner": {"interval_hours": 12}}, "image_cleaner.interval_hours", "InvalidOption"),
    ({"upgrade_override": {"force_upgrade": True}}, "upgrade_override.force_upgrade", "InvalidOption"),
    ({"upgrade_override": {"until": "tomorrow"}}, "upgrade_override.until", "InvalidOption"),
    (
        {"auto_upgrade": {"channel": "node-image", "node_os_channel": "None"}},
        "auto_upgrade.node_os_channel",
        "InvalidOption",
    ),
    ({"tags": {"a/b": "c"}}, "tags", "InvalidTag"),
    ({"tags": {"a": "x" * 257}}, "tags", "InvalidTag"),
    *[
        ({"node_provisioning": {"mode": "Auto"}, **more}, "node_provisioning.mode", "NodeProvisioningNotSupported")
        for more in (
            net(network_policy="calico"),
            net(network_plugin="kubenet"),
            net(ip_families=["IPv4", "IPv6"]),
            {"agent_pools": [{"name": "win", "os_type": "Windows"}]},
            {"agent_pools": [{"name": "a", "pod_subnet_id": SUBNET}]},
        )
    ],
    # outbound
    (
        net(outbound_type="userDefinedRouting", load_balancer={"managed_outbound_ip_count": 2}),
        "network_profile.load_balancer.managed_outbound_ip_count",
        "LoadBalancerNotOutbound",
    ),
    (
        net(outbound_type="managedNATGateway", load_balancer={"outbound_ip_ids": ["/x"]}),
        "network_profile.load_balancer.outbound_ip_ids",
        "LoadBalancerNotOutbound",
    ),
    (
        net(outbound_type="loadBalancer", nat_gateway={"sku": "Standard"}),
        "network_profile.nat_gateway.sku",
        "NatGatewayNotOutbound",
    ),
    (
        net(load_balancer={"managed_outbound_ip_count": 1, "outbound_ip_ids": ["/x"]}),
        "network_profile.load_balancer.outbound_ip_ids",
        "OutboundAddressesContradict",
    ),
    (
        net(load_balancer={"outbound_ip_ids": ["/x"], "outbound_ip_prefix_ids": ["/y"]}),
        "network_profile.load_balancer.outbound_ip_prefix_ids",
        "OutboundAddressesContradict",
    ),
    (
        net(nat_gateway={"managed_outbound_ip_count": 1, "outbound_ip_ids": ["/x"]}),
        "network_profile.nat_gateway.outbound_ip_ids",
        "OutboundAddressesContradict",
    ),
    (
        net(nat_gateway={"sku": "Standard", "outbound_ip_prefix_ids": ["/x"]}),
        "network_profile.nat_gateway.outbound_ip_prefix_ids",
        "NatGatewayNeedsV2",
    ),
    *[
        (net(**{holder: {option: value}}), f"network_profile.{holder}.{option}", "InvalidOption")
        for holder, option, value in (
            ("load_balancer", "managed_outbound_ip_count", 101),
            ("load_balancer", "idle_timeout_in_minutes", 3),
            ("load_balancer", "allocated_outbound_ports", 64001),
            ("load_balancer", "allocated_outbound_ports", 1001),
            ("nat_gateway", "managed_outbound_ip_count", 17),
            ("nat_gateway", "idle_timeout_in_minutes", 121),
        )
    ],
    (
        net(load_balancer_sku="basic", outbound_type="userDefinedRouting"),
        "network_profile.outbound_type",
        "BasicLoadBalancer",
    ),
    (
        net(load_balancer_sku="basic", load_balancer={"idle_timeout_in_minutes": 10}),
        "network_profile.load_balancer.idle_timeout_in_minutes",
        "BasicLoadBalancer",
    ),
    # dual stack
    (net(ip_families=["IPv6"]), "network_profile.ip_families", "InvalidIpFamilies"),
    (
        net(ip_families=["IPv4", "IPv6"], pod_cidrs=["10.244.0.0/16"]),
        "network_profile.pod_cidrs",
        "RangesDoNotFitFamilies",
    ),
    (
        net(ip_families=["IPv4", "IPv6"], pod_cidrs=["fd00::/64", "10.244.0.0/16"]),
        "network_profile.pod_cidrs",
        "RangesDoNotFitFamilies",
    ),
    (net(service_cidrs=["10.0.0.0/16", "fd00::/64"]), "network_profile.service_cidrs", "ServiceCidrTooLarge"),
    (net(pod_cidr="10.1.0.0/16", pod_cidrs=["10.2.0.0/16"]), "network_profile.pod_cidr", "RangesContradict"),
    (
        net(network_plugin="kubenet", network_mode="bridge"),
        "network_profile.network_mode",
        "NetworkModeRequiresAzurePlugin",
    ),
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
    (
        net(**CILIUM, static_egress_gateway=True, advanced_networking={"acceleration_mode": "BpfVeth"}),
        "network_profile.advanced_networking.acceleration_mode",
        "InvalidAdvancedNetworking",
    ),
    (
        {**acns(transit_encryption="WireGuard"), "agent_pools": [{"name": "a", "enable_fips": True}]},
        "agent_pools.a.enable_fips",
        "WireGuardWithFips",
    ),
    (
        {**acns(acceleration_mode="BpfVeth"), "agent_pools": [{"name": "a", "os_sku": "Ubuntu2204"}]},
        "agent_pools.a.os_sku",
        "InvalidOption",
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
    (pools(enable_auto_scaling=True, min_count=5, max_count=2), "agent_pools.system.min_count", "InvalidOption"),
    (pools(enable_auto_scaling=False, min_count=1, max_count=2), "agent_pools.system.min_count", "InvalidOption"),
    (pools(max_pods=500), "agent_pools.system.max_pods", "InvalidOption"),
    (pools(mode="System", max_pods=20), "agent_pools.system.max_pods", "InvalidOption"),
    (
        {"agent_pools": [{"name": "sys", "mode": "System", "os_type": "Windows"}]},
        "agent_pools.sys.os_type",
        "InvalidOption",
    ),
    (pools(os_disk_size_gb=10), "agent_pools.system.os_disk_size_gb", "InvalidOption"),
    (pools(vnet_subnet_id="nodes"), "agent_pools.system.vnet_subnet_id", "InvalidSubnetId"),
    (
        {**net(**CILIUM), "agent_pools": [{"name": "a", "pod_subnet_id": SUBNET}]},
        "agent_pools.a.pod_subnet_id",
        "InvalidOption",
    ),
    (
        pools(enable_node_public_ip=False, node_public_ip_prefix_id="/x"),
        "agent_pools.system.node_public_ip_prefix_id",
        "InvalidOption",
    ),
    (pools(scale_set_priority="Spot", mode="System"), "agent_pools.system.scale_set_priority", "InvalidOption"),
    (pools(scale_set_priority="Regular", spot_max_price=1.0), "agent_pools.system.spot_max_price", "InvalidOption"),
    (pools(scale_set_priority="Spot", spot_max_price=0.0), "agent_pools.system.spot_max_price", "InvalidOption"),
    (pools(orchestrator_version="newest"), "agent_pools.system.orchestrator_version", "InvalidOption"),
    *[
        (pools(upgrade_settings=settings), f"agent_pools.system.upgrade_settings.{option}", "InvalidOption")
        for option, settings in (
            ("max_surge", {"max_surge": "a third"}),
            ("max_surge", {"max_surge": "101%"}),
            ("max_unavailable", {"max_surge": "0", "max_unavailable": "0"}),
            ("drain_timeout_in_minutes", {"drain_timeout_in_minutes": 2000}),
            ("node_soak_duration_in_minutes", {"node_soak_duration_in_minutes": 31}),
        )
    ],
    (pools(node_labels={"-a": "b"}), "agent_pools.system.node_labels", "InvalidLabel"),
    (pools(node_labels={"a": "b c"}), "agent_pools.system.node_labels", "InvalidLabel"),
    (pools(node_labels={"kubernetes.azure.com/x": "b"}), "agent_pools.system.node_labels", "InvalidOption"),
    (
        pools(node_taints=["kubernetes.azure.com/scalesetpriority=spot:NoSchedule"]),
        "agent_pools.system.node_taints",
        "InvalidOption",
    ),
    (pools(tags={"a<b": "c"}), "agent_pools.system.tags", "InvalidTag"),
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

BAD += [
    ({"identity": {"type": "UserAssigned", "user_assigned": ["me"]}}, "identity.user_assigned", "InvalidResourceId"),
    (
        net(load_balancer={"outbound_ip_ids": ["out"]}),
        "network_profile.load_balancer.outbound_ip_ids",
        "InvalidResourceId",
    ),
    (
        net(nat_gateway={"outbound_ip_prefix_ids": [ADDRESS]}),
        "network_profile.nat_gateway.outbound_ip_prefix_ids",
        "InvalidResourceId",
    ),
    (net(pod_cidr=""), "network_profile.pod_cidr", "EmptyOption"),
    (net(dns_service_ip=""), "network_profile.dns_service_ip", "EmptyOption"),
    ({"kubernetes_version": "1.3"}, "kubernetes_version", "InvalidOption"),
    ({"tags": {"a": ["x"]}}, "tags", "InvalidTag"),
    ({"tags": {"Team": "x", "team": "y"}}, "tags", "InvalidTag"),
    ({"tags": {f"k{number}": "v" for number in range(51)}}, "tags", "InvalidTag"),
    (pools(node_labels={"a": {"b": "c"}}), "agent_pools.system.node_labels", "InvalidLabel"),
    (pools(availability_zones=["westeurope-1"]), "agent_pools.system.availability_zones", "InvalidZones"),
    (pools(availability_zones=["1", "1"]), "agent_pools.system.availability_zones", "InvalidZones"),
    (pools(enable_auto_scaling=False, max_count=4), "agent_pools.system.max_count", "InvalidOption"),
    (
        pools(enable_auto_scaling=True, min_count=2, max_count=4, count=9),
        "agent_pools.system.count",
        "InvalidOption",
    ),
    (
        pools(properties={"nodeTaints": ["node.cilium.io/agent-not-ready=true:NoExecute"]}),
        "agent_pools.system.properties.nodeTaints",
        "CiliumTaintOnPool",
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
    {**access(authorized_ip_ranges=["203.0.113.7", "198.51.100.0/24"]), "kubernetes_version": "1.34"},
    access(private_cluster=True, vnet_integration=True, authorized_ip_ranges=["203.0.113.7"], subnet_id=SUBNET),
    access(private_dns_zone="/subscriptions/0/resourceGroups/n/providers/Microsoft.Network/privateDnsZones/x"),
    net(outbound_type="managedNATGateway", nat_gateway={"managed_outbound_ip_count": 2, "idle_timeout_in_minutes": 4}),
    net(nat_gateway={"outbound_ip_ids": [ADDRESS], "outbound_ip_prefix_ids": [PREFIX]}),
    net(outbound_type="userDefinedRouting", load_balancer={"backend_pool_type": "NodeIP"}),
    net(ip_families=["IPv4", "IPv6"], service_cidrs=["10.0.0.0/16", "fd00::/108"]),
    {"tags": {"cost": 42, "gone": None}, "sku_tier": "Premium", "support_plan": "AKSLongTermSupport"},
    pools(mode="User", scale_set_priority="Spot", spot_max_price=-1.0, scale_set_eviction_policy="Deallocate"),
    pools(upgrade_settings={"max_surge": "0", "max_unavailable": "25%", "node_soak_duration_in_minutes": 0}),
    pools(node_labels={"example.com/team": "a", "empty": "", "number": 1}),
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


@pytest.mark.parametrize(
    ("outbound", "subnet", "code"),
    [
        ("userDefinedRouting", None, "OutboundTypeNeedsOwnNetwork"),
        ("userAssignedNATGateway", None, "OutboundTypeNeedsOwnNetwork"),
        ("managedNATGateway", SUBNET, "OutboundTypeNeedsManagedNetwork"),
        ("userDefinedRouting", SUBNET, ""),
        ("managedNATGateway", None, ""),
    ],
)
def test_the_way_out_of_a_new_cluster_fits_its_network(outbound: str, subnet: str | None, code: str) -> None:
    given = options(location="x", agent_pools=[{"name": "a", "vnet_subnet_id": subnet}], **net(outbound_type=outbound))
    if not code:
        check_creation(given)
        return
    with pytest.raises(InvalidInput) as caught:
        check_creation(given)
    assert caught.value.code == code


def test_ranges_of_a_virtual_network_to_create_count() -> None:
    network = {"name": "v", "cidrs": ["10.244.0.0/15"], "subnet": {"name": "s", "cidr": "10.244.0.0/24"}}
    with pytest.raises(InvalidInput, match="overlaps vnet_cidrs"):
        check_present(options(virtual_network=network, **net(pod_cidr="10.244.0.0/16")))


@pytest.mark.parametrize(
    ("pool", "option"),
    [
        ({"enable_auto_scaling": True, "min_count": 1}, "enable_auto_scaling"),
        ({"pod_ip_allocation_mode": "StaticBlock"}, "pod_ip_allocation_mode"),
    ],
    ids=str,
)
def test_a_new_pool_is_whole_and_one_that_is_there_may_be_named_in_part(pool: dict[str, Any], option: str) -> None:
    check_present(options(**pools(**pool)))
    with pytest.raises(InvalidInput) as caught:
        check_creation(options(location="x", **pools(**pool)))
    assert caught.value.option == f"agent_pools.system.{option}"


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


@pytest.mark.parametrize(
    ("given", "option"),
    [
        (pools(min_count=1, max_count=4), "agent_pools.system.min_count"),
        (pools(os_sku="Windows2022"), "agent_pools.system.os_sku"),
        (pools(os_sku="Ubuntu", os_type="Windows"), "agent_pools.system.os_sku"),
        (
            {"kubernetes_version": "1.34", **pools(orchestrator_version="1.35")},
            "agent_pools.system.orchestrator_version",
        ),
        ({"support_plan": "AKSLongTermSupport", **pools()}, "support_plan"),
        ({**net(nat_gateway={"managed_outbound_ip_count": 1}), **pools()}, "network_profile.nat_gateway"),
        ({**net(dns_service_ip="10.1.0.10"), **pools()}, "network_profile.dns_service_ip"),
        ({**net(dns_service_ip="10.0.0.1"), **pools()}, "network_profile.dns_service_ip"),
        ({**net(network_plugin="azure", pod_cidr="10.244.0.0/16"), **pools()}, "network_profile.pod_cidr"),
        ({**net(network_dataplane="cilium", pod_cidr="10.244.0.0/16"), **pools()}, "network_profile.pod_cidr"),
    ],
    ids=lambda value: str(value)[:60],
)
def test_what_azure_would_take_for_a_new_cluster_counts(given: dict[str, Any], option: str) -> None:
    check_present(options(**given))
    with pytest.raises(InvalidInput) as caught:
        check_creation(options(location="x", **given))
    assert caught.value.option.startswith(option)
    assert caught.value.remedy
