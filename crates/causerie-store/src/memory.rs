//! The reference store: plain maps behind one lock. What it does is what the contract means.

mod archive;
mod ledger;
mod mailbox;

use crate::{MAILBOX_LIMIT, title};
use causerie_core::{
    Clock, Text, Timestamp,
    event::Event,
    id::{ConversationId, EventId, Fence, ParticipantId, ReplicaId, Seq},
    message::Message,
    outcome::TurnRecord,
    store::{ClaimKey, ConversationState, JournalEntry, ReservationId, StoreError},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Keeps everything in memory. For tests, for trying things out, and as the reference that the
/// other stores are compared with.
pub struct MemoryStore {
    clock: Arc<dyn Clock>,
    mailbox_limit: usize,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    conversations: BTreeMap<ConversationId, Conversation>,
    /// Who has spoken where, and when last.
    spoken: BTreeMap<(ParticipantId, ConversationId), Timestamp>,
    turns: Vec<TurnRecord>,
    fence: u64,
    /// Orders conversations by when they became ready.
    ready_number: u64,
    budgets: HashMap<(String, Timestamp), u64>,
    reservations: HashMap<ReservationId, Reservation>,
    leases: HashMap<String, Lease>,
}

#[derive(Default)]
struct Conversation {
    title: Text,
    state: ConversationState,
    messages: Vec<Message>,
    last_seq: Seq,
    mail: Vec<Mail>,
    seen: HashMap<EventId, Timestamp>,
    journal: Vec<JournalEntry>,
    /// Turns that have ended.
    turns: u64,
    attempts: u32,
    holder: Option<Holder>,
    not_before: Timestamp,
    ready: u64,
}

struct Mail {
    event: Event,
    /// The claim whose turn has begun to answer it. It stays when the claim is given back.
    taken: Option<Fence>,
}

struct Holder {
    fence: Fence,
    until: Timestamp,
}

struct Reservation {
    charges: Vec<(String, Timestamp, u64)>,
    settled: bool,
}

struct Lease {
    replica: ReplicaId,
    fence: Fence,
    until: Timestamp,
}

impl MemoryStore {
    /// An empty store that takes its time from `clock`.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            mailbox_limit: MAILBOX_LIMIT,
            inner: Mutex::default(),
        }
    }

    /// The most events that may wait in one conversation.
    #[must_use]
    pub fn mailbox_limit(mut self, limit: usize) -> Self {
        self.mailbox_limit = limit;
        self
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // No code that holds the lock can panic half-way through a change.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next_fence(&mut self) -> Fence {
        self.fence += 1;
        Fence(self.fence)
    }

    /// The conversation a claim holds.
    fn held(&mut self, key: &ClaimKey) -> Result<&mut Conversation, StoreError> {
        let conversation = self
            .conversations
            .get_mut(&key.conversation)
            .ok_or(StoreError::Stale)?;
        match &conversation.holder {
            Some(holder) if holder.fence == key.fence => Ok(conversation),
            _ => Err(StoreError::Stale),
        }
    }
}

impl Conversation {
    fn is_held(&self, now: Timestamp) -> bool {
        self.holder
            .as_ref()
            .is_some_and(|holder| now < holder.until)
    }

    /// When it can be claimed, if it has mail.
    fn due(&self, now: Timestamp) -> Option<Timestamp> {
        if self.mail.is_empty() {
            return None;
        }
        let held = self.holder.as_ref().map_or(now, |holder| holder.until);
        Some(held.max(self.not_before))
    }
    /// Takes the title anew from what there is: history first, then mail.
    fn retitle(&mut self) {
        let said = self.messages.iter().find_map(title::of_message);
        let waits = || self.mail.iter().find_map(|m| title::of_event(&m.event));
        self.title = said.or_else(waits).unwrap_or_default();
    }
}
