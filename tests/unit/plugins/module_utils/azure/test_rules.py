# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What Azure changes in place, and what it does not."""

from __future__ import annotations

import copy
from typing import Any, ClassVar

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import body as bodies
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import rules
from fake_arm import options

Json = dict[str, Any]

OVERLAY = {
    "networkPlugin": "azure",
    "networkPluginMode": "overlay",
    "networkPolicy": "none",
    "podCidr": "10.244.0.0/16",
}
NODE_SUBNET = {"networkPlugin": "azure", "networkPolicy": "none"}
KUBENET = {"networkPlugin": "kubenet", "networkPolicy": "none", "podCidr": "10.244.0.0/16"}
BYO = {"networkPlugin": "none", "podCidr": "10.244.0.0/16"}
CILIUM = {**OVERLAY, "networkPolicy": "cilium", "networkDataplane": "cilium"}


PRIVATE = {"apiServerAccessProfile": {"enablePrivateCluster": True, "privateDNSZone": "system"}}
INTEGRATED = {"apiServerAccessProfile": {"enableVnetIntegration": True, "subnetId": "/a", "enablePrivateCluster": True}}
NAP = {"nodeProvisioningProfile": {"mode": "Auto"}}
WINDOWS = {"name": "win", "osType": "Windows"}


def cluster(profile: Json, *pools: Json, **properties: Any) -> Json:
    system = {"name": "system", "count": 1, "vmSize": "A", "maxPods": 30, "orchestratorVersion": "1.34.2"}
    return {
        "location": "westeurope",
        "properties": {
            "networkProfile": profile,
            "agentPoolProfiles": [{**system, **pool} for pool in (pools or ({},))],
            "kubernetesVersion": "1.34.2",
            "dnsPrefix": "demo",
            "oidcIssuerProfile": {"enabled": True},
            "aadProfile": {"managed": True},
            **properties,
        },
    }


def apply(live: Json, **given: Any) -> Json:
    """The body of the PUT, after the rules."""
    body = copy.deepcopy(live)
    changes = bodies.overlay(body, bodies.with_defaults(options(**given)))
    assert changes
    rules.check_changes(changes, live, body)
    return body


def refused(live: Json, **given: Any) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        apply(live, **given)
    assert caught.value.remedy
    return caught.value


def to(**profile: Any) -> dict[str, Any]:
    return {"network_profile": profile}


@pytest.mark.parametrize(
    ("live", "given"),
    [
        (KUBENET, to(network_plugin="azure", network_plugin_mode="overlay")),
        (NODE_SUBNET, to(network_plugin_mode="overlay", pod_cidr="10.244.0.0/16")),
        (OVERLAY, to(network_dataplane="cilium")),
        (NODE_SUBNET, to(network_dataplane="cilium")),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_dataplane="cilium")),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_policy="none")),
        (OVERLAY, to(pod_cidr="10.240.0.0/12")),
        (BYO, to(pod_cidr="10.1.0.0/16")),
        (CILIUM, to(advanced_networking={"enabled": True, "security": True})),
        (CILIUM, to(outbound_type="managedNATGateway")),
        (CILIUM, {"kubernetes_version": "1.35"}),
        (CILIUM, {"api_server_access": {"authorized_ip_ranges": ["203.0.113.0/24"]}}),
        (CILIUM, {"agent_pools": [{"name": "system", "count": 5, "node_labels": {"a": "b"}, "mode": "System"}]}),
        (CILIUM, {"agent_pools": [{"name": "other", "vm_size": "B"}]}),
    ],
    ids=str,
)
def test_azure_can_do_this_in_place(live: dict[str, Any], given: dict[str, Any]) -> None:
    apply(cluster(live), **given)


