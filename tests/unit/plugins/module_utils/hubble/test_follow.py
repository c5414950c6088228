# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    TimedOut,
    Unsupported,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble import follow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.follow import Follower
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import NodeFacts
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.times import rfc3339
from hubble_fakes import BROKEN, Relay


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "AGAIN_AFTER_S", 0.01)


@pytest.fixture
def relay() -> Relay:
    return Relay()


def opened(relay: Relay) -> Follower:
    return Follower(relay.connect, [{"event_type": [{"type": 5}]}], every_s=0.02)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def taken(follower: Follower, count: int) -> list[str]:
    """The uuids of the next flows."""
    found: list[str] = []
    for __ in range(count):
        flow = follower.next(5)
        assert flow is not None, found
        found.append(flow["uuid"])
    return found


def test_flows_come_once_and_what_was_there_before_is_left_out(relay: Relay) -> None:
    relay.happens(100)
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.happens(101)
        relay.happens(102)
        assert taken(follower, 2) == ["n1-101", "n1-102"]
        # The question beside the stream brings the same flows again.
        until(lambda: len([r for r in relay.requests if r.since]) > 3)
        assert follower.next(0.05) is None
        assert follower.complete
        assert follower.why_incomplete == []
    assert [request.number for request in relay.requests if request.follow_s] == [1]


def test_what_the_relay_holds_back_is_fetched(relay: Relay) -> None:
    relay.happens(100)
    relay.holds_back = True
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.happens(101)
        assert taken(follower, 1) == ["n1-101"]


def test_only_what_is_urgent_is_fetched(relay: Relay) -> None:
    relay.happens(100)
    urgent = {"verdict": ["DROPPED"]}
    with Follower(relay.connect, [{}], every_s=0.02, urgent=[urgent]) as follower:
        follower.wait_ready(5)
        until(lambda: len([request for request in relay.requests if request.since]) > 2)
        relay.breaks()
        until(lambda: len([request for request in relay.requests if request.allow == ({},)]) > 2)
    asked = [request.allow for request in relay.requests if request.since]
    assert asked[0] == (urgent,)
    assert ({},) in asked, "what a broken connection lost is fetched as a whole"


def test_a_reset_connection_is_taken_up_without_loss_or_repetition(relay: Relay) -> None:
    relay.happens(100)
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.happens(101)
        assert taken(follower, 1) == ["n1-101"]
        until(lambda: follower._position.get("n1") == (101, 0))
        relay.holds_back = True
        relay.happens(102)
        relay.holds_back = False
        relay.breaks()
        relay.happens(103)
        assert sorted(taken(follower, 2)) == ["n1-102", "n1-103"]
        assert follower.next(0.05) is None
        until(lambda: follower.blind_s == 0)
        assert follower.complete
        assert follower.interruptions == 1


def test_a_ring_that_was_overwritten_meanwhile_is_a_gap(relay: Relay) -> None:
    relay.happens(100)
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.happens(101)
        taken(follower, 1)
        until(lambda: follower._position.get("n1") == (101, 0))
        relay.full = True
        relay.rings["n1"] = [{"uuid": "late", "time": rfc3339(150, 0), "node_name": "n1"}]
        relay.breaks()
        until(lambda: bool(follower.problems))
        assert follower.problems == ["n1 has overwritten flows while the connection was broken."]
        assert not follower.complete


def test_an_agent_that_was_started_anew_is_told(relay: Relay) -> None:
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.uptime_s["n1"] = 1.0
        until(lambda: bool(follower.problems))
        assert "was started anew" in follower.problems[0]


def test_lost_events_are_counted(relay: Relay) -> None:
    with opened(relay) as follower:
        follower.wait_ready(5)
        for __ in range(2):
            relay.streams[-1].responses.put(
                {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "3"}, "node_name": "n1"}
            )
        until(lambda: follower.lost == 6)
        assert follower.why_incomplete == ["Hubble lost events: 6 in HUBBLE_RING_BUFFER."]
        assert not follower.complete


def test_a_node_that_goes_away_is_told(relay: Relay) -> None:
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.streams[-1].responses.put(
            {"node_status": {"state_change": "NODE_ERROR", "node_names": ["n2"], "message": "broken pipe"}}
        )
        relay.states["n1"] = "UNAVAILABLE"
        until(lambda: len(follower.problems) == 2)
        assert sorted(follower.problems) == [
            "No flows from n1 (unavailable).",
            "No flows from n2 (error: broken pipe).",
        ]
        assert follower.nodes == {"n1": "UNAVAILABLE"}


def test_an_expression_that_no_node_can_read_ends_it(relay: Relay) -> None:
    said = "error compiling CEL expression: ERROR:\n | foo("
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.streams[-1].responses.put(
            {"node_status": {"state_change": "NODE_ERROR", "node_names": ["n2"], "message": said}}
        )
        with pytest.raises(InvalidInput, match=r"CEL expression: ERROR: \| foo\(") as caught:
            follower.next(5)
        assert caught.value.option == "cel_expression"


def test_a_node_that_never_comes_is_a_problem_and_no_error(relay: Relay) -> None:
    relay.states["n2"], relay.uptime_s["n2"] = "UNAVAILABLE", 0.0
    with opened(relay) as follower:
        follower.wait_ready(0.3)
        assert follower.problems == ["No flows from n2 (unavailable)."]


def test_without_a_relay_the_wait_fails_with_its_error(relay: Relay) -> None:
    relay.refusal = NotFound("Hubble relay in kube-system has no ready pod.", code="HubbleRelayNotFound")
    with opened(relay) as follower, pytest.raises(NotFound, match="no ready pod"):
        follower.wait_ready(0.2)
    assert relay.connects > 1


def test_an_error_that_stays_ends_it_at_once(relay: Relay) -> None:
    relay.refusal = Unsupported("Hubble itself is switched off.", code="HubbleDisabled")
    with opened(relay) as follower:
        with pytest.raises(Unsupported):
            follower.wait_ready(60)
        with pytest.raises(Unsupported):
            follower.next(60)
    assert relay.connects == 1


def test_a_relay_that_says_nothing_is_a_timeout(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging = threading.Event()

    def nodes(timeout_s: float) -> list[NodeFacts]:
        hanging.wait(5)
        return []

    monkeypatch.setattr(relay, "nodes", nodes)
    with opened(relay) as follower, pytest.raises(TimedOut, match="did not answer within 0 s"):
        follower.wait_ready(0.2)
    hanging.set()


def test_a_relay_that_is_down_makes_it_blind(relay: Relay) -> None:
    with opened(relay) as follower:
        follower.wait_ready(5)
        relay.refusal = BROKEN
        relay.streams[-1].responses.put(BROKEN)
        until(lambda: follower.blind_s > 0.05)
        relay.refusal = None
        until(lambda: follower.blind_s == 0)
        assert follower.interruptions == 1


def test_a_slow_caller_fills_no_memory(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "WAITING", 10)
    monkeypatch.setattr(follow, "REMEMBERED", 10)
    with opened(relay) as follower:
        follower.wait_ready(5)
        for second in range(100, 200):
            relay.streams[-1].responses.put({"flow": {"uuid": str(second), "node_name": "n1"}})
        until(follower._queue.full)
        assert follower._queue.qsize() == 10
        assert [follower.next(5) for __ in range(100)][-1] == {"uuid": "199", "node_name": "n1"}
        assert len(follower._seen) <= 10
