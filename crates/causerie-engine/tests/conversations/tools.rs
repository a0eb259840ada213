//! Tools.

use async_trait::async_trait;
use causerie_core::{
    Text,
    id::ToolName,
    outcome::{Failure, Outcome},
    tool::{Tool, ToolContext, ToolError, ToolSpec},
};
use causerie_testkit::{backend::Script, chat::Chat};
use insta::assert_snapshot;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

/// Says what was looked up, or fails as it is told.
#[derive(Default)]
pub(crate) struct Lookup(Arc<AtomicUsize>);

#[async_trait]
impl Tool for Lookup {
    fn spec(&self) -> ToolSpec {
        ToolSpec {
            name: ToolName::new("lookup").unwrap(),
            description: "Looks things up.".into(),
            parameters: serde_json::json!({"type": "object"}),
        }
    }

    async fn call(&self, arguments: &Text, _context: &ToolContext) -> Result<Text, ToolError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        match arguments.expose() {
            "wrong" => Err(ToolError::Arguments("no JSON")),
            "panic" => panic!("the test wants it"),
            "slow" => std::future::pending().await,
            found => Ok(Text::new(format!("found {found}"))),
        }
    }
}

fn chat() -> (Chat, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let tool = Arc::new(Lookup(Arc::clone(&calls)));
    let chat = Chat::with(|setup| {
        setup.tools = vec![tool];
        setup.persona.tools = vec![ToolName::new("lookup").unwrap()];
        setup.persona.max_steps = 3;
    });
    (chat, calls)
}

#[tokio::test(start_paused = true)]
async fn a_tool_is_called_and_its_output_shown_to_the_model() {
    let (mut chat, calls) = chat();
    chat.backend.expect([
        Script::say("Let me look.")
            .then_call("1", "lookup", "{}")
            .then_call("2", "lookup", "[]"),
        Script::say("It rains."),
    ]);
    assert_snapshot!(chat.say("Weather?").await, @r"
    bot: Let me look.

    It rains.
    ");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_snapshot!(chat.backend.prompt_texts()[1], @r"
    user: Weather?
    assistant: Let me look.
    tool: found {}
    tool: found []
    ");
    assert_eq!(chat.turns().await[0].steps, 2);
    chat.say("Thanks").await;
    assert!(chat.backend.prompt_texts()[2].contains("tool: found {}"));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_with_a_tool_is_told_to_the_model() {
    let (mut chat, _) = chat();
    chat.backend.expect([
        Script::call("1", "lookup", "wrong")
            .then_call("2", "lookup", "panic")
            .then_call("3", "lookup", "slow")
            .then_call("4", "other", "{}"),
        Script::say("Sorry."),
    ]);
    assert_snapshot!(chat.say("Weather?").await, @"bot: Sorry.");
    assert_snapshot!(chat.backend.prompt_texts()[1], @r"
    user: Weather?
    assistant: 
    tool: error: the arguments do not fit: no JSON
    tool: error: the tool is broken
    tool: error: the tool took too long
    tool: error: there is no such tool
    ");
}

#[tokio::test(start_paused = true)]
async fn a_model_that_calls_for_ever_is_ended() {
    let (mut chat, calls) = chat();
    let again = || Script::call("1", "lookup", "{}");
    chat.backend.expect([again(), again(), again(), again()]);
    assert_snapshot!(chat.say("Weather?").await, @"bot [Failed(EmptyAnswer)]: The model gave no answer. Please put it another way.");
    assert_eq!(calls.load(Ordering::SeqCst), 2);
    assert_eq!(chat.backend.prompts().len(), 3);
    assert_eq!(
        chat.outcomes().await[0].1,
        Outcome::Failed(Failure::EmptyAnswer)
    );
}

#[tokio::test(start_paused = true)]
async fn rounds_and_tools_are_not_paid_for_twice_after_a_crash() {
    let (mut chat, calls) = chat();
    chat.backend.expect([
        Script::say("Let me look.").then_call("1", "lookup", "{}"),
        Script::default().then_wait(Duration::from_secs(1000)),
    ]);
    chat.post("Weather?").await;
    tokio::time::sleep(Duration::from_secs(5)).await;
    chat.restart_after_kill().await;
    chat.post("And tomorrow?").await;
    chat.backend.expect([Script::say("It rains.")]);
    chat.settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert_eq!(
        chat.backend.prompts().len(),
        4,
        "two, the second again, and the new question"
    );
    assert_eq!(
        chat.platform.words(),
        ["Let me look.\n\nIt rains.", "And tomorrow?"]
    );
    assert_eq!(chat.turns().await[1].attempts, 2);
}
