# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One HTTP exchange with Azure, through the pipeline of azure-core that the management libraries use, too.

It brings tokens and their renewal, proxies, TLS and redirects. azure-mgmt-containerservice itself is not imported: that
costs more time than the request, and its operations refuse newer API versions (32.x), know no resource groups, and take
a DELETE's 200 for an error. Its client also registers resource providers in the subscription unasked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._errors import CollectionError, OperationFailed, Unreachable, missing_library
from .._text import counted
from .cloud import Cloud
from .failures import from_token, text_of


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = None


class Transport(Protocol):
    """One HTTP exchange. Raises Unreachable without a usable answer and AuthFailed without a token."""

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Send and wait for the answer."""


class SdkTransport:
    """Sends through a pipeline as the management libraries of Azure build it."""

    def __init__(
        self,
        new_credential: Callable[[], Any],
        cloud: Cloud,
        *,
        ca_bundle: str | None,
        timeout_s: float,
    ) -> None:
        self._new_credential = new_credential
        self._cloud = cloud
        self._settings = {
            "connection_timeout": timeout_s,
            "read_timeout": timeout_s,
            **({"connection_verify": ca_bundle} if ca_bundle else {}),
        }
        self._send = self._opened()

    def _opened(self) -> Callable[[Any], Any]:
        """What sends a request, with a token that has not been used before."""
        try:
            from azure.core.pipeline import policies
            from azure.mgmt.core import ARMPipelineClient
            from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
        except ImportError as error:
            raise missing_library("azure-mgmt-core", error) from error
        client: Any = ARMPipelineClient(
            self._cloud.resource_manager,
            # Retries are ours (ArmClient): those of the libraries take minutes for an endpoint that is not there.
            policies=[
                policies.RequestIdPolicy(),
                policies.UserAgentPolicy("cloudnet.aks_cilium"),
                policies.ProxyPolicy(),
                policies.RedirectPolicy(),
                ARMChallengeAuthenticationPolicy(self._new_credential(), self._cloud.scope),
                policies.SensitiveHeaderCleanupPolicy(),
            ],
            **self._settings,
        )
        send: Callable[[Any], Any] = client.send_request
        return send

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Send one request, the token included; once more with a new token where Azure does not take this one."""
        answer = self._exchange(method, url, headers, content)
        if answer.status != 401:
            return answer
        # A token that was revoked, or that a wrong clock keeps alive: azure-identity would give the same one again.
        self._send = self._opened()
        return self._exchange(method, url, headers, content)

    def _exchange(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        from azure.core.exceptions import AzureError
        from azure.core.rest import HttpRequest

        sent = {"Accept": "application/json", **headers}
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._send(HttpRequest(method, url, headers=sent, content=content))
            return Answer(answer.status_code, {k.lower(): v for k, v in answer.headers.items()}, _json(answer))
        except AzureError as error:
            raise _translated(error) from error


def _json(answer: Any) -> Any:
    """The JSON of an answer; text that is no JSON becomes an error of its own only where success was reported."""
    text = answer.text() if answer.content else ""
    if not text.strip():
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        if answer.status_code < 300:
            raise _invalid(f"HTTP {answer.status_code}, {counted(len(text), 'character')}") from error
        return {"error": {"code": f"HTTP{answer.status_code}", "message": text[:200]}}


def _invalid(reason: str) -> Unreachable:
    """An answer that is cut off or no JSON is as good as none: reads are sent again."""
    return Unreachable(
        f"Azure's answer is not the JSON it should be ({reason}).",
        code="InvalidAnswer",
        remedy="Run again; if it stays, look at the proxy between this machine and Azure.",
    )


def _translated(error: Exception) -> CollectionError:
    """Errors of azure-core and azure-identity as ours; a failed connection may hide inside a failed login."""
    from azure.core.exceptions import (
        ClientAuthenticationError,
        DecodeError,
        ServiceRequestError,
        ServiceResponseError,
    )

    if isinstance(error, DecodeError):
        return _invalid("it cannot be decoded")
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, (ServiceRequestError, ServiceResponseError)):
            return Unreachable(
                f"Azure does not answer: {_reason(cause)}.",
                code="Unreachable",
                remedy="Check the network, the proxy, cloud_environment and ca_bundle.",
            )
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, ClientAuthenticationError):
        return from_token(str(error.message))
    return OperationFailed(
        f"The request failed: {text_of(error)}",
        code=type(error).__name__,
        remedy="Run again; if it stays, look at the proxy between this machine and Azure.",
    )


def _reason(error: BaseException) -> str:
    """The innermost reason, which is the readable one, without the query of a signed address."""
    reason: object = error
    while getattr(reason, "inner_exception", None) or getattr(reason, "reason", None):
        reason = getattr(reason, "inner_exception", None) or getattr(reason, "reason", None)
    if isinstance(reason, BaseException) and reason.args and isinstance(reason.args[0], BaseException):
        reason = getattr(reason.args[0], "reason", None) or reason.args[0]
    return text_of(reason).rstrip(".")
