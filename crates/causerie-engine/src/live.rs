//! The turns this process is at work on, and the ways to reach them.

use crate::deliver::Unwritten;
use causerie_core::{
    event::Event,
    id::{ConversationId, EventId},
    store::{ClaimKey, Summary},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::watch, time::Instant};
use tokio_util::sync::CancellationToken;

/// What can happen to a turn from outside. Clones reach the same turn.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    /// A person asked to stop: what was said stays.
    pub(crate) stop: CancellationToken,
    /// Somebody else has the claim now: nothing may be said any more, and nothing committed.
    pub(crate) lost: CancellationToken,
    /// The process ends before the turn: it is given back.
    pub(crate) handover: CancellationToken,
    /// Until when the claim is surely ours. From then on, because the store was away or this process
    /// stood still, somebody else may have it; until that is known the model goes on and nothing is
    /// shown.
    pub(crate) sure: Arc<watch::Sender<Instant>>,
    /// What the turn's journal should know, and does not yet.
    pub(crate) unwritten: Unwritten,
    stopped_by: Arc<Mutex<Vec<EventId>>>,
    summary: Arc<Mutex<Option<Summary>>>,
}

impl Signals {
    fn new(handover: CancellationToken, sure: Instant) -> Self {
        Self {
            stop: CancellationToken::new(),
            lost: CancellationToken::new(),
            handover,
            sure: Arc::new(watch::Sender::new(sure)),
            unwritten: Unwritten::default(),
            stopped_by: Arc::default(),
            summary: Arc::default(),
        }
    }

    /// The events that asked to stop. They end with the turn they stopped.
    pub(crate) fn stopped_by(&self) -> Vec<EventId> {
        let mut events = lock(&self.stopped_by).clone();
        events.dedup();
        events
    }

    /// The summary that was made since the claim, so that the commit does not undo it.
    pub(crate) fn summary(&self) -> Option<Summary> {
        lock(&self.summary).clone()
    }

    /// Stops the turn on behalf of these events.
    pub(crate) fn stop_for(&self, events: impl IntoIterator<Item = EventId>) {
        lock(&self.stopped_by).extend(events);
        self.stop.cancel();
    }
}

/// A turn at work.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub(crate) key: ClaimKey,
    pub(crate) signals: Signals,
}

/// All turns at work, at most one for each conversation and [`Config::max_turns`] altogether.
///
/// [`Config::max_turns`]: crate::Config::max_turns
#[derive(Debug, Default)]
pub(crate) struct LiveTurns(Mutex<HashMap<ConversationId, Live>>);

impl LiveTurns {
    /// Notes a turn that begins, whose claim is ours until `sure` at least.
    pub(crate) fn enter(
        &self,
        key: ClaimKey,
        handover: CancellationToken,
        sure: Instant,
    ) -> Signals {
        let signals = Signals::new(handover, sure);
        let live = Live {
            key: key.clone(),
            signals: signals.clone(),
        };
        // A turn we lost and have not dropped yet may still be here; the newer claim is ours.
        if let Some(older) = lock(&self.0).insert(key.conversation, live) {
            older.signals.lost.cancel();
        }
        signals
    }

    /// Forgets a turn that ended.
    pub(crate) fn leave(&self, key: &ClaimKey) {
        let mut turns = lock(&self.0);
        if turns
            .get(&key.conversation)
            .is_some_and(|live| live.key == *key)
        {
            turns.remove(&key.conversation);
        }
    }

    /// Stops the turn of the event's conversation, if it runs here.
    pub(crate) fn stop_for(&self, event: &Event) {
        if let Some(live) = lock(&self.0).get(&event.conversation) {
            live.signals.stop_for([event.id.clone()]);
        }
    }

    /// Makes the turn of a conversation end without a word, if it runs here.
    pub(crate) fn lose(&self, conversation: &ConversationId) {
        if let Some(live) = lock(&self.0).get(conversation) {
            live.signals.lost.cancel();
        }
    }

    /// Makes all turns end without a word.
    pub(crate) fn lose_all(&self) {
        lock(&self.0)
            .values()
            .for_each(|live| live.signals.lost.cancel());
    }

    /// A conversation has a summary now.
    pub(crate) fn summarised(&self, conversation: &ConversationId, summary: &Summary) {
        if let Some(live) = lock(&self.0).get(conversation) {
            *lock(&live.signals.summary) = Some(summary.clone());
        }
    }

    /// The turns at work now.
    pub(crate) fn all(&self) -> Vec<Live> {
        lock(&self.0).values().cloned().collect()
    }

    pub(crate) fn len(&self) -> usize {
        lock(&self.0).len()
    }
}

/// No code that holds one of these locks can panic half-way through a change.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
