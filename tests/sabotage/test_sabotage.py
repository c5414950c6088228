# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Things that go wrong while a hardening runs. No workload may be cut off for longer than each test says."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hardening.schema import dumps, loads
from conftest import Lab, kill_all, wait_for

ROLLBACK_S = 3.0
DEAD_MAN_S = 60
# In a node: kubelet starts it anew. Nodes need not have pkill or crictl.
KILL_API_SERVER = """
for process in /proc/[0-9]*; do
  if [ "$(cat $process/comm 2> /dev/null)" = kube-apiserver ]; then kill -9 "${process#/proc/}"; fi
done
"""
API = {"namespace": "backend", "name": "learned-deployment-api"}
Record = Callable[[str, object], None]


def failures(lab: Lab, since: float) -> dict[str, list[float]]:
    """Times of failed requests by edge."""
    return {edge: count.failures for edge, count in lab.load.counts(since).items() if count.failures}


def answered_again(lab: Lab, edge: str, after: float) -> bool:
    """Whether requests on an edge are answered after a time, and none fails any more."""
    count = lab.load.counts(after)[edge]
    return count.last_at > after + 3 and not [at for at in count.failures if at > count.last_at - 3]


def test_a_needed_edge_that_was_hidden_from_the_evidence_is_taken_back(shadow: Lab, record_property: Record) -> None:
    """collector -> api is cut out of the evidence, so no rule allows it; enforcing must notice and take itself back."""
    evidence = loads((shadow.folder / "evidence.json").read_text(encoding="utf-8"))
    hidden = [edge for edge in evidence.edges if "collector" in str(edge.source) and edge.port == 8080]
    assert hidden
    for edge in hidden:
        del evidence.edges[edge]
    doctored = shadow.folder / "doctored.json"
    doctored.write_text(dumps(evidence), encoding="utf-8")
    options = {"namespaces": ["backend"], "platform_policy": True, "evidence": str(doctored)}
    made = shadow.module("network_policy_recommend", cluster=False, **options)
    policy = next(one for one in made["policies"] if one["metadata"]["name"] == API["name"])
    assert not shadow.module("cilium_policy", definition=policy, mode="shadow").get("failed")
    started = time.time()
    try:
        answer = shadow.module("network_policy_enforce", policy=API, direction="ingress", watch_s=20, dead_man_s=60)
        assert answer["failed"], answer
        details = answer["failure"]["details"]
        record_property("rollback_s", details["rollback_s"])
        record_property("detected_s", details["detected_s"])
        assert answer["failure"]["code"] == "UnpredictedDrop"
        assert details["rolled_back"]
        assert details["rollback_s"] <= ROLLBACK_S
        assert "collector" in json.dumps(details["review"])
        assert shadow.switch(**switch_of(API)) == {"ingress": False, "egress": False}
        wait_for("the collector is answered", lambda: answered_again(shadow, "collector-api", time.time() - 10), 60)
        failed = failures(shadow, started)
        record_property("failed_requests", {edge: len(times) for edge, times in failed.items()})
        assert set(failed) <= {"collector-api"}
    finally:
        done = shadow.play("playbooks/harden.yml", "--tags", "shadow")
        assert done.returncode == 0, done.stdout


def test_the_cluster_takes_a_step_back_whose_controller_was_killed(shadow: Lab, record_property: Record) -> None:
    """SIGKILL between enforce and confirm: the dead man's switch restores the policy by itself."""
    step = shadow.task("network_policy_enforce", policy=API, direction="ingress", watch_s=35, dead_man_s=DEAD_MAN_S)
    process = shadow.start(str(step))
    try:
        wait_for("the policy enforces", lambda: bool(enforcing(shadow)), 120, every=0.2)
        flipped = time.monotonic()
        left = enforcing(shadow)
    finally:
        kill_all(process)
    assert left, "nothing was enforced when the controller was killed"
    wait_for("the dead man's switch restored the policies", lambda: not enforcing(shadow), DEAD_MAN_S + 30)
    seconds = time.monotonic() - flipped
    record_property("restored_s", round(seconds, 1))
    assert seconds <= DEAD_MAN_S + 15


@pytest.mark.parametrize("stage", ["network_policy_soak", "network_policy_enforce"])
def test_no_stage_passes_without_a_relay(shadow: Lab, stage: str) -> None:
    """Hubble relay is down: evidence that does not arrive is no evidence of absence."""
    options: dict[str, Any] = {"namespaces": ["backend"], "duration": 10}
    if stage == "network_policy_enforce":
        options = {"policy": API, "direction": "ingress", "watch_s": 5}
    scale = ("scale", "deployment", "hubble-relay", "--namespace", "kube-system")
    shadow.kubectl(*scale, "--replicas=0")
    try:
        gone = ("get", "pods", "--namespace", "kube-system", "--selector", "k8s-app=hubble-relay", "--output", "name")
        wait_for("the relay is gone", lambda: not shadow.kubectl(*gone), 60)
        answer = shadow.module(stage, **options)
        assert answer["failed"], answer
        assert not enforcing(shadow)
    finally:
        shadow.kubectl(*scale, "--replicas=1")
        shadow.kubectl("rollout", "status", "deployment/hubble-relay", "--namespace", "kube-system", "--timeout=120s")


