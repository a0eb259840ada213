//! What must outlive the process.
//!
//! Three traits, because three kinds of code use them: dispatch and turns the [`Mailbox`], readers
//! the [`Archive`], admission the [`Ledger`]. One store implements all three, so that one commit
//! can touch all of them at once. `causerie-testkit` holds the conformance suite.
//!
//! What every store does alike stands beside them: [`amend`], [`forget`], [`select`], [`title`]. A
//! fourth trait, [`transfer::Transfer`], carries all that is kept from one store to another, and a
//! conversation from one name to another.
//!
//! Every operation is atomic and durable when it returns. Dropping a future leaves it unknown
//! whether the operation took effect; all of them may be repeated.

pub mod amend;
pub mod forget;
pub mod select;
pub mod title;
pub mod transfer;

use crate::{
    Text, Timestamp,
    event::Event,
    id::{
        ConversationId, EventId, Fence, MessageRef, ModelName, ParticipantId, PersonaName,
        ReplicaId, Seq, TurnNumber,
    },
    limit::Charge,
    message::Message,
    outcome::{TurnRecord, Usage},
    platform::ConversationEntry,
};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::{path::PathBuf, time::Duration};
use thiserror::Error;

/// How long an event is remembered for deduplication.
pub const REMEMBER_EVENTS: Duration = Duration::from_secs(48 * 3600);

/// The most events that may wait in one conversation, unless a store is told otherwise.
pub const MAILBOX_LIMIT: usize = 256;

/// How many turn records of each conversation are kept at least: the newest.
pub const KEEP_TURNS: usize = 256;

/// Everything one replica needs kept.
pub trait Store: Mailbox + Archive + Ledger + transfer::Transfer {}

impl<T: Mailbox + Archive + Ledger + transfer::Transfer> Store for T {}

