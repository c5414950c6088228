# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Breaks Cilium on a lab cluster in every way that cilium_status has a word for, and checks that it says that word.

    python tests/faults/status_faults.py KUBECONFIG [fault ...]

Each fault is made for real, told by the module as a task would see it, and taken back; the next one begins when the
cluster is healthy again. Needs two nodes, Cilium with Hubble relay from the lab, and the image nginx:1.26. Takes some
minutes. Not for a cluster that anybody else uses.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"
sys.path.insert(0, str(COLLECTIONS))

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import KubeClient, connect  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.exec import exec_in_pod  # noqa: E402
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import (  # noqa: E402
    CEP,
    CNP,
    CONFIG_MAP,
    DAEMON_SET,
    DEPLOYMENT,
    NAMESPACE,
    POD,
    Kind,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.manifest import ensure_present  # noqa: E402

Json = dict[str, Any]
MODULE = "ansible_collections.cloudnet.aks_cilium.plugins.modules.cilium_status"
SYSTEM, PLACE = "kube-system", "status-faults"
ADMISSION = Kind(
    "admissionregistration.k8s.io", "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", False
)
BINDING = Kind(ADMISSION.group, "v1", "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding", False)
NOT_AN_AGENT = "!('k8s-app' in object.metadata.labels) || object.metadata.labels['k8s-app'] != 'cilium'"
TOLD_WITHIN_S = 240.0


class Cluster:
    """The cluster, and the module that looks at it."""

    def __init__(self, kubeconfig: str) -> None:
        self.kubeconfig = kubeconfig
        self.kube: KubeClient = connect({"kubeconfig": kubeconfig, "request_timeout": 60})

    def status(self, **options: Any) -> Json:
        """What the module returns."""
        done = subprocess.run(
            [sys.executable, "-m", MODULE],
            input=json.dumps({"ANSIBLE_MODULE_ARGS": {"kubeconfig": self.kubeconfig, **options}}),
            env={"PYTHONPATH": str(COLLECTIONS), "PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=False,
        )
        return dict(json.loads(done.stdout))

    def told(self, *words: str) -> str:
        """The first line of the status that has all the words; waits for it."""
        deadline = time.monotonic() + TOLD_WITHIN_S
        while True:
            found = self.status()
            lines = [*found.get("errors", [found.get("msg", "")]), *found.get("cilium_warnings", [])]
            for line in lines:
                if all(word in line for word in words):
                    return str(line)
            if time.monotonic() > deadline:
                raise AssertionError(f"no line has {words}: {json.dumps(lines, indent=1)}")

    def agent(self) -> Json:
        """An agent's pod, on the last node."""
        pods = sorted(self.kube.list(POD, SYSTEM, label_selector="k8s-app=cilium"), key=lambda p: p["spec"]["nodeName"])
        return pods[-1]

    def agent_beside(self, name: str) -> str:
        """The agent's pod on the node of one of our pods."""
        node = (self.kube.get(POD, name, PLACE) or {})["spec"]["nodeName"]
        agents = self.kube.list(POD, SYSTEM, label_selector="k8s-app=cilium", field_selector=f"spec.nodeName={node}")
        return str(next(agents)["metadata"]["name"])


@contextlib.contextmanager
def scaled_to_nothing(cluster: Cluster, name: str) -> Iterator[None]:
    """A Deployment without pods."""
    cluster.kube.patch(DEPLOYMENT, name, {"spec": {"replicas": 0}}, SYSTEM)
    try:
        yield
    finally:
        cluster.kube.patch(DEPLOYMENT, name, {"spec": {"replicas": 1}}, SYSTEM)


@contextlib.contextmanager
def crashing_agent(cluster: Cluster) -> Iterator[None]:
    """An agent that finds a configuration with which it cannot start."""
    before = (cluster.kube.get(CONFIG_MAP, "cilium-config", SYSTEM) or {})["data"]["routing-mode"]
    cluster.kube.patch(CONFIG_MAP, "cilium-config", {"data": {"routing-mode": "by-pigeon"}}, SYSTEM)
    cluster.kube.delete(POD, cluster.agent()["metadata"]["name"], SYSTEM)
    try:
        yield
    finally:
        cluster.kube.patch(CONFIG_MAP, "cilium-config", {"data": {"routing-mode": before}}, SYSTEM)
        cluster.kube.delete(POD, cluster.agent()["metadata"]["name"], SYSTEM)


@contextlib.contextmanager
def killed_agent(cluster: Cluster) -> Iterator[None]:
    """An agent whose process was ended; the kubelet starts another."""
    name = cluster.agent()["metadata"]["name"]
    exec_in_pod(cluster.kube, SYSTEM, name, ["sh", "-c", "kill 1"], container="cilium-agent", timeout_s=60)
    yield


@contextlib.contextmanager
def no_agent(cluster: Cluster) -> Iterator[None]:
    """A node whose agent is gone and may not come back: an admission rule forbids it."""
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}
    validation = {"expression": NOT_AN_AGENT}
    policy = {
        "apiVersion": ADMISSION.api_version,
        "kind": ADMISSION.kind,
        "metadata": {"name": PLACE},
        "spec": {"matchConstraints": {"resourceRules": [rule]}, "validations": [validation]},
    }
    binding = {
        "apiVersion": ADMISSION.api_version,
        "kind": BINDING.kind,
        "metadata": {"name": PLACE},
        "spec": {"policyName": PLACE, "validationActions": ["Deny"]},
    }
    cluster.kube.create(ADMISSION, policy)
    cluster.kube.create(BINDING, binding)
    time.sleep(5)  # an admission rule takes effect some seconds after it was written, and tells nobody when
    cluster.kube.delete(POD, cluster.agent()["metadata"]["name"], SYSTEM)
    try:
        yield
    finally:
        cluster.kube.delete(BINDING, PLACE)
        cluster.kube.delete(ADMISSION, PLACE)
        # The controller waits longer and longer after refusals; a change makes it look at once.
        note = {"metadata": {"annotations": {PLACE: str(time.time())}}}
        cluster.kube.patch(DAEMON_SET, "cilium", note, SYSTEM)


@contextlib.contextmanager
def unmanaged_pod(cluster: Cluster) -> Iterator[None]:
    """A pod without a CiliumEndpoint, as one that started before Cilium has none."""
    agent = partial(exec_in_pod, cluster.kube, SYSTEM, container="cilium-agent", timeout_s=60)
    # The agent forgets the pod, which keeps its address: exactly what a pod is that another CNI plugin attached.
    address = (cluster.kube.get(POD, "client", PLACE) or {})["status"]["podIP"]
    done = agent(cluster.agent_beside("client"), ["cilium-dbg", "endpoint", "disconnect", f"ipv4:{address}"])
    if done.rc != 0:
        raise AssertionError(f"the endpoint of {address} is still there: {done.stderr}")
    cluster.kube.delete(CEP, "client", PLACE)
    try:
        yield
    finally:
        remade(cluster, "client")


@contextlib.contextmanager
def policy(cluster: Cluster, spec: Json) -> Iterator[None]:
    """A policy for the pod client."""
    metadata = {"name": "fault", "namespace": PLACE}
    selector = {"matchLabels": {"app": "client"}}
    body = {"apiVersion": "cilium.io/v2", "kind": CNP.kind, "metadata": metadata}
    cluster.kube.create(CNP, {**body, "spec": {"endpointSelector": selector, **spec}})
    try:
        yield
    finally:
        cluster.kube.delete(CNP, "fault", PLACE)


@contextlib.contextmanager
def jammed_node(cluster: Cluster) -> Iterator[None]:
    """A policy that waits for Envoy, which the lab's Cilium has not: no endpoint of the node gets on any more."""
    with policy(cluster, {"ingress": [HTTP]}):
        yield
    # The agent goes on waiting without the policy.
    cluster.kube.delete(POD, cluster.agent_beside("client"), SYSTEM)


INVALID = {"egress": [{"toEndpoints": [{}], "toFQDNs": [{"matchName": "example.com"}]}]}
HTTP = {"toPorts": [{"ports": [{"port": "80", "protocol": "TCP"}], "rules": {"http": [{"method": "GET"}]}}]}
# Fault -> how it is made, and words of the lines that name it.
FAULTS: dict[str, tuple[Callable[[Cluster], AbstractContextManager[None]], list[tuple[str, ...]]]] = {
    "operator": (partial(scaled_to_nothing, name="cilium-operator"), [("Deployment cilium-operator is scaled to 0",)]),
    "relay": (partial(scaled_to_nothing, name="hubble-relay"), [("Deployment hubble-relay is scaled to 0",)]),
    "invalid-policy": (partial(policy, spec=INVALID), [("fault: not valid, so it is not enforced", "ToFQDNs")]),
    "not-realized": (
        jammed_node,
        [("cilium-http-ingress does not listen",), ("not realized", "have older policies")],
    ),
    "unmanaged": (unmanaged_pod, [("1 pod is not managed by Cilium", f"{PLACE}/client")]),
    "killed-agent": (killed_agent, [("1 pod of DaemonSet cilium is not ready",)]),
    "no-agent": (no_agent, [("no agent runs on this node",)]),
    "crash": (crashing_agent, [("container cilium-agent is in CrashLoopBackOff, exited with code",)]),
}


def remade(cluster: Cluster, name: str) -> None:
    """A pod as new; waits until it is ready."""
    cluster.kube.delete(POD, name, PLACE)
    while cluster.kube.get(POD, name, PLACE) is not None:
        time.sleep(1)
    ensure_present(cluster.kube, [pod(name)], check_mode=False, timeout_s=180)


def pod(name: str) -> Json:
    """A pod that ends at once when it is deleted."""
    container = {"name": name, "image": "nginx:1.26", "imagePullPolicy": "IfNotPresent"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": PLACE, "labels": {"app": name}},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }


def check(cluster: Cluster, name: str) -> None:
    """One fault, from healthy to healthy."""
    make, lines = FAULTS[name]
    waited = cluster.status(wait=True, wait_for=["healthy", "policies"], wait_timeout=400)
    if waited.get("failed"):
        raise AssertionError(f"the cluster is not healthy before {name}: {waited['msg']}")
    begun = time.monotonic()
    with make(cluster):
        for words in lines:
            print(f"{name} ({time.monotonic() - begun:.0f} s): {cluster.told(*words)}", flush=True)
        if name == "crash":
            failed = cluster.status(wait=True, wait_timeout=600)
            print(f"   wait ends after {time.monotonic() - begun:.0f} s: {failed['msg'][:1500]}", flush=True)
            assert failed["failure"]["code"] == "CrashLoopBackOff", failed
            assert "by-pigeon" in failed["msg"], failed["msg"]


def main() -> int:
    """Make all faults, or those that are named."""
    if len(sys.argv) < 2 or set(sys.argv[2:]) - set(FAULTS):
        print(f"usage: {sys.argv[0]} KUBECONFIG [{' '.join(FAULTS)}]", file=sys.stderr)
        return 2
    cluster = Cluster(sys.argv[1])
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": PLACE}}
    failed = []
    try:
        ensure_present(cluster.kube, [namespace, pod("client")], check_mode=False, timeout_s=180)
        for name in sys.argv[2:] or FAULTS:
            try:
                check(cluster, name)
            except AssertionError as error:
                failed.append(name)
                print(f"{name} FAILED: {error}", flush=True)
    finally:
        cluster.kube.delete(NAMESPACE, PLACE)
    print(f"failed: {', '.join(failed)}" if failed else "every fault was named")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
