//! Updates on their way to the bot.

use super::{
    Times,
    failure::Failure,
    spec::Spec,
    state::{Shared, State},
};
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    pin::pin,
    time::{Duration, Instant},
};
use tokio::time::{sleep_until, timeout_at};

/// The longest that a poll waits.
const LONGEST_POLL: u64 = 50;

/// What is sent only to those who ask for it.
const UNASKED: &[&str] = &["chat_member", "message_reaction", "message_reaction_count"];

/// An update that the bot has not confirmed.
#[derive(Clone, Debug)]
pub(super) struct Pending {
    pub(super) id: u64,
    pub(super) update: Value,
    /// In which queue of the webhook it is.
    pub(super) queue: String,
    expires: Instant,
    /// Whether it is delivered again though it was confirmed.
    again: bool,
    shown: bool,
}

/// The updates of the bot.
#[derive(Default)]
pub(super) struct Updates {
    pub(super) pending: VecDeque<Pending>,
    /// All there ever were, for those that are delivered again.
    log: BTreeMap<u64, Value>,
    pub(super) allowed: Vec<String>,
    last: u64,
    /// The number of the newest poll.
    turn: u64,
}

impl Updates {
    /// Adds an update and gives its id. What the bot has not asked for is not kept.
    pub(super) fn push(&mut self, mut update: Value, times: &Times) -> u64 {
        if self.last == 0 {
            self.last = 700_000_000;
        }
        self.last += 1;
        let id = update["update_id"].as_u64().unwrap_or(self.last);
        self.last = self.last.max(id);
        update["update_id"] = json!(id);
        let kind = kind(&update);
        self.log.insert(id, update.clone());
        let asked = if self.allowed.is_empty() {
            !UNASKED.contains(&kind.as_str())
        } else {
            self.allowed.contains(&kind)
        };
        if asked {
            self.pending.push_back(Pending::new(id, update, times));
        }
        id
    }

    /// Delivers an update again.
    pub(super) fn again(&mut self, id: u64, times: &Times) {
        let update = self.log.get(&id).cloned();
        let update = update.unwrap_or_else(|| panic!("there was no update {id}"));
        let mut pending = Pending::new(id, update, times);
        pending.again = true;
        self.pending.push_back(pending);
    }

    /// The updates of which this is true.
    pub(super) fn find(&self, fits: impl Fn(&Value) -> bool) -> Option<u64> {
        let mut updates = self.log.iter().rev();
        updates.find(|(_, update)| fits(update)).map(|(id, _)| *id)
    }

    pub(super) fn forget_expired(&mut self) {
        let now = Instant::now();
        self.pending.retain(|pending| pending.expires > now);
    }

    /// Takes note of what a poll confirms.
    fn confirm(&mut self, offset: i64) {
        match u64::try_from(offset) {
            Ok(offset) => self.pending.retain(|pending| {
                let kept = pending.again && !pending.shown;
                pending.id >= offset || kept
            }),
            Err(_) => {
                let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
                let forget = self.pending.len().saturating_sub(keep);
                self.pending.drain(..forget);
            }
        }
    }

    fn take(&mut self, limit: usize) -> Vec<Value> {
        self.forget_expired();
        let taken = self.pending.iter_mut().take(limit);
        taken
            .map(|pending| {
                pending.shown = true;
                pending.update.clone()
            })
            .collect()
    }

    /// Remembers what the bot asks for, if it says so.
    pub(super) fn ask_for(&mut self, allowed: Option<&Value>) {
        let Some(kinds) = allowed.and_then(Value::as_array) else {
            return;
        };
        let kinds = kinds.iter().filter_map(Value::as_str);
        self.allowed = kinds.map(str::to_owned).collect();
    }
}

impl Pending {
    fn new(id: u64, update: Value, times: &Times) -> Self {
        let kind = kind(&update);
        let life = match kind.as_str() {
            "callback_query" => times.callback,
            "inline_query" => times.inline,
            _ => times.update,
        };
        let of = &update[&kind];
        let queue = match kind.as_str() {
            "callback_query"
            | "inline_query"
            | "chosen_inline_result"
            | "shipping_query"
            | "pre_checkout_query" => format!("{kind} {}", of["from"]["id"]),
            "message" | "edited_message" | "channel_post" | "edited_channel_post" => {
                format!("chat {}", of["chat"]["id"])
            }
            "business_message" | "edited_business_message" => {
                format!(
                    "business {} {}",
                    of["business_connection_id"], of["chat"]["id"]
                )
            }
            _ => format!("{kind} {}", of["chat"]["id"]),
        };
        Self {
            id,
            update,
            queue,
            expires: Instant::now() + life,
            again: false,
            shown: false,
        }
    }
}

/// What an update tells about.
pub(super) fn kind(update: &Value) -> String {
    let fields = update.as_object().into_iter().flat_map(Map::keys);
    let mut kinds = fields.filter(|name| *name != "update_id");
    kinds.next().cloned().unwrap_or_default()
}

impl State {
    /// Adds an update of this kind and gives its id.
    ///
    /// # Panics
    /// If the API does not know such an update: a test has made something up.
    pub(super) fn send(&mut self, kind: &str, value: Value) -> u64 {
        let mut update = Map::new();
        update.insert(kind.to_owned(), value);
        update.insert("update_id".to_owned(), json!(0));
        let mut update = Value::Object(update);
        let wrong = Spec::get().value("Update", &update);
        assert!(wrong.is_empty(), "{update}: {wrong:?}");
        update["update_id"] = Value::Null;
        self.updates.push(update, &self.times)
    }
}

/// Answers `getUpdates`.
pub(super) async fn poll(shared: &Shared, params: &Map<String, Value>) -> Result<Value, Failure> {
    let number = |name: &str| params.get(name).and_then(Value::as_i64);
    let seconds = number("timeout").and_then(|seconds| u64::try_from(seconds).ok());
    let wait = Duration::from_secs(seconds.unwrap_or(0).min(LONGEST_POLL));
    let until = tokio::time::Instant::now() + wait;
    let limit = number("limit").filter(|limit| (1..=100).contains(limit));
    let limit = usize::try_from(limit.unwrap_or(100)).unwrap_or(100);
    let turn = {
        let mut state = shared.state();
        refuse_beside_webhook(&state)?;
        let updates = &mut state.updates;
        updates.turn += 1;
        updates.ask_for(params.get("allowed_updates"));
        updates.confirm(number("offset").unwrap_or(0));
        updates.turn
    };
    // The poll before this one ends now.
    shared.arrived.notify_waiters();
    shared.changed.notify_waiters();
    loop {
        let mut arrived = pin!(shared.arrived.notified());
        arrived.as_mut().enable();
        {
            let mut state = shared.state();
            refuse_beside_webhook(&state)?;
            if state.updates.turn != turn {
                return Err(Failure::new(
                    409,
                    "Conflict: terminated by other getUpdates request; make sure that only one bot \
                     instance is running",
                ));
            }
            let taken = state.updates.take(limit);
            if !taken.is_empty() || tokio::time::Instant::now() >= until {
                return Ok(Value::Array(taken));
            }
        }
        if timeout_at(until, arrived).await.is_err() {
            sleep_until(until).await;
        }
    }
}

fn refuse_beside_webhook(state: &State) -> Result<(), Failure> {
    match &state.webhook {
        None => Ok(()),
        Some(_) => Err(Failure::new(
            409,
            "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to \
             delete the webhook first",
        )),
    }
}
