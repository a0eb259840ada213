//! Long polling, by one server at a time.

use super::Backoff;
use crate::{Shared, client::CallError, update::KINDS};
use causerie_core::platform::{Inbox, InboxError, PlatformError};
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

/// How long a server waits for news, in seconds: the most that Telegram's does.
const LONG: u64 = 50;
/// How long we wait for it.
const PATIENCE: Duration = Duration::from_secs(LONG + 15);
/// Who polls is renewed so often…
const RENEW: Duration = Duration::from_secs(2);
/// …and another one may after this.
const LEASE: Duration = Duration::from_secs(6);
/// Chats whose updates are stored at the same time.
const AT_ONCE: usize = 64;
/// How long to leave a store alone that did not take an update.
const STORE_PAUSE: Duration = Duration::from_millis(500);
/// How often a conflict is explained.
const EXPLAIN: Duration = Duration::from_secs(60);

/// Polls while no other server of ours does. Returns only when the operator must repair something.
pub(super) async fn run(shared: &Arc<Shared>, inbox: &Arc<dyn Inbox>) -> Result<(), PlatformError> {
    let bot = shared.me.get().map_or(0, |me| me.id);
    let role = format!("telegram/{bot}/poll");
    loop {
        match inbox.lease(&role, LEASE).await {
            Ok(true) => {
                tokio::select! {
                    ended = poll(shared, inbox) => {
                        let _ = inbox.lease(&role, Duration::from_millis(1)).await;
                        return ended;
                    }
                    () = keep(inbox, &role) => {
                        tracing::warn!("another server polls with this token now");
                    }
                }
            }
            Ok(false) => tokio::time::sleep(RENEW).await,
            Err(error) => {
                tracing::warn!(%error, "it cannot be known who polls");
                tokio::time::sleep(RENEW).await;
            }
        }
    }
}

/// Keeps the role for as long as it can be kept.
async fn keep(inbox: &Arc<dyn Inbox>, role: &str) {
    let mut sure = Instant::now() + LEASE;
    loop {
        tokio::time::sleep(RENEW).await;
        match inbox.lease(role, LEASE).await {
            Ok(true) => sure = Instant::now() + LEASE,
            Ok(false) => return,
            // The store is away; so is what others would take the role from.
            Err(_) if Instant::now() < sure => {}
            Err(_) => return,
        }
    }
}

async fn poll(shared: &Arc<Shared>, inbox: &Arc<dyn Inbox>) -> Result<(), PlatformError> {
    let mut next: Option<i64> = None;
    let mut backoff = Backoff::default();
    let mut explained: Option<Instant> = None;
    loop {
        let mut asked = json!({"timeout": LONG, "limit": 100, "allowed_updates": KINDS});
        if let Some(next) = next {
            asked["offset"] = json!(next);
        }
        let updates: Result<Vec<Value>, CallError> =
            shared.client.call_for("getUpdates", &asked, PATIENCE).await;
        match updates {
            Ok(updates) => {
                backoff.reset();
                if let Some(confirmed) = take_all(shared, inbox, updates).await {
                    next = Some(confirmed);
                }
            }
            Err(CallError::Unauthorized | CallError::NoMethod) => {
                return Err(crate::client::refused());
            }
            Err(CallError::Wait(wait)) => tokio::time::sleep(wait).await,
            Err(CallError::Conflict(words)) if words.contains("webhook") => {
                tracing::warn!(
                    "the bot has a webhook; it is taken away, because this server polls"
                );
                let nothing = json!({"drop_pending_updates": false});
                let _: Result<Value, _> = shared.client.call("deleteWebhook", &nothing).await;
                backoff.wait().await;
            }
            Err(CallError::Conflict(_)) => {
                if explained.is_none_or(|at| at.elapsed() > EXPLAIN) {
                    explained = Some(Instant::now());
                    tracing::error!(
                        "another program asks Telegram for updates with the same token, and each \
                         ends the other's request: stop the other one, or give one of them a bot \
                         of its own. Servers that share a Redis store take turns by themselves"
                    );
                }
                backoff.wait().await;
            }
            // A long poll that brought nothing.
            Err(CallError::Unknown) => backoff.wait().await,
            Err(error) => {
                let error = error.platform();
                tracing::warn!(%error, "updates could not be had");
                backoff.wait().await;
            }
        }
    }
}

/// Takes updates, those of one chat in order, and says from which on they are wanted next.
async fn take_all(
    shared: &Arc<Shared>,
    inbox: &Arc<dyn Inbox>,
    updates: Vec<Value>,
) -> Option<i64> {
    let number = |update: &Value| update["update_id"].as_i64();
    let last = updates.iter().filter_map(number).max()?;
    let mut chats: BTreeMap<i64, Vec<Value>> = BTreeMap::new();
    for update in updates {
        chats.entry(chat(&update)).or_default().push(update);
    }
    let failed = stream::iter(chats.into_values())
        .map(|updates| async move {
            for update in updates {
                let id = number(&update);
                if let Err(error) = shared.take(inbox.as_ref(), update).await {
                    return Some((id, error));
                }
            }
            None
        })
        .buffer_unordered(AT_ONCE)
        .filter_map(|failed| async { failed })
        .collect::<Vec<(Option<i64>, InboxError)>>()
        .await;
    let Some((_, error)) = failed.first() else {
        return Some(last + 1);
    };
    tracing::warn!(%error, "updates could not be stored and are asked for again");
    tokio::time::sleep(STORE_PAUSE).await;
    failed.iter().filter_map(|(id, _)| *id).min()
}

/// The chat of an update, 0 where there is none.
fn chat(update: &Value) -> i64 {
    let parts = update.as_object().into_iter().flat_map(|all| all.values());
    let of = |part: &Value| {
        let chat = &part["chat"]["id"];
        chat.as_i64().or(part["message"]["chat"]["id"].as_i64())
    };
    parts.into_iter().find_map(of).unwrap_or(0)
}
