# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The actions of the module aks_kubeconfig."""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Callable
from typing import Any

from .._errors import InvalidInput, NotFound, OperationFailed
from .._module import Context
from .._types import Json, Params, Result
from . import kubeconfig, kubefile, validate
from .client import ArmClient, connect

DEFAULT_MERGE_PATH = "~/.kube/config"


def run(context: Context, connect_to: Callable[..., ArmClient] = connect) -> Result:
    """Write the cluster's credentials into a file, or remove them from it."""
    params = context.params
    validate.check_names(params)
    # The target of a symbolic link is replaced, not the link.
    path = os.path.realpath(os.path.expanduser(params["path"] or DEFAULT_MERGE_PATH))
    if os.path.isdir(path):
        raise InvalidInput(
            f"path={path} is a folder.", option="path", code="KubeconfigUnusable", remedy="Give the path of a file."
        )
    if params["state"] == "absent":
        return _absent(context, path)
    # A broken target is found before anybody is asked for credentials.
    kubefile.read(path)
    try:
        addition = _fetch(context, connect_to)
    except NotFound:
        if not context.check_mode:
            raise
        values = {**_values(params, path), "server": ""}
        after = {"context": values["context"]}
        return Result(True, values, {}, after, "The cluster does not exist yet; its kubeconfig would be written.")
    return _present(context, path, addition)


def _values(params: Params, path: str) -> Json:
    admin = params["credential"] == "admin"
    return {
        "path": path,
        "context": kubeconfig.context_name(params["name"], params["context"], admin=admin),
        "credential": params["credential"],
    }


def _fetch(context: Context, connect_to: Callable[..., ArmClient]) -> Json:
    """Ask Azure for the kubeconfig. The call is a POST, yet it changes nothing, so check mode makes it, too."""
    params = context.params
    admin = params["credential"] == "admin"
    arm = connect_to(params, hide=context.hide)
    action = "listClusterAdminCredential" if admin else "listClusterUserCredential"
    path = arm.cluster_path(params["resource_group"], params["name"], action)
    answer = arm.send("POST", path, what=f"{params['credential']} credentials of cluster {params['name']}")
    document = _decoded(answer.body)
    for secret in kubeconfig.secrets_in(document):
        context.hide(secret)
    return kubeconfig.renamed(document, params["name"], params["context"], admin=admin)


def _decoded(body: Any) -> Json:
    """The kubeconfig in the answer: base64 of YAML."""
    try:
        text = base64.b64decode(body["kubeconfigs"][0]["value"], validate=True).decode()
        return kubefile.parse(text, "the answer of Azure")
    except (LookupError, TypeError, binascii.Error, UnicodeDecodeError, InvalidInput) as error:
        raise OperationFailed(
            "Azure's answer to the request for credentials holds no kubeconfig.",
            code="IncompleteCredentials",
            remedy="Look at the state of the cluster, then run again.",
        ) from error


def _present(context: Context, path: str, addition: Json) -> Result:
    params, values = context.params, _values(context.params, path)
    name = values["context"]
    with kubefile.locked(path, create=not context.check_mode):
        held = kubefile.read(path)
        wanted = _wanted(params, held, addition, path)
        safe_mode = kubefile.has_safe_mode(path)
        changed = wanted != held or not safe_mode
        if changed and not context.check_mode:
            kubefile.write(path, wanted)
    before, after = kubeconfig.described(held or {}, name), kubeconfig.described(wanted, name)
    values["server"] = after["server"]
    if not changed:
        return Result(False, values, {}, {})
    if wanted != held and before == after:
        before["credentials"], after["credentials"] = "old", "renewed"
    if not safe_mode:
        before["mode"], after["mode"] = "wider than 0600", "0600"
    return Result(True, values, before, after)


def _wanted(params: Params, held: Json | None, addition: Json, path: str) -> Json:
    """The content that the file should have."""
    if params["merge"]:
        return kubeconfig.merged(
            held or {}, addition, overwrite=params["overwrite_existing"], set_current=params["set_current"]
        )
    others = kubeconfig.others_in(held or {}, addition["current-context"])
    if others and not params["overwrite_existing"]:
        raise InvalidInput(
            f"path={path} holds other contexts ({', '.join(others)}), which a separate file would lose.",
            option="path",
            code="KubeconfigHoldsOthers",
            remedy="Set merge to true, give another path, or set overwrite_existing to true to lose them.",
        )
    return addition


def _absent(context: Context, path: str) -> Result:
    params, values = context.params, _values(context.params, path)
    name = values["context"]
    with kubefile.locked(path, create=False):
        held = kubefile.read(path)
        if held is None:
            return Result(False, values, {}, {})
        foreign = kubeconfig.foreign_user(held, name, params["resource_group"], params["name"])
        if foreign:
            context.warn(f"The context {name} in {path} belongs to {foreign}; it stays.")
            return Result(False, values, {}, {})
        left = kubeconfig.without(held, name)
        changed = left != held
        drop_file = changed and not params["merge"] and kubeconfig.is_empty(left)
        if changed and not context.check_mode:
            if drop_file:
                kubefile.remove(path)
            else:
                kubefile.write(path, left)
    before = kubeconfig.described(held, name) if changed else {}
    return Result(changed, values, before, {})
