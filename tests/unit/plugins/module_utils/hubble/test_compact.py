# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.compact import compact_line
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.flow import flow_from_json

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[3] / "fixtures/hubble/compact.jsonl").read_text(encoding="utf-8").splitlines()
]


@pytest.mark.parametrize("case", CASES, ids=range(len(CASES)))
def test_a_line_is_byte_for_byte_the_one_of_the_command(case: dict[str, Any]) -> None:
    flow = flow_from_json(case["flow"])
    assert compact_line(flow) == case["line"]
    assert compact_line(flow, node=True, policy_names=True) == case["named_line"]


def test_the_fixture_knows_all_shapes_of_a_line() -> None:
    text = "\n".join(case["line"] for case in CASES)
    for part in (" <> ", " -> ", " <- ", "DENIED", "ALLOWED", "AUDITED", "dns-request proxy DROPPED", "(host)", "(ID:"):
        assert part in text


def test_an_empty_flow_has_a_line() -> None:
    assert compact_line(flow_from_json({})) == "N/A:  (unknown) <>  (unknown) UNKNOWN VERDICT_UNKNOWN ()"
