//! Crashes, hand-overs and stores that are away.

use crate::recovery::flaky::{Call, FlakyStore};
use causerie_core::{
    event::EventKind,
    id::{ConversationId, ReplicaId},
    limit::{Limit, LimitScope, LimitUnit, Window},
    outcome::{Failure, Outcome},
    platform::{Creates, InboxError},
    store::{Claimant, Mailbox},
};
use causerie_engine::Config;
use causerie_testkit::{
    backend::Script,
    chat::{Chat, TokioClock},
};
use insta::assert_snapshot;
use std::{sync::Arc, time::Duration};
use tokio::time::{Instant, sleep};

pub(crate) mod flaky;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn after_a_crash_the_answer_goes_on_in_the_same_message() {
    for creates in [Creates::Idempotent, Creates::Remembered, Creates::Ambiguous] {
        let mut chat = Chat::with(|setup| setup.capabilities.creates = creates);
        chat.say("Before").await;
        chat.backend
            .expect([Script::say("Once upon ").then_wait(60 * SECOND)]);
        chat.post("Tell").await;
        sleep(5 * SECOND).await;
        assert_eq!(chat.platform.words(), ["Before", "Once upon"]);
        chat.backend.expect([Script::say("Once upon a time.")]);
        chat.restart_after_kill().await;
        assert_eq!(chat.settle().await, "bot: Once upon a time.");
        assert_eq!(chat.platform.words(), ["Before", "Once upon a time."]);
        let turn = chat.turns().await.remove(0);
        assert_eq!((turn.turn.0, turn.attempts), (2, 2));
        assert_eq!(chat.outcomes().await.len(), 2);
    }
}

#[tokio::test(start_paused = true)]
async fn what_falls_due_while_it_is_asked_what_does_is_not_left_until_the_sweep() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    let ttl = Config::default().claim_ttl;
    (chat.backend).expect([Script::say("Once ").then_wait(60 * SECOND)]);
    chat.post("Tell").await;
    sleep(SECOND).await;
    // Whoever comes next finds nothing to claim, and is told of nothing that falls due.
    store.slow_due(2 * ttl);
    chat.backend.expect([Script::say("Once upon a time.")]);
    let killed = Instant::now();
    chat.restart_after_kill().await;
    assert_eq!(chat.settle().await, "bot: Once upon a time.");
    let after = killed.elapsed();
    assert!(after < 2 * ttl + 5 * SECOND, "taken over after {after:?}");
}

#[tokio::test(start_paused = true)]
async fn mail_that_came_after_the_crash_is_the_next_turn() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("Once upon ").then_wait(60 * SECOND)]);
    chat.post("Tell").await;
    sleep(5 * SECOND).await;
    chat.restart_after_kill().await;
    chat.backend.expect([Script::say("Once upon a time.")]);
    chat.post("And then?").await;
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["Once upon a time.", "And then?"]);
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_kills_every_process_is_given_up() {
    let mut chat = Chat::with(|setup| setup.config.max_attempts = 2);
    let hang = || Script::default().then_wait(1000 * SECOND);
    chat.backend.expect([hang(), hang()]);
    chat.post("Kill").await;
    for _ in 0..2 {
        sleep(40 * SECOND).await;
        chat.restart_after_kill().await;
    }
    assert_snapshot!(chat.settle().await, @"bot [Failed(GaveUp)]: I tried several times and could not answer this. Please ask again.");
    assert_eq!(chat.outcomes().await[0].1, Outcome::Failed(Failure::GaveUp));
    assert_eq!(chat.say("Hi").await, "bot: Hi");
}

#[tokio::test(start_paused = true)]
async fn stopping_lets_answers_end() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One ").then_wait(5 * SECOND).then_say("two.")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    let report = chat.shut_down().await;
    assert_eq!(
        (report.finished, report.handed_over, report.abandoned),
        (1, 0, 0)
    );
    assert_eq!(chat.platform.words(), ["One two."]);
}

