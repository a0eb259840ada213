//! Committing.

use super::{
    sample::{self, command, conversation, deleted, participant, posted},
    world::{World, ids, is_stale, words},
};
use causerie_core::{
    id::{MessageRef, Seq},
    outcome::TurnRecord,
    store::{Commit, ConversationState, Erase, JournalEntry, Summary, TurnQuery},
};

/// History, state, mail, outcome: all there afterwards.
pub async fn a_commit_does_everything_at_once(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "hello")).await;
    let claim = claim.expect("it is free");
    world.note(&claim, &JournalEntry::Sending { part: 0 }).await;
    let state = ConversationState {
        unattended: 3,
        ..ConversationState::default()
    };
    let commit = Commit {
        state: state.clone(),
        ..sample::answer(&claim)
    };
    assert!(!world.commit(&claim, &commit).await.more);

    assert_eq!(world.words("a").await, ["hello", "re: hello"]);
    assert_eq!(world.pending("a").await, []);
    let found = world.store.state(&conversation("a")).await;
    assert_eq!(found.expect("it is read"), state);
    let turns = world.store.turns(&TurnQuery::All, 9).await;
    assert_eq!(turns.expect("they are read"), [commit.record]);
}

/// Afterwards the conversation is free, and the next turn starts afresh.
pub async fn a_commit_ends_the_claim(world: World) {
    let claim = world.exchange(&posted("a", 1, "ann", "one")).await;
    world.assert_lost(&claim.key, &sample::answer(&claim)).await;
    let next = world.offer_and_claim(&posted("a", 2, "ann", "two")).await;
    let next = next.expect("it is free");
    assert_eq!((next.turn.0, next.attempt), (2, 1));
    assert_eq!(next.next_seq, Seq(3));
    assert_eq!(next.journal, []);
}

/// Who did not hear the answer may ask again, and does no harm.
pub async fn a_repeated_commit_is_stale(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    let commit = sample::answer(&claim);
    world.commit(&claim, &commit).await;
    assert!(is_stale(&world.store.commit(&claim.key, &commit).await));
    assert_eq!(world.words("a").await, ["one", "re: one"]);
}

/// Mail behind the claim makes the next turn.
pub async fn mail_that_came_later_waits_on(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    world.offer(&posted("a", 2, "ann", "two")).await;
    world.offer(&posted("a", 3, "bob", "three")).await;
    assert!(world.answer(&claim).await.more);
    let next = world.claim().await.expect("there is mail");
    assert_eq!(next.turn.0, 2);
    assert_eq!(ids(&next.mail), ["e2", "e3"]);
}

/// A turn may answer for mail that is not in its claim, and leave some that is.
pub async fn mail_that_came_later_may_be_consumed(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    world.offer(&posted("a", 2, "ann", "two")).await;
    let claim = world.claim().await.expect("there is mail");
    world.offer(&sample::stop("a", 3, "ann")).await;
    let commit = Commit {
        consumed: vec![sample::event_id(3), sample::event_id(1)],
        ..sample::answer(&claim)
    };
    assert!(world.commit(&claim, &commit).await.more);
    assert_eq!(ids(&world.pending("a").await), ["e2"]);
}

/// From 1, without gaps, whatever number the message brought.
pub async fn messages_are_numbered_on(world: World) {
    for n in 1..=3 {
        world.exchange(&posted("a", n, "ann", "x")).await;
    }
    let history = world.history("a").await;
    let numbers: Vec<u64> = history.iter().map(|message| message.seq.0).collect();
    assert_eq!(numbers, [1, 2, 3, 4, 5, 6]);
    let turns: Vec<u64> = history.iter().map(|message| message.turn.0).collect();
    assert_eq!(turns, [1, 1, 2, 2, 3, 3]);
}

