# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Finds out who installed Cilium on a cluster and what that installation can do. Reads only."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .._errors import AuthFailed, CollectionError, NotFound, Unsupported
from .._types import Json
from ..kube.interface import Kube
from ..kube.kinds import CONFIG_MAP, DAEMON_SET, DEPLOYMENT, NODE, SERVICE, Kind
from .chart import minor_of

NAMESPACE = "kube-system"
AGENT_PODS = "k8s-app=cilium"
AGENT_CONTAINER = "cilium-agent"
ADMISSION_POLICY = Kind(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", False
)
DEFAULT_DENY_SINCE = (1, 16)
# The marks by which AKS shows that Cilium belongs to it ("Azure CNI powered by Cilium").
_AKS_LABEL = ("kubernetes.azure.com/managedby", "aks")
_AKS_NODE_SELECTOR = "kubernetes.azure.com/ebpf-dataplane=cilium"
_AKS_REGISTRY = "mcr.microsoft.com/"


@dataclass(frozen=True)
class Installation:
    """Cilium on one cluster.

    manager: aks (managed, hands off), helm (a release we may look at), other (neither), none (no agent DaemonSet),
    unknown (it may not be read).
    version: of the agent's image, without v; empty when unknown.
    release_name: as Helm wrote it on the DaemonSet; empty when Helm did not make it.
    relay: the relay has a ready pod and a Service. fqdn_policies: DNS, FQDN and HTTP rules are accepted.
    """

    manager: str
    version: str = ""
    release_name: str = ""
    hubble_enabled: bool = False
    relay: bool = False
    fqdn_policies: bool = False

    @property
    def default_deny_field(self) -> bool:
        """Whether policies may carry enableDefaultDeny, which listening and shadow policies rest on."""
        return minor_of(self.version) >= DEFAULT_DENY_SINCE


def agent_daemon_set(kube: Kube, namespace: str = NAMESPACE) -> Json | None:
    """The DaemonSet of the agents, None when there is none."""
    return kube.get(DAEMON_SET, "cilium", namespace)


def manager_of(kube: Kube, daemon_set: Json | None) -> str:
    """aks, helm, other or none, from the agents' DaemonSet; without one, the nodes' labels are asked (one request)."""
    if daemon_set is None:
        marked = next(iter(kube.list(NODE, label_selector=_AKS_NODE_SELECTOR, page=1)), None)
        return "aks" if marked else "none"
    return _manager_by(daemon_set)


def _manager_by(daemon_set: Json) -> str:
    if _is_marked_by_aks(daemon_set) or image_of(daemon_set).startswith(_AKS_REGISTRY):
        return "aks"
    return "helm" if release_name_of(daemon_set) else "other"


def refuse_managed(kube: Kube, daemon_set: Json | None) -> str:
    """The manager, or Unsupported when it is AKS."""
    manager = manager_of(kube, daemon_set)
    if manager == "aks":
        raise Unsupported(
            "Cilium on this cluster belongs to AKS (Azure CNI powered by Cilium): it is neither installed nor changed"
            " nor removed with Helm.",
            code="CiliumManagedByAks",
            remedy="Set what you need on the cluster itself: aks_cluster with"
            " network_profile.advanced_networking (ACNS) switches Hubble, FQDN policies and encryption.",
        )
    return manager


def installation(kube: Kube, namespace: str = NAMESPACE) -> Installation:
    """All facts about the installation; at most six requests."""
    daemon_set = agent_daemon_set(kube, namespace)
    manager = manager_of(kube, daemon_set)
    if daemon_set is None:
        return Installation(manager=manager)
    config = (kube.get(CONFIG_MAP, "cilium-config", namespace) or {}).get("data") or {}
    return _installation(daemon_set, config, relay=_has_relay(kube, namespace), l7_denied=_l7_is_denied(kube))


