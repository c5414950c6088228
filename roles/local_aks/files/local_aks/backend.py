# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a back end must do, and one that only pretends: for tests of the protocol."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from .config import Config
from .errors import Json
from .operations import Progress


@dataclass(frozen=True)
class Cluster:
    """A managed cluster as a back end sees it: where it is and what Resource Manager says about it."""

    group: str
    name: str
    body: Json

    @property
    def properties(self) -> Json:
        """The ARM properties."""
        found: Json = self.body["properties"]
        return found

    @property
    def fqdn(self) -> str:
        """Name of the API server."""
        return str(self.properties["fqdn"])

    @property
    def network(self) -> Json:
        """The network profile."""
        found: Json = self.properties["networkProfile"]
        return found

    @property
    def managed_cilium(self) -> bool:
        """Whether AKS brings Cilium."""
        return self.network.get("networkDataplane") == "cilium"

    @property
    def pools(self) -> list[Json]:
        """The agent pools."""
        found: list[Json] = self.properties["agentPoolProfiles"]
        return found

    @property
    def node_count(self) -> int:
        """Nodes of all pools."""
        return sum(int(pool["count"]) for pool in self.pools)

    def user(self, *, admin: bool) -> str:
        """Name of the user in a kubeconfig, as AKS forms it."""
        return f"cluster{'Admin' if admin else 'User'}_{self.group}_{self.name}"


class Backend(Protocol):
    """Turns managed clusters into something. Methods that take a Progress run in an operation's thread."""

    def check(self, desired: Cluster, live: Cluster | None) -> None:
        """Raise ArmError when this back end cannot bring the cluster about; live is None for a new one."""

    def create(self, cluster: Cluster, progress: Progress) -> None:
        """Build the cluster, from whatever an interrupted attempt left behind. Raises BackendError."""

    def update(self, cluster: Cluster, progress: Progress) -> None:
        """Bring an existing cluster to what its properties say. Raises BackendError."""

    def start(self, cluster: Cluster, progress: Progress) -> None:
        """Let the nodes of a stopped cluster run again. Raises BackendError."""

    def stop(self, cluster: Cluster, progress: Progress) -> None:
        """Stop the nodes; nothing is lost. Raises BackendError."""

    def delete(self, cluster: Cluster, progress: Progress) -> None:
        """Remove everything that belongs to the cluster, however little exists. Raises BackendError."""

    def kubeconfig(self, cluster: Cluster, *, admin: bool) -> Json | None:
        """Kubeconfig document, or None while there is no control plane."""

    def adopt(self, clusters: Sequence[Cluster]) -> None:
        """Go on caring for clusters that exist, after a start of the service."""

    def close(self) -> None:
        """Stop caring; clusters stay."""


def kubeconfig_document(cluster: Cluster, *, admin: bool, server: str, authority: str, user: Json) -> Json:
    """A kubeconfig with the names that AKS gives; authority is base64 of PEM."""
    name = cluster.user(admin=admin)
    context = f"{cluster.name}-admin" if admin else cluster.name
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {"name": cluster.name, "cluster": {"certificate-authority-data": authority, "server": server}},
        ],
        "contexts": [{"name": context, "context": {"cluster": cluster.name, "user": name}}],
        "current-context": context,
        "preferences": {},
        "users": [{"name": name, "user": user}],
    }


class StubBackend:
    """Creates nothing. Clusters pass through the states of the real thing; nobody answers at their address."""

    def __init__(self, config: Config) -> None:
        self.config = config

    def check(self, desired: Cluster, live: Cluster | None) -> None:
        """Everything can be pretended."""

    def create(self, cluster: Cluster, progress: Progress) -> None:
        """Report the states that AKS reports."""
        total = cluster.node_count
        for done in (0, total):
            progress.report(f"CreatingAgentPools: {done}/{total} nodes completed")
        progress.report("ReconcilingAddons")

    def update(self, cluster: Cluster, progress: Progress) -> None:
        """Report a state that AKS reports."""
        progress.report("ReconcilingAddons")

    def start(self, cluster: Cluster, progress: Progress) -> None:
        """Nothing stands still."""
        progress.report("Starting")

    def stop(self, cluster: Cluster, progress: Progress) -> None:
        """Nothing runs."""
        progress.report("Stopping")

    def delete(self, cluster: Cluster, progress: Progress) -> None:
        """There is nothing to remove."""
        progress.report("Deleting")

    def kubeconfig(self, cluster: Cluster, *, admin: bool) -> Json | None:
        """A well-formed kubeconfig whose server does not exist and whose token is no secret."""
        authority = base64.b64encode(self.config.ca_file.read_bytes()).decode()
        user = {"token": "stub-admin" if admin else "stub-user"}
        server = f"https://{cluster.fqdn}:443"
        return kubeconfig_document(cluster, admin=admin, server=server, authority=authority, user=user)

    def adopt(self, clusters: Sequence[Cluster]) -> None:
        """Nothing to care for."""

    def close(self) -> None:
        """Nothing to stop."""
