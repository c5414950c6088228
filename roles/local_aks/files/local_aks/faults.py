# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on request and a record of requests, for tests; off unless the configuration allows it."""

from __future__ import annotations

import threading
from typing import Any

from .errors import ArmError, BackendError, Json
from .operations import Progress

REQUEST_KINDS = {
    "response": "answer with an error: status, code, message, retry_after (seconds)",
    "reset": "close the connection without an answer; when: before (default) or after the request took effect",
    "truncate": "send only the first half of the answer",
    "slow": "answer after `seconds`, or when the faults are replaced",
    "pages": "answer a list in pages of `size` entries",
}
OPERATION_KINDS = {
    "operation_failed": "let the next operation fail: code, message, target, details",
    "operation_canceled": "let the next operation end as Canceled: code, message",
    "preempted": "show the error NotLatestOperation to the first `looks` (default 2) at the next operation",
    "slow_operation": "let the next operation take `seconds` longer",
    "watched_operation": "keep each state of the next operation until a client has looked at it",
    "hold_operation": "keep the next operation in its first state until the faults are replaced",
}
KINDS = {**REQUEST_KINDS, **OPERATION_KINDS}
KEPT_REQUESTS = 5000
TOLD = "A fault was injected for a test."
ETAG_DETAILS = "rpc error: code = FailedPrecondition desc = Etag mismatched"
NOT_LATEST = {
    "code": "NotLatestOperation",
    "message": "Cannot proceed with the operation. Either the operation has been preempted by another one, or the "
    "information needed by the operation failed to be saved (or hasn't been saved yet).",
}
# What a code is sent with unless the fault says otherwise: status, message, whether the gateway sends it.
KNOWN: dict[str, tuple[int, str, bool]] = {
    "EtagMismatch": (409, "Operation is not allowed: Another operation is in progress", False),
    "OperationNotAllowed": (
        409,
        "Operation is not allowed: Another operation (Updating) is in progress, please wait for it to finish before "
        "starting a new operation. See https://aka.ms/aks-pending-operation for more details",
        False,
    ),
    "PreconditionFailed": (412, "The condition specified by the If-Match header is not met.", False),
    "Throttled": (429, "The request has been throttled. Please try again later.", False),
    "InternalServerError": (500, "Encountered internal server error.", True),
    "ServiceUnavailable": (503, "The service is unavailable.", True),
    "ExpiredAuthenticationToken": (401, "The access token expiry UTC time is earlier than current UTC time.", True),
}


class Faults:
    """What goes wrong next. A fault lets `after` (default 0) uses pass and is used up after `count` (default 1)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.faults: list[Json] = []
        self.requests: list[Json] = []
        self.released = threading.Event()
        self.preempted: dict[str, int] = {}

    def replace(self, document: Any) -> Json:
        """Take a new list of faults; operations and answers that were held go on."""
        faults = document.get("faults") if isinstance(document, dict) else None
        if not isinstance(faults, list) or any(fault.get("kind") not in KINDS for fault in faults):
            explained = "; ".join(f"{kind}: {text}" for kind, text in KINDS.items())
            raise ArmError(400, "InvalidFault", f'send {{"faults": [{{"kind": ...}}]}} with one of: {explained}')
        with self.lock:
            self.faults = [{"count": 1, "after": 0, **fault} for fault in faults]
            self.preempted.clear()
            self.released.set()
            self.released = threading.Event()
            return {"faults": list(self.faults)}

    def listed(self) -> Json:
        """The faults that were not used up."""
        with self.lock:
            return {"faults": list(self.faults)}

    def record(self, method: str, path: str, status: int) -> None:
        """Remember a request: no query, no header, no body, so no secret."""
        with self.lock:
            self.requests.append({"method": method, "path": path, "status": status})
            del self.requests[:-KEPT_REQUESTS]

    def recorded(self, *, clear: bool = False) -> Json:
        """The requests since the last clear, oldest first."""
        with self.lock:
            requests = list(self.requests)
            if clear:
                self.requests.clear()
            return {"requests": requests}

    # Requests

    def due(self, method: str, path: str, *, exempt: bool) -> Json | None:
        """The fault that this request meets. An exempt request meets only those that name its path."""
        with self.lock:
            for fault in self.faults:
                if fault["kind"] not in REQUEST_KINDS or (exempt and not fault.get("path")):
                    continue
                matches = fault.get("method", method).upper() == method.upper()
                if matches and fault.get("path", "").lower() in path.lower() and self._use(fault):
                    return fault
        return None

    def delay(self, fault: Json) -> None:
        """Wait as long as a slow answer takes."""
        with self.lock:
            released = self.released
        released.wait(float(fault.get("seconds", 1)))

    # Operations

    def before_operation(self, progress: Progress) -> None:
        """Hold, delay, preempt, cancel or fail an operation that starts."""
        with self.lock:
            released = self.released
        if self._take("hold_operation"):
            while not released.wait(0.02):
                progress.check()
        progress.watched = self._take("watched_operation") is not None
        slow = self._take("slow_operation")
        if slow is not None:
            released.wait(float(slow.get("seconds", 1)))
            progress.check()
        preempted = self._take("preempted")
        if preempted is not None:
            with self.lock:
                self.preempted[progress.identifier] = int(preempted.get("looks", 2))
        for kind, status in (("operation_failed", "Failed"), ("operation_canceled", "Canceled")):
            fault = self._take(kind)
            if fault is not None:
                code, message = fault.get("code", "InternalOperationError"), fault.get("message", TOLD)
                more: Json = {key: fault[key] for key in ("target", "details") if key in fault}
                raise BackendError(code, message, status=status, more=more)

    def seen(self, identifier: str) -> bool:
        """Whether a look at an operation shows that it was preempted."""
        with self.lock:
            left = self.preempted.get(identifier, 0)
            self.preempted[identifier] = max(0, left - 1)
            return left > 0

    def _take(self, kind: str) -> Json | None:
        with self.lock:
            for fault in self.faults:
                if fault["kind"] == kind and self._use(fault):
                    return fault
        return None

    def _use(self, fault: Json) -> bool:
        """Count one use; whether the fault bites. The lock is held."""
        if fault["after"] > 0:
            fault["after"] -= 1
            return False
        fault["count"] -= 1
        if fault["count"] < 1:
            self.faults.remove(fault)
        return True


def error(fault: Json) -> ArmError:
    """The error of a fault of kind response, in the shape that Azure gives to its code."""
    code = fault.get("code", "InternalServerError")
    status, message, gateway = KNOWN.get(code, (500, TOLD, True))
    headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
    if code == "ExpiredAuthenticationToken":
        headers["WWW-Authenticate"] = f'Bearer error="invalid_token", error_description="{message}"'
    etag = {"subcode": "PutManagedClusterAndComponents_FailedPrecondition", "details": ETAG_DETAILS}
    return ArmError(
        int(fault.get("status", status)),
        code,
        fault.get("message", message),
        gateway=gateway,
        headers=headers,
        **(etag if code == "EtagMismatch" else {}),
    )
