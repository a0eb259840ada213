//! Reading.

use super::{
    sample::{self, conversation, posted},
    world::{World, words},
};
use causerie_core::{
    Text, Timestamp,
    event::{Attachment, EventKind},
    id::{MessageRef, ModelName, PersonaName, Seq, ToolName},
    message::{Message, Part, Role, ToolCall},
    outcome::{Failure, Outcome, PromptShape, Refusal},
    store::{
        Commit, ConversationState, Erase, HistoryRange, JournalEntry, Release, Summary, TurnQuery,
    },
};
use std::time::Duration;

/// Inclusive from, exclusive before, the newest of them, oldest first.
pub async fn history_gives_the_range_that_was_asked_for(world: World) {
    for n in 1..=3 {
        world.exchange(&posted("a", n, "ann", &n.to_string())).await;
    }
    let range = async |from: u64, before: Option<u64>, limit: Option<usize>| {
        let range = HistoryRange {
            from: Seq(from),
            before: before.map(Seq),
            limit,
        };
        words(&world.range("a", range).await)
    };
    assert_eq!(range(0, None, None).await.len(), 6);
    assert_eq!(range(2, Some(4), None).await, ["re: 1", "2"]);
    assert_eq!(range(0, None, Some(2)).await, ["3", "re: 3"]);
    assert_eq!(range(0, Some(6), Some(3)).await, ["2", "re: 2", "3"]);
    assert_eq!(range(5, None, Some(9)).await, ["3", "re: 3"]);
    for nothing in [
        range(7, None, None).await,
        range(4, Some(4), None).await,
        range(5, Some(2), None).await,
        range(0, None, Some(0)).await,
        range(u64::MAX, None, None).await,
        range(0, Some(0), None).await,
    ] {
        assert_eq!(nothing, [""; 0]);
    }
    assert_eq!(range(0, Some(u64::MAX), Some(usize::MAX)).await.len(), 6);
}

/// Reading what nobody wrote is no error, and makes nothing.
pub async fn an_unknown_conversation_is_empty(world: World) {
    let unknown = conversation("unknown");
    assert_eq!(world.history("unknown").await, []);
    assert_eq!(world.pending("unknown").await, []);
    let state = world.store.state(&unknown).await.expect("it is read");
    assert_eq!(state, ConversationState::default());
    let ann = sample::participant("ann").id;
    let list = world.store.conversations(&ann, 9).await;
    assert_eq!(list.expect("they are listed"), []);
    let summary = summary("nothing", 1);
    let stored = world.store.summarise(&unknown, &summary, 0).await;
    assert!(!stored.expect("it is no error"));
    let census = world.store.census().await.expect("it counts");
    assert_eq!((census.conversations, census.messages), (0, 0));
}

/// Records come back as they were written: events, messages, states, journals, turns.
pub async fn every_field_comes_back(world: World) {
    let mut event = sample::quoting("a", 1, "ann", "look \u{1f9d0}\0", "bob", 9);
    let picture = Attachment {
        media_type: "image/png".to_owned(),
        name: Text::new("a b.png"),
        size: Some(u64::MAX),
        locator: "file:7".to_owned(),
    };
    if let EventKind::Posted(posted) = &mut event.kind {
        posted.attachments = vec![picture.clone()];
    }
    let claim = world.offer_and_claim(&event).await.expect("it is free");
    let commit = rich(&claim, picture);
    let step = JournalEntry::Step {
        message: commit.append[1].clone(),
        usage: commit.record.usage,
        last: true,
    };
    world.note(&claim, &step).await;
    world.release(&claim, Release::Handover).await;
    let claim = world.claim().await.expect("it was given back");
    assert_eq!(
        (&claim.mail[..], &claim.journal[..]),
        (&[event][..], &[step][..])
    );

    world.commit(&claim, &commit).await;
    let mut expected = commit.append.clone();
    for (message, seq) in expected.iter_mut().zip(1..) {
        message.seq = Seq(seq);
    }
    assert_eq!(world.history("a").await, expected);
    let state = world.store.state(&conversation("a")).await;
    assert_eq!(state.expect("it is read"), commit.state);
    let turns = world.store.turns(&TurnQuery::All, 9).await;
    assert_eq!(turns.expect("they are read"), [commit.record]);
}

