# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choice of the source of images, and the file which tells Ansible."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.tests.lab.builder import official, prepare, supply
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.build import Plan
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.cache import Cache
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.processes import LabError, Word
from ansible_collections.cloudnet.aks_cilium.tests.lab.builder.recipes import HERE

VERSIONS = {
    "/bin/kind": "kind v0.33.0 go1.26.1 linux/amd64\n",
    "/bin/helm": "v3.19.0+g3d8990f\n",
    "/bin/kubectl": "Client Version: v1.34.2\nKustomize Version: v5.7.1\n",
}


def run(command: Sequence[Word]) -> str:
    return VERSIONS[str(command[0])]


def which(name: str) -> str | None:
    return f"/bin/{name}"


def never() -> bool:
    raise AssertionError("the registry is not asked")


@pytest.mark.parametrize("source", [supply.BUILT, supply.OFFICIAL])
def test_source_that_is_wanted_wins_without_asking_a_registry(source: str) -> None:
    assert prepare.choose_source(source, supply.OFFICIAL, never) == source


@pytest.mark.parametrize("source", [supply.BUILT, supply.OFFICIAL])
def test_source_stays_while_its_images_do(source: str) -> None:
    assert prepare.choose_source(supply.AUTO, source, never) == source


@pytest.mark.parametrize(("answers", "source"), [(True, supply.OFFICIAL), (False, supply.BUILT)])
def test_new_machine_takes_official_images_where_a_registry_answers(answers: bool, source: str) -> None:
    assert prepare.choose_source(supply.AUTO, "", lambda: answers) == source


def test_registry_is_asked_for_the_very_image_that_clusters_use() -> None:
    asked: list[list[str]] = []

    def probe(command: list[str]) -> bool:
        asked.append(command)
        return True

    assert official.registry_answers(probe)
    assert asked == [["docker", "manifest", "inspect", official.NODE_IMAGE]]


def test_node_image_and_version_say_the_same() -> None:
    assert official.NODE_IMAGE.startswith(f"kindest/node:{official.KUBERNETES_VERSION}@sha256:")


@pytest.mark.parametrize(
    ("output", "serves"),
    [
        ("kind v0.33.0 go1.26.1 linux/amd64", True),
        ("v3.14.0+gabc", True),
        ("v3.13.9", False),
        ("v4.0.0", False),
        ("version unknown", False),
        ("", False),
    ],
)
def test_program_serves_from_its_first_to_before_its_last_release(output: str, serves: bool) -> None:
    first, before = ((0, 30), (1, 0)) if output.startswith("kind") else ((3, 14), (4, 0))
    assert official.serves(output, first, before) is serves


def test_programs_of_path_are_used() -> None:
    assert official.missing_tools(run, which) == []
    assert official.tool_in_path("helm", run, which) == Path("/bin/helm")


def test_absent_old_and_broken_programs_are_missing() -> None:
    def broken(command: Sequence[Word]) -> str:
        if "kind" in str(command[0]):
            raise LabError("no such library")
        return "v3.2.1\n"

    assert official.missing_tools(broken, lambda name: None if name == "kubectl" else f"/bin/{name}") == [
        "kind",
        "helm",
        "kubectl",
    ]


def test_programs_that_cannot_be_built_are_named_with_their_versions() -> None:
    error = official.explain_missing(["kind", "helm"], LabError("there is no `go` in PATH"))
    assert str(error) == (
        "kind 0.30 or later, helm 3.14 or later must be installed, or Go to build them: there is no `go` in PATH"
    )


def test_variables_of_built_images_name_the_cache(tmp_path: Path) -> None:
    found = supply.variables(supply.built(Cache(tmp_path)))
    assert found["local_aks_kind"] == str(tmp_path / "bin" / "kind")
    assert found["local_aks_helm"] == found["cilium_helm_binary"] == str(tmp_path / "bin" / "helm")
    assert found["cilium_chart"] == found["local_aks_cilium_chart"] == str(tmp_path / "chart" / "cilium")
    assert found["local_aks_cilium_chart_version"] is None
    assert found["local_aks_kubernetes_version"] == "1.34.4"


@pytest.mark.parametrize("values", [(HERE / "cilium-images.yaml").read_text(encoding="utf-8"), "{}"])
def test_variables_file_is_yaml_with_the_helm_values_under_both_names(values: str) -> None:
    text = supply.machine_yaml({"odd": 'a: "b" # c', "none": None}, values)
    found = yaml.safe_load(text)
    assert found.pop("local_aks_cilium_values") == found.pop("cilium_values_local") == yaml.safe_load(values)
    assert found == {"odd": 'a: "b" # c', "none": None}


def test_variables_file_is_not_written_while_programs_are_missing(tmp_path: Path) -> None:
    with pytest.raises(LabError, match="run `lab prepare`"):
        supply.write_machine(Cache(tmp_path / "cache"), tmp_path / "machine.yml")
    assert not (tmp_path / "machine.yml").exists()


def test_source_is_forgotten_when_its_images_are_gone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    present = {official.NODE_IMAGE: "sha256:1"}
    monkeypatch.setattr(supply, "image_id", lambda tag: present.get(tag, ""))
    assert supply.remembered(cache) == ""
    supply.remember(cache, supply.OFFICIAL)
    assert supply.remembered(cache) == supply.OFFICIAL
    present.clear()
    assert supply.remembered(cache) == ""


def test_what_will_be_built_is_said_with_time_and_room() -> None:
    said: list[str] = []
    prepare.announce_build(Plan(("go-kind", "go-cilium", "userland-node", "image-node")), said.append)
    text = "\n".join(said)
    assert "from Go modules: kind, cilium" in text
    assert "userland-node, image-node" in text
    assert "6 min 30 s on 2 cores" in text
    assert "GB" in text
