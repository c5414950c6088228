# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import read_local
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import REMOVED, check_values
from cilium_documents import chart_directory


def problems(tmp_path: Path, values: dict[str, Any], **chart: Any) -> dict[str, str]:
    """What is wrong, by path; empty when nothing is."""
    try:
        check_values(values, read_local(chart_directory(tmp_path, **chart)))
    except InvalidInput as error:
        return dict(error.details["values"])
    return {}


def test_the_error_names_option_and_paths(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"values\.hubbel: unknown.*values\.debug\.enabled") as caught:
        check_values({"hubbel": 1, "debug": {"enabled": "x"}}, read_local(chart_directory(tmp_path)))
    assert (caught.value.option, caught.value.code) == ("values", "InvalidValues")


@pytest.mark.parametrize("schema", [True, False])
def test_good_values_pass_with_and_without_a_schema(tmp_path: Path, schema: bool) -> None:
    good = {
        "aksbyocni": {"enabled": True},
        "kubeProxyReplacement": True,
        "k8sServicePort": 443,
        "k8sServiceHost": "api.example",
        "operator": {"replicas": 1, "tolerations": [{"operator": "Exists"}]},
        "ipam": {"operator": {"clusterPoolIPv4PodCIDRList": ["10.1.0.0/16"], "externalAPILimitQPS": 1.5}},
        "extraConfig": {"any-key": "any"},
        "nodeSelector": {"disk": "ssd"},
        "iptablesLockTimeout": "7s",
        "image": None,
        "routingMode": "tunnel",
    }
    assert problems(tmp_path, good, schema=schema) == {}


@pytest.mark.parametrize("schema", [True, False])
@pytest.mark.parametrize(
    ("values", "path", "text"),
    [
        ({"aksbyocni": {"enabled": "true"}}, "aksbyocni.enabled", "write true without quotes"),
        ({"hubble": {"ui": {"enabled": "false"}}}, "hubble.ui.enabled", "write false without quotes"),
        ({"debug": {"enabled": "yes"}}, "debug.enabled", "write true without quotes"),
        ({"debug": {"enabled": 1}}, "debug.enabled", "must be a boolean"),
        ({"operator": {"replicas": "1"}}, "operator.replicas", "write 1 without quotes"),
        ({"operator": {"replicas": True}}, "operator.replicas", "is a boolean"),
        ({"operator": {"tolerations": "all"}}, "operator.tolerations", "must be a list"),
        ({"hubble": True}, "hubble", "must be a map"),
        ({"cluster": {"name": ["x"]}}, "cluster.name", "is a list"),
    ],
)
def test_wrong_types_are_named_with_the_right_spelling(
    tmp_path: Path, values: dict[str, Any], path: str, text: str, schema: bool
) -> None:
    found = problems(tmp_path, values, schema=schema)
    assert list(found) == [path]
    assert text in found[path]


def test_the_schema_is_stricter_than_the_defaults(tmp_path: Path) -> None:
    assert "in quotes" in problems(tmp_path, {"image": {"tag": 1.2}})["image.tag"]
    assert problems(tmp_path / "old", {"image": {"tag": 1.2}}, schema=False) == {}


@pytest.mark.parametrize(
    ("values", "path", "suggestion"),
    [
        ({"hubbel": {"relay": {}}}, "hubbel", "did you mean hubble?"),
        ({"operator": {"replica": 1}}, "operator.replica", "did you mean operator.replicas?"),
        ({"relay": {"enabled": True}}, "relay", "did you mean hubble.relay?"),
        ({"zzzzzz": 1}, "zzzzzz", "unknown"),
    ],
)
def test_unknown_keys_are_found(tmp_path: Path, values: dict[str, Any], path: str, suggestion: str) -> None:
    assert suggestion in problems(tmp_path, values)[path]


def test_removed_keys_are_refused_from_their_version_on(tmp_path: Path) -> None:
    values = {"tunnel": "vxlan", "enableCiliumEndpointSlice": True, "kubeProxyReplacement": "strict"}
    found = problems(tmp_path, values, version="1.20.2")
    assert "use routingMode and tunnelProtocol" in found["tunnel"]
    assert "use ciliumEndpointSlice.enabled" in found["enableCiliumEndpointSlice"]
    assert "use true" in found["kubeProxyReplacement"]
    old = problems(tmp_path, values, version="1.14.19")
    assert "removed" not in " ".join(old.values())


def test_a_removed_key_is_not_reported_as_unknown_as_well(tmp_path: Path) -> None:
    found = problems(tmp_path, {"encryption": {"keyFile": "x"}})
    assert found == {"encryption.keyFile": "removed in 1.16, use encryption.ipsec.keyFile"}


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, {"hubbel": 1, "debug": {"enabled": "true"}, "tunnel": "vxlan"})) == 3


def test_the_table_of_removed_keys_has_no_doubles() -> None:
    paths = [path for _minor, path, _instead in REMOVED]
    assert len(paths) == len(set(paths))
