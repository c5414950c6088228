# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Puts the pages where Sphinx reads them: those that people wrote, with their links mended, and generated ones."""

from __future__ import annotations

import os
import posixpath
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = "https://github.com/cloudnet/aks_cilium"
COLLECTION = "cloudnet.aks_cilium"
# A link or a picture of Markdown: what stands before the target, the target, and what follows it.
LINK = re.compile(r"(\]\()([^)\s]+)((?:\s+\"[^\"]*\")?\))")
FENCE = re.compile(r"^(\s*)(`{3,}|~{3,})")
EXAMPLE = re.compile(r"^\s*<!-- example:.*?-->\n", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"(?<![`\[])`([a-z]+_[a-z_]+)`(?![`\]])")
# Pages of the repository that are not in docs/, and what they are on the site.
OTHERS = {"README.md": "index.md", "CONTRIBUTING.md": "contributing.md", "SECURITY.md": "security.md"}
# The title, what stands around it, and parts that say the same on every page.
TITLE = re.compile(rf"^{re.escape(COLLECTION)}\.(\w+) (\w+)(?: -- (.*))?\n\++\n", re.MULTILINE)
NOTE = re.compile(
    r"^\.\. Collection note\n.*?(?=^\.\. (?:version_added|contents::|_ansible_coll|Aliases|Depr))", re.M | re.S
)
CONTENTS = re.compile(r"^\.\. contents::\n(?:   .*\n)+", re.MULTILINE)
ACTION = re.compile(r"^\.\. note::\n    This \w+ has a corresponding :ref:`action plugin.*\n", re.MULTILINE)
AUTHORS = re.compile(r"^\.\. Authors\n.*?(?=^\.\. Parsing errors)", re.MULTILINE | re.DOTALL)


@dataclass
class Site:
    """What is built: where from, where to, and what was found wrong meanwhile."""

    root: Path
    source: Path
    navigation: dict[str, Any]
    problems: list[str] = field(default_factory=list)

    @property
    def listed(self) -> list[str]:
        """All pages of the side bar."""
        return [entry["page"] for part in self.navigation["pages"] for entry in part["pages"]]

    @property
    def modules(self) -> dict[str, str]:
        """The guide of each module."""
        return {name: group["guide"] for group in self.navigation["modules"] for name in group["names"]}

    def has(self, page: str) -> bool:
        """Whether a page is there."""
        return any((self.source / f"{page}{suffix}").exists() for suffix in (".md", ".rst"))

    def write(self, page: str, text: str) -> None:
        """Write a page of Markdown."""
        file = self.source / f"{page}.md"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")


def read_navigation(file: Path) -> dict[str, Any]:
    """The side bar and the groups of modules."""
    document: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return document


def place(name: str) -> str:
    """Where a file of the repository is on the site; empty when it is no page."""
    parts = name.split("/")
    if name in OTHERS:
        return OTHERS[name]
    if parts[0] == "docs" and parts[-1].endswith(".md"):
        return "/".join(parts[1:])
    if len(parts) == 3 and parts[0] == "roles" and parts[2] == "README.md":
        return f"reference/role-{parts[1]}.md"
    return ""


def pages_of(root: Path) -> Iterator[str]:
    """All pages that people wrote, by their name in the repository; docs/index.md is there in place of README.md."""
    yield from (name for name in OTHERS if name != "README.md")
    for folder, pattern in (("docs", "**/*.md"), ("roles", "*/README.md")):
        yield from sorted(file.relative_to(root).as_posix() for file in (root / folder).glob(pattern))


def copy_pages(site: Site) -> None:
    """Copy the pages, and what they link to."""
    known = set(site.modules)
    ambiguous = {folder.name for folder in (site.root / "roles").iterdir()}
    for name in pages_of(site.root):
        text = (site.root / name).read_text(encoding="utf-8")
        target = place(name)
        # The lines keep their numbers, so that Sphinx names those of the repository.
        text = moved(site, name, EXAMPLE.sub(lambda found: "\n" * found[0].count("\n"), text))
        text = with_modules(text, known - ambiguous, target)
        if name.startswith("roles/"):
            text += role_links(site, name.split("/")[1])
        site.write(target.removesuffix(".md"), text)


def role_links(site: Site, role: str) -> str:
    """The end of a role's page."""
    guide = site.navigation["roles"].get(role)
    if guide is None:
        site.problems.append(f"docs/site/navigation.yml: the role {role} has no guide")
    more = f" The guide: [](../{guide}.md)." if guide and f"docs/{guide}.md" in set(pages_of(site.root)) else ""
    types = f"Types, defaults and choices, by entry point: [variables of {role}]({role}_role.rst)."
    return f"\n## All variables\n\n{types}{more}\n"


