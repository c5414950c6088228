# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Judges variables by the roles' argument specs: name, type, choices."""

from __future__ import annotations

import copy
import functools
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from example_blocks import ROOT

Json = dict[str, Any]
# What Ansible itself reads, and names of values that only an example has (in templates of others beside it).
OF_ANSIBLE = re.compile(r"^(ansible_\w+|inventory_\w+)$")
# These say how it is reached, not what it is.
NOT_FOR_THE_VALIDATOR = ("required", "version_added", "description", "default")


@functools.cache
def role_specs() -> dict[str, Json]:
    """Options of each role, all entry points together."""
    found: dict[str, Json] = {}
    for file in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        specs = yaml.safe_load(file.read_text(encoding="utf-8"))["argument_specs"]
        found[file.parents[1].name] = {
            name: option for spec in specs.values() for name, option in spec.get("options", {}).items()
        }
    return found


@functools.cache
def playbook_words() -> frozenset[str]:
    """All words of the playbooks, among them the variables that they read."""
    files = [*(ROOT / "playbooks").rglob("*.yml")]
    return frozenset(word for file in files for word in re.findall(r"\w+", file.read_text(encoding="utf-8")))


def role_of(variable: str) -> str:
    """The role whose prefix a variable has; empty when it has none."""
    fitting = [role for role in role_specs() if variable.startswith(f"{role}_")]
    return max(fitting, key=len, default="")


def problems_of_variables(variables: Mapping[str, Any], *, all_known: bool) -> list[str]:
    """What is wrong with variables. all_known: each must be one that a role, a playbook or Ansible reads."""
    found: list[str] = []
    for name, value in variables.items():
        role = role_of(name)
        option = role_specs().get(role, {}).get(name)
        if option is not None:
            found += [f"{name}: {text}" for text in _problems_of_value(name, option, value)]
        elif role and name not in playbook_words():
            found.append(f"{name}: the role {role} has no such variable")
        elif all_known and not OF_ANSIBLE.match(name) and name not in playbook_words():
            found.append(f"{name}: no role and no playbook has such a variable")
    return found


def _problems_of_value(name: str, option: Json, value: Any) -> list[str]:
    if _has_template(value):
        return []
    if value is None:
        return ["has no value"]
    validator = ArgumentSpecValidator({name: _bare(option)})
    return list(validator.validate({name: copy.deepcopy(value)}).error_messages)


def _has_template(value: Any) -> bool:
    if isinstance(value, str):
        return "{{" in value or "{%" in value
    if isinstance(value, Mapping):
        return any(_has_template(item) for item in value.values())
    return isinstance(value, list) and any(_has_template(item) for item in value)


def _bare(option: Json) -> Json:
    """An option as the validator knows them, deep."""
    bare = {key: item for key, item in option.items() if key not in NOT_FOR_THE_VALIDATOR}
    if isinstance(bare.get("options"), dict):
        bare["options"] = {name: _bare(item) for name, item in bare["options"].items()}
    return bare


def role_variables_in(document: Any) -> Iterator[tuple[str, Any]]:
    """Variables with a role's prefix that plays and tasks set, wherever they do."""
    if isinstance(document, list):
        for item in document:
            yield from role_variables_in(item)
    elif isinstance(document, dict):
        for key, item in document.items():
            if key == "vars" and isinstance(item, dict):
                yield from ((name, value) for name, value in item.items() if role_of(name))
            yield from role_variables_in(item)


def problems_of_plays(document: Any) -> list[str]:
    """What is wrong with the variables that plays or tasks give to roles."""
    return problems_of_variables(dict(role_variables_in(document)), all_known=False)


def variables_of_hosts(listed: Json) -> Json:
    """All variables in what `ansible-inventory --list` printed."""
    found: Json = {}
    for variables in listed.get("_meta", {}).get("hostvars", {}).values():
        found |= variables
    return found


def load_yaml(text: str) -> list[Any]:
    """Documents of an example; Ansible's own tags count as the text behind them."""
    return [document for document in yaml.load_all(text, Loader=_Loader) if document is not None]


class _Loader(yaml.SafeLoader):
    """Knows !vault and !unsafe."""


def _text_of(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    return str(loader.construct_scalar(node))


for _tag in ("!vault", "!unsafe"):
    _Loader.add_constructor(_tag, _text_of)


def read_yaml(path: Path) -> Any:
    """A file of ours; nothing when it is not there."""
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None
