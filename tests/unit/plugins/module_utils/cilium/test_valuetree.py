# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import MASK
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import valuetree as values

plain_json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=4),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(max_size=3), below, max_size=3),
    max_leaves=8,
)


@given(plain_json, st.dictionaries(st.text(max_size=3), plain_json, max_size=3))
def test_merging_an_overlay_twice_changes_nothing(base: Any, overlay: dict[str, Any]) -> None:
    once = values.deep_merge({"a": base}, overlay)
    assert values.deep_merge(once, overlay) == once


@given(
    st.dictionaries(st.text(max_size=3), plain_json, max_size=3),
    st.dictionaries(st.text(max_size=3), plain_json, max_size=3),
)
def test_merging_changes_neither_side_and_nothing_is_the_neutral_overlay(
    base: dict[str, Any], overlay: dict[str, Any]
) -> None:
    before = repr((base, overlay))
    values.deep_merge(base, overlay)
    assert repr((base, overlay)) == before
    assert values.deep_merge(base, {}) == base
    assert values.deep_merge({}, overlay) == overlay


@given(
    *(
        st.dictionaries(st.sampled_from("ab"), st.dictionaries(st.sampled_from("cd"), st.integers(0, 3)))
        for __ in range(3)
    )
)
def test_merging_maps_of_one_shape_may_be_grouped(one: Any, two: Any, three: Any) -> None:
    grouped_left = values.deep_merge(values.deep_merge(one, two), three)
    assert grouped_left == values.deep_merge(one, values.deep_merge(two, three))


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=4), st.integers())
def test_what_is_put_is_found(parts: list[str], value: int) -> None:
    tree: dict[str, Any] = {}
    values.put(tree, ".".join(parts), value)
    assert values.at(tree, ".".join(parts)) == value
    values.put(tree, ".".join(parts), None)
    assert values.at(tree, ".".join(parts)) == value


@pytest.mark.parametrize(
    ("value", "on"),
    [(True, True), ("true", True), ("Yes", True), (False, False), ("false", False), (None, False), (1, False)],
)
def test_switches_may_be_texts(value: object, on: bool) -> None:
    assert values.switched_on({"a": {"b": value}}, "a.b") is on


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


@pytest.mark.parametrize(
    ("given_values", "hidden"),
    [
        ({"extraEnv": [{"name": "AZURE_CLIENT_SECRET", "value": "s3cret"}]}, ["s3cret"]),
        ({"extraEnv": [{"name": "API_TOKEN", "value": 123456}, {"name": "LEVEL", "value": "debug"}]}, ["123456"]),
        ({"etcd": {"password": 123456}, "tokenTTL": 3600}, ["123456"]),
    ],
)
def test_secrets_in_variables_and_numbers_are_hidden(given_values: dict[str, Any], hidden: list[str]) -> None:
    assert values.secrets_of(given_values) == hidden
    shown = str(values.masked(given_values))
    assert MASK in shown
    assert not [secret for secret in hidden if secret in shown]


def test_a_variable_without_a_value_and_a_reference_stay_as_they_are() -> None:
    given_values = {"extraEnv": [{"name": "TOKEN", "value": ""}, {"name": "TOKEN", "valueFrom": {"fieldRef": "x"}}]}
    assert values.masked(given_values) == given_values
