# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Docker engine: containers of nodes and sites, the network that they share."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Sequence

from .errors import BackendError
from .operations import Progress
from .programs import run

NETWORK = "kind"
KIND_LABEL = "io.x-k8s.kind.cluster"
CODE = "ContainerEngineFailed"


class Engine:
    """Docker by its command line."""

    def __init__(self, program: str) -> None:
        self.program = program

    def docker(self, *words: str, timeout_s: float = 60, progress: Progress | None = None) -> str:
        """Output of a docker command that must succeed."""
        return run([self.program, *words], code=CODE, timeout_s=timeout_s, progress=progress)

    def execute(self, container: str, *words: str) -> str:
        """Output of a command in a container."""
        return self.docker("exec", container, *words)

    def version(self) -> str:
        """Version of the engine that answers."""
        return self.docker("version", "--format", "{{.Server.Version}}", timeout_s=20).strip()

    def has_image(self, name: str) -> bool:
        """Whether the engine has an image."""
        return bool(self.docker("images", "--quiet", name).strip())

    def containers(self, label: str) -> list[str]:
        """Names of the containers, running or not, with a label (`name` or `name=value`)."""
        words = ("ps", "--all", "--filter", f"label={label}", "--format", "{{.Names}}")
        return sorted(self.docker(*words).split())

    def nodes(self, cluster: str) -> list[str]:
        """Containers of a cluster's nodes, the control plane first."""
        found = self.containers(f"{KIND_LABEL}={cluster}")
        return sorted(found, key=lambda name: (not name.endswith("-control-plane"), len(name), name))

    def start(self, containers: Sequence[str]) -> None:
        """Start containers that do not run."""
        if containers:
            self.docker("start", *containers)

    def stop(self, containers: Sequence[str], progress: Progress | None = None) -> None:
        """Stop containers that run."""
        if containers:
            self.docker("stop", "--time", "20", *containers, timeout_s=120, progress=progress)

    def remove(self, containers: Sequence[str]) -> None:
        """Remove containers and their volumes."""
        if containers:
            self.docker("rm", "--force", "--volumes", *containers)

    def address(self, container: str) -> str:
        """IPv4 address of a container on the shared network."""
        template = f'{{{{(index .NetworkSettings.Networks "{NETWORK}").IPAddress}}}}'
        return self.docker("inspect", "--format", template, container).strip()

    def has_network(self) -> bool:
        """Whether the shared network exists."""
        names = self.docker("network", "ls", "--format", "{{.Name}}").split()
        return NETWORK in names

    def network(self) -> tuple[ipaddress.IPv4Network, set[str]]:
        """IPv4 subnet of the shared network and the addresses that containers and the gateway have."""
        document = json.loads(self.docker("network", "inspect", NETWORK))[0]
        taken: set[str] = set()
        subnet: ipaddress.IPv4Network | None = None
        for item in document["IPAM"]["Config"]:
            network = ipaddress.ip_network(item["Subnet"])
            if isinstance(network, ipaddress.IPv4Network):
                subnet = network
                taken.add(str(item.get("Gateway", "")).partition("/")[0])
        for container in document["Containers"].values():
            taken.add(container["IPv4Address"].partition("/")[0])
        if subnet is None:
            raise BackendError(CODE, f"the docker network {NETWORK} has no IPv4 subnet")
        return subnet, taken

    def remove_network(self) -> bool:
        """Remove the shared network unless containers use it."""
        if not self.has_network() or self.network_in_use():
            return False
        self.docker("network", "rm", NETWORK)
        return True

    def network_in_use(self) -> bool:
        """Whether containers, running or not, belong to the shared network."""
        return bool(self.docker("ps", "--all", "--quiet", "--filter", f"network={NETWORK}").strip())

    def addresses(self, container: str) -> set[str]:
        """IPv4 addresses on the container's interface to the shared network."""
        output = self.execute(container, "ip", "-4", "-json", "address", "show", "dev", "eth0")
        return {str(item["local"]) for link in json.loads(output) for item in link.get("addr_info", [])}
