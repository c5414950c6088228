# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The HTTPS side: sockets, routing, the headers that every answer has."""

from __future__ import annotations

import json
import logging
import re
import socket
import ssl
import struct
import threading
import uuid
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import certificates, faults, paging, routes
from .backend import Backend, StubBackend
from .clusters import Clusters
from .config import Config, digest
from .defaults import NODE_IMAGE
from .entra import Entra
from .errors import ArmError, EntraError, Json
from .faults import Faults
from .groups import Groups
from .kind_backend import KindBackend
from .lifecycle import PROVIDER, Lifecycle, as_cluster
from .messages import Request, Response
from .networks import Networks
from .operations import Operations, ended
from .registration import Registration
from .store import Store

LOG = logging.getLogger("local_aks")
API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview|-privatepreview)?")
ENTRA = re.compile(r"/(?P<tenant>[^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)")
IDLE_TIMEOUT_S = 120
BODY_LIMIT = 4 * 1024 * 1024
OWN = "/_local_aks/"


class Subscription:
    """Everything in one subscription."""

    def __init__(self, config: Config, directory: Path, backend: Backend, faults: Faults) -> None:
        self.store = Store(directory)
        self.operations = Operations(self.store)
        self.life = Lifecycle(config, self.store, self.operations, backend, faults)
        self.registration = Registration(config)
        self.clusters = Clusters(self.life, self.registration)
        self.groups = Groups(config, self.store, self.operations, self.clusters)
        self.networks = Networks(self.clusters, self.registration)
        self.routes = routes.table(self.groups, self.clusters, self.networks, self.registration)

    def resume(self) -> None:
        """Go on where an earlier process stopped: care for clusters, run unfinished operations again."""
        unfinished = [operation for operation in self.store.operations() if not ended(operation)]
        going = {operation["target"] for operation in unfinished if operation["kind"] == "delete"}
        records = [record for record in self.store.clusters() if record["provisioned"] and record["key"] not in going]
        running = [r for r in records if r["body"]["properties"]["powerState"]["code"] == "Running"]
        self.life.backend.adopt([as_cluster(record) for record in running])
        for operation in sorted(unfinished, key=lambda item: str(item["kind"])):
            LOG.info("operation %s (%s) is resumed", operation["id"], operation["kind"])
            if operation["kind"] == "delete_group":
                self.groups.launch_delete(operation["id"], operation["target"])
            elif operation["kind"] in ("network", "network_delete"):
                self.networks.launch(operation["id"])
            else:
                self.life.launch(operation["id"])


