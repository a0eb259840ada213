//! Reading and forgetting.

use super::{Conversation, Inner, MemoryStore};
use crate::{
    forget::{self, Fate, Target},
    select,
};
use async_trait::async_trait;
use causerie_core::{
    event::Event,
    id::{ConversationId, ParticipantId},
    message::Message,
    outcome::TurnRecord,
    platform::ConversationEntry,
    store::{
        Archive, Census, ConversationState, Erase, Erased, HistoryRange, StoreError, Summary,
        TurnQuery,
    },
};

#[async_trait]
impl Archive for MemoryStore {
    async fn history(
        &self,
        conversation: &ConversationId,
        range: HistoryRange,
    ) -> Result<Vec<Message>, StoreError> {
        let inner = self.lock();
        let Some(conversation) = inner.conversations.get(conversation) else {
            return Ok(vec![]);
        };
        let mut found: Vec<Message> = conversation
            .messages
            .iter()
            .filter(|m| m.seq >= range.from && range.before.is_none_or(|before| m.seq < before))
            .cloned()
            .collect();
        if let Some(limit) = range.limit {
            found.drain(..found.len().saturating_sub(limit));
        }
        Ok(found)
    }

    async fn pending(&self, conversation: &ConversationId) -> Result<Vec<Event>, StoreError> {
        let inner = self.lock();
        let mail = inner
            .conversations
            .get(conversation)
            .map(|c| &c.mail[..])
            .unwrap_or_default();
        Ok(mail.iter().map(|mail| mail.event.clone()).collect())
    }

    async fn state(&self, conversation: &ConversationId) -> Result<ConversationState, StoreError> {
        let inner = self.lock();
        Ok(inner
            .conversations
            .get(conversation)
            .map(|c| c.state.clone())
            .unwrap_or_default())
    }

    async fn conversations(
        &self,
        participant: &ParticipantId,
        limit: usize,
    ) -> Result<Vec<ConversationEntry>, StoreError> {
        let inner = self.lock();
        let mut found: Vec<ConversationEntry> = inner
            .spoken
            .iter()
            .filter(|((who, _), _)| who == participant)
            .map(|((_, id), at)| ConversationEntry {
                conversation: id.clone(),
                title: inner
                    .conversations
                    .get(id)
                    .map(|c| c.title.clone())
                    .unwrap_or_default(),
                at: *at,
            })
            .collect();
        found.sort_by(|a, b| {
            b.at.cmp(&a.at)
                .then_with(|| a.conversation.cmp(&b.conversation))
        });
        found.truncate(limit);
        Ok(found)
    }

    async fn turns(&self, query: &TurnQuery, limit: usize) -> Result<Vec<TurnRecord>, StoreError> {
        let inner = self.lock();
        let found = inner
            .turns
            .iter()
            .rev()
            .filter(|record| select::is_meant(record, query));
        Ok(found.take(limit).cloned().collect())
    }

    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
    ) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let Some(conversation) = inner.conversations.get_mut(conversation) else {
            return Ok(());
        };
        let state = &mut conversation.state;
        let reaches = state
            .summary
            .as_ref()
            .is_none_or(|old| old.before < summary.before);
        if reaches && summary.before >= state.window_start {
            state.summary = Some(summary.clone());
        }
        Ok(())
    }

    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError> {
        let mut inner = self.lock();
        let mut erased = Erased::default();
        match what {
            Erase::Message(id, message) => {
                if let Some(conversation) = inner.conversations.get_mut(id) {
                    conversation.forget(&Target::Message(message), &mut erased);
                }
            }
            Erase::Conversation(id) => erase_conversation(&mut inner, id, &mut erased),
            Erase::Participant(who) => {
                for conversation in inner.conversations.values_mut() {
                    conversation.forget(&Target::Participant(who), &mut erased);
                }
                inner
                    .spoken
                    .retain(|(participant, _), _| participant != who);
            }
        }
        Ok(erased)
    }

    async fn census(&self) -> Result<Census, StoreError> {
        let inner = self.lock();
        let all = inner.conversations.values();
        let words =
            |c: &Conversation| -> u64 { c.messages.iter().map(|m| m.text().len() as u64).sum() };
        Ok(Census {
            conversations: all.clone().count() as u64,
            messages: all.clone().map(|c| c.messages.len() as u64).sum(),
            mail: all.clone().map(|c| c.mail.len() as u64).sum(),
            bytes: all.map(words).sum(),
        })
    }
}

impl Conversation {
    fn forget(&mut self, target: &Target<'_>, erased: &mut Erased) {
        let state = &mut self.state;
        let (messages, mail) = (self.messages.len(), self.mail.len());
        self.messages.retain_mut(|message| {
            let gone = target.strip_message(message) == Fate::Gone;
            if gone {
                forget::strip_summary(state, message.seq);
            }
            !gone
        });
        self.mail
            .retain_mut(|mail| target.strip_event(&mut mail.event) != Fate::Gone);
        let (messages, mail) = (messages - self.messages.len(), mail - self.mail.len());
        if messages + mail > 0 {
            self.retitle();
        }
        erased.messages += messages as u64;
        erased.mail += mail as u64;
    }
}

/// What remains is a shell that remembers which events were seen, so that a late redelivery does
/// not bring the conversation back, and how far its numbers went.
fn erase_conversation(inner: &mut Inner, id: &ConversationId, erased: &mut Erased) {
    let Some(conversation) = inner.conversations.get_mut(id) else {
        return;
    };
    erased.messages += conversation.messages.len() as u64;
    erased.mail += conversation.mail.len() as u64;
    *conversation = Conversation {
        seen: std::mem::take(&mut conversation.seen),
        turns: conversation.turns + 1,
        ..Conversation::default()
    };
    inner
        .spoken
        .retain(|(_, conversation), _| conversation != id);
}
