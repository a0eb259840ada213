//! The end of a conversation: light while something is added to it, packed when it rests.

use crate::{
    encryption::keys,
    place::{fresh, opened, single},
};
use causerie_core::store::{Erase, HistoryRange};
use causerie_redis::Config;
use causerie_testkit::{
    redis::Redis,
    store_conformance::{
        World,
        sample::{self, conversation, posted},
    },
};
use std::{sync::Arc, time::Duration};

const NEARLY: Duration = Duration::from_secs(599);
const MOMENT: Duration = Duration::from_secs(1);

struct Place {
    server: Arc<Redis>,
    config: Config,
}

impl Place {
    async fn new() -> Option<(Self, World)> {
        let server = single()?;
        let config = fresh(&server.url());
        let mut same = fresh(&server.url());
        same.prefix.clone_from(&config.prefix);
        let kept = Arc::clone(&server);
        let world = World::new(|setup| opened(setup, same, kept)).await;
        Some((Self { server, config }, world))
    }

    /// How many conversations are not packed.
    fn light(&self) -> usize {
        let keys = keys(&self.server, &self.config);
        let lists = keys.iter().filter(|key| key.ends_with(":light"));
        let count = |key| self.server.command(&format!("ZCARD {key}"));
        lists.map(|key| count(key).parse::<usize>().unwrap()).sum()
    }

    /// How long a chunk of conversation `a` is.
    fn length(&self, number: u32) -> usize {
        let keys = keys(&self.server, &self.config);
        let key = keys.iter().find(|key| key.ends_with("c:web/a")).unwrap();
        let part = |field| {
            let length = format!("HSTRLEN {key} {field}{number}");
            self.server.command(&length).parse::<usize>().unwrap()
        };
        part("h") + part("g")
    }
}

async fn exchange(world: &World, n: u32) {
    let words = format!("This is number {n}, and it is as long as what people say.");
    world.exchange(&posted("a", n, "ann", &words)).await;
}

#[tokio::test]
async fn what_rests_is_packed_by_whoever_finds_nothing_to_do() {
    let Some((place, world)) = Place::new().await else {
        return;
    };
    for n in 1..=10 {
        exchange(&world, n).await;
        world.clock.advance(NEARLY);
        assert!(world.claim().await.is_none());
        assert_eq!(place.light(), 1);
    }
    let (before, light) = (world.history("a").await, place.length(1));
    world.clock.advance(MOMENT);
    assert!(world.claim().await.is_none());
    assert_eq!(place.light(), 0);
    assert!(place.length(1) * 2 < light, "{light}");
    assert_eq!(world.history("a").await, before);

    // It goes on, and rests again.
    exchange(&world, 11).await;
    assert_eq!(place.light(), 1);
    assert_eq!(world.history("a").await.len(), 22);
    world.clock.advance(NEARLY + MOMENT);
    assert!(world.claim().await.is_none());
    assert_eq!(place.light(), 0);
    assert_eq!(world.history("a").await[..20], before);
}

#[tokio::test]
async fn a_full_chunk_is_packed_at_once() {
    let Some((place, world)) = Place::new().await else {
        return;
    };
    let mut light = 0;
    for n in 1..=33 {
        exchange(&world, n).await;
        light = light.max(place.length(1));
    }
    assert!(place.length(1) * 2 < light, "{light}");
    assert_eq!(world.history("a").await.len(), 66);
}

#[tokio::test]
async fn a_turn_under_way_is_not_disturbed() {
    let Some((place, world)) = Place::new().await else {
        return;
    };
    exchange(&world, 1).await;
    world.clock.advance(NEARLY);
    let claim = world.offer_and_claim(&posted("a", 2, "ann", "on")).await;
    let claim = claim.unwrap();
    world.clock.advance(MOMENT);
    // It is packed beside the turn, which commits all the same.
    assert!(world.claim().await.is_none());
    assert_eq!(place.light(), 0);
    world.answer(&claim).await;
    assert_eq!(place.light(), 1);
    assert_eq!(world.history("a").await.len(), 4);
}

#[tokio::test]
async fn mail_comes_first_and_what_is_erased_is_not_waited_for() {
    let Some((place, world)) = Place::new().await else {
        return;
    };
    exchange(&world, 1).await;
    world.clock.advance(NEARLY + MOMENT);
    world.offer(&posted("a", 2, "ann", "waits")).await;
    let claim = world.claim().await.unwrap();
    assert_eq!(place.light(), 1);
    world.commit(&claim, &sample::answer(&claim)).await;
    world.erase(&Erase::Conversation(conversation("a"))).await;
    world.clock.advance(NEARLY + MOMENT);
    assert!(world.claim().await.is_none());
    assert_eq!(place.light(), 0);
    let range = HistoryRange::default();
    assert!(world.range("a", range).await.is_empty());
}
