//! From SQLite to Redis and back, and what only Redis has to carry.

use crate::place::{self, fresh, opened, single, skipped};
use causerie_core::{
    Clock,
    id::TurnNumber,
    limit::{Charge, Window},
    store::{
        Claim, ReservationId, Reserved,
        transfer::{LedgerEntry, Transfer},
    },
};
use causerie_redis::RedisStore;
use causerie_store::{Options, SqliteStore};
use causerie_testkit::store_conformance::{
    Opened, Setup, World, random,
    sample::{self, conversation, posted},
    transfer::{carry, contents},
};
use std::sync::Arc;

async fn sqlite(setup: Setup) -> Opened {
    let directory = tempfile::tempdir().unwrap();
    let options = Options {
        mailbox_limit: setup.mailbox_limit,
        ..Options::default()
    };
    let path = directory.path().join("causerie.db");
    let store = SqliteStore::open_with(path, &setup.clock, &options).unwrap();
    Opened::new(store, directory)
}

async fn redis(setup: Setup) -> Opened {
    let Some(server) = single() else {
        return skipped(setup);
    };
    opened(setup, fresh(&server.url()), server).await
}

#[test]
fn random_worlds_survive_the_journey_from_sqlite_and_back() {
    random::carried_between(sqlite, redis);
}

#[test]
fn random_worlds_survive_the_journey_to_sqlite_and_back() {
    random::carried_between(redis, sqlite);
}

#[tokio::test]
async fn a_long_conversation_is_carried_as_a_whole() {
    let (from, to) = (World::new(sqlite).await, World::new(redis).await);
    for n in 1..=700 {
        from.exchange(&posted("a", n, "ann", &format!("message number {n}")))
            .await;
    }
    carry(&from, &to).await;
    assert_eq!(contents(&from).await, contents(&to).await);
    assert_eq!(to.words("a").await, from.words("a").await);
    let next: Claim = to.exchange(&posted("a", 701, "ann", "more")).await;
    assert_eq!((next.turn, next.next_seq.0), (TurnNumber(701), 1401));
    assert_eq!(to.words("a").await.len(), 1402);
}

/// What a process that died left owed is carried as if it were settled, and stays owed.
#[tokio::test]
async fn what_is_owed_is_carried_as_settled() {
    let Some(server) = single() else { return };
    let mut config = fresh(&server.url());
    // Signs that mean something in patterns.
    config.prefix = format!("{}[a-z]*?\\^:", config.prefix);
    let prefix = config.prefix.clone();
    let keep = Arc::clone(&server);
    let from = World::new(|setup| opened(setup, config, keep)).await;
    let id = ReservationId {
        conversation: conversation("a"),
        turn: TurnNumber(1),
        part: 0,
    };
    let charge = |amount| Charge {
        key: "x".to_owned(),
        capacity: 10,
        window: Window::Day,
        amount,
    };
    let reserved = from.store.reserve(&id, &[charge(10)]).await;
    assert_eq!(reserved.unwrap(), Reserved::Granted);
    let owed = format!("{prefix}{{p3}}:owed");
    server.command(&format!(
        "HSET \"{}\" \"1.0 web/a\" 4",
        owed.replace('\\', "\\\\")
    ));

    let to = World::new(sqlite).await;
    carry(&from, &to).await;
    let used = async |world: &World| {
        let like = LedgerEntry::Budget {
            key: "x".to_owned(),
            start: Window::Day.start(world.clock.now()),
            used: 0,
        };
        let found = world.transfer.find_entries(&[like]).await.unwrap();
        match found[..] {
            [Some(LedgerEntry::Budget { used, .. })] => used,
            _ => panic!("{found:?}"),
        }
    };
    assert_eq!((used(&from).await, used(&to).await), (4, 4));
    // It does not count twice there.
    to.store.settle(&id, &[9]).await.unwrap();
    assert_eq!(used(&to).await, 4);
    let left = server.command(&format!("EXISTS \"{}\"", owed.replace('\\', "\\\\")));
    assert_eq!(left, "1");
}

#[tokio::test]
async fn a_source_is_not_written_to() {
    let Some(server) = single() else { return };
    let mut config = fresh(&server.url());
    config.keys = vec![place::key("k", 1)];
    assert!(RedisStore::connect_source(&config).await.is_err());
    assert_eq!(server.command(&format!("KEYS {}*", config.prefix)), "");
    let prefix = config.prefix.clone();
    let keep = Arc::clone(&server);
    let mut same = fresh(&server.url());
    same.prefix.clone_from(&prefix);
    same.keys.clone_from(&config.keys);
    let world = World::new(|setup| opened(setup, same, keep)).await;
    world.exchange(&posted("a", 1, "ann", "hello")).await;
    world.offer(&sample::stop("a", 2, "ann")).await;
    let dump = || {
        let mut keys: Vec<String> = crate::encryption::keys(&server, &config);
        keys.sort_unstable();
        let values = keys
            .iter()
            .map(|key| server.command(&format!("DUMP {key}")));
        values.collect::<Vec<String>>()
    };
    let before = dump();
    let source = RedisStore::connect_source(&config).await.unwrap();
    let now = world.clock.now();
    let copy = source.export(&conversation("a"), now).await.unwrap();
    assert_eq!(copy.unwrap().messages.len(), 2);
    source.entries_after(None, 10, now).await.unwrap();
    source.conversations_after(None, 10).await.unwrap();
    source.in_use().await.unwrap();
    assert!(source.migration().await.unwrap().is_none());
    assert_eq!(dump(), before);
}
