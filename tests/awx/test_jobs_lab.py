# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""All job templates on a real cluster, from its creation to its end, in the order of the workflow "harden a cluster".

Azure is the stand-in with kind behind it. Each job has a private directory of its own, and of an earlier one only
its artifacts.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from runner_jobs import ROOT, Controller, Job

HOST = "jobs-aks"
PORT = 8472
SECRET = "canary-of-the-service-principal"
STATE = ROOT / "build" / "jobs" / "local_aks"
INVENTORY = ROOT / "inventories" / "local" / "group_vars"
MACHINE = INVENTORY / "all" / "machine.yml"
SHOP = Path(__file__).with_name("runner_shop.yaml")
Json = dict[str, Any]


def machine() -> Json:
    """Where programs, images and charts of this machine are; `make prepare` writes it."""
    if not MACHINE.exists():
        pytest.fail(f"{MACHINE.relative_to(ROOT)} is missing. Run `make prepare` first.")
    found: Json = yaml.safe_load(MACHINE.read_text(encoding="utf-8"))
    return found


def stand_in(state: str) -> None:
    """Start the stand-in, or remove it with its clusters."""
    command = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "-i",
        "inventories/local",
        "--limit",
        "aksciliumlab",
    ]
    variables = {
        "local_aks_state": state,
        "local_aks_directory": str(STATE),
        "local_aks_port": PORT,
        "local_aks_client_secret": SECRET,
        "local_aks_engine_stop": [],
    }
    command += [
        "tests/awx/runner_stand_in.yml",
        "--extra-vars",
        yaml.safe_dump(variables, default_flow_style=True, width=9999),
    ]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def azure() -> Iterator[dict[str, str]]:
    """The stand-in for Azure, as the variables that AWX sets for its credential."""
    try:
        stand_in("present")
        yield {
            "AZURE_SUBSCRIPTION_ID": "00000000-0000-0000-0000-000000000000",
            "AZURE_TENANT": "11111111-1111-1111-1111-111111111111",
            "AZURE_CLIENT_ID": "22222222-2222-2222-2222-222222222222",
            "AZURE_SECRET": SECRET,
            "AZURE_CLOUD_ENVIRONMENT": f"https://127.0.0.1:{PORT}",
        }
    finally:
        stand_in("absent")


def inventory() -> Json:
    """The cluster as a host, with what this machine needs beyond a user's own inventory."""
    local = yaml.safe_load((INVENTORY / "byo_cni.yml").read_text(encoding="utf-8"))
    network = local["aks_cluster_properties"]["network_profile"]
    variables = {
        **{name: value for name, value in machine().items() if name.startswith("cilium_")},
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_cluster_resource_group": "rsg-jobs",
        "aks_cluster_create_resource_group": True,
        "aks_cluster_connection": {"ca_bundle": str(STATE / "ca.pem")},
        "aks_cluster_properties": {
            "network_profile": network,
            "agent_pools": [{"name": "nodepool1", "mode": "System", "count": 1}],
        },
        "aks_cluster_kubeconfig": "~/.kube/aks/cluster.yml",
        "cilium_values": "{{ cilium_values_local }}",
        "cilium_pod_cidr": network["pod_cidr"],
        "cilium_k8s_service_host": "{{ aks_cluster_facts.api_server_host | default('') }}",
        "cilium_k8s_service_port": 6443,
        "policy_hardening_observe_window": 40,
        "policy_hardening_soak": 10,
        "policy_hardening_watch": 3,
        "policy_hardening_drift_window": 10,
        "policy_hardening_report": "~/aks-reports/report.md",
    }
    return {"all": {"hosts": {HOST: variables}}}


