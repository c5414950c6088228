# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Command lines for Helm 3 and 4, and answers that were recorded from helm 3.22 and 4.3."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    CollectionError,
    InvalidInput,
    MissingRequirement,
    OperationFailed,
    TimedOut,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._types import Completed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.chartsource import Access, ChartSource
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.helm import Helm
from fakes import FakeRunner, completed

CLUSTER = ["--kubeconfig", "/tmp/kubeconfig"]
REPOSITORY = ChartSource("repository", "cilium", "https://charts.example/", "1.20.2")
OCI = ChartSource("oci", "oci://registry.example:5000/charts/cilium", version="1.20.2")
PRIVATE = Access("puller", "s3cret", "/etc/ca.crt")
SCHEMA_3 = """\
Error: values don't meet the specifications of the schema(s) in the following chart(s):
cilium:
- at '/operator/replicas': got string, want integer

"""
TEMPLATE_4 = (
    'level=WARN msg="unable to find exact version"\n'
    "Error: UPGRADE FAILED: execution error at (cilium/templates/validate.yaml:61:7): Hubble UI requires"
    " .Values.hubble.relay.enabled=true\n\nUse --debug flag to render out invalid YAML\n"
)


def helm_of(version: str, *results: Completed | CollectionError) -> tuple[Helm, FakeRunner]:
    """A helm of a version, and what runs it."""
    runner = FakeRunner(completed(stdout=version), *(results or [completed()] * 9))
    return Helm("helm", runner, "/tmp/kubeconfig"), runner


def answers(archive: Path, **failures: str) -> Callable[[Sequence[str]], Completed]:
    """A helm that downloads; the verb of failures fails with that text."""

    def answer(argv: Sequence[str]) -> Completed:
        if argv[1] in failures:
            return completed(rc=1, stderr=failures[argv[1]])
        if argv[1] == "pull":
            archive.write_bytes(b"")
        return completed()

    return answer


@pytest.mark.parametrize(("text", "version"), [("v3.8.0", (3, 8)), ("v3.22.0\n", (3, 22)), ("v4.3", (4, 3))])
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
def test_a_helm_that_is_missing_or_too_old_is_named(answer: Completed | CollectionError, code: str) -> None:
    with pytest.raises(MissingRequirement) as caught:
        Helm("/opt/helm", FakeRunner(answer)).version()
    assert (caught.value.code, caught.value.option) == (code, "helm_binary")
    assert "/opt/helm" in caught.value.message


def test_the_version_is_asked_for_once_also_by_copies() -> None:
    helm, runner = helm_of("v3.22.0")
    helm.version()
    replace(helm, kubeconfig="/other").version()
    assert len(runner.calls) == 1


@pytest.mark.parametrize(("version", "client_side"), [("v3.22.0", []), ("v4.3", ["--server-side=false"])])
def test_command_lines_of_both_versions(version: str, client_side: list[str]) -> None:
    helm, runner = helm_of(version)
    helm.upgrade("cilium", "kube-system", "/charts/cilium", "/tmp/values.yaml", 300)
    helm.rollback("cilium", "kube-system", 7, 60)
    helm.rollback("cilium", "kube-system", 0, 60)
    helm.uninstall("cilium", "kube-system", 60.9)
    assert runner.calls[0] == ["helm", "version", "--template", "{{.Version}}"]
    assert runner.calls[1:] == [
        [
            *("helm", "upgrade", "cilium", "/charts/cilium", "--install", "--namespace", "kube-system"),
            *("--create-namespace", "--values", "/tmp/values.yaml", "--reset-values", "--timeout", "300s"),
            *client_side,
            *CLUSTER,
        ],
        ["helm", "rollback", "cilium", "7", "--namespace", "kube-system", "--timeout", "60s", *client_side, *CLUSTER],
        ["helm", "rollback", "cilium", "--namespace", "kube-system", "--timeout", "60s", *client_side, *CLUSTER],
        ["helm", "uninstall", "cilium", "--namespace", "kube-system", "--timeout", "60s", *CLUSTER],
    ]


