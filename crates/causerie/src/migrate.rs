//! Everything that is kept goes from one store to another, and both are compared.
//!
//! 1. Conversations travel one by one, each as a whole; then budgets and reservations. What is there
//!    already and hashes the same is passed over: whoever begins again goes on where they were.
//! 2. The target is marked before the first conversation, and no server opens it until the mark says
//!    that all of it came and was compared. The source is read and nothing else.
//! 3. Few conversations are in memory at a time, however many there are.

mod tally;

pub use tally::{Comparison, Tally};

use causerie_core::{
    Timestamp,
    id::ConversationId,
    record::RecordError,
    store::{
        StoreError,
        transfer::{ContentHash, ConversationCopy, Cursor, LedgerEntry, Migration, Page, Transfer},
    },
};
use futures::{StreamExt, TryStreamExt, stream};
use std::{future::Future, sync::Arc};
use thiserror::Error;

/// Conversations under way at once.
const AT_ONCE: usize = 8;

/// Names and entries asked for at once.
const PAGE: usize = 256;

/// Why a migration was not begun or not ended.
#[derive(Debug, Error)]
pub enum MigrateError {
    /// Name a store that stays.
    #[error("a store in memory ends with its process: there is nothing to move from it or to it")]
    Memory,
    /// Stop who uses it.
    #[error(
        "{store} is in use: {claims} claims and {roles} roles are held; stop every server on it \
         (those of one that was killed end within seconds)"
    )]
    InUse {
        /// Which store.
        store: String,
        /// Claims that hold.
        claims: u64,
        /// Roles that are held.
        roles: u64,
    },
    /// Choose another target.
    #[error(
        "{0} holds something already; choose a place where nothing is, or compare with --check"
    )]
    NotEmpty(String),
    /// Finish the other migration, or empty the target.
    #[error(
        "{to} holds the beginnings of a migration from {from}; finish that with `causerie migrate`, \
         or empty it"
    )]
    Unfinished {
        /// Which store.
        to: String,
        /// Where it comes from.
        from: String,
    },
    /// The store has its own words.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was read cannot be hashed.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// One side: a store, and what it is called.
#[derive(Clone)]
pub struct Side {
    /// The store.
    pub store: Arc<dyn Transfer>,
    /// Where it is, without a password.
    pub name: String,
}

/// Two stores, and the instant as of which they are compared.
pub struct Sides {
    /// Where everything is.
    pub from: Side,
    /// Where it goes.
    pub to: Side,
    /// What has passed its time by then counts on neither side.
    pub now: Timestamp,
}

/// What became of a conversation.
struct Carried {
    from: Option<(ConversationCopy, ContentHash)>,
    to: Option<(ConversationCopy, ContentHash)>,
}

impl Sides {
    /// Copies what is missing, then compares. `progress` hears of every conversation.
    ///
    /// # Errors
    /// As [`MigrateError`] says. It may be begun again.
    pub async fn migrate(&self, progress: &(dyn Fn() + Sync)) -> Result<Comparison, MigrateError> {
        self.refuse_used().await?;
        if !self.begin().await? {
            return self.compare(progress).await;
        }
        let copied = self.copy(progress).await?;
        self.copy_ledger().await?;
        let mut comparison = self.compare(progress).await?;
        comparison.copied = Some(copied);
        self.refuse_used().await?;
        if comparison.is_equal() {
            self.to.store.mark(&self.mark(true)).await?;
        }
        Ok(comparison)
    }

    /// Compares and changes nothing.
    ///
    /// # Errors
    /// As [`MigrateError`] says.
    pub async fn check(&self, progress: &(dyn Fn() + Sync)) -> Result<Comparison, MigrateError> {
        self.refuse_used().await?;
        self.compare(progress).await
    }

    async fn refuse_used(&self) -> Result<(), MigrateError> {
        for side in [&self.from, &self.to] {
            let used = side.store.in_use().await?;
            if used.is_any() {
                return Err(MigrateError::InUse {
                    store: side.name.clone(),
                    claims: used.claims,
                    roles: used.roles,
                });
            }
        }
        Ok(())
    }

    fn mark(&self, done: bool) -> Migration {
        let from = self.from.name.clone();
        Migration { from, done }
    }

    /// Marks the target. `false` if this migration has come to its end before: then nothing is
    /// copied any more, for the target may have gone on since.
    async fn begin(&self) -> Result<bool, MigrateError> {
        let found = self.to.store.migration().await?;
        if found.as_ref() == Some(&self.mark(false)) {
            return Ok(true);
        }
        if self.is_empty().await? {
            self.to.store.mark(&self.mark(false)).await?;
            return Ok(true);
        }
        match found {
            Some(found) if found == self.mark(true) => Ok(false),
            Some(Migration { from, done: false }) => {
                let to = self.to.name.clone();
                Err(MigrateError::Unfinished { to, from })
            }
            _ => Err(MigrateError::NotEmpty(self.to.name.clone())),
        }
    }

