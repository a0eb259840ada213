//! Edits and deletions of mail.

use super::{
    sample::{self, conversation, deleted, edited, posted},
    world::{World, ids},
};
use causerie_core::{
    event::EventKind,
    id::EventId,
    outcome::Outcome,
    store::{Offered, Release, TurnQuery},
};

async fn title(world: &World) -> String {
    let ann = sample::participant("ann").id;
    let list = world.store.conversations(&ann, 9).await;
    let list = list.expect("they are listed");
    list[0].title.expose().to_owned()
}

async fn outcomes(world: &World, n: u32) -> Vec<(EventId, Outcome)> {
    let query = TurnQuery::Event(conversation("a"), sample::event_id(n));
    let turns = world.store.turns(&query, 9).await;
    let mut turns = turns.expect("they are read");
    assert_eq!(turns.len(), 1);
    turns.remove(0).events
}

/// The mail reads as it was edited, and the edit has its outcome.
pub async fn an_edit_changes_waiting_mail(world: World) {
    world.offer(&posted("a", 1, "ann", "helo")).await;
    world.offer(&posted("a", 2, "ann", "more")).await;
    let offered = world.offer(&edited("a", 3, "ann", 1, "hello")).await;
    assert_eq!(offered, Offered::Amended);
    let claim = world.claim().await.expect("there is mail");
    assert_eq!(ids(&claim.mail), ["e1", "e2"]);
    let EventKind::Posted(posted) = &claim.mail[0].kind else {
        panic!("it became something else");
    };
    assert_eq!(posted.text.expose(), "hello");
    let expected = [(sample::event_id(3), Outcome::Answered)];
    assert_eq!(outcomes(&world, 3).await, expected);
}

/// The mail is gone and recorded as superseded; what nobody waits for is not claimed.
pub async fn a_deletion_removes_waiting_mail(world: World) {
    world.offer(&posted("a", 1, "ann", "never mind")).await;
    let offered = world.offer(&deleted("a", 2, "ann", 1)).await;
    assert_eq!(offered, Offered::Amended);
    assert_eq!(world.pending("a").await, []);
    assert_eq!(world.claim().await, None);
    let outcomes = outcomes(&world, 1).await;
    assert!(outcomes.contains(&(sample::event_id(1), Outcome::Superseded)));
    assert!(outcomes.contains(&(sample::event_id(2), Outcome::Answered)));
    let again = world.offer(&posted("a", 1, "ann", "never mind")).await;
    assert_eq!(again, Offered::Duplicate);
}

/// Nobody changes what another one wrote.
pub async fn a_change_by_somebody_else_is_mail(world: World) {
    world.offer(&posted("a", 1, "ann", "mine")).await;
    let offered = world.offer(&edited("a", 2, "bob", 1, "yours")).await;
    assert_eq!(offered, Offered::Queued(None));
    assert_eq!(ids(&world.pending("a").await), ["e1", "e2"]);
}

/// What is being answered is not changed under the hand of who answers.
pub async fn a_change_of_mail_in_hand_is_mail(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let edit = world.offer(&edited("a", 2, "ann", 1, "two")).await;
    let delete = world.offer(&deleted("a", 3, "ann", 1)).await;
    assert_eq!(edit, Offered::Queued(None));
    assert_eq!(delete, Offered::Queued(None));
    world.answer(&claim.expect("it was free")).await;
    assert_eq!(ids(&world.pending("a").await), ["e2", "e3"]);
}

/// A change of history, or of what was never seen, wants an answer.
pub async fn a_change_of_what_is_unknown_is_mail(world: World) {
    world.exchange(&posted("a", 1, "ann", "one")).await;
    let known = world.offer(&edited("a", 2, "ann", 1, "uno")).await;
    let unknown = world.offer(&deleted("a", 3, "ann", 99)).await;
    assert_eq!(known, Offered::Queued(None));
    assert_eq!(unknown, Offered::Queued(None));
}

/// A change that is delivered again does nothing.
pub async fn a_change_is_taken_once(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    let first = edited("a", 2, "ann", 1, "two");
    world.offer(&first).await;
    world.offer(&edited("a", 3, "ann", 1, "three")).await;
    assert_eq!(world.offer(&first).await, Offered::Duplicate);
    let EventKind::Posted(posted) = &world.pending("a").await[0].kind else {
        panic!("it became something else");
    };
    assert_eq!(posted.text.expose(), "three");
}

/// A turn that was given back or died had begun to answer: what it had is not changed.
pub async fn mail_of_a_turn_begun_is_not_changed(world: World) {
    for (name, dies) in [("a", false), ("b", true)] {
        let claim = world.offer_and_claim(&posted(name, 1, "ann", "one")).await;
        let claim = claim.expect("it is free");
        match dies {
            true => world.clock.advance(super::world::TTL),
            false => world.release(&claim, Release::Handover).await,
        }
        world.offer(&posted(name, 2, "ann", "two")).await;
        let begun = world.offer(&edited(name, 3, "ann", 1, "uno")).await;
        assert_eq!(begun, Offered::Queued(None));
        let waits = world.offer(&edited(name, 4, "ann", 2, "due")).await;
        assert_eq!(waits, Offered::Amended);
    }
}

/// A title never shows words that were taken back.
pub async fn a_title_follows_what_it_was_taken_from(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    world.offer(&edited("a", 2, "ann", 1, "uno")).await;
    assert_eq!(title(&world).await, "uno");
    world.offer(&posted("a", 3, "ann", "due")).await;
    world.offer(&deleted("a", 4, "ann", 1)).await;
    assert_eq!(title(&world).await, "due");

    let claim = world.claim().await.expect("there is mail");
    world.answer(&claim).await;
    let anew = world.offer_and_claim(&edited("a", 5, "ann", 3, "x")).await;
    let mut commit = sample::answer(&anew.clone().expect("it is free"));
    commit.truncate = Some(causerie_core::id::Seq(1));
    world.commit(&anew.expect("it is free"), &commit).await;
    assert_eq!(title(&world).await, "");
    world.offer(&posted("a", 6, "ann", "tre")).await;
    assert_eq!(title(&world).await, "tre");
}
