//! A run of inlines as Markdown.

use super::Flavour;
use crate::{
    flat::inert,
    link::is_safe,
    tree::{self, Inline},
};

/// Collects words.
pub(super) struct Words {
    flavour: Flavour,
    out: String,
    /// Whether new lines are spaces.
    one_line: bool,
    /// Whether bars must not be seen even in code.
    in_table: bool,
    strong: bool,
    emphasis: bool,
    strike: bool,
    in_link: bool,
}

impl Words {
    pub(super) fn new(flavour: Flavour) -> Self {
        Self {
            flavour,
            out: String::new(),
            one_line: false,
            in_table: false,
            strong: false,
            emphasis: false,
            strike: false,
            in_link: false,
        }
    }

    pub(super) fn on_one_line(self) -> Self {
        Self {
            one_line: true,
            ..self
        }
    }

    pub(super) fn in_table(self) -> Self {
        Self {
            in_table: true,
            ..self
        }
    }

    pub(super) fn finish(self) -> String {
        self.out.trim().to_owned()
    }

    pub(super) fn inlines(&mut self, inlines: &[Inline]) {
        for inline in inlines {
            self.inline(inline);
        }
    }

    pub(super) fn strong(&mut self, content: &[Inline]) {
        let outer = std::mem::replace(&mut self.strong, true);
        self.marked(if outer { "" } else { "**" }, content);
        self.strong = outer;
    }

    fn inline(&mut self, inline: &Inline) {
        match inline {
            Inline::Text(text) => self.text(text),
            Inline::Code(code) => self.code(code),
            Inline::Strong(content) => self.strong(content),
            Inline::Emphasis(content) => {
                let outer = std::mem::replace(&mut self.emphasis, true);
                self.marked(if outer { "" } else { "*" }, content);
                self.emphasis = outer;
            }
            Inline::Strike(content) => {
                let outer = std::mem::replace(&mut self.strike, true);
                self.marked(if outer { "" } else { "~~" }, content);
                self.strike = outer;
            }
            Inline::Link { url, content } => {
                let bare = tree::words(content) == *url;
                self.link(url, bare, |words| words.inlines(content));
            }
            Inline::Image { url, alt } => {
                let shown = if alt.is_empty() { url } else { alt };
                self.link(url, shown == url, |words| words.text(shown));
            }
            Inline::Break if self.flavour == Flavour::Slack && !self.one_line => {
                self.new_line("  \n");
            }
            Inline::Break | Inline::SoftBreak => self.new_line("\n"),
        }
    }

    fn new_line(&mut self, line: &str) {
        let is_start = self.out.is_empty() || self.out.ends_with('\n');
        match self.one_line {
            true => self.out.push(' '),
            false if is_start => {}
            false => self.out.push_str(line),
        }
    }

    /// Content between marks. White space at its ends stands outside of them.
    fn marked(&mut self, mark: &str, content: &[Inline]) {
        let start = self.out.len();
        self.inlines(content);
        let inner = self.out.split_off(start);
        let words = inner.trim();
        if words.is_empty() || mark.is_empty() {
            self.out.push_str(&inner);
            return;
        }
        let lead = inner.len() - inner.trim_start().len();
        self.out.push_str(&inner[..lead]);
        // Marks that touch the marks before them would be read with them.
        let touches = self.out.ends_with(['*', '~']) && !self.out.ends_with("\\*");
        let mark = match mark {
            "*" if words.starts_with('*') || words.ends_with('*') || touches => "_",
            mark => mark,
        };
        if touches && mark != "_" && !self.out.ends_with("\\~") {
            self.out.push('\u{200b}');
        }
        self.out.push_str(mark);
        self.out.push_str(words);
        self.out.push_str(mark);
        self.out.push_str(&inner[lead + words.len()..]);
    }

    fn link(&mut self, url: &str, bare: bool, content: impl FnOnce(&mut Self)) {
        if self.in_link {
            return content(self);
        }
        if !is_safe(url) {
            content(self);
            if !bare && !url.is_empty() {
                self.text(&format!(" ({url})"));
            }
            return;
        }
        let target = encoded(url);
        if bare && target == *url && !(self.in_table && url.contains('|')) {
            match self.flavour {
                Flavour::Discord => self.out.push_str(url),
                Flavour::Slack => self.out.push_str(&format!("<{url}>")),
            }
            return;
        }
        let start = self.out.len();
        self.in_link = true;
        content(self);
        self.in_link = false;
        let words = self.out.split_off(start);
        let words = match words.trim() {
            "" => {
                let mut inner = Words::new(self.flavour);
                inner.text(url);
                inner.finish()
            }
            words => words.to_owned(),
        };
        self.out.push_str(&format!("[{words}]({target})"));
    }

