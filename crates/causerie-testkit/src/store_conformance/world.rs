//! A store, its clock, and short words for what the promises do with it.

use super::sample;
use crate::clock::ManualClock;
use causerie_core::{
    Clock,
    event::Event,
    id::{ConversationId, ReplicaId},
    message::Message,
    store::{
        Claim, ClaimKey, Claimant, Commit, Committed, Erase, Erased, HistoryRange, JournalEntry,
        Offered, Release, Renewed, Store, StoreError, transfer::Transfer,
    },
};
use std::{any::Any, future::Future, sync::Arc, time::Duration};

/// How long claims hold here.
pub const TTL: Duration = Duration::from_secs(30);

/// What a store is opened with.
pub struct Setup {
    /// Where it takes the time from.
    pub clock: Arc<dyn Clock>,
    /// The most events that may wait in one conversation.
    pub mailbox_limit: usize,
}

/// An empty store, and what must live as long as it does.
pub struct Opened {
    store: Arc<dyn Store>,
    transfer: Arc<dyn Transfer>,
    _keep: Box<dyn Any + Send + Sync>,
}

impl Opened {
    /// `store`, with a directory or a server it needs.
    pub fn new(store: impl Store + 'static, keep: impl Any + Send + Sync) -> Self {
        let store = Arc::new(store);
        Self {
            store: store.clone(),
            transfer: store,
            _keep: Box::new(keep),
        }
    }
}

/// A store under test.
pub struct World {
    /// The store.
    pub store: Arc<dyn Store>,
    /// The same one, as it is carried.
    pub transfer: Arc<dyn Transfer>,
    /// Its time.
    pub clock: Arc<ManualClock>,
    _opened: Opened,
}

/// Whether an operation was refused because the claim was lost.
pub fn is_stale<T>(result: &Result<T, StoreError>) -> bool {
    matches!(result, Err(StoreError::Stale))
}

impl World {
    /// How much mail fits here.
    pub const MAILBOX_LIMIT: usize = 6;

    /// Opens a store.
    pub async fn new<F: Future<Output = Opened>>(open: impl FnOnce(Setup) -> F) -> Self {
        let clock = Arc::new(ManualClock::default());
        let setup = Setup {
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            mailbox_limit: Self::MAILBOX_LIMIT,
        };
        let opened = open(setup).await;
        Self {
            store: Arc::clone(&opened.store),
            transfer: Arc::clone(&opened.transfer),
            clock,
            _opened: opened,
        }
    }

    /// Offers `event`, and asks for no claim.
    pub async fn offer(&self, event: &Event) -> Offered {
        self.store.offer(event, None).await.expect("it is offered")
    }

    /// Offers `event`, and asks for the claim.
    pub async fn offer_and_claim(&self, event: &Event) -> Option<Claim> {
        match self.store.offer(event, Some(&claimant("a"))).await {
            Ok(Offered::Queued(claim)) => claim.map(|claim| *claim),
            other => panic!("an offer was answered {other:?}"),
        }
    }

    /// Claims what is there to claim.
    pub async fn claim(&self) -> Option<Claim> {
        self.claim_as("a").await
    }

    /// Claims what is there to claim, for replica `name`.
    pub async fn claim_as(&self, name: &str) -> Option<Claim> {
        let claimed = self.store.claim(&claimant(name)).await;
        claimed.expect("a claim is answered")
    }

    /// Ends the turn of `claim` with an answer to each message.
    pub async fn answer(&self, claim: &Claim) -> Committed {
        self.commit(claim, &sample::answer(claim)).await
    }

    /// Ends the turn of `claim`.
    pub async fn commit(&self, claim: &Claim, commit: &Commit) -> Committed {
        let committed = self.store.commit(&claim.key, commit).await;
        committed.expect("the claim holds")
    }

    /// Offers a message and answers it.
    pub async fn exchange(&self, event: &Event) -> Claim {
        let claim = self.offer_and_claim(event).await.expect("nobody holds it");
        self.answer(&claim).await;
        claim
    }

    /// Gives `claim` back.
    pub async fn release(&self, claim: &Claim, release: Release) {
        let released = self.store.release(&claim.key, release).await;
        released.expect("the claim holds");
    }

    /// Keeps `claim`.
    pub async fn renew(&self, claim: &Claim) -> Renewed {
        let renewed = self.store.renew(&claim.key, TTL).await;
        renewed.expect("the claim holds")
    }

    /// Notes `entry`.
    pub async fn note(&self, claim: &Claim, entry: &JournalEntry) {
        let noted = self.store.note(&claim.key, entry).await;
        noted.expect("the claim holds");
    }

    /// All messages of conversation `name`.
    pub async fn history(&self, name: &str) -> Vec<Message> {
        self.range(name, HistoryRange::default()).await
    }

    /// The words of all messages of conversation `name`.
    pub async fn words(&self, name: &str) -> Vec<String> {
        words(&self.history(name).await)
    }

    /// Some messages of conversation `name`.
    pub async fn range(&self, name: &str, range: HistoryRange) -> Vec<Message> {
        let history = self.store.history(&sample::conversation(name), range).await;
        history.expect("history is read")
    }

    /// Events of conversation `name` that wait.
    pub async fn pending(&self, name: &str) -> Vec<Event> {
        let pending = self.store.pending(&sample::conversation(name)).await;
        pending.expect("mail is read")
    }

    /// Erases.
    pub async fn erase(&self, what: &Erase) -> Erased {
        self.store.erase(what).await.expect("it is erased")
    }

    /// Asserts that `key` is refused by every operation that needs a claim.
    pub async fn assert_lost(&self, key: &ClaimKey, commit: &Commit) {
        let store = &self.store;
        let entry = JournalEntry::Sending { part: 0 };
        assert!(is_stale(&store.renew(key, TTL).await), "renew");
        assert!(is_stale(&store.note(key, &entry).await), "note");
        assert!(is_stale(&store.commit(key, commit).await), "commit");
        let released = store.release(key, Release::Handover).await;
        assert!(is_stale(&released), "release");
    }
}

/// Replica `name`, which claims for [`TTL`].
pub fn claimant(name: &str) -> Claimant {
    Claimant {
        replica: ReplicaId::new(name).expect("a plain name"),
        ttl: TTL,
    }
}

/// The words of messages.
pub fn words(messages: &[Message]) -> Vec<String> {
    let text = |message: &Message| message.text().into_exposed();
    messages.iter().map(text).collect()
}

/// The ids of events.
pub fn ids(events: &[Event]) -> Vec<&str> {
    events.iter().map(|event| event.id.as_str()).collect()
}

/// The conversation of a claim.
pub fn of(claim: &Claim) -> &ConversationId {
    &claim.key.conversation
}
