# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Asynchronous operations: a thread each, free-text states while they run, Succeeded or Failed at the end."""

from __future__ import annotations

import datetime
import logging
import secrets
import threading
import time
import uuid
from collections.abc import Callable

from .errors import BackendError, CancelledError, Json
from .store import Store

LOG = logging.getLogger("local_aks")
TERMINAL = ("Succeeded", "Failed", "Canceled")
PREEMPTED = {
    "code": "AKSOperationPreemptedByDelete",
    "message": "The operation was preempted by the deletion of the cluster.",
}
ABORTED = {"code": "OperationCanceled", "message": "The operation was aborted by the user."}
WATCH_S = 0.01
Finish = Callable[[Json, str], None]


def timestamp() -> str:
    """Now as Azure writes it: UTC with seven digits of a second."""
    return f"{datetime.datetime.now(datetime.timezone.utc):%Y-%m-%dT%H:%M:%S.%f}0Z"


def ended(operation: Json | None) -> bool:
    """Whether an operation has a terminal state; an unknown one has."""
    return operation is None or operation["status"] in TERMINAL


class Progress:
    """How running work tells its state and learns that it should stop."""

    def __init__(self, store: Store, identifier: str) -> None:
        self.store = store
        self.identifier = identifier
        self.cancelled = threading.Event()
        self.reason: Json = PREEMPTED
        self.watched = False
        self.last_seen = ""
        """Status of the last look; a watched operation waits for one at each state."""

    def report(self, status: str) -> None:
        """Publish a free-text state, unless the work should stop."""
        self.check()
        with self.store.transaction() as state:
            state["operations"][self.identifier]["status"] = status
        LOG.info("operation %s: %s", self.identifier, status)
        while self.watched and self.last_seen != status:
            self.check()
            time.sleep(WATCH_S)

    def check(self) -> None:
        """Raise CancelledError when the work should stop."""
        if self.cancelled.is_set():
            raise CancelledError


class Operations:
    """Starts operations and remembers their threads."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.lock = threading.Lock()
        self.running: dict[str, tuple[threading.Thread, Progress]] = {}
        self.stopping = False

    def begin(self, kind: str, target: str, location: str, *, pool: str = "") -> Json:
        """Record a new operation; call it inside the transaction that changes its target (a pool of it, if named)."""
        identifier = str(uuid.uuid4())
        operation: Json = {
            "id": identifier,
            "kind": kind,
            "target": target,
            "pool": pool,
            "location": location,
            "status": "InProgress",
            "start": timestamp(),
            "end": "",
            "error": {},
            "signature": secrets.token_urlsafe(32),
        }
        with self.store.transaction() as state:
            state["operations"][identifier] = operation
        return operation

    def run(
        self,
        identifier: str,
        work: Callable[[Progress], None],
        finish: Finish,
    ) -> None:
        """Do the work in a thread. finish(state, status) runs in the transaction that ends the operation."""
        progress = Progress(self.store, identifier)
        thread = threading.Thread(
            target=self._body, args=(progress, work, finish), name=f"operation-{identifier}", daemon=True
        )
        with self.lock:
            self.running[identifier] = (thread, progress)
        thread.start()

    def looked(self, identifier: str, status: str) -> None:
        """Note that a client has seen a state."""
        with self.lock:
            found = self.running.get(identifier)
        if found is not None:
            found[1].last_seen = status

    def preempt(self, identifier: str, reason: Json | None = None) -> None:
        """Ask an operation to stop, for the reason that its error will give."""
        with self.lock:
            found = self.running.get(identifier)
        if found is not None:
            found[1].reason = reason or PREEMPTED
            found[1].cancelled.set()

    def wait(self, identifier: str) -> None:
        """Return when the operation's thread has ended."""
        with self.lock:
            found = self.running.get(identifier)
        if found is not None:
            found[0].join()

    def stop(self) -> None:
        """Stop all threads; what they did not finish stays unfinished in the store, for the next start."""
        self.stopping = True
        with self.lock:
            running = list(self.running.values())
        for started in running:
            started[1].cancelled.set()
        for started in running:
            started[0].join(timeout=30)

    def _body(self, progress: Progress, work: Callable[[Progress], None], finish: Finish) -> None:
        identifier = progress.identifier
        error: Json = {}
        status = "Succeeded"
        try:
            work(progress)
        except (BackendError, CancelledError) as failure:
            # What was told to stop may also fail because its programs were stopped.
            if progress.cancelled.is_set() and self.stopping:
                return
            error, status = dict(progress.reason), "Canceled" if progress.reason is ABORTED else "Failed"
            if isinstance(failure, BackendError) and not progress.cancelled.is_set():
                error, status = {"code": failure.code, "message": str(failure), **failure.more}, failure.status
        except Exception:
            # A thread has nobody to raise to: the operation must end, or its clients would wait for ever.
            LOG.exception("operation %s", identifier)
            error = {"code": "InternalOperationError", "message": "Internal server error; see the service's log."}
            status = "Failed"
        with self.store.transaction() as state:
            finish(state, status)
            state["operations"][identifier].update(status=status, end=timestamp(), error=error)
        LOG.info("operation %s: %s %s", identifier, status, error or "")
        with self.lock:
            self.running.pop(identifier, None)
