# Copyright (c) 2026 Cloudnet contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Private to this collection: no stability promise for users outside of it.
"""What the page of a report of flows has beside the common style: maps, matrices, chapters; and its small script.

The page is whole without the script, which only adds: lines of the box under the pointer or the focus stand out, tables
can be sorted and filtered.
"""

from __future__ import annotations

import base64
import hashlib

STYLE = """
:root { --denied: var(--bad); --both: var(--wait); --lost: #7a3ea1; --audited: #7a5200; --allowed: var(--good); }
@media (prefers-color-scheme: dark) { :root { --lost: #cfa0f0; --audited: #e6bd73; } }
body { max-width: 94rem; }
a { color: var(--accent); }
h1, h3, p, li, caption, figcaption, summary { overflow-wrap: anywhere; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; margin: 0 0 1.2rem; padding: 0; list-style: none; }
h3 { margin: 1.4rem 0 .5rem; font-size: 1rem; }
p.hint { margin: .4rem 0; max-width: 60rem; color: var(--soft); font-size: .87rem; }
.denied { color: var(--denied); } .both { color: var(--both); } .lost { color: var(--lost); }
.audited { color: var(--audited); } .allowed { color: var(--allowed); }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
.legend { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .2rem 0 .8rem; padding: 0; list-style: none;
  font-size: .85rem; }
.legend svg { width: 44px; height: 14px; margin-right: .4rem; vertical-align: -2px; }
.legend li { color: var(--ink); }
.frame { overflow-x: auto; padding: .6rem; border: 1px solid var(--line); border-radius: .4rem; }
figure { margin: 0; min-width: 0; }
.wide, .frame { position: relative; }
figcaption { margin: 0 0 .4rem; font-weight: 600; }
.beside { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 36rem), 1fr)); gap: 1rem; }
.beside svg.map { min-width: 34rem !important; }
svg.map { display: block; max-width: 100%; height: auto; overflow: visible; font-family: system-ui, sans-serif; }
svg.map text { fill: var(--ink); }
svg.map .lane { fill: var(--panel); stroke: none; }
svg.map text.lane { fill: var(--soft); font-size: 12px; font-weight: 600; }
svg.map .box { fill: var(--paper); stroke: var(--soft); stroke-width: 1.2; }
svg.map .outside .box, svg.map .unknown .box { stroke-dasharray: 3 3; }
svg.map .entity .box, svg.map .service .box { stroke-width: 2; }
svg.map .namespace .box { stroke-width: 2.4; }
svg.map text.name { font-size: 12px; font-weight: 600; text-anchor: middle; }
svg.map text.about { fill: var(--soft); font-size: 10px; text-anchor: middle; }
svg.map text.port { fill: var(--soft); font-size: 10px; }
svg.map a { text-decoration: none; } svg.map a:hover .box { stroke: var(--accent); }
svg.map a:focus-visible .box, svg.map g:focus-visible .box { stroke: var(--accent); stroke-width: 3; }
.line { fill: none; stroke: currentColor; } .line.allowed { opacity: .8; }
.line.denied { stroke-dasharray: 7 4; } .line.both { stroke-dasharray: 12 3 2 3; } .line.lost,
.line.audited { stroke-dasharray: 2 3; }
.mark.cross { fill: none; stroke: currentColor; stroke-width: 2.4; stroke-linecap: round; }
.mark.full { fill: currentColor; } .mark.hollow { fill: var(--paper); stroke: currentColor; stroke-width: 1.5; }
svg.map .faded { opacity: .55; }
svg.focused .line:not(.on), svg.focused .node:not(.on) { opacity: .16; }
table.matrix { width: auto; border-collapse: separate; border-spacing: 0; }
table.matrix th, table.matrix td { padding: .25rem .5rem; border-right: 1px solid var(--line); }
table.matrix thead th { vertical-align: bottom; }
table.matrix tbody th { font-weight: 400; color: var(--ink);
  max-width: 26rem; white-space: normal; overflow-wrap: break-word; }
table.matrix th.turned > span { display: inline-block; writing-mode: vertical-rl; transform: rotate(180deg);
  max-height: 18rem; white-space: normal; overflow-wrap: anywhere; }
table.matrix td { text-align: center; white-space: nowrap; font-weight: 600; }
.sr { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
table.plain { width: auto; } table.plain td, table.plain th { padding-right: 2rem; text-align: left; }
table.list { min-width: 54rem; } table.list td:first-child { min-width: 13rem; }
details.chapter { margin: .5rem 0; border: 1px solid var(--line); border-radius: .4rem; padding: .2rem .9rem; }
details.chapter > summary { padding: .35rem 0; color: var(--ink); }
details.chapter > summary h3 { display: inline; margin: 0; color: var(--accent); }
td:target, tr:target > td { background: var(--panel); }
th button { all: unset; cursor: pointer; } th button:focus-visible { outline: 2px solid var(--accent); }
th[aria-sort=ascending] button::after { content: " ▲"; } th[aria-sort=descending] button::after { content: " ▼"; }
.filter { display: block; margin: .4rem 0; font-size: .87rem; color: var(--soft); }
.filter input { margin-left: .4rem; padding: .25rem .5rem; font: inherit; color: var(--ink); background: var(--paper);
  border: 1px solid var(--soft); border-radius: .3rem; width: min(20rem, 60vw); }
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; } }
@media print { :root { --lost: #55207a; --audited: #5c3d00; } @page { margin: 12mm; } nav, .filter { display: none; }
  .frame { overflow: visible; border: 0; padding: 0; } .wide { overflow: visible; }
  svg.map, .beside svg.map { width: 100%; min-width: 0 !important; height: auto; max-height: 24cm; }
  .beside { grid-template-columns: 1fr 1fr; } figure, .legend li { break-inside: avoid; } h3 { break-after: avoid; }
  table { font-size: 8pt; } table.list, table.list td:first-child { min-width: 0; }
  td > span { white-space: normal; overflow-wrap: anywhere; } a { text-decoration: none; }
  details.chapter { border: 0; padding: 0; break-inside: auto; } * { print-color-adjust: exact; } }
"""

