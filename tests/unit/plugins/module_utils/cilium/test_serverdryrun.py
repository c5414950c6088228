# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, NotFound
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Json
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.serverdryrun import judge
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import Kind
from fakes import FakeKube


class Judging(FakeKube):
    """An API server that remembers what it was asked about, and refuses some of it."""

    def __init__(self, **refused: Exception) -> None:
        super().__init__()
        self.refused = refused
        self.asked: list[tuple[str, str | None, bool]] = []

    def apply(self, kind: Kind, body: Json, *, dry_run: bool = False, **__: Any) -> Json:
        self.asked.append((body["metadata"]["name"], body["metadata"].get("namespace"), dry_run))
        if body["metadata"]["name"] in self.refused:
            raise self.refused[body["metadata"]["name"]]
        return body


def item(kind: str, name: str, api: str = "v1", namespace: str | None = None) -> Json:
    return {
        "apiVersion": api,
        "kind": kind,
        "metadata": {"name": name, **({"namespace": namespace} if namespace else {})},
    }


OBJECTS = [
    item("Namespace", "cilium-secrets"),
    item("ConfigMap", "config"),
    item("Role", "reader", "rbac.authorization.k8s.io/v1", "cilium-secrets"),
    item("ClusterRole", "agent", "rbac.authorization.k8s.io/v1"),
    item("ServiceMonitor", "m", "monitoring.coreos.com/v1"),
]


def test_everything_known_is_asked_about_and_nothing_is_written() -> None:
    kube = Judging()
    assert judge(kube, OBJECTS, "kube-system") == 4
    assert kube.asked == [
        ("cilium-secrets", None, True),
        ("config", "kube-system", True),
        ("reader", "cilium-secrets", True),
        ("agent", None, True),
    ]


def test_what_lies_in_a_namespace_to_be_made_cannot_be_asked_about() -> None:
    missing = NotFound("namespaces cilium-secrets not found", status=404)
    assert judge(Judging(reader=missing), OBJECTS, "kube-system") == 3
    assert judge(Judging(config=missing), OBJECTS, "kube-system") == 3
    with pytest.raises(NotFound):
        judge(Judging(reader=missing), OBJECTS[1:], "kube-system")


def test_what_the_api_server_refuses_is_named() -> None:
    refusal = InvalidInput("spec.template.labels: Invalid value", code="Invalid", status=422)
    with pytest.raises(InvalidInput, match=r"would refuse ConfigMap config.*Invalid value") as caught:
        judge(Judging(config=refusal), OBJECTS, "kube-system")
    assert (caught.value.option, caught.value.status) == ("values", 422)
