# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Policy verdicts as the stages use them: what is asked of Hubble, and what a verdict says."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .._types import Json
from ..hubble.client import Forward, relay_reader
from ..hubble.follow import Follower
from ..hubble.names import POLICY_VERDICT
from ..hubble.relay import RelayReader
from ..kube.interface import Kube
from ..kube.kinds import POD

AGENT_PODS = "k8s-app=cilium"
READY_S = 20.0
"""How long a stage waits for the relay and for all its nodes."""
_DERIVED = "reserved:io.cilium.policy.derived-from="
_DENIED = ("DROPPED", "ERROR")


class Flows(Protocol):
    """An open stream of flows: hubble.follow.Follower, or a fake in tests."""

    problems: list[str]
    nodes: dict[str, str]
    interruptions: int

    @property
    def lost(self) -> int:
        """Lost events."""

    @property
    def why_incomplete(self) -> list[str]:
        """Why something may be missing."""

    @property
    def blind_s(self) -> float:
        """For how long there has been no connection."""

    def wait_ready(self, timeout_s: float) -> None:
        """Until all nodes are connected."""

    def next(self, timeout_s: float) -> Json | None:
        """The next flow."""


OpenFlows = Callable[[Sequence[Json]], AbstractContextManager[Flows]]
"""Opens a stream of the flows that one of the filters matches."""


def flows_of(kube: Kube, forward: Forward, namespace: str, *, denied_within_s: float | None = None) -> OpenFlows:
    """Streams through the relay in Cilium's namespace. denied_within_s: the most that a denial may be late."""

    def opened(allow: Sequence[Json]) -> AbstractContextManager[Flows]:
        def connect() -> AbstractContextManager[RelayReader]:
            return relay_reader(kube, forward, namespace=namespace)

        if denied_within_s is None:
            return Follower(connect, allow)
        denied = [{**one, "verdict": list(_DENIED)} for one in allow]
        return Follower(connect, allow, every_s=denied_within_s, urgent=denied)

    return opened


def verdict_filters(namespaces: Sequence[str]) -> list[Json]:
    """FlowFilter documents: verdicts of first packets with one of the namespaces at either end."""
    # The slash keeps `shop` from matching the pods of `shop-test`.
    pods = [f"{namespace}/" for namespace in namespaces]
    base: Json = {"event_type": [{"type": POLICY_VERDICT}]}
    return [{**base, "source_pod": pods}, {**base, "destination_pod": pods}]


def unconnected(kube: Kube, nodes: Mapping[str, str], namespace: str) -> list[str]:
    """Sentences for nodes that have an agent, but whose flows do not come; namespace is Cilium's."""
    known = {name.rpartition("/")[2] for name, state in nodes.items() if state == "CONNECTED"}
    wanted = {
        str((pod.get("spec") or {}).get("nodeName") or "")
        for pod in kube.list(POD, namespace, label_selector=AGENT_PODS)
        if not pod["metadata"].get("deletionTimestamp")
    }
    return [f"No flows from {node}, where an agent runs." for node in sorted(wanted - known - {""})]


def is_denied(flow: Json) -> bool:
    """Whether a first packet was dropped by a policy."""
    return flow.get("verdict") in _DENIED


def direction_of(flow: Json) -> str:
    """INGRESS or EGRESS; empty when unknown."""
    direction = str(flow.get("traffic_direction") or "")
    return direction if direction in ("INGRESS", "EGRESS") else ""


def governed_end(flow: Json) -> Json:
    """The end at which the verdict was made: the destination of ingress, the source of egress."""
    found: Json = flow.get("destination" if direction_of(flow) == "INGRESS" else "source") or {}
    return found


def covering(flow: Json) -> list[tuple[str, str, str]]:
    """(kind, namespace, name) of the policies that let a first packet through."""
    return [
        (str(entry.get("kind") or ""), str(entry.get("namespace") or ""), str(entry["name"]))
        for entry in _allowed_by(flow)
        if entry.get("name")
    ]


def derived(flow: Json) -> list[str]:
    """`allow-any-ingress`, `allow-localhost-ingress` and so on: what let it through where no object did."""
    return sorted(
        str(label).removeprefix(_DERIVED)
        for entry in _allowed_by(flow)
        if not entry.get("name")
        for label in entry.get("labels") or ()
        if str(label).startswith(_DERIVED)
    )


def _allowed_by(flow: Json) -> Iterable[Json]:
    found: Iterable[Json] = flow.get(f"{direction_of(flow).lower()}_allowed_by") or ()
    return found
