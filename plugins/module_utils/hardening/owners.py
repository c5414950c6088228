# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""From the labels of a flow's end to the workload that owns the pod, and to its labels that last."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from .model import WORKLOAD, Inventory, Labels, Peer, Workload, WorkloadFacts

NAMESPACE_LABEL = "io.kubernetes.pod.namespace"
LABELS_KIND = "Labels"

# Labels of one rollout, one run, one replica or one place, and those that only Cilium or a package manager sets:
# a selector that holds one of them stops matching with the next pod.
_VOLATILE = frozenset(
    (
        "pod-template-hash",
        "rollouts-pod-template-hash",
        "service.istio.io/canonical-revision",
        "controller-revision-hash",
        "pod-template-generation",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "job-name",
        "batch.kubernetes.io/job-name",
        "batch.kubernetes.io/job-completion-index",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
        "helm.sh/chart",
        "chart",
        "version",
        "app.kubernetes.io/version",
        "app.kubernetes.io/managed-by",
        "heritage",
        NAMESPACE_LABEL,
    )
)
_VOLATILE_PREFIXES = (
    "io.cilium.k8s.",
    "topology.kubernetes.io/",
    "topology.",
    "failure-domain.beta.kubernetes.io/",
    "failure-domain.",
)
# How Kubernetes names the jobs of a CronJob: <CronJob>-<minutes since 1970>.
_SCHEDULED_JOB = re.compile(r"(.+)-\d{8,10}")


def is_volatile(key: str) -> bool:
    """Whether a label (without its source) may differ in the workload's next pod."""
    return key in _VOLATILE or key.startswith(_VOLATILE_PREFIXES)


def identity_labels(labels: Iterable[str]) -> dict[str, str]:
    """The Kubernetes labels of an identity as an agent lists it (`k8s:app=web`), without their source."""
    found = {}
    for label in labels:
        source, __, rest = label.partition(":")
        if source == "k8s":
            key, __, value = rest.partition("=")
            found[key] = value
    return found


class Owners:
    """Tells a pod's workload: by the owner that Hubble names, by a selector that the cluster declares, by labels."""

    def __init__(self, inventory: Inventory) -> None:
        self._facts = {facts.workload: facts for facts in inventory.workloads}
        self._declared: dict[str, list[WorkloadFacts]] = {}
        for facts in inventory.workloads:
            if facts.selector and not facts.host_network:
                self._declared.setdefault(facts.workload.namespace, []).append(facts)

    def peer(self, namespace: str, pod: str, labels: Sequence[str], owners: Sequence[Mapping[str, str]]) -> Peer:
        """The peer of a pod. owners: `workloads` of the flow."""
        identity = identity_labels(labels)
        namespace = namespace or identity.get(NAMESPACE_LABEL, "")
        workload = self._workload(namespace, pod, identity, owners)
        facts = self._facts.get(workload)
        selecting = {key for key, __ in facts.selector} if facts else set()
        lasting = {key: value for key, value in identity.items() if key in selecting or not is_volatile(key)}
        return Peer(WORKLOAD, workload=workload, labels=tuple(sorted(lasting.items())))

    def _workload(
        self, namespace: str, pod: str, identity: Mapping[str, str], owners: Sequence[Mapping[str, str]]
    ) -> Workload:
        if owners and owners[0].get("name"):
            named = workload_named(namespace, str(owners[0].get("kind") or ""), str(owners[0]["name"]))
            if named in self._facts or named.kind != "Pod":
                return named
        declared = self._by_selector(namespace, identity)
        if declared is not None:
            return declared
        lasting: Labels = tuple(sorted((key, value) for key, value in identity.items() if not is_volatile(key)))
        if not lasting:
            return Workload(namespace, "Pod", pod or "(unknown)")
        return Workload(namespace, LABELS_KIND, ",".join(f"{key}={value}" for key, value in lasting))

    def _by_selector(self, namespace: str, identity: Mapping[str, str]) -> Workload | None:
        """The declared workload whose selector says most about these labels."""
        items = identity.items()
        matching = [facts for facts in self._declared.get(namespace, ()) if set(facts.selector) <= items]
        if not matching:
            return None
        return min(matching, key=lambda facts: (-len(facts.selector), facts.workload)).workload


def workload_named(namespace: str, kind: str, name: str) -> Workload:
    """The workload that Hubble names as an owner; a job that a CronJob made counts as the CronJob."""
    scheduled = _SCHEDULED_JOB.fullmatch(name) if kind == "Job" else None
    return Workload(namespace, "CronJob", scheduled[1]) if scheduled else Workload(namespace, kind, name)
