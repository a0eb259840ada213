//! A cluster: keys on all of its masters, and one of them away.

use crate::place::fresh;
use causerie_core::{
    Timestamp,
    store::{Release, StoreError},
};
use causerie_redis::RedisStore;
use causerie_testkit::{
    redis::{Cluster, Redis},
    store_conformance::{Opened, World, sample::posted, world::claimant},
};
use std::time::{Duration, Instant};

#[tokio::test]
async fn conversations_are_spread_and_a_master_that_is_away_takes_only_its_own() {
    let Some(mut cluster) = Cluster::start() else {
        return;
    };
    for node in &cluster.nodes {
        node.command("CONFIG SET cluster-require-full-coverage no");
    }
    let mut config = fresh(&cluster.url());
    config.response_timeout = Duration::from_secs(2);
    config.connect_timeout = Duration::from_secs(5);
    let store = RedisStore::connect(&config).await.unwrap();
    let health = store.health(|| Timestamp(0)).await.unwrap();
    assert_eq!(health.len(), 3);
    assert!(
        health
            .iter()
            .all(|node| node.role.as_deref() == Some("master"))
    );
    let world = World::new(|_| async { Opened::new(store, ()) }).await;
    for n in 0..48 {
        world
            .exchange(&posted(&format!("c{n}"), 1, "ann", "hello"))
            .await;
    }
    for node in &cluster.nodes {
        let keys: u32 = node.command("DBSIZE").parse().unwrap();
        assert!(keys > 10, "only {keys} keys");
    }

    cluster.nodes[2].kill();
    let (mut taken, mut refused) = (0, 0);
    for n in 0..48 {
        let began = Instant::now();
        match world
            .store
            .offer(&posted(&format!("c{n}"), 2, "ann", "on"), None)
            .await
        {
            Ok(_) => taken += 1,
            Err(StoreError::Unavailable(_)) => refused += 1,
            Err(other) => panic!("{other:?}"),
        }
        assert!(
            began.elapsed() < Duration::from_secs(12),
            "{:?}",
            began.elapsed()
        );
    }
    assert!(taken > 0 && refused > 0, "{taken} taken, {refused} refused");
    assert!(world.claim().await.is_some());

    cluster.nodes[2].restart();
    let again = async || {
        let offered = world.store.offer(&posted("c0", 3, "ann", "on"), None).await;
        let all = world.store.next_due().await;
        offered.is_ok() && all.is_ok()
    };
    let end = Instant::now() + Duration::from_secs(60);
    while !again().await {
        assert!(Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_cluster_reached_as_one_server_is_an_error() {
    let Some(cluster) = crate::place::cluster() else {
        return;
    };
    let mut config = fresh(&cluster.nodes[0].url());
    let mut seen = false;
    // Wherever its first key belongs, another of its partitions does not belong there.
    for n in 0..3 {
        config.prefix = format!("causerie:one{n}:");
        match RedisStore::connect(&config).await {
            Err(StoreError::Unavailable(error)) => {
                seen = true;
                assert!(error.to_string().contains("redis-cluster://"), "{error}");
            }
            Err(other) => panic!("{other:?}"),
            Ok(store) => {
                let due = causerie_core::store::Mailbox::next_due(&store).await;
                seen |= matches!(due, Err(StoreError::Unavailable(_)));
            }
        }
    }
    assert!(seen);
}

/// Half of a partition here, the other half there: nothing is done by halves.
#[tokio::test]
async fn a_slot_that_moves_loses_nothing() {
    let Some(cluster) = Cluster::start() else {
        return;
    };
    let mut config = fresh(&cluster.url());
    config.response_timeout = Duration::from_secs(3);
    let store = RedisStore::connect(&config).await.unwrap();
    let world = World::new(|_| async { Opened::new(store, ()) }).await;
    world.exchange(&posted("a", 1, "ann", "one")).await;
    world.offer(&posted("a", 2, "ann", "two")).await;

    let of = |node: &Redis| {
        let keys = node.command(&format!("KEYS {}*", config.prefix));
        keys.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let holds = |node: &&Redis| of(node).iter().any(|key| key.ends_with("c:web/a"));
    let from = cluster.nodes.iter().find(holds).unwrap();
    let to = cluster.nodes.iter().find(|node| !holds(node)).unwrap();
    let key = of(from)
        .into_iter()
        .find(|key| key.ends_with("c:web/a"))
        .unwrap();
    let slot = from.command(&format!("CLUSTER KEYSLOT {key}"));
    let keys = from.command(&format!("CLUSTER GETKEYSINSLOT {slot} 100"));
    let keys: Vec<&str> = keys.lines().collect();
    assert!(keys.len() > 4, "{keys:?}");
    let name = |node: &Redis| node.command("CLUSTER MYID");
    to.command(&format!("CLUSTER SETSLOT {slot} IMPORTING {}", name(from)));
    from.command(&format!("CLUSTER SETSLOT {slot} MIGRATING {}", name(to)));

    let mut taken = vec![2];
    for (n, key) in (3..).zip(&keys) {
        let port = to.port();
        let moved = from.command(&format!("MIGRATE 127.0.0.1 {port} {key} 0 5000"));
        assert_eq!(moved, "OK");
        match world.store.offer(&posted("a", n, "ann", "on"), None).await {
            Ok(_) => taken.push(n),
            Err(StoreError::Unavailable(_)) => {}
            Err(other) => panic!("{other:?}"),
        }
        if let Ok(Some(claim)) = world.store.claim(&claimant("b")).await {
            world
                .store
                .release(&claim.key, Release::Handover)
                .await
                .ok();
        }
    }
    for node in &cluster.nodes {
        node.command(&format!("CLUSTER SETSLOT {slot} NODE {}", name(to)));
    }
    let end = Instant::now() + Duration::from_secs(30);
    while world
        .store
        .offer(&posted("a", 99, "ann", "on"), None)
        .await
        .is_err()
    {
        assert!(Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(world.words("a").await, ["one", "re: one"]);
    let pending = world.pending("a").await;
    let pending: Vec<&str> = pending.iter().map(|event| event.id.as_str()).collect();
    for n in taken {
        assert!(
            pending.contains(&format!("e{n}").as_str()),
            "{n} is lost: {pending:?}"
        );
    }
    // Who was refused may come again.
    for n in 3..3 + keys.len() as u32 {
        world
            .store
            .offer(&posted("a", n, "ann", "on"), None)
            .await
            .unwrap();
    }
    assert_eq!(world.pending("a").await.len(), keys.len() + 2);
    let claim = world.claim().await;
    assert!(claim.is_some_and(|claim| claim.mail.len() == keys.len() + 2));
}
