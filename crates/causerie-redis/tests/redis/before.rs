//! Values of earlier versions are read, and written anew as time goes by.
//!
//! `before/` holds what an earlier version had written: all keys of a store with the first two
//! conversations of `talk::hold`, as the commands that put them there.

use crate::{
    place::{fresh, key, single},
    talk,
};
use causerie_core::store::{Archive, HistoryRange, TurnQuery};
use causerie_redis::RedisStore;

const BEFORE: [(&str, &str); 2] = [
    ("before:plain:", include_str!("before/plain.txt")),
    ("before:encrypted:", include_str!("before/encrypted.txt")),
];

#[tokio::test]
async fn what_the_first_version_wrote_is_read_and_added_to() {
    let Some(server) = single() else { return };
    let now = RedisStore::connect(&fresh(&server.url())).await.unwrap();
    let (_, words) = talk::CHATS[0];
    for n in 0..2 {
        talk::hold(&now, n, words).await;
    }
    for (prefix, commands) in BEFORE {
        for command in commands.lines() {
            server.command(command);
        }
        let mut config = fresh(&server.url());
        prefix.clone_into(&mut config.prefix);
        if prefix.contains("encrypted") {
            config.keys = vec![key("k1", 7)];
        }
        let store = RedisStore::connect(&config).await.unwrap();
        assert_same(&store, &now, 0).await;
        assert_same(&store, &now, 1).await;
        assert_eq!(store.reseal().await.unwrap(), 2);
        // What it wrote down is in one field now, and older programs are told to stay away.
        let key = format!("{prefix}{{p*}}:c:*");
        for key in server.command(&format!("KEYS {key}")).lines() {
            let fields = server.command(&format!("HKEYS {key}"));
            assert!(
                !fields
                    .lines()
                    .any(|field| ["t", "s", "d", "p"].contains(&field))
            );
        }
        let version = server.command(&format!("HGET {prefix}schema version"));
        assert_eq!(version, "2");
        assert_same(&store, &now, 0).await;
        assert_same(&store, &now, 1).await;
    }
}

#[tokio::test]
async fn a_chunk_of_the_first_version_goes_on_in_the_new_form() {
    let Some(server) = single() else { return };
    let (prefix, commands) = BEFORE[0];
    let other = "before:goes-on:";
    for command in commands.lines() {
        server.command(&command.replace(prefix, other));
    }
    let mut config = fresh(&server.url());
    other.clone_into(&mut config.prefix);
    let store = RedisStore::connect(&config).await.unwrap();
    talk::exchange(&store, 0, 10, "And now?", "Now it is written anew.").await;
    let (_, words) = talk::CHATS[0];
    let mut words = talk::words(words);
    words.extend(["And now?", "Now it is written anew."].map(str::to_owned));
    assert_eq!(said(&store, 0).await, words);
}

async fn said(store: &RedisStore, n: u64) -> Vec<String> {
    let id = talk::conversation(n);
    let history = store.history(&id, HistoryRange::default());
    let history = history.await.unwrap();
    let said = history.iter().map(|message| message.text().into_exposed());
    said.collect()
}

/// Whether both hold the same conversation.
async fn assert_same(store: &RedisStore, other: &RedisStore, n: u64) {
    let id = talk::conversation(n);
    let history = store.history(&id, HistoryRange::default()).await.unwrap();
    assert_eq!(history.len(), 20);
    let others = other.history(&id, HistoryRange::default()).await.unwrap();
    assert_eq!(history, others);
    let turns = TurnQuery::Conversation(id);
    let records = store.turns(&turns, 100).await.unwrap();
    assert_eq!(records.len(), 10);
    assert_eq!(records, other.turns(&turns, 100).await.unwrap());
}
