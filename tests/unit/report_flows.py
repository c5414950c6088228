# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows and coverage for reports of flows: a shop of five workloads before and after hardening; 500 workloads."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import Observed, build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.edges import EdgeCounter

DENY = "CiliumNetworkPolicy shop/default-deny"
VERDICT, TRACE, DROP = 5, 4, 1


def pod(path: str, kind: str = "Deployment") -> Json:
    """The end of a pod of `namespace/name`."""
    namespace, __, name = path.partition("/")
    return {
        "identity": 20000,
        "namespace": namespace,
        "pod_name": f"{name}-5d9f-abcde",
        "workloads": [{"kind": kind, "name": name}],
    }


def outside(address: str = "203.0.113.7", name: str = "") -> Json:
    return {"identity": 2, "address": address, "name": name}


HOST: Json = {"identity": 1, "address": "10.9.0.2"}
API_SERVER: Json = {"identity": 7, "address": "10.9.0.3"}


def flow(source: Json, destination: Json, port: int, protocol: str, second: int, **more: Any) -> Json:
    found: Json = {
        "time": f"2026-11-30T18:{second // 60 % 60:02d}:{second % 60:02d}.123456789Z",
        "l4": {protocol: {"source_port": 40000, "destination_port": port}},
        "IP": {"source": source.get("address", "10.0.0.1"), "destination": destination.get("address", "10.0.0.2")},
        **more,
    }
    for side, end in (("source", source), ("destination", destination)):
        found[side] = {key: value for key, value in end.items() if key not in ("address", "name")}
        if end.get("name"):
            found[f"{side}_names"] = [end["name"]]
    return found


def allowed(source: Json, destination: Json, port: int = 8080, protocol: str = "TCP", second: int = 0) -> list[Json]:
    """A connection: the verdict where it arrives, and its answer."""
    by = [{"kind": "CiliumNetworkPolicy", "namespace": destination.get("namespace", ""), "name": "allow-callers"}]
    verdict = flow(source, destination, port, protocol, second, traffic_direction="INGRESS", is_reply=False)
    verdict |= {"event_type": {"type": VERDICT}, "verdict": "FORWARDED"}
    if destination.get("pod_name"):
        verdict["ingress_allowed_by"] = by
    answer = flow(destination, source, 40000, protocol, second, traffic_direction="EGRESS", is_reply=True)
    answer["l4"][protocol]["source_port"] = port
    return [verdict, {**answer, "event_type": {"type": TRACE}, "verdict": "FORWARDED"}]


def denied(
    source: Json, destination: Json, port: int = 8080, protocol: str = "TCP", second: int = 0, side: str = "INGRESS"
) -> list[Json]:
    """A refused connection: the verdict and the drop; where the receiver refuses, the sender's verdict before it."""
    told = flow(source, destination, port, protocol, second, traffic_direction=side, verdict="DROPPED")
    told["drop_reason_desc"] = "POLICY_DENIED"
    found = [{**told, "event_type": {"type": VERDICT}}, {**told, "event_type": {"type": DROP, "sub_type": 133}}]
    if side == "INGRESS" and source.get("pod_name"):
        sent = flow(source, destination, port, protocol, second, traffic_direction="EGRESS", is_reply=False)
        found.append({**sent, "event_type": {"type": VERDICT}, "verdict": "FORWARDED"})
    return found


def edges(flows: Iterable[Json]) -> list[Json]:
    counter = EdgeCounter()
    for one in flows:
        counter.add(one)
    return counter.edges()


WEB, CART, DB, JOBS = (
    pod("shop/web"),
    pod("shop/cart"),
    pod("data/db", "StatefulSet"),
    pod("shop/report-29412345", "Job"),
)
DNS, STRANGER = pod("kube-system/coredns"), pod("default/testpod", "")


