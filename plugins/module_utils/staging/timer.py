# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A timer inside the cluster that sets the default deny of policies when its time is over, unless it is stopped before.

It is a Job with a credential of its own, which may get and patch just these policies. Its state is in a ConfigMap, the
marker: `starting`, `armed`, then either `firing` and `fired`, or what the controller stops it with (`confirmed`, ...).
Whoever moves it on does so by comparing and setting at once, so the Job and the controller cannot both win. The Job
calls itself armed only after the API server has accepted its patches in a dry run and its own change of the marker.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from .._errors import CollectionError, Conflict, InvalidInput, NotFound, OperationFailed, TimedOut
from .._types import Clock, Json
from .._wait import Look, wait_until
from ..cilium.policy import OWNER, OWNER_LABEL
from ..hardening.marks import ROLE_LABEL
from ..kube.interface import Kube
from ..kube.kinds import CNP, CONFIG_MAP, JOB, POD, ROLE, ROLE_BINDING, SERVICE_ACCOUNT, Kind
from ..kube.ready import condition, container_troubles
from .store import HARDENING_NAMESPACE, ensure_namespace
from .timer_objects import job_of, rbac_of

DEAD_MAN, BREAK_GLASS = "dead-man", "break-glass"
"""Purposes of timers."""
STARTING, ARMED, FIRING, FIRED = "starting", "armed", "firing", "fired"
CONFIRMED, TAKEN_OVER = "confirmed", "taken-over"
PENDING = (STARTING, ARMED, FIRING, TAKEN_OVER)
"""States of a timer whose work is still to be done, by itself or by whoever took it over."""
ARM_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.2
TRIES = 5


@dataclass(frozen=True)
class Setting:
    """What the timer sets: the default deny of one policy, by direction (ingress, egress)."""

    namespace: str
    policy: str
    uid: str
    default_deny: Mapping[str, bool]

    @property
    def path(self) -> str:
        """Of the policy, at the API server."""
        return f"/apis/{CNP.api_version}/namespaces/{self.namespace}/{CNP.plural}/{self.policy}"

    @property
    def patch(self) -> list[Json]:
        """JSON patch that does nothing to another object of the same name."""
        return [
            {"op": "test", "path": "/metadata/uid", "value": self.uid},
            *(
                {"op": "add", "path": f"/spec/enableDefaultDeny/{direction}", "value": value}
                for direction, value in sorted(self.default_deny.items())
            ),
        ]

    def document(self) -> Json:
        """For the marker."""
        return {
            "namespace": self.namespace,
            "policy": self.policy,
            "uid": self.uid,
            "default_deny": dict(self.default_deny),
        }


@dataclass(frozen=True)
class Marker:
    """What the cluster tells of a timer. Times: seconds since 1970 by the clock of the Job's node; 0 when unknown."""

    state: str
    version: str
    uid: str = ""
    seconds: int = 0
    armed_at: int = 0
    fired_at: int = 0
    settings: Sequence[Setting] = field(default_factory=tuple)


