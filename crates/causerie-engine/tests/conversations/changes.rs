//! Edits and deletions.

use causerie_core::outcome::Outcome;
use causerie_testkit::{backend::Script, chat::Chat};
use insta::assert_snapshot;
use std::time::Duration;
use tokio::time::sleep;

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn an_edit_that_changes_no_words_asks_nobody() {
    let mut chat = Chat::new();
    chat.say("Hi").await;
    assert_eq!(chat.edit("Hi").await, "");
    assert_eq!(chat.backend.prompts().len(), 1);
    assert_eq!(chat.history_text().await, "User: Hi\nAssistant: Hi");
}

#[tokio::test(start_paused = true)]
async fn an_edit_soon_after_the_answer_changes_the_answer() {
    let mut chat = Chat::new();
    chat.say("First").await;
    chat.say("Helo").await;
    assert_snapshot!(chat.edit("Hello").await, @"bot: Hello");
    assert_snapshot!(chat.transcript(), @r"
    ann: First
    bot: First
    ann: Hello
    bot: Hello
    ");
    assert_snapshot!(chat.history_text().await, @r"
    User: First
    Assistant: First
    User: Hello
    Assistant: Hello
    ");
    assert_snapshot!(chat.backend.prompt_texts()[2], @r"
    user: First
    assistant: First
    user: Hello
    ");
    chat.say("On").await;
    assert_eq!(chat.history().await.len(), 6);
}

#[tokio::test(start_paused = true)]
async fn an_edit_after_the_window_changes_nothing() {
    let mut chat = Chat::new();
    chat.say("Helo").await;
    sleep(1000 * SECOND).await;
    assert_eq!(chat.edit("Hello").await, "");
    assert_eq!(chat.history_text().await, "User: Helo\nAssistant: Helo");
    assert_eq!(chat.outcomes().await[1].1, Outcome::Superseded);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_message_that_waits_changes_it() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One.").then_wait(5 * SECOND)]);
    chat.post("One").await;
    chat.post("Tow").await;
    chat.edit("Two").await;
    assert_eq!(chat.platform.words(), ["One.", "Two"]);
    assert_eq!(chat.outcomes().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_edit_of_a_message_being_answered_changes_the_answer() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("About cats ").then_wait(5 * SECOND)]);
    chat.post("Cats").await;
    sleep(SECOND).await;
    chat.edit("Dogs").await;
    assert_eq!(chat.platform.words(), ["Dogs"]);
    assert_eq!(chat.history_text().await, "User: Dogs\nAssistant: Dogs");
}

#[tokio::test(start_paused = true)]
async fn an_edit_that_cannot_be_answered_leaves_the_answer() {
    let mut chat = Chat::new();
    chat.say("Helo").await;
    chat.backend.expect([Script::nothing()]);
    assert_eq!(chat.edit("Hello").await, "");
    assert_eq!(chat.platform.words(), ["Helo"]);
    assert_eq!(chat.history_text().await, "User: Helo\nAssistant: Helo");
}

#[tokio::test(start_paused = true)]
async fn only_the_author_edits() {
    let mut chat = Chat::new();
    chat.say("Mine").await;
    chat.speaker = causerie_testkit::chat::person("mallory");
    assert_eq!(chat.edit("Yours").await, "");
    assert_eq!(chat.history_text().await, "User: Mine\nAssistant: Mine");
}

#[tokio::test(start_paused = true)]
async fn a_deletion_purges_history() {
    let mut chat = Chat::new();
    chat.backend.expect([Script::say("Noted.")]);
    chat.say("My password is swordfish").await;
    chat.delete().await;
    assert_eq!(chat.history_text().await, "Assistant: Noted.");
    assert_eq!(chat.backend.forgotten(), [chat.conversation().clone()]);
    chat.say("What was it?").await;
    assert!(!chat.backend.prompt_texts()[1].contains("swordfish"));
    assert_eq!(chat.outcomes().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_deleted_while_it_waits_is_not_answered() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One.").then_wait(5 * SECOND)]);
    chat.post("One").await;
    chat.post("Two").await;
    chat.delete().await;
    assert_eq!(chat.platform.words(), ["One."]);
    assert_eq!(
        chat.outcomes()
            .await
            .iter()
            .filter(|o| o.1 == Outcome::Superseded)
            .count(),
        1
    );
}

#[tokio::test(start_paused = true)]
async fn erasing_a_conversation_ends_its_turn_without_a_word() {
    let mut chat = Chat::new();
    chat.backend
        .expect([Script::say("One ").then_wait(5 * SECOND).then_say("two")]);
    chat.post("Count").await;
    sleep(SECOND).await;
    chat.inbox().erase(chat.conversation()).await.unwrap();
    sleep(60 * SECOND).await;
    assert!(chat.history().await.is_empty());
    assert_eq!(chat.backend.dropped(), 1);
    assert!(chat.say("Hi").await.contains("Hi"));
}
