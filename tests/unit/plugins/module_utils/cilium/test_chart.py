# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium import chart
from cilium_documents import chart_archive, chart_directory


@pytest.mark.parametrize(
    ("version", "minor"), [("1.20.2", (1, 20)), ("v1.19.0-pre.1", (1, 19)), ("main", (0, 0)), ("", (0, 0))]
)
def test_minor_of_a_version(version: str, minor: tuple[int, int]) -> None:
    assert chart.minor_of(version) == minor


def test_reads_directory_and_archive_alike(tmp_path: Path) -> None:
    directory, archive = chart_directory(tmp_path), chart_archive(tmp_path)
    from_directory, from_archive = chart.read_local(directory), chart.read_local(archive)
    assert from_directory.version == from_archive.version == chart.read_local_version(archive) == "1.20.2"
    assert from_directory.default_values == from_archive.default_values
    assert from_directory.values_schema is not None
    assert from_archive.values_schema is None
    assert "iptablesLockTimeout" in from_directory.commented


def test_refuses_what_is_no_cilium_chart(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput) as other:
        chart.read_local(chart_directory(tmp_path, name="nginx"))
    assert other.value.code == "WrongChart"
    empty = tmp_path / "empty"
    empty.mkdir()
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"not an archive")
    for path in (empty, broken):
        with pytest.raises(InvalidInput) as caught:
            chart.read_local(str(path))
        assert caught.value.code == "InvalidChart"


def stored(**changes: Any) -> dict[str, Any]:
    """The chart in a release record."""
    schema = base64.b64encode(json.dumps({"properties": {"debug": {}}}).encode()).decode()
    return {"metadata": {"name": "cilium", "version": "1.20.2"}, "values": {"debug": {}}, "schema": schema, **changes}


def test_a_release_record_holds_its_chart() -> None:
    found = chart.chart_of_record(stored())
    assert (found.name, found.version, found.minor) == ("cilium", "1.20.2", (1, 20))
    assert found.default_values == {"debug": {}}
    assert found.values_schema == {"properties": {"debug": {}}}
    assert found.commented == frozenset()


@pytest.mark.parametrize("schema", [None, "", "!", base64.b64encode(b"[]").decode(), base64.b64encode(b"x").decode()])
def test_a_record_without_a_readable_schema_has_none(schema: object) -> None:
    assert chart.chart_of_record(stored(schema=schema)).values_schema is None
    assert chart.chart_of_record({}).version == ""
