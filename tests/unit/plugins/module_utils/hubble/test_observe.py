# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observe import observe, plan_of, request_of

NOW = 1_796_000_000.0


def request(**options: Any) -> Any:
    return request_of({"limit": 1000, "request_timeout": 30, **options}, NOW)


def test_without_times_the_last_hundred_are_wanted() -> None:
    wanted = request()
    assert (wanted.number, wanted.keep, wanted.since, wanted.per_node) == (100, 100, None, 100)


def test_last_is_exact_after_merging_the_nodes() -> None:
    wanted = request(last=7)
    assert (wanted.number, wanted.keep) == (7, 7)
    assert (request(last=7, since="5m").keep, request(last=7, since="5m").per_node) == (7, 2**64 - 1)


def test_the_limit_holds_for_everything() -> None:
    assert request(since="5m").keep == 1000
    assert request(last=5000).keep == 1000
    assert request(limit=10).number == 10


def test_following_wants_nothing_of_before() -> None:
    wanted = request(follow_for=10)
    assert (wanted.follow_s, wanted.number, wanted.keep) == (10.0, 0, 1000)
    assert request(follow_for=10, last=3).number == 3


@pytest.mark.parametrize(
    ("options", "option"),
    [
        ({"limit": 0}, "limit"),
        ({"last": 0}, "last"),
        ({"last": 100_001}, "last"),
        ({"follow_for": 3601}, "follow_for"),
        ({"since": "yesterday"}, "since"),
        ({"since": "1m", "until": "2m"}, "until"),
        ({"exclude": {"port": ["x"]}}, "exclude.port"),
        ({"stop_when": {"port": ["x"]}}, "stop_when.port"),
        ({"until_count": 0}, "until_count"),
        ({"follow_for": 0}, "follow_for"),
    ],
    ids=str,
)
def test_a_wrong_option_is_named(options: dict[str, Any], option: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        plan_of({"limit": 1000, "request_timeout": 30, **options}, NOW)
    assert caught.value.option == option


class Reader:
    """Answers each question with the same responses."""

    source = "relay"

    def __init__(self, responses: list[dict[str, Any]]) -> None:
        self.responses = responses

    def stream(self, request: Any) -> Iterator[dict[str, Any]]:
        return iter(self.responses)


class Origin:
    def __init__(self, responses: list[dict[str, Any]]) -> None:
        self.reader = Reader(responses)

    @contextlib.contextmanager
    def opened(self) -> Iterator[Any]:
        yield self.reader

    connect = opened


def responses(number: int) -> list[dict[str, Any]]:
    drop = {"verdict": "DROPPED", "drop_reason_desc": "POLICY_DENIED", "event_type": {"type": 1}}
    flows = [drop, *({"verdict": "FORWARDED"} for _one in range(number - 1))]
    return [
        {"flow": {**flow, "time": f"2026-11-30T18:00:{second:02d}Z", "uuid": str(second)}}
        for second, flow in enumerate(flows)
    ]


def values(number: int, *, writes: bool = True, **options: Any) -> dict[str, Any]:
    plan = plan_of({"limit": 1000, "request_timeout": 30, **options}, NOW)
    return observe(plan, None if plan.src else Origin(responses(number)), writes=writes)


def test_the_values_count_what_is_returned() -> None:
    found = values(3)
    assert found["summary"] == {
        "flows": 3,
        "verdicts": {"DROPPED": 1, "FORWARDED": 2},
        "drop_reasons": {"POLICY_DENIED": 1},
    }
    assert (found["complete"], found["truncated"], found["lost_events"], found["source"]) == (True, False, 0, "relay")
    assert len(found["flows"]) == len(found["lines"]) == 3
    assert not {"edges", "written", "ended_by"} & set(found)


def test_only_the_limit_truncates() -> None:
    for options, truncated in (({"last": 2}, False), ({"since": "1m", "limit": 2}, True), ({"limit": 2}, False)):
        found = values(5, **options)
        assert (found["truncated"], len(found["flows"])) == (truncated, 2)


def test_lines_have_node_and_policies_on_request() -> None:
    assert "[" not in values(1)["lines"][0]
    assert " []: " in values(1, print_node_name=True)["lines"][0]


def test_summarised_flows_are_edges_and_nothing_else_however_many() -> None:
    found = values(60, summarise=True, since="1h", limit=1)
    assert not {"flows", "lines"} & set(found)
    assert (found["summary"]["flows"], found["truncated"]) == (60, False)
    assert [edge["flows"] for edge in found["edges"]] == [60]
    # The newest of all nodes, not of each.
    assert values(60, summarise=True, last=7)["edges"][0]["flows"] == 7


@pytest.mark.parametrize("name", ["flows.jsonl", "flows.jsonl.gz"])
def test_what_was_written_can_be_read_again_with_filters(tmp_path: Path, name: str) -> None:
    path = str(tmp_path / name)
    written = values(5, since="1h", dest=path)
    assert (written["written"], written["summary"]["flows"]) == (path, 5)
    assert "flows" not in written
    assert Path(path).stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [Path(path)]
    again = values(0, src=path)
    assert (again["source"], again["complete"]) == ("file", True)
    assert again["flows"] == [response["flow"] for response in responses(5)]
    assert [flow["uuid"] for flow in values(0, src=path, verdict=["DROPPED"])["flows"]] == ["0"]
    assert [flow["uuid"] for flow in values(0, src=path, exclude={"verdict": ["DROPPED"]}, last=1)["flows"]] == ["4"]
    between = {"since": "2026-11-30T18:00:01Z", "until": "2026-11-30T18:00:02.5Z"}
    assert [flow["uuid"] for flow in values(0, src=path, **between)["flows"]] == ["1", "2"]


def test_lines_of_the_command_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / "flows.txt"
    values(2, since="1h", dest=str(path), dest_format="compact")
    assert path.read_text(encoding="utf-8").splitlines() == values(2)["lines"]


def test_check_mode_writes_no_file(tmp_path: Path) -> None:
    assert values(2, since="1h", dest=str(tmp_path / "f"), writes=False)["summary"]["flows"] == 2
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_text("old", encoding="utf-8")
    plan = plan_of({"limit": 1, "request_timeout": 30, "since": "1h", "dest": str(path)}, NOW)
    status = {"state_change": "NODE_ERROR", "node_names": ["n1"], "message": "full"}
    with pytest.raises(OperationFailed, match="full"):
        observe(plan, Origin([{"node_status": status}]))
    assert path.read_text(encoding="utf-8") == "old"
    assert list(tmp_path.iterdir()) == [path]
    with pytest.raises(OperationFailed, match=r"dest=.*cannot be written"):
        values(1, since="1h", dest=str(tmp_path / "absent" / "f"))


@pytest.mark.parametrize("writes", [True, False])
def test_a_file_that_cannot_be_written_is_told_before_anything_is_read(tmp_path: Path, writes: bool) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "file").write_text("", encoding="utf-8")
    for name, why in (
        (".", "is a directory"),
        ("pipe", "no ordinary file"),
        ("absent/f", "no directory"),
        ("file/f", "no directory"),
    ):
        plan = plan_of({"limit": 1, "request_timeout": 30, "since": "1h", "dest": str(tmp_path / name)}, NOW)
        with pytest.raises(OperationFailed, match=f"dest=.*{why}") as told:
            observe(plan, None, writes=writes)
        assert (told.value.option, told.value.code, bool(told.value.remedy)) == ("dest", "FileUnwritable", True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "pipe"]


