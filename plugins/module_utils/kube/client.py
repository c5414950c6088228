# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A typed façade over the Kubernetes API: documents in, documents out, errors of ours."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import quote

from .._errors import CollectionError, InvalidInput, NotFound, OperationFailed
from .._types import Clock, Json, Params
from .._wait import SystemClock
from .._yaml import pyyaml
from . import wire
from .interface import FIELD_MANAGER
from .kinds import Kind
from .kubeconfig import Source, find_source
from .transport import HttpTransport, Response, Transport, send
from .wire import Shape

DEFAULT_TIMEOUT_S = 30.0


def connect(params: Params, *, hide: Callable[[str], None] | None = None) -> KubeClient:
    """A client for the cluster that the options (KUBE) name. Sends nothing yet.

    hide takes the secrets of a kubeconfig that was given as a dict (they stand in the task's arguments).
    Raises InvalidInput for a kubeconfig that is missing, unreadable, malformed, or lacks the context.
    """
    source = find_source(params)
    if hide is not None and isinstance(params.get("kubeconfig"), dict):
        for secret in source.secrets():
            hide(secret)
    chosen = params.get("request_timeout")
    timeout_s = DEFAULT_TIMEOUT_S if chosen is None else float(chosen)
    if timeout_s <= 0:
        raise InvalidInput(
            f"request_timeout={timeout_s:g} is not a positive number of seconds.",
            option="request_timeout",
            code="InvalidNumber",
            remedy="Give at least 1.",
        )
    return KubeClient(HttpTransport(source, timeout_s), source, request_timeout_s=timeout_s)


