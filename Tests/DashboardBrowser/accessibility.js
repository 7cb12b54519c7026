// What can be told of a page by looking at it: names of controls and pictures, the order of headings, tables,
// duplicate ids, and the contrast of every text. Returns what is wrong, a sentence each.
return (() => {
  const wrong = [];
  const name = (element) => `<${element.tagName.toLowerCase()}${element.id ? " id=" + element.id : ""}> “${(element.textContent || element.value || "").trim().slice(0, 40)}”`;
  const isShown = (element) => {
    if (!element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true })) return false;
    const box = element.getBoundingClientRect();
    return box.width > 1 && box.height > 1;
  };
  const textOf = (ids) => (ids || "").split(/\s+/).map((id) => document.getElementById(id)?.textContent || "").join(" ").trim();
  const label = (element) =>
    element.getAttribute("aria-label") || textOf(element.getAttribute("aria-labelledby")) ||
    [...(element.labels || [])].map((one) => one.textContent).join(" ").trim();

  if (!document.documentElement.lang) wrong.push("the page has no language");
  if (!document.title.trim()) wrong.push("the page has no title");
  if (document.querySelectorAll("main").length !== 1) wrong.push("the page has not one main part");
  if (document.querySelectorAll("h1").length !== 1) wrong.push("the page has not one h1");
  let level = 0;
  for (const heading of document.querySelectorAll("h1,h2,h3,h4")) {
    const own = Number(heading.tagName[1]);
    if (own > level + 1) wrong.push(`${name(heading)} skips a level`);
    level = own;
  }
  const ids = new Set();
  for (const element of document.querySelectorAll("[id]")) {
    if (ids.has(element.id)) wrong.push(`the id ${element.id} is there twice`);
    ids.add(element.id);
  }
  for (const attribute of ["aria-labelledby", "aria-describedby", "for"]) {
    for (const element of document.querySelectorAll(`[${attribute}]`)) {
      for (const id of element.getAttribute(attribute).split(/\s+/)) {
        if (!document.getElementById(id)) wrong.push(`${name(element)}: ${attribute} names ${id}, which isn't there`);
      }
    }
  }
  for (const input of document.querySelectorAll("input:not([type=hidden]):not([hidden]),select,textarea")) {
    if (!label(input)) wrong.push(`${name(input)} has no label`);
  }
  for (const control of document.querySelectorAll("a[href],button,summary")) {
    if (!control.hidden && !(label(control) || control.textContent.trim())) wrong.push(`${name(control)} has no name`);
  }
  for (const image of document.querySelectorAll("img")) {
    if (!image.hasAttribute("alt")) wrong.push(`${name(image)} has no alternative text`);
  }
  for (const picture of document.querySelectorAll("svg")) {
    if (picture.getAttribute("role") !== "img" || !label(picture)) wrong.push(`${name(picture)} has no text alternative`);
  }
  for (const table of document.querySelectorAll("table")) {
    if (!table.caption) wrong.push(`${name(table)} has no caption`);
    for (const head of table.querySelectorAll("th")) if (!head.scope) wrong.push(`${name(head)} has no scope`);
  }
  for (const box of document.querySelectorAll("*")) {
    const style = getComputedStyle(box);
    const scrolls = /auto|scroll/.test(style.overflowX + style.overflowY) &&
      (box.scrollWidth > box.clientWidth + 1 || box.scrollHeight > box.clientHeight + 1);
    if (scrolls && isShown(box) && box !== document.documentElement && box.tabIndex < 0 && !box.querySelector("a,button,input")) {
      wrong.push(`${name(box)} scrolls, and no key reaches it`);
    }
  }

  // Contrast, as WCAG 2.2 has it.
  const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const rgba = (color) => {
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = color;
    canvas.fillRect(0, 0, 1, 1);
    const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data;
    return [r, g, b, a / 255];
  };
  const over = (top, below) => top.slice(0, 3).map((part, index) => part * top[3] + below[index] * (1 - top[3]));
  const luminance = (color) => {
    const [r, g, b] = color.map((part) => (part / 255 <= 0.04045 ? part / 255 / 12.92 : ((part / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const ground = (element) => {
    const layers = [];
    for (let one = element; one; one = one.parentElement) layers.push(rgba(getComputedStyle(one).backgroundColor));
    return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
  };
  const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  const seen = new Set();
  for (let node = texts.nextNode(); node; node = texts.nextNode()) {
    const element = node.parentElement;
    if (!node.textContent.trim() || seen.has(element) || !isShown(element)) continue;
    if (/^(TITLE|DESC|SCRIPT|STYLE|OPTION)$/i.test(element.tagName)) continue;
    seen.add(element);
    const style = getComputedStyle(element);
    const below = ground(element);
    const ink = over(rgba(element.namespaceURI.endsWith("svg") ? style.fill : style.color), below);
    const [light, dark] = [luminance(ink), luminance(below)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    if (ratio < (isLarge ? 3 : 4.5)) wrong.push(`${name(element)} has a contrast of ${ratio.toFixed(2)}`);
  }
  return wrong;
})();
