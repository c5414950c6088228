# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which cluster, and with which credential: from the options, the environment, or the default kubeconfig.

Everything is checked here before anything is sent. Nothing in this file writes to a kubeconfig.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .._errors import InvalidInput
from .._types import Json, Params
from .._yaml import loader, place_of, pyyaml

DEFAULT_PATH = "~/.kube/config"
OPTIONS_USER = "options-of-the-task"
_REMEDY = "Give kubeconfig (a path or the content as a dict), or host with api_key, or set K8S_AUTH_KUBECONFIG."
_FETCH = "Fetch one with aks_kubeconfig, or with: az aks get-credentials --resource-group GROUP --name NAME --file PATH"


@dataclass(frozen=True)
class Source:
    """A complete kubeconfig document with absolute paths, and the context to use of it."""

    document: Json
    context: str
    path: str | None
    """The user's file when the document is exactly one file whose current context is the one to use."""

    @property
    def cluster(self) -> Json:
        """The cluster of the context."""
        cluster: Json = _named(self.document, "clusters", _context(self.document, self.context)["cluster"])["cluster"]
        return cluster

    @property
    def user(self) -> Json:
        """The user of the context; empty when it has none."""
        name = _context(self.document, self.context).get("user")
        return next((user.get("user") or {} for user in self.document["users"] if user.get("name") == name), {})

    def minified(self) -> Json:
        """The document with its context alone, and what that needs; as `kubectl config view --minify`."""
        chosen = _named(self.document, "contexts", self.context)
        context = chosen.get("context") or {}
        return {
            **self.document,
            "current-context": self.context,
            "contexts": [chosen],
            "clusters": [entry for entry in self.document["clusters"] if entry.get("name") == context.get("cluster")],
            "users": [entry for entry in self.document["users"] if entry.get("name") == context.get("user")],
        }

    def secrets(self) -> list[str]:
        """Values that must not be shown."""
        names = ("token", "password", "client-key-data")
        return [str(self.user[name]) for name in names if self.user.get(name)]


def find_source(params: Params, environ: Mapping[str, str] | None = None) -> Source:
    """The kubeconfig to use. Options win over the environment, the environment over the default file.

    Order: kubeconfig, host, K8S_AUTH_HOST, K8S_AUTH_KUBECONFIG, KUBECONFIG, ~/.kube/config. K8S_AUTH_CONTEXT
    counts only with K8S_AUTH_KUBECONFIG, the other K8S_AUTH_* variables only with a host.
    Raises InvalidInput that names the option and its value.
    """
    environ = os.environ if environ is None else environ
    given = params.get("kubeconfig")
    if isinstance(given, dict):
        source = _checked(copy.deepcopy(given), "kubeconfig", "the given dict", None, params)
    elif given:
        source = _from_paths(str(given), "kubeconfig", params)
    elif params.get("host") or environ.get("K8S_AUTH_HOST"):
        return _from_host(params, environ)
    elif environ.get("K8S_AUTH_KUBECONFIG"):
        context = params.get("context") or environ.get("K8S_AUTH_CONTEXT")
        path = environ["K8S_AUTH_KUBECONFIG"]
        source = _from_paths(path, "K8S_AUTH_KUBECONFIG", {**params, "context": context})
    elif environ.get("KUBECONFIG"):
        source = _from_paths(environ["KUBECONFIG"], "KUBECONFIG", params)
    else:
        if not os.path.exists(os.path.expanduser(DEFAULT_PATH)):
            raise InvalidInput(
                f"No cluster is named: kubeconfig and host are not set, and {DEFAULT_PATH} does not exist.",
                option="kubeconfig",
                code="KubeconfigMissing",
                remedy=f"{_REMEDY} {_FETCH}",
            )
        source = _from_paths(DEFAULT_PATH, "kubeconfig (default)", params)
    return _overridden(source, params)


