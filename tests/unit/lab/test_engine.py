# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine: which packages, which command line, and whose process is stopped."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import engine
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.cache import Cache
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.progress import Progress


class LocalCache(Cache):
    """A cache whose sockets and pid file are in a temporary folder."""

    @property
    def run(self) -> Path:
        return self.root / "run"


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def cache(tmp_path: Path, lines: list[str]) -> Cache:
    found = LocalCache(tmp_path / "cache", Progress(out=lines.append))
    found.run.mkdir()
    return found


def sleeper(*words: str) -> subprocess.Popen[bytes]:
    code = "import time; print('ready', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=subprocess.PIPE)
    assert process.stdout is not None
    with process.stdout:
        assert process.stdout.readline() == b"ready\n"
    return process


@pytest.fixture
def own(cache: Cache) -> Iterator[subprocess.Popen[bytes]]:
    process = sleeper("--data-root", str(cache.root / "docker"))
    yield process
    process.kill()
    process.wait()


def test_engine_keeps_its_data_and_sockets_apart(cache: Cache) -> None:
    command = engine.engine_command(cache, "unix:///x.sock", Path("/shim"))
    assert command[:3] == ["dockerd", "--data-root", str(cache.root / "docker")]
    assert "--host unix:///x.sock" in " ".join(command)
    assert "--default-runtime without-sys-resource" in " ".join(command)
    assert "--host" not in engine.engine_command(cache, "", None)
    assert "--default-runtime" not in engine.engine_command(cache, "", None)


def test_engine_of_another_origin_is_left_alone(cache: Cache, lines: list[str]) -> None:
    other = sleeper("--data-root", "/var/lib/docker")
    try:
        (cache.run / "dockerd.pid").write_text(str(other.pid))
        engine.stop_engine(cache)
        assert other.poll() is None
        assert "none was started from here" in lines[-1]
    finally:
        other.kill()
        other.wait()


@pytest.mark.parametrize("text", ["", "not a number", "99999999"])
def test_pid_file_without_a_process_means_no_engine(cache: Cache, text: str) -> None:
    (cache.run / "dockerd.pid").write_text(text)
    assert engine.own_engine(cache) == 0


def test_own_engine_is_stopped(cache: Cache, own: subprocess.Popen[bytes]) -> None:
    (cache.run / "dockerd.pid").write_text(str(own.pid))
    assert engine.own_engine(cache) == own.pid
    engine.stop_engine(cache)
    assert own.wait(10) == -15
    assert not cache.run.exists()


def test_missing_docker_without_root_is_a_clear_error(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "engine_trouble", lambda: "docker is not installed")
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match=r"Docker is missing and this user is not root: .*docker is not installed"):
        engine.have_engine(cache)


def test_remote_engine_that_does_not_answer_is_not_replaced(cache: Cache, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "engine_trouble", lambda: "no route")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1:2375")
    with pytest.raises(LabError, match="DOCKER_HOST names"):
        engine.have_engine(cache)


def test_restricted_runtime_is_kept_in_the_cache_and_can_run(cache: Cache) -> None:
    target = engine.restricted_runtime(cache)
    assert target.parent == cache.bin
    assert target.stat().st_mode & 0o777 == 0o755
    assert Path(target.read_text().splitlines()[0].removeprefix("#!").split()[0]).exists()


def test_pid_files_of_dead_or_foreign_processes_are_forgotten(tmp_path: Path) -> None:
    cache = LocalCache(tmp_path)
    containerd = cache.run / "exec" / "containerd" / "containerd.pid"
    containerd.parent.mkdir(parents=True)
    # This test's own process is alive, but it is no engine of this cache.
    containerd.write_text(f"{os.getpid()}\n", encoding="utf-8")
    (cache.run / "dockerd.pid").write_text("garbage", encoding="utf-8")
    engine.forget_dead_processes(cache)
    assert not containerd.exists()
    assert not (cache.run / "dockerd.pid").exists()
