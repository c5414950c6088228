# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of clusters."""

from __future__ import annotations

import json

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import clusters


def test_cluster_has_neither_cni_plugin_nor_kube_proxy() -> None:
    document = json.loads(clusters.kind_config(2, None, None))
    assert document["networking"] == {"disableDefaultCNI": True, "kubeProxyMode": "none"}
    assert [node["role"] for node in document["nodes"]] == ["control-plane", "worker", "worker"]


def test_cluster_takes_the_networks_it_is_given() -> None:
    networking = json.loads(clusters.kind_config(0, "10.1.0.0/16", "10.2.0.0/16"))["networking"]
    assert (networking["podSubnet"], networking["serviceSubnet"]) == ("10.1.0.0/16", "10.2.0.0/16")
