// Requests to the server, and the stream of events of one conversation.

import { language } from "./strings.js";

/** A refusal the server gave, by its code. Anything else that fails is the connection. */
export class Refused extends Error {
  constructor(status, code) {
    super(code);
    this.status = status;
    this.code = code;
  }
  /** Whether the same request may be taken later without anybody doing something. */
  get passes() {
    return this.status >= 500;
  }
}

export async function request(method, path, body) {
  // Our own lines, too, come in the language that the page is in.
  const headers = { "accept-language": language.now };
  if (body !== undefined) headers["content-type"] = "application/json";
  const response = await fetch(path, {
    method,
    headers,
    body: body === undefined ? undefined : JSON.stringify(body),
  });
  if (response.ok) return response.status === 204 ? null : response.json().catch(() => null);
  const answer = await response.json().catch(() => null);
  const code = answer?.error?.code ?? "other";
  if (code === "login_required") location.assign("/login");
  throw new Refused(response.status, code);
}

export const visit = () => request("POST", "/api/visit", {});

/** Does a request of a visitor; one whose cookie went away becomes a new visitor first. */
export async function asVisitor(method, path, body) {
  try {
    return await request(method, path, body);
  } catch (error) {
    if (!(error instanceof Refused) || error.code !== "unknown_visitor") throw error;
    await visit();
    return request(method, path, body);
  }
}

/** 128 random bits. `crypto.randomUUID` is missing where a page is served without https. */
export function newId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

const EVENTS = ["snapshot", "posted", "answer", "gone", "status", "model", "erased", "ping"];
/** The server is never quiet for longer while the connection lives. */
const SILENCE = 40_000;
const LONGEST_WAIT = 15_000;

/**
 * Listens to a conversation until `close()`. Comes back by itself after a loss; the server then
 * begins with a snapshot, so nothing has to be remembered here.
 */
export class Stream {
  #path;
  #on;
  #onState;
  #source = null;
  #timer = 0;
  #watchdog = 0;
  #failures = 0;
  #closed = false;

  constructor(conversation, on, onState) {
    this.#path = `/api/conversations/${conversation}/events`;
    this.#on = on;
    this.#onState = onState;
    this.#open();
  }

  close() {
    this.#closed = true;
    this.#stop();
  }

  /** Gives the connection back until `hurry()`: browsers have only six for all tabs of a server. */
  rest() {
    if (!this.#closed) this.#stop();
  }

  /** Begins again with a fresh snapshot. */
  refresh() {
    if (this.#closed || !this.#source) return;
    this.#stop();
    this.#open();
  }

  /** Tries at once if the connection is lost. */
  hurry() {
    if (this.#closed || this.#source) return;
    clearTimeout(this.#timer);
    this.#again();
  }

  #open() {
    if (this.#closed) return;
    const source = new EventSource(this.#path);
    this.#source = source;
    this.#watch();
    for (const name of EVENTS) {
      source.addEventListener(name, (event) => {
        this.#watch();
        if (name === "snapshot") this.#connected();
        this.#on[name]?.(JSON.parse(event.data));
      });
    }
    source.onerror = () => this.#lost();
  }

  #connected() {
    this.#failures = 0;
    this.#onState(true);
  }

  #watch() {
    clearTimeout(this.#watchdog);
    this.#watchdog = setTimeout(() => this.#lost(), SILENCE);
  }

  #stop() {
    clearTimeout(this.#timer);
    clearTimeout(this.#watchdog);
    this.#source?.close();
    this.#source = null;
  }

  #lost() {
    if (this.#closed) return;
    this.#stop();
    // A stream that merely ended is taken up again at once, and nobody need hear of it.
    if (this.#failures > 0) this.#onState(false);
    const wait = Math.min(LONGEST_WAIT, 250 * 2 ** this.#failures) * (0.75 + Math.random() / 2);
    this.#failures += 1;
    this.#timer = setTimeout(() => this.#again(), wait);
  }

  /** An `EventSource` does not tell why it failed; a plain request does, and renews the cookie. */
  async #again() {
    try {
      await visit();
    } catch {
      return this.#lost();
    }
    this.#open();
  }
}
