//! How much of a growing text can be shown for good.
//!
//! Held back is
//!
//! 1. a last line of nothing but what may become the marker of a block, or that may begin HTML;
//! 2. in the last run of words, everything from the first emphasis, strike, code, link or tag that
//!    is not closed yet;
//! 3. a line that may become the head of a table, and a paragraph that begins with a definition.

use crate::{
    open::{Link, Mark, code_span, last_words, link, take_run},
    parse::options,
};
use pulldown_cmark::{Event, Parser, Tag};

/// The beginning of `tail` whose meaning what follows hardly changes.
pub(super) fn settled(tail: &str) -> &str {
    let tail = without_marker_line(tail);
    if ends_in_table(tail) {
        return tail;
    }
    let Some(start) = last_words(tail) else {
        return tail;
    };
    let words = &tail[start..];
    let end = settled_words(words).min(before_table_head(words));
    let settled = &tail[..start + end];
    // A backslash at the end of a line is a line break only if another line follows.
    let settled = match settled.trim_end().strip_suffix('\\') {
        Some(before) => before,
        None => settled.trim_end_matches(['*', '_', '~', '`', '!']),
    };
    without_marker_line(settled)
}

/// Whether the last block is a table.
fn ends_in_table(tail: &str) -> bool {
    let mut inside = false;
    if !tail.contains('|') && !tail.contains(':') {
        return false;
    }
    for event in Parser::new_ext(tail, options()) {
        match event {
            Event::Start(Tag::Table(_)) => inside = true,
            Event::Start(
                Tag::Paragraph
                | Tag::Heading { .. }
                | Tag::CodeBlock(_)
                | Tag::HtmlBlock
                | Tag::List(_)
                | Tag::Item
                | Tag::BlockQuote(_),
            )
            | Event::Rule => inside = false,
            _ => {}
        }
    }
    inside
}

fn without_marker_line(tail: &str) -> &str {
    let start = tail.rfind('\n').map_or(0, |at| at + 1);
    let line = tail[start..].trim_start_matches([' ', '\t', '>']);
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let numbered = rest.is_empty() || rest.starts_with(['.', ')']);
    let rest = if numbered { rest } else { line };
    let whole_only = line.starts_with('<') || (line.starts_with('[') && is_definition(line));
    if whole_only || rest.chars().all(|c| " \t>|#-+*=_~`.:)[]xX".contains(c)) {
        &tail[..start]
    } else {
        tail
    }
}

/// Where a line begins that the next one may make the head of a table.
fn before_table_head(words: &str) -> usize {
    let last = words.rfind('\n').map_or(0, |at| at + 1);
    if words[last..].contains('|') && !words[last..].chars().all(is_delimiter) {
        return last;
    }
    let Some(end) = last.checked_sub(1) else {
        return words.len();
    };
    let before = words[..end].rfind('\n').map_or(0, |at| at + 1);
    if words[before..end].contains('|') && words[last..].chars().all(is_delimiter) {
        before
    } else {
        words.len()
    }
}

fn is_delimiter(c: char) -> bool {
    matches!(c, '|' | '-' | ':' | ' ' | '\t' | '>')
}

/// How much of a run of words is outside of anything open.
fn settled_words(words: &str) -> usize {
    let mut marks: Vec<Mark> = Vec::new();
    let mut at = 0;
    while at < words.len() {
        let rest = &words[at..];
        let c = rest.chars().next().expect("there is a rest");
        let open = || marks.first().map_or(at, |mark| mark.at);
        at += match c {
            '\\' => 1 + rest[1..].chars().next().map_or(0, char::len_utf8),
            '`' => match code_span(rest) {
                Some(len) => len,
                None => return open(),
            },
            '[' => match link(rest) {
                Link::Whole(len) => len,
                Link::Open(_) => return open(),
                Link::No => 1,
            },
            '<' => match tag(rest) {
                Some(len) => len,
                None => return open(),
            },
            '*' | '_' | '~' => {
                let run = rest.len() - rest.trim_start_matches(c).len();
                take_run(words, at, c, run, at, &mut marks);
                run
            }
            c => c.len_utf8(),
        };
    }
    marks.first().map_or(words.len(), |mark| mark.at)
}

fn is_definition(words: &str) -> bool {
    words
        .find(']')
        .is_some_and(|end| words[end + 1..].starts_with(':'))
}

/// The length of the tag, or what is none, at the beginning of `rest`; `None` if it is not closed.
fn tag(rest: &str) -> Option<usize> {
    let begins = rest[1..]
        .chars()
        .next()
        .is_none_or(|c| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
    if begins {
        rest.find('>').map(|end| end + 1)
    } else {
        Some(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_open_is_held_back() {
        for (tail, shown) in [
            ("a b", "a b"),
            ("a **b c", "a "),
            ("a **b** c", "a **b** c"),
            ("a *b **c** d", "a "),
            ("2 * 3 ", "2 * 3 "),
            ("12", ""),
            ("| a | b |\n", ""),
            ("| a | b |\n|---|", ""),
            ("x\n\n| a | b |\n", "x\n\n"),
            ("snake_case ", "snake_case "),
            ("a `b", "a "),
            ("a `b` c", "a `b` c"),
            ("see [the docs](http", "see "),
            ("see [the docs](http://a) ", "see [the docs](http://a) "),
            ("a [b] c", "a [b] c"),
            ("a ![b](c", "a "),
            ("[a]: b ", ""),
            ("a <br ", "a "),
            ("a < b", "a < b"),
            ("a\\", "a"),
            ("a\\\n", "a"),
            ("- a\n- ", "- a\n"),
            ("- a\n- **b ", "- a\n"),
            ("- a\n- [ ] **b ", "- a\n"),
            ("a\n--", "a\n"),
            ("a\n| b ", "a\n"),
            ("a\n| b |\n", "a\n"),
            ("a\n| b |\n|-", "a\n"),
            ("a | b\nc ", "a | b\nc "),
            ("- ```\n  a *b ", "- ```\n  a *b "),
        ] {
            assert_eq!(settled(tail), shown, "{tail:?}");
        }
    }
}
