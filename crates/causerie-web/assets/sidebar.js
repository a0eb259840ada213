// The list of one's conversations, and whether it is shown.

import { make } from "./messages.js";
import { age, stored, t } from "./strings.js";

const BIN = '<svg aria-hidden="true" viewBox="0 0 24 24"><path d="M5 7h14M10 7V5h4v2M7 7l.7 12h8.6L17 7"/></svg>';
const STEP = 100;
const narrow = matchMedia("(max-width: 48rem)");
const at = (id) => document.getElementById(id);

export class Sidebar {
  #entries = [];
  #now = null;
  #more = false;
  #onDelete;
  #onMore;
  /** How many conversations are asked for. */
  most = STEP;

  /**
   * `onDelete(entry)` is called when somebody wants a conversation deleted, `onMore()` when more
   * shall be listed.
   */
  constructor(onDelete, onMore) {
    this.#onDelete = onDelete;
    this.#onMore = onMore;
    at("side-open").onclick = () => this.toggle(true);
    at("side-close").onclick = () => this.toggle(false);
    at("veil").onclick = () => this.toggle(false);
    narrow.onchange = () => this.#settle();
    this.#settle();
  }

  get narrow() {
    return narrow.matches;
  }

  get shown() {
    return !document.body.classList.contains("no-side");
  }

  toggle(shown = !this.shown) {
    this.#apply(shown);
    if (!narrow.matches) stored.write("sidebar", shown ? "shown" : "hidden");
    at(shown ? "side-close" : "side-open").focus();
  }

  /**
   * On a phone the list covers the conversation, so it goes when one is chosen. Says whether it went
   * with the focus in it, which must not be lost.
   */
  chosen() {
    const had = at("sidebar").contains(document.activeElement);
    if (!narrow.matches || !this.shown) return false;
    this.#apply(false);
    return had;
  }

  show(entries, more = false) {
    // Nothing is replaced under somebody's finger without need.
    if (more === this.#more && JSON.stringify(entries) === JSON.stringify(this.#entries)) return;
    this.#entries = entries;
    this.#more = more;
    this.render();
  }

  mark(id) {
    if (id === this.#now) return;
    this.#now = id;
    this.render();
  }

  title(id) {
    return this.#entries.find((entry) => entry.id === id)?.title.trim();
  }

  render() {
    const groups = new Map();
    for (const entry of this.#entries) {
      const key = age(entry.at);
      groups.set(key, [...(groups.get(key) ?? []), entry]);
    }
    const parts = [...groups].flatMap(([key, entries]) => [
      make("h2", { text: t(key) }),
      make("ul", {}, ...entries.map((entry) => this.#line(entry))),
    ]);
    if (parts.length === 0) parts.push(make("p", { text: t("noConversations") }));
    if (this.#more) {
      const onclick = () => {
        this.most += STEP;
        this.#onMore();
      };
      parts.push(make("button.quiet.more", { type: "button", text: t("moreConversations"), onclick }));
    }
    this.#keepFocus(() => at("list").replaceChildren(...parts));
  }

  #line(entry) {
    const title = entry.title.trim() || t("untitled");
    const link = make("a", { href: `#/c/${entry.id}`, text: title, title, dir: "auto" });
    const label = t("deleteNamed", { title });
    const bin = make("button", { type: "button", title: t("delete"), ariaLabel: label, innerHTML: BIN });
    bin.onclick = () => this.#onDelete({ ...entry, title });
    const now = entry.id === this.#now;
    if (now) link.setAttribute("aria-current", "page");
    return make(now ? "li.now" : "li", { data: { id: entry.id } }, link, bin);
  }

  #keepFocus(act) {
    const line = document.activeElement?.closest?.("#list li");
    const tag = document.activeElement?.tagName;
    act();
    if (line) at("list").querySelector(`[data-id="${line.dataset.id}"] ${tag}`)?.focus();
  }

  #settle() {
    this.#apply(!narrow.matches && stored.read("sidebar") !== "hidden");
  }

  #apply(shown) {
    document.body.classList.toggle("no-side", !shown);
    at("veil").hidden = !(shown && narrow.matches);
    document.querySelector("main").inert = shown && narrow.matches;
    for (const id of ["side-open", "side-close"]) at(id).ariaExpanded = String(shown);
  }
}
