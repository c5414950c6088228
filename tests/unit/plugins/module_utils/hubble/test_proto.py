# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json, messages, to_json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.schema import SCHEMA

FLOWS = [
    json.loads(line)["flow"]
    for line in (Path(__file__).parents[3] / "fixtures/hubble/compact.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("flow", FLOWS, ids=range(len(FLOWS)))
def test_a_flow_survives_the_wire(flow: dict[str, object]) -> None:
    wire = from_json("Flow", flow).SerializeToString()
    assert to_json(messages()["Flow"].FromString(wire)) == flow


def test_field_numbers_on_the_wire_are_those_of_the_interface() -> None:
    request = from_json("GetFlowsRequest", {"number": 5, "follow": True, "whitelist": [{"source_pod": ["a"]}]})
    # Field 1 varint 5, field 3 varint 1, field 6 with a message whose field 2 is the text "a".
    assert request.SerializeToString() == b"\x08\x05\x18\x01\x32\x03\x12\x01a"
    response = from_json("GetFlowsResponse", {"node_name": "n"})
    assert response.SerializeToString() == b"\xc2\x3e\x01n"


def test_false_and_absent_replies_differ() -> None:
    kinds = messages()["Flow"]
    for document in ({"is_reply": False}, {"is_reply": True}, {}):
        assert to_json(kinds.FromString(from_json("Flow", document).SerializeToString())) == document


def test_numbers_without_a_name_stay_numbers() -> None:
    flow = messages()["Flow"]()
    flow.drop_reason_desc, flow.verdict = 250, 99
    assert to_json(flow) == {"verdict": 99, "drop_reason_desc": 250}


def test_unknown_fields_of_a_newer_server_do_no_harm() -> None:
    wire = from_json("Flow", {"uuid": "u"}).SerializeToString() + b"\xfa\xff\xff\x0f\x01x"
    assert to_json(messages()["Flow"].FromString(wire)) == {"uuid": "u"}


def test_an_unknown_field_is_named() -> None:
    with pytest.raises(InvalidInput, match="source_pot"):
        from_json("FlowFilter", {"source_pot": ["a"]})


def test_each_field_number_is_used_once() -> None:
    for name, fields in SCHEMA.items():
        numbers = [row.number for row in fields.values()]
        assert len(set(numbers)) == len(numbers), name
