# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the tests of the examples share: the session, and the count at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "functional")]

from example_session import DONE, Runs  # noqa: E402


@pytest.fixture(scope="session")
def runs(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Runs]:
    """Everything that the chosen tests will ask for is started at once."""
    found = Runs(tmp_path_factory.mktemp("examples"))
    for item in request.session.items:
        call = getattr(item, "callspec", None)
        if call is not None and hasattr(call.params.get("subject"), "start"):
            call.params["subject"].start(found)
    yield found
    found.close()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say how many examples were executed, and which were not, and why."""
    if not DONE:
        return
    count = Counter(how for how, __, __ in DONE)
    terminalreporter.write_line("")
    words = [
        f"{count[how]} {how}"
        for how in ("executed", "executed by another test", "checked", "validated", "parsed")
        if count[how]
    ]
    terminalreporter.write_line(f"Examples: {', '.join(words)}")
    for how in ("checked", "parsed"):
        for __, where, because in sorted(line for line in DONE if line[0] == how):
            terminalreporter.write_line(f"  {how}: {where}: {because}")
    for __, where, because in sorted(line for line in DONE if line[0] == "executed" and line[2]):
        terminalreporter.write_line(f"  executed, but: {where}: {because}")