def test_an_api_server_that_restarts_in_the_middle_costs_no_request(shadow: Lab, record_property: Record) -> None:
    """The step is confirmed, or taken back by the controller or the cluster; the workloads notice nothing."""
    node = shadow.kubectl("get", "nodes", "--selector", "node-role.kubernetes.io/control-plane", "--output", "name")
    started = time.time()
    options: dict[str, Any] = {"policy": API, "direction": "ingress", "watch_s": 30, "dead_man_s": DEAD_MAN_S}
    process = shadow.start(str(shadow.task("network_policy_enforce", **options)))
    wait_for("the policy enforces", lambda: bool(enforcing(shadow)), 120, every=0.2)
    subprocess.run(
        ["docker", "exec", node.strip().removeprefix("node/"), "sh", "-c", KILL_API_SERVER], check=True, timeout=60
    )
    process.communicate(timeout=300)
    wait_for("the API server answers", lambda: answers(shadow), 120)
    first = shadow.answer()
    record_property("outcome", "taken back" if first.get("failed") else "confirmed")
    if first.get("failed"):
        wait_for("the step is taken back", lambda: not enforcing(shadow), DEAD_MAN_S + 30)
    wait_for("Hubble relay is ready", lambda: relay_is_ready(shadow), 180)
    again = shadow.module("network_policy_enforce", **options)
    assert not again.get("failed"), again
    assert enforcing(shadow) == [API["name"]]
    failed = failures(shadow, started)
    record_property("failed_requests", {edge: len(times) for edge, times in failed.items()})
    assert set(failed) <= {"watcher-apiserver"}, failed


def test_a_rollout_with_a_new_label_changes_nothing(shadow: Lab) -> None:
    """Selectors come from the owner, so a new label in the pod template neither opens nor closes anything."""
    started = time.time()
    patch = {"spec": {"template": {"metadata": {"labels": {"version": f"v{int(started)}"}}}}}
    words = ("--namespace", "analytics", "--type", "merge", "--patch", json.dumps(patch))
    shadow.kubectl("patch", "deployment", "collector", *words)
    shadow.kubectl("rollout", "status", "deployment/collector", "--namespace", "analytics", "--timeout=120s")
    answer = shadow.module("network_policy_soak", namespaces=["analytics", "backend"], duration=20)
    assert not answer.get("failed"), answer
    assert set(failures(shadow, started)) == set()


def test_a_policy_edited_by_hand_is_found_as_drift(shadow: Lab) -> None:
    """Somebody opens a port with kubectl edit."""
    patch = [{"op": "add", "path": "/spec/ingress/0/toPorts/0/ports/-", "value": {"port": "22", "protocol": "TCP"}}]
    words = ("ciliumnetworkpolicy", API["name"], "--namespace", API["namespace"], "--type", "json")
    shadow.kubectl("patch", *words, "--patch", json.dumps(patch))
    try:
        answer = shadow.module(
            "network_policy_drift",
            namespaces=["backend"],
            manifests=str(shadow.folder / "policies" / "backend"),
            evidence=str(shadow.folder / "evidence.json"),
        )
        found = [(finding["kind"], finding["subject"]) for finding in answer["findings"]]
        assert found == [("edited-policy", API["name"])]
        assert "spec.ingress[0].toPorts" in answer["lines"][0]
    finally:
        done = shadow.play("playbooks/harden.yml", "--tags", "shadow")
        assert done.returncode == 0, done.stdout


def enforcing(lab: Lab) -> list[str]:
    """Policies of the hardening that deny by default."""
    words = ("--all-namespaces", "--selector", "cloudnet.aks-cilium/role in (workload,namespace)", "--output", "json")
    try:
        items = json.loads(lab.kubectl("get", "ciliumnetworkpolicies", *words))["items"]
    except subprocess.SubprocessError:
        return []
    return [item["metadata"]["name"] for item in items if any(item["spec"]["enableDefaultDeny"].values())]


def answers(lab: Lab) -> bool:
    """Whether the API server answers."""
    try:
        return lab.kubectl("get", "--raw", "/readyz") == "ok"
    except subprocess.SubprocessError:
        return False


def relay_is_ready(lab: Lab) -> bool:
    """Whether Hubble relay serves."""
    path = "jsonpath={.status.readyReplicas}"
    try:
        return lab.kubectl("get", "deployment", "hubble-relay", "--namespace", "kube-system", "--output", path) == "1"
    except subprocess.SubprocessError:
        return False


def switch_of(policy: dict[str, str]) -> dict[str, str]:
    """Arguments of Lab.switch."""
    return {"namespace": policy["namespace"], "policy": policy["name"]}
