//! A conversation on its way.

use super::hash::{ContentHash, Hasher};
use crate::{
    Text, Timestamp,
    event::Event,
    id::{ConversationId, EventId, ParticipantId, Seq},
    message::Message,
    outcome::TurnRecord,
    record::RecordError,
    store::{ConversationState, JournalEntry, KEEP_TURNS, REMEMBER_EVENTS},
};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The version of what is carried, and of how it is hashed.
const VERSION: u32 = 1;

/// Eight bytes that stand for an event within its conversation, where its name is not kept: the
/// first of the name's SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct EventMark(pub [u8; 8]);

impl EventMark {
    /// The mark of an event.
    pub fn of(id: &EventId) -> Self {
        let digest = Sha256::digest(id.as_str().as_bytes());
        let mut mark = [0; 8];
        mark.copy_from_slice(&digest[..8]);
        Self(mark)
    }
}

/// All that is kept of one conversation. One that was erased is one too: it remembers what came, and
/// how far its numbers went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConversationCopy {
    /// Which.
    pub conversation: ConversationId,
    /// Its title.
    pub title: Text,
    /// Its state.
    pub state: ConversationState,
    /// The last position given to a message.
    pub last_seq: Seq,
    /// How many turns have ended.
    pub turns: u64,
    /// How often the present turn was begun.
    pub attempts: u32,
    /// Before this the present turn does not go on.
    pub not_before: Timestamp,
    /// Its history, the oldest first.
    pub messages: Vec<Message>,
    /// Its mail, the oldest first.
    pub mail: Vec<Event>,
    /// How much of the mail, from the oldest on, the present turn has begun to answer.
    pub taken: usize,
    /// What the present turn has noted.
    pub journal: Vec<JournalEntry>,
    /// Its newest turn records, at most [`KEEP_TURNS`], the oldest first.
    pub records: Vec<TurnRecord>,
    /// Who has spoken in it and when last, by name.
    pub spoken: Vec<(ParticipantId, Timestamp)>,
    /// The events that are remembered, and the second in which each came, by that.
    pub seen: Vec<(EventMark, i64)>,
}

impl ConversationCopy {
    /// The form that is the same from every store, without what may be forgotten by `now`.
    #[must_use]
    pub fn canonical(mut self, now: Timestamp) -> Self {
        self.not_before = self.not_before.max(Timestamp(0));
        self.taken = self.taken.min(self.mail.len());
        let surplus = self.records.len().saturating_sub(KEEP_TURNS);
        self.records.drain(..surplus);
        self.spoken.sort_unstable();
        self.seen
            .retain(|(_, second)| now.since(millis(*second)) < REMEMBER_EVENTS);
        self.seen
            .sort_unstable_by_key(|(mark, second)| (*second, *mark));
        self
    }

    /// What it comes to.
    ///
    /// # Errors
    /// As [`record::encode`](crate::record::encode).
    pub fn hash(&self) -> Result<ContentHash, RecordError> {
        let mut hasher = Hasher::new();
        hasher.one(&VERSION)?;
        hasher.one(&(&self.conversation, &self.title, &self.state))?;
        hasher.one(&(self.last_seq, self.turns, self.attempts, self.not_before))?;
        hasher.all(&self.messages)?;
        hasher.all(&self.mail)?;
        hasher.one(&self.taken)?;
        hasher.all(&self.journal)?;
        hasher.all(&self.records)?;
        hasher.all(&self.spoken)?;
        hasher.all(&self.seen)?;
        Ok(hasher.finish())
    }

    /// Microseconds by which its turn records are ordered among those of all conversations: when
    /// each ended, raised where needed so that they grow, and not later than `now`.
    pub fn record_times(&self, now: Timestamp) -> Vec<u64> {
        let mut last = 0;
        let time = |record: &TurnRecord| {
            last = micros(record.ended.min(now)).max(last + 1);
            last
        };
        self.records.iter().map(time).collect()
    }

    /// When its oldest mail was written, and not later than `now`: its place among those that wait.
    pub fn waits_since(&self, now: Timestamp) -> Timestamp {
        let first = self.mail.first().map_or(now, |event| event.at);
        first.clamp(Timestamp(0), now)
    }

    /// When something last happened in it, and not later than `now`.
    pub fn last_time(&self, now: Timestamp) -> Timestamp {
        let spoken = self.spoken.iter().map(|(_, at)| *at);
        let said = self.messages.iter().map(|message| message.at);
        let ended = self.records.iter().map(|record| record.ended);
        let seen = self.seen.iter().map(|(_, second)| millis(*second));
        let all = spoken.chain(said).chain(ended).chain(seen);
        all.max().unwrap_or_default().clamp(Timestamp(0), now)
    }
}

fn millis(second: i64) -> Timestamp {
    Timestamp(second.saturating_mul(1000))
}

fn micros(at: Timestamp) -> u64 {
    at.0.max(0).unsigned_abs().saturating_mul(1000)
}
