# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Fixtures around the local stand-in for Azure."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_modules import Modules, Processes
from azure_stand_in import LocalAks, started

AT_ONCE = 4


def write_program(path: Path, script: str) -> None:
    """Write a shell script."""
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o700)


@pytest.fixture(scope="session")
def local_aks_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAks]:
    """One service for the whole run."""
    service = started(tmp_path_factory.mktemp("local_aks"))
    yield service
    service.control("stop")


@pytest.fixture
def kind_local_aks(tmp_path: Path) -> Iterator[LocalAks]:
    """A service with the kind back end, whose programs are scripts that tests write: tmp_path/docker and kind."""
    for name in ("docker", "kind"):
        write_program(tmp_path / name, "exit 0")
    programs = {name: str(tmp_path / name) for name in ("docker", "kind")}
    service = started(tmp_path / "state", backend="kind", **programs)
    yield service
    service.control("stop")


@pytest.fixture
def own_local_aks(tmp_path: Path) -> Iterator[LocalAks]:
    """A service for one test that restarts or ends it."""
    service = started(tmp_path)
    yield service
    service.control("stop")


@pytest.fixture
def local_aks(local_aks_process: LocalAks) -> Iterator[LocalAks]:
    """The service without faults, without remembered requests; resource groups of the test are removed after it."""
    local_aks_process.faults()
    local_aks_process.requests(clear=True)
    yield local_aks_process
    local_aks_process.faults()
    for group in local_aks_process.arm("GET", "/resourcegroups").body["value"]:
        answer = local_aks_process.arm("DELETE", f"/resourcegroups/{group['name']}")
        while answer.status == 202:
            answer = local_aks_process.arm("GET", answer.headers["location"])


@pytest.fixture(scope="session")
def processes() -> Iterator[Processes]:
    """Where modules run."""
    pool = Processes(AT_ONCE)
    yield pool
    pool.close()


@pytest.fixture
def modules(local_aks: LocalAks, processes: Processes, tmp_path: Path) -> Modules:
    """Modules for one cluster."""
    return Modules(processes, local_aks, tmp_path, resource_group="rg-modules", name="demo")
