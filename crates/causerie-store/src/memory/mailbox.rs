//! Mail and claims.

use super::{Conversation, Holder, Inner, Mail, MemoryStore};
use crate::{amend, forget, title};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    event::Event,
    id::{ConversationId, Seq, TurnNumber},
    outcome::TurnRecord,
    store::{
        Claim, ClaimKey, Claimant, Commit, Committed, JournalEntry, Mailbox, Offered, Release,
        Renewed, StoreError, transfer::EventMark,
    },
};
use std::time::Duration;

#[async_trait]
impl Mailbox for MemoryStore {
    async fn offer(
        &self,
        event: &Event,
        claimant: Option<&Claimant>,
    ) -> Result<Offered, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.sweep(now);
        let conversation = inner
            .conversations
            .entry(event.conversation.clone())
            .or_default();
        conversation.expire(now);
        let mark = EventMark::of(&event.id);
        if conversation.seen.contains_key(&mark) {
            return Ok(Offered::Duplicate);
        }
        if let Some(record) = change(conversation, event, now) {
            conversation.seen.insert(mark, now);
            inner.record(record);
            return Ok(Offered::Amended);
        }
        if conversation.mail.len() >= self.mailbox_limit {
            return Ok(Offered::Full);
        }
        conversation.seen.insert(mark, now);
        if conversation.title.is_empty() {
            conversation.title = title::of_event(event).unwrap_or_default();
        }
        if conversation.mail.is_empty() {
            inner.ready_number += 1;
            conversation.ready = inner.ready_number;
        }
        conversation.mail.push(Mail {
            event: event.clone(),
            taken: None,
        });
        inner
            .spoken
            .insert((event.author.id.clone(), event.conversation.clone()), now);

        let free = !conversation.is_held(now) && conversation.not_before <= now;
        let claim = claimant
            .filter(|_| free)
            .and_then(|claimant| grant(inner, &event.conversation, claimant, now));
        Ok(Offered::Queued(claim.map(Box::new)))
    }

    async fn claim(&self, claimant: &Claimant) -> Result<Option<Claim>, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let next = inner
            .conversations
            .iter()
            .filter(|(_, conversation)| conversation.due(now).is_some_and(|due| due <= now))
            .min_by_key(|(_, conversation)| conversation.ready)
            .map(|(id, _)| id.clone());
        Ok(next.and_then(|id| grant(&mut inner, &id, claimant, now)))
    }

    async fn next_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock.now();
        let inner = self.lock();
        Ok(inner
            .conversations
            .values()
            .filter_map(|c| c.due(now))
            .filter(|due| *due > now)
            .min())
    }

    async fn renew(&self, claim: &ClaimKey, ttl: Duration) -> Result<Renewed, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let conversation = inner.held(claim)?;
        conversation.holder = Some(Holder {
            fence: claim.fence,
            until: now + ttl,
        });
        let stop = conversation
            .mail
            .iter()
            .any(|m| m.taken.is_none() && m.event.is_stop());
        Ok(Renewed { stop })
    }

    async fn note(&self, claim: &ClaimKey, entry: &JournalEntry) -> Result<(), StoreError> {
        self.lock().held(claim)?.journal.push(entry.clone());
        Ok(())
    }

    async fn commit(&self, claim: &ClaimKey, commit: &Commit) -> Result<Committed, StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        let inner = &mut *inner;
        inner.ready_number += 1;
        let ready = inner.ready_number;
        let conversation = inner.held(claim)?;

        let state = forget::state_after(commit, &conversation.state);
        if commit.erase {
            conversation.erase();
        }
        if let Some(from) = commit.truncate {
            conversation.messages.retain(|message| message.seq < from);
            conversation.last_seq = Seq(from.0.saturating_sub(1));
        }
        for message in &commit.append {
            conversation.last_seq = conversation.last_seq.next();
            let mut message = message.clone();
            message.seq = conversation.last_seq;
            conversation.messages.push(message);
        }
        conversation.state = state;
        conversation
            .mail
            .retain(|mail| !commit.consumed.contains(&mail.event.id));
        for mail in &mut conversation.mail {
            mail.taken = None;
        }
        conversation.turns += 1;
        conversation.journal.clear();
        conversation.attempts = 0;
        conversation.holder = None;
        conversation.not_before = Timestamp::default();
        conversation.ready = ready;
        let more = !conversation.mail.is_empty();
        if commit.truncate.is_some() || commit.erase {
            conversation.retitle();
        }
        if commit.erase {
            let waiting = conversation.mail.iter().map(|m| m.event.author.id.clone());
            let waiting: Vec<_> = waiting.collect();
            inner
                .spoken
                .retain(|(who, place), _| *place != claim.conversation || waiting.contains(who));
        }

        for author in commit.append.iter().filter_map(|m| m.author.as_ref()) {
            let place = (author.id.clone(), claim.conversation.clone());
            inner.spoken.entry(place).or_insert(now);
        }
        inner.record(commit.record.clone());
        if let Some((id, used)) = &commit.settle {
            inner.settle(id, used);
        }
        Ok(Committed { more })
    }

    async fn release(&self, claim: &ClaimKey, release: Release) -> Result<(), StoreError> {
        let mut inner = self.lock();
        let conversation = inner.held(claim)?;
        conversation.holder = None;
        match release {
            Release::Handover => conversation.attempts = conversation.attempts.saturating_sub(1),
            Release::Retry { at } => conversation.not_before = at,
            Release::Postpone { at } => {
                conversation.attempts = conversation.attempts.saturating_sub(1);
                conversation.not_before = at;
            }
        }
        Ok(())
    }
}

/// Gives `claimant` the conversation with all its mail.
fn grant(
    inner: &mut Inner,
    id: &ConversationId,
    claimant: &Claimant,
    now: Timestamp,
) -> Option<Claim> {
    let fence = inner.next_fence();
    let conversation = inner.conversations.get_mut(id)?;
    conversation.attempts += 1;
    conversation.holder = Some(Holder {
        fence,
        until: now + claimant.ttl,
    });
    conversation.not_before = Timestamp::default();
    for mail in &mut conversation.mail {
        mail.taken = Some(fence);
    }
    Some(Claim {
        key: ClaimKey {
            conversation: id.clone(),
            fence,
        },
        turn: TurnNumber(conversation.turns + 1),
        attempt: conversation.attempts,
        mail: conversation
            .mail
            .iter()
            .map(|mail| mail.event.clone())
            .collect(),
        journal: conversation.journal.clone(),
        state: conversation.state.clone(),
        next_seq: conversation.last_seq.next(),
    })
}

/// Applies an edit or a deletion to mail that no turn has begun to answer. `None` if `event` is mail
/// of its own.
fn change(conversation: &mut Conversation, event: &Event, now: Timestamp) -> Option<TurnRecord> {
    amend::target(event)?;
    let waits = |mail: &Mail| mail.taken.is_none();
    let at = conversation
        .mail
        .iter()
        .position(|mail| waits(mail) && amend::applies(event, &mail.event))?;
    let waiting = conversation.mail[at].event.clone();
    let id = waiting.id.clone();
    let removed = match amend::apply(event, waiting) {
        Some(changed) => {
            conversation.mail[at].event = changed;
            None
        }
        None => {
            conversation.mail.remove(at);
            Some(id)
        }
    };
    conversation.retitle();
    Some(amend::record(event, removed, now))
}
