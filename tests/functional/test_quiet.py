# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What playbooks print when all is well: no warning, of ours or of a library, and no colour where none is wanted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from azure_stand_in import control, free_port

ROOT = Path(__file__).resolve().parents[2]
# "[WARNING]: ..." of Ansible, "x.py:1: DeprecationWarning: ..." of Python.
WARNING = re.compile(r"\[WARN|\[DEPRECAT|\b\w+Warning\b|deprecat", re.IGNORECASE)
# What every run of ansible-core prints when Python shows all warnings, whatever it runs.
OF_CORE = re.compile(r"ResourceWarning|multiprocessing/popen_fork")
ESCAPE = "\x1b["
LONGEST_S = 600
PROGRESS = "] cluster aksciliumlab: "
PREFIXES = ("ANSIBLE_", "AZURE_", "AKS_CILIUM_", "K8S_AUTH_", "KUBECONFIG", "NO_COLOR", "FORCE_COLOR")


def warnings_in(text: str) -> list[str]:
    """The lines that warn of something, without those that ansible-core itself always has."""
    return [line for line in text.splitlines() if WARNING.search(line) and not OF_CORE.search(line)]


def chunks(read: int) -> Iterator[bytes]:
    """What comes until nobody writes any more; of a terminal, the end is an error."""
    with contextlib.suppress(OSError):
        while chunk := os.read(read, 65536):
            yield chunk


class Site:
    """The local inventory with a stand-in of its own that builds nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        settings = {
            "local_aks_directory": str(folder / "local_aks"),
            "local_aks_port": free_port(),
            "local_aks_backend": "stub",
            "local_aks_engine_stop": [],
            "aks_cluster_kubeconfig": str(folder / "{{ inventory_hostname }}.yml"),
            "policy_hardening_report": str(folder / "report.md"),
            "cilium_values_local": {},
        }
        self._settings = folder / "settings.json"
        self._settings.write_text(json.dumps(settings), encoding="utf-8")

    def play(self, playbook: str, *words: str, **environment: str) -> str:
        """Run a playbook as in a pipe; returns all that it prints."""
        read, write = os.pipe()
        return self._run(read, write, playbook, words, environment)

    def play_on_terminal(self, playbook: str, *words: str, **environment: str) -> str:
        """The same before a terminal, where Ansible shows colours."""
        read, write = os.openpty()
        return self._run(read, write, playbook, words, environment)

    def _run(self, read: int, write: int, playbook: str, words: tuple[str, ...], environment: dict[str, str]) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(PREFIXES)}
        clean |= {
            "ANSIBLE_DEPRECATION_WARNINGS": "true",
            "ANSIBLE_LOCAL_TEMP": str(self._folder / "tmp"),
            "HOME": str(self._folder),
            "PYTHONWARNINGS": "default",
            "TERM": "xterm",
        }
        program = Path(sys.executable).with_name("ansible-playbook")
        process = subprocess.Popen(
            [program, f"playbooks/{playbook}.yml", "-i", "inventories/local", "-e", f"@{self._settings}", *words],
            cwd=ROOT,
            env={**clean, **environment},
            stdin=subprocess.DEVNULL,
            stdout=write,
            stderr=write,
        )
        os.close(write)
        with process:
            watchdog = threading.Timer(LONGEST_S, process.kill)
            watchdog.start()
            text = b"".join(chunks(read)).decode("utf-8", "replace")
            watchdog.cancel()
        os.close(read)
        assert process.returncode == 0, text
        return text

    def stop(self) -> None:
        """End the service, where a failed test left it."""
        directory = self._folder / "local_aks"
        if directory.exists():
            control("stop", directory)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    site = Site(tmp_path_factory.mktemp("site"))
    yield site
    site.stop()


@pytest.fixture(scope="module")
def built(site: Site) -> str:
    """What the creation of two clusters prints on a terminal."""
    return site.play_on_terminal("cluster")


def test_a_creation_prints_no_warning_and_its_progress_in_colour(built: str) -> None:
    assert warnings_in(built) == []
    lines = [line for line in built.splitlines() if PROGRESS in line]
    assert lines
    assert all(ESCAPE in line for line in lines)


def test_a_preview_in_a_pipe_has_neither_warnings_nor_colours(site: Site, built: str) -> None:
    assert built
    text = site.play("cluster", "--check", "--diff", "-e", '{"aks_cluster_properties": {"tags": {"team": "net"}}}')
    assert warnings_in(text) == []
    assert ESCAPE not in text
    assert "+        team: net" in text


def test_a_teardown_prints_no_warning_and_no_colour_where_none_is_wanted(site: Site, built: str) -> None:
    assert built
    text = site.play_on_terminal("teardown", NO_COLOR="1")
    assert warnings_in(text) == []
    assert PROGRESS in text
    assert ESCAPE not in text


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("[WARNING]: something", True),
        ("[DEPRECATION WARNING]: something", True),
        ("x.py:1: DeprecationWarning: something", True),
        ("x.py:1: FutureWarning: something", True),
        ("sys:1: ResourceWarning: unclosed file", False),
        ("ok: [aksciliumlab]", False),
    ],
)
def test_what_counts_as_a_warning(line: str, found: bool) -> None:
    assert bool(warnings_in(line)) is found
