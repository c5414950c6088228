# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Azure CNI Powered by Cilium: what AKS itself puts into a cluster with dataplane cilium."""

from __future__ import annotations

import json
from pathlib import Path

from .backend import Cluster
from .config import Config
from .defaults import merged
from .errors import Json
from .kubeapi import KubeApi, wait_until
from .operations import Progress
from .programs import run

MANAGED_BY = {"kubernetes.azure.com/managedby": "aks"}
POLICY = "aks-acns-required"
ADMISSION = "/apis/admissionregistration.k8s.io/v1"
L7_PROTOCOLS = ("http", "kafka", "l7", "l7proto")


def acns(cluster: Cluster) -> Json:
    """Advanced Container Networking Services of a cluster with every part present."""
    advanced = cluster.network.get("advancedNetworking") or {}
    return {
        "observability": bool((advanced.get("observability") or {}).get("enabled")),
        "policies": str((advanced.get("security") or {}).get("advancedNetworkPolicies", "None")),
    }


def values(config: Config, cluster: Cluster, port: int) -> Json:
    """Values of Cilium's chart: what kind needs, what ACNS turns on, then the machine's own overlay."""
    observed = acns(cluster)["observability"]
    own: Json = {
        "kubeProxyReplacement": True,
        "k8sServiceHost": cluster.fqdn,
        "k8sServicePort": port,
        "ipam": {"mode": "kubernetes"},
        "commonLabels": MANAGED_BY,
        "podLabels": MANAGED_BY,
        "operator": {"replicas": 1, "podLabels": MANAGED_BY},
    }
    hubble: Json = {"hubble": {"enabled": observed, "relay": {"enabled": observed}, "ui": {"enabled": False}}}
    # The overlay must not decide what ACNS decides.
    return merged(merged(own, config.cilium_values), hubble)


def chart(config: Config) -> list[str]:
    """Words by which helm finds the chart; a path or a URL needs no repository."""
    words = [config.cilium_chart]
    if "/" not in config.cilium_chart:
        words += ["--repo", config.cilium_chart_repo]
    if config.cilium_chart_version:
        words += ["--version", config.cilium_chart_version]
    return words


def install(config: Config, cluster: Cluster, api: KubeApi, kubeconfig: Path, port: int, progress: Progress) -> None:
    """Install or upgrade Cilium and wait until the cluster is ready."""
    path = kubeconfig.with_name("cilium-values.json")
    path.write_text(json.dumps(values(config, cluster, port), indent=2), encoding="utf-8")
    command = [config.helm, "upgrade", "--install", "cilium", *chart(config), "--namespace", "kube-system"]
    command += ["--kubeconfig", str(kubeconfig), "--values", str(path)]
    home = kubeconfig.with_name("helm")
    environment = {f"HELM_{name}_HOME": str(home / name.lower()) for name in ("CACHE", "CONFIG", "DATA")}
    run(command, code="CiliumInstallFailed", timeout_s=300, progress=progress, environment=environment)
    restrict(cluster, api)
    wait_until(lambda: missing(api, acns(cluster)["observability"]), progress, config.ready_timeout_s, "not ready")


def missing(api: KubeApi, relay: bool) -> str:
    """What is not ready yet: nodes, agents, operator, DNS, relay; an empty string when all are."""
    for node in api.items("/api/v1/nodes"):
        ready = [item["status"] for item in node["status"]["conditions"] if item["type"] == "Ready"]
        if ready != ["True"]:
            return f"node {node['metadata']['name']} is not Ready"
    apps = "/apis/apps/v1/namespaces/kube-system"
    agents = api.get(f"{apps}/daemonsets/cilium")
    status = agents["status"]
    current = status.get("observedGeneration") == agents["metadata"]["generation"]
    desired = status.get("desiredNumberScheduled", 0)
    updated = status.get("updatedNumberScheduled", 0)
    if not current or not desired or min(updated, status.get("numberAvailable", 0)) < desired:
        return f"{status.get('numberAvailable', 0)} of {desired} Cilium agents are ready"
    for name in ("cilium-operator", "coredns", *(["hubble-relay"] if relay else [])):
        deployment = api.get(f"{apps}/deployments/{name}")
        if deployment["status"].get("availableReplicas", 0) < deployment["spec"]["replicas"]:
            return f"deployment {name} is not available"
    return ""


def restrict(cluster: Cluster, api: KubeApi) -> None:
    """Deny the policies that need ACNS security, as far as the cluster has not got it; allow the rest."""
    policies = acns(cluster)["policies"]
    policy = f"{ADMISSION}/validatingadmissionpolicies/{POLICY}"
    binding = f"{ADMISSION}/validatingadmissionpolicybindings/{POLICY}"
    if policies == "L7":
        for path in (binding, policy):
            if api.request("GET", path) is not None:
                api.request("DELETE", path)
        return
    api.apply(policy, admission_policy(fqdn_allowed=policies == "FQDN"))
    api.apply(
        binding,
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": POLICY, "labels": MANAGED_BY},
            "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
        },
    )


def admission_policy(*, fqdn_allowed: bool) -> Json:
    """Policy that denies L7 rules, and without fqdn_allowed also names (toFQDNs and DNS rules)."""
    members = [f"has(p.rules.{name})" for name in (L7_PROTOCOLS if fqdn_allowed else ("dns", *L7_PROTOCOLS))]
    ports = f"has(r.toPorts) && r.toPorts.exists(p, has(p.rules) && ({' || '.join(members)}))"
    rules = [f"(has(s.{side}) && s.{side}.exists(r, {ports}))" for side in ("ingress", "egress")]
    if not fqdn_allowed:
        rules.append("(has(s.egress) && s.egress.exists(r, has(r.toFQDNs)))")
    specs = "(has(object.spec) ? [object.spec] : []) + (has(object.specs) ? object.specs : [])"
    need = "advancedNetworkPolicies L7" if fqdn_allowed else "advancedNetworkPolicies FQDN or L7"
    message = (
        f"{'L7' if fqdn_allowed else 'FQDN and L7'} policies require Advanced Container Networking Services (ACNS) "
        f"with security enabled and {need} on this cluster."
    )
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": POLICY, "labels": MANAGED_BY},
        "spec": {
            "failurePolicy": "Fail",
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": ["cilium.io"],
                        "apiVersions": ["*"],
                        "operations": ["CREATE", "UPDATE"],
                        "resources": ["ciliumnetworkpolicies", "ciliumclusterwidenetworkpolicies"],
                    }
                ]
            },
            "variables": [{"name": "specs", "expression": specs}],
            "validations": [
                {"expression": f"!variables.specs.exists(s, {' || '.join(rules)})", "message": message},
            ],
        },
    }
