# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Kubeconfig users that log in through Entra ID: what they are, and the change of their login method. Pure.

The change is that of `kubelogin convert-kubeconfig --login <method>`
(https://azure.github.io/kubelogin/cli/convert-kubeconfig.html), made without the program. No secret goes into a file:
for spn, kubelogin reads it from the environment of whoever runs kubectl.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from itertools import pairwise

from .._errors import OperationFailed
from .._types import Json

METHODS = ("azurecli", "devicecode", "interactive", "msi", "spn", "workloadidentity")
# Methods that a person or a service principal goes through, with the application that asks.
WITH_APPLICATION = frozenset({"devicecode", "interactive", "spn"})
WITH_LEGACY = frozenset({"devicecode", "spn"})
API_VERSION = "client.authentication.k8s.io/v1beta1"
HINT = "kubelogin is needed for this cluster: https://azure.github.io/kubelogin/"
# Keys of the retired auth-provider `azure`, and the arguments of kubelogin that mean the same.
LEGACY_KEYS = {
    "apiserver-id": "--server-id",
    "client-id": "--client-id",
    "tenant-id": "--tenant-id",
    "environment": "--environment",
}


@dataclass(frozen=True)
class Login:
    """The wanted login method; client_id and tenant replace those that Azure handed out."""

    method: str
    client_id: str = ""
    tenant: str = ""


def kind_of(user: Json) -> str:
    """How a user logs in: static, exec, auth-provider, or the login method of kubelogin."""
    if is_kubelogin(user):
        return _argument(user["exec"], "--login") or "devicecode"
    if user.get("exec"):
        return "exec"
    return "auth-provider" if user.get("auth-provider") else "static"


def is_kubelogin(user: Json) -> bool:
    """Whether kubectl starts kubelogin for this user."""
    return "kubelogin" in str((user.get("exec") or {}).get("command") or "").lower()


def is_legacy(user: Json) -> bool:
    """Whether the user needs the auth-provider that kubectl 1.26 dropped."""
    return str((user.get("auth-provider") or {}).get("name") or "") == "azure"


def converted(document: Json, login: Login) -> Json:
    """The kubeconfig with its Entra ID users changed; static users stay as they are."""
    result = copy.deepcopy(document)
    for entry in result.get("users") or []:
        user = entry.get("user") or {}
        if not (is_kubelogin(user) or is_legacy(user)):
            continue
        held = _held(user)
        hint = str((user.get("exec") or {}).get("installHint") or "").strip()
        entry["user"] = {
            "exec": {
                "apiVersion": API_VERSION,
                "args": ["get-token", "--login", login.method, *_arguments(held, login)],
                "command": "kubelogin",
                "env": None,
                "installHint": hint or HINT,
                "provideClusterInfo": False,
            }
        }
    return result


def _held(user: Json) -> dict[str, str]:
    """What the user says of server, application, tenant and cloud, as arguments of kubelogin."""
    if is_legacy(user):
        config = user["auth-provider"].get("config") or {}
        held = {argument: str(config.get(key) or "") for key, argument in LEGACY_KEYS.items()}
        # Mode 1 asks for a token without the prefix spn: in its audience; the absence of a mode means 0.
        return {**held, "--legacy": "" if str(config.get("config-mode") or "0") == "1" else "yes"}
    held = {argument: _argument(user["exec"], argument) for argument in LEGACY_KEYS.values()}
    return {**held, "--legacy": "yes" if "--legacy" in (user["exec"].get("args") or []) else ""}


def _argument(program: Json, name: str) -> str:
    args = [str(item) for item in program.get("args") or []]
    return next((value for key, value in pairwise(args) if key == name), "")


def _arguments(held: dict[str, str], login: Login) -> list[str]:
    values = {"--server-id": held["--server-id"]}
    if login.method in WITH_APPLICATION:
        values["--client-id"] = login.client_id or held["--client-id"]
        values["--tenant-id"] = login.tenant or held["--tenant-id"]
    missing = [name for name, value in values.items() if not value]
    if missing:
        raise OperationFailed(
            f"Azure handed out a user without {', '.join(missing)}, which kubelogin_login={login.method} needs.",
            option="kubelogin_login",
            code="IncompleteCredentials",
            remedy="Choose azurecli, or set kubelogin_client_id and kubelogin_tenant.",
        )
    if login.method in WITH_APPLICATION:
        values["--environment"] = held["--environment"]
    elif login.method == "azurecli":
        # az knows its own tenant, and a login of a managed identity refuses to be told one.
        values["--tenant-id"] = login.tenant
    elif login.method == "msi":
        values["--client-id"] = login.client_id
    else:
        values["--client-id"], values["--tenant-id"] = login.client_id, login.tenant
    flags = ["--legacy"] if held["--legacy"] and login.method in WITH_LEGACY else []
    return [word for pair in values.items() if pair[1] for word in pair] + flags
