//! Answers that stand ready while their platform is away, or asks to wait.

use causerie_core::{
    outcome::{Failure, Outcome},
    platform::{Creates, PlatformError, Streaming},
};
use causerie_testkit::{
    backend::Script,
    chat::{Chat, Setup, conversation, person},
    platform::Mishap,
};
use std::time::Duration;
use tokio::time::Instant;

fn away() -> Option<Mishap> {
    Some(Mishap::Fails(PlatformError::Unavailable {
        reason: "status 502".into(),
    }))
}

fn wait(seconds: u64) -> Option<Mishap> {
    Some(Mishap::Fails(PlatformError::RateLimited {
        retry_after: Duration::from_secs(seconds),
    }))
}

/// Nothing but whole messages.
fn whole(setup: &mut Setup) {
    setup.capabilities.streaming = Streaming::None;
    setup.capabilities.typing = None;
    setup.capabilities.creates = Creates::Ambiguous;
}

#[tokio::test(start_paused = true)]
async fn an_answer_waits_until_its_platform_is_back_and_the_model_is_asked_once() {
    let mut chat = Chat::with(whole);
    chat.platform.expect_mishaps((0..60).map(|_| away()));
    let begun = Instant::now();
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    assert!(begun.elapsed() > Duration::from_secs(60));
    assert_eq!(chat.backend.prompts().len(), 1);
    let turns = chat.turns().await;
    assert_eq!(turns[0].attempts, 1, "waiting is no attempt");
    assert_eq!(turns[0].events[0].1, Outcome::Answered);
    assert_eq!(chat.history_text().await, "User: Hi\nAssistant: Hi");
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_a_platform_takes_no_place() {
    let mut chat = Chat::with(|setup| {
        whole(setup);
        setup.config.max_turns = 1;
    });
    chat.platform.expect_mishaps([wait(500)]);
    let begun = Instant::now();
    chat.post("Hi").await;
    chat.speaker = person("bob");
    let other = conversation("other");
    let first = chat.move_to(other);
    chat.post("Me too").await;
    while chat.platform.words().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(chat.platform.words(), ["Me too"]);
    assert!(begun.elapsed() < Duration::from_secs(1));
    chat.move_to(first);
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["Me too", "Hi"]);
    let waited = begun.elapsed().as_secs_f64();
    assert!((500.0..501.0).contains(&waited), "{waited}");
    assert_eq!(chat.backend.prompts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_comes_while_an_answer_waits_is_answered_after_it() {
    let mut chat = Chat::with(whole);
    chat.platform.expect_mishaps([wait(100)]);
    chat.post("one").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    chat.post("two").await;
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["one", "two"]);
    assert_eq!(chat.backend.prompts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_restart_forgets_no_answer_that_waits() {
    let mut chat = Chat::with(whole);
    chat.platform.expect_mishaps([wait(100)]);
    chat.post("one").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    chat.restart_after_kill().await;
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["one"]);
    assert_eq!(chat.backend.prompts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_goes_away_in_mid_answer_gets_the_rest_when_it_is_back() {
    let mut chat = Chat::with(|setup| {
        whole(setup);
        let limit = setup.capabilities.message_limit.as_mut().unwrap();
        limit.max = 20;
    });
    let away_from_the_second_on = [None].into_iter().chain((0..30).map(|_| away()));
    chat.platform.expect_mishaps(away_from_the_second_on);
    let text = "The first of them.\n\nThe second of them.\n\nThe third of them.";
    chat.say(text).await;
    assert_eq!(chat.platform.words().join("\n\n"), text);
    assert_eq!(chat.backend.prompts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_platform_that_is_away_does_not_end_an_answer_that_grows() {
    let mut chat = Chat::with(|setup| setup.capabilities.typing = None);
    let slow = (1..60).fold(Script::say("0"), |script, number| {
        script
            .then_wait(Duration::from_secs(1))
            .then_say(&format!(" {number}"))
    });
    chat.backend.expect([slow]);
    chat.platform.expect_mishaps((0..12).map(|_| away()));
    chat.say("Count").await;
    let words = chat.platform.words();
    assert!(
        words.len() == 1 && words[0].ends_with(" 58 59"),
        "{words:?}"
    );
    assert_eq!(chat.backend.prompts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_command_waits_too() {
    let mut chat = Chat::with(whole);
    chat.platform.expect_mishaps((0..40).map(|_| away()));
    chat.say("/help").await;
    assert_eq!(chat.platform.words().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_delivered_for_too_long_is_given_up() {
    let mut chat = Chat::with(|setup| {
        whole(setup);
        setup.config.delivery_patience = Duration::from_secs(600);
    });
    let begun = Instant::now();
    chat.platform.expect_mishaps((0..5000).map(|_| away()));
    assert_eq!(chat.say("Hi").await, "");
    assert!(begun.elapsed() > Duration::from_secs(600));
    assert!(begun.elapsed() < Duration::from_secs(900));
    let turn = &chat.turns().await[0];
    assert_eq!(
        turn.events[0].1,
        Outcome::Failed(Failure::Undeliverable),
        "{turn:?}"
    );
    assert_eq!(chat.backend.prompts().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_edit_is_answered_however_long_the_platform_is_away() {
    let mut chat = Chat::with(|setup| setup.capabilities.typing = None);
    chat.say("one").await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    chat.platform.expect_mishaps([wait(900)]);
    chat.send_edit("two").await;
    chat.settle().await;
    assert_eq!(chat.platform.words(), ["two"]);
    assert_eq!(chat.history_text().await, "User: two\nAssistant: two");
    assert_eq!(chat.backend.prompts().len(), 2);
}
