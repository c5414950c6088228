# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One flow of Hubble, with the fields that we interpret as attributes and the document it came from beside them."""

from __future__ import annotations

from dataclasses import dataclass, field

from .._types import Json
from .names import DROP, EVENT_TYPES, L7, NUMBERS, POLICY_DROPS, POLICY_VERDICT, TRACE, TRACE_POINTS
from .times import Moment, parse_time

_KINDS = {number: name for name, number in EVENT_TYPES.items()}
_DERIVED = "reserved:io.cilium.policy.derived-from="


@dataclass(frozen=True)
class Policy:
    """A policy that decided. Name and kind are empty for what no object says, e.g. default deny being off."""

    kind: str
    namespace: str
    name: str
    derived_from: str
    """`allow-any-ingress`, `allow-localhost-ingress` and so on where there is no object; else empty."""

    def text(self) -> str:
        """`CiliumNetworkPolicy basics/to-google`."""
        if not self.name:
            return self.derived_from
        path = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{self.kind or 'policy'} {path}"


@dataclass(frozen=True)
class Peer:
    """One end of a flow. port is 0 where the protocol has none or it is unknown; pod is empty outside of pods."""

    identity: int
    namespace: str
    pod: str
    ip: str
    port: int
    names: tuple[str, ...]
    labels: tuple[str, ...]
    workloads: tuple[tuple[str, str], ...]
    """Owners as (kind, name)."""
    service: str
    """`namespace/name` when the address is a Service's."""

    def text(self) -> str:
        """The best name: pod, service, DNS names, address."""
        if self.pod:
            return f"{self.namespace}/{self.pod}" if self.namespace else self.pod
        return self.service or ",".join(self.names) or self.ip


@dataclass(frozen=True)
class Flow:
    """One event of Hubble.

    is_reply has three states: None is unknown, as it is for drops and denied verdicts, and is not the same as False.
    """

    time: Moment
    node: str
    uuid: str
    verdict: str
    event: int
    sub_type: int
    direction: str
    """INGRESS, EGRESS, or empty when unknown."""
    is_reply: bool | None
    drop_reason: int
    drop_name: str
    protocol: str
    """TCP, UDP, SCTP, ICMPv4, ... of layer 4; empty when there is none."""
    source: Peer
    destination: Peer
    dns_query: str
    http_status: int
    allowed_by: dict[str, tuple[Policy, ...]]
    """Policies by direction."""
    denied_by: dict[str, tuple[Policy, ...]]
    document: Json = field(repr=False)

    @property
    def kind(self) -> str:
        """drop, trace, policy-verdict, l7, trace-sock, capture, or the number."""
        return _KINDS.get(self.event, str(self.event))

    @property
    def point(self) -> str:
        """Where a trace was taken: to-endpoint, to-overlay, ...; empty for other events."""
        if self.event != TRACE:
            return ""
        return TRACE_POINTS[self.sub_type] if 0 <= self.sub_type < len(TRACE_POINTS) else str(self.sub_type)

    @property
    def is_policy_denial(self) -> bool:
        """Whether a policy stopped this: a denied verdict, a drop for a policy's reason, or a refused request."""
        if self.verdict not in ("DROPPED", "ERROR"):
            return False
        return self.event in (POLICY_VERDICT, L7) or (self.event == DROP and self.drop_reason in POLICY_DROPS)

    @property
    def is_other_drop(self) -> bool:
        """Whether it was dropped for a reason that no policy decides."""
        return self.event == DROP and not self.is_policy_denial


def flow_from_json(document: Json) -> Flow:
    """The flow of a document as `hubble observe -o jsonpb` gives it under `flow`; every field may be absent."""
    event = document.get("event_type") or {}
    protocol, ports = _layer4(document.get("l4") or {})
    layer7 = document.get("l7") or {}
    reason_name = document.get("drop_reason_desc", "")
    reason = _number("DropReason", reason_name) or int(document.get("drop_reason", 0))
    direction = document.get("traffic_direction", "")
    return Flow(
        time=parse_time(document["time"]) if document.get("time") else (0, 0),
        node=document.get("node_name", ""),
        uuid=document.get("uuid", ""),
        verdict=str(document.get("verdict", "VERDICT_UNKNOWN")),
        event=int(event.get("type", 0)),
        sub_type=int(event.get("sub_type", 0)),
        direction=direction if direction in ("INGRESS", "EGRESS") else "",
        is_reply=document.get("is_reply"),
        drop_reason=reason,
        drop_name=str(reason_name),
        protocol=protocol,
        source=_peer(document, "source", int(ports.get("source_port", 0))),
        destination=_peer(document, "destination", int(ports.get("destination_port", 0))),
        dns_query=(layer7.get("dns") or {}).get("query", ""),
        http_status=int((layer7.get("http") or {}).get("code", 0)),
        allowed_by=_policies(document, "allowed_by"),
        denied_by=_policies(document, "denied_by"),
        document=document,
    )


def _number(enum: str, value: object) -> int:
    """The number behind an enumeration's name; a number where the server knew no name."""
    return value if isinstance(value, int) else NUMBERS[enum].get(str(value), 0)


def _layer4(layer4: Json) -> tuple[str, Json]:
    for protocol, header in layer4.items():
        return protocol, header or {}
    return "", {}


def _peer(document: Json, side: str, port: int) -> Peer:
    endpoint = document.get(side) or {}
    service = document.get(f"{side}_service") or {}
    return Peer(
        identity=int(endpoint.get("identity", 0)),
        namespace=endpoint.get("namespace", ""),
        pod=endpoint.get("pod_name", ""),
        ip=(document.get("IP") or {}).get(side, ""),
        port=port,
        names=tuple(document.get(f"{side}_names") or ()),
        labels=tuple(endpoint.get("labels") or ()),
        workloads=tuple((owner.get("kind", ""), owner.get("name", "")) for owner in endpoint.get("workloads") or ()),
        service="/".join(part for part in (service.get("namespace", ""), service.get("name", "")) if part),
    )


def _policies(document: Json, effect: str) -> dict[str, tuple[Policy, ...]]:
    """Policies by direction; both lists stand in the document, whichever direction the flow has."""
    found: dict[str, tuple[Policy, ...]] = {}
    for direction in ("INGRESS", "EGRESS"):
        entries = document.get(f"{direction.lower()}_{effect}") or ()
        if entries:
            found[direction] = tuple(_policy(entry) for entry in entries)
    return found


def _policy(entry: Json) -> Policy:
    labels = [str(label) for label in entry.get("labels") or ()]
    derived = next((label.removeprefix(_DERIVED) for label in labels if label.startswith(_DERIVED)), "")
    name = entry.get("name", "")
    return Policy(entry.get("kind", ""), entry.get("namespace", ""), name, "" if name else derived)
