# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Official images, where an image registry answers. Continuous integration has none: only the choice is tested."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import IO

from .build import Builder
from .cache import Cache
from .machine import require_go
from .node import image_id
from .processes import Capture, LabError, capture, logged, succeeds
from .recipes import DEMO_IMAGE, HELM, KIND, KUBECTL, Toolset

# The image which the release notes of kind 0.33 list for Kubernetes 1.34.
NODE_IMAGE = "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"
KUBERNETES_VERSION = "v1.34.11"
CHART = "cilium"
CHART_VERSION = "1.20.2"
PROBE_TIMEOUT_S = 10.0
PULL_TIMEOUT_S = 1800.0
PULL_TYPICAL_S = 60.0
# Programs that are taken from PATH: how they tell their version, and the releases [from, before) that serve.
TOOLS: dict[str, tuple[tuple[str, ...], tuple[int, int], tuple[int, int], Toolset]] = {
    "kind": (("version",), (0, 30), (1, 0), KIND),
    "helm": (("version", "--short"), (3, 14), (4, 0), HELM),
    "kubectl": (("version", "--client"), (1, 33), (1, 36), KUBECTL),
}


def registry_answers(probe: Callable[[list[str]], bool] | None = None) -> bool:
    """Whether the official node image can be had; known within ten seconds."""
    ask = probe or (lambda command: succeeds(command, timeout_s=PROBE_TIMEOUT_S))
    return ask(["docker", "manifest", "inspect", NODE_IMAGE])


def serves(output: str, first: tuple[int, int], before: tuple[int, int]) -> bool:
    """Whether a program which prints this about itself is new enough, and not too new."""
    found = re.search(r"v(\d+)\.(\d+)\.", output)
    return found is not None and first <= (int(found[1]), int(found[2])) < before


def tool_in_path(name: str, run: Capture = capture, which: Callable[[str], str | None] = shutil.which) -> Path | None:
    """A program of PATH if its version serves."""
    words, first, before, __ = TOOLS[name]
    path = which(name)
    if path is None:
        return None
    try:
        return Path(path) if serves(run([path, *words]), first, before) else None
    except LabError:
        return None


def missing_tools(run: Capture = capture, which: Callable[[str], str | None] = shutil.which) -> list[str]:
    """Programs which PATH does not have in a version that serves."""
    return [name for name in TOOLS if tool_in_path(name, run, which) is None]


def explain_missing(names: list[str], error: LabError) -> LabError:
    """Error for programs which can be neither found nor built."""
    wanted = [f"{name} {TOOLS[name][1][0]}.{TOOLS[name][1][1]} or later" for name in names]
    return LabError(f"{', '.join(wanted)} must be installed, or Go to build them: {error}")


def have_official(cache: Cache) -> None:
    """Have the official images in the engine, and kind, helm and kubectl in PATH or built."""
    missing = missing_tools()
    if missing:
        try:
            require_go()
        except LabError as error:
            raise explain_missing(missing, error) from error
    for image in (NODE_IMAGE, DEMO_IMAGE):
        if image_id(image):
            cache.progress.unchanged(image)
            continue
        name = f"pull-{image.partition('@')[0].replace('/', '-').replace(':', '-')}"

        def pull(log: IO[str], image: str = image) -> str:
            logged(["docker", "pull", "--quiet", image], log, timeout_s=PULL_TIMEOUT_S)
            return ""

        cache.timed(name, pull, PULL_TYPICAL_S)
    builder = Builder(cache, extras=False)
    for name in missing:
        builder.go(TOOLS[name][3])
