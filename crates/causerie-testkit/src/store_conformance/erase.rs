//! Forgetting.

use super::{
    sample::{self, conversation, deleted, edited, participant, posted, quoting},
    world::{TTL, World, ids},
};
use causerie_core::{
    Text,
    event::EventKind,
    id::{MessageRef, Seq},
    outcome::Outcome,
    store::{Commit, Erase, Erased, JournalEntry, Offered, Summary, TurnQuery},
};

fn message(name: &str, reference: &str) -> Erase {
    let reference = MessageRef::new(reference).expect("a plain name");
    Erase::Message(conversation(name), reference)
}

fn whole(name: &str) -> Erase {
    Erase::Conversation(conversation(name))
}

fn person(name: &str) -> Erase {
    Erase::Participant(participant(name).id)
}

fn gone(messages: u64, mail: u64) -> Erased {
    Erased { messages, mail }
}

/// Asserts that event `n` of conversation `name` ended once, superseded.
async fn assert_superseded(world: &World, name: &str, n: u32) {
    let id = sample::event_id(n);
    let query = TurnQuery::Event(conversation(name), id.clone());
    let turns = world.store.turns(&query, 9).await.expect("they are read");
    let outcomes = turns.iter().flat_map(|turn| &turn.events);
    let outcomes: Vec<_> = outcomes.filter(|(event, _)| *event == id).collect();
    assert_eq!(outcomes, [&(id.clone(), Outcome::Superseded)]);
}

/// That message and no other, of that conversation and no other; repeating it is no error.
pub async fn a_message_is_erased(world: World) {
    for name in ["a", "b"] {
        world.exchange(&posted(name, 1, "ann", "one")).await;
        world.exchange(&posted(name, 2, "ann", "two")).await;
    }
    assert_eq!(world.erase(&message("a", "m1")).await, gone(1, 0));
    assert_eq!(world.erase(&message("a", "r2")).await, gone(1, 0));
    assert_eq!(world.erase(&message("a", "r2")).await, gone(0, 0));
    assert_eq!(world.erase(&message("c", "r2")).await, gone(0, 0));
    let history = world.history("a").await;
    assert_eq!((history[0].seq, history[1].seq), (Seq(2), Seq(3)));
    assert_eq!(world.words("a").await, ["re: one", "two"]);
    assert_eq!(world.words("b").await.len(), 4);
    let next = world.offer_and_claim(&posted("a", 3, "ann", "x")).await;
    assert_eq!(next.map(|claim| claim.next_seq), Some(Seq(5)));
}

/// Mail about the message goes too, and what has no mail is not claimed.
pub async fn a_message_that_waits_is_erased(world: World) {
    world.offer(&posted("a", 1, "ann", "one")).await;
    world.offer(&posted("a", 2, "ann", "two")).await;
    assert_eq!(world.erase(&message("a", "m1")).await, gone(0, 1));
    assert_eq!(ids(&world.pending("a").await), ["e2"]);
    assert_eq!(world.erase(&message("a", "m2")).await, gone(0, 1));
    assert_eq!(world.claim().await, None);
    let again = world.offer(&posted("a", 1, "ann", "one")).await;
    assert_eq!(again, Offered::Duplicate);
    for n in [1, 2] {
        assert_superseded(&world, "a", n).await;
    }
}

/// An edit holds words and goes; the deletion itself wants its outcome.
pub async fn a_deletion_outlives_what_it_deletes(world: World) {
    world.exchange(&posted("a", 1, "ann", "one")).await;
    world.offer(&edited("a", 2, "ann", 1, "uno")).await;
    world.offer(&deleted("a", 3, "ann", 1)).await;
    assert_eq!(world.erase(&message("a", "m1")).await, gone(1, 1));
    assert_eq!(ids(&world.pending("a").await), ["e3"]);
    assert_superseded(&world, "a", 2).await;
}

