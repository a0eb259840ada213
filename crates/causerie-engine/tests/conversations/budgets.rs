//! Budgets in money, for roles and places, over rounds and models; and how often people are told.

use crate::{recovery::flaky::FlakyStore, tools::Lookup};
use causerie_core::{
    Text, Timestamp,
    backend::BackendError,
    event::{Event, EventKind, Participant, Posted},
    id::{EventId, MessageRef, ModelName, Place, ToolName},
    limit::{Limit, LimitScope, LimitUnit, Window},
    outcome::{Outcome, Refusal},
    price::Prices,
    prompt::{ByteEstimate, TokenCounter},
    store::TurnQuery,
};
use causerie_engine::wrap::{Chance, Settings, stack};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::{Around, Chat, Setup, TokioClock, conversation, person},
};
use insta::assert_snapshot;
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;

const HOUR: Duration = Duration::from_secs(3600);

/// A word of an answer costs a millionth.
const WORDS: Prices = Prices {
    input: 0,
    cached_input: 0,
    output: 1_000_000,
};

/// Models that cost this.
fn priced(price_of: impl Fn(&str) -> Option<Prices> + Send + Sync + 'static) -> Option<Around> {
    Some(Arc::new(move |model, backend| {
        let settings = Settings {
            prices: price_of(model.as_str()),
            ..Settings::default()
        };
        stack(model, backend, &settings, &Chance::seeded(1))
    }))
}

fn chat(limits: Vec<Limit>, change: impl FnOnce(&mut Setup)) -> Chat {
    Chat::with(|setup| {
        setup.persona.limits = limits;
        change(setup);
    })
}

fn hourly(scope: LimitScope, unit: LimitUnit, amount: u64) -> Limit {
    Limit::new(scope, unit, amount, Window::Hour)
}

fn with_roles(name: &str, roles: &[&str]) -> Participant {
    Participant {
        roles: roles.iter().map(|&role| role.into()).collect(),
        ..person(name)
    }
}

fn roles(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.into()).collect()
}

