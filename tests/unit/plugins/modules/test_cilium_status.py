# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import cilium_cluster as make
from ansible_collections.cloudnet.aks_cilium.plugins.modules import cilium_status


def run(arguments: Any, tmp_path: Path) -> Any:
    """The module as Ansible runs it: arguments on its standard input, the result on its standard output."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("K8S_AUTH", "KUBE"))}
    environment["HOME"] = str(tmp_path)
    environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [sys.executable, cilium_status.__file__],
        input=json.dumps({"ANSIBLE_MODULE_ARGS": arguments}),
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


@pytest.fixture
def kubeconfig() -> Any:
    return {
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "u", "user": {"token": "very-secret-token"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
    }


def test_every_value_is_documented() -> None:
    from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.watch import Options, report_status

    kube = make.healthy_cluster()
    defaults = {name: option.get("default") for name, option in cilium_status.SPEC.options.items()}
    values = report_status(kube, kube.exec, Options.of(defaults)).values
    documented = yaml.safe_load(cilium_status.RETURN)
    assert set(values) | {"queried", "failure"} == set(documented)
    for name in ("pods", "nodes", "features", "policies"):
        assert set(values[name]) == set(documented[name]["contains"])
    assert set(values["components"]["relay"]) == set(documented["components"]["sample"]["relay"])


def test_a_missing_kubeconfig_is_one_sentence(tmp_path: Path) -> None:
    result = run({"kubeconfig": str(tmp_path / "no")}, tmp_path)
    assert result["failed"] is True
    assert result["failure"]["option"] == "kubeconfig"
    assert f"kubeconfig={tmp_path / 'no'} does not exist." in result["msg"]
    assert "Traceback" not in json.dumps(result)


def test_an_unreachable_api_server_is_named_and_the_token_hidden(tmp_path: Path, kubeconfig: Any) -> None:
    result = run({"kubeconfig": kubeconfig, "request_timeout": 2}, tmp_path)
    assert result["failure"]["kind"] == "Unreachable"
    assert "127.0.0.1:1" in result["msg"]
    assert "very-secret-token" not in json.dumps(result)
    assert list(tmp_path.iterdir()) == []
