# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.filters import FILTER_OPTIONS, build_filters
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.proto import from_json, to_json

CASES = json.loads((Path(__file__).parents[3] / "fixtures/hubble/filters.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: " ".join(case["arguments"]))
def test_the_filters_are_those_of_the_command(case: dict[str, Any]) -> None:
    ours = [from_json("FlowFilter", one) for one in build_filters(case["options"])]
    assert ours == [from_json("FlowFilter", one) for one in case["filters"]]


@pytest.mark.parametrize(
    "options",
    [
        {"pod": ["a/b"], "from_pod": ["a/b"]},
        {"pod": ["a/b"], "to_ip": ["1.1.1.1"]},
        {"fqdn": ["a"], "from_pod": ["a/b"]},
        {"namespace": ["n"], "from_pod": ["a/b"]},
        {"namespace": ["n"], "from_namespace": ["m"]},
        {"port": ["1"], "to_port": ["2"]},
        {"all_namespaces": True, "namespace": ["n"]},
        {"all_namespaces": True, "from_pod": ["x"]},
        {"all_namespaces": True, "from_all_namespaces": True},
        {"all_namespaces": True, "pod": ["a/b"]},
        {"from_all_namespaces": True, "from_namespace": ["n"]},
        {"from_all_namespaces": True, "from_ip": ["1.1.1.1"]},
        {"all_namespaces": True, "fqdn": ["x"]},
        {"tcp_flags": ["syn,foo"]},
        {"tcp_flags": [""]},
        {"ip_version": ["v5"]},
        {"ip_trace_id": ["x"]},
        {"snat_ip": ["x"]},
        {"interface": [""]},
        {"http_status": ["6+"]},
        {"http_status": ["40"]},
        {"http_header": ["a"]},
        {"http_path": ["("]},
        {"http_method": ["GET"], "type": ["trace"]},
        {"cel_expression": [""]},
        {"from_ip": ["1.1.1.1"], "from_namespace": ["n"]},
        {"label": ["a"], "to_label": ["b"]},
        {"identity": ["world"], "from_identity": ["host"]},
        {"namespace": ["n"], "pod": ["m/x"]},
        {"to_namespace": ["n"], "to_pod": ["m/x"]},
        {"from_fqdn": ["a"], "ip": ["1.1.1.1"]},
        {"namespace": ["n"], "to_service": ["x"]},
        {"pod": ["n/a"], "ip": ["1.1.1.1"]},
        {"workload": ["a"], "to_workload": ["b"]},
        {"fqdn": ["a"], "namespace": ["x"]},
        {"verdict": ["NOPE"]},
        {"type": ["nope"]},
        {"type": ["trace:nope"]},
        {"identity": ["nope"]},
        {"identity": ["4294967296"]},
        {"port": ["http"]},
        {"port": ["0"]},
        {"port": ["65536"]},
        {"protocol": ["carrier-pigeon"]},
        {"namespace": ["a/b"]},
        {"pod": [""]},
        {"pod": ["a/b/c"]},
        {"to_service": ["a/b/c"]},
        {"from_ip": ["1.2.3.400"]},
        {"ip": ["10.0.0.0/80"]},
    ],
    ids=str,
)
def test_what_means_nothing_is_refused_with_the_name_of_the_option(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        build_filters(options, "exclude.")
    assert caught.value.option.removeprefix("exclude.") in options
    assert caught.value.option.startswith("exclude.")


@pytest.mark.parametrize(
    "options", [{"from_namespace": ["n"], "to_pod": ["m/x"]}, {"from_fqdn": ["a"], "to_fqdn": ["b"]}], ids=str
)
def test_two_ends_may_be_named_in_two_ways(options: dict[str, Any]) -> None:
    assert len(build_filters(options)) == 1


def test_no_option_means_no_filter() -> None:
    assert build_filters(dict.fromkeys(FILTER_OPTIONS)) == ()
    assert build_filters({"pod": []}) == ()


NAMES = st.lists(st.from_regex(r"[a-z]{1,5}/[a-z]{0,5}", fullmatch=True), min_size=1, max_size=3)


@given(NAMES, st.sampled_from(["pod", "service"]))
def test_an_option_for_either_end_is_its_from_and_to_options_as_alternatives(names: list[str], kind: str) -> None:
    either = build_filters({kind: names})
    assert [*either] == [*build_filters({f"from_{kind}": names}), *build_filters({f"to_{kind}": names})]


@given(NAMES, NAMES)
def test_a_filter_survives_the_wire(sources: list[str], destinations: list[str]) -> None:
    (one,) = build_filters({"from_pod": sources, "to_pod": destinations, "type": ["trace:to-proxy"], "reply": True})
    assert to_json(from_json("FlowFilter", one)) == one
