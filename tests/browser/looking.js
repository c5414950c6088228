// What the tests ask a page: each function returns a list of complaints, empty when all is well.
const looking = {
  name(element) {
    return `${element.tagName.toLowerCase()}.${element.getAttribute("class") || ""} "${element.textContent.slice(0, 60)}"`;
  },

  // Boxes of one map that cover each other, and text that leaves its box.
  maps() {
    const found = [];
    for (const map of document.querySelectorAll("svg.map")) {
      if (!map.getClientRects().length) { continue; }
      const boxes = [...map.querySelectorAll(".node")].map((node) => {
        const box = node.querySelector(".box").getBoundingClientRect();
        for (const text of node.querySelectorAll("text")) {
          const area = text.getBoundingClientRect();
          if (area.left < box.left - 0.5 || area.right > box.right + 0.5 || area.top < box.top - 2 || area.bottom > box.bottom + 2) {
            found.push(`text leaves its box: ${looking.name(node)}`);
          }
        }
        return [node, box];
      });
      boxes.forEach(([node, a], index) => boxes.slice(index + 1).forEach(([other, b]) => {
        if (a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom) {
          found.push(`${looking.name(node)} covers ${looking.name(other)}`);
        }
      }));
      const paper = map.getBoundingClientRect(), view = map.viewBox.baseVal;
      if (Math.abs(paper.width / paper.height - view.width / view.height) > 0.02 * view.width / view.height) {
        found.push(`a map is stretched: ${paper.width}x${paper.height}`);
      }
    }
    return found;
  },

  // Text that is cut off: something hides what does not fit.
  clipped() {
    const found = [];
    for (const element of document.body.querySelectorAll("*")) {
      const style = getComputedStyle(element);
      const scrolls = element.matches(".wide, .frame, pre, .sr, .sr *, svg *") || style.display === "inline";
      if (!scrolls && element.clientWidth && element.scrollWidth > element.clientWidth + 1 && style.overflowX !== "visible") {
        found.push(looking.name(element));
      }
    }
    return found;
  },

  rgb(text) {
    const parts = text.match(/[\d.]+/g).map(Number);
    return parts.length === 3 ? [...parts, 1] : parts;
  },

  luminance(colour) {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  },

  ground(element) {
    const svg = element.closest("svg.map");
    if (svg) {
      const node = element.closest(".node");
      const area = node ? node.querySelector(".box") : svg.querySelector("rect.lane");
      return looking.rgb(getComputedStyle(area).fill);
    }
    for (let at = element; at; at = at.parentElement) {
      const colour = looking.rgb(getComputedStyle(at).backgroundColor);
      if (colour[3] === 1) { return colour; }
    }
    return [255, 255, 255, 1];
  },

  // Contrast of text with what lies behind it, as WCAG 2 counts it; 4.5 is its level AA.
  contrast(least) {
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || element.closest("title, script, style")) { continue; }
      const style = getComputedStyle(element);
      const colour = looking.rgb(element.closest("svg") ? style.fill : style.color);
      const pair = [looking.luminance(colour), looking.luminance(looking.ground(element))].sort((a, b) => b - a);
      const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
      if (ratio < least) { found.set(`${element.tagName}.${element.getAttribute("class")}`, ratio.toFixed(2)); }
    }
    // Signs and lines carry meaning as well; 3 is enough for them.
    for (const line of document.querySelectorAll("svg .line, svg .mark")) {
      const ground = line.closest("svg.map") ? line.closest("svg.map").querySelector("rect.lane") : null;
      const behind = ground ? looking.rgb(getComputedStyle(ground).fill) : looking.ground(line);
      const pair = [looking.luminance(looking.rgb(getComputedStyle(line).color)), looking.luminance(behind)].sort((a, b) => b - a);
      const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
      if (ratio < 3) { found.set(`line ${line.getAttribute("class")}`, ratio.toFixed(2)); }
    }
    return [...found].map(([name, ratio]) => `${name}: ${ratio}`);
  },

  // Headings in order, tables with captions and scopes, regions with names, ids that are used once, links that lead somewhere.
  structure() {
    const found = [];
    let level = 0;
    for (const heading of document.querySelectorAll("h1, h2, h3")) {
      const now = Number(heading.tagName[1]);
      if (now > level + 1) { found.push(`${looking.name(heading)} follows h${level}`); }
      level = now;
    }
    if (document.querySelectorAll("h1").length !== 1) { found.push("not one h1"); }
    for (const table of document.querySelectorAll("table")) {
      if (!table.caption || !table.caption.textContent.trim()) { found.push(`no caption: ${looking.name(table)}`); }
      if (table.querySelector("th:not([scope])")) { found.push(`th without scope: ${looking.name(table)}`); }
    }
    for (const region of document.querySelectorAll(".wide, .frame")) {
      if (region.tabIndex !== 0 || !region.getAttribute("aria-label")) { found.push(`not reachable: ${looking.name(region)}`); }
    }
    const ids = [...document.querySelectorAll("[id]")].map((element) => element.id);
    if (new Set(ids).size !== ids.length) { found.push("an id is used twice"); }
    for (const link of document.querySelectorAll("a[href]")) {
      if (!document.getElementById(decodeURIComponent(link.getAttribute("href").slice(1)))) {
        found.push(`leads nowhere: ${link.getAttribute("href")}`);
      }
    }
    return found;
  },
};
