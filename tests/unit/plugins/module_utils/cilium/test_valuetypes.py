# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetypes import (
    allowed_types,
    converted,
    wrong_type,
)


@pytest.mark.parametrize(
    ("default", "rule", "allowed"),
    [
        (False, None, ["boolean"]),
        (1, None, ["number"]),
        ("", None, ["string", "number", "boolean"]),
        ([], None, ["array"]),
        ({}, None, ["object"]),
        (None, None, []),
        (False, {"type": "integer"}, ["integer"]),
        (None, {"type": ["null", "number"]}, ["null", "number"]),
        ("", {}, []),
    ],
)
def test_the_schema_counts_and_else_the_default(default: object, rule: object, allowed: list[str]) -> None:
    assert allowed_types(["a"], default, rule) == allowed  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "allowed", "result"),
    [
        ("1.5", ["number"], 1.5),
        ("1.5", ["integer"], "1.5"),
        ("-3", ["integer"], -3),
        ("1e3", ["number"], "1e3"),
        ("0x10", ["integer"], "0x10"),
        ("9" * 16, ["integer"], "9" * 16),
        ("1", ["boolean"], "1"),
        ("on", ["boolean"], True),
        ("Off", ["boolean", "string"], "Off"),
        (True, ["string"], "true"),
        (False, ["string"], "false"),
        (7, ["string"], "7"),
        (1.20, ["string"], 1.20),
        (1.0, ["integer"], 1),
        (1, ["boolean"], 1),
        ("x", [], "x"),
        ("true", [], "true"),
    ],
)
def test_conversions_with_one_meaning_only(value: object, allowed: list[str], result: object) -> None:
    found = converted(["a", "b"], value, allowed, 20, typed=True)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.parametrize(("path", "value"), [(["tls", "ca", "key"], 1.5), (["azure", "clientSecret"], 2.5)])
def test_a_secret_of_the_wrong_type_is_not_shown(path: list[str], value: object) -> None:
    assert wrong_type(path, value, ["string"]) == "must be a text, is a number; write it in quotes"
    assert wrong_type(["image", "tag"], 1.5, ["string"]) == "must be a text, is a number (1.5); write it in quotes"
