# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes: run them, log them, and end all of them when the lab is interrupted."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

Word = str | Path
Capture = Callable[[Sequence[Word]], str]

QUERY_TIMEOUT_S = 300.0
WORK_TIMEOUT_S = 3600.0
END_TIMEOUT_S = 5.0
# Escalation: `go` and mmdebstrap remove their temporary files on SIGINT, not all of them do on SIGTERM.
END_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class LabError(Exception):
    """A failure whose message is all that the user needs."""


class Group:
    """The long-running processes of this program, each in a session of its own."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen[bytes]] = set()
        self._stopped = False

    @property
    def stopped(self) -> bool:
        """Whether the program is ending."""
        return self._stopped

    def start(
        self,
        words: Sequence[str],
        stdin: int | IO[bytes],
        stdout: int | IO[str],
        stderr: IO[str],
        env: Mapping[str, str],
        cwd: Path | None,
    ) -> subprocess.Popen[bytes]:
        """Start a process, unless the program is ending."""
        with self._lock:
            if self._stopped:
                raise LabError("interrupted")
            process = subprocess.Popen(
                words, stdin=stdin, stdout=stdout, stderr=stderr, env=dict(env), cwd=cwd, start_new_session=True
            )
            self._running.add(process)
        return process

    def end(self, *processes: subprocess.Popen[bytes]) -> None:
        """Forget processes; end those which still run, and what they started."""
        running = [process for process in processes if process.poll() is None]
        for number in END_SIGNALS:
            for process in running:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, number)
            deadline = time.monotonic() + END_TIMEOUT_S
            for process in running:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(max(0.0, deadline - time.monotonic()))
            running = [process for process in running if process.poll() is None]
        with self._lock:
            self._running.difference_update(processes)

    def stop(self) -> None:
        """End everything and start nothing more."""
        with self._lock:
            self._stopped = True
            running = list(self._running)
        self.end(*running)


GROUP = Group()


def capture(command: Sequence[Word], env: Mapping[str, str] | None = None, timeout_s: float = QUERY_TIMEOUT_S) -> str:
    """Standard output of a command which must succeed."""
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words,
            check=True,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **(env or {})},
            timeout=timeout_s,
        )
    except FileNotFoundError as error:
        raise LabError(f"{words[0]} is not installed (`lab prepare` installs what is missing)") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"`{shlex.join(words)}` did not end within {timeout_s:.0f} s") from error
    except subprocess.CalledProcessError as error:
        text = error.stderr.strip() or error.stdout.strip()
        raise LabError(f"`{shlex.join(words)}` failed with status {error.returncode}: {text}") from error
    return done.stdout


def succeeds(command: Sequence[Word], timeout_s: float = QUERY_TIMEOUT_S) -> bool:
    """Whether a command runs and returns 0."""
    try:
        capture(command, timeout_s=timeout_s)
    except LabError:
        return False
    return True


def logged(
    command: Sequence[Word],
    log: IO[str],
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    source: Sequence[Word] | None = None,
    timeout_s: float = WORK_TIMEOUT_S,
) -> None:
    """Run a command which must succeed; its output goes to the log, its input is the output of source."""
    words = [str(word) for word in command]
    feeding = [str(word) for word in source or ()]
    environment = {**os.environ, **(env or {})}
    processes: list[subprocess.Popen[bytes]] = []
    log.write(f"+ {shlex.join(feeding)} |\n" if feeding else "")
    log.write(f"+ {shlex.join(words)}\n")
    log.flush()
    try:
        stdin: int | IO[bytes] = subprocess.DEVNULL
        if feeding:
            feeder = GROUP.start(feeding, subprocess.DEVNULL, subprocess.PIPE, log, environment, None)
            processes.append(feeder)
            stdin = feeder.stdout or subprocess.DEVNULL
        processes.append(GROUP.start(words, stdin, log, log, environment, cwd))
        if not isinstance(stdin, int):
            # The reader alone holds the pipe now, so that the feeder notices when it ends.
            stdin.close()
        deadline = time.monotonic() + timeout_s
        # The feeder first: what it failed to deliver is the cause of what its reader complains about.
        for process, name in zip(processes, [feeding[0], words[0]] if feeding else [words[0]], strict=True):
            if status := process.wait(max(0.0, deadline - time.monotonic())):
                raise LabError(f"{name} failed with status {status}")
    except FileNotFoundError as error:
        raise LabError(f"{error.filename} is not installed (`lab prepare` installs what is missing)") from error
    except subprocess.TimeoutExpired as error:
        raise LabError(f"{words[0]} did not end within {timeout_s:.0f} s") from error
    finally:
        GROUP.end(*processes)
