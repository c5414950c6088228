# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What each file of docs/permissions/kubernetes is for, as tasks of a playbook; in the order of a cluster's life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Json = dict[str, Any]
IMAGE = "nginx:1.26"


def role(name: str, entry: str = "main") -> Json:
    return {
        "name": f"Run {name}",
        "ansible.builtin.include_role": {"name": f"cloudnet.aks_cilium.{name}", "tasks_from": entry},
    }


def module(name: str, **options: Any) -> Json:
    return {"name": f"Run {name}", f"cloudnet.aks_cilium.{name}": options}


@dataclass(frozen=True)
class Task:
    """What somebody does who has the rights of one file, named by the file's stem."""

    file: str
    tasks: Callable[[dict[str, str]], list[Json]]
    variables: Callable[[dict[str, str]], Json] = lambda environment: {}
    quick: bool = True
    """Whether it can be run again and again within seconds, to try what happens without one of the rights."""
    long: bool = False
    """Part of a hardening, which takes minutes: only with AKS_CILIUM_RBAC_ALL."""
    left_out: frozenset[str] = frozenset()
    """Rights that it asks for and does not need; the file leaves them out, and the task says what it could not see."""
    useful: frozenset[str] = frozenset()
    """Rights of the file without which it works and shows less; its result says which right it lacked."""
    also: frozenset[str] = frozenset()
    """Rights of the file that other options of the same task need, or Helm when it upgrades and removes."""


# Asked by exec and port-forward of Kubernetes 1.35 and later, and not by 1.34.
LATER = {("create", "pods/exec"), ("create", "pods/portforward")}


def _cilium(environment: dict[str, str]) -> Json:
    images = next(path for path in environment["LAB_CILIUM_VALUES"].split(",") if path.endswith("cilium-images.yaml"))
    return {
        "cilium_mode": "kubeadm",
        "cilium_chart": environment["LAB_CHART"],
        "cilium_helm_binary": environment["LAB_HELM"],
        "cilium_k8s_service_host": environment["LAB_API_SERVER_HOST"],
        "cilium_k8s_service_port": int(environment["LAB_API_SERVER_PORT"]),
        "cilium_operator_replicas": 1,
        "cilium_wait_timeout": 900,
        "cilium_values": yaml.safe_load(Path(images).read_text(encoding="utf-8")),
    }


def _hardening(environment: dict[str, str]) -> Json:
    return {
        "policy_hardening_mode": "learn",
        "policy_hardening_namespaces": ["shop"],
        "policy_hardening_observe_window": 10,
        "policy_hardening_observe_chunk": 10,
        "policy_hardening_observe_late_edges": 100,
        "policy_hardening_soak": 5,
        "policy_hardening_watch": 2,
        "policy_hardening_drift_window": 5,
        # Of the shop as it is: the client asks the web server every second.
        "policy_hardening_probes": [WEB],
        "policy_hardening_image": IMAGE,
    }


