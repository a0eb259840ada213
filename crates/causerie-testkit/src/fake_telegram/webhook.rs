//! Updates that are brought to the bot.

use super::{
    failure::Failure,
    serve,
    state::{Shared, State, seconds},
};
use axum::body::Bytes;
use reqwest::{Client, header::RETRY_AFTER};
use serde_json::{Map, Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    task::{AbortHandle, JoinSet},
    time::sleep_until,
};

/// The longest pause between two tries, in units.
const LONGEST_PAUSE: u32 = 60;
/// The longest pause that a bot may ask for, in units.
const LONGEST_WISH: u32 = 3600;

/// How long the server waits for an answer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Where updates are brought to.
pub(super) struct Webhook {
    url: String,
    secret: Option<String>,
    most: usize,
    failed: Option<(u64, String)>,
    queues: HashMap<String, Queue>,
    task: AbortHandle,
}

/// How a queue stands that failed or is being delivered from.
struct Queue {
    running: bool,
    failures: u32,
    not_before: Instant,
}

impl Drop for Webhook {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    pub(super) fn webhook_info(&self) -> Value {
        let pending = self.updates.pending.len();
        let Some(webhook) = &self.webhook else {
            return json!({
                "url": "", "has_custom_certificate": false, "pending_update_count": pending,
            });
        };
        let mut info = json!({
            "url": webhook.url, "has_custom_certificate": false, "pending_update_count": pending,
            "max_connections": webhook.most,
        });
        if let Some((at, message)) = &webhook.failed {
            info["last_error_date"] = json!(at);
            info["last_error_message"] = json!(message);
        }
        if !self.updates.allowed.is_empty() {
            info["allowed_updates"] = json!(self.updates.allowed);
        }
        info
    }
}

/// Does `setWebhook` and `deleteWebhook`.
pub(super) fn change(
    shared: &Arc<Shared>,
    method: &str,
    values: &Map<String, Value>,
) -> Result<Value, Failure> {
    let string = |name: &str| values.get(name).and_then(Value::as_str);
    let url = string("url")
        .filter(|_| method == "setWebhook")
        .unwrap_or_default();
    let secret = string("secret_token").filter(|secret| !secret.is_empty());
    if let Some(secret) = secret {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        if secret.len() > 256 || !secret.chars().all(plain) {
            return Err(Failure::bad("secret token contains unallowed characters"));
        }
    }
    if !url.is_empty() && !url.starts_with("http://") && !url.starts_with("https://") {
        return Err(Failure::bad(
            "bad webhook: An HTTPS URL must be provided for webhook",
        ));
    }
    let most = values.get("max_connections").and_then(Value::as_u64);
    let most = most.filter(|most| (1..=100).contains(most)).unwrap_or(40);
    let mut state = shared.state();
    if values.get("drop_pending_updates") == Some(&json!(true)) {
        state.updates.pending.clear();
    }
    state.webhook = None;
    if !url.is_empty() {
        state.updates.ask_for(values.get("allowed_updates"));
        state.webhook = Some(Webhook {
            url: url.to_owned(),
            secret: secret.map(str::to_owned),
            most: usize::try_from(most).unwrap_or(40),
            failed: None,
            queues: HashMap::new(),
            task: tokio::spawn(deliver(Arc::clone(shared))).abort_handle(),
        });
    }
    drop(state);
    shared.announce();
    Ok(json!(true))
}

/// Something to bring.
struct Parcel {
    id: u64,
    queue: String,
    url: String,
    secret: Option<String>,
    update: Value,
}

/// What became of it.
enum Outcome {
    Taken(Bytes),
    Failed(String, Option<u32>),
}

async fn deliver(shared: Arc<Shared>) {
    crate::tls::install();
    let client = Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .expect("a client without a proxy can be made");
    let mut under_way = JoinSet::new();
    loop {
        let (parcels, next) = shared.state().parcels();
        for parcel in parcels {
            under_way.spawn(bring(Arc::clone(&shared), client.clone(), parcel));
        }
        let idle = Instant::now() + Duration::from_secs(60);
        tokio::select! {
            _ = under_way.join_next(), if !under_way.is_empty() => {}
            () = shared.deliver.notified() => {}
            () = sleep_until(next.unwrap_or(idle).into()) => {}
        }
    }
}

