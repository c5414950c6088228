# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""Applies FlowFilter documents to flows that are already here, from a file or a stream, as Hubble itself would (pure).

One exception: CEL expressions are for Hubble only.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from urllib.parse import urlsplit

from .._errors import Unsupported
from .._types import Json
from .names import NUMBERS
from .selectors import selector_of

Test = Callable[[Json], bool]
_DEFAULT_CLUSTER = "default"


class Matcher:
    """Says whether a flow (the document under `flow`) is wanted: one of allow matches, and none of deny."""

    def __init__(self, allow: Sequence[Json], deny: Sequence[Json] = ()) -> None:
        """Raises Unsupported for CEL, InvalidInput for a selector that cannot be read."""
        self._allow = [_tests(one) for one in allow]
        self._deny = [_tests(one) for one in deny]

    def __call__(self, flow: Json) -> bool:
        """Whether it is wanted."""
        if self._allow and not any(all(test(flow) for test in tests) for tests in self._allow):
            return False
        return not any(all(test(flow) for test in tests) for tests in self._deny)


def _tests(one: Json) -> list[Test]:
    if "experimental" in one:
        raise Unsupported(
            "cel_expression is evaluated by Hubble only, not for flows of a file or for stop_when.",
            code="CelNotHere",
            remedy="Use other filters, or apply it while the flows are read from Hubble.",
        )
    return [_MAKERS[field_name](values) for field_name, values in one.items() if values]


def _endpoint(flow: Json, side: str) -> Json:
    found: Json = flow.get(side) or {}
    return found


def _names(names: Sequence[str], get: Callable[[Json], tuple[str, str]]) -> Test:
    wanted = [_namespaced(name) for name in names]

    def test(flow: Json) -> bool:
        namespace, name = get(flow)
        if not namespace and not name:
            return False
        return any(name.startswith(prefix) and where in ("", namespace) for where, prefix in wanted)

    return test


def _namespaced(name: str) -> tuple[str, str]:
    namespace, slash, prefix = name.partition("/")
    return (namespace, prefix) if slash else ("default", namespace)


def _pods(side: str) -> Callable[[Sequence[str]], Test]:
    def get(flow: Json) -> tuple[str, str]:
        endpoint = flow.get(side) or {}
        return endpoint.get("namespace", ""), endpoint.get("pod_name", "")

    return lambda names: _names(names, get)


def _services(side: str) -> Callable[[Sequence[str]], Test]:
    def get(flow: Json) -> tuple[str, str]:
        service = flow.get(f"{side}_service") or {}
        return service.get("namespace", ""), service.get("name", "")

    return lambda names: _names(names, get)


def _workloads(side: str) -> Callable[[Sequence[Json]], Test]:
    def make(wanted: Sequence[Json]) -> Test:
        pairs = [(one.get("kind", ""), one.get("name", "")) for one in wanted]
        return lambda flow: any(
            kind in ("", owner.get("kind", "")) and name in ("", owner.get("name", ""))
            for owner in _endpoint(flow, side).get("workloads") or ()
            for kind, name in pairs
        )

    return make


def _labels(get: Callable[[Json], Iterable[str]]) -> Callable[[Sequence[str]], Test]:
    def make(texts: Sequence[str]) -> Test:
        selectors = [selector_of(text) for text in texts]
        return lambda flow: any(selector(get(flow)) for selector in selectors)

    return make


def _addresses(field_name: str) -> Callable[[Sequence[str]], Test]:
    def make(texts: Sequence[str]) -> Test:
        exact = {text for text in texts if "/" not in text}
        networks = [ipaddress.ip_network(text, strict=False) for text in texts if "/" in text]

        def test(flow: Json) -> bool:
            address = (flow.get("IP") or {}).get(field_name, "")
            if not address or address in exact:
                return bool(address)
            return bool(networks) and _is_within(address, networks)

        return test

    return make


def _is_within(address: str, networks: Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> bool:
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)


