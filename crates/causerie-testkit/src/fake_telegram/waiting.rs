//! Waiting for what the bot does.

use super::{Answered, Call, Draft, FakeTelegram, Sent, spelled, state::BOT};
use std::{fmt::Write, pin::pin, sync::Arc, time::Duration};
use tokio::{
    sync::Notify,
    time::{Instant, timeout_at},
};

/// The longest that is waited.
const PATIENCE: Duration = Duration::from_secs(30);

impl FakeTelegram {
    /// Waits until a message of the bot in a chat is so, and gives it.
    ///
    /// # Panics
    /// If none is within half a minute, with those that are there.
    pub async fn wait_for(&self, chat: i64, fits: impl Fn(&Sent) -> bool) -> Sent {
        let look = || {
            let sent = self.shared.state().chat(chat).place.sent.clone();
            sent.iter()
                .rev()
                .find(|sent| fits(sent))
                .map(|sent| Sent::clone(sent))
        };
        self.until(&self.of_chat(chat), look, || self.told(chat))
            .await
    }

    /// Waits until there are so many messages of the bot in a chat, and gives them.
    ///
    /// # Panics
    /// If there are fewer after half a minute, with those that are there.
    pub async fn wait_messages(&self, chat: i64, count: usize) -> Vec<Sent> {
        let look = || {
            let enough = self.shared.state().chat(chat).place.sent.len() >= count;
            enough.then(|| self.messages(chat))
        };
        self.until(&self.of_chat(chat), look, || self.told(chat))
            .await
    }

    /// Waits until a draft in a chat is so, and gives it.
    ///
    /// # Panics
    /// If none is within half a minute.
    pub async fn wait_draft(&self, chat: i64, fits: impl Fn(&Draft) -> bool) -> Draft {
        let look = || self.drafts(chat).into_iter().find(|draft| fits(draft));
        self.until(&self.of_chat(chat), look, || self.told(chat))
            .await
    }

    /// Waits until a method was called so many times, and gives the calls.
    ///
    /// # Panics
    /// If it was not within half a minute.
    pub async fn wait_calls(&self, method: &str, count: usize) -> Vec<Call> {
        let name = &spelled(method).name;
        let look = || {
            let state = self.shared.state();
            let calls = state.calls.iter().filter(|call| call.method == *name);
            (calls.clone().count() >= count).then(|| calls.cloned().collect())
        };
        self.until(&self.shared.changed, look, || self.told(BOT))
            .await
    }

    /// Waits until a pressed button is answered.
    ///
    /// # Panics
    /// If it is not within half a minute.
    pub async fn wait_answer(&self, query: &str) -> Answered {
        let look = || {
            let answered = self.answered_callbacks();
            answered.into_iter().find(|answered| answered.id == query)
        };
        self.until(&self.shared.changed, look, || self.told(BOT))
            .await
    }

    /// Waits until a guest is answered.
    ///
    /// # Panics
    /// If they are not within half a minute.
    pub async fn wait_guest(&self, query: &str) -> Sent {
        let look = || self.guest_answer(query);
        self.until(&self.shared.changed, look, || self.told(BOT))
            .await
    }

    /// Waits until the bot has confirmed all updates.
    ///
    /// # Panics
    /// If it has not within half a minute.
    pub async fn wait_taken(&self) {
        let look = || (self.pending() == 0).then_some(());
        self.until(&self.shared.changed, look, || self.told(BOT))
            .await;
    }

    fn of_chat(&self, chat: i64) -> Arc<Notify> {
        Arc::clone(&self.shared.state().chat(chat).changed)
    }

    async fn until<T>(
        &self,
        changed: &Notify,
        look: impl Fn() -> Option<T>,
        told: impl Fn() -> String,
    ) -> T {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut notified = pin!(changed.notified());
            notified.as_mut().enable();
            if let Some(found) = look() {
                return found;
            }
            let late = timeout_at(end, notified).await.is_err();
            assert!(!late, "it did not happen within {PATIENCE:?}:\n{}", told());
        }
    }

    /// What there is, for who waited in vain.
    fn told(&self, chat: i64) -> String {
        let mut told = String::new();
        let known = self.shared.state().chats.contains_key(&chat);
        if known {
            for sent in self.messages(chat) {
                let _ = writeln!(
                    told,
                    "message {} to {:?}: {:?}",
                    sent.id, sent.thread, sent.text
                );
            }
            for draft in self.drafts(chat) {
                let _ = writeln!(told, "draft {}: {:?}", draft.id, draft.text);
            }
        }
        let calls = self.calls();
        for call in calls.iter().rev().take(20).rev() {
            let _ = writeln!(told, "call {} {}", call.method, call.params);
        }
        for violation in self.violations() {
            let _ = writeln!(told, "violation: {violation}");
        }
        let _ = writeln!(told, "updates not confirmed: {}", self.pending());
        told
    }
}
