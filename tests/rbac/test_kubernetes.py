# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Each file of docs/permissions/kubernetes has the rights of its task: none is missing, and none could be left out.

The tasks run one after another on one cluster, each as a service account that has its file and nothing else. Then
rights are taken away, one at a time, and the task must say which one it lacks. By itself this leaves out the stages of
a hardening, which take minutes, and takes one right from each file; AKS_CILIUM_RBAC_ALL=1 leaves out nothing.
AKS_CILIUM_RBAC_KUBECONFIG names a cluster of the lab called `rbac` that shall stay.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster import ROLES, Cluster, Ran, lab
from permissions import Atom, Permission, RoleFile, escalated_by, granted_by_creation, missing, needed_by, unused
from tasks import LATER, TASKS, Task

NAME = "rbac"
SHOP = Path(__file__).with_name("shop.yaml")
KEPT = os.environ.get("AKS_CILIUM_RBAC_KUBECONFIG")
ALL = bool(os.environ.get("AKS_CILIUM_RBAC_ALL"))
CHOSEN = [task for task in TASKS if ALL or not task.long]
FILES = {path.stem: RoleFile(path) for path in sorted(ROLES.glob("*.yml"))}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster without a CNI plugin: the first task installs Cilium."""
    folder = tmp_path_factory.mktemp("rbac")
    kubeconfig = Path(KEPT) if KEPT else folder / "admin.kubeconfig"
    if not KEPT:
        lab("up", "--name", NAME, "--kubeconfig", str(kubeconfig))
    try:
        lines = lab("env", "--name", NAME, "--kubeconfig", str(kubeconfig)).splitlines()
        environment = dict(line.partition("=")[::2] for line in lines)
        found = Cluster(kubeconfig, folder, {**environment, "FOLDER": str(folder)})
        # The controller manager hands out the ranges a moment after the nodes are there.
        found.kubectl("wait", "nodes", "--all", "--for=jsonpath={.spec.podCIDR}", "--timeout=60s")
        yield found
        found.recorder.close()
    finally:
        if not KEPT:
            lab("down", "--name", NAME, "--kubeconfig", str(kubeconfig))


def run(cluster: Cluster, task: Task, kubeconfig: Path) -> Ran:
    return cluster.play(task.tasks(cluster.environment), task.variables(cluster.environment), kubeconfig)


def needed(ran: Ran, role_file: RoleFile) -> set[Permission]:
    """The rights that the requests of a run asked for, and what the API server demands of a writer of Roles."""
    may_escalate = any(atom.permission.verb == "escalate" for atom in role_file.atoms())
    besides = escalated_by if may_escalate else granted_by_creation
    return {right for request in ran.requests for right in (*needed_by(request), *besides(request))}


def test_each_file_belongs_to_a_task() -> None:
    assert sorted(FILES) == sorted(task.file for task in TASKS)


@pytest.mark.parametrize("file", FILES)
def test_a_file_binds_what_it_grants_to_one_account(file: str) -> None:
    role_file = FILES[file]
    subject = {"kind": "ServiceAccount", "name": file, "namespace": "aks-cilium"}
    assert role_file.bindings
    for binding in role_file.bindings:
        assert binding["subjects"] == [subject]
    bound = {
        (b["roleRef"]["kind"], b["roleRef"]["name"], b["metadata"].get("namespace", "")) for b in role_file.bindings
    }
    assert bound == {(r["kind"], r["metadata"]["name"], r["metadata"].get("namespace", "")) for r in role_file.roles}
    texts = [text for role in role_file.roles for rule in role["rules"] for part in rule.values() for text in part]
    assert "*" not in texts, "a star grants what nobody has looked at"


@pytest.mark.parametrize("task", [task for task in CHOSEN if task is not TASKS[-1]], ids=lambda task: task.file)
def test_a_task_has_the_rights_that_it_needs_and_no_other(cluster: Cluster, task: Task) -> None:
    judge(cluster, task)
    if task.file == "install":
        cluster.kubectl("apply", "--filename", str(SHOP))
        cluster.kubectl(
            "wait", "deployment", "--all", "--for=condition=Available", "--namespace", "shop", "--timeout=170s"
        )


def judge(cluster: Cluster, task: Task) -> None:
    role_file = FILES[task.file]
    ran = run(cluster, task, cluster.give(role_file))
    assert ran.ok, ran.output
    wanted = needed(ran, role_file)
    atoms = [atom for atom in role_file.atoms() if (atom.permission.verb, atom.permission.resource) not in LATER]
    absent, idle = ({str(right) for right in find(wanted, atoms)} for find in (missing, unused))
    different = {
        "asked for and not in the file": sorted(absent - task.left_out),
        "not asked for, though left_out says so": sorted(task.left_out - absent),
        "in the file and not needed": sorted(idle - task.also),
        "needed, or not in the file, though also says otherwise": sorted(task.also - idle),
    }
    assert {how: rights for how, rights in different.items() if rights} == {}


def mutations() -> list[tuple[Task, Atom]]:
    """Rights to take away: all of them, or a few of each quick task, always the same ones."""
    chosen = []
    for task in CHOSEN:
        if not task.quick or task.file not in FILES:
            continue
        atoms = [
            atom for atom in FILES[task.file].atoms() if (atom.permission.verb, atom.permission.resource) not in LATER
        ]
        atoms.sort(key=lambda atom: hashlib.sha256(f"{atom.permission}".encode()).hexdigest())
        chosen += [(task, atom) for atom in (atoms if ALL else atoms[:1])]
    return chosen


@pytest.mark.parametrize(
    ("task", "atom"), mutations(), ids=lambda value: getattr(value, "file", None) or str(value.permission)
)
def test_without_one_right_the_task_says_which(cluster: Cluster, task: Task, atom: Atom) -> None:
    role_file = FILES[task.file]
    right = atom.permission
    kubeconfig = cluster.give(role_file)
    cluster.apply(role_file.without(atom))
    try:
        cluster.wait_until(task.file, right, allowed=False)
        ran = run(cluster, task, kubeconfig)
    finally:
        cluster.apply(role_file.roles[atom.document])
        cluster.wait_until(task.file, right, allowed=True)
    if str(right) in task.useful:
        assert ran.ok, ran.output
        assert f"cannot {right.verb} resource" in " ".join(ran.output.split())
        return
    assert not ran.ok, f"it works without {right}:\n{ran.output}"
    text = json.dumps(ran.failure)
    assert f"cannot {right.verb} resource" in text, ran.output
    assert right.resource in text
    assert right.namespace in text
    assert "docs/permissions/kubernetes" in text
    if "failure" in ran.failure:
        failure = ran.failure["failure"]
        assert (failure["code"], failure.get("status")) == ("Forbidden", 403)
        assert failure["details"]["missing_right"]["verb"] == right.verb


if ALL:

    def test_the_last_task_takes_all_of_it_away(cluster: Cluster) -> None:
        judge(cluster, TASKS[-1])
