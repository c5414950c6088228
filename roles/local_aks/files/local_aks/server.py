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
import threading
import uuid
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from . import certificates
from .backend import Backend, StubBackend
from .clusters import Clusters, as_cluster
from .config import Config, digest
from .entra import Entra
from .errors import ArmError, EntraError, Json
from .faults import Faults
from .groups import Groups
from .kind_backend import KindBackend
from .messages import Request, Response
from .operations import Operations, ended
from .parts import Parts, unsupported
from .store import Store

LOG = logging.getLogger("local_aks")
API_VERSION = re.compile(r"\d{4}-\d\d-\d\d(-preview|-privatepreview)?")
IDLE_TIMEOUT_S = 120
BODY_LIMIT = 4 * 1024 * 1024
OWN = "/_local_aks/"
SUB = r"/subscriptions/(?P<sub>[^/]+)"
RG = SUB + r"/resourcegroups/(?P<rg>[^/]+)"
AKS = r"/providers/Microsoft\.ContainerService"
MC = RG + AKS + r"/managedClusters/(?P<name>[^/]+)"
LOCATION = SUB + AKS + r"/locations/[^/]+"
Action = Callable[[Request, "dict[str, str]"], Response]


class Service:
    """Everything behind the sockets."""

    def __init__(self, config: Config, backend: Backend | None = None) -> None:
        self.config = config
        self.digest = digest(config)
        self.entra = Entra(config)
        self.faults = Faults()
        store = Store(config.directory)
        self.store = store
        self.operations = Operations(store)
        self.backend = backend or make_backend(config)
        self.clusters = Clusters(config, store, self.operations, self.backend, self.faults)
        self.parts = Parts(self.clusters)
        self.groups = Groups(config, store, self.operations, self.clusters)
        self.routes = self._routes()

    def resume(self) -> None:
        """Go on where an earlier process stopped: care for clusters, run unfinished operations again."""
        unfinished = [operation for operation in self.store.operations() if not ended(operation)]
        going = {operation["target"] for operation in unfinished if operation["kind"] == "delete"}
        records = [record for record in self.store.clusters() if record["provisioned"] and record["key"] not in going]
        self.backend.adopt([as_cluster(record) for record in records])
        for operation in sorted(unfinished, key=lambda item: str(item["kind"])):
            LOG.info("operation %s (%s) is resumed", operation["id"], operation["kind"])
            if operation["kind"] == "delete_group":
                self.groups.launch_delete(operation["id"], operation["target"])
            else:
                self.clusters.launch(operation["id"])

    def close(self) -> None:
        """Stop threads; clusters stay."""
        self.operations.stop()
        self.backend.close()

    def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            if request.path.startswith(OWN):
                return self._own(request)
            response = self._answer(request)
        except ArmError as error:
            response = Response(error.status, error.body(), error.headers)
        except EntraError as error:
            response = Response(error.status, self.entra.error_body(error))
        except Exception:
            # The boundary: a client must get an answer, the log the reason.
            LOG.exception("%s %s", request.method, request.path)
            failure = ArmError(500, "InternalServerError", "Encountered internal server error.", gateway=True)
            response = Response(500, failure.body())
        self.faults.record(request.method, request.path, response.status)
        return response

    def _answer(self, request: Request) -> Response:
        entra = re.fullmatch(
            r"/(?P<tenant>[^/]+)/(v2\.0/\.well-known/openid-configuration|oauth2/v2\.0/token)", request.path
        )
        if entra is not None:
            return self._entra(request, entra["tenant"])
        if request.path.rstrip("/").lower() == "/metadata/endpoints":
            self._check_api_version(request)
            return Response(200, self.metadata())
        self.faults.before_request(request.method, request.path)
        self.entra.authorize(request.headers.get("authorization"))
        self._check_api_version(request)
        for method, pattern, action in self.routes:
            found = pattern.fullmatch(request.path.rstrip("/"))
            if found is not None and method in (request.method, "*"):
                names = {key: unquote(value) for key, value in found.groupdict().items()}
                if names.get("sub", self.config.subscription).lower() != self.config.subscription.lower():
                    message = f"The subscription '{names['sub']}' could not be found."
                    raise ArmError(404, "SubscriptionNotFound", message, gateway=True)
                return action(request, names)
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
        name = request.path.removeprefix(OWN)
        if name == "health" and request.method == "GET":
            return Response(200, {"status": "running", "digest": self.digest, "backend": self.config.backend})
        if self.config.fault_injection and name == "faults" and request.method in ("GET", "PUT"):
            replaces = request.method == "PUT"
            return Response(200, self.faults.replace(request.json()) if replaces else self.faults.listed())
        if self.config.fault_injection and name == "requests" and request.method in ("GET", "DELETE"):
            return Response(200, self.faults.recorded(clear=request.method == "DELETE"))
        return Response(404, {"error": {"code": "NotFound", "message": "There is nothing here."}})

    @staticmethod
    def _check_api_version(request: Request) -> None:
        if not request.api_version:
            message = "The api-version query parameter (?api-version=) is required for all requests."
            raise ArmError(400, "MissingApiVersionParameter", message, gateway=True)
        if not API_VERSION.fullmatch(request.api_version):
            message = f"The api-version '{request.api_version}' is invalid."
            raise ArmError(400, "InvalidApiVersionParameter", message, gateway=True)

    def _routes(self) -> list[tuple[str, re.Pattern[str], Action]]:
        groups, clusters, parts = self.groups, self.clusters, self.parts
        table: list[tuple[str, str, Action]] = [
            ("GET", "/subscriptions", lambda r, n: Response(200, {"value": [groups.subscription()]})),
            ("GET", SUB, lambda r, n: Response(200, groups.subscription())),
            ("GET", SUB + "/resourcegroups", lambda r, n: groups.listed()),
            ("GET", SUB + "/resources", lambda r, n: groups.resources(None)),
            ("GET", SUB + "/operationresults/(?P<id>[^/]+)", lambda r, n: groups.result(n["id"])),
            ("GET", SUB + "/providers/(?P<ns>[^/]+)", lambda r, n: groups.provider(n["ns"])),
            ("POST", SUB + "/providers/(?P<ns>[^/]+)/register", lambda r, n: groups.provider(n["ns"])),
            ("GET", RG, lambda r, n: groups.get(n["rg"])),
            ("HEAD", RG, lambda r, n: groups.exists(n["rg"])),
            ("PUT", RG, lambda r, n: groups.put(r, n["rg"])),
            ("PATCH", RG, lambda r, n: groups.patch(r, n["rg"])),
            ("DELETE", RG, lambda r, n: groups.delete(n["rg"])),
            ("GET", RG + "/resources", lambda r, n: groups.resources(n["rg"])),
            ("GET", SUB + AKS + "/managedClusters", lambda r, n: clusters.listed(r, None)),
            ("GET", RG + AKS + "/managedClusters", lambda r, n: clusters.listed(r, n["rg"])),
            ("GET", MC, lambda r, n: clusters.get(r, n["rg"], n["name"])),
            ("PUT", MC, lambda r, n: clusters.put(r, n["rg"], n["name"])),
            ("PATCH", MC, lambda r, n: clusters.patch(r, n["rg"], n["name"])),
            ("DELETE", MC, lambda r, n: clusters.delete(r, n["rg"], n["name"])),
            ("GET", MC + "/agentPools", lambda r, n: parts.pools(r, n["rg"], n["name"])),
            ("GET", MC + "/agentPools/(?P<pool>[^/]+)", lambda r, n: parts.pool(r, n["rg"], n["name"], n["pool"])),
            ("POST", MC + "/listClusterUserCredential", lambda r, n: parts.credential(n["rg"], n["name"], admin=False)),
            ("POST", MC + "/listClusterAdminCredential", lambda r, n: parts.credential(n["rg"], n["name"], admin=True)),
            ("GET", LOCATION + "/kubernetesVersions", lambda r, n: parts.versions()),
            ("GET", LOCATION + "/operations/(?P<id>[^/]+)", lambda r, n: clusters.operation(r, n["id"])),
            ("GET", LOCATION + "/operationresults/(?P<id>[^/]+)", lambda r, n: clusters.operation_result(r, n["id"])),
            ("*", MC + "/.+", lambda r, n: unsupported(r)),
        ]
        return [(method, re.compile(pattern, re.IGNORECASE), action) for method, pattern, action in table]


def make_backend(config: Config) -> Backend:
    """The back end that the configuration names."""
    return StubBackend(config) if config.backend == "stub" else KindBackend(config)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    server_version = "Microsoft-HTTPAPI/2.0"
    sys_version = ""
    timeout = IDLE_TIMEOUT_S
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
        if content:
            common["Content-Type"] = "application/json; charset=utf-8"
        kind = "reads" if self.command in ("GET", "HEAD") else "writes"
        common[f"x-ms-ratelimit-remaining-subscription-{kind}"] = "199"
        for name, value in {**common, **response.headers}.items():
            self.send_header(name, value)
        if response.status != 204:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
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
