# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Files of flows, one JSON document a line, as `hubble observe -o jsonpb` prints them; compressed ones too."""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from .._errors import InvalidInput, NotFound, OperationFailed
from .._text import agree, counted
from .._types import Json
from .shape import fault_of

GZIP = b"\x1f\x8b"
PARTS = ("flow", "lost_events", "node_status")
"""What a response holds one of."""
_OF_A_FLOW = ("verdict", "event_type", "time")
MOST_TOLD = 20
"""Bad lines that are told one by one."""
_REMEDY = "Give the path of a file of flows on the machine that runs the module, which its user may read."
_RECORD = "Record one with `hubble observe -o jsonpb`, or with dest of cloudnet.aks_cilium.hubble_flows."
_ODD_TEXT = (b"\\ud", b"\\uD", b"\xed")
"""With one of these, a line may hold half a character, which no file and no result can take."""


class FlowFile:
    """The responses of a file, read as often as it is iterated over, in constant memory.

    A line that is no response is left out and told in `problems`; a file without any good line raises InvalidInput.
    """

    def __init__(self, path: str | Path, option: str = "src") -> None:
        """option: what the path is called in errors."""
        self.path, self.option = Path(path), option
        self.good = 0
        """Lines that were understood."""
        self.bad = 0
        """Lines that were not."""
        self.problems: list[str] = []
        """Sentences about bad lines, each with its number."""

    def __iter__(self) -> Iterator[Json]:
        """Documents in the shape of GetFlowsResponse."""
        self.good, self.bad, self.problems = 0, 0, []
        number = 0
        try:
            with self._open() as lines:
                for number, line in enumerate(lines, 1):
                    response = self._response(number, line)
                    if response is not None:
                        self.good += 1
                        yield response
        except FileNotFoundError as error:
            raise NotFound(
                f"{self.option}={self.path}: there is no such file.",
                option=self.option,
                code="FileNotFound",
                remedy=_REMEDY,
            ) from error
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            # A recording that was cut off: what came before is good.
            self._bad(number + 1, f"the compressed data is damaged ({error})")
        except OSError as error:
            raise OperationFailed(
                f"{self.option}={self.path} cannot be read: {error.strerror or error}.",
                option=self.option,
                code="FileUnreadable",
                remedy=_REMEDY,
            ) from error
        if self.bad > len(self.problems):
            more = self.bad - len(self.problems)
            told = f"{counted(more, 'more line')} of {self.path} {agree(more, 'holds', 'hold')} no flow."
            self.problems.append(told)
        if self.bad and not self.good:
            raise InvalidInput(
                f"{self.option}={self.path} is no file of flows: {self.problems[0]}",
                option=self.option,
                code="NotFlows",
                remedy=_RECORD,
            )

    def _open(self) -> IO[bytes]:
        file = self.path.open("rb")
        start = file.read(2)
        file.seek(0)
        if start == GZIP:
            return gzip.GzipFile(fileobj=file)  # type: ignore[return-value]
        return file

    def _response(self, number: int, line: bytes) -> Json | None:
        if line.isspace():
            return None
        try:
            document = json.loads(line)
            if any(odd in line for odd in _ODD_TEXT):
                json.dumps(document, ensure_ascii=False).encode()
        except (ValueError, RecursionError) as error:
            self._bad(number, f"is not JSON ({error})")
            return None
        if isinstance(document, dict):
            if not any(name in document for name in PARTS) and any(name in document for name in _OF_A_FLOW):
                # As HUBBLE_COMPAT=legacy-json-output prints it.
                document = {"flow": document, "node_name": document.get("node_name", "")}
            if any(name in document for name in PARTS):
                return document if self._has_form(number, document) else None
        self._bad(number, "is neither a flow nor another response of Hubble")
        return None

    def _has_form(self, number: int, response: Json) -> bool:
        """Whether all that is done with a response can rely on its fields."""
        wrong = next((name for name in PARTS if not isinstance(response.get(name, {}), dict)), "")
        wrong = wrong or fault_of(response, "GetFlowsResponse")
        if wrong:
            self._bad(number, f"is a response of Hubble with a wrong value in {wrong}")
        return not wrong

    def _bad(self, number: int, why: str) -> None:
        self.bad += 1
        if len(self.problems) < MOST_TOLD:
            self.problems.append(f"Line {number} of {self.path}: {why}.")


def read_flows(path: str | Path, problems: list[str] | None = None) -> Iterator[Json]:
    """The flows of a file (each the document under `flow`), in constant memory.

    Bad lines go as sentences into problems; without that list the first one raises InvalidInput (BadLine).
    """
    file = FlowFile(path)
    for response in file:
        if problems is None and file.problems:
            break
        if "flow" in response:
            yield response["flow"]
    if problems is not None:
        problems.extend(file.problems)
    elif file.problems:
        raise InvalidInput(file.problems[0], option="src", code="BadLine", remedy=_RECORD)
