//! Carrying what is kept from one store to another.
//!
//! Conversation by conversation and entry by entry of the ledger, each in a form that is the same
//! whatever store it comes from: what hashes the same is the same. Nothing here claims: a store is
//! carried while nobody serves it.
//!
//! What does not travel, because it means nothing elsewhere: claims, leases and their fences; the
//! numbers by which a store orders things (they are made anew from the times that stand in what is
//! carried); and what has passed its time, which every store may forget when it likes.

mod conversation;
mod hash;
mod ledger;

pub use conversation::{ConversationCopy, EventMark};
pub use hash::ContentHash;
pub use ledger::{LONGEST_WINDOW, LedgerEntry, MOST, Taken};

use super::StoreError;
use crate::{Timestamp, id::ConversationId};
use async_trait::async_trait;

/// A store that can give all it keeps, and take it.
#[async_trait]
pub trait Transfer: Send + Sync {
    /// Some conversations, at most `limit`, behind `after`, in an order that stays as it is while
    /// nobody writes.
    async fn conversations_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, StoreError>;

    /// All that is kept of a conversation, as of `now`; `None` if it is not known. Changes nothing.
    async fn export(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, StoreError>;

    /// Keeps `copy` in place of what there is of its conversation, all of it or nothing. Doing it
    /// twice is doing it once. A claim on the conversation is lost.
    async fn import(&self, copy: ConversationCopy) -> Result<(), StoreError>;

    /// Some of the budgets and reservations, about `limit`, behind `after`, without what is past at
    /// `now`. An entry may come twice.
    async fn entries_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, StoreError>;

    /// What is kept in the place of each of `entries`: see [`LedgerEntry::is_kept`].
    async fn find_entries(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, StoreError>;

    /// Keeps budgets and reservations in place of what there is of them. A budget's later window
    /// stays.
    async fn put_entries(&self, entries: &[LedgerEntry]) -> Result<(), StoreError>;

    /// Who works with the store at this moment, as far as it can tell.
    async fn in_use(&self) -> Result<InUse, StoreError>;

    /// The mark of a migration into this store, if there was one.
    async fn migration(&self) -> Result<Option<Migration>, StoreError>;

    /// Sets that mark.
    async fn mark(&self, migration: &Migration) -> Result<(), StoreError>;
}

/// Where a listing goes on. Only the store that gave it reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub String);

/// A part of a listing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// What it holds; perhaps nothing, though more may follow.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<Cursor>,
}

/// Signs that a store is served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InUse {
    /// Claims that hold.
    pub claims: u64,
    /// Roles that are held.
    pub roles: u64,
}

impl InUse {
    /// Whether there is any.
    pub fn is_any(&self) -> bool {
        self.claims + self.roles > 0
    }
}

/// That a store was filled from another one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// From which: its address, without a password.
    pub from: String,
    /// Whether all of it came, and was compared. Until then nobody may serve the store.
    pub done: bool,
}
