# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The file that flows are written to: whether it can be, and its replacement as a whole."""

from __future__ import annotations

import contextlib
import filecmp
import gzip
import io
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from .._errors import OperationFailed

COMPRESSION = 4
"""Of gzip: with more it would be slower than the flows come, for little."""


@dataclass
class Target:
    """A file while it is written."""

    file: IO[bytes]
    replaced: bool = False
    """Known at the end of its block: whether it was not there before, or had another content."""


def why_unwritable(path: Path, *, makes_folders: bool = False) -> str:
    """Why a file cannot be made or replaced, as far as that can be told without trying; empty when it can.

    makes_folders: whether absent directories would be made.
    """
    if path.is_dir():
        return "it is a directory"
    if path.exists() and not path.is_file():
        # Replaced, a device or a pipe would be gone.
        return "it is no ordinary file"
    folder = path.absolute().parent
    while makes_folders and not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if not folder.is_dir():
        return f"{folder} is no directory" if folder.exists() else f"there is no directory {folder}"
    return "" if os.access(folder, os.W_OK | os.X_OK) else f"nothing can be written into {folder}"


@contextlib.contextmanager
def new_file(path: str, option: str = "dest", *, writes: bool = True) -> Iterator[Target]:
    """A file that appears under its name when the block ends without an error, unless the same is there already.

    Compressed where the name ends in `.gz`. Only its owner may read it. With writes=False nothing is written, only
    compared. Raises OperationFailed, at once where that can be told.
    """
    target = Path(path).expanduser()
    why = why_unwritable(target)
    if why:
        raise _unwritable(option, path, why)
    try:
        with contextlib.ExitStack() as stack:
            opened = _Written(target) if writes else _Compared(target)
            plain = stack.enter_context(contextlib.closing(opened))
            found = Target(plain.file)
            with contextlib.ExitStack() as compressing:
                if target.suffix == ".gz":
                    found.file = compressing.enter_context(_compressed(plain.file))
                yield found
            found.replaced = plain.finish()
    except OSError as error:
        raise _unwritable(option, path, error.strerror or str(error)) from error


class _Written:
    """A new file beside the old one, which it replaces."""

    def __init__(self, target: Path) -> None:
        self._target = target
        number, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        self._new = Path(name)
        self.file: IO[bytes] = os.fdopen(number, "wb")

    def finish(self) -> bool:
        """Whether it was replaced."""
        self.file.close()
        # Of the same size first: where they differ, nothing has to be read.
        if self._target.is_file() and filecmp.cmp(self._new, self._target, shallow=False):
            return False
        self._new.replace(self._target)
        return True

    def close(self) -> None:
        """Leave nothing behind."""
        self.file.close()
        self._new.unlink(missing_ok=True)


class _Compared:
    """Nothing but the comparison with the old file."""

    def __init__(self, target: Path) -> None:
        self._comparison = _Comparison(target.open("rb") if target.is_file() else None)
        self.file: IO[bytes] = self._comparison  # type: ignore[assignment]

    def finish(self) -> bool:
        """Whether it would be replaced."""
        return not self._comparison.is_same()

    def close(self) -> None:
        """Close the old file."""
        self._comparison.close()


class _Comparison(io.RawIOBase):
    """Takes what would be written and holds it against an old file, in constant memory."""

    def __init__(self, old: IO[bytes] | None) -> None:
        self._old, self._same = old, old is not None

    def writable(self) -> bool:
        """See io."""
        return True

    def write(self, data: Any) -> int:
        """Compare a piece."""
        if self._old is not None and self._same:
            self._same = self._old.read(len(data)) == bytes(data)
        return len(data)

    def is_same(self) -> bool:
        """Whether all of the old file has come, and nothing else."""
        return self._old is not None and self._same and not self._old.read(1)

    def close(self) -> None:
        """See io."""
        if self._old is not None:
            self._old.close()
        super().close()


def _compressed(plain: IO[bytes]) -> IO[bytes]:
    # Without a time in it, the same flows make the same file.
    return gzip.GzipFile(filename="", fileobj=plain, mode="wb", compresslevel=COMPRESSION, mtime=0)  # type: ignore[return-value]


def _unwritable(option: str, path: str, why: str) -> OperationFailed:
    return OperationFailed(
        f"{option}={path} cannot be written: {why}.",
        option=option,
        code="FileUnwritable",
        remedy="Give the path of a file in a directory that exists and that the task may write to.",
    )