@pytest.mark.parametrize("version", ["v3.13.0", "v4.3"])
def test_the_plan_is_what_helm_would_send(version: str) -> None:
    manifest = "---\n# Source: a\nkind: ConfigMap\nmetadata: {name: a}\n---\n\n---\nkind: Secret\n"
    helm, runner = helm_of(version, completed(stdout=json.dumps({"manifest": manifest, "info": {}})))
    planned = helm.planned("cilium", "kube-system", "/charts/cilium", "/tmp/values.yaml", 300)
    assert planned == [{"kind": "ConfigMap", "metadata": {"name": "a"}}, {"kind": "Secret"}]
    assert runner.calls[1][-5:] == ["--dry-run=server", "--output", "json", *CLUSTER]
    assert "--server-side=false" not in runner.calls[1]


def test_a_plan_needs_helm_3_13_and_a_readable_answer() -> None:
    helm, runner = helm_of("v3.12.3")
    with pytest.raises(MissingRequirement, match=r"3\.12.*no dry run") as caught:
        helm.planned("cilium", "kube-system", "c", "v", 1)
    assert "3.13" in caught.value.remedy
    assert len(runner.calls) == 1
    for text in ("", "[]", "{}", "text"):
        helm, __ = helm_of("v3.22.0", completed(stdout=text))
        with pytest.raises(OperationFailed, match="cannot be read"):
            helm.planned("cilium", "kube-system", "c", "v", 1)


def test_rendering_without_a_cluster() -> None:
    helm, runner = helm_of("v3.22.0")
    runner.results = [completed(stdout="kind: A"), completed()]
    assert helm.template("cilium", "kube-system", "c", "v", kube_version="1.34.0") == "kind: A"
    helm.template("cilium", "kube-system", "c", "v")
    words = ["helm", "template", "cilium", "c", "--namespace", "kube-system", "--values", "v"]
    assert runner.calls == [[*words, "--kube-version", "1.34.0"], words]


# Of what is downloaded from a repository by its address, nothing stays in the user's own cache.
CACHE = ["--repository-cache", "{}/cache"]


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (REPOSITORY, ["cilium", "--repo", "https://charts.example/", "--version", "1.20.2", *CACHE]),
        (replace(REPOSITORY, version=""), ["cilium", "--repo", "https://charts.example/", *CACHE]),
        (ChartSource("repository", "known/cilium"), ["known/cilium"]),
        (OCI, ["oci://registry.example:5000/charts/cilium", "--version", "1.20.2"]),
        (replace(OCI, reference="oci://r/c@sha256:1"), ["oci://r/c@sha256:1"]),
        (ChartSource("url", "https://h/c-1.20.2.tgz", version="1.20.2"), ["https://h/c-1.20.2.tgz"]),
    ],
)
def test_downloads(tmp_path: Path, source: ChartSource, words: list[str]) -> None:
    runner = FakeRunner(answer=answers(tmp_path / "cilium-1.20.2.tgz"))
    assert Helm("helm", runner).pull(source, str(tmp_path)) == str(tmp_path / "cilium-1.20.2.tgz")
    assert runner.calls == [
        ["helm", "pull", *(word.format(tmp_path) for word in words), "--destination", str(tmp_path)]
    ]


def test_a_private_registry_is_logged_in_to_in_a_private_file(tmp_path: Path) -> None:
    runner = FakeRunner(answer=answers(tmp_path / "cilium-1.20.2.tgz"))
    Helm("helm", runner).pull(OCI, str(tmp_path), PRIVATE)
    files = ["--registry-config", str(tmp_path / "registry.json")]
    assert runner.calls == [
        [
            *("helm", "registry", "login", "registry.example:5000", *files, "--ca-file", "/etc/ca.crt"),
            *("--username", "puller", "--password-stdin"),
        ],
        [
            *("helm", "pull", OCI.reference, "--version", "1.20.2", *files, "--ca-file", "/etc/ca.crt"),
            *("--destination", str(tmp_path)),
        ],
    ]
    assert runner.stdins == ["s3cret", None]


