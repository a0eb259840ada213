//! A connection and what its thread knows besides.

use super::fault::Fault;
use causerie_core::{Clock, Timestamp};
use rusqlite::Connection;
use std::sync::Arc;

/// What a worker's operations work on.
pub(super) struct Session {
    pub(super) connection: Connection,
    pub(super) mailbox_limit: usize,
    clock: Arc<dyn Clock>,
    writes: bool,
    /// The highest place given in the queue of conversations that are ready.
    pub(super) last_ready: i64,
    /// The last conversation whose expired rows were swept, and when.
    pub(super) swept: i64,
    pub(super) swept_at: Timestamp,
    /// Why the transaction of this group is over before its end. SQLite rolls all of it back when
    /// a statement meets a full disk, for one.
    broken: Option<Fault>,
}

impl Session {
    pub(super) fn new(
        connection: Connection,
        clock: Arc<dyn Clock>,
        writes: bool,
        mailbox_limit: usize,
    ) -> Result<Self, Fault> {
        connection.set_prepared_statement_cache_capacity(64);
        let last_ready = connection
            .query_row(
                "SELECT max(ready) FROM conversation WHERE waiting > 0",
                [],
                |row| row.get::<_, Option<i64>>(0),
            )?
            .unwrap_or_default();
        Ok(Self {
            connection,
            mailbox_limit,
            clock,
            writes,
            last_ready,
            swept: 0,
            swept_at: Timestamp::default(),
            broken: None,
        })
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The next place at the end of the queue of conversations that are ready.
    pub(super) fn next_ready(&mut self) -> i64 {
        self.last_ready += 1;
        self.last_ready
    }

    /// Runs one statement.
    pub(super) fn execute(
        &self,
        sql: &str,
        parameters: impl rusqlite::Params,
    ) -> Result<usize, Fault> {
        Ok(self.connection.prepare_cached(sql)?.execute(parameters)?)
    }

    /// Runs `operation` so that nothing of it remains if it fails. Once the transaction is broken,
    /// nothing more is run in it.
    pub(super) fn isolated<T>(
        &mut self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if !self.writes {
            return operation(self);
        }
        if let Some(fault) = &self.broken {
            return Err(fault.again());
        }
        self.execute("SAVEPOINT operation", [])?;
        let mut result = operation(self);
        if result.is_err() {
            let undone = self.execute("ROLLBACK TO operation", []);
            result = self.unless_broken(result, undone);
        }
        if self.broken.is_none() {
            let released = self.execute("RELEASE operation", []);
            result = self.unless_broken(result, released);
        }
        result
    }

    /// `result`, or why the savepoint could not be ended. The first fault says why: what follows
    /// from it, such as a savepoint that is no more, says nothing.
    fn unless_broken<T>(
        &mut self,
        result: Result<T, Fault>,
        ended: Result<usize, Fault>,
    ) -> Result<T, Fault> {
        let Err(second) = ended else { return result };
        let first = result.err().unwrap_or(second);
        self.broken = Some(first.again());
        Err(first)
    }

    /// Whether the transaction was broken off.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.is_some()
    }

    /// Begins the transaction of a group. If that fails, nothing of the group is run.
    pub(super) fn begin(&mut self) {
        self.broken = self.execute("BEGIN IMMEDIATE", []).err();
    }

    /// Ends the transaction of a group: all of it is durable, or nothing of it took effect.
    pub(super) fn end(&mut self) -> Result<(), Fault> {
        let ended = match self.broken.take() {
            Some(fault) => Err(fault),
            None => self.execute("COMMIT", []).map(drop),
        };
        if ended.is_err() && !self.connection.is_autocommit() {
            // If this fails too, the next group does not begin.
            let _ = self.execute("ROLLBACK", []);
        }
        ended
    }

    /// Folds the log back into the file and empties it.
    pub(super) fn fold(&mut self) -> Result<(), Fault> {
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(())
    }

    /// Folds the log back into the file and closes.
    pub(super) fn close(mut self) {
        if self.writes {
            // What cannot be folded back now stays in the log and is read from there next time.
            let _ = self.fold();
        }
        let _ = self.connection.close();
    }
}
