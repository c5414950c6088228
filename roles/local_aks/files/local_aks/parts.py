# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to a managed cluster: agent pools, credentials, versions."""

from __future__ import annotations

import base64
import json

from .clusters import PROVIDER, Clusters, as_cluster
from .errors import ArmError, Json, cannot_here
from .messages import Request, Response

# The application that stands for AKS in every tenant; kubelogin asks for a token for it.
AKS_SERVER_APPLICATION = "6dae42f8-4368-4678-94ff-3960e28e3630"


class Parts:
    """Reads of what belongs to a cluster."""

    def __init__(self, clusters: Clusters) -> None:
        self.clusters = clusters
        self.config = clusters.config

    def pools(self, request: Request, group: str, name: str) -> Response:
        """The agent pools as resources of their own."""
        return Response(200, {"value": self._pools(request, group, name)})

    def pool(self, request: Request, group: str, name: str, pool: str) -> Response:
        """One agent pool."""
        for found in self._pools(request, group, name):
            if found["name"].lower() == pool.lower():
                return Response(200, found)
        message = f"Could not find the agent pool '{pool}' in cluster '{name}' under resource group '{group}'."
        raise ArmError(404, "NotFound", message)

    def credential(self, group: str, name: str, *, admin: bool) -> Response:
        """A kubeconfig, as `az aks get-credentials` fetches it."""
        record = self.clusters.record(group, name)
        cluster = as_cluster(record)
        if admin and cluster.properties.get("disableLocalAccounts"):
            message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
            raise ArmError(400, "BadRequest", message)
        document = self.clusters.backend.kubeconfig(cluster, admin=admin)
        if document is None:
            message = f"Could not find control plane with ID '{cluster.properties['resourceUID']}'."
            raise ArmError(404, "ControlPlaneNotFound", message)
        if cluster.properties.get("aadProfile") and not admin:
            document["users"][0]["user"] = {"exec": self._kubelogin()}
        value = base64.b64encode(json.dumps(document, indent=2).encode()).decode()
        return Response(200, {"kubeconfigs": [{"name": "clusterAdmin" if admin else "clusterUser", "value": value}]})

    def versions(self) -> Response:
        """The one Kubernetes version."""
        version = self.config.kubernetes_version
        found = {
            "version": ".".join(version.split(".")[:2]),
            "isDefault": True,
            "capabilities": {"supportPlan": ["KubernetesOfficial"]},
            "patchVersions": {version: {"upgrades": []}},
        }
        return Response(200, {"values": [found]})

    def _kubelogin(self) -> Json:
        words = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER_APPLICATION]
        return {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": [*words, "--tenant-id", self.config.tenant],
            "env": None,
            "provideClusterInfo": False,
        }

    def _pools(self, request: Request, group: str, name: str) -> list[Json]:
        shown = self.clusters.shown(self.clusters.record(group, name), request)
        pools = []
        for pool in shown["properties"]["agentPoolProfiles"]:
            pool_name = pool.pop("name")
            pools.append(
                {
                    "id": f"{shown['id']}/agentPools/{pool_name}",
                    "name": pool_name,
                    "type": f"{PROVIDER}/managedClusters/agentPools",
                    "properties": pool,
                }
            )
        return pools


def unsupported(request: Request) -> Response:
    """Answer to what Azure has and this stand-in has not."""
    raise cannot_here(f"{request.method} of this resource is not part of it.")
