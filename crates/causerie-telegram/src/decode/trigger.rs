//! Whether a message is for us, and what of it is said to us.

use super::Me;
use crate::{
    config::Config,
    place::{Spot, Way},
    update::{Entity, Message},
};

/// What a message says to us; `None` if it is not for us.
///
/// In private everything is. In groups it is what mentions us, calls us by name, replies to us or
/// gives one of our commands.
pub(super) fn addressed(
    message: &Message,
    spot: &Spot,
    config: &Config,
    me: &Me,
) -> Option<String> {
    let sticker = message.sticker.as_ref();
    let text = message
        .text
        .as_deref()
        .or(message.caption.as_deref())
        .or_else(|| sticker.and_then(|sticker| sticker.emoji.as_deref()))
        .unwrap_or_default();
    let entities = match message.text {
        Some(_) => &message.entities,
        None => &message.caption_entities,
    };
    let words = without_mention(text, entities, me);
    if spot.is_private() || spot.way != Way::Member {
        return Some(words.to_owned());
    }
    if let Some(command) = command(text) {
        return command.is_for(me, config).then(|| text.to_owned());
    }
    let replied = message.reply_to_message.as_ref();
    let replies = replied.is_some_and(|replied| {
        // Everything in a topic replies to the message that opened it.
        let opening = spot.topic == Some(replied.message_id);
        !opening && replied.from.as_ref().is_some_and(|from| from.id == me.id)
    });
    let mentions = entities.iter().any(|entity| is_us(text, entity, me));
    let names = config.names.iter().any(|name| calls(text, name));
    (replies || mentions || names).then(|| words.to_owned())
}

/// Whether this is the press of "Start" by which a chat with a bot begins.
pub(super) fn start(text: &str) -> bool {
    let word = text.split_whitespace().next().unwrap_or_default();
    let name = word.split_once('@').map_or(word, |(name, _)| name);
    name == "/start"
}

struct Command<'a> {
    name: &'a str,
    bot: Option<&'a str>,
}

/// The command at the beginning of `text`.
fn command(text: &str) -> Option<Command<'_>> {
    let word = text.strip_prefix('/')?.split_whitespace().next()?;
    let (name, bot) = match word.split_once('@') {
        Some((name, bot)) => (name, Some(bot)),
        None => (word, None),
    };
    let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (!name.is_empty() && name.chars().all(is_name)).then_some(Command { name, bot })
}

impl Command<'_> {
    /// Whether it names us, or nobody and we know it. Other bots may stand in the same group.
    fn is_for(&self, me: &Me, config: &Config) -> bool {
        let known = || {
            let all = config.menu.iter().flat_map(|menu| &menu.commands);
            all.into_iter()
                .any(|(name, _)| name.eq_ignore_ascii_case(self.name))
        };
        match self.bot {
            Some(bot) => bot.eq_ignore_ascii_case(&me.username),
            None => known(),
        }
    }
}

/// Whether an entity of `text` names us.
fn is_us(text: &str, entity: &Entity, me: &Me) -> bool {
    match entity.kind.as_str() {
        "mention" => {
            let name = slice(text, entity.offset, entity.length);
            let name = name.and_then(|name| name.strip_prefix('@'));
            name.is_some_and(|name| name.eq_ignore_ascii_case(&me.username))
        }
        "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == me.id),
        _ => false,
    }
}

/// `text` without the mention of us that it begins with.
fn without_mention<'a>(text: &'a str, entities: &[Entity], me: &Me) -> &'a str {
    let first = entities
        .iter()
        .find(|entity| entity.offset == 0 && is_us(text, entity, me));
    let Some(mention) = first.and_then(|entity| slice(text, 0, entity.length)) else {
        return text;
    };
    let rest = text[mention.len()..].trim_start_matches([' ', ',', ':', '\n', '，', '：', '、']);
    // Nothing but the name is a call all the same.
    if rest.trim().is_empty() { text } else { rest }
}

/// Whether `text` holds `name` as a word of its own, in any case. In scripts without spaces a name
/// stands wherever it stands.
fn calls(text: &str, name: &str) -> bool {
    let (text, name) = (text.to_lowercase(), name.to_lowercase());
    if name.is_empty() {
        return false;
    }
    let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() && c.is_ascii());
    let ascii = name.is_ascii();
    text.match_indices(&name).any(|(at, found)| {
        let before = text[..at].chars().next_back();
        let after = text[at + found.len()..].chars().next();
        !ascii || !(joins(before) || joins(after))
    })
}

/// The part of `text` from `offset` on with this `length`, both in UTF-16 units.
fn slice(text: &str, offset: usize, length: usize) -> Option<&str> {
    let mut units = 0;
    let (mut from, mut to) = (None, None);
    for (at, c) in text.char_indices().chain([(text.len(), '\0')]) {
        if units == offset {
            from.get_or_insert(at);
        }
        if units == offset + length {
            to.get_or_insert(at);
            break;
        }
        units += c.len_utf16();
    }
    text.get(from?..to?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_count_as_telegram_counts() {
        assert_eq!(slice("👍 @bot", 3, 4), Some("@bot"));
        assert_eq!(slice("中文 @bot x", 3, 4), Some("@bot"));
        assert_eq!(slice("👍", 1, 1), None);
        assert_eq!(slice("ab", 1, 5), None);
    }

    #[test]
    fn names_are_words_and_in_chinese_need_no_spaces() {
        assert!(calls("Hey Causerie, hi", "causerie"));
        assert!(!calls("causeries are long", "causerie"));
        assert!(calls("小助手你好", "小助手"));
        assert!(!calls("anything", ""));
    }
}
