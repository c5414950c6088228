# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""The names behind Hubble's numbers: enumerations of its interface, event types, drop reasons, reserved identities.

Checked against the interface of Cilium 1.20. Servers may be newer or older: an unknown number stays a number.
"""

from __future__ import annotations

DROP, CAPTURE, TRACE, POLICY_VERDICT, TRACE_SOCK, L7 = 1, 3, 4, 5, 7, 129
EVENT_TYPES = {
    "drop": DROP,
    "capture": CAPTURE,
    "trace": TRACE,
    "policy-verdict": POLICY_VERDICT,
    "trace-sock": TRACE_SOCK,
    "l7": L7,
}

TRACE_POINTS = (
    "to-endpoint",
    "to-proxy",
    "to-host",
    "to-stack",
    "to-overlay",
    "from-endpoint",
    "from-proxy",
    "from-host",
    "from-stack",
    "from-overlay",
    "from-network",
    "to-network",
    "from-crypto",
    "to-crypto",
)
SOCKET_POINTS = ("SOCK_XLATE_POINT_UNKNOWN", "pre-xlate-fwd", "post-xlate-fwd", "pre-xlate-rev", "post-xlate-rev")
POLICY_MATCHES = ("none", "L3-Only", "L3-L4", "L4-Only", "all", "L3-Proto", "Proto-Only")

IDENTITIES = {
    0: "unknown",
    1: "host",
    2: "world",
    3: "unmanaged",
    4: "health",
    5: "init",
    6: "remote-node",
    7: "kube-apiserver",
    8: "ingress",
    9: "world-ipv4",
    10: "world-ipv6",
}
WORLD_IDENTITIES = frozenset({2, 9, 10})
CIDR_IDENTITIES = range(1 << 24, 1 << 25)
"""Identities of one node for addresses and names outside of the cluster that a policy mentions."""

POLICY_DENIED, POLICY_DENY, AUTH_REQUIRED = 133, 181, 189
POLICY_DROPS = frozenset({POLICY_DENIED, POLICY_DENY, AUTH_REQUIRED})
"""Drop reasons that a policy decides: nothing allows it, a deny rule matches, authentication is missing."""

# Number, name in the interface, text that the command line prints.
_DROPS = """
0 DROP_REASON_UNKNOWN Success
2 - Invalid packet
3 - Interface
4 - Interface Decrypted
5 - LB, sock cgroup: No backend slot entry found
6 - LB, sock cgroup: No backend entry found
7 - LB, sock cgroup: Reverse entry update failed
8 - LB, sock cgroup: Reverse entry stale
9 - Fragmented packet
10 - Fragmented packet entry update failed
11 - Missed tail call to custom program
12 - Interface Decrypting
13 - Interface Encrypting
14 - LB: sock cgroup: Reverse entry delete succeeded
15 - MTU error message
130 INVALID_SOURCE_MAC Invalid source mac
131 INVALID_DESTINATION_MAC Invalid destination mac
132 INVALID_SOURCE_IP Invalid source ip
133 POLICY_DENIED Policy denied
134 INVALID_PACKET_DROPPED Invalid packet
135 CT_TRUNCATED_OR_INVALID_HEADER CT: Truncated or invalid header
136 CT_MISSING_TCP_ACK_FLAG Fragmentation needed
137 CT_UNKNOWN_L4_PROTOCOL CT: Unknown L4 protocol
138 CT_CANNOT_CREATE_ENTRY_FROM_PACKET CT: Can't create entry from packet
139 UNSUPPORTED_L3_PROTOCOL Unsupported L3 protocol
140 MISSED_TAIL_CALL Missed tail call
141 ERROR_WRITING_TO_PACKET Error writing to packet
142 UNKNOWN_L4_PROTOCOL Unknown L4 protocol
143 UNKNOWN_ICMPV4_CODE Unknown ICMPv4 code
144 UNKNOWN_ICMPV4_TYPE Unknown ICMPv4 type
145 UNKNOWN_ICMPV6_CODE Unknown ICMPv6 code
146 UNKNOWN_ICMPV6_TYPE Unknown ICMPv6 type
147 ERROR_RETRIEVING_TUNNEL_KEY Error retrieving tunnel key
148 ERROR_RETRIEVING_TUNNEL_OPTIONS Error retrieving tunnel options
149 INVALID_GENEVE_OPTION Invalid Geneve option
150 UNKNOWN_L3_TARGET_ADDRESS Unknown L3 target address
151 STALE_OR_UNROUTABLE_IP Stale or unroutable IP
152 NO_MATCHING_LOCAL_CONTAINER_FOUND No matching local container found
153 ERROR_WHILE_CORRECTING_L3_CHECKSUM Error while correcting L3 checksum
154 ERROR_WHILE_CORRECTING_L4_CHECKSUM Error while correcting L4 checksum
155 CT_MAP_INSERTION_FAILED CT: Map insertion failed
156 INVALID_IPV6_EXTENSION_HEADER Invalid IPv6 extension header
157 IP_FRAGMENTATION_NOT_SUPPORTED IP fragmentation not supported
158 SERVICE_BACKEND_NOT_FOUND Service backend not found
160 NO_TUNNEL_OR_ENCAPSULATION_ENDPOINT No tunnel/encapsulation endpoint (datapath BUG!)
161 FAILED_TO_INSERT_INTO_PROXYMAP NAT 46/64 not enabled
162 REACHED_EDT_RATE_LIMITING_DROP_HORIZON Reached EDT rate-limiting drop horizon
163 UNKNOWN_CONNECTION_TRACKING_STATE Unknown connection tracking state
164 LOCAL_HOST_IS_UNREACHABLE Local host is unreachable
165 NO_CONFIGURATION_AVAILABLE_TO_PERFORM_POLICY_DECISION No configuration available to perform policy decision
166 UNSUPPORTED_L2_PROTOCOL Unsupported L2 protocol
167 NO_MAPPING_FOR_NAT_MASQUERADE No mapping for NAT masquerade
168 UNSUPPORTED_PROTOCOL_FOR_NAT_MASQUERADE Unsupported protocol for NAT masquerade
169 FIB_LOOKUP_FAILED FIB lookup failed
170 ENCAPSULATION_TRAFFIC_IS_PROHIBITED Encapsulation traffic is prohibited
171 INVALID_IDENTITY Invalid identity
172 UNKNOWN_SENDER Unknown sender
173 NAT_NOT_NEEDED NAT not needed
174 IS_A_CLUSTERIP Is a ClusterIP
175 FIRST_LOGICAL_DATAGRAM_FRAGMENT_NOT_FOUND First logical datagram fragment not found
176 FORBIDDEN_ICMPV6_MESSAGE Forbidden ICMPv6 message
177 DENIED_BY_LB_SRC_RANGE_CHECK Denied by LB src range check
178 SOCKET_LOOKUP_FAILED Socket lookup failed
179 SOCKET_ASSIGN_FAILED Socket assign failed
180 PROXY_REDIRECTION_NOT_SUPPORTED_FOR_PROTOCOL Proxy redirection not supported for protocol
181 POLICY_DENY Policy denied by denylist
182 VLAN_FILTERED VLAN traffic disallowed by VLAN filter
183 INVALID_VNI Incorrect VNI from VTEP
184 INVALID_TC_BUFFER Failed to update or lookup TC buffer
185 NO_SID No SID was found for the IP address
186 MISSING_SRV6_STATE SRv6 state was removed during tail call
187 NAT46 L3 translation from IPv4 to IPv6 failed (NAT46)
188 NAT64 L3 translation from IPv6 to IPv4 failed (NAT64)
189 AUTH_REQUIRED Authentication required
190 CT_NO_MAP_FOUND No conntrack map found
191 SNAT_NO_MAP_FOUND No nat map found
192 INVALID_CLUSTER_ID Invalid ClusterID
193 UNSUPPORTED_PROTOCOL_FOR_DSR_ENCAP Unsupported packet protocol for DSR encapsulation
194 NO_EGRESS_GATEWAY No egress gateway found
195 UNENCRYPTED_TRAFFIC Traffic is unencrypted
196 TTL_EXCEEDED TTL exceeded
197 NO_NODE_ID No node ID found
198 DROP_RATE_LIMITED Rate limited
199 IGMP_HANDLED IGMP handled
200 IGMP_SUBSCRIBED IGMP subscribed
201 MULTICAST_HANDLED Multicast handled
202 DROP_HOST_NOT_READY Host datapath not ready
203 DROP_EP_NOT_READY Endpoint policy program not available
204 DROP_NO_EGRESS_IP No Egress IP configured
205 DROP_PUNT_PROXY Punt to proxy
206 - No device
207 DROP_FRAG_NOT_FOUND_WORLD First logical datagram fragment not found from world
"""


def _drop_tables() -> tuple[dict[int, str], dict[int, str]]:
    rows = [line.split(" ", 2) for line in _DROPS.strip().splitlines()]
    names = {int(number): name for number, name, _text in rows if name != "-"}
    texts = {int(number): text for number, _name, text in rows if text != "-"}
    return names, texts


DROP_REASONS, DROP_TEXTS = _drop_tables()

_CAPTURE_POINTS = (
    "DELIVERY",
    "FROM_LB",
    "AFTER_V46",
    "AFTER_V64",
    "PROXY_PRE",
    "PROXY_POST",
    "SNAT_PRE",
    "SNAT_POST",
)


def _numbered(names: str) -> dict[int, str]:
    return dict(enumerate(names.split()))


ENUMS: dict[str, dict[int, str]] = {
    "Verdict": _numbered("VERDICT_UNKNOWN FORWARDED DROPPED ERROR AUDIT REDIRECTED TRACED TRANSLATED"),
    "FlowType": _numbered("UNKNOWN_TYPE L3_L4 L7 SOCK"),
    "TrafficDirection": _numbered("TRAFFIC_DIRECTION_UNKNOWN INGRESS EGRESS"),
    "AuthType": _numbered("DISABLED SPIRE TEST_ALWAYS_FAIL"),
    "IPVersion": _numbered("IP_NOT_USED IPv4 IPv6"),
    "L7FlowType": _numbered("UNKNOWN_L7_TYPE REQUEST RESPONSE SAMPLE"),
    "NodeState": _numbered("UNKNOWN_NODE_STATE NODE_CONNECTED NODE_UNAVAILABLE NODE_GONE NODE_ERROR"),
    "LostEventSource": _numbered(
        "UNKNOWN_LOST_EVENT_SOURCE PERF_EVENT_RING_BUFFER OBSERVER_EVENTS_QUEUE HUBBLE_RING_BUFFER"
    ),
    "TraceReason": _numbered(
        "TRACE_REASON_UNKNOWN NEW ESTABLISHED REPLY RELATED REOPENED SRV6_ENCAP SRV6_DECAP ENCRYPT_OVERLAY"
    ),
    "TraceObservationPoint": {
        **_numbered(
            "UNKNOWN_POINT TO_PROXY TO_HOST TO_STACK TO_OVERLAY FROM_ENDPOINT FROM_PROXY FROM_HOST FROM_STACK"
            " FROM_OVERLAY FROM_NETWORK TO_NETWORK FROM_CRYPTO TO_CRYPTO"
        ),
        101: "TO_ENDPOINT",
    },
    "DebugCapturePoint": {
        0: "DBG_CAPTURE_POINT_UNKNOWN",
        **{4 + index: f"DBG_CAPTURE_{name}" for index, name in enumerate(_CAPTURE_POINTS)},
    },
    "SocketTranslationPoint": _numbered(
        "SOCK_XLATE_POINT_UNKNOWN SOCK_XLATE_POINT_PRE_DIRECTION_FWD SOCK_XLATE_POINT_POST_DIRECTION_FWD"
        " SOCK_XLATE_POINT_PRE_DIRECTION_REV SOCK_XLATE_POINT_POST_DIRECTION_REV"
    ),
    "DropReason": DROP_REASONS,
}
NUMBERS = {enum: {name: number for number, name in names.items()} for enum, names in ENUMS.items()}
