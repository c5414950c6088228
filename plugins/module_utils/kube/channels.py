# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A WebSocket to the API server that carries several numbered streams, as exec and port-forward use it."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import unquote, urlencode, urlsplit

from .._errors import TimedOut, Unreachable, missing_library
from .._types import Json
from .transport import Response, Transport, error_of, unreachable

_AGAIN = "Run again; if it stays, look at the proxies and load balancers between this machine and the API server."


class Channels:
    """Frames whose first byte is the number of their channel. Use as a context manager."""

    def __init__(
        self, transport: Transport, path: str, query: Json, protocols: Sequence[str], timeout_s: float
    ) -> None:
        """Connect within timeout_s. Raises what the API server answers instead of an upgrade, or Unreachable."""
        self._server = transport.server
        self.timeout_s = timeout_s
        self._websocket = _library()
        self._socket = self._websocket.WebSocket(
            sslopt=tls_options(transport.configuration), enable_multithread=True, skip_utf8_validation=True
        )
        headers = ["user-agent: cloudnet.aks_cilium"]
        authorization = transport.authorization()
        if authorization:
            headers.append(f"authorization: {authorization}")
        url = f"ws{transport.server.removeprefix('http')}{path}?{urlencode(query, doseq=True)}"
        try:
            self._socket.connect(
                url,
                header=headers,
                subprotocols=list(protocols),
                suppress_origin=True,
                redirect_limit=0,
                timeout=timeout_s,
                **proxy_options(transport.configuration),
            )
        except self._websocket.WebSocketBadStatusException as error:
            body = error.resp_body or b""
            data = body if isinstance(body, bytes) else str(body).encode()
            raise error_of(Response(error.status_code, error.resp_headers or {}, data), "GET", path) from error
        except (self._websocket.WebSocketException, OSError) as error:
            raise unreachable(transport.server, error, timeout_s) from error

    def __enter__(self) -> Channels:
        """Itself."""
        return self

    def __exit__(self, *exception: object) -> None:
        """Close."""
        self.close()

    def read(self, timeout_s: float) -> tuple[int, bytes] | None:
        """The next channel and its data; None when the other side closed.

        Raises TimedOut when no complete frame came in time (what came is kept), Unreachable when the connection broke.
        """
        deadline = time.monotonic() + timeout_s
        while True:
            self._socket.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                opcode, frame = self._socket.recv_data_frame(True)
            except self._websocket.WebSocketTimeoutException as error:
                raise TimedOut(f"No data within {timeout_s:g} s.", code="StreamTimeout", remedy=_AGAIN) from error
            except self._websocket.WebSocketConnectionClosedException:
                return None
            except (self._websocket.WebSocketException, OSError) as error:
                raise self._broken(error) from error
            if opcode == self._websocket.ABNF.OPCODE_CLOSE:
                return None
            if opcode in (self._websocket.ABNF.OPCODE_BINARY, self._websocket.ABNF.OPCODE_TEXT) and frame.data:
                return frame.data[0], frame.data[1:]

    def write(self, channel: int, data: bytes) -> None:
        """Send data on a channel. Raises Unreachable when the connection broke or takes nothing any more."""
        self._socket.settimeout(self.timeout_s)
        try:
            self._socket.send(bytes([channel]) + data, self._websocket.ABNF.OPCODE_BINARY)
        except (self._websocket.WebSocketException, OSError) as error:
            raise self._broken(error) from error

    def _broken(self, error: Exception) -> Unreachable:
        return Unreachable(f"The stream through {self._server} broke: {error}.", code="StreamBroken", remedy=_AGAIN)

    def fileno(self) -> int:
        """For select; look at buffered() first."""
        return int(self._socket.sock.fileno())

    def buffered(self) -> bool:
        """Whether TLS holds decrypted bytes that select does not see."""
        return isinstance(self._socket.sock, ssl.SSLSocket) and self._socket.sock.pending() > 0

    def close(self) -> None:
        """Close without waiting for the other side."""
        self._socket.shutdown()


def _library() -> Any:
    """The websocket-client package, as Any because its own annotations are partial."""
    try:
        import websocket
    except ImportError as error:
        raise missing_library("websocket-client", error) from error
    return websocket


def tls_options(configuration: Any) -> Json:
    """TLS for the websocket library, from the same material that the HTTP requests use."""
    if configuration.verify_ssl:
        options: Json = {"cert_reqs": ssl.CERT_REQUIRED, "check_hostname": True}
        if configuration.ssl_ca_cert:
            options["ca_certs"] = configuration.ssl_ca_cert
    else:
        options = {"cert_reqs": ssl.CERT_NONE}
    for name, value in (
        ("certfile", configuration.cert_file),
        ("keyfile", configuration.key_file),
        ("server_hostname", getattr(configuration, "tls_server_name", None)),
    ):
        if value:
            options[name] = value
    return options


def proxy_options(configuration: Any) -> Json:
    """The proxy, in the websocket library's words. Exceptions of NO_PROXY are observed by that library."""
    if not configuration.proxy:
        return {}
    proxy = urlsplit(configuration.proxy)
    options: Json = {
        "http_proxy_host": proxy.hostname,
        "http_proxy_port": proxy.port or (443 if proxy.scheme == "https" else 80),
        "proxy_type": proxy.scheme if proxy.scheme.startswith("socks") else "http",
    }
    if proxy.username:
        options["http_proxy_auth"] = (unquote(proxy.username), unquote(proxy.password or ""))
    if getattr(configuration, "no_proxy", None):
        options["http_no_proxy"] = [entry.strip() for entry in configuration.no_proxy.split(",") if entry.strip()]
    return options


def status_of(data: bytes) -> Json:
    """The Status document of an error channel; an empty one when it holds none."""
    try:
        document = json.loads(data)
    except ValueError:
        return {"message": data.decode("utf-8", "replace")} if data else {}
    return document if isinstance(document, dict) else {}
