# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Faults on request and a record of requests, for tests; off unless the configuration allows it."""

from __future__ import annotations

import threading
from typing import Any

from .errors import ArmError, BackendError, Json
from .operations import Progress

KINDS = {
    "response": "answer the next requests with an error: status, code, message, retry_after, method, path, count",
    "operation_failed": "let the next operation fail: code, message",
    "hold_operation": "keep the next operation in its first state until the faults are replaced",
}
KEPT_REQUESTS = 2000


class Faults:
    """What goes wrong next. A fault is used up after `count` uses (default 1)."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.faults: list[Json] = []
        self.requests: list[Json] = []
        self.released = threading.Event()

    def replace(self, document: Any) -> Json:
        """Take a new list of faults; operations that were held go on."""
        faults = document.get("faults") if isinstance(document, dict) else None
        if not isinstance(faults, list) or any(fault.get("kind") not in KINDS for fault in faults):
            explained = "; ".join(f"{kind}: {text}" for kind, text in KINDS.items())
            raise ArmError(400, "InvalidFault", f'send {{"faults": [{{"kind": ...}}]}} with one of: {explained}')
        with self.lock:
            self.faults = [{"count": 1, **fault} for fault in faults]
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

    def before_request(self, method: str, path: str) -> None:
        """Raise the error that is due for this request."""
        fault = self._take("response", method, path)
        if fault is None:
            return
        headers = {"Retry-After": str(fault["retry_after"])} if "retry_after" in fault else {}
        code = fault.get("code", "InternalServerError")
        message = fault.get("message", "A fault was injected for a test.")
        raise ArmError(int(fault.get("status", 500)), code, message, gateway=True, headers=headers)

    def before_operation(self, progress: Progress) -> None:
        """Hold or fail an operation that starts."""
        with self.lock:
            released = self.released
        if self._take("hold_operation") is not None:
            while not released.wait(0.02):
                progress.check()
        fault = self._take("operation_failed")
        if fault is not None:
            message = fault.get("message", "A fault was injected for a test.")
            raise BackendError(fault.get("code", "InternalOperationError"), message)

    def _take(self, kind: str, method: str = "", path: str = "") -> Json | None:
        with self.lock:
            for fault in self.faults:
                matches = fault["kind"] == kind and fault.get("method", method).upper() == method.upper()
                if matches and fault.get("path", "").lower() in path.lower():
                    fault["count"] -= 1
                    if fault["count"] < 1:
                        self.faults.remove(fault)
                    return fault
        return None
