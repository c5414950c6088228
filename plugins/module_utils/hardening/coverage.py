# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Who is protected: for each pod and direction whether default deny holds, and by which policies. Pure.

Having a policy is not the question: one with default deny off, one whose rules are of the other direction only, or a
pod on the node's network leaves the pod as open as before.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .._text import agree, counted
from .._types import Json
from .evaluator.compiling import DIRECTIONS
from .evaluator.endpoints import NAMESPACE, Endpoint
from .evaluator.verdict import Governing, PolicySet
from .model import Labels

ALWAYS, DEFAULT, NEVER = "always", "default", "never"
NOTHING = Governing(enforced=False, default_deny_by=(), policies=(), shadow_policies=())


@dataclass(frozen=True)
class Pod:
    """A running pod. managed: whether Cilium gives it its network; None where that is not known."""

    namespace: str
    name: str
    workload: str
    """`Deployment/cart`."""
    labels: Labels
    host_network: bool = False
    managed: bool | None = None


@dataclass(frozen=True)
class Mode:
    """What the agents do with policies: enforcement (always, default, never) and audit, where nothing is denied."""

    enforcement: str = DEFAULT
    audit: bool = False


@dataclass(frozen=True)
class Row:
    """One pod."""

    pod: Pod
    governing: Mapping[str, Governing]
    note: str = ""
    """Why its policies do not count, or count although there are none."""
    mode: Mode = field(default_factory=Mode)

    def enforced(self, direction: str) -> bool:
        """Whether what no rule allows is denied."""
        if self.pod.host_network or self.pod.managed is False or self.mode.audit or self.mode.enforcement == NEVER:
            return False
        return self.mode.enforcement == ALWAYS or self.governing[direction].enforced

    def as_json(self) -> Json:
        """For results."""
        shadow = {key for direction in DIRECTIONS for key in self.governing[direction].shadow_policies}
        found: Json = {
            "namespace": self.pod.namespace,
            "pod": self.pod.name,
            "workload": self.pod.workload,
            "host_network": self.pod.host_network,
            "managed": self.pod.managed,
        }
        for direction in DIRECTIONS:
            side = direction.lower()
            found[side] = self.enforced(direction)
            found[f"{side}_by"] = list(self.governing[direction].default_deny_by) if found[side] else []
        return {**found, "shadow": sorted(shadow), "note": self.note}


def cover(pods: Iterable[Pod], policies: PolicySet, mode: Mode) -> list[Row]:
    """One row for each pod, in the order of the pods."""
    return [_row(pod, policies, mode) for pod in pods]


def _row(pod: Pod, policies: PolicySet, mode: Mode) -> Row:
    if pod.host_network:
        return Row(pod, dict.fromkeys(DIRECTIONS, NOTHING), "on the node's network")
    labels = {f"k8s:{key}={value}" for key, value in pod.labels} | {f"{NAMESPACE}={pod.namespace}"}
    governing = policies.governing(Endpoint(frozenset(labels)))
    note = ""
    if pod.managed is False:
        note = "not managed by Cilium: it started before Cilium did, or has no network yet"
    elif mode.audit:
        note = "audit mode: denials are reported and nothing is denied"
    elif mode.enforcement != DEFAULT:
        note = f"enable-policy={mode.enforcement} of the agents decides, not the policies"
    return Row(pod, governing, note, mode)


def counts(rows: Sequence[Row]) -> Json:
    """How many pods are protected."""
    enforced = [[row.enforced(direction) for direction in DIRECTIONS] for row in rows]
    return {
        "pods": len(rows),
        "ingress": sum(ingress for ingress, __ in enforced),
        "egress": sum(egress for __, egress in enforced),
        "both": sum(ingress and egress for ingress, egress in enforced),
        "neither": sum(not ingress and not egress for ingress, egress in enforced),
        "host_network": sum(row.pod.host_network for row in rows),
    }


def lines(rows: Sequence[Row], *, width: int = 140) -> list[str]:
    """A table for people: one line for each workload, its pods counted where they do not differ."""
    grouped: dict[tuple[str, ...], int] = {}
    for row in rows:
        document = row.as_json()
        cells = [f"{row.pod.namespace}/{row.pod.workload}"]
        cells += [_cell(document[direction.lower()], document[f"{direction.lower()}_by"]) for direction in DIRECTIONS]
        shadow = f"shadow: {_short(document['shadow'])}" if document["shadow"] else ""
        cells.append("; ".join(text for text in (row.note, shadow) if text))
        grouped[tuple(cells)] = grouped.get(tuple(cells), 0) + 1
    table: list[tuple[str, ...]] = [("WORKLOAD", "PODS", "INGRESS", "EGRESS", "")]
    table += [(cells[0], str(number), *cells[1:]) for cells, number in sorted(grouped.items())]
    widths = [max(len(line[column]) for line in table) for column in range(4)]
    found = counts(rows)
    text = ["  ".join(cell.ljust(size) for cell, size in zip(line, [*widths, 0], strict=True)) for line in table]
    summary = (
        f"{counted(found['pods'], 'pod')}: {found['both']} {agree(found['both'], 'denies', 'deny')} by default"
        f" both ways, {found['ingress']} at ingress,"
        f" {found['egress']} at egress, {found['neither']} neither"
    )
    return [*(_cut(line.rstrip(), width) for line in text), summary]


def _cell(enforced: bool, by: Sequence[str]) -> str:
    if not enforced:
        return "open"
    return f"denied by {_short(by)}" if by else "denied"


def _short(keys: Sequence[str]) -> str:
    """Policies without their kinds; the first two of many."""
    names = [key.partition(" ")[2].rpartition("/")[2] for key in keys]
    return ", ".join(names[:2]) + (f" and {len(names) - 2} more" if len(names) > 2 else "")


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 3]}..."
