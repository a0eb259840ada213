//! Who may open the files, and what is found out before a store is opened.

use causerie_core::{
    Clock,
    store::{Mailbox, StoreError},
};
use causerie_store::SqliteStore;
use causerie_testkit::{clock::ManualClock, store_conformance::sample};
use std::{fs, os::unix::fs::PermissionsExt, sync::Arc};

fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::default())
}

#[tokio::test]
async fn its_files_are_its_owners_alone_in_a_directory_that_all_may_read() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let store = SqliteStore::open(directory.path().join("store.db"), &clock()).unwrap();
    store
        .offer(&sample::posted("a", 1, "ann", "Hello"), None)
        .await
        .unwrap();
    let mut names = vec![];
    for entry in fs::read_dir(directory.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{entry:?}");
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort();
    let all = ["store.db", "store.db-shm", "store.db-wal", "store.db.lock"];
    assert_eq!(names, all);
}

#[tokio::test]
async fn what_would_stand_in_the_way_is_told_before() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    assert!(SqliteStore::check(&path).is_ok());
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);

    let store = SqliteStore::open(&path, &clock()).unwrap();
    let locked = SqliteStore::check(&path);
    assert!(matches!(
        locked,
        Err(StoreError::Locked { pid: Some(_), .. })
    ));
    store.close().await;
    drop(store);
    assert!(SqliteStore::check(&path).is_ok());

    fs::write(&path, "no store").unwrap();
    let corrupt = SqliteStore::check(&path);
    assert!(matches!(corrupt, Err(StoreError::Corrupt { .. })));
}
