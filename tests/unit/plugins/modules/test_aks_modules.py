# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The modules from their arguments to their JSON, against a Resource Manager in memory."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure import cluster, credentials_file
from ansible_collections.cloudnet.aks_cilium.plugins.modules import aks_cluster, aks_kubeconfig
from fake_arm import FakeArm, recorded
from module_args import patch_module_args

NAMES = {"resource_group": "rg", "name": "demo"}
ACTIONS = {aks_cluster: cluster.run, aks_kubeconfig: credentials_file.run}


@pytest.fixture
def arm() -> FakeArm:
    return FakeArm({"demo": recorded("cluster_acns_2026")})


def run(
    module: ModuleType,
    arm: FakeArm,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    **arguments: Any,
) -> dict[str, Any]:
    """Run a module's main(); its result."""
    client = arm.client()
    monkeypatch.setattr(module, "run", partial(ACTIONS[module], connect_to=lambda params, hide: client))
    with patch_module_args({**NAMES, **arguments}), pytest.raises(SystemExit):
        module.main()
    result: dict[str, Any] = json.loads(capsys.readouterr().out)
    return result


class TestCluster:
    def test_unchanged(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        result = run(aks_cluster, arm, capsys, monkeypatch, location="westcentralus", _ansible_diff=True)
        assert result["changed"] is False
        assert result["cluster"]["name"] == "cliakstest000001"
        assert result["diff"] == {"before": {}, "after": {}}

    def test_check_and_diff(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        pools = [{"name": "nodepool1", "count": 2}]
        result = run(
            aks_cluster, arm, capsys, monkeypatch, agent_pools=pools, _ansible_check_mode=True, _ansible_diff=True
        )
        assert result["changed"] is True
        assert result["diff"]["after"] == {"agent_pools": {"nodepool1": {"count": 2}}}
        assert arm.writes == []

    def test_without_diff_mode_there_is_no_diff(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        assert "diff" not in run(aks_cluster, arm, capsys, monkeypatch, location="westcentralus")

    def test_failure_carries_facts(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        profile = {"network_plugin": "azure", "network_dataplane": "cilium", "network_policy": "calico"}
        result = run(aks_cluster, arm, capsys, monkeypatch, network_profile=profile)
        assert result["failed"] is True
        assert result["failure"]["code"] == "CiliumDataplaneRequiresNetworkPolicyCilium"
        assert result["failure"]["option"] == "network_profile.network_policy"
        assert result["msg"].startswith("network_profile.network_policy='calico':")
        assert arm.requests == []

    def test_raw_secrets_are_in_no_output(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        raw = {"windowsProfile": {"adminPassword": "Sw0rdfish!", "enableCSIProxy": False}}
        result = run(aks_cluster, arm, capsys, monkeypatch, properties=raw, secret="canary-secret", _ansible_diff=True)
        assert result["changed"] is True
        assert "Sw0rdfish!" not in json.dumps(result)
        assert "canary-secret" not in json.dumps(result)


class TestKubeconfig:
    def test_a_path_is_needed_unless_merging(self, arm: FakeArm, capsys: Any, monkeypatch: Any) -> None:
        assert "path" in run(aks_kubeconfig, arm, capsys, monkeypatch)["msg"]

    def test_the_result_holds_no_credential(self, arm: FakeArm, capsys: Any, monkeypatch: Any, tmp_path: Path) -> None:
        arm.kubeconfig = yaml.safe_dump(
            {
                "clusters": [{"name": "demo", "cluster": {"server": "https://demo.test"}}],
                "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "u"}}],
                "users": [{"name": "u", "user": {"token": "canary-token"}}],
            }
        )
        path = str(tmp_path / "demo.yaml")
        result = run(aks_kubeconfig, arm, capsys, monkeypatch, path=path, _ansible_diff=True)
        assert result["changed"] is True
        assert result["server"] == "https://demo.test"
        assert "canary-token" not in json.dumps(result)


def test_a_run_without_work_stays_small() -> None:
    """The budget for imports: the module with all of its own code, before any Azure library is needed."""
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; "
        "import ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_cluster; "
        "print(len(sys.modules), any(name.split('.')[0] in ('azure', 'msal', 'requests') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    count, heavy = done.stdout.split()
    assert int(count) < 600
    assert heavy == "False"
