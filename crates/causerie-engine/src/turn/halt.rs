//! What ends a turn's work early, and waiting that heeds it.

use super::Turn;
use crate::line::Line;
use causerie_core::{
    outcome::{Failure, Outcome},
    store::StoreError,
};
use futures::FutureExt;
use std::{future::Future, panic::AssertUnwindSafe, time::Duration};
use tokio::time::{sleep, sleep_until};

/// Why a turn's work does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Somebody else has the claim: not another word.
    Lost,
    /// The process ends: somebody else goes on.
    Handover,
    /// The platform takes no answer before this time has passed: another attempt goes on then.
    Later(Duration),
    /// A person asked to stop: what was said stays.
    Stopped,
    /// It ends like this, with a line that says so.
    Ended(Outcome, Option<Line>),
}

impl Halt {
    pub(super) fn failed(failure: Failure) -> Self {
        Halt::Ended(Outcome::Failed(failure), Some(Line::Failed(failure)))
    }
}

/// The shortest and the longest pause before the store is asked again.
const STORE_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
impl Turn<'_> {
    /// Runs the part of a turn that people and the process may end early. A panic ends it too.
    pub(super) async fn guard<T>(
        &self,
        work: impl Future<Output = Result<T, Halt>>,
    ) -> Result<T, Halt> {
        let signals = self.signals;
        tokio::select! {
            biased;
            () = signals.lost.cancelled() => Err(Halt::Lost),
            () = signals.stop.cancelled() => Err(Halt::Stopped),
            () = signals.handover.cancelled() => Err(Halt::Handover),
            done = AssertUnwindSafe(work).catch_unwind() => done.unwrap_or_else(|_panic| {
                tracing::error!("a turn has panicked");
                Err(Halt::failed(Failure::Internal))
            }),
            () = sleep_until(self.deadline) => Err(Halt::failed(Failure::Deadline)),
        }
    }

    /// Runs the part of a turn that only ends early when somebody else goes on with it.
    pub(super) async fn until_taken<T>(&self, work: impl Future<Output = T>) -> Result<T, Halt> {
        tokio::select! {
            biased;
            done = work => Ok(done),
            () = self.signals.lost.cancelled() => Err(Halt::Lost),
            () = self.signals.handover.cancelled() => Err(Halt::Handover),
        }
    }

    /// Asks the store until it answers, with growing pauses, as long as the claim is ours. A
    /// question that was put is never given up: when a commit takes effect, the next claim may be
    /// granted, and signalled, before its answer arrives here.
    pub(super) async fn patiently<T, F>(&self, mut ask: impl FnMut() -> F) -> Result<T, Halt>
    where
        F: Future<Output = Result<T, StoreError>>,
    {
        let (mut pause, longest) = STORE_PAUSES;
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(StoreError::Stale) => return Err(Halt::Lost),
                Err(error) => tracing::warn!(%error, "the store is asked again"),
            }
            self.until_taken(sleep(pause)).await?;
            pause = (pause * 2).min(longest);
        }
    }
}
