# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import (
    ALL,
    Collector,
    FlowRequest,
    collect,
)


def flow_at(second: int, node: str = "n") -> dict[str, Any]:
    return {"flow": {"time": f"2026-11-30T18:00:{second:02d}Z", "uuid": f"{second:02d}", "node_name": node}}


@given(st.lists(st.integers(0, 59), max_size=40), st.integers(1, 10), st.randoms())
def test_the_newest_are_kept_in_the_order_of_time(seconds: list[int], keep: int, rng: random.Random) -> None:
    rng.shuffle(seconds)
    seen = collect("relay", keep, [flow_at(second) for second in seconds])
    assert [int(flow.uuid) for flow in seen.flows] == sorted(seconds)[-keep:]
    assert seen.seen == len(seconds)
    assert seen.complete


def test_memory_is_bounded_while_collecting() -> None:
    collector = Collector("relay", 10)
    most = 0
    for _round in range(100):
        for second in range(60):
            collector.add(flow_at(second))
        most = max(most, len(collector.observation.flows))
    assert most < 1100
    seen = collector.finish()
    assert len(seen.flows) == 10
    assert {flow.uuid for flow in seen.flows} == {"59"}
    assert seen.seen == 6000


def test_losses_make_the_answer_incomplete() -> None:
    lost = {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "7"}
    seen = collect("relay", 10, [{"lost_events": lost, "node_name": "a"}, {"lost_events": lost}, flow_at(1)])
    assert seen.lost == 14
    assert not seen.complete
    assert seen.problems == ["Hubble lost events: 14 in HUBBLE_RING_BUFFER."]


def test_nodes_that_do_not_answer_make_the_answer_incomplete() -> None:
    seen = collect(
        "relay",
        10,
        [
            {"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["a"]}},
            {"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["b", "c"]}},
            {"node_status": {"state_change": "NODE_ERROR", "node_names": ["d"], "message": "full"}},
        ],
    )
    assert seen.nodes == {"a": "CONNECTED", "b": "UNAVAILABLE", "c": "UNAVAILABLE", "d": "ERROR"}
    assert seen.problems == ["No flows from b, c (unavailable).", "No flows from d (error: full)."]


def test_a_node_that_is_given_a_time_must_not_stop_at_a_number() -> None:
    assert FlowRequest(number=5).per_node == 5
    assert FlowRequest(number=5, since=(1, 0)).per_node == ALL
    assert FlowRequest(number=5, until=(1, 0)).per_node == ALL
