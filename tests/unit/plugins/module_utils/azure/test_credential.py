# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Which credential is used."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.credential import Choice, choose, read_profile

FULL = {"tenant": "t", "client_id": "c", "secret": "s"}
AWX = {"AZURE_TENANT": "t", "AZURE_CLIENT_ID": "c", "AZURE_SECRET": "s"}
SDK = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_SECRET": "s"}
PRINCIPAL = Choice("service_principal", "t", "c", "s")
POD = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_FEDERATED_TOKEN_FILE": "/token"}
IN_POD = Choice("workload_identity", "t", "c", federated_token_file="/token")
WITH_TOKEN = Choice("workload_identity", "t", "c", federated_token="jwt")
WHO = {"tenant": "t", "client_id": "c"}
PEM = {"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c", "AZURE_CLIENT_CERTIFICATE_PATH": "/pem"}
WITH_PEM = Choice("certificate", "t", "c", certificate_path="/pem")
PROFILES = {
    "default": {**FULL, "subscription_id": "sub"},
    "stack": {**WHO, "certificate_path": "/pem", "cloud_environment": "https://stack.test"},
    "half": {"tenant": "t", "subscription_id": "sub"},
}
OF_DEFAULT = Choice("service_principal", "t", "c", "s", subscription_id="sub")
OF_STACK = Choice("certificate", "t", "c", certificate_path="/pem", cloud_environment="https://stack.test")


def pick(
    given: dict[str, Any],
    environment: dict[str, str],
    source: str = "auto",
    *,
    have_az: bool = False,
    profiles: dict[str, dict[str, str]] | None = None,
) -> Choice:
    params = {"tenant": None, "client_id": None, "secret": None, "auth_source": source, **given}
    return choose(params, environment, have_az=have_az, profiles=(profiles or {}).get)


@pytest.mark.parametrize(
    ("given", "environment", "source", "choice"),
    [
        (FULL, {}, "auto", PRINCIPAL),
        ({}, AWX, "auto", PRINCIPAL),
        ({}, SDK, "auto", PRINCIPAL),
        ({"tenant": "t"}, {**AWX, "AZURE_TENANT": "other"}, "auto", PRINCIPAL),
        (FULL, {"AZURE_CLIENT_ID": "other"}, "options", PRINCIPAL),
        ({"client_id": "other"}, AWX, "environment", PRINCIPAL),
        ({}, POD, "auto", IN_POD),
        ({}, POD, "workload_identity", IN_POD),
        ({}, POD, "environment", IN_POD),
        ({}, {**POD, **AWX}, "workload_identity", IN_POD),
        ({}, {**POD, **AWX}, "auto", PRINCIPAL),
        (
            {**WHO, "federated_token": "jwt"},
            {**POD, **AWX},
            "auto",
            WITH_TOKEN,
        ),
        (
            {"federated_token_file": "/own"},
            POD,
            "auto",
            Choice("workload_identity", "t", "c", federated_token_file="/own"),
        ),
        (
            {},
            {**POD, "AZURE_FEDERATED_TOKEN": "jwt"},
            "auto",
            WITH_TOKEN,
        ),
        ({}, PEM, "auto", WITH_PEM),
        ({}, {**PEM, **AWX}, "auto", PRINCIPAL),
        ({"certificate_path": "/pem"}, AWX, "auto", WITH_PEM),
        (
            {**WHO, "certificate_path": "/pfx", "certificate_password": "p"},
            {},
            "options",
            Choice("certificate", "t", "c", certificate_path="/pfx", certificate_password="p"),
        ),
        ({}, {"IDENTITY_ENDPOINT": "http://x"}, "auto", Choice("managed_identity")),
        (
            {},
            {"IDENTITY_ENDPOINT": "http://x", "AZURE_CLIENT_ID": "c"},
            "auto",
            Choice("managed_identity", client_id="c"),
        ),
        ({"client_id": "c"}, {}, "managed_identity", Choice("managed_identity", client_id="c")),
        ({"tenant": "t"}, {}, "cli", Choice("cli", "t")),
        ({}, {}, "auto", OF_DEFAULT),
        ({}, AWX, "credential_file", OF_DEFAULT),
        ({"profile": "stack"}, AWX, "auto", OF_STACK),
        ({}, {**AWX, "AZURE_PROFILE": "stack"}, "auto", OF_STACK),
        ({"profile": "stack", **FULL}, {}, "auto", PRINCIPAL),
    ],
)
def test_the_first_complete_credential_is_taken(
    given: dict[str, Any], environment: dict[str, str], source: str, choice: Choice
) -> None:
    assert pick(given, environment, source, profiles=PROFILES) == choice


