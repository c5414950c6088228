# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble import decode
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.decode import Decoder, LineDecoder
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json

FIXTURES = Path(__file__).parents[3] / "fixtures/hubble"
FLOWS = [json.loads(line)["flow"] for line in (FIXTURES / "compact.jsonl").read_text(encoding="utf-8").splitlines()]


def wire(**document: Any) -> bytes:
    data: bytes = from_json("GetFlowsResponse", document).SerializeToString()
    return data


@pytest.mark.parametrize("remembered", [20_000, 1])
def test_documents_are_the_same_as_from_whole_messages(monkeypatch: pytest.MonkeyPatch, remembered: int) -> None:
    monkeypatch.setattr(decode, "REMEMBERED", remembered)
    decoder = Decoder()
    for flow in [*FLOWS, *FLOWS]:
        response = {"flow": flow, "node_name": "c/n", "time": "2026-11-30T18:00:00.123Z"}
        assert decoder(wire(**response)) == response


def test_false_empty_and_absent_differ() -> None:
    decoder = Decoder()
    for flow in ({"is_reply": False}, {"is_reply": True}, {}, {"source": {}}, {"l4": {"ICMPv4": {}}}):
        assert decoder(wire(flow=flow)) == {"flow": flow}


@pytest.mark.parametrize(
    "response",
    [
        {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "7", "cpu": 0}},
        {"node_status": {"state_change": "NODE_ERROR", "node_names": ["a", "b"], "message": "x"}},
        {},
    ],
    ids=str,
)
def test_other_responses_are_read_too(response: dict[str, Any]) -> None:
    assert Decoder()(wire(**response)) == response


def test_fields_of_a_newer_server_do_no_harm() -> None:
    assert Decoder().flow(from_json("Flow", {"uuid": "u"}).SerializeToString() + b"\xfa\xff\xff\x0f\x01x") == {
        "uuid": "u"
    }


@pytest.mark.parametrize(
    "flow", [*FLOWS, {"is_reply": False, "source_names": ['a"b', "ü\n"]}, {}], ids=range(len(FLOWS) + 2)
)
def test_a_line_holds_the_same_document(flow: dict[str, Any]) -> None:
    data = wire(flow=flow, node_name="c/n", time="2026-11-30T18:00:00.123Z")
    found = LineDecoder()(data)
    assert found is not None
    line, verdict, reason = found
    assert json.loads(line) == Decoder()(data)
    assert "\n" not in line
    assert verdict == flow.get("verdict", "VERDICT_UNKNOWN")
    assert reason == flow.get("drop_reason_desc", "")


def test_what_is_no_flow_has_no_line() -> None:
    assert LineDecoder()(wire(lost_events={"num_events_lost": "7"})) is None
