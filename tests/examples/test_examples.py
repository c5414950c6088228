# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every example in the documentation works. README.md says how to mark one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from example_blocks import ROOT, Block, ExampleError, blocks_of, pages, plugins
from example_pages import Page, lane_of
from example_plugins import LANES, examples_of, exceptions, group_of, run_group, run_inventories
from example_session import DONE, Runs

PLUGINS = ("modules", "filter", "lookup")


@dataclass(frozen=True)
class OfPage:
    """One block of a page."""

    block: Block
    siblings: tuple[Block, ...]

    @property
    def key(self) -> str:
        return f"{self.block.place} {self.block.kind}"

    def start(self, runs: Runs) -> None:
        lane = lane_of(self.block)
        name = self.block.file.removesuffix(".md").replace("/", "-")
        page_key = f"page {self.block.file} {lane}"

        def page() -> Page:
            blocks = [block for block in self.siblings if lane_of(block) == lane or block.as_file]
            found = Page(self.block.file, blocks, runs.place(f"{name}-{lane}", lane))
            found.prepare()
            return found

        runs.start(page_key, lane, page)
        runs.start(self.key, lane, lambda: runs.result(page_key).run(self.block))

    def done(self) -> list[tuple[str, str, str]]:
        return [(self.block.how, self.block.place, self.block.because)]


@dataclass(frozen=True)
class OfPlugin:
    """The EXAMPLES of one module or filter."""

    kind: str
    plugin: str

    @property
    def key(self) -> str:
        return f"{self.kind} {self.plugin}"

    def start(self, runs: Runs) -> None:
        lane = LANES.get(self.plugin, "cluster")
        group = group_of(self.plugin)
        key = f"group {group[0]}"
        runs.start(key, lane, lambda: run_group(runs.place(group[0], lane), self.kind, group))
        runs.start(self.key, lane, lambda: runs.result(key)[self.plugin])

    def done(self) -> list[tuple[str, str, str]]:
        return [
            (example.how, f"{self.plugin}, {example.name!r}", example.exception.because if example.exception else "")
            for example in examples_of(self.kind, self.plugin)
        ]


@dataclass(frozen=True)
class OfInventory:
    """The EXAMPLES of the inventory plugin."""

    key: str = "inventory aks"

    def start(self, runs: Runs) -> None:
        def work() -> str:
            place = runs.place("inventory-aks", "azure")
            runs_of_setup = run_group(place, "inventory", ("aks",))
            return runs_of_setup["aks"] or run_inventories(place)

        runs.start(self.key, "azure", work)

    def done(self) -> list[tuple[str, str, str]]:
        return [("executed", "inventory aks", "")]


@dataclass(frozen=True)
class Unreadable:
    """A block that does not say how it is run."""

    error: ExampleError

    @property
    def key(self) -> str:
        return f"{self.error.place} unmarked"

    def start(self, runs: Runs) -> None:
        runs.start(self.key, "local", lambda: self.error.message)

    def done(self) -> list[tuple[str, str, str]]:
        return []


def subjects() -> list[Any]:
    """Everything that is run; a page that cannot be read is a test that fails."""
    found: list[Any] = []
    for path in pages():
        file = str(path.relative_to(ROOT))
        blocks, errors = blocks_of(file, path.read_text(encoding="utf-8"))
        found += [Unreadable(error) for error in errors]
        found += [OfPage(block, tuple(blocks)) for block in blocks]
    found.append(OfInventory())
    names = [(kind, path.stem) for kind in PLUGINS for path in plugins(kind)]
    # What the stand-in for Azure does, while the cluster comes up.
    names.sort(key=lambda name: name[1] not in LANES)
    return found + [OfPlugin(*name) for name in names]


def named(subject: Any) -> str | None:
    return str(subject.key) if hasattr(subject, "key") else None


@pytest.mark.parametrize("subject", subjects(), ids=named)
def test_example(subject: Any, runs: Runs) -> None:
    problem = runs.result(subject.key)
    if problem:
        pytest.fail(f"{subject.key}: {problem}", pytrace=False)
    DONE.extend(subject.done())


def test_each_exception_is_about_a_task_that_exists_and_has_a_reason() -> None:
    known = {path.stem: kind for kind in PLUGINS for path in plugins(kind)}
    for plugin, tasks in exceptions().items():
        names = {example.name for example in examples_of(known[plugin], plugin)}
        assert not set(tasks) - names, f"exceptions.yml, {plugin}: no example is called so"
        assert all(said.because for said in tasks.values()), plugin
        assert all(said.how in ("executed", "checked", "parsed") for said in tasks.values()), plugin
        executed = [said for said in tasks.values() if said.how == "executed"]
        assert all(said.options or said.warns for said in executed), f"{plugin}: nothing is exceptional"


def test_every_plugin_has_examples() -> None:
    for kind in PLUGINS:
        for path in plugins(kind):
            assert examples_of(kind, Path(path).stem), f"{path}: no EXAMPLES"
