# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The Azure roles of docs/permissions/azure allow what the modules ask of Azure for each task, and nothing else.

The requests are those that the modules really send, here to the stand-in for Azure. The stand-in asks for no
permission, and the roles have not been assigned on a live subscription.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from azure_modules import COLLECTIONS, Modules, Processes
from azure_operations import UnknownRequest, linked_operations, operation_of, uncovered, unused
from azure_stand_in import LocalAks, started

ROLES = Path(__file__).parents[2] / "docs" / "permissions" / "azure"
PLACEHOLDER = "/subscriptions/00000000-0000-0000-0000-000000000000"
IDENTITY = f"{PLACEHOLDER}/resourceGroups/rg-ids/providers/Microsoft.ManagedIdentity/userAssignedIdentities/aks"
MC = "/resourceGroups/rg-rbac/providers/Microsoft.ContainerService/managedClusters"
NAMES = {"resource_group": "rg-rbac", "name": "demo"}
POOL = {"resource_group": "rg-rbac", "cluster_name": "demo", "name": "extra"}
SIZE = "Standard_D4ads_v5"


def network(subnet: str, cidr: str) -> dict[str, Any]:
    return {"name": "net", "cidrs": ["10.1.0.0/16"], "subnet": {"name": subnet, "cidr": cidr}}


FIRST = network("nodes", "10.1.0.0/20")
SECOND = network("more", "10.1.16.0/20")
NEW = {
    "location": "westeurope",
    "create_resource_group": True,
    "network_profile": {"network_plugin": "none", "pod_cidr": "10.244.0.0/16", "service_cidr": "10.0.0.0/16"},
    "agent_pools": [
        {"name": "system", "mode": "System", "count": 1, "vm_size": SIZE, "enable_encryption_at_host": True}
    ],
}


class Recorder:
    """Runs modules, and keeps for each task the operations that their requests need."""

    def __init__(self, modules: Modules) -> None:
        self.modules = modules
        self.needed: dict[str, set[str]] = {}

    def run(self, task: str, module: str, **arguments: Any) -> None:
        """One module; for a cluster that is written, with what Azure asks for besides."""
        service = self.modules.service
        service.requests(clear=True)
        result = self.modules.run(module, **arguments)
        assert result.get("failed") is None, result
        requests = [(item["method"], item["path"]) for item in service.requests()]
        self.add(task, requests)
        written = any(method == "PUT" and path.lower().endswith("managedclusters/demo") for method, path in requests)
        if written:
            self.needed[task] |= linked_operations(service.arm("GET", f"{MC}/demo").body)

    def add(self, task: str, requests: list[tuple[str, str]]) -> None:
        found = {operation_of(method, path) for method, path in requests}
        self.needed.setdefault(task, set()).update(one for one in found if one is not None)


