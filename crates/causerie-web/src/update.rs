//! What the page is told, as JSON.

use causerie_core::{
    Text, Timestamp,
    backend::Readiness,
    id::MessageRef,
    platform::{Notice, Status},
};
use serde::{Serialize, Serializer};

/// One message as the page shows it.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Item {
    /// The platform message; made up from the position for one that never had any.
    pub(crate) id: String,
    pub(crate) kind: Kind,
    pub(crate) at: Timestamp,
    /// The words of a person, as typed.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "exposed")]
    pub(crate) text: Option<Text>,
    /// The words of an answer, as HTML made by our renderer.
    pub(crate) blocks: Vec<String>,
    /// Whether it will not grow any more.
    pub(crate) complete: bool,
    /// Whether it is a person's and has no outcome yet.
    pub(crate) waiting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<NoticeView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<MessageRef>,
}

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    User,
    Answer,
}

/// Sending a person their own words back is what the page is for.
fn exposed<S: Serializer>(text: &Option<Text>, serializer: S) -> Result<S::Ok, S::Error> {
    text.as_ref().map(Text::expose).serialize(serializer)
}

/// Why we speak ourselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub(crate) enum NoticeView {
    Told,
    Refused {
        #[serde(skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    Failed,
}

impl From<Notice> for NoticeView {
    fn from(notice: Notice) -> Self {
        match notice {
            Notice::Told => Self::Told,
            Notice::Refused { until } => Self::Refused { until },
            Notice::Failed(_) => Self::Failed,
        }
    }
}

/// What is new in a conversation. The name of each variant is the name of the SSE event.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub(crate) enum Update {
    /// Everything there is to see; what the page showed before is replaced.
    Snapshot {
        messages: Vec<Item>,
        /// Where to ask for what is older, if anything is.
        #[serde(skip_serializing_if = "Option::is_none")]
        older: Option<u64>,
        status: &'static str,
        model: Model,
    },
    /// The visitor said something, perhaps on another page.
    Posted(Item),
    /// An answer changed.
    Answer(AnswerChange),
    /// A message of ours was taken back.
    Gone { id: MessageRef },
    /// What we are at.
    Status { status: &'static str },
    /// Whether the model can answer.
    Model(Model),
    /// The conversation was deleted.
    Erased {},
    /// Nothing happened, and the connection is alive.
    Ping {},
}

/// How an answer differs from what was told before.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct AnswerChange {
    pub(crate) id: MessageRef,
    pub(crate) at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reply_to: Option<MessageRef>,
    /// How blocks changed, in order. Others stay.
    pub(crate) changed: Vec<BlockDifference>,
    /// How many blocks it has now; what stands behind them goes.
    pub(crate) length: usize,
    pub(crate) complete: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) notice: Option<NoticeView>,
}

/// How one block changed. `i` is its position.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum BlockDifference {
    /// The block is this HTML.
    Set { i: usize, html: String },
    /// This HTML follows within the block's `code` element.
    Append { i: usize, more: String },
}

/// Whether the model can answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub(crate) enum Model {
    Ready,
    Loading {
        #[serde(skip_serializing_if = "Option::is_none")]
        percent: Option<u8>,
    },
    Failed {
        #[serde(skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Model {
    /// `reason` may name files of the operator's, so it is shown to the operator only.
    pub(crate) fn of(readiness: Readiness, to_operator: bool) -> Self {
        match readiness {
            Readiness::Ready => Self::Ready,
            Readiness::Loading { percent } => Self::Loading { percent },
            Readiness::Failed(reason) => Self::Failed {
                reason: to_operator.then_some(reason),
            },
        }
    }
}

impl Update {
    /// The name of the SSE event.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Update::Snapshot { .. } => "snapshot",
            Update::Posted(_) => "posted",
            Update::Answer(_) => "answer",
            Update::Gone { .. } => "gone",
            Update::Status { .. } => "status",
            Update::Model(_) => "model",
            Update::Erased {} => "erased",
            Update::Ping {} => "ping",
        }
    }
}

/// The word for a status.
pub(crate) fn status_word(status: Status) -> &'static str {
    match status {
        Status::Queued => "queued",
        Status::Loading => "loading",
        Status::Typing => "typing",
        Status::Working => "working",
        Status::Idle => "idle",
    }
}
