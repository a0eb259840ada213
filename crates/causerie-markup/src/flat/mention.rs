//! Names that a platform would call.

use std::ops::Range;

/// Where `text` says `@name`, with at least `least` letters in the name.
pub(crate) fn mentions(text: &str, least: usize) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut before: Option<char> = None;
    for (at, c) in text.char_indices() {
        let after_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
        before = Some(c);
        if c != '@' || after_word {
            continue;
        }
        let name = &text[at + 1..];
        let len = name
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'))
            .unwrap_or(name.len());
        if len >= least {
            found.push(at..at + 1 + len);
        }
    }
    found
}

/// `text` with a space of no width wherever `is_head` says that what follows would call somebody.
/// It is asked with the character and what stands behind it.
pub(crate) fn heads_off(text: &str, is_head: impl Fn(char, &str) -> bool) -> String {
    let mut out = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        out.push(c);
        if is_head(c, &text[at + c.len_utf8()..]) {
            out.push('\u{200b}');
        }
    }
    out
}
