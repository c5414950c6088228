# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine: one which answers is used; otherwise one is installed, started, and stopped again on request."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from .cache import Cache
from .machine import lacks_sys_resource, require_root
from .processes import LabError, capture, logged
from .recipes import HERE

ENGINE_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0
RESTRICTED_RUNTIME = "without-sys-resource"
# What the builds need beyond Docker, Go and Python.
BUILD_PACKAGES = ("ca-certificates", "debian-archive-keyring", "gcc", "iproute2", "libc6-dev", "mmdebstrap")
TYPICAL_S = {"packages": 30.0, "docker-engine": 2.0}


def engine_trouble() -> str:
    """Why no Docker engine answers; empty when one does."""
    try:
        capture(["docker", "version", "--format", "{{.Server.Version}}"], timeout_s=20)
    except LabError as error:
        return str(error)
    return ""


def engine_answers() -> bool:
    """Whether a Docker engine answers."""
    return not engine_trouble()


def missing_packages(wanted: Sequence[str]) -> list[str]:
    """Those of these Debian packages which are not installed."""
    if shutil.which("dpkg-query") is None:
        raise LabError(f"this is not Debian (no dpkg): install what the packages {', '.join(wanted)} hold")
    listing = subprocess.run(
        ["dpkg-query", "-W", "-f", "${Package} ${db:Status-Status}\n"],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    ).stdout
    installed = {line.split()[0] for line in listing.splitlines() if line.endswith(" installed")}
    return [package for package in wanted if package not in installed]


def install_packages(packages: Sequence[str], log: IO[str]) -> str:
    """Install Debian packages; refresh apt's lists when they are absent or too old for that."""
    apt = ["apt-get", "--option=DPkg::Lock::Timeout=300", "--option=Acquire::Retries=3"]
    install = [*apt, "install", "--yes", "--no-install-recommends", *packages]
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    try:
        logged(install, log, env)
    except LabError:
        # A list which fails alone does not matter: the installation decides.
        with contextlib.suppress(LabError):
            logged([*apt, "update"], log, env)
        logged(install, log, env)
    return ""


def have_packages(cache: Cache, wanted: Sequence[str]) -> None:
    """Install those of these Debian packages which are missing."""
    missing = missing_packages(wanted)
    if not missing:
        cache.progress.unchanged("packages")
        return
    require_root(f"installing the Debian packages {', '.join(missing)}")
    cache.progress.line("packages", f"installing from Debian: {' '.join(missing)}")
    cache.timed("packages", lambda log: install_packages(missing, log), TYPICAL_S["packages"])


def restricted_runtime(cache: Cache) -> Path:
    """The runc for a machine without CAP_SYS_RESOURCE, in the cache so that it outlives a checkout."""
    target = cache.bin / "runc-without-sys-resource"
    text = (HERE / "runc_without_sys_resource.py").read_text(encoding="utf-8")
    python = "/usr/bin/python3" if os.access("/usr/bin/python3", os.X_OK) else Path(sys.executable).resolve()
    fresh = target.with_name(f".{target.name}")
    fresh.write_text(f"#!{python} -IS\n{text}", encoding="utf-8")
    fresh.chmod(0o755)
    fresh.replace(target)
    return target


def engine_command(cache: Cache, host: str, runtime: Path | None) -> list[str]:
    """Command line of an engine with its data in the cache; host is DOCKER_HOST, runtime a runc to use by default."""
    command = ["dockerd", "--data-root", str(cache.root / "docker"), "--exec-root", str(cache.run / "exec")]
    command += ["--pidfile", str(cache.run / "dockerd.pid")]
    if host:
        command += ["--host", host]
    if runtime is not None:
        command += ["--add-runtime", f"{RESTRICTED_RUNTIME}={runtime}", "--default-runtime", RESTRICTED_RUNTIME]
    return command


