# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Flows of one connection client/client:40000 -> basics/web:80, in the shape that Hubble gives them."""

from __future__ import annotations

from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow, flow_from_json

CLIENT = {"namespace": "client", "pod_name": "client", "identity": 1000}
SERVER = {"namespace": "basics", "pod_name": "web", "identity": 2000}
WORLD = {"identity": 2}
DNS_SERVER = {"namespace": "kube-system", "pod_name": "coredns-1", "identity": 3}
PORT = 40000
AT = "2026-11-30T18:00:00Z"
POLICY = {"name": "allow-client", "namespace": "basics", "kind": "CiliumNetworkPolicy"}


def document(
    event: int,
    sub_type: int,
    verdict: str,
    *,
    source: dict[str, Any] | None = None,
    destination: dict[str, Any] | None = None,
    ports: tuple[int, int] = (PORT, 80),
    protocol: str = "TCP",
    **more: Any,
) -> dict[str, Any]:
    """A flow's document."""
    layer4 = {protocol: {"source_port": ports[0], "destination_port": ports[1]}}
    return {
        "time": AT,
        "node_name": "kind/n1",
        "verdict": verdict,
        "event_type": {"type": event, "sub_type": sub_type},
        "source": CLIENT if source is None else source,
        "destination": SERVER if destination is None else destination,
        "l4": layer4,
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2"},
        **more,
    }


def made(*arguments: Any, **more: Any) -> Flow:
    """A flow."""
    return flow_from_json(document(*arguments, **more))


def verdict(direction: str = "INGRESS", name: str = "FORWARDED", **more: Any) -> Flow:
    """A policy verdict."""
    if name == "FORWARDED":
        more = {"is_reply": False, f"{direction.lower()}_allowed_by": [POLICY], **more}
    return made(5, 0, name, traffic_direction=direction, **more)


def arrival(**more: Any) -> Flow:
    """The first packet at the receiving endpoint."""
    return made(4, 0, "FORWARDED", is_reply=False, traffic_direction="INGRESS", **more)


def departure(**more: Any) -> Flow:
    """The first packet leaving the sender's node: no proof of delivery."""
    return made(4, 4, "FORWARDED", is_reply=False, traffic_direction="EGRESS", **more)


def reply(**more: Any) -> Flow:
    """The answer arriving at the client."""
    more = {"source": SERVER, "destination": CLIENT, "ports": (80, PORT), **more}
    return made(4, 0, "FORWARDED", is_reply=True, traffic_direction="EGRESS", **more)


def drop(direction: str = "INGRESS", reason: str = "POLICY_DENIED", **more: Any) -> Flow:
    """A dropped packet."""
    return made(1, 133, "DROPPED", drop_reason_desc=reason, traffic_direction=direction, **more)


def asked(name: str, port: int = 50000, answer: str = "DROPPED", **more: Any) -> Flow:
    """A DNS query that the proxy decided."""
    layer7 = {"type": "REQUEST", "dns": {"query": name, "observation_source": "proxy"}}
    ports = (port, 53)
    return made(
        129,
        0,
        answer,
        destination=DNS_SERVER,
        ports=ports,
        protocol="UDP",
        l7=layer7,
        is_reply=False,
        traffic_direction="EGRESS",
        **more,
    )
