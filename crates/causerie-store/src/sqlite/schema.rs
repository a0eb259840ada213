//! The tables, and how older ones become newer ones.

use rusqlite::Connection;

/// Marks a file as ours (`PRAGMA application_id`): "CAUS".
pub(super) const APPLICATION_ID: i32 = 0x4341_5553;

/// The steps from nothing to now. `PRAGMA user_version` counts those that were taken; a change of
/// the schema is one more entry at the end, and none is ever changed.
pub(super) const MIGRATIONS: &[&str] = &[V1, V2];

/// Seconds and milliseconds are UTC milliseconds since 1970 throughout; `body` columns are records
/// (`causerie_core::record`).
const V1: &str = "
CREATE TABLE conversation (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE,
    title       TEXT NOT NULL DEFAULT '',
    state       BLOB,
    last_seq    INTEGER NOT NULL DEFAULT 0,
    last_mail   INTEGER NOT NULL DEFAULT 0,
    -- Turns that have ended.
    turn        INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    -- The latest claim: its number, until when it holds (0: given back), the last mail it took.
    fence       INTEGER NOT NULL DEFAULT 0,
    until       INTEGER NOT NULL DEFAULT 0,
    taken       INTEGER NOT NULL DEFAULT 0,
    not_before  INTEGER NOT NULL DEFAULT 0,
    -- How many events wait, and the conversation's place in the queue of those where any do.
    waiting     INTEGER NOT NULL DEFAULT 0,
    ready       INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX conversation_ready ON conversation (ready) WHERE waiting > 0;

CREATE TABLE mail (
    conversation INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    event        TEXT NOT NULL,
    stop         INTEGER NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE seen (
    conversation INTEGER NOT NULL,
    event        TEXT NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, event)
) STRICT, WITHOUT ROWID;

CREATE TABLE message (
    conversation INTEGER NOT NULL,
    seq          INTEGER NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (conversation, seq)
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
    conversation INTEGER NOT NULL,
    number       INTEGER NOT NULL,
    body         BLOB NOT NULL,
    PRIMARY KEY (conversation, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE turn (
    id           INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL,
    body         BLOB NOT NULL
) STRICT;
CREATE INDEX turn_conversation ON turn (conversation);

CREATE TABLE spoken (
    participant  TEXT NOT NULL,
    conversation INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (participant, conversation)
) STRICT, WITHOUT ROWID;

CREATE TABLE budget (
    key          TEXT NOT NULL PRIMARY KEY,
    start        INTEGER NOT NULL,
    used         INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX budget_start ON budget (start);

CREATE TABLE reservation (
    conversation TEXT NOT NULL,
    turn         INTEGER NOT NULL,
    part         INTEGER NOT NULL,
    at           INTEGER NOT NULL,
    settled      INTEGER NOT NULL DEFAULT 0,
    body         BLOB NOT NULL,
    PRIMARY KEY (conversation, turn, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX reservation_at ON reservation (at);

CREATE TABLE lease (
    role         TEXT NOT NULL PRIMARY KEY,
    replica      TEXT NOT NULL,
    fence        INTEGER NOT NULL,
    until        INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
";

/// For what came from another store: events of which only a mark is known, and from which store.
const V2: &str = "
CREATE TABLE seen_mark (
    conversation INTEGER NOT NULL,
    mark         BLOB NOT NULL,
    at           INTEGER NOT NULL,
    PRIMARY KEY (conversation, mark)
) STRICT, WITHOUT ROWID;

CREATE TABLE migration (
    id           INTEGER PRIMARY KEY CHECK (id = 1),
    source       TEXT NOT NULL,
    done         INTEGER NOT NULL
) STRICT;
";

/// Takes the steps of `migrations` that the file has not seen, each in a transaction of its own.
pub(super) fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<()> {
    let done = version(connection)? as usize;
    for (number, step) in migrations.iter().enumerate().skip(done) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(step)?;
        transaction.pragma_update(None, "user_version", number as u32 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

/// How many steps the file has seen.
pub(super) fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_that_fails_leaves_the_file_as_it_was() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, MIGRATIONS).unwrap();
        let mut newer = MIGRATIONS.to_vec();
        newer.push("CREATE TABLE half (x); CREATE TABLE conversation (x)");
        assert!(migrate(&mut connection, &newer).is_err());
        assert_eq!(version(&connection).unwrap() as usize, MIGRATIONS.len());
        assert!(connection.prepare("SELECT * FROM half").is_err());
    }
}
