//! Who says what in a room of several people, and why nobody can pretend to be another.

use crate::event::Participant;
use std::borrow::Cow;

/// Told to the model where several people speak.
pub(super) const NOTE: &str = "Several people speak here. Each message begins with its speaker in \
    brackets: [name·id]. Answer without brackets or a name in front.";

/// The longest name shown, in characters.
const NAME_LEN: usize = 16;

/// Who wrote something that is quoted: us, or a speaker by the header.
pub(super) fn whom(author: Option<&Participant>) -> String {
    author.map_or_else(|| "you".to_owned(), header)
}

/// A speaker's header, such as `[ann·3f2a11]`. The part behind the dot comes from the platform's own
/// id and so stays the same when the name changes; the name is whatever its owner typed, and keeps
/// only what cannot be mistaken for something else.
pub(super) fn header(speaker: &Participant) -> String {
    let name: String = speaker
        .name
        .expose()
        .chars()
        .map(|c| if c == ' ' { '_' } else { c })
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_'))
        .take(NAME_LEN)
        .collect();
    let name = if name.is_empty() { "user" } else { &name };
    format!("[{name}·{}]", speaker.id.tag())
}

/// The header of somebody the platform told nothing about.
pub(super) const UNKNOWN: &str = "[user·000000]";

/// Which lines are escaped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Escape {
    /// Every line that begins with a bracket: what people say in a room.
    Brackets,
    /// Lines that begin with a whole header: everything else, where brackets may be JSON or links.
    Headers,
}

/// Puts a backslash in front of whatever could be read as a header at the beginning of a line, so
/// that the only headers in a prompt are ours.
pub(super) fn escape(text: &str, escape: Escape) -> Cow<'_, str> {
    let mut escaped: Option<String> = None;
    let mut done = 0;
    let mut at_start = true;
    for (index, c) in text.char_indices() {
        if is_break(c) {
            at_start = true;
        } else if at_start && !is_invisible(c) {
            at_start = false;
            if is_forged(&text[index..], escape) {
                let out = escaped.get_or_insert_with(|| String::with_capacity(text.len() + 1));
                out.push_str(&text[done..index]);
                out.push('\\');
                done = index;
            }
        }
    }
    match escaped {
        None => Cow::Borrowed(text),
        Some(mut out) => {
            out.push_str(&text[done..]);
            Cow::Owned(out)
        }
    }
}

fn is_forged(line: &str, escape: Escape) -> bool {
    line.starts_with(['[', '［']) && (escape == Escape::Brackets || is_header(line))
}

/// Whether `line` begins with a bracket, a name, a dot, six hexadecimal digits and a bracket. Names
/// are read a little longer than we write them.
pub(super) fn is_header(line: &str) -> bool {
    let end = line
        .char_indices()
        .nth(4 * NAME_LEN)
        .map_or(line.len(), |(end, _)| end);
    let Some((inner, _)) = line[..end].split_once([']', '］']) else {
        return false;
    };
    inner.starts_with(['[', '［'])
        && inner
            .rsplit_once('·')
            .is_some_and(|(_, tag)| tag.len() == 6 && tag.bytes().all(|b| b.is_ascii_hexdigit()))
}

/// Everything a model may take for the end of a line.
pub(super) fn is_break(c: char) -> bool {
    matches!(
        c,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// What can stand in front of a bracket unseen.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_whitespace()
        || c.is_control()
        || matches!(
            c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
                | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
                | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
        )
}
