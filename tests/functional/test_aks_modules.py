# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""aks_cluster and aks_kubeconfig as processes against the local stand-in for Azure: twelve steps, and bad input."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from azure_modules import COLLECTIONS

if TYPE_CHECKING:
    from azure_modules import Modules

BYO = {
    "location": "westeurope",
    "create_resource_group": True,
    "network_profile": {"network_plugin": "none", "pod_cidr": "10.244.0.0/16", "service_cidr": "10.0.0.0/16"},
    "agent_pools": [{"name": "system", "mode": "System", "count": 2, "vm_size": "Standard_D4ads_v5"}],
    "tags": {"team": "net"},
    "oidc_issuer": True,
}
CILIUM = {
    **BYO,
    "network_profile": {
        "network_plugin": "azure",
        "network_plugin_mode": "overlay",
        "network_dataplane": "cilium",
        "advanced_networking": {"enabled": True, "advanced_network_policies": "FQDN"},
    },
}
Json = dict[str, Any]


class TestTwelveSteps:
    def test_byo_cni(self, modules: Modules) -> None:
        created = modules.both(**BYO)
        cluster = created["cluster"]
        assert (cluster["network_mode"], cluster["provisioning_state"]) == ("byo_cni", "Succeeded")
        assert cluster["network_profile"]["pod_cidr"] == "10.244.0.0/16"
        assert cluster["api_server_host"] == cluster["fqdn"] != ""

        pools = [{"name": "system", "count": 3}, {"name": "extra", "mode": "User", "count": 0}]
        changed = modules.both(agent_pools=pools, oidc_issuer=True)
        assert changed["diff"]["before"] == {"agent_pools": {"extra": None, "system": {"count": 2}}}
        assert [pool["name"] for pool in changed["cluster"]["agent_pools"]] == ["extra", "system"]
        assert changed["cluster"]["tags"] == {"team": "net"}

        modules.both(state="absent", create_resource_group=True)
        assert modules.service.arm("GET", "/resourcegroups/rg-modules").status == 404

    def test_azure_cni_powered_by_cilium(self, modules: Modules) -> None:
        cluster = modules.both(**CILIUM)["cluster"]
        assert cluster["network_mode"] == "azure_cni_cilium"
        assert cluster["network_profile"]["network_policy"] == "cilium"
        assert cluster["acns"]["advanced_network_policies"] == "FQDN"
        off = modules.both(network_profile={"advanced_networking": {"enabled": False}})
        assert off["cluster"]["acns"]["enabled"] is False

    def test_the_migration_to_cilium(self, modules: Modules) -> None:
        overlay = {"network_plugin": "azure", "network_plugin_mode": "overlay"}
        modules.both(**{**BYO, "network_profile": overlay})
        cluster = modules.both(network_profile={"network_dataplane": "cilium"})["cluster"]
        assert cluster["network_profile"]["network_policy"] == "cilium"


class TestUpdate:
    def test_unnamed_fields_keep_their_values(self, modules: Modules) -> None:
        modules.cluster(**BYO)
        path = "/resourceGroups/rg-modules/providers/Microsoft.ContainerService/managedClusters/demo"
        before = modules.service.arm("GET", path).body
        modules.cluster(agent_pools=[{"name": "system", "count": 3}])
        after = modules.service.arm("GET", path).body
        for document in (before, after):
            document.pop("eTag")
            for pool in document["properties"]["agentPoolProfiles"]:
                pool.pop("eTag")
                pool.pop("count")
        assert before == after

    def test_tags_alone_are_a_patch(self, modules: Modules) -> None:
        modules.cluster(**BYO)
        modules.writes()
        result = modules.cluster(tags={"team": None, "stage": "test"})
        assert result["cluster"]["tags"] == {"stage": "test"}
        assert modules.writes() == ["PATCH"]

    def test_nothing_to_do_costs_one_token_and_one_read(self, modules: Modules) -> None:
        modules.cluster(**BYO)
        modules.service.requests(clear=True)
        assert modules.cluster(**BYO)["changed"] is False
        paths = [(item["method"], item["path"].rsplit("/", 1)[-1]) for item in modules.service.requests()]
        assert [item for item in paths if item[1] not in ("endpoints", "openid-configuration")] == [
            ("POST", "token"),
            ("GET", "demo"),
        ]

    def test_what_azure_cannot_change_is_refused_before_the_call(self, modules: Modules) -> None:
        modules.cluster(**BYO)
        modules.writes()
        result = modules.cluster(network_profile={"network_plugin": "azure"})
        assert result["failure"]["code"] == "ImmutableField"
        assert result["failure"]["option"] == "network_profile.network_plugin"
        assert modules.writes() == []


