//! Reading and forgetting.

use super::{Conversation, Inner, MemoryStore};
use crate::{
    amend,
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
        let all = inner.conversations.values().flat_map(|c| &c.records);
        let mut found: Vec<_> = all
            .filter(|(_, record)| select::is_meant(record, query))
            .collect();
        found.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        let newest = found.into_iter().take(limit);
        Ok(newest.map(|(_, record)| record.clone()).collect())
    }

    async fn summarise(
        &self,
        conversation: &ConversationId,
        summary: &Summary,
        erasures: u64,
    ) -> Result<bool, StoreError> {
        let mut inner = self.lock();
        let Some(conversation) = inner.conversations.get_mut(conversation) else {
            return Ok(false);
        };
        let state = &mut conversation.state;
        let takes = forget::takes(state, summary, erasures);
        if takes {
            state.summary = Some(summary.clone());
        }
        Ok(takes)
    }

    async fn erase(&self, what: &Erase) -> Result<Erased, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let mut erased = Erased::default();
        let mut records = vec![];
        match what {
            Erase::Message(id, message) => {
                if let Some(conversation) = inner.conversations.get_mut(id) {
                    let mail = conversation.forget(&Target::Message(message), &mut erased);
                    records.extend(amend::erased(id, &mail, now));
                }
            }
            Erase::Conversation(id) => {
                let mail = erase_conversation(&mut inner, id, &mut erased);
                records.extend(amend::erased(id, &mail, now));
            }
            Erase::Participant(who) => {
                for (id, conversation) in &mut inner.conversations {
                    let mail = conversation.forget(&Target::Participant(who), &mut erased);
                    records.extend(amend::erased(id, &mail, now));
                }
                inner
                    .spoken
                    .retain(|(participant, _), _| participant != who);
            }
        }
        records.into_iter().for_each(|record| inner.record(record));
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
    /// Takes out what is meant, and gives back the mail that was among it.
    fn forget(&mut self, target: &Target<'_>, erased: &mut Erased) -> Vec<Event> {
        let state = &mut self.state;
        let (before, mut changed) = (self.messages.len(), false);
        self.messages.retain_mut(|message| {
            let fate = target.strip_message(message);
            changed |= fate != Fate::Stays;
            if fate == Fate::Gone {
                forget::strip_summary(state, message.seq);
            }
            fate != Fate::Gone
        });
        state.erasures += u64::from(changed);
        let (mut gone, mut in_hand) = (vec![], false);
        self.mail.retain_mut(|mail| {
            let fate = target.strip_event(&mut mail.event);
            if fate == Fate::Gone {
                gone.push(mail.event.clone());
                in_hand |= mail.taken.is_some();
            }
            fate != Fate::Gone
        });
        if in_hand && matches!(target, Target::Participant(_)) {
            self.take_from_hand();
        }
        let messages = before - self.messages.len();
        if messages + gone.len() > 0 {
            self.retitle();
        }
        erased.messages += messages as u64;
        erased.mail += gone.len() as u64;
        gone
    }

    /// Ends the claim whose mail was taken away, and the turn if no mail is left.
    fn take_from_hand(&mut self) {
        self.holder = None;
        if self.mail.is_empty() {
            self.turns += 1;
            self.attempts = 0;
            self.journal.clear();
        }
    }
}

/// What remains is a shell that remembers which events were seen, so that a late redelivery does
/// not bring the conversation back, how far its numbers went, and the records of its turns. Gives
/// back the mail that waited.
fn erase_conversation(inner: &mut Inner, id: &ConversationId, erased: &mut Erased) -> Vec<Event> {
    let Some(conversation) = inner.conversations.get_mut(id) else {
        return vec![];
    };
    erased.messages += conversation.messages.len() as u64;
    erased.mail += conversation.mail.len() as u64;
    let mail = std::mem::take(&mut conversation.mail);
    *conversation = Conversation {
        state: forget::erased_state(&conversation.state),
        seen: std::mem::take(&mut conversation.seen),
        records: std::mem::take(&mut conversation.records),
        turns: conversation.turns + 1,
        ..Conversation::default()
    };
    inner
        .spoken
        .retain(|(_, conversation), _| conversation != id);
    mail.into_iter().map(|mail| mail.event).collect()
}
