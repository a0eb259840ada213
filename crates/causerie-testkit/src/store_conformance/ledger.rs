//! Budgets and roles.

use super::{
    sample::{self, conversation, posted},
    world::{TTL, World, claimant, is_stale},
};
use causerie_core::{
    Clock,
    id::TurnNumber,
    limit::{Charge, Window},
    store::{Commit, ReservationId, Reserved},
};
use std::time::Duration;

fn turn(n: u64) -> ReservationId {
    ReservationId {
        conversation: conversation("a"),
        turn: TurnNumber(n),
        part: 0,
    }
}

/// `amount` of a budget of 10 in each hour.
fn charge(key: &str, amount: u64) -> Charge {
    Charge {
        key: key.to_owned(),
        capacity: 10,
        window: Window::Hour,
        amount,
    }
}

async fn reserve(world: &World, n: u64, charges: &[Charge]) -> Reserved {
    let reserved = world.store.reserve(&turn(n), charges).await;
    reserved.expect("it is answered")
}

fn refused(world: &World, key: &str) -> Reserved {
    Reserved::Refused {
        key: key.to_owned(),
        until: Window::Hour.end(world.clock.now()),
    }
}

/// The charge that does not fit is named, and the others are not taken.
pub async fn charges_are_taken_all_or_none(world: World) {
    let both = |x: u64, y: u64| [charge("x", x), charge("y", y)];
    assert_eq!(reserve(&world, 1, &both(4, 8)).await, Reserved::Granted);
    assert_eq!(reserve(&world, 2, &both(4, 3)).await, refused(&world, "y"));
    assert_eq!(reserve(&world, 3, &both(6, 2)).await, Reserved::Granted);
    assert_eq!(reserve(&world, 4, &both(1, 0)).await, refused(&world, "x"));
    assert_eq!(reserve(&world, 5, &[]).await, Reserved::Granted);
    let too_much = charge("z", u64::MAX);
    assert_eq!(reserve(&world, 6, &[too_much]).await, refused(&world, "z"));
}

/// Two charges that fit one by one but not together are refused.
pub async fn charges_of_one_key_count_together(world: World) {
    let twice = [charge("x", 6), charge("x", 6)];
    assert_eq!(reserve(&world, 1, &twice).await, refused(&world, "x"));
    let fits = [charge("x", 6), charge("x", 4)];
    assert_eq!(reserve(&world, 2, &fits).await, Reserved::Granted);
}

/// A second attempt of a turn finds its reservation, settled or not.
pub async fn a_repeated_reservation_takes_nothing(world: World) {
    for _ in 0..3 {
        let granted = reserve(&world, 1, &[charge("x", 6)]).await;
        assert_eq!(granted, Reserved::Granted);
    }
    let settled = world.store.settle(&turn(1), &[6]).await;
    settled.expect("it is settled");
    let granted = reserve(&world, 1, &[charge("x", 6)]).await;
    assert_eq!(granted, Reserved::Granted);
    let rest = reserve(&world, 2, &[charge("x", 4)]).await;
    assert_eq!(rest, Reserved::Granted);
}

/// What a turn takes for its second part is taken and settled apart from its first.
pub async fn parts_of_a_turn_are_reservations_of_their_own(world: World) {
    let second = ReservationId { part: 1, ..turn(1) };
    let take = async |id: &ReservationId, amount: u64| {
        let reserved = world.store.reserve(id, &[charge("x", amount)]).await;
        reserved.expect("it is answered")
    };
    assert_eq!(take(&turn(1), 4).await, Reserved::Granted);
    assert_eq!(take(&second, 7).await, refused(&world, "x"));
    assert_eq!(take(&second, 6).await, Reserved::Granted);
    let settled = world.store.settle(&second, &[1]).await;
    settled.expect("it is settled");
    assert_eq!(
        reserve(&world, 2, &[charge("x", 6)]).await,
        refused(&world, "x")
    );
    let settled = world.store.settle(&turn(1), &[2]).await;
    settled.expect("it is settled");
    assert_eq!(
        reserve(&world, 2, &[charge("x", 7)]).await,
        Reserved::Granted
    );
    assert_eq!(
        reserve(&world, 3, &[charge("x", 1)]).await,
        refused(&world, "x")
    );
}

