# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What belongs to a managed cluster: credentials, versions, upgrades."""

from __future__ import annotations

import base64
import json

from .clusters import Clusters
from .errors import ArmError, Json
from .lifecycle import PROVIDER, as_cluster
from .messages import Request, Response

# The applications that stand for AKS in every tenant: kubelogin asks for a token for the first, as the second.
AKS_SERVER_APPLICATION = "6dae42f8-4368-4678-94ff-3960e28e3630"
AKS_CLIENT_APPLICATION = "80faf920-1908-4b52-b5ef-a8e7bedfc67a"


class Parts:
    """Reads of what belongs to a cluster."""

    def __init__(self, clusters: Clusters) -> None:
        self.clusters = clusters
        self.config = clusters.config

    def credential(self, request: Request, group: str, name: str, *, admin: bool) -> Response:
        """A kubeconfig, as `az aks get-credentials` fetches it."""
        record = self.clusters.record(group, name)
        cluster = as_cluster(record)
        if admin and cluster.properties.get("disableLocalAccounts"):
            message = "Getting static credential is not allowed because this cluster is set to disable local accounts."
            raise ArmError(400, "BadRequest", message)
        document = self.clusters.life.backend.kubeconfig(cluster, admin=admin)
        if document is None:
            message = f"Could not find control plane with ID '{cluster.properties['resourceUID']}'."
            raise ArmError(404, "ControlPlaneNotFound", message)
        if cluster.properties.get("aadProfile") and not admin:
            legacy = request.query.get("format", "exec").lower() == "azure"
            document["users"][0]["user"] = self._auth_provider() if legacy else {"exec": self._kubelogin()}
        value = base64.b64encode(json.dumps(document, indent=2).encode()).decode()
        return Response(200, {"kubeconfigs": [{"name": "clusterAdmin" if admin else "clusterUser", "value": value}]})

    def versions(self) -> Response:
        """The Kubernetes versions of a region."""
        return Response(200, {"values": self.clusters.life.versions.listed()})

    def upgrades(self, group: str, name: str) -> Response:
        """Where a cluster can go (form as the API description says, never recorded)."""
        body = self.clusters.record(group, name)["body"]
        properties, versions = body["properties"], self.clusters.life.versions

        def profile(current: str, system: str) -> Json:
            newer = [{"kubernetesVersion": version} for version in versions.upgrades(current)[::-1]]
            return {"kubernetesVersion": current, "osType": system, **({"upgrades": newer} if newer else {})}

        current = properties["currentKubernetesVersion"]
        profiles = [
            {"name": pool["name"], **profile(pool["currentOrchestratorVersion"], pool["osType"])}
            for pool in properties["agentPoolProfiles"]
        ]
        return Response(
            200,
            {
                "id": f"{body['id']}/upgradeprofiles/default",
                "name": "default",
                "type": f"{PROVIDER}/ManagedClusters/upgradeProfiles",
                "properties": {"controlPlaneProfile": profile(current, "Linux"), "agentPoolProfiles": profiles},
            },
        )

    def _kubelogin(self) -> Json:
        words = ["get-token", "--environment", "AzurePublicCloud", "--server-id", AKS_SERVER_APPLICATION]
        words += ["--client-id", AKS_CLIENT_APPLICATION, "--tenant-id", self.config.tenant, "--login", "devicecode"]
        return {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "command": "kubelogin",
            "args": words,
            "env": None,
            "provideClusterInfo": False,
        }

    def _auth_provider(self) -> Json:
        config = {
            "apiserver-id": AKS_SERVER_APPLICATION,
            "client-id": AKS_CLIENT_APPLICATION,
            "config-mode": "1",
            "environment": "AzurePublicCloud",
            "tenant-id": self.config.tenant,
        }
        return {"auth-provider": {"name": "azure", "config": config}}
