# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure's long-running operations: look until one has ended, and say what it is doing meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from .._errors import Throttled, Unreachable
from .._types import Clock, Json, Progress
from .._wait import Look, wait_until
from .client import Answer, ArmClient
from .failures import from_operation

FAILED = frozenset({"failed", "canceled"})
ENDED = FAILED | {"succeeded"}
# Azure allows two looks per second for a whole subscription: short operations are seen early, long ones seldom.
FIRST_PAUSE_S = 1.0
POLL_EVERY_S = 10.0
# A wait of many minutes outlives a short outage, yet not a lost endpoint.
MAX_MISSED_LOOKS = 5
PICK_UP = "The operation goes on in Azure: run again to pick it up, or raise wait_timeout."
T = TypeVar("T")


@dataclass(frozen=True)
class Operation:
    """An operation that Azure accepted. url is signed: it never leaves this process."""

    action: str
    """create, update, delete or tags."""
    url: str
    id: str
    provisioning_state: str

    def view(self) -> Json:
        """What a result may show."""
        return {"id": self.id, "action": self.action, "provisioning_state": self.provisioning_state}


def accepted(action: str, answer: Answer) -> Operation:
    """The operation behind the answer to a write; url and id are empty where Azure names none."""
    url = answer.headers.get("azure-asyncoperation", "")
    properties = answer.body.get("properties") if isinstance(answer.body, dict) else None
    state = str((properties or {}).get("provisioningState") or "")
    return Operation(action, url, url.split("?", 1)[0].rstrip("/").rsplit("/", 1)[-1], state)


def follow(arm: ArmClient, operation: Operation, *, what: str, timeout_s: float, progress: Progress) -> None:
    """Wait for the end of an operation that has an address; OperationFailed when it ended badly."""
    patient = _Patient(lambda: arm.look(operation.url, what=f"look at the operation of {what}").body or {})

    def look() -> Look[Json]:
        document, trouble = patient()
        status = trouble or str(document.get("status") or "InProgress")
        # InProgress may carry an error (NotLatestOperation); only a final status decides.
        return Look(status.lower() in ENDED, status, document)

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
    """Look at an object until no operation works on it (or, until_gone, it failed to go); None when it is gone."""
    patient = _Patient(read)

    def look() -> Look[Json | None]:
        document, trouble = patient()
        if trouble:
            return Look(False, trouble, None)
        if document is None:
            return Look(True, "gone", None)
        state = provisioning_state(document)
        ended = FAILED if until_gone else ENDED
        return Look(state.lower() in ended, state, document)

    return _wait(arm, look, what=what, timeout_s=timeout_s, progress=progress)


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


def provisioning_state(document: Json) -> str:
    """The state of an object; Succeeded where it has none."""
    return str((document.get("properties") or {}).get("provisioningState") or "Succeeded")


class _Patient:
    """Reads, and lets a few failures in a row pass as `Azure does not answer`."""

    def __init__(self, read: Callable[[], Any]) -> None:
        self._read = read
        self._missed = 0

    def __call__(self) -> tuple[Any, str]:
        try:
            value = self._read()
        except (Unreachable, Throttled) as error:
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
