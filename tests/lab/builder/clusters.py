# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clusters: kind clusters without CNI plugin and kube-proxy."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from .cache import Cache
from .internet import Internet
from .node import image_id
from .processes import LabError, Word, capture, logged
from .supply import supply

API_SERVER_PORT = 6443
CREATE_TYPICAL_S = 30.0
LOAD_TYPICAL_S = 30.0


def kind_config(workers: int, pod_subnet: str | None, service_subnet: str | None) -> str:
    """Configuration of a kind cluster without CNI plugin and kube-proxy (JSON is YAML)."""
    networking: dict[str, object] = {"disableDefaultCNI": True, "kubeProxyMode": "none"}
    if pod_subnet is not None:
        networking["podSubnet"] = pod_subnet
    if service_subnet is not None:
        networking["serviceSubnet"] = service_subnet
    # Lets the kubelet go on where it may not raise limits or write sysctls.
    kubelet = {"kind": "KubeletConfiguration", "featureGates": {"KubeletInUserNamespace": True}}
    document = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": networking,
        "nodes": [{"role": "control-plane"}, *({"role": "worker"} for __ in range(workers))],
        "kubeadmConfigPatches": [json.dumps(kubelet)],
    }
    return json.dumps(document, indent=2) + "\n"


class Cluster:
    """One kind cluster, by name."""

    def __init__(self, cache: Cache, name: str, kubeconfig: Path | None) -> None:
        self.cache = cache
        self.name = name
        self.folder = cache.root / "cluster" / name
        self.kubeconfig = (kubeconfig or self.folder / "kubeconfig").expanduser().absolute()
        self.supply = supply(cache)
        self.internet = Internet(name, self.kubectl)

    @property
    def control_plane(self) -> str:
        """Name of the control plane's container, which is also its host name on the kind network."""
        return f"{self.name}-control-plane"

    def nodes(self) -> list[str]:
        """Containers of the cluster's nodes."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        return sorted(capture(["docker", "ps", "--all", "--filter", label, "--format", "{{.Names}}"]).split())

    def kubectl(self, *words: str) -> str:
        """Output of kubectl on this cluster."""
        return capture([self.supply.kubectl, "--kubeconfig", self.kubeconfig, *words])

    def up(self, workers: int, pod_subnet: str | None, service_subnet: str | None) -> None:
        """Create the cluster, or refresh the kubeconfig of the one which exists."""
        kind, image = self.supply.kind, self.supply.node_image
        if not image_id(image) or not kind.exists():
            raise LabError(f"{image} is not there: run `lab prepare`")
        self.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
        nodes = self.nodes()
        if nodes and len(nodes) != workers + 1:
            raise LabError(f"cluster {self.name} exists with {len(nodes) - 1} workers: run `lab down` first")
        if nodes:
            capture([kind, "export", "kubeconfig", "--name", self.name, "--kubeconfig", self.kubeconfig])
            self.cache.progress.line(f"cluster-{self.name}", "exists")
            return
        config = self.folder / "kind.json"
        config.parent.mkdir(parents=True, exist_ok=True)
        config.write_text(kind_config(workers, pod_subnet, service_subnet), encoding="utf-8")

        def create(log: IO[str]) -> str:
            command: list[Word] = [kind, "create", "cluster", "--name", self.name, "--image", image]
            logged([*command, "--config", config, "--kubeconfig", self.kubeconfig], log)
            return ""

        self.cache.timed(f"cluster-{self.name}", create, CREATE_TYPICAL_S)

    def load(self, images: Sequence[str]) -> None:
        """Put images of the engine into all nodes."""
        if absent := [image for image in images if not image_id(image)]:
            raise LabError(f"{', '.join(absent)} is not there: run `lab build --cilium` with this version")

        def put(log: IO[str]) -> str:
            logged([self.supply.kind, "load", "docker-image", "--name", self.name, *images], log)
            return ""

        self.cache.timed(f"load-{self.name}", put, LOAD_TYPICAL_S)

    def down(self) -> None:
        """Remove the cluster and all that belongs to it."""
        self.internet.remove()

        def delete(log: IO[str]) -> str:
            command: list[Word] = [self.supply.kind, "delete", "cluster", "--name", self.name]
            logged([*command, "--kubeconfig", self.kubeconfig], log)
            return ""

        self.cache.timed(f"delete-{self.name}", delete)
        shutil.rmtree(self.folder, ignore_errors=True)
