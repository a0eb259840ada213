// Every word of the page, in every language.

const TABLE = {
  en: {
    skip: "Skip to the message field",
    newConversation: "New conversation",
    conversations: "Conversations",
    noConversations: "Your conversations will be listed here.",
    moreConversations: "Show more",
    showSidebar: "Show conversations",
    hideSidebar: "Hide conversations",
    theme: "Light or dark",
    shortcuts: "Keyboard shortcuts",
    logout: "Log out",
    today: "Today",
    yesterday: "Yesterday",
    week: "Previous 7 days",
    earlier: "Earlier",
    untitled: "Untitled",
    deleteNamed: "Delete “{title}”",
    deleteTitle: "Delete this conversation?",
    deleteText: "It is erased for good and cannot be brought back.",
    delete: "Delete",
    cancel: "Cancel",
    close: "Close",
    welcome: "What would you like to talk about?",
    welcomeMore: "Ask a question, think something through, or let it write a first draft.",
    suggestions: [
      ["Explain something", "Explain how a rainbow forms, in plain words."],
      ["Plan something", "Plan a quiet weekend in the city, hour by hour."],
      ["Write something", "Write a short, friendly note to thank a neighbour for their help."],
      ["Code something", "Show me how to count the words in a text file with Python."],
    ],
    older: "Show earlier messages",
    messages: "Messages",
    you: "You",
    assistant: "Assistant",
    jump: "Jump to newest",
    yourMessage: "Your message",
    placeholder: "Write a message",
    hint: "Enter sends, Shift + Enter starts a new line",
    send: "Send",
    stop: "Stop",
    stopping: "Stopping…",
    mayErr: "Answers can be wrong. Check what matters.",
    copy: "Copy",
    copied: "Copied",
    copyAnswer: "Copy answer",
    good: "Good answer",
    bad: "Bad answer",
    thanks: "Thank you for telling.",
    notTaken: "This did not reach the server. Try again.",
    notStopped: "It could not be stopped. Try again.",
    notDeleted: "It could not be deleted. Try again.",
    sending: "Sending…",
    notSent: "Not sent.",
    willRetry: "Not sent yet. It is sent when the connection is back.",
    retry: "Try again",
    discard: "Discard",
    connectionLost: "Connection lost. Trying again…",
    modelLoading: "The model is loading…",
    modelLoadingPercent: "The model is loading… {percent} %",
    modelReady: "The model is ready.",
    modelFailed: "The model could not be loaded, so nothing can be answered now.",
    queued: "Waiting for its turn",
    loading: "Waiting for the model",
    typing: "Thinking",
    working: "Using a tool",
    answered: "Answer: {text}",
    errors: {
      empty: "There is nothing to send.",
      too_large: "This message is too long ({most} KiB at most). Shorten it and try again.",
      full: "Too many messages wait for an answer. Try again later.",
      unavailable: "The server cannot keep messages now.",
      other: "The server did not take it.",
    },
    keys: [
      ["Enter", "Send"],
      ["Shift + Enter", "New line"],
      ["Esc", "Stop the answer"],
      ["↑", "Bring back your last message, in an empty field"],
      ["Alt + M", "Go to the message field"],
      ["Alt + N", "New conversation"],
      ["Alt + B", "Show or hide conversations"],
      ["Alt + /", "This list"],
    ],
    token: "Access token",
    tokenWrong: "This is not the token. Try again.",
    login: "Log in",
  },
  zh: {
    skip: "跳到输入框",
    newConversation: "新对话",
    conversations: "对话",
    noConversations: "你的对话会显示在这里。",
    moreConversations: "显示更多",
    showSidebar: "显示对话列表",
    hideSidebar: "隐藏对话列表",
    theme: "浅色或深色",
    shortcuts: "键盘快捷键",
    logout: "退出登录",
    today: "今天",
    yesterday: "昨天",
    week: "过去 7 天",
    earlier: "更早",
    untitled: "未命名",
    deleteNamed: "删除“{title}”",
    deleteTitle: "删除这个对话？",
    deleteText: "删除后无法恢复。",
    delete: "删除",
    cancel: "取消",
    close: "关闭",
    welcome: "想聊点什么？",
    welcomeMore: "提个问题，理清一个想法，或者让它先写个草稿。",
    suggestions: [
      ["解释", "用通俗的话解释彩虹是怎么形成的。"],
      ["计划", "帮我安排一个安静的城市周末，按小时列出来。"],
      ["写作", "写一张简短友好的便条，感谢邻居的帮助。"],
      ["编程", "教我用 Python 统计一个文本文件里的字数。"],
    ],
    older: "显示更早的消息",
    messages: "消息",
    you: "你",
    assistant: "助手",
    jump: "跳到最新",
    yourMessage: "你的消息",
    placeholder: "写点什么",
    hint: "按 Enter 发送，Shift + Enter 换行",
    send: "发送",
    stop: "停止",
    stopping: "正在停止…",
    mayErr: "回答可能有误，重要内容请核实。",
    copy: "复制",
    copied: "已复制",
    copyAnswer: "复制回答",
    good: "回答得好",
    bad: "回答得不好",
    thanks: "谢谢你的反馈。",
    notTaken: "没有送达服务器，请重试。",
    notStopped: "无法停止，请重试。",
    notDeleted: "无法删除，请重试。",
    sending: "正在发送…",
    notSent: "未发送。",
    willRetry: "尚未发送，恢复连接后会自动发送。",
    retry: "重试",
    discard: "放弃",
    connectionLost: "连接已断开，正在重试…",
    modelLoading: "模型正在加载…",
    modelLoadingPercent: "模型正在加载… {percent}%",
    modelReady: "模型已就绪。",
    modelFailed: "模型无法加载，现在不能回答。",
    queued: "排队中",
    loading: "等待模型",
    typing: "思考中",
    working: "正在使用工具",
    answered: "回答：{text}",
    errors: {
      empty: "没有可发送的内容。",
      too_large: "消息太长（最多 {most} KiB），请缩短后重试。",
      full: "等待回答的消息太多，请稍后再试。",
      unavailable: "服务器现在无法保存消息。",
      other: "服务器没有接收。",
    },
    keys: [
      ["Enter", "发送"],
      ["Shift + Enter", "换行"],
      ["Esc", "停止回答"],
      ["↑", "输入框为空时，取回上一条消息"],
      ["Alt + M", "跳到输入框"],
      ["Alt + N", "新对话"],
      ["Alt + B", "显示或隐藏对话列表"],
      ["Alt + /", "显示此列表"],
    ],
    token: "访问令牌",
    tokenWrong: "令牌不正确，请重试。",
    login: "登录",
  },
};

