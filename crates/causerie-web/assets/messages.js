// The messages of one conversation on the page.
//
// Answers arrive as HTML that the server's renderer made and escaped; it is the only HTML that is
// ever put into the page. What people typed is put in as text.

import { t, time } from "./strings.js";

const ICONS = {
  copy: '<rect x="8.5" y="8.5" width="11" height="11" rx="2.5"/><path d="M15.5 8.5v-2a2 2 0 0 0-2-2h-7a2 2 0 0 0-2 2v7a2 2 0 0 0 2 2h2"/>',
  done: '<path d="m5 12.5 4.5 4.5L19 7.5"/>',
  good: '<path d="M7.5 10.5 11 4a2 2 0 0 1 2 2v3.5h4.5a2 2 0 0 1 2 2.4l-1.1 5.5a2 2 0 0 1-2 1.6H7.5Zm0 0H4.5V19h3"/>',
  bad: '<path d="M16.5 13.5 13 20a2 2 0 0 1-2-2v-3.5H6.5a2 2 0 0 1-2-2.4l1.1-5.5a2 2 0 0 1 2-1.6h8.9Zm0 0h3V5h-3"/>',
};

export function icon(name) {
  const holder = document.createElement("template");
  holder.innerHTML = `<svg aria-hidden="true" viewBox="0 0 24 24">${ICONS[name]}</svg>`;
  return holder.content.firstChild;
}

/** Makes an element: `make("p.note", { text, …properties }, …children)`. */
export function make(kind, { text, data, ...properties } = {}, ...children) {
  const [tag, ...classes] = kind.split(".");
  const node = Object.assign(document.createElement(tag), properties);
  node.classList.add(...classes);
  if (text !== undefined) node.textContent = text;
  Object.assign(node.dataset, data);
  node.append(...children);
  return node;
}

function button(kind, label, picture, onclick) {
  const title = t(label);
  return make(kind, { type: "button", title, ariaLabel: title, onclick }, icon(picture));
}

async function copy(words, where) {
  try {
    await navigator.clipboard.writeText(words);
  } catch {
    // Without https there is no clipboard; the old way still works.
    const field = make("textarea.hidden", { value: words });
    document.body.append(field);
    field.select();
    document.execCommand("copy");
    field.remove();
    where.focus();
  }
}

export class Messages {
  #root;
  #on;
  #known = new Map();
  #waiting = make("div.waiting");

