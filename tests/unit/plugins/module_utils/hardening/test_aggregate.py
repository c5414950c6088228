# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import random
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.aggregate import (
    DESTINATION_ADDRESSES,
    SOURCE_ADDRESSES,
    Aggregator,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.keys import edge_key
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Inventory
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps
from hardening_flows import CART, DNS, WEB, both, evidence, facts, flow, outside, pod, reserved
from known_app import FLOWS, FLOWS_WITHOUT_REPLIES, evidence_of, flows

WEB_TO_CART = "shop/Deployment/web -> shop/Deployment/cart:8080/TCP"


def seen(*documents: dict[str, Any], **more: Any) -> dict[str, tuple[int, int, int]]:
    """Counts of egress, ingress and denied by edge."""
    edges = evidence(*documents, **more).edges
    return {edge_key(edge): (found.egress, found.ingress, found.denied) for edge, found in edges.items()}


def test_both_ends_of_a_connection_make_one_edge() -> None:
    assert seen(*both(WEB, CART)) == {WEB_TO_CART: (1, 1, 0)}


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (flow(CART, WEB, 40000, is_reply=True, event=4), "reply"),
        (flow(WEB, CART, is_reply=True), "reply"),
        (flow(WEB, CART, event=4, is_reply=None), "unknown-direction"),
        (flow(WEB, CART, traffic_direction=None), "unknown-direction"),
        (flow(WEB, CART, event=1, verdict="DROPPED", drop_reason_desc="STALE_OR_UNROUTABLE_IP"), "other-drop"),
        (flow(WEB, CART, event=1, verdict="DROPPED"), "other-drop:unknown"),
        (flow(WEB, CART, event=7), "other-event"),
        (flow(WEB, CART, verdict="TRACED"), "no-verdict"),
        (flow(WEB, CART, l4={}), "no-protocol"),
        (flow(WEB, {"identity": 0}), "no-peer"),
        (
            flow(
                CART, WEB, 40000, event=4, l4={"TCP": {"destination_port": 40000, "flags": {"SYN": True, "ACK": True}}}
            ),
            "swapped",
        ),
        (
            flow(WEB, {"identity": 2, "labels": ["reserved:world"]}, destination_service={"name": "cart"}),
            "untranslated-service",
        ),
    ],
)
def test_what_proves_no_connection_is_counted_and_left_out(document: dict[str, Any], reason: str) -> None:
    found = evidence(document)
    assert found.edges == {}
    (ignored,) = found.ignored
    assert ignored.startswith(reason)


@pytest.mark.parametrize("reason", ["POLICY_DENIED", "POLICY_DENY", 133, 181])
def test_drops_of_policies_are_denied_edges_though_their_direction_is_absent(reason: object) -> None:
    field = "drop_reason_desc" if isinstance(reason, str) else "drop_reason"
    drop = flow(WEB, CART, event=1, verdict="DROPPED", side="INGRESS", **{field: reason})
    assert seen(drop, flow(WEB, CART, verdict="DROPPED", side="INGRESS")) == {WEB_TO_CART: (0, 0, 2)}


def test_verdicts_count_before_traces_of_the_same_connection() -> None:
    traces = [flow(WEB, CART, event=4) for __ in range(5)]
    assert seen(flow(WEB, CART), *traces) == {WEB_TO_CART: (1, 0, 0)}
    assert seen(*traces) == {WEB_TO_CART: (5, 0, 0)}


def test_a_flow_without_an_event_type_counts_as_a_trace() -> None:
    assert seen(flow(WEB, CART, event_type=None)) == {WEB_TO_CART: (1, 0, 0)}
    assert seen(flow(WEB, CART, event_type=None, is_reply=None)) == {}


def test_an_answer_that_says_it_is_none_is_recognised_by_the_server_port() -> None:
    answer = flow(CART, WEB, 41000, event=4, l4={"TCP": {"source_port": 8080, "destination_port": 41000}})
    assert list(seen(flow(WEB, CART), answer)) == [WEB_TO_CART]
    declared = Inventory(workloads=[facts("cart", ports=(("TCP", 8080),))])
    assert seen(answer, inventory=declared) == {}
    assert len(seen(answer)) == 1, "without knowing the server's port nothing speaks against it"


def test_a_client_with_a_high_port_may_ask_a_high_port() -> None:
    assert len(seen(flow(WEB, CART, 8080), flow(CART, WEB, 50051, event=4))) == 2


def test_the_time_and_the_nodes_of_an_edge_span_all_flows() -> None:
    times = ("2026-11-30T18:00:02.5Z", "2026-11-30T18:00:01Z", "2026-11-30T20:00:03.123456789+02:00")
    found = evidence(*(flow(WEB, CART, time=time, node_name=f"n{number}") for number, time in enumerate(times)))
    (one,) = found.edges.values()
    assert (one.first_s, one.last_s) == (1796061601.0, 1796061603.123)
    assert one.nodes == {"n0", "n1", "n2"}


