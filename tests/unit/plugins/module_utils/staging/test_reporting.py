# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The report's files: written once, kept while they say the same, whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.report import build_report
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.reporting import write_report


def made(created_s: float = 1796075700.0, **changes: Any) -> Json:
    given: dict[str, Any] = {"title": "Shop", "cluster": "uid-1", "namespaces": ["shop"], "created_s": created_s}
    return build_report(**{**given, **changes})


def write(folder: Path, report: Json, *, check_mode: bool = False) -> Result:
    paths = {name: str(folder / "reports" / f"shop.{name}") for name in ("html", "markdown", "json")}
    return write_report(report, paths, check_mode=check_mode)


def test_all_formats_are_written_and_the_data_can_be_read(tmp_path: Path) -> None:
    result = write(tmp_path, made())
    assert result.changed
    assert json.loads((tmp_path / "reports" / "shop.json").read_text())["digest"] == result.values["digest"]
    assert (tmp_path / "reports" / "shop.html").read_text().startswith("<!DOCTYPE html>")
    assert [path.name for path in (tmp_path / "reports").iterdir() if path.name.startswith(".")] == []


def test_a_later_run_that_found_the_same_writes_nothing(tmp_path: Path) -> None:
    write(tmp_path, made())
    before = (tmp_path / "reports" / "shop.html").read_text()
    assert not write(tmp_path, made(created_s=1796079999.0)).changed
    assert (tmp_path / "reports" / "shop.html").read_text() == before


def test_a_run_that_found_something_else_writes_all(tmp_path: Path) -> None:
    write(tmp_path, made())
    result = write(tmp_path, made(namespaces=["shop", "bank"]))
    assert [file["changed"] for file in result.values["files"]] == [True, True, True]


def test_a_format_that_was_removed_comes_back_as_it_was(tmp_path: Path) -> None:
    write(tmp_path, made())
    page = tmp_path / "reports" / "shop.html"
    before = page.read_text()
    page.unlink()
    result = write(tmp_path, made(created_s=1796079999.0))
    assert [file["format"] for file in result.values["files"] if file["changed"]] == ["html"]
    assert page.read_text() == before


def test_check_mode_writes_nothing(tmp_path: Path) -> None:
    assert write(tmp_path, made(), check_mode=True).changed
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_report_is_replaced(tmp_path: Path) -> None:
    write(tmp_path, made())
    (tmp_path / "reports" / "shop.json").write_text('{"digest": ')
    assert write(tmp_path, made()).changed


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file")
    with pytest.raises(InvalidInput) as raised:
        write(tmp_path, made())
    assert raised.value.code == "UnwritableFile"
    assert "shop.json" in raised.value.message
