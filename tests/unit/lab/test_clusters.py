# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Configuration of clusters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import cli, clusters
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.cache import Cache
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.releases import OLDER_RELEASES, cilium_node_images
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.report import environment


def test_cluster_has_neither_cni_plugin_nor_kube_proxy() -> None:
    document = json.loads(clusters.kind_config(2, None, None))
    assert document["networking"] == {"disableDefaultCNI": True, "kubeProxyMode": "none"}
    assert [node["role"] for node in document["nodes"]] == ["control-plane", "worker", "worker"]


def test_cluster_takes_the_networks_it_is_given() -> None:
    networking = json.loads(clusters.kind_config(0, "10.1.0.0/16", "10.2.0.0/16"))["networking"]
    assert (networking["podSubnet"], networking["serviceSubnet"]) == ("10.1.0.0/16", "10.2.0.0/16")


def test_images_that_are_not_built_are_named_before_a_cluster_is_touched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = cilium_node_images(OLDER_RELEASES[0])
    monkeypatch.setattr(clusters, "image_id", lambda tag: "" if "relay" in tag else "sha256:1")
    with pytest.raises(LabError, match=rf"^{images[2]} is not there: run `lab build --cilium"):
        clusters.Cluster(Cache(tmp_path), "x", None).load(images)


def test_environment_of_another_release_has_its_version_chart_and_images(tmp_path: Path) -> None:
    cache, release = Cache(tmp_path), OLDER_RELEASES[0]
    own, other = (environment(cache, clusters.Cluster(cache, "x", None), item) for item in (None, release))
    assert other["LAB_CILIUM_VERSION"] == f"v{release.number}"
    assert other["LAB_CHART"] == str(tmp_path / "cilium-1.19" / "chart" / "cilium") != own["LAB_CHART"]
    assert other["LAB_IMAGE_HUBBLE_RELAY"] == f"quay.io/cilium/hubble-relay:v{release.number}"
    changed = {key for key, value in other.items() if own[key] != value}
    images = {"LAB_IMAGE_CILIUM", "LAB_IMAGE_CILIUM_OPERATOR", "LAB_IMAGE_HUBBLE_RELAY"}
    assert changed == {"LAB_CILIUM_VERSION", "LAB_CHART", *images}


def test_command_line_knows_the_versions_of_cilium(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.parser().parse_args(["build", "--cilium", "1.19.6"]).cilium == "1.19.6"
    assert cli.parser().parse_args(["build"]).cilium is None
    with pytest.raises(SystemExit):
        cli.parser().parse_args(["up", "--cilium", "1.3.0"])
    answer = capsys.readouterr().err
    assert all(number in answer for number in ("1.20.2", "1.19.6", "1.15.19"))