/// An answer given anew takes the place of the old one, also in the middle of a turn.
pub async fn truncation_erases_and_numbers_from_there(world: World) {
    for (n, text) in [(1, "one"), (2, "two"), (3, "three")] {
        world.exchange(&posted("a", n, "ann", text)).await;
    }
    let again = async |n: u32, from: u64, text: &str| {
        let claim = world.offer_and_claim(&posted("a", n, "ann", text)).await;
        let claim = claim.expect("it is free");
        let commit = Commit {
            truncate: Some(Seq(from)),
            ..sample::answer(&claim)
        };
        world.commit(&claim, &commit).await;
    };
    again(4, 4, "four").await;
    let history = world.history("a").await;
    assert_eq!(
        words(&history),
        ["one", "re: one", "two", "four", "re: four"]
    );
    assert_eq!(history[3].seq, Seq(4));
    again(5, 2, "five").await;
    assert_eq!(world.words("a").await, ["one", "five", "re: five"]);
    again(6, 0, "six").await;
    let history = world.history("a").await;
    assert_eq!(words(&history), ["six", "re: six"]);
    let next = world.offer_and_claim(&posted("a", 7, "ann", "x")).await;
    assert_eq!(history[0].seq, Seq(1));
    assert_eq!(next.map(|claim| claim.next_seq), Some(Seq(3)));
}

/// History, title, state and places in lists go; mail that waits stays, and so do its author's.
pub async fn an_erasing_commit_keeps_what_waits(world: World) {
    world.exchange(&posted("a", 1, "bob", "old")).await;
    let erasing = world
        .offer_and_claim(&command("a", 2, "ann", "forget"))
        .await;
    let erasing = erasing.expect("it is free");
    world.offer(&posted("a", 3, "ann", "hello")).await;
    let before = world.store.state(&conversation("a")).await;
    let commit = Commit {
        erase: true,
        state: ConversationState::default(),
        ..sample::answer(&erasing)
    };
    assert!(world.commit(&erasing, &commit).await.more);

    assert_eq!(world.history("a").await, []);
    assert_eq!(ids(&world.pending("a").await), ["e3"]);
    let state = world.store.state(&conversation("a")).await;
    let (before, state) = (before.expect("it is read"), state.expect("it is read"));
    assert!(state.erasures > before.erasures);
    for (who, titles) in [("ann", &["hello"][..]), ("bob", &[])] {
        let list = world.store.conversations(&participant(who).id, 9).await;
        let list = list.expect("they are listed");
        let found: Vec<&str> = list.iter().map(|entry| entry.title.expose()).collect();
        assert_eq!(found, titles);
    }
    let next = world.claim().await.expect("there is mail");
    assert_eq!((next.turn.0, next.next_seq), (erasing.turn.0 + 1, Seq(1)));
    world.answer(&next).await;
    assert_eq!(world.words("a").await, ["hello", "re: hello"]);
}

/// What a turn under way knew of a summary is gone when somebody has erased what it may hold.
pub async fn a_commit_brings_no_erased_summary_back(world: World) {
    let summary = |text: &str, before: u64| {
        Some(Summary {
            text: text.into(),
            before: Seq(before),
        })
    };
    for n in 1..=2 {
        world.exchange(&posted("a", n, "ann", "x")).await;
    }
    let claim = world.offer_and_claim(&posted("a", 3, "ann", "x")).await;
    let claim = claim.expect("it is free");
    let mut commit = sample::silence(&claim);
    commit.state.window_start = Seq(3);
    commit.state.summary = summary("so far", 3);
    world.commit(&claim, &commit).await;

    // The first erasure leaves the summary, the second does not.
    for (n, erased, left) in [(4, 2, summary("so far", 3)), (5, 1, None)] {
        let claim = world.offer_and_claim(&deleted("a", n, "ann", erased)).await;
        let claim = claim.expect("it is free");
        assert_eq!(claim.state.summary, summary("so far", 3));
        let message = sample::inbound(erased);
        world
            .erase(&Erase::Message(conversation("a"), message))
            .await;
        world.commit(&claim, &sample::silence(&claim)).await;
        let state = world.store.state(&conversation("a")).await;
        assert_eq!(state.expect("it is read").summary, left);
    }
}

