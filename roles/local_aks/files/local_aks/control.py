# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Starting, stopping and asking for the service; every command returns what it found and whether it changed it."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from .config import Config, digest
from .errors import ConfigError, Json

START_TIMEOUT_S = 30
STOP_TIMEOUT_S = 45


def health(config: Config) -> Json | None:
    """What the service says of itself; None when nothing of ours answers."""
    if not config.ca_file.exists():
        return None
    try:
        context = ssl.create_default_context(cafile=str(config.ca_file))
        with urllib.request.urlopen(  # noqa: S310 - the URL is https and ours
            f"{config.url}/_local_aks/health", timeout=5, context=context
        ) as answer:
            document: Json = json.load(answer)
            return document
    except (OSError, ValueError, urllib.error.URLError):
        return None


def process(config: Config) -> int | None:
    """Process id of the running service, verified by its command line; None when it does not run."""
    try:
        pid = int(config.pid_file.read_text(encoding="ascii"))
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    ours = b"local_aks" in words and os.fsencode(str(config.directory)) in words
    return pid if ours else None


def status(config: Config) -> Json:
    """Whether the service runs and answers."""
    pid, answer = process(config), health(config)
    return {
        "changed": False,
        "running": pid is not None and answer is not None,
        "pid": pid,
        "current": answer is not None and answer["digest"] == digest(config),
        "url": config.url,
        "ca_bundle": str(config.ca_file),
    }


def start(config: Config) -> Json:
    """Start the service unless it runs with just this configuration; clusters outlive a restart."""
    found = status(config)
    if found["running"] and found["current"]:
        return found
    if found["pid"]:
        stop(config)
    elif found["running"] is False and health(config) is not None:
        raise ConfigError(
            f"{config.url} is served by a process that {config.pid_file} does not name. "
            "Stop that process, or set local_aks_port to a free one."
        )
    config.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    command = [sys.executable, "-m", "local_aks", "serve", "--directory", str(config.directory)]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent), "PYTHONDONTWRITEBYTECODE": "1"}
    with config.log_file.open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment, start_new_session=True, cwd="/"
        )
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        found = status(config)
        if found["running"] and found["pid"] == child.pid:
            return {**found, "changed": True}
        if child.poll() is not None:
            raise ConfigError(f"the service ended at once: {_last_lines(config.log_file)}")
        time.sleep(0.1)
    child.terminate()
    raise ConfigError(f"the service does not answer at {config.url}: {_last_lines(config.log_file)}")


def stop(config: Config) -> Json:
    """Stop the service; clusters stay."""
    pid = process(config)
    if pid is None:
        config.pid_file.unlink(missing_ok=True)
        return {"changed": False, "running": False, "pid": None}
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while process(config) is not None:
        if time.monotonic() > deadline:
            os.kill(pid, signal.SIGKILL)
            break
        time.sleep(0.1)
    config.pid_file.unlink(missing_ok=True)
    return {"changed": True, "running": False, "pid": None}


def _last_lines(path: Path, count: int = 3) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return " / ".join(lines[-count:]) or "its log is empty"