def test_a_private_repository_is_described_in_a_private_file(tmp_path: Path) -> None:
    runner = FakeRunner(answer=answers(tmp_path / "cilium-1.20.2.tgz"))
    Helm("helm", runner).pull(REPOSITORY, str(tmp_path), PRIVATE)
    files = ["--repository-config", str(tmp_path / "repositories.yaml"), "--repository-cache", str(tmp_path / "cache")]
    login, pull = runner.calls
    assert login[:5] == ["helm", "repo", "add", "source", "https://charts.example/"]
    assert login[-3:] == ["--username", "puller", "--password-stdin"]
    assert pull[:5] == ["helm", "pull", "source/cilium", "--version", "1.20.2"]
    assert " ".join(files) in " ".join(login)
    assert " ".join(files) in " ".join(pull)
    assert "s3cret" not in json.dumps(runner.calls)


@pytest.mark.parametrize(
    ("stderr", "source", "option"),
    [
        ("Error: basic credential not found", OCI, "chart_username"),
        ("Error: response status code 401: unauthorized: authentication required", OCI, "chart_username"),
        ("Error: failed to fetch https://h:4030/index.yaml : 403 Forbidden", REPOSITORY, "chart_username"),
        ("Error: x509: certificate signed by unknown authority", REPOSITORY, "chart_ca_file"),
        ("Error: dial tcp 127.0.0.1:4010: connect: connection refused", REPOSITORY, "chart_repo"),
        ("Error: registry.example:4030/charts/cilium:1.20.2: not found", OCI, "chart"),
        ('Error: chart "cilium" version "1.20.2" not found in repository', REPOSITORY, "chart_repo"),
    ],
)
def test_a_download_that_fails_names_what_is_probably_wrong(
    tmp_path: Path, stderr: str, source: ChartSource, option: str
) -> None:
    runner = FakeRunner(answer=answers(tmp_path / "c.tgz", pull=stderr))
    with pytest.raises(OperationFailed) as caught:
        Helm("helm", runner).pull(source, str(tmp_path))
    assert caught.value.option == option
    assert caught.value.remedy


def test_a_download_without_a_file_is_no_download(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="found no archive"):
        Helm("helm", FakeRunner(completed())).pull(OCI, str(tmp_path))


@pytest.mark.parametrize(
    ("stderr", "words"),
    [
        (
            "WARNING: kubeconfig is group-readable\nlong\nError: UPGRADE FAILED: no matches for kind\n",
            "UPGRADE FAILED: no matches",
        ),
        (SCHEMA_3, "- at '/operator/replicas': got string, want integer"),
        (TEMPLATE_4, "Hubble UI requires .Values.hubble.relay.enabled=true"),
        ("", "no message."),
        ("just words\n", "just words"),
    ],
)
def test_helms_last_words_are_the_message_and_all_of_them_are_kept(stderr: str, words: str) -> None:
    helm, __ = helm_of("v3.22.0", completed(rc=1, stderr=stderr))
    with pytest.raises(OperationFailed) as caught:
        helm.upgrade("cilium", "kube-system", "c", "v", 1)
    assert caught.value.message.endswith(words) or words in caught.value.message
    assert "WARN" not in caught.value.message
    assert "--debug" not in caught.value.message
    assert caught.value.code == "HelmFailed"
    assert caught.value.details["stderr"] == stderr
    assert caught.value.details["rc"] == 1


def test_very_long_words_are_cut() -> None:
    helm, __ = helm_of("v3.22.0", completed(rc=1, stderr="Error: " + "x" * 5000))
    with pytest.raises(OperationFailed) as caught:
        helm.upgrade("cilium", "kube-system", "c", "v", 1)
    assert len(caught.value.message) < 800
