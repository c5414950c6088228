# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What clients of Entra ID rely on, seen over the wire."""

from __future__ import annotations

from typing import Any

import pytest


class TestEntra:
    def test_discovery_leads_to_this_service(self, local_aks: Any) -> None:
        found = local_aks.send("GET", f"/{local_aks.tenant}/v2.0/.well-known/openid-configuration").body
        assert found["token_endpoint"] == f"{local_aks.url}/{local_aks.tenant}/oauth2/v2.0/token"

    def test_metadata_needs_no_token(self, local_aks: Any) -> None:
        found = local_aks.send("GET", "/metadata/endpoints?api-version=2022-09-01").body
        assert found["resourceManager"] == local_aks.url
        assert found["authentication"]["audiences"] == [local_aks.url]

    def test_wrong_secret(self, local_aks: Any) -> None:
        answer = local_aks.authenticate(secret="wrong")
        assert (answer.status, answer.body["error"]) == (401, "invalid_client")
        assert answer.body["error_description"].startswith("AADSTS7000215: Invalid client secret provided.")

    def test_unknown_tenant(self, local_aks: Any) -> None:
        answer = local_aks.authenticate(tenant="33333333-3333-3333-3333-333333333333")
        assert (answer.status, answer.body["error_codes"]) == (400, [90002])

    @pytest.mark.parametrize(
        ("header", "code"),
        [("", "AuthenticationFailed"), ("Bearer a.b.c", "InvalidAuthenticationToken")],
    )
    def test_resource_manager_wants_a_token(self, local_aks: Any, header: str, code: str) -> None:
        path = f"/subscriptions/{local_aks.subscription}?api-version=2022-12-01"
        answer = local_aks.send("GET", path, headers={"Authorization": header} if header else {})
        assert (answer.status, answer.body["error"]["code"]) == (401, code)
        assert answer.headers["www-authenticate"].startswith("Bearer authorization_uri=")
