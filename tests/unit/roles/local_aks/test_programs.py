# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from local_aks.errors import BackendError, CancelledError
from local_aks.operations import Progress
from local_aks.programs import run
from local_aks.store import Store


def test_output_input_and_environment() -> None:
    output = run(["sh", "-c", 'cat; echo "$X"'], code="C", stdin="in\n", environment={"X": "y"})
    assert output == "in\ny\n"


def test_a_failure_carries_the_last_lines() -> None:
    with pytest.raises(BackendError) as caught:
        run(["sh", "-c", "seq 1 20 >&2; exit 3"], code="Broken")
    assert (caught.value.code, str(caught.value)) == ("Broken", "sh failed: 15 / 16 / 17 / 18 / 19 / 20")


def test_a_missing_program_is_named() -> None:
    with pytest.raises(BackendError, match="/does/not/exist cannot be started"):
        run(["/does/not/exist"], code="C")


def test_a_hanging_program_is_ended_in_time() -> None:
    with pytest.raises(BackendError, match="did not finish within 0 s"):
        run(["sleep", "100"], code="C", timeout_s=0.1)


def test_cancellation_ends_a_program_and_its_children(tmp_path: Path) -> None:
    progress = Progress(Store(tmp_path), "x")
    threading.Timer(0.1, progress.cancelled.set).start()
    with pytest.raises(CancelledError):
        run(["sh", "-c", "sleep 100 & wait"], code="C", progress=progress)
