# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from dataclasses import replace
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import Flow
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.matching import flow_filters, own_flows
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.report import Report
from flow_maker import CLIENT, DNS_SERVER, PORT, SERVER, arrival, asked, departure, drop, made, reply

SOURCE = {"namespace": "client", "pod": "client"}
HTTP = parse_probes([{"from": SOURCE, "to": {"url": "http://web.basics"}, "expect": "allow"}])[0]
DNS = parse_probes([{"from": SOURCE, "to": {"dns": "web.basics"}, "expect": "allow"}])[0]
AT_S = 1796061600
HEARD = Report(namespace="client", pod="client", node="n1", answered=True, ports=frozenset(range(PORT, PORT + 4)))
SILENT = Report(namespace="client", pod="client", node="n1", exit_code=28, ports=HEARD.ports)
UNRESOLVED = Report(
    namespace="client",
    pod="client",
    node="n1",
    exit_code=28,
    resolved=False,
    ports=HEARD.ports,
    before=(AT_S - 1, 0),
    after=(AT_S + 1, 0),
)
ICMP = parse_probes([{"from": SOURCE, "to": {"host": "10.0.0.2"}, "protocol": "icmp", "expect": "allow"}])[0]
PINGED = Report(
    namespace="client", pod="client", node="n1", remote_ip="10.0.0.2", before=(AT_S - 1, 0), after=(AT_S + 1, 0)
)


def query(port: int = 50000, **more: Any) -> Flow:
    """A DNS query on its way."""
    return departure(destination=DNS_SERVER, ports=(port, 53), protocol="UDP", **more)


def test_a_connection_is_found_by_its_pod_and_local_ports_in_both_directions() -> None:
    ports = [str(port) for port in range(PORT, PORT + 4)]
    assert flow_filters(HTTP, SILENT) == [
        {"source_pod": ["client/client"], "source_port": ports},
        {"destination_pod": ["client/client"], "destination_port": ports},
    ]
    ours = [arrival(), reply(), departure(ports=(PORT + 3, 80))]
    others = [
        departure(ports=(PORT + 4, 80)),
        arrival(source={**CLIENT, "pod_name": "client-2"}),
        arrival(source=SERVER, destination=CLIENT, ports=(PORT, 80)),
    ]
    assert own_flows(HTTP, SILENT, [*others, *ours]) == ours


def test_flows_of_an_earlier_use_of_the_same_ports_are_not_ours() -> None:
    report = replace(SILENT, before=(AT_S - 1, 0), after=(AT_S + 1, 0))
    old = arrival(time="2026-11-30T17:59:50Z")
    older_elsewhere = arrival(time="2026-11-30T17:59:20Z", node_name="n2")
    elsewhere = arrival(time="2026-11-30T17:59:40Z", node_name="n2")
    assert own_flows(HTTP, report, [old, older_elsewhere, elsewhere, arrival()]) == [elsewhere, arrival()]


def test_when_no_name_was_resolved_the_dns_flows_count() -> None:
    assert flow_filters(HTTP, UNRESOLVED) == [
        {"source_pod": ["client/client"], "destination_port": ["53"]},
        {"destination_pod": ["client/client"], "source_port": ["53"]},
    ]
    assert own_flows(HTTP, UNRESOLVED, [query(), departure()]) == [query()]


def test_a_dns_query_is_ours_when_its_node_saw_it_in_the_time_of_the_attempt() -> None:
    before = query(1, time="2026-11-30T17:59:58Z")
    after = query(2, time="2026-11-30T18:00:02Z")
    other_node = query(3, node_name="kind/n2")
    assert own_flows(DNS, UNRESOLVED, [before, after, other_node, query(4)]) == [query(4)]
    # The other node's clock may be far off: its view of the same query still belongs to us.
    far = drop(destination=DNS_SERVER, ports=(4, 53), protocol="UDP", node_name="n2", time="2026-11-30T18:05:00Z")
    assert own_flows(DNS, UNRESOLVED, [query(4), far]) == [query(4), far]


def test_queries_for_other_names_are_not_ours_where_names_are_known() -> None:
    ours = [query(1), asked("web.basics.svc.cluster.local.", 1), asked("WEB.basics.", 1)]
    others = [query(2), asked("github.com.", 2), asked("other-web.basics.", 1)]
    assert own_flows(DNS, UNRESOLVED, [*ours, *others]) == ours
    assert own_flows(HTTP, UNRESOLVED, [*ours, *others]) == ours


def echo(number: int = 8, **more: Any) -> Flow:
    """An echo request or what answers it."""
    return arrival(l4={"ICMPv4": {"type": number}}, **more)


def test_an_echo_is_found_by_its_pod_address_and_time() -> None:
    assert flow_filters(ICMP, PINGED) == [
        {"source_pod": ["client/client"], "protocol": ["icmp"]},
        {"destination_pod": ["client/client"], "protocol": ["icmp"]},
    ]
    back = {"source": SERVER, "destination": CLIENT, "IP": {"source": "10.0.0.2", "destination": "10.0.0.1"}}
    # Zero is the type of the reply, which Hubble leaves out.
    answer = made(4, 0, "FORWARDED", is_reply=True, **{**back, "l4": {"ICMPv4": {}}})
    ours = [echo(), answer, echo(node_name="n2", time="2026-11-30T18:00:20Z")]
    others = [
        arrival(),
        echo(IP={"source": "10.0.0.1", "destination": "10.0.0.3"}),
        echo(source=SERVER, destination={**SERVER, "pod_name": "other"}),
        echo(time="2026-11-30T17:59:50Z"),
    ]
    assert own_flows(ICMP, PINGED, [*others, *ours]) == ours


def test_an_error_that_comes_in_place_of_an_echo_is_part_of_the_story() -> None:
    back = {"source": {"identity": 2}, "destination": CLIENT, "IP": {"source": "10.9.9.9", "destination": "10.0.0.1"}}
    error = echo(3, **back)
    assert own_flows(ICMP, PINGED, [error]) == [error]


def test_flows_of_an_earlier_attempt_are_not_ours() -> None:
    old, new = echo(uuid="a"), echo(uuid="b")
    assert own_flows(ICMP, PINGED, [old, new, echo()], {"a"}) == [new, echo()]
    assert own_flows(HTTP, SILENT, [arrival(uuid="a"), reply()], {"a"}) == [reply()]
