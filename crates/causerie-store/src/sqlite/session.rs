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
    last_ready: i64,
    /// The last conversation whose expired rows were swept.
    pub(super) swept: i64,
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

    /// Runs `operation` so that nothing of it remains if it fails.
    pub(super) fn isolated<T>(
        &mut self,
        operation: impl FnOnce(&mut Session) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if !self.writes {
            return operation(self);
        }
        self.execute("SAVEPOINT operation", [])?;
        let result = operation(self);
        if result.is_err() {
            self.execute("ROLLBACK TO operation", [])?;
        }
        self.execute("RELEASE operation", [])?;
        result
    }

    pub(super) fn begin(&self) -> Result<(), Fault> {
        self.execute("BEGIN IMMEDIATE", []).map(drop)
    }

    pub(super) fn commit(&self) -> Result<(), Fault> {
        self.execute("COMMIT", []).map(drop)
    }

    pub(super) fn rollback(&self) {
        // Where the failure already ended the transaction, there is nothing to roll back.
        let _ = self.execute("ROLLBACK", []);
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
