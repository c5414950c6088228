# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The inventory plugin aks, as Ansible loads it, over a Resource Manager in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible import constants as C
from ansible.errors import AnsibleParserError
from ansible.inventory.data import InventoryData
from ansible.parsing.dataloader import DataLoader
from ansible.plugins.doc_fragments import constructed, inventory_cache

from ansible_collections.cloudnet.aks_cilium.plugins.doc_fragments import azure
from ansible_collections.cloudnet.aks_cilium.plugins.inventory import aks
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.client import Answer, ArmClient
from fake_arm import BASE, error
from fakes import FakeClock

Json = dict[str, Any]
MANAGED = "providers/Microsoft.ContainerService/managedClusters"
CILIUM = {"networkPlugin": "azure", "networkDataplane": "cilium"}


def document(name: str, group: str = "rg", subscription: str = "s1", **more: Any) -> Json:
    properties = {
        "provisioningState": "Succeeded",
        "powerState": {"code": more.pop("power", "Running")},
        "currentKubernetesVersion": more.pop("version", "1.34.4"),
        "networkProfile": more.pop("network", {"networkPlugin": "none"}),
        "fqdn": f"{name}.test",
    }
    path = f"/subscriptions/{subscription}/resourcegroups/{group}/providers/Microsoft.ContainerService/managedClusters"
    return {
        "id": f"{path}/{name}",
        "name": name,
        "location": "westeurope",
        "tags": more.pop("tags", {}),
        "properties": properties,
    }


DEMO = document("demo", tags={"team": "net", "empty": ""})
OTHER = document("other", "rg-ops", network=CILIUM, version="1.35.0", power="Stopped", tags={"team": "ops"})


class Azure:
    """Clusters by subscription, in place of connect()."""

    def __init__(self, **subscriptions: list[Json]) -> None:
        self.subscriptions = subscriptions
        self.params: list[Mapping[str, Any]] = []
        self.asked: list[str] = []

    def connect(self, params: Mapping[str, Any], *, hide: Any) -> ArmClient:
        self.params.append(params)
        subscription = params["subscription_id"] or "s1"
        return ArmClient(
            self, base_url=BASE, subscription_id=subscription, api_version="1", patience_s=30.0, clock=FakeClock()
        )

    def __call__(self, method: str, url: str, headers: Mapping[str, str], content: bytes | None) -> Answer:
        assert method == "GET"
        path = url.removeprefix(BASE).split("?")[0]
        self.asked.append(path)
        if path == "/subscriptions":
            return Answer(200, {}, {"value": [{"subscriptionId": name} for name in self.subscriptions]})
        found = self.subscriptions.get(path.split("/")[2])
        return error(403, "AuthorizationFailed") if found is None else Answer(200, {}, {"value": found})


