# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A cluster with Hubble, its relay and its agents, as the tests of flows need them."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import Unreachable
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import FlowRequest, NodeFacts
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.times import parse_time, rfc3339
from fakes import FakeKube

FLOW = {"flow": {"uuid": "a", "time": "2026-11-30T18:00:00Z", "verdict": "DROPPED"}, "node_name": "n1"}
BROKEN = Unreachable("the connection was reset", code="HubbleUnavailable")
CONNECTED = {"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["n1", "n2"]}}


class Stream:
    """Responses of one call; the test puts in documents, an error to raise, or None for the end."""

    def __init__(self) -> None:
        self.responses: queue.Queue[Any] = queue.Queue()

    def __iter__(self) -> Iterator[dict[str, Any]]:
        while True:
            response = self.responses.get()
            if response is None:
                return
            if isinstance(response, Exception):
                raise response
            yield response

    def cancel(self) -> None:
        self.responses.put(None)


class Relay:
    """A cluster's rings of flows behind a relay, of one node unless a test adds more."""

    def __init__(self) -> None:
        self.rings: dict[str, list[dict[str, Any]]] = {"n1": []}
        self.states = {"n1": "CONNECTED"}
        self.uptime_s = {"n1": 1000.0}
        self.full = False
        self.refusal: Exception | None = None
        self.streams: list[Stream] = []
        self.holds_back = False
        self.connects = 0
        self.requests: list[FlowRequest] = []
        self.changed = threading.Condition()

    def happens(self, second: int, node: str = "n1", **more: Any) -> dict[str, Any]:
        flow = {"uuid": f"{node}-{second}", "time": rfc3339(second, 0), "node_name": node, **more}
        self.rings[node].append(flow)
        if self.streams and not self.holds_back:
            self.streams[-1].responses.put({"flow": flow, "node_name": node})
        return flow

    @contextlib.contextmanager
    def connect(self) -> Iterator[Relay]:
        self.connects += 1
        if self.refusal is not None:
            raise self.refusal
        yield self

    def stream(self, request: FlowRequest) -> Stream:
        self.requests.append(request)
        stream = Stream()
        if request.follow_s:
            for node, ring in self.rings.items():
                for flow in ring[-request.number :]:
                    stream.responses.put({"flow": flow, "node_name": node})
            with self.changed:
                self.streams.append(stream)
                self.changed.notify_all()
            return stream
        for ring in self.rings.values():
            found = [flow for flow in ring if request.since is None or parse_time(flow["time"]) >= request.since]
            if request.since is None:
                found = found[: request.number] if request.oldest else found[-request.number :]
            for flow in found:
                stream.responses.put({"flow": flow})
        stream.responses.put(None)
        return stream

    def nodes(self, timeout_s: float) -> list[NodeFacts]:
        if self.refusal is not None:
            raise self.refusal
        return [NodeFacts(name, state, self.uptime_s[name], self.full) for name, state in self.states.items()]

    def breaks(self) -> None:
        """The connection is reset; returns when there is another one."""
        before = len(self.streams)
        self.streams[-1].responses.put(BROKEN)
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.streams) > before, timeout=5)


def pod(name: str, labels: dict[str, str], *, ready: bool = True, node: str = "n1") -> dict[str, Any]:
    container = {"name": "relay", "ports": [{"name": "grpc", "containerPort": 4246}]}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": labels},
        "spec": {"nodeName": node, "containers": [container]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def cluster(
    *, service_port: int | None = 80, target: Any = "grpc", ready: bool = True, hubble: str = "true"
) -> FakeKube:
    kube = FakeKube().add(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "cilium-config", "namespace": "kube-system"},
            "data": {"enable-hubble": hubble},
        },
        pod("cilium-b", {"k8s-app": "cilium"}, node="n2"),
        pod("cilium-a", {"k8s-app": "cilium"}, node="n1"),
    )
    if service_port is not None:
        spec = {"selector": {"k8s-app": "hubble-relay"}, "ports": [{"port": service_port, "targetPort": target}]}
        kube.add(
            {
                "apiVersion": "v1",
                "kind": "Service",
                "metadata": {"name": "hubble-relay", "namespace": "kube-system"},
                "spec": spec,
            },
            pod("hubble-relay-2", {"k8s-app": "hubble-relay"}, ready=ready),
            pod("hubble-relay-1", {"k8s-app": "hubble-relay"}, ready=False),
        )
    return kube
