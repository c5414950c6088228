# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._wait import Look, SystemClock
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.semantics import with_default_deny
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import realizing
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.realizing import BackgroundWork
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.watching import TakeBack
from fakes import FakeKube
from staging_timer import policy

BEFORE = policy("web")
AFTER = with_default_deny(BEFORE, {"ingress": True})


class FakeRealization:
    """Answers by the list `looks`: whether all is realized, or an error to raise; the last one again and again."""

    looks: ClassVar[list[Any]] = []
    asked: ClassVar[list[dict[str, str]]] = []

    def __init__(self, *parts: Any) -> None:
        pass

    def fingerprints(self, document: Any, uid: str) -> dict[str, str]:
        return {"n1": str(document["spec"]["enableDefaultDeny"])}

    def look(self, targets: Sequence[Any], waited_s: float) -> Look[dict[str, Any]]:
        self.asked.append(dict(targets[0].before))
        answer = self.looks.pop(0) if len(self.looks) > 1 else self.looks[0]
        if isinstance(answer, Exception):
            raise answer
        return Look(answer, "realized" if answer else "not realized on 1 node", {})


@pytest.fixture(autouse=True)
def _fake(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeRealization.looks, FakeRealization.asked = [True], []
    monkeypatch.setattr(realizing, "Realization", FakeRealization)
    monkeypatch.setattr(realizing, "LOOK_EVERY_S", 0.01)


def work(probes: Sequence[Any] = (), kube: FakeKube | None = None) -> BackgroundWork:
    kube = kube or FakeKube()
    return BackgroundWork(kube, kube.exec, SystemClock(), probes)


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_it_waits_until_the_nodes_have_the_new_version() -> None:
    FakeRealization.looks = [False, Unreachable("the agent restarts"), True]
    one = work()
    one.prepare(BEFORE)
    one.start(BEFORE, AFTER, time.monotonic())
    until(one.finished)
    assert one.realized_s() is not None
    assert FakeRealization.asked == [{"n1": "{'ingress': False, 'egress': False}"}] * 3
    assert one.wait_realized(AFTER, BEFORE, 1) is not None
    assert FakeRealization.asked[-1] == {"n1": "{'ingress': True, 'egress': False}"}


def test_nodes_that_do_not_realize_it_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realizing, "REALIZE_TIMEOUT_S", 0.05)
    FakeRealization.looks = [False]
    one = work()
    one.start(BEFORE, AFTER, time.monotonic())
    with pytest.raises(TakeBack, match="within 0 s: not realized on 1 node") as caught:
        until(one.finished)
    assert caught.value.code == "NotRealized"
    assert one.realized_s() is None
    assert one.wait_realized(AFTER, BEFORE, 0.05) is None


def test_without_the_right_to_ask_it_does_not_wait() -> None:
    FakeRealization.looks = [AuthFailed("pods/exec is forbidden.", code="Forbidden")]
    one = work()
    one.start(BEFORE, AFTER, time.monotonic())
    with pytest.raises(TakeBack, match="forbidden"):
        until(one.finished)


def test_probes_come_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(realizing, "PROBES_SETTLE_S", 0.0)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "client", "namespace": "shop"}}
    kube = FakeKube(exec_answers=lambda *words: Completed([], 0, "0 exit=28\n", "")).add(pod)
    entry = {"from": {"namespace": "shop", "pod": "client"}, "to": {"host": "web", "port": 80}, "expect": "allow"}
    one = work(parse_probes([entry]), kube)
    one.start(BEFORE, AFTER, time.monotonic())
    with pytest.raises(TakeBack, match="1 of 1 connection is not as expected") as caught:
        until(one.finished)
    assert caught.value.code == "ProbesFailed"
    allowed = parse_probes([{**entry, "expect": "deny"}])
    one = work(allowed, kube)
    one.start(BEFORE, AFTER, time.monotonic())
    until(one.finished)
