# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""HTTP to one API server: the kubernetes package supplies TLS, credentials and proxies, we send JSON and read JSON."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import urlencode, urlsplit

from .._errors import (
    AuthFailed,
    CollectionError,
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
    Throttled,
    TimedOut,
    Unreachable,
    missing_library,
)
from .._types import Clock, Json
from .._wait import SystemClock
from .kubeconfig import Source
from .refusal import missing_right, remedy_for

CREDENTIAL_PROGRAM_TIMEOUT_S = 60.0
"""How long an exec plugin of a kubeconfig (kubelogin) may take; it may have to ask a token service."""
ATTEMPTS = 3
"""Tries of a GET that is answered with 429 or 5xx."""
LONGEST_PAUSE_S = 5.0


@dataclass(frozen=True)
class Response:
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    data: bytes

    def json(self) -> Json:
        """The body as a document; what is not JSON becomes the text under `message`."""
        try:
            document = json.loads(self.data)
        except ValueError:
            document = None
        if isinstance(document, dict):
            return document
        return {"message": self.data[:500].decode("utf-8", "replace").strip()}


class Transport(Protocol):
    """Sends one request; answers of any status are returned, no answer raises Unreachable."""

    server: str
    configuration: Any

    def send(
        self, method: str, path: str, query: Mapping[str, Any], body: Json | None, headers: Mapping[str, str]
    ) -> Response:
        """Send it, once."""

    def authorization(self) -> str | None:
        """The current value of the Authorization header; refreshed when a credential program said it expires."""


class HttpTransport:
    """The real transport. One connection pool per cluster."""

    def __init__(self, source: Source, request_timeout_s: float) -> None:
        self.server = str(source.cluster["server"]).rstrip("/")
        self.request_timeout_s = request_timeout_s
        self.configuration = _configuration(source)
        try:
            from kubernetes.client.rest import RESTClientObject
        except ImportError as error:
            raise missing_library("kubernetes", error) from error
        if not self.configuration.verify_ssl:
            import urllib3

            # The user's own choice; a warning with every request helps nobody.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._pool = _building(lambda: RESTClientObject(self.configuration).pool_manager)

    def authorization(self) -> str | None:
        """See Transport."""
        setting = self.configuration.auth_settings().get("BearerToken")
        return setting["value"] if setting else None

    def send(
        self, method: str, path: str, query: Mapping[str, Any], body: Json | None, headers: Mapping[str, str]
    ) -> Response:
        """See Transport."""
        import urllib3

        sent = dict(headers)
        authorization = self.authorization()
        if authorization:
            sent["authorization"] = authorization
        url = f"{self.server}{path}" + (f"?{urlencode(query, doseq=True)}" if query else "")
        try:
            answer = self._pool.request(
                method,
                url,
                body=None if body is None else json.dumps(body).encode(),
                headers=sent,
                timeout=urllib3.Timeout(total=self.request_timeout_s),
                # Ours are bounded and know which answers are worth it; urllib3's would multiply the timeout.
                retries=False,
            )
        except urllib3.exceptions.HTTPError as error:
            raise unreachable(self.server, error, self.request_timeout_s) from error
        return Response(answer.status, answer.headers, answer.data)


def send(
    transport: Transport,
    method: str,
    path: str,
    *,
    query: Mapping[str, Any] | None = None,
    body: Json | None = None,
    content_type: str = "application/json",
    clock: Clock | None = None,
    count: Any = None,
    accept: str = "application/json",
) -> Response:
    """Send; a GET answered with 429 or 5xx is tried again, within seconds. Any other answer >= 400 raises."""
    clock = clock or SystemClock()
    headers = {"accept": accept, "user-agent": "cloudnet.aks_cilium"}
    if body is not None:
        headers["content-type"] = content_type
    for attempt in range(1, ATTEMPTS + 1):
        if count is not None:
            count()
        response = transport.send(method, path, query or {}, body, headers)
        passing = response.status == 429 or response.status >= 500
        if not passing or method != "GET" or attempt == ATTEMPTS:
            break
        clock.sleep(_pause_s(response, attempt))
    if response.status >= 400:
        raise error_of(response, method, path)
    return response


def _pause_s(response: Response, attempt: int) -> float:
    try:
        asked = float(response.headers.get("Retry-After", ""))
    except ValueError:
        asked = 0.5 * attempt
    return min(max(asked, 0.1), LONGEST_PAUSE_S)


def error_of(response: Response, method: str, path: str) -> CollectionError:
    """The typed error for an answer; the API server's own reason and message lead."""
    status = response.json()
    reason = str(status.get("reason") or f"HTTP{response.status}")
    said = str(status.get("message") or "no message").rstrip(".")
    details: Json = {}
    causes = (status.get("details") or {}).get("causes")
    if causes:
        details["causes"] = causes
    token = (status.get("metadata") or {}).get("continue")
    if token:
        details["continue"] = token
    kinds: dict[int, tuple[type[CollectionError], str]] = {
        400: (InvalidInput, "Correct the document."),
        401: (AuthFailed, "The credential is missing, wrong or expired: fetch a new kubeconfig or log in again."),
        403: (AuthFailed, "The credential is valid but lacks this permission: grant it, or use another credential."),
        404: (NotFound, "Look at what there is with kubectl get, and correct the name."),
        409: (Conflict, "Another writer was faster, or owns the field: run the task again."),
        422: (InvalidInput, "Correct the fields that the message names."),
        429: (Throttled, "The API server is overloaded: try again later."),
    }
    kind, remedy = kinds.get(response.status, (OperationFailed, "Look at the API server's health, then try again."))
    if response.status == 500 and "failed to create typed patch object" in said:
        # Server-side apply answers so to a field that the kind does not have.
        kind, reason, remedy = InvalidInput, "UnknownField", "Correct the field that the message names."
    elif reason == "AlreadyExists":
        remedy = "Another writer was faster: run the task again."
    right = missing_right(said) if response.status == 403 else None
    if right:
        details["missing_right"] = right
        remedy = remedy_for(right)
    return kind(
        f"Kubernetes refused {method} {path.split('?')[0]}: {said}.",
        code=reason,
        status=response.status,
        target=path,
        details=details,
        remedy=remedy,
    )


