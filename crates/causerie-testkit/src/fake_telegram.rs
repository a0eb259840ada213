//! A Telegram that runs in the test: the Bot API on a port of this machine, and the people who chat
//! with the bot.
//!
//! It checks every request against the description of Bot API 10.3, answers with 400 what does not
//! fit, and remembers it ([`FakeTelegram::violations`]). It keeps the rules of the real server too:
//! what it refuses, in which order it delivers updates, and that it delivers them again.
//!
//! It is stricter than the real server, so that mistakes are seen: unknown parameters, `null`, and in
//! JSON values of another type than the described one are refused. It does not read `parse_mode`:
//! such texts stay as they were sent. The words of some refusals are not known (a draft's id, the
//! limits of rich messages); nothing should depend on them.

mod entities;
mod failure;
mod limits;
mod line;
mod methods;
mod people;
mod post;
mod request;
mod rich;
mod sent;
mod serve;
mod spec;
mod state;
#[cfg(test)]
mod tests;
mod updates;
mod waiting;
mod webhook;

pub use limits::{Fault, Limits, Rate};
pub use people::User;
pub use post::Post;
pub use sent::{Action, Answered, Call, Draft, Sent, SentFile, Times, Version};

use line::Lines;
use serde_json::Value;
use spec::Spec;
use state::Shared;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A running Telegram. It stops when it is dropped.
///
/// The bot is `@causerie_bot` with the id 4242. It is in every chat, and reads in groups only what is
/// meant for it.
pub struct FakeTelegram {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

impl FakeTelegram {
    /// Starts one.
    pub async fn start() -> Self {
        // Now rather than with the first request.
        Spec::get();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let lines = Lines(listener.expect("a port of this machine is free"));
        let address = lines.address();
        let shared = Arc::new(Shared::new());
        let serving = tokio::spawn(serve::run(lines, Arc::clone(&shared)));
        Self {
            address,
            shared,
            serving,
        }
    }

    /// The base URL for clients, without `/bot…`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The bot's token.
    pub fn token(&self) -> String {
        self.shared.state().token.clone()
    }

    /// Changes what `getMe` says, such as `has_topics_enabled` or `can_read_all_group_messages`.
    pub fn set_me(&self, field: &str, value: &Value) {
        self.shared.state().bot[field] = value.clone();
    }

    /// How long things take.
    pub fn times(&self, times: Times) {
        self.shared.state().times = times;
    }

    /// From now on calls are limited so.
    pub fn limits(&self, limits: Limits) {
        self.shared.state().limits = limits;
    }

    /// This goes wrong with the next calls of a method (`*`: of any), so many times. Faults come in
    /// the order in which they were asked for.
    ///
    /// # Panics
    /// If there is no such method.
    pub fn fault(&self, method: &str, times: usize, fault: Fault) {
        let name = match method {
            "*" => method,
            method => &spelled(method).name,
        };
        let mut state = self.shared.state();
        let faults = state.faults.entry(name.to_owned()).or_default();
        faults.extend(std::iter::repeat_n(fault, times));
    }

    /// The server is older and does not know this method: it answers 404.
    ///
    /// # Panics
    /// If there is no such method.
    pub fn without(&self, method: &str) {
        let name = spelled(method).name.clone();
        self.shared.state().missing.insert(name);
    }

    /// Sends any update; it gets an id if it has none. Gives the id.
    pub fn update(&self, update: &Value) -> u64 {
        let mut state = self.shared.state();
        let times = state.times;
        let id = state.updates.push(update.clone(), &times);
        drop(state);
        self.shared.announce();
        id
    }

    /// Delivers an update again, even if it was confirmed.
    ///
    /// # Panics
    /// If there was no such update.
    pub fn redeliver(&self, update: u64) {
        let mut state = self.shared.state();
        let times = state.times;
        state.updates.again(update, &times);
        drop(state);
        self.shared.announce();
    }