/// Others' messages stay, but no longer show what they replied to.
pub async fn what_quotes_it_is_erased_too(world: World) {
    for (name, what) in [("a", message("a", "m1")), ("b", person("ann"))] {
        world.exchange(&posted(name, 1, "ann", "one")).await;
        let quote = quoting(name, 2, "bob", "two", "ann", 1);
        world.exchange(&quote).await;
        world
            .offer(&quoting(name, 3, "bob", "three", "ann", 1))
            .await;
        assert_eq!(world.erase(&what).await.mail, 0);
        let history = world.history(name).await;
        assert!(history.iter().all(|message| message.quoted.is_none()));
        assert_eq!(world.words(name).await, ["re: one", "two", "re: two"]);
        let waiting = world.pending(name).await;
        let EventKind::Posted(waiting) = &waiting[0].kind else {
            panic!("it became something else");
        };
        assert_eq!((waiting.text.expose(), &waiting.quoted), ("three", &None));
    }
}

/// Messages, state, title, mail of anybody, places in lists.
pub async fn a_conversation_is_erased(world: World) {
    world.exchange(&posted("b", 1, "ann", "other")).await;
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    let mut commit = sample::answer(&claim);
    commit.state.unattended = 5;
    world.commit(&claim, &commit).await;
    world.offer(&posted("a", 2, "bob", "two")).await;
    assert_eq!(world.erase(&whole("a")).await, gone(2, 1));

    assert_eq!(world.history("a").await, []);
    assert_eq!(world.pending("a").await, []);
    assert_eq!(world.claim().await, None);
    assert_superseded(&world, "a", 2).await;
    let state = world.store.state(&conversation("a")).await;
    assert_eq!(state.expect("it is read").unattended, 0);
    for (who, left) in [("ann", 1), ("bob", 0)] {
        let list = world.store.conversations(&participant(who).id, 9).await;
        assert_eq!(list.expect("they are listed").len(), left);
    }
    assert_eq!(world.words("b").await.len(), 2);
    assert_eq!(world.erase(&whole("a")).await, gone(0, 0));
}

/// A turn under way cannot bring back what is gone.
pub async fn a_claim_on_an_erased_conversation_is_lost(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    world.note(&claim, &JournalEntry::Sending { part: 0 }).await;
    world.erase(&whole("a")).await;
    world.assert_lost(&claim.key, &sample::answer(&claim)).await;
    assert_superseded(&world, "a", 1).await;
    assert_eq!(world.history("a").await, []);
    world.clock.advance(TTL);
    assert_eq!(world.claim().await, None);
}

/// The platform's second delivery of what was erased is still a duplicate.
pub async fn a_late_redelivery_brings_nothing_back(world: World) {
    let (answered, waiting) = (posted("a", 1, "ann", "one"), posted("a", 2, "ann", "two"));
    world.exchange(&answered).await;
    world.offer(&waiting).await;
    world.erase(&whole("a")).await;
    assert_eq!(world.offer(&answered).await, Offered::Duplicate);
    assert_eq!(world.offer(&waiting).await, Offered::Duplicate);
    assert_eq!(world.claim().await, None);
    let ann = participant("ann").id;
    let list = world.store.conversations(&ann, 9).await;
    assert_eq!(list.expect("they are listed"), []);
}

/// It starts afresh, with a turn that no reservation of before names.
pub async fn an_erased_conversation_can_be_used_again(world: World) {
    let lost = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let lost = lost.expect("it is free");
    world.note(&lost, &JournalEntry::Sending { part: 0 }).await;
    world.erase(&whole("a")).await;
    let claim = world.offer_and_claim(&posted("a", 2, "ann", "new")).await;
    let claim = claim.expect("it is free");
    assert!(claim.turn > lost.turn && claim.key.fence > lost.key.fence);
    assert_eq!((claim.attempt, claim.next_seq), (1, Seq(1)));
    assert_eq!(claim.journal, []);
    world.answer(&claim).await;
    assert_eq!(world.words("a").await, ["new", "re: new"]);
    let ann = participant("ann").id;
    let list = world.store.conversations(&ann, 9).await;
    assert_eq!(list.expect("they are listed")[0].title.expose(), "new");
}