    fn code(&mut self, code: &str) {
        let mut code = inert_code(code, self.flavour).replace('\n', " ");
        if self.in_table {
            code = code.replace('|', "\\|");
        }
        if code.trim().is_empty() {
            self.out.push_str(&code);
            return;
        }
        if self.out.ends_with('`') {
            self.out.push('\u{200b}');
        }
        let marks = match longest_run(&code) {
            0 => "`".to_owned(),
            longest => "`".repeat(longest + 1),
        };
        let has_edge = code.starts_with('`') || code.ends_with('`');
        let pads = code.starts_with(' ') && code.ends_with(' ');
        let space = if has_edge || pads { " " } else { "" };
        self.out
            .push_str(&format!("{marks}{space}{code}{space}{marks}"));
    }

    /// Words, with every sign escaped that would be more than a sign.
    pub(super) fn text(&mut self, text: &str) {
        let text: String = inert(text).collect();
        let mut rest = text.as_str();
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            self.sign(c, rest);
        }
    }

    fn sign(&mut self, c: char, rest: &str) {
        let at_start = self.out.is_empty() || self.out.ends_with('\n');
        match c {
            '\n' => return self.new_line("\n"),
            ' ' | '\t' if at_start => return,
            '\\' | '*' | '_' | '`' | '~' | '[' | ']' | '|' => self.out.push('\\'),
            '#' | '-' | '+' | '=' | ':' if at_start => self.out.push('\\'),
            '!' if rest.is_empty() => self.out.push('\\'),
            '.' | ')' if self.after_number() => self.out.push('\\'),
            _ => {}
        }
        match (self.flavour, c) {
            (Flavour::Slack, '&') => self.out.push_str("&amp;"),
            (Flavour::Slack, '<') => self.out.push_str("&lt;"),
            (Flavour::Slack, '>') => self.out.push_str("&gt;"),
            (Flavour::Discord, '>') if at_start => self.out.push_str("\\>"),
            (Flavour::Discord, '<') => self.out.push_str("\\<"),
            _ => self.out.push(c),
        }
        if calls(c, rest, self.flavour) {
            self.out.push('\u{200b}');
        }
    }

    /// Whether the line is a number so far.
    fn after_number(&self) -> bool {
        let line = self.out.rfind('\n').map_or(0, |at| at + 1);
        let line = &self.out[line..];
        (1..=9).contains(&line.len()) && line.bytes().all(|byte| byte.is_ascii_digit())
    }
}

/// Whether `c` and `rest` would call somebody.
fn calls(c: char, rest: &str, flavour: Flavour) -> bool {
    let begins = |names: &[&str]| {
        names.iter().any(|name| {
            let head = rest.get(..name.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(name))
        })
    };
    match (flavour, c) {
        (Flavour::Discord, '<') => rest.starts_with(['@', '#', '/']) || begins(&["id:"]),
        (Flavour::Slack, '<') => rest.starts_with(['@', '#', '!']),
        (Flavour::Discord, '@') => begins(&["everyone", "here"]),
        (Flavour::Slack, '@') => begins(&["everyone", "here", "channel"]),
        _ => false,
    }
}

/// Code without what moves a cursor. Slack reads names even there.
pub(super) fn inert_code(code: &str, flavour: Flavour) -> String {
    let code: String = inert(code).collect();
    match flavour {
        Flavour::Discord => code,
        Flavour::Slack => {
            crate::flat::heads_off(&code, |c, rest| c == '<' && calls(c, rest, flavour))
        }
    }
}

/// The longest run of backticks.
pub(super) fn longest_run(code: &str) -> usize {
    let runs = code.split(|c| c != '`');
    runs.map(str::len).max().unwrap_or(0)
}

/// `url` without what could end the place of a link, or call somebody.
pub(crate) fn encoded(url: &str) -> String {
    let mut out = String::with_capacity(url.len());
    for (at, c) in url.char_indices() {
        match c {
            '@' if calls(c, &url[at + 1..], Flavour::Slack) => out.push_str("%40"),
            '(' => out.push_str("%28"),
            ')' => out.push_str("%29"),
            '<' => out.push_str("%3C"),
            '>' => out.push_str("%3E"),
            '|' => out.push_str("%7C"),
            '\\' => out.push_str("%5C"),
            '`' => out.push_str("%60"),
            c => out.push(c),
        }
    }
    out
}
