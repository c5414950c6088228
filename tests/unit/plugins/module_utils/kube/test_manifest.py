# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import re

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, TimedOut
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import MASK, Result
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import kind_of
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.manifest import (
    ensure_absent,
    ensure_present,
    read_manifest,
)
from fakes import FakeClock, FakeKube

NAMESPACE = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "basics"}}
CONFIG = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "page", "namespace": "basics"},
    "data": {"index": "hello"},
}
SERVICE = {
    "apiVersion": "v1",
    "kind": "Service",
    "metadata": {"name": "web", "namespace": "basics"},
    "spec": {"type": "LoadBalancer", "ports": [{"port": 80}]},
}


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ("", "at least one Kubernetes object"),
        ("a: [", "not YAML"),
        (7, "found int"),
        ([3], "object 1 is a int"),
        ([{"apiVersion": "v1", "kind": "Namespace"}], "no metadata.name"),
        ([{"apiVersion": "v1", "kind": "Nonsense", "metadata": {"name": "x"}}], "Nonsense"),
    ],
)
def test_a_wrong_definition_is_named(definition: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read_manifest(definition)


def test_reads_several_documents_and_skips_empty_ones() -> None:
    one = "---\napiVersion: v1\nkind: Namespace\nmetadata: {name: %s}\n---\n"
    text = one % "a" + one % "b"
    assert [document["metadata"]["name"] for document in read_manifest(text)] == ["a", "b"]


def present(
    kube: FakeKube, *documents: dict[str, object], check_mode: bool = False, timeout_s: float | None = None
) -> Result:
    return ensure_present(kube, list(documents), check_mode=check_mode, timeout_s=timeout_s, clock=FakeClock())


def test_creates_and_then_finds_nothing_to_do() -> None:
    kube = FakeKube()
    first = present(kube, NAMESPACE, CONFIG)
    second = present(kube, NAMESPACE, CONFIG)
    assert first.changed
    assert [row["changed"] for row in first.values["objects"]] == [True, True]
    assert not second.changed
    assert second.before == {} == second.after


def test_the_diff_shows_the_managed_fields_alone() -> None:
    kube = FakeKube()
    present(kube, NAMESPACE, CONFIG)
    changed = present(kube, NAMESPACE, {**CONFIG, "data": {"index": "bye"}})
    assert list(changed.before or {}) == ["ConfigMap basics/page"]
    assert (changed.before or {})["ConfigMap basics/page"]["data"] == {"index": "hello"}
    assert (changed.after or {})["ConfigMap basics/page"]["data"] == {"index": "bye"}


def test_the_diff_of_a_secret_shows_no_value() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "basics"}}
    kube = FakeKube()
    present(kube, NAMESPACE, {**secret, "data": {"password": "b2xk"}})
    changed = present(kube, NAMESPACE, {**secret, "data": {"password": "bmV3", "user": "bWU="}})
    gone = ensure_absent(kube, [secret], check_mode=True, timeout_s=None)
    assert changed.changed
    assert (changed.after or {})["Secret basics/s"]["data"] == {"password": MASK, "user": MASK}
    for result in (changed, gone):
        assert not {"b2xk", "bmV3", "bWU="} & set(re.findall(r"[\w=]+", repr((result.before, result.after))))


def test_check_mode_stores_nothing() -> None:
    kube = FakeKube()
    result = present(kube, NAMESPACE, CONFIG, check_mode=True)
    assert result.changed
    assert not present(FakeKube(), check_mode=True).changed
    assert list(kube.list(kind_of(NAMESPACE))) == []


def test_waits_for_the_load_balancer_and_returns_its_address() -> None:
    kube = FakeKube()
    with pytest.raises(TimedOut, match="Service basics/web: no load balancer address yet"):
        present(kube, NAMESPACE, SERVICE, timeout_s=5)
    kube.patch(kind_of(SERVICE), "web", {"status": {"loadBalancer": {"ingress": [{"ip": "192.0.2.7"}]}}}, "basics")
    assert present(kube, NAMESPACE, SERVICE, timeout_s=5).values["addresses"] == {"basics/web": "192.0.2.7"}


def test_deletes_once() -> None:
    kube = FakeKube()
    present(kube, NAMESPACE, CONFIG)
    arguments = {"check_mode": False, "timeout_s": 5.0, "clock": FakeClock()}
    first = ensure_absent(kube, [NAMESPACE, CONFIG], **arguments)
    second = ensure_absent(kube, [NAMESPACE, CONFIG], **arguments)
    assert first.changed
    assert not second.changed
    assert (first.after or {})["ConfigMap basics/page"] is None
