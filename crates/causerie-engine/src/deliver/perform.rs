//! One operation, with its entries in the journal.

use super::Means;
use causerie_core::{
    platform::{Action, Operation, PlatformError, Receipt},
    store::{JournalEntry, StoreError},
};
use futures::{FutureExt, future::BoxFuture};

/// What became of an operation.
pub(super) struct Performed {
    pub(super) action: Action,
    pub(super) result: Result<Receipt, Problem>,
}

/// Why an operation had no certain effect.
pub(super) enum Problem {
    /// The claim was lost.
    Stale,
    /// The journal could not be written, so nothing was done.
    Journal,
    /// The platform says so.
    Platform(PlatformError),
}

/// Performs `operation`; `creates` is the part to note in the journal.
pub(super) fn perform(
    means: Means,
    operation: Operation,
    creates: Option<u32>,
) -> BoxFuture<'static, Performed> {
    async move {
        let result = match creates {
            Some(part) => create(&means, &operation, part).await,
            None => plain(&means, &operation).await,
        };
        Performed {
            action: operation.action,
            result,
        }
    }
    .boxed()
}

async fn plain(means: &Means, operation: &Operation) -> Result<Receipt, Problem> {
    let result = means.platform.perform(operation).await;
    result.map_err(Problem::Platform)
}

async fn create(means: &Means, operation: &Operation, part: u32) -> Result<Receipt, Problem> {
    note(means, JournalEntry::Sending { part }).await?;
    let result = means.platform.perform(operation).await;
    let entry = match &result {
        Ok(Receipt {
            message: Some(message),
        }) => Some(JournalEntry::Sent {
            part,
            message: message.clone(),
        }),
        Ok(Receipt { message: None }) | Err(PlatformError::Ambiguous) => None,
        Err(_) => Some(JournalEntry::NotSent { part }),
    };
    if let Some(entry) = entry {
        match note(means, entry).await {
            // The message is there; that the journal is behind matters only if we die now.
            Err(Problem::Journal) | Ok(()) => {}
            Err(problem) => return Err(problem),
        }
    }
    result.map_err(Problem::Platform)
}

async fn note(means: &Means, entry: JournalEntry) -> Result<(), Problem> {
    match means.store.note(&means.claim, &entry).await {
        Ok(()) => Ok(()),
        Err(StoreError::Stale) => Err(Problem::Stale),
        Err(error) => {
            tracing::warn!(%error, "the reply journal could not be written");
            Err(Problem::Journal)
        }
    }
}
