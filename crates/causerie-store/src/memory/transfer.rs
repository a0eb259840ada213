//! Carrying everything to another store, and from one.

use super::{Conversation, Inner, Mail, MemoryStore, Reservation};
use async_trait::async_trait;
use causerie_core::{
    Timestamp,
    id::{ConversationId, Fence},
    store::{
        StoreError,
        transfer::{
            ConversationCopy, Cursor, InUse, LedgerEntry, Migration, Page, Taken, Transfer,
        },
    },
};
use std::ops::Bound;

#[async_trait]
impl Transfer for MemoryStore {
    async fn conversations_after(
        &self,
        after: Option<&Cursor>,
        limit: usize,
    ) -> Result<Page<ConversationId>, StoreError> {
        let inner = self.lock();
        let from = after.and_then(|cursor| ConversationId::new(&cursor.0).ok());
        let from = from.map_or(Bound::Unbounded, Bound::Excluded);
        let range = inner.conversations.range((from, Bound::Unbounded));
        let items: Vec<ConversationId> = range.map(|(id, _)| id.clone()).take(limit).collect();
        let full = items.len() == limit;
        let next = items.last().filter(|_| full);
        let next = next.map(|id| Cursor(id.as_str().to_owned()));
        Ok(Page { items, next })
    }

    async fn export(
        &self,
        conversation: &ConversationId,
        now: Timestamp,
    ) -> Result<Option<ConversationCopy>, StoreError> {
        let inner = self.lock();
        let Some(kept) = inner.conversations.get(conversation) else {
            return Ok(None);
        };
        let spoken = inner
            .spoken
            .iter()
            .filter(|((_, id), _)| id == conversation);
        let seen = kept.seen.iter();
        let copy = ConversationCopy {
            conversation: conversation.clone(),
            title: kept.title.clone(),
            state: kept.state.clone(),
            last_seq: kept.last_seq,
            turns: kept.turns,
            attempts: kept.attempts,
            not_before: kept.not_before,
            messages: kept.messages.clone(),
            mail: kept.mail.iter().map(|mail| mail.event.clone()).collect(),
            taken: kept.mail.iter().filter(|m| m.taken.is_some()).count(),
            journal: kept.journal.clone(),
            records: kept.records.iter().map(|(_, r)| r.clone()).collect(),
            spoken: spoken.map(|((who, _), at)| (who.clone(), *at)).collect(),
            seen: seen
                .map(|(mark, at)| (*mark, at.0.div_euclid(1000)))
                .collect(),
        };
        Ok(Some(copy.canonical(now)))
    }

    async fn import(&self, copy: ConversationCopy) -> Result<(), StoreError> {
        let now = self.clock.now();
        let mut inner = self.lock();
        inner.import(copy, now);
        Ok(())
    }

    /// All at once: they are in memory already.
    async fn entries_after(
        &self,
        _: Option<&Cursor>,
        _: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, StoreError> {
        let inner = self.lock();
        let budgets = inner.budgets.iter().map(|(key, (start, used))| {
            let (key, start, used) = (key.clone(), *start, *used);
            LedgerEntry::Budget { key, start, used }
        });
        let reservations = inner.reservations.iter();
        let reservations = reservations.map(|(id, kept)| LedgerEntry::Reservation {
            id: id.clone(),
            at: kept.at,
            settled: kept.settled,
            charges: kept.charges.iter().map(taken).collect(),
        });
        let all = budgets.chain(reservations).filter(|e| !e.is_past(now));
        let items = all.map(LedgerEntry::canonical).collect();
        Ok(Page { items, next: None })
    }

    async fn find_entries(
        &self,
        entries: &[LedgerEntry],
    ) -> Result<Vec<Option<LedgerEntry>>, StoreError> {
        let inner = self.lock();
        let found = entries.iter().map(|entry| inner.entry(entry));
        Ok(found.collect())
    }

    async fn put_entries(&self, entries: &[LedgerEntry]) -> Result<(), StoreError> {
        let mut inner = self.lock();
        entries.iter().for_each(|entry| inner.put_entry(entry));
        Ok(())
    }

    async fn in_use(&self) -> Result<InUse, StoreError> {
        let now = self.clock.now();
        let inner = self.lock();
        let held = inner.conversations.values().filter(|c| c.is_held(now));
        let roles = inner.leases.values().filter(|lease| now < lease.until);
        Ok(InUse {
            claims: held.count() as u64,
            roles: roles.count() as u64,
        })
    }

    async fn migration(&self) -> Result<Option<Migration>, StoreError> {
        Ok(self.lock().migration.clone())
    }

    async fn mark(&self, migration: &Migration) -> Result<(), StoreError> {
        self.lock().migration = Some(migration.clone());
        Ok(())
    }
}

impl Inner {
    fn import(&mut self, copy: ConversationCopy, now: Timestamp) {
        let numbers = copy.record_times(now);
        self.record_number = numbers
            .iter()
            .fold(self.record_number, |last, n| last.max(*n));
        let ready = copy.waits_since(now).0.unsigned_abs();
        self.ready_number = self.ready_number.max(ready);
        let taken = copy.taken;
        let mail = copy.mail.into_iter().enumerate().map(|(i, event)| Mail {
            event,
            taken: (i < taken).then_some(Fence(0)),
        });
        let seen = copy.seen.into_iter();
        let conversation = Conversation {
            title: copy.title,
            state: copy.state,
            messages: copy.messages,
            last_seq: copy.last_seq,
            mail: mail.collect(),
            seen: seen
                .map(|(mark, second)| (mark, Timestamp(second * 1000)))
                .collect(),
            journal: copy.journal,
            records: numbers.into_iter().zip(copy.records).collect(),
            turns: copy.turns,
            attempts: copy.attempts,
            holder: None,
            not_before: copy.not_before,
            ready,
        };
        let id = copy.conversation;
        self.spoken.retain(|(_, place), _| *place != id);
        let spoken = copy.spoken.into_iter();
        self.spoken
            .extend(spoken.map(|(who, at)| ((who, id.clone()), at)));
        self.conversations.insert(id, conversation);
    }

    fn entry(&self, like: &LedgerEntry) -> Option<LedgerEntry> {
        let found = match like {
            LedgerEntry::Budget { key, .. } => {
                let (start, used) = *self.budgets.get(key)?;
                let key = key.clone();
                LedgerEntry::Budget { key, start, used }
            }
            LedgerEntry::Reservation { id, .. } => {
                let kept = self.reservations.get(id)?;
                LedgerEntry::Reservation {
                    id: id.clone(),
                    at: kept.at,
                    settled: kept.settled,
                    charges: kept.charges.iter().map(taken).collect(),
                }
            }
        };
        Some(found.canonical())
    }

    fn put_entry(&mut self, entry: &LedgerEntry) {
        match entry {
            LedgerEntry::Budget { key, start, used } => {
                let later = |(kept, _): &(Timestamp, u64)| kept > start;
                if !self.budgets.get(key).is_some_and(later) {
                    self.budgets.insert(key.clone(), (*start, *used));
                }
            }
            LedgerEntry::Reservation {
                id,
                at,
                settled,
                charges,
            } => {
                let charges = charges.iter();
                let reservation = Reservation {
                    at: *at,
                    charges: charges
                        .map(|taken| (taken.key.clone(), taken.start, taken.amount))
                        .collect(),
                    settled: *settled,
                };
                self.reservations.insert(id.clone(), reservation);
            }
        }
    }
}

fn taken((key, start, amount): &(String, Timestamp, u64)) -> Taken {
    Taken {
        key: key.clone(),
        start: *start,
        amount: *amount,
    }
}
