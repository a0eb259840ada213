//! Leaves a model alone that fails, so that people are answered by another one at once.
//!
//! *Closed*, everything passes. When enough of what ended lately has failed it *opens*: completions
//! are refused with [`BackendError::Resting`], without asking. When its time is over it is *half
//! open*: one completion passes as a probe, others are still refused. The probe's first delta
//! closes it; a probe that fails opens it for longer. A probe that ends without a verdict (a person
//! stopped it) lets the next one try.
//!
//! One breaker stands for one endpoint and model, since a backend is one. Readiness is not touched:
//! a model that rests is not broken, and is asked again by itself.

mod circuit;

use super::Chance;
use crate::metric;
use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Readiness},
    id::{ConversationId, ModelName},
    prompt::{Prompt, TokenCounter},
};
pub(crate) use circuit::Change;
use circuit::{Circuit, Pass};
use futures::{StreamExt, stream};
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// When it opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Fewer failures than this in the window never open it.
    pub failures: u32,
    /// Nor does a smaller share than this of what ended in the window.
    pub rate: f64,
    /// What counts as lately.
    pub window: Duration,
    /// How long it is open the first time. Doubles each time a probe fails; a part of it is chance.
    pub first_rest: Duration,
    /// The longest it is open.
    pub longest_rest: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            failures: 5,
            rate: 0.5,
            window: Duration::from_secs(60),
            first_rest: Duration::from_secs(15),
            longest_rest: Duration::from_secs(300),
        }
    }
}

/// What an error says about the health of a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is ill.
    Failed,
    /// It answered, though not as one would like.
    Alive,
    /// Nothing.
    Unknown,
}

/// The one table of what counts as a failure.
pub(super) fn verdict(error: &BackendError) -> Verdict {
    match error {
        BackendError::Unavailable { .. }
        | BackendError::TimedOut
        | BackendError::Interrupted { .. } => Verdict::Failed,
        BackendError::Overflow { .. } | BackendError::Declined => Verdict::Alive,
        // Too much was asked of it; the quota and the retry see to that.
        BackendError::Busy { .. } => Verdict::Unknown,
        // The operator must be told what is wrong, each time, and not that it rests.
        BackendError::Misconfigured { .. } => Verdict::Unknown,
        BackendError::Loading | BackendError::Resting { .. } => Verdict::Unknown,
    }
}

/// Refuses completions of a model that fails.
pub struct Breaker {
    inner: Arc<dyn Backend>,
    shared: Arc<Shared>,
}

struct Shared {
    model: ModelName,
    circuit: Mutex<Circuit>,
}

impl Breaker {
    /// Watches over `inner`.
    pub fn new(
        model: ModelName,
        inner: Arc<dyn Backend>,
        settings: Settings,
        chance: Chance,
    ) -> Self {
        metric::breaker(&model, Change::Closed);
        let circuit = Mutex::new(Circuit::new(settings, chance));
        let shared = Arc::new(Shared { model, circuit });
        Self { inner, shared }
    }
}

#[async_trait]
impl Backend for Breaker {
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
        let mut watch = self.shared.admit()?;
        match self.inner.complete(prompt).await {
            Ok(stream) => Ok(stream::unfold(Watched::Open(stream, watch), next).boxed()),
            Err(error) => {
                watch.tell(verdict(&error));
                Err(error)
            }
        }
    }

    fn forget(&self, conversation: &ConversationId) {
        self.inner.forget(conversation);
    }
}

impl Shared {
    fn admit(self: &Arc<Self>) -> Result<Watch, BackendError> {
        let admitted = self.with(|circuit, now| circuit.admit(now));
        let pass = admitted.map_err(|again_in| BackendError::Resting { again_in })?;
        if pass == Pass::Probe {
            metric::breaker(&self.model, Change::HalfOpen);
        }
        let shared = Arc::clone(self);
        let pass = Some(pass);
        Ok(Watch { shared, pass })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Circuit, Instant) -> T) -> T {
        let mut circuit = self.circuit.lock().unwrap_or_else(PoisonError::into_inner);
        work(&mut circuit, Instant::now())
    }
}

/// Watches over one completion, and says how it went once.
struct Watch {
    shared: Arc<Shared>,
    pass: Option<Pass>,
}

impl Watch {
    /// A sign of life: enough for a probe.
    fn alive(&mut self) {
        if self.pass == Some(Pass::Probe) {
            self.tell(Verdict::Alive);
            self.pass = Some(Pass::Ordinary);
        }
    }

    /// How it went. What the operator should know, if it changed anything.
    fn tell(&mut self, verdict: Verdict) -> Option<String> {
        let pass = self.pass.take()?;
        let change = self
            .shared
            .with(|circuit, now| circuit.record(pass, verdict, now))?;
        let model = &self.shared.model;
        metric::breaker(model, change);
        match change {
            Change::Opened(rest) => {
                let seconds = rest.as_millis().div_ceil(1000);
                tracing::warn!(%model, seconds, "the model fails and is left alone");
                Some(format!(
                    "model {model} failed too often and is left alone for {seconds} s"
                ))
            }
            Change::Closed => {
                tracing::info!(%model, "the model answers again");
                None
            }
            Change::HalfOpen => None,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.tell(Verdict::Unknown);
    }
}

type Item = Result<Delta, BackendError>;

/// A completion under way.
enum Watched {
    Open(CompletionStream, Watch),
    /// There is this to say yet.
    Failed(BackendError),
    Over,
}

async fn next(watched: Watched) -> Option<(Item, Watched)> {
    let (mut stream, mut watch) = match watched {
        Watched::Open(stream, watch) => (stream, watch),
        Watched::Failed(error) => return Some((Err(error), Watched::Over)),
        Watched::Over => return None,
    };
    let Some(item) = stream.next().await else {
        watch.tell(Verdict::Failed);
        return None;
    };
    match item {
        Ok(Delta::Finish(finish)) => {
            watch.tell(Verdict::Alive);
            Some((Ok(Delta::Finish(finish)), Watched::Over))
        }
        Ok(delta) => {
            if !matches!(delta, Delta::Note(_)) {
                watch.alive();
            }
            Some((Ok(delta), Watched::Open(stream, watch)))
        }
        Err(error) => match watch.tell(verdict(&error)) {
            Some(note) => Some((Ok(Delta::Note(note)), Watched::Failed(error))),
            None => Some((Err(error), Watched::Over)),
        },
    }
}
