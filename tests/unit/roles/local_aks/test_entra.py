# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import time
from pathlib import Path

import pytest

from local_aks.config import Config
from local_aks.entra import Entra
from local_aks.errors import ArmError, EntraError


@pytest.fixture
def entra(tmp_path: Path) -> Entra:
    return Entra(Config(directory=tmp_path))


def denied(entra: Entra, header: str | None) -> str:
    with pytest.raises(ArmError) as caught:
        entra.authorize(header)
    assert caught.value.status == 401
    assert "WWW-Authenticate" in caught.value.headers
    return caught.value.code


@pytest.mark.parametrize("slash", ["", "/"])
def test_a_token_of_this_service_is_accepted_also_after_a_restart(entra: Entra, slash: str) -> None:
    token = entra.issue(entra.config.url + slash, time.time() + 60)
    Entra(entra.config).authorize(f"Bearer {token}")


def test_expired(entra: Entra) -> None:
    token = entra.issue(entra.config.url, time.time() - 1)
    assert denied(entra, f"Bearer {token}") == "ExpiredAuthenticationToken"


def test_wrong_audience(entra: Entra) -> None:
    token = entra.issue("https://management.azure.com", time.time() + 60)
    assert denied(entra, f"Bearer {token}") == "InvalidAuthenticationTokenAudience"


def test_token_of_another_service(entra: Entra, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Entra(Config(directory=tmp_path / "other"))
    token = other.issue(entra.config.url, time.time() + 60)
    assert denied(entra, f"Bearer {token}") == "InvalidAuthenticationToken"


@pytest.mark.parametrize("header", [None, "", "Basic x", "Bearer"])
def test_no_token(entra: Entra, header: str | None) -> None:
    assert denied(entra, header) == "AuthenticationFailed"


@pytest.mark.parametrize(
    ("form", "error", "number"),
    [
        ("grant_type=password", "unsupported_grant_type", 70003),
        ("grant_type=client_credentials&scope=x", "invalid_scope", 1002012),
        ("grant_type=client_credentials&scope=x/.default&client_id=nobody", "unauthorized_client", 700016),
    ],
)
def test_requests_without_a_chance(entra: Entra, form: str, error: str, number: int) -> None:
    with pytest.raises(EntraError) as caught:
        entra.token(entra.config.tenant, form)
    assert (caught.value.error, entra.error_body(caught.value)["error_codes"]) == (error, [number])