#[tokio::test(start_paused = true)]
async fn stopping_hands_over_what_takes_too_long() {
    for creates in [Creates::Idempotent, Creates::Ambiguous] {
        let mut chat = Chat::with(|setup| setup.capabilities.creates = creates);
        chat.backend
            .expect([Script::say("One ").then_wait(500 * SECOND)]);
        chat.post("Count").await;
        sleep(SECOND).await;
        let report = chat.shut_down().await;
        assert_eq!(
            (report.finished, report.handed_over, report.abandoned),
            (0, 1, 0)
        );
        let late = chat.event(causerie_core::event::EventKind::StopPressed);
        assert!(matches!(
            chat.inbox().offer(late).await,
            Err(InboxError::Stopping)
        ));
        chat.backend.expect([Script::say("One two.")]);
        chat.restart();
        let before = tokio::time::Instant::now();
        assert_eq!(chat.settle().await, "bot: One two.");
        assert!(before.elapsed() < 5 * SECOND, "a hand-over needs no expiry");
        assert_eq!(chat.turns().await[0].attempts, 1);
        assert_eq!(chat.platform.words().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_at_the_commit_is_asked_until_it_is_back() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    chat.backend
        .expect([Script::say("Hello!").then_wait(SECOND)]);
    chat.post("Hi").await;
    store.fail_commits(true);
    sleep(120 * SECOND).await;
    assert_eq!(chat.platform.words(), ["Hello!"]);
    assert!(chat.turns().await.is_empty());
    store.fail_commits(false);
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["Hello!"]);
    assert_eq!(chat.backend.prompts().len(), 1);
    assert_eq!(
        chat.turns().await[0].attempts,
        1,
        "the claim was renewed meanwhile"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_under_way_while_the_store_is_away_is_finished_when_it_is_back() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    chat.backend
        .expect([Script::say("One ").then_wait(60 * SECOND).then_say("two.")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    store.take_away(true);
    // Far longer than a claim holds: another replica may have it, for all that is known here.
    sleep(90 * SECOND).await;
    let seen = chat.platform.words();
    assert!(
        !seen.concat().contains("two"),
        "it spoke in doubt: {seen:?}"
    );
    store.take_away(false);
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["One two."]);
    assert_eq!(chat.backend.prompts().len(), 1, "it was paid for once");
    let turns = chat.turns().await;
    assert_eq!((turns.len(), turns[0].attempts), (1, 1));
    assert_eq!(chat.say("Again").await, "bot: Again");
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_claim_is_lost_says_no_more_and_never_commits() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    chat.backend.expect([
        Script::say("One ").then_wait(60 * SECOND).then_say("two"),
        Script::say("Another"),
    ]);
    chat.post("Count").await;
    sleep(SECOND).await;
    store.lose_claims();
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["Another"]);
    assert_eq!(chat.history_text().await, "User: Count\nAssistant: Another");
    assert_eq!(chat.backend.dropped(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_cannot_be_stored_is_not_acknowledged() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    store.fail_offers(true);
    let event = chat.event(causerie_core::event::EventKind::StopPressed);
    assert!(matches!(
        chat.inbox().offer(event).await,
        Err(InboxError::Unavailable(_))
    ));
    store.fail_offers(false);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
}

#[tokio::test(start_paused = true)]
async fn stop_reaches_a_turn_of_another_process() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One ").then_wait(600 * SECOND).then_say("two")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    chat.start_another();
    let pressed = tokio::time::Instant::now();
    assert_snapshot!(chat.press_stop().await, @r"
    bot: One

    Stopped.
    ");
    assert!(pressed.elapsed() < 30 * SECOND);
    assert_eq!(chat.outcomes().await.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn mail_of_a_platform_that_is_not_here_waits_until_it_is_back() {
    let mut chat = Chat::new();
    let mut event = chat.event(EventKind::StopPressed);
    event.conversation = ConversationId::new("gone/room").unwrap();
    chat.store.offer(&event, None).await.unwrap();
    chat.say("Hi").await;
    sleep(3600 * SECOND).await;
    chat.shut_down().await;
    sleep(60 * SECOND).await;
    let claimant = Claimant {
        replica: ReplicaId::new("test").unwrap(),
        ttl: SECOND,
    };
    let claim = chat.store.claim(&claimant).await.unwrap().unwrap();
    assert_eq!((claim.mail, claim.attempt), (vec![event], 1));
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_store_stops_no_dispatch() {
    let clock = Arc::new(TokioClock::default());
    let store = Arc::new(FlakyStore::new(clock));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    tokio::task::yield_now().await;
    store.panic_next(Call::Claim);
    let event = chat.event(EventKind::StopPressed);
    store.offer(&event, None).await.unwrap();
    chat.settle().await;
    assert!(!store.will_panic(), "it was claimed and did panic");
    assert_eq!(chat.outcomes().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_panic_of_the_store_stops_no_renewal() {
    let clock = Arc::new(TokioClock::default());
    let store = Arc::new(FlakyStore::new(clock));
    let mut chat = Chat::with(|setup| setup.store = Some(store.clone()));
    chat.backend
        .expect([Script::say("One ").then_wait(200 * SECOND).then_say("two.")]);
    store.panic_next(Call::Renew);
    assert_eq!(chat.say("Count").await, "bot: One two.");
    assert!(!store.will_panic(), "it was renewed and did panic");
    let turns = chat.turns().await;
    assert_eq!((turns.len(), turns[0].attempts), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_budget_is_settled_by_whoever_finishes_the_turn() {
    let limit = Limit::new(
        LimitScope::Conversation,
        LimitUnit::Tokens,
        1500,
        Window::Day,
    );
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let mut chat = Chat::with(|setup| {
        setup.persona.limits = vec![limit];
        setup.store = Some(store.clone());
    });
    store.fail_commits(true);
    chat.post("Hi").await;
    sleep(5 * SECOND).await;
    chat.restart_after_kill().await;
    store.fail_commits(false);
    chat.settle().await;
    assert_eq!(
        chat.backend.prompts().len(),
        1,
        "the answer was paid for once"
    );
    assert_eq!(chat.say("Hello").await, "bot: Hello");
    assert_eq!(chat.platform.words(), ["Hi", "Hello"]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_while_nobody_ran_ends_what_had_begun() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("Once upon ").then_wait(600 * SECOND)]);
    chat.post("Tell").await;
    sleep(5 * SECOND).await;
    chat.restart_after_kill().await;
    assert_snapshot!(chat.press_stop().await, @"bot [Told]: Stopped.");
    assert_eq!(chat.backend.prompts().len(), 1);
    assert_eq!(chat.outcomes().await.len(), 2);
}
