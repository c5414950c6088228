# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Which flows belong to an attempt (all pure): told by its local ports, or by its time where there are none."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from .._types import Json
from ..hubble.flow import Flow
from ..hubble.times import Moment
from .plan import Probe
from .report import Report

SKEW_S = 0.5
"""Tolerance between the clock that the pod reads and the one of its node's flows, which is the same clock."""
SKEW_OF_NODES_S = 30.0
"""Tolerance between the clocks of two nodes. Local ports come around again after about twice that time."""
DNS_PORT = 53
_ECHOES = (0, 8, 128, 129)
"""Types of echo and its reply, of ICMPv4 and ICMPv6."""


def flow_filters(probe: Probe, report: Report) -> list[Json]:
    """FlowFilter documents that find the flows of an attempt, both directions."""
    pod = f"{report.namespace}/{report.pod}"
    found: list[Json] = []
    if report.ports and (report.resolved or report.answered):
        ports = [str(port) for port in sorted(report.ports)]
        found += [
            {"source_pod": [pod], "source_port": ports},
            {"destination_pod": [pod], "destination_port": ports},
        ]
    if by_name(probe, report):
        found += [
            {"source_pod": [pod], "destination_port": [str(DNS_PORT)]},
            {"destination_pod": [pod], "source_port": [str(DNS_PORT)]},
        ]
    elif probe.protocol == "icmp":
        found += [
            {"source_pod": [pod], "protocol": ["icmp"]},
            {"destination_pod": [pod], "protocol": ["icmp"]},
        ]
    return found


def by_name(probe: Probe, report: Report) -> bool:
    """Whether the flows that count are those of name resolution."""
    return probe.protocol == "dns" or not report.resolved


def own_flows(probe: Probe, report: Report, flows: Iterable[Flow], others: Collection[str] = ()) -> list[Flow]:
    """The flows of this attempt among all that a filter let through.

    others: the identifiers of flows that are known to be those of earlier attempts.
    """
    flows = [flow for flow in flows if not flow.uuid or flow.uuid not in others]
    if by_name(probe, report):
        return _resolution_flows(probe, report, flows)
    if probe.protocol == "icmp":
        return [flow for flow in flows if _is_our_echo(report, flow) and _in_time(report, flow)]
    return [flow for flow in flows if _near_port(report, flow) in report.ports and _in_time(report, flow)]


def _is_our_echo(report: Report, flow: Flow) -> bool:
    """Hubble does not tell the identifier of an echo: pod, address and time must do.

    An error that a machine on the way sends in place of an echo is part of the story, whoever sends it.
    """
    if not flow.protocol.startswith("ICMP"):
        return False
    ours = [(peer.namespace, peer.pod) == (report.namespace, report.pod) for peer in (flow.source, flow.destination)]
    if ours == [False, False]:
        return False
    if _icmp_type(flow) not in _ECHOES:
        return ours[1]
    return report.remote_ip in ("", (flow.destination if ours[0] else flow.source).ip)


def _icmp_type(flow: Flow) -> int:
    header: Json = (flow.document.get("l4") or {}).get(flow.protocol) or {}
    return int(header.get("type", 0))


def _near_port(report: Report, flow: Flow) -> int:
    """The port of a flow at our pod's end; 0 when neither end is our pod."""
    for peer in (flow.source, flow.destination):
        if (peer.namespace, peer.pod) == (report.namespace, report.pod):
            return peer.port
    return 0


def _in_time(report: Report, flow: Flow) -> bool:
    """Whether a flow is of the time of the attempt. Other nodes' clocks may differ from the one that the pod reads."""
    tolerance_s = SKEW_S if _node(flow.node) == report.node else SKEW_OF_NODES_S
    return _between(report.before, flow.time, report.after, tolerance_s)


def _resolution_flows(probe: Probe, report: Report, flows: Iterable[Flow]) -> list[Flow]:
    """DNS flows of the pod. Which of its queries are ours is told by the clock of the pod's own node."""
    pairs = [(_near_port(report, flow), flow) for flow in flows]
    pairs = [(port, flow) for port, flow in pairs if port and _is_dns(flow)]
    ours = {
        port
        for port, flow in pairs
        if _node(flow.node) == report.node and _between(report.before, flow.time, report.after, SKEW_S)
    }
    name = probe.host.rstrip(".").lower()
    # Where the DNS proxy tells the names, queries of other programs in the pod can be told apart.
    asked = {port for port, flow in pairs if flow.dns_query}
    ours -= asked - {port for port, flow in pairs if flow.dns_query and _asks_for(flow.dns_query, name)}
    return [flow for port, flow in pairs if port in ours and (not flow.dns_query or _asks_for(flow.dns_query, name))]


def _is_dns(flow: Flow) -> bool:
    return DNS_PORT in (flow.source.port, flow.destination.port)


def _asks_for(query: str, name: str) -> bool:
    """A resolver also asks for the name with each search suffix."""
    asked = query.rstrip(".").lower()
    return asked == name or asked.startswith(f"{name}.")


def _node(name: str) -> str:
    """Hubble writes `cluster/node` when the cluster has a name."""
    return name.rpartition("/")[2]


def _between(first: Moment | None, moment: Moment, last: Moment | None, tolerance_s: float) -> bool:
    seconds = moment[0] + moment[1] / 1e9
    after_first = first is None or seconds >= first[0] + first[1] / 1e9 - tolerance_s
    return after_first and (last is None or seconds <= last[0] + last[1] / 1e9 + tolerance_s)
