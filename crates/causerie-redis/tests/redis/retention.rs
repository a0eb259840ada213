//! What is forgotten by itself: by age, and by number.

use crate::{
    encryption::keys,
    place::{fresh, opened, single},
};
use causerie_core::{
    Clock,
    store::{Commit, KEEP_TURNS, Offered, TurnQuery},
};
use causerie_redis::Config;
use causerie_testkit::store_conformance::{
    World,
    sample::{self, conversation, participant, posted},
};
use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

async fn world(configure: impl FnOnce(&mut Config)) -> Option<(World, Config)> {
    let server = single()?;
    let mut config = fresh(&server.url());
    configure(&mut config);
    let mut same = fresh(&server.url());
    same.prefix.clone_from(&config.prefix);
    same.retention = config.retention;
    Some((
        World::new(|setup| opened(setup, same, server)).await,
        config,
    ))
}

/// An exchange whose messages are as old as the clock says.
async fn exchange(world: &World, name: &str, n: u32) {
    let mut event = posted(name, n, "ann", &format!("text {n}"));
    event.at = world.clock.now();
    let claim = world.offer_and_claim(&event).await.unwrap();
    let mut commit: Commit = sample::answer(&claim);
    for message in &mut commit.append {
        message.at = world.clock.now();
    }
    commit.record.ended = world.clock.now();
    world.commit(&claim, &commit).await;
}

#[tokio::test]
async fn a_conversation_keeps_at_most_so_many_messages() {
    let Some((world, _)) = world(|config| config.retention.messages = Some(50)).await else {
        return;
    };
    for n in 1..=300 {
        exchange(&world, "a", n).await;
        let history = world.history("a").await;
        assert_eq!(history.len(), (2 * n as usize).min(50));
        assert_eq!(history.last().unwrap().seq.0, u64::from(2 * n));
    }
    assert_eq!(world.store.census().await.unwrap().messages, 50);
    let list = world
        .store
        .conversations(&participant("ann").id, 9)
        .await
        .unwrap();
    assert_eq!(list[0].title.expose(), "text 276");
    let turns = TurnQuery::Conversation(conversation("a"));
    let turns = world.store.turns(&turns, 1000).await.unwrap();
    assert_eq!(turns[0].turn.0, 300);
    // Records go with the chunks that held the messages of their time.
    assert!(turns.len() < 200, "{}", turns.len());
}

#[tokio::test]
async fn old_records_go_though_their_messages_stay() {
    let Some((world, _)) = world(|_| ()).await else {
        return;
    };
    for n in 1..=500 {
        exchange(&world, "a", n).await;
        let id = conversation("a");
        let of_first = TurnQuery::Event(id.clone(), sample::event_id(1));
        let turns = world.store.turns(&TurnQuery::Conversation(id), 1000).await;
        let numbers: Vec<u64> = turns.unwrap().iter().map(|turn| turn.turn.0).collect();
        let newest: Vec<u64> = (1..=n.into()).rev().take(numbers.len()).collect();
        assert_eq!(numbers, newest);
        let n = n as usize;
        let surplus = numbers.len().checked_sub(n.min(KEEP_TURNS)).unwrap();
        assert!(surplus <= 64, "{surplus} at {n}");
        let found = world.store.turns(&of_first, 9).await.unwrap().len();
        assert_eq!(found == 1, numbers.len() == n);
    }
    assert_eq!(world.history("a").await.len(), 1000);
}

#[tokio::test]
async fn old_messages_are_not_shown_and_go_with_the_next_commit() {
    let Some((world, _)) = world(|config| config.retention.age = Some(10 * DAY)).await else {
        return;
    };
    for n in 1..=20 {
        exchange(&world, "a", n).await;
        world.clock.advance(DAY);
        let shown = world.history("a").await;
        assert_eq!(shown.len(), 2 * (n as usize).min(10));
    }
    exchange(&world, "a", 21).await;
    assert_eq!(world.store.census().await.unwrap().messages, 22);
    let turns = world.store.turns(&TurnQuery::All, 99).await;
    assert_eq!(turns.unwrap().len(), 11);
}

#[tokio::test]
async fn idle_conversations_go_whole() {
    let Some((world, config)) = world(|config| config.retention.age = Some(10 * DAY)).await else {
        return;
    };
    let server = single().unwrap();
    for name in ["a", "b", "c"] {
        exchange(&world, name, 1).await;
    }
    world.clock.advance(9 * DAY);
    exchange(&world, "b", 2).await;
    world.offer(&posted("c", 2, "bob", "waits")).await;
    world.clock.advance(2 * DAY);
    // Whoever looks for mail sweeps.
    let claim = world.claim().await.unwrap();
    assert_eq!(claim.key.conversation, conversation("c"));
    let census = world.store.census().await.unwrap();
    assert_eq!((census.conversations, census.messages), (2, 4 + 2));
    let names = keys(&server, &config);
    assert!(
        !names.iter().any(|key| key.ends_with("c:web/a")),
        "{names:?}"
    );
    let list = world
        .store
        .conversations(&participant("ann").id, 9)
        .await
        .unwrap();
    assert_eq!(list.len(), 2);

    // It can begin anew, and late claims of before stay refused.
    exchange(&world, "a", 9).await;
    assert_eq!(world.words("a").await.len(), 2);
}

#[tokio::test]
async fn events_are_remembered_for_two_days_and_not_for_ever() {
    let Some((world, config)) = world(|_| ()).await else {
        return;
    };
    let server = single().unwrap();
    let field = || {
        let keys = keys(&server, &config);
        let key = keys.iter().find(|key| key.ends_with("c:web/a")).unwrap();
        server
            .command(&format!("HSTRLEN {key} d"))
            .parse::<usize>()
            .unwrap()
    };
    for n in 0..200 {
        exchange(&world, "a", n).await;
        world.clock.advance(Duration::from_secs(3600));
    }
    assert_eq!(field(), 48 * 12);
    let again = posted("a", 199, "ann", "text 199");
    assert_eq!(world.offer(&again).await, Offered::Duplicate);
    let forgotten = posted("a", 100, "ann", "text 100");
    assert_eq!(world.offer(&forgotten).await, Offered::Queued(None));
}
