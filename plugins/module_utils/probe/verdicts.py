# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A reader of flows that outlives the relay's pod: a run of many probes may take minutes, and the relay may restart."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack

from .._errors import NotFound, TimedOut, Unreachable
from ..hubble.observation import FlowReader, FlowRequest, Observation


class LastingReader:
    """Opens its reader anew after it broke. An answer that did not come is empty, and says so in its problems."""

    def __init__(self, opened: Callable[[], AbstractContextManager[FlowReader]]) -> None:
        self._opened = opened
        self._stack = ExitStack()
        self._reader: FlowReader | None = None
        self._lock = threading.Lock()
        self.source = ""

    def __enter__(self) -> LastingReader:
        """Open it. Raises what hinders that: a run without verdicts is not begun."""
        self._open()
        return self

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        self._close()

    def read(self, request: FlowRequest) -> Observation:
        """The answer, or an empty one where Hubble cannot be reached for now."""
        with self._lock:
            try:
                return (self._reader or self._open()).read(request)
            except (Unreachable, TimedOut, NotFound) as error:
                self._close()
                return Observation(self.source, problems=[f"Hubble did not answer every time: {error.message}"])

    def _open(self) -> FlowReader:
        self._reader = self._stack.enter_context(self._opened())
        self.source = self._reader.source
        return self._reader

    def _close(self) -> None:
        self._reader = None
        self._stack.close()
