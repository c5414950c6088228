# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What `ansible-doc` says of every module is what the module does."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.cloudnet.aks_cilium.plugins.doc_fragments import (
    azure,
    azure_pool,
    hubble,
    kube,
    observed,
    query,
)
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._argspec import QUERY, ArgSpec
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils._errors import CollectionError
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.argspec import AZURE, CLUSTER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.azure.cluster_spec import POOL_OPTIONS
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.hubble.argspec import READER
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.kube.argspec import KUBE
from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.staging.argspec import OBSERVED

COLLECTION = "cloudnet.aks_cilium"
PACKAGE = f"ansible_collections.{COLLECTION}.plugins"
ROOT = Path(__file__).resolve().parents[4]
NAMES = sorted(path.stem for path in (ROOT / "plugins" / "modules").glob("*.py"))
GROUPS = yaml.safe_load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
# ansible-test refuses these as keys of a result: they hide methods of a dictionary.
FORBIDDEN = {
    "clear", "copy", "fromkeys", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"
}  # fmt: skip
each_module = pytest.mark.parametrize("name", NAMES)


def load(name: str) -> ModuleType:
    return importlib.import_module(f"{PACKAGE}.modules.{name}")


def documentation(name: str) -> dict[str, Any]:
    """The documentation with the fragments of this collection joined in."""
    document: dict[str, Any] = yaml.safe_load(load(name).DOCUMENTATION)
    options: dict[str, Any] = {}
    for reference in document.get("extends_documentation_fragment", []):
        if reference.startswith(f"{COLLECTION}."):
            file, _dot, part = reference.removeprefix(f"{COLLECTION}.").partition(".")
            fragment = importlib.import_module(f"{PACKAGE}.doc_fragments.{file}").ModuleDocFragment
            text = getattr(fragment, part.upper() if part else "DOCUMENTATION")
            options.update(yaml.safe_load(text)["options"])
    return {**document, "options": {**options, **document.get("options", {})}}


def agree(documented: dict[str, Any], options: dict[str, Any], place: str) -> None:
    assert set(documented) == set(options), place
    for name, spec in options.items():
        said = documented[name]
        assert said["description"], f"{place}.{name}"
        for key in ("type", "elements", "default", "choices", "aliases"):
            assert said.get(key) == spec.get(key), f"{place}.{name}: {key}"
        assert bool(said.get("required")) == bool(spec.get("required")), f"{place}.{name}: required"
        agree(said.get("suboptions", {}), spec.get("options", {}), f"{place}.{name}")


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        (azure.ModuleDocFragment.DOCUMENTATION, AZURE),
        (azure.ModuleDocFragment.CLUSTER, CLUSTER),
        (azure_pool.ModuleDocFragment.DOCUMENTATION, ArgSpec(POOL_OPTIONS)),
        (kube.ModuleDocFragment.DOCUMENTATION, KUBE),
        (hubble.ModuleDocFragment.DOCUMENTATION, READER),
        (observed.ModuleDocFragment.DOCUMENTATION, OBSERVED),
        (query.ModuleDocFragment.DOCUMENTATION, QUERY),
    ],
    ids=["azure", "azure.cluster", "azure_pool", "kube", "hubble", "observed", "query"],
)
def test_a_fragment_documents_just_its_specification(text: str, spec: ArgSpec) -> None:
    agree(yaml.safe_load(text)["options"], spec.options, "fragment")


@each_module
def test_options_are_those_of_the_specification(name: str) -> None:
    document = documentation(name)
    assert document["module"] == name
    agree(document["options"], load(name).SPEC.options, name)


@each_module
def test_secret_options_are_never_logged(name: str) -> None:
    for option, spec in load(name).SPEC.options.items():
        if option in ("secret", "api_key"):
            assert spec["no_log"] is True, option


def stand_in(value: Any, option: dict[str, Any]) -> Any:
    """The value of an example; for one that is computed, a value that the option takes."""
    if not (isinstance(value, str) and "{{" in value):
        return value
    samples = {"int": 1, "bool": True, "dict": {}, "list": []}
    return option["choices"][0] if "choices" in option else samples.get(option["type"], "text")


@each_module
def test_examples_are_tasks_that_the_module_would_take(name: str) -> None:
    module = load(name)
    tasks = yaml.safe_load(module.EXAMPLES)
    assert all(task["name"] for task in tasks)
    own = [task[f"{COLLECTION}.{name}"] for task in tasks if f"{COLLECTION}.{name}" in task]
    assert own
    rules = module.SPEC.to_kwargs()
    options = rules.pop("argument_spec")
    for arguments in own:
        assert set(arguments) <= set(options)
        plain = {key: stand_in(value, options[key]) for key, value in arguments.items()}
        assert ArgumentSpecValidator(options, **rules).validate(plain).error_messages == []


def check_returned(keys: dict[str, Any], place: str) -> None:
    for name, key in keys.items():
        where = f"{place}.{name}"
        assert name not in FORBIDDEN, where
        assert name.isidentifier(), where
        assert {"description", "returned", "type"} <= set(key), where
        assert "sample" in key or "contains" in key, where
        assert key["type"] != "list" or "elements" in key, where
        check_returned(key.get("contains", {}), where)


@each_module
def test_every_returned_key_is_explained(name: str) -> None:
    check_returned(yaml.safe_load(load(name).RETURN) or {}, name)


@pytest.mark.parametrize("name", [name for name in NAMES if "query" in load(name).SPEC.options])
def test_what_a_query_selects_has_one_name_everywhere(name: str) -> None:
    keys = yaml.safe_load(load(name).RETURN)
    assert keys["queried"] == {**keys["queried"], "type": "raw", "returned": "with O(query)"}
    assert keys["queried"]["description"] == "What O(query) selected."


@pytest.mark.parametrize("name", [name for name in NAMES if name != "show_text"])
def test_failures_are_explained_alike(name: str) -> None:
    """show_text cannot fail in a way of its own."""
    failure = yaml.safe_load(load(name).RETURN)["failure"]
    assert failure["returned"] == "on failure"
    explained = set(re.findall(r"C\((\w+)\)", failure["description"][0]))
    every = dict.fromkeys(("remedy", "code", "option", "target", "correlation_id"), "x")
    error = CollectionError("x", status=400, details={"a": 1}, history=["x"], **every)
    assert explained == set(error.facts())
    assert set(failure["sample"]) <= explained


@pytest.mark.parametrize(("group", "shared"), [("azure", AZURE), ("kubernetes", KUBE)])
def test_an_action_group_holds_just_the_modules_with_its_options(group: str, shared: Any) -> None:
    assert GROUPS[group] == [name for name in NAMES if set(shared.options) <= set(load(name).SPEC.options)]


def test_the_group_all_is_both_groups_and_there_are_no_others() -> None:
    assert set(GROUPS) == {"azure", "kubernetes", "role_azure", "role_kubernetes", "all"}
    assert GROUPS["role_azure"] == [{"metadata": {"extend_group": ["azure"]}}]
    assert GROUPS["role_kubernetes"] == [{"metadata": {"extend_group": ["kubernetes"]}}]
    assert GROUPS["all"] == [{"metadata": {"extend_group": ["azure", "kubernetes"]}}]


@each_module
def test_check_mode_and_diff_are_declared(name: str) -> None:
    attributes = documentation(name)["attributes"]
    assert attributes["check_mode"]["support"] in ("full", "partial")
    for attribute in attributes.values():
        assert attribute["support"] not in ("partial", "N/A") or attribute.get("details")