impl State {
    /// What can be brought now, and when there may be more.
    fn parcels(&mut self) -> (Vec<Parcel>, Option<Instant>) {
        self.updates.forget_expired();
        let (mut parcels, mut next) = (vec![], None::<Instant>);
        let Some(webhook) = &mut self.webhook else {
            return (parcels, next);
        };
        let now = Instant::now();
        let running = webhook.queues.values().filter(|queue| queue.running);
        let mut free = webhook.most.saturating_sub(running.count());
        let mut seen = HashSet::new();
        for pending in &self.updates.pending {
            if free == 0 {
                break;
            }
            if !seen.insert(pending.queue.as_str()) {
                continue;
            }
            let fresh = || Queue {
                running: false,
                failures: 0,
                not_before: now,
            };
            let queue = webhook.queues.entry(pending.queue.clone());
            let queue = queue.or_insert_with(fresh);
            if queue.running {
                continue;
            }
            if queue.not_before > now {
                next = Some(next.map_or(queue.not_before, |next| next.min(queue.not_before)));
                continue;
            }
            queue.running = true;
            free -= 1;
            parcels.push(Parcel {
                id: pending.id,
                queue: pending.queue.clone(),
                url: webhook.url.clone(),
                secret: webhook.secret.clone(),
                update: pending.update.clone(),
            });
        }
        (parcels, next)
    }

    /// Takes note of what became of a parcel.
    fn delivered(&mut self, parcel: &Parcel, failed: Option<(String, Option<u32>)>) {
        let unit = self.times.retry;
        let Some((why, wish)) = failed else {
            let pending = &mut self.updates.pending;
            let taken = pending.iter().position(|pending| pending.id == parcel.id);
            taken.map(|taken| pending.remove(taken));
            if let Some(webhook) = &mut self.webhook {
                webhook.queues.remove(&parcel.queue);
            }
            return;
        };
        let Some(webhook) = &mut self.webhook else {
            return;
        };
        webhook.failed = Some((seconds(), why));
        if let Some(queue) = webhook.queues.get_mut(&parcel.queue) {
            queue.running = false;
            queue.failures += 1;
            let pause = match queue.failures {
                1 => 0,
                failures => 1 << (failures - 1).min(6),
            };
            let pause = wish.map_or(pause.min(LONGEST_PAUSE), |wish| wish.min(LONGEST_WISH));
            queue.not_before = Instant::now() + unit * pause;
        }
    }
}

async fn bring(shared: Arc<Shared>, client: Client, parcel: Parcel) {
    let mut request = client.post(&parcel.url).json(&parcel.update);
    if let Some(secret) = &parcel.secret {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    let outcome = match request.send().await {
        Err(error) => Outcome::Failed(format!("Connection failed: {error}"), None),
        Ok(response) if response.status().is_success() => match response.bytes().await {
            Ok(body) => Outcome::Taken(body),
            Err(error) => Outcome::Failed(format!("Read error: {error}"), None),
        },
        Ok(response) => {
            let wish = response.headers().get(RETRY_AFTER);
            let wish = wish.and_then(|wish| wish.to_str().ok()?.parse().ok());
            let why = format!("Wrong response from the webhook: {}", response.status());
            Outcome::Failed(why, wish)
        }
    };
    match outcome {
        Outcome::Taken(body) => {
            shared.state().delivered(&parcel, None);
            obey(&shared, &body);
        }
        Outcome::Failed(why, wish) => shared.state().delivered(&parcel, Some((why, wish))),
    }
    shared.changed.notify_waiters();
}

/// Does what the answer of a webhook asks for, if it does.
fn obey(shared: &Arc<Shared>, body: &[u8]) {
    let Ok(Value::Object(mut values)) = serde_json::from_slice(body) else {
        return;
    };
    let Some(Value::String(name)) = values.remove("method") else {
        return;
    };
    let lower = name.to_lowercase();
    let refused = ["setwebhook", "deletewebhook", "close", "logout"];
    if lower.starts_with("get") || refused.contains(&lower.as_str()) {
        return;
    }
    let body = Bytes::from(Value::Object(values).to_string());
    if let Ok((method, params)) = serve::read(shared, &name, None, "application/json", &body) {
        shared.state().note(method, &params, true);
        // Nobody is told how it went.
        let _ = serve::done_at_once(shared, &method.name, params);
    }
}
