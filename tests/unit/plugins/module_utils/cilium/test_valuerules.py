# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import check_values
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuerules import (
    check_api_host_in_cluster,
    check_rules,
    check_version_rules,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import put
from chart_facts import VERSIONS, chart_of

POOL = {"ipam.operator.clusterPoolIPv4PodCIDRList": ["10.244.0.0/16"]}
AKS = {"aksbyocni.enabled": True, **POOL}


def tree(paths: dict[str, Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for path, value in paths.items():
        put(values, path, value)
    return values


def refused(values: dict[str, Any], version: str = "") -> str:
    """The code of the refusal, empty when there is none."""
    try:
        check_rules(values)
        if version:
            check_version_rules(values, version, int(version.split(".")[1]))
    except InvalidInput as error:
        return error.code if error.remedy and error.option else "incomplete"
    return ""


@pytest.mark.parametrize(
    ("paths", "code"),
    [
        ({**AKS, "routingMode": "native"}, "RoutingModeNotPossible"),
        ({**AKS, "tunnel": "disabled"}, "RoutingModeNotPossible"),
        ({**AKS, "routingMode": "tunnel"}, ""),
        ({**AKS, "tunnelProtocol": "geneve"}, ""),
        ({**AKS, "tunnel": "geneve"}, ""),
        ({"routingMode": "native"}, ""),
    ],
)
def test_aks_without_plugin_needs_tunnels(paths: dict[str, Any], code: str) -> None:
    assert refused(tree(paths)) == code


@pytest.mark.parametrize(
    ("host", "code"),
    [
        *[
            (host, "ApiServerHostIsLocal")
            for host in ("localhost", "LOCALHOST", "api.localhost", "127.0.0.1", "127.1.2.3")
        ],
        *[(host, "ApiServerHostIsLocal") for host in ("::1", "[::1]", "::", "localhost.")],
        *[(host, "ApiServerHostIsService") for host in ("kubernetes", "kubernetes.default", "kubernetes.default.svc")],
        ("kubernetes.default.svc.cluster.local", "ApiServerHostIsService"),
        ("auto", "AutoApiServerHostNotPossible"),
        ("https://api.example", "InvalidApiServerHost"),
        ("api.example", ""),
        ("kubernetes.example", ""),
        ("localhost.example", ""),
        ("10.0.0.4", ""),
    ],
)
def test_the_api_server_as_nodes_see_it(host: str, code: str) -> None:
    assert refused(tree({**AKS, "k8sServiceHost": host})) == code


@pytest.mark.parametrize("version", VERSIONS)
def test_auto_is_for_kubeadm_from_1_18_on(version: str) -> None:
    code = "" if int(version.split(".")[1]) >= 18 else "AutoApiServerHostTooNew"
    assert refused(tree({"k8sServiceHost": "auto"}), version) == code


@pytest.mark.parametrize(
    ("host", "refusal"),
    [
        ("10.0.0.1", True),
        ("10.0.255.255", True),
        ("10.1.0.1", False),
        ("api.example", False),
        ("", False),
        ("fd00::1", False),
        ("[fd01::1]", True),
    ],
)
def test_an_address_of_a_service_is_no_api_server_before_cilium_runs(host: str, refusal: bool) -> None:
    services = {"the service range": "10.0.0.0/16", "the service range (1)": "fd01::/112"}
    values = {"k8sServiceHost": host}
    if not refusal:
        check_api_host_in_cluster(values, services)
        return
    with pytest.raises(InvalidInput, match="only Cilium makes such an address reachable") as caught:
        check_api_host_in_cluster(values, services)
    assert (caught.value.option, caught.value.code) == ("k8s_service_host", "ApiServerHostIsService")


@pytest.mark.parametrize(
    ("name", "since", "version", "code"),
    [
        *[
            (name, None, version, "InvalidClusterName")
            for name in ("Upper", "a" * 33, "-a", "")
            for version in VERSIONS
        ],
        *[("lab-1", None, version, "") for version in VERSIONS],
        *[("Upper", since, "1.16.19", "") for since in ("1.15", "1.14.0", "v1.15")],
        *[("Upper", since, "1.16.19", "InvalidClusterName") for since in ("1.16", "1.20", "x")],
        *[("Upper", "1.15", version, "InvalidClusterName") for version in VERSIONS[3:]],
        *[("Upper", "1.15", version, "") for version in VERSIONS[:2]],
        ("", "1.15", "1.16.19", "InvalidClusterName"),
    ],
)
def test_cluster_names_by_version(name: str, since: str | None, version: str, code: str) -> None:
    assert refused(tree({"cluster.name": name, "upgradeCompatibility": since}), version) == code


@pytest.mark.parametrize(
    ("number", "code"), [(0, ""), ("0", ""), (1, "InvalidClusterName"), ("7", "InvalidClusterName")]
)
def test_the_name_default_is_for_a_cluster_alone(number: object, code: str) -> None:
    assert refused(tree({"cluster.name": "default", "cluster.id": number})) == code


@pytest.mark.parametrize("version", VERSIONS)
def test_multi_pool_on_aks_needs_1_19(version: str) -> None:
    code = "" if int(version.split(".")[1]) >= 19 else "IpamModeIgnored"
    assert refused(tree({**AKS, "ipam.mode": "multi-pool"}), version) == code


@pytest.mark.parametrize("version", VERSIONS)
def test_the_rules_of_the_version_are_part_of_the_check(version: str) -> None:
    values = tree({"k8sServiceHost": "auto"})
    if int(version.split(".")[1]) >= 18:
        assert check_values(values, chart_of(version)) == values
        return
    with pytest.raises(InvalidInput, match=r"needs Cilium 1\.18"):
        check_values(values, chart_of(version))
