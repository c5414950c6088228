# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is built: programs, userlands and images, by name. Names and inputs decide what the cache keeps."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from .processes import LabError

HERE = Path(__file__).resolve().parent.parent
SUITE = "trixie"
DEMO_IMAGE = "nginx:1.26"


def required_version(go_mod: str, module: str) -> str:
    """Version of a module which the text of a go.mod requires; empty when it does not."""
    found = re.search(rf"^(?:require)?\s*{re.escape(module)} (v\S+)", go_mod, re.MULTILINE)
    return found[1] if found else ""


@dataclass(frozen=True)
class Program:
    """One binary: its file name, its Go package and its build tags."""

    name: str
    package: str
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Edit:
    """One text in a file of a module, and what is compiled in its place."""

    file: str
    old: str
    new: str


@dataclass(frozen=True)
class Toolset:
    """Programs which are built from one folder of go/ (its own name's, or `folder`): their versions stand together.

    Those of a toolset which stands `apart` have their own folder in the cache: another toolset has the same names.
    Edits change one text of a file of the main module, for what keeps an old version from running on today's machines.
    """

    name: str
    module: str
    programs: tuple[Program, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    folder: str = ""
    apart: bool = False
    edits: tuple[Edit, ...] = ()

    @property
    def place(self) -> str:
        """Folder of the cache below which the programs are put; empty for the common one."""
        return self.name if self.apart else ""

    @property
    def directory(self) -> Path:
        """Where go.mod and go.sum are."""
        return HERE / "go" / (self.folder or self.name)

    @property
    def version(self) -> str:
        """Version of the main module, from go.mod."""
        file = self.directory / "go.mod"
        found = required_version(file.read_text(encoding="utf-8"), self.module)
        if not found:
            raise LabError(f"{file} does not require {self.module}")
        return found


@dataclass(frozen=True)
class Userland:
    """A Debian root file system: its packages and the paths which are left out of (or kept in) it."""

    name: str
    packages: tuple[str, ...]
    excluded: tuple[str, ...] = ()
    included: tuple[str, ...] = ()

    @property
    def tag(self) -> str:
        """Name of the imported image."""
        return f"lab/debian-{self.name}:{SUITE}"


@dataclass(frozen=True)
class Image:
    """A Dockerfile of images/ and what its build context holds."""

    name: str
    tag: str
    dockerfile: str
    files: Mapping[str, Path]
    needs: tuple[str, ...]
    arguments: Mapping[str, str] = field(default_factory=dict)
    directories: tuple[str, ...] = ()
    preloaded: bool = True


COMPONENT_BASE = "k8s.io/component-base/version"
CILIUM_MODULE = "github.com/cilium/cilium"
CONTROL_PLANE_PROGRAMS = ("kube-apiserver", "kube-controller-manager", "kube-scheduler")
NODE_PROGRAMS = ("kubeadm", "kubelet", "kubectl")
AGENT_PROGRAMS = {
    "cilium-agent": "daemon",
    "cilium-dbg": "cilium-dbg",
    "cilium-health": "cilium-health",
    "cilium-health-responder": "cilium-health/responder",
    "cilium-bugtool": "bugtool",
    "cilium-mount": "tools/mount",
    "cilium-sysctlfix": "tools/sysctlfix",
    "hubble": "hubble",
}

KUBERNETES = Toolset(
    "kubernetes",
    "k8s.io/kubernetes",
    tuple(Program(name, f"k8s.io/kubernetes/cmd/{name}") for name in CONTROL_PLANE_PROGRAMS + NODE_PROGRAMS),
    {
        f"{COMPONENT_BASE}.gitVersion": "{version}",
        f"{COMPONENT_BASE}.gitMajor": "{major}",
        f"{COMPONENT_BASE}.gitMinor": "{minor}",
        f"{COMPONENT_BASE}.gitTreeState": "clean",
        "k8s.io/client-go/pkg/version.gitVersion": "{version}",
    },
)
CLUSTERMESH_PROGRAMS = {"clustermesh-apiserver": "clustermesh-apiserver"}


def cilium_toolset(name: str, without: str = "", apart: bool = False, edits: tuple[Edit, ...] = ()) -> Toolset:
    """The programs of one version of Cilium; one which stands apart is for single clusters."""
    programs = {**AGENT_PROGRAMS, "cilium-cni": "plugins/cilium-cni", "hubble-relay": "hubble-relay"}
    programs |= {} if apart else CLUSTERMESH_PROGRAMS
    variables = {
        f"{CILIUM_MODULE}/pkg/version.ciliumVersion": "{number} module {date}",
        f"{CILIUM_MODULE}/hubble/pkg.Version": "{version}",
    }
    tags = ("osusergo",)
    return Toolset(
        name,
        CILIUM_MODULE,
        (
            *(Program(key, f"{CILIUM_MODULE}/{path}", tags) for key, path in programs.items() if key != without),
            Program("cilium-operator-generic", f"{CILIUM_MODULE}/operator", (*tags, "ipam_provider_operator")),
        ),
        variables,
        apart=apart,
        edits=edits,
    )


CILIUM = cilium_toolset("cilium")
ETCD = Toolset("etcd", "go.etcd.io/etcd/server/v3", (Program("etcd", "go.etcd.io/etcd/server/v3"),))
COREDNS = Toolset("coredns", "github.com/coredns/coredns", (Program("coredns", "github.com/coredns/coredns"),))
KIND = Toolset("kind", "sigs.k8s.io/kind", (Program("kind", "sigs.k8s.io/kind"),))
HELM = Toolset(
    "helm",
    "helm.sh/helm/v3",
    (Program("helm", "helm.sh/helm/v3/cmd/helm"),),
    {"helm.sh/helm/v3/internal/version.version": "{version}"},
)
KWOK = Toolset(
    "kwok",
    "sigs.k8s.io/kwok",
    (Program("kwok", "sigs.k8s.io/kwok/cmd/kwok"),),
)
KWOK_STAGES = ("node/fast", "node/heartbeat-with-lease", "pod/fast")
# Only for a machine which takes the images from registries and has no kubectl.
KUBECTL = Toolset(
    "kubectl",
    KUBERNETES.module,
    tuple(program for program in KUBERNETES.programs if program.name == "kubectl"),
    KUBERNETES.variables,
    folder=KUBERNETES.name,
)
# What a cluster with Cilium is made of; fake nodes (kwok) are extra.
CORE_TOOLSETS = (KIND, HELM, KUBERNETES, ETCD, COREDNS, CILIUM)
TOOLSETS = (*CORE_TOOLSETS, KWOK)

COMMON_EXCLUDED = ("/usr/share/doc/*", "/usr/share/man/*", "/usr/share/info/*", "/usr/share/locale/*")
NODE_USERLAND = Userland(
    "node",
    (
        *("ca-certificates", "conntrack", "containerd", "containernetworking-plugins", "curl", "ethtool"),
        *("hostname", "iproute2", "iptables", "jq", "kmod", "mount", "nftables", "pigz", "procps", "runc"),
        *("systemd", "systemd-sysv", "util-linux"),
    ),
    excluded=("/usr/lib/cni/*",),
    included=tuple(f"/usr/lib/cni/{plugin}" for plugin in ("host-local", "loopback", "portmap", "ptp")),
)
CILIUM_USERLAND = Userland(
    "cilium",
    (
        *("bpftool", "ca-certificates", "clang-19", "containernetworking-plugins", "iproute2", "ipset"),
        *("iptables", "jq", "kmod", "mount"),
    ),
    excluded=("/usr/lib/cni/*", "/usr/lib/gcc/*", "/usr/lib/*/lib*san.so*"),
    included=("/usr/lib/cni/loopback",),
)
DEMO_USERLAND = Userland(
    "demo", ("bind9-dnsutils", "ca-certificates", "curl", "iproute2", "iputils-ping", "nginx-light")
)
USERLANDS = (NODE_USERLAND, CILIUM_USERLAND, DEMO_USERLAND)


def kubectl_image() -> str:
    """Name of the kubectl image, as manifests of Jobs write it."""
    return f"registry.k8s.io/kubectl:{KUBERNETES.version}"


def node_image() -> str:
    """Name of the kind node image which is built here."""
    return f"kindest/node:{KUBERNETES.version}"


def userland_paths(userland: Userland) -> list[str]:
    """Options of dpkg that leave files out of a userland."""
    excluded = [f"path-exclude={path}" for path in COMMON_EXCLUDED + userland.excluded]
    return excluded + [f"path-include={path}" for path in userland.included]


def control_plane_images(names: Mapping[str, str], binary: Path) -> list[Image]:
    """Images of the control plane, under the names which kubeadm asks for (by the last part of the name)."""
    images = [
        Image(name, names[name], "kubernetes-component", {name: binary / name}, ("kubernetes",), {"PROGRAM": name})
        for name in CONTROL_PLANE_PROGRAMS
    ]
    return [
        *images,
        Image("etcd", names["etcd"], "etcd", {"etcd": binary / "etcd"}, ("etcd",)),
        Image("coredns", names["coredns"], "coredns", {"coredns": binary / "coredns"}, ("coredns",)),
        Image("pause", names["pause"], "pause", {"pause": binary / "pause"}, ("pause",)),
    ]


def workload_images(binary: Path) -> list[Image]:
    """Images of workloads: the demo's web server and clients, and kubectl for Jobs inside a cluster."""
    base = DEMO_USERLAND.tag
    return [
        Image("demo", DEMO_IMAGE, "demo", {"nginx.conf": HERE / "images" / "demo-nginx.conf"}, (base,), {"BASE": base}),
        Image(
            "kubectl",
            kubectl_image(),
            "kubectl",
            {"kubectl": binary / "kubectl"},
            ("kubernetes",),
            directories=("tmp",),
        ),
    ]


def node_base_image(kind_source: Path, binary: Path) -> Image:
    """The node image before images are put into it; kind_source is the folder of the kind module."""
    base = NODE_USERLAND.tag
    return Image(
        "node-base",
        f"lab/node-base:{KUBERNETES.version}",
        "node",
        {
            "kind": kind_source / "images" / "base" / "files",
            "overrides": HERE / "images" / "node",
            **{f"programs/{name}": binary / name for name in NODE_PROGRAMS},
        },
        ("kubernetes", "kind", base),
        {"BASE": base, "KUBERNETES_VERSION": KUBERNETES.version},
    )
