# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The build: from Go modules and Debian packages to the node image; every step is skipped while its inputs stay."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import IO

from . import recipes
from .cache import Cache, Step
from .edits import edited_module
from .files import digest, place, write_text
from .machine import debian_mirror, go_release
from .node import image_id, preload
from .processes import GROUP, LabError, capture, logged
from .recipes import HERE, Image, Program, Toolset, Userland
from .releases import RELEASE, Release, cilium_images, clustermesh_image

GO_ENV = {"CGO_ENABLED": "0", "GOWORK": "off"}
DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
BOOTSTRAP_ATTEMPTS = 3
# Seconds with empty caches on 2 cores, and gigabytes that stay on disk (Go's caches or the engine's data).
TYPICAL: dict[str, tuple[float, float]] = {
    "go-kind": (20, 0.1),
    "go-helm": (70, 0.7),
    "go-kubernetes": (300, 2.0),
    "go-kubectl": (90, 1.0),
    "go-etcd": (25, 0.3),
    "go-coredns": (100, 1.0),
    "go-cilium": (320, 2.0),
    "go-cilium-1.19": (320, 1.5),
    "go-cilium-1.15": (320, 1.5),
    "go-kwok": (60, 0.5),
    "userland-node": (20, 0.5),
    "userland-cilium": (30, 1.0),
    "userland-cilium-1.15": (30, 1.0),
    "userland-demo": (20, 0.3),
    "image-cilium": (8, 1.5),
    "image-node-base": (6, 1.0),
    "image-node": (50, 3.0),
}
IMAGE_STEPS = ("image-cilium", "image-node-base", "image-node")
# Small steps, and what is looked up on the way.
OVERHEAD_GB = 1.0


@dataclass(frozen=True)
class Plan:
    """Names of the steps which are to be done."""

    steps: tuple[str, ...]

    @property
    def seconds(self) -> float:
        """Typical duration; userlands cost little time, they are made beside programs."""
        beside = any(name.startswith("go-") for name in self.steps)
        counted = [name for name in self.steps if not (beside and name.startswith("userland-"))]
        return sum(TYPICAL.get(name, (1.0, 0.0))[0] for name in counted)

    def gigabytes(self, go: bool) -> float:
        """Room for Go's caches, or for the engine's data."""
        chosen = [name for name in self.steps if name.startswith("go-") is go]
        return sum(TYPICAL.get(name, (0.0, 0.1))[1] for name in chosen) + OVERHEAD_GB * bool(chosen)