def _from_paths(value: str, option: str, params: Params) -> Source:
    """One path, or several as KUBECONFIG allows: the first file that names an object wins; missing ones are skipped."""
    paths = [os.path.expanduser(value)]
    if not os.path.exists(paths[0]) and os.pathsep in value:
        listed = [os.path.expanduser(path) for path in value.split(os.pathsep) if path]
        paths = [path for path in listed if os.path.exists(path)] or listed[:1]
    documents = [_read(path, option) for path in paths]
    merged = documents[0]
    for other in documents[1:]:
        for part in ("clusters", "contexts", "users"):
            names = {entry.get("name") for entry in merged[part]}
            merged[part] += [entry for entry in other[part] if entry.get("name") not in names]
        merged["current-context"] = merged.get("current-context") or other.get("current-context")
    return _checked(merged, option, os.pathsep.join(paths), paths[0] if len(paths) == 1 else None, params)


def _read(path: str, option: str) -> Json:
    yaml = pyyaml()

    def invalid(reason: str, code: str) -> InvalidInput:
        return InvalidInput(
            f"{option}={path} {reason}.",
            option="kubeconfig",
            code=code,
            target=path,
            remedy=f"Give another path. {_FETCH}",
        )

    if not os.path.exists(path):
        raise invalid("does not exist", "KubeconfigMissing")
    if not os.path.isfile(path):
        raise invalid("is not a file", "KubeconfigUnreadable")
    try:
        document = yaml.load(Path(path).read_bytes(), Loader=loader())
    except OSError as error:
        raise invalid(f"cannot be read: {error.strerror}", "KubeconfigUnreadable") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        # The parser's text quotes the file, which holds credentials: only the place is told.
        raise invalid(f"is not YAML{place_of(error)}", "KubeconfigInvalid") from None
    if not isinstance(document, dict):
        raise invalid("is not a kubeconfig: it holds no mapping with clusters, users and contexts", "KubeconfigInvalid")
    for part in ("clusters", "contexts", "users"):
        document[part] = _entries(document, part, option, path)
    _make_absolute(document, os.path.dirname(os.path.abspath(path)))
    return document


def _checked(document: Json, option: str, place: str, path: str | None, params: Params) -> Source:
    """The document with its context resolved to a cluster that has a server."""
    for part in ("clusters", "contexts", "users"):
        document[part] = _entries(document, part, option, place)
    names = sorted(str(context.get("name")) for context in document["contexts"])
    if not names:
        raise InvalidInput(
            f"{option}={place} has no contexts.", option="kubeconfig", code="KubeconfigInvalid", remedy=_FETCH
        )
    wanted = params.get("context") or document.get("current-context")
    if not wanted:
        raise InvalidInput(
            f"{option}={place} has no current-context and context is not set.",
            option="context",
            code="ContextMissing",
            remedy=f"Set context to one of: {', '.join(names)}.",
        )
    if wanted not in names:
        raise InvalidInput(
            f"context={wanted} is not in {place}.",
            option="context",
            code="ContextNotFound",
            remedy=f"Set context to one of: {', '.join(names)}.",
        )
    cluster_name = _context(document, wanted).get("cluster")
    cluster = _find(document, "clusters", cluster_name)
    if cluster is None:
        raise InvalidInput(
            f"Context {wanted} of {place} names the cluster {cluster_name!r}, which is not there.",
            option="kubeconfig",
            code="KubeconfigInvalid",
            remedy=_FETCH,
        )
    _check_server((cluster.get("cluster") or {}).get("server"), f"Cluster {cluster_name} of {place}", "kubeconfig")
    same = path is not None and document.get("current-context") == wanted
    document["current-context"] = wanted
    return Source(document, wanted, path if same else None)


def _check_server(server: object, whose: str, option: str) -> None:
    """Raise InvalidInput unless server is an http(s) URL with a host, and a port that is a number if there is one."""
    try:
        parts = urlsplit(str(server or ""))
        usable = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInput(
            f"{whose} has the server {server!r}, which is not the URL of an API server.",
            option=option,
            code="ServerInvalid",
            remedy="It should look like https://HOST:PORT.",
        )


