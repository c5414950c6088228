# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Filters that an older Hubble would ignore."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.abilities import (
    SINCE,
    is_newer_than_all,
    refuse_unknown_filters,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import build_filters
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import NodeFacts, node_facts
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.schema import SCHEMA


def node(version: str, state: str = "CONNECTED") -> NodeFacts:
    return NodeFacts("n1", state, 9.0, False, version)


@pytest.mark.parametrize(
    ("options", "version", "option"),
    [
        # As the relay of 1.15.19 told it.
        ({"drop_reason": ["POLICY_DENIED"]}, "cilium v1.15.19+gmodule", "drop_reason"),
        ({"http_url": ["/a"]}, "cilium v1.14.19+g1", "http_url"),
        ({"node_label": ["a=b"]}, "1.15.6", "node_label"),
        ({"cel_expression": ["true"]}, "cilium v1.15.19+gmodule", "cel_expression"),
        ({"encrypted": True}, "cilium v1.18.11+g1", "encrypted"),
    ],
)
def test_filter_that_a_node_would_ignore_is_refused(options: dict[str, Any], version: str, option: str) -> None:
    filters = build_filters(options)
    assert is_newer_than_all(filters)
    with pytest.raises(Unsupported, match=rf"^{option}: Hubble of Cilium 1\.\d+ \(node n1\) ignores") as caught:
        refuse_unknown_filters(filters, [node("cilium v1.20.2+g1"), node(version)])
    assert (caught.value.option, caught.value.code) == (option, "FilterTooNew")


@pytest.mark.parametrize(
    "seen", [node("cilium v1.16.19+g1"), node("cilium v1.15.19+g1", "GONE"), node(""), node("a build of our own")]
)
def test_node_that_knows_the_filter_or_says_nothing_of_its_version_passes(seen: NodeFacts) -> None:
    refuse_unknown_filters(build_filters({"drop_reason": ["POLICY_DENIED"]}), [seen])


def test_filters_that_all_know_are_not_worth_a_question() -> None:
    assert not is_newer_than_all(build_filters({"pod": ["a/b"], "verdict": ["DROPPED"], "reply": False}))
    assert not is_newer_than_all([])


def test_table_names_fields_that_there_are() -> None:
    assert SINCE.keys() <= SCHEMA["FlowFilter"].keys()


def test_version_of_a_node_is_read() -> None:
    assert node_facts({"name": "n1", "state": "NODE_CONNECTED", "version": "cilium v1.19.6+g1"}).version.endswith(
        "6+g1"
    )
