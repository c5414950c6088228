# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The roles that talk to Azure, in a stranger's project, against the stand-in with the back end that builds nothing.

The tests go on with what the ones before them made.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from stranger import CANARY, Project, start_at_each

STUB = ("-e", "local_aks_backend=stub")
HOSTS = {"consumer-weu", "consumer-neu"}
# Names that a team may have given to its variables; on the command line they win over all that a role could set.
NAMES = ("state", "item", "result", "kubeconfig", "context", "cluster", "resource_group", "location", "path", "msg")
COLLIDING = ("-e", json.dumps(dict.fromkeys(NAMES, "from-the-command-line")))


@pytest.fixture(scope="module", autouse=True)
def stub(project: Project) -> Iterator[None]:
    """The stand-in, from the installed collection; a second start changes nothing, nor does a second removal."""
    assert project.run("local", *STUB, "--check").changed() > 0
    assert project.run("local", *STUB).changed() > 0
    assert project.run("local", *STUB, *COLLIDING).changed() == 0
    yield
    gone = (*STUB, "-e", "local_aks_state=absent")
    assert project.run("local", *gone, "--check").changed() > 0
    assert project.run("local", *gone).changed() > 0
    assert project.run("local", *gone).changed() == 0


def test_two_clusters_are_planned_made_and_left_alone(project: Project) -> None:
    planned = project.run("cluster", "--check", "--diff")
    made = project.run("cluster", "-f", "5", ANSIBLE_STRATEGY="free")
    again = project.run("cluster", "--become", *COLLIDING)
    assert set(made.stats) == HOSTS
    assert planned.changed() >= len(HOSTS)
    assert "aks_cluster_planned" in planned.kept["consumer-weu"]["made"]
    assert made.changed() >= planned.changed()
    assert made.tasks("notified") == ["Tell the operators"] * len(HOSTS)
    assert again.changed() == 0


def test_a_limit_and_the_team_s_own_tags_choose(project: Project) -> None:
    noted = project.run("cluster", "--tags", "notes", "--limit", "consumer-neu")
    assert set(noted.stats) == {"consumer-neu"}
    # Ansible itself checks the variables of every role that a playbook imports, whatever the tags.
    assert [task for task in noted.tasks() if "Validating arguments" not in task] == []
    silent = project.run("cluster", "--skip-tags", "notes", "--limit", "consumer-neu")
    assert {task.partition(" : ")[0] for task in silent.tasks()} == {"cloudnet.aks_cilium.aks_cluster"}


def test_a_deleted_cluster_is_deleted_once(project: Project) -> None:
    gone = ("-e", "aks_cluster_state=absent", "--tags", "cluster", "--limit", "consumer-neu")
    assert project.run("cluster", *gone, "--check").changed() > 0
    assert project.run("cluster", *gone).changed() > 0
    assert project.run("cluster", *gone).changed() == 0


@pytest.mark.parametrize(("playbook", "words"), [("cluster", ("--limit", "consumer-weu")), ("local", STUB)])
def test_a_run_can_start_at_any_task(project: Project, playbook: str, words: tuple[str, ...]) -> None:
    for task, outcome in start_at_each(project, playbook, *words):
        assert (outcome.status, outcome.changed()) == (0, 0), (task, outcome.text)


def test_a_wrong_variable_is_named(project: Project) -> None:
    failed = project.run("cluster", "-e", "aks_cluster_state=perhaps", fails=True)
    assert "aks_cluster_state" in failed.text
    refused = project.run("cluster", "-e", '{"aks_cluster_properties": {"dns_prefix_": "x"}}', fails=True)
    assert "dns_prefix_" in refused.text


def test_a_refused_secret_is_not_shown(project: Project) -> None:
    """Not with all arguments on the screen, and not with all that verbosity tells."""
    wrong = ("-e", "azure_client=33333333-3333-3333-3333-333333333333")
    failed = project.run("cluster", "-vvv", *wrong, fails=True, ANSIBLE_DISPLAY_ARGS_TO_STDOUT="1")
    assert failed.failures()
    assert all(result["failure"]["code"] for result in failed.failures())
    assert CANARY not in failed.text
