# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.podranges import check_pools_kept
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish, compose, warnings_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at

BYO = {"mode": "aks_byo_cni", "pod_cidrs": ["10.244.0.0/16"]}


def test_aks_byo_cni_sets_what_the_mode_needs_and_nothing_that_was_not_asked_for() -> None:
    assert compose(Wish(**BYO)) == {
        "aksbyocni": {"enabled": True},
        "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.244.0.0/16"]}},
        "rollOutCiliumPods": True,
        "operator": {"rollOutPods": True},
    }


def test_all_named_options_reach_their_values() -> None:
    composed = compose(
        Wish(
            **BYO,
            cluster_name="lab-1",
            mask_size=25,
            kube_proxy_replacement=True,
            api_host="api.example",
            api_port=443,
            operator_replicas=1,
            hubble_relay=True,
            hubble_ui=True,
        )
    )
    expected = {
        "cluster.name": "lab-1",
        "ipam.operator.clusterPoolIPv4MaskSize": 25,
        "kubeProxyReplacement": True,
        "k8sServiceHost": "api.example",
        "k8sServicePort": 443,
        "operator.replicas": 1,
        "hubble.relay.enabled": True,
        "hubble.relay.rollOutPods": True,
        "hubble.ui.enabled": True,
    }
    assert {path: at(composed, path) for path in expected} == expected


def test_kubeadm_takes_the_nodes_ranges_unless_a_pool_is_given() -> None:
    assert at(compose(Wish("kubeadm")), "ipam") == {"mode": "kubernetes"}
    pool = compose(Wish("kubeadm", pod_cidrs=["10.1.0.0/16", "fd00::/64"]))["ipam"]
    assert pool["mode"] == "cluster-pool"
    assert pool["operator"] == {
        "clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"],
        "clusterPoolIPv6PodCIDRList": ["fd00::/64"],
    }
    assert "ipam" not in compose(Wish("plain"))


def test_the_users_overlay_wins_and_maps_are_joined() -> None:
    composed = compose(Wish(**BYO, hubble_relay=True, overlay={"hubble": {"relay": {"replicas": 2}}, "debug": None}))
    assert composed["hubble"]["relay"] == {"enabled": True, "rollOutPods": True, "replicas": 2}
    assert composed["debug"] is None


@pytest.mark.parametrize(
    ("wish", "code", "option"),
    [
        (Wish("aks_byo_cni"), "PodCidrMissing", "pod_cidr"),
        (Wish(**BYO, cluster_name="Upper"), "InvalidClusterName", "cluster_name"),
        (Wish(**BYO, cluster_name="a" * 33), "InvalidClusterName", "cluster_name"),
        (Wish(**BYO, cluster_name="a-"), "InvalidClusterName", "cluster_name"),
        (Wish(**BYO, overlay={"cluster": {"name": "no_underscore"}}), "InvalidClusterName", "cluster_name"),
        (Wish("aks_byo_cni", pod_cidrs=["10.244.0.1/16"]), "InvalidPodCidr", "pod_cidr"),
        (Wish("aks_byo_cni", pod_cidrs=["ten"]), "InvalidPodCidr", "pod_cidr"),
        (Wish("aks_byo_cni", pod_cidrs=["10.244.0.0"]), "InvalidPodCidr", "pod_cidr"),
        (Wish(**BYO, api_host="https://api.example:443"), "InvalidApiServerHost", "k8s_service_host"),
        (Wish(**BYO, api_host="api.example:443"), "InvalidApiServerHost", "k8s_service_host"),
        (Wish("aks_byo_cni", pod_cidrs=["10.0.0.0/8", "10.244.0.0/16"]), "PodCidrOverlap", "pod_cidr"),
        (Wish("aks_byo_cni", pod_cidrs=["10.244.0.0/26"]), "InvalidMaskSize", "pod_cidr_mask_size"),
        (Wish(**BYO, mask_size=31), "InvalidMaskSize", "pod_cidr_mask_size"),
        (Wish(**BYO, mask_size=8), "InvalidMaskSize", "pod_cidr_mask_size"),
        (Wish(**BYO, hubble_ui=True), "HubbleUiNeedsRelay", "hubble_ui"),
        (
            Wish(**BYO, hubble_relay=True, overlay={"hubble": {"enabled": False}}),
            "HubbleRelayNeedsHubble",
            "hubble_relay",
        ),
        (Wish(**BYO, kube_proxy_replacement=True), "ApiServerHostMissing", "k8s_service_host"),
        (Wish(**BYO, overlay={"ipam": {"mode": "kubernetes"}}), "IpamModeIgnored", "values"),
        (Wish("plain", overlay={"aksbyocni": {"enabled": "true"}}), "PodCidrMissing", "pod_cidr"),
        (Wish(**BYO, overlay={"hubble": {"ui": {"enabled": "true"}}}), "HubbleUiNeedsRelay", "hubble_ui"),
        (Wish(**BYO, overlay={"kubeProxyReplacement": "strict"}), "ApiServerHostMissing", "k8s_service_host"),
    ],
)
def test_refuses_what_the_chart_would_refuse_or_misread(wish: Wish, code: str, option: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        compose(wish)
    assert (caught.value.code, caught.value.option) == (code, option)
    assert caught.value.remedy


def test_a_pool_in_the_overlay_or_multi_pool_is_enough() -> None:
    compose(Wish("aks_byo_cni", overlay={"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.9.0.0/16"]}}}))
    compose(Wish("aks_byo_cni", overlay={"ipam": {"mode": "multi-pool"}}))


