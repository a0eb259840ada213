//! Texts and their entities, as the server sees them. Offsets count UTF-16 units.

use serde_json::{Value, json};

/// The most entities that a message shows.
const MOST: usize = 100;

/// A text and its entities.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Formatted {
    pub(super) text: String,
    pub(super) entities: Vec<Value>,
}

/// How long a text is for the server.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

/// What is wrong with the entities of a text.
pub(super) fn check(text: &str, entities: &[Value]) -> Result<(), String> {
    let text: Vec<u16> = text.encode_utf16().collect();
    let spans: Vec<Span<'_>> = entities.iter().map(Span::of).collect();
    for span in &spans {
        span.check(&text)?;
    }
    for (index, a) in spans.iter().enumerate() {
        for b in &spans[index + 1..] {
            a.check_with(b)?;
        }
    }
    Ok(())
}

struct Span<'a> {
    kind: &'a str,
    from: i64,
    to: i64,
    entity: &'a Value,
}

impl<'a> Span<'a> {
    fn of(entity: &'a Value) -> Self {
        let from = entity["offset"].as_i64().unwrap_or_default();
        Self {
            kind: entity["type"].as_str().unwrap_or_default(),
            from,
            to: from.saturating_add(entity["length"].as_i64().unwrap_or_default()),
            entity,
        }
    }

    fn is_code(&self) -> bool {
        matches!(self.kind, "code" | "pre")
    }

    fn is_quote(&self) -> bool {
        matches!(self.kind, "blockquote" | "expandable_blockquote")
    }

    fn check(&self, text: &[u16]) -> Result<(), String> {
        let Self { kind, from, to, .. } = self;
        let at = |offset: i64| usize::try_from(offset).ok().filter(|at| *at <= text.len());
        let (Some(start), Some(end)) = (at(*from), at(*to)) else {
            return Err(format!("{kind} {from}..{to} leaves the text"));
        };
        if start >= end {
            return Err(format!("{kind} {from}..{to} is empty"));
        }
        let low = |at: usize| {
            text.get(at)
                .is_some_and(|unit| (0xDC00..0xE000).contains(unit))
        };
        if low(start) || low(end) {
            return Err(format!("{kind} {from}..{to} cuts a surrogate pair"));
        }
        let needs = match *kind {
            "text_link" => "url",
            "text_mention" => "user",
            "custom_emoji" => "custom_emoji_id",
            "date_time" => "unix_time",
            "mention"
            | "hashtag"
            | "cashtag"
            | "bot_command"
            | "url"
            | "email"
            | "phone_number"
            | "bold"
            | "italic"
            | "underline"
            | "strikethrough"
            | "spoiler"
            | "blockquote"
            | "expandable_blockquote"
            | "code"
            | "pre" => "type",
            unknown => return Err(format!("unsupported type {unknown:?}")),
        };
        match self.entity.get(needs) {
            Some(_) => Ok(()),
            None => Err(format!("{kind} {from}..{to} has no {needs}")),
        }
    }

    fn check_with(&self, other: &Self) -> Result<(), String> {
        let (a, b) = (self, other);
        if a.to <= b.from || b.to <= a.from {
            return Ok(());
        }
        let pair = || {
            format!(
                "{} {}..{} and {} {}..{}",
                a.kind, a.from, a.to, b.kind, b.from, b.to
            )
        };
        let holds = |a: &Self, b: &Self| a.from <= b.from && b.to <= a.to;
        if !holds(a, b) && !holds(b, a) {
            return Err(format!("{} overlap in part", pair()));
        }
        if a.is_quote() && b.is_quote() {
            return Err(format!("{}: quotes do not nest", pair()));
        }
        let allowed =
            |code: &Self, other: &Self| !code.is_code() || (other.is_quote() && holds(other, code));
        if !allowed(a, b) || !allowed(b, a) {
            return Err(format!("{}: code stands alone or in a quote", pair()));
        }
        Ok(())
    }
}

