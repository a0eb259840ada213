//! Removing what nobody needs to remember any more, a little at a time.

use super::{fault::Fault, session::Session};
use crate::REMEMBER_EVENTS;
use causerie_core::{Timestamp, store::transfer::LONGEST_WINDOW};
use rusqlite::OptionalExtension;
use std::time::Duration;

/// The least time between two steps.
const PAUSE: Duration = Duration::from_secs(1);

/// Conversations whose expired events are removed in one step.
const CONVERSATIONS: i64 = 4;

/// Expired rows of each other table that are removed in one step.
const ROWS: i64 = 64;

impl Session {
    /// Takes a step, unless one was taken just before. No single offer pays for all.
    pub(super) fn sweep(&mut self, now: Timestamp) -> Result<(), Fault> {
        if now.since(self.swept_at) < PAUSE {
            return Ok(());
        }
        self.swept_at = now;
        let old = before(now, REMEMBER_EVENTS);
        let last = self.swept + CONVERSATIONS;
        self.execute(
            "DELETE FROM seen WHERE conversation > ? AND conversation <= ? AND at < ?",
            [self.swept, last, old],
        )?;
        self.execute(
            "DELETE FROM seen_mark WHERE conversation > ? AND conversation <= ? AND at < ?",
            [self.swept, last, old],
        )?;
        let beyond: Option<i64> = self
            .connection
            .prepare_cached("SELECT id FROM conversation WHERE id > ? ORDER BY id LIMIT 1")?
            .query_row([last], |row| row.get(0))
            .optional()?;
        self.swept = beyond.map_or(0, |id| id - 1);
        self.execute(
            "DELETE FROM reservation WHERE (conversation, turn, part) IN
             (SELECT conversation, turn, part FROM reservation WHERE at < ? ORDER BY at LIMIT ?)",
            [old, ROWS],
        )?;
        self.execute(
            "DELETE FROM budget WHERE key IN
             (SELECT key FROM budget WHERE start < ? ORDER BY start LIMIT ?)",
            [before(now, LONGEST_WINDOW), ROWS],
        )?;
        Ok(())
    }
}

fn before(now: Timestamp, age: Duration) -> i64 {
    now.0
        .saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX))
}