    async fn is_empty(&self) -> Result<bool, MigrateError> {
        let (store, now) = (&self.to.store, self.now);
        let names = |after: Option<Cursor>| async move {
            store.conversations_after(after.as_ref(), PAGE).await
        };
        if !is_listing_empty(names).await? {
            return Ok(false);
        }
        let entries = |after: Option<Cursor>| async move {
            store.entries_after(after.as_ref(), PAGE, now).await
        };
        Ok(is_listing_empty(entries).await?)
    }

    /// Copies every conversation that is not there as it should be, and says how many.
    async fn copy(&self, progress: &(dyn Fn() + Sync)) -> Result<u64, MigrateError> {
        let mut copied = 0;
        let mut after = None;
        loop {
            let page = self.names(&self.from, after.as_ref()).await?;
            let mut carried = stream::iter(page.items)
                .map(|id| self.copy_one(id))
                .buffer_unordered(AT_ONCE);
            while let Some(is_new) = carried.try_next().await? {
                copied += u64::from(is_new);
                progress();
            }
            after = page.next;
            if after.is_none() {
                return Ok(copied);
            }
        }
    }

    async fn copy_one(&self, id: ConversationId) -> Result<bool, MigrateError> {
        let Carried { from, to } = self.read(&id).await?;
        let Some((copy, hash)) = from else {
            return Ok(false);
        };
        if to.is_some_and(|(_, there)| there == hash) {
            return Ok(false);
        }
        self.to.store.import(copy).await?;
        Ok(true)
    }

    async fn copy_ledger(&self) -> Result<(), MigrateError> {
        let mut after = None;
        loop {
            let page = self.entries(after.as_ref()).await?;
            let found = self.to.store.find_entries(&page.items).await?;
            let pairs = page.items.into_iter().zip(found);
            let missing = pairs.filter(|(entry, found)| !entry.is_kept(found.as_ref()));
            let missing: Vec<LedgerEntry> = missing.map(|(entry, _)| entry).collect();
            self.to.store.put_entries(&missing).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn compare(&self, progress: &(dyn Fn() + Sync)) -> Result<Comparison, MigrateError> {
        let mut comparison = Comparison::default();
        let mut after = None;
        loop {
            let page = self.names(&self.from, after.as_ref()).await?;
            let mut read = stream::iter(page.items)
                .map(|id| async move {
                    let carried = self.read(&id).await?;
                    Ok::<_, MigrateError>((id, carried))
                })
                .buffer_unordered(AT_ONCE);
            while let Some((id, Carried { from, to })) = read.try_next().await? {
                comparison.conversation(id, from.as_ref(), to.as_ref());
                progress();
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        comparison.to.conversations = self.count().await?;
        loop {
            let page = self.entries(after.as_ref()).await?;
            let found = self.to.store.find_entries(&page.items).await?;
            for (entry, found) in page.items.iter().zip(&found) {
                comparison.entry(entry.is_kept(found.as_ref()));
            }
            after = page.next;
            if after.is_none() {
                return Ok(comparison);
            }
        }
    }

    /// How many conversations the target knows, whether the source does or not.
    async fn count(&self) -> Result<u64, MigrateError> {
        let (mut count, mut after) = (0, None);
        loop {
            let page = self.names(&self.to, after.as_ref()).await?;
            count += page.items.len() as u64;
            after = page.next;
            if after.is_none() {
                return Ok(count);
            }
        }
    }

    async fn read(&self, id: &ConversationId) -> Result<Carried, MigrateError> {
        let hashed = |copy: Option<ConversationCopy>| {
            let hashed = copy.map(|copy| {
                let hash = copy.hash()?;
                Ok::<_, RecordError>((copy, hash))
            });
            hashed.transpose()
        };
        let from = self.from.store.export(id, self.now);
        let to = self.to.store.export(id, self.now);
        let (from, to) = futures::try_join!(from, to)?;
        Ok(Carried {
            from: hashed(from)?,
            to: hashed(to)?,
        })
    }

    async fn names(
        &self,
        side: &Side,
        after: Option<&Cursor>,
    ) -> Result<Page<ConversationId>, StoreError> {
        side.store.conversations_after(after, PAGE).await
    }

    async fn entries(&self, after: Option<&Cursor>) -> Result<Page<LedgerEntry>, StoreError> {
        self.from.store.entries_after(after, PAGE, self.now).await
    }
}

async fn is_listing_empty<T, F>(
    mut page: impl FnMut(Option<Cursor>) -> F,
) -> Result<bool, StoreError>
where
    F: Future<Output = Result<Page<T>, StoreError>>,
{
    let mut after = None;
    loop {
        let found = page(after).await?;
        if !found.items.is_empty() {
            return Ok(false);
        }
        after = found.next;
        if after.is_none() {
            return Ok(true);
        }
    }
}