class KubeClient:
    """One cluster; see interface.Kube for the promises of each method."""

    def __init__(
        self,
        transport: Transport,
        source: Source,
        *,
        request_timeout_s: float = DEFAULT_TIMEOUT_S,
        clock: Clock | None = None,
    ) -> None:
        self.transport = transport
        self.source = source
        self.server = transport.server
        self.request_timeout_s = request_timeout_s
        self.requests = 0
        self._clock = clock or SystemClock()

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Json | None:
        """See Kube."""
        try:
            return self._send("GET", object_path(kind, namespace, name)).json()
        except NotFound:
            return None

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
        """See Kube."""
        query: Json = {"limit": page}
        if label_selector:
            query["labelSelector"] = label_selector
        if field_selector:
            query["fieldSelector"] = field_selector
        path = collection_path(kind, namespace)
        while True:
            token, items = self._compact_page(path, query, only) if only is not None else self._page(path, query)
            yield from items
            if not token:
                return
            query["continue"] = token

    def _page(self, path: str, query: Json) -> tuple[str, Iterable[Json]]:
        """Token of the next page (empty at the end) and the items of this one."""
        try:
            document = self._send("GET", path, query=query).json()
        except OperationFailed as error:
            # The snapshot was too old; the API server offers to go on with a newer one.
            token = error.details.get("continue")
            if error.status != 410 or not token:
                raise
            document = self._send("GET", path, query={**query, "continue": token}).json()
        return _split(document)

    def _compact_page(self, path: str, query: Json, only: Shape) -> tuple[str, Iterable[Json]]:
        """As _page, with the chosen fields of each item."""
        try:
            response = self._send("GET", path, query=query, accept=f"{wire.ACCEPT},application/json;q=0.5")
        except CollectionError as error:
            if error.status is None:
                raise
            # An error comes in that form too; in JSON it can be told, or got over.
            return self._page(path, query)
        return wire.list_of(response.data, only) if wire.is_compact(response.data) else _split(response.json())

    def create(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        """See Kube."""
        path = collection_path(kind, _namespace_of(kind, body))
        return self._send("POST", path, query=_write_query(dry_run), body=body).json()

    def replace(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        """See Kube."""
        path = object_path(kind, _namespace_of(kind, body), _name_of(body))
        return self._send("PUT", path, query=_write_query(dry_run), body=body).json()

    def apply(
        self,
        kind: Kind,
        body: Json,
        *,
        field_manager: str = FIELD_MANAGER,
        dry_run: bool = False,
        force: bool = False,
    ) -> Json:
        """See Kube."""
        path = object_path(kind, _namespace_of(kind, body), _name_of(body))
        query = {**_write_query(dry_run), "fieldManager": field_manager, "force": "true" if force else "false"}
        return self._send("PATCH", path, query=query, body=body, content_type="application/apply-patch+yaml").json()

    def patch(self, kind: Kind, name: str, patch: Json, namespace: str | None = None, *, dry_run: bool = False) -> Json:
        """See Kube."""
        path = object_path(kind, namespace, name)
        content_type = "application/merge-patch+json"
        return self._send("PATCH", path, query=_write_query(dry_run), body=patch, content_type=content_type).json()

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        propagation: str = "Background",
    ) -> bool:
        """See Kube."""
        query: Json = {"propagationPolicy": propagation}
        if dry_run:
            query["dryRun"] = "All"
        try:
            self._send("DELETE", object_path(kind, namespace, name), query=query)
        except NotFound:
            return False
        return True

    def logs(
        self, namespace: str, pod: str, *, container: str | None = None, tail: int = 20, previous: bool = False
    ) -> str:
        """See Kube."""
        query: Json = {"tailLines": tail, "previous": "true" if previous else "false"}
        if container:
            query["container"] = container
        path = f"/api/v1/namespaces/{quote(namespace, safe='')}/pods/{quote(pod, safe='')}/log"
        return self._send("GET", path, query=query).data.decode("utf-8", "replace")

    def server_version(self) -> str:
        """See Kube."""
        return str(self._send("GET", "/version").json().get("gitVersion", ""))

    @contextlib.contextmanager
    def kubeconfig_file(self) -> Iterator[str]:
        """See Kube. The user's own file where it names one cluster only, else a private copy that is removed.

        In a file with several contexts the current one may become another while the block runs.
        """
        if self.source.path is not None and len(self.source.document["contexts"]) == 1:
            yield self.source.path
            return
        yaml = pyyaml()
        handle, path = tempfile.mkstemp(prefix="aks_cilium_kubeconfig_")  # created with mode 0600
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                yaml.safe_dump(self.source.minified(), file)
            yield path
        finally:
            os.unlink(path)

    def _send(self, method: str, path: str, **options: Any) -> Response:
        return send(self.transport, method, path, clock=self._clock, count=self.count_request, **options)

    def count_request(self) -> None:
        """One more request; exec and port-forward call it too."""
        # Threads may lose an increment; it is a number for people and budgets, not for decisions.
        self.requests += 1


def _split(document: Json) -> tuple[str, Iterable[Json]]:
    """Token of the next page and items of a List."""
    return str((document.get("metadata") or {}).get("continue") or ""), document.get("items") or []


def collection_path(kind: Kind, namespace: str | None) -> str:
    """Path of all objects of a kind, in one namespace or everywhere (None)."""
    root = f"/apis/{kind.group}/{kind.version}" if kind.group else f"/api/{kind.version}"
    if kind.namespaced and namespace is not None:
        return f"{root}/namespaces/{quote(namespace, safe='')}/{kind.plural}"
    return f"{root}/{kind.plural}"


def object_path(kind: Kind, namespace: str | None, name: str) -> str:
    """Path of one object. A namespaced kind without a namespace is a mistake of ours."""
    if kind.namespaced and not namespace:
        raise ValueError(f"{kind.kind} {name} needs a namespace")
    return f"{collection_path(kind, namespace)}/{quote(name, safe='')}"


def _name_of(body: Json) -> str:
    name = (body.get("metadata") or {}).get("name")
    if not isinstance(name, str) or not name:
        raise InvalidInput(
            f"A document of kind {body.get('kind')} has no metadata.name.",
            code="NameMissing",
            remedy="Give each object a metadata.name.",
        )
    return name


def _namespace_of(kind: Kind, body: Json) -> str | None:
    if not kind.namespaced:
        return None
    namespace = (body.get("metadata") or {}).get("namespace")
    if not isinstance(namespace, str) or not namespace:
        raise InvalidInput(
            f"{kind.kind} {(body.get('metadata') or {}).get('name')} has no metadata.namespace.",
            code="NamespaceMissing",
            remedy="Give it a metadata.namespace: no default is assumed.",
        )
    return namespace


def _write_query(dry_run: bool) -> Json:
    """Strict: a field that the API does not know is an error, not something it silently drops."""
    query = {"fieldValidation": "Strict"}
    return {**query, "dryRun": "All"} if dry_run else query
