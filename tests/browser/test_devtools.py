# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Without Chromium the tests install it, as root on Debian, or say in one sentence what is missing."""

from __future__ import annotations

import subprocess

import devtools
import pytest


def test_without_chromium_and_without_root_the_tests_say_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devtools.shutil, "which", lambda name: None)
    monkeypatch.setattr(devtools.os, "geteuid", lambda: 1000)
    with pytest.raises(RuntimeError, match="install the Debian package chromium"):
        devtools.chromium()


def test_root_installs_it_and_fails_with_what_apt_said(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[list[str]] = []

    def run(words: list[str], **more: object) -> subprocess.CompletedProcess[str]:
        ran.append(words)
        return subprocess.CompletedProcess(words, 100, "", "E: Unable to locate package chromium")

    monkeypatch.setattr(devtools.shutil, "which", lambda name: "/usr/bin/apt-get" if name == "apt-get" else None)
    monkeypatch.setattr(devtools.os, "geteuid", lambda: 0)
    monkeypatch.setattr(devtools.subprocess, "run", run)
    with pytest.raises(RuntimeError, match="Unable to locate package chromium"):
        devtools.chromium()
    assert ["install" in words or "update" in words for words in ran] == [True, True, True]
