# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command line: serve, start, stop, status, check, destroy; all but serve print one JSON object."""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import sys
import threading
from pathlib import Path

from . import control, machine
from .certificates import write_private
from .config import Config, load
from .errors import BackendError, ConfigError, Json
from .server import Server, Service


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="local_aks", description="Local stand-in for Azure Resource Manager and AKS.")
    commands = top.add_subparsers(dest="command", required=True)
    texts = {
        "serve": "serve in the foreground",
        "start": "start in the background and wait until it answers",
        "stop": "stop; clusters stay",
        "status": "tell whether it runs",
        "check": "tell whether this machine can build clusters",
        "destroy": "stop and remove all clusters, containers and files",
    }
    for name, text in texts.items():
        command = commands.add_parser(name, help=text)
        command.add_argument("--directory", type=Path, required=True, help="state directory; settings in config.json")
        command.add_argument("--address", help="address to listen on")
        command.add_argument("--port", type=int, help="port to listen on")
        if name == "check":
            command.add_argument("--stdin", action="store_true", help="settings from standard input, not config.json")
        if name in ("start", "destroy"):
            command.add_argument("--check", action="store_true", help="only tell whether it would change something")
        command.add_argument("--backend", choices=("kind", "stub"), help="what builds clusters")
    return top


def serve(config: Config) -> None:
    """Serve until SIGTERM or SIGINT."""
    config.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *ignored: stop.set())
    try:
        server = Server(Service(config))
    except OSError as error:
        raise ConfigError(
            f"cannot listen on {config.address} port {config.port}: {error.strerror}; "
            "stop what listens there, or set local_aks_port to a free one"
        ) from error
    write_private(config.pid_file, str(os.getpid()).encode())
    logging.getLogger("local_aks").info("serving %s with back end %s", config.url, config.backend)
    server.serve(stop)
    config.pid_file.unlink(missing_ok=True)


def run(command: str, config: Config, *, check: bool) -> Json:
    """Carry out a command and return its result."""
    if check:
        found = control.status(config)
        exists = config.directory.exists()
        return {**found, "changed": exists if command == "destroy" else not (found["running"] and found["current"])}
    commands = {
        "start": control.start,
        "stop": control.stop,
        "status": control.status,
        "check": machine.check,
        "destroy": machine.destroy,
    }
    return commands[command](config)


def main() -> int:
    """Entry point."""
    arguments = parser().parse_args()
    try:
        text = sys.stdin.read() if getattr(arguments, "stdin", False) else None
        overrides = {name: getattr(arguments, name) for name in ("address", "port", "backend")}
        config = load(arguments.directory, text, **overrides)
        if arguments.command == "serve":
            serve(config)
        else:
            print(json.dumps(run(arguments.command, config, check=getattr(arguments, "check", False))))
    except (ConfigError, BackendError) as error:
        print(f"local_aks: {error}", file=sys.stderr)
        return 1
    return 0
