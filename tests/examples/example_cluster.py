# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The cluster of the examples: made by our own playbooks with the local stand-in for AKS, and removed again."""

from __future__ import annotations

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from example_blocks import ROOT
from example_runs import BIN, HERE, HOST, MACHINE

FOLDER = ROOT / "build" / "examples"
PORT = 8476
UP_S = 1200
# Modules that fail when Hubble has lost events.
FOLLOWING = ("hubble_canary", "network_policy_evidence", "network_policy_soak", "network_policy_enforce")
MAX_LOST = 1000000
PLAYBOOKS = ("playbooks/cluster.yml", "playbooks/cilium.yml", "playbooks/demo.yml", "tests/examples/application.yml")
SETTINGS: dict[str, Any] = {
    "ansible_connection": "local",
    "ansible_python_interpreter": "{{ ansible_playbook_python }}",
    "local_aks_enabled": True,
    "local_aks_directory": str(FOLDER / "local_aks"),
    "local_aks_port": PORT,
    "local_aks_engine_stop": [],
    "aks_cluster_connection": {
        "cloud_environment": f"https://127.0.0.1:{PORT}",
        "ca_bundle": str(FOLDER / "local_aks" / "ca.pem"),
        "subscription_id": "00000000-0000-0000-0000-000000000000",
        "tenant": "11111111-1111-1111-1111-111111111111",
        "client_id": "22222222-2222-2222-2222-222222222222",
        "secret": "local-aks",
    },
    "aks_cluster_resource_group": "rsg-examples",
    "aks_cluster_location": "westeurope",
    "aks_cluster_create_resource_group": True,
    "aks_cluster_kubeconfig": str(FOLDER / "kubeconfig"),
    "aks_cluster_properties": {
        "network_profile": {
            "network_plugin": "none",
            "pod_cidr": "10.244.0.0/16",
            "service_cidr": "10.96.0.0/16",
            "dns_service_ip": "10.96.0.10",
        },
        "agent_pools": [{"name": "nodepool1", "mode": "System", "count": 1}],
    },
    "cilium_kubeconfig": str(FOLDER / "kubeconfig"),
    "cilium_pod_cidr": "10.244.0.0/16",
    "cilium_k8s_service_host": "{{ aks_cluster_facts.api_server_host | default('') }}",
    "cilium_k8s_service_port": 6443,
    # Examples look back at what others did before.
    "hubble_values": {"hubble": {"eventBufferCapacity": "32767"}},
    "cilium_values": "{{ cilium_values_local | combine(hubble_values, recursive=true) }}",
    "demo_workload_kubeconfig": str(FOLDER / "kubeconfig"),
}


class ClusterError(Exception):
    """There is no cluster for the examples."""


@dataclass(frozen=True)
class Cluster:
    """A cluster with Cilium, Hubble relay, the demo workload and the application of the examples."""

    kubeconfig: Path
    machine: dict[str, Any]

    @property
    def variables(self) -> dict[str, Any]:
        """What the images and charts of this machine ask of the roles, as a user's group_vars would have it."""
        wanted = ("cilium_helm_binary", "cilium_chart", "demo_workload_image")
        found = {name: self.machine[name] for name in wanted if name in self.machine}
        image = {"policy_hardening_image": self.machine["demo_workload_image"]}
        return {**found, **image, "cilium_k8s_service_port": 6443, "cilium_values": self.machine["cilium_values_local"]}

    @property
    def module_defaults(self) -> dict[str, Any]:
        """The same for the module cilium; and a busy machine, which loses events, is no reason to fail."""
        options = {
            "chart": self.machine["cilium_chart"],
            "helm_binary": self.machine["cilium_helm_binary"],
            "values": self.machine["cilium_values_local"],
        }
        return {
            "cloudnet.aks_cilium.cilium": options,
            **{f"cloudnet.aks_cilium.{name}": {"max_lost": MAX_LOST} for name in FOLLOWING},
        }

    @property
    def programs(self) -> tuple[Path, ...]:
        """Folders of helm and kubectl."""
        return programs(self.machine)


def programs(variables: dict[str, Any]) -> tuple[Path, ...]:
    """Folders of helm and kubectl on this machine."""
    names = ("local_aks_helm", "local_aks_kubectl")
    return tuple(dict.fromkeys(Path(variables[name]).parent for name in names if name in variables))


def machine() -> dict[str, Any] | None:
    """What `make prepare` wrote about this machine."""
    return yaml.safe_load(MACHINE.read_text(encoding="utf-8")) if MACHINE.exists() else None


def made() -> Cluster:
    """The cluster that EXAMPLES_KUBECONFIG names, or a new one."""
    found = machine()
    if found is None:
        raise ClusterError(f"{MACHINE.relative_to(ROOT)} is missing: run `make prepare`")
    given = os.environ.get("EXAMPLES_KUBECONFIG")
    if given:
        return Cluster(Path(given).resolve(), found)
    inventory = FOLDER / "inventory"
    variables = inventory / "group_vars" / "all"
    variables.mkdir(parents=True, exist_ok=True)
    # Read before main.yml, which is stronger.
    (variables / "machine.yml").write_text(MACHINE.read_text(encoding="utf-8"), encoding="utf-8")
    (variables / "main.yml").write_text(yaml.safe_dump(SETTINGS), encoding="utf-8")
    (inventory / "hosts.yml").write_text(yaml.safe_dump({"all": {"hosts": {HOST: None}}}), encoding="utf-8")
    _playbooks(*PLAYBOOKS)
    return Cluster(FOLDER / "kubeconfig", found)


def removed() -> None:
    """Remove what made() has made; a cluster that was given, or is to be kept, stays."""
    if not os.environ.get("EXAMPLES_KUBECONFIG") and not os.environ.get("EXAMPLES_KEEP") and FOLDER.exists():
        _playbooks("playbooks/teardown.yml")


def _playbooks(*names: str) -> None:
    done = subprocess.run(
        [str(BIN / "ansible-playbook"), "-i", str(FOLDER / "inventory"), *(str(ROOT / name) for name in names)],
        cwd=HERE,
        env={**os.environ, "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections"), "ANSIBLE_NOCOLOR": "1"},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=UP_S,
    )
    (FOLDER / "last.log").write_text(done.stdout, encoding="utf-8")
    if done.returncode != 0:
        raise ClusterError(f"{' '.join(names)} ended with status {done.returncode}:\n{done.stdout[-3000:]}")
