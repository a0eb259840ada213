//! What a process that died left behind.

use causerie_core::{
    Clock,
    id::ReplicaId,
    store::{Claimant, Mailbox, Offered, StoreError},
};
use causerie_store::{Options, SqliteStore};
use causerie_testkit::{clock::ManualClock, store_conformance::sample};
use std::{sync::Arc, task::Poll, time::Duration};

/// Offers that take several transactions.
const MANY: usize = 1000;

#[tokio::test]
async fn a_conversation_that_a_dead_process_held_is_free_at_once() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let claimant = Claimant {
        replica: ReplicaId::new("a").unwrap(),
        ttl: Duration::from_secs(3600),
    };

    let store = SqliteStore::open(&path, &clock).unwrap();
    let event = sample::posted("a", 1, "ann", "Hello");
    let Offered::Queued(Some(lost)) = store.offer(&event, Some(&claimant)).await.unwrap() else {
        panic!("a free conversation is granted");
    };
    drop(store);

    let store = SqliteStore::open(&path, &clock).unwrap();
    let claim = store
        .claim(&claimant)
        .await
        .unwrap()
        .expect("nobody else is there");
    assert_eq!(
        (claim.turn, claim.attempt, &claim.mail),
        (lost.turn, 2, &lost.mail)
    );
    let late = store.renew(&lost.key, Duration::from_secs(1)).await;
    assert!(matches!(late, Err(StoreError::Stale)));
}

#[tokio::test]
async fn a_store_that_is_dropped_has_written_what_it_took() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let options = Options {
        mailbox_limit: MANY,
        ..Options::default()
    };
    let store = SqliteStore::open_with(&path, &clock, &options).unwrap();
    let event = |n| sample::posted("a", n as u32, "ann", "some words");
    let events: Vec<_> = (0..MANY).map(event).collect();
    let mut offers: Vec<_> = events.iter().map(|e| store.offer(e, None)).collect();
    // They are all handed to the writer, and nobody waits for the answers.
    let handed = std::future::poll_fn(|context| {
        for offer in &mut offers {
            let _ = offer.as_mut().poll(context);
        }
        Poll::Ready(())
    });
    tokio::task::unconstrained(handed).await;
    drop(offers);
    drop(store);

    let file = rusqlite::Connection::open(&path).unwrap();
    let mail: i64 = file
        .query_row("SELECT count(*) FROM mail", [], |row| row.get(0))
        .unwrap();
    assert_eq!(mail, MANY as i64);
}
