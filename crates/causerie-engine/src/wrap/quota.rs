//! Keeps to what a provider allows: requests and tokens in each minute, and as many completions at
//! once as it bears.
//!
//! 1. Who comes is served by arrival. There is one line; only its head is let through, when a
//!    completion may begin, there is a request and enough tokens in the buckets, and the provider
//!    has not asked to stay away. A large prompt at the head is waited for, not overtaken.
//! 2. Tokens are taken by estimate, the prompt and the longest answer, and corrected to what was
//!    used when the completion ends. More than a bucket holds is let through when it is full, and
//!    the bucket is in debt then.
//! 3. How many run at once adapts: one more for each round of successes, half as many when the
//!    provider is busy or does not answer in time, within bounds.
//! 4. The line is bounded. Who would wait too long is told at once, or when they have:
//!    [`BackendError::Busy`], with the time to come back where it is known.
//!
//! The counts are this process's own. Replicas that share a key share its quota by configuration.

mod bucket;
mod lane;

use crate::metric;
use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Readiness},
    id::{ConversationId, ModelName},
    prompt::{Prompt, TokenCounter},
};
use futures::{StreamExt, stream};
use lane::Lane;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, timeout_at},
};

/// A wait that was longer than this is noted for the operator.
const NOTED: Duration = Duration::from_secs(1);

/// What a provider allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Requests in a minute. A quarter of them may come at once.
    pub requests_per_minute: Option<u32>,
    /// Tokens of prompts and answers in a minute. A quarter of them may come at once.
    pub tokens_per_minute: Option<u64>,
    /// Completions at once, however busy the provider is. At least 1.
    pub least_at_once: u32,
    /// Completions at once, however well it goes.
    pub most_at_once: u32,
    /// The most that wait in line.
    pub line: usize,
    /// The longest that one waits in line.
    pub longest_wait: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            requests_per_minute: None,
            tokens_per_minute: None,
            least_at_once: 2,
            most_at_once: 32,
            line: 64,
            longest_wait: Duration::from_secs(30),
        }
    }
}

/// Keeps to what the provider of a model allows.
pub struct Quota {
    inner: Arc<dyn Backend>,
    shared: Arc<Shared>,
}

struct Shared {
    model: ModelName,
    settings: Settings,
    lane: Mutex<Lane>,
    /// Held by the head of the line. It lets in by arrival.
    head: tokio::sync::Mutex<()>,
    /// Something was given back.
    freed: Notify,
}

impl Quota {
    /// Asks `inner` for no more than `settings` allow.
    pub fn new(model: ModelName, inner: Arc<dyn Backend>, settings: Settings) -> Self {
        let shared = Shared {
            lane: Mutex::new(Lane::new(settings, Instant::now())),
            model,
            settings,
            head: tokio::sync::Mutex::default(),
            freed: Notify::new(),
        };
        let shared = Arc::new(shared);
        shared.measure(&shared.lane());
        Self { inner, shared }
    }
}

#[async_trait]
impl Backend for Quota {
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
        let input = u64::from(prompt.tokens().tokens);
        let tokens = input + u64::from(prompt.max_output_tokens());
        let came = Instant::now();
        let mut place = self.shared.admit(tokens).await?;
        let waited = came.elapsed();
        let stream = match self.inner.complete(prompt).await {
            Ok(stream) => stream,
            Err(error) => {
                place.failed(&error);
                return Err(error);
            }
        };
        place.used = input;
        let counted = Counted {
            stream,
            place,
            counter: self.inner.counter(),
        };
        let note = (waited > NOTED).then(|| {
            let seconds = waited.as_secs_f64();
            Ok(Delta::Note(format!(
                "waited {seconds:.1} s for what the provider allows"
            )))
        });
        Ok(stream::iter(note)
            .chain(stream::unfold(Some(counted), next))
            .boxed())
    }

    fn forget(&self, conversation: &ConversationId) {
        self.inner.forget(conversation);
    }
}

