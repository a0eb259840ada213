//! Our ways to a model.

use crate::{
    Text,
    message::ToolCall,
    outcome::Usage,
    price::Prices,
    prompt::{Prompt, TokenCounter},
};
use async_trait::async_trait;
use futures::stream::BoxStream;
use std::{sync::Arc, time::Duration};
use thiserror::Error;

/// A way to one model.
///
/// The engine holds it as `Arc<dyn Backend>` and calls it from many turns at once. What wraps it
/// (retry, fallback, metering) is a `Backend` too.
#[async_trait]
pub trait Backend: Send + Sync {
    /// What the model can do. May change once, when a model has finished loading.
    fn capabilities(&self) -> BackendCapabilities;

    /// Whether it can answer now. Cheap; asked before each turn and by status pages.
    fn readiness(&self) -> Readiness;

    /// Waits until [`Backend::readiness`] is no longer [`Readiness::Loading`], and says what it is
    /// then. At once for a backend that never loads.
    async fn ready(&self) -> Readiness {
        self.readiness()
    }

    /// Counts tokens for this model.
    fn counter(&self) -> Arc<dyn TokenCounter>;

    /// Begins a completion of `prompt`.
    ///
    /// The stream yields any number of deltas, then exactly one [`Delta::Finish`] or one error,
    /// and then ends. A stream that ends without either was cut; the engine treats it as
    /// [`BackendError::Interrupted`].
    ///
    /// # Errors
    /// If the completion cannot begin; nothing was used then.
    ///
    /// # Cancel safety
    /// Dropping the future or the stream stops the model within one token and frees its place.
    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError>;

    /// The conversation is gone for good: what is kept for it (a prefix, a saved state) may go.
    fn forget(&self, _conversation: &crate::id::ConversationId) {}
}

/// The deltas of one completion.
pub type CompletionStream = BoxStream<'static, Result<Delta, BackendError>>;

/// A piece of a completion. Only [`Delta::Text`] can reach a platform.
#[derive(Clone, Debug, PartialEq)]
pub enum Delta {
    /// Words of the answer.
    Text(Text),
    /// The model thinks aloud. Never shown.
    Reasoning(Text),
    /// The model asks for a tool. Whole: backends join the pieces.
    ToolCall(ToolCall),
    /// What the operator may want to know of how the completion came about: a retry, a wait. In
    /// English, without any text of people. Goes into the turn's record, never to a platform.
    Note(String),
    /// The end.
    Finish(Finish),
}

/// How a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Finish {
    /// Why.
    pub reason: FinishReason,
    /// What it used.
    pub usage: Usage,
}

/// Why a completion ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FinishReason {
    /// The model had said everything.
    Stop,
    /// The most tokens allowed were reached; the answer is not whole.
    Length,
    /// It waits for the output of the tools it called.
    ToolCalls,
    /// The provider's filter broke it off.
    Filtered,
}

/// What a model can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BackendCapabilities {
    /// Tokens of prompt and completion together.
    pub context_window: u32,
    /// Whether it can call tools.
    pub tools: bool,
    /// Whether it can see pictures.
    pub images: bool,
    /// Who sees what is sent.
    pub privacy: Privacy,
    /// What it costs, if the operator said so. The engine estimates with it before a completion
    /// begins; what was used then stands in [`Usage::cost`].
    pub prices: Option<Prices>,
}

/// Who sees what is sent to a model. Ordered: a later one is less private.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privacy {
    /// This process.
    Local,
    /// A server of the operator.
    Private,
    /// Somebody else.
    ThirdParty,
}

/// Whether a backend can answer now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It can.
    Ready,
    /// It will soon.
    Loading {
        /// From 0 to 100, if known.
        percent: Option<u8>,
    },
    /// It cannot, and will not before the operator does something; the text says what.
    Failed(String),
}

/// Why there is no completion, or no more of it. Named for what the caller does next.
#[derive(Debug, Error)]
pub enum BackendError {
    /// Come back later; not before `retry_after`, if given.
    #[error("the model asks to wait")]
    Busy {
        /// How long to stay away.
        retry_after: Option<Duration>,
    },
    /// It did not answer or answered with a server error. Another try may help.
    #[error("the model is not available: {reason}")]
    Unavailable {
        /// What was seen, without any text of people.
        reason: String,
    },
    /// It failed too often and is left alone for a while: ask another one, and not this one before
    /// `again_in` has passed. Said by a circuit breaker, never by a model.
    #[error("the model failed too often and is left alone for {} s", again_in.as_millis().div_ceil(1000))]
    Resting {
        /// How long until it is tried again.
        again_in: Duration,
    },
    /// It has not loaded yet.
    #[error("the model is still loading")]
    Loading,
    /// It took too long.
    #[error("the model did not answer in time")]
    TimedOut,
    /// It broke off in mid-answer.
    #[error("the model broke off: {reason}")]
    Interrupted {
        /// What was seen, without any text of people.
        reason: String,
    },
    /// The prompt is larger than the context window.
    #[error("the prompt has {tokens} tokens and the model takes {window}")]
    Overflow {
        /// The prompt's size.
        tokens: u32,
        /// The most the model takes.
        window: u32,
    },
    /// The provider will not answer this prompt.
    #[error("the provider declined to answer")]
    Declined,
    /// The operator must repair something.
    #[error("the model cannot be used: {reason}")]
    Misconfigured {
        /// What is wrong and what to do.
        reason: String,
    },
}
