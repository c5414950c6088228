# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The module flow_report as Ansible runs it: arguments in, JSON out, files written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.modules import flow_report
from fakes import FakeKube
from module_args import patch_module_args
from report_flows import shop_flows


@pytest.fixture
def flows(tmp_path: Path) -> Path:
    path = tmp_path / "flows.jsonl"
    path.write_text("\n".join(json.dumps({"flow": one}) for one in shop_flows(hardened=True)), encoding="utf-8")
    return path


def run(capsys: pytest.CaptureFixture[str], **arguments: Any) -> Json:
    with patch_module_args(arguments), pytest.raises(SystemExit):
        flow_report.main()
    found: Json = json.loads(capsys.readouterr().out)
    return found


def test_a_file_of_flows_needs_no_cluster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, flows: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(flow_report, "connect", lambda *words, **more: pytest.fail("a cluster was asked"))
    arguments = {"flows_path": str(flows), "html": str(tmp_path / "a.html"), "json": str(tmp_path / "a.json")}
    first = run(capsys, **arguments)
    assert first["changed"] is True
    assert first["summary"]["outcomes"]["denied"] == 2
    assert len(first["drops"]) == 2
    assert "not known: Hubble names none" in first["drops"][0]
    page = (tmp_path / "a.html").read_bytes()
    second = run(capsys, **arguments)
    assert second["changed"] is False
    assert (tmp_path / "a.html").read_bytes() == page
    compared = run(capsys, **{**arguments, "json": None, "before": str(tmp_path / "a.json")})
    assert compared["lines"][-1] == "0 changes since 2026-11-30T18:01:03.123456789Z"


def test_without_a_file_the_result_alone_tells_it(capsys: pytest.CaptureFixture[str], flows: Path) -> None:
    found = run(capsys, flows_path=str(flows))
    assert (found["changed"], found["files"], found["summary"]["outcomes"]["denied"]) == (False, [], 2)


def test_check_mode_writes_nothing(capsys: pytest.CaptureFixture[str], flows: Path, tmp_path: Path) -> None:
    found = run(
        capsys, flows_path=str(flows), html=str(tmp_path / "a.html"), _ansible_check_mode=True, _ansible_diff=True
    )
    assert found["changed"] is True
    assert list(found["diff"]["before"].values()) == ["absent"]
    assert not (tmp_path / "a.html").exists()


def test_flows_pods_and_policies_of_a_cluster(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    class Reader:
        source = "relay"

        def stream(self, request: object) -> Iterator[Json]:
            yield from ({"flow": one} for one in shop_flows(hardened=True))

    class Origin:
        @contextmanager
        def opened(self) -> Iterator[Reader]:
            yield Reader()

    spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "uid": name}} for name in ("shop",)]
    monkeypatch.setattr(flow_report, "connect", lambda *words, **more: FakeKube().add(*spaces))
    monkeypatch.setattr(flow_report, "origin_of", lambda *words: Origin())
    found = run(capsys, namespaces=["shop"], html=str(tmp_path / "a.html"))
    assert found["changed"] is True
    assert found["lines"][2] == "ingress: 0 of 0 pods deny by default"
    missing = run(capsys, namespaces=["shpo"], html=str(tmp_path / "b.html"))
    assert missing["failure"]["code"] == "NamespaceNotFound"
    assert not (tmp_path / "b.html").exists()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"html": "a", "flows_path": "b", "last": 5}, "flows_path|last"),
        ({"html": "a", "relay_address": "nowhere"}, "relay_address=nowhere"),
        ({"html": "a", "last": 0}, "last=0"),
        ({"html": "a", "since": "soon"}, "since=soon"),
        ({"html": "a", "before": "/nowhere/a.json"}, "before='/nowhere/a.json'"),
        ({"html": "a", "before": {"schema": "other"}}, "before is no report of flows"),
        ({"html": "a", "flows_path": "/nowhere/flows"}, "flows_path=/nowhere/flows"),
        ({"html": "/", "since": "5m"}, "html='/'|it is a directory"),
        ({"html": "/", "since": "5m", "_ansible_check_mode": True}, "html='/'|it is a directory"),
        ({"html": "a", "json": "./a"}, "html and json are the same file"),
        ({"html": "a", "since": "99999999999999d"}, "since=99999999999999d"),
    ],
)
def test_bad_input_fails_before_anything_is_asked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, arguments: Json, named: str
) -> None:
    monkeypatch.setattr(flow_report, "connect", lambda *words, **more: pytest.fail("a cluster was asked"))
    found = run(capsys, **arguments)
    assert found["failed"] is True
    assert all(part in found["msg"] for part in named.split("|"))
