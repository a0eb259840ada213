//! Offering.

use super::{
    sample::{self, conversation, posted},
    world::{World, ids},
};
use causerie_core::store::Offered;
use std::{sync::Arc, time::Duration};

/// The same event, delivered again, changes nothing.
pub async fn an_event_is_taken_once(world: World) {
    let event = posted("a", 1, "ann", "hello");
    assert_eq!(world.offer(&event).await, Offered::Queued(None));
    assert_eq!(world.offer(&event).await, Offered::Duplicate);
    assert_eq!(world.pending("a").await, [event]);
}

/// An event id counts within its conversation only.
pub async fn an_event_of_another_conversation_is_another_event(world: World) {
    world.offer(&posted("a", 1, "ann", "hello")).await;
    let other = world.offer(&posted("b", 1, "ann", "hello")).await;
    assert_eq!(other, Offered::Queued(None));
}

/// A redelivery within a day is still a duplicate, though its turn ended long ago.
pub async fn an_event_is_remembered_for_a_day_after_its_commit(world: World) {
    let event = posted("a", 1, "ann", "hello");
    world.exchange(&event).await;
    for hour in 1..=24 {
        world.clock.advance(Duration::from_secs(3600));
        world.exchange(&posted("a", 100 + hour, "ann", "on")).await;
        world.exchange(&posted("b", 100 + hour, "ann", "on")).await;
    }
    assert_eq!(world.offer(&event).await, Offered::Duplicate);
}

/// Mail is claimed in the order it came.
pub async fn mail_keeps_its_order(world: World) {
    for n in [3, 1, 2] {
        world.offer(&posted("a", n, "ann", "hello")).await;
    }
    let claim = world.claim().await.expect("there is mail");
    assert_eq!(ids(&claim.mail), ["e3", "e1", "e2"]);
}

/// What does not fit is not stored, and may be offered again when there is room.
pub async fn a_full_mailbox_stores_nothing(world: World) {
    let limit = World::MAILBOX_LIMIT as u32;
    for n in 0..limit {
        assert_eq!(
            world.offer(&posted("a", n, "ann", "x")).await,
            Offered::Queued(None)
        );
    }
    let late = posted("a", limit, "ann", "too much");
    assert_eq!(world.offer(&late).await, Offered::Full);
    assert_eq!(world.offer(&late).await, Offered::Full);
    assert_eq!(world.pending("a").await.len(), World::MAILBOX_LIMIT);
    let elsewhere = posted("b", limit, "ann", "there is room here");
    assert_eq!(world.offer(&elsewhere).await, Offered::Queued(None));

    let claim = world.claim().await.expect("there is mail");
    assert_eq!(world.offer(&late).await, Offered::Full);
    world.answer(&claim).await;
    assert_eq!(world.offer(&late).await, Offered::Queued(None));
}

/// Mail in hand is pending until it has an outcome.
pub async fn pending_shows_mail_until_it_is_consumed(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    let claim = world.claim().await.expect("there is mail");
    world.offer(&posted("a", 2, "ann", "two")).await;
    assert_eq!(ids(&world.pending("a").await), ["e1", "e2"]);
    world.answer(&claim).await;
    assert_eq!(ids(&world.pending("a").await), ["e2"]);
}

/// Many offers at once are all answered, and each event is taken by exactly one of them.
pub async fn answers_hold_many_at_once(world: World) {
    let world = Arc::new(world);
    let offers = (0..200u32).map(|n| {
        let world = Arc::clone(&world);
        tokio::spawn(async move {
            let event = posted(&format!("c{}", n % 50), n % 100, "ann", "hello");
            world.offer(&event).await
        })
    });
    let mut queued = 0;
    for offer in offers.collect::<Vec<_>>() {
        match offer.await.expect("no offer panics") {
            Offered::Queued(None) => queued += 1,
            Offered::Duplicate => {}
            other => panic!("an offer was answered {other:?}"),
        }
    }
    assert_eq!(queued, 100);
    for n in 0..50 {
        let pending = world.store.pending(&conversation(&format!("c{n}"))).await;
        assert_eq!(pending.expect("mail is read").len(), 2);
    }
    assert!(world.claim().await.is_some_and(|c| c.turn == sample::FIRST));
}
