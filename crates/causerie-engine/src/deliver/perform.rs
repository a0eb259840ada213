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

/// What the journal must know of an operation.
#[derive(Clone, Copy, Debug)]
pub(super) enum Noted {
    /// It creates the message of this part.
    Creates(u32),
    /// It changes the message of this part, which may be gone.
    Changes(u32),
    /// Nothing.
    No,
}

/// Performs `operation`, and notes in the journal what must be known of it.
pub(super) fn perform(
    means: Means,
    operation: Operation,
    noted: Noted,
) -> BoxFuture<'static, Performed> {
    async move {
        let result = match noted {
            Noted::Creates(part) => create(&means, &operation, part).await,
            Noted::Changes(part) => change(&means, &operation, part).await,
            Noted::No => plain(&means, &operation).await,
        };
        Performed {
            action: operation.action,
            result,
        }
    }
    .boxed()
}

async fn plain(means: &Means, operation: &Operation) -> Result<Receipt, Problem> {
    if operation.action.lasts() {
        write(means, vec![]).await?;
    }
    let result = means.platform.perform(operation).await;
    result.map_err(Problem::Platform)
}

/// That a message is gone is noted, so that whoever takes over knows that what is created next
/// stands in its stead.
async fn change(means: &Means, operation: &Operation, part: u32) -> Result<Receipt, Problem> {
    let result = plain(means, operation).await;
    if !matches!(result, Err(Problem::Platform(PlatformError::Gone))) {
        return result;
    }
    match note(means, JournalEntry::Gone { part }).await {
        // It will be found gone once more.
        Err(Problem::Journal) | Ok(()) => result,
        Err(problem) => Err(problem),
    }
}

async fn create(means: &Means, operation: &Operation, part: u32) -> Result<Receipt, Problem> {
    write(means, vec![beginning(operation, part)]).await?;
    let result = means.platform.perform(operation).await;
    let entry = match &result {
        // What comes next is the commit, which tells the same.
        Ok(_) if ends(&operation.action) => None,
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
            // What happened has happened; that the journal is behind matters only if we die now.
            Err(Problem::Journal) | Ok(()) => {}
            Err(problem) => return Err(problem),
        }
    }
    result.map_err(Problem::Platform)
}

/// Whether the answer ends with it.
fn ends(action: &Action) -> bool {
    matches!(action, Action::Post { content, .. } if content.ends)
}

fn beginning(operation: &Operation, part: u32) -> JournalEntry {
    match &operation.action {
        Action::Post { content, .. } if content.complete => JournalEntry::SendingWhole { part },
        _ => JournalEntry::Sending { part },
    }
}

/// Writes what is unwritten, and `entries` behind it.
async fn write(means: &Means, entries: Vec<JournalEntry>) -> Result<(), Problem> {
    let mut all = means.unwritten.take();
    let before = all.len();
    all.extend(entries);
    if all.is_empty() {
        return Ok(());
    }
    let written = noted(means.store.note_all(&means.claim, &all).await);
    if written.is_err() {
        all.truncate(before);
        means.unwritten.put_back(all);
    }
    written
}

async fn note(means: &Means, entry: JournalEntry) -> Result<(), Problem> {
    noted(means.store.note(&means.claim, &entry).await)
}

fn noted(result: Result<(), StoreError>) -> Result<(), Problem> {
    match result {
        Ok(()) => Ok(()),
        Err(StoreError::Stale) => Err(Problem::Stale),
        Err(error) => {
            tracing::warn!(%error, "the reply journal could not be written");
            Err(Problem::Journal)
        }
    }
}
