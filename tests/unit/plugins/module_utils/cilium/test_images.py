# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chart import Chart
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.images import (
    Images,
    check_images,
    unmoved_images,
    with_images,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuecheck import check_values
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.valuetree import at
from chart_facts import VERSIONS, chart_of

IMAGE = {"override": None, "repository": "quay.io/cilium/cilium", "tag": "v1", "digest": "sha256:1", "useDigest": True}
DEFAULTS: dict[str, Any] = {
    "image": IMAGE,
    "imagePullSecrets": [],
    "operator": {"image": {**IMAGE, "repository": "quay.io/cilium/operator", "genericDigest": "sha256:2"}},
    "nodeinit": {"image": {"repository": "quay.io/cilium/startup-script", "tag": "1"}},
    "init": {"initImage": {**IMAGE, "repository": "docker.io/library/busybox"}},
    "short": {"image": {**IMAGE, "repository": "library/busybox"}},
    "proxy": {"image": {**IMAGE, "repository": ""}},
    "agent": {"image": "ghcr.io/spiffe/spire-agent:1.6.3@sha256:3"},
}
CHART = Chart("cilium", "1.20.2", DEFAULTS, None, frozenset())
ACR = "myacr.azurecr.io/mirror"


def test_every_image_moves_and_keeps_its_name() -> None:
    assert with_images({}, CHART, Images(ACR)) == {
        "image": {"repository": f"{ACR}/cilium/cilium"},
        "operator": {"image": {"repository": f"{ACR}/cilium/operator"}},
        "nodeinit": {"image": {"repository": f"{ACR}/cilium/startup-script"}},
        "init": {"initImage": {"repository": f"{ACR}/library/busybox"}},
        "short": {"image": {"repository": f"{ACR}/library/busybox"}},
        "agent": {"image": f"{ACR}/spiffe/spire-agent:1.6.3@sha256:3"},
    }


def test_digests_are_dropped_on_request_only() -> None:
    moved = with_images({}, CHART, Images(ACR, digests=False))
    assert moved["image"] == {"repository": f"{ACR}/cilium/cilium", "useDigest": False}
    assert "useDigest" not in moved["nodeinit"]["image"]
    assert moved["agent"]["image"] == f"{ACR}/spiffe/spire-agent:1.6.3"
    assert with_images({}, CHART, Images(digests=True))["image"] == {"useDigest": True}


def test_the_users_values_win() -> None:
    own = {"image": {"repository": "other.example/c", "tag": "x"}, "imagePullSecrets": [{"name": "own"}]}
    moved = with_images(own, CHART, Images(ACR, pull_secrets=["pull"]))
    assert moved["image"] == own["image"]
    assert moved["imagePullSecrets"] == own["imagePullSecrets"]
    assert unmoved_images(own, CHART, Images(ACR)) == ["image"]
    assert unmoved_images({}, CHART, Images(ACR)) == unmoved_images(own, CHART, Images()) == []
    assert unmoved_images({"operator": {"image": {"override": "q/x:1"}}}, CHART, Images(ACR)) == ["operator.image"]


def test_pull_secrets_are_named_as_kubernetes_wants_them() -> None:
    assert with_images({}, CHART, Images(pull_secrets=["a", "b"])) == {
        "imagePullSecrets": [{"name": "a"}, {"name": "b"}]
    }


def test_without_a_wish_nothing_is_added() -> None:
    values = {"debug": {"enabled": True}}
    assert with_images(values, CHART, Images()) is values


@pytest.mark.parametrize("version", VERSIONS)
def test_every_minor_takes_what_is_made_for_it(version: str) -> None:
    chart = chart_of(version)
    made = with_images({}, chart, Images(ACR, digests=False, pull_secrets=["pull"]))
    assert check_values(made, chart) == made
    for path in ("image", "operator.image", "envoy.image", "hubble.relay.image", "hubble.ui.backend.image"):
        assert at(made, f"{path}.repository").startswith(ACR)
        assert at(made, f"{path}.useDigest") is False
    assert ("certgen" in made, "preflight" in made) == (True, True)


def test_what_the_charts_of_1_14_have_built_in_is_told() -> None:
    spire = {"authentication": {"mutual": {"spire": {"enabled": True}}}}
    assert any("busybox" in text for text in unmoved_images(spire, chart_of("1.14.19"), Images(ACR)))
    assert unmoved_images(spire, chart_of("1.15.19"), Images(ACR)) == []


@pytest.mark.parametrize(
    "registry", ["https://a.example", "a.example/", "a.example/Upper", "a b", "a.example/x:tag", "/x"]
)
def test_what_is_no_registry_is_refused(registry: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        check_images(Images(registry))
    assert caught.value.option == "image_registry"


def test_good_registries_and_secrets_pass() -> None:
    for registry in ("", "a.example", "a.example:5000", "a.example/b/c-d", "localhost:5000"):
        check_images(Images(registry, pull_secrets=["pull-1"]))
    with pytest.raises(InvalidInput, match="Upper"):
        check_images(Images(pull_secrets=["Upper"]))
