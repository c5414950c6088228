# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""A flow as the one line that `hubble observe` prints (output format compact)."""

from __future__ import annotations

from .._types import Json
from .flow import Flow
from .names import (
    CAPTURE,
    DROP,
    DROP_TEXTS,
    IDENTITIES,
    POLICY_MATCHES,
    POLICY_VERDICT,
    SOCKET_POINTS,
    TRACE,
    TRACE_POINTS,
    TRACE_SOCK,
)
from .times import stamp


def compact_line(flow: Flow, *, node: bool = False, policy_names: bool = False) -> str:
    """The line without its newline, byte for byte as Hubble 1.20 prints it.

    node adds the node (option --print-node-name), policy_names the deciding policies (--print-policy-names).
    """
    left, right = _ends(flow)
    arrow = "->"
    if flow.is_reply is None:
        arrow = "<>"
    elif flow.is_reply:
        left, right, arrow = right, left, "<-"
    time = stamp(flow.time) if flow.document.get("time") else "N/A"
    where = f" [{flow.node}]" if node else ""
    verdict = _verdict(flow, policy_names)
    text = f"{time}{where}: {left} {arrow} {right} {_type(flow)} {verdict} ({_summary(flow.document)})"
    # A name on the wire must not be able to move the cursor of the terminal it is printed on.
    return text.replace("\x1b", "^[").replace("\r", "\\r")


def _ends(flow: Flow) -> tuple[str, str]:
    document = flow.document
    if not document.get("IP"):
        ethernet = document.get("ethernet") or {}
        hosts = (ethernet.get("source", ""), ethernet.get("destination", ""))
    else:
        hosts = (_host(document, "source", flow.source.port), _host(document, "destination", flow.destination.port))
    return (
        f"{hosts[0]} {_identity(flow.source.identity)}",
        f"{hosts[1]} {_identity(flow.destination.identity)}",
    )


def _host(document: Json, side: str, port: int) -> str:
    endpoint = document.get(side) or {}
    service = document.get(f"{side}_service")
    namespace = endpoint.get("namespace", "")
    if service:
        # The service's namespace replaces the pod's even when the pod's name is then printed.
        namespace = service.get("namespace", "")
    name = endpoint.get("pod_name", "") or (service or {}).get("name", "")
    host = "/".join(part for part in (namespace, name) if part) if name else ""
    host = host or ",".join(document.get(f"{side}_names") or ()) or document["IP"].get(side, "")
    if not port:
        return host
    return f"[{host}]:{port}" if ":" in host or "%" in host else f"{host}:{port}"


def _identity(number: int) -> str:
    name = IDENTITIES.get(number)
    return f"({name})" if name else f"(ID:{number})"


def _type(flow: Flow) -> str:
    layer7 = flow.document.get("l7")
    if layer7 is not None:
        kind = str(layer7.get("type", "UNKNOWN_L7_TYPE")).lower()
        if layer7.get("http") is not None:
            return f"http-{kind}"
        if layer7.get("dns") is not None:
            return f"dns-{kind} {layer7['dns'].get('observation_source', '')}"
        return f"l7-{kind}"
    if flow.event == TRACE:
        return _named(TRACE_POINTS, flow.sub_type, str(flow.sub_type))
    if flow.event == DROP:
        reason = flow.sub_type & 0xFF
        return DROP_TEXTS.get(reason, f"{reason}, 0")
    if flow.event == POLICY_VERDICT:
        match = _named(POLICY_MATCHES, int(flow.document.get("policy_match_type", 0)), "unknown")
        return f"policy-verdict:{match} {flow.document.get('traffic_direction', 'TRAFFIC_DIRECTION_UNKNOWN')}"
    if flow.event == CAPTURE:
        return str(flow.document.get("debug_capture_point", "DBG_CAPTURE_POINT_UNKNOWN"))
    if flow.event == TRACE_SOCK:
        return _named(SOCKET_POINTS, flow.sub_type, SOCKET_POINTS[0])
    return "UNKNOWN"


def _named(names: tuple[str, ...], number: int, unknown: str) -> str:
    return names[number] if 0 <= number < len(names) else unknown


_POLICY_WORDS = {
    "FORWARDED": ("ALLOWED", "allowed_by"),
    "REDIRECTED": ("ALLOWED", "allowed_by"),
    "DROPPED": ("DENIED", "denied_by"),
    "ERROR": ("DENIED", "denied_by"),
    "AUDIT": ("AUDITED", "denied_by"),
}


def _verdict(flow: Flow, policy_names: bool) -> str:
    if flow.event != POLICY_VERDICT or flow.verdict not in _POLICY_WORDS:
        return flow.verdict
    word, list_name = _POLICY_WORDS[flow.verdict]
    if not policy_names or not flow.direction:
        return word
    entries = flow.document.get(f"{flow.direction.lower()}_{list_name}") or ()
    named = [f"{entry['name']} ({entry['kind']})" for entry in entries if entry.get("name") and entry.get("kind")]
    return f"{word} BY {', '.join(named)}" if named else word


def _summary(document: Json) -> str:
    trace_id = int((document.get("ip_trace_id") or {}).get("trace_id", 0))
    auth = document.get("auth_type", "DISABLED")
    before = f"IP Trace ID: {trace_id}; " if trace_id else ""
    after = f"; Auth: {auth}" if auth != "DISABLED" else ""
    return f"{before}{document.get('Summary', '')}{after}"
