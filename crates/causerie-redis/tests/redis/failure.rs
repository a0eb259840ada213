//! Redis away, mute, full, restarted, newer.

use crate::place::fresh;
use causerie_core::{
    Timestamp,
    store::{Archive, Mailbox, Offered, StoreError},
};
use causerie_redis::{Config, RedisStore};
use causerie_testkit::{
    redis::Redis,
    store_conformance::{
        Opened, World,
        sample::{conversation, posted},
    },
};
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_millis(700);

fn quick(server: &Redis) -> Config {
    let mut config = fresh(&server.url());
    config.connect_timeout = PATIENCE;
    config.response_timeout = PATIENCE;
    config
}

/// Asserts that an offer is refused within a few times the patience.
async fn is_refused(store: &RedisStore, n: u32) -> String {
    let began = Instant::now();
    let offered = store.offer(&posted("a", n, "ann", "hello"), None).await;
    let Err(StoreError::Unavailable(error)) = offered else {
        panic!("{offered:?}");
    };
    assert!(began.elapsed() < PATIENCE * 5, "{:?}", began.elapsed());
    error.to_string()
}

/// Offers until it is taken.
async fn is_taken_again(store: &RedisStore, n: u32) {
    let end = Instant::now() + Duration::from_secs(30);
    while store
        .offer(&posted("a", n, "ann", "hello"), None)
        .await
        .is_err()
    {
        assert!(Instant::now() < end, "it does not come back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test]
async fn nobody_there_is_said_at_once() {
    let Some(mut server) = Redis::start(&[]) else {
        return;
    };
    let config = quick(&server);
    server.kill();
    let began = Instant::now();
    let refused = RedisStore::connect(&config).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert!(began.elapsed() < PATIENCE * 2);
}

#[tokio::test]
async fn a_server_that_died_is_an_error_and_used_again_when_it_is_back() {
    let Some(mut server) = Redis::start(&["--appendonly", "yes", "--appendfsync", "always"]) else {
        return;
    };
    let store = RedisStore::connect(&quick(&server)).await.unwrap();
    let first = posted("a", 1, "ann", "one");
    assert_eq!(
        store.offer(&first, None).await.unwrap(),
        Offered::Queued(None)
    );
    server.kill();
    is_refused(&store, 2).await;
    is_refused(&store, 2).await;
    server.restart();
    is_taken_again(&store, 2).await;
    // What was answered before is still there, and known.
    assert_eq!(store.offer(&first, None).await.unwrap(), Offered::Duplicate);
    assert_eq!(store.pending(&conversation("a")).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_not_used() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let store = RedisStore::connect(&quick(&server)).await.unwrap();
    for n in 0..10 {
        server.command("CLIENT KILL TYPE normal SKIPME yes");
        // Until the end of the connection has come through.
        tokio::time::sleep(Duration::from_millis(50)).await;
        let offered = store.offer(&posted("a", n, "ann", "hello"), None).await;
        assert_eq!(offered.unwrap(), Offered::Queued(None));
    }
}

#[tokio::test]
async fn a_server_that_stands_still_is_given_up_in_time() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let store = RedisStore::connect(&quick(&server)).await.unwrap();
    server.stall();
    let refusals = (0..20).map(|n| is_refused(&store, n));
    let began = Instant::now();
    futures::future::join_all(refusals).await;
    // However many wait.
    assert!(began.elapsed() < PATIENCE * 6, "{:?}", began.elapsed());
    server.go_on();
    is_taken_again(&store, 30).await;
    // Some of those may have been done after all: it was for us to ask again.
    for n in 0..20 {
        let again = store.offer(&posted("a", n, "ann", "hello"), None).await;
        assert!(matches!(again, Ok(Offered::Queued(_) | Offered::Duplicate)));
    }
    let pending = store.pending(&conversation("a")).await.unwrap();
    assert_eq!(pending.len(), 21);
}

#[tokio::test]
async fn commands_under_way_are_bounded() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let mut config = quick(&server);
    config.max_in_flight = 2;
    config.response_timeout = Duration::from_secs(20);
    let store = RedisStore::connect(&config).await.unwrap();
    let offers = (0..200).map(|n| {
        let store = &store;
        async move {
            store
                .offer(&posted(&format!("c{n}"), n, "ann", "x"), None)
                .await
        }
    });
    for offered in futures::future::join_all(offers).await {
        offered.unwrap();
    }
}

#[tokio::test]
async fn a_full_server_says_so_and_what_was_there_stays() {
    let Some(server) = Redis::start(&["--maxmemory-policy", "noeviction"]) else {
        return;
    };
    let config = quick(&server);
    let store = RedisStore::connect(&config).await.unwrap();
    let world = World::new(|_| async { Opened::new(store, ()) }).await;
    world.exchange(&posted("a", 1, "ann", "one")).await;
    server.command("CONFIG SET maxmemory 1");
    let offered = world.store.offer(&posted("a", 2, "ann", "two"), None).await;
    let Err(error @ StoreError::NoSpace { .. }) = offered else {
        panic!("{offered:?}");
    };
    assert!(error.to_string().contains("redis://"), "{error}");
    assert_eq!(world.words("a").await, ["one", "re: one"]);
    server.command("CONFIG SET maxmemory 0");
    world.exchange(&posted("a", 2, "ann", "two")).await;
}

#[tokio::test]
async fn what_a_newer_program_laid_out_is_left_alone() {
    let Some(server) = Redis::start(&[]) else {
        return;
    };
    let config = quick(&server);
    server.command(&format!(
        "HSET {}schema version 7 partitions 16",
        config.prefix
    ));
    let refused = RedisStore::connect(&config).await.err().unwrap();
    assert!(
        matches!(
            refused,
            StoreError::Newer {
                found: 7,
                known: 2,
                ..
            }
        ),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_replica_refuses_and_is_asked_again_when_it_has_become_the_master() {
    let Some(master) = Redis::start(&[]) else {
        return;
    };
    let of = ["--replicaof", "127.0.0.1", &master.port().to_string()];
    let Some(replica) = Redis::start(&of) else {
        return;
    };
    replica.command("REPLICAOF NO ONE");
    let store = RedisStore::connect(&quick(&replica)).await.unwrap();
    replica.command(&format!("REPLICAOF 127.0.0.1 {}", master.port()));
    let said = is_refused(&store, 1).await;
    assert!(
        said.contains("read only") || said.contains("READONLY"),
        "{said}"
    );
    replica.command("REPLICAOF NO ONE");
    is_taken_again(&store, 1).await;
}

#[tokio::test]
async fn health_tells_what_matters() {
    let Some(server) = Redis::start(&["--appendonly", "yes", "--maxmemory", "100mb"]) else {
        return;
    };
    let store = RedisStore::connect(&quick(&server)).await.unwrap();
    let now = || {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Timestamp(now.unwrap().as_millis() as i64)
    };
    let health = store.health(now).await.unwrap().remove(0);
    assert_eq!(health.node, "");
    assert!(health.latency < PATIENCE && store.ping().await.unwrap() < PATIENCE);
    assert!(health.clock_ahead.abs() < 500, "{}", health.clock_ahead);
    assert_eq!(health.role.as_deref(), Some("master"));
    assert_eq!((health.replicas, health.append_only), (Some(0), Some(true)));
    assert_eq!(health.append_fsync.as_deref(), Some("everysec"));
    assert_eq!(health.maxmemory, Some(100 << 20));
    assert_eq!(health.maxmemory_policy.as_deref(), Some("noeviction"));
    assert!(health.used_memory.is_some() && health.version.is_some());
    assert_eq!(health.min_replicas_to_write, Some(0));
}
