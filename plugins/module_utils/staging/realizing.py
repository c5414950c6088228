# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Waits beside everything else until the nodes have realized a patched policy, and then tries the probes."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from typing import Protocol

from .._errors import AuthFailed, CollectionError, TimedOut
from .._types import Clock, Json
from ..cilium.realized import Realization, Target
from ..kube.interface import Exec, Kube
from ..probe.plan import Probe
from ..probe.run import ProbeRun, Settings, mismatches
from .watching import TakeBack

REALIZE_TIMEOUT_S = 15.0
LOOK_EVERY_S = 0.05
PROBES_SETTLE_S = 5.0


class Background(Protocol):
    """What goes on beside the watch: BackgroundWork, or a fake in tests."""

    def prepare(self, before: Json) -> None:
        """Before the patch."""

    def start(self, before: Json, after: Json, since: float) -> None:
        """After it; since: monotonic time at which it was sent."""

    def realized_s(self) -> float | None:
        """Seconds from the patch until the nodes had realized it; None as long as they have not."""

    def finished(self) -> bool:
        """Whether probes are through, too. Raises TakeBack for what went wrong."""

    def wait_realized(self, before: Json, after: Json, timeout_s: float) -> float | None:
        """Of the way back: seconds until the nodes had realized it; None when that is not known."""


class BackgroundWork:
    """Asks the agents in a thread of its own, so that the verdicts are judged meanwhile."""

    def __init__(self, kube: Kube, execute: Exec, clock: Clock, probes: Sequence[Probe]) -> None:
        self._kube, self._execute, self._clock, self._probes = kube, execute, clock, probes
        self._latest: dict[str, str] = {}
        """Fingerprints of the rules by node, as they were last seen."""
        self._realized_s: float | None = None
        self._problem: TakeBack | None = None
        self._thread: threading.Thread | None = None

    def prepare(self, before: Json) -> None:
        """See Background."""
        realization = Realization(self._kube, self._execute, self._clock)
        self._latest = realization.fingerprints(before, before["metadata"]["uid"])

    def start(self, before: Json, after: Json, since: float) -> None:
        """See Background."""
        self._thread = threading.Thread(target=self._work, args=(before, after, since), daemon=True, name="realize")
        self._thread.start()

    def realized_s(self) -> float | None:
        """See Background."""
        return self._realized_s

    def finished(self) -> bool:
        """See Background."""
        if self._problem is not None:
            raise self._problem
        return self._thread is not None and not self._thread.is_alive()

    def wait_realized(self, before: Json, after: Json, timeout_s: float) -> float | None:
        """See Background."""
        started = time.monotonic()
        try:
            self._until_realized(before, after, self._latest, timeout_s)
        except CollectionError:
            return None
        return round(time.monotonic() - started, 3)

    def _work(self, before: Json, after: Json, since: float) -> None:
        try:
            self._until_realized(before, after, self._latest, REALIZE_TIMEOUT_S)
            self._realized_s = round(time.monotonic() - since, 3)
            realization = Realization(self._kube, self._execute, self._clock)
            self._latest = realization.fingerprints(after, after["metadata"]["uid"])
            self._probe()
        except TakeBack as problem:
            self._problem = problem
        except CollectionError as error:
            self._problem = TakeBack(error.code or "NotRealized", error.message.rstrip("."))

    def _until_realized(self, before: Json, after: Json, fingerprints: dict[str, str], timeout_s: float) -> None:
        """Look until all nodes agree. What cannot be asked just now is asked again."""
        realization = Realization(self._kube, self._execute, self._clock)
        target = Target("step", after, after["metadata"]["uid"], previous=before, before=fingerprints)
        started = time.monotonic()
        while True:
            waited_s = time.monotonic() - started
            try:
                seen = realization.look([target], waited_s)
                state = seen.state
                if seen.done:
                    return
            except AuthFailed:
                raise
            except CollectionError as error:
                state = error.message
            if waited_s >= timeout_s:
                raise TimedOut(
                    f"The nodes have not realized the policy within {timeout_s:.0f} s: {state}.",
                    code="NotRealized",
                    remedy="Run the playbook status, which tells what the agents lack, then run again.",
                )
            time.sleep(LOOK_EVERY_S)

    def _probe(self) -> None:
        if not self._probes:
            return
        settings = Settings(verdict="off", settle_s=PROBES_SETTLE_S)
        results = ProbeRun(self._kube, self._execute, None, settings, clock=self._clock).run(self._probes)
        story = mismatches(results)
        if story:
            raise TakeBack("ProbesFailed", story.rstrip("."), probes=results)
