# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import read_local
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import (
    check_values,
    coerced,
    untested_chart,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at, put
from chart_facts import VERSIONS, chart_of
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
        ({"debug": {"enabled": 1}}, "debug.enabled", "must be a boolean"),
        ({"debug": {"enabled": "maybe"}}, "debug.enabled", "must be a boolean, is a text ('maybe')"),
        ({"operator": {"replicas": True}}, "operator.replicas", "is a boolean"),
        ({"operator": {"replicas": "two"}}, "operator.replicas", "is a text ('two')"),
        ({"operator": {"replicas": "01"}}, "operator.replicas", "is a text ('01')"),
        ({"operator": {"tolerations": "all"}}, "operator.tolerations", "must be a list"),
        ({"hubble": True}, "hubble", "must be a map"),
        ({"cluster": {"name": ["x"]}}, "cluster.name", "is a list"),
    ],
)
def test_types_with_more_than_one_meaning_are_refused(
    tmp_path: Path, values: dict[str, Any], path: str, text: str, schema: bool
) -> None:
    found = problems(tmp_path, values, schema=schema)
    assert list(found) == [path]
    assert text in found[path]


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    ("path", "given", "settled"),
    [
        ("aksbyocni.enabled", "true", True),
        ("hubble.ui.enabled", "false", False),
        ("hubble.ui.enabled", "False", False),
        ("debug.enabled", "yes", True),
        ("debug.enabled", True, True),
        ("operator.replicas", "1", 1),
        ("operator.replicas", 2, 2),
        ("cluster.id", "7", 7),
        ("k8sServicePort", "6443", 6443),
        ("k8sServicePort", 6443, 6443),
        ("k8sServiceHost", "true", "true"),
        ("upgradeCompatibility", "1.14", "1.14"),
        ("extraConfig", {"any-key": "true"}, {"any-key": "true"}),
        ("nodeSelector", {"disk": "true"}, {"disk": "true"}),
        ("debug", None, None),
    ],
)
def test_texts_of_templating_become_what_the_chart_takes(
    version: str, path: str, given: object, settled: object
) -> None:
    values: dict[str, Any] = {}
    put(values, path, given)
    result = at(check_values(values, chart_of(version)), path)
    assert (result, type(result)) == (settled, type(settled))


@pytest.mark.parametrize(
    ("version", "given", "settled"),
    [
        *[("1.14.19", given, "true") for given in (True, "true", "True")],
        *[(version, given, True) for version in VERSIONS[1:] for given in (True, "true", "yes")],
        *[(version, False, False) for version in VERSIONS[1:]],
        *[(version, word, word) for version in VERSIONS[:2] for word in ("strict", "partial", "disabled")],
    ],
)
def test_kube_proxy_replacement_has_one_form_in_each_version(version: str, given: object, settled: object) -> None:
    found = check_values({"kubeProxyReplacement": given}, chart_of(version))["kubeProxyReplacement"]
    assert (found, type(found)) == (settled, type(settled))


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("number", [1.15, 1.2, 1])
def test_upgrade_compatibility_as_a_number_is_refused(version: str, number: float) -> None:
    with pytest.raises(InvalidInput, match=r"without them 1\.20 is the number 1\.2"):
        check_values({"upgradeCompatibility": number}, chart_of(version))


@pytest.mark.parametrize("version", VERSIONS[2:])
def test_words_of_old_versions_are_translated(version: str) -> None:
    for word, wanted in (("strict", "true"), ("partial", "true"), ("disabled", "false")):
        with pytest.raises(InvalidInput, match=f"'{word}' was removed in 1.16, use {wanted}"):
            check_values({"kubeProxyReplacement": word}, chart_of(version))


def test_a_switch_without_a_default_is_no_text_in_charts_without_schema() -> None:
    values = {"bpf": {"masquerade": "false"}}
    assert check_values(values, chart_of("1.14.19")) == {"bpf": {"masquerade": False}}
    assert values == {"bpf": {"masquerade": "false"}}


PATHS = st.sampled_from(
    (
        *("debug.enabled", "operator.replicas", "k8sServicePort", "kubeProxyReplacement", "cluster.name"),
        *("hubble.relay.enabled", "upgradeCompatibility", "not.there", "labels.a", "bpf.masquerade"),
        *("ipam.operator.externalAPILimitQPS", "k8s.requireIPv4PodCIDR"),
    )
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.sampled_from(["true", "False", "yes", "1", "-7", "1.5", "007", "", " 2 ", "strict", "1.20"])
    | st.text(max_size=4)
    | st.lists(st.integers(), max_size=2)
)


@given(st.dictionaries(PATHS, SCALARS, max_size=5), st.sampled_from(VERSIONS))
def test_settling_twice_changes_nothing_more(flat: dict[str, Any], version: str) -> None:
    values: dict[str, Any] = {}
    for path, value in flat.items():
        put(values, path, value)
    once = coerced(values, chart_of(version))
    assert coerced(once, chart_of(version)) == once
    assert repr(coerced(once, chart_of(version))) == repr(once)


@given(st.dictionaries(PATHS, SCALARS, max_size=5), st.sampled_from(VERSIONS))
def test_what_was_checked_is_what_is_compared_with_the_record(flat: dict[str, Any], version: str) -> None:
    """The record's chart has no comments; settling with it must give the same values, or every run would change."""
    values: dict[str, Any] = {}
    for path, value in flat.items():
        put(values, path, value)
    chart = chart_of(version)
    try:
        sent = check_values(values, chart)
    except InvalidInput:
        return
    assert repr(coerced(values, replace(chart, commented=frozenset()))) == repr(sent)


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


def test_a_removed_key_is_not_reported_as_unknown_as_well(tmp_path: Path) -> None:
    found = problems(tmp_path, {"encryption": {"keyFile": "x"}})
    assert found == {"encryption.keyFile": "removed in 1.16, use encryption.ipsec.keyFile"}


def test_all_problems_come_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, {"hubbel": 1, "debug": {"enabled": "maybe"}, "tunnel": "vxlan"})) == 3


@pytest.mark.parametrize("version", ["1.13.18", "0.9.0", "main"])
def test_a_chart_that_is_too_old_is_refused(tmp_path: Path, version: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_values({}, read_local(chart_directory(tmp_path, version)))
    assert (caught.value.code, caught.value.option) == ("ChartTooOld", "chart_version")


def test_a_chart_newer_than_the_tables_is_taken_with_a_warning(tmp_path: Path) -> None:
    chart = read_local(chart_directory(tmp_path, "1.21.0"))
    assert check_values({"debug": {"enabled": "true"}}, chart) == {"debug": {"enabled": True}}
    assert "newer than 1.20" in untested_chart(chart.minor)
    assert untested_chart((1, 20)) == untested_chart((1, 14)) == ""
