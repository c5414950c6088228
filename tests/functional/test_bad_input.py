# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Bad input that needs no cluster: modules as processes, one clear error each, in seconds, and nothing is lost."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

COLLECTIONS = Path(__file__).parents[2] / ".ansible" / "collections"
MODULES = "ansible_collections.cloudnet.aks_cilium.plugins.modules"
Json = dict[str, Any]

TOKEN = "a-token-of-nobody"
KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: lab
contexts: [{{name: lab, context: {{cluster: lab, user: lab}}}}]
clusters: [{{name: lab, cluster: {{server: "{server}"}}}}]
users: [{{name: lab, user: {{token: {token}}}}}]
"""


def run(module: str, directory: Path, **arguments: Any) -> Json:
    """Run a module that must fail; returns its result."""
    file = directory / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), encoding="utf-8")
    clean = {
        k: v for k, v in os.environ.items() if not k.startswith(("AZURE_", "AKS_CILIUM_", "K8S_AUTH_", "KUBECONFIG"))
    }
    done = subprocess.run(
        [sys.executable, "-m", f"{MODULES}.{module}", str(file)],
        env={**clean, "PYTHONPATH": str(COLLECTIONS), "HOME": str(directory)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    assert TOKEN not in done.stdout
    result: Json = json.loads(done.stdout)
    assert result.get("failed") is True, result
    return result


AZURE = {"resource_group": "rg", "name": "demo", "subscription_id": "0", "tenant": "t", "client_id": "c", "secret": "s"}


@pytest.mark.parametrize(
    ("arguments", "option", "code"),
    [
        ({"tenant": "my company"}, "tenant", "InvalidTenant"),
        ({"ca_bundle": __file__}, "ca_bundle", "CaBundleInvalid"),
        ({"network_profile": {"network_plugin": "none", "pod_cidr": "10.244.0.0"}}, "network_profile.pod_cidr", None),
        (
            {"secret": None, "client_id": None, "tenant": None, "auth_source": "options"},
            "tenant",
            "IncompleteCredential",
        ),
    ],
    ids=str,
)
def test_azure(tmp_path: Path, arguments: Json, option: str, code: str | None) -> None:
    given = {key: value for key, value in {**AZURE, **arguments}.items() if value is not None}
    failure = run("aks_cluster", tmp_path, location="westeurope", **given)["failure"]
    assert failure["option"] == option
    assert failure["remedy"]
    assert code in (None, failure["code"])


KUBE_MODULES: dict[str, Json] = {
    "cilium": {"pod_cidr": "10.244.0.0/16"},
    "cilium_status": {},
    "cilium_policy": {
        "definition": {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {"name": "deny", "namespace": "basics"},
            "spec": {"endpointSelector": {}, "ingress": [{}]},
        }
    },
    "hubble_flows": {},
    "connectivity_probe": {
        "probes": [{"name": "a", "from": {"namespace": "d", "pod": "p"}, "to": {"url": "http://w"}, "expect": "allow"}]
    },
}


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (None, "KubeconfigMissing"),
        (b"a: [b\n: c", "KubeconfigInvalid"),
        (b"just a note", "KubeconfigInvalid"),
        (b"", "KubeconfigInvalid"),
        (b"\xff\xfe\x00binary", None),
    ],
    ids=str,
)
def test_a_kubeconfig_that_is_none_is_named_and_left_alone(tmp_path: Path, content: bytes | None, code: str) -> None:
    path = tmp_path / "kubeconfig"
    if content is not None:
        path.write_bytes(content)
    failure = run("cilium_status", tmp_path, kubeconfig=str(path))["failure"]
    assert failure["option"] == "kubeconfig"
    assert str(path) in failure["message"]
    assert failure["remedy"]
    assert code in (None, failure["code"])
    assert (path.read_bytes() if path.exists() else None) == content


@pytest.fixture
def silent_server() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield f"https://127.0.0.1:{listener.getsockname()[1]}"


@pytest.mark.parametrize("module", KUBE_MODULES)
def test_an_api_server_that_does_not_answer_is_a_timeout_and_no_hang(
    tmp_path: Path, silent_server: str, module: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG.format(server=silent_server, token=TOKEN), encoding="utf-8")
    started = time.monotonic()
    failure = run(module, tmp_path, kubeconfig=str(path), request_timeout=1, **KUBE_MODULES[module])["failure"]
    assert time.monotonic() - started < 20
    assert failure["kind"] == "Unreachable"
    assert silent_server.removeprefix("https://") in failure["message"]
    assert failure["remedy"]


@pytest.mark.parametrize(
    ("module", "arguments", "option", "code"),
    [
        ("cilium", {"pod_cidr": "10.244.0.0"}, "pod_cidr", "InvalidPodCidr"),
        ("cilium", {"k8s_service_host": "https://api:443"}, "k8s_service_host", "InvalidApiServerHost"),
        ("cilium", {"cluster_name": "My_Cluster"}, "cluster_name", "InvalidClusterName"),
        ("cilium", {"chart": "/nowhere/cilium"}, "chart", "ChartNotFound"),
        ("hubble_flows", {"pod": ["a/b/c"]}, "pod", "InvalidFilter"),
        ("hubble_flows", {"from_ip": ["1.2.3.400"]}, "from_ip", "InvalidFilter"),
        ("cilium_policy", {"definition": "a: [b"}, "definition", "InvalidYaml"),
        ("cilium_status", {"query": "[?"}, "query", "InvalidQuery"),
    ],
    ids=str,
)
def test_options_are_judged_before_anything_is_asked(
    tmp_path: Path, module: str, arguments: Json, option: str, code: str
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(KUBECONFIG.format(server="https://127.0.0.1:9", token=TOKEN), encoding="utf-8")
    failure = run(module, tmp_path, kubeconfig=str(path), **{**KUBE_MODULES[module], **arguments})["failure"]
    assert (failure["option"], failure["code"]) == (option, code)