SCRIPT = """
document.querySelectorAll("svg.map").forEach(function (map) {
  var lines = map.querySelectorAll(".line"), nodes = map.querySelectorAll(".node");
  function show(number) {
    var near = {};
    near[number] = true;
    map.classList.toggle("focused", number !== null);
    lines.forEach(function (line) {
      var on = line.dataset.s === number || line.dataset.t === number;
      line.classList.toggle("on", on);
      if (on) { near[line.dataset.s] = near[line.dataset.t] = true; }
    });
    nodes.forEach(function (node) { node.classList.toggle("on", Boolean(near[node.dataset.n])); });
  }
  nodes.forEach(function (node) {
    if (!node.hasAttribute("href")) { node.setAttribute("tabindex", "0"); }
    ["mouseenter", "focus"].forEach(function (name) {
      node.addEventListener(name, function () { show(node.dataset.n); });
    });
    ["mouseleave", "blur"].forEach(function (name) { node.addEventListener(name, function () { show(null); }); });
  });
});
document.querySelectorAll("table.list").forEach(function (table) {
  var body = table.tBodies[0], heads = Array.prototype.slice.call(table.tHead.rows[0].cells);
  function text(row, index) { return row.cells[index].textContent; }
  heads.forEach(function (head, index) {
    var button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", function () {
      var down = head.getAttribute("aria-sort") === "ascending", rows = Array.prototype.slice.call(body.rows);
      heads.forEach(function (other) { other.removeAttribute("aria-sort"); });
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      rows.sort(function (a, b) {
        return (down ? -1 : 1) * text(a, index).localeCompare(text(b, index), "en", { numeric: true });
      });
      body.append.apply(body, rows);
    });
  });
  if (body.rows.length < 8) { return; }
  var label = document.createElement("label"), field = document.createElement("input");
  label.className = "filter";
  label.textContent = "Only rows with";
  field.type = "search";
  label.append(field);
  table.parentNode.parentNode.insertBefore(label, table.parentNode);
  field.addEventListener("input", function () {
    var wanted = field.value.toLowerCase();
    Array.prototype.forEach.call(body.rows, function (row) {
      row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
    });
  });
});
"""


def security() -> str:
    """The element by which a browser refuses everything but this very script: nothing is loaded, nothing sent."""
    digest = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()
    rules = ("default-src 'none'", "style-src 'unsafe-inline'", f"script-src 'sha256-{digest}'", "base-uri 'none'")
    policy = "; ".join((*rules, "form-action 'none'"))
    return f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
