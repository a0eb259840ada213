//! What was said before the window, in short, made in the background.
//!
//! A turn that cut history leaves a job. Jobs are done one at a time, so that summaries never stand
//! in the way of answers for long. A job takes up where the summary of the conversation ends,
//! whatever became of the jobs before it: one that was dropped, failed or died with the process is
//! made up for by the next cut. It is paid for as the answer was after which it is made.

use crate::{
    engine::Engine,
    metric,
    turn::{Bill, estimate},
};
use causerie_core::{
    Text,
    assemble::{SummaryIngredients, summary_prompt},
    backend::{Backend, Delta},
    event::Event,
    id::{ConversationId, ModelName, Seq, TurnNumber},
    limit::Limit,
    message::Message,
    outcome::Usage,
    prompt::Prompt,
    store::{ConversationState, HistoryRange, ReservationId, Reserved, StoreError, Summary},
};
use futures::{FutureExt, StreamExt};
use std::{
    panic::AssertUnwindSafe,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// The most conversations that wait for a summary.
const QUEUE: usize = 64;
/// The longest one prompt may take.
const DEADLINE: Duration = Duration::from_secs(180);
/// The most prompts of one job; then it waits behind the others for the rest.
const MAX_PROMPTS: usize = 8;
/// The most messages that are read at a time.
const CHUNK: u64 = 256;
/// The longest summary that is kept, in bytes.
const MAX_BYTES: usize = 16 * 1024;
/// What the parts of reservations for summaries have, and those of completions have not.
const SUMMARY: u32 = 1 << 31;

/// A conversation that wants a summary.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) conversation: ConversationId,
    pub(crate) model: ModelName,
    /// The turn that cut history.
    pub(crate) turn: TurnNumber,
    /// Whom it answered, and under which limits.
    pub(crate) lead: Event,
    pub(crate) limits: Vec<Limit>,
}

/// What became of a job.
enum Made {
    /// There is a summary of all that was cut.
    All,
    /// There is one of a part of it.
    Part,
    /// There was nothing to sum up, or what was read must not be told any more.
    Unwanted,
    /// The model gave none, or broke off before it had read all.
    Failed,
    /// There was no budget for it, or for all of it.
    Refused,
}

/// The jobs that wait.
pub(crate) struct Summaries {
    queue: mpsc::Sender<Job>,
    jobs: Mutex<Option<mpsc::Receiver<Job>>>,
}

impl Default for Summaries {
    fn default() -> Self {
        let (queue, jobs) = mpsc::channel(QUEUE);
        Self {
            queue,
            jobs: Mutex::new(Some(jobs)),
        }
    }
}

impl Summaries {
    pub(crate) fn enqueue(&self, job: Job) {
        if self.queue.try_send(job).is_err() {
            metric::summary("dropped");
        }
        self.measure();
    }

    fn measure(&self) {
        metric::summaries_queued(self.queue.max_capacity() - self.queue.capacity());
    }
}