@pytest.mark.parametrize(
    ("live", "given", "option"),
    [
        (BYO, to(network_plugin="azure"), "network_profile.network_plugin"),
        (OVERLAY, to(network_plugin="none"), "network_profile.network_plugin"),
        (OVERLAY, to(network_plugin="kubenet"), "network_profile.network_plugin"),
        (KUBENET, to(network_plugin="azure"), "network_profile.network_plugin"),
        (CILIUM, to(network_dataplane="azure"), "network_profile.network_dataplane"),
        ({**CILIUM, "networkDataplane": "cilium"}, to(network_policy="none"), "network_profile.network_policy"),
        ({**OVERLAY, "networkPolicy": "calico"}, to(network_policy="azure"), "network_profile.network_policy"),
        (OVERLAY, to(pod_cidr="10.200.0.0/16"), "network_profile.pod_cidr"),
        (OVERLAY, to(pod_cidr="10.244.0.0/20"), "network_profile.pod_cidr"),
        (KUBENET, to(pod_cidr="10.240.0.0/12"), "network_profile.pod_cidr"),
        (OVERLAY, to(service_cidr="10.9.0.0/16"), "network_profile.service_cidr"),
        (OVERLAY, to(dns_service_ip="10.0.0.11"), "network_profile.dns_service_ip"),
        (OVERLAY, to(load_balancer_sku="basic"), "network_profile.load_balancer_sku"),
        (
            NODE_SUBNET,
            to(network_plugin_mode="overlay", network_dataplane="cilium"),
            "network_profile.network_dataplane",
        ),
        (KUBENET, to(network_dataplane="cilium"), "network_profile.network_dataplane"),
        (
            {**NODE_SUBNET, "networkPolicy": "azure"},
            to(network_plugin_mode="overlay"),
            "network_profile.network_plugin_mode",
        ),
        (CILIUM, {"location": "northeurope"}, "location"),
        (CILIUM, {"dns_prefix": "other"}, "dns_prefix"),
        (CILIUM, {"oidc_issuer": False}, "oidc_issuer"),
        (CILIUM, {"kubernetes_version": "1.33"}, "kubernetes_version"),
        (CILIUM, {"kubernetes_version": "1.34.1"}, "kubernetes_version"),
        (CILIUM, {"agent_pools": [{"name": "system", "vm_size": "B"}]}, "agent_pools.system.vm_size"),
        (CILIUM, {"agent_pools": [{"name": "system", "max_pods": 50}]}, "agent_pools.system.max_pods"),
    ],
    ids=str,
)
def test_azure_refuses_this_and_so_do_we_before_the_call(
    live: dict[str, Any], given: dict[str, Any], option: str
) -> None:
    error = refused(cluster(live), **given)
    assert error.option == option
    assert error.code in ("ImmutableField", "MigrationNotPossible")


class TestMigrationToOverlay:
    @pytest.mark.parametrize("version", ["1.26.9", "1.27.0"])
    def test_needs_kubernetes_1_27(self, version: str) -> None:
        live = cluster(NODE_SUBNET, {"orchestratorVersion": version}, kubernetesVersion=version)
        if version == "1.27.0":
            apply(live, **to(network_plugin_mode="overlay"))
        else:
            assert "1.27" in refused(live, **to(network_plugin_mode="overlay")).message

    def test_pods_with_a_subnet_of_their_own_stand_in_the_way(self) -> None:
        live = cluster(NODE_SUBNET, {"podSubnetID": "/x"})
        assert "subnet of their own" in refused(live, **to(network_plugin_mode="overlay")).message

    def test_a_policy_engine_stands_in_the_way_even_if_it_goes_in_the_same_run(self) -> None:
        live = cluster({**NODE_SUBNET, "networkPolicy": "calico"})
        error = refused(live, **to(network_plugin_mode="overlay", network_policy="none"))
        assert (error.code, error.option) == ("MigrationNotPossible", "network_profile.network_plugin_mode")

    def test_may_bring_a_pod_cidr(self) -> None:
        body = apply(
            cluster(KUBENET),
            **to(network_plugin="azure", network_plugin_mode="overlay", pod_cidr="10.240.0.0/12"),
        )
        assert body["properties"]["networkProfile"]["podCidr"] == "10.240.0.0/12"


class TestMigrationToCilium:
    def test_sets_the_policy_and_warns(self) -> None:
        live = cluster({**OVERLAY, "networkPolicy": "calico"})
        body = apply(live, **to(network_dataplane="cilium"))
        assert body["properties"]["networkProfile"]["networkPolicy"] == "cilium"
        lines = rules.warnings_for(live, body)
        assert "reimage the nodes of all pools at once" in lines[0]
        assert "calico" in lines[1]

    def test_windows_pools_stand_in_the_way(self) -> None:
        error = refused(cluster(OVERLAY, {}, WINDOWS), **to(network_dataplane="cilium"))
        assert (error.code, error.option) == ("MigrationNotPossible", "network_profile.network_dataplane")
        assert "win" in error.message

    def test_node_auto_provisioning_stands_in_the_way(self) -> None:
        assert "auto-provisioning" in refused(cluster(OVERLAY, **NAP), **to(network_dataplane="cilium")).message

    def test_a_new_windows_pool_does_not_fit_cilium(self) -> None:
        error = refused(cluster(CILIUM), agent_pools=[{"name": "win", "os_type": "Windows"}])
        assert (error.code, error.option) == ("WindowsNotSupported", "agent_pools.win.os_type")

    def test_a_changed_policy_needs_kubernetes_1_30(self) -> None:
        old = {"kubernetesVersion": "1.29.4"}
        live = cluster({**OVERLAY, "networkPolicy": "calico"}, {"orchestratorVersion": "1.29.4"}, **old)
        assert "1.30" in refused(live, **to(network_policy="none")).message
        apply(live, **to(network_dataplane="cilium"))


