//! How updates come in: we ask for them, or Telegram sends them.
//!
//! An update is confirmed only after it is safe in the store. What is delivered again is known there.

mod intake;
mod poll;
mod webhook;

use crate::{
    Shared,
    config::{TelegramError, Transport},
};
use causerie_core::platform::{Inbox, PlatformError, Stop};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// The shortest and the longest wait between two tries to reach the server.
const WAITS: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// Takes updates in until `stop`.
pub(crate) async fn run(
    shared: &Arc<Shared>,
    inbox: Arc<dyn Inbox>,
    listener: Option<TcpListener>,
    stop: Stop,
) -> Result<(), PlatformError> {
    let mut stop = stop;
    tokio::select! {
        () = &mut stop => return Ok(()),
        met = meet(shared) => met?,
    }
    let menu = tokio::spawn(show_menu(Arc::clone(shared)));
    let ended = match (&shared.config.transport, listener) {
        (Transport::Polling, _) => {
            tokio::select! {
                () = &mut stop => Ok(()),
                ended = poll::run(shared, &inbox) => ended,
            }
        }
        (Transport::Webhook(webhook), Some(listener)) => {
            webhook::run(shared, webhook, inbox, listener, stop).await
        }
        (Transport::Webhook(_), None) => Err(PlatformError::Misconfigured {
            reason: "the platform was run twice".to_owned(),
        }),
    };
    menu.abort();
    ended
}

/// Finds out who we are, as often as it takes.
async fn meet(shared: &Shared) -> Result<(), PlatformError> {
    let mut backoff = Backoff::default();
    while shared.me.get().is_none() {
        match shared.introduce().await {
            Ok(_) => {}
            Err(TelegramError::Unavailable { reason }) => {
                tracing::warn!(reason, "Telegram does not answer; trying again");
                backoff.wait().await;
            }
            Err(error) => {
                return Err(PlatformError::Misconfigured {
                    reason: error.to_string(),
                });
            }
        }
    }
    Ok(())
}

/// Puts our commands into the bot's menu. Nothing depends on it.
async fn show_menu(shared: Arc<Shared>) {
    for menu in &shared.config.menu {
        let commands: Vec<Value> = menu
            .commands
            .iter()
            .map(|(name, about)| json!({"command": name, "description": about}))
            .collect();
        let mut fields = json!({ "commands": commands });
        if let Some(language) = &menu.language {
            fields["language_code"] = json!(language);
        }
        if let Err(error) = shared.client.call::<Value>("setMyCommands", &fields).await {
            let error = error.platform();
            tracing::warn!(%error, "the menu of commands could not be set");
            return;
        }
    }
}

/// Longer and longer waits.
#[derive(Default)]
pub(crate) struct Backoff(u32);

impl Backoff {
    pub(crate) async fn wait(&mut self) {
        let (least, most) = WAITS;
        let wait = least.saturating_mul(1 << self.0.min(8)).min(most);
        self.0 += 1;
        tokio::time::sleep(wait).await;
    }

    pub(crate) fn reset(&mut self) {
        self.0 = 0;
    }
}
