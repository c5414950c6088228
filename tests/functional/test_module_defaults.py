# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Options that are given once, by action group, reach every module of the group, those with an action plugin, too."""

from __future__ import annotations

import importlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from azure_stand_in import LocalAks

ROOT = Path(__file__).resolve().parents[2]
COLLECTION = "cloudnet.aks_cilium"
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
Json = dict[str, Any]


def play(folder: Path, defaults: Json, tasks: dict[str, Json]) -> Json:
    """Run named tasks with module_defaults by group; returns their results by name, failures included."""
    steps: list[Json] = [
        {"name": name, f"{COLLECTION}.{name}": arguments, "register": f"result_{name}", "ignore_errors": True}
        for name, arguments in tasks.items()
    ]
    collected = ", ".join(f"'{name}': result_{name}" for name in tasks)
    output = folder / "results.json"
    keep = {"dest": str(output), "content": f"{{{{ {{ {collected} }} | to_json }}}}", "mode": "0600"}
    document = {
        "name": "Play",
        "hosts": "localhost",
        "gather_facts": False,
        "module_defaults": {f"group/{COLLECTION}.{group}": options for group, options in defaults.items()},
        "vars": {"ansible_python_interpreter": sys.executable},
        "tasks": [*steps, {"name": "Keep", "ansible.builtin.copy": keep}],
    }
    playbook = folder / "play.yml"
    playbook.write_text(yaml.safe_dump([document], sort_keys=False), encoding="utf-8")
    prefixes = ("ANSIBLE_", "AZURE_", "AKS_CILIUM_", "K8S_AUTH_", "KUBECONFIG")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(prefixes)}
    done = subprocess.run(
        [str(Path(sys.executable).with_name("ansible-playbook")), "-i", "localhost,", "-c", "local", str(playbook)],
        cwd=folder,
        env={**clean, "HOME": str(folder), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / ".ansible" / "collections")},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    results: Json = json.loads(output.read_text(encoding="utf-8"))
    return results


def example(name: str) -> Json:
    """The arguments of the first example of a module; a value that a template computes becomes one of its type."""
    module = importlib.import_module(f"ansible_collections.{COLLECTION}.plugins.modules.{name}")
    task = next(task for task in yaml.safe_load(module.EXAMPLES) if f"{COLLECTION}.{name}" in task)
    arguments: Json = task[f"{COLLECTION}.{name}"]
    samples = {"int": 1, "bool": True, "dict": {}, "list": []}
    for option, value in arguments.items():
        if isinstance(value, str) and "{{" in value:
            spec = module.SPEC.options[option]
            arguments[option] = spec["choices"][0] if "choices" in spec else samples.get(spec["type"], "text")
    return arguments


def test_a_default_of_the_group_all_reaches_every_module_that_talks_to_something(tmp_path: Path) -> None:
    names = [*GROUPS["azure"], *GROUPS["kubernetes"]]
    tasks = {name: {**example(name)} for name in names}
    for arguments in tasks.values():
        arguments.pop("request_timeout", None)
    results = play(tmp_path, {"all": {"request_timeout": "soon"}}, tasks)
    for name in names:
        assert results[name]["failed"], name
        assert re.search(r"request_timeout.*int", results[name]["msg"]), f"{name}: {results[name]['msg']}"


def test_a_default_of_one_group_leaves_the_other_alone(tmp_path: Path) -> None:
    tasks = {"aks_cluster_info": {"profile": "nobody"}, "cilium_status": {}}
    results = play(tmp_path, {"kubernetes": {"kubeconfig": str(tmp_path / "nowhere.yml")}}, tasks)
    assert str(tmp_path / "nowhere.yml") in results["cilium_status"]["msg"]
    assert "nowhere.yml" not in results["aks_cluster_info"]["msg"]
    assert "Unsupported parameters" not in results["aks_cluster_info"]["msg"]


def test_what_a_task_says_beats_the_default_of_its_group(tmp_path: Path) -> None:
    defaults = {"kubernetes": {"kubeconfig": str(tmp_path / "default.yml")}}
    results = play(tmp_path, defaults, {"cilium_status": {"kubeconfig": str(tmp_path / "own.yml")}})
    assert "own.yml" in results["cilium_status"]["msg"]


def test_cloud_and_credential_are_set_once_and_tasks_name_neither(local_aks: LocalAks, tmp_path: Path) -> None:
    cloud = {
        "cloud_environment": local_aks.url,
        "ca_bundle": str(local_aks.ca_bundle),
        "subscription_id": local_aks.subscription,
        "tenant": local_aks.tenant,
        "client_id": local_aks.client_id,
        "secret": local_aks.secret,
    }
    absent = {"resource_group": "rg-defaults", "name": "nobody", "state": "absent"}
    results = play(tmp_path, {"azure": cloud}, {"aks_cluster_info": {}, "aks_cluster": absent})
    assert results["aks_cluster_info"]["clusters"] == []
    assert results["aks_cluster"]["changed"] is False
