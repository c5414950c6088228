# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.edges import EdgeCounter, is_reply

CLIENT = {
    "identity": 3000,
    "namespace": "shop",
    "pod_name": "client-7d9f-x1",
    "workloads": [{"name": "client", "kind": "Deployment"}],
}
WEB = {
    "identity": 3001,
    "namespace": "shop",
    "pod_name": "web-0",
    "workloads": [{"name": "web", "kind": "StatefulSet"}],
}
WORLD = {"identity": 2, "labels": ["reserved:world"]}
TRACE = {"type": 4}


def flow(source: dict[str, Any], destination: dict[str, Any], ports: tuple[int, int], **more: Any) -> dict[str, Any]:
    return {
        "time": "2026-11-30T18:00:00Z",
        "verdict": "FORWARDED",
        "IP": {"source": "10.0.0.1", "destination": "10.0.0.2", "ipVersion": "IPv4"},
        "l4": {"TCP": {"source_port": ports[0], "destination_port": ports[1], "flags": {"ACK": True}}},
        "source": source,
        "destination": destination,
        "event_type": TRACE,
        "is_reply": False,
        **more,
    }


def counted(*flows: dict[str, Any], **options: Any) -> list[dict[str, Any]]:
    counter = EdgeCounter(**options)
    for one in flows:
        counter.add(one)
    return counter.edges()


def test_a_request_and_its_answer_are_one_edge_with_first_and_last_time() -> None:
    edges = counted(
        flow(CLIENT, WEB, (40000, 80), traffic_direction="EGRESS", time="2026-11-30T18:00:00.1Z"),
        flow(WEB, CLIENT, (80, 40000), is_reply=True, time="2026-11-30T18:00:00.123456789Z"),
        flow({**CLIENT, "pod_name": "client-7d9f-x2"}, WEB, (40001, 80), time="2026-11-30T18:00:00.09Z"),
    )
    assert edges == [
        {
            "source": {"kind": "workload", "namespace": "shop", "name": "client", "owner": "Deployment"},
            "destination": {"kind": "workload", "namespace": "shop", "name": "web", "owner": "StatefulSet"},
            "protocol": "TCP",
            "port": 80,
            "flows": 3,
            "replies": 1,
            "first_seen": "2026-11-30T18:00:00.09Z",
            "last_seen": "2026-11-30T18:00:00.123456789Z",
            "verdicts": {"FORWARDED": 3},
            "drop_reasons": {},
            "directions": {"EGRESS": 1},
            "types": {"trace": 3},
            "first_packets": {},
            "allowed_by": [],
            "denied_by": [],
        }
    ]


def test_drops_and_deciding_policies_are_counted() -> None:
    policy = {"name": "web", "namespace": "shop", "kind": "CiliumNetworkPolicy", "labels": ["k8s:x=y"]}
    default = {"labels": ["reserved:io.cilium.policy.derived-from=allow-any-egress"]}
    verdict = {"event_type": {"type": 5}}
    [edge] = counted(
        flow(CLIENT, WEB, (1, 80), **verdict, traffic_direction="INGRESS", ingress_allowed_by=[policy]),
        flow(CLIENT, WEB, (2, 80), **verdict, traffic_direction="EGRESS", egress_allowed_by=[default]),
        flow(CLIENT, WEB, (3, 80), **verdict, traffic_direction="INGRESS", verdict="DROPPED", is_reply=None),
        flow(
            CLIENT,
            WEB,
            (3, 80),
            event_type={"type": 1, "sub_type": 133},
            verdict="DROPPED",
            drop_reason_desc="POLICY_DENIED",
            is_reply=None,
            ingress_denied_by=[policy],
        ),
    )
    assert edge["verdicts"] == {"DROPPED": 2, "FORWARDED": 2}
    assert edge["drop_reasons"] == {"POLICY_DENIED": 1}
    assert edge["first_packets"] == {"EGRESS": {"FORWARDED": 1}, "INGRESS": {"DROPPED": 1, "FORWARDED": 1}}
    named = {"kind": "CiliumNetworkPolicy", "namespace": "shop", "name": "web", "derived_from": "", "flows": 1}
    assert edge["allowed_by"] == [
        {
            "direction": "EGRESS",
            "kind": "",
            "namespace": "",
            "name": "",
            "derived_from": "allow-any-egress",
            "flows": 1,
        },
        {"direction": "INGRESS", **named},
    ]
    assert edge["denied_by"] == [{"direction": "INGRESS", **named}]


