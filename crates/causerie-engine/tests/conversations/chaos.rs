//! Whatever happens in whatever order: every message has one outcome, and one answer that is whole.

use crate::recovery::flaky::FlakyStore;
use causerie_core::{
    Clock,
    id::MessageRef,
    message::Role,
    platform::{Creates, PlatformError, Streaming},
};
use causerie_store::SqliteStore;
use causerie_testkit::{
    backend::Script,
    chat::{Chat, TokioClock, person},
    platform::Mishap,
};
use proptest::prelude::*;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{runtime::Runtime, time::sleep};

/// Something that happens to a conversation.
#[derive(Clone, Copy, Debug)]
enum Happening {
    Post,
    Command,
    Forget,
    New,
    Edit,
    Delete,
    Stop,
    Wait(u16),
    Kill,
    ShutDown,
    /// The platform fails a few times.
    PlatformAway(u8),
    /// Commits fail for a while.
    StoreAway(u16),
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        5 => Just(Happening::Post),
        1 => Just(Happening::Command),
        1 => Just(Happening::Forget),
        1 => Just(Happening::New),
        1 => Just(Happening::Edit),
        1 => Just(Happening::Delete),
        1 => Just(Happening::Stop),
        5 => (0u16..6000).prop_map(Happening::Wait),
        1 => Just(Happening::Kill),
        1 => Just(Happening::ShutDown),
        1 => (1u8..4).prop_map(Happening::PlatformAway),
        1 => (0u16..4000).prop_map(Happening::StoreAway),
    ]
}

fn creates() -> impl Strategy<Value = Creates> {
    prop_oneof![
        Just(Creates::Idempotent),
        Just(Creates::Remembered),
        Just(Creates::Ambiguous)
    ]
}

/// What is true when everything has come to rest.
async fn hold_promises(chat: &Chat, offered: usize) {
    let outcomes = chat.outcomes().await;
    assert_eq!(outcomes.len(), offered, "every event has one outcome");
    let seen = chat.platform.seen();
    assert!(
        seen.iter().all(|message| message.complete),
        "nothing looks unfinished: {seen:?}"
    );
    let visible: BTreeSet<MessageRef> = seen.into_iter().map(|message| message.message).collect();
    let turns = chat.turns().await;
    let told: BTreeSet<MessageRef> = turns.iter().flat_map(|t| t.delivered.clone()).collect();
    // Who died between a message and its commit cannot tell which one it was, and says so.
    let unknown = turns
        .iter()
        .filter(|turn| turn.notes.iter().any(|note| note.contains("it is unknown")))
        .count();
    assert!(told.is_subset(&visible), "{told:?} {visible:?}");
    assert!(
        visible.difference(&told).count() <= unknown,
        "every message of ours belongs to a turn: {told:?} {visible:?}"
    );
    let history = chat.history().await;
    let numbers: Vec<u64> = history.iter().map(|message| message.seq.0).collect();
    assert!(numbers.is_sorted(), "history is in order");
    let said: Vec<MessageRef> = history
        .into_iter()
        .filter(|message| message.role == Role::User)
        .flat_map(|message| message.refs)
        .collect();
    let once: BTreeSet<&MessageRef> = said.iter().collect();
    assert_eq!(once.len(), said.len(), "nothing stands in history twice");
}

fn mishap(number: u8, haste: u32) -> Option<Mishap> {
    Some(Mishap::Fails(match number % 2 {
        0 => PlatformError::Unavailable {
            reason: "status 502".into(),
        },
        _ => PlatformError::RateLimited {
            retry_after: Duration::from_secs(3) / haste,
        },
    }))
}

/// `haste` divides all times.
async fn live_through(
    store: Arc<FlakyStore>,
    haste: u32,
    creates: Creates,
    happenings: Vec<Happening>,
) {
    let mut chat = Chat::with(|setup| {
        setup.store = Some(store.clone());
        setup.capabilities.creates = creates;
        setup.config.grace = Duration::from_secs(2) / haste;
        setup.config.claim_ttl /= haste;
        setup.capabilities.streaming = Streaming::Edit {
            first: Duration::ZERO,
            every: Duration::from_secs(1) / haste,
        };
        setup.config.max_attempts = 100;
    });
    let slow = |n: u64| {
        let pause = Duration::from_millis(400 * (n % 7)) / haste;
        Script::say("Once upon ")
            .then_wait(pause)
            .then_say("a time.")
            .then_wait(pause)
    };
    chat.backend.expect((0..200).map(slow));
    let mut offered = 0;
    for (at, happening) in happenings.into_iter().enumerate() {
        chat.speaker = person("ann");
        match happening {
            Happening::Post => {
                chat.post(&format!("message {at}")).await;
            }
            Happening::Command => {
                chat.post("/help").await;
            }
            Happening::Forget => {
                chat.post("/forget").await;
            }
            Happening::New => {
                chat.post("/new").await;
            }
            Happening::Edit if chat.has_said() => chat.send_edit(&format!("edited {at}")).await,
            Happening::Delete if chat.has_said() => chat.send_delete().await,
            Happening::Stop => {
                chat.offer(causerie_core::event::EventKind::StopPressed)
                    .await;
            }
            Happening::Wait(millis) => {
                sleep(Duration::from_millis(millis.into()) / haste).await;
                continue;
            }
            Happening::Kill => {
                chat.restart_after_kill().await;
                continue;
            }
            Happening::ShutDown => {
                chat.shut_down().await;
                chat.restart();
                continue;
            }
            Happening::PlatformAway(times) => {
                let mishaps = (0..times).map(|number| mishap(number, haste));
                chat.platform.expect_mishaps(mishaps);
                continue;
            }
            Happening::StoreAway(millis) => {
                store.fail_commits(true);
                sleep(Duration::from_millis(millis.into()) / haste).await;
                store.fail_commits(false);
                continue;
            }
            Happening::Edit | Happening::Delete => continue,
        }
        offered += 1;
    }
    chat.settle().await;
    hold_promises(&chat, offered).await;
}

fn runtime(paused: bool) -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(paused)
        .build()
        .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_message_gets_exactly_one_outcome_and_one_whole_answer(
        creates in creates(),
        happenings in prop::collection::vec(happening(), 1..30),
    ) {
        runtime(true).block_on(async {
            let store = FlakyStore::new(Arc::new(TokioClock::default()));
            live_through(Arc::new(store), 1, creates, happenings).await;
        });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 20, ..ProptestConfig::with_cases(6) })]

    /// In real time, for SQLite writes in a thread of its own.
    #[test]
    fn sqlite_keeps_the_same_promises(
        creates in creates(),
        happenings in prop::collection::vec(happening(), 1..20),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("causerie.db");
        runtime(false).block_on(async {
            let clock: Arc<dyn Clock> = Arc::new(TokioClock::default());
            let store = Arc::new(SqliteStore::open(file, &clock).unwrap());
            let flaky = FlakyStore::over(store.clone());
            live_through(Arc::new(flaky), 50, creates, happenings).await;
            store.close().await;
        });
    }
}
