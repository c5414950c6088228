# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A synthetic application whose needs are known: 11 workloads in 5 namespaces, its flows, and who may talk to whom.

Two stores have an equal name label, a CronJob's labels change with each run, clients come from outside, through nodes
and from the API server, and one peer is known by name. tests/unit/data/known_app holds the flows and expected.json.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.aggregate import Aggregator
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.endpoints import Endpoint
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.evaluator.verdict import (
    PolicySet,
    compile_policies,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Evidence

DATA = Path(__file__).parent / "data" / "known_app"
FLOWS, FLOWS_WITHOUT_REPLIES = DATA / "flows_forwarded.jsonl", DATA / "flows_forwarded_noreply.jsonl"
NAMESPACES = ("cache", "ingress-nginx", "monitoring", "shop")
SYSTEM = "kube-system"

Connection = tuple[str, str, str, int]
"""Source, destination, protocol, port."""


@dataclass(frozen=True)
class Judgement:
    """Connections by what a set of policies does to them."""

    needed_denied: list[Connection]
    held_out_denied: list[Connection]
    extra: list[Connection]
    unneeded: int


def evidence_of(lines: Sequence[str]) -> Evidence:
    """The evidence of flows, one a line."""
    aggregator = Aggregator()
    for number, line in enumerate(lines, start=1):
        aggregator.add_line(line, number)
    return aggregator.evidence()


def flows(path: Path = FLOWS) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines()


def expected() -> dict[str, Any]:
    found: dict[str, Any] = json.loads((DATA / "expected.json").read_text(encoding="utf-8"))
    return found


def endpoints() -> dict[str, Endpoint]:
    return {
        name: Endpoint(frozenset(one["labels"]), one["address"], tuple(one.get("names", ())))
        for name, one in expected()["endpoints"].items()
    }


def needed() -> list[Connection]:
    return [tuple(one) for one in expected()["needed"]]


def held_out() -> list[Connection]:
    return [tuple(one) for one in expected()["held_out"]]


def unneeded(hardened: Sequence[str]) -> list[Connection]:
    """Every other connection that a policy of the hardened namespaces could stop: each pair, on each port.

    Left out: what the own node opens (nothing stops that), both ends outside, and ends of which no policy decides.
    """
    known = endpoints()
    wanted = {*needed(), *held_out()}

    def decides(name: str) -> bool:
        return any(f"k8s:io.kubernetes.pod.namespace={namespace}" in known[name].labels for namespace in hardened)

    return [
        (source, destination, protocol, port)
        for source in known
        for destination in known
        for protocol, port in expected()["ports"]
        if source not in (destination, "own-node", "client-next", "stripe-next")
        and destination not in ("client-next", "stripe-next")
        and (decides(source) or decides(destination))
        and (source, destination, protocol, port) not in wanted
    ]


def judge(policies: Sequence[dict[str, Any]], hardened: Sequence[str] = NAMESPACES) -> Judgement:
    """What the policies do once every default deny of theirs is on."""
    enforced: PolicySet = compile_policies(policies, {}).enforced()
    known = endpoints()

    def allowed(one: Connection) -> bool:
        return enforced.verdict(known[one[0]], known[one[1]], one[2], one[3]).allowed

    others = unneeded(hardened)
    return Judgement(
        needed_denied=[one for one in needed() if not allowed(one)],
        held_out_denied=[one for one in held_out() if not allowed(one)],
        extra=[one for one in others if allowed(one)],
        unneeded=len(others),
    )