def inventory(service: LocalAks, folder: Path) -> None:
    """The inventory plugin, over all subscriptions."""
    source = folder / "demo.aks.yml"
    source.write_text("plugin: cloudnet.aks_cilium.aks\nsubscriptions: ['*']\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "ansible", "inventory", "-i", str(source), "--list"],
        env={
            "PATH": "/usr/bin:/bin",
            "HOME": str(folder),
            "LANG": "C.UTF-8",
            "ANSIBLE_HOME": str(folder / "ansible"),
            "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
            "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
            **service.environment,
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr


def record(recorder: Recorder, folder: Path) -> None:
    """The life of two clusters in one network, of a pool and of kubeconfig files."""
    service = recorder.modules.service
    build = {**NAMES, **NEW, "virtual_network": FIRST}
    identity = {"type": "UserAssigned", "user_assigned": [IDENTITY]}
    recorder.run("build", "aks_cluster", **build, identity=identity, kubernetes_version="1.34")
    recorder.run("build", "aks_cluster", **{**build, "name": "other", "virtual_network": SECOND})
    recorder.run("build", "aks_cluster", **build)
    recorder.run("build", "aks_cluster", **NAMES, tags={"team": "net"})
    recorder.run("build", "aks_cluster", **NAMES, oidc_issuer=True)
    recorder.run("build", "aks_cluster", **NAMES, agent_pools=[{"name": "system", "count": 2}])
    recorder.run("build", "aks_cluster", **NAMES, kubernetes_version="1.35")
    recorder.run("build", "aks_node_pool", **POOL, mode="User", count=1, vm_size=SIZE)
    recorder.run("build", "aks_node_pool", **POOL, count=2)
    service.send("PUT", "/_local_aks/node-image", {"version": "AKSUbuntu-2204gen2containerd-209912.01.0"})
    recorder.run("build", "aks_node_pool", **POOL, upgrade_node_image=True)
    recorder.run("build", "aks_node_pool", **POOL, state="absent")
    recorder.run("build", "aks_cluster", **NAMES, state="stopped")
    recorder.run("build", "aks_cluster", **NAMES, state="started")

    for scope in (NAMES, {"resource_group": "rg-rbac"}, {}, {"subscriptions": ["*"]}):
        recorder.run("read", "aks_cluster_info", **scope)
    service.requests(clear=True)
    inventory(service, folder)
    recorder.add("read", [(item["method"], item["path"]) for item in service.requests()])

    recorder.run("kubeconfig", "aks_kubeconfig", **NAMES, path=str(folder / "user"))
    recorder.run("kubeconfig-admin", "aks_kubeconfig", **NAMES, path=str(folder / "admin"), credential="admin")

    gone = {"state": "absent", "create_resource_group": True}
    recorder.run("teardown", "aks_cluster", **NAMES, **gone, virtual_network=FIRST)
    recorder.run("teardown", "aks_cluster", **{**NAMES, "name": "other"}, **gone, virtual_network=SECOND)
    # A list of the group's contents shows only what this identity may read. What it cannot see would not keep the
    # group from being deleted.
    recorder.needed["teardown"].add("Any.Provider/anything/read")


@pytest.fixture(scope="module")
def needed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, set[str]]]:
    """The operations of each task."""
    folder = tmp_path_factory.mktemp("azure")
    service = started(folder / "state")
    pool = Processes(1)
    try:
        recorder = Recorder(Modules(pool, service, folder))
        record(recorder, folder)
        yield recorder.needed
    finally:
        service.control("stop")
        pool.close()


def role_of(task: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROLES / f"{task}.json").read_text(encoding="utf-8"))
    return document


FILES = sorted(path.stem for path in ROLES.glob("*.json"))


def test_there_is_one_role_for_each_task(needed: dict[str, set[str]]) -> None:
    assert sorted(needed) == FILES


@pytest.mark.parametrize("task", FILES)
def test_a_role_allows_all_that_its_task_asks_for_and_nothing_else(needed: dict[str, set[str]], task: str) -> None:
    actions = role_of(task)["Actions"]
    assert uncovered(needed[task], actions) == set(), "missing in the file"
    assert unused(needed[task], actions) == set(), "in the file, and not needed"


@pytest.mark.parametrize("task", FILES)
def test_a_role_is_what_az_takes(task: str) -> None:
    role = role_of(task)
    assert list(role) == [
        "Name",
        "IsCustom",
        "Description",
        "Actions",
        "NotActions",
        "DataActions",
        "NotDataActions",
        "AssignableScopes",
    ]
    assert role["IsCustom"] is True
    assert role["AssignableScopes"] == [PLACEHOLDER]
    assert role["Actions"] == sorted(set(role["Actions"]))
    # No module asks for anything inside of a resource; Kubernetes decides about what is in a cluster.
    assert [role["NotActions"], role["DataActions"], role["NotDataActions"]] == [[], [], []]


def test_a_request_without_an_operation_is_noticed() -> None:
    with pytest.raises(UnknownRequest):
        operation_of("POST", f"{PLACEHOLDER}{MC}/demo/runCommand")
