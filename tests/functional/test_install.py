# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The archive that users install: what is in it, and that its playbooks and documentation work from there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
PLAYBOOKS = ("site", "cluster", "cilium", "demo", "harden", "status", "teardown")


def run(*words: str, cwd: Path, collections: Path | None = None) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment["PATH"] = f"{BIN}{os.pathsep}{environment['PATH']}"
    if collections is not None:
        environment["ANSIBLE_COLLECTIONS_PATH"] = str(collections)
    done = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
    assert "[WARNING]" not in done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("archive")
    run("ansible-galaxy", "collection", "build", "--output-path", str(target), cwd=ROOT)
    return next(target.glob("cloudnet-aks_cilium-*.tar.gz"))


@pytest.fixture(scope="module")
def collections(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("collections")
    run("ansible-galaxy", "collection", "install", str(archive), cwd=target, collections=target)
    return target


def test_the_archive_holds_what_users_need_and_nothing_else(archive: Path) -> None:
    with tarfile.open(archive) as tar:
        names = set(tar.getnames())
    top = {name.split("/")[0] for name in names}
    # The release notes are there once there is a release.
    assert top - {"CHANGELOG.rst"} == {
        *("FILES.json", "MANIFEST.json", "LICENSE", "README.md", "CONTRIBUTING.md", "SECURITY.md", "requirements.txt"),
        *("changelogs", "docs", "execution-environment", "inventories", "meta", "playbooks", "plugins", "roles"),
    }
    assert not [name for name in names if "__pycache__" in name or name.endswith("machine.yml")]
    assert not [name for name in names if name.startswith("changelogs/fragments")]
    assert {"meta/execution-environment.yml", "meta/ee-requirements.txt", "meta/ee-bindep.txt"} <= names


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_playbooks_run_by_their_full_name(collections: Path, playbook: str) -> None:
    inventory = collections / "ansible_collections" / "cloudnet" / "aks_cilium" / "inventories" / "byo_cni"
    name = f"cloudnet.aks_cilium.{playbook}"
    listed = run(
        "ansible-playbook", name, "-i", str(inventory), "--list-tasks", cwd=collections, collections=collections
    )
    assert f"{collections}/ansible_collections/cloudnet/aks_cilium/playbooks/{playbook}.yml" in listed


def test_every_module_explains_itself(collections: Path) -> None:
    names = [
        f"cloudnet.aks_cilium.{path.stem}"
        for path in (ROOT / "plugins" / "modules").glob("*.py")
        if path.stem[0] != "_"
    ]
    assert len(names) >= 8
    text = run("ansible-doc", "--json", *names, cwd=collections, collections=collections)
    documented = json.loads(text)
    assert set(documented) == set(names)
    assert all(entry["doc"]["short_description"] and entry["examples"] for entry in documented.values())
