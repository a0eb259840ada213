//! Questions and answers.

use causerie_core::{
    backend::{FinishReason, Readiness},
    event::{EventKind, Posted, Quoted, Rating},
    id::MessageRef,
    outcome::Outcome,
    platform::{Accepted, Status},
    store::Erase,
};
use causerie_testkit::{
    backend::Script,
    chat::{Chat, conversation, person},
};
use insta::assert_snapshot;
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

fn posted(text: &str) -> EventKind {
    EventKind::Posted(Posted {
        message: MessageRef::new("elsewhere").unwrap(),
        text: text.into(),
        quoted: None,
        attachments: vec![],
        shared: false,
    })
}

#[tokio::test(start_paused = true)]
async fn a_message_gets_an_answer_and_the_next_one_sees_it() {
    let mut chat = Chat::new();
    chat.backend.expect([Script::say("Hello, Ann!")]);
    assert_snapshot!(chat.say("Hi").await, @"bot: Hello, Ann!");
    chat.say("Who am I?").await;
    assert_snapshot!(chat.transcript(), @r"
    ann: Hi
    bot: Hello, Ann!
    ann: Who am I?
    bot: Who am I?
    ");
    assert_snapshot!(chat.backend.prompt_texts()[1], @r"
    user: Hi
    assistant: Hello, Ann!
    user: Who am I?
    ");
    assert_snapshot!(chat.history_text().await, @r"
    User: Hi
    Assistant: Hello, Ann!
    User: Who am I?
    Assistant: Who am I?
    ");
}

#[tokio::test(start_paused = true)]
async fn a_turn_is_recorded_with_all_that_explains_it() {
    let mut chat = Chat::new();
    chat.backend.expect([Script::say("Hello!")]);
    chat.say("Hi").await;
    let turns = chat.turns().await;
    let [turn] = &turns[..] else {
        panic!("one turn")
    };
    assert_eq!(turn.model.as_ref().unwrap().as_str(), "small");
    assert_eq!(
        turn.delivered,
        chat.platform
            .seen()
            .into_iter()
            .map(|m| m.message)
            .collect::<Vec<_>>()
    );
    assert_eq!((turn.steps, turn.attempts), (1, 1));
    assert!(turn.usage.input > 0 && turn.usage.output > 0 && turn.prompt.tail > 0);
    assert!(turn.first_text_ms.is_some());
    assert_eq!(chat.outcomes().await, [("e1".into(), Outcome::Answered)]);
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_shown_while_it_grows() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One ").then_wait(5 * SECOND).then_say("two.")]);
    chat.post("Count").await;
    sleep(2 * SECOND).await;
    assert_snapshot!(chat.news(), @"bot (growing): One");
    assert_snapshot!(chat.settle().await, @"bot: One two.");
}

#[tokio::test(start_paused = true)]
async fn messages_during_a_turn_form_the_next_one_together() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("First.").then_wait(3 * SECOND)]);
    chat.post("One").await;
    sleep(SECOND).await;
    chat.post("Two").await;
    chat.speaker = person("bob");
    chat.post("Three").await;
    chat.settle().await;
    assert_eq!(chat.turns().await.len(), 2);
    assert_snapshot!(chat.backend.prompt_texts()[1], @r"
    user: One
    assistant: First.
    user: Two

    Three
    ");
    assert_snapshot!(chat.history_text().await, @r"
    User: One
    Assistant: First.
    User: Two
    User: Three
    Assistant: Two

    Three
    ");
    assert_eq!(chat.outcomes().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_is_one_message() {
    let mut chat = Chat::new();
    chat.post("Hi").await;
    let event = chat
        .store
        .pending(chat.conversation())
        .await
        .unwrap()
        .remove(0);
    assert_eq!(
        chat.inbox().offer(event.clone()).await.unwrap(),
        Accepted::Duplicate
    );
    chat.settle().await;
    assert_eq!(
        chat.inbox().offer(event).await.unwrap(),
        Accepted::Duplicate
    );
    assert_eq!(chat.settle().await, "");
    assert_eq!(chat.platform.words(), ["Hi"]);
}

#[tokio::test(start_paused = true)]
async fn thoughts_reach_neither_people_nor_history() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::think("secret plan").then_say("Done.")]);
    assert_snapshot!(chat.say("Think").await, @"bot: Done.");
    let kept = format!("{:?}", chat.history().await) + &chat.history_text().await;
    assert!(!kept.contains("secret"));
    let asked = format!("{:?}", chat.platform.seen());
    assert!(!asked.contains("secret"));
}

#[tokio::test(start_paused = true)]
async fn stop_keeps_what_was_said_and_marks_it() {
    let mut chat = Chat::new();
    chat.backend.expect([Script::say("One two ")
        .then_wait(60 * SECOND)
        .then_say("three")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    let before = chat.clock;
    assert_snapshot!(chat.press_stop().await, @r"
    bot: One two

    Stopped.
    ");
    assert!(causerie_core::Clock::now(&before).0 < causerie_core::Clock::now(&chat.clock).0 + 2000);
    assert_eq!(chat.backend.dropped(), 1);
    assert_snapshot!(chat.history_text().await, @r"
    User: Count
    Assistant: One two [note]
    ");
    assert_eq!(
        chat.outcomes().await,
        [
            ("e1".into(), Outcome::Superseded),
            ("e2".into(), Outcome::Answered)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_stop_command_stops_the_answer_and_says_nothing_more() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One ").then_wait(60 * SECOND).then_say("two")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    chat.say("/stop").await;
    assert_eq!(chat.platform.words().len(), 1);
    assert_snapshot!(chat.say("/stop").await, @"bot [Told]: There is nothing to stop.");
    assert_eq!(chat.outcomes().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_reached_its_length_says_so() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("Once upon a").then_finish(FinishReason::Length)]);
    assert_snapshot!(chat.say("Tell").await, @r"
    bot: Once upon a

    This answer reached its length limit. Say “go on” for more.
    ");
    assert_snapshot!(chat.history_text().await, @r"
    User: Tell
    Assistant: Once upon a [note]
    ");
}

#[tokio::test(start_paused = true)]
async fn people_wait_for_a_model_that_loads() {
    let mut chat = Chat::new();
    chat.backend
        .set_readiness(Readiness::Loading { percent: Some(10) });
    chat.post("Hi").await;
    sleep(30 * SECOND).await;
    assert_eq!(chat.platform.status(), Some(Status::Loading));
    assert!(matches!(
        chat.inbox().readiness(),
        Readiness::Loading { .. }
    ));
    chat.backend.set_readiness(Readiness::Ready);
    assert_snapshot!(chat.settle().await, @"bot: Hi");
    assert_eq!(chat.inbox().readiness(), Readiness::Ready);
}

#[tokio::test(start_paused = true)]
async fn a_judgement_is_kept_with_the_turn_that_took_it() {
    let mut chat = Chat::new();
    chat.say("Hi").await;
    let message = chat.platform.seen()[0].message.clone();
    chat.judge(&message, Rating::Up).await;
    assert_eq!(
        chat.turns().await[0].notes,
        [format!("feedback: up, on message {message}")]
    );
    assert_eq!(chat.platform.words(), ["Hi"]);
}

#[tokio::test(start_paused = true)]
async fn a_summary_stands_for_what_was_cut() {
    let mut chat = Chat::with(|setup| setup.persona.max_output_tokens = 100);
    chat.backend
        .set_capabilities(|can| can.context_window = 1200);
    let mut turns = 0;
    while chat
        .store
        .state(chat.conversation())
        .await
        .unwrap()
        .summary
        .is_none()
    {
        turns += 1;
        assert!(turns < 30, "history is cut sooner or later");
        chat.say(&format!("Number {turns}: {}", "lorem ipsum ".repeat(12)))
            .await;
        sleep(SECOND).await;
    }
    let state = chat.store.state(chat.conversation()).await.unwrap();
    let summary = state.summary.unwrap();
    assert_eq!(summary.before, state.window_start);
    assert!(state.window_start.0 > 1);
    chat.backend.expect([Script::say("Yes.")]);
    chat.say("Do you remember?").await;
    let prompt = chat.backend.prompt_texts().pop().unwrap();
    assert!(prompt.contains(summary.text.expose().lines().last().unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_stop_takes_messages_that_wait_for_a_place_with_it() {
    let mut chat = Chat::with(|setup| setup.config.max_turns = 1);
    let mut busy = chat.event(EventKind::StopPressed);
    busy.conversation = conversation("elsewhere");
    busy.kind = posted("Keep the only place");
    chat.backend
        .expect([Script::say("Busy.").then_wait(10 * SECOND)]);
    tokio::task::yield_now().await;
    chat.inbox().offer(busy).await.unwrap();
    chat.post("Never mind").await;
    assert_eq!(chat.press_stop().await, "bot: Busy.");
    assert_eq!(chat.backend.prompts().len(), 1);
    assert_eq!(
        chat.outcomes().await,
        [
            ("e2".into(), Outcome::Superseded),
            ("e3".into(), Outcome::Answered)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stop_before_the_first_word_says_so() {
    let mut chat = Chat::new();
    chat.backend
        .set_readiness(Readiness::Loading { percent: None });
    chat.post("Hi").await;
    sleep(SECOND).await;
    assert_snapshot!(chat.press_stop().await, @"bot [Told]: Stopped.");
    assert_eq!(chat.history_text().await, "User: Hi\nAssistant:  [note]");
}

#[tokio::test(start_paused = true)]
async fn the_transcript_is_read_in_pages_with_what_waits() {
    let mut chat = Chat::new();
    for text in ["One", "Two", "Three"] {
        chat.say(text).await;
    }
    chat.backend
        .expect([Script::say("Slow ").then_wait(10 * SECOND)]);
    chat.post("Four").await;
    sleep(SECOND).await;
    let inbox = chat.inbox();
    let newest = inbox
        .transcript(chat.conversation(), None, 4)
        .await
        .unwrap();
    let texts: Vec<_> = newest
        .messages
        .iter()
        .map(|m| m.text().into_exposed())
        .collect();
    assert_eq!(texts, ["Two", "Two", "Three", "Three"]);
    assert!(newest.more && newest.pending.len() == 1);
    let before = Some(newest.messages[0].seq);
    let older = inbox
        .transcript(chat.conversation(), before, 4)
        .await
        .unwrap();
    assert_eq!(older.messages.len(), 2);
    assert!(!older.more && older.pending.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_reply_finds_what_led_to_a_message_that_has_left_the_window() {
    let mut chat = Chat::with(|setup| setup.persona.summarise = false);
    chat.backend
        .set_capabilities(|can| can.context_window = 2048);
    let first = chat.post("My cat is called Mao.").await;
    chat.settle().await;
    let answer = chat.turns().await[0].delivered[0].clone();
    let reply = |text: &str, to: &MessageRef, words: &str| {
        let quoted = Quoted {
            message: to.clone(),
            author: None,
            text: words.into(),
        };
        (text.to_owned(), quoted)
    };
    let (text, quoted) = reply("Why?", &answer, "My cat is called Mao.");
    let why = chat.reply(&text, quoted).await;
    chat.settle().await;
    for _ in 0..12 {
        chat.say(&"Something else. ".repeat(20)).await;
    }
    assert!(!chat.backend.prompt_texts().pop().unwrap().contains("Mao"));

    let (text, quoted) = reply("And mine?", &why, "Why?");
    chat.reply(&text, quoted).await;
    chat.settle().await;
    let prompt = chat.backend.prompt_texts().pop().unwrap();
    let begins = prompt.find("(What led to").expect("it is told");
    assert_snapshot!(&prompt[begins..], @r"
    (What led to the message replied to:)
    [ann·c95eb2]:
    > My cat is called Mao.
    you:
    > My cat is called Mao.

    (replying to you)
    > Why?

    And mine?
    ");

    // What was taken back is not found.
    let what = Erase::Message(chat.conversation().clone(), first);
    chat.store.erase(&what).await.unwrap();
    let (text, quoted) = reply("Once more?", &answer, "My cat is called Mao.");
    chat.reply(&text, quoted).await;
    chat.settle().await;
    let prompt = chat.backend.prompt_texts().pop().unwrap();
    let question = prompt.rsplit("user: ").next().unwrap();
    assert!(!question.contains("(What led to"), "{question}");
}