@dataclass
class Cluster:
    """The cluster by kubectl, as a stranger looks at it."""

    kubectl: str
    kubeconfig: Path

    def __call__(self, *words: str) -> str:
        command = [self.kubectl, "--kubeconfig", str(self.kubeconfig), *words]
        done = subprocess.run(command, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def opened(self) -> bool:
        """Whether somebody whom the shop does not know gets an answer of it."""
        command = [self.kubectl, "--kubeconfig", str(self.kubeconfig), "exec", "stranger", "--"]
        command += ["curl", "-s", "-o", "/dev/null", "-m", "3", "http://web.shop"]
        return subprocess.run(command, check=False, capture_output=True, stdin=subprocess.DEVNULL).returncode == 0

    def secrets(self) -> list[str]:
        """The credentials in the kubeconfig: nobody but the job may see them."""
        users = yaml.safe_load(self.kubeconfig.read_text(encoding="utf-8"))["users"]
        return [
            str(value) for user in users for name, value in user["user"].items() if name in ("client-key-data", "token")
        ]


@dataclass
class Workflow:
    """The jobs that ran, and what a stranger saw in between."""

    jobs: dict[str, Job] = field(default_factory=dict)
    opened: dict[str, bool] = field(default_factory=dict)
    secrets: list[str] = field(default_factory=list)


@pytest.fixture(scope="module")
def workflow(azure: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """One job after the other; one that must end well ends the tests if it does not."""
    found = machine()
    controller = Controller(tmp_path_factory.mktemp("controller"))
    hosts, done = inventory(), Workflow()

    def run(name: str, playbook: str, *, good: bool = True, key: dict[str, str] | None = azure, **more: Any) -> Job:
        job = done.jobs[name] = controller.run(name, playbook, hosts, credential=key, **more)
        if (job.rc == 0) is not good:
            pytest.fail(f"{name} ended with {job.rc}\n{job.stdout[-6000:]}")
        return job

    shop = {"survey_policy_hardening_namespaces": "shop"}
    run("build", "build", variables={"survey_aks_cluster_location": "westeurope", "survey_cilium_chart_version": ""})
    (kubeconfig,) = STATE.rglob("kubeconfig*")
    cluster = Cluster(found["local_aks_kubectl"], kubeconfig)
    done.secrets = [SECRET, *cluster.secrets()]
    cluster("apply", "--filename", str(SHOP))
    cluster("wait", "--for=condition=Available", "--timeout=120s", "--namespace=shop", "deployment", "--all")
    cluster("wait", "--for=condition=Ready", "--timeout=120s", "pod/stranger")
    run(
        "plan",
        "build",
        workflow=False,
        options="--check --diff",
        variables={"survey_aks_cluster_location": "westeurope"},
    )
    run("status", "status")
    given = kubeconfig.read_text(encoding="utf-8")
    run("status by kubeconfig", "status", key=None, kubeconfig=given, workflow=False)
    done.opened["before"] = cluster.opened()
    chunk = "survey_policy_hardening_observe_chunk"
    run("observe too short", "harden", tags="observe", variables={**shop, chunk: "8"}, good=False)
    run("observe", "harden", tags="observe", variables={**shop, chunk: "40"})
    run("shadow", "harden", tags="shadow", variables=shop)
    done.opened["shadow"] = cluster.opened()
    others = {**shop, "aks_cilium": {HOST: {"policies_digest": "of other policies"}}}
    run("enforce others", "harden", tags="enforce", variables=others, workflow=False, good=False)
    done.opened["refused"] = cluster.opened()
    run("enforce", "harden", tags="enforce", variables=shop)
    done.opened["enforced"] = cluster.opened()
    run("report", "report", variables={"survey_flow_report_namespaces": "shop", **shop})
    run("drift", "harden", tags="drift", variables=shop, workflow=False)
    glass = {**shop, "survey_break_glass_minutes": "5"}
    run("break glass", "break_glass", variables={**glass, "survey_break_glass_state": "open"}, workflow=False)
    done.opened["broken"] = cluster.opened()
    run("closed", "break_glass", variables={**glass, "survey_break_glass_state": "closed"}, workflow=False)
    done.opened["closed"] = cluster.opened()
    run("teardown", "teardown", variables={"survey_teardown_confirm": HOST}, workflow=False)
    return done


def test_the_build_makes_a_healthy_cluster(workflow: Workflow) -> None:
    built = workflow.jobs["build"].of(HOST)
    assert built["job"] == "build"
    assert (built["outcome"], built["cluster"], built["network_mode"]) == ("passed", "Succeeded", "byo_cni")
    assert built["healthy"] is True
    assert built["kubernetes"].startswith("1.")


@pytest.mark.parametrize("name", ["plan", "status", "status by kubeconfig", "report"])
def test_a_job_that_only_looks_changes_nothing(workflow: Workflow, name: str) -> None:
    assert workflow.jobs[name].changed == 0, workflow.jobs[name].stdout


@pytest.mark.parametrize("name", ["status", "status by kubeconfig"])
def test_the_status_is_read_with_either_credential(workflow: Workflow, name: str) -> None:
    job = workflow.jobs[name]
    assert (job.of(HOST)["outcome"], job.of(HOST)["healthy"], job.of(HOST)["errors"]) == ("passed", True, [])
    assert "Cilium:" in job.stdout


def test_a_node_fails_that_still_waits_for_evidence(workflow: Workflow) -> None:
    job = workflow.jobs["observe too short"]
    assert (job.of(HOST)["job"], job.of(HOST)["stage"], job.of(HOST)["outcome"]) == ("observe", "observe", "stopped")
    assert job.of(HOST)["waiting"]
    assert len(job.failures) == 1
    enough = workflow.jobs["observe"].of(HOST)
    assert (enough["waiting"], enough["outcome"], enough["state"]) == ("", "passed", "listening")


def test_the_stages_hand_on_what_they_came_to(workflow: Workflow) -> None:
    shadow, enforce = (workflow.jobs[name].of(HOST) for name in ("shadow", "enforce"))
    assert (shadow["state"], enforce["state"]) == ("shadow", "sealed")
    assert shadow["policies"] > 0
    assert shadow["policies_digest"], "what an approval is for"
    for key in ("policies", "policies_digest", "evidence_digest"):
        assert shadow[key] == enforce[key], "what was approved is what is enforced"


def test_other_policies_than_those_that_were_approved_are_not_enforced(workflow: Workflow) -> None:
    job = workflow.jobs["enforce others"]
    assert job.of(HOST)["outcome"] == "failed"
    assert "of other policies" in job.failures[0]
    assert job.of(HOST)["state"] == "shadow"


def test_only_enforcing_keeps_strangers_out_and_breaking_the_glass_lets_them_in(workflow: Workflow) -> None:
    assert workflow.opened == {
        "before": True,
        "shadow": True,
        "refused": True,
        "enforced": False,
        "broken": True,
        "closed": False,
    }
    opened, closed = (workflow.jobs[name].of(HOST) for name in ("break glass", "closed"))
    assert (opened["open"], closed["open"], closed["closes_at"]) == (["shop"], [], "")
    assert opened["closes_at"].endswith("Z")


def test_the_report_is_made_of_what_the_cluster_keeps(workflow: Workflow) -> None:
    report = workflow.jobs["report"].of(HOST)
    assert (report["job"], report["outcome"], report["state"]) == ("report", "passed", "sealed")
    assert report["flows"]["namespaces"] >= 1
    assert report["flows"]["ingress_enforced"] >= 2


def test_nothing_has_moved(workflow: Workflow) -> None:
    drift = workflow.jobs["drift"].of(HOST)
    assert (drift["job"], drift["outcome"]) == ("drift", "passed")
    assert set(drift["drift"].values()) <= {0}


def test_the_cluster_is_gone_in_the_end(workflow: Workflow) -> None:
    assert workflow.jobs["teardown"].of(HOST) == {"job": "teardown", "outcome": "passed", "cluster": "deleted"}


def test_no_job_leaves_a_file_or_shows_a_secret(workflow: Workflow) -> None:
    assert len(workflow.secrets) >= 2
    for job in workflow.jobs.values():
        job.check(workflow.secrets)