class TestPodRange:
    @pytest.mark.parametrize("option", ["pod_cidr", "pod_cidrs"])
    def test_grows_in_both_fields(self, option: str) -> None:
        live = cluster({**OVERLAY, "podCidrs": ["10.244.0.0/16"]})
        value = "10.240.0.0/12"
        body = apply(live, **to(**{option: [value] if option == "pod_cidrs" else value}))
        profile = body["properties"]["networkProfile"]
        assert (profile["podCidr"], profile["podCidrs"]) == (value, [value])

    def test_does_not_grow_with_windows_pools(self) -> None:
        assert "Windows" in refused(cluster(OVERLAY, {}, WINDOWS), **to(pod_cidr="10.240.0.0/12")).message

    def test_of_two_families_cannot_change(self) -> None:
        live = cluster({**OVERLAY, "podCidrs": ["10.244.0.0/16", "fd00::/64"]})
        error = refused(live, **to(pod_cidrs=["10.240.0.0/12", "fd00::/64"]))
        assert error.option == "network_profile.pod_cidrs"


MANAGED, OWN = {}, {"vnetSubnetID": "/net/nodes"}
BALANCER, NAT = "loadBalancer", "managedNATGateway"
ROUTES, OWN_NAT = "userDefinedRouting", "userAssignedNATGateway"


@pytest.mark.parametrize(
    ("pool", "before", "after", "possible"),
    [
        (MANAGED, BALANCER, NAT, True),
        (MANAGED, BALANCER, "none", True),
        (MANAGED, "none", BALANCER, True),
        (MANAGED, NAT, BALANCER, True),
        (MANAGED, BALANCER, ROUTES, False),
        (MANAGED, BALANCER, OWN_NAT, False),
        (OWN, BALANCER, ROUTES, True),
        (OWN, BALANCER, OWN_NAT, True),
        (OWN, ROUTES, OWN_NAT, True),
        (OWN, OWN_NAT, BALANCER, True),
        (OWN, BALANCER, NAT, False),
    ],
)
def test_outbound_types_depend_on_the_network(pool: Json, before: str, after: str, possible: bool) -> None:
    live = cluster({**CILIUM, "outboundType": before}, pool)
    if possible:
        body = apply(live, **to(outbound_type=after))
        assert "outbound addresses" in rules.warnings_for(live, body)[0]
    else:
        assert refused(live, **to(outbound_type=after)).option == "network_profile.outbound_type"


def test_node_auto_provisioning_keeps_the_outbound_type() -> None:
    assert "auto-provisioning" in refused(cluster(CILIUM, **NAP), **to(outbound_type=NAT)).message


def access(**options: Any) -> Json:
    return {"api_server_access": options}


@pytest.mark.parametrize(
    ("properties", "given", "refusal"),
    [
        (PRIVATE, access(private_cluster=False), "api_server_access.private_cluster"),
        ({}, access(private_cluster=True), "api_server_access.private_cluster"),
        ({}, access(private_cluster=True, vnet_integration=True, subnet_id="/a"), ""),
        (INTEGRATED, access(private_cluster=False), ""),
        (INTEGRATED, access(vnet_integration=False), "api_server_access.vnet_integration"),
        (INTEGRATED, access(subnet_id="/b"), "api_server_access.subnet_id"),
        (PRIVATE, access(private_dns_zone="none"), ""),
        (PRIVATE, access(private_dns_zone="/zones/x"), "api_server_access.private_dns_zone"),
        ({}, {"aad_profile": {"managed": False}}, "aad_profile.managed"),
        ({}, {"node_resource_group": "other"}, "node_resource_group"),
    ],
    ids=str,
)
def test_access_to_the_api_server(properties: Json, given: Json, refusal: str) -> None:
    live = cluster(CILIUM, nodeResourceGroup="nodes", **properties)
    if refusal:
        assert refused(live, **given).option == refusal
    else:
        apply(live, **given)


