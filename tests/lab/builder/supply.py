# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where images and programs come from on this machine, and the file which tells Ansible."""

from __future__ import annotations

import contextlib
import json
import sys
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from . import official, recipes
from .cache import Cache
from .files import write_text
from .node import image_id
from .processes import LabError
from .recipes import DEMO_IMAGE, HERE

BUILT = "built"
OFFICIAL = "official"
AUTO = "auto"
CHOICES = (AUTO, BUILT, OFFICIAL)


@dataclass(frozen=True)
class Supply:
    """Programs, images and chart of one source."""

    kind: Path
    helm: Path
    kubectl: Path
    node_image: str
    kubernetes_version: str
    chart: str
    chart_version: str | None
    image_values: Path | None
    """Helm values that the images need; None for official ones."""


def built(cache: Cache) -> Supply:
    """What `lab build` makes."""
    return Supply(
        kind=cache.bin / "kind",
        helm=cache.bin / "helm",
        kubectl=cache.bin / "kubectl",
        node_image=recipes.node_image(),
        kubernetes_version=recipes.KUBERNETES.version,
        chart=str(cache.chart),
        chart_version=None,
        image_values=HERE / "cilium-images.yaml",
    )


def from_registry(cache: Cache) -> Supply:
    """What registries and PATH have; programs which PATH lacks are in the cache."""
    kind, helm, kubectl = (official.tool_in_path(name) or cache.bin / name for name in ("kind", "helm", "kubectl"))
    return Supply(
        kind=kind,
        helm=helm,
        kubectl=kubectl,
        node_image=official.NODE_IMAGE,
        kubernetes_version=official.KUBERNETES_VERSION,
        chart=official.CHART,
        chart_version=official.CHART_VERSION,
        image_values=None,
    )


def remembered(cache: Cache) -> str:
    """Source which the last preparation used, if its node image is still there; empty otherwise."""
    with contextlib.suppress(FileNotFoundError):
        source = (cache.root / "source").read_text(encoding="utf-8").strip()
        image = {BUILT: recipes.node_image(), OFFICIAL: official.NODE_IMAGE}.get(source)
        if image is not None and image_id(image):
            return source
    return ""


def remember(cache: Cache, source: str) -> None:
    """Keep the source for the next preparation."""
    write_text(cache.root / "source", source + "\n")


def supply(cache: Cache) -> Supply:
    """What is there for clusters: of the remembered source, or else built."""
    return from_registry(cache) if remembered(cache) == OFFICIAL else built(cache)


def variables(chosen: Supply) -> dict[str, object]:
    """Variables of the inventory which depend on this machine, but for Helm values."""
    return {
        "local_aks_kind": str(chosen.kind),
        "local_aks_helm": str(chosen.helm),
        "local_aks_kubectl": str(chosen.kubectl),
        "local_aks_node_image": chosen.node_image,
        "local_aks_kubernetes_version": chosen.kubernetes_version.removeprefix("v"),
        "local_aks_cilium_chart": chosen.chart,
        "local_aks_cilium_chart_version": chosen.chart_version,
        "local_aks_site_image": DEMO_IMAGE,
        "local_aks_engine_stop": [sys.executable, str(HERE / "main.py"), "stop", "--unused"],
        "demo_workload_image": DEMO_IMAGE,
        "cilium_helm_binary": str(chosen.helm),
        "cilium_chart": chosen.chart,
    }


def machine_yaml(scalars: Mapping[str, object], values: str) -> str:
    """Text of the variables file: scalars as JSON (which YAML includes), Helm values (the text of a YAML file) once."""
    lines = ["---", "# Written by `tests/lab/lab prepare` for this machine: do not edit, do not commit."]
    lines += [f"{name}: {json.dumps(value)}" for name, value in scalars.items()]
    lines += ["local_aks_cilium_values: &values", textwrap.indent(values.strip() or "{}", "  ")]
    return "\n".join([*lines, "cilium_values_local: *values", ""])


def write_machine(cache: Cache, output: Path) -> bool:
    """Write the variables file; return whether it changed."""
    chosen = supply(cache)
    for program in (chosen.kind, chosen.helm, chosen.kubectl):
        if not program.exists():
            raise LabError(f"{program} is missing: run `lab prepare`")
    values = chosen.image_values.read_text(encoding="utf-8") if chosen.image_values else ""
    return write_text(output, machine_yaml(variables(chosen), values))
