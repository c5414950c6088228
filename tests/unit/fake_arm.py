# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Resource Manager in memory: what the actions of module_utils/azure need, with every request recorded."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import CLUSTER_OPTIONS
from fakes import FakeClock

FIXTURES = Path(__file__).parent / "fixtures" / "arm"
BASE = "https://arm.test"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
Json = dict[str, Any]


def recorded(name: str) -> Json:
    """A document that the real resource provider answered with."""
    document: Json = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["document"]
    return document


class FakeArm:
    """A Transport. statuses: what an operation says, look by look; before_write: answers that come first."""

    def __init__(self, clusters: Mapping[str, Json] | None = None, groups: Mapping[str, Json] | None = None) -> None:
        self.clusters: dict[str, Json] = {name.lower(): copy.deepcopy(body) for name, body in (clusters or {}).items()}
        self.groups: dict[str, Json] = copy.deepcopy(dict({"rg": {"tags": {}}} if groups is None else groups))
        self.requests: list[tuple[str, str, Json | None, Mapping[str, str]]] = []
        self.statuses: list[Json] = [{"status": "CreatingAgentPools: 1/1 nodes completed"}, {"status": "Succeeded"}]
        self.before_write: list[Answer] = []
        self.reads: list[Answer] = []
        self.kubeconfig = ""
        self.end_state = "Succeeded"
        self._pending: Any = None

    @property
    def writes(self) -> list[tuple[str, str, Json | None, Mapping[str, str]]]:
        """Requests that change something."""
        return [item for item in self.requests if item[0] != "GET" and "listCluster" not in item[1]]

    def client(self, clock: FakeClock | None = None) -> ArmClient:
        return ArmClient(
            self,
            base_url=BASE,
            subscription_id=SUBSCRIPTION,
            api_version="2026-01-01",
            patience_s=30.0,
            clock=clock or FakeClock(),
        )

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        body = json.loads(content) if content else None
        self.requests.append((method, url, body, dict(headers)))
        path = url.removeprefix(BASE).split("?")[0]
        if "/operations/" in path:
            return self._operation()
        if method != "GET" and self.before_write:
            return self.before_write.pop(0)
        if method == "GET" and self.reads:
            return self.reads.pop(0)
        parts = path.split("/")
        if "managedClusters" not in parts:
            return self._group(method, parts, body)
        name = parts[parts.index("managedClusters") + 1].lower()
        return self._cluster(method, name, parts, body)

    def _group(self, method: str, parts: list[str], body: Json | None) -> Answer:
        name = parts[4]
        if parts[-1] == "resources":
            return Answer(200, {}, {"value": [{"id": cluster.get("id")} for cluster in self.clusters.values()]})
        if method == "PUT":
            self.groups[name] = body or {}
            return Answer(201, {}, body)
        if name not in self.groups:
            return error(404, "ResourceGroupNotFound")
        if method == "DELETE":
            del self.groups[name]
            return Answer(202)
        return Answer(200, {}, self.groups[name])

    def _cluster(self, method: str, name: str, parts: list[str], body: Json | None) -> Answer:
        if method == "POST":
            if name not in self.clusters:
                return error(404, "ResourceNotFound")
            value = base64.b64encode(self.kubeconfig.encode()).decode()
            return Answer(200, {}, {"kubeconfigs": [{"name": "clusterUser", "value": value}]})
        if method == "GET":
            found = self.clusters.get(name)
            return Answer(200, {}, copy.deepcopy(found)) if found else error(404, "ResourceNotFound")
        url = f"{BASE}/subscriptions/s/providers/p/locations/l/operations/op-1?api-version=1&s=signed"
        headers = {"azure-asyncoperation": url, "x-ms-correlation-request-id": "corr-1"}
        if method == "DELETE":
            self._pending = lambda: self.clusters.pop(name, None)
            return Answer(202, headers) if name in self.clusters else Answer(204)
        live = self.clusters.get(name, {"id": "/".join(parts), "name": parts[-1]})
        merged = {**live, **copy.deepcopy(body or {})}
        merged.setdefault("properties", {})["provisioningState"] = "Updating" if name in self.clusters else "Creating"
        created = name not in self.clusters
        self.clusters[name] = merged

        def end() -> None:
            merged["properties"]["provisioningState"] = self.end_state

        self._pending = end
        return Answer(201 if created else 200, headers, copy.deepcopy(merged))

    def _operation(self) -> Answer:
        document = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if document["status"] in ("Succeeded", "Failed", "Canceled") and self._pending:
            self._pending()
            self._pending = None
        return Answer(200, {}, document)


def error(status: int, code: str, message: str = "told so", **more: Any) -> Answer:
    """An error answer as ARM gives it."""
    headers = {"x-ms-correlation-request-id": "corr-1"}
    return Answer(status, headers, {"error": {"code": code, "message": message, **more}})


def task(params: Json, *, check_mode: bool = False) -> tuple[Context, list[str]]:
    """A context, and the lines (warnings, progress, `hidden:` secrets) that reach it."""
    lines: list[str] = []
    context = Context(
        params=params,
        check_mode=check_mode,
        warn=lambda message: lines.append(f"warning: {message}"),
        progress=lines.append,
        hide=lambda secret: lines.append(f"hidden: {secret}"),
    )
    return context, lines


def options(**given: Any) -> Json:
    """Options of aks_cluster as AnsibleModule would hand them over: every suboption present, null when not given."""
    params: Json = _filled(CLUSTER_OPTIONS.options, {"resource_group": "rg", "name": "demo", **given})
    defaults = {"state": "present", "create_resource_group": False, "wait": True, "wait_timeout": 1800}
    return {**params, **{key: value for key, value in defaults.items() if params.get(key) is None}}


def _filled(spec: Json, given: Json) -> Json:
    filled: Json = {**dict.fromkeys(spec), **given}
    for key, value in given.items():
        inner = spec.get(key, {}).get("options")
        if inner and isinstance(value, dict):
            filled[key] = _filled(inner, value)
        elif inner and isinstance(value, list):
            filled[key] = [_filled(inner, item) for item in value]
    return filled