@pytest.mark.parametrize(
    ("source", "text"),
    [
        (reserved("kube-apiserver", "remote-node"), "kube-apiserver"),
        (reserved("host", "kube-apiserver"), "host"),
        (reserved("remote-node"), "remote-node"),
        ({"identity": 8}, "ingress"),
        ({"identity": 2}, "world"),
        ({"identity": 16777300, "labels": ["cidr:192.0.2.1/32", "reserved:world"]}, "world"),
    ],
)
def test_reserved_identities_are_peers_of_their_own(source: dict[str, Any], text: str) -> None:
    assert list(seen(flow(source, WEB, side="INGRESS"))) == [f"{text} -> shop/Deployment/web:8080/TCP"]


def test_an_api_server_beside_the_host_is_the_api_server_for_clients() -> None:
    assert list(seen(flow(WEB, reserved("host", "kube-apiserver"), 6443))) == [
        "shop/Deployment/web -> kube-apiserver:6443/TCP"
    ]


def test_the_type_of_icmp_stands_in_the_port() -> None:
    assert list(seen(flow(WEB, CART, 8, "ICMPv4"))) == ["shop/Deployment/web -> shop/Deployment/cart:8/ICMPv4"]


def test_names_come_from_the_flow_or_from_an_answer_that_the_pod_got() -> None:
    answer = {"l7": {"dns": {"query": "API.example.com.", "ips": ["198.51.100.1"]}}, "event_type": {"type": 129}}
    asked = flow(DNS, WEB, is_reply=True, **answer)
    named = flow(WEB, outside("198.51.100.2"), 443, destination_names=["Other.example.com."])
    documents = [flow(WEB, outside("198.51.100.1"), 443), asked, named, flow(CART, outside("198.51.100.1"), 443)]
    assert sorted(seen(*documents)) == [
        "shop/Deployment/cart -> 198.51.100.1:443/TCP",
        "shop/Deployment/web -> api.example.com:443/TCP",
        "shop/Deployment/web -> other.example.com:443/TCP",
    ]
    assert seen(*reversed(documents)) == seen(*documents)


def test_addresses_outside_are_bounded_and_the_same_for_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    documents = [flow(outside(f"203.0.{n // 200}.{n % 200}"), WEB, side="INGRESS") for n in range(300)]
    documents += [flow(WEB, outside(f"198.51.{n // 200}.{n % 200}"), 443) for n in range(300)]
    wanted = dumps(evidence(*documents))
    assert len(evidence(*documents).edges) == SOURCE_ADDRESSES + 1 + DESTINATION_ADDRESSES + 1
    monkeypatch.setattr(
        "ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.aggregate._COMPACT_EVERY", 7
    )
    for seed in range(3):
        random.Random(seed).shuffle(documents)  # noqa: S311
        assert dumps(evidence(*documents)) == wanted


def test_lost_events_and_silent_nodes_are_kept() -> None:
    aggregator = Aggregator()
    aggregator.add({"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "12"}})
    aggregator.add({"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["n1"]}})
    aggregator.add({"node_status": {"state_change": "NODE_CONNECTED", "node_names": ["n2"]}})
    assert (aggregator.lost, aggregator.problems) == (12, {"NODE_UNAVAILABLE: n1"})


@pytest.mark.parametrize("line", ['{"flow": {"verdict": "FORW', "[1]", "nonsense"])
def test_a_line_that_is_no_document_is_named(line: str) -> None:
    with pytest.raises(InvalidInput, match="flows: line 7 ") as caught:
        Aggregator().add_line(line, 7)
    assert caught.value.code == "InvalidFlows"


def test_the_known_application_has_31_edges_with_and_without_replies() -> None:
    with_replies, without = evidence_of(flows(FLOWS)), evidence_of(flows(FLOWS_WITHOUT_REPLIES))
    assert len(with_replies.edges) == 31
    assert with_replies.edges == without.edges
    assert (with_replies.ignored, without.ignored) == ({"reply": 64}, {})


def test_the_next_run_of_a_job_is_the_same_peer() -> None:
    runs = [pod("nightly", kind="", app="nightly", **{"job-name": f"nightly-{run}"}) for run in (1, 2)]
    assert len(evidence(*(flow(one, WEB) for one in runs)).edges) == 1


def test_a_connection_from_before_the_name_was_asked_gets_the_names_that_its_client_knows() -> None:
    to = outside("198.51.100.1")
    documents = [
        flow(WEB, to, 443),
        flow(WEB, to, 443, destination_names=["a.example.com"]),
        flow(WEB, to, 80, destination_names=["b.example.com"]),
        flow(CART, to, 443),
    ]
    assert seen(*documents) == {
        "shop/Deployment/web -> a.example.com,b.example.com:443/TCP": (2, 0, 0),
        "shop/Deployment/web -> a.example.com,b.example.com:80/TCP": (1, 0, 0),
        "shop/Deployment/cart -> 198.51.100.1:443/TCP": (1, 0, 0),
    }
