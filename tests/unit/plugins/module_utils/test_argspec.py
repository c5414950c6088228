# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import ArgSpec


def test_merge_keeps_the_rules_of_both_sides() -> None:
    left = ArgSpec({"a": {}, "b": {}}, mutually_exclusive=[["a", "b"]], required_by={"a": ["b"]})
    right = ArgSpec({"c": {}}, required_if=[("c", "x", ["a"])], required_one_of=[["a", "c"]])
    kwargs = left.merge(right).to_kwargs()
    assert set(kwargs["argument_spec"]) == {"a", "b", "c"}
    assert kwargs["mutually_exclusive"] == [["a", "b"]]
    assert kwargs["required_if"] == [("c", "x", ["a"])]
    assert kwargs["required_one_of"] == [["a", "c"]]
    assert kwargs["required_by"] == {"a": ["b"]}


def test_an_option_defined_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="options defined twice: a"):
        ArgSpec({"a": {}}).merge(ArgSpec({"a": {}}))


def test_merge_leaves_its_operands_alone() -> None:
    left = ArgSpec({"a": {}})
    left.merge(ArgSpec({"b": {}}))
    assert set(left.options) == {"a"}
