# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A module of Go's cache with edits: Go compiles a copy, since nothing in its cache may be changed or replaced."""

from __future__ import annotations

import shutil
from pathlib import Path

from .files import place
from .processes import LabError
from .recipes import Toolset

# Not compiled, and more than half of Cilium's module.
LEFT_OUT = ("Documentation", "examples", "install", "test", "vendor")


def edited_module(toolset: Toolset, source: Path, scratch: Path) -> list[str]:
    """Options of `go build` which have it take the main module, at source, with the toolset's edits from scratch."""
    copy = scratch / "module"
    for entry in sorted(source.iterdir()):
        if entry.name not in LEFT_OUT:
            place(entry, copy / entry.name)
    for edit in toolset.edits:
        text = (source / edit.file).read_text(encoding="utf-8")
        if text.count(edit.old) != 1:
            raise LabError(f"{edit.file} of {toolset.module} has {edit.old} {text.count(edit.old)} times, not once")
        (copy / edit.file).write_text(text.replace(edit.old, edit.new), encoding="utf-8")
    wanted = (toolset.directory / "go.mod").read_text(encoding="utf-8")
    (scratch / "go.mod").write_text(f"{wanted}\nreplace {toolset.module} => {copy}\n", encoding="utf-8")
    shutil.copyfile(toolset.directory / "go.sum", scratch / "go.sum")
    return ["-modfile", str(scratch / "go.mod")]
