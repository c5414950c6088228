# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Kubeconfig files: read without changing meaning, written at once or not at all, locked against concurrent runs."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
from collections.abc import Iterator

from .._errors import Conflict, InvalidInput
from .._types import Clock, Json
from .._wait import SystemClock
from .._yaml import loader, place_of, pyyaml
from .kubeconfig import check

MODE = 0o600
LOCK_TIMEOUT_S = 60.0


def parse(text: str, path: str) -> Json:
    """A kubeconfig from YAML text; InvalidInput when it is neither empty nor a kubeconfig."""
    yaml = pyyaml()
    try:
        document = yaml.load(text, Loader=loader())
    except yaml.YAMLError as error:
        raise InvalidInput(
            f"path={path} exists and is not valid YAML{place_of(error)}; it was left as it is.",
            option="path",
            code="NotAKubeconfig",
            remedy="Repair the file, give another path, or move it away.",
        ) from error
    return check(document, path)


def read(path: str) -> Json | None:
    """The kubeconfig in a file, None where there is no file."""
    try:
        with open(path, encoding="utf-8") as file:
            return parse(file.read(), path)
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(path, "cannot be read", error) from error


def has_safe_mode(path: str) -> bool:
    """Whether only the owner can read the file."""
    try:
        return stat.S_IMODE(os.stat(path).st_mode) == MODE
    except FileNotFoundError:
        return True


def write(path: str, document: Json) -> None:
    """Replace the file in one step; readers see the old content or the new one, always with mode 0600."""
    text = pyyaml().safe_dump(document, sort_keys=False, default_flow_style=False)
    try:
        handle, temporary = tempfile.mkstemp(prefix=".kubeconfig-", dir=os.path.dirname(path))
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                os.fchmod(file.fileno(), MODE)
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        raise _unusable(path, "cannot be written", error) from error


def remove(path: str) -> None:
    """Remove the file; absent is fine."""
    try:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
    except OSError as error:
        raise _unusable(path, "cannot be removed", error) from error


@contextlib.contextmanager
def locked(path: str, *, create: bool, clock: Clock | None = None) -> Iterator[None]:
    """Hold the lock of the file's folder, so that no lock file stays; create: make the folder (0700) if needed."""
    clock = clock or SystemClock()
    folder = os.path.dirname(path)
    try:
        if create:
            os.makedirs(folder, mode=0o700, exist_ok=True)
        handle = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        # Nothing is there, and nothing is to be made: nobody to lock out.
        yield
        return
    except OSError as error:
        raise _unusable(path, "has no usable folder", error) from error
    try:
        deadline = clock.monotonic() + LOCK_TIMEOUT_S
        while not _try_lock(handle, path):
            if clock.monotonic() >= deadline:
                raise Conflict(
                    f"path={path} is locked by another run for more than {LOCK_TIMEOUT_S:.0f} s.",
                    option="path",
                    code="KubeconfigLocked",
                    remedy="Wait for the other run, then run again.",
                )
            clock.sleep(0.05)
        yield
    finally:
        os.close(handle)


def _try_lock(handle: int, path: str) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        raise _unusable(path, "cannot be locked", error) from error
    return True


def _unusable(path: str, what: str, error: Exception) -> InvalidInput:
    reason = getattr(error, "strerror", None) or "it is not text"
    return InvalidInput(
        f"path={path} {what}: {reason}.",
        option="path",
        code="KubeconfigUnusable",
        remedy="Check the path and its permissions; the file was left as it is.",
    )
