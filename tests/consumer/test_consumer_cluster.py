# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles that work on a cluster, each alone in a stranger's project, on a kind cluster behind the stand-in.

The tests go on with what the ones before them made. Both hosts are the same cluster: a second one would cost minutes
and show nothing more.
"""

from __future__ import annotations

import datetime
import re
import shutil
from concurrent.futures import ThreadPoolExecutor

import pytest
from stranger import AT_ONCE, MACHINE, Outcome, Project, start_at_each

HOSTS = {"consumer-weu", "consumer-neu"}
ONE = ("--limit", "consumer-weu")
PLAYBOOKS = ("network", "demo", "harden", "flows")
WHAT_TO_RUN = re.compile(r"\b[Rr]un (the same (command|task)|ansible-playbook)|\brun the task again")


@pytest.fixture(scope="module", autouse=True)
def _prepared() -> None:
    if not MACHINE.exists():
        pytest.fail(f"{MACHINE.name} is missing. Run `make prepare` first.")


def test_a_check_run_before_there_is_a_cluster_says_so(project: Project) -> None:
    """Each role alone, and cilium in each of its states."""
    shutil.rmtree(project.folder / "kubeconfigs", ignore_errors=True)
    runs = [(name, "cilium_state=present") for name in PLAYBOOKS]
    runs += [
        ("network", "cilium_state=managed"),
        ("network", "cilium_state=absent"),
        ("from_localhost", "cilium_state=managed"),
    ]

    def check(run: tuple[str, str]) -> Outcome:
        return project.run(run[0], "--check", "--diff", "--skip-tags", "inform", "-e", run[1])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for outcome in pool.map(check, runs):
            assert outcome.changed() == 0
            assert "no cluster yet" in outcome.text


@pytest.fixture(scope="module")
def cluster(project: Project) -> Project:
    """A cluster without a network plugin, which the second host means as well."""
    project.run("local")
    project.run("cluster", *ONE)
    assert project.run("cluster", *ONE).changed() == 0
    for folder in ("kubeconfigs", "inventories/prod/host_vars"):
        file = project.folder / folder / "consumer-weu.yml"
        shutil.copy(file, file.with_name("consumer-neu.yml"))
    return project


def test_cilium_alone(cluster: Project) -> None:
    assert cluster.run("network", *ONE, "--check", "--tags", "cilium").changed() == 1
    made = cluster.run("network", *ONE)
    assert "Tell the operators" in made.tasks("notified")
    again = cluster.run("network", "-f", "5", "--skip-tags", "inform")
    assert (set(again.stats), again.changed()) == (HOSTS, 0)
    managed = cluster.run("network", "-e", "cilium_state=managed", "--tags", "cilium", ANSIBLE_STRATEGY="free")
    assert managed.changed() == 0


def test_demo_workload_alone(cluster: Project) -> None:
    assert cluster.run("demo", *ONE, "--check", "--diff").changed() == 1
    assert cluster.run("demo", *ONE).changed() == 1
    again = cluster.run("demo", ANSIBLE_STRATEGY="free")
    assert (set(again.stats), again.changed()) == (HOSTS, 0)


def test_policy_hardening_alone(cluster: Project) -> None:
    assert "cilium101-default-deny" in cluster.run("harden", *ONE, "--check", "--diff").text
    assert cluster.run("harden", *ONE).changed() > 0
    assert cluster.run("harden", *ONE).changed() == 0


def test_flow_report_alone(cluster: Project) -> None:
    # A minute that has passed: Hubble forgets its oldest flows, and new ones come all the time.
    now = datetime.datetime.now(datetime.timezone.utc)
    since, until = (f"{time:%Y-%m-%dT%H:%M:%SZ}" for time in (now - datetime.timedelta(minutes=1), now))
    words = ("-e", f"flow_report_since={since}", "-e", f"flow_report_until={until}")
    shutil.rmtree(cluster.folder / "reports", ignore_errors=True)
    assert cluster.run("flows", *words, "--check").changed() > 0
    assert not (cluster.folder / "reports").exists()
    assert cluster.run("flows", *words).changed() > 0
    assert cluster.run("flows", *words).changed() == 0
    assert {file.name for file in (cluster.folder / "reports").iterdir()} >= {f"{host}.html" for host in HOSTS}


def test_one_cluster_after_the_other(cluster: Project) -> None:
    outcome = cluster.run("rolling", "--tags", "cilium,report")
    done = [(event["host"], event["task"]) for event in outcome.events if event["event"] == "ok"]
    last = [host for host, task in done if "Publish the report" in task]
    assert last == ["consumer-weu", "consumer-neu"]
    first_of_second = next(index for index, (host, _task) in enumerate(done) if host == "consumer-neu")
    assert {host for host, _task in done[:first_of_second]} == {"consumer-weu"}


def test_a_rescue_can_tell_what_to_do(cluster: Project) -> None:
    missing = ("-e", "cilium_kubeconfig=/nonexistent/kubeconfig")
    outcome = cluster.run("rolling", "--tags", "cilium", *missing, fails=True)
    assert "consumer-weu failed with KubeconfigMissing." in outcome.text
    assert "consumer-neu failed" not in outcome.text


def test_one_host_can_look_at_all_clusters(cluster: Project) -> None:
    """In a loop of the team's own, and on the controller in place of a machine that cannot be reached."""
    outcome = cluster.run("from_localhost")
    assert outcome.changed() <= 1
    assert set(outcome.stats) == {"localhost", "consumer-web1"}
    assert (cluster.folder / "reports" / "consumer-web1.md").exists()


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_a_run_can_start_at_any_task(cluster: Project, playbook: str) -> None:
    """It works, or it says what to run instead. Proofs take their time, so these are left out in a check run."""
    words = ("--check",) if playbook == "harden" else ()
    for task, outcome in start_at_each(cluster, playbook, *ONE, *words):
        assert "undefined" not in outcome.text, (task, outcome.text)
        if outcome.status != 0:
            assert WHAT_TO_RUN.search(outcome.failures()[0]["msg"]), (task, outcome.text)