/// A commit with something in every field.
fn rich(claim: &causerie_core::store::Claim, picture: Attachment) -> Commit {
    let mut commit = sample::answer(claim);
    commit.append[0].parts.push(Part::Attachment(picture));
    commit.append[1].parts.push(Part::ToolCall(ToolCall {
        id: "call 1".to_owned(),
        name: ToolName::new("clock").expect("a plain name"),
        arguments: Text::new("{\"zone\": \"\u{e4}\"}"),
    }));
    let output = Message {
        role: Role::Tool,
        at: Timestamp(-5),
        author: None,
        parts: vec![Part::ToolOutput {
            call: "call 1".to_owned(),
            text: Text::new("noon"),
        }],
        quoted: None,
        refs: vec![],
        shared: false,
        ..commit.append[1].clone()
    };
    commit.append.push(output);
    commit.append[1]
        .refs
        .push(MessageRef::new("r1.2").expect("a plain name"));
    commit.state = ConversationState {
        persona: Some(PersonaName::new("poet").expect("a plain name")),
        model: Some(ModelName::new("large:8b").expect("a plain name")),
        window_start: Seq(7),
        summary: Some(summary("so far", 7)),
        unattended: 2,
        began: Seq(3),
        erasures: 0,
    };
    let record = &mut commit.record;
    record.persona = commit.state.persona.clone();
    record.model = commit.state.model.clone();
    let refused = Refusal::Limit {
        key: "participant/web/ann/messages/hour".to_owned(),
        until: Timestamp(1_795_525_200_000),
    };
    record.events.extend([
        (sample::event_id(20), Outcome::Refused(refused)),
        (sample::event_id(21), Outcome::Superseded),
        (sample::event_id(22), Outcome::Failed(Failure::Deadline)),
    ]);
    record.prompt = PromptShape {
        persona: 1,
        summary: 2,
        history: 3,
        messages: 4,
        tail: 5,
        exact: true,
    };
    record.notes = vec!["retried once".to_owned()];
    commit
}

/// By when this participant spoke there last.
pub async fn conversations_are_listed_the_latest_first(world: World) {
    for (name, author) in [("a", "ann"), ("b", "ann"), ("c", "bob"), ("a", "bob")] {
        world.clock.advance(Duration::from_secs(1));
        world
            .offer(&posted(name, u32::from(author == "bob"), author, name))
            .await;
    }
    let list = async |who: &str, limit: usize| -> Vec<String> {
        let who = sample::participant(who).id;
        let list = world.store.conversations(&who, limit).await;
        let list = list.expect("they are listed");
        assert!(list.is_sorted_by(|a, b| a.at >= b.at));
        list.iter()
            .map(|entry| entry.conversation.rest().to_owned())
            .collect()
    };
    assert_eq!(list("ann", 9).await, ["b", "a"]);
    assert_eq!(list("bob", 9).await, ["a", "c"]);
    assert_eq!(list("ann", 1).await, ["b"]);
    world.clock.advance(Duration::from_secs(1));
    world.offer(&posted("a", 7, "ann", "again")).await;
    assert_eq!(list("ann", 9).await, ["a", "b"]);
}

/// The first line with anything in it, at most 80 characters, from the first message on.
pub async fn titles_are_the_first_line(world: World) {
    let long = format!("\n  \n{}\nsecond line", "\u{e4}".repeat(100));
    world.offer(&sample::command("a", 1, "ann", "new")).await;
    world.offer(&posted("a", 2, "ann", "  \n")).await;
    world.offer(&posted("a", 3, "ann", &long)).await;
    world.offer(&posted("a", 4, "ann", "later")).await;
    let ann = sample::participant("ann").id;
    let list = world.store.conversations(&ann, 9).await.expect("a list");
    assert_eq!(list[0].title.expose(), "\u{e4}".repeat(80));
}

