# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command line of the lab."""

from __future__ import annotations

import argparse
import io
import os
import shlex
import signal
import sys
from pathlib import Path

from . import prepare, releases, supply
from .cache import Cache, default_cache
from .clusters import Cluster
from .engine import engine_trouble, stop_engine
from .processes import GROUP, LabError
from .progress import Progress, say
from .report import environment, status

DEFAULT_CLUSTER = "lab"
INTERRUPTED = 130


def parser() -> argparse.ArgumentParser:
    """The command line."""
    top = argparse.ArgumentParser(prog="lab", description="Real kind clusters for real Cilium, on one machine.")
    top.add_argument("--cache", type=Path, default=default_cache(), help="cache folder (or LAB_CACHE)")
    commands = top.add_subparsers(dest="command", required=True)
    named = argparse.ArgumentParser(add_help=False)
    named.add_argument("--name", default=DEFAULT_CLUSTER, help="name of the cluster (default: %(default)s)")
    named.add_argument("--kubeconfig", type=Path, help="kubeconfig to write and use (default: in the cache)")
    versioned = argparse.ArgumentParser(add_help=False)
    versioned.add_argument("--cilium", choices=releases.releases(), help="a version of Cilium beside the lab's own")
    ready = commands.add_parser("prepare", help="have an engine, programs and images; tell Ansible where they are")
    ready.add_argument("--output", type=Path, help="variables file to write (YAML)")
    ready.add_argument(
        "--source",
        choices=supply.CHOICES,
        default=supply.AUTO,
        help="of images (auto: as before, else official ones where a registry answers, else built here)",
    )
    commands.add_parser("setup", help="install packages and have a Docker engine")
    commands.add_parser(
        "build", parents=[versioned], help="build all programs and images, or those of one version of Cilium"
    )
    up = commands.add_parser("up", parents=[named, versioned], help="create a cluster without CNI plugin")
    up.add_argument("--workers", type=int, default=0, help="nodes beside the control plane (default: %(default)s)")
    up.add_argument("--pod-subnet", help="pod network, for clusters which must not overlap")
    up.add_argument("--service-subnet", help="service network, for clusters which must not overlap")
    internet = commands.add_parser("internet", parents=[named], help="stand-ins for google.com and github.com")
    internet.add_argument("action", choices=("up", "down"))
    commands.add_parser("down", parents=[named], help="remove a cluster")
    stop = commands.add_parser("stop", help="stop the Docker engine if the lab started it, with all of its containers")
    stop.add_argument("--unused", action="store_true", help="only if it has no containers")
    commands.add_parser("status", help="show engine, images and clusters")
    commands.add_parser("env", parents=[named, versioned], help="print KEY=VALUE lines for callers")
    return top


def dispatch(arguments: argparse.Namespace) -> None:
    """Run the command."""
    cache = Cache(arguments.cache, Progress(list_unchanged=arguments.command != "prepare"))
    if arguments.command in ("prepare", "setup", "build", "stop"):
        with cache.locked():
            change(cache, arguments)
    elif arguments.command == "status":
        for line in status(cache):
            say(line)
    else:
        use(Cluster(cache, arguments.name, arguments.kubeconfig), arguments)


def change(cache: Cache, arguments: argparse.Namespace) -> None:
    """Run a command which changes the cache or the engine."""
    if arguments.command == "prepare":
        prepare.prepare(cache, arguments.source, arguments.output)
    elif arguments.command == "setup":
        prepare.setup(cache)
    elif arguments.command == "stop":
        stop_engine(cache, unused_only=arguments.unused)
    elif trouble := engine_trouble():
        raise LabError(f"no Docker engine answers, run `lab setup` ({trouble})")
    else:
        prepare.build(cache, releases.releases().get(arguments.cilium))


def use(cluster: Cluster, arguments: argparse.Namespace) -> None:
    """Run a command which is about one cluster."""
    if arguments.command == "up":
        cluster.up(arguments.workers, arguments.pod_subnet, arguments.service_subnet)
        if arguments.cilium:
            cluster.load(releases.cilium_node_images(releases.releases()[arguments.cilium]))
    elif arguments.command == "down":
        cluster.down()
    elif arguments.command == "env":
        release = releases.releases().get(arguments.cilium)
        for key, value in environment(cluster.cache, cluster, release).items():
            say(f"{key}={shlex.quote(value)}")
    elif arguments.action == "up":
        for host, address in sorted(cluster.internet.up().items()):
            say(f"{host} {address}")
    else:
        cluster.internet.down()


def interrupt(*__: object) -> None:
    """Treat a request to end like Ctrl-C."""
    raise KeyboardInterrupt


def ignore(*__: object) -> None:
    """Go on."""


def handle_signals() -> None:
    """Have requests to end treated like Ctrl-C, and ignored where the caller wants them to be ignored."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        ignored = signal.getsignal(number) is signal.SIG_IGN
        # A handler, even one that does nothing, is not inherited: programs started here can always be ended.
        signal.signal(number, ignore if ignored else interrupt)


def main() -> int:
    """Entry point."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    # dockerd, mmdebstrap's helpers and iptables are there, but not always in PATH.
    os.environ["PATH"] = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    handle_signals()
    try:
        dispatch(parser().parse_args())
    except (LabError, OSError) as error:
        print(f"lab: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        GROUP.stop()
        print("lab: interrupted; run it again to go on", file=sys.stderr)
        return INTERRUPTED
    return 0
