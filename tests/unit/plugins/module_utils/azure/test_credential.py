# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credential is used."""

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cloud import Cloud
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credential import Choice, build, choose

FULL = {"tenant": "t", "client_id": "c", "secret": "s"}
AWX = {"AZURE_TENANT": "t", "AZURE_CLIENT_ID": "c", "AZURE_SECRET": "s"}
SDK = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
PRINCIPAL = Choice("service_principal", "t", "c", "s")
POD = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/token"}


def pick(given: dict[str, Any], environment: dict[str, str], source: str = "auto", *, have_az: bool = False) -> Choice:
    params = {"tenant": None, "client_id": None, "secret": None, "auth_source": source, **given}
    return choose(params, environment, have_az=have_az)


@pytest.mark.parametrize(
    ("given", "environment", "source", "choice"),
    [
        (FULL, {}, "auto", PRINCIPAL),
        ({}, AWX, "auto", PRINCIPAL),
        ({}, SDK, "auto", PRINCIPAL),
        ({"tenant": "t"}, {**AWX, "AZURE_TENANT": "other"}, "auto", PRINCIPAL),
        (FULL, {"AZURE_CLIENT_ID": "other"}, "options", PRINCIPAL),
        ({"client_id": "other"}, AWX, "environment", PRINCIPAL),
        ({}, POD, "auto", Choice("workload_identity", "t", "c", token_file="/token")),
        ({}, POD, "workload_identity", Choice("workload_identity", "t", "c", token_file="/token")),
        ({}, {"IDENTITY_ENDPOINT": "http://x"}, "auto", Choice("managed_identity")),
        ({"client_id": "c"}, {}, "managed_identity", Choice("managed_identity", client_id="c")),
        ({"tenant": "t"}, {}, "cli", Choice("cli", "t")),
    ],
)
def test_the_first_complete_credential_is_taken(
    given: dict[str, Any], environment: dict[str, str], source: str, choice: Choice
) -> None:
    assert pick(given, environment, source) == choice


def test_the_az_login_comes_last() -> None:
    assert pick({"tenant": "t"}, {}, have_az=True) == Choice("cli", "t")
    assert pick(FULL, {}, have_az=True) == PRINCIPAL


@pytest.mark.parametrize(
    ("given", "environment", "source", "option"),
    [
        ({"secret": "s"}, {}, "auto", "tenant"),
        ({"client_id": "c", "secret": "s"}, {}, "auto", "tenant"),
        ({"tenant": "t", "client_id": "c"}, {}, "auto", "secret"),
        ({}, {"AZURE_TENANT": "t", "AZURE_SECRET": "s"}, "auto", "client_id"),
        ({"tenant": "t"}, AWX, "options", "client_id"),
        (FULL, {}, "environment", "tenant"),
        ({}, {}, "workload_identity", "auth_source"),
    ],
)
def test_half_a_credential_is_an_error_that_names_the_missing_half(
    given: dict[str, Any], environment: dict[str, str], source: str, option: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        pick(given, environment, source, have_az=True)
    assert caught.value.option == option
    assert caught.value.code == "IncompleteCredential"


@pytest.mark.parametrize("source", ["auto", "options", "cli", "workload_identity"])
def test_a_tenant_that_azure_identity_would_not_take_is_named(source: str) -> None:
    with pytest.raises(InvalidInput, match="my company") as caught:
        pick({**FULL, "tenant": "my company"}, {}, source)
    assert (caught.value.option, caught.value.code) == ("tenant", "InvalidTenant")


def test_no_credential_at_all_lists_the_ways() -> None:
    with pytest.raises(InvalidInput, match="No Azure credential") as caught:
        pick({}, {})
    assert "az login" in caught.value.remedy


@pytest.mark.parametrize(
    ("choice", "name"),
    [
        (PRINCIPAL, "ClientSecretCredential"),
        (Choice("workload_identity", "t", "c", token_file="/token"), "WorkloadIdentityCredential"),
        (Choice("managed_identity"), "ManagedIdentityCredential"),
        (Choice("cli"), "AzureCliCredential"),
    ],
)
def test_builds_the_credential_of_azure_identity(choice: Choice, name: str) -> None:
    cloud = Cloud("x", "https://arm.test", "https://login.test", "https://arm.test/.default", discovered=True)
    assert type(build(choice, cloud, ca_bundle=None, timeout_s=5)).__name__ == name
