// The chat page: joins the message field, the messages, the list of conversations and the server.

import { Composer } from "./composer.js";
import { Messages, make } from "./messages.js";
import { Outbox } from "./outbox.js";
import { Stream, asVisitor, newId, visit } from "./remote.js";
import { Sidebar } from "./sidebar.js";
import { apply, language, stored, t } from "./strings.js";

const at = (id) => document.getElementById(id);
const scroll = at("scroll");
/** A message may end without a word, for example when it was stopped; then only history tells. */
const LOOK_AGAIN = 20_000;
const LOOK_AFTER_STOP = 1_500;
const REST_AFTER = 30_000;
/** How long a sign such as "thinking" lasts if the server does not repeat it. */
const STATUS_LASTS = 15_000;

const messages = new Messages(at("messages"), { judge, retry: (id) => outbox.retry(id), discard: (id) => outbox.discard(id) });
const sidebar = new Sidebar(confirmDelete, listConversations);
const outbox = new Outbox(showSent);
const composer = new Composer(at("form"), { send, last: () => messages.lastSaid });

let about = { title: document.title, max_message_bytes: Infinity };
let conversation = null;
let stream = null;
let older = null;
let status = "idle";
let statusTimer = 0;
let stopping = false;
/** Whether the newest message is in view, so that the page follows it. */
let following = true;

// ---- conversation

function open(id, { focus = true } = {}) {
  if (conversation === id && stream) return;
  stream?.close();
  conversation = id;
  messages.clear();
  older = null;
  following = true;
  setStatus("idle");
  for (const item of outbox.of(id)) messages.put(item);
  composer.open(id);
  showOutside();
  stream = new Stream(id, listeners(id), (connected) => {
    at("connection-banner").hidden = connected;
    if (connected) outbox.flush();
  });
  if (focus && !sidebar.narrow) composer.focus();
}

function listeners(id) {
  return {
    snapshot(all) {
      outbox.arrived(new Set(all.messages.map((item) => item.id)));
      const kept = messages.show([...all.messages, ...outbox.of(id)]);
      if (!kept) older = all.older ?? null;
      setStatus(all.status);
      if (messages.unanswered) lookAgain(LOOK_AGAIN);
      showModel(all.model);
      listConversations();
    },
    posted(item) {
      outbox.arrived(new Set([item.id]));
      messages.put(item);
      lookAgain(LOOK_AGAIN);
      listConversations();
      showOutside();
    },
    answer(change) {
      const growing = messages.growing;
      messages.grow(change);
      if (change.complete) {
        setStatus("idle");
        announce(t("answered", { text: messages.words(change.id) }));
        listConversations();
      } else if (!growing) {
        setStatus("idle");
      }
      showOutside();
    },
    gone(message) {
      messages.remove(message.id);
      showOutside();
    },
    status(change) {
      if (change.status === "idle") messages.settle();
      setStatus(change.status);
    },
    model: showModel,
    erased() {
      forget(id);
      listConversations();
    },
  };
}

/** A new conversation is only a name until something is said in it. */
function fresh() {
  if (messages.empty && conversation && !location.hash.startsWith("#/c/")) {
    composer.focus();
    return;
  }
  history.pushState(null, "", location.pathname);
  open(newId());
}

