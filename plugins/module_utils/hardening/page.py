# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""One style for the reports of this collection, and the parts that their HTML pages are made of. Pure.

A page needs nothing from elsewhere, follows the reader's light or dark preference, and can be printed. Everything that
comes from a cluster is escaped here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --ink: #1d2733; --soft: #5b6875; --paper: #ffffff; --panel: #f4f6f8; --line: #d8dee4;
  --good: #1a7f4b; --bad: #b3261e; --wait: #8a5a00; --accent: #1f5fa8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e9ee; --soft: #9aa7b4; --paper: #12181f; --panel: #1b232c;
  --line: #303b46; --good: #5fd197; --bad: #ff8a80; --wait: #f0c060; --accent: #82b6f2; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 78rem; padding: 2rem 1.5rem 4rem; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; }
h1 { margin: 0; font-size: 1.7rem; line-height: 1.2; }
h2 { margin: 2.4rem 0 .8rem; padding-bottom: .3rem; border-bottom: 1px solid var(--line); font-size: 1.2rem; }
p.about { margin: .3rem 0 1.4rem; color: var(--soft); }
.cards { display: flex; flex-wrap: wrap; gap: .8rem; margin: 0; padding: 0; list-style: none; }
.cards li { flex: 1 1 9rem; padding: .8rem 1rem; background: var(--panel); border-radius: .4rem; }
.cards b { display: block; font-size: 1.6rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.cards span { color: var(--soft); font-size: .85rem; }
.wide { overflow-x: auto; }
table { width: 100%; border-collapse: collapse; font-size: .87rem; }
caption { padding: 0 0 .4rem; text-align: left; color: var(--soft); font-size: .85rem; }
th { text-align: left; color: var(--soft); font-weight: 600; white-space: nowrap; }
td.num { text-align: right; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem .7rem .35rem 0; border-bottom: 1px solid var(--line); vertical-align: top;
  overflow-wrap: break-word; }
td > span { white-space: nowrap; }
td.mark { white-space: nowrap; font-weight: 600; }
.good { color: var(--good); } .bad { color: var(--bad); } .wait { color: var(--wait); }
ol.stages { margin: 0; padding: 0; list-style: none; counter-reset: stage; }
ol.stages > li { counter-increment: stage; padding: .45rem 0 .45rem 2.4rem; position: relative; }
ol.stages > li::before { content: counter(stage); position: absolute; left: 0; top: .45rem; width: 1.7rem;
  height: 1.7rem; border-radius: 50%; background: var(--panel); text-align: center; line-height: 1.7rem;
  font-size: .85rem; }
details { margin: .4rem 0; }
summary { cursor: pointer; color: var(--accent); }
pre { margin: .5rem 0; padding: .8rem 1rem; overflow-x: auto; background: var(--panel); border-radius: .4rem;
  font: .82rem/1.45 ui-monospace, monospace; white-space: pre-wrap; }
ul.warnings { padding-left: 1.2rem; color: var(--wait); }
@media print { :root { color-scheme: light; --ink: #000000; --soft: #444444; --paper: #ffffff; --panel: #f2f2f2;
  --line: #bbbbbb; --good: #0b5c33; --bad: #8c1a14; --wait: #6b4600; --accent: #000000; }
  body { max-width: none; padding: 0; font-size: 10pt; } thead { display: table-header-group; } tr, .cards li, pre
  { break-inside: avoid; } h2 { break-after: avoid; } details > :not(summary) { display: block; }
  details::details-content { content-visibility: visible; block-size: auto; } }
"""

LONG_CELL = 20
"""Characters from which a cell may be broken into lines."""


def page(title: str, body: Iterable[str], *, style: str = STYLE, head: str = "", end: str = "") -> str:
    """The whole page; ends with a newline. head: more elements of the head; end: what comes after the body's parts."""
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n{head}'
        f"<title>{escape(title)}</title>\n<style>{style}</style>\n</head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + f"\n{end}</body>\n</html>\n"
    )


def section(title: str, body: str, name: str = "") -> str:
    """A chapter with its heading; nothing where there is nothing to tell. name: its id."""
    place = f' id="{escape(name)}"' if name else ""
    return f"<h2{place}>{escape(title)}</h2>\n{body}" if body else ""


def bullets(items: Iterable[str], kind: str) -> str:
    """A list; kind is its class."""
    rows = "".join(f"<li>{escape(item)}</li>" for item in items)
    return f'<ul class="{kind}">{rows}</ul>' if rows else ""


def cards(values: Iterable[tuple[object, str]]) -> str:
    """Numbers, each with the words below it."""
    items = "".join(f"<li><b>{escape(str(value))}</b><span>{escape(text)}</span></li>" for value, text in values)
    return f'<ul class="cards">{items}</ul>'


def folded(title: str, text: str) -> str:
    """Text behind a title that opens it."""
    return f"<details><summary>{escape(title)}</summary><pre>{escape(text)}</pre></details>" if text else ""


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    caption: str = "",
    marked: int = -1,
    marks: Sequence[str] = (),
    ids: Sequence[str] = (),
    kind: str = "",
) -> str:
    """A table. marks: the class of the cell in column `marked`, one for each row; ids: of the rows, `""` for none."""
    if not rows:
        return ""
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = ""
    for number, row in enumerate(rows):
        cells = [
            f'<td class="mark {marks[number]}">{escape(cell)}</td>' if index == marked else _cell(cell)
            for index, cell in enumerate(row)
        ]
        place = f' id="{escape(ids[number])}"' if ids and ids[number] else ""
        body += f"<tr{place}>{''.join(cells)}</tr>\n"
    told = f"<caption>{escape(caption)}</caption>" if caption else ""
    name = f' class="{kind}"' if kind else ""
    # What can be scrolled must be reachable by keyboard, and says what it is.
    region = f' role="region" aria-label="{escape(caption or columns[0])}" tabindex="0"'
    body = f"<thead><tr>{head}</tr></thead>\n<tbody>{body}</tbody>"
    return f'<div class="wide"{region}><table{name}>{told}{body}</table></div>'


def _cell(text: str) -> str:
    """A cell: paths may break after a slash and nowhere else, and what is short stays in one line."""
    if text.isdecimal():
        return f'<td class="num">{escape(text)}</td>'
    return (
        f"<td>{escape(text).replace('/', '/<wbr>') if len(text) > LONG_CELL else f'<span>{escape(text)}</span>'}</td>"
    )
