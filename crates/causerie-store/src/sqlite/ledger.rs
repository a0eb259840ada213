//! Budgets and exclusive roles, as statements.

use super::{fault::Fault, session::Session};
use causerie_core::{
    id::Fence,
    limit::Charge,
    record,
    store::{Claimant, ReservationId, Reserved},
};
use rusqlite::{OptionalExtension, params};

impl Session {
    pub(super) fn reserve(
        &mut self,
        id: &ReservationId,
        charges: &[Charge],
    ) -> Result<Reserved, Fault> {
        let now = self.now();
        if self.reservation(id)?.is_some() {
            return Ok(Reserved::Granted);
        }
        for (i, charge) in charges.iter().enumerate() {
            let used = self.used(&charge.key, charge.window.start(now).0)?;
            let used = used.saturating_add(crate::charged(&charges[..i], &charge.key));
            if used.saturating_add(charge.amount) > charge.capacity {
                let until = charge.window.end(now);
                return Ok(Reserved::Refused {
                    key: charge.key.clone(),
                    until,
                });
            }
        }
        let mut taken = Vec::with_capacity(charges.len());
        for charge in charges {
            let start = charge.window.start(now).0;
            let used = self.used(&charge.key, start)?.saturating_add(charge.amount);
            self.set_used(&charge.key, start, used)?;
            taken.push((charge.key.clone(), start, charge.amount));
        }
        self.execute(
            "INSERT INTO reservation (conversation, turn, part, at, body) VALUES (?, ?, ?, ?, ?)",
            params![
                id.conversation.as_str(),
                id.turn.0 as i64,
                id.part,
                now.0,
                record::encode::<Vec<Taken>>(&taken)?
            ],
        )?;
        Ok(Reserved::Granted)
    }

    pub(super) fn settle(&mut self, id: &ReservationId, used: &[u64]) -> Result<(), Fault> {
        let Some((false, taken)) = self.reservation(id)? else {
            return Ok(());
        };
        for ((key, start, amount), used) in taken.iter().zip(used) {
            // A window that has passed is nobody's concern any more.
            if self.window(key)? == Some(*start) {
                let now = self.used(key, *start)?;
                self.set_used(
                    key,
                    *start,
                    now.saturating_sub(*amount).saturating_add(*used),
                )?;
            }
        }
        self.execute(
            "UPDATE reservation SET settled = 1 WHERE conversation = ? AND turn = ? AND part = ?",
            params![id.conversation.as_str(), id.turn.0 as i64, id.part],
        )?;
        Ok(())
    }

    pub(super) fn lease(
        &mut self,
        role: &str,
        claimant: &Claimant,
    ) -> Result<Option<Fence>, Fault> {
        let now = self.now();
        let held = self
            .connection
            .prepare_cached("SELECT replica, fence, until FROM lease WHERE role = ?")?
            .query_row([role], |row| {
                Ok((
                    row.get::<_, String>(0)?,
                    row.get::<_, i64>(1)?,
                    row.get::<_, i64>(2)?,
                ))
            })
            .optional()?;
        let fence = match held {
            Some((replica, fence, until)) if now.0 < until => {
                if replica != claimant.replica.as_str() {
                    return Ok(None);
                }
                fence
            }
            Some((_, fence, _)) => fence + 1,
            None => 1,
        };
        self.execute(
            "INSERT OR REPLACE INTO lease (role, replica, fence, until) VALUES (?, ?, ?, ?)",
            params![
                role,
                claimant.replica.as_str(),
                fence,
                (now + claimant.ttl).0
            ],
        )?;
        Ok(Some(Fence(fence as u64)))
    }

    pub(super) fn reservation(
        &self,
        id: &ReservationId,
    ) -> Result<Option<(bool, Vec<Taken>)>, Fault> {
        let found = self
            .connection
            .prepare_cached(
                "SELECT settled, body FROM reservation
                 WHERE conversation = ? AND turn = ? AND part = ?",
            )?
            .query_row(
                params![id.conversation.as_str(), id.turn.0 as i64, id.part],
                |row| Ok((row.get::<_, bool>(0)?, row.get::<_, Vec<u8>>(1)?)),
            )
            .optional()?;
        found
            .map(|(settled, body)| Ok((settled, record::decode(&body)?)))
            .transpose()
    }

    /// The window a budget's row speaks of.
    pub(super) fn window(&self, key: &str) -> Result<Option<i64>, Fault> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT start FROM budget WHERE key = ?")?;
        Ok(statement.query_row([key], |row| row.get(0)).optional()?)
    }

    pub(super) fn used(&self, key: &str, start: i64) -> Result<u64, Fault> {
        let used: Option<i64> = self
            .connection
            .prepare_cached("SELECT used FROM budget WHERE key = ? AND start = ?")?
            .query_row(params![key, start], |row| row.get(0))
            .optional()?;
        Ok(used.unwrap_or_default().unsigned_abs())
    }

    pub(super) fn set_used(&self, key: &str, start: i64, used: u64) -> Result<(), Fault> {
        let used = i64::try_from(used).unwrap_or(i64::MAX);
        self.execute(
            "INSERT OR REPLACE INTO budget (key, start, used) VALUES (?, ?, ?)",
            params![key, start, used],
        )?;
        Ok(())
    }
}

/// A budget's key, the beginning of its window, and what was taken.
pub(super) type Taken = (String, i64, u64);
