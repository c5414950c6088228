# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The kinds of objects that this collection handles. We know them, so no discovery request is ever needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from .._errors import InvalidInput


@dataclass(frozen=True)
class Kind:
    """Where the API server keeps objects of one kind. The group is "" for the core API."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool

    @property
    def api_version(self) -> str:
        """As it stands in a document: `v1` or `apps/v1`."""
        return f"{self.group}/{self.version}" if self.group else self.version


POD = Kind("", "v1", "pods", "Pod", True)
NODE = Kind("", "v1", "nodes", "Node", False)
NAMESPACE = Kind("", "v1", "namespaces", "Namespace", False)
SERVICE = Kind("", "v1", "services", "Service", True)
ENDPOINTS = Kind("", "v1", "endpoints", "Endpoints", True)
CONFIG_MAP = Kind("", "v1", "configmaps", "ConfigMap", True)
SECRET = Kind("", "v1", "secrets", "Secret", True)
SERVICE_ACCOUNT = Kind("", "v1", "serviceaccounts", "ServiceAccount", True)
EVENT = Kind("", "v1", "events", "Event", True)
DAEMON_SET = Kind("apps", "v1", "daemonsets", "DaemonSet", True)
DEPLOYMENT = Kind("apps", "v1", "deployments", "Deployment", True)
REPLICA_SET = Kind("apps", "v1", "replicasets", "ReplicaSet", True)
STATEFUL_SET = Kind("apps", "v1", "statefulsets", "StatefulSet", True)
JOB = Kind("batch", "v1", "jobs", "Job", True)
CRON_JOB = Kind("batch", "v1", "cronjobs", "CronJob", True)
LEASE = Kind("coordination.k8s.io", "v1", "leases", "Lease", True)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", True)
NETWORK_POLICY = Kind("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy", True)
ROLE = Kind("rbac.authorization.k8s.io", "v1", "roles", "Role", True)
ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding", True)
CLUSTER_ROLE = Kind("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False)
CLUSTER_ROLE_BINDING = Kind("rbac.authorization.k8s.io", "v1", "clusterrolebindings", "ClusterRoleBinding", False)
CRD = Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False)
CNP = Kind("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", True)
CCNP = Kind("cilium.io", "v2", "ciliumclusterwidenetworkpolicies", "CiliumClusterwideNetworkPolicy", False)
CEP = Kind("cilium.io", "v2", "ciliumendpoints", "CiliumEndpoint", True)
CIDENTITY = Kind("cilium.io", "v2", "ciliumidentities", "CiliumIdentity", False)
CILIUM_NODE = Kind("cilium.io", "v2", "ciliumnodes", "CiliumNode", False)
CILIUM_LB_POOL = Kind("cilium.io", "v2", "ciliumloadbalancerippools", "CiliumLoadBalancerIPPool", False)
CILIUM_L2_POLICY = Kind("cilium.io", "v2alpha1", "ciliuml2announcementpolicies", "CiliumL2AnnouncementPolicy", False)

KINDS = tuple(value for value in list(globals().values()) if isinstance(value, Kind))
_BY_GROUP_AND_KIND = {(kind.group, kind.kind): kind for kind in KINDS}


def kind_of(document: Mapping[str, Any]) -> Kind:
    """The kind of a document, in the version that the document names. Raises InvalidInput for one we do not know."""
    api_version, name = document.get("apiVersion"), document.get("kind")
    if not isinstance(api_version, str) or not isinstance(name, str):
        raise InvalidInput(
            f"A document without the texts apiVersion and kind: apiVersion={api_version!r}, kind={name!r}.",
            code="UnknownKind",
            remedy="Give each object both, as `kubectl get --output yaml` shows them.",
        )
    group, version = api_version.split("/", 1) if "/" in api_version else ("", api_version)
    known = _BY_GROUP_AND_KIND.get((group, name))
    if known is None:
        raise InvalidInput(
            f"Documents of kind {name} ({api_version}) are not handled here.",
            code="UnknownKind",
            remedy="Apply them with kubernetes.core.k8s, or with: kubectl apply --filename FILE",
        )
    return replace(known, version=version)
