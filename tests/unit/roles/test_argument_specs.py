# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What roles document, what they have by default and what they use is the same; ansible-core checks none of that."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import CLUSTER_OPTIONS

ROOT = Path(__file__).resolve().parents[3]
ROLES = sorted(path.name for path in (ROOT / "roles").iterdir())
TYPES = {"str": str, "path": str, "int": int, "bool": bool, "dict": dict, "list": list}
# Variables with a role's prefix that belong to the playbooks or to an inventory.
NOT_OF_A_ROLE = {
    "aks_cluster_kubeconfig_given": "the kubeconfig that a job was given by its controller, for playbooks/jobs",
    "local_aks_enabled": "whether the playbooks run the stand-in at all",
    "local_aks_kubectl": "the program by which Molecule looks at a cluster; tests/lab writes it as well",
    "cilium_values_local": "what the images of this machine need; tests/lab writes it beside the local inventory",
}


class Loader(yaml.SafeLoader):
    """Reads Ansible's tag for a text that is no template, too."""


Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))


def load(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = yaml.load(path.read_text(encoding="utf-8"), Loader) or {}  # noqa: S506
    return document


def specs(role: str) -> dict[str, Any]:
    found: dict[str, Any] = load(ROOT / "roles" / role / "meta" / "argument_specs.yml")["argument_specs"]
    return found


def defaults(role: str) -> dict[str, Any]:
    return load(ROOT / "roles" / role / "defaults" / "main.yml")


def text_of(folders: list[Path]) -> str:
    """All YAML and templates below some folders, but for what is made on each machine; comments left out."""
    files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".yml", ".j2")]
    files = [path for path in files if path.name != "machine.yml"]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    return "\n".join(line for line in lines if not line.lstrip().startswith("#"))


def used_by(role: str) -> str:
    """What a role does: its tasks, variables and templates."""
    folder = ROOT / "roles" / role
    return text_of([folder / part for part in ("tasks", "vars", "templates")])


def published_by(role: str) -> set[str]:
    """Facts and results that a role leaves for those that follow; internal ones begin with two underscores."""
    text = used_by(role)
    registered = set(re.findall(rf"register: ({role}_\w+)", text))
    facts = re.findall(r"set_fact:\n((?: +\S.*\n)+)", text)
    return registered | {name for block in facts for name in re.findall(rf"^ +({role}_\w+):", block, re.MULTILINE)}


@pytest.mark.parametrize("role", ROLES)
def test_every_entry_point_is_documented(role: str) -> None:
    assert "main" in specs(role)
    for name in specs(role):
        assert (ROOT / "roles" / role / "tasks" / f"{name}.yml").exists()


@pytest.mark.parametrize("role", ROLES)
def test_defaults_are_those_of_the_documentation(role: str) -> None:
    for entry in specs(role).values():
        options = entry["options"]
        given = defaults(role)
        assert set(given) == {name for name, option in options.items() if not option.get("required")}
        for name, value in given.items():
            computed = isinstance(value, str) and "{{" in value
            # What is computed is described in words; a literal default of the documentation would not be true.
            assert ("default" in options[name]) is not computed, name
            if not computed:
                assert options[name]["default"] == value, name
                kind = options[name]["type"]
                # A bool is an int to Python, not to people.
                assert isinstance(value, TYPES[kind]), name
                assert isinstance(value, bool) is (kind == "bool"), name
                assert value in options[name].get("choices", [value]), name


@pytest.mark.parametrize("role", ROLES)
def test_every_documented_variable_has_an_effect(role: str) -> None:
    text = used_by(role)
    for name in specs(role)["main"]["options"]:
        assert re.search(rf"\b{name}\b", text), f"{name} is used nowhere"


@pytest.mark.parametrize("role", ROLES)
def test_every_variable_in_use_is_documented(role: str) -> None:
    """In the role itself, in playbooks, inventories and Molecule scenarios."""
    text = used_by(role) + text_of([ROOT / "playbooks", ROOT / "inventories", ROOT / "extensions"])
    # Not the names of tasks files and modules, which stand after a dot, a quote or a slash.
    names = set(re.findall(rf"(?<![\w./'\"-]){role}_\w+", text))
    known = set(specs(role)["main"]["options"]) | published_by(role) | set(NOT_OF_A_ROLE)
    others = tuple(f"{other}_" for other in ROLES if other != role and other.startswith(role))
    assert {name for name in names if not (others and name.startswith(others))} <= known


@pytest.mark.parametrize("role", ROLES)
def test_internal_variables_show_that_they_are(role: str) -> None:
    folder = ROOT / "roles" / role / "vars"
    for path in folder.rglob("*.yml") if folder.exists() else []:
        assert all(name.startswith(f"__{role}_") for name in load(path)), path


def test_the_role_passes_on_every_property_of_a_cluster() -> None:
    """A property that the role does not know must be refused, not dropped: it would build another cluster."""
    properties = specs("aks_cluster")["main"]["options"]["aks_cluster_properties"]["options"]
    of_the_role = {"state", "location", "create_resource_group"}
    assert set(properties) == set(CLUSTER_OPTIONS.options) - of_the_role
    text = used_by("aks_cluster")
    for name, option in properties.items():
        assert f'{name}: "{{{{ aks_cluster_properties.{name} | default(omit) }}}}"' in text
        rule = CLUSTER_OPTIONS.options[name]
        assert {key: option.get(key) for key in ("type", "elements", "choices")} == {
            key: rule.get(key) for key in ("type", "elements", "choices")
        }, name
