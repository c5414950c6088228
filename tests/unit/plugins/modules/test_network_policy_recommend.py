# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""network_policy_recommend as Ansible runs it: arguments in, JSON out."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.modules import network_policy_recommend
from known_app import FLOWS, NAMESPACES


def run(**arguments: Any) -> Any:
    done = subprocess.run(
        [sys.executable, network_policy_recommend.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": {"namespaces": list(NAMESPACES), **arguments}}),
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_it_writes_once_and_shows_the_difference(tmp_path: Path) -> None:
    options = {"flows": str(FLOWS), "dest": str(tmp_path)}
    preview = run(**options, _ansible_check_mode=True, _ansible_diff=True)
    assert preview["changed"] is True
    assert list(tmp_path.iterdir()) == []
    first, second = run(**options, _ansible_diff=True), run(**options)
    assert (first["changed"], second["changed"]) == (True, False)
    assert first["diff"] == preview["diff"]
    assert sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.yaml")) == first["files"]
    assert {key: value for key, value in first.items() if key not in ("changed", "diff", "invocation")} == {
        key: value for key, value in second.items() if key not in ("changed", "invocation")
    }
    assert len(first["warnings"]) == 2


def test_an_error_names_the_option() -> None:
    result = run(flows=str(FLOWS), namespaces=["nowhere"])
    assert result["failed"] is True
    assert result["failure"]["code"] == "NamespaceNotFound"
    assert "nowhere" in result["msg"]
    assert "exactly one" in run()["msg"] or "one of the following" in run()["msg"]
