# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from ansible import constants
from ansible.errors import AnsibleError

from ansible_collections.cloudnet.aks_cilium.plugins.lookup import run_directory as plugin
from checkout import COLLECTIONS

PLAY = """
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.set_fact:
        first: "{{ lookup('cloudnet.aks_cilium.run_directory') }}"
        file: "{{ lookup('cloudnet.aks_cilium.run_directory', 'one.txt') }}"
    - ansible.builtin.copy:
        dest: "{{ file }}"
        content: secret
        mode: "0600"
    - ansible.builtin.stat:
        path: "{{ file | dirname }}"
      register: folder
    - ansible.builtin.assert:
        that:
          - folder.stat.mode == '0700'
          - lookup('cloudnet.aks_cilium.run_directory') == first == file | dirname
    - ansible.builtin.fail:
        msg: "the end of {{ first }}"
      when: inventory_hostname == 'bad'
"""


def test_names_are_files_in_the_directory_of_the_run() -> None:
    directory = str(constants.DEFAULT_LOCAL_TMP)
    assert plugin.LookupModule().run([]) == [directory]
    assert plugin.LookupModule().run(["a.yml", "b"]) == [os.path.join(directory, name) for name in ("a.yml", "b")]


@pytest.mark.parametrize("name", ["", ".", "..", "/etc/passwd", "../a", "a/b"])
def test_a_name_that_leads_elsewhere_is_refused(name: str) -> None:
    with pytest.raises(AnsibleError, match="is not the name of a file"):
        plugin.LookupModule().run([name])


def test_the_file_has_the_name_of_its_documentation() -> None:
    assert yaml.safe_load(plugin.DOCUMENTATION)["name"] == "run_directory"


@pytest.mark.parametrize("host", ["good", "bad"])
def test_nothing_stays_after_a_run_whether_it_ends_well_or_not(tmp_path: Path, host: str) -> None:
    (tmp_path / "play.yml").write_text(PLAY, encoding="utf-8")
    collections = {
        "ANSIBLE_COLLECTIONS_PATH": str(COLLECTIONS),
        "ANSIBLE_LOCAL_TEMP": str(tmp_path),
    }
    command = [str(Path(sys.executable).parent / "ansible-playbook"), str(tmp_path / "play.yml"), "-c", "local"]
    done = subprocess.run(
        [*command, "-i", f"{host},", "-e", f"ansible_python_interpreter={sys.executable}"],
        env={**os.environ, **collections},
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    assert (done.returncode == 0) is (host == "good"), done.stdout + done.stderr
    assert "the end of" in done.stdout or host == "good"
    assert [path.name for path in tmp_path.iterdir()] == ["play.yml"]