impl Shared {
    fn lane(&self) -> MutexGuard<'_, Lane> {
        self.lane.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, lane: &Lane) {
        metric::quota(&self.model, lane.waiting(), lane.running(), lane.allowed());
    }

    /// Waits in line for `tokens`.
    async fn admit(self: &Arc<Self>, tokens: u64) -> Result<Place, BackendError> {
        let _in_line = {
            let mut lane = self.lane();
            let now = Instant::now();
            if lane.waiting() == 0 && lane.take(tokens, now).is_ok() {
                self.measure(&lane);
                return Ok(self.place(tokens, now));
            }
            lane.queue(tokens, now)
                .map_err(|retry_after| BackendError::Busy { retry_after })?;
            self.measure(&lane);
            InLine {
                shared: Arc::clone(self),
                tokens,
            }
        };
        let patience = Instant::now() + self.settings.longest_wait;
        match timeout_at(patience, self.at_the_head(tokens)).await {
            Ok(began) => Ok(self.place(tokens, began)),
            Err(_elapsed) => {
                let wait = self.lane().wait(tokens, Instant::now());
                let retry_after = wait.filter(|wait| !wait.is_zero());
                Err(BackendError::Busy { retry_after })
            }
        }
    }

    /// Waits for the head of the line, and there until there is enough.
    async fn at_the_head(&self, tokens: u64) -> Instant {
        let _head = self.head.lock().await;
        loop {
            let now = Instant::now();
            let taken = self.lane().take(tokens, now);
            match taken {
                Ok(()) => return now,
                Err(Some(wait)) => {
                    tokio::select! {
                        () = sleep(wait) => {}
                        () = self.freed.notified() => {}
                    }
                }
                Err(None) => self.freed.notified().await,
            }
        }
    }

    fn place(self: &Arc<Self>, tokens: u64, began: Instant) -> Place {
        Place {
            shared: Arc::clone(self),
            tokens,
            used: 0,
            began,
        }
    }
}

/// Somebody who waits.
struct InLine {
    shared: Arc<Shared>,
    tokens: u64,
}

impl Drop for InLine {
    fn drop(&mut self) {
        let mut lane = self.shared.lane();
        lane.unqueue(self.tokens);
        self.shared.measure(&lane);
    }
}

/// A completion that was let through. What it did not use is given back.
struct Place {
    shared: Arc<Shared>,
    /// What was taken.
    tokens: u64,
    /// What was used, as far as one knows.
    used: u64,
    began: Instant,
}

impl Place {
    fn failed(&mut self, error: &BackendError) {
        let mut lane = self.shared.lane();
        let now = Instant::now();
        match error {
            BackendError::Busy { retry_after } => lane.overdone(self.began, now, *retry_after),
            BackendError::TimedOut => lane.overdone(self.began, now, None),
            _ => {}
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut lane = self.shared.lane();
        lane.give_back(self.tokens, self.used, Instant::now());
        self.shared.measure(&lane);
        self.shared.freed.notify_one();
    }
}

/// A completion under way.
struct Counted {
    stream: CompletionStream,
    place: Place,
    counter: Arc<dyn TokenCounter>,
}

type Item = Result<Delta, BackendError>;

async fn next(counted: Option<Counted>) -> Option<(Item, Option<Counted>)> {
    let mut counted = counted?;
    let item = counted.stream.next().await?;
    match item {
        Ok(Delta::Finish(finish)) => {
            counted.place.used = finish.usage.total();
            counted.place.shared.lane().went_well();
            Some((Ok(Delta::Finish(finish)), None))
        }
        Ok(delta) => {
            if let Delta::Text(text) | Delta::Reasoning(text) = &delta {
                counted.place.used += u64::from(counted.counter.count(text.expose()));
            }
            Some((Ok(delta), Some(counted)))
        }
        Err(error) => {
            counted.place.failed(&error);
            Some((Err(error), None))
        }
    }
}
