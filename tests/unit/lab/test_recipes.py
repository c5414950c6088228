# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built: names, versions, inputs."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import recipes, releases
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.build import Plan, built_name
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.recipes import required_version

BINARY = Path("/cache/bin")
KUBEADM = {
    **{name: f"registry.k8s.io/{name}:v1.34.4" for name in recipes.CONTROL_PLANE_PROGRAMS},
    "etcd": "registry.k8s.io/etcd:3.6.5-0",
    "coredns": "registry.k8s.io/coredns/coredns:v1.12.1",
    "pause": "registry.k8s.io/pause:3.10.1",
}


def all_images() -> list[recipes.Image]:
    images = recipes.control_plane_images(KUBEADM, BINARY) + images_of(releases.RELEASE)
    return [*images, *recipes.workload_images(BINARY), releases.clustermesh_image(Path("/module"), BINARY)]


def images_of(release: releases.Release) -> list[recipes.Image]:
    binary = BINARY / release.toolset.place
    return releases.cilium_images(release, Path("/module"), binary, BINARY)


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("module lab/x\n\nrequire example.org/tool v1.2.3\n", "v1.2.3"),
        ("require (\n\texample.org/other v9.9.9\n\texample.org/tool v1.2.3 // indirect\n)\n", "v1.2.3"),
        ("require example.org/tool/v2 v2.0.0\n", ""),
        ("replace example.org/tool => example.org/tool v4.7.0\n", ""),
        ("", ""),
    ],
)
def test_version_is_the_required_one(text: str, version: str) -> None:
    assert required_version(text, "example.org/tool") == version


def test_versions_are_those_that_the_product_names() -> None:
    found = {toolset.name: toolset.version for toolset in (recipes.KIND, recipes.KUBERNETES, recipes.CILIUM)}
    assert found == {"kind": "v0.33.0", "kubernetes": "v1.34.4", "cilium": "v1.20.2"}


def test_images_carry_the_names_that_charts_and_manifests_ask_for() -> None:
    tags = {image.tag for image in all_images()}
    assert {
        "quay.io/cilium/cilium:v1.20.2",
        "quay.io/cilium/operator-generic:v1.20.2",
        "quay.io/cilium/hubble-relay:v1.20.2",
        "registry.k8s.io/kubectl:v1.34.4",
        "nginx:1.26",
    } <= tags
    assert recipes.node_image() == "kindest/node:v1.34.4"


def test_every_image_has_its_dockerfile_and_known_needs() -> None:
    programs = {program.name for toolset in recipes.TOOLSETS for program in toolset.programs} | {"pause"}
    known = {toolset.name for toolset in recipes.TOOLSETS} | {item.tag for item in recipes.USERLANDS} | {"pause"}
    for image in [*all_images(), recipes.node_base_image(Path("/kind"), BINARY)]:
        assert (recipes.HERE / "images" / f"{image.dockerfile}.Dockerfile").is_file()
        assert set(image.needs) <= known
        assert {path.name for path in image.files.values() if path.parent == BINARY} <= programs


def test_image_names_are_unique_because_stamps_are_named_after_them() -> None:
    names = [image.name for image in all_images()]
    assert len(names) == len(set(names))


def test_only_the_clustermesh_image_stays_out_of_the_node() -> None:
    assert [image.name for image in all_images() if not image.preloaded] == ["clustermesh-apiserver"]


def test_kubectl_alone_is_built_from_the_module_of_kubernetes() -> None:
    assert recipes.KUBECTL.version == recipes.KUBERNETES.version
    assert [program.name for program in recipes.KUBECTL.programs] == ["kubectl"]


@pytest.mark.parametrize(
    "toolset",
    [*recipes.TOOLSETS, *(release.toolset for release in releases.OLDER_RELEASES)],
    ids=lambda toolset: toolset.name,
)
def test_programs_of_a_toolset_are_built_into_one_folder_without_a_clash(toolset: recipes.Toolset) -> None:
    names = [built_name(program) for program in toolset.programs]
    assert len(names) == len(set(names))


def test_go_names_a_program_after_the_part_before_a_major_version() -> None:
    assert built_name(recipes.Program("etcd", "go.etcd.io/etcd/server/v3")) == "server"
    assert built_name(recipes.Program("cilium-agent", "github.com/cilium/cilium/daemon")) == "daemon"


def test_files_left_out_of_a_userland_come_before_those_kept() -> None:
    paths = recipes.userland_paths(recipes.CILIUM_USERLAND)
    assert paths.index("path-exclude=/usr/lib/cni/*") < paths.index("path-include=/usr/lib/cni/loopback")


def test_plan_counts_userlands_only_where_no_program_is_built_meanwhile() -> None:
    assert Plan(("go-etcd", "userland-node")).seconds == Plan(("go-etcd",)).seconds
    assert Plan(("userland-node",)).seconds > 0


def test_plan_without_steps_needs_no_room() -> None:
    assert Plan(()).gigabytes(go=True) == Plan(()).gigabytes(go=False) == 0


def test_versions_are_known_by_the_numbers_that_their_modules_have_the_own_one_first() -> None:
    assert list(releases.releases()) == ["1.20.2", "1.19.6", "1.15.19"]


def test_steps_of_the_own_release_keep_their_names_and_those_of_another_stand_beside_them() -> None:
    assert releases.RELEASE.step("chart") == "chart"
    assert [release.step("chart") for release in releases.OLDER_RELEASES] == ["chart-1.19", "chart-1.15"]
    names = [image.name for image in all_images()]
    names += [image.name for release in releases.OLDER_RELEASES for image in images_of(release)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("release", releases.OLDER_RELEASES, ids=lambda release: release.number)
def test_another_release_leaves_programs_and_userlands_of_the_own_one_alone(release: releases.Release) -> None:
    assert release.toolset.place
    others = [userland for userland in recipes.USERLANDS if userland != release.userland]
    assert release.userland.name not in {userland.name for userland in others}
    tags = {image.tag for image in images_of(release)}
    assert tags == set(releases.cilium_node_images(release))
    assert all(tag.endswith(f":v{release.number}") for tag in tags)


@pytest.mark.parametrize("release", releases.OLDER_RELEASES, ids=lambda release: release.number)
def test_agent_image_of_another_release_has_all_programs(release: releases.Release) -> None:
    agent = images_of(release)[0]
    place = BINARY / release.toolset.place
    taken = {name: path for name, path in agent.files.items() if name.startswith("programs/")}
    assert set(taken) == {f"programs/{name}" for name in recipes.AGENT_PROGRAMS}
    built = {program.name for program in release.toolset.programs}
    for path in taken.values():
        assert path.parent == (place if path.name in built else BINARY)
    assert {toolset.name for toolset in release.toolsets} < set(agent.needs)


def test_program_that_overrides_the_clang_of_the_image_can_be_executed() -> None:
    for release in releases.OLDER_RELEASES:
        for path in release.files.values():
            assert path.stat().st_mode & 0o111
