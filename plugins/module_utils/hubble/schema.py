# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Hubble's interface as a table (pure).

On the wire only field numbers and types count, so all messages live in one file, and enumerations are int32 whose names
are in names.py. Checked against the interface of Cilium 1.20; a server may be newer or older.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

# A message, then its fields: number, name, type. `*` before a type means repeated, `=` an enumeration.
_TABLE = """
GetFlowsRequest
  1 number uint64
  3 follow bool
  5 blacklist *FlowFilter
  6 whitelist *FlowFilter
  7 since Timestamp
  8 until Timestamp
  9 first bool
GetFlowsResponse
  1 flow Flow
  2 node_status NodeStatusEvent
  3 lost_events LostEvent
  1000 node_name string
  1001 time Timestamp
GetNodesRequest
GetNodesResponse
  1 nodes *Node
Node
  1 name string
  2 version string
  3 address string
  4 state =NodeState
  6 uptime_ns uint64
  7 num_flows uint64
  8 max_flows uint64
  9 seen_flows uint64
NodeStatusEvent
  1 state_change =NodeState
  2 node_names *string
  3 message string
LostEvent
  1 source =LostEventSource
  2 num_events_lost uint64
  3 cpu Int32Value
  4 first Timestamp
  5 last Timestamp
Flow
  1 time Timestamp
  2 verdict =Verdict
  3 drop_reason uint32
  4 ethernet Ethernet
  5 IP IP
  6 l4 Layer4
  8 source Endpoint
  9 destination Endpoint
  10 Type =FlowType
  11 node_name string
  13 source_names *string
  14 destination_names *string
  15 l7 Layer7
  16 reply bool
  19 event_type CiliumEventType
  20 source_service Service
  21 destination_service Service
  22 traffic_direction =TrafficDirection
  23 policy_match_type uint32
  24 trace_observation_point =TraceObservationPoint
  25 drop_reason_desc =DropReason
  26 is_reply BoolValue
  27 debug_capture_point =DebugCapturePoint
  28 interface NetworkInterface
  29 proxy_port uint32
  30 trace_context TraceContext
  31 sock_xlate_point =SocketTranslationPoint
  32 socket_cookie uint64
  33 cgroup_id uint64
  34 uuid string
  35 auth_type =AuthType
  36 trace_reason =TraceReason
  37 node_labels *string
  38 file FileInfo
  40 ip_trace_id IPTraceID
  41 emitter Emitter
  21001 egress_allowed_by *Policy
  21002 ingress_allowed_by *Policy
  21004 egress_denied_by *Policy
  21005 ingress_denied_by *Policy
  21006 policy_log *string
  100000 Summary string
Policy
  1 name string
  2 namespace string
  3 labels *string
  4 revision uint64
  5 kind string
Endpoint
  1 ID uint32
  2 identity uint32
  3 namespace string
  4 labels *string
  5 pod_name string
  6 workloads *Workload
  7 cluster_name string
Workload
  1 name string
  2 kind string
Service
  1 name string
  2 namespace string
Ethernet
  1 source string
  2 destination string
IP
  1 source string
  2 destination string
  3 ipVersion =IPVersion
  4 encrypted bool
  5 source_xlated string
Layer4
  1 TCP TCP
  2 UDP Ports
  3 ICMPv4 ICMP
  4 ICMPv6 ICMP
  5 SCTP Ports
  6 VRRP VRRP
  7 IGMP IGMP
TCP
  1 source_port uint32
  2 destination_port uint32
  3 flags TCPFlags
TCPFlags
  1 FIN bool
  2 SYN bool
  3 RST bool
  4 PSH bool
  5 ACK bool
  6 URG bool
  7 ECE bool
  8 CWR bool
  9 NS bool
Ports
  1 source_port uint32
  2 destination_port uint32
ICMP
  1 type uint32
  2 code uint32
VRRP
  1 type uint32
  2 vrid uint32
  3 priority uint32
IGMP
  1 type uint32
  2 group_address string
CiliumEventType
  1 type int32
  2 sub_type int32
Layer7
  1 type =L7FlowType
  2 latency_ns uint64
  100 dns DNS
  101 http HTTP
DNS
  1 query string
  2 ips *string
  3 ttl uint32
  4 cnames *string
  5 observation_source string
  6 rcode uint32
  7 qtypes *string
  8 rrtypes *string
HTTP
  1 code uint32
  2 method string
  3 url string
  4 protocol string
  5 headers *HTTPHeader
HTTPHeader
  1 key string
  2 value string
NetworkInterface
  1 index uint32
  2 name string
TraceContext
  1 parent TraceParent
TraceParent
  1 trace_id string
FileInfo
  1 name string
  2 line uint32
IPTraceID
  1 trace_id uint64
  2 ip_option_type uint32
Emitter
  1 name string
  2 version string
EventTypeFilter
  1 type int32
  2 match_sub_type bool
  3 sub_type int32
FlowFilter
  1 source_ip *string
  2 source_pod *string
  3 destination_ip *string
  4 destination_pod *string
  5 verdict *=Verdict
  6 event_type *EventTypeFilter
  7 source_fqdn *string
  8 destination_fqdn *string
  9 http_status_code *string
  10 source_label *string
  11 destination_label *string
  12 protocol *string
  13 source_port *string
  14 destination_port *string
  15 reply *bool
  16 source_service *string
  17 destination_service *string
  18 dns_query *string
  19 source_identity *uint32
  20 destination_identity *uint32
  21 http_method *string
  22 http_path *string
  23 tcp_flags *TCPFlags
  24 node_name *string
  25 ip_version *=IPVersion
  26 source_workload *Workload
  27 destination_workload *Workload
  28 trace_id *string
  29 uuid *string
  30 traffic_direction *=TrafficDirection
  31 http_url *string
  32 http_header *HTTPHeader
  33 drop_reason_desc *=DropReason
  34 source_ip_xlated *string
  35 interface *NetworkInterface
  36 node_labels *string
  37 source_cluster_name *string
  38 destination_cluster_name *string
  39 ip_trace_id *uint64
  40 encrypted *bool
  999 experimental Experimental
Experimental
  1 cel_expression *string
"""

