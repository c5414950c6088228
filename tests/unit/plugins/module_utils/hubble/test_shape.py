# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever is wrong in a line of a file, it is told, or nothing that is done with flows minds it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.compact import compact_line
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.edges import EdgeCounter
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import build_filters
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import flow_from_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.match import Matcher
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.shape import fault_of

RECORDED = [
    json.loads(line)["flow"]
    for line in (Path(__file__).parents[3] / "fixtures/hubble/compact.jsonl").read_text(encoding="utf-8").splitlines()
]
JUNK: list[Any] = [None, True, -77, 10**30, 0.5, "", "x", [], [None], ["x"], [{}], {}, {"x": 5}, {"name": []}]
MATCHERS = [
    Matcher(build_filters(options))
    for options in (
        {"ip": ["10.0.0.0/8"]},
        {"port": ["80"]},
        {"pod": ["a/b"]},
        {"service": ["a/b"]},
        {"workload": ["Deployment/a"]},
        {"label": ["k8s:app in (a)"]},
        {"fqdn": ["*.example.com"]},
        {"identity": ["world"]},
        {"node_name": ["a*"]},
        {"node_label": ["a"]},
        {"protocol": ["tcp", "dns"]},
        {"tcp_flags": ["syn"]},
        {"type": ["trace:to-endpoint"]},
        {"drop_reason": ["POLICY_DENIED"]},
        {"dns_query": ["a"]},
        {"http_path": ["/"]},
        {"http_status": ["4+"]},
        {"http_header": ["a:b"]},
        {"trace_id": ["a"]},
        {"ip_trace_id": ["1"]},
        {"interface": ["eth0"]},
        {"reply": True},
        {"encrypted": True},
    )
]


def paths(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Of all that is in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield (*before, key)
        yield from paths(inner, (*before, key))


def fullest() -> list[dict[str, Any]]:
    """Recorded flows that have, together, all fields that any has."""
    seen: set[tuple[Any, ...]] = set()
    chosen = []
    for flow in RECORDED:
        new = {tuple(key for key in path if isinstance(key, str)) for path in paths(flow)} - seen
        if new:
            chosen.append(flow)
            seen |= new
    return chosen


def use(flow: dict[str, Any], counter: EdgeCounter) -> None:
    """Everything that is done with flows."""
    for matches in MATCHERS:
        matches(flow)
    counter.add(flow)
    compact_line(flow_from_json(flow), node=True, policy_names=True)
    assert flow_from_json(flow).point is not None


@pytest.mark.parametrize("flow", fullest(), ids=lambda flow: str(flow.get("Summary", "")))
def test_a_wrong_value_anywhere_is_told_or_harms_nobody(flow: dict[str, Any]) -> None:
    assert fault_of(flow, "Flow") == ""
    counter, told = EdgeCounter(), 0
    for path in paths(flow):
        for junk in JUNK:
            damaged = copy.deepcopy(flow)
            target = damaged
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = junk
            if fault_of(damaged, "Flow"):
                told += 1
            else:
                use(damaged, counter)
    counter.edges()
    assert told
