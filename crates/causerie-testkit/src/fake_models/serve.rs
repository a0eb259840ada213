//! The server itself.

use super::{Reply, Request, When, reply::Step, spec::Spec};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, State as Shares},
    http::{self, Method, request::Parts},
    response::Response,
};
use futures::stream::unfold;
use serde_json::{Value, json};
use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Instant,
};
use tokio::{net::TcpListener, time::sleep};

/// The most bytes a request may have: some carry pictures.
const MAX_BODY: usize = 64 << 20;

/// What the server and the test share.
pub(super) struct Shared {
    state: Mutex<State>,
    spec: Spec,
}

pub(super) struct State {
    pub(super) rules: Vec<(When, Reply)>,
    pub(super) next: VecDeque<Reply>,
    pub(super) models: Reply,
    pub(super) props: Reply,
    pub(super) allowed: BTreeSet<String>,
    pub(super) requests: Vec<Request>,
    pub(super) violations: Vec<String>,
    pub(super) given_up: usize,
    pub(super) peers: HashSet<SocketAddr>,
    completions: usize,
}

impl Shared {
    pub(super) fn new() -> Self {
        let models = json!({"object": "list", "data": [{"id": "fake", "object": "model"}]});
        let state = State {
            rules: vec![],
            next: VecDeque::new(),
            models: Reply::json(200, &models),
            props: nothing(),
            allowed: BTreeSet::new(),
            requests: vec![],
            violations: vec![],
            given_up: 0,
            peers: HashSet::new(),
            completions: 0,
        };
        Self {
            state: Mutex::new(state),
            spec: Spec::new(),
        }
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("nothing panics while it is held")
    }

    /// Remembers the request and finds the reply to it.
    fn reply(&self, method: &Method, request: Request) -> Reply {
        let path = request
            .path
            .split('?')
            .next()
            .unwrap_or_default()
            .to_owned();
        let mut state = self.state();
        let reply = match (method.as_str(), path.rsplit('/').next()) {
            ("GET", Some("models")) => state.models.clone(),
            ("GET", Some("props")) => state.props.clone(),
            ("POST", Some("completions" | "embeddings")) => {
                let violations = self.spec.violations(&path, &request.body, &state.allowed);
                if violations.is_empty() {
                    state.answer(&path, &request)
                } else {
                    let reply =
                        Reply::error(400, "invalid_request_error", "spec", &violations.join("\n"));
                    state.violations.extend(violations);
                    reply
                }
            }
            _ => nothing(),
        };
        state.requests.push(request);
        reply
    }
}

impl State {
    fn answer(&mut self, path: &str, request: &Request) -> Reply {
        if path.ends_with("/embeddings") {
            return embeddings(&request.body);
        }
        let number = self.completions;
        self.completions += 1;
        if let Some(reply) = self.next.pop_front() {
            return reply;
        }
        let rule = self.rules.iter().rev();
        let mut rule = rule.filter(|(when, _)| when.fits(number, request));
        let reply = rule.next().map(|(_, reply)| reply.clone());
        reply.unwrap_or_else(|| Reply::say(request.newest()))
    }
}

fn nothing() -> Reply {
    Reply::error(
        404,
        "invalid_request_error",
        "unknown_url",
        "Unknown request URL",
    )
}

/// Vectors that differ if the texts do, the last first, to see whether somebody looks at the index.
fn embeddings(body: &Value) -> Reply {
    let texts: Vec<&str> = match &body["input"] {
        Value::String(text) => vec![text],
        texts => texts
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect(),
    };
    let vector = |text: &str| {
        let sum: u32 = text.bytes().map(u32::from).sum();
        let first = text.bytes().next().unwrap_or(0);
        json!([text.len(), sum, first, 0.5])
    };
    let data = texts.iter().enumerate().rev();
    let data: Value = data
        .map(|(index, text)| json!({"object": "embedding", "index": index, "embedding": vector(text)}))
        .collect();
    let usage = json!({"prompt_tokens": 1, "total_tokens": 1});
    Reply::json(
        200,
        &json!({"object": "list", "data": data, "model": body["model"], "usage": usage}),
    )
}

pub(super) async fn run(listener: TcpListener, shared: Arc<Shared>) {
    let router = Router::new().fallback(take).with_state(shared);
    let service = router.into_make_service_with_connect_info::<SocketAddr>();
    let served = axum::serve(listener, service).await;
    served.expect("a listener of this machine goes on");
}

async fn take(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.unwrap_or_default();
    shared.state().peers.insert(peer);
    let reply = shared.reply(&parts.method, recorded(&parts, &body));
    play(reply, shared).await
}

fn recorded(parts: &Parts, body: &Bytes) -> Request {
    let header = |(name, value): (&http::HeaderName, &http::HeaderValue)| {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        (name.as_str().to_owned(), value)
    };
    Request {
        at: Instant::now(),
        path: parts.uri.to_string(),
        headers: parts.headers.iter().map(header).collect(),
        body: serde_json::from_slice(body).unwrap_or(Value::Null),
    }
}

async fn play(reply: Reply, shared: Arc<Shared>) -> Response {
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let playing = Playing {
        steps: reply.steps.into(),
        shared,
    };
    sleep(reply.delay).await;
    let body = unfold(playing, |mut playing| async move {
        loop {
            // A step is taken off only once it is done, so that whoever leaves in a pause is seen.
            match playing.steps.front()? {
                Step::Wait(pause) => sleep(*pause).await,
                Step::Send(_) | Step::Cut => {}
            }
            match playing.steps.pop_front()? {
                Step::Wait(_) => {}
                Step::Send(piece) => return Some((Ok(piece), playing)),
                Step::Cut => {
                    playing.steps.clear();
                    return Some((
                        Err(io::Error::from(io::ErrorKind::ConnectionReset)),
                        playing,
                    ));
                }
            }
        }
    });
    response
        .body(Body::from_stream(body))
        .expect("the test gives a status and headers that can be sent")
}

/// A reply being sent.
struct Playing {
    steps: VecDeque<Step>,
    shared: Arc<Shared>,
}

impl Drop for Playing {
    fn drop(&mut self) {
        if !self.steps.is_empty() {
            self.shared.state().given_up += 1;
        }
    }
}
