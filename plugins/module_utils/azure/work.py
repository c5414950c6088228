# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What every task on a cluster or a node pool does alike: read, write safely, wait, and judge the end.

A step reads first and writes last, so it can be run again at any time: after a lost race, after a lost answer, after a
run that was killed. What a step has brought about is remembered, because the next try finds nothing left to change.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .._errors import AuthFailed, CollectionError, Conflict, InvalidInput, NotFound, OperationFailed, Unreachable
from .._module import Context
from .._types import Json, Result
from . import failures
from . import operation as operations
from .client import TRANSIENT, ArmClient
from .invalid import fail
from .resume import Ticket, token_of
from .transport import Answer

MAX_TRIES = 4
RACE_PAUSE_S = 2.0
LOCK_PAUSE_S = 5.0
MAX_LOCK_PAUSE_S = 30.0


class LostAnswer(Exception):
    """A write whose answer says nothing about what Azure did with it."""

    def __init__(self, error: CollectionError) -> None:
        super().__init__(error.message)
        self.error = error


class Work:
    """One task's work on one object of Azure."""

    key = ""
    """Where a result shows the object."""

    def __init__(self, arm: ArmClient, context: Context, *, what: str, path: str, ticket: Ticket) -> None:
        self.arm = arm
        self.context = context
        self.what = what
        self.path = path
        self.wait: bool = context.params["wait"]
        timeout = context.params["wait_timeout"]
        if self.wait and timeout < 1:
            fail("wait_timeout", timeout, "this is no time to wait", "Give at least 1, or set wait to false.")
        self._ticket = ticket
        self._effect: tuple[Json, Json] | None = None
        self._lost_action = ""
        self._deadline: float = arm.clock.monotonic() + context.params["wait_timeout"]
        if self.wait:
            arm.patient_until(self._deadline, lambda line: context.progress(f"{what}: {line}"))

    # -- what differs between clusters and node pools -----------------------------------------------------------------

    def shown(self, document: Json) -> Json:
        """The object as a result shows it."""
        raise NotImplementedError

    def broken(self, document: Json) -> list[str]:
        """What of the object, as far as this task is about it, is in a failed state."""
        raise NotImplementedError

    def watched(self) -> Json | None:
        """The cluster, whose pools progress lines and errors tell about."""
        raise NotImplementedError

    def create(self) -> Result:
        """Make the object, which is not there."""
        raise NotImplementedError

    def update(self, live: Json, busy: str) -> Result:
        """Change what differs. busy: the state of an operation that this task does not wait for."""
        raise NotImplementedError

    # -- reading ------------------------------------------------------------------------------------------------------

    def read(self) -> Json | None:
        """The object as it is now."""
        answer = self.arm.get(self.path, what=self.what)
        return answer.body if answer else None

    def settled(self, *, until_gone: bool = False) -> Json | None:
        """The object once no operation works on it any more."""
        return operations.settle(
            self.read,
            self.arm,
            what=self.what,
            timeout_s=self.time_left(),
            progress=self.context.progress,
            until_gone=until_gone,
        )

    def time_left(self) -> float:
        """Seconds this task may still wait."""
        return max(1.0, self._deadline - self.arm.clock.monotonic())

    def may_wait(self) -> bool:
        """Whether this task waits for operations of others."""
        return self.wait and not self.context.check_mode

    def in_progress(self, state: str) -> Conflict:
        """The error for a task that does not wait, while an operation of somebody else is under way."""
        return Conflict(
            f"{self.what} is in provisioning state {state}, so it cannot be changed now.",
            code="OperationInProgress",
            remedy="Set wait to true, or run again when the operation has ended.",
        )

    def present(self) -> Result:
        """Create the object, or change what differs."""
        live = self.read()
        busy = operations.busy_state(live) if live else ""
        if busy and self.may_wait():
            # Another run (or this one, killed) has an operation under way: its end is the state to compare with.
            live = self.settled(until_gone=busy == "Deleting")
            busy = ""
        if live is None or (busy == "Deleting" and self.context.check_mode):
            return self.create()
        if busy == "Deleting":
            raise self.in_progress(busy)
        return self.update(live, busy)

    # -- trying -------------------------------------------------------------------------------------------------------

    def retrying(self, step: Callable[[], Result]) -> Result:
        """Run a step, again on fresh data where another writer or a lost answer is in the way."""
        tries = locked = 0
        while True:
            try:
                return self._with_effect(step())
            except LostAnswer as lost:
                tries += 1
                if tries >= MAX_TRIES:
                    raise lost.error from lost
                reason, pause_s = f"no answer to the request ({lost.error.code})", RACE_PAUSE_S * 2 ** (tries - 1)
            except CollectionError as error:
                reason = error.code
                if failures.lost_race(error) or (self.wait and error.code in failures.SUPERSEDED):
                    tries += 1
                    pause_s = RACE_PAUSE_S
                elif self.wait and failures.lock_held(error):
                    pause_s = min(MAX_LOCK_PAUSE_S, LOCK_PAUSE_S * 1.5**locked)
                    locked += 1
                else:
                    raise
                if tries >= MAX_TRIES or pause_s >= self.time_left():
                    raise
            self.context.progress(f"{self.what}: {reason}, looking again")
            self.arm.clock.sleep(pause_s)

    def _with_effect(self, result: Result) -> Result:
        """The result of the last try, with what the tries before it brought about."""
        if self._effect is not None:
            before, after = self._effect
            result.changed = True
            result.before, result.after = {**before, **(result.before or {})}, {**after, **(result.after or {})}
        if self._lost_action and not self.wait and "operation" not in result.values:
            # Azure has taken the request, and told nobody the operation's id.
            state = (result.values.get(self.key) or {}).get("provisioning_state", "")
            if state and state.lower() not in operations.ENDED:
                result.values["operation"] = self.told(operations.Operation(self._lost_action, "", "", state))
        return result

    # -- writing ------------------------------------------------------------------------------------------------------

    def write(
        self,
        action: str,
        method: str,
        path: str,
        *,
        before: Json,
        after: Json,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a write. Without an answer that tells, LostAnswer: only a look can say whether Azure has taken it."""
        try:
            answer = self.arm.send(method, path, what=self.what, body=body, headers=headers, query=query)
        except CollectionError as error:
            if isinstance(error, Unreachable) or error.status in TRANSIENT:
                self._effect = self._effect or (before, after)
                self._lost_action = action
                raise LostAnswer(error) from error
            raise
        self._effect = self._effect or (before, after)
        return answer

    def finish(self, action: str, answer: Answer, before: Json, after: Json) -> Result:
        """The result of a write: at once with the operation, or after its end with the object as it is then."""
        operation = operations.accepted(action, answer)
        if not self.wait:
            document = answer.body if isinstance(answer.body, dict) else self.read() or {}
            told = {**self.told(operation), "provisioning_state": operations.provisioning_state(document)}
            return Result(True, {self.key: self.shown(document), "operation": told}, before, after)
        return Result(True, {self.key: self.shown(self.end_of(operation, answer))}, before, after)

    def told(self, operation: operations.Operation) -> Json:
        """An operation as a result shows it, with the token by which a later task waits for it."""
        ticket = self._ticket.of(operation.action, operation.location, operation.id)
        return {**operation.view(), "token": token_of(ticket)}

    # -- the end of an operation --------------------------------------------------------------------------------------

    def end_of(self, operation: operations.Operation, answer: Answer | None = None) -> Json:
        """The object after an operation that should leave it whole."""
        headers = answer.headers if answer else {}
        ended = self._awaited(operation, headers)
        if ended is None:
            raise OperationFailed(
                f"{self.what} is gone after its {operation.action}: somebody deleted it.",
                code="Vanished",
                remedy="Find out who deletes it, then run again.",
            )
        return self.judged(ended, operation.action, headers)

    def judged(self, document: Json, action: str, headers: Mapping[str, str]) -> Json:
        """The document, or OperationFailed where it tells that the operation failed after all."""
        if parts := self.broken(document):
            failure = failures.from_state(
                f"{self.what} was accepted by Azure, then its {action} failed ({', '.join(parts)})",
                status_holders(document),
                code="ProvisioningFailed",
                remedy="See the activity log in Azure, then run again: what failed is written again.",
            )
            raise self._explained(failure, headers)
        return document

    def gone(self, operation: operations.Operation, answer: Answer | None = None) -> None:
        """Wait until the object is gone."""
        headers = answer.headers if answer else {}
        left = self._awaited(operation, headers, until_gone=True)
        if left is not None:
            failure = failures.from_state(
                f"The deletion of {self.what} failed: it is in state {operations.provisioning_state(left)}",
                status_holders(left),
                code="DeletionFailed",
                remedy="See the activity log in Azure, then run again.",
            )
            raise self._explained(failure, headers)

    def _awaited(
        self, operation: operations.Operation, headers: Mapping[str, str], *, until_gone: bool = False
    ) -> Json | None:
        """The object after an operation; one that has no address (any more) is watched by the object's own state."""
        try:
            ended = bool(operation.url) and self._followed(operation)
        except OperationFailed as error:
            raise self._explained(error, headers) from error
        if ended:
            document = self.read()
            if document is None or not (until_gone or self._busy(document)):
                return document
        return self.settled(until_gone=until_gone)

    def _followed(self, operation: operations.Operation) -> bool:
        """Wait for the operation; False when Azure does not show it (signature missing, or forgotten)."""
        try:
            operations.follow(
                self.arm,
                operation,
                what=self.what,
                timeout_s=self.time_left(),
                progress=self.context.progress,
                watch=self.watched,
            )
        except (NotFound, InvalidInput, AuthFailed):
            return False
        return True

    @staticmethod
    def _busy(document: Json) -> bool:
        return bool(operations.busy_state(document) or operations.busy_pools(document))

    def _explained(self, error: OperationFailed, headers: Mapping[str, str]) -> OperationFailed:
        """Add what helps to find the cause: the correlation id of the request and the state of each pool."""
        error.correlation_id = error.correlation_id or headers.get("x-ms-correlation-request-id", "")
        try:
            pools = operations.pool_states(self.watched())
        except CollectionError:
            # The failure itself matters more than that its details could not be read.
            return error
        if pools:
            error.details = {**error.details, "agent_pools": pools}
        return error

    # -- picking up ---------------------------------------------------------------------------------------------------

    def resumed(self, ticket: Ticket) -> Result:
        """Wait for the operation of an earlier task, or (wait=false, check mode) only look at it. Writes nothing."""
        url = self.arm.operation_url(ticket.location, ticket.id) if ticket.id and ticket.location else ""
        operation = operations.Operation(ticket.action, url, ticket.id, "", ticket.location)
        deletes = ticket.action == "delete"
        if not self.may_wait():
            return self._looked_at(operation, deletes=deletes)
        if deletes:
            self.gone(operation)
            return Result(False, {}, {}, {})
        return Result(False, {self.key: self.shown(self.end_of(operation))}, {}, {})

    def _looked_at(self, operation: operations.Operation, *, deletes: bool) -> Result:
        document = self.read()
        if document is None:
            return Result(False, {}, {}, {})
        result = Result(False, {self.key: self.shown(document)}, {}, {})
        state = operations.provisioning_state(document)
        if self._busy(document) or (deletes and state.lower() not in operations.FAILED):
            result.values["operation"] = {**self.told(operation), "provisioning_state": state}
        else:
            self.judged(document, operation.action, {})
        return result


def status_holders(document: Json) -> Sequence[Json]:
    """The objects that may tell why something failed: the properties of the object, and its pools."""
    properties: Json = document.get("properties") or {}
    return [properties, *(properties.get("agentPoolProfiles") or [])]
