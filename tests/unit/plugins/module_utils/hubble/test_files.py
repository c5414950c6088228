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
    with pytest.raises(NotFound, match=r"src=.*there is no such file"):
        list(FlowFile(tmp_path / "absent"))
    with pytest.raises(InvalidInput, match="is no file of flows: Line 1"):
        list(FlowFile(written(tmp_path / "f", ["apiVersion: v1"])))
    with pytest.raises(OperationFailed, match="cannot be read"):
        list(FlowFile(tmp_path))


def test_an_empty_file_has_no_flows(tmp_path: Path) -> None:
    assert list(read_flows(written(tmp_path / "f", []))) == []
