# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role says before it starts anything, and what it removes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from local_aks import machine
from local_aks.config import Config
from local_aks.errors import ConfigError


def program(folder: Path, name: str, script: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, Any]:
    """A machine where everything is there."""
    docker = program(tmp_path, "docker", 'case "$1" in version) echo 27.1;; images) echo 0123;; esac')
    other = program(tmp_path, "other", "exit 0")
    return {"directory": tmp_path / "state", "docker": docker, "kind": other, "helm": other}


def test_a_machine_that_has_all(settings: dict[str, Any]) -> None:
    assert machine.check(Config(**settings)) == {"changed": False, "engine": "27.1", "backend": "kind"}
    assert not settings["directory"].exists()


def test_the_stub_needs_nothing(tmp_path: Path) -> None:
    assert machine.check(Config(directory=tmp_path, backend="stub", docker="/nowhere"))["backend"] == "stub"


@pytest.mark.parametrize("name", ["docker", "kind", "helm"])
def test_a_missing_program_is_named_with_its_variable(settings: dict[str, Any], name: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is not installed.*local_aks_{name}"):
        machine.check(Config(**{**settings, name: "/nowhere/it"}))


@pytest.mark.parametrize(
    ("says", "words"),
    [("permission denied while trying to connect", "group docker"), ("Cannot connect", "no Docker engine answers")],
)
def test_an_engine_that_does_not_answer(settings: dict[str, Any], tmp_path: Path, says: str, words: str) -> None:
    docker = program(tmp_path, "silent", f"echo '{says}' >&2; exit 1")
    with pytest.raises(ConfigError, match=words):
        machine.check(Config(**{**settings, "docker": docker}))


def test_a_missing_image_is_named_with_its_variable(settings: dict[str, Any], tmp_path: Path) -> None:
    docker = program(tmp_path, "empty", '[ "$1" = version ] && echo 27.1; exit 0')
    with pytest.raises(ConfigError, match=r"kindest/node:v\S+ \(local_aks_node_image\) is not in Docker"):
        machine.check(Config(**{**settings, "docker": docker}))


def test_a_missing_chart_is_named_with_its_variable(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=r"/nowhere/cilium.tgz \(local_aks_cilium_chart\)"):
        machine.check(Config(**settings, cilium_chart="/nowhere/cilium.tgz"))


class TestDestroy:
    def test_nothing_is_there(self, settings: dict[str, Any]) -> None:
        assert machine.destroy(Config(**settings)) == {"changed": False, "clusters": []}

    def test_our_directory_goes(self, settings: dict[str, Any]) -> None:
        directory = settings["directory"]
        directory.mkdir()
        (directory / "config.json").write_text("{}", encoding="utf-8")
        assert machine.destroy(Config(**settings)) == {"changed": True, "clusters": []}
        assert not directory.exists()

    def test_a_directory_of_somebody_else_stays(self, settings: dict[str, Any]) -> None:
        directory = settings["directory"]
        directory.mkdir()
        (directory / "thesis.tex").write_text("years of work", encoding="utf-8")
        with pytest.raises(ConfigError, match="it is not removed"):
            machine.destroy(Config(**settings))
        assert (directory / "thesis.tex").exists()