  /** `on.judge(id, rating)`, `on.retry(id)` and `on.discard(id)` are called for buttons pressed. */
  constructor(root, on) {
    this.#root = root;
    this.#on = on;
    root.addEventListener("click", (event) => this.#copyCode(event));
  }

  get empty() {
    return this.#known.size === 0;
  }

  /** Whether an answer is growing. */
  get growing() {
    return [...this.#known.values()].some((known) => known.item.kind === "answer" && !known.item.complete);
  }

  /** The last thing the person said. */
  get lastSaid() {
    return [...this.#known.values()].findLast((known) => known.item.kind === "user")?.item.text;
  }

  /** Whether the last message is the person's own and waits for its answer. */
  get unanswered() {
    const last = [...this.#known.values()].at(-1)?.item;
    return last?.kind === "user" && Boolean(last.waiting);
  }

  /** Nothing waits any more, whether it was answered or not. */
  settle() {
    for (const known of this.#known.values()) known.item.waiting = false;
  }

  words(id) {
    return this.#known.get(id)?.node.querySelector(".body").innerText ?? "";
  }

  clear() {
    for (const known of this.#known.values()) known.node.remove();
    this.#known.clear();
  }

  /**
   * Shows `items`, keeping what is there already and still the same. Pages before the first of
   * them stay; says whether there are any.
   */
  show(items) {
    const before = [...this.#known.keys()];
    const older = before.slice(0, Math.max(0, before.indexOf(items[0]?.id)));
    const ids = [...older, ...items.map((item) => item.id)];
    const wanted = new Set(ids);
    for (const id of before) if (!wanted.has(id)) this.remove(id);
    for (const item of items) this.put(item);
    // In the order of the server, on the page and in the map.
    this.#known = new Map(ids.map((id) => [id, this.#known.get(id)]));
    for (const [place, { node }] of [...this.#known.values()].entries()) {
      const there = this.#root.children[place] ?? null;
      if (there !== node) this.#root.insertBefore(node, there);
    }
    this.#keepWaitingLast();
    return older.length > 0;
  }

  /** Puts older messages before all others. */
  prepend(items) {
    const newer = [...this.#known].filter(([id]) => !items.some((item) => item.id === id));
    this.#known = new Map();
    for (const item of [...items].reverse()) {
      this.put(item);
      this.#root.prepend(this.#known.get(item.id).node);
    }
    this.#known = new Map([...[...this.#known].reverse(), ...newer]);
  }

  /** Adds a message, or makes the one there like it. */
  put(item) {
    const known = this.#known.get(item.id) ?? this.#add(item);
    known.item = { ...item };
    if (item.kind === "user") {
      known.node.querySelector(".body").textContent = item.text;
    } else {
      const changed = item.blocks.map((html, i) => ({ i, html }));
      this.#change(known, changed, item.blocks.length);
    }
    this.#dress(known);
  }

  remove(id) {
    this.#known.get(id)?.node.remove();
    this.#known.delete(id);
  }

  /** Applies what the server tells of a growing answer. */
  grow(change) {
    const { id, at, reply_to, complete, notice } = change;
    if (!this.#known.has(id)) this.put({ id, kind: "answer", at, reply_to, blocks: [], complete, notice });
    const known = this.#known.get(id);
    this.#change(known, change.changed, change.length);
    Object.assign(known.item, { complete, notice });
    this.#dress(known);
  }

  /** Shows what is being done before there are words, or nothing. */
  wait(word) {
    if (!word) return this.#waiting.remove();
    const dots = make("span.dots", { ariaHidden: "true" }, make("i"), make("i"), make("i"));
    this.#waiting.replaceChildren(dots, make("span", { text: word }));
    this.#root.append(this.#waiting);
  }

  /** Writes times and labels anew, after the language has changed. */
  relabel() {
    for (const known of this.#known.values()) {
      const fresh = this.#frame(known.item);
      fresh.querySelector(".body").replaceWith(known.node.querySelector(".body"));
      known.node.replaceWith(fresh);
      known.node = fresh;
      for (const label of fresh.querySelectorAll("figcaption button span")) label.textContent = t("copy");
      this.#dress(known);
    }
  }

  /** Makes a place: for an answer behind what it answers, for anything else at the end. */
  #add(item) {
    const known = { item, node: this.#frame(item) };
    const all = [...this.#known];
    let place = all.findIndex(([id]) => id === item.reply_to) + 1 || all.length;
    while (all[place]?.[1].item.kind === "answer") place += 1;
    this.#root.insertBefore(known.node, all[place]?.[1].node ?? null);
    all.splice(place, 0, [item.id, known]);
    this.#known = new Map(all);
    this.#keepWaitingLast();
    return known;
  }

  #keepWaitingLast() {
    if (this.#waiting.isConnected) this.#root.append(this.#waiting);
  }

  #frame(item) {
    const who = make("span.hidden", { text: t(item.kind === "user" ? "you" : "assistant") });
    const at = make("time", { text: time(item.at), dateTime: new Date(item.at).toISOString() });
    const meta = make("div.meta", {}, make("span.state"), at);
    if (item.kind === "answer") meta.prepend(...this.#actions(item.id));
    return make(`article.message.${item.kind}`, { data: { id: item.id } }, who, make("div.body", { dir: "auto" }), meta);
  }

  #actions(id) {
    const copying = button("button.copy", "copyAnswer", "copy", async () => {
      await copy(this.words(id), copying);
      flash(copying);
    });
    const judging = ["good", "bad"].map((name) =>
      button(`button.${name}`, name, name, () => this.#judge(id, name)),
    );
    return [copying, ...judging];
  }

  #judge(id, name) {
    const known = this.#known.get(id);
    known.item.judged = name;
    this.#dress(known);
    this.#on.judge(id, name === "good" ? "up" : "down");
  }

  #change(known, changed, length) {
    const body = known.node.querySelector(".body");
    for (const { i, html, more } of changed) {
      while (body.children.length <= i) body.append(make("div.block"));
      const block = body.children[i];
      if (more !== undefined) {
        block.querySelector("code")?.insertAdjacentHTML("beforeend", more);
      } else if (block.source !== html) {
        block.innerHTML = html;
        block.source = html;
        furnish(block);
      }
    }
    while (body.children.length > length) body.lastChild.remove();
  }

  /** Brings the outside of a message in line with its state. */
  #dress({ item, node }) {
    const { classList } = node;
    classList.toggle("complete", item.complete !== false);
    classList.toggle("growing", item.complete === false);
    classList.toggle("notice", Boolean(item.notice));
    classList.toggle("refused", item.notice?.kind === "refused");
    classList.toggle("failed", item.notice?.kind === "failed" || item.state === "failed");
    for (const name of ["good", "bad"]) {
      const thumb = node.querySelector(`.meta .${name}`);
      if (thumb) {
        thumb.hidden = Boolean(item.notice);
        thumb.ariaPressed = String(item.judged === name);
      }
    }
    if (item.kind === "user") this.#dressSaid(item, node);
  }

  #dressSaid(item, node) {
    const words = { sending: t("sending"), waiting: t("willRetry"), failed: `${t("notSent")} ${item.why ?? ""}` };
    node.querySelector(".state").textContent = words[item.state] ?? "";
    for (const act of node.querySelectorAll(".act")) act.remove();
    if (item.state !== "failed") return;
    for (const name of ["retry", "discard"]) {
      const onclick = () => this.#on[name](item.id);
      node.querySelector(".meta").append(make("button.act", { type: "button", text: t(name), onclick }));
    }
  }

  async #copyCode(event) {
    const pressed = event.target.closest("figcaption button");
    if (!pressed) return;
    const code = pressed.closest("figure").querySelector("code").textContent;
    await copy(code, pressed);
    flash(pressed);
  }
}

/** Adds to a block what only the page can do: copying, links to other windows, scrolling by key. */
function furnish(block) {
  for (const figure of block.querySelectorAll("figure.code")) {
    const label = make("span", { text: t("copy") });
    const caption = make("figcaption", {}, make("span", { text: figure.dataset.language ?? "" }));
    caption.append(make("button", { type: "button" }, icon("copy"), label));
    figure.prepend(caption);
  }
  for (const wide of block.querySelectorAll("pre, .table")) wide.tabIndex = 0;
  for (const box of block.querySelectorAll("input")) box.ariaHidden = "true";
  for (const link of block.querySelectorAll("a[href]")) {
    link.target = "_blank";
    link.rel = "noopener noreferrer";
  }
}

/** Says for a moment that it is done. */
function flash(pressed) {
  const label = pressed.querySelector("span");
  pressed.querySelector("svg").replaceWith(icon("done"));
  if (label) label.textContent = t("copied");
  setTimeout(() => {
    pressed.querySelector("svg").replaceWith(icon("copy"));
    if (label) label.textContent = t("copy");
  }, 1500);
}
