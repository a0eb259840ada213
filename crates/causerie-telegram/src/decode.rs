//! What an update means to us.

mod attachments;
mod trigger;

use crate::{
    config::{Config, Language},
    place::{self, Spot, Way},
    update::{Callback, Deleted, Message, Reaction, Stopped, Update, User},
};
use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind, Participant, Posted, Quoted, Rating},
    id::{EventId, IdError, MessageRef},
};

/// Who we are on Telegram.
#[derive(Clone, Debug, Default)]
pub(crate) struct Me {
    pub(crate) id: i64,
    /// Without the `@`.
    pub(crate) username: String,
}

/// What an update means to us.
#[derive(Debug, Default)]
pub(crate) struct Heard {
    /// What happened, as far as it is for us.
    pub(crate) events: Vec<Event>,
    /// Whether more of the same album may follow.
    pub(crate) album: bool,
    /// The press of a button that waits for a word.
    pub(crate) pressed: Option<Pressed>,
    /// The old number of a group that has another now, and the new one.
    pub(crate) migrated: Option<(i64, i64)>,
}

/// The press of a button.
#[derive(Debug)]
pub(crate) struct Pressed {
    /// What is answered.
    pub(crate) id: String,
    /// The message that has the button, where it is one of ours.
    pub(crate) message: Option<MessageRef>,
    /// What is said.
    pub(crate) word: Word,
    /// In which language.
    pub(crate) language: Language,
}

/// What a press is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Word {
    Thanks,
    Stopping,
    Finished,
    NotYours,
    Nothing,
}

/// What the data of our buttons say.
pub(crate) mod button {
    pub(crate) const STOP: &str = "stop";
    pub(crate) const UP: &str = "up";
    pub(crate) const DOWN: &str = "down";
}

/// Decodes an update. Nothing comes of one that is not for us.
///
/// # Errors
/// If a chat has a name that is no id.
pub(crate) fn decode(update: Update, config: &Config, me: &Me) -> Result<Heard, IdError> {
    let decoder = Decoder {
        config,
        me,
        update: update.update_id,
    };
    if let Some(message) = update.message.or(update.business_message) {
        decoder.posted(&message)
    } else if let Some(message) = update.guest_message {
        decoder.posted(&message)
    } else if let Some(message) = update.edited_message.or(update.edited_business_message) {
        decoder.edited(&message)
    } else if let Some(deleted) = update.deleted_business_messages {
        decoder.deleted(&deleted)
    } else if let Some(callback) = update.callback_query {
        decoder.callback(&callback)
    } else if let Some(reaction) = update.message_reaction {
        decoder.reaction(&reaction)
    } else if let Some(stopped) = update.stopped_message_generation {
        decoder.stopped(&stopped)
    } else {
        Ok(Heard::default())
    }
}

struct Decoder<'a> {
    config: &'a Config,
    me: &'a Me,
    update: i64,
}