    /// The id of the newest update about a message.
    pub fn update_of(&self, chat: i64, message: i64) -> Option<u64> {
        let state = self.shared.state();
        state.updates.find(|update| {
            let of = &update[updates::kind(update)];
            of["chat"]["id"] == chat && of["message_id"] == message
        })
    }

    /// The id of the newest update.
    pub fn last_update(&self) -> Option<u64> {
        self.shared.state().updates.find(|_| true)
    }

    /// How many updates the bot has not confirmed.
    pub fn pending(&self) -> usize {
        let mut state = self.shared.state();
        state.updates.forget_expired();
        state.updates.pending.len()
    }

    /// The updates that the bot asks for; empty if it has not said.
    pub fn allowed_updates(&self) -> Vec<String> {
        self.shared.state().updates.allowed.clone()
    }

    /// The messages of the bot that are in a chat now, in the order in which they were sent.
    pub fn messages(&self, chat: i64) -> Vec<Sent> {
        let mut state = self.shared.state();
        let sent = state.chat(chat).place.sent.clone();
        drop(state);
        sent.iter().map(|sent| Sent::clone(sent)).collect()
    }

    /// The messages that the bot sent on behalf of somebody.
    pub fn business_messages(&self, connection: &str, chat: i64) -> Vec<Sent> {
        let mut state = self.shared.state();
        let sent = &state.chat(chat).place(Some(connection)).sent;
        sent.iter().map(|sent| Sent::clone(sent)).collect()
    }

    /// The answer to a guest, as it is now.
    pub fn guest_answer(&self, query: &str) -> Option<Sent> {
        let state = self.shared.state();
        let id = state.guests.get(query)?.as_ref()?;
        state.inline.get(id).map(|sent| Sent::clone(sent))
    }

    /// A message of anybody, as the server shows it.
    pub fn shown(&self, chat: i64, message: i64) -> Option<Value> {
        let mut state = self.shared.state();
        state.chat(chat).place.known.get(&message).cloned()
    }

    /// The drafts that a chat shows now.
    pub fn drafts(&self, chat: i64) -> Vec<Draft> {
        let mut state = self.shared.state();
        let life = state.times.draft;
        let drafts = state.chat(chat).drafts.iter();
        drafts
            .filter(|draft| draft.at.elapsed() < life)
            .cloned()
            .collect()
    }

    /// The calls that were right, in order; also those that were refused or went wrong then.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    /// The calls of one method.
    ///
    /// # Panics
    /// If there is no such method.
    pub fn calls_of(&self, method: &str) -> Vec<Call> {
        let name = &spelled(method).name;
        let state = self.shared.state();
        let calls = state.calls.iter();
        calls.filter(|call| call.method == *name).cloned().collect()
    }

    /// What was wrong with requests.
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// The answers to pressed buttons.
    pub fn answered_callbacks(&self) -> Vec<Answered> {
        self.shared.state().answered.clone()
    }

    /// What a chat said that the bot does.
    pub fn actions(&self, chat: i64) -> Vec<Action> {
        self.shared.state().chat(chat).actions.clone()
    }

    /// The commands that the bot has set for a scope, as `type` names it, and a language (empty: any).
    pub fn commands(&self, scope: &str, language: &str) -> Vec<Value> {
        let state = self.shared.state();
        let of = |key: &str| {
            let scope_of: Value = serde_json::from_str(key).unwrap_or_default();
            scope_of["type"] == scope
        };
        let mut commands = state.commands.iter();
        let found = commands.find(|((key, spoken), _)| of(key) && spoken == language);
        let found = found.and_then(|(_, commands)| commands.as_array().cloned());
        found.unwrap_or_default()
    }
}

fn spelled(method: &str) -> &'static spec::Method {
    let found = Spec::get().method(method);
    found.unwrap_or_else(|| panic!("there is no method {method}"))
}

impl Drop for FakeTelegram {
    fn drop(&mut self) {
        self.serving.abort();
        self.shared.state().webhook = None;
    }
}