def process_with(pid_file: Path, word: str) -> int:
    """Process that a pid file names, if its command line really has this word; 0 otherwise."""
    with contextlib.suppress(OSError, ValueError):
        process = int(pid_file.read_text(encoding="utf-8"))
        if word.encode() in Path(f"/proc/{process}/cmdline").read_bytes():
            return process
    return 0


def forget_dead_processes(cache: Cache) -> None:
    """Remove pid files of an engine that was killed: dockerd believes them when another process got the number."""
    for pid_file in (cache.run / "dockerd.pid", cache.run / "exec" / "containerd" / "containerd.pid"):
        if not process_with(pid_file, str(cache.run)):
            pid_file.unlink(missing_ok=True)


def start_engine(cache: Cache, log: IO[str]) -> str:
    """Start dockerd and wait until it answers."""
    cache.run.mkdir(parents=True, exist_ok=True)
    forget_dead_processes(cache)
    runtime = restricted_runtime(cache) if lacks_sys_resource() else None
    command = engine_command(cache, os.environ.get("DOCKER_HOST", ""), runtime)
    log.write(f"+ {shlex.join(command)}\n")
    log.flush()
    engine = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True, cwd="/"
    )
    deadline = time.monotonic() + ENGINE_TIMEOUT_S
    while not engine_answers():
        if engine.poll() is not None:
            raise LabError(f"dockerd ended with status {engine.returncode}")
        if time.monotonic() > deadline:
            engine.terminate()
            raise LabError(f"dockerd did not answer within {ENGINE_TIMEOUT_S:.0f} s")
        time.sleep(0.5)
    return ""


def have_engine(cache: Cache) -> None:
    """Have a Docker engine which can start containers here; install and start one where none answers."""
    trouble = engine_trouble()
    if not trouble:
        cache.progress.unchanged("docker-engine")
    else:
        if os.geteuid() != 0:
            raise LabError(
                "Docker is missing and this user is not root: start a Docker engine which this user may use, or run"
                f" the command as root ({trouble})"
            )
        host = os.environ.get("DOCKER_HOST", "")
        if host and not host.startswith("unix://"):
            raise LabError(f"the Docker engine which DOCKER_HOST names ({host}) does not answer: {trouble}")
        cache.progress.line("docker-engine", "none answers: Debian's is installed if it is missing, and started")
        if shutil.which("dockerd") is None:
            have_packages(cache, ["docker.io"])
        if not engine_answers():
            cache.progress.line("docker-engine", f"starting dockerd with its data in {cache.root / 'docker'}")
            cache.timed("docker-engine", lambda log: start_engine(cache, log), TYPICAL_S["docker-engine"])
    if lacks_sys_resource():
        runtime = capture(["docker", "info", "--format", "{{.DefaultRuntime}}"]).strip()
        if runtime == "runc":
            raise LabError(
                "CAP_SYS_RESOURCE is missing here and the Docker engine uses plain runc: stop it and run the command"
                f" again, or give it a runc that leaves it out, as {HERE / 'runc_without_sys_resource.py'} does"
            )


def own_engine(cache: Cache) -> int:
    """Process of the engine which was started from this cache; 0 when none runs."""
    return process_with(cache.run / "dockerd.pid", str(cache.root / "docker"))


def stop_engine(cache: Cache, *, unused_only: bool = False) -> None:
    """Stop the engine which was started from this cache, with all of its containers, and nothing else."""
    process = own_engine(cache)
    if not process:
        cache.progress.line("docker-engine", "none was started from here")
        return
    if unused_only and capture(["docker", "ps", "--all", "--quiet"]).strip():
        cache.progress.line("docker-engine", "stays, it has containers")
        return

    def stop(__: IO[str]) -> str:
        os.kill(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_TIMEOUT_S
        while own_engine(cache) and Path(f"/proc/{process}").exists():
            if time.monotonic() > deadline:
                raise LabError(f"dockerd (process {process}) did not end within {STOP_TIMEOUT_S:.0f} s")
            time.sleep(0.2)
        shutil.rmtree(cache.run, ignore_errors=True)
        return ""

    cache.timed("docker-engine-stop", stop)
