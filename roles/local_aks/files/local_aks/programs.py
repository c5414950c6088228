# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Running docker, kind and helm: bounded in time, stoppable, with errors that carry the program's last words."""

from __future__ import annotations

import logging
import os
import shlex
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence

from .errors import BackendError, CancelledError
from .operations import Progress

LOG = logging.getLogger("local_aks")
LAST_LINES = 6
# How long a stop request may go unnoticed.
POLL_S = 0.2


def run(
    command: Sequence[str],
    *,
    code: str,
    timeout_s: float = 60,
    progress: Progress | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> str:
    """Standard output of a program that must succeed, else BackendError(code) with its last lines.

    With a progress, its cancellation ends the program and raises CancelledError.
    """
    LOG.debug("+ %s", shlex.join(command))
    try:
        process = subprocess.Popen(
            list(command),
            stdin=subprocess.DEVNULL if stdin is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, **(environment or {})},
            start_new_session=True,
        )
    except OSError as error:
        raise BackendError(code, f"{command[0]} cannot be started: {error.strerror}") from error
    deadline = time.monotonic() + timeout_s
    pending = stdin
    while True:
        try:
            output, errors = process.communicate(pending, timeout=POLL_S)
            break
        except subprocess.TimeoutExpired:
            pending = None
            cancelled = progress is not None and progress.cancelled.is_set()
            if not cancelled and time.monotonic() < deadline:
                continue
            _end(process)
            if cancelled:
                raise CancelledError from None
            message = f"{command[0]} did not finish within {timeout_s:.0f} s: {shlex.join(command)}"
            raise BackendError(code, message) from None
    if process.returncode != 0:
        raise BackendError(code, f"{os.path.basename(command[0])} failed: {last_lines(errors or output)}")
    return output


def last_lines(text: str) -> str:
    """The last lines of a program's output, as one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return " / ".join(lines[-LAST_LINES:]) or "it said nothing"


def _end(process: subprocess.Popen[str]) -> None:
    """End a program and what it started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            break
        try:
            process.communicate(timeout=10)
            return
        except subprocess.TimeoutExpired:
            continue