def test_what_a_change_does_to_nodes_is_told() -> None:
    live = cluster(CILIUM, **NAP, **PRIVATE)
    body = apply(live, node_provisioning={"default_node_pools": "None"}, **access(private_dns_zone="none"))
    assert len(rules.warnings_for(live, body)) == 2
    kubenet = cluster(KUBENET, OWN)
    body = apply(kubenet, **to(network_plugin="azure", network_plugin_mode="overlay"))
    assert "user-assigned identity" in rules.warnings_for(kubenet, body)[1]
    assert rules.warnings_for(live, live) == []


class TestVersions:
    def pool(self, version: str, **more: Any) -> Json:
        return {"orchestratorVersion": version, "currentOrchestratorVersion": version, **more}

    @pytest.mark.parametrize(
        ("wanted", "code"),
        [("1.35", ""), ("1.35.1", ""), ("1.36", "VersionNotPossible"), ("1.34.1", "ImmutableField"), ("1.34.9", "")],
    )
    def test_the_control_plane_takes_one_minor_at_a_time(self, wanted: str, code: str) -> None:
        live = cluster(CILIUM, kubernetesVersion="1.34", currentKubernetesVersion="1.34.4")
        if code:
            error = refused(live, kubernetes_version=wanted)
            assert (error.option, error.code) == ("kubernetes_version", code)
        else:
            apply(live, kubernetes_version=wanted)

    def test_long_term_support_may_skip(self) -> None:
        apply(cluster(CILIUM, supportPlan="AKSLongTermSupport"), kubernetes_version="1.36")

    def test_old_pools_hold_the_control_plane_back(self) -> None:
        live = cluster(CILIUM, self.pool("1.31.5"))
        error = refused(live, kubernetes_version="1.35")
        assert "system (1.31.5)" in error.message
        both = refused(
            live, kubernetes_version="1.35", agent_pools=[{"name": "system", "orchestrator_version": "1.35"}]
        )
        assert both.option == "agent_pools.system.orchestrator_version"

    @pytest.mark.parametrize(
        ("wanted", "possible"), [("1.34", True), ("1.34.2", True), ("1.34.3", False), ("1.35", False), ("1.32", False)]
    )
    def test_a_pool_is_not_newer_than_the_control_plane(self, wanted: str, possible: bool) -> None:
        live = cluster(CILIUM, self.pool("1.33.1"))
        pools = [{"name": "system", "orchestrator_version": wanted}]
        if possible:
            apply(live, agent_pools=pools)
        else:
            assert refused(live, agent_pools=pools).option == "agent_pools.system.orchestrator_version"

    def test_a_pool_may_go_along_with_the_control_plane(self) -> None:
        pools = [{"name": "system", "orchestrator_version": "1.35"}]
        apply(cluster(CILIUM, self.pool("1.34.2")), kubernetes_version="1.35", agent_pools=pools)
        spot = cluster(CILIUM, self.pool("1.34.2", scaleSetPriority="Spot"))
        assert "spot" in refused(spot, kubernetes_version="1.35", agent_pools=pools).message

    def test_a_new_pool_may_be_older_but_not_too_old(self) -> None:
        apply(cluster(CILIUM), agent_pools=[{"name": "old", "orchestrator_version": "1.31"}])
        error = refused(cluster(CILIUM), agent_pools=[{"name": "old", "orchestrator_version": "1.30"}])
        assert error.code == "VersionNotPossible"