/// What they said, in history and in waiting mail; what others said stays.
pub async fn a_participant_is_erased_everywhere(world: World) {
    for name in ["a", "b"] {
        world.exchange(&posted(name, 1, "ann", "hers")).await;
        world.exchange(&posted(name, 2, "bob", "his")).await;
        world.offer(&posted(name, 3, "ann", "more")).await;
        world.offer(&posted(name, 4, "bob", "more")).await;
    }
    assert_eq!(world.erase(&person("ann")).await, gone(2, 2));
    for name in ["a", "b"] {
        assert_eq!(world.words(name).await, ["re: hers", "his", "re: his"]);
        assert_eq!(ids(&world.pending(name).await), ["e4"]);
        assert_superseded(&world, name, 3).await;
    }
    let list = world.store.conversations(&participant("ann").id, 9).await;
    assert_eq!(list.expect("they are listed"), []);
    let list = world.store.conversations(&participant("bob").id, 9).await;
    let list = list.expect("they are listed");
    assert!(list.len() == 2 && list.iter().all(|entry| entry.title.expose() == "his"));
}

/// A turn that answers them cannot bring back what is gone, nor can its journal.
pub async fn a_claim_on_mail_of_an_erased_participant_is_lost(world: World) {
    let alone = world.offer_and_claim(&posted("a", 1, "ann", "hers")).await;
    world.offer(&posted("b", 1, "ann", "hers")).await;
    world.offer(&posted("b", 2, "bob", "his")).await;
    let (alone, beside) = (alone.expect("it was free"), world.claim().await);
    let beside = beside.expect("there is mail");
    for claim in [&alone, &beside] {
        world.note(claim, &JournalEntry::Sending { part: 0 }).await;
    }
    assert_eq!(world.erase(&person("ann")).await, gone(0, 2));
    for claim in [&alone, &beside] {
        world.assert_lost(&claim.key, &sample::answer(claim)).await;
    }
    for name in ["a", "b"] {
        assert_superseded(&world, name, 1).await;
    }
    let rest = world.claim().await.expect("his mail waits on");
    assert_eq!((ids(&rest.mail), rest.turn), (vec!["e2"], beside.turn));
    assert_eq!(rest.journal, [JournalEntry::Sending { part: 0 }]);
    let fresh = world.offer_and_claim(&posted("a", 2, "bob", "his")).await;
    let fresh = fresh.expect("it is free");
    assert!(fresh.turn > alone.turn && fresh.journal.is_empty());
    assert_eq!(fresh.attempt, 1);
}

/// What was said since is found by the next erasure.
pub async fn a_participant_is_erased_though_they_were_erased_before(world: World) {
    world.exchange(&posted("a", 1, "ann", "hers")).await;
    assert_eq!(world.erase(&person("ann")).await, gone(1, 0));
    world.exchange(&posted("a", 2, "ann", "more")).await;
    assert_eq!(world.erase(&person("ann")).await, gone(1, 0));
    assert_eq!(world.words("a").await, ["re: hers", "re: more"]);
}

/// What was summed up may be in the summary; what came behind it is not.
pub async fn a_summary_goes_with_what_it_may_hold(world: World) {
    for n in 1..=2 {
        world.exchange(&posted("a", n, "ann", "x")).await;
    }
    let claim = world.offer_and_claim(&posted("a", 3, "bob", "x")).await;
    let claim = claim.expect("it is free");
    let mut commit = sample::silence(&claim);
    commit.state.window_start = Seq(3);
    commit.state.summary = Some(Summary {
        text: Text::new("so far"),
        before: Seq(3),
    });
    world.commit(&claim, &commit).await;
    let summary = async || {
        let state = world.store.state(&conversation("a")).await;
        state.expect("it is read").summary
    };
    world.erase(&message("a", "m2")).await;
    assert_eq!(summary().await, commit.state.summary);
    world.erase(&message("a", "m1")).await;
    assert_eq!(summary().await, None);
}

/// `/why` still explains a turn whose words are gone.
pub async fn turn_records_stay(world: World) {
    let claim = world.offer_and_claim(&posted("a", 1, "ann", "one")).await;
    let claim = claim.expect("it is free");
    let commit: Commit = sample::answer(&claim);
    world.commit(&claim, &commit).await;
    for what in [message("a", "m1"), person("ann"), whole("a")] {
        world.erase(&what).await;
        let query = TurnQuery::Event(conversation("a"), sample::event_id(1));
        let turns = world.store.turns(&query, 9).await;
        assert_eq!(
            turns.expect("they are read"),
            std::slice::from_ref(&commit.record)
        );
    }
}
