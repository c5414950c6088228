# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Whether links lead somewhere: those of the built pages, and those of the pages as people see them in the repository.

Nothing is asked over the network. Addresses outside are links that a reader may follow; a page must not load anything
from there.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from sources import LINK, outside_of_code

# Elements whose address the browser loads by itself.
LOADS = {
    ("img", "src"),
    ("script", "src"),
    ("link", "href"),
    ("source", "srcset"),
    ("iframe", "src"),
    ("object", "data"),
}
IN_STYLE = re.compile(r"(?:url\(|@import\s+)[\"']?((?:https?:)?//[^\"')]+)")
HEADING = re.compile(r"^#{1,6}\s+(.*?)\s*#*$")


class Read(HTMLParser):
    """Ids, links and loaded addresses of one page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Called for each element."""
        for key, value in attrs:
            if key == "id" and value:
                self.ids.append(value)
            elif (tag, key) in LOADS and value and not _is_no_load(attrs):
                self.loads.append(value)
            elif tag == "a" and key == "href" and value:
                self.links.append(value)


def _is_no_load(attrs: list[tuple[str, str | None]]) -> bool:
    """Elements `link` that say how pages hang together load nothing."""
    relation = dict(attrs).get("rel") or ""
    return relation in ("index", "search", "next", "prev", "canonical", "author")


def in_html(folder: Path) -> list[str]:
    """Problems of the built pages."""
    pages = {file: Read(file.read_text(encoding="utf-8")) for file in sorted(folder.rglob("*.html"))}
    problems = []
    for file, page in pages.items():
        name = file.relative_to(folder).as_posix()
        for twice in sorted({one for one in page.ids if page.ids.count(one) > 1}):
            problems.append(f"{name}: the id {twice} is there twice")
        for address in page.loads:
            if address.startswith("data:"):
                continue
            if urlsplit(address).netloc:
                problems.append(f"{name}: the page loads {address} from the network")
            elif not (file.parent / unquote(urlsplit(address).path)).exists():
                problems.append(f"{name}: {address} is not there")
        for link in sorted(set(page.links)):
            problems += [f"{name}: {problem}" for problem in _followed(folder, file, link, pages)]
    for style in sorted(folder.rglob("*.css")):
        for address in IN_STYLE.findall(style.read_text(encoding="utf-8")):
            problems.append(f"{style.relative_to(folder)}: the style loads {address} from the network")
    return problems


def _followed(folder: Path, file: Path, link: str, pages: dict[Path, Read]) -> Iterator[str]:
    parts = urlsplit(link)
    if parts.scheme or parts.netloc:
        return
    target = Path(posixpath.normpath(file.parent / unquote(parts.path))) if parts.path else file
    if not target.is_relative_to(folder) or not target.exists():
        yield f"the link {link} leads nowhere"
    elif parts.fragment and target in pages and unquote(parts.fragment) not in pages[target].ids:
        yield f"the link {link} leads to a page that has no such place"


def slugs(text: str) -> set[str]:
    """The anchors that the repository's web pages give the headings of a page."""
    found: set[str] = set()
    count: dict[str, int] = defaultdict(int)
    for is_text, line in outside_of_code(text):
        heading = HEADING.match(line.rstrip("\n")) if is_text else None
        if heading:
            words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
            slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
            found.add(f"{slug}-{count[slug]}" if count[slug] else slug)
            count[slug] += 1
    return found


def in_repository(root: Path, names: list[str]) -> list[str]:
    """Problems of the pages as files: relative links, their anchors, and pictures without words for who sees none."""
    problems = []
    texts = {name: (root / name).read_text(encoding="utf-8") for name in names}
    for name, text in texts.items():
        for number, (is_text, line) in enumerate(outside_of_code(text), 1):
            if not is_text:
                continue
            if "![](" in line:
                problems.append(f"{name}:{number}: the picture has no description")
            for __, link, __ in LINK.findall(line):
                if urlsplit(link).scheme:
                    continue
                path, __, anchor = link.partition("#")
                target = posixpath.normpath(posixpath.join(posixpath.dirname(name), path)) if path else name
                if target.startswith("..") or not (root / target).exists():
                    problems.append(f"{name}:{number}: the link {link} leads nowhere")
                elif anchor and target.endswith(".md"):
                    there = texts.get(target) or (root / target).read_text(encoding="utf-8")
                    if anchor not in slugs(there):
                        problems.append(f"{name}:{number}: the link {link} leads to a page without such a heading")
    return problems