def unreachable(server: str, error: BaseException, timeout_s: float) -> Unreachable:
    """The error for no answer: the address, what happened in a few words, and where to look."""
    parts = urlsplit(server)
    address = f"{parts.hostname}:{parts.port or (443 if parts.scheme == 'https' else 80)}"
    name, text = type(error).__name__, str(error)
    if "CERTIFICATE_VERIFY_FAILED" in text or ("hostname" in text.lower() and "match" in text.lower()):
        what, code = f"its certificate was not accepted ({_short(text)})", "TlsFailed"
        remedy = "Use a kubeconfig with this cluster's certificate-authority, or set ca_cert."
    elif "SSL" in name or "SSL" in text:
        what, code = f"TLS failed ({_short(text)})", "TlsFailed"
        remedy = "Check that host and port are those of the API server, and the client certificate."
    elif "NameResolution" in name or "Name or service not known" in text or "name resolution" in text:
        what, code = "its name cannot be resolved", "NameUnknown"
        remedy = (
            "Check the cluster's state (az aks show --query powerState.code) and, for a private cluster, that this"
            " machine uses its private DNS zone."
        )
    elif "Timeout" in name or "timed out" in text:
        what, code = f"no answer within {timeout_s:g} s", "NoAnswer"
        remedy = "Check that the cluster runs, its authorized IP ranges, firewall and proxy, or raise request_timeout."
    else:
        what, code = _short(text), "NoConnection"
        remedy = (
            "Check that the cluster runs (az aks show --query powerState.code; state=started of aks_cluster starts it)"
            " and that this machine may reach it."
        )
    return Unreachable(f"The API server {address} cannot be reached: {what}.", code=code, target=server, remedy=remedy)


def _short(text: str) -> str:
    """The last part of urllib3's nested messages, which is what the operating system or OpenSSL said."""
    return re.sub(r"^\[Errno \d+\] | \(_ssl\.c.*$", "", text.rsplit(": ", 1)[-1]).strip(" .)'\"")[:200]


class _Messages(logging.Handler):
    """Keeps what the kubernetes package logs: it swallows the errors of credential programs."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _configuration(source: Source) -> Any:
    """The kubernetes package's configuration for a source. Runs the credential program when there is one."""
    try:
        from kubernetes.client import Configuration
        from kubernetes.config import load_kube_config_from_dict
    except ImportError as error:
        raise missing_library("kubernetes", error) from error
    configuration = Configuration()
    messages = _Messages()

    def load() -> None:
        load_kube_config_from_dict(
            source.document, context=source.context, client_configuration=configuration, persist_config=False
        )

    logging.getLogger().addHandler(messages)
    try:
        _within(lambda: _building(load), CREDENTIAL_PROGRAM_TIMEOUT_S, source)
    finally:
        logging.getLogger().removeHandler(messages)
    if source.user.get("exec") and not configuration.auth_settings() and not configuration.cert_file:
        raise _no_credential(source, "; ".join(messages.lines) or "it printed none")
    return configuration


def _no_credential(source: Source, reason: str) -> AuthFailed:
    program = source.user["exec"].get("command")
    return AuthFailed(
        f"The credential program {program} of context {source.context} gave no credential: {reason}.",
        code="CredentialProgramFailed",
        target=source.context,
        remedy=f"Install {program} or log in (for kubelogin: `kubelogin convert-kubeconfig -l azurecli`, `az login`).",
    )


def _building(build: Any) -> Any:
    """Call into the kubernetes package with the user's material; what it cannot use is the kubeconfig's fault."""
    from kubernetes.config import ConfigException

    try:
        return build()
    # Malformed values meet base64, ssl, file and dict operations there.
    except (ConfigException, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise InvalidInput(
            f"The kubeconfig cannot be used: {error}.",
            option="kubeconfig",
            code="KubeconfigInvalid",
            remedy="Fetch it anew; the file was not changed.",
        ) from error


def _within(work: Any, timeout_s: float, source: Source) -> None:
    """Run work; without a credential program it cannot hang, with one it gets a deadline of its own."""
    if not source.user.get("exec"):
        work()
        return
    errors: list[Exception] = []

    def guarded() -> None:
        try:
            work()
        except CollectionError as error:
            errors.append(error)

    thread = threading.Thread(target=guarded, daemon=True)
    thread.start()
    thread.join(timeout_s)
    if thread.is_alive():
        raise TimedOut(
            f"The credential program {source.user['exec'].get('command')} did not end within {timeout_s:g} s.",
            code="CredentialProgramTimeout",
            remedy="It may wait for a person: choose a login without questions (kubelogin -l azurecli, spn).",
        )
    if errors:
        raise errors[0]