class TestOperations:
    def test_without_waiting_and_then_waiting(self, modules: Modules) -> None:
        modules.service.faults({"kind": "hold_operation"})
        started = modules.cluster(**BYO, wait=False)
        assert started["operation"]["action"] == "create"
        assert started["cluster"]["provisioning_state"] == "Creating"
        late = modules.cluster(**BYO, wait_timeout=1)
        assert late["failure"]["code"] == "WaitTimeout"
        assert "picked" in late["msg"] or "pick it up" in late["msg"]
        modules.service.faults()
        ended = modules.cluster(**BYO)
        assert (ended["changed"], ended["cluster"]["provisioning_state"]) == (False, "Succeeded")

    def test_a_failed_creation_tells_why_and_is_reconciled_by_the_next_run(self, modules: Modules) -> None:
        modules.service.faults({"kind": "operation_failed", "code": "QuotaExceeded", "message": "Too few cores."})
        failed = modules.cluster(**BYO)
        assert failed["failure"]["kind"] == "OperationFailed"
        assert failed["failure"]["code"] == "QuotaExceeded"
        assert "Too few cores" in failed["msg"]
        assert failed["failure"]["details"]["agent_pools"] == {"system": "Failed"}
        assert failed["failure"]["correlation_id"]
        modules.writes()
        again = modules.cluster(**BYO)
        assert (again["changed"], again["cluster"]["provisioning_state"]) == (True, "Succeeded")
        assert modules.writes() == ["PUT"]

    @pytest.mark.parametrize(
        "fault",
        [
            {"status": 429, "code": "Throttled", "retry_after": 1},
            {"status": 503, "code": "ServiceUnavailable", "method": "GET"},
            {"status": 409, "code": "EtagMismatch", "method": "PUT", "path": "managedClusters"},
            {"status": 409, "code": "OperationNotAllowed", "method": "PUT", "path": "managedClusters"},
            {"status": 412, "code": "PreconditionFailed", "method": "PUT", "path": "managedClusters"},
        ],
        ids=lambda fault: fault["code"],
    )
    def test_passing_trouble_passes(self, modules: Modules, fault: Json) -> None:
        modules.service.faults({"kind": "response", **fault})
        assert modules.cluster(**BYO).get("failed") is None

    def test_a_refusal_reaches_the_user(self, modules: Modules) -> None:
        fault = {"kind": "response", "status": 403, "code": "AuthorizationFailed", "message": "No permission."}
        modules.service.faults(fault)
        failure = modules.cluster(**BYO)["failure"]
        assert (failure["kind"], failure["status"], failure["code"]) == ("AuthFailed", 403, "AuthorizationFailed")
        assert modules.writes() == []


PROFILES: list[tuple[Json, str]] = [
    ({"network_plugin": "azure", "network_dataplane": "cilium", "network_policy": "azure"}, "network_policy"),
    ({"network_plugin": "none", "network_dataplane": "cilium"}, "network_dataplane"),
    ({"pod_cidr": "10.0.0.0/16", "service_cidr": "10.0.0.0/16"}, "pod_cidr"),
    ({"pod_cidr": "172.30.0.0/16"}, "pod_cidr"),
    ({"network_plugin": "azure", "network_policy": "cilium"}, "network_policy"),
]


