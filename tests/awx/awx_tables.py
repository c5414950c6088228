# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Writes the tables of docs/awx.md: job templates, and what their surveys ask, out of the role awx_setup.

`python tests/awx/awx_tables.py` writes them into the page; a test compares.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "awx.md"
MARK = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end of table -->)", re.DOTALL)
Json = dict[str, Any]


class Loader(yaml.SafeLoader):
    """Reads Ansible's tag for a text that is no template, too."""


def plain_text(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> str:
    """What stands behind the tag."""
    return str(loader.construct_scalar(node))


Loader.add_constructor("!unsafe", plain_text)


def setup() -> Json:
    """Variables of the role awx_setup that describe what it creates."""
    text = (ROOT / "roles" / "awx_setup" / "vars" / "main.yml").read_text(encoding="utf-8")
    found: Json = yaml.load(text, Loader)  # noqa: S506
    return {name.removeprefix("__awx_setup_"): value for name, value in found.items()}


def templates() -> str:
    """The job templates as a table."""
    rows = []
    for template in setup()["templates"]:
        tag = f", tag `{template['tags']}`" if template["tags"] else ""
        rows.append(f"| {template['name']} | `{template['playbook']}`{tag} | {template['description']} |")
    return "\n".join(["| template | playbook | what it does |", "|---|---|---|", *rows]) + "\n"


def questions() -> str:
    """All questions as a table, with the templates that ask them."""
    asked: dict[str, tuple[Json, list[str]]] = {}
    described = setup()
    lists = [(template["name"], template["survey"]) for template in described["templates"]]
    for name, entries in [*lists, ("**the workflow**", described["asked"])]:
        for question in survey.survey(entries, root=ROOT).get("spec", []):
            asked.setdefault(question["variable"], (question, []))[1].append(name)
    rows = []
    for variable, (question, names) in asked.items():
        text = f"{question['question_description']}{_filled(question)}"
        rows.append(f"| `{variable}` | {question['type']} | {text} | {', '.join(names)} |")
    return "\n".join(["| variable | type | question | asked by |", "|---|---|---|---|", *rows]) + "\n"


def _filled(question: Json) -> str:
    if question["required"]:
        return " **Required.**"
    return f" The form says {question['default']}." if question["default"] != "" else ""


def with_tables(text: str) -> str:
    """The page with its tables as they should be."""
    made = {"templates": templates, "questions": questions}
    return MARK.sub(lambda found: f"{found[1]}\n{made[found[2]]()}\n{found[3]}", text)


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
