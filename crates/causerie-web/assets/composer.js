// The message field: drafts, its height, and what its keys do.

/** Drafts last as long as the page's tab, if storage is switched on. */
const drafts = {
  read(conversation) {
    try {
      return sessionStorage.getItem(`draft:${conversation}`) ?? "";
    } catch {
      return "";
    }
  },
  write(conversation, words) {
    try {
      if (words) sessionStorage.setItem(`draft:${conversation}`, words);
      else sessionStorage.removeItem(`draft:${conversation}`);
    } catch {
      // Then a draft is lost with a reload.
    }
  },
};

export class Composer {
  #field;
  #button;
  #on;
  #conversation = null;

  /** `on.send(words)` is called with what shall be sent; `on.last()` gives what was said last. */
  constructor(form, on) {
    this.#field = form.querySelector("textarea");
    this.#button = form.querySelector("[type=submit]");
    this.#on = on;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#send();
    });
    this.#field.addEventListener("input", () => this.#changed());
    this.#field.addEventListener("keydown", (event) => this.#key(event));
  }

  focus() {
    this.#field.focus();
  }

  /** Shows the draft of a conversation. */
  open(conversation) {
    this.#conversation = conversation;
    this.#field.value = drafts.read(conversation);
    this.#changed();
  }

  /** Nothing is left of what was begun in a conversation. */
  forget(conversation) {
    if (conversation === this.#conversation) this.#write("");
    drafts.write(conversation, "");
  }

  clear() {
    this.#write("");
    this.focus();
  }

  #write(words) {
    this.#field.value = words;
    this.#changed();
  }

  #changed() {
    drafts.write(this.#conversation, this.#field.value);
    this.#button.disabled = !this.#field.value.trim();
    if (CSS.supports("field-sizing", "content")) return;
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #send() {
    if (this.#field.value.trim()) this.#on.send(this.#field.value);
  }

  #key(event) {
    // While a word is composed, Enter chooses it. Safari says so by key code 229 only.
    if (event.isComposing || event.keyCode === 229) return;
    const plain = !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey;
    if (event.key === "Enter" && plain) {
      event.preventDefault();
      this.#send();
    } else if (event.key === "ArrowUp" && plain && !this.#field.value && this.#on.last()) {
      event.preventDefault();
      this.#write(this.#on.last());
    }
  }
}