/** What a person chose on this browser; storage may be switched off. */
export const stored = {
  read(key) {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  write(key, value) {
    try {
      localStorage.setItem(key, value);
    } catch {
      // Then it holds until the page is closed.
    }
  },
};

export const language = {
  now: "en",
  /** The stored language, else the first of the browser's that we speak, else `fallback`. */
  choose(fallback) {
    const spoken = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase());
    const wish = [stored.read("language"), ...spoken, fallback].find((tag) => tag in TABLE);
    this.set(wish ?? "en");
  },
  set(tag) {
    this.now = tag;
    document.documentElement.lang = tag === "zh" ? "zh-Hans" : tag;
  },
  other() {
    return this.now === "zh" ? "en" : "zh";
  },
};

/** The words for `key`, with `{names}` filled in. */
export function t(key, values = {}) {
  const words = key.split(".").reduce((table, part) => table?.[part], TABLE[language.now]);
  if (typeof words !== "string") return words;
  return words.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

/** Puts the words of the present language into everything below `root` that asks for them. */
export function apply(root) {
  for (const node of root.querySelectorAll("[data-t]")) node.textContent = t(node.dataset.t);
  for (const node of root.querySelectorAll("[data-label]")) {
    const label = t(node.dataset.label);
    node.setAttribute("aria-label", label);
    if (node.tagName === "BUTTON") node.title = label;
  }
  for (const node of root.querySelectorAll("[data-placeholder]")) {
    node.placeholder = t(node.dataset.placeholder);
  }
}

const sameDay = (a, b) => a.toDateString() === b.toDateString();

/** A time of day, with the date unless it is today. */
export function time(at) {
  const then = new Date(at);
  const day = sameDay(then, new Date()) ? {} : { month: "short", day: "numeric" };
  const format = { hour: "numeric", minute: "2-digit", ...day };
  return new Intl.DateTimeFormat(document.documentElement.lang, format).format(then);
}

/** Under which heading of the list a conversation stands. */
export function age(at) {
  const days = Math.floor((new Date().setHours(24, 0, 0, 0) - at) / 86_400_000);
  if (days < 1) return "today";
  if (days < 2) return "yesterday";
  return days < 8 ? "week" : "earlier";
}