def outside_of_code(text: str) -> Iterator[tuple[bool, str]]:
    """The lines of a page, each with whether it is text (True) or part of a block of code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        found = FENCE.match(line)
        if fence:
            yield False, line
            if found and found[2].startswith(fence) and line.strip() == found[2]:
                fence = ""
        elif found:
            fence = found[2]
            yield False, line
        else:
            yield True, line


def moved(site: Site, name: str, text: str) -> str:
    """A page with its links as they must be on the site."""
    return "".join(
        LINK.sub(lambda found: found[1] + target_of(site, name, found[2]) + found[3], line) if is_text else line
        for is_text, line in outside_of_code(text)
    )


def target_of(site: Site, name: str, link: str) -> str:
    """The target of one link of the page `name`; what is no page is copied, folders are shown where the sources are."""
    if link.startswith(("#", "http://", "https://", "mailto:")):
        return link
    path, hash_sign, anchor = link.partition("#")
    wanted = posixpath.normpath(posixpath.join(posixpath.dirname(name), path))
    here = posixpath.dirname(place(name))
    file = site.root / wanted
    if wanted.startswith("..") or not file.exists():
        # links.py names the page and the line.
        return link
    if file.is_dir():
        return f"{REPOSITORY}/tree/main/{wanted}"
    target = place(wanted)
    if not target:
        target = wanted.removeprefix("docs/") if wanted.startswith("docs/") else f"files/{wanted}"
        copy = site.source / target
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return posixpath.relpath(target, here or ".") + hash_sign + anchor


def with_modules(text: str, known: set[str], target: str) -> str:
    """A page on which the first mention of each module leads to its page."""
    seen: set[str] = set()
    up = posixpath.relpath("reference", posixpath.dirname(target) or ".")

    def linked(found: re.Match[str]) -> str:
        if found[1] not in known or found[1] in seen:
            return found[0]
        seen.add(found[1])
        return f"[`{found[1]}`]({up}/{found[1]}_module.rst)"

    return "".join(
        CODE.sub(linked, line) if is_text and not line.startswith("#") and "](" not in line else line
        for is_text, line in outside_of_code(text)
    )


def trim_generated(site: Site) -> dict[str, list[tuple[str, str]]]:
    """Make the pages of antsibull-docs short; returns name and purpose of each, by kind."""
    folder = site.source / "reference"
    (folder / "index.rst").unlink()
    found: dict[str, list[tuple[str, str]]] = {}
    for file in sorted(folder.glob("*.rst")):
        text = file.read_text(encoding="utf-8")
        title = TITLE.search(text)
        if title is None:
            file.write_text(text.replace(":orphan:\n", "", 1), encoding="utf-8")
            continue
        name, kind, purpose = title[1], title[2], (title[3] or "").replace("\\", "")
        found.setdefault(kind, []).append((name, purpose))
        text = text.replace(":orphan:\n", "", 1)
        for part in (CONTENTS, NOTE, ACTION, AUTHORS):
            text = part.sub("", text)
        file.write_text(TITLE.sub(lambda __: head(site, name, kind, purpose), text), encoding="utf-8")  # noqa: B023
    return found


def head(site: Site, name: str, kind: str, purpose: str) -> str:
    """What stands first on a generated page."""
    title = f"{name}: variables" if kind == "role" else f"{name} ({kind})" if kind != "module" else name
    lines = [title, "=" * len(title), ""]
    if kind == "role":
        lines += [f"What the role does and how to use it: :doc:`role-{name}`.", ""]
        return "\n".join(lines)
    guide = site.modules.get(name) if kind == "module" else None
    lines += [".. rst-class:: purpose", "", f"{purpose.rstrip('.')}.", ""]
    use = f"In a playbook: ``{COLLECTION}.{name}``."
    lines += [use + (f" The guide: :doc:`/{guide}`." if guide and site.has(guide) else ""), ""]
    return "\n".join(lines)


def write_overviews(site: Site, found: dict[str, list[tuple[str, str]]]) -> None:
    """The pages Roles and Modules."""
    roles = {name for name, __ in found.get("role", [])}
    lines = ["# Roles", "", "Each stands alone: it needs its own variables, and of the others nothing.", ""]
    lines += ["| role | brings about |", "|---|---|"]
    lines += [f"| [{role}](role-{role}.md) | {_brings(site.root, role)} |" for role in site.navigation["roles"]]
    lines += ["", "```{toctree}", ":hidden:", ""]
    lines += [f"{role} <role-{role}>" for role in site.navigation["roles"]]
    site.write("reference/roles", "\n".join([*lines, "```", ""]))
    for role in site.navigation["roles"]:
        page = site.source / "reference" / f"role-{role}.md"
        if role in roles and page.exists():
            toctree = f"\n```{{toctree}}\n:hidden:\n\nVariables <{role}_role>\n```\n"
            page.write_text(page.read_text(encoding="utf-8") + toctree, encoding="utf-8")
    _write_modules(site, found)


def _brings(root: Path, role: str) -> str:
    """The first sentence of a role's argument spec."""
    spec = yaml.safe_load((root / "roles" / role / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return str(spec["argument_specs"]["main"]["short_description"])


def _write_modules(site: Site, found: dict[str, list[tuple[str, str]]]) -> None:
    purposes = dict(found.get("module", []))
    lines = ["# Modules and plugins", ""]
    toctree = []
    for group in site.navigation["modules"]:
        guide = f"The guide: [](../{group['guide']}.md)." if site.has(group["guide"]) else ""
        lines += [f"## {group['title']}", "", guide, "", "| module | does |", "|---|---|"]
        for name in group["names"]:
            if name not in purposes:
                site.problems.append(f"docs/site/navigation.yml: there is no module {name}")
                continue
            lines.append(f"| [`{name}`]({name}_module.rst) | {purposes[name]} |")
            toctree.append(f"{name} <{name}_module>")
        lines.append("")
    for name in sorted(set(purposes) - set(site.modules)):
        site.problems.append(f"docs/site/navigation.yml: the module {name} is in no group")
    lines += ["## Plugins", "", "| plugin | kind | does |", "|---|---|---|"]
    for kind in sorted(set(found) - {"module", "role"}):
        for name, purpose in found[kind]:
            lines.append(f"| [`{name}`]({name}_{kind}.rst) | {kind} | {purpose} |")
            toctree.append(f"{name} ({kind}) <{name}_{kind}>")
    if site.has("reference/environment_variables"):
        lines += ["", "Options can come from the environment: [environment variables](environment_variables.rst)."]
        toctree.append("Environment variables <environment_variables>")
    lines += ["", "```{toctree}", ":hidden:", "", *toctree, "```", ""]
    site.write("reference/modules", "\n".join(lines))


def write_changelog(site: Site) -> None:
    """Released and coming changes, out of the fragments that antsibull-changelog makes release notes of."""
    config = yaml.safe_load((site.root / "changelogs" / "config.yaml").read_text(encoding="utf-8"))
    document = yaml.safe_load((site.root / "changelogs" / "changelog.yaml").read_text(encoding="utf-8"))
    releases = document.get("releases") or {}
    used = {name for release in releases.values() for name in release.get("fragments", [])}
    coming: dict[str, Any] = {}
    for file in sorted((site.root / "changelogs" / "fragments").glob("*.yml")):
        if file.name not in used:
            for section, entries in (yaml.safe_load(file.read_text(encoding="utf-8")) or {}).items():
                coming.setdefault(section, []).extend(entries if isinstance(entries, list) else [entries])
    sections = [("release_summary", ""), *config["sections"]]
    lines = ["# Changelog", ""]
    chapters = [("Next release", coming)] if coming else []
    chapters += [(version, releases[version].get("changes", {})) for version in sorted(releases, reverse=True)]
    for title, changes in chapters:
        lines += [f"## {title}", ""]
        for section, heading in sections:
            if entries := changes.get(section):
                lines += [f"### {heading}", ""] if heading else []
                bullet = "- " if heading else ""
                entries = entries if isinstance(entries, list) else [entries]
                lines += [bullet + str(entry).strip().replace("\n", " ").replace("``", "`") for entry in entries]
                lines.append("")
    site.write("changelog", "\n".join(lines))


def write_home(site: Site) -> None:
    """The home page with the side bar's contents; pages that are not there are problems, and so are unlisted ones."""
    file = site.source / "index.md"
    if not file.exists():
        site.problems.append("docs/index.md is missing")
        site.write("index", f"# {COLLECTION}\n")
    lines = []
    for part in site.navigation["pages"]:
        there = [f"{entry['title']} <{entry['page']}>" for entry in part["pages"] if site.has(entry["page"])]
        lines += ["", "```{toctree}", ":hidden:", f":caption: {part['caption']}", "", *there, "```", ""]
    file.write_text(file.read_text(encoding="utf-8") + "\n".join(lines), encoding="utf-8")
    for page in site.listed:
        if not site.has(page):
            site.problems.append(f"docs/site/navigation.yml: the page {page} does not exist")
    written = {place(name).removesuffix(".md") for name in pages_of(site.root)} - {"index"}
    for page in sorted(page for page in written - set(site.listed) if not page.startswith("reference/")):
        site.problems.append(f"docs/{page}.md: name this page in docs/site/navigation.yml")


def inputs(root: Path, names: list[str]) -> list[Path]:
    """The files that the site depends on."""
    return [root / name for name in names if not name.startswith("tests/") and os.path.isfile(root / name)]