/// Mail and claims: how a message becomes a turn, exactly once.
#[async_trait]
pub trait Mailbox: Send + Sync {
    /// Deduplicates `event` by its conversation and id, appends it to the conversation's mail, and
    /// says what became of it. If `claimant` is given and nobody holds the conversation, the claim
    /// is granted in the same step.
    ///
    /// An edit or deletion of a message that still waits in the mail, and that no turn has begun to
    /// answer, changes or removes it there (a removed one is recorded as superseded), and so does
    /// the edit's own record: the answer is then [`Offered::Amended`]. An edit or deletion of
    /// anything else is mail like any other. A turn that was given back or died has begun to answer
    /// the mail it had: part of the answer may be visible.
    ///
    /// An event is remembered for deduplication for at least 24 hours.
    async fn offer(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, StoreError>;

    /// Takes the conversation that has waited longest among those with mail, no live claim, and no
    /// [`Release::Retry`] still to wait for. `None` if there is none.
    ///
    /// A conversation whose claim ran out is taken over: same turn number, higher fence, the
    /// journal of the one before, and one more attempt.
    async fn claim(&self, claimant: &Claimant) -> Result<Option<Claim>, StoreError>;

    /// When the earliest conversation that cannot be claimed yet will be claimable: an expiry or a
    /// retry. `None` if none waits. Dispatch sleeps until then.
    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError>;

    /// Keeps a claim for another `ttl`, and says whether an event that
    /// [`is_stop`](Event::is_stop) has arrived since the claim.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the claim was lost.
    async fn renew(&self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, StoreError>;

    /// Adds to the journal of the turn, and keeps it until the commit.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the claim was lost.
    async fn note(&self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), StoreError>;

    /// [`Mailbox::note`] for several entries in their order. A store that can adds all of them in
    /// one step, which costs what one of them costs.
    ///
    /// # Errors
    /// As [`Mailbox::note`]; the first entries may have been added then.
    async fn note_all(&self, claim: &ClaimKey, entries: &[JournalEntry]) -> Result<(), StoreError> {
        for entry in entries {
            self.note(claim, entry).await?;
        }
        Ok(())
    }

    /// Ends the turn: history, state, consumed mail, outcome, settled reservation, all at once; the
    /// journal is gone, the claim is released. Repeating a commit that took effect answers
    /// [`StoreError::Stale`].
    ///
    /// [`ConversationState::erasures`] is the store's own count, whatever the commit says. If
    /// something was erased since the claim, a summary from before does not come back: what the
    /// store has for a summary by then stays, unless the conversation begins afresh behind it.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the claim was lost; nothing is written then.
    async fn commit(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, StoreError>;

    /// Gives the claim back without an end: the turn goes on later, with its journal.
    ///
    /// # Errors
    /// [`StoreError::Stale`] if the claim was lost.
    async fn release(&self, claim: &ClaimKey, release: Release) -> Result<(), StoreError>;
}

/// Reading and forgetting.
#[async_trait]
pub trait Archive: Send + Sync {
    /// Messages from `range.from` (inclusive) to `range.before` (exclusive), oldest first. With a
    /// `limit`, the newest that many of them.
    async fn history(
        &self,
        conversation: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, StoreError>;

    /// Events of a conversation without an outcome, oldest first, claimed ones included.
    async fn pending(&self, conversation: &ConversationId) -> Result<Vec<Event>, StoreError>;

    /// The conversation's state, the default for one never committed to.
    async fn state(&self, conversation: &ConversationId) -> Result<ConversationState, StoreError>;

    /// Conversations a participant has spoken in, the latest first.
    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, StoreError>;

    /// Records of turns, the newest first. Of each conversation a store keeps the newest
    /// [`KEEP_TURNS`] at least, and may drop older ones.
    async fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, StoreError>;

    /// Puts a summary in place and says whether it did. Needs no claim.
    ///
    /// It does so if the summary covers what stood before the window and nothing besides, reaches
    /// further than the one that is there, and nothing was erased since its messages were read:
    /// `began < summary.before <= window_start`, `summary.before` above that of the present one,
    /// and `erasures` as [`ConversationState::erasures`] is now.
    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, StoreError>;

    /// Erases for good: text leaves the files, not only the tables (a store that cannot promise it
    /// says so in its docs). Turn records stay; they hold no text. A summary that may hold what is
    /// erased goes too.
    ///
    /// Events that are erased while they wait are recorded as superseded, those of one conversation
    /// in one record with turn 0.
    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError>;

    /// Sizes, for `/metrics` and `doctor`.
    async fn census(&self) -> Result<Census, StoreError>;
}

/// Budgets and exclusive roles.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Takes all of `charges` or none. Repeating it with the same id, before or after it was
    /// settled, answers the same and takes nothing more.
    async fn reserve(&self, id: &ReservationId, charges: &[Charge])
    -> Result<Reserved, StoreError>;

    /// Corrects what was taken to what was used: `used[i]` for the `i`th charge. Only the first
    /// settlement of a reservation counts. [`Commit::settle`] does the same within the commit.
    async fn settle(&self, id: &ReservationId, used: &[u64]) -> Result<(), StoreError>;

    /// Takes or keeps an exclusive role for `ttl`. `None` if another replica holds it.
    async fn lease(&self, role: &str, claimant: &Claimant) -> Result<Option<Fence>, StoreError>;
}

/// Who claims, and for how long.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimant {
    /// The process.
    pub replica: ReplicaId,
    /// How long the claim holds without being renewed.
    pub ttl: Duration,
}

/// What became of an offered event.
#[derive(Debug, PartialEq)]
pub enum Offered {
    /// It is mail now. With the claim, if it was asked for and free.
    Queued(Option<Box<Claim>>),
    /// It was applied to mail that waited, and has its outcome.
    Amended,
    /// It was here before.
    Duplicate,
    /// There is too much mail in this conversation; nothing was stored.
    Full,
}

/// The exclusive right to answer one conversation, and what there is to answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Claim {
    /// Names it in later operations.
    pub key: ClaimKey,
    /// The turn it works on.
    pub turn: TurnNumber,
    /// 1 the first time, more after a crash, a hand-over or a retry.
    pub attempt: u32,
    /// The mail, oldest first, never empty. Mail that comes later is not in it.
    pub mail: Vec<Event>,
    /// What earlier attempts noted.
    pub journal: Vec<JournalEntry>,
    /// The conversation's state.
    pub state: ConversationState,
    /// The position the next message of history will have.
    pub next_seq: Seq,
}

/// Names a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimKey {
    /// The conversation.
    pub conversation: ConversationId,
    /// Its number.
    pub fence: Fence,
}

