//! Files of older and newer programs. There is one version so far; the next one is made up here.

use super::*;
use crate::SqliteStore;
use causerie_core::{
    Clock,
    store::{Archive, Mailbox, Offered},
};
use causerie_testkit::{
    clock::ManualClock,
    store_conformance::sample::{conversation, posted},
};
use std::sync::Arc;

fn next_version() -> Vec<&'static str> {
    let mut migrations = schema::MIGRATIONS.to_vec();
    migrations.push("ALTER TABLE conversation ADD COLUMN mood TEXT NOT NULL DEFAULT 'calm'");
    migrations
}

#[tokio::test]
async fn an_older_file_is_brought_forward_with_what_it_holds() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let store = SqliteStore::open(&path, &clock).unwrap();
    let event = posted("a", 1, "ann", "one");
    let offered = store.offer(&event, None).await.unwrap();
    assert_eq!(offered, Offered::Queued(None));
    drop(store);

    let connection = open(&path, &Options::default(), &next_version()).unwrap();
    let row: (String, String) = connection
        .query_row("SELECT name, mood FROM conversation", [], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .unwrap();
    assert_eq!(row, ("web/a".to_owned(), "calm".to_owned()));
    let version = schema::version(&connection).unwrap() as usize;
    assert_eq!(version, schema::MIGRATIONS.len() + 1);
    let mail: i64 = connection
        .query_row("SELECT count(*) FROM mail", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mail, 1);
    drop(connection);

    // Once brought forward it is not brought forward again, and the older program refuses it.
    open(&path, &Options::default(), &next_version()).unwrap();
    let older = SqliteStore::open(&path, &clock).err().unwrap();
    let (newer, known) = (version as u32, schema::MIGRATIONS.len() as u32);
    let told =
        matches!(older, StoreError::Newer { found, known: k, .. } if (found, k) == (newer, known));
    assert!(told, "{older}");
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_file_to_the_older_program() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let store = SqliteStore::open(&path, &clock).unwrap();
    store
        .offer(&posted("a", 1, "ann", "one"), None)
        .await
        .unwrap();
    drop(store);
    let mut broken = schema::MIGRATIONS.to_vec();
    broken.push("DELETE FROM mail; CREATE TABLE conversation (x)");
    open(&path, &Options::default(), &broken).unwrap_err();
    let store = SqliteStore::open(&path, &clock).unwrap();
    assert_eq!(store.pending(&conversation("a")).await.unwrap().len(), 1);
}
