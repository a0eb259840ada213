//! A disk that is full.

use super::clock;
use causerie_core::{
    event::Event,
    store::{Archive, Erase, Mailbox, Offered, StoreError},
};
use causerie_store::{Options, SqliteStore};
use causerie_testkit::store_conformance::sample::{conversation, posted};
use std::{path::Path, sync::Arc};
use tokio::task::JoinSet;

/// Offers that are under way at the same time, so that they share a transaction.
const TOGETHER: u32 = 32;

fn open(path: &Path, max_bytes: Option<u64>) -> Arc<SqliteStore> {
    let options = Options {
        max_bytes,
        ..Options::default()
    };
    Arc::new(SqliteStore::open_with(path, &clock(), &options).unwrap())
}

fn large(n: u32) -> Event {
    posted(&(n % 8).to_string(), n, "ann", &"word ".repeat(1000))
}

/// Offers events until some find no room. Those that were taken, and what the others were told.
async fn fill(store: &Arc<SqliteStore>) -> (Vec<String>, Vec<StoreError>) {
    let (mut taken, mut refused, mut n) = (vec![], vec![], 0);
    while refused.is_empty() {
        let mut offers = JoinSet::new();
        for _ in 0..TOGETHER {
            n += 1;
            let (store, event) = (Arc::clone(store), large(n));
            offers.spawn(async move { (event.id.clone(), store.offer(&event, None).await) });
        }
        while let Some(offered) = offers.join_next().await {
            match offered.unwrap() {
                (id, Ok(Offered::Queued(_))) => taken.push(id.as_str().to_owned()),
                (_, Ok(other)) => panic!("{other:?}"),
                (_, Err(error)) => refused.push(error),
            }
        }
        assert!(n < 10_000, "it is full sooner or later");
    }
    (taken, refused)
}

async fn waiting(store: &SqliteStore) -> Vec<String> {
    let mut found = vec![];
    for name in 0..8 {
        let pending = store
            .pending(&conversation(&name.to_string()))
            .await
            .unwrap();
        found.extend(pending.iter().map(|event| event.id.as_str().to_owned()));
    }
    found.sort();
    found
}

#[tokio::test]
async fn it_says_so_and_loses_nothing_that_it_took() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let store = open(&path, Some(400 * 1024));
    let (mut taken, refused) = fill(&store).await;
    taken.sort();
    for error in refused {
        let right = matches!(&error, StoreError::NoSpace { path: at } if *at == path);
        assert!(right, "{error:?}");
    }
    assert!(taken.len() > 10);
    assert_eq!(waiting(&store).await, taken);

    // Whoever frees some goes on.
    store
        .erase(&Erase::Conversation(conversation("0")))
        .await
        .unwrap();
    let offered = store.offer(&large(100_001), None).await.unwrap();
    assert_eq!(offered, Offered::Queued(None));
    drop(store);

    let store = open(&path, None);
    taken.retain(|id| id[1..].parse::<u32>().unwrap() % 8 != 0);
    taken.push("e100001".to_owned());
    taken.sort();
    assert_eq!(waiting(&store).await, taken);
    let offered = store.offer(&large(100_002), None).await.unwrap();
    assert_eq!(offered, Offered::Queued(None));
}
