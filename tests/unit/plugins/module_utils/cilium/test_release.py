# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.release import (
    Records,
    check_name,
    forget_revision,
    is_installed,
    must_change,
    parse_release,
    read_history,
    read_records,
    read_release,
)
from cilium_documents import release_secret
from fakes import FakeKube


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
        (release_secret({"a": 1}), "v1.20.2", {"a": 1}, False),
        (release_secret({"a": 1}, chart_version="v1.20.2"), "1.20.2", {"a": 1}, False),
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


def test_a_kept_history_is_not_an_installation() -> None:
    assert is_installed(parse_release(release_secret({}, status="uninstalled"))) is False
    assert is_installed(parse_release(release_secret({}, status="failed"))) is True
    assert is_installed(None) is False


def test_the_records_tell_the_newest_and_the_deployed_revision_with_one_request() -> None:
    kube = FakeKube().add(
        release_secret({"a": 1}, revision=8, status="superseded"),
        release_secret({"a": 2}, revision=9),
        release_secret({"a": 3}, revision=10, status="pending-upgrade"),
    )
    records = read_records(kube, "cilium", "kube-system")
    assert kube.requests == 1
    assert records.newest is not None
    assert records.deployed is not None
    assert (records.newest.revision, records.deployed.revision) == (10, 9)
    assert read_records(FakeKube(), "cilium", "kube-system") == Records()


def test_the_history_has_all_revisions_oldest_first() -> None:
    kube = FakeKube().add(
        *(release_secret({}, revision=number, status="superseded") for number in (10, 2, 9)),
        release_secret({}, name="other"),
    )
    assert [release.revision for release in read_history(kube, "cilium", "kube-system")] == [2, 9, 10]


def test_helm_tells_when_it_last_wrote_a_record() -> None:
    assert parse_release(release_secret({}, touched=1_800_000_000)).touched == 1_800_000_000
    assert parse_release(release_secret({})).touched is None


def test_forgetting_a_revision_takes_its_record_only() -> None:
    kube = FakeKube().add(release_secret({}), release_secret({}, revision=2, status="pending-upgrade"))
    newest = read_release(kube, "cilium", "kube-system")
    assert newest is not None
    forget_revision(kube, newest)
    assert [(write.verb, write.name) for write in kube.writes] == [("delete", "sh.helm.release.v1.cilium.v2")]


@pytest.mark.parametrize("name", ["", "Cilium", "a,b", "a" * 54, "-a", "a="])
def test_names_that_would_break_a_selector_are_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        check_name(name, "release_name")
