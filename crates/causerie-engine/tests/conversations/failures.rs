//! What people see when it goes wrong: always something, never what looks whole and is not.

use causerie_core::{
    backend::{BackendError, FinishReason, Readiness},
    id::ModelName,
    outcome::{Failure, Outcome, Refusal},
    platform::PlatformError,
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::{Chat, person},
    platform::Mishap,
};
use insta::{allow_duplicates, assert_snapshot};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn outcome(chat: &Chat) -> Outcome {
    chat.outcomes().await.pop().unwrap().1
}

#[tokio::test(start_paused = true)]
async fn every_way_a_model_fails_is_one_line_and_one_record() {
    let reason = || "status 500".to_owned();
    let retry_after = Some(30 * SECOND);
    let mut seen = String::new();
    for (error, failure) in [
        (
            BackendError::Busy { retry_after },
            Failure::ModelUnavailable,
        ),
        (
            BackendError::Unavailable { reason: reason() },
            Failure::ModelUnavailable,
        ),
        (BackendError::TimedOut, Failure::Deadline),
        (
            BackendError::Interrupted { reason: reason() },
            Failure::Interrupted,
        ),
        (
            BackendError::Overflow {
                tokens: 10,
                window: 5,
            },
            Failure::TooLong,
        ),
        (BackendError::Declined, Failure::Declined),
        (
            BackendError::Misconfigured { reason: reason() },
            Failure::Misconfigured,
        ),
    ] {
        let mut chat = Chat::new();
        chat.backend.expect([Script::refuse(error)]);
        seen += &(chat.say("Hi").await + "\n");
        assert_eq!(outcome(&chat).await, Outcome::Failed(failure));
        let kept = if failure == Failure::TooLong {
            ""
        } else {
            "User: Hi\nAssistant:  [note]"
        };
        assert_eq!(chat.history_text().await, kept);
        assert!(
            !chat.turns().await[0].notes.is_empty(),
            "the operator is told too"
        );
    }
    assert_snapshot!(seen, @r"
    bot [Failed(ModelUnavailable)]: The model is busy. Please try again in 30 seconds.
    bot [Failed(ModelUnavailable)]: The model is not available right now. Please try again later.
    bot [Failed(Deadline)]: The answer took too long and was given up. Please try again.
    bot [Failed(Interrupted)]: The answer broke off here. Please try again.
    bot [Failed(TooLong)]: That message is too long for this model. Please shorten it.
    bot [Failed(Declined)]: The model's provider declined to answer this.
    bot [Failed(Misconfigured)]: The model is not set up correctly. The operator has been told.
    ");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_cut_never_looks_whole() {
    let broken = BackendError::Interrupted {
        reason: "reset".into(),
    };
    for script in [
        Script::say("Half an").then_cut(),
        Script::say("Half an").then_fail(broken),
    ] {
        let mut chat = Chat::new();
        chat.backend.expect([script]);
        let seen = chat.say("Hi").await;
        allow_duplicates!(assert_snapshot!(seen, @r"
        bot [Failed(Interrupted)]: Half an

        The answer broke off here. Please try again.
        "));
        assert_eq!(outcome(&chat).await, Outcome::Failed(Failure::Interrupted));
        assert_eq!(
            chat.history_text().await,
            "User: Hi\nAssistant: Half an [note]"
        );
        // People find the line again; the model is not told.
        let exported = chat.say("/export").await;
        assert!(
            exported.contains("*The answer broke off here."),
            "{exported}"
        );
        chat.backend.expect([Script::say("Whole.")]);
        chat.say("And?").await;
        let prompt = chat.backend.prompt_texts().pop().unwrap();
        assert!(
            prompt.contains("Half an") && !prompt.contains("broke off"),
            "{prompt}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_not_silence() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::nothing(), Script::think("hm"), Script::say("  ")]);
    for _ in 0..3 {
        let seen = chat.say("Hi").await;
        allow_duplicates!(
            assert_snapshot!(seen, @"bot [Failed(EmptyAnswer)]: The model gave no answer. Please put it another way.")
        );
    }
    assert_eq!(outcome(&chat).await, Outcome::Failed(Failure::EmptyAnswer));
}

#[tokio::test(start_paused = true)]
async fn a_filtered_answer_says_so() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("Well, ").then_finish(FinishReason::Filtered)]);
    assert_snapshot!(chat.say("Hi").await, @r"
    bot [Failed(Declined)]: Well,

    The model's provider declined to answer this.
    ");
}

#[tokio::test(start_paused = true)]
async fn a_turn_has_a_deadline() {
    let mut chat = Chat::with(|setup| setup.config.turn_deadline = 20 * SECOND);
    chat.backend
        .expect([Script::say("Slow ").then_wait(100 * SECOND)]);
    assert_snapshot!(chat.say("Hi").await, @r"
    bot [Failed(Deadline)]: Slow

    The answer took too long and was given up. Please try again.
    ");
    assert_eq!(chat.backend.dropped(), 1);
    assert_snapshot!(chat.say("Again").await, @"bot: Again");
}

#[tokio::test(start_paused = true)]
async fn a_panic_ends_one_turn_and_nothing_else() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("Oh ").then_wait(SECOND).then_panic()]);
    assert_snapshot!(chat.say("Hi").await, @r"
    bot [Failed(Internal)]: Oh

    Something went wrong on our side. Please try again.
    ");
    assert_snapshot!(chat.say("Again").await, @"bot: Again");
}

#[tokio::test(start_paused = true)]
async fn bots_are_not_answered() {
    let mut chat = Chat::new();
    chat.speaker = person("robot");
    chat.speaker.is_bot = true;
    assert_eq!(chat.say("Beep").await, "");
    assert_eq!(outcome(&chat).await, Outcome::Refused(Refusal::Bot));
    assert!(chat.backend.prompts().is_empty() && chat.history().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn bots_that_may_speak_are_answered_until_the_loop_guard() {
    let mut chat = Chat::with(|setup| {
        setup.config.loop_limit = 2;
        let bots = causerie_engine::Rule {
            bots: true,
            ..Default::default()
        };
        setup.config.admission.allow = vec![bots];
    });
    chat.speaker.is_bot = true;
    assert_eq!(chat.say("1").await, "bot: 1");
    assert_eq!(chat.say("2").await, "bot: 2");
    assert_eq!(chat.say("3").await, "");
    assert_eq!(outcome(&chat).await, Outcome::Refused(Refusal::Loop));
    chat.speaker.is_bot = false;
    assert_eq!(chat.say("4").await, "bot: 4");
    chat.speaker.is_bot = true;
    assert_eq!(chat.say("5").await, "bot: 5");
}

#[tokio::test(start_paused = true)]
async fn empty_and_huge_messages_are_refused_with_a_line() {
    let mut chat = Chat::new();
    assert_snapshot!(chat.say(" \n").await, @"bot [Refused { until: None }]: There was nothing in that message that I can answer.");
    assert_eq!(outcome(&chat).await, Outcome::Refused(Refusal::Empty));
    let huge = "x".repeat(1024 * 1024);
    assert_snapshot!(chat.say(&huge).await, @"bot [Refused { until: None }]: That message is too large. I take up to 256 KiB.");
    assert_eq!(
        outcome(&chat).await,
        Outcome::Refused(Refusal::TooLarge { limit: 262_144 })
    );
    assert!(chat.backend.prompts().is_empty() && chat.history().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_model_is_said() {
    let mut chat = Chat::new();
    chat.backend
        .set_capabilities(|can| can.context_window = 2048);
    assert_snapshot!(chat.say(&"word ".repeat(4000)).await, @"bot [Failed(TooLong)]: That message is too long for this model. Please shorten it.");
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_model_leaves_its_memory_as_it_was() {
    let mut chat = Chat::new();
    chat.backend
        .set_capabilities(|can| can.context_window = 2048);
    chat.say("My name is Ann.").await;
    chat.say(&"word ".repeat(4000)).await;
    assert_eq!(outcome(&chat).await, Outcome::Failed(Failure::TooLong));
    chat.say("Who am I?").await;
    assert_snapshot!(chat.backend.prompt_texts()[1], @r"
    user: My name is Ann.
    assistant: My name is Ann.
    user: Who am I?
    ");
}

#[tokio::test(start_paused = true)]
async fn lines_come_in_chinese_too() {
    let mut chat = Chat::with(|setup| setup.language = causerie_engine::Language::Chinese);
    chat.backend
        .expect([Script::refuse(BackendError::TimedOut)]);
    assert_snapshot!(chat.say("你好").await, @"bot [Failed(Deadline)]: 回答耗时过长，已放弃。请再试一次。");
}

#[tokio::test(start_paused = true)]
async fn another_model_answers_when_the_first_cannot() {
    let big = ModelName::new("big").unwrap();
    let other = ScriptedBackend::new();
    let mut chat = Chat::with(|setup| {
        setup.backends.insert(big.clone(), other.clone());
        setup.persona.models.push(big);
    });
    let broken = BackendError::Unavailable {
        reason: "status 500".into(),
    };
    chat.backend.expect([Script::refuse(broken)]);
    assert_eq!(chat.say("Hi").await, "bot: Hi");
    chat.backend
        .set_readiness(Readiness::Failed("no such file".into()));
    assert_eq!(chat.say("Hello").await, "bot: Hello");
    assert_eq!(other.prompts().len(), 2);
    let turns = chat.turns().await;
    assert!(
        turns
            .iter()
            .all(|turn| turn.model.as_ref().unwrap().as_str() == "big")
    );
    assert_snapshot!(turns[1].notes[0], @"model small was passed over: the model is not available: status 500");
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_delivered_is_recorded_as_such() {
    let mut chat = Chat::new();
    let mishaps = (0..40).map(|_| Some(Mishap::Fails(PlatformError::Forbidden)));
    chat.platform.expect_mishaps(mishaps);
    assert_eq!(chat.say("Hi").await, "");
    assert_eq!(
        outcome(&chat).await,
        Outcome::Failed(Failure::Undeliverable)
    );
    assert_eq!(chat.history_text().await, "User: Hi");
}
