# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files: digests, copies, and writes which are complete or absent."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from pathlib import Path


def digest(path: Path) -> str:
    """Digest of a file's content, or of the names and contents of a folder."""
    total = hashlib.sha256()
    for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
        if file.is_file():
            total.update(f"{file.relative_to(path)}\0".encode())
            total.update(hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def place(source: Path, target: Path) -> None:
    """Put a file or the content of a folder at target, writable and readable by all; link where that is enough."""
    if source.is_dir():
        target.mkdir(parents=True, exist_ok=True)
        for entry in sorted(source.iterdir()):
            place(entry, target / entry.name)
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    if os.access(source, os.X_OK):
        with contextlib.suppress(OSError):
            os.link(source, target)
            return
    shutil.copyfile(source, target)
    target.chmod(0o755 if os.access(source, os.X_OK) else 0o644)


def write_text(path: Path, text: str) -> bool:
    """Have a file hold this text, never a part of it; return whether it changed."""
    with contextlib.suppress(FileNotFoundError):
        if path.read_text(encoding="utf-8") == text:
            return False
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    return True
