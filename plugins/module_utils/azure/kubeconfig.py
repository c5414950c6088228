# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Kubeconfig documents: names as `az aks get-credentials` gives them, merge and removal that lose nothing. Pure."""

from __future__ import annotations

import copy
import re
from typing import Any

from .._errors import InvalidInput, OperationFailed
from .._types import Json
from .kubelogin import kind_of

LISTS = ("clusters", "contexts", "users")
SECRET_KEYS = frozenset({"client-key-data", "token", "password", "client-secret", "id-token", "refresh-token"})


def context_name(name: str, context: str | None, *, admin: bool) -> str:
    """The context's name: the cluster's or the given one, and `-admin` behind that of an administrator."""
    return f"{context or name}{'-admin' if admin else ''}"


def user_name(resource_group: str, name: str, *, admin: bool) -> str:
    """The user's name in what Azure hands out."""
    return f"cluster{'Admin' if admin else 'User'}_{resource_group}_{name}"


def check(document: Any, path: str) -> Json:
    """The document if it is a kubeconfig (or empty, as nothing yet); InvalidInput otherwise."""
    if document is None:
        return {}
    shaped = isinstance(document, dict) and (document.get("kind") == "Config" or any(key in document for key in LISTS))
    lists = [document.get(key) or [] for key in LISTS] if isinstance(document, dict) else []
    if not shaped or not all(isinstance(items, list) and all(map(_is_entry, items)) for items in lists):
        raise InvalidInput(
            f"path={path} exists and is not a kubeconfig; it was left as it is.",
            option="path",
            code="NotAKubeconfig",
            remedy="Give another path, or move the file away.",
        )
    result: Json = document
    return result


def _is_entry(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("name"), str)


def renamed(document: Json, name: str, context: str | None, *, admin: bool) -> Json:
    """What Azure handed out, with the context (and with `context` also the cluster) named as az names them."""
    result = copy.deepcopy(document)
    if not all(result.get(key) for key in LISTS):
        raise OperationFailed(
            f"Azure handed out credentials without a cluster, a context or a user for {name}.",
            code="IncompleteCredentials",
            remedy="Look at the state of the cluster, then run again.",
        )
    entry = result["contexts"][0]
    if context:
        result["clusters"][0]["name"] = context
        entry["context"]["cluster"] = context
    entry["name"] = context_name(name, context, admin=admin)
    result["current-context"] = entry["name"]
    return result


def merged(held: Json, addition: Json, *, overwrite: bool, set_current: bool) -> Json:
    """held with the entries of addition; an entry of the same name and other content needs overwrite."""
    result = copy.deepcopy(held)
    for key, value in (("apiVersion", "v1"), ("kind", "Config"), ("preferences", {})):
        result.setdefault(key, value)
    for key in LISTS:
        # Some writers leave `users: null` behind.
        items = result[key] = list(result.get(key) or [])
        for entry in addition[key]:
            _put(items, entry, key, overwrite=overwrite)
    if set_current or not result.get("current-context"):
        result["current-context"] = addition["current-context"]
    return result


def _put(items: list[Json], entry: Json, key: str, *, overwrite: bool) -> None:
    places = [at for at, item in enumerate(items) if item["name"] == entry["name"]]
    if not places:
        items.append(entry)
    elif items[places[0]] != entry:
        if not overwrite:
            raise InvalidInput(
                f"The kubeconfig has an entry {entry['name']} under {key} that differs from the new one.",
                option="overwrite_existing",
                code="KubeconfigEntryExists",
                remedy="Set overwrite_existing to true to replace it, or choose another context.",
            )
        items[places[0]] = entry


def others_in(held: Json, context: str) -> list[str]:
    """Names of the contexts that a separate file holds beside ours."""
    return sorted(item["name"] for item in held.get("contexts") or [] if item["name"] != context)


def without(held: Json, context: str) -> Json:
    """held without a context, and without its cluster and user unless another context uses them."""
    result = copy.deepcopy(held)
    gone = next((item for item in result.get("contexts") or [] if item["name"] == context), None)
    if gone is None:
        return result
    result["contexts"] = [item for item in result["contexts"] if item["name"] != context]
    for key, role in (("clusters", "cluster"), ("users", "user")):
        used = {(item.get("context") or {}).get(role) for item in result["contexts"]}
        name = (gone.get("context") or {}).get(role)
        if name not in used:
            result[key] = [item for item in result.get(key) or [] if item["name"] != name]
    if result.get("current-context") == context:
        result["current-context"] = ""
    return result


def is_empty(document: Json) -> bool:
    """Whether nothing is left that anybody could miss."""
    return not any(document.get(key) for key in LISTS)


def foreign_user(held: Json, context: str, resource_group: str, name: str) -> str:
    """The user of a context that belongs to another AKS cluster (same name, other group); empty when it is ours."""
    entry: Json = next((item for item in held.get("contexts") or [] if item["name"] == context), {})
    user = str((entry.get("context") or {}).get("user") or "")
    ours = [user_name(resource_group, name, admin=admin).lower() for admin in (False, True)]
    return user if re.match(r"cluster(User|Admin)_", user) and user.lower() not in ours else ""


def described(document: Json, context: str) -> Json:
    """What a diff or a result may show of one context: names and the server, never credentials."""
    entry = next((item for item in document.get("contexts") or [] if item["name"] == context), None)
    if entry is None:
        return {}
    inner = entry.get("context") or {}
    cluster: Json = next((item for item in document.get("clusters") or [] if item["name"] == inner.get("cluster")), {})
    user: Json = next((item for item in document.get("users") or [] if item["name"] == inner.get("user")), {})
    return {
        "context": context,
        "server": (cluster.get("cluster") or {}).get("server") or "",
        "user": inner.get("user") or "",
        "login": kind_of(user.get("user") or {}),
        "current_context": document.get("current-context") or "",
    }


def secrets_in(value: Any, key: str = "") -> list[str]:
    """Every credential in a kubeconfig, to be kept out of all output."""
    if isinstance(value, dict):
        return [secret for name, item in value.items() for secret in secrets_in(item, str(name))]
    if isinstance(value, list):
        return [secret for item in value for secret in secrets_in(item, key)]
    return [value] if key in SECRET_KEYS and isinstance(value, str) and value else []
