# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Reads what a report of flows is made of, and writes its files: flows from Hubble or a file, coverage of the pods."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from .._errors import AuthFailed, CollectionError, InvalidInput
from .._types import Json, Params, Result
from ..flowreport.document import Observed, checked, drops_of, refusing_namespaces, summary_lines
from ..flowreport.page import report_html
from ..flowreport.tables import drop_sentences
from ..flowreport.text import report_markdown
from ..hubble.agents import AgentReader
from ..hubble.edges import EdgeCounter
from ..hubble.files import FlowFile
from ..hubble.filters import build_filters
from ..hubble.observation import ALL, FlowRequest, Observation
from ..hubble.relay import RelayReader
from ..hubble.session import ask, read_file
from ..hubble.target import why_unwritable
from ..hubble.times import parse_moment
from ..kube.interface import Kube
from .covering import read_coverage
from .files import read_text, write_text
from .inventory import require_namespaces

FORMATS = ("html", "json", "markdown")
MOST_TOLD = 20
"""Drops that a result tells one by one; the files have all."""


class _Counting:
    """A Sink that counts flows by edge and keeps none."""

    def __init__(self) -> None:
        self.counter = EdgeCounter()

    def take(self, response: Json) -> None:
        """One response."""
        if "flow" in response:
            self.counter.add(response["flow"])


def check_paths(params: Params) -> None:
    """Raise InvalidInput for a report that could not be written in the end, before anything is read.

    No two formats may share a file, and none may be what the report is made of.
    """
    sources = {name: params[name] for name in ("flows_path", "before")}
    taken = {_real(path): name for name, path in sources.items() if path and isinstance(path, str)}
    for name in FORMATS:
        given = params[name]
        if not given:
            continue
        path = Path(_real(given))
        why = why_unwritable(path, makes_folders=True)
        if why:
            raise InvalidInput(
                f"{name}={given!r} cannot be written: {why}.",
                option=name,
                code="UnwritableFile",
                remedy="Give the path of a file in a directory that the task may write to.",
            )
        other = taken.setdefault(str(path), name)
        if other != name:
            raise InvalidInput(
                f"{other} and {name} are the same file, {given!r}: one would overwrite the other.",
                option=name,
                code="SameFile",
                remedy="Give each a name of its own.",
            )


def _real(path: str) -> str:
    return os.path.realpath(os.path.expanduser(path))


def earlier_report(given: object) -> Json | None:
    """The report that the option `before` names: a path, or the document itself. Raises InvalidInput."""
    if given in (None, ""):
        return None
    if isinstance(given, Mapping):
        return checked(given)
    path = _real(str(given))
    try:
        return checked(json.loads(read_text(path, "before")))
    except ValueError as error:
        raise InvalidInput(
            f"before={given!r} is not JSON: {error}.",
            option="before",
            code="InvalidReport",
            remedy="Give the JSON file that an earlier run of flow_report wrote.",
        ) from error


def request_of(params: Params, now_s: float) -> FlowRequest:
    """What Hubble is asked for: all that it has, or what `since`, `until` and `last` leave. Raises InvalidInput."""
    last = params["last"]
    if last is not None and last < 1:
        raise InvalidInput(
            f"last={last} is less than 1.", option="last", code="InvalidNumber", remedy="Give a number from 1 on."
        )
    moments = {name: parse_moment(name, params[name], now_s) if params[name] else None for name in ("since", "until")}
    since, until = moments["since"], moments["until"]
    if since is not None and until is not None and until < since:
        raise InvalidInput(
            f"until={params['until']} is before since={params['since']}.",
            option="until",
            code="InvalidTime",
            remedy="Give them in their order, or leave one out.",
        )
    return FlowRequest(
        allow=build_filters({"namespace": params["namespaces"]}) if params["namespaces"] else (),
        number=last or ALL,
        since=since,
        until=until,
        timeout_s=float(params["request_timeout"]),
    )


def flows_of_reader(reader: RelayReader | AgentReader, request: FlowRequest) -> Observed:
    """Count what Hubble tells, in memory that grows with the edges and not with the flows."""
    sink = _Counting()
    return _observed(sink, ask(reader, request, sink))


def flows_of_file(path: str, request: FlowRequest) -> Observed:
    """Count the flows of a file; lines that are none are told."""
    sink = _Counting()
    return _observed(sink, read_file(FlowFile(os.path.expanduser(path), "flows_path"), request, sink))


def _observed(sink: _Counting, seen: Observation) -> Observed:
    return Observed(
        edges=sink.counter.edges(),
        flows=sink.counter.flows,
        source=seen.source,
        lost_events=seen.lost,
        problems=tuple(seen.problems),
    )


def check_namespaces(kube: Kube, namespaces: Sequence[str]) -> None:
    """Raise InvalidInput for a namespace that does not exist, before anything is read."""
    if namespaces:
        # Reading harms nobody, so kube-system needs no second word here.
        require_namespaces(kube, namespaces, system=namespaces)


def with_coverage(observed: Observed, kube: Kube, namespaces: Sequence[str], cilium_namespace: str) -> Observed:
    """The same with what makes pods deny by default now, where the credential may read it."""
    try:
        found = read_coverage(kube, namespaces, cilium_namespace).values
    except AuthFailed as error:
        notes = (*observed.notes, f"Who is protected could not be read: {error.message}")
        return _replaced(observed, notes=notes)
    others: list[Json] = []
    for name in sorted(refusing_namespaces(observed.edges) - set(namespaces)) if namespaces else ():
        try:
            others += read_coverage(kube, [name], cilium_namespace).values["pods"]
        except CollectionError:
            # Only names of policies would be missing, of a namespace that nobody asked about or that is gone.
            continue
    return _replaced(observed, coverage=found["pods"], other_coverage=others, notes=(*observed.notes, *found["notes"]))


def _replaced(observed: Observed, **changes: Any) -> Observed:
    return Observed(**{**vars(observed), **changes})


def write_flow_report(report: Json, paths: Mapping[str, str | None], *, check_mode: bool) -> Result:
    """Write the report in each format that has a path (a key of FORMATS); what says the same already stays."""
    writers: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
        "html": report_html,
        "json": _json_text,
        "markdown": report_markdown,
    }
    files, before, after = [], {}, {}
    for name in FORMATS:
        if not paths[name]:
            continue
        path = os.path.abspath(os.path.expanduser(str(paths[name])))
        text = writers[name](report)
        digests = [_digest(_bytes_of(path)), _digest(text.encode())]
        before[path], after[path] = digests
        changed = digests[0] != digests[1]
        if changed and not check_mode:
            write_text(path, text, name)
        files.append({"format": name, "path": path, "changed": changed})
    drops = drops_of(report)
    told = drop_sentences(report, drops[:MOST_TOLD])
    return Result(
        changed=any(file["changed"] for file in files),
        values={
            "lines": summary_lines(report),
            "drops": [*told, *([f"and {len(drops) - MOST_TOLD} more"] if len(drops) > MOST_TOLD else [])],
            "summary": report["summary"],
            "files": files,
        },
        before=before,
        after=after,
    )


def _bytes_of(path: str) -> bytes | None:
    """What a file holds; None where there is none that can be read."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError:
        return None


def _digest(content: bytes | None) -> str:
    """What a difference shows of a file."""
    return "absent" if content is None else f"sha256:{hashlib.sha256(content).hexdigest()[:16]}"


def _json_text(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
