//! Files that are not what they should be: a clear error, nothing changed, and never an empty
//! history.

use super::{clock, open};
use causerie_core::store::{Archive, HistoryRange, Mailbox, StoreError};
use causerie_store::SqliteStore;
use causerie_testkit::store_conformance::{
    sample::{self, conversation, posted},
    world::claimant,
};
use rusqlite::Connection;
use std::{
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

/// A store that holds a question and its answer, closed.
async fn filled() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path).unwrap();
    store
        .offer(&posted("a", 1, "ann", "one"), None)
        .await
        .unwrap();
    let claim = store.claim(&claimant("a")).await.unwrap().unwrap();
    store
        .commit(&claim.key, &sample::answer(&claim))
        .await
        .unwrap();
    store
        .offer(&posted("a", 2, "ann", "two"), None)
        .await
        .unwrap();
    store.close().await;
    (directory, path)
}

/// Both ways to open it tell `told`, and leave the file as it is.
fn assert_refused(path: &Path, told: &str) {
    let before = fs::read(path).ok();
    for opened in [open(path), SqliteStore::open_read_only(path, &clock())] {
        let error = opened.err().expect("it is not opened");
        assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
        assert!(error.to_string().contains(told), "{error}");
    }
    assert_eq!(fs::read(path).ok(), before, "it was changed");
}

#[tokio::test]
async fn what_is_no_store_is_refused_and_left_as_it_is() {
    let (directory, whole) = filled().await;
    let whole = fs::read(whole).unwrap();
    let path = directory.path().join("other.db");
    let half = &whole[..whole.len() / 2];
    for (bytes, told) in [
        (&b""[..], "shorter than the header"),
        (b"SQLite format 3\0", "shorter than the header"),
        (&[0x5a; 8192], "does not begin as a SQLite file"),
        (half, "its end is missing"),
    ] {
        fs::write(&path, bytes).unwrap();
        assert_refused(&path, told);
    }
}

#[tokio::test]
async fn a_log_without_its_file_is_no_empty_store() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    fs::write(directory.path().join("store.db-wal"), [1; 64]).unwrap();
    assert_refused(&path, "the file is missing");
    assert!(!path.exists());
}

#[tokio::test]
async fn a_file_of_another_program_is_not_touched() {
    for mode in ["DELETE", "WAL"] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("foreign.db");
        let foreign = Connection::open(&path).unwrap();
        foreign.pragma_update(None, "journal_mode", mode).unwrap();
        foreign
            .execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1)")
            .unwrap();
        foreign.close().unwrap();
        assert_refused(&path, "of another program");
        let names = fs::read_dir(directory.path()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".lock")).collect();
        names.sort();
        assert_eq!(names, ["foreign.db"]);
    }
}

#[tokio::test]
async fn pages_that_are_damaged_are_an_error_and_no_empty_history() {
    let (_directory, path) = filled().await;
    let mut bytes = fs::read(&path).unwrap();
    bytes[4096..].fill(0xaa);
    fs::write(&path, bytes).unwrap();
    let told = match open(&path) {
        Err(error) => error,
        Ok(store) => {
            let id = conversation("a");
            let history = store.history(&id, HistoryRange::default()).await;
            history.expect_err("there is no history to read")
        }
    };
    assert!(matches!(told, StoreError::Corrupt { .. }), "{told}");
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_as_it_is() {
    let (_directory, path) = filled().await;
    let newer = Connection::open(&path).unwrap();
    newer.pragma_update(None, "user_version", 99).unwrap();
    newer.close().unwrap();
    let before = fs::read(&path).unwrap();
    for opened in [open(&path), SqliteStore::open_read_only(&path, &clock())] {
        let error = opened.err().expect("it is not opened");
        assert!(
            matches!(error, StoreError::Newer { found: 99, .. }),
            "{error}"
        );
    }
    assert_eq!(fs::read(&path).unwrap(), before, "it was changed");
}

#[tokio::test]
async fn a_newer_record_is_told_as_such() {
    let (_directory, path) = filled().await;
    let newer = Connection::open(&path).unwrap();
    newer.execute("UPDATE mail SET body = x'ff00'", []).unwrap();
    newer
        .execute("UPDATE message SET body = x'0100'", [])
        .unwrap();
    newer.close().unwrap();
    let store = open(&path).unwrap();
    let mail = store.pending(&conversation("a")).await.unwrap_err();
    assert!(
        matches!(mail, StoreError::Newer { found: 255, .. }),
        "{mail}"
    );
    let id = conversation("a");
    let history = store.history(&id, HistoryRange::default()).await;
    let history = history.unwrap_err();
    assert!(matches!(history, StoreError::Corrupt { .. }), "{history}");
}
