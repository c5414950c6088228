# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Stand-ins for the effects of the collection: time, programs, and a Kubernetes API server kept in a dict."""

from __future__ import annotations

import contextlib
import copy
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    Conflict,
    NotFound,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed, Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import Kind, kind_of


class FakeClock:
    """Time that moves only by sleep(). `during_sleep` callables run after each sleep, so that the world can change."""

    def __init__(self) -> None:
        self.now = 0.0
        self.sleeps: list[float] = []
        self.during_sleep: list[Callable[[], None]] = []

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        self.sleeps.append(seconds)
        for act in list(self.during_sleep):
            act()


class FakeRunner:
    """Runs nothing. Answers come from `answer`, a callable on argv, or else from the list `results`, in order."""

    def __init__(
        self, *results: Completed | CollectionError, answer: Callable[[Sequence[str]], Completed] | None = None
    ) -> None:
        self.results = list(results)
        self.answer = answer
        self.calls: list[list[str]] = []
        self.stdins: list[str | None] = []

    def __call__(
        self,
        argv: Sequence[str],
        *,
        timeout_s: float,
        stdin: str | None = None,
        without: Sequence[str] = (),
        given: Mapping[str, str] | None = None,
    ) -> Completed:
        self.calls.append(list(argv))
        self.stdins.append(stdin)
        if self.answer is not None:
            return self.answer(argv)
        if not self.results:
            raise AssertionError(f"unexpected process: {list(argv)}")
        result = self.results.pop(0)
        if isinstance(result, CollectionError):
            raise result
        return Completed(argv, result.rc, result.stdout, result.stderr)


def completed(rc: int = 0, stdout: str = "", stderr: str = "") -> Completed:
    """A finished process whose argv the FakeRunner fills in."""
    return Completed([], rc, stdout, stderr)


@dataclass(frozen=True)
class Write:
    """One request that would change the cluster, dry runs included."""

    verb: str
    kind: str
    namespace: str | None
    name: str
    body: Json | None = None
    dry_run: bool = False