/// What the server makes of a text: control characters become spaces, white space at both ends goes,
/// and the entities move with it.
pub(super) fn tidy(text: &str, entities: &[Value]) -> Formatted {
    let clean = text.chars().any(|c| c < ' ' && c != '\n');
    let edges = |c: char| c == ' ' || c == '\n';
    if !clean && !text.starts_with(edges) && !text.ends_with(edges) {
        return Formatted {
            text: text.to_owned(),
            entities: entities.to_vec(),
        };
    }
    // Where each unit of the old text is in the new one.
    let (mut places, mut new, mut length) = (vec![], String::new(), 0_i64);
    for c in text.chars() {
        places.extend(std::iter::repeat_n(length, c.len_utf16()));
        if c == '\r' {
            continue;
        }
        new.push(if c < ' ' && c != '\n' { ' ' } else { c });
        length += if c.len_utf16() == 2 { 2 } else { 1 };
    }
    places.push(length);
    let end = new.trim_end_matches(edges).len();
    new.truncate(end);
    let length = i64::try_from(units(&new)).unwrap_or(i64::MAX);
    let place = |offset: i64| {
        let place = usize::try_from(offset).ok().and_then(|at| places.get(at));
        place.copied().unwrap_or(length).min(length)
    };
    let mut moved: Vec<(Value, i64, i64)> = entities
        .iter()
        .map(|entity| {
            let from = entity["offset"].as_i64().unwrap_or_default();
            let to = from + entity["length"].as_i64().unwrap_or_default();
            (entity.clone(), place(from), place(to))
        })
        .collect();
    moved.retain(|(_, from, to)| from < to);
    let first = moved.iter().map(|(_, from, _)| *from).min();
    let first = usize::try_from(first.unwrap_or(length)).unwrap_or_default();
    let leading = new.chars().take_while(|c| edges(*c)).count().min(first);
    let new = new.split_off(leading);
    let leading = i64::try_from(leading).unwrap_or_default();
    let entities = moved.into_iter().map(|(mut entity, from, to)| {
        entity["offset"] = json!(from - leading);
        entity["length"] = json!(to - from);
        entity
    });
    Formatted {
        entities: entities.collect(),
        text: new,
    }
}

/// The mentions, commands, addresses and hashtags that the server finds in a text by itself.
pub(super) fn detect(text: &str) -> Vec<Value> {
    let mut found = vec![];
    let mut before = ' ';
    let (mut offset, mut rest) = (0, text);
    while let Some(c) = rest.chars().next() {
        let edge = !(before.is_alphanumeric() || before == '_');
        let hit = edge.then(|| hit(rest, before)).flatten();
        let length = hit.map_or(c.len_utf8(), |(_, length)| length);
        let (piece, next) = rest.split_at(length);
        let length = units(piece);
        if let Some((kind, _)) = hit {
            found.push(json!({"type": kind, "offset": offset, "length": length}));
        }
        before = piece.chars().next_back().unwrap_or(' ');
        offset += length;
        rest = next;
    }
    found
}

fn hit(rest: &str, before: char) -> Option<(&'static str, usize)> {
    let word = |text: &str| {
        let other = |c: char| !(c.is_ascii_alphanumeric() || c == '_');
        text.find(other).unwrap_or(text.len())
    };
    match rest.as_bytes()[0] {
        b'@' => {
            let length = word(&rest[1..]);
            (3..=32)
                .contains(&length)
                .then_some(("mention", 1 + length))
        }
        b'/' if before != '/' && before != '<' => {
            let mut length = 1 + word(&rest[1..]);
            if !(2..=65).contains(&length) || rest[length..].starts_with('/') {
                return None;
            }
            if rest[length..].starts_with('@') {
                let bot = word(&rest[length + 1..]);
                length += if bot >= 3 { 1 + bot } else { 0 };
            }
            Some(("bot_command", length))
        }
        b'#' => {
            let other = |c: char| !(c.is_alphanumeric() || c == '_');
            let tag = &rest[1..];
            let length = tag.find(other).unwrap_or(tag.len());
            let digits = tag[..length].chars().all(|c| c.is_ascii_digit());
            (!digits).then_some(("hashtag", 1 + length))
        }
        b'h' if rest.starts_with("http://") || rest.starts_with("https://") => {
            let end = |c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"');
            let url = &rest[..rest.find(end).unwrap_or(rest.len())];
            let url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')']);
            (url.len() > "https://".len()).then_some(("url", url.len()))
        }
        _ => None,
    }
}

