//! Encryption: nothing to read in Redis, keys that change, keys that are wrong.

use crate::place::{fresh, key, opened, single};
use causerie_core::{
    Text,
    store::{JournalEntry, Release, StoreError, Summary},
};
use causerie_redis::{Config, Key, RedisStore};
use causerie_testkit::{
    redis::Redis,
    store_conformance::{
        World,
        sample::{self, conversation, participant, posted, stop},
    },
};
use std::sync::Arc;

/// Connects anew to the place of `config`, with other keys.
async fn with_keys(config: &Config, keys: Vec<Key>) -> Result<RedisStore, StoreError> {
    let mut other = fresh(&config.address.to_string());
    other.prefix.clone_from(&config.prefix);
    other.keys = keys;
    RedisStore::connect(&other).await
}

fn config(server: &Redis, keys: Vec<Key>) -> Config {
    let mut config = fresh(&server.url());
    config.keys = keys;
    config
}

async fn world(server: &Arc<Redis>, keys: Vec<Key>) -> (World, Config) {
    let config = config(server, keys.clone());
    let mut same = fresh(&server.url());
    same.prefix.clone_from(&config.prefix);
    same.keys = keys;
    let server = Arc::clone(server);
    (
        World::new(|setup| opened(setup, same, server)).await,
        config,
    )
}

#[tokio::test]
async fn no_word_and_no_name_can_be_read_in_redis() {
    let Some(server) = single() else { return };
    let (world, config) = world(&server, vec![key("k1", 1)]).await;
    let first = posted("a", 1, "ann", "zanzibar");
    let claim = world.offer_and_claim(&first).await.unwrap();
    let mut commit = sample::answer(&claim);
    commit.state.window_start = claim.next_seq;
    world.commit(&claim, &commit).await;
    let summary = Summary {
        text: Text::new("zanzibar"),
        before: claim.next_seq,
    };
    let id = conversation("a");
    assert!(world.store.summarise(&id, &summary, 0).await.unwrap());
    let claim = world
        .offer_and_claim(&posted("a", 2, "ann", "zanzibar"))
        .await;
    let claim = claim.unwrap();
    let step = JournalEntry::Step {
        message: world.history("a").await.remove(0),
        usage: causerie_core::outcome::Usage::default(),
        last: false,
    };
    world.note(&claim, &step).await;
    world.release(&claim, Release::Handover).await;
    world.offer(&posted("b", 1, "ann", "zanzibar")).await;
    for key in keys(&server, &config) {
        let dump = match server.command(&format!("TYPE {key}")).as_str() {
            "hash" => server.command(&format!("HGETALL {key}")),
            "string" => server.command(&format!("GET {key}")),
            _ => server.command(&format!("ZRANGE {key} 0 -1")),
        };
        assert!(!dump.contains("zanzibar"), "{key}");
    }
}

/// All keys of a place.
pub(crate) fn keys(server: &Redis, config: &Config) -> Vec<String> {
    let keys = server.command(&format!("KEYS {}*", config.prefix));
    let keys: Vec<String> = keys.lines().map(str::to_owned).collect();
    assert!(!keys.is_empty());
    keys
}

#[tokio::test]
async fn keys_can_be_changed_while_old_records_stay() {
    let Some(server) = single() else { return };
    let (world, config) = world(&server, vec![key("old", 1)]).await;
    world.exchange(&posted("a", 1, "ann", "before")).await;
    world.offer(&stop("a", 2, "ann")).await;

    let both = with_keys(&config, vec![key("new", 2), key("old", 1)])
        .await
        .unwrap();
    let world = World::new(|_| async {
        causerie_testkit::store_conformance::Opened::new(both, Arc::clone(&server))
    });
    let world = world.await;
    assert_eq!(world.words("a").await, ["before", "re: before"]);
    let claim = world.claim().await.unwrap();
    world.answer(&claim).await;
    world.exchange(&posted("a", 3, "ann", "after")).await;

    // All of it was written anew with the new key by now.
    let new = with_keys(&config, vec![key("new", 2)]).await.unwrap();
    use causerie_core::store::Archive;
    let history = new
        .history(&conversation("a"), Default::default())
        .await
        .unwrap();
    assert_eq!(history.len(), 4);
    // The title is older. That is no empty title, but an error that names the key.
    let list = new.conversations(&participant("ann").id, 9).await;
    assert!(matches!(list, Err(StoreError::Sealed { key, .. }) if key == "old"));

    let both = with_keys(&config, vec![key("new", 2), key("old", 1)])
        .await
        .unwrap();
    assert_eq!(both.reseal().await.unwrap(), 1);
    let list = new.conversations(&participant("ann").id, 9).await.unwrap();
    assert_eq!(list[0].title.expose(), "before");
    assert_eq!(
        new.history(&conversation("a"), Default::default())
            .await
            .unwrap(),
        history
    );
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_an_error_and_no_empty_history() {
    use causerie_core::store::Archive;
    let Some(server) = single() else { return };
    let (world, config) = world(&server, vec![key("k", 1)]).await;
    world.exchange(&posted("a", 1, "ann", "hello")).await;
    for keys in [vec![], vec![key("k", 9)], vec![key("other", 1)]] {
        let refused = with_keys(&config, keys.clone()).await.err().unwrap();
        let StoreError::Sealed { key, .. } = &refused else {
            panic!("{refused:?}");
        };
        assert_eq!(key, "k");
        assert!(refused.to_string().contains("\"k\""));

        // Somebody who opened the place before the key was in use does not see emptiness either.
        server.command(&format!("HDEL {}schema check", config.prefix));
        let store = with_keys(&config, keys).await.unwrap();
        let history = store.history(&conversation("a"), Default::default()).await;
        assert!(matches!(history, Err(StoreError::Sealed { .. })));
        // That one wrote down its own key, if it had one.
        server.command(&format!("HDEL {}schema check", config.prefix));
        with_keys(&config, vec![crate::place::key("k", 1)])
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn what_is_not_encrypted_is_read_after_a_key_was_given() {
    let Some(server) = single() else { return };
    let (world, config) = world(&server, vec![]).await;
    world.exchange(&posted("a", 1, "ann", "hello")).await;
    use causerie_core::store::Archive;
    let store = with_keys(&config, vec![key("k", 1)]).await.unwrap();
    let history = store.history(&conversation("a"), Default::default()).await;
    assert_eq!(history.unwrap().len(), 2);
}