WEB = {
    "name": "client to web",
    "from": {"namespace": "shop", "selector": "app=client"},
    "to": {"host": "web", "port": 80},
    "expect": "allow",
}
# Whether AKS refuses L7 policies; taken for no where it may not be read.
ADMISSION = frozenset({"list validatingadmissionpolicies.admissionregistration.k8s.io everywhere"})
# The Helm record is a Secret, and this right would show all of them.
STATUS_LEFT_OUT = ADMISSION | {"list secrets in kube-system"}
STATUS_USEFUL = frozenset(
    {
        "list ciliumnetworkpolicies.cilium.io everywhere",
        "list ciliumclusterwidenetworkpolicies.cilium.io everywhere",
        "list networkpolicies.networking.k8s.io everywhere",
    }
)
REPORT_USEFUL = frozenset(
    {
        "list ciliumclusterwidenetworkpolicies.cilium.io everywhere",
        "get configmaps cilium-config in kube-system",
        "list pods in shop",
        "list ciliumendpoints.cilium.io in shop",
        "list ciliumnetworkpolicies.cilium.io in shop",
        "list networkpolicies.networking.k8s.io in shop",
    }
)
FROM_POD = {**WEB, "from": {"namespace": "shop", "client": {"like": "Deployment/client"}}}
# What Helm has created, it patches or deletes when values change. A first installation does not show that.
RBAC = "rbac.authorization.k8s.io"
HELM_CHANGES = frozenset(
    f"{verb} {what}"
    for verb in ("patch", "delete")
    for what in (
        *(f"{kind}.{RBAC} everywhere" for kind in ("clusterroles", "clusterrolebindings", "roles", "rolebindings")),
        *(f"{kind} in kube-system" for kind in ("configmaps", "secrets", "serviceaccounts", "services")),
        *("deployments.apps in kube-system", "namespaces cilium-secrets everywhere"),
    )
) | {"patch daemonsets.apps in kube-system"}
TASKS = (
    Task(
        "install",
        lambda __: [role("cilium")],
        _cilium,
        quick=False,
        left_out=ADMISSION,
        also=HELM_CHANGES,
    ),
    Task(
        "status",
        lambda __: [module("cilium_status", wait=True, wait_timeout=300, probe_agents="none")],
        left_out=STATUS_LEFT_OUT,
        useful=STATUS_USEFUL,
    ),
    Task(
        "status-agents",
        lambda __: [module("cilium_status", wait=True, wait_timeout=300, probe_agents="all")],
        left_out=STATUS_LEFT_OUT,
        useful=STATUS_USEFUL,
    ),
    Task("demo", lambda __: [role("demo_workload")], lambda __: {"demo_workload_image": IMAGE}),
    Task("flows", lambda __: [module("hubble_flows", last=20)]),
    Task(
        "report",
        lambda __: [role("flow_report")],
        lambda environment: {
            "flow_report_namespaces": ["shop"],
            "flow_report_html": environment["FOLDER"] + "/flows.html",
        },
        useful=REPORT_USEFUL,
    ),
    Task(
        "probe",
        lambda __: [module("connectivity_probe", probes=[WEB], verdict="required")],
        # A pod that from.pod names.
        also=frozenset({"get pods in shop"}),
    ),
    Task(
        "probe-pods",
        lambda __: [module("connectivity_probe", probes=[FROM_POD], verdict="required", client_image=IMAGE)],
    ),
    Task(
        "scenario",
        lambda __: [role("policy_hardening")],
        quick=False,
        long=True,
        left_out=STATUS_LEFT_OUT,
        # The way back.
        also=frozenset(
            f"{verb} {kind} in basics"
            for verb in ("update", "delete")
            for kind in ("ciliumnetworkpolicies.cilium.io", "networkpolicies.networking.k8s.io")
        ),
    ),
    Task(
        "observe",
        lambda __: [role("policy_hardening", "learn_observe")],
        _hardening,
        quick=False,
        long=True,
        left_out=ADMISSION,
        # A second stretch of evidence takes the place of the first one.
        also=frozenset({"update configmaps in cloudnet-hardening", "delete configmaps in cloudnet-hardening"}),
    ),
    Task(
        "shadow",
        lambda __: [role("policy_hardening", "learn_shadow")],
        _hardening,
        quick=False,
        long=True,
        left_out=ADMISSION,
        # Policies that have changed with the evidence.
        also=frozenset({"update ciliumnetworkpolicies.cilium.io in shop"}),
    ),
    Task(
        "enforce",
        lambda __: [role("policy_hardening", "learn_enforce")],
        _hardening,
        quick=False,
        long=True,
        left_out=ADMISSION,
    ),
    Task("drift", lambda __: [role("policy_hardening", "learn_drift")], _hardening, long=True, left_out=ADMISSION),
    Task(
        "break-glass",
        lambda __: [
            module("network_policy_break_glass", namespaces=["shop"], minutes=5, image=IMAGE),
            module("network_policy_break_glass", namespaces=["shop"], state="closed"),
        ],
        long=True,
    ),
    Task(
        "take-back",
        lambda __: [role("policy_hardening")],
        lambda environment: {**_hardening(environment), "policy_hardening_state": "absent"},
        quick=False,
        long=True,
        left_out=ADMISSION,
    ),
)
