# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documents that tests of the Cilium room share: a small chart, release records, agents, workloads."""

from __future__ import annotations

import base64
import gzip
import io
import json
import tarfile
from pathlib import Path
from typing import Any

Json = dict[str, Any]

# Cut from the chart of Cilium 1.20.2; the shapes and types are those of the real file.
VALUES_YAML = """\
debug:
  enabled: false
cluster:
  name: default
  id: 0
aksbyocni:
  enabled: false
# -- iptables lock timeout
# iptablesLockTimeout: "5s"
kubeProxyReplacement: "false"
k8sServiceHost: ""
k8sServicePort: ""
extraConfig: {}
nodeSelector:
  kubernetes.io/os: linux
image:
  repository: quay.io/cilium/cilium
  tag: v1.20.2
  useDigest: true
operator:
  replicas: 2
  tolerations: []
  rollOutPods: false
rollOutCiliumPods: false
routingMode: ""
ipam:
  mode: cluster-pool
  operator:
    clusterPoolIPv4PodCIDRList: ["10.0.0.0/8"]
    clusterPoolIPv4MaskSize: 24
    externalAPILimitQPS: ~
hubble:
  enabled: true
  relay:
    enabled: false
    rollOutPods: false
  ui:
    enabled: false
bgpControlPlane:
  enabled: false
upgradeCompatibility: null
"""
SCHEMA: Json = {
    "type": "object",
    "properties": {
        "kubeProxyReplacement": {"type": ["string", "boolean"]},
        "k8sServicePort": {"type": ["string", "integer"]},
        "operator": {"type": "object", "properties": {"replicas": {"type": "integer"}}},
        "image": {"type": "object", "properties": {"tag": {"type": "string"}, "useDigest": {"type": "boolean"}}},
        "ipam": {
            "type": "object",
            "properties": {
                "operator": {
                    "type": "object",
                    "properties": {
                        "clusterPoolIPv4PodCIDRList": {"type": ["array", "string"]},
                        "clusterPoolIPv4MaskSize": {"type": "integer"},
                        "externalAPILimitQPS": {"type": ["null", "number"]},
                    },
                }
            },
        },
    },
}


def chart_directory(folder: Path, version: str = "1.20.2", *, schema: bool = True, name: str = "cilium") -> str:
    """A chart on disk."""
    chart = folder / "chart" / name
    chart.mkdir(parents=True, exist_ok=True)
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\nappVersion: {version}\n")
    (chart / "values.yaml").write_text(VALUES_YAML)
    if schema:
        (chart / "values.schema.json").write_text(json.dumps(SCHEMA))
    return str(chart)


def chart_archive(folder: Path, version: str = "1.20.2") -> str:
    """The same chart as `helm pull` delivers it, with a subchart whose files must not be taken for the chart's."""
    path = folder / f"cilium-{version}.tgz"
    files = {
        "cilium/charts/sub/Chart.yaml": "name: sub\nversion: 9.9.9\n",
        "cilium/Chart.yaml": f"apiVersion: v2\nname: cilium\nversion: {version}\n",
        "cilium/values.yaml": VALUES_YAML,
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return str(path)


def release_secret(
    values: Json,
    *,
    revision: int = 1,
    status: str = "deployed",
    chart_version: str = "1.20.2",
    name: str = "cilium",
    description: str = "done",
    touched: float | None = None,
    chart: Json | None = None,
) -> Json:
    """A release record as helm 3 stores it. touched: seconds since 1970; chart: what it holds beside the metadata."""
    record = {
        "name": name,
        "namespace": "kube-system",
        "version": revision,
        "info": {"status": status, "last_deployed": "2026-11-30T19:00:00Z", "description": description},
        "chart": {
            "metadata": {"name": "cilium", "version": chart_version, "appVersion": chart_version},
            **(chart or {}),
        },
        "config": values,
    }
    packed = base64.b64encode(gzip.compress(json.dumps(record).encode()))
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "helm.sh/release.v1",
        "metadata": {
            "name": f"sh.helm.release.v1.{name}.v{revision}",
            "namespace": "kube-system",
            "labels": {
                "owner": "helm",
                "name": name,
                "status": status,
                "version": str(revision),
                **({"modifiedAt": str(int(touched))} if touched is not None else {}),
            },
        },
        "data": {"release": base64.b64encode(packed).decode()},
    }


def daemon_set(
    *, image: str = "quay.io/cilium/cilium:v1.20.2@sha256:abc", ready: int = 1, wanted: int = 1, **metadata: Any
) -> Json:
    """The agents' DaemonSet; made by the Helm release cilium unless annotations say otherwise."""
    annotations = metadata.pop("annotations", {"meta.helm.sh/release-name": "cilium"})
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": "cilium",
            "namespace": "kube-system",
            "generation": 1,
            "annotations": annotations,
            **metadata,
        },
        "spec": {"template": {"metadata": {}, "spec": {"containers": [{"name": "cilium-agent", "image": image}]}}},
        "status": {
            "observedGeneration": 1,
            "desiredNumberScheduled": wanted,
            "currentNumberScheduled": wanted,
            "updatedNumberScheduled": wanted,
            "numberReady": ready,
            "numberAvailable": ready,
        },
    }


def deployment(name: str, *, ready: int = 1, replicas: int = 1) -> Json:
    """A Deployment of kube-system."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "kube-system", "generation": 1},
        "spec": {"replicas": replicas},
        "status": {
            "observedGeneration": 1,
            "replicas": replicas,
            "updatedReplicas": replicas,
            "readyReplicas": ready,
            "availableReplicas": ready,
        },
    }


def node(name: str = "node-1", *, ready: bool = True, address: str = "172.18.0.4", **labels: str) -> Json:
    """A node with an InternalIP."""
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {key.replace("__", "/"): value for key, value in labels.items()}},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}],
            "conditions": [{"type": "Ready", "status": "True" if ready else "False"}],
        },
    }


def crds() -> list[Json]:
    """The CRDs that the operator creates."""
    return [
        {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"{name}.cilium.io"},
            "status": {"conditions": [{"type": "Established", "status": "True"}]},
        }
        for name in ("ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies")
    ]


def agent_pod(node_name: str = "node-1", name: str = "cilium-abcde") -> Json:
    """A running agent."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "kube-system", "labels": {"k8s-app": "cilium"}},
        "spec": {"nodeName": node_name, "hostNetwork": True},
        "status": {"phase": "Running"},
    }


def workload_pod(name: str = "web", namespace: str = "basics", node_name: str = "node-1", **spec: Any) -> Json:
    """A running pod that Cilium can select."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"nodeName": node_name, **spec},
        "status": {"phase": "Running"},
    }


def cnp(name: str = "deny", namespace: str | None = "basics", kind: str = "CiliumNetworkPolicy", **spec: Any) -> Json:
    """A Cilium policy; without a spec it denies all ingress of org=cilium101."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    default = {"endpointSelector": {"matchLabels": {"org": "cilium101"}}, "ingress": [{}]}
    return {"apiVersion": "cilium.io/v2", "kind": kind, "metadata": metadata, "spec": spec or default}


def network_policy(name: str = "np", namespace: str = "basics", **spec: Any) -> Json:
    """A NetworkPolicy; without a spec it denies all egress of the namespace."""
    default = {"podSelector": {}, "policyTypes": ["Egress"], "egress": []}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": spec or default,
    }
