# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The local stand-in for Azure with a back end that builds nothing, as a process of its own, and a client of it."""

from __future__ import annotations

import json
import os
import socket
import ssl
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PACKAGE = Path(__file__).parents[2] / "roles" / "local_aks" / "files"
API_VERSION = "2026-01-01"
Json = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """An answer of the service."""

    status: int
    headers: dict[str, str]
    body: Any


@dataclass
class LocalAks:
    """Where the service is and what a client needs; headers are lower case."""

    url: str
    directory: Path
    tenant: str = "11111111-1111-1111-1111-111111111111"
    subscription: str = "00000000-0000-0000-0000-000000000000"
    client_id: str = "22222222-2222-2222-2222-222222222222"
    secret: str = "local-aks"
    token: str = ""

    @property
    def ca_bundle(self) -> Path:
        return self.directory / "ca.pem"

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables by which the modules find and use the service."""
        return {
            "AZURE_CLOUD_ENVIRONMENT": self.url,
            "AKS_CILIUM_CA_BUNDLE": str(self.ca_bundle),
            "AZURE_SUBSCRIPTION_ID": self.subscription,
            "AZURE_TENANT": self.tenant,
            "AZURE_CLIENT_ID": self.client_id,
            "AZURE_SECRET": self.secret,
        }

    def send(self, method: str, url: str, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
        """One plain request; url may be a path."""
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        target = self.url + url.removeprefix(self.url)
        request = urllib.request.Request(target, data=data, method=method, headers=headers or {})  # noqa: S310
        context = ssl.create_default_context(cafile=str(self.ca_bundle))
        try:
            # Without a look for proxies in the environment, which pytest changes while other threads are here.
            handlers = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
            with urllib.request.build_opener(*handlers).open(request, timeout=20) as answer:
                return self._answer(answer)
        except urllib.error.HTTPError as error:
            return self._answer(error)

    @staticmethod
    def _answer(answer: Any) -> Answer:
        content = answer.read()
        headers = {name.lower(): value for name, value in answer.headers.items()}
        return Answer(answer.status, headers, json.loads(content) if content else None)

    def authenticate(self, secret: str | None = None, tenant: str | None = None) -> Answer:
        form = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_secret": self.secret if secret is None else secret,
            "scope": f"{self.url}/.default",
        }
        path = f"/{tenant or self.tenant}/oauth2/v2.0/token"
        return self.send("POST", path, urllib.parse.urlencode(form).encode())

    def arm(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        """A request to Resource Manager; path is below the subscription unless it is a URL."""
        if not self.token:
            self.token = self.authenticate().body["access_token"]
        sent = {"Authorization": f"Bearer {self.token}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        if path.startswith("https://"):
            return self.send(method, path, body, sent)
        joint = "&" if "?" in path else "?"
        return self.send(
            method, f"/subscriptions/{self.subscription}{path}{joint}api-version={API_VERSION}", body, sent
        )

    def finish(self, answer: Answer) -> Answer:
        """Poll an operation until it has ended; returns its last answer."""
        url = answer.headers["azure-asyncoperation"]
        while True:
            polled = self.arm("GET", url)
            if polled.body["status"] in ("Succeeded", "Failed", "Canceled"):
                return polled

    def faults(self, *faults: Json) -> None:
        """Let things go wrong from now on; without arguments: no longer."""
        answer = self.send("PUT", "/_local_aks/faults", {"faults": list(faults)})
        assert answer.status == 200, answer

    def requests(self, *, clear: bool = False) -> list[Json]:
        """Method, path and status of the requests to Azure's part of the service."""
        answer = self.send("DELETE" if clear else "GET", "/_local_aks/requests")
        found: list[Json] = answer.body["requests"]
        return found

    def control(self, command: str) -> Json:
        """Run start, stop, status or destroy on this service."""
        return control(command, self.directory)

    def writes(self) -> list[Json]:
        """The requests that change something."""
        return [r for r in self.requests() if r["method"] not in ("GET", "HEAD") and "/oauth2/" not in r["path"]]


def control(command: str, directory: Path, *arguments: str) -> Json:
    """Run the service's command line."""
    done = subprocess.run(
        [sys.executable, "-m", "local_aks", command, "--directory", str(directory), *arguments],
        env={**os.environ, "PYTHONPATH": str(PACKAGE), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    document: Json = json.loads(done.stdout)
    return document


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def started(directory: Path, **more: Any) -> LocalAks:
    """Start a service in a directory that is empty or does not exist."""
    settings = {"port": free_port(), "backend": "stub", "fault_injection": True, **more}
    directory.mkdir(exist_ok=True)
    (directory / "config.json").write_text(json.dumps(settings), encoding="utf-8")
    return LocalAks(control("start", directory)["url"], directory)
