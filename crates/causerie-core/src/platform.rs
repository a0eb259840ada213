//! Our ways to people.

use crate::{
    Text, Timestamp,
    event::{Attachment, Event},
    id::{ConversationId, MessageRef, Nonce, ParticipantId, Place, PlatformId, Seq},
    message::Message,
    outcome::Failure,
};
use async_trait::async_trait;
use futures::future::BoxFuture;
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use thiserror::Error;

/// One chat service, connected.
///
/// An adapter knows nothing of engine, store or backends: it offers events to the [`Inbox`] it is
/// given and performs the operations it is asked for.
#[async_trait]
pub trait Platform: Send + Sync {
    /// Its name in the configuration.
    fn id(&self) -> &PlatformId;

    /// What it can do at a place: a group may allow less than a private chat. The same for as long
    /// as a turn takes.
    fn capabilities(&self, place: &Place) -> &PlatformCapabilities;

    /// Called once. Connects, offers every event to `inbox`, acknowledges an event only after the
    /// offer, reconnects by itself, and returns soon after `stop` resolves, or with an error that
    /// the operator must repair.
    async fn run(&self, inbox: Arc<dyn Inbox>, stop: Stop) -> Result<(), PlatformError>;

    /// Called by the engine for each step of a reply, in order within a place. The same operation
    /// twice does no harm: a create carries a nonce, an append its offset, an edit the whole text.
    ///
    /// # Errors
    /// Named for what the engine does next.
    ///
    /// # Cancel safety
    /// After a drop it is unknown whether the operation took effect.
    async fn perform(&self, operation: &Operation) -> Result<Receipt, PlatformError>;

    /// The bytes of an attachment that this platform gave, found by its locator.
    ///
    /// # Errors
    /// [`PlatformError::Gone`] if it is not there any more, or files never are;
    /// [`PlatformError::TooLong`] if the platform does not give away files of that size.
    async fn fetch(&self, attachment: &Attachment) -> Result<Vec<u8>, PlatformError> {
        let _ = attachment;
        Err(PlatformError::Gone)
    }
}

/// Resolves when the process stops.
pub type Stop = BoxFuture<'static, ()>;

/// Where an adapter puts what it hears. The engine implements it.
#[async_trait]
pub trait Inbox: Send + Sync {
    /// Takes an event for good. When this returns `Queued` or `Duplicate` the event is safe on
    /// disk and the platform may be acknowledged; it never waits for a model.
    ///
    /// # Errors
    /// If the event could not be stored: do not acknowledge, so that it is delivered again.
    async fn offer(&self, event: Event) -> Result<Accepted, InboxError>;

    /// What was said in a conversation, for platforms that show it themselves: at most `limit`
    /// messages before `before` (the newest if `None`), in order, and what waits for an answer.
    async fn transcript(
        &self,
        conversation: &ConversationId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Transcript, InboxError>;

    /// The conversations a participant has spoken in, the latest first.
    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, InboxError>;

    /// Erases a conversation for good.
    async fn erase(&self, conversation: &ConversationId) -> Result<(), InboxError>;

    /// The place of `from` has another name now: carries the conversation and those below it
    /// (`from/…`) over to `to`, unless there is one already. Doing it twice is doing it once.
    async fn carry(&self, from: &ConversationId, to: &ConversationId) -> Result<(), InboxError> {
        let _ = (from, to);
        Ok(())
    }

    /// Takes or keeps an exclusive role among all servers that share the store, such as to poll
    /// with one token, for `ttl`. `false` if another server holds it.
    async fn lease(&self, role: &str, ttl: Duration) -> Result<bool, InboxError> {
        let _ = (role, ttl);
        Ok(true)
    }

    /// More of what was said in `conversation` is on its way, such as the next picture of an
    /// album: until `wait` has passed, no answer to it begins. Said before the offer; a server
    /// that dies forgets it.
    fn expect_more(&self, conversation: &ConversationId, wait: Duration) {
        let _ = (conversation, wait);
    }

    /// Whether a message posted now would be answered soon.
    fn readiness(&self) -> crate::backend::Readiness;
}

/// What became of an offered event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted {
    /// It will have an outcome.
    Queued,
    /// It was here before; its outcome is already decided or under way.
    Duplicate,
    /// The conversation has too much unanswered mail. Nothing was stored. Acknowledge it if the
    /// platform would otherwise deliver it for ever, and tell the person.
    Full,
}

