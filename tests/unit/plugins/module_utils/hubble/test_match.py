# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, Unsupported
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import build_filters
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.match import Matcher
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.selectors import selector_of

FIXTURES = Path(__file__).parents[3] / "fixtures/hubble"
RECORDED = json.loads((FIXTURES / "match.json").read_text(encoding="utf-8"))
FLOWS = [
    {**json.loads(line)["flow"], "uuid": f"flow-{number}"}
    for number, line in enumerate((FIXTURES / "compact.jsonl").read_text(encoding="utf-8").splitlines())
] + RECORDED["extra"]


@pytest.mark.parametrize("case", RECORDED["cases"], ids=lambda case: json.dumps(case["options"]))
def test_the_flows_are_those_that_the_command_finds_in_the_same_file(case: dict[str, Any]) -> None:
    options = case["options"]
    matches = Matcher(build_filters(options), build_filters(options.get("exclude") or {}))
    assert [flow["uuid"] for flow in FLOWS if matches(flow)] == case["uuids"]


def test_dns_queries_are_regular_expressions() -> None:
    flow = {"l7": {"dns": {"query": "web.shop.svc."}}}
    assert Matcher(build_filters({"dns_query": [r"^web\."]}))(flow)
    assert not Matcher(build_filters({"dns_query": ["^shop"]}))(flow)
    assert not Matcher(build_filters({"dns_query": ["."]}))({})


def test_without_filters_every_flow_is_wanted() -> None:
    assert Matcher(())({})


def test_an_expression_for_hubble_is_refused_here() -> None:
    with pytest.raises(Unsupported, match="cel_expression"):
        Matcher(build_filters({"cel_expression": ["true"]}))


def test_what_an_application_sent_in_no_form_at_all_matches_nothing() -> None:
    assert not Matcher(build_filters({"http_path": ["/"]}))({"l7": {"http": {"url": "http://[x/"}}})
    assert not Matcher(build_filters({"from_ip": ["10.0.0.0/8"]}))({"IP": {"source": "garbage"}})


@pytest.mark.parametrize("text", ["a=b=c", "a in b", "(a)", "a,,b", "=b"])
def test_what_is_no_selector_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="is not a label selector"):
        selector_of(text)
    # Before Hubble is asked, which would name neither the option nor the value.
    with pytest.raises(InvalidInput) as told:
        build_filters({"from_label": [text]}, "exclude.")
    assert (told.value.option, told.value.code, bool(told.value.remedy)) == (
        "exclude.from_label",
        "InvalidFilter",
        True,
    )
