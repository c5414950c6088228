# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from local_aks import defaults, managed
from local_aks.backend import Cluster
from local_aks.config import Config
from local_aks.errors import ArmError
from local_aks.kind_backend import KindBackend, kind_config, kind_name, node_pools
from local_aks.operations import Operations, Progress
from local_aks.store import Store
from local_aks.versions import Versions

COREFILE = """.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
}
"""
BYO = {"networkPlugin": "none", "podCidr": "10.8.0.0/16", "serviceCidr": "10.9.0.0/16"}
CILIUM = {"networkPlugin": "azure", "networkPluginMode": "overlay", "networkDataplane": "cilium"}


def cluster(network: dict[str, Any], *pools: dict[str, Any]) -> Cluster:
    given = [{"name": "nodepool1", "mode": "System", "vmSize": "v", **pool} for pool in pools or ({"count": 2},)]
    body = {
        "location": "westeurope",
        "properties": {"dnsPrefix": "c", "networkProfile": network, "agentPoolProfiles": given},
    }
    filled = defaults.fill_cluster(
        body, group="Group", name="c", subscription="s", tenant="t", resolve=Versions((), "1.34.4").resolve
    )
    return Cluster("Group", "c", filled)


def backend(tmp_path: Path, **settings: Any) -> KindBackend:
    return KindBackend(Config(directory=tmp_path, **settings))


def test_kind_names_are_short_unique_and_do_not_depend_on_case() -> None:
    name = kind_name(Path("/a"), "A very_long.(resource) group name", "cluster" * 9)
    assert name.startswith("aks-a-very-long-resource-group")
    assert len(name) <= 40
    assert kind_name(Path("/a"), "RG", "C") == kind_name(Path("/a"), "rg", "c")
    others = {
        kind_name(Path("/a"), "rg-a", "b"),
        kind_name(Path("/a"), "rg", "a-b"),
        kind_name(Path("/b"), "rg", "a-b"),
    }
    assert len(others) == 3


def test_kind_gets_the_cluster_that_was_asked_for() -> None:
    wanted = cluster(BYO, {"name": "user", "mode": "User", "count": 1}, {"name": "sys", "count": 2})
    config = kind_config(wanted)
    assert [node["role"] for node in config["nodes"]] == ["control-plane", "worker", "worker"]
    assert [node["labels"]["agentpool"] for node in config["nodes"]] == ["sys", "sys", "user"]
    assert config["nodes"][0]["labels"]["kubernetes.azure.com/cluster"] == "MC_Group_c_westeurope"
    assert config["networking"] == {
        "disableDefaultCNI": True,
        "kubeProxyMode": "none",
        "podSubnet": "10.8.0.0/16",
        "serviceSubnet": "10.9.0.0/16",
    }
    patches = [json.loads(patch) for patch in config["kubeadmConfigPatches"]]
    assert wanted.fqdn in patches[1]["apiServer"]["certSANs"]
    assert "kubernetes.azure.com/ebpf-dataplane" not in config["nodes"][0]["labels"]
    managed_nodes = kind_config(cluster(CILIUM))["nodes"]
    assert {node["labels"]["kubernetes.azure.com/ebpf-dataplane"] for node in managed_nodes} == {"cilium"}
    assert len(node_pools(wanted)) == wanted.node_count


@pytest.mark.parametrize(
    ("network", "pools", "text"),
    [
        ({"networkPlugin": "azure"}, [{}], "neither"),
        (CILIUM, [{}], "local_aks_cilium_chart"),
        (BYO | {"dnsServiceIP": "10.9.0.53"}, [{}], r"10\.9\.0\.10"),
        (BYO, [{"count": 11}], "at most 10"),
        (
            CILIUM
            | {"advancedNetworking": {"enabled": True, "security": {"transitEncryption": {"type": "WireGuard"}}}},
            [{}],
            "transitEncryption WireGuard",
        ),
    ],
)
def test_refuses_what_kind_cannot_build(
    tmp_path: Path, network: dict[str, Any], pools: Sequence[dict[str, Any]], text: str
) -> None:
    chart = "" if "chart" in text else "/chart"
    with pytest.raises(ArmError, match=text) as caught:
        backend(tmp_path, cilium_chart=chart).check(cluster(network, *pools), None)
    assert caught.value.code == "NotSupportedByLocalStandIn"


def test_scaling_is_refused_and_labels_of_azure_are_not(tmp_path: Path) -> None:
    live = cluster(BYO)
    desired = Cluster("Group", "c", defaults.merged(live.body, {"tags": {"a": "b"}}))
    backend(tmp_path).check(desired, live)
    desired.pools[0]["count"] = 3
    with pytest.raises(ArmError, match="changing count of agent pool nodepool1"):
        backend(tmp_path).check(desired, live)


@pytest.mark.parametrize(
    ("advanced", "hubble"),
    [(None, False), ({"enabled": True}, True), ({"enabled": True, "observability": {"enabled": False}}, False)],
)
def test_hubble_is_on_only_with_observability(tmp_path: Path, advanced: dict[str, Any] | None, hubble: bool) -> None:
    network = CILIUM | ({"advancedNetworking": advanced} if advanced else {})
    config = Config(directory=tmp_path, cilium_values={"hubble": {"enabled": not hubble}, "envoy": {"enabled": False}})
    values = managed.values(config, cluster(network), 6443)
    assert (values["hubble"]["enabled"], values["hubble"]["relay"]["enabled"]) == (hubble, hubble)
    assert values["envoy"] == {"enabled": False}
    assert values["k8sServiceHost"].endswith(".hcp.westeurope.azmk8s.io")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cilium_chart": "/charts/cilium"}, ["/charts/cilium"]),
        ({"cilium_chart": "oci://a/cilium", "cilium_chart_version": "1"}, ["oci://a/cilium", "--version", "1"]),
        ({"cilium_chart": "cilium", "cilium_chart_repo": "https://r"}, ["cilium", "--repo", "https://r"]),
    ],
)
def test_only_a_plain_chart_name_needs_a_repository(tmp_path: Path, settings: dict[str, str], words: list[str]) -> None:
    assert managed.chart(Config(directory=tmp_path, **settings)) == words  # type: ignore[arg-type]


def test_admission_policy_names_acns_and_what_it_denies() -> None:
    off = managed.admission_policy(fqdn_allowed=False)["spec"]["validations"][0]
    fqdn = managed.admission_policy(fqdn_allowed=True)["spec"]["validations"][0]
    assert "ACNS" in off["message"]
    assert "toFQDNs" in off["expression"]
    assert "p.rules.dns" in off["expression"]
    assert "toFQDNs" not in fqdn["expression"]
    assert "p.rules.dns" not in fqdn["expression"]
    assert "p.rules.http" in fqdn["expression"]


def test_stopping_stops_the_containers_of_the_nodes(tmp_path: Path) -> None:
    """Docker is a script that lists two nodes and writes down what it is told."""
    script, log = tmp_path / "docker", tmp_path / "log"
    script.write_text(f'#!/bin/sh\necho "$@" >> {log}\n[ "$1" != ps ] || printf "n-worker\\nn-control-plane\\n"\n')
    script.chmod(0o700)
    (tmp_path / "state").mkdir()
    store = Store(tmp_path / "state")
    identifier = str(Operations(store).begin("stop", "group/c", "westeurope")["id"])
    backend(tmp_path, docker=str(script)).stop(cluster(BYO), Progress(store, identifier))
    assert "stop --time 20 n-control-plane n-worker" in log.read_text().splitlines()
    assert (store.operation(identifier) or {})["status"] == "Stopping"
