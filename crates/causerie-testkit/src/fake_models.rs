//! A model server that does what a test tells it to: OpenAI's API on a port of this machine, for a
//! backend in the test's process or a whole server in another.
//!
//! It checks every request against OpenAI's own description of the API, answers with 400 what does not
//! fit, and remembers it ([`FakeModels::violations`]).

mod reply;
mod serve;
mod spec;

pub use reply::Reply;

use serde_json::{Value, json};
use serve::Shared;
use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
    time::Instant,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// A running server. It stops when it is dropped.
///
/// It echoes the newest message of a person unless it was told otherwise; embeds texts as vectors of
/// four numbers; and lists one model, `fake`.
pub struct FakeModels {
    address: SocketAddr,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Request {
    /// When.
    pub at: Instant,
    /// Where to, with the query.
    pub path: String,
    /// The headers, their names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body; `null` if there was none.
    pub body: Value,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        let header = self.headers.iter().find(|(key, _)| key == name)?;
        Some(&header.1)
    }

    /// The newest message of a person, if it is only words.
    pub fn newest(&self) -> &str {
        let messages = self.body["messages"].as_array().into_iter().flatten();
        let user = messages.rev().find(|message| message["role"] == "user");
        user.and_then(|message| message["content"].as_str())
            .unwrap_or_default()
    }
}

/// Which completions a reply is for.
#[derive(Clone, Debug)]
pub enum When {
    /// Each.
    Always,
    /// The one with this number, counted from 0 over all completions.
    Nth(usize),
    /// Those for this model.
    Model(String),
    /// Those whose newest message of a person holds this.
    Says(String),
}

impl When {
    pub(crate) fn fits(&self, number: usize, request: &Request) -> bool {
        match self {
            When::Always => true,
            When::Nth(nth) => *nth == number,
            When::Model(model) => request.body["model"] == model.as_str(),
            When::Says(text) => request.newest().contains(text.as_str()),
        }
    }
}

impl FakeModels {
    /// Starts a server.
    pub async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.expect("a port of this machine is free");
        let address = listener.local_addr().expect("it is bound");
        let shared = Arc::new(Shared::new());
        let serving = tokio::spawn(serve::run(listener, Arc::clone(&shared)));
        Self {
            address,
            shared,
            serving,
        }
    }

    /// The base URL for clients: `http://127.0.0.1:PORT/v1`.
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on completions that fit are answered so. What was said last wins.
    pub fn on(&self, when: When, reply: Reply) {
        self.shared.state().rules.push((when, reply));
    }

    /// The next completions are answered so, one each, before any rule counts.
    pub fn expect(&self, replies: impl IntoIterator<Item = Reply>) {
        self.shared.state().next.extend(replies);
    }

    /// What `GET /models` lists.
    pub fn list(&self, models: &[Value]) {
        self.shared.state().models = Reply::json(200, &json!({"object": "list", "data": models}));
    }

    /// What `GET /models` answers.
    pub fn answer_list(&self, reply: Reply) {
        self.shared.state().models = reply;
    }

    /// What `GET /props` answers, as llama.cpp's server does. Without it: 404.
    pub fn props(&self, props: &Value) {
        self.shared.state().props = Reply::json(200, props);
    }

    /// Requests may have these fields though OpenAI does not know them.
    pub fn allow(&self, fields: &[&str]) {
        let fields = fields.iter().map(|field| (*field).to_owned());
        self.shared.state().allowed.extend(fields);
    }

    /// The completions that were asked for.
    pub fn requests(&self) -> Vec<Request> {
        let requests = self.shared.state().requests.clone();
        let completions = requests.into_iter();
        completions
            .filter(|request| request.path.contains("/chat/completions"))
            .collect()
    }

    /// Everything that was asked for.
    pub fn all_requests(&self) -> Vec<Request> {
        self.shared.state().requests.clone()
    }

    /// What was wrong with requests.
    pub fn violations(&self) -> Vec<String> {
        self.shared.state().violations.clone()
    }

    /// How many replies their readers gave up before they ended.
    pub fn given_up(&self) -> usize {
        self.shared.state().given_up
    }

    /// How many connections were made.
    pub fn connections(&self) -> usize {
        self.shared.state().peers.len()
    }
}

impl Drop for FakeModels {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
