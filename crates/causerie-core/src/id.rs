//! Names of things. They are parsed and printed here and nowhere else.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};
use thiserror::Error;

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum IdError {
    /// It has no characters.
    #[error("an id may not be empty")]
    Empty,
    /// It is longer than [`MAX_LEN`] bytes.
    #[error("an id may have at most {MAX_LEN} bytes")]
    TooLong,
    /// It holds a character that this kind of id does not allow.
    #[error("an id of this kind may not contain {0:?}")]
    Character(char),
    /// It lacks the `/` between the platform and the rest.
    #[error("this id needs a platform, a slash and a rest")]
    NoPlatform,
}

/// The longest id, in bytes.
pub const MAX_LEN: usize = 512;

fn check(text: &str, allowed: impl Fn(char) -> bool) -> Result<(), IdError> {
    if text.is_empty() {
        return Err(IdError::Empty);
    }
    if text.len() > MAX_LEN {
        return Err(IdError::TooLong);
    }
    match text.chars().find(|c| !allowed(*c)) {
        Some(c) => Err(IdError::Character(c)),
        None => Ok(()),
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':')
}

fn is_opaque(c: char) -> bool {
    !c.is_control() && !c.is_whitespace()
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $allowed:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Parses `text`.
            ///
            /// # Errors
            /// If it is empty, too long, or holds a character this kind of id does not allow.
            pub fn new(text: impl AsRef<str>) -> Result<Self, IdError> {
                let text = text.as_ref();
                check(text, $allowed)?;
                Ok(Self(text.into()))
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(text: String) -> Result<Self, IdError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

id! {
    /// One configured platform, such as `web`, `terminal` or `telegram.support`.
    PlatformId, is_name
}
id! {
    /// A model as the configuration names it.
    ModelName, is_name
}
id! {
    /// A persona as the configuration names it.
    PersonaName, is_name
}
id! {
    /// A tool as the model calls it.
    ToolName, is_name
}
id! {
    /// One running process.
    ReplicaId, is_name
}
id! {
    /// What makes an event the same event when a platform delivers it again. Unique within its
    /// conversation.
    EventId, is_opaque
}
id! {
    /// Where on a platform an answer belongs, thread included. Only the adapter reads it.
    Place, is_opaque
}
id! {
    /// One message on a platform, in the adapter's own form. Only the adapter reads it.
    MessageRef, is_opaque
}
id! {
    /// The ordered exchange we keep: `platform/rest`. The adapter chooses the rest, and with it
    /// who shares the memory.
    ConversationId, is_opaque
}
id! {
    /// A person or a bot on a platform: `platform/rest`.
    ParticipantId, is_opaque
}

macro_rules! scoped {
    ($name:ident) => {
        impl $name {
            /// Makes an id from a platform and the adapter's own rest.
            ///
            /// # Errors
            /// If the whole is too long, or the rest is empty or holds white space.
            pub fn on(platform: &PlatformId, rest: impl AsRef<str>) -> Result<Self, IdError> {
                let rest = rest.as_ref();
                check(rest, is_opaque)?;
                Self::new(format!("{platform}/{rest}"))
            }

            /// The platform it is on.
            ///
            /// # Errors
            /// If there is no slash, or what stands before it is no platform name.
            pub fn platform(&self) -> Result<PlatformId, IdError> {
                let (platform, _) = self.0.split_once('/').ok_or(IdError::NoPlatform)?;
                PlatformId::new(platform)
            }

            /// What the adapter put behind the platform.
            pub fn rest(&self) -> &str {
                self.0.split_once('/').map_or("", |(_, rest)| rest)
            }
        }
    };
}
scoped!(ConversationId);
scoped!(ParticipantId);

/// The position of a message in its conversation, from 1 and without gaps at the time of writing.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The one after it.
    pub fn next(self) -> Seq {
        Seq(self.0 + 1)
    }
}

/// The number of a turn in its conversation, from 1. A turn taken over by another replica keeps it.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct TurnNumber(pub u64);

/// The number of a claim on a conversation. It only grows; a write with an older one is refused.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Fence(pub u64);

/// Identifies one message we are about to create, the same on every attempt to create it.
///
/// Derived from the conversation, the turn and the part, so a replica that takes over finds the
/// same one. 16 hexadecimal characters, which fits every platform that has such a field.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Nonce(String);

impl Nonce {
    /// The nonce of part number `part` of turn `turn` of `conversation`.
    pub fn derive(conversation: &ConversationId, turn: TurnNumber, part: u32) -> Self {
        let turn = turn.0.to_le_bytes();
        let part = part.to_le_bytes();
        let bytes = conversation.as_str().bytes();
        let hash = fnv(bytes.chain([0]).chain(turn).chain(part));
        Self(format!("{hash:016x}"))
    }

    /// The nonce as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// FNV-1a, 64 bits: stable for ever. Good enough to tell apart the few things that are compared, and
/// never used where somebody chooses the input in order to collide.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl ParticipantId {
    /// Six hexadecimal characters that stand for this participant where the whole id is too long
    /// to repeat: in front of what they say in a room. Two people of a room of a thousand share
    /// one with a probability of 3 %; their names then tell them apart.
    pub fn tag(&self) -> String {
        // Ids of one platform differ in their last digits only, and FNV hardly spreads those: one
        // more multiplication brings them into the upper bits.
        let hash = fnv(self.0.bytes());
        let spread = (hash ^ (hash >> 32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        format!("{:06x}", spread >> 40)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_knows_its_platform() {
        let web = PlatformId::new("web").unwrap();
        let id = ConversationId::on(&web, "v1/abc").unwrap();
        assert_eq!(id.as_str(), "web/v1/abc");
        assert_eq!(id.platform().unwrap(), web);
        assert_eq!(id.rest(), "v1/abc");
        assert_eq!(id.as_str().parse::<ConversationId>().unwrap(), id);
    }

    #[test]
    fn bad_ids_say_why() {
        assert_eq!(PlatformId::new(""), Err(IdError::Empty));
        assert_eq!(PlatformId::new("a b"), Err(IdError::Character(' ')));
        assert_eq!(EventId::new("x".repeat(513)), Err(IdError::TooLong));
        assert_eq!(
            ConversationId::new("web").unwrap().platform(),
            Err(IdError::NoPlatform)
        );
    }

    #[test]
    fn a_nonce_is_the_same_each_time_and_another_for_each_part() {
        let id = ConversationId::new("web/a").unwrap();
        let first = Nonce::derive(&id, TurnNumber(1), 0);
        assert_eq!(first, Nonce::derive(&id, TurnNumber(1), 0));
        assert_ne!(first, Nonce::derive(&id, TurnNumber(1), 1));
        assert_ne!(first, Nonce::derive(&id, TurnNumber(2), 0));
    }

    #[test]
    fn tags_of_neighbouring_participants_are_spread() {
        let tag = |n: u32| ParticipantId::new(format!("telegram/{n}")).unwrap().tag();
        let tags: std::collections::BTreeSet<String> = (0..500).map(tag).collect();
        let first: std::collections::BTreeSet<char> =
            tags.iter().filter_map(|tag| tag.chars().next()).collect();
        assert_eq!((tags.len(), first.len()), (500, 16));
        assert!(tags.iter().all(|tag| tag.len() == 6));
    }
}
