# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows as Hubble gives them, and evidence made of them, for the tests of the hardening."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.aggregate import Aggregator
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.generate import Recommendation, recommend
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import (
    Evidence,
    Inventory,
    ServiceFacts,
    Workload,
    WorkloadFacts,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.rules import Options

End = dict[str, Any]


def pod(name: str, namespace: str = "shop", kind: str = "Deployment", **labels: str) -> End:
    """A pod of the owner `name`; without a kind the flow names no owner. Labels: app=<name> where none are given."""
    listed = [f"k8s:{key.replace('__', '/')}={value}" for key, value in (labels or {"app": name}).items()]
    end: End = {
        "identity": 20000,
        "namespace": namespace,
        "pod_name": f"{name}-abcde",
        "labels": [*listed, f"k8s:io.kubernetes.pod.namespace={namespace}", "k8s:pod-template-hash=5d9f"],
    }
    return {**end, "workloads": [{"kind": kind, "name": name}]} if kind else end


def outside(address: str = "203.0.113.7") -> End:
    return {"identity": 16777217, "labels": [f"cidr:{address}/32", "reserved:world"], "address": address}


def reserved(*names: str) -> End:
    return {"identity": 6, "labels": [f"reserved:{name}" for name in names], "address": "10.9.0.2"}


DNS = pod("coredns", "kube-system", **{"k8s-app": "kube-dns"})
WEB, CART, DB = pod("web"), pod("cart"), pod("db", "data")


def flow(
    source: End,
    destination: End,
    port: int = 8080,
    protocol: str = "TCP",
    side: str = "EGRESS",
    event: int = 5,
    verdict: str = "FORWARDED",
    **more: Any,
) -> dict[str, Any]:
    """One event; a verdict unless said otherwise. more: fields of the flow; None leaves a field out."""
    header = {"source_port": 40000, "destination_port": port}
    if protocol.startswith("ICMP"):
        header = {"type": port}
    document = {
        "verdict": verdict,
        "event_type": {"type": event},
        "traffic_direction": side,
        "is_reply": False if verdict == "FORWARDED" else None,
        "IP": {"source": source.get("address", "10.0.1.1"), "destination": destination.get("address", "10.0.1.2")},
        "l4": {protocol: header},
        "source": {key: value for key, value in source.items() if key != "address"},
        "destination": {key: value for key, value in destination.items() if key != "address"},
        **more,
    }
    return {"flow": {key: value for key, value in document.items() if value is not None}}


def both(source: End, destination: End, port: int = 8080, protocol: str = "TCP", **more: Any) -> list[dict[str, Any]]:
    """The verdicts of both ends."""
    return [flow(source, destination, port, protocol, side, **more) for side in ("EGRESS", "INGRESS")]


def evidence(*flows: dict[str, Any], inventory: Inventory | None = None, **platform: Any) -> Evidence:
    aggregator = Aggregator(inventory)
    for document in flows:
        aggregator.add(document)
    found = aggregator.evidence()
    found.platform = platform
    return found


def recommended(known: Evidence, namespaces: Sequence[str] = ("shop",), **options: Any) -> Recommendation:
    return recommend(known, Options(tuple(namespaces), dns=known.platform.get("dns") or {}, **options))


def policy(found: Recommendation, name: str, kind: str = "CiliumNetworkPolicy") -> dict[str, Any]:
    """The spec of a policy."""
    (document,) = [one for one in found.policies if one["metadata"]["name"] == name and one["kind"] == kind]
    return document["spec"]


def facts(name: str, namespace: str = "shop", kind: str = "Deployment", **more: Any) -> WorkloadFacts:
    labels = more.pop("labels", (("app", name),))
    return WorkloadFacts(
        Workload(namespace, kind, name), selector=more.pop("selector", labels), labels=labels, pods=1, **more
    )


def service(name: str, port: int, type: str = "ClusterIP", policy: str = "", namespace: str = "shop") -> ServiceFacts:
    return ServiceFacts(namespace, name, type, (("app", name),), (("TCP", port),), policy)
