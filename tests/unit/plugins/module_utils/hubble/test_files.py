# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    InvalidInput,
    NotFound,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.files import FlowFile, read_flows

FLOW = {"verdict": "FORWARDED", "uuid": "a"}
LINES = [
    json.dumps({"flow": FLOW, "node_name": "n1"}),
    "",
    json.dumps({"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": "3"}}),
    json.dumps({"verdict": "DROPPED", "node_name": "n2"}),
]


def written(path: Path, lines: list[str]) -> Path:
    data = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.parametrize("name", ["flows.jsonl", "flows.jsonl.gz"])
def test_responses_and_bare_flows_are_read_compressed_or_not(tmp_path: Path, name: str) -> None:
    file = FlowFile(written(tmp_path / name, LINES))
    responses = list(file)
    assert [next(iter(response)) for response in responses] == ["flow", "lost_events", "flow"]
    assert (file.good, file.bad, file.problems) == (3, 0, [])
    assert list(read_flows(file.path)) == [FLOW, {"verdict": "DROPPED", "node_name": "n2"}]


def test_bad_lines_are_told_with_their_number_and_left_out(tmp_path: Path) -> None:
    path = written(tmp_path / "f", [LINES[0], "{oops", '["a"]', '{"kind": "Pod"}', LINES[0]])
    problems: list[str] = []
    assert len(list(read_flows(path, problems))) == 2
    assert [problem.split(":")[0] for problem in problems] == [f"Line {number} of {path}" for number in (2, 3, 4)]
    assert "is not JSON" in problems[0]
    with pytest.raises(InvalidInput, match=r"Line 2 of .*is not JSON"):
        list(read_flows(path))


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"flow": 5}', "flow"),
        ('{"flow": null}', "flow"),
        ('{"lost_events": [1]}', "lost_events"),
        ('{"lost_events": {"num_events_lost": "many"}}', "lost_events.num_events_lost"),
        ('{"node_status": {"node_names": [1]}}', "node_status.node_names"),
        ('{"flow": {}, "node_name": 5}', "node_name"),
        ('{"flow": {"time": "garbage"}}', "flow.time"),
        ('{"flow": {"time": "2026-02-30T00:00:00Z"}}', "flow.time"),
        ('{"flow": {"time": "0000-01-01T00:00:00Z"}}', "flow.time"),
        ('{"time": "garbage"}', "flow.time"),
        ('{"flow": {"source": "x"}}', "flow.source"),
        ('{"flow": {"source": {"namespace": null}}}', "flow.source.namespace"),
        ('{"flow": {"destination": {"identity": "2"}}}', "flow.destination.identity"),
        ('{"flow": {"destination": {"workloads": ["web"]}}}', "flow.destination.workloads"),
        ('{"flow": {"destination": {"workloads": [{"name": 1}]}}}', "flow.destination.workloads.name"),
        ('{"flow": {"source_names": [null]}}', "flow.source_names"),
        ('{"flow": {"IP": []}}', "flow.IP"),
        ('{"flow": {"l4": {"TCP": 5}}}', "flow.l4.TCP"),
        ('{"flow": {"l4": {"NEW": 5}}}', "flow.l4.NEW"),
        ('{"flow": {"l4": {"UDP": {"source_port": "x"}}}}', "flow.l4.UDP.source_port"),
        ('{"flow": {"l7": {"http": {"headers": [[]]}}}}', "flow.l7.http.headers"),
        ('{"flow": {"event_type": 7}}', "flow.event_type"),
        ('{"flow": {"verdict": []}}', "flow.verdict"),
        ('{"flow": {"is_reply": "yes"}}', "flow.is_reply"),
        ('{"flow": {"Summary": {}}}', "flow.Summary"),
        ('{"flow": {"ip_trace_id": {"trace_id": "-"}}}', "flow.ip_trace_id.trace_id"),
        ('{"flow": {"ingress_denied_by": [{"labels": "x"}]}}', "flow.ingress_denied_by.labels"),
        ('{"flow": {"Summary": "\\ud800"}}', ""),
        ("[" * 100_000, ""),
    ],
)
def test_a_line_of_a_wrong_form_is_told_and_left_out(tmp_path: Path, text: str, where: str) -> None:
    file = FlowFile(written(tmp_path / "f", [LINES[0], text, LINES[0]]))
    assert len(list(file)) == 2
    (problem,) = file.problems
    assert problem.startswith(f"Line 2 of {file.path}: ")
    assert problem.endswith(f"with a wrong value in {where}." if where else ").")


@pytest.mark.parametrize(
    "flow",
    [
        {"time": "2026-01-31T23:59:59.5Z", "is_reply": None, "source": None, "l4": None, "event_type": None},
        {"time": "2026-01-01T00:00:00+01:00", "traffic_direction": 9, "verdict": 77, "source_names": None},
        {"l4": {"NEW": {"source_port": 1}}, "from_the_future": [{}], "IP": {"source": "what?"}},
        {"Summary": "\U0001f600 \ud55c", "socket_cookie": "18446744073709551615", "event_type": {"sub_type": -99}},
    ],
    ids=str,
)
def test_odd_but_good_lines_are_read(tmp_path: Path, flow: dict[str, object]) -> None:
    lines = [json.dumps({"flow": flow}), json.dumps({"flow": flow}, ensure_ascii=False)]
    assert list(read_flows(written(tmp_path / "f", lines))) == [flow, flow]


def test_many_bad_lines_are_counted(tmp_path: Path) -> None:
    file = FlowFile(written(tmp_path / "f", [LINES[0], *["x"] * 50]))
    assert len(list(file)) == 1
    assert (file.bad, len(file.problems)) == (50, 21)
    assert file.problems[-1].startswith("30 more lines")


def test_a_recording_that_was_cut_off_keeps_what_came_before(tmp_path: Path) -> None:
    path = tmp_path / "f.gz"
    path.write_bytes(gzip.compress("\n".join([LINES[0]] * 5000).encode())[:-40])
    file = FlowFile(path)
    assert len(list(file)) > 0
    assert "damaged" in file.problems[-1]


def test_what_is_no_file_of_flows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"src=.*there is no such file") as absent:
        list(FlowFile(tmp_path / "absent"))
    with pytest.raises(InvalidInput, match="is no file of flows: Line 1"):
        list(FlowFile(written(tmp_path / "f", ["apiVersion: v1"])))
    with pytest.raises(OperationFailed, match="cannot be read") as unreadable:
        list(FlowFile(tmp_path, "flows_path"))
    assert absent.value.remedy
    assert (unreadable.value.option, bool(unreadable.value.remedy)) == ("flows_path", True)


def test_an_empty_file_has_no_flows(tmp_path: Path) -> None:
    assert list(read_flows(written(tmp_path / "f", []))) == []
