//! What is done about each way in which an operation can fail.

use super::{
    DeliverError, Delivery, LongWait,
    perform::{Performed, Problem},
};
use crate::metric;
use causerie_core::{
    draft::Report,
    platform::{Action, Creates, PlatformError, Receipt},
};
use rand::Rng;
use std::time::Duration;

/// The most tries in a row without any success.
const MOST_TRIES: u32 = 8;

/// The wait before the second try is up to this, and doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_millis(500);

/// The longest wait between two tries.
const LONGEST_WAIT: Duration = Duration::from_secs(20);

/// A status or a preview that failed is left out for at least this long.
const SKIP: Duration = Duration::from_secs(3);

/// Counts tries in a row.
#[derive(Debug, Default)]
pub(super) struct Retries {
    failed: u32,
}

impl Retries {
    pub(super) fn reset(&mut self) {
        self.failed = 0;
    }

    /// How long to wait before the next try. The wait is anything up to its bound, so that many turns
    /// that failed together do not come back together.
    fn wait(&mut self) -> Duration {
        self.failed = self.failed.saturating_add(1);
        let bound = FIRST_WAIT
            .saturating_mul(1 << (self.failed - 1).min(MOST_TRIES))
            .min(LONGEST_WAIT);
        rand::rng().random_range(Duration::ZERO..=bound)
    }

    /// Whether there were enough of them.
    fn are_over(&self) -> bool {
        self.failed >= MOST_TRIES
    }
}

impl Delivery {
    /// Tells the draft what became of an operation.
    pub(super) fn settle(&mut self, performed: Performed) -> Result<(), DeliverError> {
        let Performed { action, result } = performed;
        let now = self.began.elapsed();
        // It has learnt that it cannot show any here.
        let unknown_preview = matches!(action, Action::Preview { .. })
            && matches!(result, Err(Problem::Platform(PlatformError::Gone)));
        let report = match result {
            Ok(receipt) => Ok(self.done(&action, receipt, now)),
            Err(Problem::Stale) => return Err(DeliverError::Stale),
            Err(Problem::Journal) => self
                .wait("the reply journal cannot be written")
                .map(|wait| Report::Later { at: now + wait }),
            Err(Problem::Platform(error)) if is_ornament(&action) => Ok(Report::Skip {
                at: now + pause(&error),
            }),
            Err(Problem::Platform(error)) => self.failed(&action, &error, now),
        };
        // Hope may be gone for this operation and not for a shorter word afterwards.
        let (report, hopeless) = match report {
            Ok(report) => (report, None),
            Err(error) => (Report::Later { at: now }, Some(error)),
        };
        self.draft.report(report);
        if unknown_preview {
            let can = self.means.platform.capabilities(&self.place).clone();
            self.draft.adopt(can);
        }
        if let Some(error) = hopeless {
            return Err(error);
        }
        match self.draft.is_deliverable() {
            true => Ok(()),
            false => Err(self.undeliverable("the message or its place is gone, or it never fits")),
        }
    }

    fn done(&mut self, action: &Action, receipt: Receipt, now: Duration) -> Report {
        self.retries.reset();
        if self.first_text_at.is_none() && shows_words(action) {
            self.first_text_at = Some(self.means.clock.now());
        }
        Report::Done {
            at: now,
            message: receipt.message,
        }
    }

    fn failed(
        &mut self,
        action: &Action,
        error: &PlatformError,
        now: Duration,
    ) -> Result<Report, DeliverError> {
        let creates = matches!(action, Action::Post { .. } | Action::OpenStream { .. });
        let repeats = !creates || self.creates() != Creates::Ambiguous;
        Ok(match error {
            PlatformError::RateLimited { retry_after } => {
                if action.lasts() {
                    self.note("it had to wait: the platform takes only so much at a time");
                }
                Report::Later {
                    at: now + *retry_after,
                }
            }
            PlatformError::Unavailable { .. } => Report::Later {
                at: now + self.wait("the platform is not available")?,
            },
            PlatformError::Ambiguous if repeats => Report::Again {
                at: now + self.wait("the platform does not confirm anything")?,
            },
            PlatformError::Ambiguous => {
                metric::message_unconfirmed();
                Report::Unknown { at: now }
            }
            PlatformError::Gone => Report::Gone,
            PlatformError::TooLong => Report::TooLong,
            PlatformError::Forbidden => {
                return Err(self.undeliverable("we may not write there"));
            }
            PlatformError::Misconfigured { .. } => {
                return Err(self.undeliverable("the platform is misconfigured"));
            }
        })
    }

    fn wait(&mut self, reason: &'static str) -> Result<Duration, DeliverError> {
        let wait = self.retries.wait();
        match self.long_wait.filter(|_| self.retries.are_over()) {
            // Before the end there is nothing to give up: the model is still at work, and its words
            // are not lost.
            None => {
                self.note("an operation on the platform was tried again");
                Ok(wait)
            }
            Some(LongWait::Elsewhere) => Err(DeliverError::Later { wait: LONGEST_WAIT }),
            Some(LongWait::Here) => Err(self.undeliverable(reason)),
        }
    }

    fn note(&mut self, note: &str) {
        if !self.notes.iter().any(|known| known == note) {
            self.notes.push(note.to_owned());
        }
    }
}

/// Whether the answer is whole without it.
fn is_ornament(action: &Action) -> bool {
    matches!(action, Action::Status { .. } | Action::Preview { .. })
}

fn shows_words(action: &Action) -> bool {
    !matches!(
        action,
        Action::Status { .. } | Action::Delete { .. } | Action::OpenStream { .. }
    )
}

fn pause(error: &PlatformError) -> Duration {
    match error {
        PlatformError::RateLimited { retry_after } => *retry_after,
        _ => SKIP,
    }
}
