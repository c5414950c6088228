# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Every typed field: create, no change, change, no change, in check mode and for real, with the writes counted.

All cases run at once, each in a resource group of its own; a test per case tells how it went.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure_modules import Modules, Processes
from azure_stand_in import started

from field_values import CLUSTER_CASES, POOL, POOL_CASES, Case, cluster_task, pool_options, pool_task

if TYPE_CHECKING:
    from azure_stand_in import LocalAks

AT_ONCE = 6
Json = dict[str, Any]
Played = dict[tuple[str, str], Any]
"""Futures by case."""


def play(modules: Modules, case: Case, task: Callable[..., Json], module: str = "aks_cluster") -> None:
    """One case: two states, each reached once and kept; or a second state that is refused before the call."""
    modules.both(module, **task(case))
    second = task(case, changed=True)
    if not case.fixed:
        modules.both(module, **second)
        return
    group = f"/resourceGroups/{modules.names['resource_group']}"
    before = len(modules.writes(group))
    for check in (True, False):
        refused = modules.run(module, check=check, **second)
        assert refused.get("failed") is True, f"{case.option} was changed: {refused['diff']}"
        assert refused["failure"]["code"] == "ImmutableField", refused
        assert case.option.split(".")[-1] in refused["failure"]["option"], refused
        assert refused["failure"]["remedy"]
    assert len(modules.writes(group)) == before


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAks]:
    service = started(tmp_path_factory.mktemp("fields"))
    yield service
    service.control("stop")


@pytest.fixture(scope="module")
def played(service: LocalAks, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    directory: Path = tmp_path_factory.mktemp("calls")
    processes = Processes(AT_ONCE)
    service.authenticate()

    def cluster(case: Case, number: int) -> None:
        modules = Modules(processes, service, directory, resource_group=f"c{number}-rg", name="demo")
        play(modules, case, lambda case, **more: {**cluster_task(case, **more), "create_resource_group": True})

    def pool_in_cluster(case: Case, number: int) -> None:
        modules = Modules(processes, service, directory, resource_group=f"p{number}-rg", name="demo")
        play(modules, case, lambda case, **more: {**pool_task(case, **more), "create_resource_group": True})

    def node_pool(case: Case, number: int) -> None:
        names = {"resource_group": f"n{number}-rg", "cluster_name": "demo", "name": POOL}
        modules = Modules(processes, service, directory, **names)
        plain = cluster_task(Case("kubernetes_version", "1.34", "1.34"))
        host = Modules(processes, service, directory, resource_group=f"n{number}-rg", name="demo")
        made = host.cluster(create_resource_group=True, **plain)
        assert made.get("failed") is None, made
        play(modules, case, pool_options, "aks_node_pool")

    with ThreadPoolExecutor(AT_ONCE) as pool:
        tables = (("cluster", CLUSTER_CASES, cluster), ("pool", POOL_CASES, pool_in_cluster))
        tables += (("node_pool", POOL_CASES, node_pool),)
        yield {
            (kind, case.option): pool.submit(work, case, number)
            for kind, cases, work in tables
            for number, case in enumerate(cases)
        }
    processes.close()


@pytest.mark.parametrize("case", CLUSTER_CASES, ids=lambda case: case.option)
def test_cluster_field(played: Played, case: Case) -> None:
    played["cluster", case.option].result()


@pytest.mark.parametrize("case", POOL_CASES, ids=lambda case: case.option)
def test_pool_field_in_the_cluster_module(played: Played, case: Case) -> None:
    played["pool", case.option].result()


@pytest.mark.parametrize("case", POOL_CASES, ids=lambda case: case.option)
def test_pool_field_in_the_pool_module(played: Played, case: Case) -> None:
    played["node_pool", case.option].result()
