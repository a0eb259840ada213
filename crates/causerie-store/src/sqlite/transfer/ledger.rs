//! Budgets and reservations as they are read from the tables, and as they are put into them.

use crate::sqlite::{fault::Fault, ledger, session::Session};
use causerie_core::{
    Timestamp,
    id::{ConversationId, TurnNumber},
    record,
    store::{
        ReservationId,
        transfer::{Cursor, LedgerEntry, Page, Taken},
    },
};
use rusqlite::params;

impl Session {
    /// Budgets by their key, then reservations by their name. A cursor begins with the one or the
    /// other.
    pub(super) fn entries_after(
        &self,
        after: Option<Cursor>,
        limit: usize,
        now: Timestamp,
    ) -> Result<Page<LedgerEntry>, Fault> {
        let after = after.map_or("b".to_owned(), |cursor| cursor.0);
        let (mut items, cursor) = match after.split_at_checked(1) {
            Some(("b", key)) => self.budgets(key, limit)?,
            Some(("r", name)) => self.reservations(name, limit)?,
            _ => return Err(Fault::Value("a cursor of another store")),
        };
        let next = match (items.len() == limit, after.starts_with('b')) {
            (true, _) => Some(cursor),
            (false, true) => Some("r".to_owned()),
            (false, false) => None,
        };
        items.retain(|entry| !entry.is_past(now));
        let next = next.map(Cursor);
        Ok(Page { items, next })
    }

    fn budgets(&self, after: &str, limit: usize) -> Result<(Vec<LedgerEntry>, String), Fault> {
        let mut statement = self.connection.prepare_cached(
            "SELECT key, start, used FROM budget WHERE key > ? ORDER BY key LIMIT ?",
        )?;
        let mut rows = statement.query(params![after, limit as i64])?;
        let (mut found, mut last) = (vec![], String::new());
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            last = format!("b{key}");
            let (start, used) = (Timestamp(row.get(1)?), row.get::<_, i64>(2)?);
            let used = used.unsigned_abs();
            found.push(LedgerEntry::Budget { key, start, used }.canonical());
        }
        Ok((found, last))
    }

    fn reservations(&self, after: &str, limit: usize) -> Result<(Vec<LedgerEntry>, String), Fault> {
        // No conversation's name holds a space.
        let mut after = after.split(' ');
        let conversation = after.next().unwrap_or_default();
        let mut number = || after.next().and_then(|n| n.parse::<i64>().ok());
        let (turn, part) = (number().unwrap_or(0), number().unwrap_or(0));
        let mut statement = self.connection.prepare_cached(
            "SELECT conversation, turn, part, at, settled, body FROM reservation
             WHERE (conversation, turn, part) > (?, ?, ?)
             ORDER BY conversation, turn, part LIMIT ?",
        )?;
        let mut rows = statement.query(params![conversation, turn, part, limit as i64])?;
        let (mut found, mut last) = (vec![], String::new());
        while let Some(row) = rows.next()? {
            let conversation: String = row.get(0)?;
            let (turn, part): (i64, u32) = (row.get(1)?, row.get(2)?);
            last = format!("r{conversation} {turn} {part}");
            let conversation = ConversationId::new(conversation);
            let id = ReservationId {
                conversation: conversation
                    .map_err(|_| Fault::Value("a reservation without a name"))?,
                turn: TurnNumber(turn as u64),
                part,
            };
            let charges = record::decode(&row.get::<_, Vec<u8>>(5)?)?;
            let entry = reservation(id, Timestamp(row.get(3)?), row.get(4)?, charges);
            found.push(entry);
        }
        Ok((found, last))
    }

    pub(super) fn entry(&self, like: &LedgerEntry) -> Result<Option<LedgerEntry>, Fault> {
        match like {
            LedgerEntry::Budget { key, .. } => {
                let Some(start) = self.window(key)? else {
                    return Ok(None);
                };
                let used = self.used(key, start)?;
                let (key, start) = (key.clone(), Timestamp(start));
                Ok(Some(LedgerEntry::Budget { key, start, used }.canonical()))
            }
            LedgerEntry::Reservation { id, at, .. } => {
                let found = self.reservation(id)?;
                Ok(found.map(|(settled, taken)| reservation(id.clone(), *at, settled, taken)))
            }
        }
    }

    pub(super) fn put_entry(&self, entry: &LedgerEntry) -> Result<(), Fault> {
        match entry {
            LedgerEntry::Budget { key, start, used } => {
                if self.window(key)?.is_none_or(|kept| kept <= start.0) {
                    self.set_used(key, start.0, *used)?;
                }
            }
            LedgerEntry::Reservation {
                id,
                at,
                settled,
                charges,
            } => {
                let taken = |taken: &Taken| (taken.key.clone(), taken.start.0, taken.amount);
                let taken: Vec<ledger::Taken> = charges.iter().map(taken).collect();
                self.execute(
                    "INSERT OR REPLACE INTO reservation
                     (conversation, turn, part, at, settled, body) VALUES (?, ?, ?, ?, ?, ?)",
                    params![
                        id.conversation.as_str(),
                        id.turn.0 as i64,
                        id.part,
                        at.0,
                        settled,
                        record::encode(&taken)?
                    ],
                )?;
            }
        }
        Ok(())
    }
}

fn reservation(
    id: ReservationId,
    at: Timestamp,
    settled: bool,
    taken: Vec<ledger::Taken>,
) -> LedgerEntry {
    let charge = |(key, start, amount)| Taken {
        key,
        start: Timestamp(start),
        amount,
    };
    let entry = LedgerEntry::Reservation {
        id,
        at,
        settled,
        charges: taken.into_iter().map(charge).collect(),
    };
    entry.canonical()
}
