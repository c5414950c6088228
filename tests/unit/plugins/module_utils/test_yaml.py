# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._yaml import (
    documents_of,
    load_all_yaml,
    load_yaml,
)


def test_broken_yaml_is_an_error_with_its_place() -> None:
    with pytest.raises(InvalidInput, match=r"values.yaml is not YAML: .*line \d") as caught:
        load_yaml("a: 1\nb: [", "values.yaml")
    assert "\n" not in caught.value.message
    assert load_all_yaml("", "x") == [None]
    assert load_all_yaml("a: 1\n---\nb: 2", "x") == [{"a": 1}, {"b": 2}]


def test_an_error_does_not_quote_the_document() -> None:
    with pytest.raises(InvalidInput) as caught:
        load_yaml("stringData:\n  password: hunter2 : [\n", "definition", "definition")
    assert "hunter2" not in caught.value.text()
    assert caught.value.__cause__ is None
    assert (caught.value.option, caught.value.code) == ("definition", "InvalidYaml")


def test_characters_that_yaml_forbids_are_an_error_as_well() -> None:
    with pytest.raises(InvalidInput, match="is not YAML"):
        load_yaml("a: \x00", "definition")


def test_dates_stay_text_as_kubectl_and_helm_read_them() -> None:
    assert load_yaml("{a: 2026-11-30, b: 2026-11-30T18:20:11Z, c: 1.5, d: null}", "x") == {
        "a": "2026-11-30",
        "b": "2026-11-30T18:20:11Z",
        "c": 1.5,
        "d": None,
    }


@pytest.mark.parametrize(
    ("definition", "documents"),
    [
        ("a: 1\n---\n---\nb: 2", [{"a": 1}, {"b": 2}]),
        ("", []),
        (None, []),
        ([{"a": 1}, None], [{"a": 1}]),
        ({"a": 1}, [{"a": 1}]),
        ("{kind: List, items: [{a: 1}, {b: 2}]}", [{"a": 1}, {"b": 2}]),
        (7, [7]),
    ],
)
def test_an_option_holds_documents_in_any_form(definition: object, documents: list[object]) -> None:
    assert documents_of(definition, "definition", "definition") == documents
