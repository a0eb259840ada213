//! Conversations in which more is on its way, so that no answer begins yet.

use causerie_core::id::ConversationId;
use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The most conversations that are waited for. More are answered at once.
const MOST: usize = 10_000;

/// Conversations in which more is on its way, and until when it is waited for.
#[derive(Debug, Default)]
pub(crate) struct Expected(Mutex<HashMap<ConversationId, Instant>>);

impl Expected {
    /// More of what is said in `conversation` comes within `wait`.
    pub(crate) fn wait(&self, conversation: &ConversationId, wait: Duration) {
        let now = Instant::now();
        let mut all = self.all();
        if all.len() >= MOST {
            all.retain(|_, until| *until > now);
        }
        if all.len() < MOST || all.contains_key(conversation) {
            all.insert(conversation.clone(), now + wait);
        }
    }

    /// Waits until all of it has come, and says whether anything was waited for.
    pub(crate) async fn all_is_here(&self, conversation: &ConversationId) -> bool {
        let mut waited = false;
        loop {
            let until = self.all().get(conversation).copied();
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                Some(_) => {
                    self.all().remove(conversation);
                    return true;
                }
                None => return waited,
            }
            waited = true;
        }
    }

    fn all(&self) -> MutexGuard<'_, HashMap<ConversationId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
