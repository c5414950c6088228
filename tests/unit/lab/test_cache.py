# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stamps, locks and interrupted steps."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.cache import Cache, Step
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.progress import Progress


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, lines: list[str]) -> Cache:
    return Cache(tmp_path / "cache", Progress(out=lines.append))


def step(action: Callable[[IO[str]], str], intact: bool = True, **inputs: object) -> Step:
    return Step("work", inputs, action, lambda __: intact)


def test_recipe_depends_on_name_and_inputs_alone() -> None:
    one = Step("x", {"b": ("1", 2), "a": {"k": None}}, lambda __: "", lambda __: True)
    same = Step("x", {"a": {"k": None}, "b": ["1", 2]}, lambda __: "other", lambda __: False, typical_s=9)
    assert one.recipe == same.recipe
    assert one.recipe != Step("y", one.inputs, one.action, one.intact).recipe
    assert one.recipe != Step("x", {**one.inputs, "c": 1}, one.action, one.intact).recipe


def test_step_is_done_once_while_its_inputs_stay(cache: Cache, lines: list[str]) -> None:
    done: list[int] = []

    def action(log: IO[str]) -> str:
        done.append(1)
        log.write("worked\n")
        return "result"

    first = cache.step(step(action, a=1))
    assert cache.step(step(action, a=1)) == first
    assert done == [1]
    assert lines[-1].split() == ["work", "unchanged"]
    assert (cache.logs / "work.log").read_text() == "worked\n"


def test_step_is_repeated_when_an_input_changes_or_its_result_is_gone(cache: Cache) -> None:
    done: list[int] = []

    def action(__: IO[str]) -> str:
        done.append(1)
        return ""

    cache.step(step(action, a=1))
    cache.step(step(action, a=2))
    cache.step(step(action, intact=False, a=2))
    assert len(done) == 3


@pytest.mark.parametrize("problem", [LabError("broken"), OSError("disk is full"), KeyboardInterrupt()])
def test_failed_or_interrupted_step_leaves_no_stamp(cache: Cache, problem: BaseException) -> None:
    cache.step(step(lambda __: "", a=1))

    def fail(__: IO[str]) -> str:
        raise problem

    expected = KeyboardInterrupt if isinstance(problem, KeyboardInterrupt) else LabError
    with pytest.raises(expected):
        cache.step(step(fail, a=2))
    assert cache.stamp("work") == {}
    assert not cache.fresh(step(lambda __: "", a=1))


def test_failure_shows_the_end_of_its_log(cache: Cache) -> None:
    def fail(log: IO[str]) -> str:
        log.writelines(f"line {number}\n" for number in range(40))
        raise LabError("tool failed with status 2")

    with pytest.raises(LabError) as caught:
        cache.step(step(fail))
    shown = str(caught.value).splitlines()
    assert shown[0] == "work: tool failed with status 2"
    assert shown[1:-1] == [f"line {number}" for number in range(25, 40)]
    assert shown[-1] == f"log: {cache.logs / 'work.log'}"


def test_stamp_that_is_no_json_counts_as_none(cache: Cache) -> None:
    (cache.stamps / "work.json").write_text("{", encoding="utf-8")
    assert not cache.fresh(step(lambda __: ""))
    cache.step(step(lambda __: "made"))
    assert json.loads((cache.stamps / "work.json").read_text())["result"] == "made"


def test_second_preparation_waits_for_the_first_and_says_so(tmp_path: Path, cache: Cache) -> None:
    said = threading.Event()
    order: list[str] = []
    waiting = Cache(cache.root, Progress(out=lambda line: said.set() if "another `lab`" in line else None))

    def second() -> None:
        with waiting.locked():
            order.append("second")

    thread = threading.Thread(target=second)
    with cache.locked():
        thread.start()
        assert said.wait(10)
        order.append("first")
    thread.join(10)
    assert order == ["first", "second"]
