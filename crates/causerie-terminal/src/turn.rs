//! One message on its way to its outcome.

use causerie_core::{
    backend::Readiness,
    event::Event,
    platform::{Accepted, Inbox, InboxError},
};
use std::time::Duration;
use tokio::{sync::Notify, time::timeout};

/// How often we look while nothing happens.
const CALM: Duration = Duration::from_millis(500);
/// How often we look once the reply is there, for the outcome is written down right after it.
const SOON: Duration = Duration::from_millis(20);

/// Offers a message.
pub(crate) async fn offer(inbox: &dyn Inbox, event: &Event) -> Result<(), String> {
    match inbox.offer(event.clone()).await {
        Ok(Accepted::Queued | Accepted::Duplicate) => Ok(()),
        Ok(Accepted::Full) => Err("Too many messages wait for an answer already.".to_owned()),
        Err(error) => Err(refusal(&error)),
    }
}

fn refusal(error: &InboxError) -> String {
    format!("The message was not taken: {error}.")
}

/// Waits until the message has its outcome: only that says that nothing more is coming. `replied`
/// is notified when a reply is finished.
pub(crate) async fn settled(inbox: &dyn Inbox, event: &Event, replied: &Notify) {
    let mut pace = CALM;
    loop {
        if timeout(pace, replied.notified()).await.is_ok() {
            pace = SOON;
        }
        // A store that does not answer now is asked again.
        let Ok(transcript) = inbox.transcript(&event.conversation, None, 1).await else {
            pace = CALM;
            continue;
        };
        if !transcript
            .pending
            .iter()
            .any(|pending| pending.id == event.id)
        {
            return;
        }
    }
}

/// Waits while the model is being loaded; `watch` is told how far it is.
///
/// # Errors
/// What the operator must do, if it cannot be loaded.
pub(crate) async fn ready(
    inbox: &dyn Inbox,
    mut watch: impl FnMut(Option<u8>) + Send,
) -> Result<(), String> {
    loop {
        match inbox.readiness() {
            Readiness::Ready => return Ok(()),
            Readiness::Failed(reason) => return Err(reason),
            Readiness::Loading { percent } => watch(percent),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// What is shown while the model is being loaded.
pub(crate) fn loading(percent: Option<u8>) -> String {
    match percent {
        Some(percent) => format!("loading the model, {percent} %"),
        None => "loading the model".to_owned(),
    }
}

/// Whether it is a command, which needs no model.
pub(crate) fn is_command(text: &str) -> bool {
    text.trim_start().starts_with('/')
}

/// Whether it erases the conversation.
pub(crate) fn is_forget(text: &str) -> bool {
    let name = text.split_whitespace().next().unwrap_or_default();
    name.eq_ignore_ascii_case("/forget")
}
