//! Claiming, keeping, losing and giving back.

use super::{
    sample::{self, command, posted, stop},
    world::{TTL, World, ids, of},
};
use causerie_core::{
    Clock,
    id::{Fence, TurnNumber},
    store::{JournalEntry, Release},
};
use std::{sync::Arc, time::Duration};

/// Asking for the claim with the offer saves the claim.
pub async fn an_offer_grants_a_free_conversation(world: World) {
    let event = posted("a", 1, "ann", "hello");
    let claim = world.offer_and_claim(&event).await.expect("it is free");
    assert_eq!(claim.mail, [event]);
    assert_eq!((claim.turn, claim.attempt), (TurnNumber(1), 1));
    assert_eq!(claim.journal, []);
    assert_eq!(claim.next_seq.0, 1);
    assert_eq!(world.claim_as("b").await, None);
}

/// Mail for a held conversation waits, also from the one that holds it.
pub async fn an_offer_does_not_grant_a_held_conversation(world: World) {
    let held = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let again = world.offer_and_claim(&posted("a", 2, "ann", "two")).await;
    assert!(held.is_some() && again.is_none());
    assert!(held.is_some_and(|claim| claim.mail.len() == 1));
}

/// However many claim at once, one gets it.
pub async fn one_of_many_claimants_wins(world: World) {
    let world = Arc::new(world);
    for n in 0..3 {
        world
            .offer(&posted(&format!("c{n}"), 1, "ann", "hello"))
            .await;
    }
    let claims = (0..16).map(|n| {
        let world = Arc::clone(&world);
        tokio::spawn(async move { world.claim_as(&format!("r{n}")).await })
    });
    let mut won = vec![];
    for claim in claims.collect::<Vec<_>>() {
        won.extend(claim.await.expect("no claim panics"));
    }
    let mut conversations: Vec<&str> = won.iter().map(|claim| of(claim).as_str()).collect();
    conversations.sort_unstable();
    assert_eq!(conversations, ["web/c0", "web/c1", "web/c2"]);
}

/// First come, first served.
pub async fn the_longest_waiting_conversation_comes_first(world: World) {
    for name in ["b", "c", "a"] {
        world.offer(&posted(name, 1, "ann", "hello")).await;
    }
    world.offer(&posted("b", 2, "ann", "still here")).await;
    for name in ["b", "c", "a"] {
        let claim = world.claim().await.expect("there is mail");
        assert_eq!(of(&claim), &sample::conversation(name));
    }
    assert_eq!(world.claim().await, None);
}

/// Who was just served waits behind those who were not.
pub async fn a_busy_conversation_does_not_starve_others(world: World) {
    world.offer(&posted("busy", 1, "ann", "one")).await;
    let claim = world.claim().await.expect("there is mail");
    world.offer(&posted("other", 1, "bob", "hello")).await;
    world.offer(&posted("busy", 2, "ann", "two")).await;
    assert!(world.answer(&claim).await.more);
    let next = world.claim().await.expect("there is mail");
    assert_eq!(of(&next), &sample::conversation("other"));
}

/// Within a conversation a later claim has a higher number, through answers, losses and erasure.
pub async fn fences_only_grow(world: World) {
    let mut last = Fence(0);
    for n in 0..6 {
        let claim = world.offer_and_claim(&posted("a", n, "ann", "x")).await;
        let claim = claim.expect("it is free");
        assert!(claim.key.fence > last);
        last = claim.key.fence;
        match n % 3 {
            0 => drop(world.answer(&claim).await),
            1 => world.clock.advance(TTL),
            _ => {
                let what = causerie_core::store::Erase::Conversation(of(&claim).clone());
                world.erase(&what).await;
            }
        }
    }
}

/// The next replica goes on where the dead one stopped.
pub async fn an_expired_claim_is_taken_over_with_its_journal(world: World) {
    let first = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let first = first.expect("it is free");
    let entries = journal();
    for entry in &entries {
        world.note(&first, entry).await;
    }
    world.offer(&posted("a", 2, "ann", "two")).await;

    world.clock.advance(TTL - Duration::from_millis(1));
    assert_eq!(world.claim_as("b").await, None);
    world.clock.advance(Duration::from_millis(1));
    let second = world.claim_as("b").await.expect("the claim ran out");
    assert!(second.key.fence > first.key.fence);
    assert_eq!((second.turn, second.attempt), (first.turn, 2));
    assert_eq!(second.journal, entries);
    assert_eq!(ids(&second.mail), ["e1", "e2"]);
    world.assert_lost(&first.key, &sample::answer(&first)).await;

    world.answer(&second).await;
    let next = world.offer_and_claim(&posted("a", 3, "ann", "three")).await;
    let next = next.expect("it is free");
    assert_eq!((next.turn, next.attempt), (TurnNumber(2), 1));
    assert_eq!(next.journal, []);
}

/// An offer that finds the claim run out takes over too.
pub async fn an_offer_takes_over_an_expired_claim(world: World) {
    let first = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let first = first.expect("it is free");
    world.note(&first, &JournalEntry::Sending { part: 0 }).await;
    world.clock.advance(TTL);
    let second = world.offer_and_claim(&posted("a", 2, "ann", "two")).await;
    let second = second.expect("the claim ran out");
    assert_eq!((second.turn, second.attempt), (first.turn, 2));
    assert_eq!(ids(&second.mail), ["e1", "e2"]);
    assert_eq!(second.journal, [JournalEntry::Sending { part: 0 }]);
}

