# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin aks and aks_cluster_info over several subscriptions, page by page, as a user runs them.

AKS_CILIUM_TEST_SDK may name a folder with another azure-mgmt-containerservice (and what it needs) to run with.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from azure_stand_in import LocalAks, started

COLLECTIONS = Path(__file__).parents[2] / ".ansible" / "collections"
SECOND = "00000000-0000-0000-0000-000000000002"
MANAGED = "providers/Microsoft.ContainerService/managedClusters"
POOL = {"name": "system", "count": 1, "mode": "System", "vmSize": "Standard_D2s_v5"}
CILIUM = {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}
Json = dict[str, Any]


def create(service: LocalAks, subscription: str, group: str, name: str, tags: Json, network: Json) -> None:
    """A cluster by plain requests."""
    scope = f"{service.url}/subscriptions/{subscription}/resourceGroups/{group}"
    answer = service.arm("PUT", f"{scope}?api-version=2021-04-01", {"location": "westeurope"})
    assert answer.status in (200, 201), answer
    properties = {"dnsPrefix": name, "networkProfile": network, "agentPoolProfiles": [POOL]}
    body = {"location": "westeurope", "tags": tags, "identity": {"type": "SystemAssigned"}, "properties": properties}
    answer = service.arm("PUT", f"{scope}/{MANAGED}/{name}?api-version=2026-01-01", body)
    assert answer.status == 201, answer
    service.finish(answer)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAks]:
    """Two subscriptions, four clusters (two of one name), one to a page."""
    service = started(tmp_path_factory.mktemp("aks") / "state", more_subscriptions=[SECOND], page_size=1)
    first = service.subscription
    network = {"networkPlugin": "none"}
    create(service, first, "rg-prod", "demo", {"team": "net", "note": "{{ 6 * 7 }}"}, network)
    create(service, first, "rg-test", "demo", {"team": "ops"}, CILIUM)
    create(service, first, "rg-prod", "shop", {}, CILIUM)
    create(service, SECOND, "rg-prod", "far", {}, network)
    service.requests(clear=True)
    yield service
    service.control("stop")


def environment(service: LocalAks, home: Path) -> dict[str, str]:
    sdk = os.environ.get("AKS_CILIUM_TEST_SDK")
    clean = {key: value for key, value in os.environ.items() if not key.startswith(("AZURE_", "ANSIBLE_"))}
    more = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_HOME": str(home),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_INVENTORY_ANY_UNPARSED_IS_FAILED": "true",
    }
    return {**clean, **service.environment, **more, **({"PYTHONPATH": sdk} if sdk else {})}


