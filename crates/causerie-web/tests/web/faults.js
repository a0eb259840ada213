// What the page must never have: what accessibility checkers look for and a script can tell.
// A function's body; it returns a list of faults.
const faults = [];
const seen = (node) => node.checkVisibility({ visibilityProperty: true, opacityProperty: false });
for (const node of document.querySelectorAll("button, a[href], textarea, input:not([aria-hidden]), progress, dialog, nav, section")) {
  const by = (node.getAttribute("aria-labelledby") ?? "").split(" ").map((id) => document.getElementById(id)?.textContent ?? "").join("");
  const label = node.labels?.length ? node.labels[0].textContent : "";
  const name = node.getAttribute("aria-label") || by || label || node.textContent;
  if (seen(node) && !name.trim()) faults.push("no name: " + node.outerHTML.slice(0, 80));
}
const ids = [...document.querySelectorAll("[id]")].map((node) => node.id);
for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) faults.push("twice: " + id);
for (const node of document.querySelectorAll("button")) {
  const box = node.getBoundingClientRect();
  if (seen(node) && box.width > 0 && (box.width < 24 || box.height < 24)) faults.push("too small: " + node.outerHTML.slice(0, 80));
}
const rgb = (text) => (text.match(/[\d.]+/g) ?? [0, 0, 0, 0]).map(Number);
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
const paper = (node) => { for (; node; node = node.parentElement) { const c = rgb(getComputedStyle(node).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
const words = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (words.nextNode()) {
  const node = words.currentNode.parentElement;
  if (!words.currentNode.textContent.trim() || !seen(node) || node.closest("script, style, :disabled, dialog:not([open])")) continue;
  const style = getComputedStyle(node);
  if (!style.color.startsWith("rgb")) continue;
  const [a, b] = [light(rgb(style.color)), light(paper(node))];
  const contrast = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  if (contrast < 4.5) faults.push("contrast " + contrast.toFixed(2) + ": " + node.outerHTML.slice(0, 80));
}
if (document.documentElement.scrollWidth > innerWidth) faults.push("scrolls sideways: " + document.documentElement.scrollWidth);
for (const node of document.querySelectorAll("body *")) {
  const box = node.getBoundingClientRect();
  if (seen(node) && box.width > 1 && box.right > innerWidth + 1 && !node.closest("pre, .table, .hidden")) faults.push("sticks out: " + node.outerHTML.slice(0, 80));
}
if (document.querySelectorAll("h1").length !== 1) faults.push("not one h1");
return [...new Set(faults)];
