# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What a report of flows is made of, and its files: read from Hubble or a file, written only where they change."""

from __future__ import annotations

import gzip
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, InvalidInput, NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.flowreport.document import build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.observation import ALL, FlowRequest
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging import flowreporting
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.flowreporting import (
    check_paths,
    earlier_report,
    flows_of_file,
    flows_of_reader,
    request_of,
    with_coverage,
    write_flow_report,
)
from fakes import FakeKube
from report_flows import denied, pod, shop_flows, shop_report

PARAMS: Json = {"last": None, "since": None, "until": None, "namespaces": [], "request_timeout": 30}


class Reader:
    """Gives some responses, and remembers what it was asked."""

    source = "relay"

    def __init__(self, *responses: Json) -> None:
        self.responses, self.asked = responses, list[FlowRequest]()

    def stream(self, request: FlowRequest) -> Iterator[Json]:
        self.asked.append(request)
        yield from self.responses


def responses() -> list[Json]:
    return [{"flow": one, "node_name": "n1"} for one in shop_flows(hardened=True)]


def document(kind: str, name: str, namespace: str = "", **fields: Any) -> Json:
    metadata = {"name": name, "uid": name, **({"namespace": namespace} if namespace else {})}
    version = "cilium.io/v2" if kind.startswith("Cilium") else "v1"
    return {"apiVersion": version, "kind": kind, "metadata": metadata, **fields}


def cluster() -> FakeKube:
    web = document("Pod", "web-1", "shop", spec={}, status={"phase": "Running"})
    web["metadata"]["labels"] = {"app": "web"}
    deny = {"endpointSelector": {}, "ingress": [{}]}
    return FakeKube().add(
        document("Namespace", "shop"),
        document("Namespace", "other"),
        document("CiliumNetworkPolicy", "closed", "shop", spec=deny),
        document("CiliumEndpoint", "web-1", "shop"),
        web,
    )


def test_all_that_hubble_has_is_asked_for_unless_a_time_or_a_number_is_given() -> None:
    assert request_of(PARAMS, 0).number == ALL
    assert request_of({**PARAMS, "last": 7}, 0).number == 7
    assert request_of({**PARAMS, "since": "10s"}, 1000).since == (990, 0)
    asked = request_of({**PARAMS, "namespaces": ["shop"]}, 0)
    assert asked.allow == ({"source_pod": ["shop/"]}, {"destination_pod": ["shop/"]})


@pytest.mark.parametrize(
    ("change", "option"),
    [({"last": 0}, "last"), ({"since": "soon"}, "since"), ({"since": "1s", "until": "5s"}, "until")],
)
def test_times_and_numbers_that_mean_nothing_are_refused(change: Json, option: str) -> None:
    with pytest.raises(InvalidInput) as told:
        request_of({**PARAMS, **change}, 1000)
    assert told.value.option == option