/// A thousand at once take no more than there is: what is granted fits, and what is refused would
/// not have. Where a request uses more than it took, only those under way can go over.
pub async fn a_thousand_at_once_take_no_more_than_there_is(world: World) {
    let charges = |n: u64| [charge("x", 3), charge(&format!("own/{n}"), 1)];
    let ask = async |n: u64| {
        let mut granted = reserve(&world, n, &charges(n)).await == Reserved::Granted;
        // One that asks twice is granted once, whichever answer comes first.
        granted &= reserve(&world, n, &charges(n)).await == Reserved::Granted;
        granted
    };
    let granted = futures::future::join_all((1..=1000).map(ask)).await;
    assert_eq!(granted.iter().filter(|granted| **granted).count(), 3);
    assert_eq!(
        reserve(&world, 1001, &[charge("x", 2)]).await,
        refused(&world, "x")
    );
    assert_eq!(
        reserve(&world, 1002, &[charge("x", 1)]).await,
        Reserved::Granted
    );

    // All of it is in use now. One of them used more than was thought; nobody else may begin.
    let first = (1..).zip(&granted).find(|(_, granted)| **granted);
    let (n, _) = first.expect("three were granted");
    let settled = world.store.settle(&turn(n), &[8, 1]).await;
    settled.expect("it is settled");
    let late = futures::future::join_all((2001..=3000).map(ask)).await;
    assert!(late.iter().all(|granted| !granted));
    // It went over by five; what the two others give back leaves room for one.
    for (n, _) in (1..).zip(&granted).filter(|(_, granted)| **granted).skip(1) {
        let settled = world.store.settle(&turn(n), &[0, 0]).await;
        settled.expect("it is settled");
    }
    assert_eq!(
        reserve(&world, 4001, &[charge("x", 2)]).await,
        refused(&world, "x")
    );
    assert_eq!(
        reserve(&world, 4002, &[charge("x", 1)]).await,
        Reserved::Granted
    );
}

/// A full hour later there is room, and what is settled late takes none of it.
pub async fn a_window_ends(world: World) {
    assert_eq!(
        reserve(&world, 1, &[charge("x", 10)]).await,
        Reserved::Granted
    );
    world.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(
        reserve(&world, 2, &[charge("x", 1)]).await,
        refused(&world, "x")
    );
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(
        reserve(&world, 2, &[charge("x", 9)]).await,
        Reserved::Granted
    );
    let late = world.store.settle(&turn(1), &[99]).await;
    late.expect("it is settled");
    assert_eq!(
        reserve(&world, 3, &[charge("x", 1)]).await,
        Reserved::Granted
    );
}

/// Months are those of the calendar, in UTC.
pub async fn a_month_ends_when_the_calendar_says(world: World) {
    let month = |amount| Charge {
        window: Window::Month,
        ..charge("x", amount)
    };
    assert_eq!(reserve(&world, 1, &[month(10)]).await, Reserved::Granted);
    let end = Window::Month.end(world.clock.now());
    let left = end.since(world.clock.now());
    world.clock.advance(left - Duration::from_millis(1));
    let refused = Reserved::Refused {
        key: "x".to_owned(),
        until: end,
    };
    assert_eq!(reserve(&world, 2, &[month(1)]).await, refused);
    world.clock.advance(Duration::from_millis(1));
    assert_eq!(reserve(&world, 2, &[month(1)]).await, Reserved::Granted);
}

/// The first settlement gives back what was not used; a second changes nothing.
pub async fn a_settlement_counts_once(world: World) {
    reserve(&world, 1, &[charge("x", 8)]).await;
    for used in [3, 0, 99] {
        let settled = world.store.settle(&turn(1), &[used]).await;
        settled.expect("it is settled");
    }
    let unknown = world.store.settle(&turn(9), &[5]).await;
    unknown.expect("it is no error");
    assert_eq!(
        reserve(&world, 2, &[charge("x", 8)]).await,
        refused(&world, "x")
    );
    assert_eq!(
        reserve(&world, 3, &[charge("x", 7)]).await,
        Reserved::Granted
    );
}

/// The commit of a turn settles what the turn reserved.
pub async fn a_commit_settles(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    reserve(&world, 1, &[charge("x", 8)]).await;
    let commit = Commit {
        settle: Some((turn(1), vec![12])),
        ..sample::answer(&claim)
    };
    world.commit(&claim, &commit).await;
    let next = reserve(&world, 2, &[charge("x", 0)]).await;
    assert_eq!(next, refused(&world, "x"));
}

/// A commit that is refused settles nothing.
pub async fn a_stale_commit_settles_nothing(world: World) {
    let claim = world.exchange(&posted("a", 1, "ann", "one")).await;
    reserve(&world, 1, &[charge("x", 8)]).await;
    let commit = Commit {
        settle: Some((turn(1), vec![0])),
        ..sample::answer(&claim)
    };
    assert!(is_stale(&world.store.commit(&claim.key, &commit).await));
    let next = reserve(&world, 2, &[charge("x", 3)]).await;
    assert_eq!(next, refused(&world, "x"));
}

/// Who holds a role keeps it with the same fence; who takes it over gets a higher one.
pub async fn a_role_is_held_by_one(world: World) {
    let lease = async |role: &str, who: &str| {
        let lease = world.store.lease(role, &claimant(who)).await;
        lease.expect("it is answered")
    };
    let first = lease("poller", "a").await.expect("it is free");
    assert_eq!(lease("poller", "b").await, None);
    assert!(lease("shard", "b").await.is_some());
    world.clock.advance(TTL - Duration::from_millis(1));
    assert_eq!(lease("poller", "a").await, Some(first));
    world.clock.advance(TTL - Duration::from_millis(1));
    assert_eq!(lease("poller", "b").await, None);
    world.clock.advance(Duration::from_millis(1));
    let second = lease("poller", "b").await.expect("it ran out");
    assert!(second > first);
    assert_eq!(lease("poller", "a").await, None);
}