@pytest.mark.parametrize("name", ["flows.jsonl", "flows.jsonl.gz"])
def test_only_other_flows_replace_a_file_and_check_mode_knows(tmp_path: Path, name: str) -> None:
    src, dest = str(tmp_path / "src"), tmp_path / name

    def replaced(**options: Any) -> bool:
        return bool(values(0, src=src, dest=str(dest), **options)["replaced"])

    values(5, since="1h", dest=src)
    assert replaced(writes=False)
    assert not dest.exists()
    assert replaced()
    first = dest.stat()
    assert not replaced(writes=False)
    assert not replaced()
    assert (dest.stat().st_ino, dest.stat().st_mtime_ns) == (first.st_ino, first.st_mtime_ns)
    for options in ({"last": 2}, {"verdict": ["FORWARDED"]}):
        assert replaced(writes=False, **options)
    assert dest.stat().st_ino == first.st_ino
    assert replaced(last=2)
    # All of the old file comes, and more.
    assert replaced(writes=False)
    assert sorted(path.name for path in tmp_path.iterdir()) == [name, "src"]


def test_a_file_is_not_read_and_replaced_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidInput, match="same file") as told:
        values(0, src=str(tmp_path / "f"), dest=str(tmp_path / "folder" / ".." / "f"))
    assert (told.value.option, told.value.code) == ("dest", "SameFile")


def test_bad_lines_of_a_file_make_the_answer_incomplete(tmp_path: Path) -> None:
    path = tmp_path / "flows"
    path.write_text(json.dumps(responses(1)[0]) + "\nnothing\n", encoding="utf-8")
    found = values(0, src=str(path))
    assert (found["complete"], len(found["flows"])) == (False, 1)
    assert found["incomplete_because"][0].startswith("Line 2 of")
