//! Tries again, while nobody has seen anything.
//!
//! 1. Until the first word or tool call a completion may be begun anew: nobody has seen anything of
//!    it. Thoughts are never shown, so that one that only thought may be begun anew too; what it
//!    cost is added to what the one that succeeds has used.
//! 2. Before each further try comes a pause: anything up to a bound that doubles from try to try. A
//!    provider that says when to come back is kept to: never sooner.
//! 3. A pause that would end beyond the patience is not begun. The error goes on at once, so that
//!    another model can be asked.
//! 4. Each completion pays a share of a retry into a budget, and each retry takes a whole one. When
//!    everything fails the budget is soon empty, and we do not make an outage larger.

use super::Chance;
use crate::metric;
use async_trait::async_trait;
use causerie_core::{
    backend::{Backend, BackendCapabilities, BackendError, CompletionStream, Delta, Readiness},
    id::{ConversationId, ModelName},
    outcome::Usage,
    prompt::{Prompt, TokenCounter},
};
use futures::{StreamExt, stream};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::{Instant, sleep};

/// How often, and how patiently.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// The most tries, the first included.
    pub tries: u32,
    /// The pause before the second try is up to this, and doubles from try to try.
    pub first_pause: Duration,
    /// No pause of our own is longer.
    pub longest_pause: Duration,
    /// The longest that tries and pauses may take together, before another model is asked. Well
    /// below the deadline of a turn.
    pub patience: Duration,
    /// Retries for each completion, over time: 0.2 lets one in five be tried again.
    pub share: f64,
    /// Retries that may come together; also what there is in the beginning.
    pub burst: u32,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            tries: 3,
            first_pause: Duration::from_millis(500),
            longest_pause: Duration::from_secs(8),
            patience: Duration::from_secs(20),
            share: 0.2,
            burst: 10,
        }
    }
}

/// What to do about an error while nothing was visible.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Remedy {
    /// Try again, not before this.
    Again(Duration),
    /// Another try does not help, or another model helps sooner.
    GiveUp,
}

/// The one table of what is tried again.
pub(super) fn remedy(error: &BackendError) -> Remedy {
    match error {
        BackendError::Busy { retry_after } => Remedy::Again(retry_after.unwrap_or_default()),
        BackendError::Unavailable { .. } | BackendError::Interrupted { .. } => {
            Remedy::Again(Duration::ZERO)
        }
        // It has had its time, and was perhaps paid for.
        BackendError::TimedOut => Remedy::GiveUp,
        // Waiting for it is the turn's, which can tell people.
        BackendError::Loading => Remedy::GiveUp,
        BackendError::Resting { .. }
        | BackendError::Overflow { .. }
        | BackendError::Declined
        | BackendError::Misconfigured { .. } => Remedy::GiveUp,
    }
}

/// Tries again what failed before anything was visible.
pub struct Retry(Arc<Shared>);

struct Shared {
    model: ModelName,
    inner: Arc<dyn Backend>,
    settings: Settings,
    chance: Chance,
    /// Retries that may still be made.
    budget: Mutex<f64>,
}

impl Retry {
    /// Tries `inner` again.
    pub fn new(
        model: ModelName,
        inner: Arc<dyn Backend>,
        settings: Settings,
        chance: Chance,
    ) -> Self {
        Self(Arc::new(Shared {
            model,
            inner,
            settings,
            chance,
            budget: Mutex::new(f64::from(settings.burst)),
        }))
    }
}

#[async_trait]
impl Backend for Retry {
    fn capabilities(&self) -> BackendCapabilities {
        self.0.inner.capabilities()
    }

    fn readiness(&self) -> Readiness {
        self.0.inner.readiness()
    }

    async fn ready(&self) -> Readiness {
        self.0.inner.ready().await
    }

    fn counter(&self) -> Arc<dyn TokenCounter> {
        self.0.inner.counter()
    }

    async fn complete(&self, prompt: &Prompt) -> Result<CompletionStream, BackendError> {
        self.0.pay_in();
        let mut course = Course::new();
        let stream = self.0.begin(prompt, &mut course).await?;
        let trying = Trying {
            counter: self.0.inner.counter(),
            shared: Arc::clone(&self.0),
            // A try that comes later outlives the caller's prompt.
            prompt: prompt.clone(),
            course,
            stream,
            thought: 0,
            visible: false,
        };
        Ok(stream::unfold(Some(trying), next).boxed())
    }

    fn forget(&self, conversation: &ConversationId) {
        self.0.inner.forget(conversation);
    }
}

/// How the tries for one completion go.
struct Course {
    began: Instant,
    tries: u32,
    /// What tries that came to nothing have used.
    spent: Usage,
    notes: VecDeque<String>,
}

