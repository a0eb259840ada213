//! The server itself.

use super::{
    Call, Fault,
    failure::Failure,
    line::{Lines, Scissors},
    methods,
    request::Params,
    spec::{Method, Spec},
    state::{Shared, State},
    updates, webhook,
};
use axum::{
    Router,
    body::{Body, Bytes, to_bytes},
    extract::{ConnectInfo, State as Shares},
    http::{self, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{future, sync::Arc, time::Instant};
use tokio::time::sleep;

/// The most bytes a request may have.
const MAX_BODY: usize = 64 << 20;

pub(super) async fn run(lines: Lines, shared: Arc<Shared>) {
    let router = Router::new().fallback(take).with_state(shared);
    let service = router.into_make_service_with_connect_info::<Scissors>();
    let served = axum::serve(lines, service).await;
    served.expect("a listener of this machine goes on");
}

async fn take(
    Shares(shared): Shares<Arc<Shared>>,
    ConnectInfo(scissors): ConnectInfo<Scissors>,
    request: http::Request<Body>,
) -> Response {
    let (parts, body) = request.into_parts();
    let path = decoded(parts.uri.path());
    let token = shared.state().token.clone();
    if let Some(rest) = path.strip_prefix("/file/bot") {
        return match rest.split_once('/') {
            Some((given, path)) if given == token => file(&shared.state(), path),
            _ => answer(Err(unauthorized())),
        };
    }
    let Some((given, name)) = path
        .strip_prefix("/bot")
        .and_then(|rest| rest.split_once('/'))
    else {
        return answer(Err(not_found()));
    };
    if given != token {
        return answer(Err(unauthorized()));
    }
    let Ok(body) = to_bytes(body, MAX_BODY).await else {
        return answer(Err(Failure::new(413, "Request Entity Too Large")));
    };
    let content = parts.headers.get(header::CONTENT_TYPE);
    let content = content.and_then(|value| value.to_str().ok());
    let content = content.unwrap_or_default();
    let read = read(&shared, name, parts.uri.query(), content, &body);
    let (method, params) = match read {
        Ok(read) => read,
        Err(failure) => return answer(Err(failure)),
    };
    let fault = {
        let mut state = shared.state();
        state.note(method, &params, false);
        state.fault(&method.name)
    };
    shared.changed.notify_waiters();
    match fault {
        Some(Fault::DropBefore) => return cut(&scissors),
        Some(Fault::Hang) => future::pending().await,
        Some(Fault::TooMany { retry_after }) => {
            return answer(Err(Failure::too_many(retry_after)));
        }
        Some(Fault::Status(code)) => {
            let status = StatusCode::from_u16(code).ok();
            let reason = status.and_then(|status| status.canonical_reason());
            return answer(Err(Failure::new(code, reason.unwrap_or("Unknown"))));
        }
        Some(Fault::Reply(code, description)) => {
            return answer(Err(Failure::new(code, &description)));
        }
        Some(Fault::DoneThenDrop) => {
            let _ = done(&shared, method, params).await;
            return cut(&scissors);
        }
        Some(Fault::Late(pause)) => {
            let result = done(&shared, method, params).await;
            sleep(pause).await;
            return answer(result);
        }
        None => {}
    }
    answer(done(&shared, method, params).await)
}

/// Reads and checks the parameters of a call.
pub(super) fn read(
    shared: &Shared,
    name: &str,
    query: Option<&str>,
    content: &str,
    body: &Bytes,
) -> Result<(&'static Method, Params), Failure> {
    let spec = Spec::get();
    let Some(method) = spec.method(name) else {
        let violation = format!("{name}: no such method");
        shared.state().violations.push(violation);
        return Err(not_found());
    };
    if shared.state().missing.contains(&method.name) {
        return Err(not_found());
    }
    let params = Params::read(method, query, content, body);
    let params = params.map_err(|wrong| {
        let violation = format!("{}: {wrong}", method.name);
        shared.state().violations.push(violation);
        Failure::bad(&wrong)
    })?;
    let violations = spec.call(method, &params.values);
    if violations.is_empty() {
        return Ok((method, params));
    }
    let failure = Failure::bad(&violations.join("; "));
    shared.state().violations.extend(violations);
    Err(failure)
}

/// Does what is asked.
pub(super) async fn done(
    shared: &Arc<Shared>,
    method: &Method,
    params: Params,
) -> Result<Value, Failure> {
    match method.name.as_str() {
        "getUpdates" => updates::poll(shared, &params.values).await,
        "setWebhook" | "deleteWebhook" => webhook::change(shared, &method.name, &params.values),
        name => done_at_once(shared, name, params),
    }
}

/// Does what is asked, if it is nothing that waits.
pub(super) fn done_at_once(shared: &Shared, name: &str, params: Params) -> Result<Value, Failure> {
    let (result, changed) = {
        let mut state = shared.state();
        let chat = params.values.get("chat_id").cloned().unwrap_or_default();
        let result = match state.limited(name, &chat) {
            Some(seconds) => Err(Failure::too_many(seconds)),
            None => methods::call(&mut state, name, params),
        };
        let chat = chat.as_i64().and_then(|chat| state.chats.get(&chat));
        (result, chat.map(|chat| Arc::clone(&chat.changed)))
    };
    if let Some(changed) = changed {
        changed.notify_waiters();
    }
    shared.changed.notify_waiters();
    result
}

impl State {
    /// Remembers a call.
    pub(super) fn note(&mut self, method: &Method, params: &Params, by_webhook: bool) {
        self.calls.push(Call {
            at: Instant::now(),
            method: method.name.clone(),
            params: Value::Object(params.values.clone()),
            by_webhook,
        });
    }

    fn fault(&mut self, method: &str) -> Option<Fault> {
        for name in [method, "*"] {
            let fault = self.faults.get_mut(name).and_then(|next| next.pop_front());
            if fault.is_some() {
                return fault;
            }
        }
        None
    }
}

fn not_found() -> Failure {
    Failure::new(404, "Not Found")
}

fn unauthorized() -> Failure {
    Failure::new(401, "Unauthorized")
}

/// Ends the connection: what is given back is never written.
fn cut(scissors: &Scissors) -> Response {
    scissors.cut();
    StatusCode::INTERNAL_SERVER_ERROR.into_response()
}

fn answer(result: Result<Value, Failure>) -> Response {
    let mut response = Response::builder().header(header::CONTENT_TYPE, "application/json");
    let body = match result {
        Ok(result) => json!({"ok": true, "result": result}),
        Err(failure) => {
            response = response.status(failure.code);
            if let Some(seconds) = failure.retry_after() {
                response = response.header(header::RETRY_AFTER, seconds);
            }
            failure.body()
        }
    };
    let response = response.body(Body::from(body.to_string()));
    response.expect("the test gives a status that can be sent")
}

fn file(state: &State, path: &str) -> Response {
    let mut files = state.files.values();
    match files.find(|stored| stored.path == path) {
        Some(stored) => stored.upload.bytes.clone().into_response(),
        None => answer(Err(not_found())),
    }
}

/// A path without per cent signs.
fn decoded(path: &str) -> String {
    let (mut bytes, mut rest) = (Vec::with_capacity(path.len()), path.as_bytes());
    while let Some((byte, next)) = rest.split_first() {
        let code = (*byte == b'%').then(|| next.get(..2)).flatten();
        let code = code.and_then(|code| std::str::from_utf8(code).ok());
        match code.and_then(|code| u8::from_str_radix(code, 16).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &next[2..];
            }
            None => {
                bytes.push(*byte);
                rest = next;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
