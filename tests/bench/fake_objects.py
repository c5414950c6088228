# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The objects of a cluster with Cilium and many nodes, as the API server keeps them in etcd.

Each is a copy of one that was recorded on a real cluster (data/recorded.json: Kubernetes 1.34.4, Cilium 1.20.2), in
full size, managed fields included: an agent's pod is 30 kB of JSON, another pod 9 kB, a CiliumEndpoint 2 kB.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

Json = dict[str, Any]
RECORDED = Path(__file__).resolve().parent / "data" / "recorded.json"
SYSTEM = "kube-system"
CREATED = "2026-11-01T10:00:00Z"
CRDS = "apiextensions.k8s.io/customresourcedefinitions"
# Their real schemas have 220 kB each and do not bear on lists.
POLICY_KINDS = {
    "ciliumnetworkpolicies": ("CiliumNetworkPolicy", "Namespaced"),
    "ciliumclusterwidenetworkpolicies": ("CiliumClusterwideNetworkPolicy", "Cluster"),
}


def recorded() -> Json:
    """Name -> document."""
    documents: Json = json.loads(RECORDED.read_text(encoding="utf-8"))
    return documents


def whole_cluster(nodes: int, pods_per_node: int) -> Iterator[tuple[str, Json]]:
    """Key below /registry and document of everything that cilium_status reads."""
    documents = recorded()
    yield from small_things(documents, nodes)
    texts = {name: json.dumps(documents[name]) for name in ("node", "agent_pod", "pod", "endpoint")}
    for number in range(nodes):
        node = f"node-{number:05d}"
        yield f"minions/{node}", _node(texts["node"], node)
        agent = _copy(texts["agent_pod"], documents["agent_pod"], f"cilium-{number:05d}", SYSTEM)
        yield f"pods/{SYSTEM}/cilium-{number:05d}", _on(agent, node)
        for index in range(pods_per_node):
            namespace, name = f"team-{(number + index) % 50:02d}", f"app-{number:05d}-{index:02d}"
            pod = _on(_copy(texts["pod"], documents["pod"], name, namespace), node)
            yield f"pods/{namespace}/{name}", pod
            endpoint = _copy(texts["endpoint"], documents["endpoint"], name, namespace)
            yield f"cilium.io/ciliumendpoints/{namespace}/{name}", endpoint


def small_things(documents: Json, nodes: int) -> Iterator[tuple[str, Json]]:
    """CRDs, workloads and configuration of Cilium, rolled out on all nodes."""
    yield from crds(documents)
    for namespace in (SYSTEM, *(f"team-{number:02d}" for number in range(50))):
        yield f"namespaces/{namespace}", _namespace(namespace)
    daemon_set = documents["daemon_set"]
    counters = ("desiredNumberScheduled", "currentNumberScheduled", "numberReady", "numberAvailable")
    daemon_set["status"].update(dict.fromkeys((*counters, "updatedNumberScheduled"), nodes))
    yield f"daemonsets/{SYSTEM}/cilium", _fresh(daemon_set)
    for part in ("operator", "relay"):
        deployment, pod = documents[part], documents[f"{part}_pod"]
        yield f"deployments/{SYSTEM}/{deployment['metadata']['name']}", _fresh(deployment)
        yield f"pods/{SYSTEM}/{pod['metadata']['name']}", _on(_fresh(pod), "node-00000")
    relay = documents["relay_pod"]["metadata"]["name"]
    endpoint = _copy(json.dumps(documents["endpoint"]), documents["endpoint"], relay, SYSTEM)
    yield f"cilium.io/ciliumendpoints/{SYSTEM}/{relay}", endpoint
    yield f"configmaps/{SYSTEM}/cilium-config", _fresh(documents["config_map"])


def crds(documents: Json) -> Iterator[tuple[str, Json]]:
    """The CRDs that are read, established."""
    yield f"{CRDS}/ciliumendpoints.cilium.io", _fresh(documents["endpoint_crd"])
    for plural, (kind, scope) in POLICY_KINDS.items():
        document = json.loads(json.dumps(documents["endpoint_crd"]))
        document["metadata"]["name"] = f"{plural}.cilium.io"
        names = {"kind": kind, "listKind": f"{kind}List", "plural": plural, "singular": kind.lower()}
        anything = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        version = {"name": "v2", "served": True, "storage": True, "schema": anything}
        document["spec"].update(names=names, scope=scope, versions=[{**version, "subresources": {"status": {}}}])
        document["status"]["acceptedNames"] = names
        yield f"{CRDS}/{plural}.cilium.io", _fresh(document)


def _fresh(document: Json) -> Json:
    document["metadata"].update(uid=str(uuid.uuid4()), creationTimestamp=CREATED)
    return document


def _copy(text: str, original: Json, name: str, namespace: str) -> Json:
    """Another object like the recorded one; the name stands in several places of it."""
    document: Json = json.loads(text.replace(original["metadata"]["name"], name))
    document["metadata"]["namespace"] = namespace
    return _fresh(document)


def _on(pod: Json, node: str) -> Json:
    pod["spec"]["nodeName"] = node
    return pod


def _node(text: str, name: str) -> Json:
    document: Json = json.loads(text)
    document["metadata"]["name"] = name
    document["metadata"]["labels"]["kubernetes.io/hostname"] = name
    document["metadata"]["annotations"]["kwok.x-k8s.io/node"] = "fake"
    return _fresh(document)


def _namespace(name: str) -> Json:
    document = {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": name},
        "spec": {"finalizers": ["kubernetes"]},
    }
    return _fresh({**document, "status": {"phase": "Active"}})
