# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules which are compiled with edits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.edits import edited_module
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.recipes import Edit
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.releases import OLDER_RELEASES

TOOLSET = replace(OLDER_RELEASES[1].toolset, edits=(Edit("pkg/list.go", '"/proc/modules"', '"/dev/null"'),))


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    for name, text in (
        ("pkg/list.go", 'const path = "/proc/modules"\n'),
        ("test/big.txt", "x"),
        ("go.mod", "module x\n"),
    ):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o444)
    return folder


def test_edit_is_compiled_and_the_cache_of_go_stays_as_it_is(source: Path, tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    assert edited_module(TOOLSET, source, scratch) == ["-modfile", str(scratch / "go.mod")]
    assert (scratch / "module" / "pkg" / "list.go").read_text() == 'const path = "/dev/null"\n'
    assert (source / "pkg" / "list.go").read_text() == 'const path = "/proc/modules"\n'
    assert not (scratch / "module" / "test").exists()
    text = (scratch / "go.mod").read_text()
    assert text.startswith((TOOLSET.directory / "go.mod").read_text())
    assert f"replace github.com/cilium/cilium => {scratch / 'module'}\n" in text
    assert (scratch / "go.sum").read_bytes() == (TOOLSET.directory / "go.sum").read_bytes()


@pytest.mark.parametrize("text", ["nothing\n", '"/proc/modules" "/proc/modules"\n'])
def test_edit_that_does_not_fit_exactly_once_is_an_error(text: str, source: Path, tmp_path: Path) -> None:
    (source / "pkg" / "list.go").unlink()
    (source / "pkg" / "list.go").write_text(text)
    with pytest.raises(LabError, match=r"pkg/list\.go of github\.com/cilium/cilium has .* [02] times, not once"):
        edited_module(TOOLSET, source, tmp_path)
