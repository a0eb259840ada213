//! Calls of the Bot API, and what their errors mean.
//!
//! Requests are made here and not by teloxide, whose own way of sending rests for ten seconds after
//! every server error, whose answers must be complete messages of a version of the API that is
//! older than the servers, and whose errors carry texts of people. Of teloxide are the bot with its
//! address and connections, and the names of errors.

use crate::config::{Config, TelegramError};
use causerie_core::platform::PlatformError;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize, de::DeserializeOwned, de::value::StrDeserializer};
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};
use teloxide::{ApiError, Bot};
use tokio::sync::Semaphore;

/// How long a call may take.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long a file may take.
const FILE_PATIENCE: Duration = Duration::from_secs(60);
/// Telegram's servers close what rests for longer; what we close ourselves cannot be closed in the
/// middle of a request.
const IDLE: Duration = Duration::from_secs(20);
/// Calls at the same time. More of them wait, which is quicker than as many connections.
const AT_ONCE: usize = 128;
/// Nothing that we read is larger.
const MAX_ANSWER: usize = 32 << 20;

/// One bot's way to the server.
#[derive(Clone)]
pub(crate) struct Client {
    bot: Bot,
    calls: Arc<Semaphore>,
    /// With the token. Never shown.
    base: String,
    files: String,
}

/// Why a call had no effect, or nobody knows whether it had.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Too many requests: not before this.
    Wait(Duration),
    /// The message reads like that already.
    NotModified,
    /// The message is not there.
    Gone,
    /// We may not write there, or not any more.
    Forbidden,
    /// The group has another number now.
    Migrated(i64),
    /// It is too long.
    TooLong,
    /// The server does not know the token.
    Unauthorized,
    /// Somebody else uses the token, or there is a webhook.
    Conflict(String),
    /// The server does not know the method.
    NoMethod,
    /// The server does not take the request. Its words, which hold none of people's.
    Bad(String),
    /// It did not take effect.
    Unavailable(String),
    /// Nobody knows whether it took effect.
    Unknown,
}

impl CallError {
    /// For the engine.
    pub(crate) fn platform(self) -> PlatformError {
        match self {
            CallError::Wait(retry_after) => PlatformError::RateLimited { retry_after },
            CallError::Gone => PlatformError::Gone,
            CallError::Forbidden => PlatformError::Forbidden,
            CallError::TooLong => PlatformError::TooLong,
            // Nothing was done, and with the right token it will be: the connection says that it is
            // over, and answers that are ready wait for the next start.
            CallError::Unauthorized => PlatformError::Unavailable {
                reason: TelegramError::Refused.to_string(),
            },
            CallError::Unknown => PlatformError::Ambiguous,
            CallError::Migrated(_) | CallError::NotModified | CallError::NoMethod => {
                PlatformError::Unavailable {
                    reason: "the server answered what it should not".into(),
                }
            }
            // The same again would be refused again.
            CallError::Bad(reason) => PlatformError::Misconfigured { reason },
            CallError::Conflict(reason) | CallError::Unavailable(reason) => {
                PlatformError::Unavailable { reason }
            }
        }
    }
}

/// What ends a connection whose token the server does not know.
pub(crate) fn refused() -> PlatformError {
    let reason = TelegramError::Refused.to_string();
    PlatformError::Misconfigured { reason }
}

#[derive(Deserialize)]
struct Answer<R> {
    ok: bool,
    result: Option<R>,
    #[serde(default)]
    description: String,
    #[serde(default)]
    error_code: u16,
    #[serde(default)]
    parameters: Parameters,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Parameters {
    retry_after: Option<u64>,
    migrate_to_chat_id: Option<i64>,
}

impl Client {
    /// # Errors
    /// If the token or the address is not one.
    pub(crate) fn new(config: &Config) -> Result<Self, TelegramError> {
        let no_url = || TelegramError::NoUrl {
            url: config.api_url.clone(),
        };
        if !crate::config::is_api_url(&config.api_url) {
            return Err(no_url());
        }
        let token = config.token.expose_secret();
        if !crate::config::is_token(token) {
            return Err(TelegramError::NoToken);
        }
        let mut http = teloxide::net::default_reqwest_settings()
            .pool_idle_timeout(IDLE)
            .timeout(FILE_PATIENCE);
        if is_here(&config.api_url) {
            // No proxy knows the way to this machine.
            http = http.no_proxy();
        }
        let http = http.build().map_err(|error| TelegramError::Unavailable {
            reason: error.without_url().to_string(),
        })?;
        let url = config.api_url.parse().map_err(|_| no_url())?;
        let bot = Bot::with_client(token, http).set_api_url(url);
        let api = bot.api_url();
        let api = api.as_str().trim_end_matches('/').to_owned();
        Ok(Self {
            base: format!("{api}/bot{token}/"),
            files: format!("{api}/file/bot{token}/"),
            calls: Arc::new(Semaphore::new(AT_ONCE)),
            bot,
        })
    }

