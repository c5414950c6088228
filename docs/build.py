# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Builds the documentation site from docs/, the roles' README files and the plugins' own documentation.

`build.py` writes build/site/html/index.html, unless nothing has changed since the last time; `build.py --check` builds
from nothing. Both fail on a warning of Sphinx, on a page that the side bar does not name, and on a link that leads
nowhere. No page loads anything from the network, and building needs it only to install the tools, once.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parent.parent
HERE = ROOT / "docs" / "site"
sys.path[:0] = [str(ROOT / "tests"), str(HERE)]

import links  # noqa: E402
import sources  # noqa: E402
import venvs  # noqa: E402
from venvs import CheckError, copy_of_the_collection, environment, known_files, newest_python  # noqa: E402

OUTPUT = ROOT / "build" / "site"
PACKAGES = (
    "antsibull-docs==2.28.0",
    "ansible-core==2.19.14",
    "furo==2025.12.19",
    "myst-parser==5.2.0",
    "Sphinx==9.0.4",
)
# What antsibull-docs reads.
PARTS = ("plugins/", "roles/", "meta/", "galaxy.yml", "README.md")
STATIC = ("style.css", "logo.svg")
SOURCE_PREFIX = re.compile(re.escape(str(OUTPUT)) + r"/source/")


def digest(names: list[str]) -> str:
    """A sum over all that the site is made of."""
    total = hashlib.sha256(repr(PACKAGES).encode())
    for file in sources.inputs(ROOT, names):
        total.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + hashlib.sha256(file.read_bytes()).digest())
    return total.hexdigest()


def run(tool: Path, *words: str | Path, variables: Mapping[str, str]) -> None:
    """Run a tool of the site's own environment; raises CheckError with what it printed, as it is in the repository."""
    path = {"PATH": f"{tool.parent}{os.pathsep}{os.environ['PATH']}"}
    try:
        venvs.run(tool, *words, cwd=ROOT, variables={**path, **variables})
    except CheckError as error:
        raise CheckError(SOURCE_PREFIX.sub("", str(error))) from error


def write_sources(tools: Path, site: sources.Site, names: list[str]) -> None:
    """All pages below build/site/source."""
    shutil.rmtree(site.source, ignore_errors=True)
    reference = site.source / "reference"
    reference.mkdir(parents=True)
    # antsibull-docs refuses a folder that others may write into.
    reference.chmod(0o700)
    collections = OUTPUT / "collections"
    shutil.rmtree(collections, ignore_errors=True)
    copy_of_the_collection(collections, [name for name in names if name.startswith(PARTS)])
    words = ("collection", "--use-current", "--squash-hierarchy", "--fail-on-error", "--no-add-antsibull-docs-version")
    run(
        tools / "antsibull-docs",
        *words,
        *("--dest-dir", reference, sources.COLLECTION),
        variables={"ANSIBLE_COLLECTIONS_PATH": str(collections)},
    )
    sources.copy_pages(site)
    sources.write_changelog(site)
    found = sources.trim_generated(site)
    sources.write_overviews(site, found)
    sources.write_home(site)
    static = site.source / "_static"
    static.mkdir()
    for name in STATIC:
        shutil.copyfile(HERE / name, static / name)
    shutil.copyfile(HERE / "conf.py", site.source / "conf.py")


def build(names: list[str]) -> list[str]:
    """Build the site; returns what is wrong with it, when it could be built."""
    tools = environment("docs", newest_python(), PACKAGES)
    site = sources.Site(ROOT, OUTPUT / "source", sources.read_navigation(HERE / "navigation.yml"))
    OUTPUT.mkdir(parents=True, exist_ok=True)
    # A build that fails leaves no earlier site behind, which somebody could take for the new one.
    html = OUTPUT / "html"
    shutil.rmtree(html, ignore_errors=True)
    write_sources(tools, site, names)
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    problems = [*links.in_repository(ROOT, ["README.md", *sources.pages_of(ROOT)]), *site.problems]
    try:
        run(
            tools / "sphinx-build",
            *("-W", "--keep-going", "-q", "-j", "auto", "-b", "html", "-d", OUTPUT / "doctrees", site.source, html),
            # Sphinx tells problems of pages in the order of its processes; with one seed the output is the same.
            variables={"COLLECTION_VERSION": str(version), "PYTHONHASHSEED": "0", "SOURCE_DATE_EPOCH": "0"},
        )
    except CheckError as error:
        return [*problems, str(error)]
    return [*problems, *links.in_html(html)]


def main() -> int:
    """Build or check; the status says whether all is well."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--check", action="store_true", help="build from nothing, even if nothing has changed")
    check = parser.parse_args().check
    names, started = known_files(), time.monotonic()
    now, mark, home = digest(names), OUTPUT / "digest", OUTPUT / "html" / "index.html"
    shown = home.relative_to(ROOT)
    if not check and home.exists() and mark.exists() and mark.read_text(encoding="utf-8") == now:
        print(f"Nothing has changed: {shown}")
        return 0
    mark.unlink(missing_ok=True)
    shutil.rmtree(OUTPUT / "doctrees", ignore_errors=True)
    try:
        problems = build(names)
    except CheckError as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)
    if problems:
        print(f"The site has {len(problems)} problem{'s' * (len(problems) > 1)}, told above.", file=sys.stderr)
        return 1
    mark.write_text(now, encoding="utf-8")
    pages = sum(1 for __ in home.parent.rglob("*.html"))
    print(f"{pages} pages in {time.monotonic() - started:.0f} s: {shown}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
