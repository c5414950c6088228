# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Login methods of kubeconfig users, changed as kubelogin changes them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.kubelogin import Login, converted, kind_of

SERVER, APPLICATION, TENANT = "server-id", "application-id", "tenant-id"
ASKED = ["--server-id", SERVER, "--client-id", APPLICATION, "--tenant-id", TENANT, "--environment", "AzurePublicCloud"]
EXEC = {"exec": {"command": "kubelogin", "args": ["get-token", *ASKED, "--login", "devicecode"]}}
LEGACY_CONFIG = {
    "apiserver-id": SERVER,
    "client-id": APPLICATION,
    "tenant-id": TENANT,
    "environment": "AzurePublicCloud",
    "config-mode": "1",
}
LEGACY = {"auth-provider": {"name": "azure", "config": LEGACY_CONFIG}}
STATIC = {"client-key-data": "a2V5"}


def convert(user: dict[str, Any], login: Login) -> dict[str, Any]:
    document = {"users": [{"name": "u", "user": copy.deepcopy(user)}], "clusters": ["kept"]}
    before = copy.deepcopy(document)
    result = converted(document, login)
    assert document == before, "the argument is not changed"
    assert result["clusters"] == ["kept"]
    changed: dict[str, Any] = result["users"][0]["user"]
    return changed


@pytest.mark.parametrize("user", [EXEC, LEGACY], ids=["exec", "auth-provider"])
@pytest.mark.parametrize(
    ("login", "arguments"),
    [
        (Login("devicecode"), ASKED),
        (Login("interactive"), ASKED),
        (Login("spn"), ASKED),
        (Login("spn", "own", "home"), [*ASKED[:3], "own", "--tenant-id", "home", *ASKED[6:]]),
        (Login("azurecli"), ASKED[:2]),
        (Login("azurecli", "ignored", "home"), [*ASKED[:2], "--tenant-id", "home"]),
        (Login("msi"), ASKED[:2]),
        (Login("msi", "identity", "ignored"), [*ASKED[:2], "--client-id", "identity"]),
        (Login("workloadidentity"), ASKED[:2]),
        (Login("workloadidentity", "own", "home"), [*ASKED[:2], "--client-id", "own", "--tenant-id", "home"]),
    ],
    ids=lambda value: f"{value.method}-{value.client_id}" if isinstance(value, Login) else "",
)
def test_the_arguments_are_those_of_convert_kubeconfig(
    user: dict[str, Any], login: Login, arguments: list[str]
) -> None:
    program = convert(user, login)["exec"]
    assert program["args"] == ["get-token", "--login", login.method, *arguments]
    assert (program["command"], program["apiVersion"]) == ("kubelogin", "client.authentication.k8s.io/v1beta1")
    assert "auth-provider" not in convert(user, login)


def test_twice_is_once() -> None:
    once = convert(EXEC, Login("spn"))
    assert convert(once, Login("spn")) == once
    assert convert(convert(once, Login("azurecli", tenant="t")), Login("azurecli", tenant="t")) == convert(
        once, Login("azurecli", tenant="t")
    )


def test_a_server_of_the_first_kind_keeps_its_audience() -> None:
    legacy = {"auth-provider": {"name": "azure", "config": {**LEGACY_CONFIG, "config-mode": "0"}}}
    assert convert(legacy, Login("spn"))["exec"]["args"][-1] == "--legacy"
    assert "--legacy" not in convert(legacy, Login("azurecli"))["exec"]["args"]
    assert convert(convert(legacy, Login("spn")), Login("devicecode"))["exec"]["args"][-1] == "--legacy"


@pytest.mark.parametrize("user", [STATIC, {"exec": {"command": "aws", "args": []}}, {}])
def test_other_users_stay_as_they_are(user: dict[str, Any]) -> None:
    assert convert(user, Login("spn")) == user


def test_a_hint_of_the_provider_is_kept() -> None:
    user = {"exec": {**EXEC["exec"], "installHint": "see here"}}
    assert convert(user, Login("spn"))["exec"]["installHint"] == "see here"


@pytest.mark.parametrize("method", ["spn", "azurecli"])
def test_what_the_method_needs_must_be_there(method: str) -> None:
    with pytest.raises(OperationFailed, match="--server-id") as caught:
        convert({"exec": {"command": "kubelogin", "args": None}}, Login(method))
    assert caught.value.option == "kubelogin_login"


@pytest.mark.parametrize(
    ("user", "kind"),
    [
        (STATIC, "static"),
        ({}, "static"),
        (EXEC, "devicecode"),
        ({"exec": {"command": "/usr/bin/kubelogin"}}, "devicecode"),
        ({"exec": {"command": "aws"}}, "exec"),
        (LEGACY, "auth-provider"),
    ],
)
def test_how_a_user_logs_in_has_a_name(user: dict[str, Any], kind: str) -> None:
    assert kind_of(user) == kind