class TestOnePool:
    """As module aks_node_pool asks."""

    CLUSTER: ClassVar[Json] = cluster(CILIUM)

    def changes(self, live: Json, **given: Any) -> tuple[list[bodies.Change], Json]:
        body = copy.deepcopy(live)
        return bodies.overlay_pool(body, given), body

    def test_names_options_without_a_list(self) -> None:
        live = {"vmSize": "A", "mode": "User"}
        changes, body = self.changes(live, vm_size="B")
        with pytest.raises(CollectionError) as caught:
            rules.check_pool_changes(changes, live, body, self.CLUSTER)
        assert (caught.value.option, caught.value.code) == ("vm_size", "ImmutableField")

    def test_a_pool_becomes_no_gateway(self) -> None:
        live = {"mode": "User"}
        changes, body = self.changes(live, mode="Gateway")
        with pytest.raises(CollectionError, match="for gateways"):
            rules.check_pool_changes(changes, live, body, self.CLUSTER)

    @pytest.mark.parametrize(
        ("given", "option"),
        [({"os_type": "Windows"}, "os_type"), ({"orchestrator_version": "1.35"}, "orchestrator_version")],
    )
    def test_a_new_pool_fits_its_cluster(self, given: Json, option: str) -> None:
        body, changes = bodies.new_pool(given)
        with pytest.raises(CollectionError) as caught:
            rules.check_pool_changes(changes, None, body, self.CLUSTER)
        assert caught.value.option == option

    def test_fips_does_not_go_with_wireguard(self) -> None:
        acns = {"enabled": True, "security": {"enabled": True, "transitEncryption": {"type": "WireGuard"}}}
        with pytest.raises(CollectionError, match="WireGuard"):
            rules.check_pool_changes([], {}, {"enableFIPS": True}, cluster({**CILIUM, "advancedNetworking": acns}))


def test_only_named_pools_count_as_broken() -> None:
    document = {
        "properties": {
            "provisioningState": "Succeeded",
            "agentPoolProfiles": [
                {"name": "a", "provisioningState": "Failed"},
                {"name": "b", "provisioningState": "Failed"},
            ],
        }
    }
    assert rules.broken_parts(document, ["A"]) == ["agent_pools.a Failed"]
    assert rules.broken_parts(document, []) == []


def test_wireguard_does_not_go_with_a_fips_pool_that_is_there() -> None:
    live = cluster(CILIUM, {"enableFIPS": True})
    features = {"enabled": True, "security": True, "transit_encryption": "WireGuard"}
    assert refused(live, **to(advanced_networking=features)).code == "WireGuardWithFips"


class TestBounds:
    SCALED: ClassVar[Json] = {"enableAutoScaling": True, "minCount": 1, "maxCount": 5}

    def test_live_ones_count(self) -> None:
        pools = [{"name": "system", "enable_auto_scaling": True, "max_count": 8}]
        apply(cluster(CILIUM, self.SCALED), agent_pools=pools)
        assert refused(cluster(CILIUM), agent_pools=pools).option == "agent_pools.system.enable_auto_scaling"

    def test_are_in_order(self) -> None:
        error = refused(cluster(CILIUM, self.SCALED), agent_pools=[{"name": "system", "min_count": 6}])
        assert error.option == "agent_pools.system.min_count"

    def test_of_a_new_pool(self) -> None:
        error = refused(cluster(CILIUM), agent_pools=[{"name": "new", "enable_auto_scaling": True}])
        assert error.option == "agent_pools.new.enable_auto_scaling"


class TestRawFields:
    """What an option would refuse is refused in raw fields as well."""

    @pytest.mark.parametrize(
        ("raw", "place"),
        [
            ({"networkProfile": {"serviceCidr": "10.9.0.0/16"}}, "networkProfile.serviceCidr"),
            ({"networkProfile": {"networkPlugin": "none"}}, "networkProfile.networkPlugin"),
            ({"oidcIssuerProfile": {"enabled": False}}, "oidcIssuerProfile.enabled"),
            ({"kubernetesVersion": "1.33"}, "kubernetesVersion"),
        ],
        ids=str,
    )
    def test_of_a_cluster(self, raw: Json, place: str) -> None:
        error = refused(cluster(CILIUM), properties=raw)
        assert (error.option, error.code) == (f"properties.{place}", "ImmutableField")

    @pytest.mark.parametrize("raw", [{"vmSize": "B"}, {"mode": "Gateway"}, {"orchestratorVersion": "1.33"}], ids=str)
    def test_of_a_pool(self, raw: Json) -> None:
        error = refused(cluster(CILIUM), agent_pools=[{"name": "system", "properties": raw}])
        assert (error.option, error.code) == (f"agent_pools.system.properties.{next(iter(raw))}", "ImmutableField")

    def test_what_azure_means_anyway_is_no_change(self) -> None:
        apply(cluster(CILIUM), properties={"networkProfile": {"networkMode": "transparent"}})
        apply(cluster(CILIUM), agent_pools=[{"name": "system", "properties": {"scaleSetPriority": "Regular"}}])

    def test_that_nobody_types_are_azures_to_judge(self) -> None:
        apply(cluster(CILIUM), properties={"storageProfile": {"blobCSIDriver": {"enabled": True}}})
