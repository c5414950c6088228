# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The versions of Cilium: the lab's own, and older ones which are built on demand; and the images of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .recipes import AGENT_PROGRAMS, CILIUM, CILIUM_USERLAND, HERE, Edit, Image, Toolset, Userland, cilium_toolset


@dataclass(frozen=True)
class Release:
    """One version of Cilium: its programs, the userland of its agent, and what its agent's image has beside them."""

    toolset: Toolset
    userland: Userland = CILIUM_USERLAND
    borrowed: tuple[str, ...] = ()
    """Programs of the agent's image which the module lacks: those of the lab's own version are taken."""
    files: Mapping[str, Path] = field(default_factory=dict)
    """More files of the agent's image, by their place in the build context."""

    @property
    def number(self) -> str:
        """The version as the command line and the chart write it."""
        return self.toolset.version.removeprefix("v")

    @property
    def toolsets(self) -> tuple[Toolset, ...]:
        """All that the agent's image takes programs from."""
        return (self.toolset, CILIUM) if self.borrowed else (self.toolset,)

    def step(self, name: str) -> str:
        """Name of a step of this version: the steps of several versions stand beside each other."""
        return name + self.toolset.name.removeprefix(CILIUM.name)


RELEASE = Release(CILIUM)
# Built on demand (`lab build --cilium`), for upgrades and for what an old version does otherwise.
OLDER_RELEASES = (
    Release(cilium_toolset("cilium-1.19", apart=True)),
    Release(
        cilium_toolset(
            "cilium-1.15",
            without="hubble",
            apart=True,
            # A kernel without modules has no such file. Without a list, modprobe is asked for what is wanted.
            edits=(Edit("pkg/datapath/linux/modules/modules_linux.go", '"/proc/modules"', '"/dev/null"'),),
        ),
        # The agent compiles with -Werror, and clang 18 and later warn of more than its sources are free of.
        Userland(
            "cilium-1.15",
            tuple("clang-17" if name == "clang-19" else name for name in CILIUM_USERLAND.packages),
            CILIUM_USERLAND.excluded,
            CILIUM_USERLAND.included,
        ),
        borrowed=("hubble",),
        files={
            "scripts/usr/local/sbin/clang": HERE / "images" / "clang-17.sh",
            "scripts/usr/local/sbin/bpftool": HERE / "images" / "bpftool-unprivileged.sh",
        },
    ),
)


def releases() -> dict[str, Release]:
    """The versions of Cilium which can be had, by number; the lab's own is the first."""
    return {release.number: release for release in (RELEASE, *OLDER_RELEASES)}


def cilium_image(name: str, release: Release = RELEASE) -> str:
    """Name of one of Cilium's images."""
    return f"quay.io/cilium/{name}:{release.toolset.version}"


def cilium_node_images(release: Release) -> tuple[str, ...]:
    """Names of the images which a node holds."""
    return tuple(cilium_image(name, release) for name in ("cilium", "operator-generic", "hubble-relay"))


def cilium_images(release: Release, source: Path, binary: Path, common: Path) -> list[Image]:
    """Images of Cilium which a node holds.

    Source is the folder of its module, binary the one of its programs, common the one of the lab's own version's.
    """
    agent = release.userland.tag
    plugin = source / "plugins" / "cilium-cni"
    operator = "cilium-operator-generic"
    needs = tuple(toolset.name for toolset in release.toolsets)
    return [
        Image(
            release.step("cilium"),
            cilium_image("cilium", release),
            "cilium",
            {
                "bpf": source / "bpf",
                "scripts/install-plugin.sh": plugin / "install-plugin.sh",
                "scripts/cni-uninstall.sh": plugin / "cni-uninstall.sh",
                "scripts/init-container.sh": source / "images" / "cilium" / "init-container.sh",
                "cilium-cni": binary / "cilium-cni",
                **{f"programs/{name}": binary / name for name in AGENT_PROGRAMS},
                **{f"programs/{name}": common / name for name in release.borrowed},
                **release.files,
            },
            (*needs, agent),
            {"BASE": agent},
        ),
        Image(
            release.step("cilium-operator"),
            cilium_image("operator-generic", release),
            operator,
            {operator: binary / operator},
            (release.toolset.name,),
            directories=("tmp",),
        ),
        Image(
            release.step("hubble-relay"),
            cilium_image("hubble-relay", release),
            "hubble-relay",
            {"hubble-relay": binary / "hubble-relay"},
            (release.toolset.name,),
            directories=("tmp",),
        ),
    ]


def clustermesh_image(source: Path, binary: Path) -> Image:
    """Image for several clusters as one; loaded into a cluster on demand."""
    return Image(
        "clustermesh-apiserver",
        cilium_image("clustermesh-apiserver"),
        "clustermesh-apiserver",
        {
            "clustermesh-apiserver": binary / "clustermesh-apiserver",
            "etcd": binary / "etcd",
            "etcd-config.yaml": source / "clustermesh-apiserver" / "etcd-config.yaml",
        },
        ("cilium", "etcd"),
        directories=("tmp", "var/run/cilium"),
        preloaded=False,
    )
