//! Chats of 20 messages as people and models write them.

use causerie_core::{
    Text, Timestamp,
    event::{Event, EventKind, Participant, Posted},
    id::{ConversationId, EventId, MessageRef, ModelName, ParticipantId, PersonaName, Place},
    message::{Message, Part, Role},
    outcome::{Outcome, PromptShape, TurnRecord, Usage},
    store::{Archive, Claim, Claimant, Commit, HistoryRange, Mailbox, Offered},
};
use causerie_redis::RedisStore;
use causerie_testkit::{clock::ManualClock, redis::Redis};
use std::{sync::Arc, time::Duration};

/// Chats by name. Values are compressed by what is learnt from other chats, in the crate's
/// `src/pack/chats.txt`: nothing of these may stand there.
pub(crate) const CHATS: [(&str, &str); 3] = [
    // 285 bytes for each message, long sentences.
    ("backup", include_str!("talks/backup.txt")),
    // Quick and slow, from 20 bytes to 500.
    ("garden", include_str!("talks/garden.txt")),
    ("chinese", include_str!("talks/chinese.txt")),
];

/// What a chat says, message by message.
pub(crate) fn words(chat: &str) -> Vec<String> {
    let words = chat.lines().map(|line| line[4..].replace("\\n", "\n"));
    words.collect()
}

/// Holds the chat as conversation number `n`, and says how many messages it has.
pub(crate) async fn hold(store: &RedisStore, n: u64, chat: &str) -> usize {
    let words = words(chat);
    for (turn, pair) in words.chunks(2).enumerate() {
        exchange(store, n, turn as u64, &pair[0], &pair[1]).await;
    }
    words.len()
}

/// One message and its answer.
pub(crate) async fn exchange(store: &RedisStore, n: u64, turn: u64, asked: &str, answered: &str) {
    let event = event(n, turn, asked);
    let claimant = Claimant {
        replica: "r1".parse().unwrap(),
        ttl: Duration::from_secs(30),
    };
    let offered = store.offer(&event, Some(&claimant)).await.unwrap();
    let Offered::Queued(Some(claim)) = offered else {
        panic!("{offered:?}");
    };
    let commit = commit(&claim, n, turn, answered);
    store.commit(&claim.key, &commit).await.unwrap();
}

/// The clock of a store in which it is held.
pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::at(at(0, 99, 0)))
}

/// Lets all conversations rest, until nothing of them is left to pack.
pub(crate) async fn rest(store: &RedisStore, clock: &ManualClock) {
    clock.advance(Duration::from_secs(600));
    let claimant = Claimant {
        replica: "r1".parse().unwrap(),
        ttl: Duration::from_secs(30),
    };
    // Each look packs one of each partition.
    for _ in 0..100 {
        assert!(store.claim(&claimant).await.unwrap().is_none());
    }
}

/// What people's ids and clocks look like: digits that do not repeat.
fn scatter(n: u64, turn: u64) -> u64 {
    (n * 1000 + turn).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 17
}

fn place(n: u64) -> u64 {
    1_187_000_000_000_000_000 + scatter(n, 999)
}

fn message(n: u64, turn: u64, half: u64) -> MessageRef {
    let id = 1_187_654_321_000_000_000 + turn * 500_000_000_000_000 + scatter(n, turn * 2 + half);
    MessageRef::new(id.to_string()).unwrap()
}

fn at(n: u64, turn: u64, half: u64) -> Timestamp {
    let spread = scatter(n, 500 + turn * 2 + half) % 60_000;
    Timestamp(1_795_521_000_000 + (turn as i64) * 180_000 + (half as i64 * 70_000) + spread as i64)
}

pub(crate) fn conversation(n: u64) -> ConversationId {
    ConversationId::new(format!("discord/{}", place(n))).unwrap()
}

pub(crate) fn event(n: u64, turn: u64, text: &str) -> Event {
    let message = message(n, turn, 0);
    Event {
        id: EventId::new(message.as_str()).unwrap(),
        conversation: conversation(n),
        place: Place::new(place(n).to_string()).unwrap(),
        author: Participant {
            id: ParticipantId::new(format!("discord/{}", scatter(n, 998))).unwrap(),
            name: Text::new("Ann Bright"),
            is_bot: false,
            roles: vec![],
        },
        at: at(n, turn, 0),
        language: None,
        kind: EventKind::Posted(Posted {
            message,
            text: Text::new(text),
            quoted: None,
            attachments: vec![],
            shared: false,
        }),
    }
}

fn commit(claim: &Claim, n: u64, turn: u64, answer: &str) -> Commit {
    let event = &claim.mail[0];
    let EventKind::Posted(posted) = &event.kind else {
        panic!("it was posted");
    };
    let said = Message {
        seq: claim.next_seq,
        turn: claim.turn,
        at: event.at,
        role: Role::User,
        author: Some(event.author.clone()),
        parts: vec![Part::Text(posted.text.clone())],
        quoted: None,
        refs: vec![posted.message.clone()],
        shared: false,
    };
    let answer = Message {
        at: at(n, turn, 1),
        role: Role::Assistant,
        author: None,
        parts: vec![Part::Text(Text::new(answer))],
        refs: vec![message(n, turn, 1)],
        ..said.clone()
    };
    let some = |salt: u64, below: u64| scatter(n, 100 * salt + turn) % below;
    let mut state = claim.state.clone();
    state.window_start = causerie_core::id::Seq(1);
    Commit {
        consumed: vec![event.id.clone()],
        truncate: None,
        erase: false,
        record: TurnRecord {
            conversation: claim.key.conversation.clone(),
            turn: claim.turn,
            started: at(n, turn, 0),
            ended: at(n, turn, 1),
            events: vec![(event.id.clone(), Outcome::Answered)],
            asked: vec![posted.message.clone()],
            attempts: 1,
            persona: Some(PersonaName::new("default").unwrap()),
            model: Some(ModelName::new("qwen3-4b").unwrap()),
            usage: Usage {
                input: 300 + 150 * turn + some(1, 60),
                cached: 250 + 150 * turn,
                output: 60 + some(2, 40),
                cost: 0,
            },
            prompt: PromptShape {
                persona: 120,
                summary: 0,
                history: 150 * turn as u32,
                messages: 2 * turn as u32,
                tail: 60 + some(3, 40) as u32,
                exact: true,
            },
            first_text_ms: Some(200 + some(4, 900)),
            steps: 1,
            delivered: answer.refs.clone(),
            notes: vec![],
        },
        append: vec![said, answer],
        state,
        settle: None,
    }
}

/// Bytes for each message, if each were JSON in a list.
pub(crate) async fn json_list(server: &Redis, store: &RedisStore) -> usize {
    let history = store
        .history(&conversation(0), HistoryRange::default())
        .await;
    let history = history.unwrap();
    server.command("DEL json");
    for message in &history {
        let json = serde_json::to_string(message).unwrap();
        let quoted = json.replace('\\', "\\\\").replace('"', "\\\"");
        server.command(&format!("RPUSH json \"{quoted}\""));
    }
    let size: usize = server
        .command("MEMORY USAGE json SAMPLES 0")
        .parse()
        .unwrap();
    size / history.len()
}
