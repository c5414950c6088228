# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""A healthy two-node cluster with Cilium as documents, to be damaged by tests (Kubernetes 1.34, Cilium 1.20)."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from fakes import FakeKube

NAMESPACE = "kube-system"
AGENT_ANSWER = json.loads((Path(__file__).parent / "fixtures" / "cilium" / "agent_status_1.20.2.json").read_text())
LABELS = {
    "cilium": {"k8s-app": "cilium"},
    "cilium-operator": {"name": "cilium-operator", "io.cilium/app": "operator"},
    "hubble-relay": {"k8s-app": "hubble-relay"},
    "clustermesh-apiserver": {"k8s-app": "clustermesh-apiserver"},
}


def daemon_set(name: Any = "cilium", nodes: Any = 2, ready: Any = 2, **status: Any) -> Any:
    counters = {
        "desiredNumberScheduled": nodes,
        "currentNumberScheduled": nodes,
        "numberReady": ready,
        "numberAvailable": ready,
        "updatedNumberScheduled": nodes,
        "observedGeneration": 1,
    }
    container = {"name": "cilium-agent", "image": "quay.io/cilium/cilium:v1.20.2"}
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": name,
            "namespace": NAMESPACE,
            "generation": 1,
            "annotations": {"meta.helm.sh/release-name": "cilium"},
        },
        "spec": {
            "template": {"spec": {"nodeSelector": {"kubernetes.io/os": "linux"}, "containers": [container]}},
        },
        "status": {**counters, **status},
    }


def deployment(name: Any, replicas: Any = 1, ready: Any = 1, **status: Any) -> Any:
    counters = {
        "replicas": replicas,
        "updatedReplicas": replicas,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "observedGeneration": 1,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": NAMESPACE, "generation": 1},
        "spec": {"replicas": replicas},
        "status": {**counters, **status},
    }


def node(name: Any, ready: Any = True, **labels: Any) -> Any:
    condition = {"type": "Ready", "status": "True" if ready else "False", "message": "" if ready else "no CNI"}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {"kubernetes.io/os": "linux", **labels}},
        "status": {"conditions": [condition]},
    }


def pod(name: Any, part: Any = None, namespace: Any = NAMESPACE, node: Any = "n1", **status: Any) -> Any:
    container = "cilium-agent" if part == "cilium" else "main"
    running = {"name": container, "restartCount": 0, "state": {"running": {}}}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(LABELS.get(part or "", {}))},
        "spec": {
            "nodeName": node,
            "hostNetwork": part in ("cilium", "cilium-operator"),
            "containers": [{"name": container, "image": f"registry/{part or 'app'}:1"}],
        },
        "status": {
            "phase": "Running",
            "podIP": "10.0.0.1",
            "conditions": [{"type": "Ready", "status": "True"}],
            "containerStatuses": [running],
            **status,
        },
    }


def endpoint(name: Any, namespace: Any = NAMESPACE, state: Any = "ready") -> Any:
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumEndpoint",
        "metadata": {"name": name, "namespace": namespace},
        "status": {"state": state},
    }


def config_map(**data: Any) -> Any:
    values = {"enable-hubble": "true", "ipam": "cluster-pool", "routing-mode": "tunnel", "tunnel-protocol": "vxlan"}
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cilium-config", "namespace": NAMESPACE},
        "data": {**values, **data},
    }


def crash(container: Any = "cilium-agent", restarts: Any = 5, reason: Any = "CrashLoopBackOff") -> Any:
    """The status of a pod whose container crashes again and again."""
    return {
        "conditions": [{"type": "Ready", "status": "False"}],
        "containerStatuses": [
            {
                "name": container,
                "restartCount": restarts,
                "state": {"waiting": {"reason": reason}},
                "lastState": {"terminated": {"exitCode": 1, "message": "no BPF"}},
            }
        ],
    }


def uid(name: Any) -> str:
    """The uid of an object that `policy` makes."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def policy(name: Any, namespace: Any = "default", valid: Any = True, message: Any = "", **spec: Any) -> Any:
    """A CiliumNetworkPolicy, or a clusterwide one (namespace=None), as the operator judged it (None: not yet)."""
    metadata = {"name": name, "uid": uid(name), **({"namespace": namespace} if namespace else {})}
    condition = {"type": "Valid", "status": str(valid), "message": message}
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy" if namespace else "CiliumClusterwideNetworkPolicy",
        "metadata": metadata,
        "spec": spec or {"endpointSelector": {}, "ingress": [{}]},
        "status": {} if valid is None else {"conditions": [condition]},
    }


def network_policy(name: Any) -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": "default", "uid": uid(name)},
        "spec": {"podSelector": {}},
    }


def agents_answer(
    metrics: Any = (), revision: Any = 1, loaded: Any = (), endpoints: Any = (), policy: Any = None, **status: Any
) -> Any:
    """What agents print for the one command that they are asked, in the order in which it asks."""
    labels = [{"Labels": [{"key": "io.cilium.k8s.policy.uid", "value": value}]} for value in loaded]
    document = json.dumps({"policy": json.dumps(labels), "revision": revision}) if policy is None else policy
    lines = "".join(f"{state}\t{realized}\t[]\n" for state, realized in endpoints)
    listed = metrics if isinstance(metrics, str) else json.dumps(list(metrics))

    def answer(namespace: Any, name: Any, command: Any, container: Any) -> Any:
        pieces = [json.dumps({**AGENT_ANSWER, **status}), listed]
        if "policy get" in command[-1]:
            pieces += [document, lines]
        return Completed(command, 0, "\n==== next ====\n".join(pieces), "level=info msg=remark")

    return answer


def healthy_cluster() -> Any:
    """Two nodes, an agent on each, operator, relay and one application pod."""
    kube = FakeKube()
    kube.add(daemon_set(), deployment("cilium-operator"), deployment("hubble-relay"), config_map())
    kube.add(node("n1"), node("n2"))
    kube.add(pod("cilium-a", "cilium", node="n1"), pod("cilium-b", "cilium", node="n2"))
    kube.add(pod("cilium-operator-x", "cilium-operator"), pod("hubble-relay-x", "hubble-relay"))
    kube.add(pod("web", namespace="default"), endpoint("web", "default"), endpoint("hubble-relay-x"))
    kube.exec_answers = agents_answer()
    return kube
