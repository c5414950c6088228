# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure's long-running operations: look until one has ended, and say what it is doing meanwhile."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .._errors import CollectionError, OperationFailed, Throttled, Unreachable
from .._types import Clock, Json, Progress
from .._wait import TALK_EVERY_S, Look, wait_until
from .client import TRANSIENT, ArmClient
from .failures import error_of, from_operation
from .transport import Answer

FAILED = frozenset({"failed", "canceled"})
ENDED = FAILED | {"succeeded"}
# Azure allows two looks per second for a whole subscription: short operations are seen early, long ones seldom.
FIRST_PAUSE_S = 1.0
POLL_EVERY_S = 10.0
# A wait of many minutes outlives a short outage, yet not a lost endpoint.
MAX_MISSED_LOOKS = 5
# `InProgress` with this code is no failure by itself; an operation that stays so was taken over by a newer one.
TAKEN_OVER = "NotLatestOperation"
MAX_TAKEN_OVER_LOOKS = 12
PICK_UP = "The operation goes on in Azure: run again to pick it up, or raise wait_timeout."
T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """An operation that Azure accepted. url is signed: it never leaves this process."""

    action: str
    """create, update, tags, delete, start, stop or upgrade_node_image."""
    url: str
    id: str
    provisioning_state: str
    location: str = ""

    def view(self) -> Json:
        """What a result may show."""
        return {"id": self.id, "action": self.action, "provisioning_state": self.provisioning_state}


def accepted(action: str, answer: Answer) -> Operation:
    """The operation behind the answer to a write; url and id are empty where Azure names none."""
    url = answer.headers.get("azure-asyncoperation", "")
    place = url.split("?", 1)[0].rstrip("/")
    location = re.search(r"/locations/([^/]+)/operations/", place)
    return Operation(action, url, place.rsplit("/", 1)[-1], _stated(answer.body), location.group(1) if location else "")


def _stated(document: Any) -> str:
    properties = document.get("properties") if isinstance(document, dict) else None
    return str((properties or {}).get("provisioningState") or "")


def provisioning_state(document: Json) -> str:
    """The state of an object; Succeeded where it has none."""
    return _stated(document) or "Succeeded"


def busy_state(document: Json) -> str:
    """The provisioning state while an operation works on the object, empty otherwise."""
    state = provisioning_state(document)
    return "" if state.lower() in ENDED else state


def pool_states(document: Json | None) -> dict[str, str]:
    """Provisioning state by pool name, as far as Azure tells it."""
    pools = ((document or {}).get("properties") or {}).get("agentPoolProfiles") or []
    states = {str(pool.get("name")): str(pool.get("provisioningState") or "") for pool in pools}
    return dict(sorted(states.items()))


def busy_pools(document: Json) -> list[str]:
    """Names of the node pools of a cluster that an operation works on."""
    return [name for name, state in pool_states(document).items() if state and state.lower() not in ENDED]


def follow(
    arm: ArmClient,
    operation: Operation,
    *,
    what: str,
    timeout_s: float,
    progress: Progress,
    watch: Callable[[], Json | None] | None = None,
) -> None:
    """Wait for the end of an operation that has an address; OperationFailed when it ended badly.

    watch reads the cluster now and then, so that the lines tell the state of each pool, too.
    """
    patient = _Patient(lambda: arm.look(operation.url, what=f"look at the operation of {what}").body or {})
    pools = _Pools(watch, arm.clock)
    taken_over = 0

    def look() -> Look[Json]:
        nonlocal taken_over
        document, trouble = patient()
        status = trouble or str(document.get("status") or "InProgress")
        if not trouble:
            taken_over = taken_over + 1 if error_of(document).get("code") == TAKEN_OVER else 0
        # An error may come with InProgress; only a final status decides.
        done = status.lower() in ENDED or taken_over >= MAX_TAKEN_OVER_LOOKS
        return Look(done, status if done or trouble else f"{status}{pools.text()}", document)

    document = _wait(arm, look, what=what, timeout_s=timeout_s, progress=progress)
    if str(document.get("status")).lower() != "succeeded":
        raise from_operation(what, document)


def settle(
    read: Callable[[], Json | None],
    arm: ArmClient,
    *,
    what: str,
    timeout_s: float,
    progress: Progress,
    until_gone: bool = False,
) -> Json | None:
    """Look at an object until no operation works on it or its pools; None when it is gone.

    until_gone: only a failure or its absence ends the wait.
    """
    patient = _Patient(read)

    def look() -> Look[Json | None]:
        document, trouble = patient()
        if trouble:
            return Look(False, trouble, None)
        if document is None:
            return Look(True, "gone", None)
        state = provisioning_state(document)
        if until_gone:
            return Look(state.lower() in FAILED, state, document)
        done = not busy_state(document) and not busy_pools(document)
        return Look(done, state if done else f"{state}{_pools_text(document)}", document)

    return _wait(arm, look, what=what, timeout_s=timeout_s, progress=progress)


def _pools_text(document: Json | None) -> str:
    """Node pools and their states, to stand behind the state of their cluster."""
    states = [f"{name} {state}" for name, state in pool_states(document).items() if state]
    return f"; {', '.join(states)}" if states else ""


class _Pools:
    """The states of the pools, read as often as lines are due: Azure allows one look per second at a cluster."""

    def __init__(self, watch: Callable[[], Json | None] | None, clock: Clock) -> None:
        self._watch = watch
        self._clock = clock
        self._due = clock.monotonic() + TALK_EVERY_S
        self._text = ""

    def text(self) -> str:
        """As last read."""
        if self._watch is not None and self._clock.monotonic() >= self._due:
            self._due = self._clock.monotonic() + TALK_EVERY_S
            try:
                self._text = _pools_text(self._watch())
            except CollectionError:
                # Only the lines would miss something; whether Azure answers is for the look at the operation to tell.
                self._text = ""
        return self._text


def _wait(arm: ArmClient, look: Callable[[], Look[T]], *, what: str, timeout_s: float, progress: Progress) -> T:
    """Poll as both waits do: gently at first, and with the advice to run again at the deadline."""
    return wait_until(
        look,
        what=what,
        timeout_s=timeout_s,
        interval_s=POLL_EVERY_S,
        clock=_GrowingPause(arm.clock),
        progress=progress,
        remedy=PICK_UP,
    )


class _Patient:
    """Reads, and lets a few failures in a row pass as `Azure does not answer`."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._missed = 0

    def __call__(self) -> tuple[Any, str]:
        try:
            value = self._read()
        except (Unreachable, Throttled, OperationFailed) as error:
            if isinstance(error, OperationFailed) and error.status not in TRANSIENT:
                raise
            self._missed += 1
            if self._missed >= MAX_MISSED_LOOKS:
                raise
            return {}, f"no answer ({error.code})"
        self._missed = 0
        return value, ""


class _GrowingPause:
    """A clock whose pauses start short and grow to the interval of the poll loop."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._pause_s = FIRST_PAUSE_S

    def monotonic(self) -> float:
        """Seconds since an arbitrary point."""
        return self._clock.monotonic()

    def sleep(self, seconds: float) -> None:
        """Wait for the shorter of the asked and the grown pause."""
        self._clock.sleep(min(seconds, self._pause_s))
        self._pause_s *= 1.5
