# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    MissingRequirement,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.release import (
    Helm,
    check_name,
    is_installed,
    must_change,
    parse_release,
    read_release,
    refuse_stuck,
    source_words,
)
from cilium_documents import release_secret
from fakes import FakeKube, FakeRunner, completed


def test_reads_the_newest_revision_with_one_request() -> None:
    kube = FakeKube().add(
        release_secret({"a": 1}, revision=9, status="superseded"),
        release_secret({"a": 2}, revision=10, chart_version="1.20.1"),
        release_secret({"x": 1}, name="other"),
    )
    release = read_release(kube, "cilium", "kube-system")
    assert release is not None
    assert (release.revision, release.status, release.values) == (10, "deployed", {"a": 2})
    assert release.summary() == {
        "name": "cilium",
        "namespace": "kube-system",
        "revision": 10,
        "chart_version": "1.20.1",
        "app_version": "1.20.1",
        "status": "deployed",
    }
    assert kube.requests == 1


def test_revisions_are_compared_as_numbers() -> None:
    kube = FakeKube().add(release_secret({}, revision=9), release_secret({}, revision=10, status="failed"))
    release = read_release(kube, "cilium", "kube-system")
    assert release is not None
    assert (release.revision, release.status) == (10, "failed")


def test_no_record_is_no_release() -> None:
    assert read_release(FakeKube(), "cilium", "kube-system") is None


def test_a_damaged_record_is_explained() -> None:
    secret = release_secret({})
    for data in ({}, {"release": "!"}, {"release": base64.b64encode(b"x").decode()}):
        with pytest.raises(OperationFailed) as caught:
            parse_release({**secret, "data": data})
        assert caught.value.code == "InvalidReleaseRecord"


def test_a_record_without_values_has_none() -> None:
    secret = release_secret({})
    assert parse_release(secret).values == {}


@pytest.mark.parametrize(
    ("secret", "version", "values", "change"),
    [
        (None, "1.20.2", {}, True),
        (release_secret({"a": 1}), "1.20.2", {"a": 1}, False),
        (release_secret({"a": 1}), "1.20.1", {"a": 1}, True),
        (release_secret({"a": 1}), "1.20.2", {"a": 2}, True),
        (release_secret({"a": 1}), "1.20.2", {"a": True}, True),
        (release_secret({"a": 1.0}), "1.20.2", {"a": 1}, False),
        (release_secret({"a": 1}, status="failed"), "1.20.2", {"a": 1}, True),
    ],
)
def test_helm_runs_only_for_a_difference(secret: Any, version: str, values: Any, change: bool) -> None:
    release = parse_release(secret) if secret else None
    assert must_change(release, version, values) is change


@pytest.mark.parametrize(
    ("status", "way_out"),
    [
        ("pending-install", "helm uninstall cilium"),
        ("pending-upgrade", "helm rollback cilium"),
        ("pending-rollback", "helm rollback cilium"),
        ("uninstalling", "helm uninstall cilium"),
    ],
)
def test_a_stuck_release_is_refused_with_a_way_out(status: str, way_out: str) -> None:
    with pytest.raises(Conflict, match=status) as caught:
        refuse_stuck(parse_release(release_secret({}, status=status)))
    assert way_out in caught.value.remedy
    assert "2026-11-30T19:00:00Z" in caught.value.message


def test_other_states_are_not_stuck() -> None:
    refuse_stuck(None)
    for status in ("deployed", "failed", "uninstalled"):
        refuse_stuck(parse_release(release_secret({}, status=status)))


def test_a_kept_history_is_not_an_installation() -> None:
    assert is_installed(parse_release(release_secret({}, status="uninstalled"))) is False
    assert is_installed(parse_release(release_secret({}, status="failed"))) is True
    assert is_installed(None) is False


@pytest.mark.parametrize(("text", "version"), [("v3.8.0", (3, 8)), ("v3.22.0\n", (3, 22)), ("v4.0.1", (4, 0))])
def test_helm_three_and_four_are_good(text: str, version: tuple[int, int]) -> None:
    assert Helm("helm", FakeRunner(completed(stdout=text))).version() == version


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (completed(stdout="v3.7.2"), "HelmTooOld"),
        (completed(stdout="v2.17.0"), "HelmTooOld"),
        (completed(rc=1, stderr="boom"), "HelmNotUsable"),
        (completed(stdout="hello"), "HelmNotUsable"),
        (MissingRequirement("The program helm was not found."), "HelmNotFound"),
        (TimedOut("helm did not end within 30 s."), "HelmNotUsable"),
    ],
)
def test_a_helm_that_is_missing_or_too_old_is_named(answer: object, code: str) -> None:
    with pytest.raises(MissingRequirement) as caught:
        Helm("/opt/helm", FakeRunner(answer)).version()  # type: ignore[arg-type]
    assert (caught.value.code, caught.value.option) == (code, "helm_binary")
    assert "/opt/helm" in caught.value.message


def test_command_lines() -> None:
    runner = FakeRunner(answer=lambda argv: completed())
    helm = Helm("helm", runner, "/tmp/kubeconfig")
    helm.upgrade("cilium", "kube-system", "/charts/cilium", "/tmp/values.yaml", 300)
    helm.uninstall("cilium", "kube-system", 60.9)
    helm.pull("cilium", "https://charts.example/", "1.20.2", "/tmp/d")
    cluster = ["--kubeconfig", "/tmp/kubeconfig"]
    assert runner.calls == [
        [
            *("helm", "upgrade", "cilium", "/charts/cilium", "--install", "--namespace", "kube-system"),
            *("--create-namespace", "--values", "/tmp/values.yaml", "--reset-values", "--timeout", "300s"),
            *cluster,
        ],
        ["helm", "uninstall", "cilium", "--namespace", "kube-system", "--timeout", "60s", *cluster],
        [
            *("helm", "pull", "cilium", "--repo", "https://charts.example/", "--version", "1.20.2"),
            *("--destination", "/tmp/d"),
        ],
    ]


def test_an_oci_reference_has_no_repository() -> None:
    assert source_words("oci://registry.example/cilium", "https://charts.example/", "1.2.3") == ["--version", "1.2.3"]
    assert source_words("cilium", "", "") == []


def test_helms_last_word_is_the_message_and_all_of_it_is_kept() -> None:
    stderr = "WARNING: kubeconfig is group-readable\nlong text\nError: UPGRADE FAILED: no matches for kind\n"
    with pytest.raises(OperationFailed, match="UPGRADE FAILED: no matches") as caught:
        Helm("helm", FakeRunner(completed(rc=1, stderr=stderr))).upgrade("cilium", "kube-system", "c", "v", 1)
    assert caught.value.code == "HelmFailed"
    assert caught.value.details["stderr"] == stderr
    assert caught.value.details["rc"] == 1


@pytest.mark.parametrize("name", ["", "Cilium", "a,b", "a" * 54, "-a", "a="])
def test_names_that_would_break_a_selector_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name, "release_name")