def test_secrets_are_told_and_not_shown() -> None:
    choice = pick({**WHO, "certificate_path": "/pfx", "certificate_password": "canary"}, {})
    assert choice.secrets == ("canary",)
    assert pick(FULL, {}).secrets == ("s",)
    assert pick({**WHO, "federated_token": "canary"}, {}).secrets == ("canary",)
    assert "canary" not in repr(choice)


def test_adfs_needs_no_tenant() -> None:
    given = {"client_id": "c", "secret": "s", "cloud_environment": "https://stack.test"}
    assert pick(given, {}) == Choice("service_principal", "", "c", "s")
    with pytest.raises(InvalidInput, match="tenant"):
        pick({**given, "cloud_environment": "AzureCloud"}, {})


def test_the_az_login_comes_last() -> None:
    assert pick({"tenant": "t"}, {}, have_az=True) == Choice("cli", "t")
    assert pick(FULL, {}, have_az=True) == PRINCIPAL


@pytest.mark.parametrize(
    ("given", "environment", "source", "option"),
    [
        ({"secret": "s"}, {}, "auto", "tenant"),
        ({"client_id": "c", "secret": "s"}, {}, "auto", "tenant"),
        (WHO, {}, "auto", "secret"),
        ({}, {"AZURE_TENANT": "t", "AZURE_SECRET": "s"}, "auto", "client_id"),
        ({"tenant": "t"}, AWX, "options", "client_id"),
        (FULL, {}, "environment", "tenant"),
        ({}, {}, "workload_identity", "tenant"),
        (WHO, {}, "workload_identity", "federated_token_file"),
        (WHO, {}, "options", "secret"),
        ({"certificate_path": "/pem"}, {}, "auto", "tenant"),
        ({}, {"AZURE_CLIENT_CERTIFICATE_PATH": "/pem"}, "auto", "tenant"),
        ({"profile": "half"}, {}, "auto", "client_id"),
    ],
)
def test_half_a_credential_is_an_error_that_names_the_missing_half(
    given: dict[str, Any], environment: dict[str, str], source: str, option: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        pick(given, environment, source, have_az=True, profiles=PROFILES)
    assert caught.value.option == option
    assert caught.value.code == "IncompleteCredential"


@pytest.mark.parametrize("source", ["auto", "options", "cli", "workload_identity"])
def test_a_tenant_that_azure_identity_would_not_take_is_named(source: str) -> None:
    with pytest.raises(InvalidInput, match="my company") as caught:
        pick({**FULL, "federated_token": "jwt", "tenant": "my company"}, {}, source)
    assert (caught.value.option, caught.value.code) == ("tenant", "InvalidTenant")


def test_no_credential_at_all_tells_what_was_tried() -> None:
    with pytest.raises(InvalidInput, match="No Azure credential") as caught:
        pick({"tenant": "t"}, {"AZURE_TENANT": "t"})
    assert "az login" in caught.value.remedy
    assert set(caught.value.details["tried"]) == {
        "options",
        "environment",
        "managed_identity",
        "credential_file",
        "cli",
    }
    assert "AZURE_SECRET, AZURE_CLIENT_SECRET" in caught.value.message


def test_a_users_password_is_refused_by_name() -> None:
    with pytest.raises(InvalidInput, match="second factor"):
        pick({}, {"AZURE_AD_USER": "u", "AZURE_PASSWORD": "p"})


def test_a_profile_that_is_not_there_is_named() -> None:
    with pytest.raises(InvalidInput, match="'prod'") as caught:
        pick({"profile": "prod"}, {}, profiles=PROFILES)
    assert caught.value.code == "ProfileNotFound"


class TestProfileFile:
    def test_is_read_as_azcollection_writes_it(self, tmp_path: Path) -> None:
        path = tmp_path / "credentials"
        path.write_text("[default]\nsecret=50%%off%\ntenant = t\n[x]\nx509_certificate_path=/pem\n", encoding="utf-8")
        assert read_profile("default", str(path)) == {"secret": "50%%off%", "tenant": "t"}
        assert read_profile("x", str(path)) == {"certificate_path": "/pem"}
        assert read_profile("y", str(path)) is None
        assert read_profile("default", str(tmp_path / "none")) is None

    @pytest.mark.parametrize("content", [b"secret=canary\n", b"[a]\n\xff\xfe", b"[a]\ncanary\n"])
    def test_a_broken_one_is_named_without_its_content(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "credentials"
        path.write_bytes(content)
        with pytest.raises(InvalidInput) as caught:
            read_profile("a", str(path))
        assert caught.value.code == "ProfileUnreadable"
        assert "canary" not in caught.value.text()
