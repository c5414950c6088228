# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The actions of the module aks_kubeconfig."""

from __future__ import annotations

import base64
import binascii
import os
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from .._errors import InvalidInput, NotFound, OperationFailed
from .._module import Context
from .._types import Json, Params, Result
from . import kubeconfig, kubefile, kubelogin, validate
from .client import ArmClient, connect

DEFAULT_MERGE_PATH = "~/.kube/config"


def run(
    context: Context,
    connect_to: Callable[..., ArmClient] = connect,
    environment: Mapping[str, str] | None = None,
) -> Result:
    """Write the cluster's credentials into a file, or remove them from it."""
    params = context.params
    _check(params)
    path = _path(params, os.environ if environment is None else environment)
    if params["state"] == "absent":
        return _absent(context, path)
    # A broken target is found before anybody is asked for credentials.
    kubefile.read(path)
    try:
        addition = _fetch(context, connect_to)
    except NotFound:
        if not context.check_mode:
            raise
        values = {**_values(params, path), "server": "", "login": ""}
        after = {"context": values["context"]}
        return Result(True, values, {}, after, "The cluster does not exist yet; its kubeconfig would be written.")
    _warn_of_login(context, addition)
    return _present(context, path, addition)


def _check(params: Params) -> None:
    validate.check_names(params)
    if params["credential"] != "admin":
        return
    for option in ("format", "kubelogin_login"):
        if params.get(option):
            raise InvalidInput(
                f"{option}={params[option]!r} does not go with credential=admin, which is a static credential.",
                option=option,
                code="AdminCredentialIsStatic",
                remedy=f"Set credential to user, or leave {option} out.",
            )


def _path(params: Params, environment: Mapping[str, str]) -> str:
    """The file; without `path`, as az finds it: the first one of KUBECONFIG, else the user's own."""
    first = environment.get("KUBECONFIG", "").split(os.pathsep)[0]
    # The target of a symbolic link is replaced, not the link.
    path = os.path.realpath(os.path.expanduser(params["path"] or first or DEFAULT_MERGE_PATH))
    if os.path.isdir(path):
        raise InvalidInput(
            f"path={path} is a folder.", option="path", code="KubeconfigUnusable", remedy="Give the path of a file."
        )
    return path


def _warn_of_login(context: Context, addition: Json) -> None:
    """What the kubeconfig needs, beside itself, to work on this machine."""
    user = addition["users"][0].get("user") or {}
    if kubelogin.is_kubelogin(user) and shutil.which("kubelogin") is None:
        context.warn(
            "This kubeconfig needs the program kubelogin, which is not on the PATH: "
            "install it (az aks install-cli, or https://azure.github.io/kubelogin/)."
        )
    if kubelogin.is_legacy(user):
        context.warn(
            "kubectl 1.26 and later do not know the auth-provider azure of this kubeconfig: set format to exec."
        )


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
    method = params.get("kubelogin_login")
    form = params.get("format") or ("exec" if method else "")
    # As az sends them: the names of the query parameters are those of the REST API.
    query = {**({"format": form} if form else {}), **({"server-fqdn": "public"} if params.get("public_fqdn") else {})}
    arm = connect_to(params, hide=context.hide)
    action = "listClusterAdminCredential" if admin else "listClusterUserCredential"
    path = arm.cluster_path(params["resource_group"], params["name"], action)
    what = f"{params['credential']} credentials of cluster {params['name']}"
    try:
        answer = arm.send("POST", path, what=what, query=query)
    except InvalidInput as error:
        raise _explained(error) from error
    document = _decoded(answer.body)
    for secret in kubeconfig.secrets_in(document):
        context.hide(secret)
    if method:
        login = kubelogin.Login(method, params.get("kubelogin_client_id") or "", params.get("kubelogin_tenant") or "")
        document = kubelogin.converted(document, login)
    return kubeconfig.renamed(document, params["name"], params["context"], admin=admin)


def _explained(error: InvalidInput) -> InvalidInput:
    """Azure gives no code of its own when a cluster has no local accounts."""
    if "local accounts" in error.message:
        error.option = "credential"
        error.code = "LocalAccountsDisabled"
        error.remedy = (
            "Set credential to user, and format to exec: then kubectl logs in through Entra ID with kubelogin "
            "(kubelogin_login chooses how)."
        )
    return error


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
    values["server"], values["login"] = after["server"], after["login"]
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
