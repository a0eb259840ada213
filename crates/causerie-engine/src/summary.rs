//! What was said before the window, in short, made in the background.
//!
//! A turn that cut history leaves a job. Jobs are done one at a time, so that summaries never stand
//! in the way of answers for long; a job that finds the queue full is dropped, and the next cut of
//! that conversation makes up for it.

use crate::{engine::Engine, metric};
use causerie_core::{
    Text,
    assemble::{Cut, SummaryIngredients, summary_prompt},
    backend::{Backend, Delta},
    id::{ConversationId, ModelName, Seq},
    message::Message,
    store::{HistoryRange, StoreError, Summary},
};
use futures::StreamExt;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::mpsc, time::timeout};
use tokio_util::sync::CancellationToken;

/// The most conversations that wait for a summary.
const QUEUE: usize = 64;
/// The longest a summary may take.
const DEADLINE: Duration = Duration::from_secs(180);
/// The most prompts one summary may take: history is cut long before it is larger.
const MAX_PROMPTS: usize = 8;
/// The longest summary that is kept, in bytes.
const MAX_BYTES: usize = 16 * 1024;

/// A conversation that wants a summary.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) conversation: ConversationId,
    pub(crate) model: ModelName,
    pub(crate) previous: Option<Summary>,
    pub(crate) cut: Cut,
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
                let result = match timeout(DEADLINE, self.summarise(&job)).await {
                    Ok(Ok(true)) => "made",
                    Ok(Ok(false)) | Err(_) => "failed",
                    Ok(Err(error)) => {
                        tracing::warn!(%error, "a summary could not be stored");
                        "failed"
                    }
                };
                metric::summary(result);
            }
        };
        tokio::select! {
            () = working => {}
            () = stop.cancelled() => {}
        }
    }

    /// Makes one summary, in as many prompts as it takes. Whether there is one now.
    async fn summarise(&self, job: &Job) -> Result<bool, StoreError> {
        if !self.is_wanted(job).await? {
            return Ok(false);
        }
        let backend = &self.backends[&job.model];
        let range = HistoryRange {
            from: job.cut.from,
            before: Some(job.cut.before),
            limit: None,
        };
        let messages = self.store.history(&job.conversation, range).await?;
        let mut summary = job.previous.clone();
        let mut rest = &messages[..];
        for _ in 0..MAX_PROMPTS {
            if rest.is_empty() {
                break;
            }
            let step =
                self.summary_step(backend.as_ref(), &job.conversation, summary.as_ref(), rest);
            let Some(next) = step.await else {
                return Ok(false);
            };
            rest = &messages[messages.partition_point(|message| message.seq < next.before)..];
            summary = Some(next);
        }
        let Some(mut summary) = summary.filter(|_| rest.is_empty()) else {
            return Ok(false);
        };
        // Erased messages leave gaps; the summary stands for all up to the window.
        summary.before = job.cut.before;
        if !self.is_wanted(job).await? {
            return Ok(false);
        }
        self.store.summarise(&job.conversation, &summary).await?;
        self.dispatch.live.summarised(&job.conversation, &summary);
        Ok(true)
    }

    /// Whether the window still begins where the summary ends: who began afresh since then must
    /// not hear of it again, and after another cut another job is on its way.
    async fn is_wanted(&self, job: &Job) -> Result<bool, StoreError> {
        let state = self.store.state(&job.conversation).await?;
        Ok(state.window_start == job.cut.before)
    }

    async fn summary_step(
        &self,
        backend: &dyn Backend,
        conversation: &ConversationId,
        previous: Option<&Summary>,
        messages: &[Message],
    ) -> Option<Summary> {
        let made = summary_prompt(&SummaryIngredients {
            conversation,
            previous,
            messages,
            backend: &backend.capabilities(),
            counter: backend.counter().as_ref(),
        });
        let made = made.inspect_err(|error| tracing::warn!(%error, "no prompt for a summary"));
        let made = made.ok()?;
        let mut deltas = backend.complete(&made.prompt).await.ok()?;
        let mut text = String::new();
        while let Some(delta) = deltas.next().await {
            match delta.ok()? {
                Delta::Text(more) => text.push_str(more.expose()),
                Delta::Finish(_) => return finished(&text, made.before),
                Delta::Reasoning(_) | Delta::ToolCall(_) | Delta::Note(_) => {}
            }
            if text.len() > MAX_BYTES {
                return None;
            }
        }
        // It was cut: half a summary is worse than none.
        None
    }
}

fn finished(text: &str, before: Seq) -> Option<Summary> {
    let text = text.trim();
    (!text.is_empty()).then(|| Summary {
        text: Text::new(text),
        before,
    })
}
