//! Where platforms put what they hear.

use crate::{command, engine::Engine};
use async_trait::async_trait;
use causerie_core::{
    backend::Readiness,
    event::Event,
    id::{ConversationId, ParticipantId, Seq},
    platform::{Accepted, ConversationEntry, Inbox, InboxError, Transcript},
    store::{Claimant, Erase, HistoryRange},
};
use std::{sync::Arc, time::Duration};

/// The engine's side of [`Inbox`].
pub(crate) struct EngineInbox(pub(crate) Arc<Engine>);

#[async_trait]
impl Inbox for EngineInbox {
    async fn offer(&self, event: Event) -> Result<Accepted, InboxError> {
        self.0.take_in(&command::recognise(event)).await
    }

    async fn transcript(
        &self,
        conversation: &ConversationId,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Transcript, InboxError> {
        let store = &self.0.store;
        // Mail is read first: what is answered in between then shows twice rather than not at all,
        // and readers know a message by its id.
        let pending = match before {
            None => store
                .pending(conversation)
                .await
                .map_err(InboxError::Unavailable)?,
            Some(_) => Vec::new(),
        };
        let range = HistoryRange {
            from: Seq(0),
            before,
            limit: Some(limit.saturating_add(1)),
        };
        let history = store.history(conversation, range).await;
        let mut messages = history.map_err(InboxError::Unavailable)?;
        let more = messages.len() > limit;
        if more {
            messages.remove(0);
        }
        Ok(Transcript {
            messages,
            pending,
            more,
        })
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, InboxError> {
        let entries = self.0.store.conversations(participant, limit).await;
        entries.map_err(InboxError::Unavailable)
    }

    async fn erase(&self, conversation: &ConversationId) -> Result<(), InboxError> {
        self.0.dispatch.live.lose(conversation);
        let erased = self
            .0
            .store
            .erase(&Erase::Conversation(conversation.clone()))
            .await;
        erased.map_err(InboxError::Unavailable)?;
        self.0.backends_forget(conversation);
        Ok(())
    }

    async fn carry(&self, from: &ConversationId, to: &ConversationId) -> Result<(), InboxError> {
        let carried = self.0.carry(from, to).await;
        carried.map_err(InboxError::Unavailable)
    }

    async fn lease(&self, role: &str, ttl: Duration) -> Result<bool, InboxError> {
        if self.0.config.alone {
            return Ok(true);
        }
        let claimant = Claimant {
            ttl,
            ..self.0.claimant()
        };
        let leased = self.0.store.lease(role, &claimant).await;
        Ok(leased.map_err(InboxError::Unavailable)?.is_some())
    }

    fn expect_more(&self, conversation: &ConversationId, wait: Duration) {
        self.0.dispatch.expected.wait(conversation, wait);
    }

    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}
