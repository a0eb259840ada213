//! Conversations whose place has another name now.

use crate::engine::Engine;
use causerie_core::{
    event::{Event, EventKind},
    id::ConversationId,
    store::{Erase, StoreError, transfer::ConversationCopy},
};

/// Conversations that are looked at together.
const PAGE: usize = 256;

impl Engine {
    /// Carries the conversation `from`, and those below it (`from/…`), over to `to`. A conversation
    /// that exists under its new name stays as it is. Doing it twice is doing it once.
    pub(crate) async fn carry(
        &self,
        from: &ConversationId,
        to: &ConversationId,
    ) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let page = self.store.conversations_after(after.as_ref(), PAGE).await?;
            for old in &page.items {
                let Some(rest) = old.as_str().strip_prefix(from.as_str()) else {
                    continue;
                };
                if !rest.is_empty() && !rest.starts_with('/') {
                    continue;
                }
                match ConversationId::new(format!("{to}{rest}")) {
                    Ok(new) => self.carry_one(old, &new).await?,
                    Err(error) => tracing::warn!(%old, %error, "it cannot be carried over"),
                }
            }
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        self.dispatch.announce();
        Ok(())
    }

    async fn carry_one(
        &self,
        old: &ConversationId,
        new: &ConversationId,
    ) -> Result<(), StoreError> {
        let now = self.clock.now();
        let Some(copy) = self.store.export(old, now).await? else {
            return Ok(());
        };
        let is_empty = copy.messages.is_empty() && copy.mail.is_empty() && copy.records.is_empty();
        if is_empty {
            return Ok(());
        }
        let there = self.store.export(new, now).await?;
        if there.is_some_and(|there| !there.messages.is_empty() || !there.mail.is_empty()) {
            tracing::warn!(%old, %new, "there is a conversation under the new name already");
            return Ok(());
        }
        self.dispatch.live.lose(old);
        self.store.import(renamed(copy, new)).await?;
        self.store.erase(&Erase::Conversation(old.clone())).await?;
        self.backends_forget(old);
        tracing::info!(%old, %new, "a conversation was carried over");
        Ok(())
    }
}

fn renamed(mut copy: ConversationCopy, new: &ConversationId) -> ConversationCopy {
    copy.conversation = new.clone();
    for record in &mut copy.records {
        record.conversation = new.clone();
    }
    for event in &mut copy.mail {
        event.conversation = new.clone();
    }
    // What was answered in the old place cannot be answered further there.
    copy.journal.clear();
    copy.mail.retain(is_question);
    copy.taken = 0;
    copy
}

/// Stops and judgements are about what stays behind.
fn is_question(event: &Event) -> bool {
    matches!(event.kind, EventKind::Posted(_) | EventKind::Command { .. })
}
