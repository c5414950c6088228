# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports: variables for callers, and the state of engine, images and clusters."""

from __future__ import annotations

from . import recipes
from .cache import Cache
from .clusters import API_SERVER_PORT, Cluster
from .engine import engine_trouble, own_engine
from .internet import SITE_LABEL
from .machine import lacks_sys_resource
from .node import image_id
from .processes import capture
from .recipes import DEMO_IMAGE, HERE
from .releases import RELEASE, Release, cilium_image, cilium_node_images
from .supply import remembered, supply


def environment(cache: Cache, cluster: Cluster, other: Release | None = None) -> dict[str, str]:
    """What a caller needs to know to use the lab, with its own version of Cilium or another one."""
    chosen = cluster.supply
    release = other or RELEASE
    return {
        "LAB_CACHE": str(cache.root),
        "LAB_KUBERNETES_VERSION": chosen.kubernetes_version,
        "LAB_CILIUM_VERSION": release.toolset.version,
        "LAB_NODE_IMAGE": chosen.node_image,
        "LAB_IMAGE_CILIUM": cilium_image("cilium", release),
        "LAB_IMAGE_CILIUM_OPERATOR": cilium_image("operator-generic", release),
        "LAB_IMAGE_HUBBLE_RELAY": cilium_image("hubble-relay", release),
        "LAB_IMAGE_CLUSTERMESH_APISERVER": cilium_image("clustermesh-apiserver"),
        "LAB_IMAGE_DEMO": DEMO_IMAGE,
        "LAB_CHART": str(cache.chart_of(release.toolset.place)) if other else chosen.chart,
        "LAB_KWOK_STAGES": str(cache.kwok_stages),
        # Helm takes several files, separated by commas.
        "LAB_CILIUM_VALUES": ",".join(map(str, filter(None, (HERE / "cilium-values.yaml", chosen.image_values)))),
        "LAB_KUBECONFIG": str(cluster.kubeconfig),
        "LAB_API_SERVER_HOST": cluster.control_plane,
        "LAB_API_SERVER_PORT": str(API_SERVER_PORT),
        "LAB_HELM": str(chosen.helm),
        "LAB_KIND": str(chosen.kind),
        "LAB_KUBECTL": str(chosen.kubectl),
        "LAB_HUBBLE": str(cache.bin / "hubble"),
        "LAB_KWOK": str(cache.bin / "kwok"),
    }


def image_line(tag: str) -> str:
    """One line about an image of the engine."""
    if not image_id(tag):
        return f"image    {tag} absent"
    size = int(capture(["docker", "image", "inspect", "--format", "{{.Size}}", tag]))
    return f"image    {tag} {size / 1e6:.0f} MB"


def containers(kind: str, label: str) -> list[str]:
    """Lines about the containers which carry a label."""
    row = f'{{{{.Label "{label}"}}}} {{{{.Names}}}} {{{{.Status}}}}'
    listed = capture(["docker", "ps", "--all", "--filter", f"label={label}", "--format", row])
    return [f"{kind:<8} {line}" for line in sorted(listed.splitlines())]


def status(cache: Cache) -> list[str]:
    """Lines about the state of the engine, of the build and of the clusters."""
    lines = [f"cache    {cache.root}"]
    trouble = engine_trouble()
    if trouble:
        return [*lines, f"engine   none answers, run `lab prepare` ({trouble})"]
    version, runtime = capture(["docker", "info", "--format", "{{.ServerVersion}} {{.DefaultRuntime}}"]).split()
    restricted = "lacks CAP_SYS_RESOURCE" if lacks_sys_resource() else "has CAP_SYS_RESOURCE"
    lines.append(f"engine   Docker {version}, runtime {runtime}; this machine {restricted}")
    if process := own_engine(cache):
        lines.append(f"         started here, process {process} ({cache.run / 'dockerd.pid'})")
    done = {stamp.stem for stamp in cache.stamps.glob("*.json")}
    wanted = {f"go-{toolset.name}" for toolset in recipes.CORE_TOOLSETS} | {"chart", "image-node"}
    lines.append(f"build    {'complete' if wanted <= done else 'missing: ' + ', '.join(sorted(wanted - done))}")
    lines.append(f"source   {remembered(cache) or 'not prepared yet'}")
    names = (*cilium_node_images(RELEASE), DEMO_IMAGE, recipes.kubectl_image())
    lines += map(image_line, (supply(cache).node_image, *names))
    return [*lines, *containers("cluster", "io.x-k8s.kind.cluster"), *containers("internet", SITE_LABEL)]
