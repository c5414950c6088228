# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what should be there, evidence and the live cluster, and has hardening/drift.py compare them. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field

from .._errors import CollectionError, OperationFailed
from .._text import agree, counted
from .._types import Json, Result
from ..hardening import drift
from ..hardening.marks import NAMESPACE_ROLE, PLATFORM_ROLE, WORKLOAD_ROLE
from ..hardening.model import Evidence
from ..hardening.prove import redundant_rules
from ..hardening.schema import require_cluster, require_complete
from ..hardening.steps import ENFORCING, SEALED, learned, role_of, state_of
from ..kube.interface import Kube
from .files import read_evidence, read_manifests
from .inventory import cluster_uid, read_inventory, read_policies, require_namespaces

_OF_THE_EVIDENCE = ("what the evidence gives", "by hand, or by new evidence or approvals,")


@dataclass(frozen=True)
class Comparison:
    """What to compare. Evidence is a path or a document; recent may be None, then connections are not compared.

    What should be there is in a directory (manifests), or given (policies).
    """

    namespaces: Sequence[str]
    system_namespaces: Sequence[str]
    manifests: str | None
    evidence: object
    recent: object
    sealed: bool | None
    fail_on: Sequence[str] = field(default_factory=tuple)
    policies: Sequence[Json] | None = None

    def should_be(self) -> list[Json]:
        """The policies that should be there. Raises InvalidInput for a directory without any."""
        return read_manifests(self.manifests) if self.manifests else list(self.policies or ())


def find_drift(kube: Kube, wanted: Comparison) -> Result:
    """All findings, as data and as lines. Raises OperationFailed for a kind of finding that fail_on holds."""
    require_namespaces(kube, wanted.namespaces, system=wanted.system_namespaces)
    manifests = wanted.should_be()
    known = read_evidence(wanted.evidence) if wanted.evidence else None
    recent = read_evidence(wanted.recent, "recent") if wanted.recent else None
    cluster = cluster_uid(kube)
    for evidence in (known, recent):
        if evidence is not None:
            require_cluster(evidence, cluster)
    policies = read_policies(kube, wanted.namespaces)
    # The listening policy comes and goes, so it is left out.
    roles = (WORKLOAD_ROLE, PLATFORM_ROLE, NAMESPACE_ROLE)
    ours = [policy for policy in learned(policies, wanted.namespaces) if role_of(policy) in roles]
    inventory = read_inventory(kube, wanted.namespaces)
    started = state_of(ours, wanted.namespaces) in (ENFORCING, SEALED)
    sealed = started if wanted.sealed is None else wanted.sealed
    findings = drift.edited_policies(manifests, ours, *(() if wanted.manifests else _OF_THE_EVIDENCE))
    findings += drift.not_enforced(ours, sealed)
    if sealed:
        findings += drift.unprotected_workloads(inventory, wanted.namespaces, policies)
    if recent is not None:
        require_complete(recent)
        findings += drift.new_edges(known or Evidence(), recent)
        findings += _unused(manifests, recent)
    return _result(findings, wanted.fail_on)


def _unused(manifests: Sequence[Json], recent: Evidence) -> list[drift.Finding]:
    chunks = [chunk.end_s - chunk.start_s for chunk in recent.chunks]
    return drift.unused_rules(redundant_rules(recent, manifests), sum(chunks))


def _result(findings: list[drift.Finding], fail_on: Sequence[str]) -> Result:
    found = sorted(findings)
    counts = {kind: sum(one.kind == kind for one in found) for kind in drift.KINDS}
    lines = [f"{one.kind}: {one.text}" for one in found] or ["Nothing has moved."]
    values: Json = {
        "findings": [asdict(one) for one in found],
        "counts": counts,
        "lines": lines,
        "drifted": bool(found),
    }
    grave = [one for one in found if one.kind in fail_on]
    if grave:
        error: CollectionError = OperationFailed(
            f"{counted(len(grave), 'thing')} {agree(len(grave), 'has', 'have')} moved: {grave[0].text}",
            code="Drift",
            details=values,
            remedy="See failure.details.lines; apply the manifests again, or observe and run the sequence again.",
        )
        raise error
    return Result(values=values)
