//! Budgets: calendar windows in the script, and settlements that a dead process left owed.

use crate::place::{fresh, opened, single};
use causerie_core::{
    Clock, Timestamp,
    id::TurnNumber,
    limit::{Charge, Window},
    store::{Ledger, ReservationId, Reserved},
};
use causerie_redis::RedisStore;
use causerie_testkit::{
    clock::ManualClock,
    store_conformance::{
        World,
        sample::{conversation, posted},
    },
};
use std::sync::Arc;

fn charge(window: Window, amount: u64) -> Charge {
    Charge {
        key: "x".to_owned(),
        capacity: 10,
        window,
        amount,
    }
}

fn reservation(n: u64) -> ReservationId {
    ReservationId {
        conversation: conversation("a"),
        turn: TurnNumber(n),
        part: 0,
    }
}

#[tokio::test]
async fn windows_end_when_the_calendar_says() {
    let Some(server) = single() else { return };
    for at in (0..400).map(|n| Timestamp(1_700_000_000_000 + n * 1_234_567_890)) {
        let config = fresh(&server.url());
        let clock = Arc::new(ManualClock::at(at));
        let store = RedisStore::connect_at(&config, clock).await.unwrap();
        for window in [Window::Minute, Window::Hour, Window::Day, Window::Month] {
            let refused = store.reserve(&reservation(1), &[charge(window, 11)]).await;
            let until = window.end(at);
            let key = "x".to_owned();
            assert_eq!(refused.unwrap(), Reserved::Refused { key, until }, "{at:?}");
        }
    }
}

#[tokio::test]
async fn a_settlement_that_was_left_owed_is_found() {
    let Some(server) = single() else { return };
    let config = fresh(&server.url());
    let prefix = config.prefix.clone();
    let keep = Arc::clone(&server);
    let world = World::new(|setup| opened(setup, config, keep)).await;
    let reserve = async |n, amount| {
        let charges = [charge(Window::Hour, amount)];
        world
            .store
            .reserve(&reservation(n), &charges)
            .await
            .unwrap()
    };
    assert_eq!(reserve(1, 10).await, Reserved::Granted);
    // As a process leaves it that died right after its commit.
    server.command(&format!("HSET {prefix}{{p3}}:owed \"1.0 web/a\" 4"));
    let hour = Window::Hour.end(world.clock.now());
    let refused = Reserved::Refused {
        key: "x".to_owned(),
        until: hour,
    };
    assert_eq!(reserve(2, 6).await, refused);
    world.offer(&posted("b", 1, "ann", "hello")).await;
    assert!(world.claim().await.is_some());
    assert_eq!(reserve(2, 6).await, Reserved::Granted);
    assert_eq!(server.command(&format!("EXISTS {prefix}{{p3}}:owed")), "0");
}
