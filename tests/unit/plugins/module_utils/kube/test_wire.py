# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import AuthFailed, OperationFailed
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.cilium.snapshot import (
    PARTS,
    cluster_node,
    cluster_pod,
    part_pod,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.client import KubeClient
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kinds import POD
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.kubeconfig import Source
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.transport import Response
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.wire import (
    MAGIC,
    NODE_STATE,
    POD_BRIEF,
    POD_STATE,
    is_compact,
    list_of,
)

# The same lists of a real cluster (Kubernetes 1.34.4) in both forms: one agent crashes, one pod is pending.
RECORDED = json.loads((Path(__file__).parents[3] / "fixtures" / "kube" / "lists_1.34.4.json").read_text())


def both(name: Any) -> Any:
    return base64.b64decode(RECORDED[name]["protobuf"]), RECORDED[name]["json"]["items"]


class TestAgainstJson:
    def test_pods_are_judged_alike(self) -> None:
        data, documents = both("pods")
        items = list(list_of(data, POD_STATE)[1])
        assert len(items) == len(documents) > 3
        for item, document in zip(items, documents, strict=True):
            assert part_pod(item, PARTS[0]) == part_pod(document, PARTS[0])
            assert cluster_pod(item) == cluster_pod(document)
            assert item["metadata"].get("labels") == document["metadata"].get("labels")

    def test_pods_in_brief_are_counted_alike(self) -> None:
        data, documents = both("pods")
        assert [cluster_pod(item) for item in list_of(data, POD_BRIEF)[1]] == [cluster_pod(one) for one in documents]

    def test_some_pod_crashes_and_some_leaves(self) -> None:
        pods = [part_pod(item, PARTS[0]) for item in list_of(both("pods")[0], POD_STATE)[1]]
        crashed = [trouble for pod in pods for trouble in pod.troubles]
        assert {"CrashLoopBackOff"} <= {trouble.reason for trouble in crashed}
        assert all(trouble.restarts and trouble.exit_code for trouble in crashed if trouble.crash_loop)
        assert any(pod.leaving for pod in pods)

    def test_nodes_are_judged_alike(self) -> None:
        data, documents = both("nodes")
        agents = {"spec": {"template": {"spec": {"nodeSelector": {"kubernetes.io/os": "linux"}}}}}
        items = list_of(data, NODE_STATE)[1]
        assert [cluster_node(item, agents) for item in items] == [cluster_node(one, agents) for one in documents]

    def test_the_token_of_the_next_page(self) -> None:
        data = base64.b64decode(RECORDED["page"]["protobuf"])
        assert list_of(data, POD_BRIEF)[0] == RECORDED["page"]["json"]["metadata"]["continue"]
        assert list_of(both("pods")[0], POD_BRIEF)[0] == ""


class TestBytes:
    def test_json_is_not_this_form(self) -> None:
        assert is_compact(MAGIC + b"\x00")
        assert not is_compact(b'{"items": []}')

    @pytest.mark.parametrize("data", [b"", b"\x12", b"\x0b", b"\x12\x05a"])
    def test_what_cannot_be_read_is_an_error_of_ours(self, data: Any) -> None:
        with pytest.raises(OperationFailed, match="cannot be read"):
            list_of(MAGIC + data, POD_BRIEF)

    def test_negative_and_large_numbers(self) -> None:
        shape = {1: ("n", "number", None)}
        minus_one, three_hundred = b"\x08" + b"\xff" * 9 + b"\x01", b"\x08\xac\x02"
        body = b"".join(b"\x12" + bytes([len(item)]) + item for item in (minus_one, three_hundred))
        data = MAGIC + b"\x12" + bytes([len(body)]) + body
        assert [item["n"] for item in list_of(data, shape)[1]] == [-1, 300]

    def test_fields_of_any_wire_type_are_passed_over(self) -> None:
        item = b"\x09" + b"x" * 8 + b"\x15" + b"x" * 4 + b"\x18\x80\x01" + b"\xa2\x06\x01x" + b"\x2a\x01y"
        body = b"\x12" + bytes([len(item)]) + item
        data = MAGIC + b"\x12" + bytes([len(body)]) + body
        assert list(list_of(data, {5: ("five", "text", None)})[1]) == [{"five": "y"}]


class Answers:
    server = "https://h"
    configuration = None

    def __init__(self, *responses: Any) -> None:
        self.responses = list(responses)
        self.accepted: list[str] = []

    def send(self, method: Any, path: Any, query: Any, body: Any, headers: Any) -> Any:
        self.accepted.append(headers["accept"])
        return self.responses.pop(0)

    def authorization(self) -> Any:
        return None


class TestClient:
    def listed(self, *responses: Any) -> Any:
        transport = Answers(*responses)
        client = KubeClient(transport, Source({}, "c", None))
        return list(client.list(POD, only=POD_BRIEF)), transport.accepted

    def test_pages_in_the_compact_form(self) -> None:
        page, rest = (base64.b64decode(RECORDED[name]["protobuf"]) for name in ("page", "pods"))
        items, accepted = self.listed(Response(200, {}, page), Response(200, {}, rest))
        assert len(items) == len(RECORDED["page"]["json"]["items"]) + len(RECORDED["pods"]["json"]["items"])
        assert all(accept.startswith("application/vnd.kubernetes.protobuf,") for accept in accepted)

    def test_a_server_that_answers_in_json_all_the_same(self) -> None:
        text = json.dumps({"items": [{"metadata": {"name": "a"}}]}).encode()
        items, accepted = self.listed(Response(200, {}, text))
        assert [item["metadata"]["name"] for item in items] == ["a"]
        assert len(accepted) == 1

    def test_an_error_is_told_from_json(self) -> None:
        refusal = json.dumps({"reason": "Forbidden", "message": "pods is forbidden"}).encode()
        with pytest.raises(AuthFailed, match="pods is forbidden"):
            self.listed(Response(403, {}, MAGIC + b"\x00\x01"), Response(403, {}, refusal))