def _ports(field_name: str) -> Callable[[Sequence[str]], Test]:
    def make(texts: Sequence[str]) -> Test:
        wanted = {int(text) for text in texts}
        return lambda flow: any(
            protocol in ("TCP", "UDP", "SCTP") and (header or {}).get(field_name, 0) in wanted
            for protocol, header in (flow.get("l4") or {}).items()
        )

    return make


def _fqdns(field_name: str) -> Callable[[Sequence[str]], Test]:
    def make(patterns: Sequence[str]) -> Test:
        pattern = re.compile("|".join(f"(?:{_glob(one)})" for one in patterns))
        return lambda flow: any(pattern.fullmatch(name) for name in flow.get(field_name) or ())

    return make


def _glob(pattern: str) -> str:
    text = pattern.strip().removesuffix(".").lower()
    return "".join("[-.0-9a-z]*" if letter == "*" else re.escape(letter) for letter in text)


def _nodes(patterns: Sequence[str]) -> Test:
    def regular(pattern: str) -> str:
        cluster, slash, node = pattern.partition("/")
        if not slash:
            cluster, node = "", cluster
        any_name = r"[-0-9_a-z]+(?:\.[-0-9_a-z]+)*"
        return f"{_glob(cluster) if cluster else any_name}/{_glob(node) if node else any_name}"

    compiled = re.compile("|".join(f"(?:{regular(one)})" for one in patterns))

    def test(flow: Json) -> bool:
        name = flow.get("node_name", "")
        full = name if "/" in name else f"{_DEFAULT_CLUSTER}/{name}"
        return bool(name) and compiled.fullmatch(full) is not None

    return test


def _protocols(names: Sequence[str]) -> Test:
    layer4: set[str] = set()
    for name in names:
        layer4 |= {"ICMPV4", "ICMPV6"} if name == "icmp" else {name.upper()}

    def test(flow: Json) -> bool:
        if any(header.upper() in layer4 for header in flow.get("l4") or ()):
            return True
        return any(name in (flow.get("l7") or ()) for name in names if name in ("dns", "http", "kafka"))

    return test


def _event_types(wanted: Sequence[Json]) -> Test:
    def test(flow: Json) -> bool:
        event = flow.get("event_type")
        if event is None:
            return False
        return any(
            one.get("type", 0) in (0, event.get("type", 0))
            and (not one.get("match_sub_type") or one.get("sub_type", 0) == event.get("sub_type", 0))
            for one in wanted
        )

    return test


def _reply(wanted: Sequence[bool]) -> Test:
    def test(flow: Json) -> bool:
        told = flow.get("is_reply")
        # A drop without a known direction counts as no reply.
        return (told is not None or flow.get("verdict") == "DROPPED") and bool(told) in wanted

    return test


def _tcp_flags(wanted: Sequence[Json]) -> Test:
    def test(flow: Json) -> bool:
        flags = ((flow.get("l4") or {}).get("TCP") or {}).get("flags")
        return flags is not None and any(all(flags.get(name) for name in one) for one in wanted)

    return test


def _http(get: Callable[[Json], str], matches: Callable[[str, str], bool]) -> Callable[[Sequence[str]], Test]:
    def make(wanted: Sequence[str]) -> Test:
        def test(flow: Json) -> bool:
            http = (flow.get("l7") or {}).get("http")
            value = "" if http is None else get(http)
            return bool(value) and any(matches(one, value) for one in wanted)

        return test

    return make


def _searched(pattern: str, text: str) -> bool:
    return re.search(pattern, text) is not None


def _path(url: str) -> str:
    """The path of a URL, which a client may have sent in any form."""
    try:
        return urlsplit(url).path
    except ValueError:
        return ""


def _http_headers(wanted: Sequence[Json]) -> Test:
    pairs = {(one.get("key"), one.get("value")) for one in wanted}
    return lambda flow: any(
        (header.get("key", ""), header.get("value", "")) in pairs
        for header in ((flow.get("l7") or {}).get("http") or {}).get("headers") or ()
    )


