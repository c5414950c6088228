# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Where evidence is kept: a file, or ConfigMaps in the cluster. Either the old text or the new one, never a half.

In the cluster a text is compressed and cut into parts; an index names the generation of the parts that count. Parts of
a new generation are written first, the index is switched last and only if nobody else switched it, and then the old
parts go. A writer that is killed leaves parts which no index names; the next writer removes them.
"""

from __future__ import annotations

import base64
import binascii
import contextlib
import fcntl
import gzip
import hashlib
import os
import tempfile
import uuid
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .._errors import CollectionError, Conflict, InvalidInput
from .._types import Json, Params
from ..cilium.policy import OWNER, OWNER_LABEL
from ..hardening.marks import ROLE_LABEL
from ..kube.interface import Kube
from ..kube.kinds import CONFIG_MAP, NAMESPACE

HARDENING_NAMESPACE = "cloudnet-hardening"
GENERATION_LABEL = "cloudnet.aks-cilium/generation"
INDEX = "evidence"
PART_BYTES = 900_000
"""Of base64 text; an object of Kubernetes may have 1 MiB."""


@dataclass(frozen=True)
class Kept:
    """What a store holds. digest: SHA-256 of the text. token: what write() needs to notice another writer."""

    text: str = ""
    digest: str = ""
    token: str = ""


class Store(Protocol):
    """Keeps one text."""

    place: str
    """How messages name it."""

    def read(self) -> Kept:
        """What it holds, checked; Kept() when it is empty. Raises InvalidInput (DamagedStore)."""

    def write(self, text: str, token: str) -> Kept:
        """Replace what read() or write() gave with this token; Conflict (StoreChanged) if it is no longer there."""

    def remove(self, *, dry_run: bool = False) -> bool:
        """Remove it; False when there was nothing."""


def store_of(params: Params, kube: Kube) -> Store:
    """The store that the option `store` names. Raises InvalidInput unless it names exactly one."""
    option = params["store"]
    if bool(option.get("path")) == bool(option.get("config_map")):
        raise InvalidInput(
            "store needs exactly one of path and config_map=true.",
            option="store",
            code="InvalidStore",
            remedy="Leave one of them out.",
        )
    return FileStore(os.path.expanduser(option["path"])) if option.get("path") else ConfigMapStore(kube)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def _changed(place: str) -> Conflict:
    return Conflict(
        f"{place} was changed by somebody else meanwhile.",
        option="store",
        code="StoreChanged",
        remedy="Only one collector may write to a store: stop the other one, or give it a store of its own.",
    )


class FileStore:
    """A file with mode 0600, replaced as a whole."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.place = f"store.path={path}"

    def read(self) -> Kept:
        """See Store. The text has a checksum of its own, which whoever parses it checks."""
        try:
            with open(self._path, encoding="utf-8") as file:
                text = file.read()
        except FileNotFoundError:
            return Kept()
        except (OSError, UnicodeDecodeError) as error:
            raise self._unusable(error) from error
        return Kept(text, _digest(text), _digest(text))

    def write(self, text: str, token: str) -> Kept:
        """See Store."""
        folder = os.path.dirname(self._path) or "."
        try:
            with _locked(folder):
                if self.read().token != token:
                    raise _changed(self.place)
                handle, temporary = tempfile.mkstemp(prefix=".evidence_", dir=folder)  # created with mode 0600
                try:
                    with os.fdopen(handle, "w", encoding="utf-8") as file:
                        file.write(text)
                        file.flush()
                        os.fsync(file.fileno())
                    os.replace(temporary, self._path)
                except BaseException:
                    with contextlib.suppress(FileNotFoundError):
                        os.unlink(temporary)
                    raise
        except OSError as error:
            raise self._unusable(error) from error
        return Kept(text, _digest(text), _digest(text))

    def remove(self, *, dry_run: bool = False) -> bool:
        """See Store."""
        if dry_run:
            return os.path.exists(self._path)
        try:
            os.unlink(self._path)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise self._unusable(error) from error
        return True

    def _unusable(self, error: Exception) -> InvalidInput:
        return InvalidInput(
            f"{self.place} cannot be used: {getattr(error, 'strerror', None) or error}.",
            option="store",
            code="UnusableStore",
            remedy="Give the path of a file in a folder that exists and may be written to.",
        )


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """A lock on the folder: it needs no file that somebody would have to remove."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


class ConfigMapStore:
    """Parts and an index in the namespace cloudnet-hardening."""

    place = f"the evidence in the namespace {HARDENING_NAMESPACE}"

    def __init__(self, kube: Kube, part_bytes: int = PART_BYTES) -> None:
        self._kube, self._part_bytes = kube, part_bytes
        self._sent = ""
        """Generation of the last write; its answer may have been lost."""

    def read(self) -> Kept:
        """See Store. A writer may switch the generation while the parts are read: then it is read again."""
        for attempt in (1, 2, 3):
            index = self._kube.get(CONFIG_MAP, INDEX, HARDENING_NAMESPACE)
            if index is None:
                return Kept()
            try:
                return self._assembled(index)
            except InvalidInput:
                latest = self._kube.get(CONFIG_MAP, INDEX, HARDENING_NAMESPACE)
                if attempt == 3 or _version(latest) == _version(index):
                    raise
        raise AssertionError("unreachable")

    def write(self, text: str, token: str) -> Kept:
        """See Store."""
        ensure_namespace(self._kube)
        # What is there before this write may go after it. Not what comes later: it may be of the writer after this one.
        old_parts = self._parts()
        index = self._kube.get(CONFIG_MAP, INDEX, HARDENING_NAMESPACE)
        if _version(index) != token and _generation(index) != (self._sent or None):
            raise _changed(self.place)
        token = _version(index)
        generation = self._sent = uuid.uuid4().hex[:12]
        packed = base64.b64encode(gzip.compress(text.encode("utf-8"), mtime=0)).decode("ascii")
        parts = [packed[start : start + self._part_bytes] for start in range(0, len(packed), self._part_bytes)]
        for number, part in enumerate(parts):
            self._kube.create(CONFIG_MAP, _config_map(f"{INDEX}-{generation}-{number}", generation, {"part": part}))
        data = {"generation": generation, "parts": str(len(parts)), "digest": _digest(text)}
        body = _config_map(INDEX, generation, data)
        try:
            if index is None:
                written = self._kube.create(CONFIG_MAP, body)
            else:
                body["metadata"]["resourceVersion"] = token
                written = self._kube.replace(CONFIG_MAP, body)
        except Conflict as error:
            self._remove_parts([f"{INDEX}-{generation}-{number}" for number in range(len(parts))])
            raise _changed(self.place) from error
        self._remove_parts(old_parts)
        return Kept(text, _digest(text), _version(written))

    def remove(self, *, dry_run: bool = False) -> bool:
        """See Store. The index goes first: parts without an index are nothing."""
        found = self._kube.get(CONFIG_MAP, INDEX, HARDENING_NAMESPACE) is not None
        if not dry_run:
            self._kube.delete(CONFIG_MAP, INDEX, HARDENING_NAMESPACE)
            self._remove_parts(self._parts())
        return found

    def _assembled(self, index: Json) -> Kept:
        data = index.get("data") or {}
        generation, count = str(data.get("generation")), str(data.get("parts"))
        parts = []
        for number in range(int(count) if count.isdigit() else 0):
            part = self._kube.get(CONFIG_MAP, f"{INDEX}-{generation}-{number}", HARDENING_NAMESPACE)
            if part is None:
                raise self._damaged(f"part {number} of generation {generation} is missing")
            parts.append(str((part.get("data") or {}).get("part", "")))
        try:
            text = gzip.decompress(base64.b64decode("".join(parts), validate=True)).decode("utf-8")
        except (OSError, EOFError, zlib.error, binascii.Error, UnicodeDecodeError) as error:
            raise self._damaged(str(error)) from error
        if _digest(text) != data.get("digest"):
            raise self._damaged("it does not match its digest")
        return Kept(text, _digest(text), _version(index))

    def _damaged(self, why: str) -> InvalidInput:
        return InvalidInput(
            f"{self.place} is damaged: {why}.",
            option="store",
            code="DamagedStore",
            remedy="Remove it (state=absent) and observe again.",
        )

    def _parts(self) -> list[str]:
        """Names of all parts that are there."""
        selector = f"{ROLE_LABEL}=evidence"
        found = self._kube.list(CONFIG_MAP, HARDENING_NAMESPACE, label_selector=selector)
        return [part["metadata"]["name"] for part in found if part["metadata"]["name"] != INDEX]

    def _remove_parts(self, names: Iterable[str]) -> None:
        """Remove parts; what cannot be removed now goes with the next write."""
        with contextlib.suppress(CollectionError):
            for name in names:
                self._kube.delete(CONFIG_MAP, name, HARDENING_NAMESPACE)


def _generation(index: Json | None) -> object:
    return ((index or {}).get("data") or {}).get("generation")


def _version(index: Json | None) -> str:
    return str(((index or {}).get("metadata") or {}).get("resourceVersion") or "")


def _config_map(name: str, generation: str, data: dict[str, str]) -> Json:
    labels = {OWNER_LABEL: OWNER, ROLE_LABEL: "evidence", GENERATION_LABEL: generation}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": HARDENING_NAMESPACE, "labels": labels},
        "data": data,
    }


def ensure_namespace(kube: Kube) -> None:
    """Make the namespace cloudnet-hardening unless it is there."""
    if kube.get(NAMESPACE, HARDENING_NAMESPACE) is not None:
        return
    # Not restricted: the canary of the role policy_hardening is a web server on port 80, which starts as root.
    labels = {OWNER_LABEL: OWNER, "pod-security.kubernetes.io/enforce": "baseline"}
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": HARDENING_NAMESPACE, "labels": labels}}
    with contextlib.suppress(Conflict):
        # Another step may be faster.
        kube.create(NAMESPACE, body)