class Builder:
    """Makes everything from programs to the node image."""

    def __init__(self, cache: Cache, extras: bool) -> None:
        """Extras are what a cluster with Cilium does without: fake nodes and the image for several clusters."""
        self.cache = cache
        self.extras = extras
        self.recipes: dict[str, str] = {}
        self._go_release = ""

    @property
    def toolsets(self) -> tuple[Toolset, ...]:
        """The programs which are built from Go modules."""
        return recipes.TOOLSETS if self.extras else recipes.CORE_TOOLSETS

    def build(self) -> None:
        """Run all steps: programs beside userlands, then the images made of both."""
        self.lanes(self.programs, self.userlands)
        self.cache.step(self.chart_step())
        if self.extras:
            self.cache.step(self.kwok_step())
        images = self.images()
        for image in images:
            self.image(image)
        self.image(self.node_base())
        self.cache.step(self.node_step(images))

    def build_release(self, release: Release) -> None:
        """Have programs, chart and images of one version of Cilium; the node image is not made anew for it."""
        self.lanes(lambda: list(map(self.go, release.toolsets)), lambda: self.userland(release.userland))
        self.cache.step(self.chart_step(release))
        for image in self.cilium_images(release):
            self.image(image)

    def plan(self) -> Plan:
        """What `build` would do now; without doing anything of it."""
        steps = [self.go_step(toolset) for toolset in self.toolsets]
        steps += [self.pause_step(), *map(self.userland_step, recipes.USERLANDS)]
        stale = [step.name for step in steps if not self.cache.fresh(step)]
        if stale:
            # The images depend on programs which are not there yet: all of them will be looked at again.
            return Plan((*stale, *IMAGE_STEPS))
        names = [toolset.name for toolset in self.toolsets]
        names += ["pause", *(userland.tag for userland in recipes.USERLANDS)]
        self.recipes.update({name: step.recipe for name, step in zip(names, steps, strict=True)})
        images = self.images()
        later = [self.chart_step(), *([self.kwok_step()] if self.extras else [])]
        for image in [*images, self.node_base()]:
            later.append(self.image_step(image))
            self.recipes[image.tag] = later[-1].recipe
        later.append(self.node_step(images))
        return Plan(tuple(step.name for step in later if not self.cache.fresh(step)))

    def lanes(self, *lanes: Callable[[], object]) -> None:
        """Work on independent things at once; when one fails the others are ended."""
        with ThreadPoolExecutor(len(lanes)) as pool:
            running = [pool.submit(lane) for lane in lanes]
            try:
                done, __ = wait(running, return_when=FIRST_EXCEPTION)
                for future in done:
                    future.result()
            except BaseException:
                # Leaving the pool waits for its threads: end what they wait for.
                GROUP.stop()
                raise

    def programs(self) -> None:
        """Have all programs which are built from Go modules."""
        for toolset in self.toolsets:
            self.go(toolset)

    def userlands(self) -> None:
        """Have all userlands, and the one program in C."""
        self.pause()
        for userland in recipes.USERLANDS:
            self.userland(userland)

    # Programs

    def module(self, toolset: Toolset) -> dict[str, str]:
        """What Go knows about a toolset's main module; downloads it when needed."""
        wanted = f"{toolset.module}@{toolset.version}"
        described = capture(["go", "-C", toolset.directory, "mod", "download", "-json", wanted], GO_ENV)
        module: dict[str, str] = json.loads(described)
        return module

    def source(self, toolset: Toolset) -> Path:
        """Folder of a toolset's main module."""
        return Path(self.module(toolset)["Dir"])

    def go_release(self) -> str:
        """Version of the Go toolchain, asked for once."""
        self._go_release = self._go_release or go_release()
        return self._go_release

    def go_step(self, toolset: Toolset) -> Step:
        """Build the programs of a toolset."""
        inputs: dict[str, object] = {
            "files": digest(toolset.directory),
            "go": self.go_release(),
            "programs": [[program.name, program.package, program.tags] for program in toolset.programs],
            "variables": dict(toolset.variables),
        }
        if toolset.edits:
            inputs["edits"] = [[edit.file, edit.old, edit.new] for edit in toolset.edits]

        def compile_programs(log: IO[str]) -> str:
            scratch = self.cache.root / "fresh" / toolset.name
            shutil.rmtree(scratch, ignore_errors=True)
            (scratch / "tmp").mkdir(parents=True)
            try:
                self.compile(toolset, scratch, log)
            finally:
                shutil.rmtree(scratch, ignore_errors=True)
            return ""

        files = [self.cache.bin_of(toolset.place) / program.name for program in toolset.programs]
        return self.new_step(
            f"go-{toolset.name}", inputs, compile_programs, lambda __: all(file.exists() for file in files)
        )

    def compile(self, toolset: Toolset, scratch: Path, log: IO[str]) -> None:
        """Run the compiler in a scratch folder and move its results, when they are complete, to their place."""
        flags = " ".join(["-s -w", *self.stamped(toolset)])
        edited = edited_module(toolset, self.source(toolset), scratch) if toolset.edits else []
        env = {**GO_ENV, "GOTMPDIR": str(scratch / "tmp")}
        target = self.cache.bin_of(toolset.place)
        target.mkdir(parents=True, exist_ok=True)
        # Programs with the same tags in one call: they are linked at the same time.
        for tags, group in groupby(toolset.programs, key=lambda program: program.tags):
            programs = list(group)
            command = ["go", "build", "-mod=readonly", "-trimpath", "-buildvcs=false", *edited]
            command += ["-tags", ",".join(tags), "-ldflags", flags, "-o", f"{scratch}{os.sep}"]
            logged([*command, *(program.package for program in programs)], log, env, toolset.directory)
            for program in programs:
                (scratch / built_name(program)).replace(target / program.name)

    def stamped(self, toolset: Toolset) -> list[str]:
        """Linker flags which give the programs their version."""
        if not toolset.variables:
            return []
        released = json.loads(Path(self.module(toolset)["Info"]).read_text(encoding="utf-8"))["Time"]
        major, minor, __ = toolset.version.removeprefix("v").split(".", 2)
        values = {"version": toolset.version, "number": toolset.version[1:], "date": released}
        values |= {"major": major, "minor": minor}
        return [f"-X '{name}={value.format(**values)}'" for name, value in toolset.variables.items()]

    def go(self, toolset: Toolset) -> None:
        """Have the programs of a toolset."""
        self.recipes[toolset.name] = self.cache.step(self.go_step(toolset))

    def pause_step(self) -> Step:
        """Compile the sandbox process."""
        program = self.cache.bin / "pause"
        source = HERE / "images" / "pause.c"

        def compile_pause(log: IO[str]) -> str:
            logged(["gcc", "-Os", "-Wall", "-static", "-s", "-o", program, source], log)
            return ""

        return self.new_step("pause", {"source": digest(source)}, compile_pause, lambda __: program.exists())

    def pause(self) -> None:
        """Have the sandbox process."""
        self.recipes["pause"] = self.cache.step(self.pause_step())

    # Files out of modules

    def chart_step(self, release: Release = RELEASE) -> Step:
        """Copy the Helm chart out of the Cilium module."""
        chart = self.cache.chart_of(release.toolset.place)

        def copy(__: IO[str]) -> str:
            shutil.rmtree(chart, ignore_errors=True)
            place(self.source(release.toolset) / "install" / "kubernetes" / "cilium", chart)
            return ""

        inputs = {"version": release.toolset.version}
        return self.new_step(release.step("chart"), inputs, copy, lambda __: (chart / "Chart.yaml").exists())

    def kwok_step(self) -> Step:
        """Join the stages without which kwok does not start: nodes and pods which become ready at once."""
        target = self.cache.kwok_stages

        def join(__: IO[str]) -> str:
            stages = self.source(recipes.KWOK) / "kustomize" / "stage"
            files = [file for folder in recipes.KWOK_STAGES for file in sorted((stages / folder).glob("*.yaml"))]
            texts = [file.read_text(encoding="utf-8") for file in files if file.name != "kustomization.yaml"]
            write_text(target, "---\n".join(texts))
            return ""

        inputs = {"version": recipes.KWOK.version, "folders": recipes.KWOK_STAGES}
        return self.new_step("kwok-stages", inputs, join, lambda __: target.exists())

    # Images

    def userland_step(self, userland: Userland) -> Step:
        """Install Debian packages in an empty root file system and import it."""
        paths = recipes.userland_paths(userland)
        inputs = {"suite": recipes.SUITE, "packages": userland.packages, "paths": paths}

        def bootstrap(log: IO[str]) -> str:
            source = ["mmdebstrap", "--variant=essential", "--format=tar", f"--include={','.join(userland.packages)}"]
            source += [f"--dpkgopt={path}" for path in paths]
            source += ['--aptopt=Acquire::Retries "5"', recipes.SUITE, "-", *debian_mirror()]
            command = ["docker", "import", "--change", f"ENV PATH={DEFAULT_PATH}", "-", userland.tag]
            for attempt in range(1, BOOTSTRAP_ATTEMPTS + 1):
                try:
                    logged(command, log, source=source)
                    break
                except LabError as error:
                    if attempt == BOOTSTRAP_ATTEMPTS or GROUP.stopped:
                        raise
                    log.write(f"attempt {attempt}: {error}\n")
            return image_id(userland.tag)

        return self.new_step(
            f"userland-{userland.name}", inputs, bootstrap, lambda result: image_id(userland.tag) == result
        )

    def userland(self, userland: Userland) -> None:
        """Have a userland."""
        self.recipes[userland.tag] = self.cache.step(self.userland_step(userland))

    def kubeadm_images(self) -> dict[str, str]:
        """The images which kubeadm asks for, by the last part of their names."""
        version = recipes.KUBERNETES.version
        listed = capture([self.cache.bin / "kubeadm", "config", "images", "list", "--kubernetes-version", version])
        names = {tag.rpartition(":")[0].rpartition("/")[2]: tag for tag in listed.split()}
        config = (HERE / "images" / "node" / "etc" / "containerd" / "config.toml").read_text(encoding="utf-8")
        if f'sandbox_image = "{names["pause"]}"' not in config:
            raise LabError(f"the node's containerd configuration must name {names['pause']} as the sandbox image")
        return names

    def cilium_images(self, release: Release) -> list[Image]:
        """Images of one version of Cilium which a node holds."""
        binary = self.cache.bin_of(release.toolset.place)
        return cilium_images(release, self.source(release.toolset), binary, self.cache.bin)

    def images(self) -> list[Image]:
        """All images but those of the node."""
        binary = self.cache.bin
        images = recipes.control_plane_images(self.kubeadm_images(), binary)
        images += self.cilium_images(RELEASE)
        images += recipes.workload_images(binary)
        if self.extras:
            images.append(clustermesh_image(self.source(recipes.CILIUM), binary))
        return images

    def node_base(self) -> Image:
        """The node image before the preload."""
        return recipes.node_base_image(self.source(recipes.KIND), self.cache.bin)

    def image_step(self, image: Image) -> Step:
        """Build one image."""
        dockerfile = HERE / "images" / f"{image.dockerfile}.Dockerfile"
        # Files of the cache and of modules are known by the recipes which made them.
        own = {target: digest(path) for target, path in image.files.items() if path.is_relative_to(HERE)}
        inputs = {
            "tag": image.tag,
            "dockerfile": digest(dockerfile),
            "files": {**dict.fromkeys(image.files, ""), **own},
            "arguments": dict(image.arguments),
            "directories": image.directories,
            "needs": [self.recipes[need] for need in image.needs],
        }

        def docker_build(log: IO[str]) -> str:
            context = self.cache.contexts / image.name
            shutil.rmtree(context, ignore_errors=True)
            for target, source in image.files.items():
                place(source, context / target)
            for directory in image.directories:
                (context / "directories" / directory).mkdir(parents=True)
                (context / "directories" / directory).chmod(0o1777)
            command = ["docker", "build", "--network", "none", "--file", str(dockerfile), "--tag", image.tag]
            for name, value in image.arguments.items():
                command += ["--build-arg", f"{name}={value}"]
            # The classic builder: BuildKit may be absent, and would ask a registry about local bases.
            logged([*command, str(context)], log, {"DOCKER_BUILDKIT": "0"})
            shutil.rmtree(context)
            return image_id(image.tag)

        return self.new_step(f"image-{image.name}", inputs, docker_build, lambda result: image_id(image.tag) == result)

    def image(self, image: Image) -> None:
        """Have one image."""
        self.recipes[image.tag] = self.cache.step(self.image_step(image))

    def node_step(self, images: Iterable[Image]) -> Step:
        """Put the preloaded images, unpacked, into the store of the node's containerd."""
        base = self.node_base().tag
        tags = [image.tag for image in images if image.preloaded]
        inputs = {"base": self.recipes[base], "images": {tag: self.recipes[tag] for tag in tags}}
        target = recipes.node_image()

        def fill(log: IO[str]) -> str:
            preload(base, tags, target, f"lab-preload-{self.cache.key}", log)
            return image_id(target)

        return self.new_step("image-node", inputs, fill, lambda result: image_id(target) == result)

    def new_step(
        self,
        name: str,
        inputs: Mapping[str, object],
        action: Callable[[IO[str]], str],
        intact: Callable[[str], bool],
    ) -> Step:
        """Create a step with its typical duration."""
        return Step(name, inputs, action, intact, TYPICAL.get(name, (0.0, 0.0))[0])


def built_name(program: Program) -> str:
    """File name which `go build` gives to a program in a folder: the last part of its package, but for a version."""
    parts = program.package.split("/")
    return parts[-2] if parts[-1].startswith("v") and parts[-1][1:].isdigit() else parts[-1]