class Service:
    """Everything behind the sockets."""

    def __init__(self, config: Config, backend: Backend | None = None) -> None:
        self.config = config
        self.digest = digest(config)
        self.entra = Entra(config)
        self.faults = Faults()
        self.backend = backend or make_backend(config)
        self.subscriptions = {
            name.lower(): Subscription(
                replace(config, subscription=name),
                config.directory / "subscriptions" / name if number else config.directory,
                self.backend,
                self.faults,
            )
            for number, name in enumerate((config.subscription, *config.more_subscriptions))
        }

    def resume(self) -> None:
        """Go on where an earlier process stopped."""
        for subscription in self.subscriptions.values():
            subscription.resume()

    def close(self) -> None:
        """Stop threads; clusters stay."""
        for subscription in self.subscriptions.values():
            subscription.operations.stop()
        self.backend.close()

    def answer(self, request: Request) -> Response:
        """Answer one request, or break the answer as a fault wants it."""
        if request.path.startswith(OWN):
            try:
                return self._own(request)
            except ArmError as error:
                return Response(error.status, error.body(), error.headers)
        exempt = ENTRA.fullmatch(request.path) is not None or is_metadata(request.path)
        fault = self.faults.due(request.method, request.path, exempt=exempt) or {"kind": ""}
        kind = str(fault["kind"])
        if kind == "slow":
            self.faults.delay(fault)
        response = Response(0, broken="reset")
        if kind != "reset" or fault.get("when") == "after":
            response = self._carried_out(request, fault)
        self.faults.record(request.method, request.path, response.status)
        return replace(response, broken=kind) if kind in ("reset", "truncate") else response

    def _carried_out(self, request: Request, fault: Json) -> Response:
        """Do what a request wants; errors become answers."""
        try:
            if fault["kind"] == "response":
                raise faults.error(fault)
            response = self._answer(request, int(fault.get("size", self.config.page_size)))
        except ArmError as error:
            response = Response(error.status, error.body(), error.headers)
            if not error.gateway:
                response = from_provider(response)
        except EntraError as error:
            response = Response(error.status, self.entra.error_body(error))
        except Exception:
            # The boundary: a client must get an answer, the log the reason.
            LOG.exception("%s %s", request.method, request.path)
            failure = ArmError(500, "InternalServerError", "Encountered internal server error.", gateway=True)
            response = Response(500, failure.body())
        return response

    def _answer(self, request: Request, page: int) -> Response:
        entra = ENTRA.fullmatch(request.path)
        if entra is not None:
            return self._entra(request, entra["tenant"])
        if is_metadata(request.path):
            self._check_api_version(request)
            return Response(200, self.metadata())
        self.entra.authorize(request.headers.get("authorization"))
        self._check_api_version(request)
        if request.path.rstrip("/").lower() == "/subscriptions":
            found = [subscription.groups.subscription() for subscription in self.subscriptions.values()]
            return paging.page(request, found, page, self.config.url)
        return self._in_subscription(request, page)

    def _in_subscription(self, request: Request, page: int) -> Response:
        name = request.path.split("/")[2] if request.path.lower().startswith("/subscriptions/") else ""
        subscription = self.subscriptions.get(name.lower())
        if name and subscription is None:
            message = f"The subscription '{name}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message, gateway=True)
        for method, pattern, action in subscription.routes if subscription else ():
            found = pattern.fullmatch(request.path.rstrip("/"))
            if found is not None and method in (request.method, "*"):
                names = {key: unquote(value) for key, value in found.groupdict().items()}
                response = action(request, names, page)
                return from_provider(response) if f"/{PROVIDER}/".lower() in request.path.lower() else response
        message = f"The resource type could not be found for {request.method} '{request.path}'."
        raise ArmError(404, "InvalidResourceType", message, gateway=True)

    def metadata(self) -> Json:
        """The cloud's description, as clouds with a metadata endpoint publish it (api-version 2022-09-01)."""
        url = self.config.url
        return {
            "name": "LocalAKS",
            "resourceManager": url,
            "authentication": {
                "loginEndpoint": url,
                "audiences": [url],
                "tenant": self.config.tenant,
                "identityProvider": "AAD",
            },
            "portal": "",
            "graphAudience": url,
            "suffixes": {},
        }

    def _entra(self, request: Request, tenant: str) -> Response:
        if request.path.endswith("/token"):
            if request.method != "POST":
                raise EntraError(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
            return Response(200, self.entra.token(tenant, request.body.decode("utf-8", "replace")))
        return Response(200, self.entra.openid_configuration(tenant))

    def _own(self, request: Request) -> Response:
        """What is no part of Azure: health for the role, faults and requests for tests."""
        name, method = request.path.removeprefix(OWN), request.method
        if name == "health" and method == "GET":
            return Response(200, {"status": "running", "digest": self.digest, "backend": self.config.backend})
        if not self.config.fault_injection:
            name = ""
        if name == "faults" and method in ("GET", "PUT"):
            return Response(200, self.faults.replace(request.json()) if method == "PUT" else self.faults.listed())
        if name == "requests" and method in ("GET", "DELETE"):
            return Response(200, self.faults.recorded(clear=method == "DELETE"))
        first = self.subscriptions[self.config.subscription.lower()]
        if name == "registrations" and method == "PUT":
            return Response(200, first.registration.replace(request.json()))
        if name == "node-image" and method == "PUT":
            first.life.node_image = str(request.json().get("version") or NODE_IMAGE)
            return Response(200, {"version": first.life.node_image})
        return Response(404, {"error": {"code": "NotFound", "message": "There is nothing here."}})

    @staticmethod
    def _check_api_version(request: Request) -> None:
        if not request.api_version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", message, gateway=True)
        if not API_VERSION.fullmatch(request.api_version):
            message = f"The api-version '{request.api_version}' is invalid."
            raise ArmError(400, "InvalidApiVersionParameter", message, gateway=True)


def from_provider(response: Response) -> Response:
    """The resource provider's answers name their type without a character set; the gateway's have one."""
    return replace(response, headers={"Content-Type": "application/json", **response.headers})


def is_metadata(path: str) -> bool:
    """Whether a request asks for the cloud's description."""
    return path.rstrip("/").lower() == "/metadata/endpoints"


def make_backend(config: Config) -> Backend:
    """The back end that the configuration names."""
    return StubBackend(config) if config.backend == "stub" else KindBackend(config)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
    # One segment per answer: a body that waits for the acknowledgement of its headers costs 40 ms.
    disable_nagle_algorithm = True
    wbufsize = -1
    server: Server

    def setup(self) -> None:
        """Shake hands here, in the connection's thread: a silent client must not stop the others."""
        self.request.settimeout(IDLE_TIMEOUT_S)
        self.request.do_handshake()
        super().setup()

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_LIMIT:
            self.close_connection = True
            self._send(Response(413), {})
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        query: dict[str, str] = {}
        for name, value in parse_qsl(parts.query, keep_blank_values=True):
            query.setdefault(name.lower(), value)
        request = Request(self.command, parts.path, query, headers, self.rfile.read(length))
        response = self.server.service.answer(request)
        LOG.info("%s %s %s", request.method, request.path, response.status)
        self._send(response, headers)

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = _respond

    def _send(self, response: Response, headers: dict[str, str]) -> None:
        if response.broken == "reset":
            # Without SO_LINGER the client would see an orderly end.
            self.request.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            return
        content = b"" if response.body is None else json.dumps(response.body).encode()
        self.send_response(response.status)
        identifier = str(uuid.uuid4())
        common = {
            "Cache-Control": "no-cache",
            "x-ms-request-id": identifier,
            "x-ms-correlation-request-id": headers.get("x-ms-correlation-request-id", identifier),
            "Strict-Transport-Security": "max-age=31536000; includeSubDomains",
            "X-Content-Type-Options": "nosniff",
        }
        if "x-ms-client-request-id" in headers:
            common["x-ms-client-request-id"] = headers["x-ms-client-request-id"]
        given = dict(response.headers)
        if not content:
            given.pop("Content-Type", None)
        else:
            common["Content-Type"] = "application/json; charset=utf-8"
        kind = "reads" if self.command in ("GET", "HEAD") else "writes"
        common[f"x-ms-ratelimit-remaining-subscription-{kind}"] = "199"
        for name, value in {**common, **given}.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if response.broken == "truncate":
            content = content[: len(content) // 2]
            self.close_connection = True
        if self.command != "HEAD":
            self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: request lines carry signed queries. Requests are logged without them."""


class Server(ThreadingHTTPServer):
    """The listening socket with TLS."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, service: Service) -> None:
        config = service.config
        self.service = service
        certificate = certificates.ensure(config.directory, config.address)[1]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(certificate)
        if ":" in config.address:
            self.address_family = socket.AF_INET6
        super().__init__((config.address, config.port), Handler)
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away or do not speak TLS are no error of ours."""
        LOG.debug("connection from %s ended early", client_address, exc_info=True)

    def serve(self, stop: threading.Event) -> None:
        """Serve until stop is set."""
        thread = threading.Thread(target=self.serve_forever, name="server", daemon=True)
        thread.start()
        self.service.resume()
        stop.wait()
        self.shutdown()
        self.server_close()
        self.service.close()
