# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the service remembers: resource groups, clusters and operations, in one file that is replaced at once."""

from __future__ import annotations

import contextlib
import copy
import json
import threading
from collections.abc import Iterator
from pathlib import Path

from .certificates import write_private
from .errors import ConfigError, Json

STATE_FILE = "state.json"
FORMAT = 1
KEPT_OPERATIONS = 200


def cluster_key(group: str, name: str) -> str:
    """Azure's names do not distinguish case."""
    return f"{group.lower()}/{name.lower()}"


class Store:
    """The state. All changes happen inside transaction(); readers get copies."""

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = directory / STATE_FILE
        self.lock = threading.RLock()
        self.depth = 0
        self.data: Json = {"format": FORMAT, "groups": {}, "clusters": {}, "networks": {}, "operations": {}}
        if self.path.exists():
            try:
                self.data = json.loads(self.path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                raise ConfigError(f"{self.path} cannot be read: {error}. Restore it or remove it.") from error
            if self.data.get("format") != FORMAT:
                raise ConfigError(f"{self.path} was written by another version of the service. Remove it.")
            self.data.setdefault("networks", {})
        self.text = json.dumps(self.data, sort_keys=True)
        """The state as it was saved last."""

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Json]:
        """The live state for reading and changing; saved when the outermost block ends without an exception."""
        with self.lock:
            self.depth += 1
            try:
                yield self.data
            except BaseException:
                if self.depth == 1:
                    self.data = json.loads(self.text)
                raise
            else:
                if self.depth == 1:
                    self._save()
            finally:
                self.depth -= 1

    def groups(self) -> list[Json]:
        """All resource groups by name."""
        return self._all("groups")

    def clusters(self) -> list[Json]:
        """All clusters by group and name."""
        return self._all("clusters")

    def operations(self) -> list[Json]:
        """All remembered operations."""
        return self._all("operations")

    def networks(self) -> list[tuple[str, Json]]:
        """All virtual networks with their keys (group/name in lower case)."""
        with self.lock:
            return [(key, copy.deepcopy(body)) for key, body in sorted(self.data["networks"].items())]

    def group(self, name: str) -> Json | None:
        """One resource group."""
        return self._one("groups", name.lower())

    def cluster(self, key: str) -> Json | None:
        """One cluster by its key."""
        return self._one("clusters", key)

    def operation(self, identifier: str) -> Json | None:
        """One operation."""
        return self._one("operations", identifier.lower())

    def _all(self, kind: str) -> list[Json]:
        with self.lock:
            return [copy.deepcopy(item) for key, item in sorted(self.data[kind].items())]

    def _one(self, kind: str, key: str) -> Json | None:
        with self.lock:
            found: Json | None = self.data[kind].get(key)
            return copy.deepcopy(found)

    def _save(self) -> None:
        # Without indentation: the encoder that is written in C is ten times as fast.
        if (text := json.dumps(self.data, sort_keys=True)) == self.text:
            return
        operations: Json = self.data["operations"]
        ended = sorted((item for item in operations.values() if item.get("end")), key=lambda item: str(item["end"]))
        for item in ended[:-KEPT_OPERATIONS]:
            del operations[item["id"]]
            text = ""
        self.text = text or json.dumps(self.data, sort_keys=True)
        write_private(self.path, self.text.encode())
