# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import flow_from_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.names import POLICY_DENIED


def test_a_reply_has_three_states() -> None:
    assert [flow_from_json(document).is_reply for document in ({}, {"is_reply": False}, {"is_reply": True})] == [
        None,
        False,
        True,
    ]


def test_every_field_may_be_absent() -> None:
    flow = flow_from_json({})
    assert (flow.time, flow.verdict, flow.kind, flow.point, flow.protocol) == ((0, 0), "VERDICT_UNKNOWN", "0", "", "")
    assert not flow.is_policy_denial
    assert not flow.is_other_drop
    assert flow.source.text() == ""


def test_a_drop_is_a_policy_s_only_for_its_reasons() -> None:
    drop = {"verdict": "DROPPED", "event_type": {"type": 1, "sub_type": 133}}
    denied = flow_from_json({**drop, "drop_reason_desc": "POLICY_DENIED"})
    assert (denied.drop_reason, denied.is_policy_denial, denied.is_other_drop) == (POLICY_DENIED, True, False)
    listed = flow_from_json({**drop, "drop_reason_desc": "POLICY_DENY"})
    assert listed.is_policy_denial
    stale = flow_from_json({**drop, "drop_reason_desc": "STALE_OR_UNROUTABLE_IP"})
    assert (stale.is_policy_denial, stale.is_other_drop) == (False, True)
    # Old servers give the number only.
    assert flow_from_json({**drop, "drop_reason": 133}).is_policy_denial


def test_a_denied_verdict_and_a_refused_request_are_denials() -> None:
    assert flow_from_json({"verdict": "DROPPED", "event_type": {"type": 5}}).is_policy_denial
    assert flow_from_json({"verdict": "DROPPED", "event_type": {"type": 129}, "l7": {"dns": {}}}).is_policy_denial
    assert not flow_from_json({"verdict": "FORWARDED", "event_type": {"type": 5}}).is_policy_denial


def test_peers_are_named_by_pod_then_service_then_dns_then_address() -> None:
    document = {"IP": {"destination": "10.0.0.1"}}
    assert flow_from_json(document).destination.text() == "10.0.0.1"
    document["destination_names"] = ["b.example", "a.example"]
    assert flow_from_json(document).destination.text() == "b.example,a.example"
    document["destination_service"] = {"name": "s", "namespace": "n"}
    assert flow_from_json(document).destination.text() == "n/s"
    document["destination"] = {"pod_name": "p", "namespace": "m", "workloads": [{"name": "w", "kind": "Deployment"}]}
    peer = flow_from_json(document).destination
    assert (peer.text(), peer.workloads) == ("m/p", (("Deployment", "w"),))


def test_policies_are_kept_by_direction_and_default_deny_off_is_told() -> None:
    label = "reserved:io.cilium.policy.derived-from=allow-any-ingress"
    flow = flow_from_json(
        {
            "ingress_allowed_by": [{"labels": [label]}],
            "egress_allowed_by": [{"name": "to-google", "namespace": "basics", "kind": "CiliumNetworkPolicy"}],
            "egress_denied_by": [{"name": "all", "kind": "CiliumClusterwideNetworkPolicy"}],
        }
    )
    assert flow.allowed_by["INGRESS"][0].text() == "allow-any-ingress"
    assert flow.allowed_by["EGRESS"][0].text() == "CiliumNetworkPolicy basics/to-google"
    assert flow.denied_by["EGRESS"][0].text() == "CiliumClusterwideNetworkPolicy all"
    assert "INGRESS" not in flow.denied_by


def test_layer_4_and_7_are_read() -> None:
    flow = flow_from_json(
        {
            "l4": {"UDP": {"source_port": 1, "destination_port": 53}},
            "l7": {"dns": {"query": "a.example."}},
            "event_type": {"type": 129},
        }
    )
    assert (flow.protocol, flow.source.port, flow.destination.port) == ("UDP", 1, 53)
    assert (flow.kind, flow.dns_query) == ("l7", "a.example.")
    assert flow_from_json({"l7": {"http": {"code": 403}}}).http_status == 403


def test_the_point_of_a_trace_is_named() -> None:
    assert flow_from_json({"event_type": {"type": 4}}).point == "to-endpoint"
    assert flow_from_json({"event_type": {"type": 4, "sub_type": 4}}).point == "to-overlay"
    assert flow_from_json({"event_type": {"type": 4, "sub_type": 99}}).point == "99"
    assert flow_from_json({"event_type": {"type": 1, "sub_type": 4}}).point == ""
