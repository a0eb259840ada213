//! Budgets, and who is answered.

use causerie_core::{
    event::EventKind,
    limit::{Limit, LimitScope, LimitUnit, Window},
    outcome::{Outcome, Refusal},
};
use causerie_engine::{Pattern, Rule};
use causerie_testkit::{
    backend::Script,
    chat::{Chat, Setup, conversation, person},
    platform::Mishap,
};
use insta::assert_snapshot;
use std::time::Duration;
use tokio::time::sleep;

fn limited(scope: LimitScope, unit: LimitUnit, amount: u64) -> Chat {
    let window = Window::Hour;
    Chat::with(|setup| {
        setup.persona.limits = vec![Limit::new(scope, unit, amount, window)];
    })
}

#[tokio::test(start_paused = true)]
async fn a_person_may_say_so_much_and_is_told_when_to_come_back() {
    let mut chat = limited(LimitScope::Participant, LimitUnit::Messages, 2);
    chat.say("One").await;
    chat.say("Two").await;
    assert_snapshot!(chat.say("Three").await, @"bot [Refused { until: Some(Timestamp(1795525200000)) }]: The limit is used up. Please come back in 60 minutes.");
    chat.speaker = person("bob");
    assert_eq!(chat.say("I am Bob").await, "bot: I am Bob");
    chat.speaker = person("ann");
    sleep(Duration::from_secs(3600)).await;
    assert_eq!(chat.say("Four").await, "bot: Four");
    assert!(!chat.history_text().await.contains("Three"));
    let outcomes = chat.outcomes().await;
    assert!(matches!(
        outcomes[2].1,
        Outcome::Refused(Refusal::Limit { .. })
    ));
}

#[tokio::test(start_paused = true)]
async fn tokens_are_settled_to_what_was_used() {
    // One prompt and the longest answer fit; what is not used is given back.
    let mut chat = limited(LimitScope::Conversation, LimitUnit::Tokens, 1200);
    for _ in 0..3 {
        assert!(!chat.say("Hi").await.contains("limit"));
    }
    let mut chat = limited(LimitScope::Conversation, LimitUnit::Tokens, 500);
    assert!(chat.say("Hi").await.contains("limit"));
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_cost_nothing_counts_for_nothing() {
    let mut chat = limited(LimitScope::Platform, LimitUnit::Messages, 1);
    chat.backend.expect([Script::refuse(
        causerie_core::backend::BackendError::TimedOut,
    )]);
    chat.say("One").await;
    assert!(chat.say("Two").await.contains("Two"));
    assert!(chat.say("Three").await.contains("limit"));
}

/// A chat in which nobody hears bob.
fn without_bob(change: impl FnOnce(&mut Setup)) -> Chat {
    Chat::with(|setup| {
        let bob = Rule {
            participant: Pattern::new("bob"),
            ..Default::default()
        };
        setup.config.admission.block = vec![bob];
        change(setup);
    })
}

/// For ten seconds another conversation is at work.
async fn take_the_only_place(chat: &mut Chat) {
    let mut busy = chat.event(EventKind::Command {
        message: None,
        name: "help".into(),
        argument: "".into(),
    });
    busy.conversation = conversation("elsewhere");
    let slow = Mishap::Slow(Duration::from_secs(10));
    chat.platform.expect_mishaps([Some(slow)]);
    chat.inbox().offer(busy).await.unwrap();
}

fn slowly() -> Script {
    Script::say("One ")
        .then_wait(100 * Duration::from_secs(1))
        .then_say("two.")
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_blocked_stops_nobody() {
    let mut chat = without_bob(|_| {});
    chat.backend.expect([slowly()]);
    chat.post("Count").await;
    sleep(Duration::from_secs(1)).await;
    chat.speaker = person("bob");
    assert_eq!(chat.press_stop().await, "bot: One two.");
    let outcomes = chat.outcomes().await;
    assert_eq!(outcomes[0].1, Outcome::Answered);
    assert_eq!(outcomes[1].1, Outcome::Refused(Refusal::NotAllowed));
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_blocked_stops_nobody_from_another_process() {
    let mut chat = without_bob(|_| {});
    chat.backend.expect([slowly()]);
    chat.post("Count").await;
    sleep(Duration::from_secs(1)).await;
    chat.start_another();
    chat.speaker = person("bob");
    assert_eq!(chat.press_stop().await, "bot: One two.");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_is_blocked_takes_nothing_that_waits_with_them() {
    let mut chat = without_bob(|setup| setup.config.max_turns = 1);
    tokio::task::yield_now().await;
    take_the_only_place(&mut chat).await;
    chat.post("Hi").await;
    chat.speaker = person("bob");
    assert!(chat.press_stop().await.ends_with("bot: Hi"));
    let outcomes: Vec<Outcome> = chat.outcomes().await.into_iter().map(|o| o.1).collect();
    let refused = Outcome::Refused(Refusal::NotAllowed);
    assert_eq!(outcomes, [Outcome::Answered, refused.clone()]);

    // A stop of somebody else behind it still takes what waits in front.
    chat.speaker = person("ann");
    take_the_only_place(&mut chat).await;
    chat.post("Hi").await;
    chat.speaker = person("bob");
    chat.offer(EventKind::StopPressed).await;
    chat.speaker = person("ann");
    chat.press_stop().await;
    let outcomes: Vec<Outcome> = chat.outcomes().await.into_iter().map(|o| o.1).collect();
    assert_eq!(
        outcomes[2..],
        [Outcome::Superseded, refused, Outcome::Answered]
    );
}

#[tokio::test(start_paused = true)]
async fn those_not_on_the_list_are_told_and_those_blocked_are_not() {
    let rule = |who: &str| Rule {
        participant: Pattern::new(who),
        ..Rule::default()
    };
    let mut chat = Chat::with(|setup| {
        setup.config.admission.allow = vec![rule("a*")];
        setup.config.admission.block = vec![rule("abe")];
    });
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    chat.speaker = person("bob");
    assert_snapshot!(chat.say("Hi").await, @"bot [Refused { until: None }]: I may not answer you here.");
    assert!(chat.say("/help").await.contains("may not"));
    chat.speaker = person("abe");
    assert_eq!(chat.say("Hi").await, "");
    assert_eq!(chat.outcomes().await.len(), 4);
}
