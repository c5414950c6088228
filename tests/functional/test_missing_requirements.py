# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What an execution environment lacks is named, with the way to get it; docs/execution-environment.md quotes it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
COLLECTIONS = ROOT / ".ansible" / "collections"
PACKAGE = "ansible_collections.cloudnet.aks_cilium.plugins.modules"
Json = dict[str, Any]


def failure_of(module: str, arguments: Json, folder: Path, *, without: str = "") -> Json:
    """Run a module with an empty PATH, and without a Python package; returns its failure."""
    paths = [str(COLLECTIONS)]
    if without:
        (folder / "hidden" / without).mkdir(parents=True)
        text = f"raise ModuleNotFoundError({f'No module named {without!r}'!r})\n"
        (folder / "hidden" / without / "__init__.py").write_text(text, encoding="utf-8")
        paths.insert(0, str(folder / "hidden"))
    file = folder / "arguments.json"
    file.write_text(json.dumps({"ANSIBLE_MODULE_ARGS": arguments}), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", f"{PACKAGE}.{module}", str(file)],
        env={"PATH": str(folder / "empty"), "HOME": str(folder), "PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    result: Json = json.loads(done.stdout)
    assert result["failed"]
    failure: Json = result["failure"]
    return failure


def kubeconfig(folder: Path, user: Json) -> str:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "demo",
        "clusters": [{"name": "demo", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "demo", "user": user}],
        "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "demo"}}],
    }
    path = folder / "kubeconfig.yml"
    path.write_text(yaml.safe_dump(document), encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("module", "package", "library"),
    [("cilium_status", "kubernetes", "kubernetes"), ("cilium_status", "yaml", "PyYAML")],
)
def test_a_missing_library_is_named_with_the_line_that_installs_it(
    module: str, package: str, library: str, tmp_path: Path
) -> None:
    arguments = {"kubeconfig": kubeconfig(tmp_path, {"token": "x"})}
    failure = failure_of(module, arguments, tmp_path, without=package)
    assert failure["code"] == "LibraryNotFound"
    assert library in failure["message"]
    assert sys.executable in failure["message"]
    assert failure["remedy"] == f"Run: {sys.executable} -m pip install {library}"


def test_a_missing_library_of_azure_is_named(tmp_path: Path) -> None:
    identity = {"tenant": "t", "client_id": "c", "secret": "not-a-real-one", "subscription_id": "x"}
    failure = failure_of("aks_cluster_info", identity, tmp_path, without="azure")
    assert failure["code"] == "LibraryNotFound"
    assert "pip install azure-" in failure["remedy"]


def test_a_missing_library_for_queries_is_named_before_anything_is_asked(tmp_path: Path) -> None:
    arguments = {"kubeconfig": kubeconfig(tmp_path, {"token": "x"}), "query": "healthy"}
    failure = failure_of("cilium_status", arguments, tmp_path, without="jmespath")
    assert failure["remedy"] == f"Run: {sys.executable} -m pip install jmespath"


def test_a_missing_kubelogin_is_named(tmp_path: Path) -> None:
    program = {"apiVersion": "client.authentication.k8s.io/v1beta1", "command": "kubelogin", "args": ["get-token"]}
    arguments = {"kubeconfig": kubeconfig(tmp_path, {"exec": {**program, "interactiveMode": "Never"}})}
    failure = failure_of("cilium_status", arguments, tmp_path)
    assert failure["code"] == "CredentialProgramFailed"
    assert "kubelogin" in failure["message"]
    assert failure["remedy"].startswith("Install kubelogin")