def shop_flows(*, hardened: bool) -> list[Json]:
    """Five workloads, DNS, a name outside, a client outside, and a stranger."""
    found: list[Json] = []
    for second in range(4):
        found += allowed(outside("198.51.100.9"), WEB, 8080, second=second)
        found += allowed(WEB, CART, 8080, second=second)
        found += allowed(CART, DB, 5432, second=second)
        found += allowed(HOST, WEB, 8080, second=second)
        for client in (WEB, CART, JOBS):
            found += allowed(client, DNS, 53, "UDP", second)
        found += allowed(CART, outside("93.184.216.34", "api.example.com"), 443, second=second)
    if hardened:
        found += denied(STRANGER, WEB, 8080, second=62)
        found += denied(JOBS, DB, 5432, second=63, side="EGRESS")
    else:
        found += allowed(STRANGER, WEB, 8080, second=12)
        found += allowed(JOBS, DB, 5432, second=13)
    return found


def coverage(path: str, *, ingress: bool, egress: bool, pods: int = 1) -> list[Json]:
    namespace, __, workload = path.partition("/")
    return [
        {
            "namespace": namespace,
            "pod": f"{workload}-{number}",
            "workload": workload,
            "host_network": False,
            "managed": True,
            "ingress": ingress,
            "ingress_by": [DENY] if ingress else [],
            "egress": egress,
            "egress_by": [DENY] if egress else [],
            "shadow": [],
            "note": "",
        }
        for number in range(pods)
    ]


def shop_coverage(*, hardened: bool) -> list[Json]:
    return [
        *coverage("data/StatefulSet/db", ingress=False, egress=False),
        *coverage("shop/Deployment/cart", ingress=hardened, egress=hardened, pods=2),
        *coverage("shop/Deployment/web", ingress=hardened, egress=False, pods=2),
        *coverage("shop/CronJob/report", ingress=hardened, egress=hardened),
    ]


def shop_report(*, hardened: bool = True, before: Json | None = None, covered: bool = True, **more: Any) -> Json:
    flows = shop_flows(hardened=hardened)
    observed = Observed(
        edges=edges(flows),
        flows=len(flows),
        source="relay",
        coverage=shop_coverage(hardened=hardened) if covered else None,
    )
    given = {"title": "Flows of the shop", "cluster": "aksciliumlab", "namespaces": ["shop", "data"], **more}
    return build_report(observed, before=before, **given)


def large_flows(workloads: int = 500, *, closed: int = 0) -> list[Json]:
    """Many workloads in namespaces of 25: chains, hubs, calls to other namespaces; in `closed` of them drops."""
    chance = random.Random(7)  # noqa: S311
    pods = [pod(f"team-{number // 25:02d}/service-{number % 25:02d}-with-a-longer-name") for number in range(workloads)]
    found: list[Json] = []
    for number, one in enumerate(pods):
        home = number // 25
        found += allowed(one, DNS, 53, "UDP", number % 60)
        for target in chance.sample(pods[home * 25 : home * 25 + 25], 3):
            found += allowed(one, target, 8080 + chance.randrange(3), second=number % 60)
        if chance.random() < 0.3:
            other = chance.choice(pods)
            is_closed = other["namespace"] < f"team-{closed:02d}" and other["namespace"] != one["namespace"]
            found += (denied if is_closed else allowed)(one, other, 9090, second=number % 60)
        if chance.random() < 0.1:
            found += allowed(one, outside(f"203.0.113.{number % 250}"), 443)
    return found


def large_report(workloads: int = 500, *, closed: int = 6, **more: Any) -> Json:
    flows = large_flows(workloads, closed=closed)
    rows = []
    for number in range(workloads):
        path = f"team-{number // 25:02d}/Deployment/service-{number % 25:02d}-with-a-longer-name"
        rows += coverage(path, ingress=number // 25 < closed, egress=False, pods=2)
    observed = Observed(edges=edges(flows), flows=len(flows), source="relay", coverage=rows)
    return build_report(observed, title="Flows of a large cluster", cluster="large", **more)
