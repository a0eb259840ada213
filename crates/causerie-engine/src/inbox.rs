//! Where platforms put what they hear.

use crate::{command, engine::Engine};
use async_trait::async_trait;
use causerie_core::{
    backend::Readiness,
    event::Event,
    id::{ConversationId, ParticipantId, Seq},
    platform::{Accepted, ConversationEntry, Inbox, InboxError, Transcript},
    store::{Erase, HistoryRange},
};
use std::sync::Arc;

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

    fn readiness(&self) -> Readiness {
        self.0.readiness()
    }
}