/// A hand-over is no failure: same turn, its journal, and the attempt does not count.
pub async fn a_handed_over_turn_goes_on_and_does_not_count(world: World) {
    let first = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let first = first.expect("it is free");
    for entry in journal() {
        world.note(&first, &entry).await;
    }
    world.release(&first, Release::Handover).await;
    let second = world.claim_as("b").await.expect("it was given back");
    assert_eq!((second.turn, second.attempt), (first.turn, 1));
    assert_eq!(second.journal, journal());
    assert_eq!(second.mail, first.mail);
}

/// Nobody gets it before its time, and the attempt counts.
pub async fn a_retry_waits_for_its_time(world: World) {
    let first = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let first = first.expect("it is free");
    world.note(&first, &JournalEntry::Sending { part: 0 }).await;
    let at = world.clock.now() + Duration::from_secs(10);
    world.release(&first, Release::Retry { at }).await;

    assert_eq!(world.claim().await, None);
    let offered = world.offer_and_claim(&posted("a", 2, "ann", "two")).await;
    assert_eq!(offered, None);
    let due = world.store.next_due().await.expect("it is read");
    assert_eq!(due, Some(at));

    world.clock.advance(Duration::from_secs(10));
    let second = world.claim().await.expect("its time has come");
    assert_eq!((second.turn, second.attempt), (first.turn, 2));
    assert_eq!(ids(&second.mail), ["e1", "e2"]);
    assert_eq!(second.journal, [JournalEntry::Sending { part: 0 }]);
}

/// Nobody gets it before its time, and however often that happens, no attempt counts.
pub async fn a_postponed_turn_waits_and_does_not_count(world: World) {
    let mut claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    for _ in 0..9 {
        let held = claim.expect("its time has come");
        assert_eq!((held.turn, held.attempt), (TurnNumber(1), 1));
        let at = world.clock.now() + Duration::from_secs(10);
        world.release(&held, Release::Postpone { at }).await;
        assert_eq!(world.claim().await, None);
        let due = world.store.next_due().await.expect("it is read");
        assert_eq!(due, Some(at));
        world.clock.advance(Duration::from_secs(10));
        claim = world.claim().await;
    }
}

/// Dispatch learns when to look again.
pub async fn next_due_tells_when_a_claim_expires(world: World) {
    let due = async || world.store.next_due().await.expect("it is read");
    assert_eq!(due().await, None);
    let start = world.clock.now();
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    assert_eq!(due().await, Some(start + TTL));
    world.clock.advance(Duration::from_secs(1));
    world.offer_and_claim(&posted("b", 1, "ann", "one")).await;
    assert_eq!(due().await, Some(start + TTL));
    world.answer(&claim.expect("it was free")).await;
    assert_eq!(due().await, Some(start + TTL + Duration::from_secs(1)));
}

/// A renewal counts from now.
pub async fn a_renewed_claim_holds_longer(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    for _ in 0..4 {
        world.clock.advance(TTL - Duration::from_millis(1));
        assert_eq!(world.claim_as("b").await, None);
        world.renew(&claim).await;
    }
    world.answer(&claim).await;
}

/// The button and the command, but not what came before the claim.
pub async fn a_renewal_tells_of_a_stop(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    world.offer(&stop("a", 2, "ann")).await;
    let claim = world.claim().await.expect("there is mail");
    assert!(!world.renew(&claim).await.stop);
    world.offer(&command("a", 3, "ann", "new")).await;
    assert!(!world.renew(&claim).await.stop);
    world.offer(&command("a", 4, "ann", "stop")).await;
    assert!(world.renew(&claim).await.stop);
    world.answer(&claim).await;

    let next = world.claim().await.expect("there is mail");
    assert!(!world.renew(&next).await.stop);
    world.offer(&stop("a", 5, "ann")).await;
    assert!(world.renew(&next).await.stop);
}

/// Who lost a claim can do nothing with it.
pub async fn a_lost_claim_is_refused_everything(world: World) {
    let first = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let first = first.expect("it is free");
    world.clock.advance(TTL);
    let second = world.claim_as("b").await.expect("the claim ran out");
    let commit = sample::answer(&first);
    world.assert_lost(&first.key, &commit).await;
    assert_eq!(world.words("a").await, [""; 0]);
    world.answer(&second).await;
    world.assert_lost(&second.key, &commit).await;
}

/// Who gave a claim back can do nothing with it.
pub async fn a_released_claim_is_refused_everything(world: World) {
    let event = posted("a", 1, "ann", "one");
    let claim = world.offer_and_claim(&event).await.expect("it is free");
    world.release(&claim, Release::Handover).await;
    world.assert_lost(&claim.key, &sample::answer(&claim)).await;
    assert_eq!(world.pending("a").await, [event]);
}

fn journal() -> Vec<JournalEntry> {
    vec![
        JournalEntry::Began {
            events: vec![sample::event_id(1)],
        },
        JournalEntry::Sending { part: 0 },
        JournalEntry::Sent {
            part: 0,
            message: sample::inbound(77),
        },
        JournalEntry::Sending { part: 1 },
        JournalEntry::NotSent { part: 1 },
    ]
}