/// What a renewal tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Renewed {
    /// Somebody asked to stop since the claim.
    pub stop: bool,
}

/// What a turn did before its commit, so that another replica can go on.
/// Stored by position (see [`crate::record`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::large_enum_variant,
    reason = "a journal has a handful of entries"
)]
pub enum JournalEntry {
    /// Part `part` of the answer is about to be created.
    Sending {
        /// Which part, from 0.
        part: u32,
    },
    /// Part `part` was created.
    Sent {
        /// Which part, from 0.
        part: u32,
        /// The message on the platform.
        message: MessageRef,
    },
    /// A round of completion, or a tool's output, is finished and paid for.
    Step {
        /// What it adds to history.
        message: Message,
        /// What it used.
        usage: Usage,
        /// Whether the answer is complete with it.
        last: bool,
    },
    /// The turn answers this mail. Noted before anything else, so that a later attempt, which may
    /// find more mail, knows what the rest of the journal belongs to.
    Began {
        /// The events.
        events: Vec<EventId>,
    },
    /// The creation of part `part` that was begun certainly did not take effect.
    NotSent {
        /// Which part, from 0.
        part: u32,
    },
    /// Part `part` of the answer is about to be created in its last form: if it was, it says all
    /// that it has to say.
    SendingWhole {
        /// Which part, from 0.
        part: u32,
    },
    /// The message of part `part` was deleted by somebody.
    Gone {
        /// Which part, from 0.
        part: u32,
    },
}

/// The end of a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Commit {
    /// The mail this turn answers for, also such as came after the claim. Mail not named waits on.
    pub consumed: Vec<EventId>,
    /// History is erased from here on before anything is appended: an answer that is given anew.
    pub truncate: Option<Seq>,
    /// The conversation is erased before anything is appended, as thoroughly as
    /// [`Erase::Conversation`] does it, but for mail that is not consumed: history, title, the
    /// state of before, and the places in lists of everybody whose mail does not wait. Numbers of
    /// messages begin again at 1.
    pub erase: bool,
    /// What is added to history, numbered on from [`Claim::next_seq`] (or from `truncate`).
    pub append: Vec<Message>,
    /// The conversation's state from now on.
    pub state: ConversationState,
    /// What happened, with the outcome of each consumed event.
    pub record: TurnRecord,
    /// The reservation to settle, and what was used of each charge.
    pub settle: Option<(ReservationId, Vec<u64>)>,
}

/// What a commit tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// More mail waits in this conversation; a claim will find it.
    pub more: bool,
}

/// How a claim is given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// To whoever comes next, at once. The attempt does not count.
    Handover,
    /// To whoever comes after this instant.
    Retry {
        /// Not before this.
        at: Timestamp,
    },
    /// To whoever comes after this instant. The attempt does not count.
    Postpone {
        /// Not before this.
        at: Timestamp,
    },
}

/// What is kept of a conversation besides its messages. Stored by position (see [`crate::record`]).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConversationState {
    /// The persona chosen here, if not the platform's.
    pub persona: Option<PersonaName>,
    /// The model chosen here, if not the persona's first.
    pub model: Option<ModelName>,
    /// The first message that prompts still show.
    pub window_start: Seq,
    /// What stood before it, in short.
    pub summary: Option<Summary>,
    /// Turns in a row without a person, for the loop guard.
    pub unattended: u32,
    /// Where the conversation began afresh: nothing before it is shown or summarised any more.
    pub began: Seq,
    /// How often something of its history was erased. The store counts: it tells who has read
    /// messages whether they may still be used.
    pub erasures: u64,
}