@dataclass
class FakeKube:
    """The interface `Kube` over a dict of documents.

    writes holds every non-dry write in order, dry_writes the dry ones. failures maps (verb, kind name) or
    (verb, kind name, object name) to the error to raise; verbs: get list create replace apply patch delete logs exec.
    absent_kinds are kinds whose CRD is not installed. reactions run after each real write and may change documents, as
    controllers do. exec_answers decides what a command in a container answers.
    """

    server: str = "https://fake:6443"
    requests: int = 0
    writes: list[Write] = field(default_factory=list)
    dry_writes: list[Write] = field(default_factory=list)
    failures: dict[tuple[str, ...], CollectionError] = field(default_factory=dict)
    absent_kinds: set[Kind] = field(default_factory=set)
    reactions: list[Callable[[FakeKube, Write], None]] = field(default_factory=list)
    container_logs: dict[tuple[str, str], str] = field(default_factory=dict)
    exec_answers: Callable[[str, str, Sequence[str], str | None], Completed] | None = None
    execs: list[tuple[str, str, list[str]]] = field(default_factory=list)
    version: str = "v1.34.4"
    _objects: dict[tuple[str, str, str | None, str], Json] = field(default_factory=dict)
    _applied: dict[tuple[str, str, str | None, str], Json] = field(default_factory=dict)
    _revision: int = 0

    def add(self, *documents: Json) -> FakeKube:
        """Put documents into the cluster as they are; replaces those of the same name."""
        for document in documents:
            kind = kind_of(document)
            stored = copy.deepcopy(document)
            metadata = stored.setdefault("metadata", {})
            self._objects[_key(kind, metadata.get("namespace"), metadata["name"])] = self._stamp(stored)
        return self

    def remove(self, kind: Kind, name: str, namespace: str | None = None) -> None:
        """Take a document away without recording a write."""
        del self._objects[_key(kind, namespace, name)]

    def change(self, kind: Kind, name: str, namespace: str | None = None) -> Json:
        """The stored document itself, for tests that act as a controller."""
        return self._objects[_key(kind, namespace, name)]

    def get(self, kind: Kind, name: str, namespace: str | None = None) -> Json | None:
        self._request("get", kind, name)
        found = self._objects.get(_key(kind, namespace, name))
        return copy.deepcopy(found)

    def list(
        self,
        kind: Kind,
        namespace: str | None = None,
        *,
        label_selector: str = "",
        field_selector: str = "",
        page: int = 500,
        only: object = None,
    ) -> Iterator[Json]:
        self._request("list", kind)
        if kind in self.absent_kinds:
            raise NotFound("the server could not find the requested resource", code="NotFound", status=404)
        for (group, kind_name, where, _name), document in sorted(self._objects.items(), key=lambda item: str(item[0])):
            if (group, kind_name) != (kind.group, kind.kind) or namespace not in (None, where):
                continue
            if _labels_match(document, label_selector) and _fields_match(document, field_selector):
                yield copy.deepcopy(document)

    def create(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        key = self._write_request("create", kind, body)
        if key in self._objects:
            raise Conflict(f"{kind.plural} {key[3]!r} already exists", code="AlreadyExists", status=409)
        return self._store("create", key, copy.deepcopy(body), body, dry_run)

    def replace(self, kind: Kind, body: Json, *, dry_run: bool = False) -> Json:
        key = self._write_request("replace", kind, body)
        current = self._existing(kind, key)
        version = body["metadata"].get("resourceVersion")
        if version not in (None, current["metadata"]["resourceVersion"]):
            raise Conflict("the object has been modified", code="Conflict", status=409)
        return self._store("replace", key, copy.deepcopy(body), body, dry_run)

    def apply(
        self,
        kind: Kind,
        body: Json,
        *,
        field_manager: str = "cloudnet.aks_cilium",
        dry_run: bool = False,
        force: bool = False,
    ) -> Json:
        """Server-side apply of one manager: fields it no longer names go, everybody else's stay, lists are replaced."""
        key = self._write_request("apply", kind, body)
        current = copy.deepcopy(self._objects.get(key, {}))
        merged = _merge(_without(current, self._applied.get(key, {})), body)
        if not dry_run:
            self._applied[key] = copy.deepcopy(body)
        return self._store("apply", key, merged, body, dry_run)

    def patch(self, kind: Kind, name: str, patch: Json, namespace: str | None = None, *, dry_run: bool = False) -> Json:
        self._request("patch", kind, name)
        key = _key(kind, namespace, name)
        current = self._existing(kind, key)
        for field_name in ("resourceVersion", "uid"):
            wanted = (patch.get("metadata") or {}).get(field_name)
            if wanted not in (None, current["metadata"][field_name]):
                raise Conflict("the object has been modified", code="Conflict", status=409)
        merged = _merge(copy.deepcopy(current), patch, null_removes=True)
        return self._store("patch", key, merged, patch, dry_run)

    def delete(
        self,
        kind: Kind,
        name: str,
        namespace: str | None = None,
        *,
        dry_run: bool = False,
        propagation: str = "Background",
    ) -> bool:
        self._request("delete", kind, name)
        key = _key(kind, namespace, name)
        if key not in self._objects:
            return False
        if not dry_run:
            del self._objects[key]
            self._applied.pop(key, None)
        self._record(Write("delete", kind.kind, key[2], name, None, dry_run))
        return True

    def logs(
        self, namespace: str, pod: str, *, container: str | None = None, tail: int = 20, previous: bool = False
    ) -> str:
        self.requests += 1
        if ("logs", pod) in self.failures:
            raise self.failures["logs", pod]
        return self.container_logs.get((namespace, pod), "")

    def exec(
        self,
        namespace: str,
        pod: str,
        command: Sequence[str],
        *,
        container: str | None = None,
        timeout_s: float = 30.0,
    ) -> Completed:
        """Fits the Protocol `Exec`; records the command and asks exec_answers."""
        self.execs.append((namespace, pod, [*command]))
        if self.exec_answers is None:
            raise AssertionError(f"unexpected exec in {namespace}/{pod}: {[*command]}")
        return self.exec_answers(namespace, pod, command, container)

    def server_version(self) -> str:
        self.requests += 1
        return self.version

    @contextlib.contextmanager
    def kubeconfig_file(self) -> Iterator[str]:
        with tempfile.NamedTemporaryFile("w", suffix=".kubeconfig") as file:
            yield file.name

    def _request(self, verb: str, kind: Kind, name: str = "") -> None:
        self.requests += 1
        for key in ((verb, kind.kind, name), (verb, kind.kind)):
            if key in self.failures:
                raise self.failures[key]

    def _write_request(self, verb: str, kind: Kind, body: Json) -> tuple[str, str, str | None, str]:
        metadata = body["metadata"]
        self._request(verb, kind, metadata["name"])
        if kind in self.absent_kinds:
            raise NotFound("the server could not find the requested resource", code="NotFound", status=404)
        if kind.namespaced and not metadata.get("namespace"):
            raise AssertionError(f"{kind.kind} {metadata['name']} is written without a namespace")
        return _key(kind, metadata.get("namespace"), metadata["name"])

    def _existing(self, kind: Kind, key: tuple[str, str, str | None, str]) -> Json:
        if key not in self._objects:
            raise NotFound(f"{kind.plural} {key[3]!r} not found", code="NotFound", status=404)
        return self._objects[key]

    def _store(
        self, verb: str, key: tuple[str, str, str | None, str], document: Json, body: Json, dry_run: bool
    ) -> Json:
        result = copy.deepcopy(document)
        if not dry_run:
            result = self._stamp(document)
            self._objects[key] = result
        self._record(Write(verb, key[1], key[2], key[3], copy.deepcopy(body), dry_run))
        return copy.deepcopy(result)

    def _stamp(self, document: Json) -> Json:
        self._revision += 1
        metadata = document.setdefault("metadata", {})
        metadata["resourceVersion"] = str(self._revision)
        metadata.setdefault("uid", f"uid-{self._revision}")
        metadata.setdefault("creationTimestamp", "2026-11-30T12:00:00Z")
        return document

    def _record(self, write: Write) -> None:
        if write.dry_run:
            self.dry_writes.append(write)
            return
        self.writes.append(write)
        for react in self.reactions:
            react(self, write)


def _key(kind: Kind, namespace: str | None, name: str) -> tuple[str, str, str | None, str]:
    return kind.group, kind.kind, namespace if kind.namespaced else None, name


def _merge(target: Json, patch: Json, *, null_removes: bool = False) -> Json:
    for name, value in patch.items():
        if value is None and null_removes:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            target[name] = _merge(inner if isinstance(inner, dict) else {}, value, null_removes=null_removes)
        else:
            target[name] = copy.deepcopy(value)
    return target


def _without(document: Json, fields: Json) -> Json:
    """The document without the leaves that `fields` names (apiVersion, kind and identity stay)."""
    result: dict[str, Any] = {}
    for name, value in document.items():
        if name not in fields or name in ("apiVersion", "kind", "name", "namespace"):
            result[name] = value
        elif isinstance(value, dict) and isinstance(fields[name], dict):
            inner = _without(value, fields[name])
            if inner:
                result[name] = inner
    return result


def _labels_match(document: Json, selector: str) -> bool:
    labels = document.get("metadata", {}).get("labels") or {}
    for term in filter(None, (part.strip() for part in selector.split(","))):
        if "!=" in term:
            name, value = term.split("!=", 1)
            matches = labels.get(name) != value
        elif "=" in term:
            name, value = term.replace("==", "=").split("=", 1)
            matches = labels.get(name) == value
        elif term.startswith("!"):
            matches = term[1:] not in labels
        elif " " in term:
            raise AssertionError(f"FakeKube knows no set-based selectors: {selector}")
        else:
            matches = term in labels
        if not matches:
            return False
    return True


def _fields_match(document: Json, selector: str) -> bool:
    for term in filter(None, selector.split(",")):
        negated = "!=" in term
        path, value = term.split("!=" if negated else "=", 1)
        found: Any = document
        for part in path.split("."):
            found = (found or {}).get(part)
        if (str(found or "") == value) == negated:
            return False
    return True
