# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Azure Resource Manager: JSON bytes in, JSON out, through the pipeline of azure-mgmt-containerservice.

The SDK brings tokens and their renewal, proxies, TLS and redirects. Requests are made here and not by its operations,
because those of version 32.x refuse newer API versions, know no resource groups, and take a DELETE's 200 for an error.
Like az, the SDK registers the resource provider in the subscription when Azure answers that it is missing.
"""

from __future__ import annotations

import json
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from .._errors import CollectionError, InvalidInput, NotFound, OperationFailed, Throttled, Unreachable, missing_library
from .._types import Clock, Json, Params
from .._wait import SystemClock
from . import cloud as clouds
from . import credential as credentials
from .failures import from_answer, from_token, text_of

GROUP_API_VERSION = "2021-04-01"
MAX_ATTEMPTS = 4
MAX_RETRY_AFTER_S = 120.0
# 408, 500, 502-504: the answer says nothing about the request, so only reads are sent again.
# A server that is no Resource Manager answers 404 as well; taking that for absence would create clusters.
ABSENT = frozenset({"ResourceNotFound", "ResourceGroupNotFound", "NotFound"})
TRANSIENT = frozenset({408, 500, 502, 503, 504})


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


class ArmClient:
    """Typed façade over a transport: paths, versions, bounded retries, errors."""

    def __init__(
        self,
        transport: Transport,
        *,
        base_url: str,
        subscription_id: str,
        api_version: str,
        patience_s: float,
        clock: Clock | None = None,
    ) -> None:
        self._transport = transport
        self._base_url = base_url.rstrip("/")
        self._patience_s = patience_s
        self.subscription_id = subscription_id
        self.api_version = api_version
        self.clock: Clock = clock or SystemClock()

    def cluster_path(self, resource_group: str, name: str, action: str = "") -> str:
        """Address of a cluster, or of one of its actions."""
        path = f"{self.group_path(resource_group)}/providers/Microsoft.ContainerService/managedClusters/{name}"
        return f"{path}/{action}" if action else path

    def group_path(self, resource_group: str) -> str:
        """Address of a resource group."""
        return f"/subscriptions/{self.subscription_id}/resourceGroups/{resource_group}"

    def get(self, path: str, *, what: str, api_version: str = "") -> Answer | None:
        """GET; None when Azure says that the object or its group does not exist; any other 404 is an error."""
        try:
            return self.send("GET", path, what=what, api_version=api_version)
        except NotFound as error:
            if error.code not in ABSENT:
                raise
            return None

    def send(
        self,
        method: str,
        path: str,
        *,
        what: str,
        body: Json | None = None,
        headers: Mapping[str, str] | None = None,
        api_version: str = "",
    ) -> Answer:
        """Send to a path below the Resource Manager; 2xx is returned, everything else raised as a typed error."""
        url = f"{self._base_url}{path}?api-version={api_version or self.api_version}"
        content = None if body is None else json.dumps(body).encode()
        answer = self._attempts(method, url, dict(headers or {}), content)
        if 200 <= answer.status < 300:
            return answer
        raise from_answer(f"{method} of {what}", answer.status, answer.headers, answer.body)

    def look(self, url: str, *, what: str) -> Answer:
        """GET an address that Azure gave, exactly as it gave it (it is signed, and must not be shown)."""
        answer = self._attempts("GET", url, {}, None)
        if 200 <= answer.status < 300:
            return answer
        raise from_answer(what, answer.status, answer.headers, answer.body)

    def _attempts(self, method: str, url: str, headers: dict[str, str], content: bytes | None) -> Answer:
        started = self.clock.monotonic()
        for attempt in range(1, MAX_ATTEMPTS + 1):
            last = attempt == MAX_ATTEMPTS
            pause_s = 0.5 * 2**attempt
            try:
                answer = self._transport(method, url, headers, content)
            except Unreachable:
                # A refused or silent endpoint costs about request_timeout in all, however often it is tried.
                if last or method != "GET" or self.clock.monotonic() - started + pause_s >= self._patience_s:
                    raise
            else:
                if answer.status == 429:
                    pause_s = _retry_after(answer, pause_s)
                elif method != "GET" or answer.status not in TRANSIENT:
                    return answer
                if last:
                    return answer
            self.clock.sleep(pause_s)
        raise AssertionError("the last attempt returns or raises")


def _retry_after(answer: Answer, default_s: float) -> float:
    """Seconds that Azure asks to wait; Throttled when that is longer than anybody would want to wait silently."""
    try:
        seconds = float(answer.headers.get("retry-after", ""))
    except ValueError:
        return default_s
    if seconds > MAX_RETRY_AFTER_S:
        raise Throttled(
            f"Azure asks to wait {seconds:.0f} s before the next request.",
            code="Throttled",
            status=429,
            remedy="Run again later, or with fewer clusters at once (forks).",
        )
    return seconds


def connect(params: Params, *, hide: Callable[[str], None], environment: Mapping[str, str] | None = None) -> ArmClient:
    """A client from the options of the fragment `azure`; raises before the first request where options are wrong."""
    env = os.environ if environment is None else environment
    timeout_s = _timeout(params)
    ca_bundle = _ca_bundle(params)
    choice = credentials.choose(params, env)
    hide(choice.secret)
    subscription_id = str(params.get("subscription_id") or "")
    if not subscription_id:
        raise InvalidInput(
            "subscription_id is not given.",
            option="subscription_id",
            code="MissingSubscription",
            remedy="Set subscription_id or the environment variable AZURE_SUBSCRIPTION_ID.",
        )
    cloud = clouds.resolve(
        params["cloud_environment"], lambda url: clouds.fetch_json(url, ca_bundle=ca_bundle, timeout_s=timeout_s)
    )
    transport = SdkTransport(
        credentials.build(choice, cloud, ca_bundle=ca_bundle, timeout_s=timeout_s),
        cloud,
        subscription_id=subscription_id,
        ca_bundle=ca_bundle,
        timeout_s=timeout_s,
    )
    return ArmClient(
        transport,
        base_url=cloud.resource_manager,
        subscription_id=subscription_id,
        api_version=params["api_version"],
        patience_s=timeout_s,
    )


def _timeout(params: Params) -> float:
    timeout = params["request_timeout"]
    if timeout < 1:
        raise InvalidInput(
            f"request_timeout={timeout} is not a positive number of seconds.",
            option="request_timeout",
            code="InvalidTimeout",
            remedy="Give at least 1.",
        )
    return float(timeout)


def _ca_bundle(params: Params) -> str | None:
    path = params.get("ca_bundle")
    if not path:
        return None
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise InvalidInput(
            f"ca_bundle={path} is not a readable file.",
            option="ca_bundle",
            code="CaBundleUnreadable",
            remedy="Give the path of a PEM file with the certificates to trust, or leave the option out.",
        )
    try:
        ssl.create_default_context(cafile=path)
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInput(
            f"ca_bundle={path} holds no certificate that can be read ({getattr(error, 'reason', None) or error}).",
            option="ca_bundle",
            code="CaBundleInvalid",
            remedy="Give the path of a PEM file with the certificates to trust, or leave the option out.",
        ) from error
    return str(path)


class SdkTransport:
    """Sends through the pipeline of the installed azure-mgmt-containerservice (41.x and 32.1 are tested)."""

    def __init__(
        self,
        credential: Any,
        cloud: clouds.Cloud,
        *,
        subscription_id: str,
        ca_bundle: str | None,
        timeout_s: float,
    ) -> None:
        try:
            from azure.core.rest import HttpRequest
            from azure.mgmt.containerservice import ContainerServiceClient
        except ImportError as error:
            raise missing_library("azure-mgmt-containerservice", error) from error
        self._request = HttpRequest
        sdk = ContainerServiceClient(
            credential,
            subscription_id,
            base_url=cloud.resource_manager,
            credential_scopes=[cloud.scope],
            # Retries are ours (ArmClient): the SDK's take minutes for an endpoint that is not there.
            retry_total=0,
            connection_timeout=timeout_s,
            read_timeout=timeout_s,
            user_agent="cloudnet.aks_cilium",
            **({"connection_verify": ca_bundle} if ca_bundle else {}),
        )
        # 32.x has no public send_request, and that of 41.x rewrites addresses; this one takes them verbatim on both.
        self._send = sdk._client.send_request

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        """Send one request, the token included."""
        from azure.core.exceptions import AzureError

        sent = {"Accept": "application/json", **headers}
        if content is not None:
            sent["Content-Type"] = "application/json"
        try:
            answer = self._send(self._request(method, url, headers=sent, content=content))
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
            raise _invalid(f"HTTP {answer.status_code}, {len(text)} characters") from error
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
    return OperationFailed(f"The request failed: {text_of(error)}", code=type(error).__name__)


def _reason(error: BaseException) -> str:
    """The innermost reason, which is the readable one, without the query of a signed address."""
    reason: object = error
    while getattr(reason, "inner_exception", None) or getattr(reason, "reason", None):
        reason = getattr(reason, "inner_exception", None) or getattr(reason, "reason", None)
    if isinstance(reason, BaseException) and reason.args and isinstance(reason.args[0], BaseException):
        reason = getattr(reason.args[0], "reason", None) or reason.args[0]
    return text_of(reason).rstrip(".")
