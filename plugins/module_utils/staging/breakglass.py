# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Opens namespaces for a time after which the cluster closes them by itself; what network_policy_break_glass does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from .._errors import CollectionError, InvalidInput, OperationFailed
from .._text import agree, counted
from .._types import Clock, Json, Params, Progress, Result, Warn
from .._wait import silent
from ..cilium.policy import is_ours, object_key
from ..hubble.times import rfc3339
from ..kube.interface import Kube
from ..kube.kinds import CNP
from .inventory import read_policies, require_namespaces
from .leftover import as_confirmed, clear_leftover, restore, unconfirmed
from .policies import default_deny
from .timer import BREAK_GLASS, DEAD_MAN, PENDING, TAKEN_OVER, Marker, Setting, Timer

LONGEST_MINUTES = 1440


@dataclass
class _Row:
    """One namespace of the result. marker: of the timer that is running, if one is."""

    namespace: str
    marker: Marker | None = None
    changed: bool = False
    settings: Sequence[Setting] = field(default_factory=tuple)

    def document(self, *, is_open: bool, closes_at: str = "") -> Json:
        """For results."""
        return {
            "namespace": self.namespace,
            "open": is_open,
            "changed": self.changed,
            "policies": sorted(one.policy for one in self.settings),
            "closes_at": closes_at,
        }


