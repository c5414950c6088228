# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The picture of the README shows what the playbooks print today."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from ansible_collections.cloudnet.aks_cilium.plugins.module_utils.probe import table
from ansible_collections.cloudnet.aks_cilium.tests import picture

ROOT = Path(__file__).resolve().parents[2]
LOG = """\
TASK [Show the status] ***

== Status of Cilium on first

    Cilium: <OK> & well

ok: [first]

TASK [Show every connection that was tried] ***

== Connections on first

step          from   expected  result
-------------------------------------
0 no policy   a/b    allow     HTTP 200
1 deny        a/b    deny      exit 28

ok: [first]
"""


def shown(text: str) -> list[str]:
    """The lines of a picture, as a reader sees them."""
    return [html.unescape(line).replace("\xa0", " ") for line in re.findall(r"<text[^>]*>(.*)</text>", text)]


def test_a_picture_has_the_words_of_the_log() -> None:
    lines = picture.picked(LOG)
    assert shown(picture.svg(lines)) == lines
    assert lines[0] == "$ make demo"
    assert "    Cilium: <OK> & well" in lines
    assert lines[-1].startswith("1 deny")
    assert not any("TASK" in line or "ok:" in line for line in lines)


def test_a_log_without_the_sections_is_refused() -> None:
    with pytest.raises(SystemExit, match="make demo"):
        picture.picked("nothing\n")


def test_the_picture_has_the_titles_and_the_columns_of_today() -> None:
    lines = shown((ROOT / "docs" / "demo.svg").read_text(encoding="utf-8"))
    playbook = (ROOT / "playbooks" / "status.yml").read_text(encoding="utf-8")
    for title in picture.TITLES:
        assert any(line.startswith(f"== {title} ") for line in lines)
        assert f'"{title} {{{{ inventory_hostname }}}}"' in playbook
    heading = next(line for line in lines if line.startswith("step "))
    # There is one cluster, and no heading above the mark.
    assert heading.split() == [column for column in table._HEADS if column not in ("", "cluster")]


def test_the_connections_of_the_picture_are_those_of_the_sequence() -> None:
    lines = shown((ROOT / "docs" / "demo.svg").read_text(encoding="utf-8"))
    steps = re.findall(r"- name: (\d .*)", (ROOT / "roles/policy_hardening/vars/main.yml").read_text(encoding="utf-8"))
    assert steps
    for step in steps:
        assert any(line.startswith(f"{step} ") for line in lines)
