//! A store that fails when it is told to.

use async_trait::async_trait;
use causerie_core::store::transfer::{
    ConversationCopy, Cursor, InUse, LedgerEntry, Migration, Page, Transfer,
};
use causerie_core::{
    Clock, Timestamp,
    event::Event,
    id::{ConversationId, Fence, ParticipantId},
    limit::Charge,
    message::Message,
    outcome::TurnRecord,
    platform::ConversationEntry,
    store::*,
};
use causerie_store::MemoryStore;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A store in front of which something may stand.
pub(crate) struct FlakyStore {
    inner: Arc<dyn Store>,
    fail_commits: AtomicBool,
    fail_offers: AtomicBool,
    /// How long it takes to say what falls due.
    slow_due: Mutex<Duration>,
    /// Nothing of the mailbox answers.
    away: AtomicBool,
    /// The next renewal gives the claim away instead.
    lose: AtomicBool,
    /// The next call of this kind panics.
    panics: Mutex<Option<Call>>,
}

/// A kind of call.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Call {
    Claim,
    Renew,
}

impl FlakyStore {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::over(Arc::new(MemoryStore::new(clock)))
    }

    pub(crate) fn over(inner: Arc<dyn Store>) -> Self {
        Self {
            inner,
            fail_commits: AtomicBool::new(false),
            fail_offers: AtomicBool::new(false),
            slow_due: Mutex::default(),
            away: AtomicBool::new(false),
            lose: AtomicBool::new(false),
            panics: Mutex::new(None),
        }
    }

    pub(crate) fn fail_commits(&self, fail: bool) {
        self.fail_commits.store(fail, Ordering::SeqCst);
    }

    pub(crate) fn fail_offers(&self, fail: bool) {
        self.fail_offers.store(fail, Ordering::SeqCst);
    }

    /// From now on it takes so long to say what falls due, and says what is so by then.
    pub(crate) fn slow_due(&self, takes: Duration) {
        *self.slow_due.lock().unwrap() = takes;
    }

    /// Takes the mailbox away, or gives it back.
    pub(crate) fn take_away(&self, away: bool) {
        self.away.store(away, Ordering::SeqCst);
    }

    fn is_away(&self) -> bool {
        self.away.load(Ordering::SeqCst)
    }

    pub(crate) fn panic_next(&self, call: Call) {
        *self.panics.lock().unwrap() = Some(call);
    }

    /// Whether a panic is still to come.
    pub(crate) fn will_panic(&self) -> bool {
        self.panics.lock().unwrap().is_some()
    }

    fn called(&self, call: Call) {
        let panics = self.panics.lock().unwrap().take_if(|it| *it == call);
        assert!(panics.is_none(), "the test wants a panic");
    }

    pub(crate) fn lose_claims(&self) {
        self.lose.store(true, Ordering::SeqCst);
    }
}

fn away<T>() -> Result<T, StoreError> {
    Err(StoreError::Unavailable("the test took it away".into()))
}

#[async_trait]
impl Mailbox for FlakyStore {
    async fn offer(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, StoreError> {
        if self.is_away() || self.fail_offers.load(Ordering::SeqCst) {
            return away();
        }
        self.inner.offer(event, claimant).await
    }

    async fn claim(&self, claimant: &Claimant) -> Result<Option<Claim>, StoreError> {
        self.called(Call::Claim);
        if self.is_away() {
            return away();
        }
        self.inner.claim(claimant).await
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        if self.is_away() {
            return away();
        }
        let takes = *self.slow_due.lock().unwrap();
        tokio::time::sleep(takes).await;
        self.inner.next_due().await
    }

    async fn renew(&self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, StoreError> {
        self.called(Call::Renew);
        if self.is_away() {
            return away();
        }
        if self.lose.swap(false, Ordering::SeqCst) {
            let at = Timestamp(0);
            self.inner.release(claim, Release::Retry { at }).await?;
        }
        self.inner.renew(claim, ttl).await
    }

    async fn note(&self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), StoreError> {
        if self.is_away() {
            return away();
        }
        self.inner.note(claim, entry).await
    }

    async fn commit(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, StoreError> {
        if self.is_away() || self.fail_commits.load(Ordering::SeqCst) {
            return away();
        }
        self.inner.commit(claim, commit).await
    }

    async fn release(&self, claim: &ClaimKey, release: Release) -> Result<(), StoreError> {
        if self.is_away() {
            return away();
        }
        self.inner.release(claim, release).await
    }
}

#[async_trait]
impl Archive for FlakyStore {
    async fn history(
        &self,
        conversation: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, StoreError> {
        self.inner.history(conversation, range).await
    }

    async fn pending(&self, conversation: &ConversationId) -> Result<Vec<Event>, StoreError> {
        self.inner.pending(conversation).await
    }

    async fn state(&self, conversation: &ConversationId) -> Result<ConversationState, StoreError> {
        self.inner.state(conversation).await
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, StoreError> {
        self.inner.conversations(participant, limit).await
    }

    async fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, StoreError> {
        self.inner.turns(query, limit).await
    }

    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, StoreError> {
        self.inner.summarise(conversation, summary, erasures).await
    }

    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError> {
        self.inner.erase(what).await
    }

    async fn census(&self) -> Result<Census, StoreError> {
        self.inner.census().await
    }
}

#[async_trait]
impl Ledger for FlakyStore {
    async fn reserve(
        &self,
        id: &ReservationId,
        charges: &[Charge],
    ) -> Result<Reserved, StoreError> {
        self.inner.reserve(id, charges).await
    }

    async fn settle(&self, id: &ReservationId, used: &[u64]) -> Result<(), StoreError> {
        self.inner.settle(id, used).await
    }

    async fn lease(&self, role: &str, claimant: &Claimant) -> Result<Option<Fence>, StoreError> {
        self.inner.lease(role, claimant).await
    }
}

#[async_trait]
impl Transfer for FlakyStore {
    async fn conversations_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, StoreError> {
        self.inner.conversations_after(after, limit).await
    }

    async fn export(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, StoreError> {
        self.inner.export(conversation, now).await
    }

    async fn import(&self, copy: ConversationCopy) -> Result<(), StoreError> {
        self.inner.import(copy).await
    }

    async fn entries_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        self.inner.entries_after(after, limit, now).await
    }

    async fn find_entries(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        self.inner.find_entries(entries).await
    }

    async fn put_entries(&self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        self.inner.put_entries(entries).await
    }

    async fn in_use(&self) -> Result<InUse, StoreError> {
        self.inner.in_use().await
    }

    async fn migration(&self) -> Result<Option<Migration>, StoreError> {
        self.inner.migration().await
    }

    async fn mark(&self, migration: &Migration) -> Result<(), StoreError> {
        self.inner.mark(migration).await
    }
}
