# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine is: its Debian mirror, its Go, its rights and its room on disk."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from .processes import Capture, LabError, capture
from .recipes import KIND

GO_MINIMUM = (1, 26)
CAP_SYS_RESOURCE = 24
GIGABYTE = 1000**3
# Each node's systemd, containerd and kubelet take some; the kernel's default of 128 serves about two clusters.
INOTIFY_INSTANCES = Path("/proc/sys/fs/inotify/max_user_instances")
INOTIFY_WANTED = 1024


def lacks_sys_resource(status: str | None = None) -> bool:
    """Whether the bounding set lacks CAP_SYS_RESOURCE, by the text of a process's status file (default: our own)."""
    text = Path("/proc/self/status").read_text(encoding="utf-8") if status is None else status
    found = re.search(r"^CapBnd:\s*([0-9a-f]+)$", text, re.MULTILINE)
    return found is not None and not int(found[1], 16) >> CAP_SYS_RESOURCE & 1


def mirror_in(release: str, sources: Iterable[str]) -> str:
    """Mirror which apt uses for its own Debian release: texts of os-release and of apt's sources; empty if unknown."""
    codename = re.search(r"^VERSION_CODENAME=\"?(\w+)", release, re.MULTILINE)
    if codename is None or not re.search(r"^ID=debian$", release, re.MULTILINE):
        return ""
    for text in sources:
        line = re.search(rf"^deb (?:\[.*?\] )?(\S+) {codename[1]} ", text, re.MULTILINE)
        if line is not None:
            return line[1]
        for stanza in re.split(r"\n\s*\n", text):
            fields = dict(re.findall(r"^(\w[\w-]*): *(.*?) *$", stanza, re.MULTILINE))
            if codename[1] in fields.get("Suites", "").split() and fields.get("URIs"):
                return str(fields["URIs"].split()[0])
    return ""


def debian_mirror() -> list[str]:
    """Mirror of this machine's apt as an argument of mmdebstrap; none where mmdebstrap's default serves."""
    apt = Path("/etc/apt")
    files = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*"))]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files if file.is_file()]
    release = Path("/etc/os-release")
    found = mirror_in(release.read_text(encoding="utf-8") if release.is_file() else "", texts)
    return [found] if found else []


def go_release(run: Capture = capture) -> str:
    """What `go version` prints, where go.mod may have it fetch the toolchain that it asks for."""
    return run(["go", "-C", KIND.directory, "version"])


def require_go(run: Capture = capture) -> None:
    """Raise unless a Go toolchain is here which can build the programs."""
    wanted = f"Go {GO_MINIMUM[0]}.{GO_MINIMUM[1]} or later"
    remedy = "install it from https://go.dev/dl/ and put its bin folder into PATH"
    if run is capture and shutil.which("go") is None:
        raise LabError(f"the programs must be built here, which needs {wanted}: there is no `go` in PATH; {remedy}")
    try:
        text = go_release(run)
    except LabError as error:
        raise LabError(f"the programs must be built here, which needs {wanted}: {error}; {remedy}") from error
    found = re.search(r"go(\d+)\.(\d+)", text)
    if found is None or (int(found[1]), int(found[2])) < GO_MINIMUM:
        raise LabError(f"the programs must be built here, which needs {wanted}, not `{text.strip()}`: {remedy}")


def require_root(purpose: str) -> None:
    """Raise unless this user is root."""
    if os.geteuid() != 0:
        raise LabError(f"{purpose} needs root, and this user is not root: run the command as root")


def raise_inotify_limit(announce: Callable[[str], None], file: Path = INOTIFY_INSTANCES) -> None:
    """Have inotify instances for the kubelets of several clusters until the next boot, or say what is wanted."""
    try:
        found = int(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    if found >= INOTIFY_WANTED:
        return
    try:
        file.write_text(f"{INOTIFY_WANTED}\n", encoding="utf-8")
    except OSError:
        announce(f"fs.inotify.max_user_instances is {found}: kubelets of several clusters need {INOTIFY_WANTED}")
    else:
        announce(f"fs.inotify.max_user_instances raised from {found} to {INOTIFY_WANTED}, for several clusters")


def existing(path: Path) -> Path:
    """The path, or the nearest folder above it which exists."""
    return path if path.exists() else existing(path.parent)


def require_disk(needs: Iterable[tuple[Path, float]]) -> None:
    """Raise unless there is room for these amounts (in gigabytes) at these paths; paths of one disk add up."""
    totals: dict[int, tuple[Path, float]] = {}
    for path, amount in needs:
        place = existing(path)
        device = place.stat().st_dev
        totals[device] = (place, totals.get(device, (place, 0.0))[1] + amount)
    for place, amount in totals.values():
        free = shutil.disk_usage(place).free / GIGABYTE
        if free < amount:
            raise LabError(
                f"the disk of {place} has {free:.1f} GB free, but about {amount:.0f} GB are needed: make room, or put"
                " the cache on another disk (LAB_CACHE, GOCACHE, GOMODCACHE)"
            )