fn summary(text: &str, before: u64) -> Summary {
    Summary {
        text: Text::new(text),
        before: Seq(before),
    }
}

/// Leaves a conversation whose window starts at 3.
async fn cut(world: &World) {
    cut_with(world, 1).await;
}

/// The same, with events and messages `n` and the next.
async fn cut_with(world: &World, n: u32) {
    world.exchange(&posted("a", n, "bob", "one")).await;
    let claim = world
        .offer_and_claim(&posted("a", n + 1, "ann", "two"))
        .await;
    let claim = claim.expect("it is free");
    let mut commit = sample::answer(&claim);
    commit.state.window_start = Seq(3);
    world.commit(&claim, &commit).await;
}

async fn summarised(world: &World, text: &str, before: u64) -> Option<Summary> {
    let id = conversation("a");
    let state = async || world.store.state(&id).await.expect("it is read");
    let (wanted, old) = (summary(text, before), state().await);
    let stored = world.store.summarise(&id, &wanted, old.erasures).await;
    let (stored, now) = (stored.expect("it is no error"), state().await.summary);
    let expected = if stored { Some(wanted) } else { old.summary };
    assert_eq!(now, expected, "what is there is what the answer says");
    now
}

/// One that reaches as far stays.
pub async fn a_summary_is_put_in_place_once(world: World) {
    cut(&world).await;
    let first = Some(summary("first", 3));
    assert_eq!(summarised(&world, "first", 3).await, first);
    assert_eq!(summarised(&world, "second", 3).await, first);
}

/// It may cover a part of what was cut, and then more of it, but nothing that prompts still show.
pub async fn a_summary_reaches_to_the_window_and_no_further(world: World) {
    cut(&world).await;
    assert_eq!(summarised(&world, "too far", 4).await, None);
    let part = Some(summary("part", 2));
    assert_eq!(summarised(&world, "part", 2).await, part);
    assert_eq!(summarised(&world, "less", 1).await, part);
    let all = Some(summary("all", 3));
    assert_eq!(summarised(&world, "all", 3).await, all);
}

/// Who began afresh does not hear of it again.
pub async fn a_summary_of_what_was_before_a_fresh_beginning_is_refused(world: World) {
    cut(&world).await;
    let claim = world.offer_and_claim(&posted("a", 3, "ann", "three")).await;
    let claim = claim.expect("it is free");
    let mut commit = sample::silence(&claim);
    (commit.state.began, commit.state.window_start) = (Seq(5), Seq(5));
    world.commit(&claim, &commit).await;
    for late in [3, 5] {
        assert_eq!(summarised(&world, "late", late).await, None);
    }
}

/// What was read before an erasure is told to nobody.
pub async fn a_summary_of_what_was_read_before_an_erasure_is_refused(world: World) {
    let id = conversation("a");
    for (n, what) in [
        (1, Erase::Message(id.clone(), sample::inbound(1))),
        (3, Erase::Participant(sample::participant("bob").id)),
        (5, Erase::Conversation(id.clone())),
    ] {
        cut_with(&world, n).await;
        let before = world.store.state(&id).await.expect("it is read");
        world.erase(&what).await;
        let after = world.store.state(&id).await.expect("it is read");
        assert!(after.erasures > before.erasures);
        let late = summary("late", 3);
        let stored = world.store.summarise(&id, &late, before.erasures).await;
        assert!(!stored.expect("it is no error"));
        assert_eq!(world.store.state(&id).await.expect("it is read"), after);
        world.erase(&Erase::Conversation(id.clone())).await;
    }
}

/// Conversations, messages, mail; and something takes room.
pub async fn the_census_counts(world: World) {
    world.exchange(&posted("a", 1, "ann", "one")).await;
    world.offer(&posted("b", 1, "ann", "one")).await;
    world.offer(&posted("b", 2, "ann", "two")).await;
    let census = world.store.census().await.expect("it counts");
    assert_eq!(census.conversations, 2);
    assert_eq!((census.messages, census.mail), (2, 2));
    assert!(census.bytes > 0);
}