/// Why an event could not be taken.
#[derive(Debug, Error)]
pub enum InboxError {
    /// The store does not answer.
    #[error("the message could not be stored")]
    Unavailable(#[source] crate::store::StoreError),
    /// The process is stopping.
    #[error("the server is stopping")]
    Stopping,
}

/// What was said, and what waits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    /// History, oldest first.
    pub messages: Vec<Message>,
    /// Events without an outcome yet, oldest first.
    pub pending: Vec<Event>,
    /// Whether there is history before the first message.
    pub more: bool,
}

/// One line in a list of conversations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationEntry {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its beginning, at most 80 characters.
    pub title: Text,
    /// When something last happened in it.
    pub at: Timestamp,
}

/// What a platform can do. Data, so that the engine need not know which platform it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlatformCapabilities {
    /// How a growing answer can be shown.
    pub streaming: Streaming,
    /// The most one message can hold; `None` if there is no bound.
    pub message_limit: Option<TextLimit>,
    /// Whether creating with the same nonce twice makes one message.
    pub creates: Creates,
    /// Whether our messages can be changed.
    pub edits: bool,
    /// Whether our messages can be taken back.
    pub deletes: bool,
    /// How long a "typing" sign lasts; `None` if there is none.
    pub typing: Option<Duration>,
    /// An answer has at most this many messages of words; what follows goes into a file as the last
    /// one. `None` if there is no bound, or files cannot be sent.
    pub file_after: Option<usize>,
}

/// The least a platform can do: create messages.
impl Default for PlatformCapabilities {
    fn default() -> Self {
        Self {
            streaming: Streaming::None,
            message_limit: None,
            creates: Creates::Ambiguous,
            edits: false,
            deletes: false,
            typing: None,
            file_after: None,
        }
    }
}

/// How a growing answer can be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streaming {
    /// Not at all: only what is finished is sent.
    None,
    /// By editing a message, no more often than this.
    Edit {
        /// An answer that ends before this is shown whole at once, and nothing of it before.
        first: Duration,
        /// The least time between two edits. The last one does not wait.
        every: Duration,
    },
    /// By a draft that disappears, followed by one real message.
    Preview {
        /// An answer that ends before this needs no preview.
        first: Duration,
        /// The least time between two previews.
        every: Duration,
        /// A preview must be sent again before this has passed.
        lasts: Duration,
    },
    /// By appending to an open message.
    Append {
        /// The least time between two appends.
        every: Duration,
    },
}

/// What creating a message with the same nonce twice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Creates {
    /// One message, for ever, which reads like the newest of them; the nonce is its name, so no
    /// journal is needed.
    Idempotent,
    /// One message, as long as the platform remembers the nonce.
    Remembered,
    /// Two messages. The journal says what was under way.
    Ambiguous,
}

/// The most one message can hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TextLimit {
    /// What is counted.
    pub unit: TextUnit,
    /// The most of it.
    pub max: usize,
    /// In which form it is counted.
    pub form: TextForm,
}

/// What is counted: the Markdown itself, or what it becomes in this form.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TextForm {
    /// The Markdown as the model wrote it.
    #[default]
    Source,
    /// The text of a Telegram message. One with more looks than Telegram shows does not fit.
    Telegram,
    /// The Markdown of a Discord message.
    Discord,
    /// The Markdown of a Slack `markdown` block.
    SlackMarkdown,
    /// The `mrkdwn` of a Slack text.
    SlackMrkdwn,
}

/// What a platform counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextUnit {
    /// Unicode code points.
    CodePoints,
    /// UTF-16 code units.
    Utf16,
    /// Bytes of UTF-8.
    Bytes,
}

impl TextUnit {
    /// The length of `text` in this unit.
    pub fn measure(self, text: &str) -> usize {
        match self {
            TextUnit::CodePoints => text.chars().count(),
            TextUnit::Utf16 => text.chars().map(char::len_utf16).sum(),
            TextUnit::Bytes => text.len(),
        }
    }
}

/// One step on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The conversation it is for.
    pub conversation: ConversationId,
    /// Where, thread included.
    pub place: Place,
    /// What.
    pub action: Action,
}

