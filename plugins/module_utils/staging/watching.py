# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Judges what happens while a step is watched: verdicts at the pods of one policy, and the health of pods."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from .._errors import CollectionError
from .._types import Json
from ..cilium.selector import NAMESPACE_LABEL, selects
from ..hardening.keys import edge_key
from ..hardening.model import Edge, Inventory, Workload
from ..hubble.times import parse_time
from .flows import Flows, direction_of, governed_end, is_denied
from .inventory import PodFacts
from .judging import Edges, Prediction, Tally, edge_row


class TakeBack(Exception):
    """Why a step must be taken back: a code, a sentence for people, and facts."""

    def __init__(self, code: str, why: str, /, **details: object) -> None:
        super().__init__(why)
        self.code, self.why, self.details = code, why, details
        self.remedy = ""
        self.detected_at: float | None = None
        """Monotonic, where a flow was the reason."""

    @classmethod
    def of(cls, error: CollectionError) -> TakeBack:
        """Because of an error, with its facts and its remedy."""
        code = error.code or "StepFailed"
        reason = cls(code, error.message.rstrip("."), **error.details)
        reason.remedy = error.remedy
        return reason


class Watch:
    """Looks at one flow after the other; raises TakeBack for the first denial that was not predicted."""

    def __init__(
        self,
        flows: Flows,
        policy: Json,
        directions: Sequence[str],
        prediction: Prediction,
        inventory: Inventory,
        pods: Sequence[PodFacts],
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._flows, self._policy, self._prediction = flows, policy, prediction
        self._directions = {direction.upper() for direction in directions}
        self._edges = Edges(inventory)
        # A rollout may take its labels from a workload: what is denied to it then counts all the same.
        self._workloads = {
            (pod.namespace, pod.workload.kind, pod.workload.name) for pod in pods if selects(policy, _listed(pod))
        }
        self._monotonic, self._wall = monotonic, wall
        self._before: set[Edge | str] = set()
        self.first_packets = 0
        self.predicted = 0
        self.denied = Tally()

    def look_before(self, timeout_s: float) -> bool:
        """Before the patch: what is denied now is no consequence of it. False when no flow came in time."""
        flow = self._flows.next(timeout_s)
        if flow is not None and self._concerns(flow) and is_denied(flow):
            self._before.add(self._edges.of(flow) or _ends(flow))
        return flow is not None

    def look(self, timeout_s: float) -> None:
        """After the patch: judge the next flow, if one comes in time."""
        flow = self._flows.next(timeout_s)
        if flow is None or not self._concerns(flow):
            return
        self.first_packets += 1
        if not is_denied(flow):
            return
        edge = self._edges.of(flow)
        self.denied.add(edge, direction_of(flow).lower())
        if (edge or _ends(flow)) in self._before or (edge is not None and self._prediction.expects(edge)):
            self.predicted += 1
            return
        raise self._unpredicted(edge, flow)

    def _concerns(self, flow: Json) -> bool:
        """Whether it is of the step: the direction, and a pod that the policy selects or selected when it began."""
        if direction_of(flow) not in self._directions:
            return False
        end = governed_end(flow)
        if selects(self._policy, end.get("labels") or ()):
            return True
        owners = end.get("workloads") or ()
        return any((end.get("namespace"), one.get("kind"), one.get("name")) in self._workloads for one in owners)

    def _unpredicted(self, edge: Edge | None, flow: Json) -> TakeBack:
        text = edge_key(edge) if edge is not None else str(flow.get("Summary") or "a connection of unknown ends")
        review = [edge_row(edge, direction_of(flow).lower(), 1)] if edge is not None else []
        reason = TakeBack("UnpredictedDrop", f"{text} was denied and not predicted", review=review, flow=_short(flow))
        reason.detected_at = self._monotonic()
        if flow.get("time"):
            seconds, nanos = parse_time(flow["time"])
            reason.details["detected_s"] = round(max(self._wall() - seconds - nanos / 1e9, 0.0), 3)
        return reason

    def summary(self, seconds: float) -> Json:
        """For results."""
        return {
            "seconds": int(seconds),
            "first_packets": self.first_packets,
            "predicted_denials": self.predicted,
            "denied": self.denied.documents(),
            "interruptions": self._flows.interruptions,
        }


def _ends(flow: Json) -> str:
    """Tells connections apart whose ends are not known: one of them is no excuse for another."""
    layer4: Json = flow.get("l4") or {}
    ports = {name: (header or {}).get("destination_port") for name, header in layer4.items()}
    return f"{flow.get('IP')} {ports}"


def _listed(pod: PodFacts) -> list[str]:
    """Labels as an agent lists them."""
    return [f"{NAMESPACE_LABEL}={pod.namespace}", *(f"k8s:{key}={value}" for key, value in pod.labels)]


def _short(flow: Json) -> Json:
    """The facts of a flow that a person decides by."""
    found: Json = {
        key: flow[key]
        for key in ("time", "node_name", "verdict", "drop_reason_desc", "traffic_direction", "IP", "l4", "uuid")
        if key in flow
    }
    for side in ("source", "destination"):
        end = flow.get(side) or {}
        found[side] = {key: end[key] for key in ("namespace", "pod_name", "labels", "workloads") if key in end}
    return found


def unhealthy(before: Sequence[PodFacts], now: Sequence[PodFacts]) -> list[str]:
    """What became worse with the pods of a namespace, as sentences.

    A pod that was ready and is not, a pod with more restarts, a workload with fewer ready pods. A pod that went because
    it was replaced is none of these as long as its workload has as many ready pods.
    """
    old = {pod.name: pod for pod in before}
    found = []
    for pod in now:
        was = old.get(pod.name)
        if was is None or pod.ending:
            continue
        if pod.restarts > was.restarts:
            found.append(f"{pod.namespace}/{pod.name} was started anew")
        elif was.ready and not pod.ready:
            found.append(f"{pod.namespace}/{pod.name} is no longer ready")
    if not found:
        found += _fewer_ready(_ready_by_workload(before), _ready_by_workload(now))
    return found


def _ready_by_workload(pods: Sequence[PodFacts]) -> dict[Workload, int]:
    ready: dict[Workload, int] = {}
    for pod in pods:
        # Pods of jobs come and go.
        if pod.workload.kind not in ("Job", "CronJob", "Pod"):
            ready[pod.workload] = ready.get(pod.workload, 0) + int(pod.ready)
    return ready


def _fewer_ready(before: Mapping[Workload, int], now: Mapping[Workload, int]) -> list[str]:
    return [
        f"{workload.text} has {now.get(workload, 0)} ready pods instead of {count}"
        for workload, count in sorted(before.items())
        if now.get(workload, 0) < count
    ]