@pytest.mark.parametrize(
    ("more", "reply"),
    [
        ({"is_reply": True}, True),
        ({"is_reply": False, "l4": {"TCP": {"source_port": 80, "destination_port": 40000}}}, False),
        ({"event_type": {"type": 5}, "l4": {"TCP": {"source_port": 80, "destination_port": 40000}}}, False),
        ({"l4": {"TCP": {"source_port": 80, "destination_port": 40000, "flags": {"SYN": True}}}}, False),
        ({"l4": {"TCP": {"source_port": 40000, "destination_port": 80, "flags": {"SYN": True, "ACK": True}}}}, True),
        ({"l4": {"UDP": {"source_port": 53, "destination_port": 40000}}}, True),
        ({"l4": {"UDP": {"source_port": 40000, "destination_port": 30053}}}, False),
        ({"l4": {"ICMPv4": {}}}, True),
        ({"l4": {"ICMPv4": {"type": 8}}}, False),
        ({"l4": {"ICMPv6": {"type": 129}}}, True),
        ({"l4": {"SCTP": None}}, False),
        ({}, False),
    ],
    ids=str,
)
def test_an_answer_is_known_where_hubble_does_not_tell(more: dict[str, Any], reply: bool) -> None:
    [(protocol, header)] = list((more.get("l4") or {"": {}}).items())
    assert is_reply(more, protocol, header or {}) is reply


@pytest.mark.parametrize(
    ("more", "end"),
    [
        ({"destination": WEB}, {"kind": "workload", "namespace": "shop", "name": "web", "owner": "StatefulSet"}),
        (
            {"destination": {"namespace": "a", "pod_name": "p", "identity": 900}},
            {"kind": "workload", "namespace": "a", "name": "p", "owner": "Pod"},
        ),
        ({"destination": {"identity": 1}}, {"kind": "entity", "namespace": "", "name": "host", "owner": ""}),
        ({"destination": {"identity": 7}}, {"kind": "entity", "namespace": "", "name": "kube-apiserver", "owner": ""}),
        (
            {"destination": WORLD, "destination_service": {"name": "s", "namespace": "a"}},
            {"kind": "service", "namespace": "a", "name": "s", "owner": ""},
        ),
        (
            {"destination": WORLD},
            {
                "kind": "outside",
                "namespace": "",
                "name": "10.0.0.2",
                "owner": "",
                "names": [],
                "addresses": ["10.0.0.2"],
            },
        ),
        (
            {"destination": {"identity": 16777217}, "destination_names": ["b.example", "a.example"]},
            {
                "kind": "outside",
                "namespace": "",
                "name": "a.example,b.example",
                "owner": "",
                "names": ["a.example", "b.example"],
                "addresses": ["10.0.0.2"],
            },
        ),
        (
            {"destination": {"identity": 0x2000001, "labels": ["reserved:remote-node"]}},
            {"kind": "entity", "namespace": "", "name": "remote-node", "owner": ""},
        ),
        (
            {"destination": {"identity": 900, "namespace": "a"}},
            {"kind": "namespace", "namespace": "a", "name": "a", "owner": ""},
        ),
        ({"destination": {}}, {"kind": "unknown", "namespace": "", "name": "10.0.0.2", "owner": ""}),
    ],
    ids=str,
)
def test_ends_are_named_by_what_stays(more: dict[str, Any], end: dict[str, Any]) -> None:
    [edge] = counted({**flow(CLIENT, WEB, (40000, 80)), **more})
    assert edge["destination"] == end


def test_events_of_socket_translation_are_no_edges() -> None:
    counter = EdgeCounter()
    counter.add({"Type": "SOCK", "event_type": {"type": 7}, "verdict": "TRANSLATED"})
    assert (counter.edges(), counter.flows, counter.ignored) == ([], 0, 1)


def test_addresses_without_number_do_not_fill_the_memory() -> None:
    flows = [flow(WORLD, WEB, (40000, 80), IP={"source": f"203.0.113.{last}"}) for last in range(200)]
    edges = counted(*flows, most_edges=50)
    assert len(edges) == 51
    [world] = [edge for edge in edges if edge["source"]["name"] == "world"]
    assert (world["flows"], world["source"]["kind"]) == (150, "entity")


def test_listed_addresses_are_few() -> None:
    more = {"destination_names": ["cdn.example"]}
    flows = [flow(CLIENT, WORLD, (1, 443), IP={"destination": f"203.0.113.{last}"}, **more) for last in range(50)]
    [edge] = counted(*flows)
    assert (edge["flows"], len(edge["destination"]["addresses"])) == (50, 10)


def test_an_offset_is_understood_and_a_flow_without_anything_counts() -> None:
    edges = counted({"time": "2026-11-30T19:00:00+01:00"}, {})
    assert [(edge["flows"], edge["first_seen"], edge["port"]) for edge in edges] == [(2, "2026-11-30T18:00:00Z", None)]


def test_recorded_flows_give_edges_in_a_fixed_order() -> None:
    recorded = Path(__file__).parents[3] / "fixtures" / "hubble" / "compact.jsonl"
    flows = [json.loads(line)["flow"] for line in recorded.read_text(encoding="utf-8").splitlines()]
    edges = counted(*flows)
    assert edges == counted(*reversed(flows))
    translations = [one for one in flows if one.get("Type") == "SOCK" or (one.get("event_type") or {}).get("type") == 7]
    assert sum(edge["flows"] for edge in edges) + len(translations) == len(flows)