def _entries(document: Json, part: str, option: str, place: str) -> list[Json]:
    entries = document.get(part) or []
    inner = part[:-1]
    if not isinstance(entries, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get(inner) or {}, dict) for entry in entries
    ):
        raise InvalidInput(
            f"{option}={place} is not a kubeconfig: {part} is not a list of named entries.",
            option="kubeconfig",
            code="KubeconfigInvalid",
            remedy=_FETCH,
        )
    return entries


def _from_host(params: Params, environ: Mapping[str, str]) -> Source:
    """A document made of single options, each with its K8S_AUTH_* variable as second choice."""

    def value(option: str, variable: str) -> Any:
        chosen = params.get(option)
        return environ.get(variable) if chosen is None else chosen

    host = str(value("host", "K8S_AUTH_HOST"))
    if not host.startswith(("https://", "http://")):
        host = f"https://{host}"
    _check_server(host, "host", "host")
    verify = value("validate_certs", "K8S_AUTH_VERIFY_SSL")
    if isinstance(verify, str):
        verify = verify.strip().lower() not in ("false", "no", "0", "off")
    cluster = {
        "server": host,
        "certificate-authority": value("ca_cert", "K8S_AUTH_SSL_CA_CERT"),
        "insecure-skip-tls-verify": None if verify in (None, True) else True,
        "proxy-url": value("proxy", "K8S_AUTH_PROXY"),
    }
    user = {
        "token": value("api_key", "K8S_AUTH_API_KEY"),
        "client-certificate": value("client_cert", "K8S_AUTH_CERT_FILE"),
        "client-key": value("client_key", "K8S_AUTH_KEY_FILE"),
    }
    document: Json = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "host",
        "clusters": [{"name": "host", "cluster": {key: part for key, part in cluster.items() if part is not None}}],
        "users": [{"name": "host", "user": {key: part for key, part in user.items() if part}}],
        "contexts": [{"name": "host", "context": {"cluster": "host", "user": "host"}}],
    }
    return Source(document, "host", None)


def _overridden(source: Source, params: Params) -> Source:
    """The document with single options laid over it; the environment has no say in that."""
    options = {
        "host": ("cluster", "server"),
        "ca_cert": ("cluster", "certificate-authority"),
        "proxy": ("cluster", "proxy-url"),
        "api_key": ("user", "token"),
        "client_cert": ("user", "client-certificate"),
        "client_key": ("user", "client-key"),
    }
    given = {option: params[option] for option in options if params.get(option)}
    verify = params.get("validate_certs")
    if not given and verify is None:
        return source
    user = {} if {"api_key", "client_cert"} & set(given) else dict(source.user)
    cluster = source.cluster
    if "ca_cert" in given:
        cluster.pop("certificate-authority-data", None)
    if verify is not None:
        cluster["insecure-skip-tls-verify"] = not verify
    for option, value in given.items():
        part, field = options[option]
        (cluster if part == "cluster" else user)[field] = value
    _check_server(cluster["server"], "host", "host")
    source.document["users"].append({"name": OPTIONS_USER, "user": user})
    _context(source.document, source.context)["user"] = OPTIONS_USER
    return Source(source.document, source.context, None)


def _make_absolute(document: Json, folder: str) -> None:
    """Paths in a kubeconfig are relative to its own folder."""
    for part, fields in (
        ("clusters", ("certificate-authority",)),
        ("users", ("client-certificate", "client-key", "tokenFile")),
    ):
        for entry in document[part]:
            inner = entry.get(part[:-1]) or {}
            for field in fields:
                if inner.get(field):
                    inner[field] = os.path.join(folder, str(inner[field]))
            program = (inner.get("exec") or {}).get("command", "")
            if os.sep in program:
                inner["exec"]["command"] = os.path.join(folder, program)


def _find(document: Json, part: str, name: object) -> Json | None:
    return next((entry for entry in document[part] if entry.get("name") == name), None)


def _named(document: Json, part: str, name: object) -> Json:
    entry = _find(document, part, name)
    if entry is None:
        raise KeyError(f"{part}: {name}")
    return entry


def _context(document: Json, name: str) -> Json:
    context: Json = _named(document, "contexts", name).get("context") or {}
    return context
