# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What a step that was killed has left in the cluster: found, told, and cleared away."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from .._errors import Conflict, NotFound, TimedOut
from .._types import Clock, Json
from .._wait import Look, wait_until
from ..cilium.semantics import with_default_deny
from ..hardening.marks import ROLE_LABEL
from ..hubble.times import rfc3339
from ..kube.interface import Kube
from ..kube.kinds import CNP, CONFIG_MAP
from .store import HARDENING_NAMESPACE
from .timer import CONFIRMED, DEAD_MAN, FIRED, FIRING, PENDING, TAKEN_OVER, Marker, Setting, Timer, marker_of

FIRE_TIMEOUT_S = 60.0
LOOK_EVERY_S = 0.5


def clear_leftover(kube: Kube, timer: Timer, clock: Clock, *, check_mode: bool) -> str:
    """A sentence about a timer of an earlier run, empty without one. After this there is none any more.

    A step that was never confirmed is taken back first, whoever began it: a run that is still going on notices that
    when it confirms. A timer that fires just now is waited for.
    """
    marker = timer.marker()
    if marker is None:
        return ""
    if check_mode:
        return f"An earlier step of {timer.subject} was left {marker.state}."
    story = _story(timer, marker)
    if marker.state not in (FIRING, FIRED, CONFIRMED):
        # First the policies, then the timer: if this run is killed in between, the timer does the same once more.
        restore(kube, marker.settings)
        if not timer.stop(TAKEN_OVER):
            # It was faster.
            marker = timer.marker() or marker
    if marker.state == FIRING:
        story = _story(timer, _finish_firing(kube, timer, marker, clock))
    timer.remove()
    return story


def unconfirmed(kube: Kube) -> dict[tuple[str, str], Setting]:
    """By (namespace, policy): what dead man's switches will still take back, of steps that run or were killed."""
    found = {}
    for document in kube.list(CONFIG_MAP, HARDENING_NAMESPACE, label_selector=f"{ROLE_LABEL}={DEAD_MAN}"):
        marker = marker_of(document)
        if marker.state in PENDING:
            found.update({(one.namespace, one.policy): one for one in marker.settings})
    return found


def as_confirmed(policy: Json, pending: dict[tuple[str, str], Setting]) -> Json:
    """A policy as it will be when what was not confirmed is taken back."""
    metadata = policy["metadata"]
    setting = pending.get((str(metadata.get("namespace") or ""), str(metadata["name"])))
    if setting is None or setting.uid != metadata.get("uid") or not isinstance(policy.get("spec"), dict):
        return policy
    return with_default_deny(policy, setting.default_deny)


def _story(timer: Timer, marker: Marker) -> str:
    subject = timer.subject
    if marker.state == FIRED:
        when = f" at {rfc3339(marker.fired_at, 0)}" if marker.fired_at else ""
        return f"An earlier step of {subject} was never confirmed: its dead man's switch took it back{when}."
    if marker.state == CONFIRMED:
        return f"An earlier step of {subject} was confirmed and not cleared away."
    if marker.state in ("armed", TAKEN_OVER):
        return f"An earlier step of {subject} was left armed and never confirmed: it was taken back."
    return f"An earlier step of {subject} was left {marker.state}: it was cleared away."


def restore(kube: Kube, settings: Sequence[Setting]) -> None:
    """Do what the timer would have done."""
    for setting in settings:
        body = {
            "metadata": {"uid": setting.uid},
            "spec": {"enableDefaultDeny": dict(setting.default_deny)},
        }
        with contextlib.suppress(NotFound, Conflict):
            # Gone, or another object of the same name.
            kube.patch(CNP, setting.policy, body, setting.namespace)


def _finish_firing(kube: Kube, timer: Timer, marker: Marker, clock: Clock) -> Marker:
    """Wait for a timer that fires just now; do its work where it does not come to an end, its Job being gone, say."""
    try:
        return _wait_fired(timer, clock) or marker
    except TimedOut:
        restore(kube, marker.settings)
        return marker


def _wait_fired(timer: Timer, clock: Clock) -> Marker | None:
    def look() -> Look[Marker | None]:
        marker = timer.marker()
        return Look(marker is None or marker.state == FIRED, marker.state if marker else "gone", marker)

    return wait_until(look, what=timer.purpose, timeout_s=FIRE_TIMEOUT_S, interval_s=LOOK_EVERY_S, clock=clock)
