# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import MASK
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import values
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.values import Wish, compose

BYO = {"mode": "aks_byo_cni", "pod_cidrs": ["10.244.0.0/16"]}
NO_HUBBLE = {"hubble": {"enabled": False}}
plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
)


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
    assert {path: values.at(composed, path) for path in expected} == expected


def test_kubeadm_takes_the_nodes_ranges_unless_a_pool_is_given() -> None:
    assert values.at(compose(Wish("kubeadm")), "ipam") == {"mode": "kubernetes"}
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


@given(plain_json, st.dictionaries(st.text(max_size=3), plain_json, max_size=3))
def test_merging_an_overlay_twice_changes_nothing(base: Any, overlay: dict[str, Any]) -> None:
    once = values.deep_merge({"a": base}, overlay)
    assert values.deep_merge(once, overlay) == once


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


def test_the_pool_as_one_text_is_understood() -> None:
    listed = {"ipam": {"operator": {"clusterPoolIPv4PodCIDRList": "10.1.0.0/16 10.2.0.0/16"}}}
    assert [str(n) for n in values.pod_networks(listed)] == ["10.1.0.0/16", "10.2.0.0/16"]


def test_pods_must_not_share_addresses_with_services_or_nodes() -> None:
    pods = values.parse_networks(["10.0.0.0/8", "fd00::/64"])
    values.check_against_cluster(pods, services={"service": "172.20.0.0/16"}, node_addresses={"n": "192.168.0.1"})
    with pytest.raises(InvalidInput, match=r"overlaps the service range 10\.96\.0\.0/16"):
        values.check_against_cluster(pods, services={"the service range": "10.96.0.0/16"}, node_addresses={})
    with pytest.raises(InvalidInput, match=r"10\.224\.0\.4, the address of node aks-1"):
        values.check_against_cluster(pods, services={}, node_addresses={"aks-1": "10.224.0.4"})
    with pytest.raises(InvalidInput, match="fd00::9"):
        values.check_against_cluster(pods, services={}, node_addresses={"aks-1": "fd00::9"})


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1}, {"a": 1.0}, True),
        ({"a": 1}, {"a": True}, False),
        ({"a": 0}, {"a": False}, False),
        ({"a": "1"}, {"a": 1}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": (1,)}, {"a": [1]}, True),
    ],
)
def test_values_are_equal_as_helm_stores_them(one: Any, other: Any, equal: bool) -> None:
    assert (values.canonical(one) == values.canonical(other)) is equal


def test_private_keys_and_passwords_are_hidden_but_taint_keys_are_not() -> None:
    given_values = {
        "tls": {"ca": {"cert": "CERT", "key": "PRIVATE"}},
        "etcd": {"password": "hunter2"},
        "azure": {"clientSecret": "s3cret"},
        "pem": "-----BEGIN EC PRIVATE KEY-----",
        "tolerations": [{"key": "node.cilium.io/agent-not-ready"}],
        "encryption": {"secretName": "cilium-keys"},
        "count": 3,
    }
    shown = values.masked(given_values)
    assert shown["tls"]["ca"] == {"cert": "CERT", "key": MASK}
    assert shown["etcd"]["password"] == shown["azure"]["clientSecret"] == shown["pem"] == MASK
    assert shown["tolerations"] == given_values["tolerations"]
    assert shown["encryption"] == given_values["encryption"]
    assert sorted(values.secrets_of(given_values)) == sorted(["PRIVATE", "hunter2", "s3cret", given_values["pem"]])


@pytest.mark.parametrize("host", ["api.example", "api.example.", "10.0.0.1", "fd00::1", "[fd00::1]", "auto", "a_b.c-d"])
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
        values.check_pools_kept(installed, compose(wish))
        return
    with pytest.raises(InvalidInput) as caught:
        values.check_pools_kept(installed, compose(wish))
    assert caught.value.code == code
