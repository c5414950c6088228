# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether this machine can build clusters, and removing what the service built on it."""

from __future__ import annotations

import shutil
from pathlib import Path

from . import control
from .config import Config
from .engine import Engine
from .errors import BackendError, ConfigError, Json
from .kind_backend import KindBackend

# What tells that a directory is ours to remove.
OWN_FILES = ("config.json", "state.json", "ca.pem", "token.key")


def check(config: Config) -> Json:
    """Fail with the first thing that is missing, in words that say what to do."""
    if config.backend == "stub":
        return {"changed": False, "engine": "", "backend": "stub"}
    for option, program in (("docker", config.docker), ("kind", config.kind), ("helm", config.helm)):
        if shutil.which(program) is None:
            raise ConfigError(
                f"{option} is not installed: there is no program '{program}'. Install it, or set local_aks_{option} to "
                "its path."
            )
    engine = Engine(config.docker)
    try:
        version = engine.version()
    except BackendError as error:
        raise ConfigError(_engine_problem(str(error))) from error
    for option, image in (("node_image", config.node_image), ("site_image", config.site_image)):
        if not engine.has_image(image):
            raise ConfigError(
                f"the image {image} (local_aks_{option}) is not in Docker. Pull it where a registry answers "
                f"(docker pull {image}), or build it with tests/lab."
            )
    chart = config.cilium_chart
    if chart.startswith("/") and not Path(chart).exists():
        raise ConfigError(
            f"Cilium's chart {chart} (local_aks_cilium_chart) does not exist. Run `make prepare`, or set "
            "local_aks_cilium_chart to a chart."
        )
    return {"changed": False, "engine": version, "backend": "kind"}


def _engine_problem(text: str) -> str:
    if "permission denied" in text.lower():
        return f"Docker answers only root and members of the group docker; become one of them. ({text})"
    return f"no Docker engine answers; start one, or run the role as a user who may use it. ({text})"


def destroy(config: Config) -> Json:
    """Stop the service; remove its clusters, containers, the network it made, and its directory."""
    directory = config.directory
    if not directory.exists():
        return {"changed": False, "clusters": []}
    if any(directory.iterdir()) and not any((directory / name).exists() for name in OWN_FILES):
        raise ConfigError(f"{directory} holds files that are not of this service; it is not removed.")
    control.stop(config)
    clusters = KindBackend(config).purge() if config.backend == "kind" and needs_engine(config) else []
    shutil.rmtree(directory)
    return {"changed": True, "clusters": clusters}


def needs_engine(config: Config) -> bool:
    """Whether containers of this service can exist."""
    return config.clusters.is_dir() or (config.directory / "created-network").exists()
