# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A service principal's token for its secret: the one request that it takes.

azure-identity does the same by way of msal, whose import alone takes longer than all the rest of an unchanged task, and
asks the authority for its description first. RFC 6749, section 4.4; Entra ID's endpoint of version 2.0.
"""

from __future__ import annotations

import time
from typing import Any

from .._errors import Unreachable, missing_library
from .failures import from_token, text_of


class ClientSecretCredential:
    """A TokenCredential of azure-core. Each call is a new token: azure-core keeps it until shortly before its end."""

    def __init__(
        self, authority: str, tenant: str, client_id: str, secret: str, *, ca_bundle: str | None, timeout_s: float
    ) -> None:
        self._url = f"{authority.rstrip('/')}/{tenant}/oauth2/v2.0/token"
        self._form = {"grant_type": "client_credentials", "client_id": client_id, "client_secret": secret}
        self._verify: str | bool = ca_bundle or True
        self._timeout_s = timeout_s

    def get_token(self, *scopes: str, **more: Any) -> Any:
        """The token for scopes. Raises AuthFailed where it is refused, Unreachable without a usable answer."""
        try:
            import requests
            from azure.core.credentials import AccessToken
        except ImportError as error:
            raise missing_library("azure-identity", error) from error
        asked_at = int(time.time())
        form = {**self._form, "scope": " ".join(scopes)}
        try:
            answer = requests.post(self._url, data=form, timeout=self._timeout_s, verify=self._verify)
            document = answer.json()
            refused = {400, 401, 403}
            if answer.status_code == 200:
                return AccessToken(str(document["access_token"]), asked_at + int(document["expires_in"]))
        except (requests.RequestException, ValueError, KeyError, TypeError) as error:
            raise _unreachable(f"does not answer as it should: {_reason(error)}") from error
        if answer.status_code in refused and isinstance(document, dict):
            raise from_token(str(document.get("error_description") or document.get("error") or "no reason given"))
        raise _unreachable(f"answers HTTP {answer.status_code}")


def _unreachable(what: str) -> Unreachable:
    return Unreachable(
        f"Azure's authority {what}.",
        code="Unreachable",
        remedy="Check the network, the proxy, cloud_environment and ca_bundle.",
    )


def _reason(error: BaseException) -> str:
    """The innermost reason, which is the readable one; an error over a document is not shown with its content."""
    if isinstance(error, (KeyError, TypeError)):
        return "the token is missing"
    reason: object = error.args[0] if error.args else error
    while getattr(reason, "reason", None):
        reason = getattr(reason, "reason", None)
    return text_of(reason).rstrip(".")
