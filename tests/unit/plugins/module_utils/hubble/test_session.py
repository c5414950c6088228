# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble import session
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.agents import AgentReader
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.match import Matcher
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, Newest
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.session import (
    Stop,
    follow_agents,
    follow_relay,
    sortable_moment,
)
from fakes import FakeClock, FakeKube
from hubble_fakes import Relay


def uuids(newest: Newest) -> list[str]:
    return [response["flow"]["uuid"] for response in newest.responses()]


class Talking(Relay):
    """A relay whose cluster has one flow after the other as soon as somebody follows."""

    def __init__(self, flows: list[dict[str, Any]]) -> None:
        super().__init__()
        self.flows = flows

    @contextlib.contextmanager
    def connect(self) -> Iterator[Any]:
        with super().connect():
            yield self

    def stream(self, request: FlowRequest) -> Any:
        opened = super().stream(request)
        if request.follow_s:
            for number, more in enumerate(self.flows, 100):
                self.happens(number, **more)
        return opened


def followed(relay: Relay, stop: Stop, *, follow_s: float = 20.0) -> tuple[Any, list[str]]:
    newest = Newest(100)
    seen = follow_relay(relay.connect, FlowRequest(follow_s=follow_s, number=0), newest, stop)
    return seen, uuids(newest)


def test_a_follow_ends_after_so_many_flows() -> None:
    stop = Stop(count=2)
    seen, found = followed(Talking([{}, {}, {}, {}]), stop)
    assert found == ["n1-100", "n1-101"]
    assert stop.ended_by == "count"
    assert seen.complete
    assert seen.nodes == {"n1": "CONNECTED"}


def test_a_follow_ends_with_the_flow_that_was_waited_for() -> None:
    stop = Stop(when=Matcher([{"verdict": ["DROPPED"]}]))
    found = followed(Talking([{}, {"verdict": "DROPPED"}, {}]), stop)[1]
    assert (found, stop.ended_by) == (["n1-100", "n1-101"], "flow")


def test_a_follow_ends_with_its_time_and_asks_for_what_the_relay_still_holds_back() -> None:
    relay = Relay()
    relay.holds_back = True
    happened = threading.Timer(1.0, lambda: [relay.happens(second) for second in (100, 101)])
    happened.start()
    stop = Stop()
    found = followed(relay, stop, follow_s=1.5)[1]
    happened.join()
    assert (found, stop.ended_by) == (["n1-100", "n1-101"], "")


def test_what_the_relay_does_not_tell_in_time_at_the_end_is_no_complete_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "GRACE_S", 0.0)
    seen = followed(Relay(), Stop(), follow_s=0.2)[0]
    assert not seen.complete
    assert "still held back" in seen.problems[0]


def test_the_agents_are_asked_until_the_time_is_over_or_the_count_is_reached() -> None:
    kube, clock = FakeKube(), FakeClock()
    kube.add(
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": "cilium-a", "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
            "spec": {"nodeName": "n1"},
            "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
        }
    )
    told: list[dict[str, Any]] = []

    def answer(*_call: Any) -> Completed:
        second = len(told)
        told.append({"flow": {"uuid": f"u{second}", "time": f"2100-01-01T00:00:{second:02d}Z"}})
        return Completed([], 0, "".join(json.dumps(one) + "\n" for one in told), "")

    kube.exec_answers = answer
    reader = AgentReader(kube, kube.exec, "kube-system", clock)
    newest, stop = Newest(100), Stop(count=3)
    seen = follow_agents(reader, FlowRequest(follow_s=60.0, number=0), newest, stop, clock)
    assert (uuids(newest), stop.ended_by, clock.sleeps) == (["u0", "u1", "u2"], "count", [3.0, 3.0, 3.0])
    assert not seen.complete
    newest = Newest(100)
    follow_agents(reader, FlowRequest(follow_s=6.0, number=0), newest, Stop(), clock)
    assert len(clock.sleeps) == 5


@pytest.mark.parametrize(
    ("moment", "text"),
    [((0, 0), "1970-01-01T00:00:00"), ((1, 5), "1970-01-01T00:00:01.000000005"), (None, "")],
    ids=str,
)
def test_moments_compare_with_the_times_of_flows(moment: Any, text: str) -> None:
    assert sortable_moment(moment) == text