impl Decoder<'_> {
    fn posted(&self, message: &Message) -> Result<Heard, IdError> {
        let from = message.migrate_from_chat_id;
        let moved = from.map(|from| (from, message.chat.id));
        let to = message.migrate_to_chat_id;
        let moves = to.map(|to| (message.chat.id, to));
        if let Some(moved) = moved.or(moves) {
            let migrated = Some(moved);
            return Ok(Heard {
                migrated,
                ..Heard::default()
            });
        }
        let spot = spot(message);
        let Some(author) = self.author(message)? else {
            return Ok(Heard::default());
        };
        if is_ours(message, &spot) || !has_content(message) {
            return Ok(Heard::default());
        }
        let Some(text) = trigger::addressed(message, &spot, self.config, self.me) else {
            return Ok(Heard::default());
        };
        let attachments = attachments::of(message, &self.config.id);
        let reference = place::message(message.chat.id, message.message_id);
        let kind = match trigger::start(&text) {
            true => EventKind::Command {
                message: Some(reference),
                name: "help".to_owned(),
                argument: Text::default(),
            },
            false => EventKind::Posted(Posted {
                message: reference,
                text: Text::new(text),
                quoted: self.quoted(message)?,
                attachments,
                shared: !spot.is_private(),
            }),
        };
        let id = format!("m{}.{}", message.chat.id, message.message_id);
        let event = self.event(id, &spot, author, message.date, kind, message.from.as_ref())?;
        Ok(Heard {
            events: vec![event],
            album: message.media_group_id.is_some(),
            ..Heard::default()
        })
    }

    fn edited(&self, message: &Message) -> Result<Heard, IdError> {
        let spot = spot(message);
        let Some(author) = self.author(message)? else {
            return Ok(Heard::default());
        };
        let Some(text) = trigger::addressed(message, &spot, self.config, self.me) else {
            return Ok(Heard::default());
        };
        if is_ours(message, &spot) {
            return Ok(Heard::default());
        }
        let kind = EventKind::Edited {
            message: place::message(message.chat.id, message.message_id),
            text: Text::new(text),
        };
        let at = message.edit_date.unwrap_or(message.date);
        let id = format!("u{}", self.update);
        let event = self.event(id, &spot, author, at, kind, message.from.as_ref())?;
        Ok(heard(event))
    }

    /// Somebody took messages back in a chat where we answer in another's place.
    fn deleted(&self, deleted: &Deleted) -> Result<Heard, IdError> {
        let spot = Spot {
            chat: deleted.chat.id,
            topic: None,
            way: Way::Business(deleted.business_connection_id.clone()),
        };
        let user = User {
            id: deleted.chat.id,
            ..User::default()
        };
        let event = |number: &i64| {
            let kind = EventKind::Deleted {
                message: place::message(deleted.chat.id, *number),
            };
            let id = format!("u{}.{number}", self.update);
            self.event(id, &spot, self.participant(&user)?, 0, kind, None)
        };
        let events = deleted.message_ids.iter().map(event);
        Ok(Heard {
            events: events.collect::<Result<_, _>>()?,
            ..Heard::default()
        })
    }

    fn callback(&self, callback: &Callback) -> Result<Heard, IdError> {
        let language = self
            .config
            .language
            .of(callback.from.language_code.as_deref());
        let message = callback.message.as_ref();
        let reference = message.map(|on| place::message(on.chat.id, on.message_id));
        let says = |word| {
            Some(Pressed {
                id: callback.id.clone(),
                message: reference.clone(),
                word,
                language,
            })
        };
        let nothing = Heard {
            pressed: says(Word::Nothing),
            ..Heard::default()
        };
        let (Some(message), Some(reference), Some(data)) =
            (message, reference.clone(), &callback.data)
        else {
            return Ok(nothing);
        };
        let (what, owner) = match data.split_once(':') {
            Some((what, owner)) => (what, owner.parse().ok()),
            None => (data.as_str(), None),
        };
        if owner.is_some_and(|owner: i64| owner != callback.from.id) {
            return Ok(Heard {
                pressed: says(Word::NotYours),
                ..Heard::default()
            });
        }
        let feedback = |rating| EventKind::Feedback {
            message: reference,
            rating,
        };
        let (kind, word) = match what {
            button::STOP => (EventKind::StopPressed, Word::Stopping),
            button::UP => (feedback(Rating::Up), Word::Thanks),
            button::DOWN => (feedback(Rating::Down), Word::Thanks),
            _ => return Ok(nothing),
        };
        let id = format!("c{}", callback.id);
        let author = self.participant(&callback.from)?;
        let from = Some(&callback.from);
        let event = self.event(id, &spot(message), author, 0, kind, from)?;
        Ok(Heard {
            events: vec![event],
            pressed: says(word),
            ..Heard::default()
        })
    }

    /// A thumb on a message in a private chat, where it can only be one of ours.
    fn reaction(&self, reaction: &Reaction) -> Result<Heard, IdError> {
        let Some(user) = reaction.user.as_ref().filter(|user| !user.is_bot) else {
            return Ok(Heard::default());
        };
        let rating = reaction
            .new_reaction
            .iter()
            .find_map(|one| match one.emoji.as_deref() {
                Some("👍" | "❤" | "❤️" | "🔥" | "👏") => Some(Rating::Up),
                Some("👎") => Some(Rating::Down),
                _ => None,
            });
        let Some(rating) = rating.filter(|_| reaction.chat.is_private()) else {
            return Ok(Heard::default());
        };
        let spot = Spot {
            chat: reaction.chat.id,
            topic: None,
            way: Way::Member,
        };
        let kind = EventKind::Feedback {
            message: place::message(reaction.chat.id, reaction.message_id),
            rating,
        };
        let id = format!("u{}", self.update);
        let author = self.participant(user)?;
        let event = self.event(id, &spot, author, reaction.date, kind, Some(user))?;
        Ok(heard(event))
    }

    fn stopped(&self, stopped: &Stopped) -> Result<Heard, IdError> {
        let spot = Spot {
            chat: stopped.chat.id,
            topic: stopped.message_thread_id,
            way: Way::Member,
        };
        let user = User {
            id: stopped.chat.id,
            ..User::default()
        };
        let id = format!("u{}", self.update);
        let author = self.participant(&user)?;
        let kind = EventKind::StopPressed;
        Ok(heard(self.event(id, &spot, author, 0, kind, None)?))
    }

    /// `at` in seconds; 0 if Telegram does not say.
    fn event(
        &self,
        id: String,
        spot: &Spot,
        author: Participant,
        at: i64,
        kind: EventKind,
        from: Option<&User>,
    ) -> Result<Event, IdError> {
        let person = author.id.rest().parse().unwrap_or_default();
        let scope = self.config.scope;
        Ok(Event {
            id: EventId::new(id)?,
            conversation: spot.conversation(&self.config.id, scope, person)?,
            place: spot.place()?,
            author,
            at: Timestamp(at.saturating_mul(1000)),
            kind,
            language: from.and_then(|user| user.language_code.clone()),
        })
    }

    /// Who speaks; `None` if nobody does: a channel's post that Telegram copies to its discussion
    /// group is addressed to nobody there. Channels and anonymous administrators speak as chats.
    fn author(&self, message: &Message) -> Result<Option<Participant>, IdError> {
        if message.is_automatic_forward {
            return Ok(None);
        }
        if let Some(chat) = &message.sender_chat {
            return Ok(Some(Participant {
                id: place::participant(&self.config.id, chat.id)?,
                name: Text::new(chat.title.as_deref().unwrap_or_default()),
                is_bot: false,
                roles: vec![],
            }));
        }
        let user = message.from.as_ref();
        user.map(|user| self.participant(user)).transpose()
    }

    fn participant(&self, user: &User) -> Result<Participant, IdError> {
        let last = user.last_name.as_deref().unwrap_or_default();
        let name = format!("{} {last}", user.first_name);
        Ok(Participant {
            id: place::participant(&self.config.id, user.id)?,
            name: Text::new(name.trim()),
            is_bot: user.is_bot,
            roles: vec![],
        })
    }

    /// What the message replies to, as far as Telegram tells: one step back.
    fn quoted(&self, message: &Message) -> Result<Option<Quoted>, IdError> {
        let Some(replied) = &message.reply_to_message else {
            return Ok(None);
        };
        // In a topic everything replies to the message that opened it.
        if message.is_topic_message && message.message_thread_id == Some(replied.message_id) {
            return Ok(None);
        }
        let ours = replied
            .from
            .as_ref()
            .is_some_and(|from| from.id == self.me.id);
        let words = message.quote.as_ref().map(|quote| quote.text.as_str());
        let words = words
            .or(replied.text.as_deref())
            .or(replied.caption.as_deref());
        Ok(Some(Quoted {
            message: place::message(replied.chat.id, replied.message_id),
            author: if ours { None } else { self.author(replied)? },
            text: Text::new(words.unwrap_or_default()),
        }))
    }
}

