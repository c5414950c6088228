# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The stand-in without sockets: requests in, answers out."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

from local_aks.config import load
from local_aks.messages import Request, Response
from local_aks.server import Service

Json = dict[str, Any]
CLUSTER = "/resourcegroups/g/providers/Microsoft.ContainerService/managedClusters/c"
BODY: Json = {
    "location": "westeurope",
    "identity": {"type": "SystemAssigned"},
    "properties": {
        "dnsPrefix": "c",
        "agentPoolProfiles": [{"name": "system", "count": 1, "mode": "System", "vmSize": "Standard_DS2_v2"}],
        "networkProfile": {"networkPlugin": "azure", "networkPluginMode": "overlay"},
    },
}


class AzureService:
    """One service with the stub back end, and a resource group in it."""

    def __init__(self, directory: Path, **settings: Any) -> None:
        self.service = Service(load(directory, json.dumps({"backend": "stub", "fault_injection": True, **settings})))
        self.send("PUT", "/resourcegroups/g", {"location": "westeurope"})

    def send(self, method: str, path: str, body: Any = None, version: str = "2026-01-01", **headers: str) -> Response:
        """A request below the subscription."""
        config = self.service.config
        token = self.service.entra.issue(config.url, time.time() + 60)
        path, _mark, query = path.partition("?")
        pairs = dict(item.split("=", 1) for item in query.split("&") if item)
        sent = {"authorization": f"Bearer {token}", **{key.replace("_", "-"): value for key, value in headers.items()}}
        content = b"" if body is None else json.dumps(body).encode()
        target = f"/subscriptions/{config.subscription}{path}"
        return self.service.answer(Request(method, target, {"api-version": version, **pairs}, sent, content))

    def own(self, method: str, name: str, body: Any = None) -> Response:
        """A request to the interface for tests."""
        content = b"" if body is None else json.dumps(body).encode()
        return self.service.answer(Request(method, f"/_local_aks/{name}", {}, {}, content))

    def faults(self, *faults: Json) -> None:
        """Let things go wrong."""
        assert self.own("PUT", "faults", {"faults": list(faults)}).status == 200

    def done(self, answer: Response) -> Json:
        """Wait for the operation that an answer began; returns its record."""
        assert answer.status < 300, answer.body
        identifier = answer.headers["Azure-AsyncOperation"].partition("?")[0].rsplit("/", 1)[-1]
        subscription = self.service.subscriptions[self.service.config.subscription]
        subscription.operations.wait(identifier)
        return subscription.store.operation(identifier) or {}

    def create(self, **network: Any) -> Json:
        """A cluster, and how it reads; network replaces the network profile."""
        body = copy.deepcopy(BODY)
        if network:
            body["properties"]["networkProfile"] = network
        assert self.done(self.send("PUT", CLUSTER, body))["status"] == "Succeeded"
        return self.read()

    def read(self, path: str = CLUSTER) -> Json:
        """What a GET shows."""
        answer = self.send("GET", path)
        assert answer.status == 200, answer.body
        return copy.deepcopy(answer.body or {})
