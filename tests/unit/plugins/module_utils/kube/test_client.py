# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import (
    Conflict,
    InvalidInput,
    NotFound,
    OperationFailed,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import (
    KubeClient,
    collection_path,
    connect,
    object_path,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import CONFIG_MAP, NODE, POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kubeconfig import Source, find_source
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.transport import Response
from fakes import FakeClock

DOCUMENT = {
    "current-context": "c",
    "clusters": [{"name": "c", "cluster": {"server": "https://h"}}],
    "users": [{"name": "u", "user": {"token": "secret"}}],
    "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
}
CONFIG = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "namespace": "n"}, "data": {"a": "1"}}


class Answers:
    """A transport that answers from a list."""

    server = "https://h"
    configuration = None

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.sent = []

    def send(self, method: Any, path: Any, query: Any, body: Any, headers: Any) -> Any:
        self.sent.append((method, path, dict(query), body, dict(headers)))
        return self.responses.pop(0)

    def authorization(self) -> Any:
        return None


def answer(status: Any, **body: Any) -> Any:
    return Response(status, {}, json.dumps(body).encode())


def client(*responses: Any) -> Any:
    transport = Answers(*responses)
    return KubeClient(transport, Source(DOCUMENT, "c", None), clock=FakeClock()), transport


class TestPaths:
    def test_core_and_groups(self) -> None:
        assert object_path(POD, "n", "p") == "/api/v1/namespaces/n/pods/p"
        assert object_path(NODE, None, "x") == "/api/v1/nodes/x"
        assert collection_path(POD, None) == "/api/v1/pods"

    def test_names_cannot_leave_their_place(self) -> None:
        assert object_path(POD, "n", "../../nodes/x") == "/api/v1/namespaces/n/pods/..%2F..%2Fnodes%2Fx"

    def test_an_object_of_a_namespaced_kind_needs_one(self) -> None:
        with pytest.raises(ValueError, match="namespace"):
            object_path(POD, None, "p")


class TestReading:
    def test_absent_is_none(self) -> None:
        kube = client(answer(404, reason="NotFound"))[0]
        assert kube.get(POD, "p", "n") is None

    def test_other_refusals_raise(self) -> None:
        kube = client(answer(409))[0]
        with pytest.raises(Conflict):
            kube.get(POD, "p", "n")

    def test_lists_page_by_page_with_the_selectors_on_each(self) -> None:
        first = answer(200, items=[{"a": 1}, {"a": 2}], metadata={"continue": "tok"})
        kube, transport = client(first, answer(200, items=[{"a": 3}]))
        found = kube.list(POD, label_selector="k=v", field_selector="f=1", page=2)
        assert [item["a"] for item in found] == [1, 2, 3]
        assert [sent[2] for sent in transport.sent] == [
            {"limit": 2, "labelSelector": "k=v", "fieldSelector": "f=1"},
            {"limit": 2, "labelSelector": "k=v", "fieldSelector": "f=1", "continue": "tok"},
        ]
        assert kube.requests == 2

    def test_nothing_is_asked_before_the_first_item_is_wanted(self) -> None:
        kube, transport = client()
        kube.list(POD)
        assert transport.sent == []

    def test_goes_on_when_the_snapshot_expired(self) -> None:
        kube, transport = client(
            answer(200, items=[{"a": 1}], metadata={"continue": "old"}),
            answer(410, reason="Expired", metadata={"continue": "new"}),
            answer(200, items=[{"a": 2}]),
        )
        assert [item["a"] for item in kube.list(POD)] == [1, 2]
        assert transport.sent[-1][2]["continue"] == "new"

    def test_an_expired_snapshot_without_a_way_on_raises(self) -> None:
        kube = client(answer(410, reason="Expired"))[0]
        with pytest.raises(OperationFailed):
            list(kube.list(POD))

    def test_an_unknown_kind_raises(self) -> None:
        kube = client(answer(404))[0]
        with pytest.raises(NotFound):
            list(kube.list(POD))

    def test_logs(self) -> None:
        transport = Answers(Response(200, {}, "naïve\n".encode()))
        kube = KubeClient(transport, Source(DOCUMENT, "c", None))
        assert kube.logs("n", "p", container="c", tail=3, previous=True) == "naïve\n"
        assert transport.sent[0][1:3] == (
            "/api/v1/namespaces/n/pods/p/log",
            {"tailLines": 3, "previous": "true", "container": "c"},
        )

    def test_version(self) -> None:
        kube = client(answer(200, gitVersion="v1.34.4"))[0]
        assert kube.server_version() == "v1.34.4"