def ansible(service: LocalAks, folder: Path, program: str, *arguments: str) -> str:
    """Output of an Ansible program, which must end well and show no secret."""
    done = subprocess.run(
        [sys.executable, "-m", "ansible", program, *arguments],
        env=environment(service, folder / "home"),
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    output = done.stdout + done.stderr
    assert done.returncode == 0, output
    assert "Traceback" not in output
    assert service.secret not in output.replace(str(folder), ""), "the secret is in the output"
    return done.stdout


def inventory(folder: Path, **options: Any) -> str:
    path = folder / "demo.aks.yml"
    path.write_text(yaml.safe_dump({"plugin": "cloudnet.aks_cilium.aks", **options}), encoding="utf-8")
    return str(path)


def listed(service: LocalAks, folder: Path, **options: Any) -> Json:
    document: Json = json.loads(ansible(service, folder, "inventory", "-i", inventory(folder, **options), "--list"))
    return document


def test_the_graph_shows_clusters_in_their_groups(service: LocalAks, tmp_path: Path) -> None:
    graph = ansible(service, tmp_path, "inventory", "-i", inventory(tmp_path), "--graph", "-vvvv")
    for line in (
        "@byo_cni:",
        "@azure_cni_cilium:",
        "@location_westeurope:",
        "@version_1_34:",
        "@tag_team_net:",
        "|--demo_rg-prod",
        "|--demo_rg-test",
        "|--shop",
    ):
        assert line in graph
    assert "far" not in graph
    assert service.writes() == []


def test_hosts_over_every_subscription(service: LocalAks, tmp_path: Path) -> None:
    document = listed(service, tmp_path, subscriptions=["*"])
    hosts = document["_meta"]["hostvars"]
    assert sorted(hosts) == ["demo_rg-prod", "demo_rg-test", "far", "shop"]
    assert hosts["far"]["aks_subscription_id"] == SECOND
    assert hosts["far"]["aks_cluster_connection"]["subscription_id"] == SECOND
    assert hosts["shop"]["aks_network_mode"] == "azure_cni_cilium"
    assert hosts["shop"]["ansible_connection"] == "local"


def test_the_connection_in_the_file_serves_as_well_as_the_environment(
    service: LocalAks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {
        "cloud_environment": service.url,
        "ca_bundle": str(service.ca_bundle),
        "tenant": service.tenant,
        "client_id": service.client_id,
        "secret": "{{ lookup('env', 'THE_SECRET') }}",
        "auth_source": "options",
        "subscriptions": [service.subscription, SECOND],
        "exclude_resource_groups": ["*-test"],
        "compose": {"copied": "aks_tags.note | default('')"},
    }
    monkeypatch.setenv("THE_SECRET", service.secret)
    monkeypatch.setattr(LocalAks, "environment", {})
    document = listed(service, tmp_path, **options)
    assert sorted(document["_meta"]["hostvars"]) == ["demo", "far", "shop"]


def test_the_roles_of_this_collection_run_for_each_host(service: LocalAks, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    task = {
        "name": "Read the cluster",
        "cloudnet.aks_cilium.aks_cluster_info": {
            "resource_group": "{{ aks_cluster_resource_group }}",
            "name": "{{ aks_cluster_name }}",
        },
        "module_defaults": {"group/cloudnet.aks_cilium.azure": "{{ aks_cluster_connection }}"},
        "register": "found",
        "failed_when": "found.clusters[0].id != aks_id",
    }
    show = {"name": "Show a tag", "ansible.builtin.debug": {"msg": "{{ aks_tags.note | default('none') }}"}}
    plays = [{"name": "Read", "hosts": "aks", "gather_facts": False, "tasks": [task, show]}]
    play.write_text(yaml.safe_dump(plays), encoding="utf-8")
    source = inventory(tmp_path, subscriptions=["*"])
    interpreter = f"ansible_python_interpreter={sys.executable}"
    output = ansible(service, tmp_path, "playbook", "-i", source, "-e", interpreter, str(play))
    assert output.count("failed=0") == 4
    # A template in somebody's tag stays a text.
    assert "{{ 6 * 7 }}" in output


def test_the_cache_saves_the_requests(service: LocalAks, tmp_path: Path) -> None:
    options = {"cache": True, "cache_plugin": "ansible.builtin.jsonfile", "cache_connection": str(tmp_path / "cache")}
    first = listed(service, tmp_path, **options)
    service.requests(clear=True)
    again = listed(service, tmp_path, **options)
    assert first == again
    assert service.requests() == []


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ({"resource_group": "rg-prod"}, ["demo", "shop"]),
        ({"resource_group": "rg-prod", "name": "demo"}, ["demo"]),
        ({}, ["demo", "shop", "demo"]),
        ({"subscriptions": ["*"]}, ["demo", "shop", "demo", "far"]),
        ({"subscriptions": [SECOND]}, ["far"]),
        ({"subscriptions": ["*"], "resource_group": "rg-prod"}, ["demo", "shop", "far"]),
        ({"resource_group": "rg-none"}, []),
    ],
)
def test_info_reads_to_the_last_page(service: LocalAks, tmp_path: Path, arguments: Json, names: list[str]) -> None:
    file = tmp_path / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**arguments, "query": "clusters[].name"}}), encoding="utf-8")
    paths = os.pathsep.join(filter(None, [os.environ.get("AKS_CILIUM_TEST_SDK"), str(COLLECTIONS)]))
    done = subprocess.run(
        [sys.executable, "-m", "ansible_collections.cloudnet.aks_cilium.plugins.modules.aks_cluster_info", str(file)],
        env={**environment(service, tmp_path), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert json.loads(done.stdout)["queried"] == names, done.stdout + done.stderr