    /// Calls `method`.
    pub(crate) async fn call<R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &impl Serialize,
    ) -> Result<R, CallError> {
        let _place = self.calls.acquire().await;
        self.call_for(method, parameters, PATIENCE).await
    }

    /// Calls `method`, which may take so long.
    pub(crate) async fn call_for<R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &impl Serialize,
        patience: Duration,
    ) -> Result<R, CallError> {
        let body = serde_json::to_vec(parameters).expect("parameters are JSON");
        let request = self
            .bot
            .client()
            .post(format!("{}{method}", self.base))
            .header("content-type", "application/json")
            .timeout(patience)
            .body(body);
        self.send(request).await
    }

    /// Calls `method` with a file.
    pub(crate) async fn upload<R: DeserializeOwned>(
        &self,
        method: &str,
        parameters: &Map<String, Value>,
        field: &'static str,
        name: String,
        bytes: Vec<u8>,
    ) -> Result<R, CallError> {
        let mut form = reqwest12::multipart::Form::new();
        for (key, value) in parameters {
            let text = match value {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            form = form.text(key.clone(), text);
        }
        let part = reqwest12::multipart::Part::bytes(bytes).file_name(name);
        let request = self
            .bot
            .client()
            .post(format!("{}{method}", self.base))
            .timeout(FILE_PATIENCE)
            .multipart(form.part(field, part));
        self.send(request).await
    }

    /// The bytes of a file, at most `limit` of them.
    pub(crate) async fn download(&self, file: &str, limit: usize) -> Result<Vec<u8>, CallError> {
        #[derive(Deserialize)]
        struct Found {
            file_path: Option<String>,
            file_size: Option<usize>,
        }
        let asked = serde_json::json!({"file_id": file});
        let found: Found = self.call("getFile", &asked).await?;
        if found.file_size.is_some_and(|size| size > limit) {
            return Err(CallError::TooLong);
        }
        let path = found.file_path.ok_or(CallError::Gone)?;
        let url = format!("{}{}", self.files, path.trim_start_matches('/'));
        let sent = self.bot.client().get(url).timeout(FILE_PATIENCE).send();
        let response = sent.await.map_err(|error| unavailable(&error))?;
        if !response.status().is_success() {
            return Err(CallError::Gone);
        }
        read(response, limit).await
    }

    async fn send<R: DeserializeOwned>(
        &self,
        request: reqwest12::RequestBuilder,
    ) -> Result<R, CallError> {
        let response = match request.send().await {
            Ok(response) => response,
            // Nothing was sent where nobody could be reached.
            Err(error) if error.is_connect() || error.is_builder() => {
                return Err(unavailable(&error));
            }
            Err(_) => return Err(CallError::Unknown),
        };
        let status = response.status().as_u16();
        let header = response
            .headers()
            .get("retry-after")
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let body = match read(response, MAX_ANSWER).await {
            Ok(body) => body,
            Err(_) if status >= 500 => return Err(server_error(status)),
            Err(_) => return Err(CallError::Unknown),
        };
        match serde_json::from_slice::<Answer<R>>(&body) {
            Ok(Answer {
                ok: true,
                result: Some(result),
                ..
            }) => Ok(result),
            // It was done, and we do not understand what came of it.
            Ok(Answer { ok: true, .. }) => Err(CallError::Unknown),
            Ok(mut answer) => {
                answer.parameters.retry_after = answer.parameters.retry_after.or(header);
                if answer.error_code == 0 {
                    answer.error_code = status;
                }
                Err(meaning(&answer))
            }
            Err(_) if status == 429 => Err(wait(header)),
            Err(_) if status >= 500 => Err(server_error(status)),
            Err(_) if status >= 400 => Err(CallError::Bad(format!("the server answered {status}"))),
            Err(_) => Err(CallError::Unknown),
        }
    }
}

/// Whether an address is this machine's own.
fn is_here(url: &str) -> bool {
    let host = url.split_once("://").map_or(url, |(_, rest)| rest);
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|own| host.starts_with(own))
}

