# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of clusters, their DNS and their stand-ins for the internet."""

from __future__ import annotations

import json

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import clusters, internet
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError

COREFILE = """\
.:53 {
    errors
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
    }
    forward . /etc/resolv.conf
}
"""
ADDRESSES = {"google.com": "172.18.0.5", "github.com": "172.18.0.6"}


def test_cluster_has_neither_cni_plugin_nor_kube_proxy() -> None:
    document = json.loads(clusters.kind_config(2, None, None))
    assert document["networking"] == {"disableDefaultCNI": True, "kubeProxyMode": "none"}
    assert [node["role"] for node in document["nodes"]] == ["control-plane", "worker", "worker"]


def test_cluster_takes_the_networks_it_is_given() -> None:
    networking = json.loads(clusters.kind_config(0, "10.1.0.0/16", "10.2.0.0/16"))["networking"]
    assert (networking["podSubnet"], networking["serviceSubnet"]) == ("10.1.0.0/16", "10.2.0.0/16")


def test_sites_come_before_the_cluster_plugin() -> None:
    edited = internet.with_hosts(COREFILE, ADDRESSES)
    lines = [line.strip() for line in edited.splitlines()]
    assert lines.index("172.18.0.5 google.com www.google.com") < lines.index(
        "kubernetes cluster.local in-addr.arpa ip6.arpa {"
    )
    assert "fallthrough" in lines


def test_corefile_is_the_old_one_after_the_sites_are_removed() -> None:
    assert internet.without_hosts(internet.with_hosts(COREFILE, ADDRESSES)) == COREFILE
    assert internet.without_hosts(COREFILE) == COREFILE


def test_sites_are_replaced_not_repeated() -> None:
    once = internet.with_hosts(COREFILE, {"google.com": "172.18.0.9"})
    assert internet.with_hosts(once, ADDRESSES) == internet.with_hosts(COREFILE, ADDRESSES)


def test_corefile_without_a_cluster_plugin_is_refused() -> None:
    with pytest.raises(LabError, match="no kubernetes plugin"):
        internet.with_hosts(".:53 {\n    errors\n}\n", ADDRESSES)


@pytest.mark.parametrize(
    ("host", "target"), [("google.com", "http://www.google.com"), ("github.com", "https://github.com")]
)
def test_site_redirects_as_the_real_one_does(host: str, target: str) -> None:
    configuration = internet.nginx_configuration(host)
    assert f"server_name {host};" in configuration
    assert f"return 301 {target}$request_uri;" in configuration
    assert configuration.count("{") == configuration.count("}")
