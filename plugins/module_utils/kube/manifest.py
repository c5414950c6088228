# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Applies the objects of a manifest and waits until they work."""

from __future__ import annotations

import copy
from collections.abc import Sequence

from .._errors import InvalidInput, NotFound
from .._text import agree, counted
from .._types import MASK, Clock, Json, Progress, Result
from .._wait import Look, silent, wait_until
from .._yaml import documents_of
from .interface import Kube
from .kinds import NAMESPACE, Kind, kind_of
from .ready import Readiness, readiness

INTERVAL_S = 1.0
# Set by the API server or by controllers: never part of what a manifest manages.
SERVER_FIELDS = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp", "selfLink")


def read_manifest(definition: object) -> list[Json]:
    """The objects of a definition: YAML text, a list (a Kubernetes List too) or one object. Raises InvalidInput."""
    documents: list[Json] = []
    found = documents_of(definition, "definition", "definition")
    if not found or not isinstance(definition, (str, dict, list)):
        raise InvalidInput(
            "definition must hold at least one Kubernetes object, "
            f"found {type(definition).__name__ if found else 'none'}.",
            option="definition",
            code="NoObjects",
            remedy="Give YAML text, a list of objects, or one object.",
        )
    for number, document in enumerate(found, start=1):
        if not isinstance(document, dict):
            raise InvalidInput(
                f"definition: object {number} is a {type(document).__name__}, not a mapping.",
                option="definition",
                code="NotAnObject",
                remedy="Give objects as `kubectl get --output yaml` shows them.",
            )
        kind_of(document)
        if not isinstance((document.get("metadata") or {}).get("name"), str):
            raise InvalidInput(
                f"definition: object {number} ({document.get('kind')}) has no metadata.name.",
                option="definition",
                code="NoName",
                remedy="Give each object a metadata.name.",
            )
        documents.append(document)
    return documents


def ensure_present(
    kube: Kube,
    documents: Sequence[Json],
    *,
    check_mode: bool,
    timeout_s: float | None,
    progress: Progress = silent,
    clock: Clock | None = None,
) -> Result:
    """Apply in order, then wait up to timeout_s seconds until all work (None: do not wait)."""
    rows: list[Json] = []
    before: Json = {}
    after: Json = {}
    for document in documents:
        kind, name, namespace = _identity(document)
        old = kube.get(kind, name, namespace)
        new = _apply(kube, kind, document, check_mode)
        changed = old is None or _content(old) != _content(new)
        rows.append(_row(document, changed))
        if changed:
            key = _label(document)
            before[key] = _managed(old, document) if old is not None else None
            after[key] = _managed(new, document)
    if timeout_s is not None and not check_mode:
        wait_until(
            lambda: _look(kube, documents),
            what="workload",
            timeout_s=timeout_s,
            interval_s=INTERVAL_S,
            clock=clock,
            progress=progress,
            remedy="Look at the events: kubectl describe the object that is named.",
        )
    values: Json = {"objects": rows, "addresses": _addresses(kube, documents)}
    return Result(any(row["changed"] for row in rows), values, before, after)


def ensure_absent(
    kube: Kube,
    documents: Sequence[Json],
    *,
    check_mode: bool,
    timeout_s: float | None,
    progress: Progress = silent,
    clock: Clock | None = None,
) -> Result:
    """Delete in reverse order, then wait up to timeout_s seconds until all are gone (None: do not wait)."""
    rows: list[Json] = []
    before: Json = {}
    after: Json = {}
    for document in reversed(documents):
        kind, name, namespace = _identity(document)
        old = kube.get(kind, name, namespace)
        if old is not None:
            before[_label(document)] = _managed(old, document)
            after[_label(document)] = None
            if not check_mode:
                kube.delete(kind, name, namespace)
        rows.append(_row(document, old is not None))
    if timeout_s is not None and not check_mode:
        wait_until(
            lambda: _gone(kube, documents),
            what="deletion",
            timeout_s=timeout_s,
            interval_s=INTERVAL_S,
            clock=clock,
            progress=progress,
            remedy="An object with finalizers waits for its controller: kubectl get it with --output yaml.",
        )
    rows.reverse()
    return Result(any(row["changed"] for row in rows), {"objects": rows}, before, after)


