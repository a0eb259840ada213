//! What comes in from a platform.

use crate::{
    Text, Timestamp,
    id::{ConversationId, EventId, MessageRef, ParticipantId, Place},
};
use serde::{Deserialize, Serialize};

/// Something that happened on a platform and wants exactly one outcome.
///
/// Stored in the mailbox by position (see [`crate::record`]): add fields at the end, with a new
/// record version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// What makes it the same event when it is delivered again.
    pub id: EventId,
    /// The conversation it belongs to.
    pub conversation: ConversationId,
    /// Where the answer goes.
    pub place: Place,
    /// Who did it.
    pub author: Participant,
    /// When it happened, by the platform's clock.
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The language in which its author wants to be spoken to, where the platform tells: a BCP 47
    /// tag such as `en` or `zh-Hans`. It is about our own lines; models find out by themselves.
    pub language: Option<String>,
}

/// Who speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Participant {
    /// Who it is on the platform.
    pub id: ParticipantId,
    /// The name people see. It is whatever its owner typed.
    pub name: Text,
    /// Whether the platform says it is a bot.
    pub is_bot: bool,
    /// The roles it has there: names by which limits and rights are given. Filled in by the adapter.
    pub roles: Vec<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum EventKind {
    /// A message was posted.
    Posted(Posted),
    /// A message that was posted earlier now reads differently.
    Edited {
        /// The message.
        message: MessageRef,
        /// What it reads now.
        text: Text,
    },
    /// A message that was posted earlier is gone, and must be forgotten.
    Deleted {
        /// The message.
        message: MessageRef,
    },
    /// One of our commands was given, by a platform's own command or by a message like `/new`.
    Command {
        /// The message that carried it, where there is one.
        message: Option<MessageRef>,
        /// Its name without the slash, in lower case.
        name: String,
        /// What stood behind the name.
        argument: Text,
    },
    /// Somebody wants the running answer to stop.
    StopPressed,
    /// Somebody judged one of our answers.
    Feedback {
        /// Our message.
        message: MessageRef,
        /// The judgement.
        rating: Rating,
    },
}

/// A posted message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Posted {
    /// The message on the platform.
    pub message: MessageRef,
    /// What it says.
    pub text: Text,
    /// What it replies to.
    pub quoted: Option<Quoted>,
    /// Pictures and files that came with it.
    pub attachments: Vec<Attachment>,
    /// Whether several people can speak in this conversation, so that each must be named.
    pub shared: bool,
}

/// A message that another one replies to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    /// The message on the platform.
    pub message: MessageRef,
    /// Who wrote it; `None` if it was us.
    pub author: Option<Participant>,
    /// What it says, if the platform told.
    pub text: Text,
}

/// A picture or a file, held by reference until somebody needs its bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attachment {
    /// Its media type, such as `image/png`.
    pub media_type: String,
    /// The name it was given.
    pub name: Text,
    /// Its size in bytes, if known.
    pub size: Option<u64>,
    /// How the adapter finds it again.
    pub locator: String,
}

impl Attachment {
    /// Whether it is a picture, for models that see.
    pub fn is_image(&self) -> bool {
        self.media_type.starts_with("image/")
    }
}

/// A judgement on an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rating {
    /// It helped.
    Up,
    /// It did not.
    Down,
}

impl Event {
    /// Whether it asks the running answer to stop: the button, or the command `stop`.
    pub fn is_stop(&self) -> bool {
        match &self.kind {
            EventKind::StopPressed => true,
            EventKind::Command { name, .. } => name == "stop",
            _ => false,
        }
    }

    /// Whether it holds words of this message, as a deletion or a judgement of it does not.
    pub fn quotes(&self, message: &MessageRef) -> bool {
        self.worded() == Some(message)
    }

    /// The platform message whose words it holds, where there is one.
    pub fn worded(&self) -> Option<&MessageRef> {
        let wordless = matches!(
            self.kind,
            EventKind::Deleted { .. } | EventKind::Feedback { .. }
        );
        self.message().filter(|_| !wordless)
    }

    /// The platform message this event is about, where there is one.
    pub fn message(&self) -> Option<&MessageRef> {
        match &self.kind {
            EventKind::Posted(posted) => Some(&posted.message),
            EventKind::Edited { message, .. }
            | EventKind::Deleted { message }
            | EventKind::Feedback { message, .. } => Some(message),
            EventKind::Command { message, .. } => message.as_ref(),
            EventKind::StopPressed => None,
        }
    }
}
