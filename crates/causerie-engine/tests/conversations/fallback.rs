//! Another model in place of the first: when, which, and what people see of it.

use crate::tools::Lookup;
use causerie_core::{
    backend::{BackendError, Privacy},
    event::{Attachment, EventKind, Posted},
    id::{MessageRef, ModelName, ToolName},
    outcome::{Failure, Outcome},
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::{Chat, Setup},
};
use insta::assert_snapshot;
use std::{sync::Arc, time::Duration};

fn unavailable() -> BackendError {
    BackendError::Unavailable {
        reason: "status 500".into(),
    }
}

/// A chat with a second model, `big`.
fn chat(change: impl FnOnce(&mut Setup)) -> (Chat, Arc<ScriptedBackend>) {
    let name = ModelName::new("big").unwrap();
    let big = ScriptedBackend::new();
    let chat = Chat::with(|setup| {
        setup.backends.insert(name.clone(), big.clone());
        setup.persona.models.push(name);
        change(setup);
    });
    (chat, big)
}

async fn notes(chat: &Chat) -> String {
    chat.turns().await[0].notes.join("\n")
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_before_a_word_is_answered_by_the_next() {
    let (mut chat, big) = chat(|_| {});
    for script in [
        Script::think("hm").then_fail(unavailable()),
        Script::think("hm").then_cut(),
        Script::call("1", "lookup", "{}").then_fail(unavailable()),
    ] {
        chat.backend.expect([script]);
        assert_eq!(chat.say("Hi").await, "bot: Hi");
    }
    assert_eq!(big.prompts().len(), 3);
    assert_snapshot!(notes(&chat).await, @"model small was passed over: the model is not available: status 500");
    let turn = chat.turns().await.remove(0);
    assert_eq!(turn.steps, 1, "one round, whoever answers it");
    let prompt = u64::from(big.prompts()[2].tokens().tokens);
    assert_eq!(turn.usage.input, 2 * prompt, "both are paid for");
}

#[tokio::test(start_paused = true)]
async fn words_that_people_have_read_are_not_replaced() {
    let (mut chat, big) = chat(|_| {});
    chat.backend
        .expect([Script::say("Half an").then_fail(unavailable())]);
    assert_snapshot!(chat.say("Hi").await, @r"
    bot [Failed(Interrupted)]: Half an

    The answer broke off here. Please try again.
    ");
    assert!(big.prompts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_later_round_goes_on_with_the_next_model_if_that_can() {
    let tools = |setup: &mut Setup| {
        setup.tools = vec![Arc::new(Lookup::default())];
        setup.persona.tools = vec![ToolName::new("lookup").unwrap()];
    };
    let rounds = || {
        [
            Script::say("Let me look.").then_call("1", "lookup", "{}"),
            Script::refuse(unavailable()),
        ]
    };
    let (mut chat, big) = chat(tools);
    chat.backend.expect(rounds());
    big.expect([Script::say("It rains.")]);
    assert_snapshot!(chat.say("Weather?").await, @r"
    bot: Let me look.

    It rains.
    ");
    assert!(big.prompt_texts()[0].contains("tool: found {}"));

    big.set_capabilities(|can| can.tools = false);
    chat.backend.expect(rounds());
    assert_snapshot!(chat.say("Weather?").await, @r"
    bot [Failed(ModelUnavailable)]: Let me look.

    The model is not available right now. Please try again later.
    ");
    assert_eq!(big.prompts().len(), 1, "it could not be shown the output");
    assert_snapshot!(notes(&chat).await, @r"
    model small: the model is not available: status 500
    model big was passed over: it cannot call tools, and this answer has begun with some
    ");

    chat.backend.expect([Script::refuse(unavailable())]);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    assert_snapshot!(notes(&chat).await, @r"
    model small was passed over: the model is not available: status 500
    model big cannot call tools and goes without
    ");
}

#[tokio::test(start_paused = true)]
async fn nothing_goes_to_a_less_private_model_unless_the_persona_says_so() {
    for (allowed, answered) in [
        (None, false),
        (Some(Privacy::Private), false),
        (Some(Privacy::ThirdParty), true),
    ] {
        let (mut chat, big) = chat(|setup| setup.persona.fallback_privacy = allowed);
        big.set_capabilities(|can| can.privacy = Privacy::ThirdParty);
        chat.backend.expect([Script::refuse(unavailable())]);
        let seen = chat.say("A secret").await;
        assert_eq!(seen == "bot: A secret", answered);
        assert_eq!(big.prompts().len(), usize::from(answered));
        if !answered {
            let notes = notes(&chat).await;
            insta::allow_duplicates!(assert_snapshot!(notes, @r"
            model small: the model is not available: status 500
            model big was passed over: it is less private than this persona allows
            "));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn who_chose_a_model_may_fall_back_to_a_more_private_one() {
    let (mut chat, big) = chat(|_| {});
    big.set_capabilities(|can| can.privacy = Privacy::ThirdParty);
    chat.say("/model big").await;
    big.expect([Script::refuse(unavailable())]);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    assert_eq!(
        chat.turns().await[0].model.as_ref().unwrap().as_str(),
        "small"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_too_long_for_one_model_goes_to_a_larger_one() {
    let (mut chat, big) = chat(|_| {});
    chat.backend
        .set_capabilities(|can| can.context_window = 2048);
    assert!(chat.say(&"word ".repeat(4000)).await.contains("word word"));
    assert!(chat.backend.prompts().is_empty());
    assert!(
        notes(&chat)
            .await
            .contains("model small was passed over: this turn has")
    );
    big.set_capabilities(|can| can.context_window = 2048);
    assert_snapshot!(chat.say(&"word ".repeat(4000)).await, @"bot [Failed(TooLong)]: That message is too long for this model. Please shorten it.");
}

#[tokio::test(start_paused = true)]
async fn pictures_go_to_a_model_that_sees_if_there_is_one() {
    let (mut chat, big) = chat(|_| {});
    let picture = |number: u32| {
        EventKind::Posted(Posted {
            message: MessageRef::new(format!("picture{number}")).unwrap(),
            text: "What is this?".into(),
            quoted: None,
            attachments: vec![Attachment {
                media_type: "image/png".into(),
                name: "cat.png".into(),
                size: None,
                locator: "x".into(),
            }],
            shared: false,
        })
    };
    chat.offer(picture(1)).await;
    chat.settle().await;
    assert_eq!(
        chat.backend.prompts().len(),
        1,
        "nobody sees, so the first says so"
    );
    big.set_capabilities(|can| can.images = true);
    chat.offer(picture(2)).await;
    chat.settle().await;
    assert_eq!(big.prompts().len(), 1);
    assert_snapshot!(notes(&chat).await, @"model small was passed over: it cannot see pictures, and another can");
    chat.say("Thanks").await;
    assert_eq!(chat.backend.prompts().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_prompt_that_a_provider_declined_is_not_put_to_another() {
    let (mut chat, big) = chat(|_| {});
    chat.backend
        .expect([Script::refuse(BackendError::Declined)]);
    assert!(chat.say("Hi").await.contains("declined"));
    assert!(big.prompts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_whole_chain_has_one_deadline() {
    let (mut chat, big) = chat(|setup| setup.config.turn_deadline = Duration::from_secs(20));
    let slow = || {
        Script::default()
            .then_wait(Duration::from_secs(15))
            .then_fail(unavailable())
    };
    chat.backend.expect([slow()]);
    big.expect([slow()]);
    let began = tokio::time::Instant::now();
    chat.say("Hi").await;
    assert!(began.elapsed() < Duration::from_secs(21));
    let outcome = chat.outcomes().await.remove(0).1;
    assert_eq!(outcome, Outcome::Failed(Failure::Deadline));
}
