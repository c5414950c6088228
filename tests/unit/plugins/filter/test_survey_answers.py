# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible.errors import AnsibleFilterError

from ansible_collections.cloudnet.aks_cilium.plugins.filter import survey_answers as plugin
from checkout import COLLECTIONS


def test_the_filter_has_the_name_of_its_file_and_of_its_documentation() -> None:
    (name,) = plugin.FilterModule().filters()
    assert name == "survey_answers" == yaml.safe_load(plugin.DOCUMENTATION)["name"]


def test_answers_become_values() -> None:
    answers = {
        "survey_policy_hardening_namespaces": "shop, backend",
        "survey_policy_hardening_soak": 86400,
        "survey_policy_hardening_until": "",
    }
    values = {"policy_hardening_namespaces": ["shop", "backend"], "policy_hardening_soak": 86400}
    assert plugin.survey_answers(answers) == values


# Published as playbooks/jobs/begin.yml does it: an item's value becomes a fact, and the fact is used.
PLAY = """\
- hosts: localhost
  connection: local
  gather_facts: false
  vars:
    ansible_python_interpreter: "{{ ansible_playbook_python }}"
  tasks:
    - ansible.builtin.set_fact:
        "{{ item.key }}": "{{ item.value }}"
      loop: "{{ answers | cloudnet.aks_cilium.survey_answers | dict2items }}"
    - ansible.builtin.copy:
        dest: "{{ target }}"
        mode: "0600"
        content: "{{ {'list': policy_hardening_namespaces, 'dict': aks_cluster_properties} | to_json }}"
"""


@pytest.mark.parametrize(
    ("mark", "written"),
    [
        # As AWX hands answers over.
        ("!unsafe ", '"{{ 1 + 1 }}"'),
        # Without AWX's mark, and spelt so that only the conversion from YAML brings the template out.
        ("", r'"\x7b{ 1 + 1 }}"'),
    ],
    ids=["marked", "hidden"],
)
def test_a_template_in_an_answer_is_text(tmp_path: Path, mark: str, written: str) -> None:
    play, variables, target = tmp_path / "play.yml", tmp_path / "variables.yml", tmp_path / "found.json"
    play.write_text(PLAY, encoding="utf-8")
    lines = [
        f"target: {target}",
        "answers:",
        f"  survey_policy_hardening_namespaces: {mark}'[shop, {written}]'",
        f"  survey_aks_cluster_properties: {mark}'tags: {{owner: {written}}}'",
    ]
    variables.write_text("\n".join(lines), encoding="utf-8")
    program = Path(sys.executable).with_name("ansible-playbook")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANSIBLE_")}
    environment |= {"ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS), "ANSIBLE_NOCOLOR": "1"}
    words = [str(program), "-i", "localhost,", str(play), "-e", f"@{variables}"]
    done = subprocess.run(
        words, cwd=tmp_path, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "DEPRECAT" not in done.stdout + done.stderr
    text = "{{ 1 + 1 }}"
    assert json.loads(target.read_text(encoding="utf-8")) == {"list": ["shop", text], "dict": {"tags": {"owner": text}}}


@pytest.mark.parametrize(
    ("answers", "said"),
    [("x", "needs a dict"), ({"survey_cilium_state": "gone"}, "survey_cilium_state does not fit cilium_state")],
)
def test_anything_else_is_refused(answers: object, said: str) -> None:
    with pytest.raises(AnsibleFilterError, match=said):
        plugin.survey_answers(answers)
