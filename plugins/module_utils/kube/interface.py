# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the rest of the collection may ask of a Kubernetes API server; KubeClient and the tests' FakeKube answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from .._types import Completed, Json
from .kinds import Kind
from .wire import Shape

FIELD_MANAGER = "cloudnet.aks_cilium"


class Kube(Protocol):
    """One cluster. All methods raise the errors of `_errors`; every request ends within the request timeout."""

    server: str
    """URL of the API server."""
    requests: int
    """HTTP requests made so far."""

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Json | None:
        """The object, or None when it (or its kind) does not exist."""

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page: int = 500,
        only: Shape | None = None,
    ) -> Iterator[Json]:
        """Objects of one namespace or of all (None), a page at a time. NotFound when the kind does not exist.

        only: the fields that the caller reads (see wire); others may be missing. Not for custom resources.
        """

    def create(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        """POST; Conflict when it exists."""

    def replace(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        """PUT; Conflict when metadata.resourceVersion is given and no longer current."""

    def apply(
        self,
        kind: Kind,
        body: Json,
        *,
        field_manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        force: bool = False,
    ) -> Json:
        """Server-side apply; Conflict when another manager owns a field and force is not set."""

    def patch(self, kind: Kind, name: str, patch: Json, namespace: str | None = None, *, dry_run: bool = False) -> Json:
        """JSON merge patch; NotFound when absent."""

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        propagation: str = "Background",
    ) -> bool:
        """DELETE; False when there was nothing to delete."""

    def logs(
        self, namespace: str, pod: str, *, container: str | None = None, tail: int = 20, previous: bool = False
    ) -> str:
        """The last lines of a container's log."""

    def server_version(self) -> str:
        """As `v1.34.4`."""

    def kubeconfig_file(self) -> AbstractContextManager[str]:
        """Path of a kubeconfig whose current context is this cluster, for other programs; valid inside the block."""


class Exec(Protocol):
    """Runs a command in a container: `partial(exec_in_pod, client)`, or FakeKube.exec in tests."""

    def __call__(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str | None = None,
        timeout_s: float,
    ) -> Completed:
        """Run to the end; a non-zero status is returned, not raised."""