@pytest.fixture
def clouds(monkeypatch: pytest.MonkeyPatch) -> Azure:
    """Where the plugin connects to, with an environment that names no subscription."""
    service = Azure(s1=[DEMO, OTHER])
    for name in ("AZURE_SUBSCRIPTION_ID", "AZURE_AUTH_SOURCE", "AZURE_CLOUD_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AKS_CILIUM_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(aks, "connect", service.connect)
    return service


def loaded() -> Any:
    """The plugin as Ansible's loader hands it out; without collections to load from, its definitions are told here."""
    texts = [getattr(azure.ModuleDocFragment, name) for name in ("DOCUMENTATION", "PLUGIN")]
    texts += [fragment.ModuleDocFragment.DOCUMENTATION for fragment in (constructed, inventory_cache)]
    definitions: dict[str, Any] = yaml.safe_load(aks.DOCUMENTATION)["options"]
    for text in texts:
        for name, option in yaml.safe_load(text)["options"].items():
            definitions[name] = {**definitions.get(name, {}), **option}
    name = aks.InventoryModule.NAME
    C.config.initialize_plugin_configuration_definitions("inventory", name, definitions)
    plugin = aks.InventoryModule()
    plugin._load_name = plugin.ansible_name = name
    plugin._redirected_names = plugin.ansible_aliases = [name]
    return plugin


def listed(folder: Path, *, fresh: bool = False, **options: Any) -> InventoryData:
    path = folder / "demo.aks.yml"
    path.write_text(yaml.safe_dump({"plugin": "cloudnet.aks_cilium.aks", **options}), encoding="utf-8")
    data = InventoryData()
    plugin = loaded()
    assert plugin.verify_file(str(path))
    plugin.parse(data, DataLoader(), str(path), cache=not fresh)
    if options.get("cache"):
        # As the inventory manager does.
        plugin.update_cache_if_changed()
    data.reconcile_inventory()
    return data


def groups_of(data: InventoryData, host: str) -> set[str]:
    return {group.name for group in data.get_host(host).get_groups()} - {"all", "ungrouped"}


def test_clusters_are_hosts_with_groups_and_variables(clouds: Azure, tmp_path: Path) -> None:
    data = listed(tmp_path)
    assert sorted(data.hosts) == ["demo", "other"]
    assert groups_of(data, "demo") == {
        "aks", "byo_cni", "location_westeurope", "version_1_34", "tag_team_net", "tag_empty",
    }  # fmt: skip
    assert {"azure_cni_cilium", "version_1_35", "tag_team_ops"} < groups_of(data, "other")
    variables = data.get_host("demo").get_vars()
    assert variables["aks_network_mode"] == "byo_cni"
    assert variables["aks_subscription_id"] == "s1"
    assert variables["aks_cluster_name"] == "demo"
    assert variables["aks_cluster_resource_group"] == "rg"
    assert variables["aks_cluster_connection"] == {"subscription_id": "s1"}
    assert (variables["ansible_connection"], variables["ansible_python_interpreter"]) == (
        "local",
        "{{ ansible_playbook_python }}",
    )


def test_only_what_is_asked_for(clouds: Azure, tmp_path: Path) -> None:
    assert list(listed(tmp_path, include_resource_groups=["rg-*"]).hosts) == ["other"]
    assert list(listed(tmp_path, exclude_resource_groups=["rg-ops"]).hosts) == ["demo"]
    assert list(listed(tmp_path, tags={"team": ["net"]}).hosts) == ["demo"]
    data = listed(tmp_path, standard_groups=["location"], role_variables=False)
    assert groups_of(data, "demo") == {"aks", "location_westeurope"}
    assert not any(name.startswith("aks_cluster_") for name in data.get_host("demo").get_vars())


def test_subscriptions_and_shared_names(clouds: Azure, tmp_path: Path) -> None:
    clouds.subscriptions["s2"] = [document("demo", "rg2", "s2"), document("alone", "rg", "s2")]
    assert sorted(listed(tmp_path, subscriptions=["s1", "s2"]).hosts) == ["alone", "demo_rg", "demo_rg2", "other"]
    assert clouds.params[-1]["subscription_id"] == "s1"
    assert len(listed(tmp_path, subscriptions=["*"]).hosts) == 4
    assert sorted(listed(tmp_path, subscription_id="s2").hosts) == ["alone", "demo"]


def test_host_names_are_expressions(clouds: Azure, tmp_path: Path) -> None:
    data = listed(tmp_path, hostnames=["aks_tags.missing", "aks_name ~ '.' ~ aks_resource_group"])
    assert sorted(data.hosts) == ["demo.rg", "other.rg-ops"]
    with pytest.raises(AnsibleParserError, match=r"aks_tags\.missing"):
        listed(tmp_path, hostnames=["aks_tags.missing"], strict=True)


def test_composing(clouds: Azure, tmp_path: Path) -> None:
    data = listed(
        tmp_path,
        compose={"cilium_k8s_service_host": "aks_api_server_host", "lost": "aks_nothing"},
        groups={"stopped": "aks_power_state == 'Stopped'"},
        keyed_groups=[{"key": "aks_tags.team", "prefix": "team"}],
    )
    assert data.get_host("demo").get_vars()["cilium_k8s_service_host"] == "demo.test"
    assert {"stopped", "team_ops"} < groups_of(data, "other")
    assert "stopped" not in groups_of(data, "demo")
    with pytest.raises(Exception, match="lost"):
        listed(tmp_path, compose={"lost": "aks_nothing"}, strict=True)


def test_templates_in_tags_are_not_resolved(clouds: Azure, tmp_path: Path) -> None:
    clouds.subscriptions["s1"] = [document("demo", tags={"x": "{{ lookup('env', 'HOME') }}"})]
    data = listed(tmp_path, compose={"copied": "aks_tags.x"}, hostnames=["aks_tags.x", "aks_name"])
    assert list(data.hosts) == ["___lookup__env____HOME_____"]
    data = listed(tmp_path, compose={"copied": "aks_tags.x"})
    assert data.get_host("demo").get_vars()["copied"] == "{{ lookup('env', 'HOME') }}"


def test_the_cache_saves_the_requests(clouds: Azure, tmp_path: Path) -> None:
    where = {"cache": True, "cache_plugin": "jsonfile", "cache_connection": str(tmp_path / "cache")}
    first = listed(tmp_path, secret="canary", **where)
    again = listed(tmp_path, secret="canary", **where)
    assert list(first.hosts) == list(again.hosts)
    assert first.get_host("demo").get_vars() == again.get_host("demo").get_vars()
    assert len(clouds.asked) == 1
    listed(tmp_path, fresh=True, **where)
    assert len(clouds.asked) == 2
    listed(tmp_path, subscription_id="s1", **where)
    assert len(clouds.asked) == 3
    for file in (tmp_path / "cache").iterdir():
        assert "canary" not in file.read_text(encoding="utf-8")


def test_no_secret_becomes_a_variable(clouds: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY", "canary-secret")
    data = listed(tmp_path, tenant="t", client_id="c", secret="{{ lookup('env', 'CANARY') }}", auth_source="options")
    assert clouds.params[-1]["secret"] == "canary-secret"
    variables = data.get_host("demo").get_vars()
    assert "canary" not in json.dumps(variables, default=str)
    assert variables["aks_cluster_connection"] == {
        "subscription_id": "s1",
        "auth_source": "options",
        "tenant": "t",
        "client_id": "c",
    }


def test_an_error_says_what_to_do(clouds: Azure, tmp_path: Path) -> None:
    with pytest.raises(AnsibleParserError, match="AuthorizationFailed"):
        listed(tmp_path, subscriptions=["s9"])


@pytest.mark.parametrize(
    ("name", "ours"),
    [
        ("demo.aks.yml", True),
        ("x.aks.yaml", True),
        ("aks.yml", True),
        ("aks.yaml", True),
        ("hosts.yml", False),
        ("myaks.yml", False),
        ("demo.aks.json", False),
    ],
)
def test_files_are_known_by_their_names(tmp_path: Path, name: str, ours: bool) -> None:
    path = tmp_path / name
    path.write_text("plugin: cloudnet.aks_cilium.aks\n", encoding="utf-8")
    assert loaded().verify_file(str(path)) is ours


def test_the_documentation_is_that_of_the_options() -> None:
    own = yaml.safe_load(aks.DOCUMENTATION)["options"]
    variables = yaml.safe_load(azure.ModuleDocFragment.PLUGIN)["options"]
    assert not set(own) & set(AZURE.options)
    for name, spec in AZURE.options.items():
        fallback = spec.get("fallback")
        read = [entry["name"] for entry in variables.get(name, {}).get("env", [])]
        # For a plugin the last variable that is set wins, for a module the first.
        assert read == (fallback[1][::-1] if fallback else []), name
    assert [entry["plugin"] for entry in yaml.safe_load_all(aks.EXAMPLES)] == [aks.InventoryModule.NAME] * 2
    for entry in yaml.safe_load_all(aks.EXAMPLES):
        known = {*own, *AZURE.options, "keyed_groups", "groups", "compose", "strict"}
        assert all(key in known or key.startswith("cache") for key in entry)