fn heard(event: Event) -> Heard {
    Heard {
        events: vec![event],
        ..Heard::default()
    }
}

/// Where a message was posted. Reply threads in groups without topics have a thread too, which is
/// none of ours.
pub(crate) fn spot(message: &Message) -> Spot {
    let topic = message
        .message_thread_id
        .filter(|_| message.is_topic_message);
    let business = message.business_connection_id.clone().map(Way::Business);
    let guest = message.guest_query_id.clone().map(Way::Guest);
    Spot {
        chat: message.chat.id,
        topic,
        way: guest.or(business).unwrap_or_default(),
    }
}

/// Whether those in whose place we answer wrote it themselves, or we did.
fn is_ours(message: &Message, spot: &Spot) -> bool {
    let from = message.from.as_ref().map(|from| from.id);
    match spot.way {
        Way::Business(_) => message.sender_business_bot.is_some() || from != Some(spot.chat),
        _ => false,
    }
}

/// Whether somebody says something with it: members who come and go are told as messages too.
fn has_content(message: &Message) -> bool {
    message.text.is_some()
        || message.caption.is_some()
        || !message.photo.is_empty()
        || attachments::file(message).is_some()
        || message.sticker.is_some()
        || [
            &message.contact,
            &message.location,
            &message.poll,
            &message.dice,
            &message.story,
            &message.checklist,
            &message.paid_media,
        ]
        .iter()
        .any(|content| content.is_some())
}

#[cfg(test)]
mod tests;
