// What was said here and has not arrived yet. It survives a reload of the page, and each message
// keeps its id, so that sending it again can never say it twice.

import { Refused, asVisitor, newId } from "./remote.js";

const KEY = "outbox";
const LONGEST_WAIT = 15_000;

export class Outbox {
  #items = [];
  #onChange;
  #sending = false;
  #timer = 0;
  #failures = 0;

  /** `onChange(item)` is told of each change; `item.state` is sending, waiting, failed, sent or gone. */
  constructor(onChange) {
    this.#onChange = onChange;
    try {
      this.#items = JSON.parse(sessionStorage.getItem(KEY)) ?? [];
    } catch {
      // Nothing was kept.
    }
  }

  /** Messages of a conversation that have not arrived. */
  of(conversation) {
    return this.#items.filter((item) => item.conversation === conversation);
  }

  add(conversation, text) {
    const name = newId();
    const item = { id: `u${name}`, name, conversation, kind: "user", text, at: Date.now(), state: "sending" };
    this.#items.push(item);
    this.#changed(item);
    this.flush();
  }

  retry(id) {
    const item = this.#items.find((item) => item.id === id);
    if (!item) return;
    this.#set(item, "sending");
    this.flush();
  }

  discard(id) {
    const item = this.#items.find((item) => item.id === id);
    if (item) this.#drop(item, "gone");
  }

  /** The server has shown these, so they have arrived whatever became of the request. */
  arrived(ids) {
    for (const item of this.#items.filter((item) => ids.has(item.id))) this.#drop(item, null);
  }

  forget(conversation) {
    for (const item of this.of(conversation)) this.#drop(item, null);
  }

  /** Sends what waits, in order, one at a time. */
  async flush() {
    if (this.#sending) return;
    this.#sending = true;
    clearTimeout(this.#timer);
    for (let item; (item = this.#items.find((item) => item.state !== "failed")); ) {
      if (!(await this.#send(item))) break;
    }
    this.#sending = false;
  }

  async #send(item) {
    try {
      const path = `/api/conversations/${item.conversation}/messages`;
      await asVisitor("POST", path, { id: item.name, text: item.text });
    } catch (error) {
      return this.#failed(item, error);
    }
    this.#failures = 0;
    if (this.#items.includes(item)) this.#drop(item, "sent");
    return true;
  }

  /** Says whether the next message may be tried. */
  #failed(item, error) {
    if (error instanceof Refused && !error.passes) {
      item.code = error.code;
      this.#set(item, "failed");
      return true;
    }
    this.#set(item, "waiting");
    const wait = Math.min(LONGEST_WAIT, 500 * 2 ** this.#failures++);
    this.#timer = setTimeout(() => this.flush(), wait);
    return false;
  }

  #set(item, state) {
    item.state = state;
    this.#changed(item);
  }

  #drop(item, state) {
    this.#items = this.#items.filter((other) => other !== item);
    item.state = state;
    item.waiting = state === "sent";
    this.#changed(item);
  }

  #changed(item) {
    try {
      sessionStorage.setItem(KEY, JSON.stringify(this.#items));
    } catch {
      // Then it lives as long as the page.
    }
    if (item.state) this.#onChange(item);
  }
}
