# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which clusters become hosts, and by what names."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import aks_hosts


def cluster(name: str, group: str = "rg", subscription: str = "11111111-2222", **more: Any) -> dict[str, Any]:
    return {
        "name": name,
        "resource_group": group,
        "subscription_id": subscription,
        "location": "westeurope",
        "tags": {},
        **more,
    }


@pytest.mark.parametrize(
    ("how", "wanted"),
    [
        ({}, True),
        ({"include": ["RG-prod"]}, True),
        ({"include": ["rg-*"]}, True),
        ({"include": ["other", "rg-test"]}, False),
        ({"exclude": ["rg-?rod"]}, False),
        ({"include": ["rg-*"], "exclude": ["*prod"]}, False),
        ({"tags": {"Team": "net"}}, True),
        ({"tags": {"team": "Net"}}, False),
        ({"tags": {"team": ["ops", "net"], "size": 3}}, True),
        ({"tags": {"team": None}}, True),
        ({"tags": {"gone": None}}, False),
        ({"tags": {"team": "net", "stage": "prod"}}, False),
    ],
)
def test_selection(how: dict[str, Any], wanted: bool) -> None:
    one = cluster("a", "RG-Prod", tags={"team": "net", "size": "3"})
    assert aks_hosts.selected(one, **{"include": [], "exclude": [], "tags": {}, **how}) is wanted


@pytest.mark.parametrize(
    ("clusters", "names"),
    [
        ([cluster("a"), cluster("b")], ["a", "b"]),
        ([cluster("a"), cluster("a", "rg2"), cluster("b")], ["a_rg", "a_rg2", "b"]),
        ([cluster("a"), cluster("A", "rg(2)")], ["a_rg", "A_rg_2_"]),
        ([cluster("a"), cluster("a", "rg", "33333333-4")], ["a_rg_11111111", "a_rg_33333333"]),
        (
            [cluster("a"), cluster("a", "rg", "11111111-3")],
            ["a_rg_11111111_11111111-2222", "a_rg_11111111_11111111-3"],
        ),
    ],
)
def test_names_are_unique(clusters: list[dict[str, Any]], names: list[str]) -> None:
    assert aks_hosts.unique_names(clusters, [str(one["name"]) for one in clusters]) == names


def test_variables_have_a_prefix_and_the_minor_version() -> None:
    variables = aks_hosts.variables_of(cluster("a", current_kubernetes_version="1.34.4"))
    assert variables["aks_name"] == "a"
    assert variables["aks_minor_version"] == "1.34"
    assert all(name.startswith("aks_") for name in variables)
    assert aks_hosts.variables_of(cluster("a", kubernetes_version="1.33"))["aks_minor_version"] == "1.33"
    assert aks_hosts.variables_of(cluster("a"))["aks_minor_version"] == ""


def test_the_role_gets_what_it_needs() -> None:
    assert aks_hosts.role_variables(cluster("a"), {"auth_source": "cli"}) == {
        "aks_cluster_name": "a",
        "aks_cluster_resource_group": "rg",
        "aks_cluster_location": "westeurope",
        "aks_cluster_connection": {"subscription_id": "11111111-2222", "auth_source": "cli"},
    }


def test_standard_groups() -> None:
    one = cluster("a", network_mode="byo_cni", kubernetes_version="1.34", tags={"team": "net", "empty": "", "x": None})
    assert aks_hosts.standard_groups(one, ["network_mode", "location", "version", "tags"]) == [
        "byo_cni", "location_westeurope", "version_1.34", "tag_empty", "tag_team_net", "tag_x",
    ]  # fmt: skip
    assert aks_hosts.standard_groups(one, ["location"]) == ["location_westeurope"]
    assert aks_hosts.standard_groups({**cluster("a"), "location": ""}, ["network_mode", "location", "version"]) == []
