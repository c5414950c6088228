# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A token for a secret: one request, a token or a typed error, and the secret in neither."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import pytest
import requests

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client_secret import ClientSecretCredential

CREDENTIAL = ClientSecretCredential("https://login.test/", "t", "c", "canary", ca_bundle="/ca.pem", timeout_s=7)


class Answer:
    def __init__(self, status: int, content: Any) -> None:
        self.status_code = status
        self.content = content

    def __repr__(self) -> str:
        # The name of a test, which must not differ from one process to the next.
        return f"{self.status_code} {self.content}"

    def json(self) -> Any:
        return json.loads(self.content) if isinstance(self.content, str) else self.content


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What was sent; the answers are those of `answers`."""
    calls: list[tuple[str, Any]] = []

    def post(url: str, **more: Any) -> Answer:
        calls.append((url, more))
        return Answer(200, {"access_token": "token", "expires_in": 3599})

    monkeypatch.setattr(requests, "post", post)
    return calls


def test_one_request_for_one_token(sent: list[tuple[str, Any]]) -> None:
    token = CREDENTIAL.get_token("https://arm.test/.default", enable_cae=True)
    assert token.token == "token"
    assert 3590 < token.expires_on - time.time() <= 3599
    ((url, more),) = sent
    assert url == "https://login.test/t/oauth2/v2.0/token"
    assert more["data"] == {
        "grant_type": "client_credentials",
        "client_id": "c",
        "client_secret": "canary",
        "scope": "https://arm.test/.default",
    }
    assert (more["timeout"], more["verify"]) == (7, "/ca.pem")


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [
        (
            Answer(401, {"error": "invalid_client", "error_description": "AADSTS7000215: Wrong."}),
            AuthFailed,
            "AADSTS7000215",
        ),
        (Answer(400, {"error": "invalid_scope"}), AuthFailed, "AuthenticationFailed"),
        (Answer(503, {"error": "temporarily_unavailable"}), Unreachable, "Unreachable"),
        (Answer(200, {"expires_in": 1}), Unreachable, "Unreachable"),
        (Answer(200, ["canary"]), Unreachable, "Unreachable"),
        (Answer(502, "<html>canary</html>"), Unreachable, "Unreachable"),
        (requests.ConnectionError("Connection refused"), Unreachable, "Unreachable"),
    ],
    ids=str,
)
def test_everything_else_is_a_typed_error(
    monkeypatch: pytest.MonkeyPatch, answer: Any, kind: type[Exception], code: str
) -> None:
    def post(url: str, **more: Any) -> Answer:
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[no-any-return]

    monkeypatch.setattr(requests, "post", post)
    with pytest.raises(kind) as caught:
        CREDENTIAL.get_token("scope")
    assert caught.value.code == code  # type: ignore[attr-defined]
    assert "canary" not in caught.value.text()  # type: ignore[attr-defined]


def test_azure_identity_is_not_imported(sent: list[tuple[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    assert CREDENTIAL.get_token("scope").token == "token"