impl Engine {
    /// Does the jobs, one at a time.
    pub(crate) async fn summarise_cuts(self: Arc<Self>, stop: CancellationToken) {
        let taken = self
            .summaries
            .jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let Some(mut jobs) = taken else { return };
        let working = async {
            while let Some(job) = jobs.recv().await {
                self.summaries.measure();
                let made = AssertUnwindSafe(self.summarise(&job)).catch_unwind().await;
                metric::summary(match made {
                    Ok(Ok(Made::All)) => "made",
                    Ok(Ok(Made::Part)) => {
                        self.summaries.enqueue(job);
                        "continued"
                    }
                    Ok(Ok(Made::Unwanted)) => "unwanted",
                    Ok(Ok(Made::Failed)) => "failed",
                    Ok(Ok(Made::Refused)) => "refused",
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a summary could not be stored");
                        "failed"
                    }
                    Err(_panic) => {
                        tracing::error!("a summary has panicked");
                        "failed"
                    }
                });
            }
        };
        tokio::select! {
            () = working => {}
            () = stop.cancelled() => {}
        }
    }

    /// Brings the summary of a conversation closer to its window, and keeps how far it came.
    async fn summarise(&self, job: &Job) -> Result<Made, StoreError> {
        let state = self.store.state(&job.conversation).await?;
        let covered = covered(&state);
        if covered >= state.window_start {
            return Ok(Made::Unwanted);
        }
        let mut reached = Reached {
            summary: state.summary.clone().filter(|_| covered > state.began),
            at: covered,
        };
        let mut ended = None;
        for _ in 0..MAX_PROMPTS {
            if reached.at >= state.window_start || ended.is_some() {
                break;
            }
            ended = self.reach(job, &mut reached, state.window_start).await?;
        }
        let Some(summary) = reached.summary.filter(|made| made.before > covered) else {
            let now = self.store.state(&job.conversation).await?;
            if now.erasures != state.erasures {
                self.backends[&job.model].forget(&job.conversation);
            }
            return Ok(ended.unwrap_or(Made::Unwanted));
        };
        if !self.keep(job, &summary, state.erasures).await? {
            return Ok(Made::Unwanted);
        }
        let all = reached.at >= state.window_start;
        Ok(match (ended, all) {
            (Some(ended), _) => ended,
            (None, false) => Made::Part,
            (None, true) => Made::All,
        })
    }

    /// Takes one step: what follows, as much as one prompt holds. Or says how the job ends here.
    async fn reach(
        &self,
        job: &Job,
        reached: &mut Reached,
        end: Seq,
    ) -> Result<Option<Made>, StoreError> {
        let before = end.min(Seq(reached.at.0 + CHUNK));
        let range = HistoryRange {
            from: reached.at,
            before: Some(before),
            limit: None,
        };
        let messages = self.store.history(&job.conversation, range).await?;
        let Some(last) = messages.last() else {
            // Erased messages leave gaps; the summary stands for all up to where it ends.
            reached.to(before);
            return Ok(None);
        };
        let next = match self.sum_up(job, reached, &messages).await? {
            Ok(next) => next,
            Err(made) => return Ok(Some(made)),
        };
        let all = next.before > last.seq;
        let at = if all { before } else { next.before };
        reached.summary = Some(next);
        reached.to(at);
        Ok(None)
    }

    /// Puts a summary in place, unless something was erased since its messages were read or the
    /// conversation began afresh: nobody must hear of it again. The model forgets what it read.
    async fn keep(&self, job: &Job, summary: &Summary, erasures: u64) -> Result<bool, StoreError> {
        let conversation = &job.conversation;
        let kept = self
            .store
            .summarise(conversation, summary, erasures)
            .await?;
        if kept {
            self.dispatch.live.summarised(conversation, summary);
        } else {
            self.backends[&job.model].forget(conversation);
        }
        Ok(kept)
    }

    /// Has the model sum up `messages`, as many as its window holds, and pays for it.
    async fn sum_up(
        &self,
        job: &Job,
        reached: &Reached,
        messages: &[Message],
    ) -> Result<Result<Summary, Made>, StoreError> {
        let backend = self.backends[&job.model].as_ref();
        let can = backend.capabilities();
        let counter = backend.counter();
        let made = summary_prompt(&SummaryIngredients {
            conversation: &job.conversation,
            previous: reached.summary.as_ref(),
            messages,
            backend: &can,
            counter: counter.as_ref(),
        });
        let made = match made {
            Ok(made) => made,
            Err(error) => {
                tracing::warn!(%error, "no prompt for a summary");
                return Ok(Err(Made::Failed));
            }
        };
        let estimate = estimate(&made.prompt, can.prices);
        // The same job does not come to the same place twice.
        let part = SUMMARY | (reached.at.0 & u64::from(SUMMARY - 1)) as u32;
        let id = ReservationId {
            conversation: job.conversation.clone(),
            turn: job.turn,
            part,
        };
        let bill = Bill::new(&job.limits, &job.lead, &estimate);
        if let Some(bill) = &bill
            && let Reserved::Refused { .. } = self.store.reserve(&id, &bill.charges()).await?
        {
            return Ok(Err(Made::Refused));
        }
        let mut heard = Heard::default();
        let listening = heard.listen(backend, &made.prompt);
        let whole = timeout(DEADLINE, listening).await.unwrap_or(false);
        if let Some(bill) = bill {
            let used = heard.usage.unwrap_or_else(|| {
                let used = Usage {
                    input: if heard.began { estimate.input } else { 0 },
                    output: counter.count(&heard.text).into(),
                    ..Usage::default()
                };
                used.priced(can.prices)
            });
            self.store.settle(&id, &bill.used(&used)).await?;
        }
        let summary = if whole {
            finished(&heard.text, made.before)
        } else {
            None
        };
        Ok(summary.ok_or(Made::Failed))
    }
}

/// What came of one prompt.
#[derive(Default)]
struct Heard {
    began: bool,
    text: String,
    /// What it took, by the model's own account.
    usage: Option<Usage>,
}

impl Heard {
    /// Whether it came to its end: half a summary is worse than none.
    async fn listen(&mut self, backend: &dyn Backend, prompt: &Prompt) -> bool {
        let Ok(mut deltas) = backend.complete(prompt).await else {
            return false;
        };
        self.began = true;
        while let Some(delta) = deltas.next().await {
            match delta {
                Ok(Delta::Text(more)) => self.text.push_str(more.expose()),
                Ok(Delta::Finish(finish)) => {
                    self.usage = Some(finish.usage);
                    return true;
                }
                Ok(Delta::Reasoning(_) | Delta::ToolCall(_) | Delta::Note(_)) => {}
                Err(_) => return false,
            }
            if self.text.len() > MAX_BYTES {
                return false;
            }
        }
        false
    }
}

/// A summary while it grows.
struct Reached {
    summary: Option<Summary>,
    /// The first message it does not cover.
    at: Seq,
}

impl Reached {
    fn to(&mut self, at: Seq) {
        self.at = at;
        if let Some(summary) = &mut self.summary {
            summary.before = at;
        }
    }
}

/// The first message that the conversation's summary does not cover.
fn covered(state: &ConversationState) -> Seq {
    let reached = state.summary.as_ref().map_or(state.began, |s| s.before);
    reached.max(state.began)
}

fn finished(text: &str, before: Seq) -> Option<Summary> {
    let text = text.trim();
    (!text.is_empty()).then(|| Summary {
        text: Text::new(text),
        before,
    })
}
