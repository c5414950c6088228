# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab finds out about a machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import machine
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError, Word

BOOKWORM = 'ID=debian\nVERSION_CODENAME=bookworm\nVERSION_ID="12"\n'
DEB822 = """\
Types: deb
# a comment
URIs: http://mirror.example/debian http://second.example/debian
Suites: bookworm bookworm-updates
Components: main

Types: deb
URIs: http://mirror.example/debian-security
Suites: bookworm-security
"""


@pytest.mark.parametrize(
    ("release", "sources", "mirror"),
    [
        (BOOKWORM, ["deb http://mirror.example/debian bookworm main\n"], "http://mirror.example/debian"),
        (BOOKWORM, ["deb [arch=amd64 signed-by=/k] http://m.example/d bookworm main\n"], "http://m.example/d"),
        (BOOKWORM, ["deb http://third.example/x nodistro main\n", DEB822], "http://mirror.example/debian"),
        (BOOKWORM, ["deb http://mirror.example/debian-security bookworm-security main\n"], ""),
        (BOOKWORM, ["Suites: bookworm\n"], ""),
        (BOOKWORM, [], ""),
        (BOOKWORM.replace("debian", "ubuntu"), [DEB822], ""),
        ("", [DEB822], ""),
    ],
)
def test_mirror_is_the_one_of_the_machines_own_release(release: str, sources: list[str], mirror: str) -> None:
    assert machine.mirror_in(release, sources) == mirror


@pytest.mark.parametrize(
    ("mask", "lacks"), [("000001ffffffffff", False), ("000001fffeffffff", True), ("0000000000000000", True)]
)
def test_missing_capability_is_read_from_the_bounding_set(mask: str, lacks: bool) -> None:
    status = f"CapEff:\t0000000000000000\nCapBnd:\t{mask}\n"
    assert machine.lacks_sys_resource(status) is lacks


@pytest.mark.parametrize("release", ["go1.25.9", "go1.9", "devel +abc"])
def test_old_or_unknown_go_is_refused_with_what_to_do(release: str) -> None:
    def run(__: Sequence[Word]) -> str:
        return f"go version {release} linux/amd64\n"

    with pytest.raises(LabError, match=r"needs Go 1\.26 or later.*install it from"):
        machine.require_go(run)


@pytest.mark.parametrize("release", ["go1.26.0", "go1.26.8", "go1.30", "go2.0"])
def test_new_enough_go_is_accepted(release: str) -> None:
    machine.require_go(lambda __: f"go version {release} linux/amd64\n")


def test_go_which_fails_is_told_with_its_own_words() -> None:
    def run(__: Sequence[Word]) -> str:
        raise LabError("toolchain not available")

    with pytest.raises(LabError, match="toolchain not available"):
        machine.require_go(run)


def test_missing_go_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(LabError, match=r"there is no `go` in PATH"):
        machine.require_go()


def test_room_on_one_disk_is_added_up(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free / machine.GIGABYTE
    machine.require_disk([(tmp_path / "not" / "yet", free * 0.4), (tmp_path, free * 0.4)])
    with pytest.raises(LabError, match=r"GB free, but about \d+ GB are needed"):
        machine.require_disk([(tmp_path / "not" / "yet", free * 0.7), (tmp_path, free * 0.7)])


def test_other_users_are_told_what_needs_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(LabError, match="installing X needs root, and this user is not root"):
        machine.require_root("installing X")


@pytest.mark.parametrize(("found", "left", "said"), [("128\n", 1024, 1), ("1024\n", 1024, 0), ("8192\n", 8192, 0)])
def test_low_inotify_limit_is_raised_and_said(found: str, left: int, said: int, tmp_path: Path) -> None:
    file = tmp_path / "max_user_instances"
    file.write_text(found)
    lines: list[str] = []
    machine.raise_inotify_limit(lines.append, file)
    assert int(file.read_text()) == left
    assert len(lines) == said


def test_inotify_limit_that_may_not_be_raised_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "max_user_instances"
    file.write_text("128\n")

    def refuse(*_words: object, **_options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "write_text", refuse)
    lines: list[str] = []
    machine.raise_inotify_limit(lines.append, file)
    assert lines == ["fs.inotify.max_user_instances is 128: kubelets of several clusters need 1024"]


def test_system_without_the_inotify_limit_is_left_alone(tmp_path: Path) -> None:
    machine.raise_inotify_limit(pytest.fail, tmp_path / "absent")
