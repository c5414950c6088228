# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What becomes of flows as they come: counted, summarised, written to a file."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

from .._errors import OperationFailed
from .._types import Json
from .compact import compact_line
from .edges import EdgeCounter
from .flow import flow_from_json
from .observation import Sink

COMPRESSION = 4
"""Of gzip: with more it would be slower than the flows come, for little."""


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


@contextlib.contextmanager
def new_file(path: str, option: str = "dest") -> Iterator[IO[bytes]]:
    """A file that appears under its name when the block ends without an error, and replaces the one that was there.

    Compressed where the name ends in `.gz`. Only its owner may read it. Raises OperationFailed.
    """
    target = Path(path).expanduser()
    try:
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise _unwritable(option, path, error) from error
    try:
        with os.fdopen(number, "wb") as plain:
            if target.suffix == ".gz":
                # Without a time in it, the same flows make the same file.
                with gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=COMPRESSION, mtime=0) as file:
                    yield file  # type: ignore[misc]
            else:
                yield plain
        Path(name).replace(target)
    except OSError as error:
        raise _unwritable(option, path, error) from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            Path(name).unlink()


def _unwritable(option: str, path: str, error: OSError) -> OperationFailed:
    return OperationFailed(
        f"{option}={path} cannot be written: {error.strerror or error}.", option=option, code="FileUnwritable"
    )
