//! The reference store: plain maps behind one lock. What it does is what the contract means.

mod archive;
mod ledger;
mod mailbox;
mod transfer;

use crate::{KEEP_TURNS, MAILBOX_LIMIT, REMEMBER_EVENTS, forget, title};
use causerie_core::{
    Clock, Text, Timestamp,
    event::Event,
    id::{ConversationId, Fence, ParticipantId, ReplicaId, Seq},
    message::Message,
    outcome::TurnRecord,
    store::{
        ClaimKey, ConversationState, JournalEntry, ReservationId, StoreError,
        transfer::{EventMark, LONGEST_WINDOW, Migration},
    },
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How often what has expired is removed.
const SWEEP: Duration = Duration::from_secs(3600);

/// Keeps everything in memory. For tests, for trying things out, and as the reference that the
/// other stores are compared with.
///
/// What nobody asked to keep does not grow for ever: events are remembered for
/// [`REMEMBER_EVENTS`], reservations as long, the newest [`KEEP_TURNS`] turn records of each
/// conversation, budgets until their window has passed.
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
    /// Orders the turn records of all conversations.
    record_number: u64,
    fence: u64,
    /// Orders conversations by when they became ready.
    ready_number: u64,
    /// The window each budget was last used in, and how much.
    budgets: HashMap<String, (Timestamp, u64)>,
    reservations: HashMap<ReservationId, Reservation>,
    leases: HashMap<String, Lease>,
    migration: Option<Migration>,
    swept: Timestamp,
}

#[derive(Default)]
struct Conversation {
    title: Text,
    state: ConversationState,
    messages: Vec<Message>,
    last_seq: Seq,
    mail: Vec<Mail>,
    seen: HashMap<EventMark, Timestamp>,
    journal: Vec<JournalEntry>,
    /// The newest last, with its place among those of all conversations.
    records: VecDeque<(u64, TurnRecord)>,
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
    at: Timestamp,
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
    /// Keeps a turn record, and drops what is too many.
    fn record(&mut self, record: TurnRecord) {
        self.record_number += 1;
        let Some(conversation) = self.conversations.get_mut(&record.conversation) else {
            return;
        };
        conversation.records.push_back((self.record_number, record));
        if conversation.records.len() > KEEP_TURNS {
            conversation.records.pop_front();
        }
    }

    /// Removes what has expired, now and then.
    fn sweep(&mut self, now: Timestamp) {
        if now.since(self.swept) < SWEEP {
            return;
        }
        self.swept = now;
        for conversation in self.conversations.values_mut() {
            conversation.expire(now);
        }
        self.reservations
            .retain(|_, reservation| now.since(reservation.at) < REMEMBER_EVENTS);
        self.budgets
            .retain(|_, (start, _)| now.since(*start) < LONGEST_WINDOW);
    }

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

    /// Forgets events that need not be remembered any more.
    fn expire(&mut self, now: Timestamp) {
        self.seen
            .retain(|_, seen| now.since(*seen) < REMEMBER_EVENTS);
    }

    /// Erases what was said. What remains remembers which events were seen, so that a late
    /// redelivery does not bring anything back, and how far its numbers went. Mail stays.
    fn erase(&mut self) {
        self.state = forget::erased_state(&self.state);
        self.messages.clear();
        self.last_seq = Seq::default();
        self.journal.clear();
    }

    /// Takes the title anew from what there is: history first, then mail.
    fn retitle(&mut self) {
        let said = self.messages.iter().find_map(title::of_message);
        let waits = || self.mail.iter().find_map(|m| title::of_event(&m.event));
        self.title = said.or_else(waits).unwrap_or_default();
    }
}
