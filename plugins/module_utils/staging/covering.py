# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what coverage needs: pods, their policies, and how the agents are set. Reads only."""

from __future__ import annotations

from collections.abc import Sequence

from .._errors import AuthFailed, NotFound
from .._types import Json, Result
from ..hardening.coverage import ALWAYS, DEFAULT, NEVER, Mode, Pod, counts, cover, lines
from ..hardening.evaluator.verdict import compile_policies
from ..kube.interface import Kube
from ..kube.kinds import CEP, CONFIG_MAP, NAMESPACE
from .inventory import PodFacts, read_pods, read_policies, require_namespaces


def read_coverage(
    kube: Kube, namespaces: Sequence[str], cilium_namespace: str, without_labels: Sequence[str] = ()
) -> Result:
    """Coverage of some namespaces, or of all where none is named. What may not be read is told in `notes`.

    without_labels: policies that carry one of these labels count as if they were not there.
    """
    if namespaces:
        # Reading harms nobody, so kube-system needs no second word here.
        require_namespaces(kube, namespaces, system=namespaces)
    notes: list[str] = []
    managed = _managed(kube, namespaces, notes)
    pods = [_pod(facts, managed) for facts in read_pods(kube, namespaces)]
    there = [one for one in read_policies(kube, namespaces) if not _carries(one, without_labels)]
    policies = compile_policies(there, _labels(kube, {pod.namespace for pod in pods}))
    rows = cover(pods, policies, _mode(kube, cilium_namespace, notes))
    notes += policies.warnings
    return Result(
        values={
            "pods": [row.as_json() for row in rows],
            "counts": counts(rows),
            "unprotected": sorted(
                {
                    f"{row.pod.namespace}/{row.pod.workload}"
                    for row in rows
                    if not (row.enforced("INGRESS") and row.enforced("EGRESS"))
                }
            ),
            "lines": [*lines(rows), *(f"note: {note}" for note in notes)],
            "notes": notes,
        }
    )


def _carries(policy: Json, labels: Sequence[str]) -> bool:
    return any(label in (policy["metadata"].get("labels") or {}) for label in labels)


def _pod(facts: PodFacts, managed: set[tuple[str, str]] | None) -> Pod:
    return Pod(
        namespace=facts.namespace,
        name=facts.name,
        workload=f"{facts.workload.kind}/{facts.workload.name}",
        labels=facts.labels,
        host_network=facts.host_network,
        managed=None if managed is None or facts.host_network else (facts.namespace, facts.name) in managed,
    )


def _labels(kube: Kube, namespaces: set[str]) -> dict[str, dict[str, str]]:
    found = {}
    for name in sorted(namespaces):
        metadata = (kube.get(NAMESPACE, name) or {}).get("metadata") or {}
        found[name] = dict(metadata.get("labels") or {})
    return found


def _managed(kube: Kube, namespaces: Sequence[str], notes: list[str]) -> set[tuple[str, str]] | None:
    """Pods with a CiliumEndpoint; None where nobody can tell."""
    found: set[tuple[str, str]] = set()
    chosen: list[str | None] = [*namespaces] if namespaces else [None]
    try:
        for where in chosen:
            found |= {(one["metadata"]["namespace"], one["metadata"]["name"]) for one in kube.list(CEP, where)}
    except (AuthFailed, NotFound) as error:
        notes.append(f"Whether Cilium manages each pod is not known: {error.message}")
        return None
    return found


def _mode(kube: Kube, namespace: str, notes: list[str]) -> Mode:
    try:
        document: Json | None = kube.get(CONFIG_MAP, "cilium-config", namespace)
    except AuthFailed as error:
        notes.append(f"The agents are taken to enforce policies, as they do by default: {error.message}")
        document = None
    data = (document or {}).get("data") or {}
    enforcement = str(data.get("enable-policy") or DEFAULT).lower()
    return Mode(
        enforcement if enforcement in (ALWAYS, NEVER) else DEFAULT, str(data.get("policy-audit-mode")).lower() == "true"
    )
