# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import copy
import os
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import InvalidInput
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kubeconfig import find_source

DOCUMENT = {
    "apiVersion": "v1",
    "kind": "Config",
    "current-context": "one",
    "clusters": [
        {"name": "c1", "cluster": {"server": "https://one:6443", "certificate-authority": "ca.pem"}},
        {"name": "c2", "cluster": {"server": "https://two:6443"}},
    ],
    "users": [{"name": "u1", "user": {"token": "t1", "client-key-data": "a2V5"}}],
    "contexts": [
        {"name": "one", "context": {"cluster": "c1", "user": "u1"}},
        {"name": "two", "context": {"cluster": "c2"}},
    ],
}
NOTHING: dict[str, str] = {"HOME": "/nonexistent"}


@pytest.fixture
def path(tmp_path: Path) -> Any:
    file = tmp_path / "config"
    file.write_text(yaml.safe_dump(DOCUMENT))
    return file


def refused(params: Any) -> Any:
    with pytest.raises(InvalidInput) as caught:
        find_source(params, NOTHING)
    return caught.value


class TestPath:
    def test_uses_the_current_context_and_the_file_itself(self, path: Any) -> None:
        source = find_source({"kubeconfig": str(path)}, NOTHING)
        assert (source.context, source.cluster["server"], source.path) == ("one", "https://one:6443", str(path))

    def test_paths_inside_are_relative_to_the_file(self, path: Any) -> None:
        assert find_source({"kubeconfig": str(path)}, NOTHING).cluster["certificate-authority"] == str(
            path.parent / "ca.pem"
        )

    def test_another_context_needs_a_copy_for_other_programs(self, path: Any) -> None:
        source = find_source({"kubeconfig": str(path), "context": "two"}, NOTHING)
        assert source.path is None
        assert source.document["current-context"] == "two"
        assert source.user == {}

    def test_the_file_is_left_as_it_is(self, path: Any) -> None:
        before = path.read_bytes(), path.stat().st_mtime_ns
        find_source({"kubeconfig": str(path), "context": "two", "api_key": "x"}, NOTHING)
        assert (path.read_bytes(), path.stat().st_mtime_ns) == before

    def test_missing(self, tmp_path: Path) -> None:
        error = refused({"kubeconfig": str(tmp_path / "no")})
        assert error.option == "kubeconfig"
        assert str(tmp_path / "no") in error.message
        assert error.code == "KubeconfigMissing"

    def test_directory(self, tmp_path: Path) -> None:
        assert refused({"kubeconfig": str(tmp_path)}).code == "KubeconfigUnreadable"

    def test_unreadable(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def denied(self: Path) -> bytes:
            raise PermissionError(13, "Permission denied")

        # Permission bits do not keep root from reading, and tests may run as root.
        monkeypatch.setattr(Path, "read_bytes", denied)
        error = refused({"kubeconfig": str(path)})
        assert error.code == "KubeconfigUnreadable"
        assert "Permission denied" in error.message

    def test_not_yaml_tells_the_line_and_no_content(self, path: Any) -> None:
        path.write_text("token: topsecret\n\t: [")
        error = refused({"kubeconfig": str(path)})
        assert error.code == "KubeconfigInvalid"
        assert "line 2" in error.message
        assert "topsecret" not in error.text()

    @pytest.mark.parametrize("text", ["", "just text", "- a\n- b", "clusters: {}", "clusters: [1]\ncontexts: []"])
    def test_yaml_that_is_no_kubeconfig(self, path: Any, text: Any) -> None:
        path.write_text(text)
        error = refused({"kubeconfig": str(path)})
        assert error.code == "KubeconfigInvalid"
        assert path.read_text() == text

    def test_unknown_context_names_those_there_are(self, path: Any) -> None:
        error = refused({"kubeconfig": str(path), "context": "three"})
        assert error.option == "context"
        assert "three" in error.message
        assert "one, two" in error.remedy

    def test_no_current_context(self, path: Any) -> None:
        path.write_text(yaml.safe_dump({**DOCUMENT, "current-context": ""}))
        assert refused({"kubeconfig": str(path)}).code == "ContextMissing"

    @pytest.mark.parametrize("server", [None, "", "one:6443", "ftp://one", "https://one:port", "https://:6443"])
    def test_unusable_server(self, path: Any, server: Any) -> None:
        document = copy.deepcopy(DOCUMENT)
        document["clusters"][0]["cluster"]["server"] = server
        path.write_text(yaml.safe_dump(document))
        assert refused({"kubeconfig": str(path)}).code == "ServerInvalid"

    def test_context_of_an_absent_cluster(self, path: Any) -> None:
        document = copy.deepcopy(DOCUMENT)
        document["clusters"] = []
        path.write_text(yaml.safe_dump(document))
        assert "c1" in refused({"kubeconfig": str(path)}).message


class TestDict:
    def test_is_used_without_a_file_and_not_changed(self) -> None:
        given = copy.deepcopy(DOCUMENT)
        source = find_source({"kubeconfig": given, "context": "two"}, NOTHING)
        assert source.path is None
        assert source.cluster["server"] == "https://two:6443"
        assert given == DOCUMENT

    def test_an_empty_one_is_not_a_kubeconfig(self) -> None:
        assert refused({"kubeconfig": {}}).code == "KubeconfigInvalid"

    def test_secrets_are_those_of_its_user(self) -> None:
        assert find_source({"kubeconfig": DOCUMENT}, NOTHING).secrets() == ["t1", "a2V5"]


class TestChoice:
    def test_nothing_anywhere(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        assert refused({}).code == "KubeconfigMissing"

    def test_default_file(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, path: Any) -> None:
        monkeypatch.setenv("HOME", str(tmp_path))
        (tmp_path / ".kube").mkdir()
        path.rename(tmp_path / ".kube" / "config")
        assert find_source({}, {}).context == "one"

    def test_own_variable_wins_over_kubeconfig(self, path: Any, tmp_path: Path) -> None:
        environ = {"K8S_AUTH_KUBECONFIG": str(path), "KUBECONFIG": str(tmp_path / "no")}
        assert find_source({}, environ).path == str(path)

    def test_own_variable_for_the_context_goes_with_it(self, path: Path) -> None:
        environ = {"K8S_AUTH_KUBECONFIG": str(path), "K8S_AUTH_CONTEXT": "two"}
        assert find_source({}, environ).context == "two"
        assert find_source({"context": "one"}, environ).context == "one"
        assert find_source({"kubeconfig": str(path)}, environ).context == "one"

    def test_a_list_of_files_is_merged_and_the_first_wins(self, path: Any, tmp_path: Path) -> None:
        other = copy.deepcopy(DOCUMENT)
        other["current-context"] = "three"
        other["clusters"] = [{"name": "c1", "cluster": {"server": "https://late"}}]
        other["contexts"] = [{"name": "three", "context": {"cluster": "c1"}}]
        (tmp_path / "other").write_text(yaml.safe_dump(other))
        listed = os.pathsep.join([str(tmp_path / "no"), str(path), str(tmp_path / "other")])
        source = find_source({"context": "three"}, {"KUBECONFIG": listed})
        assert source.cluster["server"] == "https://one:6443"
        assert find_source({}, {"KUBECONFIG": listed}).context == "one"

    def test_host_of_the_environment_brings_its_credential(self) -> None:
        environ = {"K8S_AUTH_HOST": "https://h:1", "K8S_AUTH_API_KEY": "tok", "K8S_AUTH_VERIFY_SSL": "False"}
        source = find_source({}, environ)
        assert source.user == {"token": "tok"}
        assert source.cluster == {"server": "https://h:1", "insecure-skip-tls-verify": True}

    def test_a_token_of_the_environment_never_goes_to_the_cluster_of_a_kubeconfig(self, path: Any) -> None:
        environ = {"K8S_AUTH_HOST": "https://h:1", "K8S_AUTH_API_KEY": "tok"}
        source = find_source({"kubeconfig": str(path)}, environ)
        assert source.cluster["server"] == "https://one:6443"
        assert source.user["token"] == "t1"

    def test_host_without_scheme_is_https(self) -> None:
        assert find_source({"host": "h:1"}, {}).cluster["server"] == "https://h:1"


class TestOptionsOverAKubeconfig:
    def test_a_credential_replaces_the_whole_user(self, path: Any) -> None:
        source = find_source({"kubeconfig": str(path), "api_key": "new"}, NOTHING)
        assert source.user == {"token": "new"}
        assert source.path is None

    def test_a_credential_for_a_context_without_user(self, path: Any) -> None:
        source = find_source({"kubeconfig": str(path), "context": "two", "api_key": "new"}, NOTHING)
        assert source.user == {"token": "new"}

    def test_other_options_keep_the_user(self, path: Any) -> None:
        source = find_source({"kubeconfig": str(path), "host": "https://h:2", "validate_certs": False}, NOTHING)
        assert source.user["token"] == "t1"
        assert source.cluster["server"] == "https://h:2"
        assert source.cluster["insecure-skip-tls-verify"] is True

    def test_ca_cert_wins_over_data(self) -> None:
        document = copy.deepcopy(DOCUMENT)
        document["clusters"][0]["cluster"] = {"server": "https://one", "certificate-authority-data": "eA=="}
        cluster = find_source({"kubeconfig": document, "ca_cert": "/ca"}, NOTHING).cluster
        assert cluster == {"server": "https://one", "certificate-authority": "/ca"}
