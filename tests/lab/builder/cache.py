# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cache folder: results, logs, and the stamps which say from what a result was made."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from .files import write_text
from .processes import LabError, succeeds
from .progress import Progress

LOG_LINES_SHOWN = 15


def default_cache() -> Path:
    """Folder of the cache when none is named."""
    if named := os.environ.get("LAB_CACHE"):
        return Path(named)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aks-cilium-lab"


@dataclass(frozen=True)
class Step:
    """One piece of work: what it is made from, how, and whether an earlier result is still there."""

    name: str
    inputs: Mapping[str, object]
    action: Callable[[IO[str]], str]
    intact: Callable[[str], bool]
    typical_s: float = 0.0

    @property
    def recipe(self) -> str:
        """Identity of the result: the digest of the name and of all inputs."""
        return hashlib.sha256(json.dumps([self.name, self.inputs], sort_keys=True).encode()).hexdigest()


class Cache:
    """Results and stamps in one folder, which one preparation or build at a time may change."""

    def __init__(self, root: Path, progress: Progress | None = None) -> None:
        self.root = root.expanduser().absolute()
        self.progress = progress or Progress()
        self.bin = self.root / "bin"
        self.chart = self.root / "chart" / "cilium"
        self.kwok_stages = self.root / "kwok-stages.yaml"
        self.contexts = self.root / "context"
        self.logs = self.root / "log"
        self.stamps = self.root / "stamp"
        for folder in (self.bin, self.contexts, self.logs, self.stamps):
            folder.mkdir(parents=True, exist_ok=True)

    def bin_of(self, place: str) -> Path:
        """Folder of the programs of a toolset: the common one, or below the place of a version which stands apart."""
        return self.root / place / "bin" if place else self.bin

    def chart_of(self, place: str) -> Path:
        """Folder of the Helm chart of a version of Cilium."""
        return self.root / place / "chart" / "cilium" if place else self.chart

    @property
    def key(self) -> str:
        """Short name of this cache, for things outside of it."""
        return hashlib.sha256(str(self.root).encode()).hexdigest()[:8]

    @property
    def run(self) -> Path:
        """Sockets and the pid file of an engine started here; gone after a reboot, like its processes."""
        return Path("/run") / f"aks-cilium-lab-{self.key}"

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep other preparations and builds out of this cache; say so while waiting for one."""
        with (self.root / "lock").open("a+", encoding="utf-8") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read().strip()
                self.progress.line("waiting", f"another `lab`{f' (process {holder})' * bool(holder)} is at work here")
                with self.progress.step("waiting"):
                    fcntl.flock(file, fcntl.LOCK_EX)
            file.truncate(0)
            file.write(f"{os.getpid()}\n")
            file.flush()
            try:
                yield
            finally:
                file.truncate(0)

    def timed(self, name: str, action: Callable[[IO[str]], str], typical_s: float = 0.0) -> str:
        """Run an action with a log of its own, telling its progress."""
        path = self.logs / f"{name}.log"
        with path.open("w", encoding="utf-8") as log:
            try:
                with self.progress.step(name, typical_s):
                    return action(log)
            except (LabError, OSError) as error:
                log.flush()
                lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES_SHOWN:]
                raise LabError("\n".join([f"{name}: {error}", *lines, f"log: {path}"])) from error

    def stamp(self, name: str) -> dict[str, str]:
        """What is known of a step's last result; empty when there is none."""
        with contextlib.suppress(FileNotFoundError, json.JSONDecodeError):
            found: dict[str, str] = json.loads((self.stamps / f"{name}.json").read_text(encoding="utf-8"))
            return found
        return {}

    def fresh(self, step: Step) -> bool:
        """Whether a step's result is there and was made from the same inputs."""
        old = self.stamp(step.name)
        return old.get("recipe") == step.recipe and step.intact(old["result"])

    def step(self, step: Step) -> str:
        """Do a step unless it is fresh; return its recipe."""
        if self.fresh(step):
            self.progress.unchanged(step.name)
            return step.recipe
        previous = self.stamp(step.name).get("result", "")
        stamp = self.stamps / f"{step.name}.json"
        # Without its stamp, what an interrupted step leaves behind is never taken for a result.
        stamp.unlink(missing_ok=True)
        result = self.timed(step.name, step.action, step.typical_s)
        write_text(stamp, json.dumps({"recipe": step.recipe, "result": result}) + "\n")
        if previous.startswith("sha256:") and previous != result:
            succeeds(["docker", "rmi", previous])
        return step.recipe