def installation_seen(daemon_set: Json | None, config: Mapping[str, str], *, relay: bool) -> Installation:
    """The same from what was read already, for a credential that may not read the rest. Sends nothing."""
    if daemon_set is None:
        return Installation(manager="unknown")
    return _installation(daemon_set, config, relay=relay, l7_denied=False)


def _installation(daemon_set: Json, config: Mapping[str, str], *, relay: bool, l7_denied: bool) -> Installation:
    return Installation(
        manager=_manager_by(daemon_set),
        version=version_of(image_of(daemon_set)),
        release_name=release_name_of(daemon_set),
        hubble_enabled=config.get("enable-hubble", "false") == "true",
        relay=relay,
        fqdn_policies=config.get("enable-l7-proxy", "true") != "false" and not l7_denied,
    )


def image_of(daemon_set: Json) -> str:
    """The image of the agent's container, empty when there is none."""
    pod_spec = ((daemon_set.get("spec") or {}).get("template") or {}).get("spec") or {}
    containers = pod_spec.get("containers") or []
    agent = next((c for c in containers if c.get("name") == AGENT_CONTAINER), containers[0] if containers else {})
    return str(agent.get("image") or "")


def version_of(image: str) -> str:
    """1.20.2 of `quay.io/cilium/cilium:v1.20.2@sha256:...`; empty for an image without a version tag."""
    found = re.search(r":v?(\d+\.\d+[^@/:]*)(?:@|$)", image)
    return found[1] if found else ""


def release_name_of(document: Json) -> str:
    """The Helm release that made an object, empty when Helm did not make it."""
    annotations = (document.get("metadata") or {}).get("annotations") or {}
    return str(annotations.get("meta.helm.sh/release-name") or "")


def _is_marked_by_aks(daemon_set: Json) -> bool:
    name, value = _AKS_LABEL
    template = (daemon_set.get("spec") or {}).get("template") or {}
    for metadata in (daemon_set.get("metadata") or {}, template.get("metadata") or {}):
        if (metadata.get("labels") or {}).get(name) == value:
            return True
    return False


def _has_relay(kube: Kube, namespace: str) -> bool:
    deployment = kube.get(DEPLOYMENT, "hubble-relay", namespace)
    ready = ((deployment or {}).get("status") or {}).get("readyReplicas") or 0
    return bool(ready) and kube.get(SERVICE, "hubble-relay", namespace) is not None


def _l7_is_denied(kube: Kube) -> bool:
    """Whether an admission policy of the cluster looks at L7 rules of Cilium policies (AKS without ACNS security)."""
    try:
        policies = list(kube.list(ADMISSION_POLICY))
    except (NotFound, AuthFailed):
        # Older API servers have no such kind; without the right to read it, the API's answer to a policy must tell.
        return False
    return any(_guards_l7(policy.get("spec") or {}) for policy in policies)


def _guards_l7(spec: Json) -> bool:
    rules = (spec.get("matchConstraints") or {}).get("resourceRules") or []
    guarded = any(_names_cilium_policies(rule) for rule in rules)
    texts = [str(item.get("expression", "")) for item in spec.get("validations") or []]
    texts += [str(item.get("expression", "")) for item in spec.get("variables") or []]
    return guarded and any(re.search(r"toFQDNs|\brules\b", text) for text in texts)


def _names_cilium_policies(rule: Json) -> bool:
    groups: Iterable[str] = rule.get("apiGroups") or []
    resources: Iterable[str] = rule.get("resources") or []
    return "cilium.io" in groups and any(name in ("ciliumnetworkpolicies", "*") for name in resources)


def explain_unsupported_l7(error: CollectionError) -> CollectionError:
    """The same refusal of the API server, with what to do when an admission policy of AKS is behind it."""
    if "ValidatingAdmissionPolicy" not in error.message:
        return error
    return Unsupported(
        error.message,
        code="PolicyNotAllowed",
        target=error.target,
        status=error.status,
        details=error.details,
        remedy="On AKS, FQDN and L7 rules need ACNS security: network_profile.advanced_networking of aks_cluster.",
    )
