# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aks_kubeconfig for a cluster with Entra ID and without local accounts, as a process.

AKS_CILIUM_TEST_SDK may name a folder with another azure-mgmt-containerservice (and what it needs) to run with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

if TYPE_CHECKING:
    from azure_stand_in import LocalAks

COLLECTIONS = Path(__file__).parents[2] / ".ansible" / "collections"
PYTHONPATH = os.pathsep.join(filter(None, [os.environ.get("AKS_CILIUM_TEST_SDK"), str(COLLECTIONS)]))
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_kubeconfig"
GROUP = "/resourceGroups/rg-login"
CLUSTER = f"{GROUP}/providers/Microsoft.ContainerService/managedClusters/demo"
PROPERTIES = {
    "dnsPrefix": "demo",
    "networkProfile": {"networkPlugin": "none"},
    "agentPoolProfiles": [{"name": "system", "count": 1, "mode": "System", "vmSize": "Standard_D2s_v5"}],
    "aadProfile": {"managed": True, "enableAzureRBAC": True},
    "disableLocalAccounts": True,
}
Json = dict[str, Any]


class Task:
    """Runs aks_kubeconfig as a process, for a cluster that is there."""

    def __init__(self, service: LocalAks, folder: Path) -> None:
        self.service = service
        self.folder = folder
        self.path = folder / "kubeconfig"
        assert service.arm("PUT", GROUP, {"location": "westeurope"}).status == 201
        body = {"location": "westeurope", "identity": {"type": "SystemAssigned"}, "properties": PROPERTIES}
        service.finish(service.arm("PUT", CLUSTER, body))
        service.requests(clear=True)

    def __call__(self, *, check: bool = False, **arguments: Any) -> Json:
        given = {"resource_group": "rg-login", "name": "demo", "path": str(self.path), **arguments}
        file = self.folder / "arguments.json"
        more = {"_ansible_check_mode": check, "_ansible_diff": True}
        file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**given, **more}}), encoding="utf-8")
        base = {"PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PYTHONPATH": PYTHONPATH, "LANG": "C.UTF-8"}
        done = subprocess.run(
            [sys.executable, "-m", MODULE, str(file)],
            env={**base, **self.service.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        result: Json = json.loads(done.stdout)
        return result

    def user(self) -> Json:
        """The only user in the file."""
        (entry,) = yaml.safe_load(self.path.read_text(encoding="utf-8"))["users"]
        held: Json = entry["user"]
        return held


@pytest.fixture
def task(local_aks: LocalAks, tmp_path: Path) -> Task:
    return Task(local_aks, tmp_path)


def test_the_login_of_az_in_place_of_a_device_code(task: Task) -> None:
    planned = task(check=True, kubelogin_login="azurecli")
    assert not task.path.exists()
    written = task(kubelogin_login="azurecli")
    assert (written["changed"], written["login"]) == (planned["changed"], planned["login"]) == (True, "azurecli")
    assert "program kubelogin" in json.dumps(written["warnings"])
    program = task.user()["exec"]
    assert program["args"][:4] == ["get-token", "--login", "azurecli", "--server-id"]
    assert "--tenant-id" not in program["args"]
    assert task.path.stat().st_mode & 0o777 == 0o600
    assert task(kubelogin_login="azurecli")["changed"] is False
    assert task.service.writes() == [item for item in task.service.writes() if "listCluster" in item["path"]]
    assert task(state="absent")["changed"] is True
    assert not task.path.exists()


def test_a_service_principal_with_its_own_application(task: Task) -> None:
    given = {"kubelogin_client_id": "an-application", "kubelogin_tenant": task.service.tenant}
    task(kubelogin_login="spn", **given)
    arguments = task.user()["exec"]["args"]
    assert arguments[arguments.index("--client-id") + 1] == "an-application"
    assert arguments[arguments.index("--tenant-id") + 1] == task.service.tenant
    assert not any("secret" in word for word in arguments)


def test_the_retired_form_is_written_with_a_warning(task: Task) -> None:
    written = task(format="azure")
    assert "auth-provider" in task.user()
    assert "1.26" in json.dumps(written["warnings"])
    assert task(format="azure", kubelogin_login="azurecli")["login"] == "azurecli"
    assert "exec" in task.user()


def test_the_static_credential_is_refused_with_the_remedy(task: Task) -> None:
    failure = task(credential="admin")["failure"]
    assert (failure["code"], failure["option"], failure["status"]) == ("LocalAccountsDisabled", "credential", 400)
    assert "format to exec" in failure["remedy"]
    assert not task.path.exists()
