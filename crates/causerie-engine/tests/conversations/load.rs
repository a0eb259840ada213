//! Many conversations at once.

use causerie_core::{
    Text,
    event::{Event, EventKind, Posted},
    id::{EventId, MessageRef, Place},
    outcome::Outcome,
    platform::Creates,
    store::{Archive, HistoryRange, TurnQuery},
};
use causerie_testkit::chat::{Chat, conversation, person};
use std::{collections::BTreeSet, time::Duration};

const CONVERSATIONS: usize = 1000;
const MESSAGES: usize = 10;

fn message(room: usize, number: usize) -> Event {
    let id = format!("{room}-{number}");
    Event {
        id: EventId::new(&id).unwrap(),
        conversation: conversation(&format!("room{room}")),
        place: Place::new(format!("room{room}")).unwrap(),
        author: person(&format!("p{room}")),
        at: causerie_core::Timestamp(number as i64),
        kind: EventKind::Posted(Posted {
            message: MessageRef::new(&id).unwrap(),
            text: Text::new(format!("message {number}")),
            quoted: None,
            attachments: vec![],
            shared: false,
        }),
        language: None,
    }
}

/// What people said in a room, in order.
async fn said(store: &dyn Archive, room: usize) -> Vec<String> {
    let id = conversation(&format!("room{room}"));
    let history = store.history(&id, HistoryRange::default()).await.unwrap();
    let people = history.iter().filter(|message| message.author.is_some());
    people
        .map(|message| message.text().into_exposed())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_thousand_conversations_lose_double_and_mix_up_nothing() {
    let mut chat = Chat::with(|setup| {
        setup.capabilities.creates = Creates::Idempotent;
        setup.config.max_turns = 16;
    });
    chat.backend.stop_recording();
    let inbox = chat.inbox();
    for number in 0..MESSAGES {
        for room in 0..CONVERSATIONS {
            inbox.offer(message(room, number)).await.unwrap();
        }
    }
    while chat.store.census().await.unwrap().mail > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let expected: Vec<String> = (0..MESSAGES)
        .map(|number| format!("message {number}"))
        .collect();
    for room in 0..CONVERSATIONS {
        assert_eq!(
            said(chat.store.as_ref(), room).await,
            expected,
            "room {room}"
        );
    }
    let turns = chat.store.turns(&TurnQuery::All, usize::MAX).await.unwrap();
    let mut ended = BTreeSet::new();
    for (event, outcome) in turns.iter().flat_map(|turn| &turn.events) {
        assert_eq!(*outcome, Outcome::Answered);
        assert!(ended.insert(event.clone()), "{event} has two outcomes");
    }
    assert_eq!(ended.len(), CONVERSATIONS * MESSAGES);
    assert_eq!(
        chat.platform.words().len(),
        turns.len(),
        "one answer for each turn"
    );
    assert_eq!(chat.shut_down().await.finished, turns.len() as u64);
}

#[tokio::test(start_paused = true)]
async fn a_busy_conversation_does_not_starve_others() {
    let mut chat = Chat::with(|setup| setup.config.max_turns = 1);
    let slow = || causerie_testkit::backend::Script::say("ok").then_wait(Duration::from_secs(1));
    chat.backend.expect((0..12).map(|_| slow()));
    let inbox = chat.inbox();
    inbox.offer(message(0, 0)).await.unwrap();
    inbox.offer(message(1, 0)).await.unwrap();
    for number in 1..10 {
        inbox.offer(message(0, number)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    chat.settle().await;
    while chat.store.census().await.unwrap().mail > 0 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let mut turns = chat.store.turns(&TurnQuery::All, 100).await.unwrap();
    turns.reverse();
    let other = conversation("room1");
    let place = turns
        .iter()
        .position(|turn| turn.conversation == other)
        .unwrap();
    assert_eq!(place, 1, "who came second is answered second");
}