/// The entities of a sent text with those that the server adds where none of them is.
pub(super) fn shown(formatted: &Formatted) -> Vec<Value> {
    let mut entities = formatted.entities.clone();
    let spans: Vec<(i64, i64)> = entities
        .iter()
        .map(Span::of)
        .filter(|span| !matches!(span.kind, "bold" | "italic" | "underline" | "strikethrough"))
        .map(|span| (span.from, span.to))
        .collect();
    for entity in detect(&formatted.text) {
        let span = Span::of(&entity);
        let free = |(from, to): &(i64, i64)| *to <= span.from || span.to <= *from;
        if spans.iter().all(free) {
            entities.push(entity);
        }
    }
    entities.sort_by_key(|entity| entity["offset"].as_i64());
    entities.truncate(MOST);
    entities
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entity(kind: &str, offset: i64, length: i64) -> Value {
        json!({"type": kind, "offset": offset, "length": length})
    }

    #[test]
    fn entities_that_the_server_refuses_are_found() {
        let text = "ab 😀 cd ef gh";
        let check = |entities: &[(&str, i64, i64)]| {
            let entities = entities
                .iter()
                .map(|(kind, from, length)| entity(kind, *from, *length));
            check(text, &entities.collect::<Vec<_>>()).is_ok()
        };
        assert!(check(&[("bold", 0, 2), ("italic", 0, 2), ("bold", 3, 2)]));
        assert!(check(&[("blockquote", 0, 8), ("pre", 0, 2)]));
        assert!(!check(&[("bold", 0, 15)]));
        assert!(!check(&[("bold", 4, 4)]), "from within the smiley");
        assert!(!check(&[("bold", 0, 4)]), "into the smiley");
        assert!(!check(&[("bold", 0, 5), ("italic", 3, 5)]));
        assert!(!check(&[("bold", 0, 5), ("code", 0, 2)]));
        assert!(!check(&[("code", 0, 5), ("bold", 0, 5)]));
        assert!(!check(&[("code", 0, 5), ("blockquote", 0, 2)]));
        assert!(!check(&[
            ("blockquote", 0, 8),
            ("expandable_blockquote", 0, 2)
        ]));
        assert!(!check(&[("text_link", 0, 2)]));
        assert!(!check(&[("loud", 0, 2)]));
    }

    #[test]
    fn texts_are_trimmed_and_their_entities_move_along() {
        let tidied = tidy(
            " \n a\tb\r😀c \n",
            &[entity("bold", 3, 10), entity("code", 10, 2)],
        );
        assert_eq!(tidied.text, "a b😀c");
        assert_eq!(tidied.entities, [entity("bold", 0, 6)]);
        let kept = tidy("  a ", &[entity("underline", 1, 2)]);
        assert_eq!(kept.text, " a");
        assert_eq!(kept.entities, [entity("underline", 0, 2)]);
    }

    #[test]
    fn what_the_server_finds_by_itself() {
        let found =
            detect("😀 /start@causerie_bot hi @ann_b, a@bcd.ef (http://a.b/c?d). #tag #12 a/b");
        let found: Vec<_> = found
            .iter()
            .map(|entity| {
                (
                    entity["type"].as_str(),
                    entity["offset"].as_i64(),
                    entity["length"].as_i64(),
                )
            })
            .collect();
        let all = [
            (Some("bot_command"), Some(3), Some(19)),
            (Some("mention"), Some(26), Some(6)),
            (Some("url"), Some(44), Some(14)),
            (Some("hashtag"), Some(61), Some(4)),
        ];
        assert_eq!(found, all);
    }
}