class BreakGlass:
    """Opens and closes."""

    def __init__(self, kube: Kube, clock: Clock, params: Params, *, warn: Warn, progress: Progress = silent) -> None:
        """Raises InvalidInput."""
        if not 1 <= params["minutes"] <= LONGEST_MINUTES:
            raise InvalidInput(
                f"minutes={params['minutes']} is not from 1 to {LONGEST_MINUTES}.",
                option="minutes",
                code="InvalidNumber",
                remedy="Give a number in this range.",
            )
        self._kube, self._clock, self._warn, self._progress = kube, clock, warn, progress
        self._namespaces: list[str] = list(dict.fromkeys(params["namespaces"]))
        self._seconds, self._image = params["minutes"] * 60, params["image"]
        self._taken_back: list[str] = []
        """Steps of enforcement that were not confirmed, each as a sentence."""

    def open(self, *, check_mode: bool) -> Result:
        """Open; a namespace whose timer runs stays as it is. What fails half-way is closed again by its timer."""
        require_namespaces(self._kube, self._namespaces, system=self._namespaces)
        rows, lines, before, after = [], [], {}, {}
        for namespace in self._namespaces:
            row = self._running(namespace)
            if row.marker is not None and row.marker.state == TAKEN_OVER:
                # Somebody was killed while closing: nothing would close it any more.
                clear_leftover(self._kube, self._timer(namespace), self._clock, check_mode=check_mode)
                row = _Row(namespace)
            if row.marker is None:
                row.settings = self._enforced(namespace, check_mode)
                row.changed = bool(row.settings)
                before.update(_deny_texts(row.settings, closed=True))
                after.update(_deny_texts(row.settings, closed=False))
                if row.changed and not check_mode:
                    row.marker = self._open_one(namespace, row.settings)
            is_open = row.marker is not None or (check_mode and row.changed)
            closes_at = _closes_at(row.marker)
            rows.append(row.document(is_open=is_open, closes_at=closes_at))
            lines.append(_open_line(row, closes_at, check_mode))
        changed = bool(self._taken_back) or any(row["changed"] for row in rows)
        return Result(changed, {"namespaces": rows, "lines": [*self._taken_back, *lines]}, before, after)

    def close(self, *, check_mode: bool) -> Result:
        """Close what was opened, now."""
        require_namespaces(self._kube, self._namespaces, system=self._namespaces)
        rows, lines, before, after = [], [], {}, {}
        for namespace in self._namespaces:
            row = self._running(namespace)
            row.changed = row.marker is not None
            if row.changed:
                before.update(_deny_texts(row.settings, closed=False))
                after.update(_deny_texts(row.settings, closed=True))
            if not check_mode:
                # Restores, unless the timer is doing so or has done so.
                clear_leftover(self._kube, self._timer(namespace), self._clock, check_mode=False)
            rows.append(row.document(is_open=bool(check_mode and row.changed)))
            number = len(row.settings)
            again = f"closed again: {counted(number, 'policy')} {agree(number, 'denies', 'deny')} as before"
            what = again if row.changed else "was not open"
            lines.append(f"{namespace} {'would be ' if check_mode and row.changed else ''}{what}")
        return Result(any(row["changed"] for row in rows), {"namespaces": rows, "lines": lines}, before, after)

    def _timer(self, namespace: str) -> Timer:
        return Timer(self._kube, self._clock, BREAK_GLASS, namespace)

    def _running(self, namespace: str) -> _Row:
        """What the timer of a namespace says; no marker where none runs."""
        marker = self._timer(namespace).marker()
        runs = marker is not None and marker.state in PENDING
        return _Row(namespace, marker, settings=marker.settings) if marker and runs else _Row(namespace)

    def _enforced(self, namespace: str, check_mode: bool) -> list[Setting]:
        """The policies of ours that deny, each with what it denies now.

        A step that is not confirmed is taken back first: closing must not enforce what nobody has confirmed.
        """
        pending = unconfirmed(self._kube)
        for where, name in sorted(pending):
            if where == namespace:
                timer = Timer(self._kube, self._clock, DEAD_MAN, f"{where}/{name}")
                self._taken_back.append(clear_leftover(self._kube, timer, self._clock, check_mode=check_mode))
        found = []
        others = []
        for listed in read_policies(self._kube, [namespace]):
            policy = as_confirmed(listed, pending)
            ours = is_ours(policy) and policy["kind"] == CNP.kind
            if ours and isinstance((policy.get("spec") or {}).get("enableDefaultDeny"), dict):
                denies = {direction: True for direction, value in default_deny(policy).items() if value}
                if denies:
                    metadata = policy["metadata"]
                    found.append(Setting(namespace, metadata["name"], metadata["uid"], denies))
            elif policy["metadata"].get("namespace"):
                others.append(" ".join(part for part in object_key(policy) if part))
        if others:
            self._warn(f"These policies may go on denying in {namespace}: {', '.join(others)}.")
        return found

    def _open_one(self, namespace: str, settings: Sequence[Setting]) -> Marker:
        """Arm the timer that closes, then open."""
        timer = self._timer(namespace)
        clear_leftover(self._kube, timer, self._clock, check_mode=False)
        self._progress(f"break glass: arming the timer that closes {namespace}")
        timer.arm(settings, self._seconds, self._image)
        try:
            for one in settings:
                body = {
                    "metadata": {"uid": one.uid},
                    "spec": {"enableDefaultDeny": dict.fromkeys(one.default_deny, False)},
                }
                self._kube.patch(CNP, one.policy, body, one.namespace)
        except CollectionError as error:
            self._close_again(timer, settings, error)
        marker = timer.marker()
        if marker is None:
            raise OperationFailed(
                f"The timer that closes {namespace} was removed by somebody else meanwhile.",
                code="TimerGone",
                remedy="Find out who removes it, then run again.",
            )
        return marker

    def _close_again(self, timer: Timer, settings: Sequence[Setting], error: CollectionError) -> None:
        restore(self._kube, settings)
        timer.stop("taken-back")
        timer.remove()
        raise error


def _closes_at(marker: Marker | None) -> str:
    return rfc3339(marker.armed_at + marker.seconds, 0) if marker is not None and marker.armed_at else ""


def _open_line(row: _Row, closes_at: str, check_mode: bool) -> str:
    if row.changed:
        verb = "would be" if check_mode else "is"
        until = closes_at or "its time is over"
        number = len(row.settings)
        told = f"{counted(number, 'policy')} {agree(number, 'denies', 'deny')} nothing"
        return f"{row.namespace} {verb} open until {until}: {told}"
    if row.marker is not None:
        return f"{row.namespace} is open already, until {closes_at or 'its time is over'}"
    return f"{row.namespace} has no policy of this collection that denies"


def _deny_texts(settings: Sequence[Setting], *, closed: bool) -> Json:
    return {f"{one.namespace}/{one.policy}": dict.fromkeys(sorted(one.default_deny), closed) for one in settings}