async fn read(mut response: reqwest12::Response, limit: usize) -> Result<Vec<u8>, CallError> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| CallError::Unknown)? {
        if bytes.len() + chunk.len() > limit {
            return Err(CallError::TooLong);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn unavailable(error: &reqwest12::Error) -> CallError {
    // The whole error would show the address, and with it the token.
    let what = match error {
        error if error.is_timeout() => "it takes too long to connect",
        error if error.is_connect() => "no connection",
        _ => "the request failed",
    };
    CallError::Unavailable(what.to_owned())
}

fn server_error(status: u16) -> CallError {
    CallError::Unavailable(format!("the server answered {status}"))
}

fn wait(seconds: Option<u64>) -> CallError {
    CallError::Wait(Duration::from_secs(seconds.unwrap_or(3).max(1)))
}

/// The seconds in words such as `Too Many Requests: retry after 7`.
fn told_in_words(description: &str) -> Option<u64> {
    let (_, seconds) = description.rsplit_once("retry after ")?;
    seconds.trim().parse().ok()
}

/// What an error means. Known ones by their names, others by their code and words.
///
/// Sources: <https://core.telegram.org/bots/api#making-requests> and the server's own,
/// tdlib/telegram-bot-api `Client.cpp`.
fn meaning<R>(answer: &Answer<R>) -> CallError {
    if answer.error_code == 429 || answer.parameters.retry_after.is_some() {
        let told = answer.parameters.retry_after;
        return wait(told.or_else(|| told_in_words(&answer.description)));
    }
    if let Some(chat) = answer.parameters.migrate_to_chat_id {
        return CallError::Migrated(chat);
    }
    let words = answer.description.as_str();
    match (answer.error_code, kind(words)) {
        (401, _) => return CallError::Unauthorized,
        // Chats and messages that are not there are 400.
        (404, _) => return CallError::NoMethod,
        (409, _) => return CallError::Conflict(words.to_owned()),
        (_, ApiError::MessageNotModified) => return CallError::NotModified,
        (
            _,
            ApiError::MessageToEditNotFound
            | ApiError::MessageToDeleteNotFound
            | ApiError::MessageCantBeEdited
            | ApiError::MessageIdInvalid,
        ) => return CallError::Gone,
        (_, ApiError::MessageIsTooLong | ApiError::EditedMessageIsTooLong) => {
            return CallError::TooLong;
        }
        (403, _) => return CallError::Forbidden,
        (500.., _) => return CallError::Unavailable(words.to_owned()),
        _ => {}
    }
    let lower = words.to_ascii_lowercase();
    let says = |all: &[&str]| all.iter().any(|one| lower.contains(one));
    if says(&["not modified"]) {
        CallError::NotModified
    } else if says(&["too long", "too_long"]) {
        CallError::TooLong
    } else if says(&[
        "not enough rights",
        "have no rights",
        "need administrator rights",
        "chat_write_forbidden",
        "chat_restricted",
        "topic_closed",
        "topic_deleted",
        "thread not found",
        "chat not found",
        "user not found",
        "user is deactivated",
        "peer_id_invalid",
        "business_peer_invalid",
        "bot was kicked",
        "bot was blocked",
    ]) {
        CallError::Forbidden
    } else if says(&[
        "message to edit not found",
        "message to delete not found",
        "message_id_invalid",
    ]) {
        CallError::Gone
    } else {
        CallError::Bad(words.to_owned())
    }
}

/// The error's name in teloxide.
fn kind(words: &str) -> ApiError {
    let words: StrDeserializer<'_, serde::de::value::Error> = StrDeserializer::new(words);
    ApiError::deserialize(words).unwrap_or_else(|_| ApiError::Unknown(String::new()))
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Client")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_told_apart() {
        let of = |code, description: &str| {
            meaning(&Answer::<()> {
                ok: false,
                result: None,
                description: description.to_owned(),
                error_code: code,
                parameters: Parameters::default(),
            })
        };
        for (code, words, means) in [
            (
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as a current content and reply markup of the message",
                CallError::NotModified,
            ),
            (
                400,
                "Bad Request: message to edit not found",
                CallError::Gone,
            ),
            (
                403,
                "Forbidden: bot was blocked by the user",
                CallError::Forbidden,
            ),
            (
                403,
                "Forbidden: bot was kicked from the supergroup chat",
                CallError::Forbidden,
            ),
            (
                400,
                "Bad Request: not enough rights to send text messages to the chat",
                CallError::Forbidden,
            ),
            (400, "Bad Request: TOPIC_CLOSED", CallError::Forbidden),
            (
                400,
                "Bad Request: message thread not found",
                CallError::Forbidden,
            ),
            (400, "Bad Request: message is too long", CallError::TooLong),
            (401, "Unauthorized", CallError::Unauthorized),
            (404, "Not Found", CallError::NoMethod),
            (
                500,
                "Internal Server Error",
                CallError::Unavailable("Internal Server Error".into()),
            ),
            (
                400,
                "Bad Request: something new",
                CallError::Bad("Bad Request: something new".into()),
            ),
        ] {
            assert_eq!(of(code, words), means, "{words}");
        }
        let flooded = Answer::<()> {
            ok: false,
            result: None,
            description: "Too Many Requests: retry after 7".into(),
            error_code: 429,
            parameters: Parameters {
                retry_after: Some(7),
                migrate_to_chat_id: None,
            },
        };
        assert_eq!(meaning(&flooded), CallError::Wait(Duration::from_secs(7)));
    }
}