WRAPPED = {"BoolValue", "Int32Value"}
WELL_KNOWN = {"Timestamp", *WRAPPED}


@dataclass(frozen=True)
class FieldRow:
    """One field of a message; enum is the name of its enumeration in names.py, or empty."""

    number: int
    type: str
    repeated: bool
    enum: str


def _rows() -> dict[str, dict[str, FieldRow]]:
    schema: dict[str, dict[str, FieldRow]] = {}
    current: dict[str, FieldRow] = {}
    for line in _TABLE.strip().splitlines():
        words = line.split()
        if len(words) == 1:
            current = schema[words[0]] = {}
            continue
        number, name, declared = words
        bare = declared.lstrip("*=")
        enum = bare if "=" in declared else ""
        current[name] = FieldRow(int(number), "int32" if enum else bare, declared.startswith("*"), enum)
    return schema


SCHEMA = _rows()

THIN = {"GetFlowsResponse": "ThinResponse", "Flow": "ThinFlow"}
"""The same messages, read with bytes in the place of inner messages, which are the same on the wire (see decode.py)."""


def _thin(name: str, kept: set[str]) -> dict[str, FieldRow]:
    """The fields of a message, with bytes for inner messages other than those kept."""
    return {
        field_name: replace(row, type="bytes") if row.type not in kept and row.type in {*SCHEMA, *WRAPPED} else row
        for field_name, row in SCHEMA[name].items()
    }


THIN_SCHEMA = {
    THIN["GetFlowsResponse"]: _thin("GetFlowsResponse", {"NodeStatusEvent", "LostEvent"}),
    THIN["Flow"]: _thin("Flow", set()),
}