class TestWriting:
    def test_create(self) -> None:
        kube, transport = client(answer(201, **CONFIG))
        assert kube.create(CONFIG_MAP, CONFIG) == CONFIG
        method, path, query, body, headers = transport.sent[0]
        assert (method, path, query, body) == (
            "POST",
            "/api/v1/namespaces/n/configmaps",
            {"fieldValidation": "Strict"},
            CONFIG,
        )
        assert headers["content-type"] == "application/json"

    @pytest.mark.parametrize("verb", ["create", "replace", "apply"])
    def test_dry_runs_say_so(self, verb: Any) -> None:
        kube, transport = client(answer(200))
        getattr(kube, verb)(CONFIG_MAP, CONFIG, dry_run=True)
        assert transport.sent[0][2]["dryRun"] == "All"

    def test_dry_patch_and_delete_say_so(self) -> None:
        kube, transport = client(answer(200), answer(200))
        kube.patch(CONFIG_MAP, "x", {}, "n", dry_run=True)
        kube.delete(CONFIG_MAP, "x", "n", dry_run=True)
        assert [sent[2]["dryRun"] for sent in transport.sent] == ["All", "All"]

    def test_apply_is_server_side_under_our_name(self) -> None:
        kube, transport = client(answer(200))
        kube.apply(CONFIG_MAP, CONFIG, force=True)
        method, path, query, body, headers = transport.sent[0]
        assert (method, path, body) == ("PATCH", "/api/v1/namespaces/n/configmaps/x", CONFIG)
        assert (query["fieldManager"], query["force"]) == ("cloudnet.aks_cilium", "true")
        assert headers["content-type"] == "application/apply-patch+yaml"

    def test_patch_is_a_merge_patch(self) -> None:
        kube, transport = client(answer(200))
        kube.patch(CONFIG_MAP, "x", {"data": None}, "n")
        assert transport.sent[0][4]["content-type"] == "application/merge-patch+json"

    def test_delete_tells_whether_there_was_something(self) -> None:
        kube, transport = client(answer(200), answer(404))
        assert kube.delete(CONFIG_MAP, "x", "n") is True
        assert kube.delete(CONFIG_MAP, "x", "n") is False
        assert transport.sent[0][2] == {"propagationPolicy": "Background"}

    @pytest.mark.parametrize("metadata", [{}, {"name": "x"}, {"name": "", "namespace": "n"}, None])
    def test_documents_without_identity_are_refused_before_sending(self, metadata: Any) -> None:
        kube, transport = client()
        with pytest.raises(InvalidInput):
            kube.apply(CONFIG_MAP, {"kind": "ConfigMap", "metadata": metadata})
        assert transport.sent == []


class TestKubeconfigFile:
    def test_the_users_own_file_where_it_serves(self, tmp_path: Path) -> None:
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(DOCUMENT))
        source = find_source({"kubeconfig": str(path)}, {})
        with KubeClient(Answers(), source).kubeconfig_file() as found:
            assert found == str(path)
        assert path.exists()

    def test_a_file_with_several_clusters_is_reduced_to_the_one(self, tmp_path: Path) -> None:
        """Whoever changes the current context of that file while helm works must not change where it works."""
        path = tmp_path / "config"
        other = {"name": "other", "context": {"cluster": "other", "user": "u2"}}
        document = {
            **DOCUMENT,
            "contexts": [*DOCUMENT["contexts"], other],
            "clusters": [*DOCUMENT["clusters"], {"name": "other", "cluster": {"server": "https://other"}}],
            "users": [*DOCUMENT["users"], {"name": "u2", "user": {"token": "other"}}],
        }
        path.write_text(yaml.safe_dump(document))
        source = find_source({"kubeconfig": str(path)}, {})
        with KubeClient(Answers(), source).kubeconfig_file() as found:
            assert found != str(path)
            with open(found, encoding="utf-8") as file:
                assert yaml.safe_load(file) == DOCUMENT
        assert not os.path.exists(found)

    def test_else_a_private_copy_that_goes_away(self) -> None:
        with KubeClient(Answers(), Source(DOCUMENT, "c", None)).kubeconfig_file() as found:
            assert stat.S_IMODE(os.stat(found).st_mode) == 0o600
            with open(found, encoding="utf-8") as file:
                assert yaml.safe_load(file) == DOCUMENT
        assert not os.path.exists(found)

    def test_also_after_an_error(self) -> None:
        kept = []

        def fail() -> None:
            with KubeClient(Answers(), Source(DOCUMENT, "c", None)).kubeconfig_file() as found:
                kept.append(found)
                raise RuntimeError

        with pytest.raises(RuntimeError):
            fail()
        assert not os.path.exists(kept[0])


class TestConnect:
    def test_sends_nothing(self) -> None:
        kube = connect({"kubeconfig": DOCUMENT, "request_timeout": 7})
        assert (kube.server, kube.requests, kube.request_timeout_s) == ("https://h", 0, 7)

    @pytest.mark.parametrize("timeout", [0, -1])
    def test_timeout_must_be_positive(self, timeout: Any) -> None:
        with pytest.raises(InvalidInput) as caught:
            connect({"kubeconfig": DOCUMENT, "request_timeout": timeout})
        assert (caught.value.option, caught.value.code) == ("request_timeout", "InvalidNumber")

    def test_hides_the_secrets_of_a_dict_and_only_those(self, tmp_path: Path) -> None:
        hidden = []
        connect({"kubeconfig": DOCUMENT}, hide=hidden.append)
        assert hidden == ["secret"]
        path = tmp_path / "config"
        path.write_text(yaml.safe_dump(DOCUMENT))
        connect({"kubeconfig": str(path)}, hide=hidden.append)
        assert hidden == ["secret"]
