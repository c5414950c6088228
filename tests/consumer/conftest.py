# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""One project for all tests, and the stand-in for Azure that it uses."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from stranger import ROOT, Project, made  # noqa: E402

FOLDER = ROOT / "build" / "consumer"


@pytest.fixture(scope="session")
def project() -> Iterator[Project]:
    """The project as it is before anything has run; what an earlier, killed run has left is removed first.

    With CONSUMER_KEEP=1 the cluster stays for the next run, which saves time while one works on these tests.
    """
    left, keep = Project(FOLDER / "project"), os.environ.get("CONSUMER_KEEP") == "1"
    if not keep:
        if (left.folder / "local_aks").exists():
            left.run("local", "-e", "local_aks_state=absent")
        shutil.rmtree(FOLDER, ignore_errors=True)
    shutil.rmtree(left.folder / "collections", ignore_errors=True)
    project = made(FOLDER)
    yield project
    if not keep:
        project.run("local", "-e", "local_aks_state=absent")