/// What was said, in short.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// The words.
    pub text: Text,
    /// It covers the messages before this one.
    pub before: Seq,
}

/// Which messages of a conversation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HistoryRange {
    /// From here.
    pub from: Seq,
    /// Up to but not including this; all if `None`.
    pub before: Option<Seq>,
    /// At most this many, the newest.
    pub limit: Option<usize>,
}

/// Which turn records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TurnQuery {
    /// All of this store.
    All,
    /// Of a conversation.
    Conversation(ConversationId),
    /// The one that took this event.
    Event(ConversationId, EventId),
    /// Those that this platform message asked something of, and those whose answer it carries.
    Message(ConversationId, MessageRef),
}

/// What to erase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Erase {
    /// One message, found by the platform message that carries it. Mail that holds its words goes
    /// too; the deletion itself stays, for it wants its outcome.
    Message(ConversationId, MessageRef),
    /// A whole conversation: messages, state, waiting mail of anybody. A claim on it is lost, so
    /// that a turn under way cannot bring back what is gone.
    Conversation(ConversationId),
    /// All that a participant said, in every conversation, and their place in lists. A claim that
    /// has such mail in hand is lost. If no mail is left then, the turn is over, and its number is
    /// not used again.
    Participant(ParticipantId),
}

/// What was erased.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Erased {
    /// Messages of history.
    pub messages: u64,
    /// Events that waited.
    pub mail: u64,
}

/// How much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Census {
    /// Conversations known.
    pub conversations: u64,
    /// Messages of history.
    pub messages: u64,
    /// Events without an outcome.
    pub mail: u64,
    /// Bytes on disk or in memory, as well as the store can tell.
    pub bytes: u64,
}

/// Names a reservation: the conversation and turn it is made for, and which of the turn's it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ReservationId {
    /// The conversation.
    pub conversation: ConversationId,
    /// The turn.
    pub turn: TurnNumber,
    /// Which of the turn's reservations. Each is taken and settled by itself.
    pub part: u32,
}

/// What became of a reservation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reserved {
    /// All was taken.
    Granted,
    /// Nothing was taken: this charge did not fit.
    Refused {
        /// Its key.
        key: String,
        /// When its window ends.
        until: Timestamp,
    },
}

/// Why a store did not do it, named for what the caller does next.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The claim was lost: stop working on this turn; somebody else does.
    #[error("the claim was lost")]
    Stale,
    /// It may work later.
    #[error("the store is not available: {0}")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// There is no room left where the store writes.
    #[error("no space left for the store at {}; free some and the server goes on", path.display())]
    NoSpace {
        /// Where.
        path: PathBuf,
    },
    /// Another process uses it.
    #[error("{} is in use by another causerie process{}; stop it, or give this one another data_dir", path.display(), pid.map(|p| format!(" (pid {p})")).unwrap_or_default())]
    Locked {
        /// What is in use.
        path: PathBuf,
        /// By which process, if known.
        pid: Option<u32>,
    },
    /// A newer program wrote it.
    #[error("{} has schema version {found} and this program knows {known}; use a newer causerie, or another store", path.display())]
    Newer {
        /// What.
        path: PathBuf,
        /// The version it has.
        found: u32,
        /// The newest this program knows.
        known: u32,
    },
    /// It refuses who we are or what we do: a name, a password or rights must be put right.
    #[error("{} refuses us; check the user, the password and the rights: {source}", path.display())]
    Denied {
        /// What.
        path: PathBuf,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What is stored is encrypted, and no key that was given opens it.
    #[error("{} was encrypted with key {key:?}, and no key of that name was given that opens it", path.display())]
    Sealed {
        /// What.
        path: PathBuf,
        /// The name of the key.
        key: String,
    },
    /// What is stored cannot be read.
    #[error("{} is damaged: {detail}; move it away and restore a backup", path.display())]
    Corrupt {
        /// What.
        path: PathBuf,
        /// What was found. No text of people.
        detail: String,
    },
}