impl Course {
    fn new() -> Self {
        Self {
            began: Instant::now(),
            tries: 1,
            spent: Usage::default(),
            notes: VecDeque::new(),
        }
    }
}

impl Shared {
    /// Begins, as often as it takes and may.
    async fn begin(
        &self,
        prompt: &Prompt,
        course: &mut Course,
    ) -> Result<CompletionStream, BackendError> {
        loop {
            match self.inner.complete(prompt).await {
                Ok(stream) => return Ok(stream),
                Err(error) => {
                    if !self.again(&error, course).await {
                        return Err(told(error, course.tries));
                    }
                }
            }
        }
    }

    /// Whether there is another try. Returns when it is time for it.
    async fn again(&self, error: &BackendError, course: &mut Course) -> bool {
        let Remedy::Again(not_before) = remedy(error) else {
            return false;
        };
        if course.tries >= self.settings.tries {
            return false;
        }
        let pause = not_before + self.pause(course.tries);
        if course.began.elapsed() + pause > self.settings.patience {
            return false;
        }
        if !self.take() {
            metric::retry(&self.model, "over-budget");
            return false;
        }
        metric::retry(&self.model, "made");
        course.tries += 1;
        let millis = pause.as_millis();
        course
            .notes
            .push_back(format!("{error}; tried again after {millis} ms"));
        sleep(pause).await;
        true
    }

    /// A pause of our own after `tries` tries.
    fn pause(&self, tries: u32) -> Duration {
        let factor = 1_u32.checked_shl(tries - 1).unwrap_or(u32::MAX);
        let bound = self.settings.first_pause.saturating_mul(factor);
        self.chance.up_to(bound.min(self.settings.longest_pause))
    }

    fn pay_in(&self) {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        *budget = (*budget + self.settings.share).min(f64::from(self.settings.burst));
    }

    fn take(&self) -> bool {
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        // A sum of fifths is never quite one.
        let enough = *budget > 1.0 - 1e-6;
        if enough {
            *budget -= 1.0;
        }
        enough
    }
}

/// The error with how often it was tried, where it has words.
fn told(error: BackendError, tries: u32) -> BackendError {
    let more = |reason: String| format!("{reason} (tried {tries} times)");
    match error {
        BackendError::Unavailable { reason } if tries > 1 => BackendError::Unavailable {
            reason: more(reason),
        },
        BackendError::Interrupted { reason } if tries > 1 => BackendError::Interrupted {
            reason: more(reason),
        },
        other => other,
    }
}

/// A completion under way.
struct Trying {
    shared: Arc<Shared>,
    counter: Arc<dyn TokenCounter>,
    prompt: Prompt,
    course: Course,
    stream: CompletionStream,
    /// Tokens that this try has only thought.
    thought: u64,
    visible: bool,
}

type Item = Result<Delta, BackendError>;

async fn next(trying: Option<Trying>) -> Option<(Item, Option<Trying>)> {
    let mut trying = trying?;
    loop {
        if let Some(note) = trying.course.notes.pop_front() {
            return Some((Ok(Delta::Note(note)), Some(trying)));
        }
        let cut = || BackendError::Interrupted {
            reason: "the answer was cut".into(),
        };
        let error = match trying.stream.next().await.unwrap_or_else(|| Err(cut())) {
            Ok(Delta::Finish(mut finish)) => {
                finish.usage.add(trying.course.spent);
                return Some((Ok(Delta::Finish(finish)), None));
            }
            Ok(delta) => {
                match &delta {
                    Delta::Text(_) | Delta::ToolCall(_) => trying.visible = true,
                    Delta::Reasoning(text) => {
                        trying.thought += u64::from(trying.counter.count(text.expose()));
                    }
                    Delta::Note(_) | Delta::Finish(_) => {}
                }
                return Some((Ok(delta), Some(trying)));
            }
            Err(error) => error,
        };
        if trying.visible {
            return Some((Err(error), None));
        }
        if let Err(error) = trying.anew(error).await {
            return Some((Err(error), None));
        }
    }
}

impl Trying {
    /// Begins anew after `error`, if there is another try.
    async fn anew(&mut self, error: BackendError) -> Result<(), BackendError> {
        self.course.spent.add(Usage {
            input: self.prompt.tokens().tokens.into(),
            output: std::mem::take(&mut self.thought),
            ..Usage::default()
        });
        if !self.shared.again(&error, &mut self.course).await {
            return Err(told(error, self.course.tries));
        }
        self.stream = self.shared.begin(&self.prompt, &mut self.course).await?;
        Ok(())
    }
}
