# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Lines that modules write while they wait, and texts that are printed as they are."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display

from ansible_collections.cloudnet.aks_cilium.plugins.action.show_text import ActionModule as ShowText
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._progress import (
    PROGRESS_VARIABLE,
    progress_from_environment,
)
from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils.progress import ProgressAction

PLUGINS = Path(__file__).resolve().parents[4] / "plugins"


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    monkeypatch.setattr(Display, "display", lambda self, text, **options: lines.append(text))
    monkeypatch.setattr(ActionBase, "run", lambda self, tmp=None, task_vars=None: {})
    return lines


def action(kind: type[Any], *, transport: str = "local", args: dict[str, Any] | None = None) -> Any:
    """An action plugin without the machinery of Ansible around it."""
    plugin = kind.__new__(kind)
    plugin._task = SimpleNamespace(async_val=0, environment=[{"A": "b"}], args=args or {})
    plugin._connection = SimpleNamespace(transport=transport)
    plugin._templar = None
    return plugin


def test_every_line_is_shown_with_its_host_and_the_file_is_gone(
    shown: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    plugin = action(ProgressAction)
    files: list[str] = []

    def module(task_vars: Any) -> dict[str, Any]:
        given, own = plugin._task.environment
        assert given == {"A": "b"}
        files.append(own[PROGRESS_VARIABLE])
        assert os.stat(files[0]).st_mode & 0o777 == 0o600
        monkeypatch.setenv(PROGRESS_VARIABLE, files[0])
        tell = progress_from_environment()
        tell("cluster: Creating")
        tell("two\nlines")
        return {"changed": True}

    plugin._execute_module = module
    assert plugin.run(task_vars={"inventory_hostname": "lab"}) == {"changed": True}
    assert shown == ["  [lab] cluster: Creating", "  [lab] two lines"]
    assert not os.path.exists(files[0])
    assert plugin._task.environment == [{"A": "b"}]


def test_the_file_is_gone_after_a_failure_too(shown: list[str]) -> None:
    plugin = action(ProgressAction)
    files: list[str] = []

    def module(task_vars: Any) -> dict[str, Any]:
        files.append(plugin._task.environment[-1][PROGRESS_VARIABLE])
        raise RuntimeError("stop")

    plugin._execute_module = module
    with pytest.raises(RuntimeError, match="stop"):
        plugin.run(task_vars={})
    assert not os.path.exists(files[0])


def test_a_module_on_another_machine_runs_without_a_file(shown: list[str]) -> None:
    plugin = action(ProgressAction, transport="ssh")
    plugin._execute_module = lambda task_vars, wrap_async: {"environment": plugin._task.environment}
    assert plugin.run(task_vars={}) == {"environment": [{"A": "b"}]}


def test_a_module_that_nobody_listens_to_is_silent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv(PROGRESS_VARIABLE, str(tmp_path / "gone"))
    progress_from_environment()("a line")
    assert list(tmp_path.iterdir()) == []


def test_text_is_printed_in_one_piece_as_it_is(shown: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    plugin = action(ShowText)
    arguments = {"title": "Status", "lines": ["  /¯¯\\", "a  b"]}
    monkeypatch.setattr(plugin, "validate_argument_spec", lambda spec: ({}, arguments))
    assert plugin.run(task_vars={}) == {"changed": False}
    assert shown == ["\n== Status\n\n  /¯¯\\\na  b\n"]


def test_every_module_that_reports_progress_has_its_plugin() -> None:
    actions = {path.stem for path in (PLUGINS / "action").glob("*.py")}
    modules = {path.stem: path.read_text(encoding="utf-8") for path in (PLUGINS / "modules").glob("*.py")}
    assert actions <= set(modules)
    waiting = {name for name, text in modules.items() if "context.progress" in text or "waiting(" in text}
    assert waiting | {"show_text"} == actions
