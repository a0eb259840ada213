//! What a process that died left behind.

use causerie_core::{
    Clock,
    id::ReplicaId,
    store::{Archive, Claimant, Mailbox, Offered, StoreError},
};
use causerie_store::SqliteStore;
use causerie_testkit::{clock::ManualClock, store_conformance::sample};
use std::{sync::Arc, task::Poll, time::Duration};

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
async fn a_store_that_is_dropped_has_written_what_it_took_before_another_opens_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("store.db");
    let clock: Arc<dyn Clock> = Arc::new(ManualClock::default());
    let store = SqliteStore::open(&path, &clock).unwrap();
    let events: Vec<_> = (0..100)
        .map(|n| sample::posted("a", n, "ann", "x"))
        .collect();
    let mut offers: Vec<_> = events
        .iter()
        .map(|event| store.offer(event, None))
        .collect();
    // They are all handed to the writer, and nobody waits for the answers.
    std::future::poll_fn(|context| {
        for offer in &mut offers {
            let _ = offer.as_mut().poll(context);
        }
        Poll::Ready(())
    })
    .await;
    drop(offers);
    drop(store);

    let store = SqliteStore::open(&path, &clock).unwrap();
    let pending = store.pending(&sample::conversation("a")).await.unwrap();
    assert_eq!(pending.len(), 100);
}
