# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Preparation of a machine: an engine, programs, images, and the file which tells Ansible where they are."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from pathlib import Path

from . import official, supply
from .build import Builder, Plan
from .cache import Cache
from .engine import BUILD_PACKAGES, have_engine, have_packages
from .machine import raise_inotify_limit, require_disk, require_go
from .processes import capture
from .progress import duration, say
from .releases import Release

WIDTH = 110


def choose_source(wanted: str, remembered: str, registry_answers: Callable[[], bool]) -> str:
    """Source of images: the one that is wanted, or used before, or official ones where a registry answers."""
    if wanted != supply.AUTO:
        return wanted
    if remembered:
        return remembered
    return supply.OFFICIAL if registry_answers() else supply.BUILT


def announce_build(plan: Plan, announce: Callable[[str], None] = say) -> None:
    """Say what will be built and how long that takes."""
    programs = [name.removeprefix("go-") for name in plan.steps if name.startswith("go-")]
    rest = [name for name in plan.steps if not name.startswith("go-")]
    announce(f"To build here, typically {duration(plan.seconds)} on 2 cores with empty caches:")
    for title, names in (("from Go modules", programs), ("userlands from Debian packages, images", rest)):
        if names:
            text = f"  {title}: {', '.join(names)}"
            announce(textwrap.fill(text, WIDTH, subsequent_indent="    ", break_on_hyphens=False))
    gigabytes = plan.gigabytes(go=True) + plan.gigabytes(go=False)
    announce(f"  Room on disk: about {gigabytes:.0f} GB. Results stay in the cache; the next time takes seconds.")


def go_folders() -> list[Path]:
    """Where Go keeps modules and compiled packages."""
    return [Path(line) for line in capture(["go", "env", "GOMODCACHE", "GOCACHE"]).split() if line]


def have_built(cache: Cache, extras: bool) -> None:
    """Have everything which is built here; say first what that will be."""
    require_go()
    builder = Builder(cache, extras)
    plan = builder.plan()
    if not plan.steps:
        say("Everything is built already.")
        return
    announce_build(plan)
    have_packages(cache, BUILD_PACKAGES)
    go_share = plan.gigabytes(go=True) / 2
    require_disk([*((folder, go_share) for folder in go_folders()), (cache.root, plan.gigabytes(go=False))])
    builder.build()


def prepare(cache: Cache, wanted: str, output: Path | None) -> None:
    """Have an engine, images and programs, and write the variables file."""
    started = time.monotonic()
    have_engine(cache)
    raise_inotify_limit(say)
    source = choose_source(wanted, supply.remembered(cache), official.registry_answers)
    if source == supply.OFFICIAL:
        say("Images: official ones from their registries.")
        official.have_official(cache)
    else:
        say("Images: built here from Go modules and Debian packages.")
        have_built(cache, extras=False)
    supply.remember(cache, source)
    if output is not None:
        changed = supply.write_machine(cache, output)
        say(f"{output}: {'written' if changed else 'unchanged'}")
    say(f"This machine is prepared ({duration(time.monotonic() - started)}).")


def setup(cache: Cache) -> None:
    """Have the packages and the engine, and build nothing."""
    require_go()
    have_packages(cache, BUILD_PACKAGES)
    have_engine(cache)


def build(cache: Cache, release: Release | None = None) -> None:
    """Build everything, also what only other work than the demo needs, or one version of Cilium; name every step."""
    require_go()
    builder = Builder(cache, extras=True)
    if release is None:
        builder.build()
    else:
        builder.build_release(release)
