# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Job templates up to where a cluster would be needed: answers, credentials, refusals, and what a failed job leaves.

Azure is the stand-in with a back end that builds nothing, so an API server is never reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from azure_stand_in import LocalAks, started
from runner_jobs import Controller, Job

HOST = "jobs-stub"
SECRET = "canary-of-the-service-principal"
CLUSTER = "/resourceGroups/rsg-jobs/providers/Microsoft.ContainerService/managedClusters/jobs-stub"
Json = dict[str, Any]


@pytest.fixture(scope="module")
def azure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalAks]:
    """The stand-in for Azure."""
    service = started(tmp_path_factory.mktemp("azure"), client_secret=SECRET)
    service.secret = SECRET
    yield service
    service.control("stop")


@pytest.fixture(scope="module")
def controller(tmp_path_factory: pytest.TempPathFactory) -> Controller:
    """The stand-in for AWX, whose execution environment has a helm of the right version, which is never reached."""
    programs = tmp_path_factory.mktemp("programs")
    helm = programs / "helm"
    helm.write_text("#!/bin/sh\necho v3.19.0\n", encoding="utf-8")
    helm.chmod(0o755)
    return Controller(tmp_path_factory.mktemp("controller"), programs=[programs])


def credential(azure: LocalAks) -> dict[str, str]:
    """Just the variables that AWX sets for its type "Microsoft Azure Resource Manager"."""
    return {name: value for name, value in azure.environment.items() if name.startswith("AZURE_")}


def inventory(azure: LocalAks, *hosts: str) -> Json:
    """Hosts as a static inventory has them."""
    variables = {
        "ansible_connection": "local",
        "ansible_python_interpreter": "{{ ansible_playbook_python }}",
        "aks_cluster_resource_group": "rsg-jobs",
        "aks_cluster_location": "eastus",
        "aks_cluster_create_resource_group": True,
        "aks_cluster_connection": {"ca_bundle": str(azure.ca_bundle)},
        "aks_cluster_properties": {
            "network_profile": {"network_plugin": "none", "pod_cidr": "10.244.0.0/16"},
            "agent_pools": [{"name": "nodepool1", "mode": "System", "count": 1, "vm_size": "Standard_D2s_v5"}],
        },
        # A job must not use it: it would stay.
        "aks_cluster_kubeconfig": "~/.kube/aks/cluster.yml",
        "policy_hardening_report": "~/aks-reports/report.md",
        "cilium_pod_cidr": "10.244.0.0/16",
        "cilium_k8s_service_host": "{{ aks_cluster_facts.api_server_host | default('') }}",
        # A team's own variable, and no answer.
        "survey_owner": "team",
    }
    return {"all": {"hosts": dict.fromkeys(hosts or (HOST,), variables)}}


def exists(azure: LocalAks) -> bool:
    return azure.arm("GET", CLUSTER).status == 200


@pytest.fixture(scope="module")
def jobs(azure: LocalAks, controller: Controller) -> dict[str, Job]:
    """One job after the other, for one cluster that is built and deleted."""
    key, hosts = credential(azure), inventory(azure)
    done: dict[str, Job] = {}

    def run(name: str, playbook: str, where: Json | None = None, **more: Any) -> None:
        done[name] = controller.run(name, playbook, where or hosts, **{"workflow": False, "credential": key, **more})

    run("plan", "build", options="--check --diff")
    # Credentials are asked for with a POST, which changes nothing.
    assert [one for one in azure.writes() if "listCluster" not in one["path"]] == [], "a check run writes nothing"
    run("status of nothing", "status")
    run("enforce without an approval", "harden", tags="enforce", workflow=True)
    pinned = inventory(azure)
    pinned["all"]["vars"] = {"policy_hardening_policies_digest": "of the inventory"}
    run("enforce with a pin", "harden", pinned, tags="enforce", workflow=True)
    run("build with a kubeconfig", "build", kubeconfig="{}")
    assert [one for one in azure.writes() if "listCluster" not in one["path"]] == [], "refused before anything is done"
    answers = {
        "survey_aks_cluster_location": "westeurope",
        "survey_aks_cluster_properties": "kubernetes_version: '1.33'",
        "survey_cilium_chart_version": "",
        "survey_cilium_wait_timeout": "5",
        "survey_cilium_hubble_ui": "true",
    }
    run("build", "build", variables=answers)
    run("teardown without a name", "teardown")
    run("teardown of another", "teardown", variables={"survey_teardown_confirm": "jobs-other"})
    assert exists(azure), "nothing but the right name deletes a cluster"
    before, two = azure.writes(), inventory(azure, HOST, "jobs-other")
    run("teardown of two", "teardown", two, variables={"survey_teardown_confirm": HOST})
    assert exists(azure), "the name of one of two clusters deletes neither"
    assert azure.writes() == before
    source = {**key, "AKS_CILIUM_CA_BUNDLE": str(azure.ca_bundle)}
    found = controller.listed("inventories/azure/demo.aks.yml", source)
    run("status by the inventory source", "status", found, credential=source)
    run("teardown", "teardown", found, credential=source, variables={"survey_teardown_confirm": HOST})
    run("two clusters for one kubeconfig", "status", inventory(azure, "one", "two"), kubeconfig="{}", credential=None)
    return done


