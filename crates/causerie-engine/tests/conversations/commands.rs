//! Commands.

use causerie_core::{
    event::EventKind,
    id::{ModelName, PersonaName},
    persona::Persona,
};
use causerie_testkit::{
    backend::{Script, ScriptedBackend},
    chat::Chat,
};
use insta::assert_snapshot;

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
