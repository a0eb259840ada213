//! Closes virtually what is still open in a text that grows.
//!
//! The text shown must not flicker: no marker may appear and then turn into form. So, of the last
//! piece of the text:
//!
//! 1. A last line that may still become the marker of a block (`#`, `-`, `1.`, a fence, an
//!    underline) is held back.
//! 2. A first line with bars and no line of dashes yet is shown as the head of a table.
//! 3. In the last run of words, markers at the very end are held back, a link that is not whole
//!    shows its words only, and open code, emphasis and strikes are closed.
//!
//! This is for showing only. What a closed block looks like is the parser's to say.

use crate::parse::options;
use pulldown_cmark::{Event, Parser, Tag, TagEnd};

/// `tail` with everything open in it closed or held back.
pub(crate) fn close_virtually(tail: &str) -> String {
    let paragraph = tail.rfind("\n\n").map_or(0, |at| at + 2);
    if let Some(table) = open_table(&tail[paragraph..]) {
        return tail[..paragraph].to_owned() + &table;
    }
    let held = hold_marker_line(tail);
    let Some(start) = last_words(held) else {
        return held.to_owned();
    };
    let mut out = held[..start].to_owned();
    close_inlines(&held[start..], &mut out);
    out
}

/// `tail` without a last line that consists of nothing but what may become a marker.
fn hold_marker_line(tail: &str) -> &str {
    let start = tail.rfind('\n').map_or(0, |at| at + 1);
    let line = tail[start..].trim_start_matches([' ', '>', '\t', '|']);
    let rest = line.trim_start_matches(['#', '-', '+', '*', '=', '_', ' ']);
    let is_number = || {
        let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
        line.len() - rest.len() <= 9 && matches!(rest.trim_end(), "" | "." | ")")
    };
    let is_fence =
        line.starts_with("```") || line.starts_with("~~~") || line == "`" || line == "``";
    if rest.is_empty() || is_number() || is_fence {
        &tail[..start]
    } else {
        tail
    }
}

/// The head of a table whose line of dashes is not whole yet, as a table.
fn open_table(tail: &str) -> Option<String> {
    let (head, rest) = tail.split_once('\n').unwrap_or((tail, ""));
    let is_head = head.trim_start().starts_with('|');
    let may_be_dashes = rest
        .chars()
        .all(|c| matches!(c, '|' | '-' | ':' | ' ' | '\t'));
    if !is_head || !may_be_dashes || rest.contains('\n') {
        return None;
    }
    let inner = head.trim().trim_start_matches('|');
    let inner = inner.strip_suffix('|').unwrap_or(inner);
    if inner.trim().is_empty() {
        return Some(String::new());
    }
    let cells = inner.matches('|').count() + 1;
    Some(format!("{head}\n{}|", "|-".repeat(cells)))
}

/// Where the last run of words begins, if the text ends in one.
pub(crate) fn last_words(source: &str) -> Option<usize> {
    let mut last = None;
    let mut at_start = true;
    let mut in_code = false;
    for (event, range) in Parser::new_ext(source, options()).into_offset_iter() {
        match event {
            Event::Start(Tag::CodeBlock(_) | Tag::HtmlBlock) | Event::Rule => {
                in_code = true;
                last = None;
            }
            Event::Start(
                Tag::Emphasis
                | Tag::Strong
                | Tag::Strikethrough
                | Tag::Link { .. }
                | Tag::Image { .. },
            )
            | Event::Text(_)
            | Event::Code(_)
            | Event::InlineHtml(_) => {
                if at_start && !in_code {
                    last = Some(range.start);
                }
                at_start = false;
            }
            Event::Start(_) => {
                at_start = true;
                in_code = false;
            }
            Event::End(
                TagEnd::List(_) | TagEnd::BlockQuote(_) | TagEnd::CodeBlock | TagEnd::HtmlBlock,
            ) => at_start = true,
            _ => {}
        }
    }
    last
}

/// A mark that waits for its counterpart.
pub(crate) struct Mark {
    /// `*`, `_` or `~`.
    pub(crate) char: char,
    /// How many of it.
    pub(crate) len: usize,
    /// Where it stands.
    pub(crate) at: usize,
}

/// Writes `words` with what is open in them closed.
fn close_inlines(words: &str, out: &mut String) {
    let words = words.trim_end_matches(['*', '_', '~', '`', '[', '!', '\\', '<', '&']);
    let mut marks: Vec<Mark> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let c = rest.chars().next().expect("there is a rest");
        match c {
            '\\' => {
                let len = 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
                out.push_str(&rest[..len]);
                at += len;
            }
            '`' => match code_span(rest) {
                Some(len) => {
                    out.push_str(&rest[..len]);
                    at += len;
                }
                None => {
                    // The end of open code: nothing else can be open in it.
                    let run = rest.len() - rest.trim_start_matches('`').len();
                    out.push_str(rest.trim_end_matches([' ', '\n']));
                    out.push_str(&"`".repeat(run));
                    return close_marks(&marks, out);
                }
            },
            '[' => match link(rest) {
                Link::Whole(len) => {
                    out.push_str(&rest[..len]);
                    at += len;
                }
                Link::Open(text) => {
                    if at > 0 && words.as_bytes()[at - 1] == b'!' {
                        out.pop();
                    }
                    close_inlines(text, out);
                    return close_marks(&marks, out);
                }
                Link::No => {
                    out.push('[');
                    at += 1;
                }
            },
            '*' | '_' | '~' => {
                let run = rest.len() - rest.trim_start_matches(c).len();
                take_run(words, at, c, run, out.len(), &mut marks);
                out.push_str(&rest[..run]);
                at += run;
            }
            c => {
                out.push(c);
                at += c.len_utf8();
            }
        }
    }
    close_marks(&marks, out);
}

