# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Managed clusters as kind clusters."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import logging
import re
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path

from . import kubeapi, managed
from .backend import Cluster, kubeconfig_document
from .config import Config
from .engine import Engine
from .errors import BackendError, Json, cannot_here
from .internet import Internet
from .kubeapi import KubeApi, wait_until
from .loadbalancer import Allocator, LoadBalancer, known_neighbours
from .operations import Progress
from .programs import run

LOG = logging.getLogger("local_aks")
API_PORT = 6443
CREATE_TIMEOUT_S = 600
DELETE_TIMEOUT_S = 180
MOST_NODES = 10
NETWORK_MARK = "created-network"
NOT_BALANCED = "node.kubernetes.io/exclude-from-external-load-balancers"
CONTROL_PLANE_TAINT = "node-role.kubernetes.io/control-plane"
POOL_CHANGES_NOTHING = (
    "tags",
    "upgradeSettings",
    "eTag",
    "provisioningState",
    "orchestratorVersion",
    "nodeImageVersion",
    "mode",
)
NETWORK_CHANGES_NOTHING = ("advancedNetworking", "loadBalancerProfile", "outboundType")


def kind_name(directory: Path, group: str, name: str) -> str:
    """Name of the kind cluster: readable, at most 40 characters, unique over groups and over services."""
    digest = hashlib.sha256(f"{directory}\0{group.lower()}\0{name.lower()}".encode()).hexdigest()[:7]
    readable = re.sub(r"[^a-z0-9]+", "-", f"{group}-{name}".lower()).strip("-")[:28].strip("-")
    return f"aks-{readable}-{digest}"


def node_pools(cluster: Cluster) -> list[Json]:
    """The pool of every node; the first node, the control plane, is in a system pool."""
    pools = sorted(cluster.pools, key=lambda pool: pool["mode"] != "System")
    return [pool for pool in pools for number in range(int(pool["count"]))]


def node_labels(cluster: Cluster, pool: Json) -> dict[str, str]:
    """Labels that AKS gives to a pool's nodes, and those the pool asks for."""
    labels = {
        "agentpool": pool["name"],
        "kubernetes.azure.com/agentpool": pool["name"],
        "kubernetes.azure.com/cluster": cluster.properties["nodeResourceGroup"],
        "kubernetes.azure.com/mode": str(pool["mode"]).lower(),
        "kubernetes.azure.com/os-sku": str(pool["osSKU"]),
    }
    if cluster.managed_cilium:
        labels["kubernetes.azure.com/ebpf-dataplane"] = "cilium"
    # A label's value has at most 63 characters, a node resource group's name up to 80.
    return {key: str(value)[:63] for key, value in {**labels, **(pool.get("nodeLabels") or {})}.items()}


def kind_config(cluster: Cluster) -> Json:
    """Configuration of the kind cluster: no CNI plugin, no kube-proxy, the networks and names of the AKS cluster."""
    kubeadm = [
        # Lets the kubelet go on where it may not raise limits or write sysctls.
        {"kind": "KubeletConfiguration", "featureGates": {"KubeletInUserNamespace": True}},
        {"kind": "ClusterConfiguration", "apiServer": {"certSANs": [cluster.fqdn, "localhost", "127.0.0.1"]}},
    ]
    pools = node_pools(cluster)
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "networking": {
            "disableDefaultCNI": True,
            "kubeProxyMode": "none",
            "podSubnet": cluster.network.get("podCidr", "10.244.0.0/16"),
            "serviceSubnet": cluster.network["serviceCidr"],
        },
        "kubeadmConfigPatches": [json.dumps(patch) for patch in kubeadm],
        "nodes": [
            {"role": "worker" if index else "control-plane", "labels": node_labels(cluster, pool)}
            for index, pool in enumerate(pools)
        ],
    }