def _dns_queries(patterns: Sequence[str]) -> Test:
    def test(flow: Json) -> bool:
        dns = (flow.get("l7") or {}).get("dns")
        return dns is not None and any(_searched(one, dns.get("query", "")) for one in patterns)

    return test


def _interfaces(wanted: Sequence[Json]) -> Test:
    names = {one.get("name") for one in wanted}
    return lambda flow: (flow.get("interface") or {}).get("name") in names


def _in(get: Callable[[Json], Any]) -> Callable[[Sequence[Any]], Test]:
    """The value is one of those wanted, as it stands."""
    return lambda wanted: lambda flow: get(flow) in wanted


def _drop_reasons(wanted: Sequence[str]) -> Test:
    numbers = {NUMBERS["DropReason"].get(name) for name in wanted}
    return lambda flow: (
        flow.get("verdict") == "DROPPED"
        and (flow.get("drop_reason_desc") in wanted or flow.get("drop_reason") in numbers)
    )


_MAKERS: dict[str, Callable[[Any], Test]] = {
    **{f"{side}_pod": _pods(side) for side in ("source", "destination")},
    **{f"{side}_service": _services(side) for side in ("source", "destination")},
    **{f"{side}_workload": _workloads(side) for side in ("source", "destination")},
    **{f"{side}_ip": _addresses(side) for side in ("source", "destination")},
    **{f"{side}_fqdn": _fqdns(f"{side}_names") for side in ("source", "destination")},
    **{f"{side}_port": _ports(f"{side}_port") for side in ("source", "destination")},
    "source_label": _labels(lambda flow: _endpoint(flow, "source").get("labels") or ()),
    "destination_label": _labels(lambda flow: _endpoint(flow, "destination").get("labels") or ()),
    "node_labels": _labels(lambda flow: flow.get("node_labels") or ()),
    "source_identity": _in(lambda flow: _endpoint(flow, "source").get("identity", 0)),
    "destination_identity": _in(lambda flow: _endpoint(flow, "destination").get("identity", 0)),
    "source_cluster_name": _in(lambda flow: _endpoint(flow, "source").get("cluster_name", "")),
    "destination_cluster_name": _in(lambda flow: _endpoint(flow, "destination").get("cluster_name", "")),
    "source_ip_xlated": _addresses("source_xlated"),
    "verdict": _in(lambda flow: flow.get("verdict", "VERDICT_UNKNOWN")),
    "drop_reason_desc": _drop_reasons,
    "event_type": _event_types,
    "protocol": _protocols,
    "traffic_direction": _in(lambda flow: flow.get("traffic_direction", "TRAFFIC_DIRECTION_UNKNOWN")),
    "tcp_flags": _tcp_flags,
    "ip_version": _in(lambda flow: (flow.get("IP") or {}).get("ipVersion", "IP_NOT_USED")),
    "interface": _interfaces,
    "node_name": _nodes,
    "dns_query": _dns_queries,
    "http_status_code": _http(
        lambda http: f"{http['code']:03d}" if http.get("code") else "",
        lambda one, code: code.startswith(one[:-1]) if one.endswith("+") else code == one,
    ),
    "http_method": _http(lambda http: http.get("method", ""), lambda one, method: one.lower() == method.lower()),
    "http_path": _http(lambda http: _path(http.get("url", "")), _searched),
    "http_url": _http(lambda http: http.get("url", ""), _searched),
    "http_header": _http_headers,
    "uuid": _in(lambda flow: flow.get("uuid", "")),
    "trace_id": _in(lambda flow: ((flow.get("trace_context") or {}).get("parent") or {}).get("trace_id", "")),
    "ip_trace_id": _in(lambda flow: str((flow.get("ip_trace_id") or {}).get("trace_id", 0))),
    "reply": _reply,
    "encrypted": _in(lambda flow: bool((flow.get("IP") or {}).get("encrypted"))),
}
