# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    WORKLOAD,
    WORLD,
    Chunk,
    Edge,
    Evidence,
    Inventory,
    Peer,
    Seen,
    Workload,
    WorkloadFacts,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.settled import (
    Goal,
    jobs_not_seen,
    late_edges,
    observed_s,
    waiting_for,
)

JOB = Workload("shop", "CronJob", "nightly")
GOAL = Goal(["shop"], 100)


def peer(name: str) -> Peer:
    return Peer(WORKLOAD, Workload("shop", "Deployment", name))


def stretch(start_s: float, end_s: float, *, complete: bool = True) -> Chunk:
    return Chunk(start_s, end_s, flows=1, lost=0, complete=complete)


def evidence(*chunks: Chunk, **edges: float) -> Evidence:
    """Edges from `web` to each name, first seen at the given time."""
    found = {Edge(peer("web"), peer(name), "TCP", 80): Seen(1, 1, 0, at_s, at_s) for name, at_s in edges.items()}
    return Evidence(namespaces=["shop"], chunks=list(chunks), edges=found)


def test_a_full_window_in_which_nothing_new_came_is_enough() -> None:
    assert waiting_for(evidence(stretch(1000, 1100), cart=1001, db=1079), GOAL) == []


def test_time_that_is_missing_is_told() -> None:
    held = evidence(stretch(1000, 1060), stretch(1060, 1160, complete=False), cart=1001)
    assert observed_s(held) == 60
    assert waiting_for(held, GOAL) == ["1 min of 1 min 40 s are observed"]


def test_time_of_other_namespaces_does_not_count() -> None:
    held = evidence(stretch(1000, 1100), cart=1001)
    assert waiting_for(held, Goal(["shop", "data"], 100)) == ["0 s of 1 min 40 s are observed"]


def test_what_came_in_the_last_fifth_is_told_by_name() -> None:
    held = evidence(stretch(1000, 1100), cart=1001, db=1081)
    (line,) = waiting_for(held, GOAL)
    assert line.startswith("1 kind of connection came only in the last fifth of the time")
    assert "shop/Deployment/web -> shop/Deployment/db" in line
    assert waiting_for(held, Goal(["shop"], 100, late_edges=1)) == []


def test_the_last_fifth_is_one_of_observed_time_and_may_begin_in_an_earlier_stretch() -> None:
    # 100 s in all, so the last 20 s are those from 1070 on, with an hour between.
    held = evidence(stretch(1000, 1080), stretch(4680, 4690), stretch(8290, 8300), cart=1069)
    assert late_edges(held) == []
    held = evidence(stretch(1000, 1090), stretch(4690, 4700), cart=1081, web2=1079)
    assert [edge.destination.workload for edge in late_edges(held)] == [Workload("shop", "Deployment", "cart")]


def test_another_address_outside_is_nothing_new() -> None:
    held = evidence(stretch(1000, 1100), cart=1001)
    for address, at_s in (("203.0.113.1", 1002.0), ("203.0.113.2", 1099.0)):
        held.edges[Edge(Peer(WORLD, address=address), peer("web"), "TCP", 443)] = Seen(0, 1, 0, at_s, at_s)
    assert late_edges(held) == []


def test_what_was_only_denied_is_no_reason_to_wait() -> None:
    held = evidence(stretch(1000, 1100), cart=1001)
    held.edges[Edge(peer("web"), peer("db"), "TCP", 5432)] = Seen(0, 0, 5, 1099.0, 1099.0)
    assert late_edges(held) == []


def test_a_job_has_to_run_unless_it_is_named() -> None:
    held = evidence(stretch(1000, 1100), cart=1001)
    held.inventory = Inventory([WorkloadFacts(JOB, schedule="@daily"), WorkloadFacts(peer("idle").workload or JOB)])
    assert jobs_not_seen(held, ["shop"]) == ["shop/CronJob/nightly"]
    assert jobs_not_seen(held, ["data"]) == []
    assert waiting_for(held, GOAL) == ["no connection was seen of shop/CronJob/nightly"]
    assert waiting_for(held, Goal(["shop"], 100, unseen=["shop/CronJob/nightly"])) == []
    held.edges[Edge(Peer(WORKLOAD, JOB), peer("web"), "TCP", 80)] = Seen(1, 1, 0, 1005.0, 1005.0)
    assert waiting_for(held, GOAL) == []


def test_without_complete_observation_nothing_is_late() -> None:
    assert late_edges(evidence(cart=1001)) == []
    assert late_edges(evidence(stretch(1000, 1100, complete=False), cart=1099)) == []


@given(st.lists(st.floats(1000, 1100), min_size=1, max_size=8), st.floats(1, 500))
def test_more_quiet_observation_never_makes_more_edges_late(times: list[float], more_s: float) -> None:
    edges = {f"w{number}": at_s for number, at_s in enumerate(times)}
    before = late_edges(evidence(stretch(1000, 1100), **edges))
    after = late_edges(evidence(stretch(1000, 1100), stretch(1200, 1200 + more_s), **edges))
    assert set(after) <= set(before)


@pytest.mark.parametrize("number", [0, 1, 2])
def test_the_threshold_counts_kinds(number: int) -> None:
    held = evidence(stretch(1000, 1100), a=1085, b=1090)
    assert bool(waiting_for(held, Goal(["shop"], 100, late_edges=number))) == (number < 2)