class KindBackend:
    """Builds clusters with kind; keeps a load balancer and two sites of the internet per cluster."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.engine = Engine(config.docker)
        self.allocator = Allocator(self.engine, str(config.directory), known_neighbours)
        self.lock = threading.Lock()
        self.balancers: dict[str, LoadBalancer] = {}

    # What can be done

    def check(self, desired: Cluster, live: Cluster | None) -> None:
        """Refuse what kind cannot bring about."""
        network = desired.network
        if network["networkPlugin"] != "none" and not desired.managed_cilium:
            raise cannot_here(
                "it builds clusters with networkPlugin none (bring your own CNI) or with networkDataplane cilium; "
                f"networkPlugin {network['networkPlugin']} with dataplane {network.get('networkDataplane')} is neither"
            )
        if desired.managed_cilium and not self.config.cilium_chart:
            raise cannot_here("networkDataplane cilium needs Cilium's chart; set local_aks_cilium_chart")
        if network["ipFamilies"] != ["IPv4"]:
            raise cannot_here(f"ipFamilies {network['ipFamilies']}; only IPv4")
        advanced = network.get("advancedNetworking") or {}
        encryption = ((advanced.get("security") or {}).get("transitEncryption") or {}).get("type", "None")
        acceleration = (advanced.get("performance") or {}).get("accelerationMode", "None")
        for what, value in (("transitEncryption", encryption), ("accelerationMode", acceleration)):
            if value != "None":
                raise cannot_here(f"{what} {value}")
        if (desired.properties.get("apiServerAccessProfile") or {}).get("enablePrivateCluster"):
            raise cannot_here("private clusters")
        tenth = str(ipaddress.ip_network(network["serviceCidr"])[10])
        if network["dnsServiceIP"] != tenth:
            raise cannot_here(f"dnsServiceIP {network['dnsServiceIP']}; in {network['serviceCidr']} it is {tenth}")
        if desired.node_count > MOST_NODES:
            raise cannot_here(f"{desired.node_count} nodes; at most {MOST_NODES}")
        if live is not None:
            self._check_change(desired, live)

    @staticmethod
    def _check_change(desired: Cluster, live: Cluster) -> None:
        before, after = ({pool["name"]: pool for pool in cluster.pools} for cluster in (live, desired))
        if before.keys() != after.keys():
            raise cannot_here("adding or removing agent pools of a cluster that exists")
        for name, pool in after.items():
            for key in sorted(pool.keys() | before[name].keys()):
                if key not in POOL_CHANGES_NOTHING and pool.get(key) != before[name].get(key):
                    raise cannot_here(f"changing {key} of agent pool {name} in a cluster that exists")
        for key in sorted(desired.network.keys() | live.network.keys()):
            if key not in NETWORK_CHANGES_NOTHING and desired.network.get(key) != live.network.get(key):
                raise cannot_here(f"changing networkProfile.{key} of a cluster that exists")

    # Operations

    def create(self, cluster: Cluster, progress: Progress) -> None:
        """Build the cluster; with networkPlugin none its nodes stay NotReady until a CNI plugin comes, as on AKS."""
        name, folder = self._name(cluster), self._folder(cluster)
        self._remove(name, folder, progress)
        folder.mkdir(parents=True, mode=0o700)
        config = folder / "kind.json"
        config.write_text(json.dumps(kind_config(cluster), indent=2), encoding="utf-8")
        total = cluster.node_count
        progress.report(f"CreatingAgentPools: 0/{total} nodes completed")
        self._mark_network()
        command = [self.config.kind, "create", "cluster", "--name", name, "--image", self.config.node_image]
        command += ["--config", str(config), "--kubeconfig", str(self._kubeconfig(cluster))]
        run(command, code="NodesCreationFailed", timeout_s=CREATE_TIMEOUT_S, progress=progress)
        progress.report(f"CreatingAgentPools: {total}/{total} nodes completed")
        api = self._prepare(cluster, progress)
        self._balance(cluster, api)
        progress.report("ReconcilingAddons")
        if cluster.managed_cilium:
            managed.install(self.config, cluster, api, self._kubeconfig(cluster), API_PORT, progress)

    def update(self, cluster: Cluster, progress: Progress) -> None:
        """Bring managed Cilium to what the properties say; nothing else differs between what check() accepts."""
        progress.report("ReconcilingAddons")
        if cluster.managed_cilium:
            api = KubeApi(self._kubeconfig(cluster))
            managed.install(self.config, cluster, api, self._kubeconfig(cluster), API_PORT, progress)

    def start(self, cluster: Cluster, progress: Progress) -> None:
        """Start the nodes' containers, whose addresses may be new."""
        progress.report("Starting")
        self.engine.start(self.engine.nodes(self._name(cluster)))
        self._balance(cluster, self._prepare(cluster, progress))

    def stop(self, cluster: Cluster, progress: Progress) -> None:
        """Stop the nodes' containers; what is on their disks stays."""
        progress.report("Stopping")
        with self.lock:
            balancer = self.balancers.pop(self._name(cluster), None)
        if balancer is not None:
            balancer.stop()
        self.engine.stop(self.engine.nodes(self._name(cluster)), progress)

    def delete(self, cluster: Cluster, progress: Progress) -> None:
        """Remove nodes, sites and files."""
        progress.report("Deleting")
        self._remove(self._name(cluster), self._folder(cluster), progress)

    def kubeconfig(self, cluster: Cluster, *, admin: bool) -> Json | None:
        """Kubeconfig with the address that kind publishes on this machine."""
        path = self._kubeconfig(cluster)
        if not path.exists():
            return None
        found = kubeapi.read_kubeconfig(path)
        user = {"client-certificate-data": found["certificate"], "client-key-data": found["key"]}
        return kubeconfig_document(
            cluster, admin=admin, server=found["server"], authority=found["authority"], user=user
        )

    def adopt(self, clusters: Sequence[Cluster]) -> None:
        """Start containers that a restart of the engine stopped, and serve load balancers again."""
        for cluster in clusters:
            thread = threading.Thread(target=self._adopt, args=(cluster,), name=f"adopt-{cluster.name}", daemon=True)
            thread.start()

    def close(self) -> None:
        """Stop the load balancers' threads; addresses stay on the nodes."""
        with self.lock:
            for balancer in self.balancers.values():
                balancer.stop()
            self.balancers.clear()

    def purge(self) -> list[str]:
        """Remove every cluster whose files are here; returns their names."""
        folders = sorted(self.config.clusters.iterdir()) if self.config.clusters.is_dir() else []
        for folder in folders:
            self._remove(folder.name, folder, None)
        if (self.config.directory / NETWORK_MARK).exists():
            self.engine.remove_network()
        return [folder.name for folder in folders]

    # Parts

    def _name(self, cluster: Cluster) -> str:
        return kind_name(self.config.directory, cluster.group, cluster.name)

    def _folder(self, cluster: Cluster) -> Path:
        return self.config.clusters / self._name(cluster)

    def _kubeconfig(self, cluster: Cluster) -> Path:
        return self._folder(cluster) / "kubeconfig"

    def _mark_network(self) -> None:
        """Remember that the network `kind` is ours to remove, when there was none before."""
        if not self.engine.has_network():
            (self.config.directory / NETWORK_MARK).touch()

    def _prepare(self, cluster: Cluster, progress: Progress | None) -> KubeApi:
        """Names, taints and the internet of a cluster whose nodes run; the same after a restart."""
        name = self._name(cluster)
        self._resolve(cluster)
        api = KubeApi(self._kubeconfig(cluster))
        wait_until(lambda: "" if api.get("/version") else "no answer", progress, 60, "no API server")
        nodes = {item["metadata"]["name"]: item for item in api.items("/api/v1/nodes")}
        for node, pool in zip(self.engine.nodes(name), node_pools(cluster), strict=True):
            _settle(api, nodes[node], pool)
        Internet(self.config, self.engine, name).up(api, progress)
        return api

    def _resolve(self, cluster: Cluster) -> None:
        """Let every node resolve the API server's name; the kubelet copies the file into hostNetwork pods."""
        nodes = self.engine.nodes(self._name(cluster))
        line = f"{self.engine.address(nodes[0])} {cluster.fqdn}"
        script = 'grep -v " $2$" /etc/hosts > /tmp/hosts; echo "$1" >> /tmp/hosts; cat /tmp/hosts > /etc/hosts'
        for node in nodes:
            self.engine.execute(node, "sh", "-c", script, "sh", line, cluster.fqdn)

    def _balance(self, cluster: Cluster, api: KubeApi) -> None:
        name = self._name(cluster)
        balancer = LoadBalancer(self.engine, self.allocator, api, self.engine.nodes(name)[0])
        with self.lock:
            self.balancers[name] = balancer
        balancer.start()

    def _adopt(self, cluster: Cluster) -> None:
        name = self._name(cluster)
        try:
            nodes = self.engine.nodes(name)
            if not nodes or not self._kubeconfig(cluster).exists():
                LOG.warning("cluster %s has no containers or no files; delete it to build it again", name)
                return
            self.engine.start(nodes)
            self._balance(cluster, self._prepare(cluster, None))
        except BackendError as error:
            LOG.warning("cluster %s cannot be adopted: %s", name, error)

    def _remove(self, name: str, folder: Path, progress: Progress | None) -> None:
        """Remove a cluster, however little of it exists."""
        with self.lock:
            balancer = self.balancers.pop(name, None)
        if balancer is not None:
            balancer.stop()
        if self.engine.nodes(name):
            command = [self.config.kind, "delete", "cluster", "--name", name]
            command += ["--kubeconfig", str(folder / "kubeconfig")]
            run(command, code="DeleteFailed", timeout_s=DELETE_TIMEOUT_S, progress=progress)
        Internet(self.config, self.engine, name).down()
        if left := self.engine.nodes(name):
            raise BackendError("DeleteFailed", f"containers remain: {', '.join(left)}")
        shutil.rmtree(folder, ignore_errors=True)


def _settle(api: KubeApi, node: Json, pool: Json) -> None:
    """Make the control plane an ordinary node, and give a node the taints of its pool."""
    taints = [taint for taint in node["spec"].get("taints") or [] if taint["key"] != CONTROL_PLANE_TAINT]
    known = {(taint["key"], taint["effect"]) for taint in taints}
    for text in pool.get("nodeTaints") or []:
        pair, _colon, effect = text.rpartition(":")
        key, _equals, value = pair.partition("=")
        if (key, effect) not in known:
            taints.append({"key": key, "value": value, "effect": effect})
    patch = {"metadata": {"labels": {NOT_BALANCED: None}}, "spec": {"taints": taints}}
    api.merge(f"/api/v1/nodes/{node['metadata']['name']}", patch)