def test_flows_of_hubble_become_edges_and_what_is_missing_is_told() -> None:
    lost = {"lost_events": {"source": "HUBBLE_RING_BUFFER", "num_events_lost": 3}}
    gone = {"node_status": {"state_change": "NODE_UNAVAILABLE", "node_names": ["n2"], "message": "no answer"}}
    seen = flows_of_reader(Reader(*responses(), lost, gone), request_of(PARAMS, 0))
    assert (seen.flows, seen.source, seen.lost_events, len(seen.edges)) == (69, "relay", 3, 10)
    assert any("HUBBLE_RING_BUFFER" in problem for problem in seen.problems)
    assert any("n2" in problem for problem in seen.problems)


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_gives_the_same_edges_as_hubble(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "flows.jsonl"
    text = "\n".join(json.dumps(one) for one in responses()).encode()
    path.write_bytes(gzip.compress(text) if compressed else text)
    assert (
        flows_of_file(str(path), request_of(PARAMS, 0)).edges
        == flows_of_reader(Reader(*responses()), request_of(PARAMS, 0)).edges
    )


def test_bad_lines_of_a_file_are_told_and_a_file_of_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "flows.jsonl"
    path.write_text(json.dumps(responses()[0]) + "\n{cut", encoding="utf-8")
    assert any("Line 2" in problem for problem in flows_of_file(str(path), request_of(PARAMS, 0)).problems)
    path.write_text("no flows\n", encoding="utf-8")
    with pytest.raises(InvalidInput, match="flows_path"):
        flows_of_file(str(path), request_of(PARAMS, 0))
    with pytest.raises(NotFound, match="flows_path"):
        flows_of_file(str(tmp_path / "absent"), request_of(PARAMS, 0))


def test_coverage_names_the_policies_behind_a_refusal_in_another_namespace_too() -> None:
    seen = flows_of_reader(
        Reader(*({"flow": one} for one in denied(pod("other/x"), pod("shop/web-1", "")))), request_of(PARAMS, 0)
    )
    found = with_coverage(seen, cluster(), ["other"], "kube-system")
    report = build_report(found, title="t", namespaces=["other"])
    assert report["coverage"]["workloads"] == []
    assert found.other_coverage[0]["ingress_by"] == ["CiliumNetworkPolicy shop/closed"]


def test_coverage_that_may_not_be_read_is_a_note(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*words: object) -> None:
        raise AuthFailed("pods is forbidden", code="Forbidden")

    monkeypatch.setattr(flowreporting, "read_coverage", refused)
    found = with_coverage(flows_of_reader(Reader(), request_of(PARAMS, 0)), cluster(), [], "kube-system")
    assert found.coverage is None
    assert "pods is forbidden" in found.notes[0]


def paths(folder: Path) -> dict[str, str | None]:
    return {"html": str(folder / "new" / "a.html"), "json": str(folder / "a.json"), "markdown": str(folder / "a.md")}


def test_files_are_written_once_and_for_all_to_read(tmp_path: Path) -> None:
    first = write_flow_report(shop_report(), paths(tmp_path), check_mode=False)
    assert first.changed
    assert [file["changed"] for file in first.values["files"]] == [True, True, True]
    assert stat.S_IMODE((tmp_path / "a.json").stat().st_mode) == 0o644
    assert json.loads((tmp_path / "a.json").read_text(encoding="utf-8")) == shop_report()
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    second = write_flow_report(shop_report(), paths(tmp_path), check_mode=False)
    assert not second.changed
    assert second.before == second.after
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == before


def test_only_what_differs_is_written(tmp_path: Path) -> None:
    write_flow_report(shop_report(), paths(tmp_path), check_mode=False)
    (tmp_path / "a.md").write_text("edited", encoding="utf-8")
    again = write_flow_report(shop_report(), paths(tmp_path), check_mode=False)
    assert {file["format"]: file["changed"] for file in again.values["files"]} == {
        "html": False,
        "json": False,
        "markdown": True,
    }


def test_check_mode_writes_nothing_and_tells_what_it_would(tmp_path: Path) -> None:
    found = write_flow_report(shop_report(), paths(tmp_path), check_mode=True)
    assert found.changed
    assert set((found.before or {}).values()) == {"absent"}
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidInput) as told:
        write_flow_report(
            shop_report(), {"html": str(tmp_path / "file" / "a"), "json": None, "markdown": None}, check_mode=False
        )
    assert (told.value.option, told.value.code) == ("html", "UnwritableFile")


def test_an_earlier_report_is_a_path_or_the_report_itself(tmp_path: Path) -> None:
    assert earlier_report(None) is None
    assert earlier_report("") is None
    assert earlier_report(shop_report()) == shop_report()
    path = tmp_path / "a.json"
    path.write_text(json.dumps(shop_report()), encoding="utf-8")
    assert earlier_report(str(path)) == shop_report()


@pytest.mark.parametrize("text", ["{", "[]"])
def test_an_earlier_report_that_cannot_be_used_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput) as told:
        earlier_report(str(tmp_path / "a.json"))
    assert (told.value.option, told.value.code) == ("before", "InvalidReport")


@pytest.mark.parametrize(
    ("given", "option", "code"),
    [
        ({"html": "folder"}, "html", "UnwritableFile"),
        ({"html": "a.html", "markdown": "file/a.md"}, "markdown", "UnwritableFile"),
        ({"json": "file/new/a.json"}, "json", "UnwritableFile"),
        ({"html": "a", "json": "folder/../a"}, "json", "SameFile"),
        ({"before": "a.json", "json": "a.json"}, "json", "SameFile"),
        ({"before": "a.json", "markdown": "a.json"}, "markdown", "SameFile"),
        ({"flows_path": "flows", "html": "flows"}, "html", "SameFile"),
    ],
    ids=str,
)
def test_a_file_that_could_not_be_written_in_the_end_is_refused_first(
    tmp_path: Path, given: Json, option: str, code: str
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    absent = dict.fromkeys(("html", "json", "markdown", "before", "flows_path"))
    with pytest.raises(InvalidInput) as told:
        check_paths({**absent, **{name: str(tmp_path / path) for name, path in given.items()}})
    assert (told.value.option, told.value.code, bool(told.value.remedy)) == (option, code, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_files_that_can_be_written_pass_without_being_made(tmp_path: Path) -> None:
    names = {"html": "new/deep/a.html", "json": "a.json", "markdown": None, "flows_path": "flows"}
    check_paths({name: path and str(tmp_path / path) for name, path in names.items()} | {"before": shop_report()})
    assert list(tmp_path.iterdir()) == []


def test_results_tell_the_most_frequent_drops_only(tmp_path: Path) -> None:
    flows = [one for number in range(30) for one in denied(pod(f"shop/p{number}"), pod("shop/web"))]
    seen = flows_of_reader(Reader(*({"flow": one} for one in flows)), request_of(PARAMS, 0))
    found = write_flow_report(build_report(seen, title="t"), paths(tmp_path), check_mode=True)
    assert len(found.values["drops"]) == 21
    assert found.values["drops"][-1] == "and 10 more"
