//! Chats, topics and messages as ids.
//!
//! * a place: `CHAT`, `CHAT/TOPIC`, `business:CONNECTION/CHAT` or `guest:QUERY/CHAT`
//! * a conversation, behind the platform's name: the place, and where each person has a memory of
//!   their own `…/user/PERSON`, or `user/PERSON` over all chats
//! * a message: `CHAT/NUMBER`; `inline:ID` for an answer in a chat we are a guest of

use causerie_core::id::{ConversationId, IdError, MessageRef, ParticipantId, Place, PlatformId};

use crate::config::Scope;

/// A chat and what of it an answer needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spot {
    pub(crate) chat: i64,
    pub(crate) topic: Option<i64>,
    pub(crate) way: Way,
}

/// By which way we are in a chat. Numbers of chats may be the same over different ways.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    /// As a member, or as the other side of a private chat.
    #[default]
    Member,
    /// In place of somebody, over this connection.
    Business(String),
    /// As a guest who may answer this query once.
    Guest(String),
}

impl Spot {
    pub(crate) fn is_private(&self) -> bool {
        self.chat > 0
    }

    /// As the engine carries it.
    pub(crate) fn place(&self) -> Result<Place, IdError> {
        Place::new(self.to_string())
    }

    /// What [`Spot::place`] made.
    pub(crate) fn parse(place: &Place) -> Option<Self> {
        let text = place.as_str();
        let (way, rest) = match text.split_once(':') {
            Some(("business", rest)) => {
                let (connection, rest) = rest.split_once('/')?;
                (Way::Business(connection.to_owned()), rest)
            }
            Some(("guest", rest)) => {
                let (query, rest) = rest.rsplit_once('/')?;
                (Way::Guest(query.to_owned()), rest)
            }
            _ => (Way::Member, text),
        };
        let (chat, topic) = match rest.split_once('/') {
            Some((chat, topic)) => (chat, Some(topic.parse().ok()?)),
            None => (rest, None),
        };
        let chat = chat.parse().ok()?;
        Some(Self { chat, topic, way })
    }

    /// The conversation of what `person` says here.
    pub(crate) fn conversation(
        &self,
        platform: &PlatformId,
        scope: Scope,
        person: i64,
    ) -> Result<ConversationId, IdError> {
        let mut here = self.clone();
        if let Way::Guest(_) = self.way {
            // Each query is another; the chat and the person stay.
            return ConversationId::on(platform, format!("guest/{}/user/{person}", self.chat));
        }
        if self.is_private() || self.way != Way::Member {
            return ConversationId::on(platform, here.to_string());
        }
        match scope {
            Scope::Topic => ConversationId::on(platform, here.to_string()),
            Scope::Chat => {
                here.topic = None;
                ConversationId::on(platform, here.to_string())
            }
            Scope::Participant => ConversationId::on(platform, format!("user/{person}")),
            Scope::ParticipantInChat => {
                ConversationId::on(platform, format!("{here}/user/{person}"))
            }
        }
    }
}

impl std::fmt::Display for Spot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.way {
            Way::Member => {}
            Way::Business(connection) => write!(f, "business:{connection}/")?,
            Way::Guest(query) => write!(f, "guest:{query}/")?,
        }
        write!(f, "{}", self.chat)?;
        match self.topic {
            Some(topic) => write!(f, "/{topic}"),
            None => Ok(()),
        }
    }
}

/// The person whose memory a conversation is, where each has their own.
pub(crate) fn owner(conversation: &ConversationId) -> Option<&str> {
    let (_, person) = conversation.rest().rsplit_once("user/")?;
    Some(person)
}

/// A person or a chat that speaks.
pub(crate) fn participant(platform: &PlatformId, id: i64) -> Result<ParticipantId, IdError> {
    ParticipantId::on(platform, id.to_string())
}

/// One of our messages, or one of theirs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Handle {
    /// By its number in its chat.
    Number(i64),
    /// Where we are a guest.
    Inline(String),
}

impl Handle {
    pub(crate) fn parse(message: &MessageRef) -> Option<Self> {
        let text = message.as_str();
        match text.strip_prefix("inline:") {
            Some(id) => Some(Handle::Inline(id.to_owned())),
            None => text.rsplit_once('/')?.1.parse().ok().map(Handle::Number),
        }
    }
}

/// The message with this number in `chat`.
pub(crate) fn message(chat: i64, number: i64) -> MessageRef {
    MessageRef::new(format!("{chat}/{number}")).expect("numbers are an id")
}

/// The answer of a guest.
pub(crate) fn inline(id: &str) -> Result<MessageRef, IdError> {
    MessageRef::new(format!("inline:{id}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_they_are_written() {
        for (chat, topic, way) in [
            (42, None, Way::Member),
            (-1_001_234, Some(7), Way::Member),
            (42, None, Way::Business("aB-1_".into())),
            (-5, None, Way::Guest("9:8".into())),
            (42, Some(3), Way::Business("x".into())),
        ] {
            let spot = Spot { chat, topic, way };
            assert_eq!(Spot::parse(&spot.place().unwrap()), Some(spot));
        }
        assert_eq!(Spot::parse(&Place::new("web").unwrap()), None);
    }

    #[test]
    fn scopes_say_who_shares_a_memory() {
        let platform = PlatformId::new("telegram.a").unwrap();
        let group = Spot {
            chat: -9,
            topic: Some(4),
            way: Way::Member,
        };
        let of = |spot: &Spot, scope| spot.conversation(&platform, scope, 5).unwrap();
        assert_eq!(of(&group, Scope::Topic).rest(), "-9/4");
        assert_eq!(of(&group, Scope::Chat).rest(), "-9");
        assert_eq!(of(&group, Scope::Participant).rest(), "user/5");
        assert_eq!(of(&group, Scope::ParticipantInChat).rest(), "-9/4/user/5");
        assert_eq!(owner(&of(&group, Scope::ParticipantInChat)), Some("5"));
        let private = Spot {
            chat: 5,
            topic: None,
            way: Way::Member,
        };
        for scope in [Scope::Chat, Scope::Participant, Scope::ParticipantInChat] {
            assert_eq!(of(&private, scope).rest(), "5");
        }
    }
}