#[tokio::test(start_paused = true)]
async fn money_is_reserved_by_estimate_and_settled_to_what_it_cost() {
    // The longest answer costs 1024, and each of these two.
    let limit = Limit::new(
        LimitScope::Participant,
        LimitUnit::Money,
        1024 + 5,
        Window::Month,
    );
    let mut chat = chat(vec![limit], |setup| setup.around = priced(|_| Some(WORDS)));
    for _ in 0..3 {
        assert_eq!(chat.say("Hi").await, "bot: Hi");
    }
    assert_eq!(chat.turns().await[0].usage.cost, 2);
    assert_snapshot!(chat.say("Hi").await, @"bot [Refused { until: Some(Timestamp(1796083200000)) }]: The limit is used up. Please come back in 7 days.");
    assert_eq!(chat.backend.prompts().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_model_without_a_price_costs_nothing() {
    let limit = hourly(LimitScope::Participant, LimitUnit::Money, 0);
    let mut chat = chat(vec![limit], |setup| setup.around = priced(|_| None));
    assert_eq!(chat.say("Hi").await, "bot: Hi");
}

#[tokio::test(start_paused = true)]
async fn a_dearer_model_in_place_of_the_first_takes_more() {
    let big = ScriptedBackend::new();
    let limit = hourly(LimitScope::Platform, LimitUnit::Money, 1000);
    let mut chat = chat(vec![limit], |setup| {
        let name = ModelName::new("big").unwrap();
        setup.backends.insert(name.clone(), big.clone());
        setup.persona.models.push(name);
        setup.around = priced(|model| (model == "big").then_some(WORDS));
    });
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    let broken = || BackendError::Unavailable {
        reason: "status 500".into(),
    };
    chat.backend.expect([Script::refuse(broken())]);
    assert!(chat.say("Hi").await.contains("limit"));
    assert!(big.prompts().is_empty());
    assert_eq!(chat.say("Hi").await, "bot: Hi", "the first costs nothing");
}

/// Two models, and the first only thinks `thought`.
fn silent_first(limit: Limit, thought: &str) -> Chat {
    let chat = chat(vec![limit], |setup| {
        let name = ModelName::new("big").unwrap();
        setup.backends.insert(name.clone(), ScriptedBackend::new());
        setup.persona.models.push(name);
        setup.around = priced(|_| Some(WORDS));
    });
    chat.backend.expect([Script::think(thought).then_cut()]);
    chat
}

#[tokio::test(start_paused = true)]
async fn what_a_silent_failure_used_is_charged_and_its_message_only_once() {
    let thought = "hmm, hmm, hmm";
    let cost = u64::from(ByteEstimate.count(thought));
    let money = hourly(LimitScope::Participant, LimitUnit::Money, 1024 + cost + 1);
    let mut chat = silent_first(money, thought);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    assert_eq!(chat.turns().await[0].usage.cost, cost + 2);
    assert!(chat.say("Hi").await.contains("limit"));

    let messages = hourly(LimitScope::Participant, LimitUnit::Messages, 1);
    let mut chat = silent_first(messages, thought);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    assert!(chat.say("Hi").await.contains("limit"));
}

#[tokio::test(start_paused = true)]
async fn a_turn_of_many_rounds_does_not_run_away_from_its_budget() {
    let amount = 700;
    let limits = vec![
        hourly(LimitScope::Conversation, LimitUnit::Tokens, amount),
        hourly(LimitScope::Conversation, LimitUnit::Messages, 1),
    ];
    let mut chat = chat(limits, |setup| {
        setup.tools = vec![Arc::new(Lookup::default())];
        setup.persona.tools = vec![ToolName::new("lookup").unwrap()];
        setup.persona.max_output_tokens = 100;
    });
    let again = || Script::say("I look.").then_call("1", "lookup", "{}");
    chat.backend.expect((0..8).map(|_| again()));
    let seen = chat.say("Weather?").await;
    assert!(
        seen.contains("I look.\n\nI look.\n\nThe limit is used up."),
        "{seen}"
    );
    let turn = chat.turns().await.remove(0);
    assert!(turn.steps > 1 && turn.steps < 8, "{} rounds", turn.steps);
    assert!(turn.usage.total() <= amount, "{} used", turn.usage.total());
    assert!(
        turn.usage.total() > amount / 2,
        "{} used",
        turn.usage.total()
    );
    assert!(matches!(
        turn.events[0].1,
        Outcome::Refused(Refusal::Limit { .. })
    ));
    assert!(chat.history_text().await.contains("I look."));
    // People were told by that line already.
    assert_eq!(chat.say("And now?").await, "");
}

#[tokio::test(start_paused = true)]
async fn rounds_of_an_attempt_that_died_are_settled_by_the_next() {
    let limits = vec![hourly(LimitScope::Conversation, LimitUnit::Tokens, 1800)];
    let mut chat = chat(limits, |setup| {
        setup.tools = vec![Arc::new(Lookup::default())];
        setup.persona.tools = vec![ToolName::new("lookup").unwrap()];
    });
    chat.backend.expect([
        Script::call("1", "lookup", "slow"),
        Script::say("It rains."),
    ]);
    // It dies when the round is noted, and before it is settled.
    chat.post("Weather?").await;
    sleep(Duration::from_secs(5)).await;
    chat.restart_after_kill().await;
    assert_eq!(chat.settle().await, "bot: It rains.");
    assert_eq!(chat.say("Hi").await, "bot: Hi", "nothing is left over");
}

#[tokio::test(start_paused = true)]
async fn a_limit_may_be_for_some_and_not_for_others() {
    let few = Limit {
        except: roles(&["staff"]),
        ..hourly(LimitScope::Participant, LimitUnit::Messages, 1)
    };
    let more = Limit {
        roles: roles(&["staff"]),
        ..hourly(LimitScope::Participant, LimitUnit::Messages, 2)
    };
    let mut chat = chat(vec![few, more], |_| {});
    assert_eq!(chat.say("One").await, "bot: One");
    assert!(chat.say("Two").await.contains("limit"));
    chat.speaker = with_roles("bob", &["staff"]);
    assert_eq!(chat.say("One").await, "bot: One");
    assert_eq!(chat.say("Two").await, "bot: Two");
    assert!(chat.say("Three").await.contains("limit"));
}

#[tokio::test(start_paused = true)]
async fn a_role_may_share_one_budget() {
    let limit = Limit {
        roles: roles(&["guest", "staff"]),
        ..hourly(LimitScope::Role, LimitUnit::Messages, 2)
    };
    let mut chat = chat(vec![limit], |_| {});
    chat.speaker = with_roles("ann", &["guest"]);
    assert_eq!(chat.say("One").await, "bot: One");
    chat.speaker = with_roles("bob", &["guest", "other"]);
    assert_eq!(chat.say("Two").await, "bot: Two");
    assert!(chat.say("Three").await.contains("limit"));
    chat.speaker = with_roles("eve", &["staff"]);
    assert_eq!(chat.say("Mine").await, "bot: Mine");
    chat.speaker = person("joe");
    for _ in 0..3 {
        assert_eq!(chat.say("No role").await, "bot: No role");
    }
    let refusal = chat.outcomes().await.remove(2).1;
    assert!(
        matches!(refusal, Outcome::Refused(Refusal::Limit { key, .. })
        if key == "role/recording/guest/messages/hour")
    );
}

#[tokio::test(start_paused = true)]
async fn a_shared_budget_for_some_is_not_used_up_by_others() {
    let guests = Limit {
        except: roles(&["staff"]),
        ..hourly(LimitScope::Place, LimitUnit::Messages, 1)
    };
    let all = hourly(LimitScope::Place, LimitUnit::Messages, 3);
    let mut chat = chat(vec![guests, all], |_| {});
    chat.speaker = with_roles("bob", &["staff"]);
    assert_eq!(chat.say("One").await, "bot: One");
    assert_eq!(chat.say("Two").await, "bot: Two");
    chat.speaker = person("ann");
    assert_eq!(chat.say("Three").await, "bot: Three");
    assert!(chat.say("Four").await.contains("limit"));
    chat.speaker = with_roles("bob", &["staff"]);
    assert!(chat.say("Five").await.contains("limit"));
    let keys: Vec<String> = chat
        .outcomes()
        .await
        .into_iter()
        .filter_map(|(_, outcome)| match outcome {
            Outcome::Refused(Refusal::Limit { key, .. }) => Some(key),
            _ => None,
        })
        .collect();
    assert_eq!(
        keys,
        [
            "place/recording/room/except:staff/messages/hour",
            "place/recording/room/messages/hour"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn two_limits_on_one_budget_charge_it_once_and_the_narrower_holds() {
    let limits = [5, 2].map(|n| hourly(LimitScope::Conversation, LimitUnit::Messages, n));
    let mut chat = chat(limits.to_vec(), |_| {});
    assert_eq!(chat.say("One").await, "bot: One");
    assert_eq!(chat.say("Two").await, "bot: Two");
    assert!(chat.say("Three").await.contains("limit"));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_told_once_in_its_window() {
    let limit = hourly(LimitScope::Participant, LimitUnit::Messages, 1);
    let mut chat = chat(vec![limit], |_| {});
    chat.say("One").await;
    assert!(chat.say("Two").await.contains("come back in 60 minutes"));
    assert_eq!(chat.say("Three").await, "");
    chat.restart_after_kill().await;
    assert_eq!(chat.say("Four").await, "");
    let turn = chat.turns().await.remove(0);
    assert!(matches!(
        turn.events[0].1,
        Outcome::Refused(Refusal::Limit { .. })
    ));
    assert_snapshot!(turn.notes.join("\n"), @"the refusal was told before in this window, and not again");
    let why = chat.say("/why").await;
    assert!(
        why.contains("refused (limit, there is room again at 2026-11-24T13:00:00Z)"),
        "{why}"
    );
    sleep(HOUR).await;
    assert_eq!(chat.say("Five").await, "bot: Five");
    assert!(chat.say("Six").await.contains("limit"));
    assert_eq!(chat.say("Seven").await, "");
}

#[tokio::test(start_paused = true)]
async fn in_a_group_each_is_told_of_their_own_limit_and_all_of_a_common_one_once() {
    let own = hourly(LimitScope::Participant, LimitUnit::Messages, 1);
    let mut group = chat(vec![own], |_| {});
    group.say("One").await;
    assert!(group.say("Two").await.contains("limit"));
    group.speaker = person("bob");
    group.say("One").await;
    assert!(group.say("Two").await.contains("limit"));
    assert_eq!(group.say("Three").await, "");
    group.speaker = person("ann");
    assert_eq!(group.say("Three").await, "");

    let common = hourly(LimitScope::Conversation, LimitUnit::Messages, 1);
    let mut group = chat(vec![common], |_| {});
    group.say("One").await;
    assert!(group.say("Two").await.contains("limit"));
    group.speaker = person("bob");
    assert_eq!(group.say("Three").await, "", "it stands there already");
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_was_being_told_when_the_process_died_is_told() {
    let store = Arc::new(FlakyStore::new(Arc::new(TokioClock::default())));
    let limit = hourly(LimitScope::Participant, LimitUnit::Messages, 1);
    let mut chat = chat(vec![limit], |setup| setup.store = Some(store.clone()));
    chat.say("One").await;
    store.fail_commits(true);
    chat.post("Two").await;
    sleep(Duration::from_secs(5)).await;
    chat.restart_after_kill().await;
    store.fail_commits(false);
    chat.settle().await;
    assert_eq!(chat.platform.words().len(), 2);
    assert!(chat.platform.words()[1].contains("limit"));
    assert_eq!(chat.say("Three").await, "");
}

/// A message in a room of its own.
fn message(room: usize) -> Event {
    let id = format!("m{room}");
    Event {
        id: EventId::new(&id).unwrap(),
        conversation: conversation(&format!("room{room}")),
        place: Place::new(format!("room{room}")).unwrap(),
        author: person(&format!("p{room}")),
        at: Timestamp(0),
        kind: EventKind::Posted(Posted {
            message: MessageRef::new(&id).unwrap(),
            text: Text::new("Hi"),
            quoted: None,
            attachments: vec![],
            shared: false,
        }),
        language: None,
    }
}

#[tokio::test(start_paused = true)]
async fn a_thousand_at_once_do_not_go_over_one_budget() {
    let budget = 40_000;
    let limits = vec![hourly(LimitScope::Platform, LimitUnit::Tokens, budget)];
    let mut chat = chat(limits, |setup| {
        setup.config.max_turns = 1000;
        setup.capabilities.creates = causerie_core::platform::Creates::Idempotent;
    });
    let slow = || Script::say(&"word ".repeat(500)).then_wait(Duration::from_secs(1));
    chat.backend.expect((0..1000).map(|_| slow()));
    let inbox = chat.inbox();
    for room in 0..1000 {
        inbox.offer(message(room)).await.unwrap();
    }
    while chat.store.census().await.unwrap().mail > 0 {
        sleep(Duration::from_millis(100)).await;
    }
    let turns = chat.store.turns(&TurnQuery::All, usize::MAX).await.unwrap();
    assert_eq!(turns.len(), 1000);
    let used: u64 = turns.iter().map(|turn| turn.usage.total()).sum();
    assert!(used <= budget, "{used} used");
    let answered = turns
        .iter()
        .filter(|turn| turn.events[0].1 == Outcome::Answered)
        .count();
    assert!((30..=39).contains(&answered), "{answered} answered");
    chat.shut_down().await;
}
