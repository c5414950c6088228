# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A first try on an empty subscription: what is missing is made or named, and taken back only when it was ours."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from azure_stand_in import LocalAks

COLLECTIONS = Path(__file__).parents[2] / ".ansible" / "collections"
PYTHONPATH = os.pathsep.join(filter(None, [os.environ.get("AKS_CILIUM_TEST_SDK"), str(COLLECTIONS)]))
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_cluster"
GROUP = "/resourceGroups/rg-first"
NETWORK = f"{GROUP}/providers/Microsoft.Network/virtualNetworks/vnet-first"
SUBNET_BODY = {"addressPrefix": "10.240.0.0/16"}
OPTIONS: dict[str, Any] = {
    "resource_group": "rg-first",
    "name": "demo",
    "location": "westeurope",
    "create_resource_group": True,
    "virtual_network": {
        "name": "vnet-first",
        "cidrs": ["10.240.0.0/12"],
        "subnet": {"name": "nodes", "cidr": "10.240.0.0/16"},
    },
    "network_profile": {"network_plugin": "none", "pod_cidr": "10.100.0.0/16", "service_cidr": "10.0.0.0/16"},
    "agent_pools": [{"name": "system", "mode": "System", "count": 1, "vm_size": "Standard_D4ads_v5"}],
}
Json = dict[str, Any]


class Cluster:
    """Runs aks_cluster as a process."""

    def __init__(self, service: LocalAks, folder: Path) -> None:
        self.service = service
        self.file = folder / "arguments.json"

    def __call__(self, *, check: bool = False, **arguments: Any) -> Json:
        given = {**OPTIONS, **arguments, "_ansible_check_mode": check, "_ansible_diff": True}
        self.file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": given}), encoding="utf-8")
        clean = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "AKS_CILIUM_"))}
        done = subprocess.run(
            [sys.executable, "-m", MODULE, str(self.file)],
            env={**clean, **self.service.environment, "PYTHONPATH": PYTHONPATH},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        result: Json = json.loads(done.stdout)
        return result

    def writes(self) -> list[str]:
        """Methods and last parts of the paths of the writes since the last call."""
        found = [f"{item['method']} {item['path'].split('?')[0].rsplit('/', 1)[-1]}" for item in self.service.writes()]
        self.service.requests(clear=True)
        return found

    def network(self) -> Json | None:
        answer = self.service.arm("GET", NETWORK)
        document: Json = answer.body
        return document if answer.status == 200 else None


@pytest.fixture
def cluster(local_aks: LocalAks, tmp_path: Path) -> Iterator[Cluster]:
    yield Cluster(local_aks, tmp_path)
    registrations(local_aks, {})


def registrations(service: LocalAks, states: Json) -> None:
    assert service.send("PUT", "/_local_aks/registrations", states).status == 200


def foreign_network(service: LocalAks, *subnets: str) -> None:
    """A resource group and a virtual network of somebody else."""
    assert service.arm("PUT", GROUP, {"location": "westeurope"}).status == 201
    properties = {
        "addressSpace": {"addressPrefixes": ["10.240.0.0/12"]},
        "subnets": [{"name": name, "properties": SUBNET_BODY} for name in subnets],
    }
    service.finish(service.arm("PUT", NETWORK, {"location": "westeurope", "properties": properties}))
    service.requests(clear=True)


def test_everything_is_made_and_everything_is_taken_back(cluster: Cluster) -> None:
    planned = cluster(check=True)
    assert (planned["changed"], cluster.writes()) == (True, [])
    made = cluster()
    assert (made["changed"], made["diff"]) == (True, planned["diff"])
    assert cluster.writes() == ["PUT rg-first", "PUT vnet-first", "PUT demo"]
    network = cluster.network() or {}
    assert network["tags"] == {"cloudnet.aks_cilium": "created"}
    (pool,) = made["cluster"]["agent_pools"]
    assert pool["vnet_subnet_id"].lower().endswith("/virtualnetworks/vnet-first/subnets/nodes")
    cluster.writes()

    assert cluster()["changed"] is False
    asked = [item["path"] for item in cluster.service.requests() if "/subscriptions/" in item["path"]]
    assert len(asked) == 1
    assert cluster.writes() == []

    would = cluster(check=True, state="absent")
    assert cluster.writes() == []
    gone = cluster(state="absent")
    assert (gone["changed"], gone["diff"]) == (True, would["diff"])
    assert cluster.writes() == ["DELETE demo", "DELETE vnet-first", "DELETE rg-first"]
    assert cluster.service.arm("GET", GROUP).status == 404
    assert cluster(state="absent")["changed"] is False
    assert cluster.writes() == []


def test_what_is_somebody_elses_is_used_and_stays(cluster: Cluster) -> None:
    foreign_network(cluster.service, "nodes")
    before = cluster.network()
    assert cluster()["changed"] is True
    assert cluster.writes() == ["PUT demo"]
    gone = cluster(state="absent")
    assert cluster.writes() == ["DELETE demo"]
    assert "does not carry the tag" in gone["msg"]
    after = cluster.network()
    assert before is not None
    assert after is not None
    assert after.get("tags") == before.get("tags")
    assert after["properties"]["addressSpace"] == before["properties"]["addressSpace"]


def test_a_missing_subnet_of_somebody_elses_network_is_named(cluster: Cluster) -> None:
    foreign_network(cluster.service, "other")
    failure = cluster()["failure"]
    assert (failure["code"], failure["option"]) == ("SubnetNotFound", "virtual_network.subnet.name")
    assert cluster.writes() == []


@pytest.mark.parametrize("check", [True, False])
def test_what_the_creation_lacks_is_named_before_anything_is_made(cluster: Cluster, check: bool) -> None:
    given = {"name": "vnet-first", "subnet": {"name": "nodes"}}
    failure = cluster(check=check, virtual_network=given)["failure"]
    assert (failure["code"], failure["option"]) == ("MissingForCreation", "virtual_network.cidrs")
    assert cluster.writes() == []


@pytest.mark.parametrize("check", [True, False])
def test_missing_providers_and_features_are_named_with_the_commands(cluster: Cluster, check: bool) -> None:
    registrations(
        cluster.service, {"Microsoft.Network": "NotRegistered", "Microsoft.Compute/EncryptionAtHost": "NotRegistered"}
    )
    pools = [{**OPTIONS["agent_pools"][0], "enable_encryption_at_host": True}]
    failure = cluster(check=check, agent_pools=pools)["failure"]
    assert failure["code"] == "MissingRegistration"
    assert set(failure["details"]["missing"]) == {"Microsoft.Network", "Microsoft.Compute/EncryptionAtHost"}
    assert "az provider register --namespace Microsoft.Network" in failure["remedy"]
    assert "az feature register --namespace Microsoft.Compute --name EncryptionAtHost" in failure["remedy"]
    assert cluster.writes() == []
