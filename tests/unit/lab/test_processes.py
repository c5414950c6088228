# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes, progress and files."""

from __future__ import annotations

import re
import signal
import sys
import threading
import time
from pathlib import Path
from typing import IO

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import processes
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.files import digest, place, write_text
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import Group, LabError, capture, logged
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.progress import Progress, duration


@pytest.fixture
def log(tmp_path: Path) -> IO[str]:
    return (tmp_path / "log").open("w+", encoding="utf-8")


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def test_missing_program_is_named() -> None:
    with pytest.raises(LabError, match="no-such-program is not installed"):
        capture(["no-such-program"])


def test_failure_tells_command_status_and_words() -> None:
    with pytest.raises(LabError, match=r"failed with status 3: sorry"):
        capture(python("import sys; print('sorry', file=sys.stderr); sys.exit(3)"))


def test_command_that_does_not_end_is_ended() -> None:
    with pytest.raises(LabError, match="did not end within"):
        capture(python("import time; time.sleep(60)"), timeout_s=0.2)


def test_output_of_the_source_is_the_input(log: IO[str]) -> None:
    logged(python("import sys; print(sys.stdin.read().upper())"), log, source=python("print('text')"))
    log.seek(0)
    assert "TEXT" in log.read()


def test_failing_source_fails_the_whole(log: IO[str]) -> None:
    with pytest.raises(LabError, match="failed with status 4"):
        logged(python("import sys; sys.stdin.read()"), log, source=python("raise SystemExit(4)"))


def test_command_gets_no_input_of_the_terminal(log: IO[str]) -> None:
    logged(python("import sys; sys.exit(sys.stdin.read() != '')"), log)


def runs(process: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    except OSError:
        return False


def test_stopping_ends_what_runs_and_starts_nothing_more(log: IO[str], monkeypatch: pytest.MonkeyPatch) -> None:
    group = Group()
    monkeypatch.setattr(processes, "GROUP", group)
    # A handler is not inherited, a signal that is ignored (as behind nohup) would be.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    failed: list[str] = []
    code = "import subprocess; c = subprocess.Popen(['sleep', '60']); print('child', c.pid, flush=True); c.wait()"

    def work() -> None:
        try:
            logged(python(code), log)
        except LabError as error:
            failed.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    deadline = time.monotonic() + 10
    child = None
    while child is None:
        assert time.monotonic() < deadline
        child = re.search(r"^child (\d+)$", Path(log.name).read_text(encoding="utf-8"), re.MULTILINE)
    group.stop()
    thread.join(10)
    signal.signal(signal.SIGINT, before)
    assert len(failed) == 1
    assert not runs(int(child[1]))
    with pytest.raises(LabError, match="interrupted"):
        logged(["true"], log)


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.04, "0.0 s"), (7.26, "7.3 s"), (42.4, "42 s"), (60, "1 min"), (125, "2 min 5 s")]
)
def test_duration_is_readable(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_long_step_gives_a_sign_of_life_every_interval() -> None:
    now = [0.0]
    lines: list[str] = []
    progress = Progress(out=lines.append, clock=lambda: now[0], interval_s=30)
    with progress.step("compile", typical_s=100):
        for now[0] in (29.0, 30.0, 45.0, 60.0):
            progress.tick()
        now[0] = 61.0
    assert [line.split(maxsplit=1)[1] for line in lines] == [
        "started, takes about 1 min 40 s",
        "… 30 s",
        "… 1 min",
        "done in 1 min 1 s",
    ]


def test_failed_step_says_so() -> None:
    lines: list[str] = []
    with pytest.raises(LabError), Progress(out=lines.append).step("compile"):
        raise LabError("no")
    assert "failed after" in lines[-1]


def test_text_is_written_only_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "folder" / "file"
    assert write_text(file, "a")
    assert not write_text(file, "a")
    assert write_text(file, "b")
    assert [path.name for path in file.parent.iterdir()] == ["file"]


def test_digest_follows_names_and_contents(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    before = digest(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert digest(tmp_path) != before
    (tmp_path / "b").rename(tmp_path / "a")
    assert digest(tmp_path) == before
    (tmp_path / "a").write_text("2")
    assert digest(tmp_path) != before


def test_placed_files_are_readable_by_all(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    (source / "text").write_text("x")
    (source / "text").chmod(0o400)
    (source / "program").write_text("x")
    (source / "program").chmod(0o755)
    place(source, tmp_path / "target")
    modes = {path.name: path.stat().st_mode & 0o777 for path in (tmp_path / "target").iterdir()}
    # Root may read everything, so access rights alone do not tell programs from other files.
    assert modes == {"text": 0o644, "program": 0o755}
