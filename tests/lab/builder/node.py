# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images in the engine, and the node image: other images put, unpacked, into the store of its containerd."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from typing import IO

from .processes import LabError, capture, logged, succeeds

START_TIMEOUT_S = 60.0
NODE_ENTRYPOINT = '["/usr/local/bin/entrypoint", "/sbin/init"]'


def image_id(tag: str) -> str:
    """Identity of an image in the engine; empty when it has none of this name."""
    with contextlib.suppress(LabError):
        return capture(["docker", "image", "inspect", "--format", "{{.Id}}", tag]).strip()
    return ""


def remove_preload(name: str) -> None:
    """Remove the container and the volume of a preload, also of one which was killed."""
    succeeds(["docker", "rm", "--force", name])
    succeeds(["docker", "volume", "rm", "--force", name])


def preload(base: str, tags: Sequence[str], target: str, name: str, log: IO[str]) -> None:
    """Make the image target from base and the images of these tags; name is the container to work in.

    containerd cannot mount overlays on the overlay of a container: it unpacks in a volume, and the result is copied.
    Nor can a container create whiteouts there: no image may delete files of its base.
    """
    store = f"{name}:/mnt"
    docker_exec = ["docker", "exec", "--interactive", name, "ctr", "--namespace", "k8s.io"]
    remove_preload(name)
    logged(["docker", "volume", "create", name], log)
    try:
        command = ["docker", "run", "--detach", "--privileged", "--network", "none", "--name", name]
        command += ["--stop-signal", "SIGTERM", "--volume", store, "--entrypoint", "containerd", base]
        logged([*command, "--root", "/mnt", "--state", "/run/preload", "--log-level", "warn"], log)
        deadline = time.monotonic() + START_TIMEOUT_S
        while not succeeds(["docker", "exec", name, "ctr", "version"]):
            if time.monotonic() > deadline:
                raise LabError("containerd does not answer in the node image")
            time.sleep(0.3)
        load = [*docker_exec, "images", "import", "--local", "--discard-unpacked-layers", "-"]
        logged(load, log, source=["docker", "save", *tags])
        logged([*docker_exec, "content", "prune", "references"], log)
        logged(["docker", "stop", name], log)
        logged(["docker", "rm", name], log)
        command = ["docker", "run", "--name", name, "--network", "none", "--volume", f"{store}:ro"]
        logged([*command, "--entrypoint", "cp", base, "-a", "/mnt/.", "/var/lib/containerd/"], log)
        command = ["docker", "commit", "--change", f"ENTRYPOINT {NODE_ENTRYPOINT}", "--change", "CMD []"]
        logged([*command, name, target], log)
    finally:
        remove_preload(name)
