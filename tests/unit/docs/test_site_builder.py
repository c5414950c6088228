# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What the builder of the documentation site does to pages, and which dead links it finds."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT / "docs" / "site"))

import links  # noqa: E402
import sources  # noqa: E402

NAVIGATION: dict[str, Any] = {
    "pages": [{"caption": "Start", "pages": [{"page": "start", "title": "Start"}]}],
    "modules": [{"title": "Status", "guide": "start", "names": ["cilium_status"]}],
    "roles": {"cilium": "start"},
}
RST = """\
.. Document meta

:orphan:

.. Title

cloudnet.aks_cilium.cilium_status module -- Tell whether it works
+++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++++

.. Collection note

.. note::
    To install it, use: something.

.. version_added

.. contents::
   :local:
   :depth: 1

Synopsis
--------

.. note::
    This module has a corresponding :ref:`action plugin <action_plugins>`.

.. Authors

Authors
~~~~~~~

.. Parsing errors
"""


@pytest.fixture
def site(tmp_path: Path) -> sources.Site:
    """A repository with three pages, a role and a file that one of them links to."""
    root = tmp_path / "root"
    files = {
        "docs/start.md": "# Start\n\n`cilium_status`, `cilium_status`\n",
        "docs/deep/page.md": "# Page\n",
        "roles/cilium/README.md": "# cilium\n",
        "SECURITY.md": "# Security\n",
        "CONTRIBUTING.md": "# Contributing\n",
        "README.md": "# Readme\n",
        "requirements.txt": "one\n",
        "inventories/local/hosts.yml": "all: {}\n",
    }
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")
    return sources.Site(root, tmp_path / "source", NAVIGATION)


@pytest.mark.parametrize(
    ("page", "link", "target"),
    [
        ("docs/start.md", "deep/page.md#part", "deep/page.md#part"),
        ("docs/start.md", "../README.md", "index.md"),
        ("docs/start.md", "../roles/cilium/README.md", "reference/role-cilium.md"),
        ("docs/start.md", "../requirements.txt", "files/requirements.txt"),
        ("docs/start.md", "../inventories/local", f"{sources.REPOSITORY}/tree/main/inventories/local"),
        ("docs/start.md", "#part", "#part"),
        ("docs/start.md", "https://example.invalid/a", "https://example.invalid/a"),
        ("docs/deep/page.md", "../start.md", "../start.md"),
        ("roles/cilium/README.md", "../../docs/start.md", "../start.md"),
        ("SECURITY.md", "docs/start.md", "start.md"),
        ("docs/start.md", "missing.md", "missing.md"),
    ],
)
def test_links_of_the_repository_become_links_of_the_site(
    site: sources.Site, page: str, link: str, target: str
) -> None:
    assert sources.target_of(site, page, link) == target


def test_files_that_are_linked_come_along(site: sources.Site) -> None:
    sources.target_of(site, "docs/start.md", "../requirements.txt")
    assert (site.source / "files" / "requirements.txt").read_text(encoding="utf-8") == "one\n"


def test_links_in_code_stay_as_they_are(site: sources.Site) -> None:
    text = "[a](../README.md)\n```yaml\n[a](../README.md)\n```\n[a](../README.md)\n"
    assert sources.moved(site, "docs/start.md", text).splitlines() == [
        "[a](index.md)",
        "```yaml",
        "[a](../README.md)",
        "```",
        "[a](index.md)",
    ]


def test_the_first_mention_of_a_module_leads_to_its_page() -> None:
    text = "# `cilium_status`\n```yaml\n- `cilium_status`\n```\n`cilium_status` and `cilium_status`\n"
    linked = sources.with_modules(text, {"cilium_status"}, "start.md").splitlines()
    assert linked[0] == "# `cilium_status`"
    assert linked[2] == "- `cilium_status`"
    assert linked[4] == "[`cilium_status`](reference/cilium_status_module.rst) and `cilium_status`"