def test_a_plan_says_what_would_be_built(jobs: dict[str, Job]) -> None:
    job = jobs["plan"]
    assert (job.rc, job.of(HOST)["outcome"], job.of(HOST)["network_mode"]) == (0, "passed", "byo_cni")
    assert "podCidr: 10.244.0.0/16" in job.stdout or "pod_cidr: 10.244.0.0/16" in job.stdout


def test_a_cluster_that_is_missing_is_named_with_the_job_that_builds_it(jobs: dict[str, Job]) -> None:
    job = jobs["status of nothing"]
    assert job.rc != 0
    assert job.failures == [
        f"Require that the cluster exists: Azure has no cluster {HOST} in resource group rsg-jobs. "
        'Run the job "build" first, or correct the inventory.'
    ]


def test_answers_are_values_and_an_empty_one_leaves_the_default(jobs: dict[str, Job], azure: LocalAks) -> None:
    job = jobs["build"]
    taken = [line.split("item=")[1].rstrip(")") for line in job.stdout.splitlines() if "=> (item=" in line]
    assert taken[:4] == ["aks_cluster_location", "aks_cluster_properties", "cilium_hubble_ui", "cilium_wait_timeout"]
    # The answer changes the version and leaves the node pools that the inventory asks for.
    results = [event["event_data"]["res"] for event in job.events if event["event"] == "runner_on_ok"]
    (cluster,) = [result["cluster"] for result in results if "cluster" in result]
    assert (cluster["location"], cluster["kubernetes_version"]) == ("westeurope", "1.33")
    assert [pool["name"] for pool in cluster["agent_pools"]] == ["nodepool1"]


def test_a_job_that_fails_says_so_in_its_artifact(jobs: dict[str, Job]) -> None:
    job = jobs["build"]
    assert job.rc != 0
    assert job.of(HOST) == {"job": "build", "outcome": "failed"}
    assert "its name cannot be resolved" in job.failures[0]


def test_a_cluster_is_deleted_only_by_its_name(jobs: dict[str, Job], azure: LocalAks) -> None:
    assert "teardown_confirm= is not jobs-stub" in jobs["teardown without a name"].failures[0]
    assert "teardown_confirm=jobs-other is not jobs-stub" in jobs["teardown of another"].failures[0]
    job = jobs["teardown"]
    assert (job.rc, job.of(HOST)) == (0, {"job": "teardown", "outcome": "passed", "cluster": "deleted"})
    assert not exists(azure)


def test_one_job_does_not_delete_two_clusters(jobs: dict[str, Job]) -> None:
    job = jobs["teardown of two"]
    assert job.rc != 0
    text = "The job deletes one cluster, and runs for 2 (jobs-stub, jobs-other). Nothing was deleted."
    assert text in job.failures[0]
    assert {job.of(host)["outcome"] for host in (HOST, "jobs-other")} == {"failed"}


def test_a_workflow_enforces_only_what_was_approved(jobs: dict[str, Job]) -> None:
    (failure,) = jobs["enforce without an approval"].failures
    assert f"aks_cilium.{HOST}.policies_digest" in failure
    assert 'Nothing was changed. Run the job "shadow"' in failure
    # A pin of the inventory is one, too; the next thing that is missing is the cluster.
    (failure,) = jobs["enforce with a pin"].failures
    assert failure.startswith("Require that the cluster exists")


def test_a_cluster_is_not_built_beside_a_kubeconfig(jobs: dict[str, Job]) -> None:
    (failure,) = jobs["build with a kubeconfig"].failures
    assert "Nothing was created. Take the kubeconfig credential away from this template" in failure


def test_hosts_of_the_inventory_source_have_all_that_a_job_needs(jobs: dict[str, Job]) -> None:
    (failure,) = jobs["status by the inventory source"].failures
    assert "its name cannot be resolved" in failure, "all but the API server is found"


def test_one_kubeconfig_is_not_taken_for_two_clusters(jobs: dict[str, Job]) -> None:
    job = jobs["two clusters for one kubeconfig"]
    assert job.rc != 0
    assert "The job was given the kubeconfig of one cluster, and runs for 2." in job.failures[0]


def test_no_job_leaves_a_file_or_shows_a_secret(jobs: dict[str, Job]) -> None:
    for job in jobs.values():
        job.check([SECRET])