/// What to do on a platform.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Create a message.
    Post {
        /// The same on every attempt.
        nonce: Nonce,
        /// The message it answers.
        reply_to: Option<MessageRef>,
        /// What it says.
        content: Content,
    },
    /// Make a message of ours read like this.
    Edit {
        /// The message.
        message: MessageRef,
        /// What it says now.
        content: Content,
    },
    /// Take a message of ours back.
    Delete {
        /// The message.
        message: MessageRef,
    },
    /// Show this as a draft.
    Preview {
        /// The same for all drafts of one message.
        nonce: Nonce,
        /// What it says so far.
        content: Content,
    },
    /// Create an empty message that is appended to.
    OpenStream {
        /// The same on every attempt.
        nonce: Nonce,
        /// The message it answers.
        reply_to: Option<MessageRef>,
    },
    /// Append to an open message.
    Append {
        /// The message.
        message: MessageRef,
        /// How many bytes of Markdown stand there already: what makes a repeat harmless.
        offset: usize,
        /// The Markdown that follows.
        text: Text,
    },
    /// The open message is finished and reads like this.
    CloseStream {
        /// The message.
        message: MessageRef,
        /// What it says.
        content: Content,
    },
    /// Show that we are at work.
    Status {
        /// On what.
        status: Status,
    },
}

impl Action {
    /// Whether something is shown in its last form.
    pub fn lasts(&self) -> bool {
        match self {
            Action::Post { content, .. }
            | Action::Edit { content, .. }
            | Action::CloseStream { content, .. } => content.complete,
            _ => false,
        }
    }
}

/// What a message of ours says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Content {
    /// The words, as Markdown. Untrusted: it came from a model. The adapter renders it.
    pub markdown: Text,
    /// Whether this is its last form.
    pub complete: bool,
    /// Whether the answer ends with this message. Only known once it is complete.
    pub ends: bool,
    /// Why we speak ourselves; `None` if these are the model's words.
    pub notice: Option<Notice>,
    /// Whether it is posted as a file: the rest of an answer that is too long for messages.
    pub file: bool,
}

/// Why we speak ourselves rather than the model. Platforms that show notices differently, or
/// give an exit code, look here and never into the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Notice {
    /// A command's answer, or a hint.
    Told,
    /// The message was not answered, on purpose.
    Refused {
        /// When to come back, where waiting helps.
        until: Option<Timestamp>,
    },
    /// The message could not be answered.
    Failed(Failure),
}

impl Notice {
    /// Parts the model's words in `markdown`, the words of a message that ends with this notice,
    /// from our own. Where an answer could not be finished, our line is its last paragraph.
    pub fn part(self, markdown: &str) -> (&str, &str) {
        match self {
            Notice::Told => ("", markdown),
            Notice::Refused { .. } | Notice::Failed(_) => {
                markdown.rsplit_once("\n\n").unwrap_or(("", markdown))
            }
        }
    }
}

/// What we are at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// The message waits for its turn.
    Queued,
    /// The model is being loaded.
    Loading,
    /// The model is at work.
    Typing,
    /// A tool is at work.
    Working,
    /// Nothing any more.
    Idle,
}

/// What an operation brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Receipt {
    /// The message that was created, for `Post` and `OpenStream`.
    pub message: Option<MessageRef>,
}

/// Why an operation had no effect, named for what the engine does next.
#[derive(Debug, Error)]
pub enum PlatformError {
    /// Wait this long, then do the same again.
    #[error("the platform asks to wait {} s", retry_after.as_secs())]
    RateLimited {
        /// How long.
        retry_after: Duration,
    },
    /// It did not take effect; doing the same again may help.
    #[error("the platform is not available: {reason}")]
    Unavailable {
        /// What was seen.
        reason: String,
    },
    /// It is unknown whether it took effect.
    #[error("it is unknown whether the platform did it")]
    Ambiguous,
    /// The message or the place is gone.
    #[error("the message or place is gone")]
    Gone,
    /// We may not write here.
    #[error("we may not write here")]
    Forbidden,
    /// The message does not fit.
    #[error("the message is too long for the platform")]
    TooLong,
    /// The operator must repair something.
    #[error("the platform cannot be used: {reason}")]
    Misconfigured {
        /// What is wrong and what to do.
        reason: String,
    },
}
