//! A store that is opened for reading, beside the process that writes.

use super::{clock, open};
use causerie_core::store::{Archive, Mailbox, StoreError};
use causerie_store::SqliteStore;
use causerie_testkit::store_conformance::sample::{conversation, posted};

async fn waiting(store: &SqliteStore) -> usize {
    store.pending(&conversation("a")).await.unwrap().len()
}

#[tokio::test]
async fn a_reader_sees_what_the_writer_does_and_changes_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let nothing = SqliteStore::open_read_only(&path, &clock()).err();
    assert!(matches!(nothing, Some(StoreError::Unavailable(_))));
    assert!(!path.exists());

    let writer = open(&path).unwrap();
    writer
        .offer(&posted("a", 1, "ann", "one"), None)
        .await
        .unwrap();
    let reader = SqliteStore::open_read_only(&path, &clock()).unwrap();
    assert_eq!(waiting(&reader).await, 1);
    let refused = reader.offer(&posted("a", 2, "ann", "two"), None).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    writer
        .offer(&posted("a", 3, "ann", "three"), None)
        .await
        .unwrap();
    assert_eq!((waiting(&reader).await, waiting(&writer).await), (2, 2));

    writer.close().await;
    reader.close().await;
    let alone = SqliteStore::open_read_only(&path, &clock()).unwrap();
    assert_eq!(waiting(&alone).await, 2);
}

#[tokio::test]
async fn a_second_writer_is_refused_and_told_who_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let _writer = open(&path).unwrap();
    let second = open(&path).err().expect("it is in use");
    let told =
        matches!(second, StoreError::Locked { pid: Some(pid), .. } if pid == std::process::id());
    assert!(told, "{second}");
}