function follow() {
  const id = location.hash.match(/^#\/c\/([0-9a-z]{8,64})$/)?.[1];
  open(id ?? newId());
  if (sidebar.chosen()) scroll.focus();
}

async function listConversations() {
  try {
    const list = await asVisitor("GET", `/api/conversations?most=${sidebar.most}`);
    sidebar.show(list.conversations, list.more);
    showOutside();
  } catch {
    // The list is asked for again with the next answer or connection.
  }
}

async function loadOlder() {
  const here = conversation;
  try {
    const page = await asVisitor("GET", `/api/conversations/${here}?before=${older}`);
    if (here !== conversation) return;
    const fromEnd = scroll.scrollHeight - scroll.scrollTop;
    messages.prepend(page.messages);
    older = page.older ?? null;
    following = false;
    showOutside();
    scroll.scrollTop = scroll.scrollHeight - fromEnd;
  } catch {
    // The button stays.
  }
}

// ---- saying something

function send(text) {
  if (location.hash !== `#/c/${conversation}`) history.replaceState(null, "", `#/c/${conversation}`);
  following = true;
  stopping = false;
  outbox.add(conversation, text);
  composer.clear();
}

/** The outbox tells how it goes with a message. */
function showSent(item) {
  if (item.conversation !== conversation) return;
  if (item.state === "gone") messages.remove(item.id);
  else {
    const why = item.code && (t(`errors.${item.code}`, { most: Math.floor(about.max_message_bytes / 1024) }) ?? t("errors.other"));
    messages.put({ ...item, why });
  }
  showOutside();
}

async function stop() {
  if (!busy() || stopping) return;
  stopping = true;
  showOutside();
  try {
    await asVisitor("POST", `/api/conversations/${conversation}/stop`, { id: newId() });
    lookAgain(LOOK_AFTER_STOP);
  } catch {
    stopping = false;
    showOutside();
    tell(t("notStopped"));
  }
}

async function judge(message, rating) {
  try {
    await asVisitor("POST", `/api/conversations/${conversation}/feedback`, { id: newId(), message, rating });
    tell(t("thanks"));
  } catch {
    tell(t("notTaken"));
  }
}

async function confirmDelete(entry) {
  const dialog = at("confirm");
  at("confirm-name").textContent = entry.title;
  dialog.returnValue = "no";
  dialog.showModal();
  await new Promise((closed) => dialog.addEventListener("close", closed, { once: true }));
  if (dialog.returnValue !== "yes") return;
  try {
    await asVisitor("DELETE", `/api/conversations/${entry.id}`);
  } catch {
    return tell(t("notDeleted"));
  }
  forget(entry.id);
  await listConversations();
}

/** A conversation is gone, and with it what was begun in it here. */
function forget(id) {
  outbox.forget(id);
  composer.forget(id);
  if (id === conversation) fresh();
}

// ---- what is shown around the messages

let looking = 0;

function lookAgain(after) {
  clearTimeout(looking);
  looking = setTimeout(() => {
    if (messages.growing || !messages.unanswered) return;
    stream.refresh();
    lookAgain(LOOK_AGAIN);
  }, after);
}

const busy = () => messages.growing || messages.unanswered || status !== "idle";

function setStatus(word) {
  clearTimeout(statusTimer);
  status = word;
  if (word !== "idle") statusTimer = setTimeout(() => setStatus("idle"), STATUS_LASTS);
  showOutside();
}

function showOutside() {
  if (!busy()) stopping = false;
  const doing = status === "idle" ? "queued" : status;
  messages.wait(busy() && !messages.growing ? t(stopping ? "stopping" : doing) : null);
  at("empty").hidden = !messages.empty;
  at("older").hidden = older === null;
  at("stop").hidden = !busy();
  at("stop").disabled = stopping;
  const title = sidebar.title(conversation);
  at("title").textContent = title || (messages.empty ? t("newConversation") : about.title);
  document.title = title ? `${title} · ${about.title}` : about.title;
  sidebar.mark(conversation);
  if (following) toNewest();
  else if (messages.growing) at("jump").classList.add("news");
  showJump();
}

function toNewest() {
  scroll.scrollTop = messages.empty ? 0 : scroll.scrollHeight;
}

function showJump() {
  at("jump").hidden = following || messages.empty;
  if (following) at("jump").classList.remove("news");
}

let modelState = null;

function showModel(model) {
  const loading = model.state === "loading";
  const percent = model.percent ?? null;
  at("model-banner").hidden = model.state === "ready";
  at("model-banner").classList.toggle("warn", model.state === "failed");
  at("model-progress").hidden = !loading || percent === null;
  at("model-progress").value = percent ?? 0;
  const words = loading
    ? t(percent === null ? "modelLoading" : "modelLoadingPercent", { percent })
    : `${t("modelFailed")} ${model.reason ?? ""}`;
  if (at("model-text").textContent !== words) at("model-text").textContent = words;
  // Spoken when it begins and when it ends, and not with every percent.
  if (model.state !== modelState) {
    if (model.state !== "ready") announce(loading ? t("modelLoading") : words);
    else if (modelState) announce(t("modelReady"));
    modelState = model.state;
  }
}

let telling = 0;

/** Says something in passing. */
function tell(words) {
  clearTimeout(telling);
  at("word-banner").textContent = words;
  at("word-banner").hidden = false;
  telling = setTimeout(() => (at("word-banner").hidden = true), 5000);
}

/** Whole answers only: a reader that speaks would stumble over every piece. */
function announce(words) {
  at("announcer").textContent = words;
}

function showWords() {
  apply(document);
  at("language").textContent = language.now === "zh" ? "English" : "中文";
  at("language").lang = language.other();
  at("suggestions").replaceChildren(
    ...t("suggestions").map(([title, text]) =>
      make("button", { type: "button", onclick: () => send(text) }, make("b", { text: title }), make("span", { text })),
    ),
  );
  at("keys").replaceChildren(
    ...t("keys").flatMap(([key, what]) => [make("dt", {}, make("kbd", { text: key })), make("dd", { text: what })]),
  );
  messages.relabel();
  sidebar.render();
  showOutside();
}

// ---- buttons, keys and the world outside

at("stop").onclick = stop;
at("older").onclick = loadOlder;
at("new").onclick = at("new-small").onclick = () => {
  fresh();
  sidebar.chosen();
  composer.focus();
};
at("help").onclick = () => at("shortcuts").showModal();
at("jump").onclick = () => {
  following = true;
  showOutside();
  composer.focus();
};
at("language").onclick = () => {
  language.set(language.other());
  stored.write("language", language.now);
  showWords();
};
at("theme").onclick = () => {
  const dark = getComputedStyle(document.documentElement).colorScheme === "dark";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  stored.write("theme", document.documentElement.dataset.theme);
};
at("logout").onclick = async () => {
  await fetch("/logout", { method: "POST" });
  sessionStorage.clear();
  location.assign("/login");
};

scroll.addEventListener("scroll", () => {
  following = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < 48;
  showJump();
});
new ResizeObserver(() => {
  if (following) toNewest();
}).observe(scroll);

document.addEventListener("keydown", (event) => {
  if (event.isComposing || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape") {
    if (sidebar.narrow && sidebar.shown) sidebar.toggle(false);
    else stop();
  } else if (event.altKey && event.code === "KeyN") {
    event.preventDefault();
    fresh();
  } else if (event.altKey && event.code === "KeyB") {
    event.preventDefault();
    sidebar.toggle();
  } else if (event.altKey && event.code === "KeyM") {
    event.preventDefault();
    composer.focus();
  } else if (event.altKey && event.code === "Slash") {
    event.preventDefault();
    at("shortcuts").showModal();
  }
});

let resting = 0;

/** A page nobody looks at needs no stream once its answer is there; it is brought up to date later. */
function restSoon() {
  resting = setTimeout(() => (busy() ? restSoon() : stream?.rest()), REST_AFTER);
}

addEventListener("popstate", follow);
addEventListener("online", () => stream?.hurry());
document.addEventListener("visibilitychange", () => {
  clearTimeout(resting);
  if (document.hidden) restSoon();
  else stream?.hurry();
});

// ---- the beginning

language.choose(document.documentElement.lang);
showWords();
for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
  try {
    about = await visit();
    break;
  } catch {
    at("connection-banner").hidden = false;
    await new Promise((later) => setTimeout(later, wait));
  }
}
at("connection-banner").hidden = true;
at("logout").hidden = !about.login;
showModel(about.model);
follow();
