// What the tests ask a page of the documentation: each function returns a list of complaints, empty when all is well.
const site = {
  name(element) {
    const words = (element.textContent || "").trim().replace(/\s+/g, " ").slice(0, 50);
    return `${element.tagName.toLowerCase()}.${String(element.getAttribute("class") || "")} "${words}"`;
  },

  shown(element) {
    const style = getComputedStyle(element);
    return element.getClientRects().length > 0 && style.visibility !== "hidden" && Number(style.opacity) > 0;
  },

  // Colours of computed styles, in whichever way the browser writes them, drawn over each other.
  rgba(text) {
    const found = text.match(/[\d.]+%?/g).map((part) => part.endsWith("%") ? Number(part.slice(0, -1)) / 100 : Number(part));
    const scale = text.startsWith("color(") ? 255 : 1;
    const [r, g, b, a = 1] = found.slice(-found.length);
    return [r * scale, g * scale, b * scale, a];
  },

  over(front, back) {
    const part = front[3];
    return [0, 1, 2].map((at) => front[at] * part + back[at] * (1 - part)).concat(1);
  },

  ground(element) {
    const layers = [];
    for (let at = element; at; at = at.parentElement) {
      const colour = site.rgba(getComputedStyle(at).backgroundColor);
      if (colour[3] > 0) { layers.push(colour); }
      if (colour[3] === 1) { break; }
    }
    return layers.reverse().reduce((back, front) => site.over(front, back), [255, 255, 255, 1]);
  },

  luminance(colour) {
    const [r, g, b] = colour.slice(0, 3).map((value) => {
      const part = value / 255;
      return part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  },

  // Contrast of text with what lies behind it, as WCAG 2 counts it; 4.5 is its level AA.
  contrast(least) {
    const found = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
      const element = walker.currentNode.parentElement;
      if (!walker.currentNode.textContent.trim() || element.closest("script, style, svg, noscript") || !site.shown(element)) { continue; }
      const ground = site.ground(element);
      const colour = site.over(site.rgba(getComputedStyle(element).color), ground);
      const pair = [site.luminance(colour), site.luminance(ground)].sort((a, b) => b - a);
      const ratio = (pair[0] + 0.05) / (pair[1] + 0.05);
      if (ratio < least) { found.set(site.name(element), ratio.toFixed(2)); }
    }
    return [...found].map(([name, ratio]) => `${name}: ${ratio}`);
  },

  // What leaves the page at its right, unless something around it scrolls by itself.
  outside(width) {
    const found = [];
    for (const element of document.querySelectorAll("article *")) {
      if (element.closest("svg") || !site.shown(element) || element.getBoundingClientRect().right <= width + 1) { continue; }
      let at = element.parentElement;
      while (at && !["auto", "scroll"].includes(getComputedStyle(at).overflowX)) { at = at.parentElement; }
      if (!at || at.tagName === "BODY" || at.tagName === "HTML") { found.push(site.name(element)); }
    }
    return found;
  },

  // Tables of options have a form that fits every width, so that they never scroll.
  options() {
    return [...document.querySelectorAll(".table-wrapper")]
      .filter((wrapper) => wrapper.querySelector("table.ansible-option-table") && wrapper.scrollWidth > wrapper.clientWidth + 1)
      .map(site.name);
  },

  // Tables and code that are wider than their place must scroll there, and be reached with the keyboard.
  scrolling() {
    const found = [];
    for (const element of document.querySelectorAll(".table-wrapper, pre")) {
      if (!site.shown(element) || element.scrollWidth <= element.clientWidth + 1) { continue; }
      const scrolls = ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
      element.focus();
      const reached = document.activeElement === element || element.contains(document.activeElement);
      if (!scrolls) { found.push(`is cut off: ${site.name(element)}`); }
      if (scrolls && !reached && !element.querySelector("a[href]")) { found.push(`no key reaches it: ${site.name(element)}`); }
    }
    return found;
  },

  // Letters of code that are too small to read.
  small(least) {
    return [...document.querySelectorAll("article pre, article code, article p, article td")]
      .filter((element) => site.shown(element) && parseFloat(getComputedStyle(element).fontSize) < least)
      .map((element) => `${site.name(element)} ${getComputedStyle(element).fontSize}`).slice(0, 5);
  },

  // One heading of the first level, none left out, pictures with words, and no id twice.
  structure() {
    const found = [];
    let level = 0;
    for (const heading of document.querySelectorAll("article h1, article h2, article h3, article h4")) {
      const now = Number(heading.tagName[1]);
      if (now > level + 1) { found.push(`${site.name(heading)} follows h${level}`); }
      level = now;
    }
    if (document.querySelectorAll("article h1").length !== 1) { found.push("not one h1"); }
    for (const image of document.querySelectorAll("article img")) {
      if (!(image.getAttribute("alt") || "").trim()) { found.push(`no words for ${image.src}`); }
      if (!image.naturalWidth) { found.push(`not loaded: ${image.src}`); }
    }
    if (!document.documentElement.lang) { found.push("the page says no language"); }
    return found;
  },
};
