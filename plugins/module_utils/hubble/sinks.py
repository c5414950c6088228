# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What becomes of flows as they come: counted, summarised, written down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import IO

from .._types import Json
from .compact import compact_line
from .edges import EdgeCounter
from .flow import flow_from_json
from .observation import Sink


class Tally:
    """Counts flows by verdict, and drops by reason."""

    def __init__(self) -> None:
        self.flows = 0
        self.verdicts: dict[str, int] = {}
        self.drop_reasons: dict[str, int] = {}

    def take(self, response: Json) -> None:
        """See Sink."""
        flow = response.get("flow")
        if flow is None:
            return
        self.count(str(flow.get("verdict", "VERDICT_UNKNOWN")), str(flow.get("drop_reason_desc", "")))

    def count(self, verdict: str, reason: str) -> None:
        """One flow."""
        self.flows += 1
        self.verdicts[verdict] = self.verdicts.get(verdict, 0) + 1
        if verdict == "DROPPED":
            self.drop_reasons[reason] = self.drop_reasons.get(reason, 0) + 1

    def summary(self) -> Json:
        """As the module returns it."""
        return {
            "flows": self.flows,
            "verdicts": dict(sorted(self.verdicts.items())),
            "drop_reasons": dict(sorted(self.drop_reasons.items())),
        }


class Edges:
    """Summarises flows."""

    def __init__(self) -> None:
        self.counter = EdgeCounter()

    def take(self, response: Json) -> None:
        """See Sink."""
        if "flow" in response:
            self.counter.add(response["flow"])


class Lines:
    """Writes one line a flow: the JSON document, or what the command line prints."""

    def __init__(self, file: IO[bytes], *, compact: bool, node: bool = False, policy_names: bool = False) -> None:
        self._file, self._compact, self._node, self._policy_names = file, compact, node, policy_names
        self._encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

    def take(self, response: Json) -> None:
        """See Sink."""
        if not self._compact:
            text = self._encode(response)
        elif "flow" in response:
            text = compact_line(flow_from_json(response["flow"]), node=self._node, policy_names=self._policy_names)
        else:
            return
        self._file.write(text.encode("utf-8", "surrogateescape") + b"\n")


class Several:
    """Gives each response to several sinks."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = sinks

    def take(self, response: Json) -> None:
        """See Sink."""
        for sink in self._sinks:
            sink.take(response)