@pytest.mark.parametrize(
    "host", ["api.example", "api.example.", "10.0.0.1", "fd00::1", "[fd00::1]", "kubernetes.example", "a_b.c-d"]
)
def test_names_and_addresses_of_an_api_server(host: str) -> None:
    assert compose(Wish(**BYO, api_host=host))["k8sServiceHost"] == host


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish("aks_byo_cni", pod_cidrs=["10.99.0.0/16"]), "PodCidrInUse"),
        (Wish("aks_byo_cni", pod_cidrs=["10.244.0.0/15"]), "PodCidrInUse"),
        (Wish(**BYO, mask_size=25), "MaskSizeInUse"),
        (Wish(**BYO, mask_size=24), ""),
        (Wish("aks_byo_cni", pod_cidrs=["10.244.0.0/16", "10.99.0.0/16"]), ""),
    ],
)
def test_ranges_of_running_pods_are_not_taken_away(wish: Wish, code: str) -> None:
    installed = compose(Wish(**BYO))
    if not code:
        check_pools_kept(installed, compose(wish))
        return
    with pytest.raises(InvalidInput) as caught:
        check_pools_kept(installed, compose(wish))
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("wish", "texts"),
    [
        (Wish(**BYO), []),
        (
            Wish(**BYO, operator_replicas=1, overlay={"operator": {"replicas": 2}}),
            ["values.operator.replicas=2", "operator_replicas (1)"],
        ),
        (Wish(**BYO, operator_replicas=2, overlay={"operator": {"replicas": 2}}), []),
        (Wish(**BYO, operator_replicas=2, overlay={"operator": {"replicas": 2.0}}), []),
        (Wish(**BYO, operator_replicas=2, overlay={"operator": {"replicas": "2"}}), []),
        (Wish(**BYO, hubble_relay=True, overlay={"hubble": {"relay": {"enabled": "true"}}}), []),
        (
            Wish(**BYO, hubble_relay=True, overlay={"hubble": {"relay": {"enabled": False}}}),
            ["values.hubble.relay.enabled=False"],
        ),
        (Wish(**BYO, hubble_relay=True, overlay={"hubble": {"relay": {"replicas": 3}}}), []),
        (Wish(**BYO, overlay={"aksbyocni": {"enabled": False}}), ["values.aksbyocni.enabled=False overrules mode"]),
        (
            Wish(**BYO, overlay={"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.9.0.0/16"]}}}),
            ["overrules pod_cidr (['10.244.0.0/16'])"],
        ),
        (Wish(**BYO, api_host="10.1.2.3"), ["k8s_service_host=10.1.2.3 is an address", "fqdn"]),
        (Wish("kubeadm", api_host="10.1.2.3"), []),
    ],
)
def test_warns_of_values_that_overrule_options(wish: Wish, texts: list[str]) -> None:
    found = warnings_of(wish)
    assert len(found) == bool(texts)
    assert all(text in found[0] for text in texts)
