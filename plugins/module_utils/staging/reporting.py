# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Writes the report's files, and leaves them alone when they say the same already."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from typing import Any

from .._types import Json, Result
from ..hardening.report import SCHEMA, summary_lines
from ..hardening.report_html import report_html
from ..hardening.report_markdown import report_markdown
from .files import write_text

FORMATS = ("json", "html", "markdown")


def write_report(report: Json, paths: Mapping[str, str | None], *, check_mode: bool) -> Result:
    """Write the report in each format that has a path (a key of FORMATS).

    A JSON report of the same digest is kept, and all other formats with it as long as they exist.
    """
    wanted = {name: os.path.expanduser(path) for name, path in paths.items() if path}
    kept = _report_of(wanted.get("json"))
    same = kept is not None and kept.get("digest") == report["digest"]
    # What is shown belongs to the run that made it: a missing format is made from the report that stands.
    shown: Json = kept if kept is not None and same else report
    writers: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
        "json": _json_text,
        "html": report_html,
        "markdown": report_markdown,
    }
    changed = []
    for name in FORMATS:
        if name in wanted and not (same and os.path.exists(wanted[name])):
            text = writers[name](shown)
            if _read(wanted[name]) != text:
                changed.append(name)
                if not check_mode:
                    write_text(wanted[name], text, name)
    return Result(
        changed=bool(changed),
        values={
            "digest": report["digest"],
            "lines": summary_lines(report),
            "summary": report["summary"],
            "files": [{"format": name, "path": path, "changed": name in changed} for name, path in wanted.items()],
        },
        before={"digest": (kept or {}).get("digest", "")},
        after={"digest": report["digest"]},
    )


def _read(path: str) -> str | None:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError):
        return None


def _report_of(path: str | None) -> Json | None:
    """The report that a file holds; None where there is none that can be read."""
    text = _read(path) if path else None
    try:
        found = json.loads(text) if text else None
    except ValueError:
        return None
    return found if isinstance(found, dict) and found.get("schema") == SCHEMA else None


def _json_text(report: Mapping[str, Any]) -> str:
    return json.dumps(report, indent=2, sort_keys=True) + "\n"
