# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chartsource import (
    Access,
    ChartSource,
    check_access,
    location_kind,
    parse_source,
)
from cilium_documents import chart_archive, chart_directory

REPO = "https://charts.example/"
OCI = "oci://registry.example:5000/mirror/cilium"
DIGEST = "sha256:" + "ab" * 32


def test_tells_the_kinds_of_references_apart(tmp_path: Path) -> None:
    assert location_kind("cilium") == "repository"
    assert location_kind("cilium/cilium") == "repository"
    assert location_kind("oci://registry.example/cilium") == "oci"
    assert location_kind(chart_directory(tmp_path)) == "directory"
    assert location_kind(chart_archive(tmp_path)) == "archive"


@pytest.mark.parametrize("reference", ["./nowhere", "/nowhere/cilium", "charts/cilium-1.20.2.tgz"])
def test_a_path_that_does_not_exist_is_not_taken_for_a_repository(reference: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        location_kind(reference)
    assert caught.value.code == "ChartNotFound"


@pytest.mark.parametrize(
    ("chart", "version", "source"),
    [
        ("cilium", "", ChartSource("repository", "cilium", REPO)),
        ("cilium", "1.20.2", ChartSource("repository", "cilium", REPO, "1.20.2")),
        (OCI, "", ChartSource("oci", OCI)),
        (OCI, "1.20.2", ChartSource("oci", OCI, version="1.20.2")),
        (f"{OCI}:1.20.2", "", ChartSource("oci", OCI, version="1.20.2")),
        (f"{OCI}:v1.20.2", "1.20.2", ChartSource("oci", OCI, version="1.20.2")),
        (f"{OCI}:1.20.2_build.1", "", ChartSource("oci", OCI, version="1.20.2+build.1")),
        (f"{OCI}:1.20.2@{DIGEST}", "", ChartSource("oci", f"{OCI}@{DIGEST}", version="1.20.2")),
        (f"{OCI}@{DIGEST}", "1.20.2", ChartSource("oci", f"{OCI}@{DIGEST}", version="1.20.2")),
        ("oci://[::1]:5000/cilium", "", ChartSource("oci", "oci://[::1]:5000/cilium")),
        (
            "https://h.example/cilium-1.20.2.tgz",
            "",
            ChartSource("url", "https://h.example/cilium-1.20.2.tgz", version="1.20.2"),
        ),
        (
            "https://h.example/c-1.21.0-pre.0.tgz",
            "",
            ChartSource("url", "https://h.example/c-1.21.0-pre.0.tgz", version="1.21.0-pre.0"),
        ),
        (
            "https://h.example/get/cilium.tgz?a=b",
            "1.19.6",
            ChartSource("url", "https://h.example/get/cilium.tgz?a=b", version="1.19.6"),
        ),
    ],
)
def test_references_that_helm_can_follow(chart: str, version: str, source: ChartSource) -> None:
    assert parse_source(chart, REPO, version) == source


def test_a_chart_on_this_machine(tmp_path: Path) -> None:
    directory, archive = chart_directory(tmp_path), chart_archive(tmp_path)
    assert parse_source(directory, REPO, "") == ChartSource("directory", directory)
    assert parse_source(archive, REPO, "1.20.2") == ChartSource("archive", archive, version="1.20.2")
    assert parse_source(archive, REPO, "").is_local
    assert not parse_source("cilium", REPO, "").is_local


@pytest.mark.parametrize(
    ("chart", "repository", "version", "option", "code"),
    [
        ("oci://registry.example", REPO, "", "chart", "InvalidChartReference"),
        ("oci://registry.example/Mirror/cilium", REPO, "", "chart", "InvalidChartReference"),
        ("oci://user:word@registry.example/cilium", REPO, "", "chart", "InvalidChartReference"),
        (f"{OCI}:", REPO, "", "chart", "InvalidChartReference"),
        (f"{OCI}@sha256:12", REPO, "", "chart", "InvalidChartReference"),
        (f"{OCI}:1.20.1", REPO, "1.20.2", "chart_version", "ChartVersionMismatch"),
        (f"{OCI}@{DIGEST}", REPO, "", "chart_version", "ChartVersionMissing"),
        ("https://h.example/cilium.tgz", REPO, "", "chart_version", "ChartVersionMissing"),
        ("https://h.example/charts", REPO, "", "chart", "InvalidChartReference"),
        ("https://u:p@h.example/cilium-1.20.2.tgz", REPO, "", "chart", "CredentialsInUrl"),
        ("cilium", "https://u:p@h.example/", "", "chart_repo", "CredentialsInUrl"),
        ("--debug", "x", "", "chart", "InvalidChartReference"),
        ("a b", REPO, "", "chart", "InvalidChartReference"),
        ("cilium", REPO, "1.20", "chart_version", "InvalidChartVersion"),
        ("cilium", REPO, "^1.20.0", "chart_version", "InvalidChartVersion"),
        ("cilium", REPO, "latest", "chart_version", "InvalidChartVersion"),
    ],
)
def test_references_that_no_helm_could_follow(
    chart: str, repository: str, version: str, option: str, code: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_source(chart, repository, version)
    assert (caught.value.option, caught.value.code) == (option, code)
    assert caught.value.remedy


def test_the_host_of_a_registry_keeps_its_port() -> None:
    assert parse_source(f"{OCI}:1.20.2", "", "").host == "registry.example:5000"


@pytest.mark.parametrize(
    ("source", "access", "code"),
    [
        (ChartSource("oci", OCI), Access("u", ""), "IncompleteCredentials"),
        (ChartSource("oci", OCI), Access("", "p"), "IncompleteCredentials"),
        (ChartSource("url", "https://h.example/c-1.2.3.tgz"), Access("u", "p"), "CredentialsNotUsed"),
        (ChartSource("directory", "/c"), Access("u", "p"), "CredentialsNotUsed"),
        (ChartSource("oci", OCI), Access(ca_file="/nowhere.crt"), "CaFileNotFound"),
        (ChartSource("oci", OCI), Access("u", "p"), ""),
        (ChartSource("repository", "cilium", REPO), Access("u", "p"), ""),
        (ChartSource("directory", "/c"), Access(), ""),
    ],
)
def test_credentials_that_would_not_be_used_are_refused(source: ChartSource, access: Access, code: str) -> None:
    if not code:
        check_access(source, access)
        return
    with pytest.raises(InvalidInput) as caught:
        check_access(source, access)
    assert caught.value.code == code


def test_the_signature_of_an_archive_is_not_shown() -> None:
    source = parse_source("https://charts.example/cilium-1.20.2.tgz?sig=abc", "", "")
    assert source.reference.endswith("?sig=abc")
    assert source.shown == "https://charts.example/cilium-1.20.2.tgz"


def test_a_password_does_not_go_over_an_open_connection() -> None:
    source = parse_source("cilium", "http://charts.example", "1.20.2")
    with pytest.raises(InvalidInput, match="open connection") as caught:
        check_access(source, Access("me", "secret"))
    assert caught.value.code == "InsecureRepository"