class Timer:
    """One timer, found again by its purpose (dead-man, break-glass) and its subject."""

    def __init__(self, kube: Kube, clock: Clock, purpose: str, subject: str) -> None:
        self._kube, self._clock, self.purpose, self.subject = kube, clock, purpose, subject
        self._armed_uid = ""
        """Of the marker that arm() made; another one of this name belongs to somebody else."""
        self._opens = purpose == BREAK_GLASS
        self.name = f"{purpose}-{hashlib.sha256(subject.encode()).hexdigest()[:12]}"

    def marker(self) -> Marker | None:
        """The state now; None without a timer."""
        document = self._kube.get(CONFIG_MAP, self.name, HARDENING_NAMESPACE)
        return None if document is None else marker_of(document)

    def arm(self, settings: Sequence[Setting], seconds: int, image: str) -> float:
        """Start it and wait until it has proved that it works; return how long that took.

        Raises Conflict when there is one already, OperationFailed (DeadManNotArmed) after removing what was made.
        """
        started = self._clock.monotonic()
        ensure_namespace(self._kube)
        try:
            created = self._kube.create(CONFIG_MAP, self._marker_body(settings, seconds))
        except Conflict as error:
            raise Conflict(
                f"Another run is about to change {self.subject} at this moment. Nothing was changed.",
                code="StepRuns",
                remedy="Let one run go through; then run the task again.",
            ) from error
        policies = [(one.namespace, one.policy, one.uid) for one in settings]
        self._armed_uid = str(created["metadata"].get("uid") or "")
        try:
            for kind, body in rbac_of(self.name, self._labels(), policies):
                _replace(self._kube, kind, body)
            self._kube.create(JOB, job_of(self.name, self._labels(), image))
            self._wait_armed()
        except CollectionError as error:
            self._give_up()
            if isinstance(error, TimedOut):
                raise OperationFailed(
                    f"The timer in the namespace {HARDENING_NAMESPACE} was not armed within {ARM_TIMEOUT_S:.0f} s:"
                    f" {error.history[-1] if error.history else 'nothing was seen of it'}. Nothing was changed.",
                    code="DeadManNotArmed",
                    remedy="Its pod must reach the API server; image must have sh and curl, and be there or be pulled."
                    + (" To open without a timer: cilium_policy with mode=shadow." if self._opens else ""),
                ) from error
            raise
        return self._clock.monotonic() - started

    def is_armed(self) -> bool:
        """Whether the one that arm() made still waits for its time."""
        marker = self.marker()
        if marker is None or not self._is_mine(marker) or marker.state != ARMED:
            return False
        # A namespace that is being deleted loses its pods first.
        job = self._kube.get(JOB, self.name, HARDENING_NAMESPACE) or {}
        return bool((job.get("status") or {}).get("active"))

    def why_stopped(self) -> tuple[str, str]:
        """Of a dead man's switch that is armed no more: a code and a sentence."""
        marker = self.marker()
        if marker is None:
            return "DeadManGone", "the dead man's switch was removed by somebody, or by another run of the step"
        if not self._is_mine(marker) or marker.state == TAKEN_OVER:
            return "TakenOver", "another run has taken the step over"
        if marker.state in (FIRING, FIRED):
            return "DeadManFired", "the dead man's switch was faster than the confirmation"
        return "DeadManGone", "the Job of the dead man's switch is gone, or its pod"

    def stop(self, state: str) -> bool:
        """Move it from starting or armed to another state; False when somebody else was faster, or the timer."""
        for __ in range(TRIES):
            marker = self.marker()
            if marker is not None and not self._is_mine(marker):
                return False
            if marker is None or marker.state not in (STARTING, ARMED):
                return marker is not None and marker.state == state
            body = {"metadata": {"resourceVersion": marker.version}, "data": {"state": state}}
            try:
                self._kube.patch(CONFIG_MAP, self.name, body, HARDENING_NAMESPACE)
            except Conflict:
                continue
            except NotFound:
                return False
            return True
        return False

    def remove(self) -> None:
        """Remove all that belongs to it. The marker goes last, so that a later run can still find the rest."""
        marker = self.marker()
        if marker is not None and not self._is_mine(marker):
            return
        self._kube.delete(JOB, self.name, HARDENING_NAMESPACE)
        namespaces = {one.namespace for one in marker.settings} if marker else set()
        for namespace in sorted({*namespaces, HARDENING_NAMESPACE}):
            self._kube.delete(ROLE_BINDING, self.name, namespace)
            self._kube.delete(ROLE, self.name, namespace)
        self._kube.delete(SERVICE_ACCOUNT, self.name, HARDENING_NAMESPACE)
        self._kube.delete(CONFIG_MAP, self.name, HARDENING_NAMESPACE)

    def _is_mine(self, marker: Marker) -> bool:
        """Whoever has armed nothing may act on any; whoever has, on that one alone."""
        return self._armed_uid in ("", marker.uid)

    def _give_up(self) -> None:
        """After an error: what cannot be removed now is found by the next run."""
        with contextlib.suppress(CollectionError):
            self.stop("abandoned")
            self.remove()

    def _wait_armed(self) -> None:
        def look() -> Look[None]:
            marker = self.marker()
            armed = marker is not None and marker.state == ARMED
            return Look(armed, "armed" if armed else self._pod_state(), None)

        wait_until(look, what=self.purpose, timeout_s=ARM_TIMEOUT_S, interval_s=LOOK_EVERY_S, clock=self._clock)

    def _pod_state(self) -> str:
        """Why it is not armed, in a few words."""
        pods = list(self._kube.list(POD, HARDENING_NAMESPACE, label_selector=f"job-name={self.name}"))
        if not pods:
            return "its pod does not exist yet"
        troubles = container_troubles(pods[-1])
        if troubles:
            return f"{troubles[0].reason} {troubles[0].message}".strip()
        scheduled = condition(pods[-1], "PodScheduled")
        if scheduled.get("status") == "False":
            return str(scheduled.get("message") or "its pod cannot be scheduled")
        return f"its pod is {(pods[-1].get('status') or {}).get('phase', 'Pending')}"

    def _labels(self) -> dict[str, str]:
        return {OWNER_LABEL: OWNER, ROLE_LABEL: self.purpose}

    def _marker_body(self, settings: Sequence[Setting], seconds: int) -> Json:
        lines = [f"{one.path}\t{json.dumps(one.patch, separators=(',', ':'))}\n" for one in settings]
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": self.name, "namespace": HARDENING_NAMESPACE, "labels": self._labels()},
            "data": {
                "state": STARTING,
                "subject": self.subject,
                "seconds": str(seconds),
                "settings": json.dumps([one.document() for one in settings], sort_keys=True),
                # For the Job: one policy a line, its path and the patch.
                "patches": "".join(lines),
            },
        }


def _replace(kube: Kube, kind: Kind, body: Json) -> None:
    """Create, in place of what a timer of the same name may have left."""
    name, namespace = body["metadata"]["name"], body["metadata"]["namespace"]
    kube.delete(kind, name, namespace)
    kube.create(kind, body)


def marker_of(document: Json) -> Marker:
    """What a ConfigMap says. Raises InvalidInput (DamagedMarker)."""
    data = document.get("data") or {}
    try:
        settings = tuple(
            Setting(one["namespace"], one["policy"], one["uid"], one["default_deny"])
            for one in json.loads(data.get("settings") or "[]")
        )
        seconds, armed_at, fired_at = (int(data.get(key) or 0) for key in ("seconds", "armed_at", "fired_at"))
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidInput(
            f"The ConfigMap {HARDENING_NAMESPACE}/{document['metadata']['name']} is not as it was written: {error}.",
            code="DamagedMarker",
            remedy="Look at the policies that it names, then delete it.",
        ) from error
    version, uid = (str(document["metadata"].get(key) or "") for key in ("resourceVersion", "uid"))
    return Marker(str(data.get("state") or ""), version, uid, seconds, armed_at, fired_at, settings)
