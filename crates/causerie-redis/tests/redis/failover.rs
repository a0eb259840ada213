//! A master dies while it is written to, and a replica takes over.

use crate::place::fresh;
use causerie_core::store::{Mailbox, Offered, StoreError};
use causerie_redis::RedisStore;
use causerie_testkit::{
    redis::Watched,
    store_conformance::{
        sample::{conversation, posted},
        world::claimant,
    },
};
use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Writes that a replica confirmed survive; the others were answered with an error.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_offer_that_was_answered_is_lost_in_a_failover() {
    let Some(mut servers) = Watched::start(2, &[]) else {
        return;
    };
    let mut config = fresh(&servers.url());
    config.response_timeout = Duration::from_secs(1);
    config.connect_timeout = Duration::from_secs(2);
    config.confirm_replicas = 1;
    config.mailbox_limit = 100_000;
    let store = Arc::new(RedisStore::connect(&config).await.unwrap());
    let stop = Arc::new(AtomicBool::new(false));
    let writers = (0..4).map(|writer: u32| {
        let (store, stop) = (Arc::clone(&store), Arc::clone(&stop));
        tokio::spawn(async move {
            let (mut answered, mut refused) = (vec![], 0);
            let name = format!("c{writer}");
            for n in 0.. {
                if stop.load(Ordering::SeqCst) {
                    break;
                }
                match store.offer(&posted(&name, n, "ann", "hello"), None).await {
                    Ok(Offered::Queued(_) | Offered::Duplicate) => answered.push(n),
                    Err(StoreError::Unavailable(_)) => refused += 1,
                    other => panic!("{other:?}"),
                }
            }
            (name, answered, refused)
        })
    });
    let writers: Vec<_> = writers.collect();
    tokio::time::sleep(Duration::from_millis(500)).await;
    servers.servers[0].kill();
    tokio::task::block_in_place(|| servers.until_failed_over(0));
    let end = Instant::now() + Duration::from_secs(30);
    while store.claim(&claimant("a")).await.is_err() {
        assert!(Instant::now() < end, "the new master is not used");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    stop.store(true, Ordering::SeqCst);
    let mut refusals = 0;
    for writer in writers {
        let (name, answered, refused) = writer.await.unwrap();
        refusals += refused;
        let pending = causerie_core::store::Archive::pending(&*store, &conversation(&name)).await;
        let pending: BTreeSet<String> = (pending.unwrap().iter())
            .map(|event| event.id.as_str().to_owned())
            .collect();
        assert!(answered.len() > 10, "only {} answers", answered.len());
        for n in answered {
            assert!(
                pending.contains(&format!("e{n}")),
                "{name}: {n} was answered, and is lost"
            );
        }
    }
    assert!(refusals > 0, "the death of the master went unnoticed");
}
