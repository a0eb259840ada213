//! mrkdwn: marks that work only between words and on one line, and three escaped signs.

use crate::{
    flat::{Attr, Flat, Span, flat},
    markdown::encoded,
    tree::Block,
};

/// What keeps two signs apart and is not seen.
const NOTHING: char = '\u{200b}';

/// `blocks` as mrkdwn.
pub(crate) fn write_mrkdwn(blocks: &[Block]) -> String {
    let flat = flat(blocks);
    let spans = on_lines(&flat);
    let mut writer = Writer {
        flat: &flat,
        out: String::new(),
        line: true,
        open: Vec::new(),
    };
    let mut at = 0;
    for span in &spans {
        writer.close_until(&mut at, span.start);
        writer.text(at, span.start);
        at = span.start;
        writer.open(span);
    }
    writer.close_until(&mut at, flat.text.len());
    writer.text(at, flat.text.len());
    writer.out
}

/// The spans, those among words cut at the ends of lines.
fn on_lines(flat: &Flat) -> Vec<Span> {
    let mut out = Vec::new();
    for span in flat.spans() {
        if matches!(span.attr, Attr::Pre(_) | Attr::Quote(_)) {
            out.push(span);
            continue;
        }
        let mut start = span.start;
        for line in flat.text[span.start..span.end].split_inclusive('\n') {
            let lead = line.len() - line.trim_start().len();
            let len = line.trim_end().len();
            if lead < len {
                out.push(Span {
                    attr: span.attr,
                    start: start + lead,
                    end: start + len,
                });
            }
            start += line.len();
        }
    }
    out.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));
    out
}

struct Writer<'a> {
    flat: &'a Flat,
    out: String,
    /// Whether the line is empty so far.
    line: bool,
    /// What is open, with whether it has a mark.
    open: Vec<(Span, bool)>,
}

impl Writer<'_> {
    /// Writes up to the ends of what closes before `to`.
    fn close_until(&mut self, at: &mut usize, to: usize) {
        while let Some((span, marked)) = self.open.last().cloned() {
            if span.end > to {
                return;
            }
            self.text(*at, span.end);
            *at = span.end;
            self.open.pop();
            self.close(&span, marked);
        }
    }

    fn has(&self, is: impl Fn(Attr) -> bool) -> bool {
        self.open.iter().any(|(span, _)| is(span.attr))
    }

    fn in_link(&self) -> bool {
        self.has(|attr| matches!(attr, Attr::Link(_)))
    }

    fn open(&mut self, span: &Span) {
        let words = &self.flat.text[span.start..span.end];
        let marked = match span.attr {
            Attr::Link(at) => {
                self.begin_line();
                let url = encoded(&self.flat.urls[at]).replace('&', "&amp;");
                self.out.push('<');
                self.out.push_str(&url);
                self.out.push('|');
                true
            }
            Attr::Quote(_) => true,
            Attr::Pre(_) => {
                self.out.push_str("```\n");
                true
            }
            // There is no way to write a backtick in code, and no form in the words of a link.
            Attr::Code if words.contains('`') => false,
            _ if self.in_link() => false,
            attr => {
                self.begin_line();
                if self
                    .out
                    .ends_with(|c: char| c.is_alphanumeric() || "*_~`".contains(c))
                {
                    self.out.push(NOTHING);
                }
                self.out.push_str(mark(attr));
                true
            }
        };
        self.open.push((span.clone(), marked));
    }

    fn close(&mut self, span: &Span, marked: bool) {
        match span.attr {
            _ if !marked => {}
            Attr::Quote(_) => {}
            Attr::Pre(_) => self.out.push_str("\n```"),
            Attr::Link(_) => self.out.push('>'),
            attr => {
                self.out.push_str(mark(attr));
                let next = self.flat.text[span.end..].chars().next();
                if next.is_some_and(char::is_alphanumeric) {
                    self.out.push(NOTHING);
                }
            }
        }
    }

    fn begin_line(&mut self) {
        let in_quote = self.has(|attr| matches!(attr, Attr::Quote(_)));
        if std::mem::replace(&mut self.line, false) && in_quote {
            self.out.push_str("> ");
        }
    }

    fn text(&mut self, from: usize, to: usize) {
        if from >= to {
            return;
        }
        let text = &self.flat.text;
        let in_pre = self.has(|attr| matches!(attr, Attr::Pre(_)));
        let in_code = in_pre || self.has(|attr| attr == Attr::Code);
        for (at, c) in text[from..to].char_indices() {
            let rest = &text[from + at + c.len_utf8()..];
            if c == '\n' {
                if !in_pre {
                    self.begin_line();
                }
                self.out.push('\n');
                self.line = !in_pre;
                continue;
            }
            let starts = self.line;
            if !in_pre {
                self.begin_line();
            }
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => {
                    // Even escaped it would begin a quotation.
                    if starts && self.out.ends_with(['\n', ' ']) || self.out.is_empty() {
                        self.out.push(NOTHING);
                    }
                    self.out.push_str("&gt;");
                }
                c => self.out.push(c),
            }
            let before = text[..from + at].chars().next_back();
            let apart = match in_code {
                true => c == '`' && rest.starts_with("``"),
                false => may_mark(c, before, rest.chars().next()) || calls(c, rest),
            };
            if apart {
                self.out.push(NOTHING);
            }
        }
        self.line = self.line && self.out.ends_with('\n');
    }
}

fn mark(attr: Attr) -> &'static str {
    match attr {
        Attr::Bold => "*",
        Attr::Italic => "_",
        Attr::Strike => "~",
        Attr::Code => "`",
        Attr::Quote(_) | Attr::Pre(_) | Attr::Link(_) => "",
    }
}

/// Whether `c` between these would be a mark.
fn may_mark(c: char, before: Option<char>, after: Option<char>) -> bool {
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    match c {
        '`' => true,
        '*' | '_' | '~' => !(word(before) && word(after) || space(before) && space(after)),
        _ => false,
    }
}

fn calls(c: char, rest: &str) -> bool {
    c == '@'
        && ["everyone", "here", "channel"].iter().any(|name| {
            let head = rest.get(..name.len());
            head.is_some_and(|head| head.eq_ignore_ascii_case(name))
        })
}