/// A run of marks closes what is open, or opens, or is words. `stands` is where, for its mark.
pub(crate) fn take_run(
    words: &str,
    at: usize,
    c: char,
    run: usize,
    stands: usize,
    marks: &mut Vec<Mark>,
) {
    let before = words[..at].chars().next_back();
    let after = words[at + run..].chars().next();
    let space = |c: Option<char>| c.is_none_or(char::is_whitespace);
    let word = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
    let closes = !space(before) && (c != '_' || !word(after));
    let opens = !space(after)
        && (c != '_' || !word(before))
        && (word(after) || space(before) || !word(before));
    if c == '~' && run > 2 {
        return;
    }
    let mut left = run;
    while closes && left > 0 {
        let Some(found) = marks.iter().rposition(|mark| mark.char == c) else {
            break;
        };
        let used = marks[found].len.min(left);
        left -= used;
        marks[found].len -= used;
        let keep = if marks[found].len == 0 {
            found
        } else {
            found + 1
        };
        marks.truncate(keep);
    }
    if opens && left > 0 && left == run {
        marks.push(Mark {
            char: c,
            len: run.min(3),
            at: stands,
        });
    }
}

/// Closes the open marks, the innermost first. One with nothing behind it is taken away.
fn close_marks(marks: &[Mark], out: &mut String) {
    for mark in marks.iter().rev() {
        out.truncate(out.trim_end_matches([' ', '\n']).len().max(mark.at));
        if out.len() <= mark.at + mark.len {
            out.truncate(mark.at);
            continue;
        }
        out.extend(std::iter::repeat_n(mark.char, mark.len));
    }
}

/// The length of the code that `rest` begins with, if it has an end.
pub(crate) fn code_span(rest: &str) -> Option<usize> {
    let run = rest.len() - rest.trim_start_matches('`').len();
    let mut at = run;
    while let Some(found) = rest[at..].find('`') {
        let start = at + found;
        let len = rest[start..].len() - rest[start..].trim_start_matches('`').len();
        at = start + len;
        if len == run {
            return Some(at);
        }
    }
    None
}

/// What a bracket is.
pub(crate) enum Link<'a> {
    /// A link, or brackets that are none, of this length.
    Whole(usize),
    /// May still become a link. This is its text.
    Open(&'a str),
    /// A bracket among words.
    No,
}

/// What the bracket at the beginning of `rest` is.
pub(crate) fn link(rest: &str) -> Link<'_> {
    /// A text longer than this is no link that somebody writes.
    const LONGEST: usize = 400;
    let mut depth = 0_usize;
    let mut escaped = false;
    let mut end = None;
    for (at, c) in rest.char_indices() {
        if at > LONGEST {
            return Link::No;
        }
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => depth += 1,
            ']' => {
                depth -= 1;
                if depth == 0 {
                    end = Some(at);
                    break;
                }
            }
            _ => {}
        }
    }
    let Some(end) = end else {
        return Link::Open(&rest[1..]);
    };
    let target = &rest[end + 1..];
    if target.is_empty() {
        return Link::Open(&rest[1..end]);
    }
    if !target.starts_with('(') {
        return Link::No;
    }
    match target.find(')') {
        Some(close) => Link::Whole(end + 1 + close + 1),
        None if target.contains('\n') || target.len() > 2_000 => Link::No,
        None => Link::Open(&rest[1..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_constructs_are_closed_or_held_back() {
        for (tail, shown) in [
            ("a **b", "a **b**"),
            ("a **b c ", "a **b c**"),
            ("a *b **c", "a *b **c***"),
            ("a **", "a "),
            ("a **b*", "a **b**"),
            ("a `b **c", "a `b **c`"),
            ("a `b` c", "a `b` c"),
            ("a ~~b", "a ~~b~~"),
            ("2 * 3", "2 * 3"),
            ("snake_case", "snake_case"),
            ("see [the **docs", "see the **docs**"),
            ("see [the docs](http", "see the docs"),
            ("see [the docs](http://a) b", "see [the docs](http://a) b"),
            ("![alt](htt", "alt"),
            ("a [b] c", "a [b] c"),
            ("- a\n- **b", "- a\n- **b**"),
            ("- a\n-", "- a\n"),
            ("a\n--", "a\n"),
            ("a\n1.", "a\n"),
            ("a\n```ru", "a\n"),
            ("> a *b", "> a *b*"),
            ("## a `b", "## a `b`"),
            ("| a | b", "| a | b\n|-|-|"),
            ("| a | b |\n|-", "| a | b |\n|-|-|"),
            ("```\nlet **a", "```\nlet **a"),
        ] {
            assert_eq!(close_virtually(tail), shown, "{tail:?}");
        }
    }
}
