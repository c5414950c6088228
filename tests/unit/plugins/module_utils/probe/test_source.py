# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.plan import parse_probes
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe.source import default_container, find_pod
from fakes import FakeKube


def pod(name: str, *, ready: bool = True, **labels: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "client", "labels": labels},
        "status": {"conditions": [{"type": "Ready", "status": "True" if ready else "False"}]},
    }


def test_the_first_ready_pod_of_a_selector_is_taken() -> None:
    kube = FakeKube().add(pod("b", app="web"), pod("a", ready=False, app="web"), pod("c", app="web"), pod("0"))
    (one,) = parse_probes(
        [{"from": {"namespace": "client", "selector": "app=web"}, "to": {"dns": "a"}, "expect": "allow"}]
    )
    assert find_pod(kube, one)["metadata"]["name"] == "b"
    with pytest.raises(InvalidInput, match="none of them is ready"):
        find_pod(FakeKube().add(pod("a", ready=False, app="web")), one)
    with pytest.raises(InvalidInput, match="there is none"):
        find_pod(FakeKube(), one)


def test_the_container_that_is_meant_is_the_one_that_kubectl_means() -> None:
    spec = {"containers": [{"name": "web"}, {"name": "sidecar"}]}
    assert default_container({"metadata": {}, "spec": spec}) == "web"
    chosen = {"annotations": {"kubectl.kubernetes.io/default-container": "sidecar"}}
    assert default_container({"metadata": chosen, "spec": spec}) == "sidecar"
