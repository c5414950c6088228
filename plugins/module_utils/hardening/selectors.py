# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Selectors of workloads that are stable (the next pod has them too) and tight (no other workload has them)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from .._types import Json
from .joining import join, peers_of
from .model import Edge, Evidence, Peer, Seen, Workload
from .owners import LABELS_KIND, is_volatile


def unified(evidence: Evidence) -> Evidence:
    """Evidence in which pods that were known by labels alone belong to the workload that has just these labels.

    A flow may lack the owner of the far end; without this one workload would count as two.
    """
    named: dict[tuple[str, object], set[Workload]] = {}
    for peer in peers_of(evidence):
        if peer.workload is not None and peer.workload.kind != LABELS_KIND:
            named.setdefault((peer.workload.namespace, peer.labels), set()).add(peer.workload)

    def owner(peer: Peer) -> Peer:
        if peer.workload is None or peer.workload.kind != LABELS_KIND:
            return peer
        owners = named.get((peer.workload.namespace, peer.labels), set())
        return replace(peer, workload=next(iter(owners))) if len(owners) == 1 else peer

    edges: dict[Edge, Seen] = {}
    for edge, seen in evidence.edges.items():
        same = replace(edge, source=owner(edge.source), destination=owner(edge.destination))
        edges[same] = join(edges[same], seen) if same in edges else seen
    return replace(evidence, edges=edges)


class Selectors:
    """Selectors for the workloads of an evidence. warnings: what a person should know about them, filled as they are
    asked for."""

    def __init__(self, evidence: Evidence) -> None:
        self._facts = {facts.workload: facts for facts in evidence.inventory.workloads}
        self._seen: dict[Workload, list[dict[str, str]]] = {}
        for peer in peers_of(evidence):
            # A flow may name an owner and leave out the labels: that says nothing about them.
            if peer.workload is not None and peer.labels:
                self._seen.setdefault(peer.workload, []).append(dict(peer.labels))
        self._made: dict[Workload, Json | None] = {}
        self._labels: dict[str, dict[Workload, dict[str, str]]] = {}
        self.warnings: list[str] = []

    def of(self, workload: Workload) -> Json | None:
        """matchLabels (and matchExpressions where labels alone select others too); None where nothing can select it."""
        if workload not in self._made:
            self._made[workload] = self._make(workload)
        return self._made[workload]

    def _make(self, workload: Workload) -> Json | None:
        common = self._common(workload)
        base = self._base(workload, common)
        if not base:
            self.warnings.append(f"{workload.text} cannot be selected by lasting labels, so it gets no policy.")
            return None
        others = self._others(workload)
        if _matching(base, others):
            base = {**base, **common}
        expressions = []
        for other in _matching(base, others):
            apart = sorted(key for key in others[other] if key not in common and not is_volatile(key))
            if apart:
                expressions.append({"key": apart[0], "operator": "DoesNotExist"})
            else:
                self.warnings.append(
                    f"The selector of {workload.text} also selects {other.text}, whose labels hold all of it:"
                    " what one may do, the other may too."
                )
        selector: Json = {"matchLabels": dict(sorted(base.items()))}
        if expressions:
            selector["matchExpressions"] = sorted(
                ({"key": key, "operator": "DoesNotExist"} for key in {str(one["key"]) for one in expressions}),
                key=lambda one: one["key"],
            )
        return selector

    def _common(self, workload: Workload) -> dict[str, str]:
        """Labels that all its pods have: those that were seen, else those that are declared."""
        facts = self._facts.get(workload)
        sets = [set(labels.items()) for labels in self._seen.get(workload, [])]
        if not sets and facts is not None:
            sets = [{(key, value) for key, value in facts.labels if not is_volatile(key)}]
        return dict(set.intersection(*sets)) if sets else {}

    def _base(self, workload: Workload, common: Mapping[str, str]) -> dict[str, str]:
        facts = self._facts.get(workload)
        declared = dict(facts.selector) if facts is not None else {}
        if not declared:
            return {key: value for key, value in common.items() if not is_volatile(key)}
        missing = sorted(key for key in declared if workload in self._seen and common.get(key) != declared[key])
        if not missing:
            return declared
        self.warnings.append(
            f"{workload.text} is declared with the label {missing[0]}, which its pods do not show to Cilium (identity"
            " labels are filtered, or a rollout is under way): selected by the labels that they show."
        )
        return {key: value for key, value in common.items() if not is_volatile(key)}

    def _others(self, workload: Workload) -> dict[Workload, dict[str, str]]:
        """Labels of the other workloads of the namespace."""
        if not self._labels:
            for facts in self._facts.values():
                if not facts.host_network:
                    self._labels.setdefault(facts.workload.namespace, {})[facts.workload] = dict(facts.labels)
            for other, sets in self._seen.items():
                theirs = self._labels.setdefault(other.namespace, {}).setdefault(other, {})
                theirs.update(set.intersection(*(set(one.items()) for one in sets)))
        return {
            other: labels for other, labels in self._labels.get(workload.namespace, {}).items() if other != workload
        }


def _matching(labels: Mapping[str, str], others: Mapping[Workload, Mapping[str, str]]) -> list[Workload]:
    return sorted(other for other, theirs in others.items() if labels.items() <= theirs.items())