def _identity(document: Json) -> tuple[Kind, str, str | None]:
    kind = kind_of(document)
    metadata = document["metadata"]
    return kind, metadata["name"], metadata.get("namespace", "default") if kind.namespaced else None


def _label(document: Json) -> str:
    kind, name, namespace = _identity(document)
    return f"{kind.kind} {namespace}/{name}" if namespace else f"{kind.kind} {name}"


def _row(document: Json, changed: bool) -> Json:
    kind, name, namespace = _identity(document)
    return {"kind": kind.kind, "namespace": namespace or "", "name": name, "changed": changed}


def _apply(kube: Kube, kind: Kind, document: Json, check_mode: bool) -> Json:
    try:
        return kube.apply(kind, document, dry_run=check_mode)
    except NotFound:
        # A dry run cannot see the namespace that an earlier object of the same manifest will create.
        if check_mode:
            return document
        raise


def _content(live: Json) -> Json:
    """A live object without what the server alone writes."""
    content = {key: value for key, value in live.items() if key != "status"}
    metadata = {key: value for key, value in live.get("metadata", {}).items() if key not in SERVER_FIELDS}
    return {**content, "metadata": metadata}


def _managed(live: Json, document: Json) -> Json:
    """The part of a live object that the manifest names, for the diff; of a Secret the keys, never the values."""
    managed = {key: _restrict(live.get(key), value) for key, value in copy.deepcopy(document).items() if key in live}
    if document.get("kind") == "Secret":
        for field in ("data", "stringData"):
            values = managed.get(field)
            if isinstance(values, dict):
                managed[field] = dict.fromkeys(values, MASK)
    return managed


def _restrict(live: object, wanted: object) -> object:
    if isinstance(live, dict) and isinstance(wanted, dict):
        return {key: _restrict(live[key], value) for key, value in wanted.items() if key in live}
    if isinstance(live, list) and isinstance(wanted, list) and len(live) == len(wanted):
        return [_restrict(one, other) for one, other in zip(live, wanted, strict=True)]
    return live


def _look(kube: Kube, documents: Sequence[Json]) -> Look[None]:
    """Whether all objects work; the state names the first that does not."""
    for document in documents:
        kind, name, namespace = _identity(document)
        live = kube.get(kind, name, namespace)
        state = Readiness(False, "missing") if live is None else readiness(live)
        if not state.ready:
            return Look(False, f"{_label(document)}: {state.reason}", None)
    return Look(True, f"{counted(len(documents), 'object')} {agree(len(documents), 'works', 'work')}", None)


def _gone(kube: Kube, documents: Sequence[Json]) -> Look[None]:
    for document in documents:
        kind, name, namespace = _identity(document)
        live = kube.get(kind, name, namespace)
        if live is not None:
            phase = (live.get("status") or {}).get("phase", "present") if kind == NAMESPACE else "present"
            return Look(False, f"{_label(document)}: {phase}", None)
    return Look(True, "all gone", None)


def _addresses(kube: Kube, documents: Sequence[Json]) -> Json:
    """External addresses of the LoadBalancer Services, as they are now."""
    addresses: Json = {}
    for document in documents:
        kind, name, namespace = _identity(document)
        if kind.kind == "Service" and (document.get("spec") or {}).get("type") == "LoadBalancer":
            live = kube.get(kind, name, namespace) or {}
            ingress = ((live.get("status") or {}).get("loadBalancer") or {}).get("ingress") or []
            if ingress:
                addresses[f"{namespace}/{name}"] = ingress[0].get("ip") or ingress[0].get("hostname", "")
    return addresses
