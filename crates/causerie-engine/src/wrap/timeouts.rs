//! How long a model may take: to its first token, from token to token, and altogether.
//!
//! Only deltas count. A connection that is kept alive without a word is no sign of life, and a
//! backend's notes are not either. How long connecting may take is the backend's own.

use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Readiness},
    id::ConversationId,
    prompt::{Prompt, TokenCounter},
};
use futures::{StreamExt, stream};
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, timeout_at};

/// How long a model may take. `None` is without end; the turn's own deadline stands above all.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// From the request to the first delta. The time in which a model loads does not count, but
    /// waiting in a backend's own queue and reading the prompt do: leave it out where these take
    /// long.
    pub first: Option<Duration>,
    /// From each delta to the next.
    pub between: Option<Duration>,
    /// From the request to the end.
    pub whole: Option<Duration>,
}

impl Settings {
    /// For a model behind a network. A minute and a half is enough for models that think in secret
    /// before they speak.
    pub fn remote() -> Self {
        Self {
            first: Some(Duration::from_secs(90)),
            between: Some(Duration::from_secs(45)),
            whole: None,
        }
    }

    /// For a model in this process, which is shared: other people's prompts may be read between two
    /// tokens, so that only a model that stands still is meant.
    pub fn local() -> Self {
        Self {
            first: None,
            between: Some(Duration::from_secs(180)),
            whole: None,
        }
    }
}

/// Ends completions that take too long, with [`BackendError::TimedOut`].
pub struct Timeouts {
    inner: Arc<dyn Backend>,
    settings: Settings,
}

impl Timeouts {
    /// Times `inner`.
    pub fn new(inner: Arc<dyn Backend>, settings: Settings) -> Self {
        Self { inner, settings }
    }
}

#[async_trait]
impl Backend for Timeouts {
    fn capabilities(&self) -> BackendCapabilities {
        self.inner.capabilities()
    }

    fn readiness(&self) -> Readiness {
        self.inner.readiness()
    }

    async fn ready(&self) -> Readiness {
        self.inner.ready().await
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        self.inner.counter()
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        self.inner.ready().await;
        let Settings {
            first,
            between,
            whole,
        } = self.settings;
        let began = Instant::now();
        let (first, end) = (after(began, first), after(began, whole));
        let beginning = self.inner.complete(prompt);
        let stream = match earlier(first, end) {
            Some(due) => timeout_at(due, beginning)
                .await
                .unwrap_or(Err(BackendError::TimedOut))?,
            None => beginning.await?,
        };
        let timed = Timed {
            stream,
            due: first,
            end,
            between,
        };
        Ok(stream::unfold(Some(timed), next).boxed())
    }

    fn forget(&self, conversation: &ConversationId) {
        self.inner.forget(conversation);
    }
}

/// A completion under way.
struct Timed {
    stream: CompletionStream,
    /// When the next delta must be here.
    due: Option<Instant>,
    /// When all of it must be.
    end: Option<Instant>,
    between: Option<Duration>,
}

type Item = Result<Delta, BackendError>;

async fn next(timed: Option<Timed>) -> Option<(Item, Option<Timed>)> {
    let mut timed = timed?;
    let item = match earlier(timed.due, timed.end) {
        // What is there already is taken, however late somebody asks for it.
        Some(due) => match timeout_at(due, timed.stream.next()).await {
            Ok(item) => item?,
            Err(_elapsed) => return Some((Err(BackendError::TimedOut), None)),
        },
        None => timed.stream.next().await?,
    };
    match &item {
        Ok(Delta::Text(_) | Delta::Reasoning(_) | Delta::ToolCall(_)) => {
            timed.due = after(Instant::now(), timed.between);
            Some((item, Some(timed)))
        }
        Ok(Delta::Note(_)) => Some((item, Some(timed))),
        Ok(Delta::Finish(_)) | Err(_) => Some((item, None)),
    }
}

fn after(start: Instant, limit: Option<Duration>) -> Option<Instant> {
    limit.and_then(|limit| start.checked_add(limit))
}

fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
