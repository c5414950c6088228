# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the role awx_setup describes, without running it: names that must exist elsewhere, and the page about it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import awx_tables
import pytest
import yaml

from ansible_collections.cloudnet.aks_cilium.plugins.plugin_utils import survey

ROOT = Path(__file__).resolve().parents[2]
ROLE = ROOT / "roles" / "awx_setup"
Json = dict[str, Any]
SETUP = awx_tables.setup()
QUESTIONS = [*(entry for template in SETUP["templates"] for entry in template["survey"]), *SETUP["asked"]]
# Renders what depends on variables, with Ansible itself.
RENDER = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars_files: [{role}/defaults/main.yml, {role}/vars/main.yml]
  tasks:
    - ansible.builtin.copy:
        dest: {target}
        mode: "0600"
        content: "{{{{ {expressions} | to_json }}}}"
"""
EXPRESSIONS = {
    "templates": "__awx_setup_templates | rejectattr('name', 'in', __awx_setup_left_out) | map(attribute='name')",
    "nodes": "__awx_setup_job_nodes | reject('in', __awx_setup_left_out)",
    "order": "__awx_setup_order | rejectattr('node', 'in', __awx_setup_left_out)",
}


def test_the_tables_of_the_page_are_those_of_the_role() -> None:
    text = awx_tables.PAGE.read_text(encoding="utf-8")
    assert text == awx_tables.with_tables(text), "run tests/awx/awx_tables.py"


def test_the_page_names_variables_that_exist() -> None:
    options = yaml.safe_load((ROLE / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    known = set(options["argument_specs"]["main"]["options"])
    assert set(re.findall(r"awx_setup_\w+", awx_tables.PAGE.read_text(encoding="utf-8"))) <= known


def test_a_template_has_a_playbook_of_its_verb() -> None:
    for template in SETUP["templates"]:
        assert (ROOT / "playbooks" / "jobs" / template["playbook"]).exists()
    asked = survey.options_of_playbooks(ROOT)
    for name, option in asked.items():
        assert (ROOT / "playbooks" / "jobs" / f"{option.owner}.yml").exists()
        assert name in {entry if isinstance(entry, str) else entry["option"] for entry in QUESTIONS}


@pytest.mark.parametrize(
    "name", sorted({entry if isinstance(entry, str) else entry["option"] for entry in QUESTIONS}), ids=str
)
def test_an_option_that_is_renamed_is_missed(tmp_path: Path, name: str) -> None:
    """Whoever renames an option that a survey asks for hears of it, here and when the playbook runs."""
    for file in [*ROOT.glob("roles/*/meta/argument_specs.yml"), *ROOT.glob("playbooks/jobs/survey/argument_specs.yml")]:
        copy = tmp_path / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, copy)
    assert survey.survey(QUESTIONS, root=tmp_path)["spec"]
    outer, _between, inner = name.partition(survey.INNER)
    owner = survey.all_options(tmp_path)[outer].owner
    file = tmp_path / "roles" / owner / "meta" / "argument_specs.yml"
    if not file.exists():
        file = tmp_path.joinpath(*survey.PLAYBOOKS)
    renamed = inner or outer
    file.write_text(re.sub(rf"\b{renamed}:", f"{renamed}_anew:", file.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(survey.SurveyError, match=f"'{outer}.*' is no option"):
        survey.survey(QUESTIONS, root=tmp_path)


def rendered(folder: Path, *, azure: bool) -> Json:
    """Which templates and nodes there are."""
    expressions = ", ".join(f"'{name}': {text} | list" for name, text in EXPRESSIONS.items())
    play, target = folder / "play.yml", folder / "found.json"
    play.write_text(RENDER.format(role=ROLE, target=target, expressions=f"{{{expressions}}}"), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    words = [str(program), str(play), "-e", json.dumps({"awx_setup_azure": azure})]
    done = subprocess.run(words, cwd=ROOT, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    found: Json = json.loads(target.read_text(encoding="utf-8"))
    return found


def test_without_azure_nothing_is_built_or_deleted(tmp_path: Path) -> None:
    """The rest of the workflow stays as it is, and begins with the status."""
    whole, rest = rendered(tmp_path, azure=True), rendered(tmp_path, azure=False)
    assert set(whole["templates"]) - set(rest["templates"]) == {"build", "teardown"}
    assert rest["nodes"] == [node for node in whole["nodes"] if node != "build"]
    assert [link["node"] for link in rest["order"]] == ["status", "observe", "shadow", "approve", "enforce"]


def test_the_expressions_of_this_file_are_those_of_the_role() -> None:
    tasks = " ".join(path.read_text(encoding="utf-8") for path in (ROLE / "tasks").glob("*.yml"))
    for text in EXPRESSIONS.values():
        assert text.removesuffix(" | map(attribute='name')") in tasks
