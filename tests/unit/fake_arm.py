# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure Resource Manager in memory: what the actions of module_utils/azure need, with every request recorded."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._module import Context
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import CLUSTER_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.node_pool import OPTIONS
from fakes import FakeClock

FIXTURES = Path(__file__).parent / "fixtures" / "arm"
BASE = "https://arm.test"
SUBSCRIPTION = "00000000-0000-0000-0000-000000000000"
Json = dict[str, Any]


def recorded(name: str) -> Json:
    """A document that the real resource provider answered with."""
    document: Json = json.loads((FIXTURES / f"{name}.json").read_text(encoding="utf-8"))["document"]
    return document


ENDED = ("Succeeded", "Failed", "Canceled")
MEANWHILE = {"start": "Starting", "stop": "Stopping", "DELETE": "Deleting", "POST": "UpgradingNodeImageVersion"}


class Killed(BaseException):
    """The run ends here, as by SIGKILL: nothing of it runs any more."""


class FakeArm:
    """A Transport.

    statuses: what an operation says, look by look. before_write, reads: answers that come first. lost: writes that are
    carried out and whose answer does not come; kill_at: number of the request at which the run is killed, before or
    (kill_after) after Azure has carried it out. An operation ends with its last status, or when somebody has looked
    at its object LOOKS times.
    """

    LOOKS = 3

    def __init__(self, clusters: Mapping[str, Json] | None = None, groups: Mapping[str, Json] | None = None) -> None:
        self.clusters: dict[str, Json] = {name.lower(): copy.deepcopy(body) for name, body in (clusters or {}).items()}
        self.groups: dict[str, Json] = copy.deepcopy(dict({"rg": {"tags": {}}} if groups is None else groups))
        self.networks: dict[str, Json] = {}
        self.requests: list[tuple[str, str, Json | None, Mapping[str, str]]] = []
        self.statuses: list[Json] = [{"status": "CreatingAgentPools: 1/1 nodes completed"}, {"status": "Succeeded"}]
        self.before_write: list[Answer] = []
        self.reads: list[Answer] = []
        self.lost = 0
        self.kill_at = -1
        self.kill_after = False
        self.kubeconfig = ""
        self.end_state = "Succeeded"
        self.upgrades: list[str] | None = None
        self.registration = "Registered"
        self.newest_image = "AKSUbuntu-2204gen2containerd-202611.10.0"
        self._pending: Callable[[], object] | None = None
        self._looks = 0
        self._etag = 0

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
        killed = len(self.requests) - 1 == self.kill_at
        if killed and not self.kill_after:
            raise Killed
        answer = self._answer(method, url.removeprefix(BASE).split("?")[0], headers, body)
        if killed:
            raise Killed
        if method != "GET" and self.lost:
            self.lost -= 1
            raise Unreachable("the connection was closed", code="Unreachable")
        return answer

    def _answer(self, method: str, path: str, headers: Mapping[str, str], body: Json | None) -> Answer:
        if "/operations/" in path:
            return self._operation()
        if method != "GET" and self.before_write:
            return self.before_write.pop(0)
        if method == "GET" and self.reads:
            return self.reads.pop(0)
        parts = path.split("/")
        if "managedClusters" in parts:
            at = parts.index("managedClusters") + 1
            return self._managed(method, parts[at].lower(), parts[at + 1 :], headers, body)
        if "virtualNetworks" in parts:
            return self._network(method, parts, body)
        if "resourceGroups" in parts:
            return self._group(method, parts, body)
        state = {"registrationState": self.registration, "properties": {"state": self.registration}}
        return Answer(200, {}, {"id": path, **state})

    def _group(self, method: str, parts: list[str], body: Json | None) -> Answer:
        name = parts[4]
        if parts[-1] == "resources":
            held = [*self.clusters.values(), *self.networks.values()]
            return Answer(200, {}, {"value": [{"id": item.get("id")} for item in held]})
        if method == "PUT":
            self.groups[name] = body or {}
            return Answer(201, {}, body)
        if name not in self.groups:
            return error(404, "ResourceGroupNotFound")
        if method == "DELETE":
            del self.groups[name]
            return Answer(202)
        return Answer(200, {}, self.groups[name])

    def _network(self, method: str, parts: list[str], body: Json | None) -> Answer:
        path = "/".join(parts)
        if method == "PUT":
            self.networks[path] = {"id": path, **(body or {})}
            return Answer(201, {}, copy.deepcopy(self.networks[path]))
        if path not in self.networks:
            return error(404, "ResourceNotFound") if method == "GET" else Answer(204)
        if method == "DELETE":
            del self.networks[path]
            return Answer(202)
        return Answer(200, {}, copy.deepcopy(self.networks[path]))

    def _managed(
        self, method: str, name: str, rest: list[str], headers: Mapping[str, str], body: Json | None
    ) -> Answer:
        """A cluster, one of its pools, or an action of either."""
        live = self.clusters.get(name)
        if rest == [] and method in ("PUT", "PATCH"):
            return self._put_cluster(method, name, headers, body or {})
        if live is None:
            return Answer(204) if method == "DELETE" and not rest else error(404, "ResourceNotFound")
        if rest[:1] == ["agentPools"]:
            return self._pool(method, live, rest[1], rest[2:], headers, body)
        if method == "GET":
            if rest:
                return self._upgrade_profile({"controlPlaneProfile": self._offered()})
            self._look()
            found = self.clusters.get(name)
            return Answer(200, {}, copy.deepcopy(found)) if found else error(404, "ResourceNotFound")
        if rest and rest[0].startswith("listCluster"):
            value = base64.b64encode(self.kubeconfig.encode()).decode()
            return Answer(200, {}, {"kubeconfigs": [{"name": "clusterUser", "value": value}]})
        if method == "DELETE":
            return self._start(live, "DELETE", lambda: self.clusters.pop(name, None))
        properties = live.setdefault("properties", {})
        wanted = {"start": "Running", "stop": "Stopped"}[rest[0]]
        return self._start(live, rest[0], lambda: properties.update(powerState={"code": wanted}))

    def _put_cluster(self, method: str, name: str, headers: Mapping[str, str], body: Json) -> Answer:
        live = self.clusters.get(name)
        if refusal := self._precondition(headers, live, (live or {}).get("eTag")):
            return refusal
        path = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg/providers/Microsoft.ContainerService/managedClusters"
        kept = live if method == "PATCH" else {"id": f"{path}/{name}", "name": name}
        merged = {**(live or {}), **(kept or {}), **copy.deepcopy(body)}
        if live and "name" in live:
            merged["name"] = live["name"]
        self.clusters[name] = merged
        answer = self._start(merged, "Updating" if live else "Creating", lambda: None)
        return Answer(200 if live else 201, answer.headers, copy.deepcopy(merged))

    def _pool(
        self, method: str, cluster: Json, name: str, rest: list[str], headers: Mapping[str, str], body: Json | None
    ) -> Answer:
        profiles: list[Json] = cluster["properties"].setdefault("agentPoolProfiles", [])
        held = next((pool for pool in profiles if pool["name"] == name), None)
        if method == "PUT":
            if refusal := self._precondition(headers, held, (held or {}).get("eTag")):
                return refusal
            merged = {"name": name, **copy.deepcopy((body or {})["properties"])}
            cluster["properties"]["agentPoolProfiles"] = [
                *(pool for pool in profiles if pool["name"] != name),
                merged,
            ]
            answer = self._start(merged, "Updating" if held else "Creating", lambda: None, nested=False)
            return Answer(200 if held else 201, answer.headers, self._pool_resource(merged))
        if held is None:
            return Answer(204) if method == "DELETE" else error(404, "NotFound")
        if method == "GET":
            if rest:
                return self._upgrade_profile({**self._offered(), "latestNodeImageVersion": self.newest_image})
            self._look()
            left = next((pool for pool in cluster["properties"]["agentPoolProfiles"] if pool["name"] == name), None)
            return Answer(200, {}, self._pool_resource(left)) if left else error(404, "NotFound")
        if method == "POST":
            return self._start(held, "POST", lambda: held.update(nodeImageVersion=self.newest_image), nested=False)
        return self._start(held, "DELETE", lambda: profiles.remove(held), nested=False)

    @staticmethod
    def _pool_resource(profile: Json) -> Json:
        properties = {key: value for key, value in copy.deepcopy(profile).items() if key != "name"}
        return {"id": f"/pools/{profile['name']}", "name": profile["name"], "properties": properties}

    def _offered(self) -> Json:
        return {"upgrades": [{"kubernetesVersion": version} for version in self.upgrades or []]}

    def _upgrade_profile(self, properties: Json) -> Answer:
        return Answer(200, {}, {"properties": properties}) if self.upgrades is not None else error(404, "NotFound")

    def _precondition(self, headers: Mapping[str, str], live: Json | None, etag: Any) -> Answer | None:
        if headers.get("If-None-Match") == "*" and live is not None:
            return error(412, "PreconditionFailed")
        if "If-Match" in headers and headers["If-Match"] != etag:
            return error(412, "PreconditionFailed")
        return None

    def _start(self, holder: Json, way: str, effect: Callable[[], object], *, nested: bool = True) -> Answer:
        """Begin an operation on a cluster (nested: its state is below properties) or on a pool."""
        states = holder.setdefault("properties", {}) if nested else holder
        states["provisioningState"] = MEANWHILE.get(way, way)
        self._etag += 1
        if "eTag" in holder:
            holder["eTag"] = f"etag-{self._etag}"

        def end() -> None:
            states["provisioningState"] = self.end_state
            if self.end_state == "Succeeded":
                effect()

        self._pending = end
        self._looks = self.LOOKS
        url = f"{BASE}/subscriptions/s/providers/p/locations/l/operations/op-1?api-version=1&s=SIGNATURE"
        return Answer(202, {"azure-asyncoperation": url, "x-ms-correlation-request-id": "corr-1"})

    def _look(self) -> None:
        """Time passes with every look at an object that an operation works on."""
        self._looks -= 1
        if self._looks <= 0:
            self._end()

    def _end(self) -> None:
        if self._pending:
            self._pending()
            self._pending = None

    def _operation(self) -> Answer:
        document = self.statuses.pop(0) if len(self.statuses) > 1 else self.statuses[0]
        if document["status"] in ENDED:
            self._end()
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


def pool_options(**given: Any) -> Json:
    """Options of aks_node_pool, in the same way."""
    params = _filled(OPTIONS.options, {"resource_group": "rg", "cluster_name": "demo", "name": "nodepool1", **given})
    defaults = {
        "state": "present",
        "wait": True,
        "wait_timeout": 1800,
        "upgrade_node_image": False,
        "ignore_pod_disruption_budget": False,
    }
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