/// Of each conversation the newest records are kept, 256 at least.
pub async fn the_newest_turns_are_kept(world: World) {
    world.exchange(&posted("b", 1, "ann", "x")).await;
    for n in 1..=300 {
        world.exchange(&posted("a", n, "ann", "x")).await;
    }
    let turns = async |query: TurnQuery| world.store.turns(&query, 1000).await.expect("it reads");
    let kept = turns(TurnQuery::Conversation(conversation("a"))).await;
    let numbers: Vec<u64> = kept.iter().map(|turn| turn.turn.0).collect();
    let newest: Vec<u64> = (1..=300).rev().take(numbers.len()).collect();
    assert_eq!(numbers, newest);
    assert!(numbers.len() >= 256);
    assert_eq!(
        turns(TurnQuery::Conversation(conversation("b")))
            .await
            .len(),
        1
    );
}

/// Nothing of a refused commit is left.
pub async fn a_stale_commit_writes_nothing(world: World) {
    world.exchange(&posted("a", 1, "ann", "one")).await;
    let old = world.offer_and_claim(&posted("a", 2, "ann", "two")).await;
    let old = old.expect("it is free");
    world.clock.advance(super::world::TTL);
    let new = world.claim_as("b").await.expect("the claim ran out");
    let commit = Commit {
        truncate: Some(Seq(1)),
        state: ConversationState {
            unattended: 9,
            ..ConversationState::default()
        },
        ..sample::answer(&old)
    };
    assert!(is_stale(&world.store.commit(&old.key, &commit).await));
    assert_eq!(world.words("a").await, ["one", "re: one"]);
    assert_eq!(ids(&world.pending("a").await), ["e2"]);
    let state = world.store.state(&conversation("a")).await;
    assert_eq!(state.expect("it is read"), ConversationState::default());
    let turns = world.store.turns(&TurnQuery::All, 9).await;
    assert_eq!(turns.expect("they are read").len(), 1);
    world.answer(&new).await;
}

/// `/why` finds a turn by what the person points at, the newest first.
pub async fn turns_are_found_by_conversation_event_and_message(world: World) {
    for n in 1..=3 {
        world.exchange(&posted("a", n, "ann", "x")).await;
        world.exchange(&posted("b", n, "ann", "x")).await;
    }
    let numbers = async |query: TurnQuery, limit: usize| -> Vec<(String, u64)> {
        let turns = world.store.turns(&query, limit).await;
        let name = |t: &TurnRecord| (t.conversation.rest().to_owned(), t.turn.0);
        turns.expect("they are read").iter().map(name).collect()
    };
    let turn = |name: &str, n: u64| (name.to_owned(), n);
    let (a, r2) = (conversation("a"), MessageRef::new("r2").expect("a name"));
    assert_eq!(
        numbers(TurnQuery::All, 3).await,
        [turn("b", 3), turn("a", 3), turn("b", 2)]
    );
    assert_eq!(
        numbers(TurnQuery::Conversation(a.clone()), 2).await,
        [turn("a", 3), turn("a", 2)]
    );
    let event = TurnQuery::Event(a.clone(), sample::event_id(1));
    assert_eq!(numbers(event, 9).await, [turn("a", 1)]);
    let message = TurnQuery::Message(a.clone(), r2);
    assert_eq!(numbers(message, 9).await, [turn("a", 2)]);
    let inbound = TurnQuery::Message(a.clone(), sample::inbound(2));
    assert_eq!(numbers(inbound, 9).await, [turn("a", 2)]);
    let neither = TurnQuery::Message(a.clone(), sample::inbound(9));
    assert_eq!(numbers(neither, 9).await, []);
    assert_eq!(numbers(TurnQuery::Conversation(a), 0).await, []);
    let unknown = TurnQuery::Conversation(conversation("unknown"));
    assert_eq!(numbers(unknown, 9).await, []);
}