class TestBadInput:
    def refused(self, modules: Modules, option: str, code: str = "", **arguments: Any) -> Json:
        result = modules.cluster(**{**BYO, **arguments})
        assert result.get("failed") is True, result
        assert result["failure"].get("option", "") == option
        assert not code or result["failure"]["code"] == code
        assert result["failure"]["remedy"]
        assert modules.writes() == []
        return result

    @pytest.mark.parametrize(("profile", "option"), PROFILES, ids=lambda value: str(value)[:50])
    def test_networks(self, modules: Modules, profile: Json, option: str) -> None:
        self.refused(modules, f"network_profile.{option}", network_profile=profile)

    def test_the_virtual_network(self, modules: Modules) -> None:
        self.refused(modules, "network_profile.pod_cidr", "OverlappingCidr", vnet_cidrs=["10.244.7.0/24"])

    def test_names(self, modules: Modules) -> None:
        self.refused(modules, "name", name="demo-")
        self.refused(modules, "resource_group", resource_group="rg.")

    def test_a_group_that_is_not_there(self, modules: Modules) -> None:
        self.refused(modules, "resource_group", "ResourceGroupNotFound", create_resource_group=False)

    def test_a_wrong_secret(self, modules: Modules) -> None:
        failure = self.refused(modules, "", "AADSTS7000215", secret="not-the-one")["failure"]
        assert failure["kind"] == "AuthFailed"

    def test_half_a_credential(self, modules: Modules) -> None:
        modules.environment = {"AZURE_SECRET": ""}
        self.refused(modules, "secret", "IncompleteCredential")

    def test_an_unknown_cloud(self, modules: Modules) -> None:
        result = self.refused(modules, "cloud_environment", "UnknownCloudEnvironment", cloud_environment="Mars")
        assert "AzureChinaCloud" in result["msg"]

    def test_a_certificate_that_is_not_trusted(self, modules: Modules) -> None:
        modules.environment = {"AKS_CILIUM_CA_BUNDLE": ""}
        failure = self.refused(modules, "cloud_environment", "CloudMetadataUnavailable")["failure"]
        assert "certificate" in failure["message"].lower()

    def test_another_subscription(self, modules: Modules) -> None:
        self.refused(modules, "", "SubscriptionNotFound", subscription_id="99999999-0000-0000-0000-000000000000")

    def test_an_endpoint_that_is_not_there_costs_no_patience(self, modules: Modules) -> None:
        started = time.monotonic()
        self.refused(
            modules,
            "cloud_environment",
            "CloudMetadataUnavailable",
            cloud_environment="https://127.0.0.1:9",
            request_timeout=5,
        )
        assert time.monotonic() - started < 30


class TestKubeconfig:
    def test_writes_and_removes_a_file(self, modules: Modules, tmp_path: Path) -> None:
        path = tmp_path / "kube" / "demo.yaml"
        early = modules.run("aks_kubeconfig", check=True, path=str(path))
        assert early["changed"] is True
        assert "does not exist yet" in early["msg"]
        modules.cluster(**BYO)
        checked = modules.run("aks_kubeconfig", check=True, path=str(path))
        assert not path.exists()
        written = modules.run("aks_kubeconfig", path=str(path))
        assert (checked["changed"], checked["diff"]) == (written["changed"], written["diff"])
        assert written["context"] == "demo"
        assert path.stat().st_mode & 0o777 == 0o600
        assert modules.run("aks_kubeconfig", path=str(path))["changed"] is False
        admin = modules.run("aks_kubeconfig", path=str(path), credential="admin", merge=True)
        assert (admin["changed"], admin["context"]) == (True, "demo-admin")
        modules.run("aks_kubeconfig", path=str(path), credential="admin", state="absent")
        assert path.exists()
        assert modules.run("aks_kubeconfig", path=str(path), state="absent")["changed"] is True
        assert not path.exists()

    def test_a_file_that_is_no_kubeconfig_is_not_touched(self, modules: Modules, tmp_path: Path) -> None:
        path = tmp_path / "notes.txt"
        path.write_text("remember: [the milk", encoding="utf-8")
        result = modules.run("aks_kubeconfig", path=str(path), overwrite_existing=True)
        assert result["failure"]["code"] == "NotAKubeconfig"
        assert path.read_text(encoding="utf-8") == "remember: [the milk"


PLAY = """
- name: Create
  hosts: localhost
  gather_facts: false
  tasks:
    - name: Create the cluster
      cloudnet.aks_cilium.aks_cluster:
        resource_group: rg-modules
        name: demo
        location: westeurope
        create_resource_group: true
        network_profile: {network_plugin: none}
        agent_pools: [{name: system, count: 1}]
"""


def test_a_playbook_shows_progress_and_the_diff(modules: Modules, tmp_path: Path) -> None:
    play = tmp_path / "play.yml"
    play.write_text(PLAY, encoding="utf-8")
    environment = {
        **os.environ,
        **modules.service.environment,
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCALHOST_WARNING": "false",
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_HOME": str(tmp_path / "home"),
    }
    command = [sys.executable, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "--diff", "-vvvv"]
    interpreter = ["-e", f"ansible_python_interpreter={sys.executable}"]
    done = subprocess.run(
        [*command, *interpreter, str(play)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "[localhost] cluster demo: " in done.stdout
    assert "network_plugin: none" in done.stdout
    assert "changed=1" in done.stdout
    for canary in (modules.service.secret, "&s="):
        assert canary not in done.stdout.replace(str(tmp_path), "")
