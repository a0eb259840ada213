//! Commands.

use causerie_core::{
    backend::BackendError,
    event::EventKind,
    id::{ModelName, PersonaName},
    outcome::Outcome,
    persona::Persona,
    store::TurnQuery,
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::Chat,
    platform::Mishap,
};
use insta::assert_snapshot;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn help_lists_all_commands() {
    let mut chat = Chat::new();
    assert_snapshot!(chat.say("/help").await, @r"
    bot [Told]: - `/help`: what I can do
    - `/new`: begin a new conversation
    - `/stop`: stop the running answer
    - `/model`: show or choose the model
    - `/persona`: show or choose who answers
    - `/export`: show this conversation as Markdown
    - `/forget`: erase this conversation for good
    - `/why`: explain the last answer
    ");
}

#[tokio::test(start_paused = true)]
async fn a_platforms_own_command_is_the_same_command() {
    let mut chat = Chat::new();
    let command = EventKind::Command {
        message: None,
        name: "new".into(),
        argument: "".into(),
    };
    chat.offer(command).await;
    assert_snapshot!(chat.settle().await, @"bot [Told]: A new conversation begins. I no longer look at what was said before.");
}

#[tokio::test(start_paused = true)]
async fn an_unknown_command_gets_a_hint() {
    let mut chat = Chat::new();
    assert_snapshot!(chat.say("/frobnicate now").await, @"bot [Told]: I do not know the command `/frobnicate`. `/help` lists those I know.");
    assert!(chat.backend.prompts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_person_is_spoken_to_in_their_own_language() {
    let mut chat = Chat::new();
    chat.language = Some("zh-Hans".into());
    assert_snapshot!(chat.say("/frobnicate").await, @"bot [Told]: 我不认识命令 `/frobnicate`，`/help` 会列出所有命令。");
    chat.language = Some("en-GB".into());
    assert_snapshot!(chat.say("/frobnicate").await, @"bot [Told]: I do not know the command `/frobnicate`. `/help` lists those I know.");
    chat.language = Some("zh".into());
    assert_snapshot!(chat.say(" ").await, @"bot [Refused { until: None }]: 这条消息里没有我可以回答的内容。");
    chat.backend
        .expect([Script::say("One two ").then_wait(60 * SECOND)]);
    chat.post("Count").await;
    tokio::time::sleep(SECOND).await;
    // Whoever presses it: the line is to the one who asked.
    chat.language = Some("en".into());
    assert_snapshot!(chat.press_stop().await, @r"
    bot: One two

    已停止。
    ");
    // One that we do not speak leaves it to the platform.
    chat.language = Some("fr".into());
    assert_snapshot!(chat.say("/stop").await, @"bot [Told]: There is nothing to stop.");
}

#[tokio::test(start_paused = true)]
async fn new_starts_afresh_and_keeps_the_past() {
    let mut chat = Chat::new();
    chat.say("My name is Ann.").await;
    chat.say("/new").await;
    chat.say("Who am I?").await;
    assert_snapshot!(chat.backend.prompt_texts()[1], @"user: Who am I?");
    assert_eq!(chat.history().await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn forget_erases_for_good() {
    let mut chat = Chat::new();
    chat.say("My name is Ann.").await;
    assert_snapshot!(chat.say("/forget").await, @"bot [Told]: This conversation is erased.");
    assert!(chat.history().await.is_empty());
    assert_eq!(chat.backend.forgotten(), [chat.conversation().clone()]);
    let entries = chat
        .inbox()
        .conversations(&chat.speaker.id, 10)
        .await
        .unwrap();
    assert!(entries.is_empty());
    chat.say("Who am I?").await;
    assert_snapshot!(chat.backend.prompt_texts()[1], @"user: Who am I?");
    assert_eq!(chat.outcomes().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_forget_runs_is_answered() {
    let mut chat = Chat::new();
    chat.say("My name is Ann.").await;
    let slow = Mishap::Slow(std::time::Duration::from_secs(5));
    chat.platform.expect_mishaps([Some(slow)]);
    chat.post("/forget").await;
    chat.post("hello").await;
    assert_snapshot!(chat.settle().await, @r"
    bot [Told]: This conversation is erased.
    bot: hello
    ");
    assert_snapshot!(chat.history_text().await, @r"
    User: hello
    Assistant: hello
    ");
    assert_snapshot!(chat.backend.prompt_texts()[1], @"user: hello");
    let outcomes = chat.outcomes().await;
    assert!(outcomes.len() == 3 && outcomes.iter().all(|(_, o)| *o == Outcome::Answered));
    let entries = chat.inbox().conversations(&chat.speaker.id, 10).await;
    assert_eq!(entries.unwrap()[0].title.expose(), "hello");
}

#[tokio::test(start_paused = true)]
async fn export_shows_the_conversation() {
    let mut chat = Chat::new();
    assert_snapshot!(chat.say("/export").await, @"bot [Told]: Nothing has been said here yet.");
    chat.backend.expect([Script::say("Hello!")]);
    chat.say("Hi").await;
    assert_snapshot!(chat.say("/export").await, @r"
    bot [Told]: **ann:**

    Hi

    **assistant:**

    Hello!
    ");
}

#[tokio::test(start_paused = true)]
async fn why_explains_the_last_answer() {
    let mut chat = Chat::new();
    assert_snapshot!(chat.say("/why").await, @"bot [Told]: There is no answer to explain yet.");
    chat.backend.expect([Script::say("Hello!")]);
    chat.say("Hi").await;
    chat.say("/help").await;
    assert_snapshot!(chat.say("/why").await, @r"
    bot [Told]: The last message was answered by assistant with the model small in 0.0 s.

    The model saw 0 earlier messages (about 0 tokens), read 19 tokens and wrote 2.
    ");
}

#[tokio::test(start_paused = true)]
async fn why_tells_of_a_message_however_many_commands_came_since() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::refuse(BackendError::TimedOut)]);
    chat.say("Hi").await;
    for _ in 0..40 {
        chat.say("/help").await;
    }
    assert_snapshot!(chat.say("/why").await, @"bot [Told]: The last message could not be answered (deadline) by assistant with the model small in 0.0 s.");
    chat.say(" ").await;
    assert_snapshot!(chat.say("/why").await, @"bot [Told]: The last message was refused (empty) in 0.0 s.");
}

#[tokio::test(start_paused = true)]
async fn the_operator_finds_a_turn_by_the_message_that_was_answered() {
    let mut chat = Chat::new();
    let asked = chat.post("Hi").await;
    chat.settle().await;
    chat.say("More").await;
    let query = TurnQuery::Message(chat.conversation().clone(), asked);
    let turns = chat.store.turns(&query, 9).await.unwrap();
    assert_eq!(turns.len(), 1);
    assert_eq!(turns[0].events[0].0.as_str(), "e1");
}

#[tokio::test(start_paused = true)]
async fn the_operator_is_told_everything_but_the_words() {
    let mut chat = Chat::new();
    chat.backend.expect([Script::say("Secret!").then_cut()]);
    chat.say("My secret").await;
    let turn = chat.turns().await.remove(0);
    assert_snapshot!(causerie_engine::explain::for_operator(&turn), @r"
    conversation recording/room, turn 1, 0 ms
    event e1: failed: interrupted
    persona assistant, model small
    rounds of completion and tools: 1
    prompt: persona 0, summary 0, history 0 (0 messages), turn 15 tokens, estimated
    used: 23 tokens in (0 cached), 6 out
    first text after 0 ms
    delivered as m1
    note: in mid-answer: the model broke off: the answer was cut
    ");
}

#[tokio::test(start_paused = true)]
async fn models_and_personas_can_be_chosen() {
    let big = ModelName::new("big").unwrap();
    let backend = ScriptedBackend::new();
    let mut chat = Chat::with(|setup| {
        setup.backends.insert(big.clone(), backend.clone());
        setup.persona.models.push(big.clone());
        let poet = PersonaName::new("poet").unwrap();
        setup
            .personas
            .push(Persona::new(poet, "You are a poet.", vec![big.clone()]));
    });
    let mut seen = String::new();
    for said in [
        "/model",
        "/model huge",
        "/model BIG",
        "/model",
        "/persona",
        "/persona poet",
        "/model",
    ] {
        seen += &(chat.say(said).await + "\n");
    }
    assert_snapshot!(seen, @r"
    bot [Told]: Model: small. You can choose: small, big.
    bot [Told]: There is no such model. You can choose: small, big.
    bot [Told]: From now on big answers here.
    bot [Told]: Model: big. You can choose: small, big.
    bot [Told]: Persona: assistant. You can choose: assistant, poet.
    bot [Told]: From now on poet answers here.
    bot [Told]: Model: big. You can choose: big.
    ");
    chat.say("Hi").await;
    assert_snapshot!(backend.prompt_texts()[0], @r"
    system: You are a poet.
    user: Hi
    ");
    assert!(chat.backend.prompts().is_empty());
}

#[tokio::test(start_paused = true)]
async fn commands_keep_their_place_in_the_order() {
    let mut chat = Chat::with(|setup| setup.config.max_turns = 1);
    chat.backend
        .expect([Script::say("1").then_wait(std::time::Duration::from_secs(1))]);
    for said in ["One", "Two", "/new", "Three"] {
        chat.post(said).await;
    }
    chat.settle().await;
    assert_eq!(
        chat.backend.prompt_texts(),
        [
            "user: One",
            "user: One\nassistant: 1\nuser: Two",
            "user: Three"
        ]
    );
    assert_eq!(chat.outcomes().await.len(), 4);
}
