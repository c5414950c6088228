# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whatever a file holds, it is read or refused with the option, the line and what to do; never with a traceback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError, InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.model import Evidence
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import OBSERVED
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.files import observed, read_text, write_text
from hardening_flows import CART, WEB, both, flow, outside

GOOD = both(WEB, CART)


def seen(folder: Path, *lines: object, **options: Any) -> Evidence:
    path = folder / "flows.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    defaults = {name: option.get("default") for name, option in OBSERVED.options.items()}
    return observed({**defaults, "flows": str(path), **options})


def spoiled(**fields: Any) -> dict[str, Any]:
    return {"flow": {**GOOD[0]["flow"], **fields}}


@pytest.mark.parametrize(
    "line",
    [
        '{"flow":',
        "[1]",
        "[" * 100_000,
        {"flow": [1]},
        {"flow": "x"},
        {"lost_events": "x"},
        {"node_status": 3},
        spoiled(source=[1]),
        spoiled(source={**GOOD[0]["flow"]["source"], "labels": 5, "pod_name": "other"}),
        spoiled(source={**GOOD[0]["flow"]["source"], "workloads": [5], "pod_name": "other"}),
        spoiled(source={"identity": "x"}),
        spoiled(l4="TCP"),
        spoiled(l4={"TCP": {"destination_port": "80"}}),
        spoiled(event_type=5),
        spoiled(verdict=[1]),
        spoiled(time="yesterday"),
        spoiled(time=5),
        spoiled(node_name="\ud800"),
    ],
    ids=str,
)
def test_a_line_that_is_no_flow_is_named(tmp_path: Path, line: object) -> None:
    with pytest.raises(InvalidInput) as raised:
        seen(tmp_path, GOOD[0], line)
    assert (raised.value.code, raised.value.option) == ("InvalidFlows", "flows")
    assert "line 2" in raised.value.message


def test_characters_that_are_written_in_two_halves_are_read(tmp_path: Path) -> None:
    assert "\\ud83d" in json.dumps(spoiled(node_name="node-\U0001f600"))
    only = next(iter(seen(tmp_path, spoiled(node_name="node-\U0001f600")).edges.values()))
    assert only.nodes == {"node-\U0001f600"}


def test_flows_of_which_none_counts_say_why(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as raised:
        seen(tmp_path, flow(WEB, CART, event=4, is_reply=None), flow(WEB, CART, event=4, is_reply=True))
    assert raised.value.code == "NoFlows"
    assert "2 were left aside: reply 1, unknown-direction 1" in raised.value.message


@pytest.mark.parametrize("text", ["not an address", "", "999.1.1.1"])
def test_an_address_that_is_none_is_any_address(tmp_path: Path, text: str) -> None:
    known = seen(tmp_path, flow(WEB, outside(text), 443))
    assert [edge.destination.address for edge in known.edges] == [""]


def test_the_resolver_may_be_named_beside_a_file_of_flows(tmp_path: Path) -> None:
    assert seen(tmp_path, *GOOD).platform == {}
    assert seen(tmp_path, *GOOD, dns={"namespace": "dns"}).platform == {"dns": {"namespace": "dns"}}


def test_a_file_is_replaced_as_a_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "new" / "file.txt"
    write_text(str(path), "one\n", "dest")
    write_text(str(path), "two\n", "dest")
    assert read_text(str(path), "dest") == "two\n"
    assert [one.name for one in path.parent.iterdir()] == ["file.txt"]


def test_a_directory_in_place_of_a_file_is_refused_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    (tmp_path / "file.txt").mkdir()
    with pytest.raises(CollectionError) as raised:
        write_text(str(tmp_path / "file.txt"), "one\n", "dest")
    assert (raised.value.code, raised.value.option) == ("UnwritableFile", "dest")
    assert [one.name for one in tmp_path.iterdir()] == ["file.txt"]
    with pytest.raises(InvalidInput, match="dest="):
        read_text(str(tmp_path / "file.txt"), "dest")