def test_generated_pages_get_a_short_head_and_lose_what_all_of_them_say(site: sources.Site) -> None:
    reference = site.source / "reference"
    reference.mkdir(parents=True)
    site.write("start", "# Start\n")
    (reference / "index.rst").write_text("index", encoding="utf-8")
    (reference / "cilium_status_module.rst").write_text(RST, encoding="utf-8")
    assert sources.trim_generated(site) == {"module": [("cilium_status", "Tell whether it works")]}
    text = (reference / "cilium_status_module.rst").read_text(encoding="utf-8")
    assert "cilium_status\n=============\n" in text
    assert ":doc:`/start`" in text
    for gone in (":orphan:", "To install it", "contents::", "action plugin", "Authors\n~"):
        assert gone not in text


def test_pages_and_the_side_bar_must_agree(site: sources.Site) -> None:
    site.navigation["pages"][0]["pages"] = [{"page": "absent", "title": "Absent"}]
    sources.write_home(site)
    told = "\n".join(site.problems)
    assert "the page absent does not exist" in told
    assert "docs/start.md: name this page" in told
    assert "docs/index.md is missing" in told


def test_a_module_without_a_group_is_told(site: sources.Site) -> None:
    (site.root / "roles" / "cilium" / "meta").mkdir()
    spec = "argument_specs: {main: {short_description: Installs}}"
    (site.root / "roles" / "cilium" / "meta" / "argument_specs.yml").write_text(spec, encoding="utf-8")
    sources.write_overviews(site, {"module": [("cilium_status", "Tells"), ("other", "Does")]})
    assert site.problems == ["docs/site/navigation.yml: the module other is in no group"]


def test_dead_links_of_the_repository_are_told_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "a.md").write_text(
        "# A b\n[x](b.md)\n[x](#a-b)\n[x](#c)\n![](p.png)\n```\n[x](b.md)\n```\n", encoding="utf-8"
    )
    (tmp_path / "p.png").touch()
    assert links.in_repository(tmp_path, ["a.md"]) == [
        "a.md:2: the link b.md leads nowhere",
        "a.md:4: the link #c leads to a page without such a heading",
        "a.md:5: the picture has no description",
    ]


@pytest.mark.parametrize(
    ("heading", "slug"),
    [
        ("## From one to the other", "from-one-to-the-other"),
        ("### `state` and [more](x.md), really", "state-and-more-really"),
        ("## Azure: login", "azure-login"),
    ],
)
def test_anchors_are_those_of_the_repositorys_pages(heading: str, slug: str) -> None:
    assert links.slugs(heading) == {slug}


def test_equal_headings_are_counted() -> None:
    assert links.slugs("## A\n## A\n```\n## B\n```\n") == {"a", "a-1"}


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ('<a href="b.html">b</a>', "the link b.html leads nowhere"),
        ('<a href="#no">b</a>', "the link #no leads to a page that has no such place"),
        ('<p id="one"></p><p id="one"></p>', "the id one is there twice"),
        ('<img src="https://example.invalid/a.png">', "the page loads https://example.invalid/a.png from the network"),
        ('<script src="//example.invalid/a.js"></script>', "the page loads //example.invalid/a.js from the network"),
        ('<link rel="stylesheet" href="a.css">', "a.css is not there"),
    ],
)
def test_problems_of_built_pages(tmp_path: Path, body: str, problem: str) -> None:
    (tmp_path / "a.html").write_text(f"<html><body>{body}</body></html>", encoding="utf-8")
    assert links.in_html(tmp_path) == [f"a.html: {problem}"]


def test_a_style_that_fetches_is_told(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("@import 'https://example.invalid/f.css';", encoding="utf-8")
    assert links.in_html(tmp_path) == ["a.css: the style loads https://example.invalid/f.css from the network"]


def test_a_good_page_has_no_problem(tmp_path: Path) -> None:
    text = (
        '<a href="a.html#one">a</a><a href="https://example.invalid">b</a><p id="one"></p><img src="data:image/png;x">'
    )
    (tmp_path / "a.html").write_text(text, encoding="utf-8")
    assert links.in_html(tmp_path) == []
